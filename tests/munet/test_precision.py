"""Which type is used where, and that half precision in the denoiser leaves the sampling whole."""

from __future__ import annotations

import copy
import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from munet.files import shipped
from munet.frame_blocks import attention
from munet.music import MusicPlan
from munet.precision import name_of, native_precision
from mustango_app.checkpoint import load_pipeline
from tests.tiny import tiny_pipeline

CPU = torch.device("cpu")
PLAN = MusicPlan(bpm=120, meter=4, key="E minor", duration=1.0).complete()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/cpuinfo")
def test_bfloat16_is_for_processors_that_multiply_it() -> None:
    flags = Path("/proc/cpuinfo").read_text().split()
    dtype, why = native_precision(CPU)
    assert (dtype == torch.bfloat16) == ("amx_tile" in flags or "avx512_bf16" in flags)
    assert why.startswith(name_of(dtype))


def test_the_shipped_model_denoises_in_what_the_processor_has(tmp_path: Path) -> None:
    pipeline = load_pipeline(None, CPU)[1]
    assert pipeline.unet.dtype == native_precision(CPU)[0]
    assert pipeline.vae.dtype == pipeline.beat_encoder.dtype == pipeline.chord_encoder.dtype == torch.float32
    assert load_pipeline(None, CPU, torch.float32)[1].unet.dtype == torch.float32
    shutil.copytree(shipped("pocket"), tmp_path / "other")
    index = json.loads((tmp_path / "other" / "model_index.json").read_text())
    del index["native_precision"]
    (tmp_path / "other" / "model_index.json").write_text(json.dumps(index))
    assert load_pipeline(tmp_path / "other", CPU)[1].unet.dtype == torch.float32


def test_latents_stay_float32_and_noise_is_the_same_in_every_type() -> None:
    pipeline = tiny_pipeline()
    exact = pipeline.prepare_latents(1, 4, torch.Generator().manual_seed(5), None)
    pipeline.unet.to(torch.bfloat16)
    half = pipeline.prepare_latents(1, 4, torch.Generator().manual_seed(5), None)
    assert half.dtype == torch.float32 and torch.equal(half, exact)
    given = pipeline.prepare_latents(1, 4, None, exact.double())
    assert given.dtype == torch.float32 and torch.equal(given, exact)


def test_a_denoiser_in_bfloat16_changes_little() -> None:
    """Within the 8 bits of its numbers: two steps, of which each adds up to a few hundredths."""
    pipeline = load_pipeline(None, CPU, torch.float32)[1]
    pipeline.set_progress_bar_config(disable=True)

    def made() -> torch.Tensor:
        noise = torch.Generator().manual_seed(1)
        return pipeline("rock", PLAN, 1.0, 2, generator=noise, output_type="latent").audios

    exact = made()
    pipeline.register_modules(unet=copy.deepcopy(pipeline.unet).to(torch.bfloat16))
    half = made()
    assert half.dtype == torch.float32
    assert (half - exact).pow(2).mean() < 0.05**2 * exact.pow(2).mean()
    assert not torch.equal(half, exact)


def test_attention_with_gradients_counts_in_float32_on_a_processor() -> None:
    generator = torch.Generator().manual_seed(2)
    query, key, value = (torch.randn(1, 2, 5, 4, generator=generator).bfloat16().requires_grad_() for _ in range(3))
    bias = torch.randn(1, 1, 1, 5, generator=generator).bfloat16()
    precise = [tensor.detach().float().requires_grad_() for tensor in (query, key, value)]
    with torch.autocast("cpu", torch.bfloat16):
        made = attention(query, key, value, bias)
    expected = F.scaled_dot_product_attention(*precise, bias.float())
    assert made.dtype == torch.bfloat16 and torch.equal(made, expected.bfloat16())
    made.float().sum().backward()
    expected.sum().backward()
    for tensor, other in zip((query, key, value), precise, strict=True):
        assert torch.equal(tensor.grad, other.grad.bfloat16())
    with torch.no_grad():
        whole = attention(query.float(), key.float(), value.float(), bias.float())
    assert torch.allclose(whole, expected, atol=1e-6)
