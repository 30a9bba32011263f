"""The golden vectors themselves: the weight rule, and the kept part against the full set."""

from __future__ import annotations

import hashlib

import pytest
import torch
from safetensors.torch import load_file

from tests.golden import ESSENTIALS, golden_weight, parity_folder, parity_json


@pytest.mark.parametrize("model", ["unet_tiny", "unet_tiny_l1", "vae_hifigan", "deberta_tiny", "embeddings_d1024"])
def test_fill_rule_gives_the_recorded_samples(model: str) -> None:
    samples = parity_json("weights_check.json")["models"][model]["samples"]
    assert samples
    for sample in samples:
        weight = golden_weight(sample["name"], tuple(sample["shape"]))
        assert weight.flatten()[:4].tolist() == sample["first4"]
        assert weight.double().sum().item() == pytest.approx(sample["sum"], abs=1e-4)


def test_fill_rule_gives_the_recorded_hash_of_a_whole_model() -> None:
    tensors = parity_json("unet_tiny.json")["tensors"]
    recorded = parity_json("weights_check.json")["models"]["unet_tiny"]
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(golden_weight(tensor["name"], tuple(tensor["shape"])).numpy().tobytes())
    assert digest.hexdigest() == recorded["sha256_of_all_filled_float32_le_in_listed_order"]


def test_kept_part_agrees_with_the_full_set() -> None:
    folder = parity_folder()
    if folder is None:
        pytest.skip("the full golden set is not at hand")
    for path in ESSENTIALS.glob("*.safetensors"):
        if not (folder / path.name).is_file():
            continue
        full = load_file(folder / path.name)
        for name, kept in load_file(path).items():
            corner = full[name][tuple(slice(size) for size in kept.shape)]
            assert torch.equal(kept, corner), f"{path.name}: {name}"
