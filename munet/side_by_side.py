"""Several evaluations of a network at once on a processor, each on its share of the threads.

The threads of an operation wait for each other at its end, some five hundred times in an evaluation of a network whose
layers are small. Evaluations that do not need each other (windows of a piece, forms of the condition) wait once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Made = TypeVar("Made")


class SideBySide:
    """Runs functions at once, without gradients; a context within which its threads live.

    Args:
        device: on a GPU functions run one after the other, in the caller's thread.
        width: how many at once, if there are as many threads.

    Attributes:
        width: how many at once; 1 for one after the other.
    """

    def __init__(self, device: torch.device, width: int) -> None:
        self.width = max(1, min(width, torch.get_num_threads() if device.type == "cpu" else 1))
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> SideBySide:
        if self.width > 1:
            threads, all_here = torch.get_num_threads(), threading.Barrier(self.width)
            self._pool = ThreadPoolExecutor(self.width, "munet", _take, (threads // self.width,))
            for waiting in [self._pool.submit(all_here.wait) for _ in range(self.width)]:
                waiting.result()
            torch.set_num_threads(threads)  # a thread sets its own number, and that of threads to come
        return self

    def __exit__(self, *_error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def __call__(self, functions: Sequence[Callable[[], Made]]) -> list[Made]:
        """Return what the functions return, in their order."""
        if self._pool is None or len(functions) == 1:
            return [function() for function in functions]
        return list(self._pool.map(_without_gradients, functions))


def _take(threads: int) -> None:
    """Give this thread a number of threads for its parallel regions."""
    torch.set_num_threads(threads)
    torch.get_num_threads()  # otherwise the first operation would take the number of all once more


def _without_gradients(function: Callable[[], Made]) -> Made:
    with torch.no_grad():  # of each thread its own
        return function()
