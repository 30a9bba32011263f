"""Notes through the whole pipeline: they reach the network, in windows too, and not where something is known."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from munet.conditions.roll import NOTE_ROWS, note_roll
from munet.diffusers_pipeline import MustangoPipeline
from munet.errors import RequestError
from munet.long_form import Known
from munet.music import MusicPlan
from munet.music.events import NoteEvent
from munet.unet import MuNetModel
from tests.tiny import tiny_frames_pipeline, tiny_pipeline

STYLES = ("pop", "rock")
PLAN = MusicPlan(bpm=120, meter=4, key="C major", duration=4.0, style="pop", instruments="piano").complete()
FRAMES = 50  # of four seconds
NOTES = tuple(NoteEvent("piano", 60 + beat, beat / 2, beat / 2 + 0.4, 100) for beat in range(8))


@pytest.fixture
def pipeline() -> MustangoPipeline:
    return tiny_frames_pipeline(STYLES, note_channels=NOTE_ROWS)


def played(pipeline: MustangoPipeline, **options: Any) -> tuple[list[torch.Tensor | None], torch.Tensor]:
    """The notes that the network is told, form by form of every evaluation, and the latents that come out."""
    told: list[torch.Tensor | None] = []
    hook = pipeline.unet.register_forward_pre_hook(
        lambda _unet, args, _given: told.append(args[2].notes), with_kwargs=True
    )
    given = {"generator": torch.Generator().manual_seed(3), "output_type": "latent", "guidance_scale": 2, **options}
    try:
        return told, pipeline("rock", PLAN, PLAN.duration, 2, **given).audios
    finally:
        hook.remove()


def test_the_network_is_told_the_notes_and_guidance_starts_without_them(pipeline: MustangoPipeline) -> None:
    told, latents = played(pipeline, notes=[NOTES])
    roll = torch.from_numpy(note_roll(NOTES, FRAMES, pipeline.frame_rate))
    forms = torch.cat([part for part in told if part is not None])
    assert all(torch.equal(form, roll) or not form.any() for form in forms)
    assert any(torch.equal(form, roll) for form in forms) and any(not form.any() for form in forms)
    assert not torch.allclose(latents, played(pipeline)[1], atol=1e-3)


def test_a_model_that_takes_notes_does_without_them(pipeline: MustangoPipeline) -> None:
    told, latents = played(pipeline)
    assert not any(part.any() for part in told if part is not None)
    assert torch.equal(latents, played(pipeline, notes=[None])[1])
    given, _ = pipeline.encode_conditions(["rock"], [PLAN], FRAMES)
    assert not given["note_condition"].any()


def test_in_windows_each_is_told_its_stretch(pipeline: MustangoPipeline) -> None:
    pipeline.register_to_config(window_frames=20)
    roll = torch.from_numpy(note_roll(NOTES, FRAMES, pipeline.frame_rate))
    told, _ = played(pipeline, notes=[NOTES], guidance_scale=1)
    stretches = [roll[:, first : first + 20] for first in (0, 15, 30)]
    assert told and all(any(torch.equal(part[0], stretch) for stretch in stretches) for part in told)


def test_what_is_known_already_has_no_notes(pipeline: MustangoPipeline) -> None:
    mask = torch.arange(FRAMES) < 30
    known = Known(torch.zeros(1, 4, FRAMES, 2), mask)
    told, _ = played(pipeline, notes=[NOTES], known=known, guidance_scale=1)
    roll = torch.from_numpy(note_roll(NOTES, FRAMES, pipeline.frame_rate))
    assert told and all(torch.equal(part[0], roll * ~mask) for part in told)


def test_notes_that_do_not_fit_are_refused(pipeline: MustangoPipeline) -> None:
    with pytest.raises(RequestError, match=r"notes: expected one per prompt \(1\), got 2"):
        played(pipeline, notes=[NOTES, NOTES])
    with pytest.raises(RequestError, match="notes: expected None, as the model takes none, got 1"):
        tiny_pipeline()("rock", PLAN, PLAN.duration, 1, notes=[NOTES])


def test_a_model_over_frames_alone_takes_notes() -> None:
    with pytest.raises(ValueError, match="note_channels: expected None without frames, got 277"):
        MuNetModel(note_channels=NOTE_ROWS)
    with pytest.raises(ValueError, match="note_condition: expected shape"):
        sizes = {"width": 16, "layers": 1, "passes": 1, "heads": 2, "cross_heads": (1, 1, 1), "inner": 16}
        unet = MuNetModel(
            in_channels=4, out_channels=4, cross_attention_dim=16, latent_bins=2, frames=sizes, note_channels=NOTE_ROWS
        )
        states = [torch.zeros(1, 2, 16)] * 3
        unet(torch.zeros(1, 4, 6, 2), 5, *states, note_condition=torch.zeros(1, NOTE_ROWS, 5))
