"""Training examples in memory, filled and renewed by a background thread while the training draws from them.

Composing and rendering keep the processor busy, training the accelerator; neither should wait for the other. Once the
pool is full the oldest rows are replaced, but not before they have been drawn often enough: what is fresh costs
processor time that a training on the same processor lacks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import torch


class RowSource(Protocol):
    """What a training draws from: a `Pool`, or the rows of a folder."""

    size: int
    seen: int

    def draw(self, count: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Return `count` rows of every column, on the training device."""
        ...

    def check(self) -> None:
        """Raise what went wrong while rows were made."""
        ...

    def close(self) -> None:
        """End whatever makes the rows."""
        ...


class Pool:
    """Rows of named tensors on one device, drawn uniformly with replacement.

    Args:
        capacity: rows to hold at most; then the oldest are replaced.
        device: where the rows live.
        draws_per_row: draws for each row that comes in once the pool is full; the source waits for them.
    """

    def __init__(self, capacity: int, device: torch.device, draws_per_row: float = 4.0) -> None:
        self.capacity, self.device, self.draws_per_row = capacity, device, draws_per_row
        self.columns: dict[str, torch.Tensor] = {}
        self.size = 0  # rows held
        self.seen = 0  # rows that came in, those that were replaced since included
        self.drawn = 0
        self.error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._changed = threading.Condition()  # guards rows and counters

    def append(self, rows: Mapping[str, torch.Tensor]) -> None:
        """Add rows, each tensor `(rows, ...)`; in a full pool they take the place of the oldest."""
        count = len(next(iter(rows.values())))
        for first in range(0, count, self.capacity):
            self._write({name: tensor[first : first + self.capacity] for name, tensor in rows.items()})

    def _write(self, rows: Mapping[str, torch.Tensor]) -> None:
        count = len(next(iter(rows.values())))
        with self._changed:
            places = (self.seen + torch.arange(count)) % self.capacity
            for name, tensor in rows.items():
                if name not in self.columns:
                    shape = (self.capacity, *tensor.shape[1:])
                    self.columns[name] = torch.empty(shape, dtype=tensor.dtype, device=self.device)
                self.columns[name][places.to(self.device)] = tensor.to(self.device)
            self.seen += count
            self.size = min(self.seen, self.capacity)

    def fill(
        self,
        batches: Iterable[Mapping[str, torch.Tensor]],
        prefill: int,
        prepare: Callable[[Mapping[str, torch.Tensor]], Mapping[str, torch.Tensor]] | None = None,
        seconds: float | None = None,
    ) -> None:
        """Start filling from `batches` (each passed through `prepare`) and return once `prefill` rows are there.

        After `seconds` the first rows are enough.

        Raises:
            RuntimeError: the source failed or ended before a single row came.
        """
        arrived, late = threading.Event(), None if seconds is None else time.monotonic() + seconds

        def work() -> None:
            try:
                for batch in batches:
                    self.append(prepare(batch) if prepare else batch)
                    if self.size >= min(prefill, self.capacity) or (late is not None and time.monotonic() > late):
                        arrived.set()
                    if not self._wait_for_draws():
                        break
            except BaseException as error:  # handed to the training thread, which raises it
                self.error = error
            arrived.set()

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        arrived.wait()
        self.check()
        if not self.size:
            raise RuntimeError("data: expected at least one clip, got none")

    def _wait_for_draws(self) -> bool:
        """Wait while the rows have not been drawn often enough to be replaced; False once the pool is closed."""
        with self._changed:
            while not self._stop.is_set():
                if self.drawn >= self.draws_per_row * (self.seen - self.capacity):
                    return True
                self._changed.wait(1.0)
        return False

    def close(self) -> None:
        """Stop filling and wait for the thread, so that no data worker outlives the training."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def check(self) -> None:
        """Raise in the caller's thread what went wrong while filling."""
        if self.error is None:
            return
        if isinstance(self.error, ValueError):  # a request that cannot be carried out keeps its one line
            raise self.error
        raise RuntimeError(f"data: filling the pool failed after {self.seen} rows: {self.error}") from self.error

    def draw(self, count: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """`count` rows of every column, drawn uniformly with `generator` (on the pool's device)."""
        with self._changed:
            index = torch.randint(self.size, (count,), generator=generator, device=self.device)
            rows = {name: column[index] for name, column in self.columns.items()}
            self.drawn += count
            self._changed.notify_all()
        return rows
