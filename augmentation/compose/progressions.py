"""Chord progressions and their voicings.

Progressions are written as chord symbols over a tonic of C (major or minor) and moved to the key with
`Chord.transpose`; nothing here parses or spells a symbol. Voicings are MIDI pitches in close position that move as
little as possible from chord to chord, with every tone of the chord present.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from augmentation.compose.styles import Style
from munet.music import MUSTANGO_QUALITIES, QUALITIES, Chord, Key

PROGRESSIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "pop": MappingProxyType(
            {
                "major": (
                    "C G Am F", "C Am F G", "Am F C G", "C F G F", "C F Am G", "F G Em Am", "C Em F G", "C G F C",
                    "C Bb F C", "F C G Am", "C G Am Em F C F G", "C Dm F G", "C E Am F", "C F Fm C", "C Am Dm G",
                ),
                "minor": (
                    "Cm Ab Eb Bb", "Cm Bb Ab Bb", "Cm Fm Ab G", "Cm Eb Bb Fm", "Ab Bb Cm Cm", "Cm Gm Ab Bb",
                    "Cm Ab Fm G",
                    "Cm Bb Fm Cm", "Fm Cm Gm Ab", "Cm Bb Ab G",
                ),
            }
        ),
        "rockminor": MappingProxyType(
            {
                "major": ("C Bb F C", "C Eb F C", "C G Bb F", "C F Ab Bb"),
                "minor": (
                    "Cm Ab Bb Cm", "Cm Eb Bb F", "Cm Bb Ab G", "Cm Ab Eb Bb", "Cm Db Cm Bb", "Cm Ab Fm Gm",
                    "Cm Gm Ab Eb",
                    "Cm Fm Ab Bb", "Cm Cm Ab Bb", "Cm Ebm Bbm Ab",
                ),
            }
        ),
        "jazz": MappingProxyType(
            {
                "major": (
                    "Dm7 G7 Cmaj7 Cmaj7", "Cmaj7 Am7 Dm7 G7", "Cmaj7 A7 Dm7 G7", "Em7 A7 Dm7 G7", "Cmaj7 C#dim Dm7 G7",
                    "Cmaj7 Fmaj7 Em7 A7", "Cmaj7 Gm7 C7 Fmaj7 Fm6 Cmaj7 Dm7 G7", "C6 Am7 Dm7 G7", "Cmaj7 D7 Dm7 G7",
                    "Fmaj7 Fm6 Em7 A7", "Cmaj7 Bm7b5 E7 Am7", "Cmaj7 Ebdim Dm7 G7", "C6 Gaug C6 Am7",
                ),
                "minor": (
                    "Dm7b5 G7 Cm6 Cm6", "Cm7 Fm7 Dm7b5 G7", "Cm7 F7 Bbmaj7 Ebmaj7",
                    "Fm7 Bb7 Ebmaj7 Abmaj7 Dm7b5 G7 Cm7 Cm7",
                    "Cm6 Abmaj7 Dm7b5 G7", "Cm7 Bb7 Abmaj7 G7", "Cm7 Am7b5 Dm7b5 G7", "Cm6 Caug Fm6 G7",
                ),
            }
        ),
        "blues": MappingProxyType(
            {
                "major": (
                    "C7 C7 C7 C7 F7 F7 C7 C7 G7 F7 C7 G7", "C7 F7 C7 C7 F7 F7 C7 A7 Dm7 G7 C7 G7", "C7 F7 C7 G7",
                    "C6 F7 C6 G7", "C7 C7 F7 F#dim C7 A7 D7 G7",
                ),
                "minor": (
                    "Cm7 Cm7 Cm7 Cm7 Fm7 Fm7 Cm7 Cm7 Ab7 G7 Cm7 G7", "Cm7 Fm7 Cm7 G7", "Cm6 Fm6 Cm6 G7",
                ),
            }
        ),
        "classical": MappingProxyType(
            {
                "major": (
                    "C G7 C F C G7 C C", "C F G C", "C Am F G", "C G Am Em F C F G", "C Dm G7 C", "C Bdim C G",
                    "C F Bdim Em Am Dm G C",
                    "C A7 Dm G7", "C D7 G G7", "C Caug F G7", "C E7 Am D7 G C",
                ),
                "minor": (
                    "Cm Fm G7 Cm", "Cm G7 Cm G7", "Cm Ab Ddim G7", "Cm Fm Bb Eb Ab Ddim G Cm", "Cm Bb Ab G",
                    "Cm Bdim Cm G7",
                    "Cm Gm Ab Eb Fm Cm Fm G", "Cm C7 Fm G7", "Eb Bb Cm G7",
                ),
            }
        ),
        "cinematic": MappingProxyType(
            {
                "major": ("C Em F G", "C F Am G", "C Ab Bb C", "C G F Fm", "Am F C G", "C D F C", "C Bb Ab Bb"),
                "minor": (
                    "Cm Ab Eb Bb", "Cm Fm Cm G", "Cm Ab Fm G", "Cm Em Cm Em", "Cm Gm Ab Fm", "Cm Eb Fm Ab",
                    "Cm Abm Cm G",
                    "Cm Bb Ab Caug", "Cm Db Cm Bb", "Cm Ddim Eb Bdim",
                ),
            }
        ),
        "modal": MappingProxyType(
            {
                "major": ("Cmaj7 Fmaj7", "C F Am F", "Cmaj7 Em7 Fmaj7 Am7", "C D C D", "Fmaj7 G Am7 Cmaj7",
                "Cadd9 Gsus4 Am7 Fmaj7"),
                "minor": ("Cm7 Abmaj7", "Cm Bb Ab Bb", "Cm7 F Cm7 F", "Cm7 Ebmaj7 Abmaj7 Gm7", "Abmaj7 Bb Cm7 Cm7",
                "Cm Db Cm Db"),
            }
        ),
        "club": MappingProxyType(
            {
                "major": ("C Am F G", "F G Am C", "C G Am F", "Fmaj7 Em7 Am7 G", "C Em Am F"),
                "minor": (
                    "Cm Ab Bb Gm", "Cm7 Fm7", "Cm Eb Bb F", "Abmaj7 Gm7 Cm7 Bb", "Cm Cm Ab Bb", "Fm7 Gm7 Cm7 Cm7",
                    "Cm Db Cm Bb",
                    "Cm7 Cm7 Fm7 Gm7",
                ),
            }
        ),
        "soul": MappingProxyType(
            {
                "major": (
                    "Cmaj7 Em7 Fmaj7 G", "Cmaj7 Dm7 Em7 Fmaj7", "Fmaj7 Em7 Dm7 Cmaj7", "C C7 F Fm", "Am7 D7 Fmaj7 G",
                    "C E7 Am7 Fm6",
                    "C Caug C6 C7", "Dm7 Em7 Fmaj7 G7",
                ),
                "minor": (
                    "Cm7 Fm7", "Cm7 Gm7 Abmaj7 Bb", "Cm7 Bb7 Abmaj7 G7", "Abmaj7 Gm7 Cm7 Eb", "Cm7 F7 Cm7 F7",
                    "Fm7 Gm7 Cm7 Bb7",
                    "Cm6 Dm7b5 G7 Cm6",
                ),
            }
        ),
        "folk": MappingProxyType(
            {
                "major": (
                    "C F C G", "C G C C", "C Am F G", "C F G C", "G F C C", "C C F C G G C C", "C Em F C", "C D7 G7 C",
                    "C Bb F C", "Am G C F",
                ),
                "minor": ("Cm Bb Cm Bb", "Cm Ab Bb Cm", "Cm Fm Cm G", "Cm Eb Bb Cm", "Cm Bb Ab Bb", "Cm Fm Bb Eb",
                "Cm F Cm Bb"),
            }
        ),
        "funk": MappingProxyType(
            {
                "major": ("C7 F7", "C7 C7 F7 C7", "Cmaj7 Am7 Dm7 G7", "C7 Bb F C7", "Fmaj7 Em7 Dm7 G7"),
                "minor": ("Cm7 F7", "Cm7 Cm7 Fm7 Cm7", "Cm7 Bb7 Ab7 G7", "Fm7 Bb7 Ebmaj7 Cm7", "Cm7 Ebmaj7 Fm7 G7",
                "Cm6 F7 Cm6 Bb"),
            }
        ),
        "latin": MappingProxyType(
            {
                "major": ("C F G F", "C F G C", "C Am Dm G7", "Cmaj7 A7 Dm7 G7", "C6 C#dim Dm7 G7"),
                "minor": ("Cm Fm G7 Cm", "Cm Bb Ab G7", "Cm Fm Bb7 Eb", "Cm7 F7 Cm7 G7", "Dm7b5 G7 Cm6 Cm6",
                "Cm G7 Cm G7"),
            }
        ),
    }
)  # fmt: skip

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


@lru_cache(maxsize=4096)
def _moved(symbol: str, semitones: int) -> Chord:
    return chord_from(symbol).transpose(semitones)


def progression(rng: np.random.Generator, style: Style, key: Key) -> tuple[Chord, ...]:
    """Draws one cycle of chords in the key, coloured for the style.

    About one piece in seven wanders through chords of any root and quality around the tonic,
    so that chords rare in songs
    (augmented, half-diminished, far roots) are heard often enough to be learnt.
    """
    if rng.random() < _FREE_SHARE:
        return _wander(rng, key)
    rows = PROGRESSIONS[style.progressions][key.mode]
    symbols = rows[int(rng.random() * len(rows))].split()
    tonic = (key.tonic_pc + 5) % 12 - 5
    chords = [_moved(symbol, tonic) for symbol in symbols]
    return tuple(_coloured(rng, style, key, chord) for chord in chords)


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
        quality = "7" if quality == "" and (degree == 7 or style.progressions == "blues") else _SEVENTHS[quality]
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
