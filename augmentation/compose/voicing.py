"""Voicings: chords as MIDI pitches in close position that move as little as possible from chord to chord."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from augmentation.compose.arranger import Span
from augmentation.compose.form import Timeline
from munet.music import QUALITIES, Chord

chord_from = lru_cache(maxsize=4096)(Chord.parse)


@lru_cache(maxsize=8192)
def _close_voicings(root: int, quality: str, centre: int) -> tuple[tuple[int, ...], ...]:
    """All inversions in close position whose mean pitch lies within 7 semitones of `centre`."""
    classes = [(root + interval) % 12 for interval in QUALITIES[quality]]
    ordered = sorted(set(classes))
    found = []
    for turn in range(len(ordered)):
        pitches = [ordered[(turn + i) % len(ordered)] + 12 * ((turn + i) // len(ordered)) for i in range(len(ordered))]
        lift = 12 * round((centre - sum(pitches) / len(pitches)) / 12)
        found.append(tuple(pitch + lift for pitch in pitches))
    return tuple(found)


def voice(chord: Chord, previous: Sequence[int], centre: int = 60) -> tuple[int, ...]:
    """Close voicing of a chord that moves little from the previous one.

    Args:
        chord: the chord; an empty voicing answers "no chord".
        previous: pitches of the voicing before, may be empty.
        centre: MIDI pitch around which the voicing lies.

    Returns:
        Ascending MIDI pitches,
        one per pitch class of the chord (a slash bass that is no chord tone is left to the bass).
    """
    if chord.is_none:
        return ()
    options = _close_voicings(chord.root_pc, chord.quality, centre)
    if not previous:
        return min(options, key=lambda option: abs(sum(option) / len(option) - centre))

    def travel(option: tuple[int, ...]) -> float:
        moves = sum(min(abs(pitch - other) for other in previous) for pitch in option)
        return moves + 0.5 * abs(sum(option) / len(option) - centre)

    return min(options, key=travel)


def chord_spans(placed: Sequence[tuple[str, float]], timeline: Timeline, centre: int) -> tuple[Span, ...]:
    """Chords (symbol, second) at beat coordinates, voiced around `centre` (MIDI pitch); silence before the first."""
    chords = [(chord_from(symbol), start) for symbol, start in placed]
    starts = timeline.to_beats(np.array([start for _, start in chords])).tolist()
    snapped = [round(s) if abs(s - round(s)) < 1e-6 else s for s in starts]
    if chords and chords[0][1] < 1e-6:
        snapped[0] = 0.0
    elif chords:
        chords, snapped = [(Chord.none(), 0.0), *chords], [0.0, *snapped]
    ends = [*snapped[1:], float(len(timeline.seconds))]
    spans: list[Span] = []
    previous: tuple[int, ...] = ()
    for (chord, _), start, end in zip(chords, snapped, ends, strict=True):
        voicing = voice(chord, previous, centre)
        previous = voicing or previous
        spans.append(Span(start, end, chord, voicing))
    return tuple(spans)


def transposed(spans: Sequence[Span], centre: int) -> tuple[Span, ...]:
    """The same chords voiced around another pitch, for a second instrument."""
    moved: list[Span] = []
    previous: tuple[int, ...] = ()
    for span in spans:
        previous = voice(span.chord, previous, centre) or previous
        moved.append(Span(span.start, span.end, span.chord, () if span.chord.is_none else previous))
    return tuple(moved)
