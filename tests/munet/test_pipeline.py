"""The pipeline: what users of diffusers expect of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler, EulerDiscreteScheduler

from munet.diffusers_pipeline import MustangoPipeline
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.training.settings import NOISE_SCHEDULE
from tests.tiny import tiny_pipeline

PLAN = MusicPlan(bpm=120, meter=4, key="E minor", duration=1.0).complete()


@pytest.fixture(scope="module")
def pipeline() -> MustangoPipeline:
    return tiny_pipeline()


def run(pipeline: MustangoPipeline, seed: int = 0, **changes: Any) -> np.ndarray:
    arguments = {"prompt": "rock", "plans": PLAN, "audio_length_in_s": 1.0, "num_inference_steps": 3}
    generator = torch.Generator().manual_seed(seed)
    return pipeline(**{**arguments, "generator": generator, **changes}).audios


def test_shapes(pipeline: MustangoPipeline) -> None:
    audio = run(pipeline)
    assert audio.shape == (1, 8000) and audio.dtype == np.float32  # 1 s at 8 kHz
    assert np.abs(audio).max() <= 0.96
    assert run(pipeline, output_type="latent").shape == (1, 4, 13, 2)  # 12.5 frames of 80 ms, rounded up
    assert run(pipeline, num_waveforms_per_prompt=2, output_type="pt").shape == (2, 8000)
    as_tuple = pipeline("rock", PLAN, 1.0, 2, return_dict=False)
    assert isinstance(as_tuple, tuple) and as_tuple[0].shape == (1, 8000)


def test_same_seed_same_audio_other_seed_other_audio(pipeline: MustangoPipeline) -> None:
    assert np.array_equal(run(pipeline, 1), run(pipeline, 1))
    assert not np.array_equal(run(pipeline, 1), run(pipeline, 2))


def test_a_batch_gives_what_single_calls_give(pipeline: MustangoPipeline) -> None:
    generators = [torch.Generator().manual_seed(seed) for seed in (5, 6)]
    both = run(pipeline, prompt=["rock", "jazz"], plans=[PLAN, PLAN], generator=generators, output_type="latent")
    alone = run(pipeline, 6, prompt="jazz", output_type="latent")
    assert torch.allclose(both[1:], alone, atol=1e-4)


def test_every_condition_matters(pipeline: MustangoPipeline) -> None:
    base = run(pipeline, output_type="latent")
    others = (
        run(pipeline, prompt="a slow waltz for strings", output_type="latent"),
        run(pipeline, plans=PLAN.with_(chords=(("F#m7", 0.0),)), output_type="latent"),
        run(pipeline, plans=PLAN.with_(beats=((0.3, 1), (0.6, 2), (0.9, 3))), output_type="latent"),
        run(pipeline, plans=None, output_type="latent"),
        run(pipeline, guidance_scale=1.0, output_type="latent"),
    )
    for other in others:
        assert not torch.allclose(base, other, atol=1e-5)


def test_save_and_load_round_trip(pipeline: MustangoPipeline, tmp_path: Path) -> None:
    pipeline.save_pretrained(tmp_path)
    assert not (tmp_path / "text_encoder").exists()  # it comes with the installation
    assert pipeline.text_encoder is not None
    loaded = MustangoPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert np.array_equal(run(loaded), run(pipeline))


def test_callbacks_see_and_change_the_latents(pipeline: MustangoPipeline) -> None:
    seen: list[int] = []

    def silence(_: MustangoPipeline, step: int, timestep: int, tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
        seen.append(step)
        return {"latents": torch.zeros_like(tensors["latents"])} if step == 2 else {}

    latents = run(pipeline, callback_on_step_end=silence, output_type="latent")
    assert seen == [0, 1, 2] and not latents.any()


def test_interrupt_is_honoured_at_the_next_step(pipeline: MustangoPipeline) -> None:
    seen: list[int] = []

    def stop(running: MustangoPipeline, step: int, timestep: int, tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
        seen.append(step)
        running._interrupt = True
        return {}

    run(pipeline, callback_on_step_end=stop, num_inference_steps=10)
    assert seen == [0]
    assert run(pipeline).shape == (1, 8000)  # the next call is not interrupted


@pytest.mark.parametrize("scheduler", [DDPMScheduler, EulerDiscreteScheduler])
def test_schedulers_can_be_swapped(scheduler: type) -> None:
    swapped = tiny_pipeline()
    swapped.scheduler = scheduler(**{**NOISE_SCHEDULE, "rescale_betas_zero_snr": False})
    assert np.isfinite(run(swapped)).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt": []}, "prompt: expected"),
        ({"prompt": [3]}, "prompt: expected"),
        ({"plans": [PLAN, PLAN]}, r"plans: expected one per prompt \(1\), got 2"),
        ({"audio_length_in_s": -1.0}, r"audio_length_in_s: expected seconds in \(0, 600\], got -1.0"),
        ({"num_inference_steps": 0}, "num_inference_steps: expected at least 1, got 0"),
        ({"output_type": "mp3"}, "output_type: expected 'np', 'pt' or 'latent', got 'mp3'"),
        ({"latents": torch.zeros(1, 4, 2, 2)}, r"latents: expected shape \(1, 4, 13, 2\), got \(1, 4, 2, 2\)"),
        ({"generator": [torch.Generator()] * 2}, "generator: expected 1 generators, got 2"),
    ],
)
def test_errors_name_argument_expectation_and_value(
    pipeline: MustangoPipeline, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        run(pipeline, **changes)


def test_a_callback_cannot_ask_for_tensors_that_there_are_not(pipeline: MustangoPipeline) -> None:
    message = r"callback_on_step_end_tensor_inputs: expected names out of \['latents'\], got \['noise'\]"
    with pytest.raises(RequestError, match=message):
        run(pipeline, callback_on_step_end_tensor_inputs=["latents", "noise"])
