"""Guidance within an interval of noise levels, through the whole pipeline at toy size."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
)

from munet.diffusers_pipeline import MustangoPipeline
from munet.errors import RequestError
from munet.guidance import check_interval, noise_level
from munet.guidance_weights import read_interval
from munet.long_form import Known
from munet.music import MusicPlan
from munet.published.bases import SCHEDULE
from munet.training.settings import NOISE_SCHEDULE
from tests.tiny import tiny_pipeline

PLAN = MusicPlan(bpm=120, meter=4, key="E minor", duration=4.0).complete()
LEVELS = (1.0, 0.9833, 0.8704, 0.5881)  # of four steps of the schedule
MIDDLE = (0.3, 0.95)  # the last two of them


@pytest.fixture(scope="module")
def pipeline() -> MustangoPipeline:
    return tiny_pipeline()


@pytest.fixture
def rows(pipeline: MustangoPipeline) -> Iterator[list[int]]:
    """Rows of each evaluation of the network: those of its last layer's output."""
    seen: list[int] = []
    hook = pipeline.unet.conv_out.register_forward_hook(lambda _module, _given, made: seen.append(len(made)))
    yield seen
    hook.remove()


def run(pipeline: MustangoPipeline, seconds: float = 1.0, **changes: Any) -> torch.Tensor:
    arguments: dict[str, Any] = {"prompt": "rock", "plans": PLAN, "num_inference_steps": 4, "guidance_scale": 3.0}
    options = arguments | {"generator": torch.Generator().manual_seed(0), "output_type": "latent"} | changes
    return pipeline(audio_length_in_s=seconds, **options).audios


def levels(pipeline: MustangoPipeline, steps: int = 4) -> list[float]:
    pipeline.scheduler.set_timesteps(steps)
    return [noise_level(pipeline.scheduler, timestep) for timestep in pipeline.scheduler.timesteps]


def test_noise_levels_by_hand() -> None:
    """Half of the variance kept: sqrt(1/2). A share of the noise where it is mixed in linearly."""
    scheduler = DDPMScheduler(trained_betas=[0.5, 0.5, 0.75])  # alpha_bar: 1/2, 1/4, 1/16
    expected = [math.sqrt(1 / 2), math.sqrt(3 / 4), math.sqrt(15 / 16)]
    assert [noise_level(scheduler, step) for step in range(3)] == pytest.approx(expected)
    flow = FlowMatchEulerDiscreteScheduler()
    assert noise_level(flow, torch.tensor(250.0)) == 0.25
    # As Karras et al. count it: sigma / sqrt(1 + sigma^2) is the same level, in every solver.
    for kind in (EulerDiscreteScheduler, DPMSolverMultistepScheduler):
        solver = kind.from_config(DDPMScheduler(**SCHEDULE).config, use_karras_sigmas=False)
        solver.set_timesteps(8)
        for sigma, timestep in zip(solver.sigmas.tolist(), solver.timesteps, strict=False):
            assert noise_level(solver, timestep) == pytest.approx(sigma / math.sqrt(1 + sigma**2), abs=1e-3)


def test_an_interval_is_checked() -> None:
    assert check_interval([0, 1]) == (0.0, 1.0) and read_interval("0.2, 0.9") == (0.2, 0.9)
    for wrong in ((0.5, 0.5), (0.9, 0.2), (-0.1, 1), (0, 1.1), (0.2,), (0, 0.5, 1), 0.5, "01", (True, 1), ("a", 1)):
        with pytest.raises(RequestError, match="guidance_interval: expected two noise levels from 0 to 1"):
            check_interval(wrong)
    with pytest.raises(RequestError, match=r"expected noise levels such as 0\.2,0\.9, got 'low'"):
        read_interval("low")


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (None, [2, 2, 2, 2]),
        ((0, 1), [2, 2, 2, 2]),
        (MIDDLE, [1, 1, 2, 2]),
        ((0, 0.6), [1, 1, 1, 2]),
        ((0.95, 1), [2, 2, 1, 1]),
    ],
)
def test_outside_the_interval_one_form_is_evaluated(
    pipeline: MustangoPipeline, rows: list[int], interval: tuple[float, float] | None, expected: list[int]
) -> None:
    assert levels(pipeline) == pytest.approx(LEVELS, abs=1e-3)
    run(pipeline, guidance_interval=interval)
    assert rows == expected


def test_the_upper_end_belongs_to_the_interval_and_the_lower_does_not(
    pipeline: MustangoPipeline, rows: list[int]
) -> None:
    _, second, third, _ = levels(pipeline)
    run(pipeline, guidance_interval=(third, second))
    assert rows == [1, 2, 1, 1]


def test_an_interval_over_everything_is_none_bit_for_bit(pipeline: MustangoPipeline) -> None:
    assert torch.equal(run(pipeline, guidance_interval=(0, 1)), run(pipeline))
    assert not torch.allclose(run(pipeline, guidance_interval=MIDDLE), run(pipeline), atol=1e-4)


def test_an_interval_without_steps_is_no_guidance(pipeline: MustangoPipeline) -> None:
    nowhere = run(pipeline, guidance_interval=(0.0, 0.1))
    assert torch.allclose(nowhere, run(pipeline, guidance_scale=1.0), atol=1e-5)


