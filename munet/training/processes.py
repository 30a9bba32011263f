"""One training in several processes, started by `accelerate launch` or `torchrun`; one process is the common case."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed as dist
from accelerate import PartialState

from munet.training.hardware import training_device


class Processes:
    """This process among those that train together.

    Args:
        device: see `munet.training.hardware.training_device`.
    """

    def __init__(self, device: str | None) -> None:
        on_cpu = device == "cpu" or not torch.cuda.is_available()
        self.state = PartialState(cpu=on_cpu)
        self.device = training_device(device, self.state.local_process_index)

    @property
    def share(self) -> tuple[int, int]:
        """Number of this process, and of all."""
        return self.state.process_index, self.state.num_processes

    @property
    def writes(self) -> bool:
        """Whether this process writes files and speaks."""
        return bool(self.state.is_main_process)

    def wait(self) -> None:
        """Wait for all."""
        self.state.wait_for_everyone()

    def share_weights(self, parameters: Sequence[torch.Tensor]) -> None:
        """Give all processes the weights of the first."""
        if self.share[1] > 1:
            for parameter in parameters:
                dist.broadcast(parameter.data, 0)

    def average_gradients(self, parameters: Sequence[torch.Tensor]) -> None:
        """Replace the gradients by their mean over the processes, in one exchange."""
        if self.share[1] == 1:
            return
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.share[1]
        for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.grad = part.view_as(parameter).clone()

    def agree(self, seconds: float) -> float:
        """Return the first process' clock, so that all stop at the same step."""
        if self.share[1] == 1:
            return seconds
        clock = torch.tensor([seconds], device=self.device, dtype=torch.float64)
        dist.broadcast(clock, 0)
        return float(clock.item())
