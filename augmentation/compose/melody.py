"""Melodies: a two-bar rhythm with a contour, repeated and answered, fitted to each chord.

Strong notes are chord tones. Light notes are chord tones or scale tones a whole tone or more from every chord tone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from augmentation.compose.arranger import Event, RawNote, Span, Touch, on_chords
from munet.music import QUALITIES, Chord, Key

_STEPS = (-2, -1, -1, 0, 1, 1, 2, 3, -3)


@lru_cache(maxsize=8192)
def _ladder(classes: frozenset[int], low: int, high: int) -> tuple[int, ...]:
    return tuple(pitch for pitch in range(low, high + 1) if pitch % 12 in classes)


@lru_cache(maxsize=8192)
def _tones(root: int, quality: str) -> frozenset[int]:
    return frozenset((root + interval) % 12 for interval in QUALITIES[quality])


@lru_cache(maxsize=8192)
def _passing(root: int, quality: str, scale: tuple[int, ...]) -> frozenset[int]:
    """Chord tones and the scale tones that do not rub against them by a semitone."""
    tones = _tones(root, quality)
    return tones | {pc for pc in scale if not {(pc + 1) % 12, (pc - 1) % 12} & tones}


def _closest(ladder: Sequence[int], target: float) -> int:
    return min(ladder, key=lambda pitch: (abs(pitch - target), pitch))


def _range_of(chord: Chord, key: Key, weak: bool, low: int, high: int) -> tuple[int, ...]:
    if weak:
        return _ladder(_passing(chord.root_pc, chord.quality, tuple(key.scale())), low, high)
    return _ladder(_tones(chord.root_pc, chord.quality), low, high)


def play_melody(
    rng: np.random.Generator,
    events: Sequence[Event],
    spans: Sequence[Span],
    key: Key,
    touch: Touch,
    centre: int = 72,
) -> list[RawNote]:
    """A melody around `centre` (MIDI pitch) over the chords, in the rhythm of `events`."""
    low, high = centre - 9, centre + 12
    motif = [_STEPS[int(rng.random() * len(_STEPS))] for _ in range(12)]
    pitch = float(centre)
    notes: list[RawNote] = []
    for i, (start, length, symbol, span) in enumerate(on_chords(events, spans, None)):
        if span.chord.is_none:
            continue
        on_beat = abs(start - round(start)) < 1e-3
        weak = symbol == "o" or (not on_beat and length <= 0.5)
        step = motif[i % len(motif)] if rng.random() < 0.8 else _STEPS[int(rng.random() * len(_STEPS))]
        # Strong notes leap along the chord, light ones step along the scale; both drift back to the middle.
        target = pitch + step * (2.0 if weak else 2.5) + 0.25 * (centre - pitch)
        pitch = _closest(_range_of(span.chord, key, weak, low, high), target)
        level = touch.loudness * (0.9 if weak else 1.0) * (0.95 + 0.1 * rng.random())
        notes.append((start, length * (0.95 if length > 0.3 else 0.85), int(pitch), min(1.0, level)))
    return notes
