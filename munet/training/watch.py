"""Notices numbers that are not finite while a training runs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch


class LossWatch:
    """Notices a value that is not finite, one step late so that the accelerator need not be waited for.

    What a GPU computed comes over by itself, and an event says when it is there: asking for the number would wait for
    all that has been launched since.
    """

    def __init__(self) -> None:
        self._waiting: tuple[int, torch.Tensor, torch.cuda.Event | None] | None = None

    def check(self, step: int, values: Mapping[str, torch.Tensor]) -> None:
        """Check the values of the step before and remember this one's.

        Raises:
            FloatingPointError: one was not finite.
        """
        self.close()
        total = sum((value.detach().float() for value in values.values()), torch.zeros(()))
        if total.device.type != "cuda":
            self._waiting = (step, total, None)
            return
        arrived = torch.empty((), pin_memory=True).copy_(total, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        self._waiting = (step, arrived, event)

    def close(self) -> None:
        """Check what is remembered.

        Raises:
            FloatingPointError: a value was not finite.
        """
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return
        step, total, event = waiting
        if event is not None:
            event.synchronize()
        if not math.isfinite(total.item()):
            raise FloatingPointError(f"loss: expected finite numbers at step {step}, got others")
