"""Tuning of a recording: how many cents it lies beside A = 440 Hz, and the recording brought to it.

The networks for chords and key know semitones of 440 Hz only; half a semitone beside it they name the neighbour.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import resample

SAMPLE_RATE = 44100  # Hz
REFERENCE = 440.0  # Hz
WINDOW = 16384  # samples, 0.37 s: bins of 2.7 Hz, and a peak is placed between them
HOP = 4096
MAXIMUM_FRAMES = 240  # of a long recording, evenly spread
BAND = (120.0, 2500.0)  # Hz: below, semitones are narrower than two bins; above, strings and bells stretch
FAINT_IN_FRAME, FAINT = 0.03, 0.003  # of the strongest bin of the frame, and of all
# Length of the mean of the peaks' directions on the circle of one semitone: music 0.2 to 0.9, drums and noise to 0.07.
PITCHED = 0.12
# A whole semitone has no more right to be called sharp than flat; old and slow recordings are flat more often.
HIGHEST = 48.0  # cents; what is above is read as flat
AUDIBLE = 10.0  # cents; closer recordings are left as they are


def estimate_tuning(samples: np.ndarray) -> float | None:
    """Cents above A = 440 Hz, from -52 to 48; None where no pitch stands out.

    The mean direction of all spectral peaks on the circle of one semitone, weighted by the root of their magnitude.

    Args:
        samples: mono `(samples,)` at 44.1 kHz.
    """
    frequencies, magnitudes = _peaks(samples)
    if len(frequencies) == 0:
        return None
    turns = 12 * np.log2(frequencies / REFERENCE)
    weights = np.sqrt(magnitudes)
    mean = (weights * np.exp(2j * np.pi * turns)).sum() / weights.sum()
    if abs(mean) < PITCHED:
        return None
    cents = 100 * float(np.angle(mean)) / (2 * np.pi)
    return cents - 100 if cents > HIGHEST else cents


def _peaks(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies (Hz) and magnitudes of the local maxima of the spectra, placed by a parabola on the logarithm."""
    padded = np.pad(samples, (0, max(0, WINDOW - len(samples)))).astype(np.float32)
    hop = max(HOP, (len(padded) - WINDOW) // MAXIMUM_FRAMES + 1)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::hop]
    spectra = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), axis=1))
    low, high = (int(edge * WINDOW / SAMPLE_RATE) for edge in BAND)
    inside = spectra[:, low:high]
    loud = inside > np.maximum(FAINT_IN_FRAME * inside.max(axis=1, keepdims=True), FAINT * inside.max(initial=0.0))
    logs = np.log(np.maximum(spectra[:, low - 1 : high + 1], 1e-12))
    left, middle, right = logs[:, :-2], logs[:, 1:-1], logs[:, 2:]
    top = loud & (middle > left) & (middle >= right)
    left, middle, right = left[top], middle[top], right[top]
    offsets = 0.5 * (left - right) / (left - 2 * middle + right)
    return (low + np.nonzero(top)[1] + offsets) * SAMPLE_RATE / WINDOW, np.exp(middle)


def speed_of(tuning: float | None) -> float:
    """How much faster than in tune a recording of this tuning (cents) runs; 1 where it is close enough or unknown."""
    return 1.0 if tuning is None or abs(tuning) < AUDIBLE else 2 ** (tuning / 1200)


def retune(samples: np.ndarray, tuning: float | None) -> np.ndarray:
    """Play mono `(samples,)` of this tuning (cents) at another speed, so that it is in tune.

    Second t of the result is second t / `speed_of(tuning)` of the recording.
    """
    speed = speed_of(tuning)
    return samples if speed == 1 else resample(samples, round(len(samples) * speed)).astype(np.float32)
