"""Tone profiles of keys: how much each semitone above the tonic is heard, and the key that given tones fit best.

Pitch class 0 is C. Tones are compared with the profiles of all 24 keys by correlation (Krumhansl and Schmuckler).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from munet.music import Chord, Key, PlanError

# Weight of each semitone above the tonic, (major, minor).
PROFILES: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = MappingProxyType(
    {
        # Temperley, Music and Probability (2007), from the Kostka-Payne corpus: share of segments holding the degree.
        "temperley": (
            (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
            (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
        ),
    }
)


def match_profile(weights: Sequence[float] | np.ndarray, profile: str) -> str:
    """Name the key whose profile correlates best with the weight of each pitch class.

    Args:
        weights: `(12,)`, any scale, from C.
        profile: a name in `PROFILES`.

    Raises:
        ValueError: the weights are not twelve, or all alike.
    """
    tones = np.asarray(weights, dtype=np.float64)
    if tones.shape != (12,) or not np.isfinite(tones).all() or np.ptp(tones) == 0:
        raise ValueError(f"weights: expected 12 finite numbers that are not all alike, got {weights!r}")
    centred = tones - tones.mean()
    # Rounded, so that what is alike is alike on every processor, and the first of them wins.
    best = int(np.argmax(np.round(_templates(profile) @ centred, 9)))
    return str(Key.usual(best % 12, ("major", "minor")[best // 12]))


@functools.cache
def _templates(profile: str) -> np.ndarray:
    """The profile on every tonic, major then minor, centred and of length 1: `(24, 12)`."""
    rows = np.array([np.roll(row, tonic) for row in PROFILES[profile] for tonic in range(12)])
    rows -= rows.mean(axis=1, keepdims=True)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def chord_tone_weights(chords: Sequence[tuple[str, float, float]]) -> np.ndarray:
    """Seconds for which each pitch class `(12,)` sounds in a chord, the root counted twice.

    Args:
        chords: (Harte label, start second, end second).
    """
    weights = np.zeros(12)
    for label, start, end in chords:
        try:
            chord = Chord.from_harte(label)
        except PlanError:  # a recogniser may know chords that the plan does not
            continue
        for tone in (*chord.pitch_classes(), *(() if chord.is_none else (chord.root_pc,))):
            weights[tone] += end - start
    return weights
