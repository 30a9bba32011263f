"""Key of a short recording: a vote between three methods that fail differently.

Input everywhere: mono float32 `(samples,)` at 44.1 kHz (see `listen.front_end`). Pitch class 0 is C. The voters:
madmom's network (Korzeniowski and Widmer, ISMIR 2018); the recognised chords; the chroma of the sound.
The last is compared with the tone profiles of all 24 keys by correlation (Krumhansl and Schmuckler).
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from augmentation.hearing.backends import explain
from augmentation.hearing.chords import Segment
from augmentation.hearing.madmom.compat import load_madmom, signal
from augmentation.hearing.madmom.convolution import replace_convolutions
from munet.music import Chord, Key, PlanError
from munet.music import estimate_key as key_of_chords

SAMPLE_RATE = 44100  # Hz
MINIMUM_SECONDS = 1.5  # for madmom's network, whose pooling leaves no frame of a shorter clip

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


@dataclass(frozen=True)
class KeyEstimate:
    """Key of a recording.

    Attributes:
        key: such as "C minor"; None when nobody could vote.
        confidence: share of the voters that agree with `key`, 0 to 1; state the key as a fact from 2/3 upwards.
        votes: the key each voter named.
        missing: voters that could not be asked, and why.
    """

    key: str | None
    confidence: float | None
    votes: Mapping[str, str]
    missing: tuple[str, ...] = ()


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


def chord_tone_weights(chords: Sequence[Segment]) -> np.ndarray:
    """Seconds for which each pitch class `(12,)` sounds in a chord, the root counted twice."""
    weights = np.zeros(12)
    for label, start, end in chords:
        try:
            chord = Chord.from_harte(label)
        except PlanError:  # a recogniser may know chords that the plan does not
            continue
        for tone in (*chord.pitch_classes(), *(() if chord.is_none else (chord.root_pc,))):
            weights[tone] += end - start
    return weights


def chord_tone_weights(chords: Sequence[Segment]) -> np.ndarray:
    """Seconds for which each pitch class `(12,)` sounds in a chord, the root counted twice."""
    weights = np.zeros(12)
    for chord, seconds in _sounding(chords):
        for tone in (*chord.pitch_classes(), chord.root_pc):
            weights[tone] += seconds
    return weights


def _sounding(chords: Sequence[Segment]) -> list[tuple[Chord, float]]:
    """Chords with their lengths in seconds, without silence and what only the recogniser knows."""
    found = []
    for label, start, end in chords:
        try:
            chord = Chord.from_harte(label)
        except PlanError:
            continue
        if not chord.is_none and end > start:
            found.append((chord, end - start))
    return found


def key_from_chords(samples: np.ndarray, chords: Sequence[Segment]) -> str | None:
    """Key that the recognised chords suggest (`munet.music.estimate_key`); None without chords."""
    sounding = _sounding(chords)
    if not sounding:
        return None
    key = key_of_chords(sounding)
    return str(Key.usual(key.tonic_pc, key.mode))


def key_from_chroma(samples: np.ndarray, chords: Sequence[Segment] = ()) -> str | None:
    """Key whose profile fits the chroma of the sound (constant-Q, librosa); None when no pitch class stands out.

    Raises:
        ImportError: librosa or soxr is not installed.
    """
    import librosa
    import soxr

    rate = SAMPLE_RATE // 2  # chroma ends far below 11 kHz
    chroma = librosa.feature.chroma_cqt(y=soxr.resample(samples, SAMPLE_RATE, rate), sr=rate, hop_length=1024)
    weights = chroma.mean(axis=1)
    return match_profile(weights, "temperley") if np.ptp(weights) > 0 else None


@functools.cache
def _madmom_processor() -> Any:
    """Build madmom's key network once per process."""
    load_madmom()
    from madmom.features.key import CNNKeyRecognitionProcessor

    processor = CNNKeyRecognitionProcessor()
    replace_convolutions(lambda: processor.processors[4].processors[0].processors)
    return processor


def key_from_madmom(samples: np.ndarray, chords: Sequence[Segment] = ()) -> str | None:
    """Key by madmom's convolutional network; unreliable below two seconds, None below one and a half.

    Raises:
        ImportError: madmom is not installed, or in another version (see `convolution`).
    """
    if len(samples) < MINIMUM_SECONDS * SAMPLE_RATE:
        return None
    processor = _madmom_processor()
    from madmom.features.key import key_prediction_to_label

    key = Key.parse(key_prediction_to_label(processor(signal(samples))))
    return str(Key.usual(key.tonic_pc, key.mode))


# In the order in which they win a tie.
VOTERS: Mapping[str, Callable[[np.ndarray, Sequence[Segment]], str | None]] = MappingProxyType(
    {"madmom": key_from_madmom, "chord tones": key_from_chords, "chroma": key_from_chroma}
)


def estimate_key(
    samples: np.ndarray,
    chords: Sequence[Segment] = (),
    voters: Mapping[str, Callable[[np.ndarray, Sequence[Segment]], str | None]] = VOTERS,
) -> KeyEstimate:
    """Let every voter that can be asked name a key; the most frequent answer wins, ties go to the earlier voter.

    Args:
        samples: mono `(samples,)` float32 at 44.1 kHz.
        chords: recognised chords, empty when there are none.
        voters: functions by name.
    """
    votes: dict[str, str] = {}
    missing = []
    for name, voter in voters.items():
        try:
            vote = voter(samples, chords)
        except ImportError as error:
            missing.append(f"key by {name}: {explain(error)}")
            continue
        if vote is not None:
            votes[name] = vote
    if not votes:
        return KeyEstimate(None, None, MappingProxyType(votes), tuple(missing))
    key, count = Counter(votes.values()).most_common(1)[0]  # equal counts keep their first order
    return KeyEstimate(key, count / len(votes), MappingProxyType(votes), tuple(missing))
