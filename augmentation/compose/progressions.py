"""Chord progressions and their voicings.

Progressions come from the style files as degrees of the key. Voicings are MIDI pitches in close position that move as
little as possible from chord to chord, with every tone of the chord present.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from augmentation.compose.styles import Style
from munet.music import MUSTANGO_QUALITIES, QUALITIES, Chord, Key
from munet.music.degrees import degree_chord

# Roots (semitones above the tonic) that a wandering progression may step to, diatonic ones several times.
_FREE_ROOTS = MappingProxyType(
    {
        "major": (0, 2, 4, 5, 7, 9, 0, 5, 7, 9, 3, 8, 10, 11, 1, 6),
        "minor": (0, 3, 5, 7, 8, 10, 0, 5, 8, 10, 2, 1, 9, 11, 4, 6),
    }
)
_FREE_SHARE = 0.14
_SEVENTHS = MappingProxyType({"": "maj7", "m": "m7", "dim": "m7b5"})


@lru_cache(maxsize=4096)
def chord_from(symbol: str) -> Chord:
    """`Chord.parse`, remembered."""
    return Chord.parse(symbol)


_on_degree = lru_cache(maxsize=4096)(degree_chord)


@lru_cache(maxsize=4096)
def _moved(symbol: str, semitones: int) -> Chord:
    return chord_from(symbol).transpose(semitones)


def progression(rng: np.random.Generator, style: Style, key: Key) -> tuple[Chord, ...]:
    """Draws one cycle of chords in the key, coloured for the style.

    About one piece in seven wanders through chords of any root and quality around the tonic, so that chords rare in
    songs (augmented, half-diminished, far roots) are heard often enough to be learnt.
    """
    if rng.random() < _FREE_SHARE:
        return _wander(rng, key)
    rows = style.progressions[key.mode]
    degrees = rows[int(rng.random() * len(rows))].split()
    return tuple(_coloured(rng, style, key, _on_degree(degree, key)) for degree in degrees)


def _wander(rng: np.random.Generator, key: Key) -> tuple[Chord, ...]:
    roots = _FREE_ROOTS[key.mode]
    tonic = (key.tonic_pc + 5) % 12 - 5
    chords = [_moved("C" if key.mode == "major" else "Cm", tonic)]
    while len(chords) < 4 + 2 * int(rng.random() * 3):
        root = roots[int(rng.random() * len(roots))]
        quality = MUSTANGO_QUALITIES[int(rng.random() * len(MUSTANGO_QUALITIES))]
        chord = _moved("C" + quality, tonic + root - (12 if tonic + root > 6 else 0))
        if chord != chords[-1]:
            chords.append(chord)
    return tuple(chords)


def _coloured(rng: np.random.Generator, style: Style, key: Key, chord: Chord) -> Chord:
    """Turns some triads into sevenths, sixths, suspended, augmented, added-note or inverted chords."""
    draw, degree = rng.random(), (chord.root_pc - key.tonic_pc) % 12
    quality = chord.quality
    if rng.random() < style.sevenths and quality in _SEVENTHS:
        quality = "7" if quality == "" and degree == 7 else _SEVENTHS[quality]
        if draw < 0.12 and quality in ("maj7", "m7"):
            quality = "6" if quality == "maj7" else "m6"
        return Chord(chord.root, quality)
    if quality == "" and draw < 0.03:
        return Chord(chord.root, "sus4")
    if quality == "" and draw < 0.06:
        return Chord(chord.root, "add9")
    if quality == "" and degree == 7 and draw < 0.11:
        return Chord(chord.root, "aug" if draw < 0.085 else "7")
    if quality in ("", "m") and draw > 0.93:
        third = (chord.root_pc + QUALITIES[quality][1 if draw > 0.95 else 2]) % 12
        return Chord(chord.root, quality, _spelled(third, chord))
    return chord


def _spelled(pitch_class: int, chord: Chord) -> str:
    """Name of a pitch class in the spelling family of a chord."""
    shift = (pitch_class - chord.root_pc) % 12
    return Chord(chord.root, "").transpose(shift if shift < 7 else shift - 12).root


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
