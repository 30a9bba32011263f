"""Make madmom 0.16.1 (2018) run on Python 3.11 and numpy 2.

madmom relies on names that its dependencies have dropped since. `load_madmom` puts them back and imports it; nothing
else may import madmom first. The changes live in the process, so every worker process calls it again (it is cached).
Known limits of what this leaves alone: `DBNBarTrackingProcessor` and live streams stay broken, neither is used here.
"""

from __future__ import annotations

import collections
import collections.abc
import contextlib
import functools
import importlib
import importlib.metadata
import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from augmentation.hearing.madmom.spectra import at_once
from augmentation.hearing.madmom.viterbi import viterbi


class UnlikeMadmom(RuntimeError):
    """A faster way to compute what madmom computes gives other answers here, or finds other parts than it knows."""


@contextlib.contextmanager
def _version_lookup() -> Iterator[None]:
    """Stand in for `pkg_resources`, which madmom asks for its own version only, while madmom is imported."""
    name = "pkg_resources"
    before = sys.modules.get(name)
    stand_in = types.ModuleType(name)
    stand_in.get_distribution = importlib.metadata.distribution  # type: ignore[attr-defined]
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before


def _restore_names() -> None:
    """Put back the names madmom looks up when it is imported and while it runs."""
    restored = (
        (collections, "MutableSequence", collections.abc.MutableSequence),  # gone from Python 3.10
        (np, "float", float),  # these two from numpy 1.24
        (np, "int", int),
        (np, "in1d", np.isin),  # and this from numpy 2.4
    )
    for module, name, value in restored:
        if name not in vars(module):
            setattr(module, name, value)


def decode_bar_model(task: tuple[Any, np.ndarray]) -> np.ndarray:
    """Viterbi path and log probability of one bar-length model, as an object array of shape `(2,)`.

    madmom stacks the pairs of all models with `np.asarray`; numpy 2 refuses tuples of unequal parts, but stacks these.
    """
    model, observations = task
    result = np.empty(2, dtype=object)
    result[0], result[1] = viterbi(model, observations)
    return result


@functools.cache
def load_madmom() -> types.ModuleType:
    """Import madmom with its lost names restored; once per process.

    Raises:
        ImportError: madmom is not installed.
    """
    _restore_names()
    with _version_lookup(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        madmom = importlib.import_module("madmom")
        importlib.import_module("madmom.features.downbeats")._process_dbn = decode_bar_model
        transforms = importlib.import_module("madmom.audio.stft")
        transforms.stft = at_once(transforms.stft)
    return madmom


def signal(samples: np.ndarray) -> Any:
    """Wrap mono samples at 44.1 kHz, `(samples,)` float32, as madmom's own signal type.

    Always float32: a processor keeps the scale of the first signal it sees, and would misread integers after floats.
    """
    load_madmom()
    audio_signal = importlib.import_module("madmom.audio.signal")
    return audio_signal.Signal(np.ascontiguousarray(samples, dtype=np.float32), sample_rate=44100, num_channels=1)
