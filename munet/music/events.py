"""What is played, note by note: the parts of a piece as the denoiser is told them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


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


def stretched(notes: Iterable[NoteEvent], factor: float) -> Parts:
    """Return notes played `factor` times as fast."""
    return tuple(note._replace(start=note.start / factor, end=note.end / factor) for note in notes)


def moved(notes: Iterable[NoteEvent], seconds: float) -> Parts:
    """Return notes that begin `seconds` later."""
    return tuple(note._replace(start=note.start + seconds, end=note.end + seconds) for note in notes)


def begun_within(notes: Iterable[NoteEvent], start: float, end: float) -> Parts:
    """Return the notes that begin from `start` to before `end`, seconds; they last as long as they do."""
    return tuple(note for note in notes if start <= note.start < end)
