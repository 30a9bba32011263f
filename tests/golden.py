"""Golden vectors of the reference implementation and the rule that fills a model with reproducible weights.

The full set lies beside the checkout in `../shared/parity` (or where `MUSTANGO_PARITY` points); a small part of it is
kept in `tests/golden`, so that a fresh clone tests parity too.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

ESSENTIALS = Path(__file__).parent / "golden"


def parity_folder() -> Path | None:
    """Folder of the full golden set, or None where it is absent."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "parity"
    folder = Path(os.environ.get("MUSTANGO_PARITY", beside))
    return folder if folder.is_dir() else None


def parity(name: str) -> Path:
    """Path of the golden file `name`: from the full set, else from `tests/golden`, else the test is skipped."""
    for folder in (parity_folder(), ESSENTIALS):
        if folder is not None and (folder / name).is_file():
            return folder / name
    pytest.skip(f"golden file {name} is not at hand: set MUSTANGO_PARITY to the folder of the full set")


def parity_json(name: str) -> Any:
    """Contents of a golden JSON file."""
    return json.loads(parity(name).read_text(encoding="utf-8"))


def parity_tensors(name: str) -> dict[str, torch.Tensor]:
    """Contents of a golden safetensors file."""
    return load_file(parity(name))


def golden_weight(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """The reproducible float32 weight of state-dict name `name` (rule 1.1 of the golden set's README)."""
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    noise = generator.standard_normal(shape, dtype=np.float32)
    if len(shape) >= 2:
        noise = noise * np.float32(0.5 / math.sqrt(math.prod(shape[1:])))
    elif len(shape) == 1 and name.endswith(".weight"):
        noise = np.float32(1) + np.float32(0.02) * noise
    else:
        noise = np.float32(0.02) * noise
    return torch.from_numpy(np.asarray(noise))


def fill(model: nn.Module, prefix: str = "") -> nn.Module:
    """Fill every floating point tensor of the state dict by `golden_weight(prefix + name)`; return it in eval mode.

    A tensor with several names is filled under its first one.
    """
    filled: set[int] = set()
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and tensor.data_ptr() not in filled:
            # The state dict shares its memory with the model: one weight at a time keeps a 1.4 G network affordable.
            tensor.copy_(golden_weight(prefix + name, tuple(tensor.shape)))
            filled.add(tensor.data_ptr())
    return model.eval()
