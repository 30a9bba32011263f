"""The type that a device multiplies fast: bfloat16 where it has instructions for it.

A processor without matrix instructions for bfloat16 emulates them, a hundred times slower than float32.
"""

from __future__ import annotations

import torch


def name_of(dtype: torch.dtype) -> str:
    """Return the name of a type without its module, such as "float32"."""
    return str(dtype).removeprefix("torch.")


def native_precision(device: torch.device) -> tuple[torch.dtype, str]:
    """Return bfloat16 where `device` has instructions for it, otherwise float32; and why."""
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.bfloat16, "bfloat16: the GPU has it"
        return torch.float32, "float32: the GPU has no bfloat16"
    if torch.cpu._is_amx_tile_supported():
        return torch.bfloat16, "bfloat16: the processor has AMX"
    if torch.cpu._is_avx512_bf16_supported():
        return torch.bfloat16, "bfloat16: the processor has AVX512-BF16"
    return torch.float32, "float32: the processor has no bfloat16"
