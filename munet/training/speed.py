"""How fast a device is, measured: the yardstick beside a training's own speed."""

from __future__ import annotations

import time

import torch


def multiplies_bfloat16(device: torch.device) -> bool:
    """Say whether bfloat16 is the fast choice on `device`.

    GPUs multiply it fast; of CPUs only some, and on the others it is a hundred times slower than float32.
    """
    return device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()


def peak_flops(device: torch.device, size: int = 2048, seconds: float = 0.5) -> float:
    """Measure the operations a second of a large matrix product on `device`, in its fast number format.

    Args:
        device: where to measure.
        size: of the square matrices.
        seconds: how long to measure, at least one product after three to warm up.
    """
    number_format = torch.bfloat16 if multiplies_bfloat16(device) else torch.float32
    matrix = torch.randn(size, size, device=device, dtype=number_format)

    def products(count: int) -> None:
        for _ in range(count):
            matrix @ matrix
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    products(3)
    count, began = 0, time.monotonic()
    while count == 0 or time.monotonic() - began < seconds:
        products(4)
        count += 4
    return count * 2 * size**3 / (time.monotonic() - began)
