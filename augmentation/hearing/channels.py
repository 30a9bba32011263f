"""Channels mixed to one without losing what is in opposite phase.

The mean of two channels cancels whatever one of them holds upside down: the whole of a recording whose cable was
crossed, or single instruments widened with a phase trick. So the mean is taken of channels whose sign agrees, band by
band; a recording without such bands keeps its plain mean.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import istft, stft

WINDOW = 4096  # samples
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
    mean = audio.mean(axis=0, dtype=np.float64)
    if len(audio) == 1 or audio.shape[1] == 0:
        return mean
    _, _, spectra = stft(audio.astype(np.float64), nperseg=min(WINDOW, audio.shape[1]))  # (channels, bins, frames)
    signs = _signs(spectra)
    if (signs > 0).all():
        return mean
    _, mixed = istft((spectra * signs[:, :, None]).mean(axis=0), nperseg=min(WINDOW, audio.shape[1]))
    return np.pad(mixed, (0, max(0, len(mean) - len(mixed))))[: len(mean)]


def _signs(spectra: np.ndarray) -> np.ndarray:
    """1 or -1 for each channel and bin, `(channels, bins)`, from spectra `(channels, bins, frames)`."""
    reference = spectra[np.square(np.abs(spectra)).sum(axis=(1, 2)).argmax()]
    edges = _band_edges(spectra.shape[1])
    shared = np.add.reduceat((spectra * reference.conj()).real.sum(axis=2), edges, axis=1)
    power = np.add.reduceat(np.square(np.abs(spectra)).sum(axis=2), edges, axis=1)
    of_reference = np.add.reduceat(np.square(np.abs(reference)).sum(axis=1), edges)
    opposite = shared < OPPOSITE * np.sqrt(power * of_reference)
    opposite &= power.sum(axis=0) > AUDIBLE * power.sum()
    return np.repeat(np.where(opposite, -1.0, 1.0), np.diff([*edges, spectra.shape[1]]), axis=1)


def _band_edges(bins: int) -> np.ndarray:
    """First bin of each band."""
    count = int(np.ceil(BANDS_PER_OCTAVE * np.log2(max(2, bins / FIRST_BIN))))
    edges = np.round(FIRST_BIN * 2 ** (np.arange(count) / BANDS_PER_OCTAVE)).astype(int)
    return np.unique([0, *edges[edges < bins]])
