"""Sound with a hole in it, and how what is made for the hole is joined to what stays.

Sound is float32 `(channels, samples)`. Nothing outside of the hole is touched: cross-fades lie inside it, at its
beginning a short one, so that the first attack of the old sound is not heard beside that of the new, at its end a
longer one that is over when what stays begins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter, lfiltic

from munet.codec.limiter import limited
from munet.dynamics import RAMP, gains_of
from munet.music import MusicPlan

FADE_IN, FADE_OUT = 0.01, 0.03  # seconds
_ALIKE = (0.5, 2.0)  # bounds of the factor that sets the level of the new sound to that of the old
_PAST, _ORDER = 4096, 200  # samples that linear prediction looks at, and how many it weighs
_QUIET = 1e-4  # root mean square below which a level says nothing


@dataclass(frozen=True)
class Canvas:
    """What there is.

    Args:
        audio: all of the result; in the hole silence, or the old sound that is to be changed.
        first, last: samples of the hole, `last` excluded.
        onward: how the old sound goes on from `first`; where it ends there, how it would.
        until: how the old sound leads to `last`, as far as it is known.
    """

    audio: np.ndarray
    first: int
    last: int
    onward: np.ndarray
    until: np.ndarray

    @classmethod
    def open(cls, audio: np.ndarray, first: int, last: int, length: int, sample_rate: int) -> Canvas:
        """Take samples `[first, last)` out of a sound and put a hole of `length` samples in their place.

        If the hole is as long as what is taken out, that stays in it as a starting point.
        """
        inside = audio[:, first:last]
        hole = inside if length == last - first else np.zeros((len(audio), length), dtype=np.float32)
        room = min(length // 2, round(FADE_OUT * sample_rate))
        fade_in, fade_out = min(room, round(FADE_IN * sample_rate)), room
        onward = inside[:, :fade_in] if first > 0 else inside[:, :0]
        if first > 0 and onward.shape[1] < fade_in:
            onward = foretold(audio[:, :first], fade_in)
        return cls(
            np.concatenate([audio[:, :first], hole, audio[:, last:]], axis=1),
            first,
            first + length,
            onward,
            inside[:, max(0, last - first - fade_out) :] if last < audio.shape[1] else inside[:, :0],
        )

    def joined(self, new: np.ndarray) -> np.ndarray:
        """Return all of the sound with `new` `(channels, last - first)` in the hole."""
        hole = peaks_limited(new)
        if (count := self.onward.shape[1]) > 0:
            rise = _rise(count)
            hole[:, :count] = hole[:, :count] * rise + self.onward * np.sqrt(1 - rise**2)
        tail = self.audio.shape[1] - self.last
        if (count := self.until.shape[1]) > 0:
            rise = _rise(count)
            hole[:, -count:] = hole[:, -count:] * np.sqrt(1 - rise**2) + self.until * rise
        elif tail > 0:  # what stays begins by itself
            count = min(hole.shape[1], len(self.audio[0, self.last :]), 256)
            hole[:, -count:] *= np.sqrt(1 - _rise(count) ** 2)
        result = self.audio.copy()
        result[:, self.first : self.last] = np.clip(hole, -1.0, 1.0)
        return result


def _rise(count: int) -> np.ndarray:
    """Return the square root of a share of power that rises from 0 to 1 over `count` samples."""
    return np.sin(0.5 * np.pi * (np.arange(count, dtype=np.float32) + 0.5) / count)


def foretold(sound: np.ndarray, count: int) -> np.ndarray:
    """Return `count` samples by which a sound would go on, by linear prediction from its last tenth of a second."""
    last = sound[:, -_PAST:].astype(np.float64)
    order = min(_ORDER, last.shape[1] // 4)
    made = np.zeros((len(sound), count), dtype=np.float32)
    for channel, past in enumerate(last):
        windowed = past * np.hanning(len(past))
        correlation = np.correlate(windowed, windowed, "full")[len(past) - 1 : len(past) + order]
        if order and correlation[0] > _QUIET**2 * len(past):
            correlation[0] *= 1 + 1e-6  # so that the filter is stable
            weights = solve_toeplitz(correlation[:-1], correlation[1:])
            state = lfiltic([1.0], [1.0, *-weights], past[::-1][:order])
            made[channel] = lfilter([1.0], [1.0, *-weights], np.zeros(count), zi=state)[0]
    return made


@dataclass(frozen=True)
class Faders:
    """The levels at which a canvas was mixed, and at which what is made for its hole is to be.

    Attributes:
        old: gain of every sample of the canvas, `(samples,)`; without it the sound is as the model makes it.
        new: gain of every sample of the hole.
    """

    old: np.ndarray
    new: np.ndarray

    @classmethod
    def of(cls, before: MusicPlan, after: MusicPlan, canvas: Canvas, last: int, sample_rate: int) -> Faders:
        """Read the levels off the plans before and after a change.

        What stays keeps its level, so those of the hole follow from what leads to it, or else from what follows: a
        calm section put behind an energetic one is softer than that, whatever else is in the piece.

        Args:
            before: plan of the old sound.
            after: plan of the result.
            canvas: with the hole.
            last: sample of the old sound at which what stays behind the hole began.
            sample_rate: Hz.
        """
        rate, total = sample_rate, canvas.audio.shape[1]
        lead = gains_of(before, rate, 0, canvas.first)
        tail = gains_of(before, rate, last, total - canvas.last)
        hole = canvas.last - canvas.first
        inside = gains_of(before, rate, canvas.first, hole) if last == canvas.last else np.ones(hole, np.float32)
        new = gains_of(after, rate, canvas.first, hole)
        before_ramp = max(0, canvas.first - 1 - round(RAMP * rate))  # there the level is on its way to the hole's
        edge, gain = (before_ramp, lead[before_ramp:][:1]) if canvas.first else (canvas.last, tail[:1])
        if len(gain):
            new = new * (gain / gains_of(after, rate, edge, 1))
        return cls(np.concatenate([lead, inside, tail]), new)


def peaks_limited(sound: np.ndarray) -> np.ndarray:
    """Return a sound `(channels, samples)` as float32, its peaks turned down to what a clip may have."""
    return limited(torch.from_numpy(sound.astype(np.float32))[None])[0].numpy()


def level_factor(old: np.ndarray, new: np.ndarray) -> float:
    """Return by what `new` is to be multiplied to have the level of `old`; 1 where either is silent."""
    levels = [float(np.sqrt(np.mean(np.square(sound)))) if sound.size else 0.0 for sound in (old, new)]
    if min(levels) < _QUIET:
        return 1.0
    return float(np.clip(levels[0] / levels[1], *_ALIKE))


def sounding_span(audio: np.ndarray, sample_rate: int, floor: float = 1e-3) -> tuple[float, float]:
    """Return the first and the last second at which a sound is louder than `floor`; all of it where it never is."""
    loud = np.flatnonzero(np.abs(audio).max(axis=0) > floor)
    if not len(loud):
        return 0.0, audio.shape[1] / sample_rate
    return float(loud[0]) / sample_rate, float(loud[-1] + 1) / sample_rate
