"""Progress for people and for log files: tqdm's bar where somebody watches, else a line now and then."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, TextIO

from tqdm import tqdm

EVERY = 30.0  # seconds between two lines


class ProgressLines:
    """Lines such as "build: 12 of 100 clips, 0.34 a second, 4 min left", for where a bar would fill a log.

    Args:
        total: how much there is to do.
        initial: how much of it was done before.
        unit: what is counted; desc: what is done.
        every: seconds between two lines.
        file: where to; standard error by default.
    """

    def __init__(
        self,
        total: int,
        initial: int = 0,
        unit: str = "it",
        desc: str = "",
        every: float = EVERY,
        file: TextIO | None = None,
        **_: Any,
    ) -> None:
        self.total, self.count, self.initial, self.every, self.file = total, initial, initial, every, file
        self.words = f"{desc}: {{}} of {total} {unit}s" if desc else f"{{}} of {total} {unit}s"
        self.started = self.told = time.monotonic()

    def __enter__(self) -> ProgressLines:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.count > self.initial:
            self._tell()

    def update(self, count: int = 1) -> None:
        """Count what was done, and say so if it is time."""
        self.count += count
        if time.monotonic() - self.told >= self.every:
            self._tell()

    def _tell(self) -> None:
        self.told = time.monotonic()
        rate = (self.count - self.initial) / max(self.told - self.started, 1e-6)
        left = f", {(self.total - self.count) / rate / 60:.0f} min left" if rate > 0 and self.count < self.total else ""
        print(f"{self.words.format(self.count)}, {rate:.2g} a second{left}", file=self.file or sys.stderr, flush=True)


def progress(**arguments: Any) -> tqdm | ProgressLines:
    """Return a bar, or lines where standard error is no terminal; called with tqdm's arguments."""
    return tqdm(**arguments) if sys.stderr.isatty() else ProgressLines(**arguments)
