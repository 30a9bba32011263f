"""Notes as features over time, with values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from munet.conditions.roll import KIT, NOTE_ROWS, PITCHED, folded, note_roll
from munet.music.events import NoteEvent

RATE = 10.0  # frames a second
GIVEN = NOTE_ROWS - 1
PIANO, BASS = PITCHED.index("piano"), PITCHED.index("bass")


def rows_of(roll: np.ndarray) -> dict[int, list[float]]:
    return {int(row): [round(float(x), 4) for x in roll[row]] for row in np.flatnonzero(roll.any(axis=1))}


def test_no_notes_are_zeros_and_silence_is_not() -> None:
    assert not note_roll(None, 5, RATE).any()
    assert rows_of(note_roll((), 5, RATE)) == {GIVEN: [1] * 5}


def test_a_note_of_the_piano() -> None:
    # Middle C (60 is row 36 of a roll from 24 on) from the third quarter of frame 1 to the middle of frame 3.
    roll = note_roll([NoteEvent("piano", 60, 0.15, 0.35, 127)], 5, RATE)
    sounding = [0, 0.5, 1, 0.5, 0]
    assert rows_of(roll) == {
        36 + 36: sounding,
        120 + 36: [0, 1, 0, 0, 0],
        204 + PIANO: sounding,
        224 + PIANO: [0, 1, 0, 0, 0],
        244 + 2: [0, 1, 0, 0, 0],
        GIVEN: [1] * 5,
    }


def test_a_bass_has_a_roll_of_its_own() -> None:
    roll = note_roll([NoteEvent("slap bass", 28, 0.0, 0.1, 64)], 2, RATE)
    level = round(64 / 127, 4)
    assert rows_of(roll) == {
        4: [1, 0],
        204 + BASS: [1, 0],
        224 + BASS: [level, 0],
        244: [level, 0],
        GIVEN: [1, 1],
    }


@pytest.mark.parametrize(("pitch", "part"), [(36, "kick"), (38, "snare"), (42, "closed hi-hat"), (60, "percussion")])
def test_a_stroke(pitch: int, part: str) -> None:
    roll = note_roll([NoteEvent("drums", pitch, 0.175, 0.3, 127)], 3, RATE)  # the last quarter of frame 1
    assert rows_of(roll) == {248 + 4 * list(KIT).index(part) + 3: [0, 1, 0], GIVEN: [1] * 3}


def test_notes_that_sound_together_fill_a_frame_once_and_the_loudest_counts() -> None:
    notes = [NoteEvent("piano", 60, 0.0, 0.1, 40), NoteEvent("piano", 60, 0.0, 0.1, 127)]
    roll = note_roll(notes, 1, RATE)
    assert roll.max() == 1 and roll[204 + PIANO, 0] == 1 and roll[224 + PIANO, 0] == 1


def test_a_window_is_a_slice_of_the_piece() -> None:
    rng = np.random.default_rng(0)
    starts = np.sort(rng.uniform(0, 3, 40))
    notes = [
        NoteEvent(name, int(rng.integers(20, 110)), float(start), float(start + rng.uniform(0.01, 1)), 90)
        for start, name in zip(starts, ["piano", "upright bass", "drums", "choir"] * 10, strict=True)
    ]
    whole, part = note_roll(notes, 30, RATE), note_roll(notes, 12, RATE, first=9)
    np.testing.assert_allclose(part, whole[:, 9:21], atol=1e-6)


@pytest.mark.parametrize(("pitch", "row"), [(24, 0), (23, 11), (12, 0), (107, 83), (108, 72), (120, 72)])
def test_pitches_beyond_the_roll_are_moved_by_octaves(pitch: int, row: int) -> None:
    assert folded(pitch, 84) == row
