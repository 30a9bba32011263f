"""What the machine can do: the precision to train in, and its measured rate of matrix products."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from munet.errors import RequestError
from munet.precision import native_precision


def training_device(name: str | None, local_rank: int = 0) -> torch.device:
    """Return the device to train on: `name`, or None or "auto" for a CUDA device where there is one.

    Args:
        name: "auto", "cpu", "cuda" or "cuda:N".
        local_rank: which CUDA device a process of several takes when no number is given.

    Raises:
        RequestError: no such device.
    """
    if name in (None, "auto"):
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type == "cuda" and device.index is None and torch.cuda.is_available():
        device = torch.device("cuda", local_rank)
    missing = device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    if device.type not in ("cpu", "cuda") or missing:
        raise RequestError(
            f"device: expected auto, cpu or one of {torch.cuda.device_count()} CUDA devices, got {name!r}"
        )
    return device


def training_precision(device: torch.device, asked: str = "auto") -> tuple[torch.dtype, str]:
    """Return the type to compute in, and why; see `munet.precision`.

    Args:
        device: where to compute.
        asked: "auto", or "float32" or "bfloat16" whatever the device.

    Raises:
        RequestError: another name.
    """
    if asked not in ("auto", "float32", "bfloat16"):
        raise RequestError(f"precision: expected auto, float32 or bfloat16, got {asked!r}")
    if asked != "auto":
        return getattr(torch, asked), f"{asked}: asked for"
    return native_precision(device)


def matmul_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Measure the rate of a large matrix product, FLOP/s: best of five, after warming up."""
    size = 8192 if device.type == "cuda" else 1024
    first, second = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for attempt in range(8):
        _finish(device)
        started = time.perf_counter()
        first @ second
        _finish(device)
        if attempt > 2:
            best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def counted_flops(evaluate: Callable[[], object]) -> float:
    """Floating point operations of one call, as PyTorch counts them."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        evaluate()
    return float(counter.get_total_flops())
