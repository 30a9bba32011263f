"""Training examples in memory, filled by a background thread while the training already draws from them.

Composing and rendering keep the processor busy, training the accelerator; neither should wait for the other. The pool's
order of filling depends on timing only when `prefill` is smaller than its capacity.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

import torch


class Pool:
    """Rows of named tensors on one device, drawn uniformly with replacement.

    Args:
        capacity: rows to hold at most; filling stops there.
        device: where the rows live.
    """

    def __init__(self, capacity: int, device: torch.device) -> None:
        self.capacity, self.device = capacity, device
        self.columns: dict[str, torch.Tensor] = {}
        self.size = 0
        self.error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def append(self, rows: Mapping[str, torch.Tensor]) -> None:
        """Add rows, each tensor `(rows, ...)`; what exceeds the capacity is left out."""
        count = min(len(next(iter(rows.values()))), self.capacity - self.size)
        for name, tensor in rows.items():
            if name not in self.columns:
                shape = (self.capacity, *tensor.shape[1:])
                self.columns[name] = torch.empty(shape, dtype=tensor.dtype, device=self.device)
            self.columns[name][self.size : self.size + count] = tensor[:count].to(self.device)
        self.size += count

    def fill(
        self,
        batches: Iterable[Mapping[str, torch.Tensor]],
        prefill: int,
        prepare: Callable[[Mapping[str, torch.Tensor]], Mapping[str, torch.Tensor]] | None = None,
    ) -> None:
        """Start filling from `batches` (each passed through `prepare`) and return once `prefill` rows are there.

        Raises:
            RuntimeError: the source failed or ended before a single row came.
        """
        arrived = threading.Event()

        def work() -> None:
            try:
                for batch in batches:
                    self.append(prepare(batch) if prepare else batch)
                    if self.size >= min(prefill, self.capacity):
                        arrived.set()
                    if self.size >= self.capacity or self._stop.is_set():
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

    def close(self) -> None:
        """Stop filling and wait for the thread, so that no data worker outlives the training."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def check(self) -> None:
        """Raise in the caller's thread what went wrong while filling."""
        if self.error is not None:
            raise RuntimeError(f"data: filling the pool failed after {self.size} rows: {self.error}") from self.error

    def draw(self, count: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """`count` rows of every column, drawn uniformly with `generator` (on the pool's device)."""
        index = torch.randint(self.size, (count,), generator=generator, device=self.device)
        return {name: column[index] for name, column in self.columns.items()}
