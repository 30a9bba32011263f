"""The plan that a composed piece has: what was drawn, and who is heard where, read from the notes themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from augmentation.compose.band import Player
from augmentation.compose.form import Frame
from augmentation.compose.piece import Note
from augmentation.compose.sections import Passage
from munet.music import MusicPlan, Section

Part = tuple[Player, tuple[Note, ...]]
_EARLY, _LATE = 0.01, 0.03  # seconds: a note belongs to the section that it starts in, give or take a human hand


def piece_plan(
    given: MusicPlan,
    style: str,
    energy: str,
    frame: Frame,
    chords: Sequence[tuple[str, float]],
    passages: Sequence[Passage],
    parts: Sequence[Part],
) -> MusicPlan:
    """Complete the plan of a piece; every field of `given` is kept.

    Args:
        given: what was asked for.
        style: name of the style.
        energy: of the whole.
        frame: tempo, metre, key, beats and duration.
        chords: (symbol, start second).
        passages: the form.
        parts: players and their notes in seconds.
    """
    spans = _in_seconds(passages, frame)
    sections = _filled(given, spans, parts) if given.sections else _drawn(spans, parts)
    heard = heard_names(parts, range(len(parts)), 0.0, frame.duration)
    return given.with_(
        bpm=given.bpm or frame.bpm,
        meter=given.meter or frame.meter,
        key=given.key or str(frame.key),
        chords=tuple(chords),
        beats=frame.beats,
        duration=frame.duration,
        style=style,
        instruments=given.instruments or heard or None,
        energy=energy,
        melody=given.melody or top_line(spans, parts) or None,
        sections=sections or None,
    )


def _in_seconds(passages: Sequence[Passage], frame: Frame) -> list[tuple[Passage, float, float]]:
    """The passages that the clip holds, with their start and end."""
    edges = np.array([passage.start for passage in passages[1:]])
    starts = [0.0, *(round(t, 9) for t in frame.timeline.to_seconds(edges).tolist())]
    rows = zip(passages, starts, [*starts[1:], frame.duration], strict=True)
    return [(passage, max(0.0, a), b) for passage, a, b in rows if b > 0 and a < frame.duration]


def heard_names(parts: Sequence[Part], cast: Iterable[int], start: float, end: float) -> tuple[str, ...]:
    """Names of the instruments that begin a note from `start` to `end` (seconds), each once."""
    names: dict[str, None] = {}
    for i in sorted(cast):
        player, notes = parts[i]
        if any(start - _EARLY <= note.start < end - _LATE for note in notes):
            names[player.asked] = None
    return tuple(names)


def _drawn(spans: Sequence[tuple[Passage, float, float]], parts: Sequence[Part]) -> list[Section]:
    """The sections of a piece; one in which nobody is heard belongs to its neighbour. None for a single one."""
    sections: list[Section] = []
    for passage, start, end in spans:
        names = heard_names(parts, passage.cast, start, end)
        if names:
            start = start if sections else 0.0
            sections.append(Section(passage.name, start=start, instruments=names, energy=passage.energy))
    return sections if len(sections) > 1 else []


def _filled(given: MusicPlan, spans: Sequence[tuple[Passage, float, float]], parts: Sequence[Part]) -> list[Section]:
    """The sections asked for, each with its start and with who is heard in it where nobody was asked for."""
    sections = []
    for section, (passage, start, end) in zip(given.sections or (), spans, strict=True):
        players = section.instruments or given.instruments or heard_names(parts, passage.cast, start, end) or None
        sections.append(section.with_(start=start, instruments=players))
    return sections


def top_line(
    spans: Sequence[tuple[Passage, float, float]], parts: Sequence[Part]
) -> tuple[tuple[int, float, float], ...]:
    """The melody as (MIDI pitch, start, end): that of the first melody player of each section, one note at a time."""
    line: list[tuple[int, float, float]] = []
    for passage, start, end in spans:
        singer = next((i for i in sorted(passage.cast) if parts[i][0].role == "melody"), None)
        for note in parts[singer][1] if singer is not None else ():
            if start - _EARLY <= note.start < end - _LATE and (not line or note.start > line[-1][1] + 1e-3):
                line.append((note.pitch, note.start, round(note.start + note.duration, 6)))
    return tuple(line)
