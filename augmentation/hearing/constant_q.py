"""librosa's constant-Q transforms, with filters that are not made again: the same numbers in a quarter of the time.

librosa makes the filters of every octave of every recording anew, which takes most of a transform. All octaves have the
same ones, because the sound is brought to half its rate from one to the next, and many recordings share a tuning. The
tuning is estimated once for all transforms of a recording.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from munet.compiled import load_librosa

MAKES_FILTERS = "__vqt_filter_fft"  # of `librosa.core.constantq`
KEPT = 64  # sets of filters, some 100 kB each
BINS_PER_OCTAVE = 36


def load_constant_q() -> ModuleType:
    """Return librosa; its constant-Q transforms keep their filters from now on.

    Raises:
        ImportError: librosa is not installed.
    """
    librosa = load_librosa()
    _keep()
    return librosa


@functools.cache
def _keep() -> None:
    """Put `keep_filters` into librosa, once; a version that makes filters elsewhere is slower, and as right."""
    module = importlib.import_module("librosa.core.constantq")
    own = getattr(module, MAKES_FILTERS, None)
    if own is not None:
        setattr(module, MAKES_FILTERS, keep_filters(own))


def fine_tuning(samples: np.ndarray, rate: int) -> float:
    """How far a recording `(samples,)` lies beside A = 440 Hz, in thirds of a semitone, as librosa's transforms ask."""
    return _fine_tuning(np.ascontiguousarray(samples, np.float32).tobytes(), rate)


@functools.lru_cache(1)  # the chords and the key of one recording
def _fine_tuning(samples: bytes, rate: int) -> float:
    sound = np.frombuffer(samples, np.float32)
    return float(load_constant_q().estimate_tuning(y=sound, sr=rate, bins_per_octave=BINS_PER_OCTAVE))


def keep_filters(own: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap librosa's maker of filters so that filters of the same shares of the sampling rate are made once."""

    @functools.lru_cache(KEPT)
    def made(shares: tuple[float, ...], relative: tuple[float, ...] | None, more: tuple[tuple[str, Any], ...]) -> Any:
        return own(1.0, np.array(shares), alpha=None if relative is None else np.array(relative), **dict(more))

    @functools.wraps(own)
    def filters(
        sr: float, freqs: np.ndarray, filter_scale: float, norm: float, sparsity: float, **more: Any
    ) -> tuple[Any, int, np.ndarray]:
        alpha = more.pop("alpha", None)
        if more.get("gamma", 0.0) != 0:  # then the filters of an octave are their own
            return own(sr, freqs, filter_scale, norm, sparsity, alpha=alpha, **more)
        more |= {"filter_scale": filter_scale, "norm": norm, "sparsity": sparsity}
        basis, size, lengths = made(_key(freqs / sr), None if alpha is None else _key(alpha), tuple(more.items()))
        return basis.copy(), size, lengths  # librosa scales what it gets, in place

    return filters


def _key(values: np.ndarray) -> tuple[float, ...]:
    """Values without what rounding has made different from one octave to the next."""
    return tuple(float(f"{value:.10g}") for value in np.atleast_1d(values))
