"""Evaluations at once: the threads of each, the order of what comes back, the same sound."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from munet.files import shipped
from munet.light_pipeline import LightPipeline
from munet.music import MusicPlan
from munet.pipeline import FULL_PRECISION
from munet.side_by_side import SideBySide

CPU = torch.device("cpu")


@pytest.fixture
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def test_each_has_its_share_of_the_threads_and_the_caller_keeps_all(four_threads: None) -> None:
    product = torch.randn(64, 64)

    def facts() -> tuple[str, int, bool]:
        product @ product  # an operation of its own must not change the number
        return threading.current_thread().name[:5], torch.get_num_threads(), torch.is_grad_enabled()

    with SideBySide(CPU, 2) as beside:
        assert beside.width == 2 and torch.get_num_threads() == 4
        for _ in range(2):
            assert beside([facts] * 3) == [("munet", 2, False)] * 3
        assert beside([facts])[0][:2] == (threading.current_thread().name[:5], 4), "one alone has all threads"
    assert torch.get_num_threads() == 4


def test_they_run_at_once_and_come_back_in_order(four_threads: None) -> None:
    together = threading.Barrier(3, timeout=30)
    with SideBySide(CPU, 3) as beside:
        assert beside([lambda i=i: (together.wait(), i)[1] for i in range(3)]) == [0, 1, 2]
        with pytest.raises(ZeroDivisionError):
            beside([lambda: 1 // 0, lambda: 1])


def test_no_more_than_there_are_threads_and_none_on_a_gpu(four_threads: None) -> None:
    assert [SideBySide(CPU, width).width for width in (0, 1, 9)] == [1, 1, 4]
    assert SideBySide(torch.device("cuda"), 2).width == 1
    with SideBySide(CPU, 1) as beside:
        assert beside([threading.get_ident] * 2) == [threading.get_ident()] * 2


@pytest.fixture(scope="module")
def pocket() -> LightPipeline:
    pipeline = LightPipeline.load(
        shipped("pocket"), {"default": torch.float32, **dict.fromkeys(FULL_PRECISION, torch.float32)}
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.mark.parametrize("window_frames", [128, 16])
@pytest.mark.parametrize("guidance", [3.0, {"chords": 2.0, "text": 3.0}])
def test_the_latents_do_not_depend_on_the_threads(
    pocket: LightPipeline, four_threads: None, window_frames: int, guidance: float | dict[str, float]
) -> None:
    plan = MusicPlan(bpm=90, key="G major", duration=4.0).complete()
    pocket.register_to_config(window_frames=window_frames)
    options = {"num_inference_steps": 3, "guidance_scale": guidance, "guidance_interval": (0.3, 0.99)}

    def latents() -> torch.Tensor:
        generator = torch.Generator().manual_seed(3)
        return pocket("a calm waltz", plan, 4.0, generator=generator, output_type="latent", **options).audios

    at_once = latents()
    assert torch.equal(latents(), at_once), "equal seeds make equal clips"
    torch.set_num_threads(1)
    assert torch.allclose(latents(), at_once, atol=1e-4)
