"""The sound code through the whole pipeline: one sound for a piece, and what stays decides it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from munet.conditions.aligned import FIRST_STYLE_ROW
from munet.diffusers_pipeline import MustangoPipeline
from munet.long_form import Known
from munet.music import MusicPlan
from tests.tiny import tiny_frames_pipeline, tiny_pipeline

STYLES = ("pop", "rock")
PLAN = MusicPlan(bpm=120, meter=4, key="C major", duration=4.0, style="pop", instruments="piano").complete()
FRAMES = 50  # of four seconds
CODES = 4


@pytest.fixture
def pipeline() -> MustangoPipeline:
    pipeline = tiny_frames_pipeline(STYLES, sound_codes=CODES)
    code = pipeline.unet.sound_code
    for buffer in code.buffers():
        buffer.normal_()
    code.axes[:, code.axes.shape[1] // 2 :] = 0  # means alone, which are met exactly
    return pipeline


def played(
    pipeline: MustangoPipeline, plan: MusicPlan = PLAN, seed: int = 3, **options: Any
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """The codes that the network is told, evaluation by evaluation, and the latents that come out."""
    told: list[torch.Tensor] = []
    hook = pipeline.unet.register_forward_pre_hook(
        lambda _unet, _args, given: told.append(given["sound"]), with_kwargs=True
    )
    generator = torch.Generator().manual_seed(seed)
    given = {"generator": generator, "output_type": "latent", "guidance_scale": 2, **options}
    try:
        return told, pipeline("rock", plan, plan.duration, 2, **given).audios
    finally:
        hook.remove()


def codes_of(*args: Any, **options: Any) -> list[torch.Tensor]:
    return played(*args, **options)[0]


@pytest.fixture
def windowed(pipeline: MustangoPipeline) -> MustangoPipeline:
    pipeline.register_to_config(window_frames=20)
    return pipeline


def test_a_piece_has_one_sound_and_another_seed_another(pipeline: MustangoPipeline) -> None:
    told = codes_of(pipeline)
    assert all(torch.equal(code, told[0]) for code in told) and told[0].shape == (1, CODES)
    assert not torch.allclose(codes_of(pipeline, seed=4)[0], told[0], atol=0.1)


def test_what_comes_out_has_the_sound_that_was_asked_for(pipeline: MustangoPipeline) -> None:
    told, latents = played(pipeline, PLAN.with_(instruments="drums, piano"))
    assert torch.allclose(pipeline.unet.sound_code.of(latents), told[0], atol=1e-3)


def test_the_plan_moves_what_is_expected(pipeline: MustangoPipeline) -> None:
    rock = MusicPlan(bpm=120, meter=4, key="C major", duration=4.0, style="rock", instruments="piano").complete()
    moved = codes_of(pipeline, rock)[0] - codes_of(pipeline)[0]
    weights = pipeline.unet.sound_code.expecting
    assert torch.allclose(moved[0], weights[:, 2 + FIRST_STYLE_ROW] - weights[:, 1 + FIRST_STYLE_ROW], atol=1e-4)


def test_windows_share_the_deviation(windowed: MustangoPipeline) -> None:
    # But for the edges of the piece, nothing tells its windows apart.
    empty = MusicPlan(duration=4.0, instruments="piano")
    windowed.unet.sound_code.expecting[:, 1 + 100 : 1 + 104] = 0
    told = codes_of(windowed, empty)
    assert len(told) > 4 and all(torch.allclose(code, told[0], atol=1e-6) for code in told)


def test_what_stays_decides_the_sound(pipeline: MustangoPipeline) -> None:
    code = pipeline.unet.sound_code
    there = torch.randn(1, 4, FRAMES, 2, generator=torch.Generator().manual_seed(5))
    mask = torch.arange(FRAMES) < 30
    pipeline.unet.sound_code.expecting[:, 1:] = 0
    plan = MusicPlan(duration=4.0, instruments="piano")
    told = codes_of(pipeline, plan, known=Known(there, mask))
    assert torch.allclose(told[0], code.of(there[:, :, :30]), atol=1e-4)
    few = codes_of(pipeline, plan, known=Known(there, torch.arange(FRAMES) < 3))
    assert torch.allclose(few[0], codes_of(pipeline, plan)[0], atol=1e-5)
    half = codes_of(pipeline, plan, known=Known(there, mask), strength=0.5)
    assert torch.allclose(half[0], code.of(there).lerp(few[0], 0.5), atol=1e-4)


def test_a_model_without_codes_is_told_none() -> None:
    told: list[bool] = []
    plain = tiny_pipeline()
    plain.unet.register_forward_pre_hook(lambda _unet, _args, given: told.append("sound" in given), with_kwargs=True)
    plain("rock", PLAN, 4.0, 2, output_type="latent")
    assert told and not any(told)


def test_a_plan_that_leaves_open_who_plays_asks_for_no_sound(pipeline: MustangoPipeline) -> None:
    assert not codes_of(pipeline, MusicPlan(bpm=120, duration=4.0, style="pop").complete())[0].any()
