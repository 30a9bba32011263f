"""Channels mixed to one without losing what is in opposite phase.

The mean of two channels cancels whatever one of them holds upside down: the whole of a recording whose cable was
crossed, or single instruments widened with a phase trick. So the mean is taken of channels whose sign agrees, band by
band; a recording without such bands keeps its plain mean.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.fft
from scipy.signal import get_window

WINDOW = 4096  # samples
FRAMES_AT_ONCE = 64  # a song's spectra together would be many times the song
BANDS_PER_OCTAVE = 3
FIRST_BIN = 4  # 40 Hz at 44.1 kHz: all below is one band
# Correlation of a channel with the strongest one below which it is turned over: there the difference of the two holds
# twice the power of their sum. Channels that have nothing in common stay as they are.
OPPOSITE = -1 / 3
AUDIBLE = 1e-4  # share of the power below which a band is left alone


def to_mono(audio: np.ndarray) -> np.ndarray:
    """Mix `audio` `(channels, samples)` to `(samples,)` float64: the mean of the channels, opposite ones turned over.

    Channels are compared with the strongest in bands of a third of an octave.
    """
    if len(audio) == 1 or audio.shape[1] == 0:
        return audio.mean(axis=0, dtype=np.float64)
    size = min(WINDOW, audio.shape[1])
    shared = np.zeros((len(audio), len(audio), size // 2 + 1))
    for _, spectra in _spectra(audio, size, np.float32):
        for one, first in enumerate(spectra):
            for other, second in enumerate(spectra[: one + 1]):
                shared[one, other] += (first * second.conj()).real.sum(axis=0, dtype=np.float64)
                shared[other, one] = shared[one, other]
    signs = _signs(shared)
    return audio.mean(axis=0, dtype=np.float64) if (signs > 0).all() else _mixed(audio, signs, size)


def _spectra(audio: np.ndarray, size: int, kind: type) -> Iterator[tuple[int, np.ndarray]]:
    """Numbers of frames and their spectra `(channels, frames, bins)`, some at a time, half a frame apart.

    Every sample is in two frames or, where `size` is odd, in one at least: the first frame begins half of one early.
    """
    hop, samples = size - size // 2, audio.shape[1]
    window = get_window("hann", size).astype(kind)
    frames = -(-samples // hop) + 1
    for first in range(0, frames, FRAMES_AT_ONCE):
        count = min(FRAMES_AT_ONCE, frames - first)
        start = first * hop - size // 2
        part = audio[:, max(0, start) : start + (count - 1) * hop + size].astype(kind)
        left = max(0, -start)
        part = np.pad(part, ((0, 0), (left, (count - 1) * hop + size - left - part.shape[1])))
        framed = np.lib.stride_tricks.sliding_window_view(part, size, axis=1)[:, ::hop]
        yield first, scipy.fft.rfft(framed * window, axis=2)


def _mixed(audio: np.ndarray, signs: np.ndarray, size: int) -> np.ndarray:
    """Mean of the channels with these signs `(channels, bins)`: frames weighted, overlapped and added."""
    hop, samples = size - size // 2, audio.shape[1]
    window = get_window("hann", size)
    frames = -(-samples // hop) + 1
    mixed = np.zeros((frames - 1) * hop + size)
    for first, spectra in _spectra(audio, size, np.float64):
        sounds = scipy.fft.irfft((spectra * signs[:, None]).mean(axis=0), size, axis=1) * window
        for at, sound in enumerate(sounds, first):
            mixed[at * hop : at * hop + size] += sound
    weight = window[:hop] ** 2  # of each sample: that of the frame before it as well, and the same in every hop
    weight[: size - hop] += window[hop:] ** 2
    by_hop = mixed[: frames * hop].reshape(frames, hop)
    by_hop /= np.maximum(weight, 1e-10)
    return mixed[size // 2 : size // 2 + samples]


def _signs(shared: np.ndarray) -> np.ndarray:
    """1 or -1 for each channel and bin, `(channels, bins)`.

    Args:
        shared: what two channels have in common, `(channels, channels, bins)`: the real part of one spectrum times the
            other's conjugate, summed over the frames.
    """
    places = np.arange(len(shared))
    powers = shared[places, places]
    reference = int(powers.sum(axis=1).argmax())
    edges = _band_edges(shared.shape[2])
    common = np.add.reduceat(shared[:, reference], edges, axis=1)
    power = np.add.reduceat(powers, edges, axis=1)
    opposite = common < OPPOSITE * np.sqrt(power * power[reference])
    opposite &= power.sum(axis=0) > AUDIBLE * power.sum()
    return np.repeat(np.where(opposite, -1.0, 1.0), np.diff([*edges, shared.shape[2]]), axis=1)


def _band_edges(bins: int) -> np.ndarray:
    """First bin of each band."""
    count = int(np.ceil(BANDS_PER_OCTAVE * np.log2(max(2, bins / FIRST_BIN))))
    edges = np.round(FIRST_BIN * 2 ** (np.arange(count) / BANDS_PER_OCTAVE)).astype(int)
    return np.unique([0, *edges[edges < bins]])
