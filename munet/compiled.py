"""librosa, loaded by one process at a time.

Parts of librosa are compiled by numba when they are imported first, one version for each type of numbers, and kept in
files beside librosa for all processes. numba does not guard these files: two processes that compile at the same time
can each keep the other's code under a wrong type, which then crashes with a segmentation fault or counts wrongly. On a
new machine the workers of a batch tool meet exactly there.
"""

from __future__ import annotations

import functools
import importlib
import os
import tempfile
from pathlib import Path
from types import ModuleType

from filelock import FileLock

# What holds functions that are compiled as they are imported; `beat` as well, which few need and which loads slowly.
PARTS = ("core.audio", "core.pitch", "util.utils")


def lock_file() -> Path:
    """Return the file that is locked while librosa is loaded, one for each user of the machine."""
    user = os.getuid() if hasattr(os, "getuid") else "all"
    return Path(tempfile.gettempdir()) / f"mustango-librosa-{user}.lock"


@functools.cache
def load_librosa(*more: str) -> ModuleType:
    """Return librosa with its compiled parts, after waiting for other processes that load it.

    Takes three seconds; half a minute for the first process on a new machine.

    Args:
        *more: parts that are needed besides, "beat".

    Raises:
        ImportError: librosa is not installed.
    """
    with FileLock(lock_file()):
        librosa = importlib.import_module("librosa")
        for part in (*PARTS, *more):
            importlib.import_module(f"librosa.{part}")
    return librosa
