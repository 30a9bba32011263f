"""Key of a short recording: a vote between three methods that fail differently.

Input everywhere: mono float32 `(samples,)` at 44.1 kHz (see `listen.front_end`). Pitch class 0 is C. The voters:
madmom's network (Korzeniowski and Widmer, ISMIR 2018); the recognised chords; the chroma of the sound.
The last is compared with the tone profiles of all 24 keys (`munet.music.profiles`).
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
from augmentation.hearing.constant_q import BINS_PER_OCTAVE, fine_tuning, load_constant_q
from augmentation.hearing.madmom.compat import load_madmom, signal
from augmentation.hearing.madmom.convolution import replace_convolutions
from augmentation.hearing.tuning import retune
from munet.music import Chord, Key, PlanError
from munet.music import estimate_key as key_of_chords
from munet.music.profiles import match_profile

SAMPLE_RATE = 44100  # Hz
MINIMUM_SECONDS = 1.5  # for madmom's network, whose pooling leaves no frame of a shorter clip


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


def key_from_chords(samples: np.ndarray, chords: Sequence[Segment]) -> str | None:
    """Key that the recognised chords suggest (`munet.music.estimate_key`); None without chords."""
    sounding = []
    for label, start, end in chords:
        try:
            chord = Chord.from_harte(label)
        except PlanError:  # a recogniser may know chords that the plan does not
            continue
        if not chord.is_none and end > start:
            sounding.append((chord, end - start))
    if not sounding:
        return None
    key = key_of_chords(sounding)
    return str(Key.usual(key.tonic_pc, key.mode))


def key_from_chroma(samples: np.ndarray, chords: Sequence[Segment] = ()) -> str | None:
    """Key whose profile fits the chroma of the sound (constant-Q, librosa); None when no pitch class stands out.

    Raises:
        ImportError: librosa or soxr is not installed.
    """
    import soxr

    librosa = load_constant_q()
    rate = SAMPLE_RATE // 2  # chroma ends far below 11 kHz
    sound = soxr.resample(samples, SAMPLE_RATE, rate)
    chroma = librosa.feature.chroma_cqt(
        y=sound, sr=rate, hop_length=1024, bins_per_octave=BINS_PER_OCTAVE, tuning=fine_tuning(sound, rate)
    )
    weights = chroma.mean(axis=1)
    return str(match_profile(weights, "temperley")) if np.ptp(weights) > 0 else None


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


# In the order in which they win a tie: chords know where a piece begins and ends, which tells relative keys apart (28
# clips of stated key and 60 composed ones: 73 right, 67 with the network first).
VOTERS: Mapping[str, Callable[[np.ndarray, Sequence[Segment]], str | None]] = MappingProxyType(
    {"chord tones": key_from_chords, "madmom": key_from_madmom, "chroma": key_from_chroma}
)


def estimate_key(
    samples: np.ndarray,
    chords: Sequence[Segment] = (),
    voters: Mapping[str, Callable[[np.ndarray, Sequence[Segment]], str | None]] = VOTERS,
    tuning: float | None = None,
) -> KeyEstimate:
    """Let every voter that can be asked name a key; the most frequent answer wins, ties go to the earlier voter.

    Args:
        samples: mono `(samples,)` float32 at 44.1 kHz.
        chords: recognised chords, empty when there are none.
        voters: functions by name.
        tuning: cents above A = 440 Hz, taken out before the voters listen; None for none.
    """
    samples = retune(samples, tuning)
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
