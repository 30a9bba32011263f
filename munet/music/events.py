"""What is played, note by note: the parts of a piece as the denoiser is told them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from munet.music.checks import DURATION_RANGE, PlanError, check_choice, check_integer, check_number, check_rows
from munet.music.instruments import INSTRUMENT_NAMES


class NoteEvent(NamedTuple):
    """A note: who plays it, MIDI pitch 0-127, start and end in seconds, velocity 1-127.

    `instrument` is a name of `munet.music.instruments`; of "drums" the pitch is a sound of the General MIDI kit.
    """

    instrument: str
    pitch: int
    start: float
    end: float
    velocity: int


Parts = tuple[NoteEvent, ...]


def checked_parts(value: object) -> Parts:
    """Return notes given as rows of the fields of a `NoteEvent`, by start.

    Raises:
        PlanError: there are none, or one cannot be.
    """
    notes = []
    for name, pitch, start, end, velocity in check_rows("parts", value, "instrument, MIDI pitch, start, end, velocity"):
        seconds = [check_number("parts", second, (0.0, DURATION_RANGE[1])) for second in (start, end)]
        played = [check_integer("parts", number, (low, 127)) for number, low in ((pitch, 0), (velocity, 1))]
        notes.append(NoteEvent(check_choice("parts", name, INSTRUMENT_NAMES), played[0], *seconds, played[1]))
        if seconds[1] <= seconds[0]:
            raise PlanError("parts", "notes that end after they start", notes[-1])
    if not notes:
        raise PlanError("parts", "at least one note", value)
    return tuple(sorted(notes, key=lambda note: note.start))


def stretched(notes: Iterable[NoteEvent], factor: float) -> Parts:
    """Return notes played `factor` times as fast."""
    return tuple(note._replace(start=note.start / factor, end=note.end / factor) for note in notes)


def moved(notes: Iterable[NoteEvent], seconds: float) -> Parts:
    """Return notes that begin `seconds` later."""
    return tuple(note._replace(start=note.start + seconds, end=note.end + seconds) for note in notes)


def transposed(notes: Iterable[NoteEvent], semitones: int) -> Parts:
    """Return notes moved by semitones, those at the ends of the keyboard by octaves less; drums stay as they are."""
    return tuple(
        note if note.instrument == "drums" else note._replace(pitch=_on_keyboard(note.pitch + semitones))
        for note in notes
    )


def _on_keyboard(pitch: int) -> int:
    """Move a pitch beyond the ends of MIDI's 0-127 into them by octaves."""
    return pitch % 12 if pitch < 0 else pitch if pitch <= 127 else 116 + (pitch - 116) % 12


def begun_within(notes: Iterable[NoteEvent], start: float, end: float) -> Parts:
    """Return the notes that begin from `start` to before `end`, seconds; they last as long as they do."""
    return tuple(note for note in notes if start <= note.start < end)
