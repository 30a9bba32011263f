"""The parts that the composer writes for a plan, and that an engine hands to a network that takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from augmentation.compose.composer import compose
from munet.attended import Conditions
from munet.conditions.roll import NOTE_ROWS, note_roll
from munet.music import MusicPlan
from munet.music.events import begun_within
from munet.music.instruments import classes_of
from mustango_app import Mustango, plan_from_text
from mustango_app.parts import parts_of, suiting_styles
from mustango_app.planning.model_planner import OWN_NOTES
from tests.tiny import tiny_frames_pipeline

STYLES = ("jazz swing", "waltz")


def test_everybody_who_is_asked_for_plays_and_nobody_else() -> None:
    for text in ("a jazz trio with a saxophone", "a slow waltz for piano and strings without drums", "solo violin"):
        plan = plan_from_text(text).with_(duration=10.0)
        notes = parts_of(plan, 5)
        assert set(classes_of(note.instrument for note in notes)) == set(classes_of(plan.instruments))
        assert all(0 <= note.start < note.end <= plan.duration + 10 and 1 <= note.velocity <= 127 for note in notes)


def test_the_bass_plays_roots_of_the_chords_that_are_asked_for() -> None:
    plan = plan_from_text("rock, 120 bpm, chords C F G Am, 8 seconds")
    found = 0
    for symbol, start in plan.chords:
        near = [n for n in parts_of(plan, 3) if "bass" in n.instrument and abs(n.start - start) < 0.1]
        root = {"C": 0, "F": 5, "G": 7, "Am": 9}[symbol]
        found += any(note.pitch % 12 == root for note in near)
    assert found == len(plan.chords)


def test_seeds_decide_and_other_seeds_play_otherwise() -> None:
    plan = plan_from_text("funk for drums, electric bass and organ").with_(duration=10.0)
    assert parts_of(plan, 5) == parts_of(plan, 5) != parts_of(plan, 6)


@pytest.mark.parametrize(
    ("prompt", "styles", "never"),
    [
        (
            "sad piano and strings at 70 bpm",
            {"pop ballad", "orchestral", "classical piano"},
            {"trap", "metal", "techno"},
        ),
        (
            "banjo, acoustic guitar and fiddle at 110 bpm",
            {"country", "celtic jig", "folk guitar"},
            {"trance", "techno"},
        ),
        ("distorted guitar, drums and bass at 170 bpm", {"metal", "punk", "rock"}, {"lullaby", "ambient"}),
    ],
)
def test_players_without_a_style_play_in_one_that_suits_them(prompt: str, styles: set[str], never: set[str]) -> None:
    found = set(suiting_styles(plan_from_text(prompt).with_(style=None)))
    assert found & styles and not found & never


def test_a_composed_piece_is_not_simply_played_again() -> None:
    piece = compose(990_004, duration=10.0)
    assert set(parts_of(piece.plan, 990_004)) != set(piece.events)


def test_where_words_alone_decide_nothing_is_written() -> None:
    assert parts_of(MusicPlan(bpm=120, meter=4, key="C major", duration=8.0).complete(), 1) is None
    assert parts_of(MusicPlan(instruments="piano", duration=0.5).complete(), 1) is not None


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> Mustango:
    """An engine whose network takes notes."""
    folder: Path = tmp_path_factory.mktemp("noted")
    tiny_frames_pipeline(STYLES, note_channels=NOTE_ROWS).save_pretrained(folder)
    return Mustango.from_pretrained(folder, device="cpu")


def told(engine: Mustango, make: Any) -> tuple[Any, torch.Tensor]:
    """What `make` returns, and the notes of the last evaluation."""
    rolls: list[torch.Tensor] = []
    hook = engine.pipeline.unet.register_forward_pre_hook(lambda _unet, args: rolls.append(args[2].notes))
    try:
        return make(), rolls[-1][-1]
    finally:
        hook.remove()


def test_an_engine_hands_on_the_parts(noted: Mustango) -> None:
    fields = {"seconds": 4, "steps": 2, "seed": 7, "guidance": 1.0, "parts": "composed"}
    clip, roll = told(noted, lambda: noted.generate("a jazz trio in C major", **fields))
    assert roll[-1].all() and roll[248:276].any()  # given, and drums among them
    again, _ = told(noted, lambda: noted.generate("a jazz trio in C major", **fields))
    assert np.array_equal(clip.audio, again.audio)
    two = noted.generate("a jazz trio in C major", **fields, num_clips=2)
    assert np.array_equal(two[0].audio, clip.audio)
    assert clip.settings["parts"] == "composed" and clip.parts == parts_of(clip.plan, 7)


def test_without_being_asked_for_parts_a_model_finds_its_own(noted: Mustango) -> None:
    clip, roll = told(noted, lambda: noted.generate("a jazz trio", seconds=4, steps=1, seed=7))
    assert clip.parts is None and "parts" not in clip.settings and not roll.any()
    edited, roll = told(noted, lambda: noted.edit(clip, start=1.0, end=3.0, steps=1, seed=8))
    assert edited.parts is None and not roll.any()


def test_an_edit_is_told_the_parts_of_its_region_and_a_variation_those_of_the_clip(noted: Mustango) -> None:
    clip = noted.generate("a jazz trio in C major", seconds=6, steps=2, seed=7, parts="composed")
    _, roll = told(noted, lambda: noted.edit(clip, start=2.0, end=4.0, steps=2, seed=8, guidance=1.0))
    given = roll[-1].bool()
    assert given.any() and not given.all() and not roll[:, ~given].any()
    other, roll = told(noted, lambda: noted.variation(clip, 0.5, steps=4, seed=8, guidance=1.0))
    frames = roll.shape[1]
    assert np.allclose(roll, note_roll(clip.parts, frames, noted.pipeline.frame_rate), atol=1e-6)
    assert other.parts == clip.parts
    recording = (clip.audio, clip.sample_rate)
    other, roll = told(noted, lambda: noted.variation(recording, 0.5, plan=clip.plan, steps=4, seed=8, guidance=1.0))
    assert not roll.any() and other.parts is None


def test_a_shaped_clip_has_the_parts_around_and_the_new_ones(noted: Mustango) -> None:
    clip = noted.generate("a jazz trio in C major", seconds=6, steps=1, seed=7, parts="composed")
    edited = noted.edit(clip, start=2.0, end=4.0, steps=1, seed=8)
    start, end = edited.settings["shaped"]["region"]
    kept = [note for note in clip.parts if not start <= note.start < end]
    assert sorted(kept) == sorted(note for note in edited.parts if not start <= note.start < end)
    new = parts_of(edited.plan, 8)
    assert begun_within(edited.parts, start, end) == begun_within(new, start, end) != ()
    longer = noted.extend(clip, bars=1, steps=1, seed=8)
    assert longer.parts[-1].start > clip.duration - 0.5 and set(clip.parts) & set(longer.parts)
    sooner = noted.extend(clip, bars=1, before=True, steps=1, seed=8)
    later = sooner.duration - clip.duration
    found = {(n.instrument, n.pitch, round(n.start, 3)) for n in sooner.parts}
    assert sum((n.instrument, n.pitch, round(n.start + later, 3)) in found for n in clip.parts) > 0.8 * len(clip.parts)


def test_a_saved_model_still_takes_notes(noted: Mustango, tmp_path: Path) -> None:
    noted.pipeline.save_pretrained(tmp_path / "again")
    again = Mustango.from_pretrained(tmp_path / "again", device="cpu")
    assert again.pipeline.unet.config.note_channels == NOTE_ROWS


def test_parts_that_are_given_are_played(noted: Mustango) -> None:
    rows = [["piano", 60, 0.0, 1.0, 90], ["drums", 36, 1.0, 1.1, 127]]
    clip, roll = told(noted, lambda: noted.generate("calm", parts=rows, seconds=4, steps=1, seed=7, guidance=1.0))
    assert [list(note) for note in clip.parts] == rows
    assert np.allclose(roll, note_roll(clip.parts, roll.shape[1], noted.pipeline.frame_rate), atol=1e-6)


def test_a_model_that_finds_its_own_notes_says_so(engine: Mustango) -> None:
    for parts in ([["piano", 60, 0.0, 1.0, 90]], "composed"):
        clip = engine.generate("calm", parts=parts, seconds=2, steps=1, seed=7)
        assert clip.parts is None
        assert [note.outcome for note in clip.plan.notes if note.statement == "parts"] == [OWN_NOTES]


def test_the_shipped_model_takes_notes_and_without_any_nothing_of_them_is_heard() -> None:
    unet = Mustango.from_pretrained(device="cpu").pipeline.unet
    net = unet.frame_net
    assert unet.config.note_channels == NOTE_ROWS and net.note_embedding[2].weight.abs().max() > 0
    conditions = Conditions((), None, None, torch.zeros(1, NOTE_ROWS, 5, dtype=unet.dtype))
    net.blocks = torch.nn.ModuleList()  # they attend to sequences, of which there are none here
    assert not net._embedded(conditions)[2].any()
