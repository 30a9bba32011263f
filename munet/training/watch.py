"""Notices numbers that are not finite while a training runs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch


class LossWatch:
    """Notices a value that is not finite, one step late so that the accelerator need not be waited for."""

    def __init__(self) -> None:
        self._waiting: tuple[int, torch.Tensor] | None = None

    def check(self, step: int, values: Mapping[str, torch.Tensor]) -> None:
        """Check the values of the step before and remember this one's.

        Raises:
            FloatingPointError: one was not finite.
        """
        self.close()
        self._waiting = (step, sum((value.detach().float() for value in values.values()), torch.zeros(())))

    def close(self) -> None:
        """Check what is remembered.

        Raises:
            FloatingPointError: a value was not finite.
        """
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not math.isfinite(waiting[1].item()):
            raise FloatingPointError(f"loss: expected finite numbers at step {waiting[0]}, got others")
