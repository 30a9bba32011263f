"""Tone profiles of keys, and the key whose profile fits the tones that are heard (Krumhansl and Schmuckler)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType

from munet.music.chords import Chord
from munet.music.keys import Key

# Weight of each semitone above the tonic, (major, minor).
PROFILES: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = MappingProxyType(
    {
        # Krumhansl and Kessler, Psychological Review 89 (1982): ratings of probe tones.
        "krumhansl": (
            (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
            (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
        ),
        # Temperley, Music and Probability (2007), from the Kostka-Payne corpus: share of segments holding the degree.
        "temperley": (
            (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
            (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
        ),
    }
)


def match_profile(weights: Sequence[float], profile: str) -> Key:
    """Return the key whose profile correlates best with the weight of each pitch class.

    Args:
        weights: `(12,)`, any scale, from C.
        profile: a name in `PROFILES`.

    Raises:
        ValueError: the weights are not twelve finite numbers, or all alike.
    """
    tones = [float(weight) for weight in weights]
    if len(tones) != 12 or not all(map(math.isfinite, tones)) or min(tones) == max(tones):
        raise ValueError(f"weights: expected 12 finite numbers that are not all alike, got {weights!r}")
    centre = sum(tones) / 12
    # Rounded, so that what is alike is alike on every processor, and the first of them wins.
    scores = [round(sum(a * (b - centre) for a, b in zip(row, tones, strict=True)), 9) for row in _templates(profile)]
    best = scores.index(max(scores))
    return Key.usual(best % 12, ("major", "minor")[best // 12])


@cache
def _templates(profile: str) -> tuple[tuple[float, ...], ...]:
    """Return the profile on every tonic, major then minor, centred and of length 1: `(24, 12)`."""
    rows = []
    for weights in PROFILES[profile]:
        centred = [weight - sum(weights) / 12 for weight in weights]
        length = math.sqrt(sum(weight**2 for weight in centred))
        rows += [tuple(centred[(tone - tonic) % 12] / length for tone in range(12)) for tonic in range(12)]
    return tuple(rows)


def chord_tone_weights(chords: Iterable[tuple[Chord, float]]) -> list[float]:
    """Return for how long each pitch class `(12,)` sounds in chords that last some seconds, the root counted twice."""
    weights = [0.0] * 12
    for chord, seconds in chords:
        for tone in (*chord.pitch_classes(), *(() if chord.is_none else (chord.root_pc,))):
            weights[tone] += seconds
    return weights
