"""The master: a loudness (EBU R 128), a ceiling that no peak passes, and nothing delayed.

K-weighting and gating after ITU-R BS.1770-4; the filters are its continuous prototypes, so any sample rate will do.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.signal import bilinear, lfilter

from augmentation.compose.effects import high_pass

CEILING = 0.89  # -1 dB
_LOOK = 0.0015  # seconds on either side of a peak in which the limiter's gain bends
_RELEASE = 0.08  # seconds in which 10 dB come back
_WINDOW, _STEP = 0.4, 0.1  # seconds of the gating blocks of BS.1770
_HALVED = 32000  # Hz: from here on every second sample tells the loudness well enough (to 0.1 LU)
_INAUDIBLE = 10.0  # Hz
_OFFSET = -0.691  # dB; makes a 997 Hz sine of full scale in one channel measure -3.01


def _weighting(sample_rate: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The two filters of the K-weighting: a shelf (+4 dB above 1.7 kHz) and a high-pass (38 Hz)."""
    shelf, quality = 2 * np.pi * 1681.974, 0.7071752
    high, middle = 10 ** (3.999844 / 20), (10 ** (3.999844 / 20)) ** 0.4996668
    pass_, pass_quality = 2 * np.pi * 38.13547, 0.5003270
    return [
        bilinear([high, middle * shelf / quality, shelf**2], [1, shelf / quality, shelf**2], sample_rate),
        bilinear([1, 0, 0], [1, pass_ / pass_quality, pass_**2], sample_rate),
    ]


def loudness(audio: np.ndarray, sample_rate: int) -> float:
    """Return the integrated loudness of `(channels, samples)` in LUFS; -inf for silence.

    Audio shorter than a gating block of 0.4 s is one block.
    """
    for numerator, denominator in _weighting(sample_rate):
        audio = lfilter(numerator.astype(np.float32), denominator.astype(np.float32), audio)
    step = max(1, round(_STEP * sample_rate))
    count = max(1, audio.shape[1] // step)
    whole = audio[:, : count * step].reshape(len(audio), count, -1)
    steps = np.einsum("cbs,cbs->b", whole, whole).astype(np.float64) / whole.shape[2]
    width = min(count, round(_WINDOW / _STEP))
    power = np.convolve(steps, np.ones(width) / width, "valid")
    power = power[power > 10 ** ((-70 - _OFFSET) / 10)]
    if not len(power):
        return -np.inf
    power = power[power > power.mean() / 10]
    return float(_OFFSET + 10 * np.log10(power.mean()))


def _peaks(audio: np.ndarray, size: int) -> np.ndarray:
    """Highest sample of each block of all channels, `(blocks,)`."""
    loud = np.maximum(audio.max(0), -audio.min(0))
    return np.pad(loud, (0, -len(loud) % size)).reshape(-1, size).max(1)


def limit(audio: np.ndarray, sample_rate: int, ceiling: float = CEILING) -> np.ndarray:
    """Bend the gain of all channels alike so that no sample passes `ceiling`; quieter audio comes back as it is.

    The gain reaches a peak's value before the peak and leaves it slowly; attacks keep their place.
    """
    size = max(1, round(_LOOK / 4 * sample_rate))
    peaks = _peaks(audio, size)
    if float(peaks.max(initial=0.0)) <= ceiling:
        return audio
    reduction = 20 * np.log10(np.maximum(peaks / ceiling, 1.0))
    reduction = maximum_filter1d(reduction, 2 * 4 + 1)
    fall = 10 / _RELEASE * size / sample_rate * np.arange(len(reduction))
    held = np.maximum.accumulate(reduction + fall) - fall
    window = np.hanning(2 * 3 + 3)[1:-1]
    smooth = np.convolve(np.pad(held, 3, "edge"), window / window.sum(), "valid")
    gain = (10.0 ** (-smooth / 20)).astype(np.float32)
    edges = np.append(gain, gain[-1])
    ramp = np.linspace(0, 1, size, endpoint=False, dtype=np.float32)
    curve = (edges[:-1, None] + np.diff(edges)[:, None] * ramp).reshape(-1)[: audio.shape[1]]
    return audio * curve


def master(audio: np.ndarray, sample_rate: int, target: float) -> np.ndarray:
    """Bring `(channels, samples)` to a loudness of `target` LUFS under the ceiling, with the last 5 ms faded.

    Dense peaks cost some loudness: what is reached may lie a little below the target. What nobody hears, samples that
    lie off zero and what saturation adds there, is taken out first: it would leave less room under the ceiling.
    """
    audio = high_pass(audio, sample_rate, _INAUDIBLE)
    found = loudness(audio[:, ::2], sample_rate // 2) if sample_rate >= _HALVED else loudness(audio, sample_rate)
    if not np.isfinite(found):
        return np.zeros(audio.shape, np.float32)
    mastered = limit(audio * np.float32(10 ** ((target - found) / 20)), sample_rate)
    fade = min(mastered.shape[1], round(0.005 * sample_rate))
    mastered[:, mastered.shape[1] - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return np.ascontiguousarray(mastered, np.float32)
