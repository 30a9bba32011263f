"""What the composer makes and the renderer plays: a piece, its tracks and their notes."""

from __future__ import annotations

from dataclasses import dataclass

from munet.music import MusicPlan
from munet.music.events import NoteEvent, Parts


@dataclass(frozen=True)
class Note:
    """A sounding note: start and duration in seconds, MIDI pitch 0-127, velocity 1-127."""

    start: float
    duration: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Track:
    """One instrument: human name, General MIDI program (0-127; the kit when `is_drum`), and its place in the mix.

    `volume` is its loudness relative to the lead (1.0), `pan` goes from -1 (left) to 1 (right).
    """

    name: str
    program: int
    is_drum: bool
    notes: tuple[Note, ...]
    volume: float = 1.0
    pan: float = 0.0


@dataclass(frozen=True)
class Piece:
    """A composed clip with its complete, exact plan (seconds from the start of the clip)."""

    seed: int
    style: str
    plan: MusicPlan
    mood: str
    energy: str
    tracks: tuple[Track, ...]

    @property
    def instruments(self) -> tuple[str, ...]:
        """Names of the instruments heard, each once."""
        return tuple(dict.fromkeys(track.name for track in self.tracks if track.notes))

    @property
    def events(self) -> Parts:
        """All notes, track by track, as a model is told them."""
        return tuple(
            NoteEvent(track.name, note.pitch, note.start, note.start + note.duration, note.velocity)
            for track in self.tracks
            for note in track.notes
        )
