"""Embeddings of musical quantities: formulas by hand, golden vectors, and the properties they exist for."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from munet.conditions.positions import (
    FundamentalMusicEmbedding,
    global_time_embedding,
    sinusoidal_angles,
    sinusoidal_embedding,
)
from tests.golden import parity_tensors


def test_angles_by_hand() -> None:
    # dim 4, base 100: 1, 1, 100^-(2/4), 100^-(2/4)
    torch.testing.assert_close(sinusoidal_angles(4, 100.0), torch.tensor([1.0, 1.0, 0.1, 0.1]))


def test_columns_are_sine_then_cosine() -> None:
    embedding = sinusoidal_embedding(torch.tensor([2.0]), 4, 100.0)
    expected = [math.sin(2), math.cos(2), math.sin(0.2), math.cos(0.2)]
    torch.testing.assert_close(embedding, torch.tensor([expected]))


def test_base_one_repeats_the_pair() -> None:
    embedding = FundamentalMusicEmbedding(8)(torch.tensor([[5]]))
    torch.testing.assert_close(embedding, torch.tensor([math.sin(5), math.cos(5)]).repeat(4).reshape(1, 1, 8))


def test_golden_fundamental_music_embedding() -> None:
    golden = parity_tensors("embeddings_d1024.safetensors")
    embedding = FundamentalMusicEmbedding(1024)
    embedding.load_state_dict({"translation_bias": golden["fme.translation_bias"]})
    torch.testing.assert_close(embedding(golden["fme.in.roots"]), golden["fme.out"], atol=1e-5, rtol=0)


def test_golden_time_embedding() -> None:
    golden = parity_tensors("embeddings_d1024.safetensors")
    actual = global_time_embedding(golden["pe.global_time.in"], 1024)
    torch.testing.assert_close(actual, golden["pe.global_time.out"], atol=1e-5, rtol=0)
    if "pe.global_time.in_float64" in golden:
        actual = global_time_embedding(golden["pe.global_time.in_float64"], 1024)
        assert actual.dtype == torch.float64
        torch.testing.assert_close(actual.float(), golden["pe.global_time.out_from_float64"], atol=1e-6, rtol=0)


@given(st.floats(0, 12), st.floats(0, 12), st.floats(-6, 6))
def test_equal_intervals_are_equally_far_apart(first: float, second: float, interval: float) -> None:
    values = torch.tensor([first, first + interval, second, second + interval], dtype=torch.float64)
    a, b, c, d = sinusoidal_embedding(values, 16, 1000.0)
    assert (a - b).norm().item() == pytest.approx((c - d).norm().item(), abs=1e-6)


def test_half_precision_weights_keep_times_exact() -> None:
    embedding = FundamentalMusicEmbedding(64, base=1000.0).to(torch.bfloat16)
    values = torch.tensor([9.87])
    exact = sinusoidal_embedding(values, 64, 1000.0)
    assert embedding(values).dtype == torch.bfloat16
    torch.testing.assert_close(embedding(values).float(), exact, atol=4e-3, rtol=0)


@pytest.mark.parametrize(("dim", "base", "argument"), [(7, 10.0, "dim"), (0, 10.0, "dim"), (8, 0.0, "base")])
def test_bad_arguments_are_named(dim: int, base: float, argument: str) -> None:
    with pytest.raises(ValueError, match=f"^{argument}:"):
        sinusoidal_embedding(torch.zeros(1), dim, base)
