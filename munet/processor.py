"""A processor that others use as well: threads that sleep while they wait, no more than cores; memory that is kept.

The threads of a parallel region wait for each other. OpenMP has them spin at first, which is fastest on an idle
machine; where others compute too, a thread that waits takes the core from the one that it waits for, and a clip that
takes seconds takes minutes. Asleep they cost next to nothing on an idle machine. The number of threads does not follow
the load: it decides how sums are split, so that equal seeds would not make equal clips any more.

There is no torch here: `sleep_while_waiting` has an effect only before it is imported.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

# Of GNU's OpenMP, and of Intel's and LLVM's.
WAITING: Mapping[str, str] = MappingProxyType({"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"})
# Parameters of glibc's mallopt(3).
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
KEPT = 2**31 - 1  # bytes


def sleep_while_waiting() -> None:
    """Have the threads of parallel regions sleep while they wait, unless the environment says otherwise.

    Without effect in a process that has imported torch already.
    """
    for name, value in WAITING.items():
        os.environ.setdefault(name, value)


def keep_memory() -> bool:
    """Have the C library keep the memory of large tensors for the next ones; return whether it does.

    Otherwise each of them is new memory from the system, which clears it page by page: on a processor that cost up to
    half the time of the operations between the matrix products. The process stays as large as it once was.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's; other C libraries have none
    return mallopt is not None and bool(mallopt(M_MMAP_MAX, 0)) and bool(mallopt(M_TRIM_THRESHOLD, KEPT))


def usable_cores(cgroup: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Return the cores that this process may use at all: by affinity, and by the quota of its container.

    Args:
        cgroup: file with quota and period in microseconds, "max" for no quota (cgroup v2).
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = cgroup.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, math.ceil(int(quota) / int(period))))