def test_the_steps_are_guided_or_not_by_hand(pipeline: MustangoPipeline) -> None:
    """The same as a run of all forms whose weight is 1 in the steps outside: null + 1 (given - null)."""

    def weigh(running: MustangoPipeline, step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        running._guidance_scale = 3.0 if step in (1, 2) else 1.0  # of the step that follows
        return tensors

    def start(running: MustangoPipeline, step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        running._guidance_scale = 1.0 if step in (1, 2) else 3.0
        return tensors

    last = run(pipeline, guidance_interval=MIDDLE)
    assert torch.allclose(run(pipeline, guidance_scale=1.0 + 1e-9, callback_on_step_end=weigh), last, atol=1e-5)
    first = run(pipeline, guidance_interval=(0.95, 1))
    assert torch.allclose(run(pipeline, callback_on_step_end=start), first, atol=1e-5)


@pytest.mark.parametrize("windows", [None, 20])
def test_groups_and_batches_lose_all_their_other_forms(
    pipeline: MustangoPipeline, rows: list[int], windows: int | None
) -> None:
    pipeline.register_to_config(window_frames=windows)
    clips = {"prompt": ["rock", "jazz"], "plans": [PLAN, PLAN.with_(chords=[("F#m", 0.0)])]}
    generators = [torch.Generator().manual_seed(seed) for seed in (5, 6)]
    weights = {"chords": 2.0, "text": 3.0}  # two other forms beside the given one
    options = {"guidance_scale": weights, "guidance_interval": MIDDLE}
    both = run(pipeline, 4.0, **clips, generator=generators, **options)
    pipeline.register_to_config(window_frames=windows)
    places = 1 if windows is None else 3
    assert sorted(rows) == [2] * 2 * places + [6] * 2 * places
    alone = run(
        pipeline, 4.0, prompt="jazz", plans=clips["plans"][1], generator=generators[1].manual_seed(6), **options
    )
    pipeline.register_to_config(window_frames=None)
    assert torch.allclose(both[1:], alone, atol=1e-4)


@pytest.mark.parametrize("circular", [False, True])
def test_windows_and_loops_keep_the_interval(pipeline: MustangoPipeline, rows: list[int], circular: bool) -> None:
    pipeline.register_to_config(window_frames=20)
    some = run(pipeline, 4.0, circular=circular, guidance_interval=MIDDLE)
    evaluated = list(rows)
    assert torch.equal(run(pipeline, 4.0, circular=circular, guidance_interval=(0, 1)),
                       run(pipeline, 4.0, circular=circular))  # fmt: skip
    pipeline.register_to_config(window_frames=None)
    places = len(evaluated) // 4
    assert places > 1 and sorted(evaluated) == [1] * 2 * places + [2] * 2 * places
    assert some.isfinite().all()


def test_known_latents_and_a_part_of_the_steps_keep_the_interval(pipeline: MustangoPipeline, rows: list[int]) -> None:
    latents = torch.randn(1, 4, 50, 2, generator=torch.Generator().manual_seed(1))
    repaint = Known(latents, torch.arange(50) < 20)
    made = run(pipeline, 4.0, known=repaint, guidance_interval=MIDDLE)
    assert rows == [1, 1, 2, 2] and torch.equal(made[:, :, :20], latents[:, :, :20])
    rows.clear()
    nothing = Known(latents, torch.zeros(50, dtype=torch.bool))
    run(pipeline, 4.0, known=nothing, strength=0.75, guidance_interval=MIDDLE)
    assert rows == [1, 2, 2], "levels count, not the place among the steps"


@pytest.mark.parametrize("scheduler", [DDPMScheduler, EulerDiscreteScheduler])
def test_other_solvers_have_the_same_levels(scheduler: type) -> None:
    swapped, seen = tiny_pipeline(), []
    swapped.scheduler = scheduler(**{**NOISE_SCHEDULE, "rescale_betas_zero_snr": False})
    swapped.unet.conv_out.register_forward_hook(lambda _module, _given, made: seen.append(len(made)))
    expected = [2 if 0.3 < level <= 0.95 else 1 for level in levels(swapped, 6)]
    run(swapped, num_inference_steps=6, guidance_interval=MIDDLE)
    assert seen == expected and {1, 2} == set(seen)


def test_a_model_has_an_interval_of_its_own(tmp_path: Path) -> None:
    own, seen = tiny_pipeline(), []
    own.register_to_config(default_guidance_interval=MIDDLE)
    own.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "model_index.json").read_text())["default_guidance_interval"] == list(MIDDLE)
    again = MustangoPipeline.from_pretrained(tmp_path)
    again.set_progress_bar_config(disable=True)
    again.unet.conv_out.register_forward_hook(lambda _module, _given, made: seen.append(len(made)))
    assert torch.equal(run(again), run(own))
    run(again, guidance_interval=(0, 1))
    assert seen == [1, 1, 2, 2, 2, 2, 2, 2]
    plain = tiny_pipeline()
    plain.save_pretrained(tmp_path / "plain")
    index = json.loads((tmp_path / "plain" / "model_index.json").read_text())
    assert index["default_guidance_interval"] is None
