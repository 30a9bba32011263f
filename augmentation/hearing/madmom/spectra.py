"""madmom's Fourier transforms of many frames at once: the same spectra without a call of Python for each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft

FRAMES_AT_ONCE = 128  # 4 MB of frames of 4096 samples


def at_once(stft: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Return madmom's `stft` (0.16.1), answering for real frames with real transforms of many frames together.

    What is asked for beyond that (shifted frames, another size, FFTW) is left to madmom's own.
    """

    @functools.wraps(stft)
    def transformed(
        frames: Any,
        window: np.ndarray | None,
        fft_size: int | None = None,
        circular_shift: bool = False,
        include_nyquist: bool = False,
        fftw: Any = None,
    ) -> np.ndarray:
        plain = window is not None and fft_size in (None, frames.shape[1]) and not circular_shift and fftw is None
        if not plain:
            return stft(frames, window, fft_size, circular_shift, include_nyquist, fftw)
        count, size = frames.shape
        spectra = np.empty((count, size // 2 + include_nyquist), np.complex64)
        for first in range(0, count, FRAMES_AT_ONCE):
            some = np.stack([np.asarray(frames[at]) for at in range(first, min(first + FRAMES_AT_ONCE, count))])
            spectra[first : first + len(some)] = scipy.fft.rfft(some * window, axis=1)[:, : spectra.shape[1]]
        return spectra

    return transformed
