"""Beat tokens and embeddings against the reference, and where this project is stricter than it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from munet.conditions.beat_encoder import BeatEncoder, tokenize_beats
from tests.golden import fill, parity_json, parity_tensors

# The reference returns longer or ragged lists here, knows an unused "None" token, or raises something else.
DIFFERENT = ("too_long_55", "mismatched_lengths", "None_token", "outer_list_empty")


def cases() -> dict[str, dict[str, Any]]:
    return parity_json("tokenizer_beats.json")["cases"]


def test_tokenizer_equals_the_reference_in_every_valid_case() -> None:
    valid = {name: case for name, case in cases().items() if "output" in case and name not in DIFFERENT}
    assert len(valid) >= 10
    for name, case in valid.items():
        times, positions = case["input"]
        assert list(tokenize_beats(list(zip(times, positions, strict=True)))) == case["output"], name


def test_tokenizer_raises_where_the_reference_does() -> None:
    for name, case in cases().items():
        if "error" in case and name not in DIFFERENT:
            with pytest.raises(ValueError, match=r"^beats: expected positions"):
                tokenize_beats(list(zip(*case["input"], strict=True)))


def test_too_many_beats_raise_instead_of_growing() -> None:
    beats = list(zip(*cases()["too_long_55"]["input"], strict=True))
    with pytest.raises(ValueError, match=r"^beats: expected at most 50 beats, got 55"):
        tokenize_beats(beats)


@pytest.mark.parametrize("beat", [(0.5, 1.5), (0.5, 0), (0.5, float("nan")), (float("nan"), 1), (float("inf"), 1)])
def test_impossible_beats_raise(beat: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"^beats: expected"):
        tokenize_beats([beat])


def test_numpy_numbers_are_numbers() -> None:
    assert tokenize_beats([(np.float64(0.5), np.int64(2))], 2) == ([3, 0], [0.5, 0.5], [True, False])


def test_golden_embeddings() -> None:
    golden = parity_tensors("embeddings_d1024.safetensors")
    encoder = fill(BeatEncoder(), "beat_embedding_layer.")
    beats = [
        list(zip(times, positions, strict=True)) for times, positions in parity_json("embeddings_d1024.json")["beats"]
    ]
    before = copy.deepcopy(beats)
    with torch.no_grad():
        ids, times, _ = encoder.tokenize(beats)
        embeddings, mask = encoder.encode(beats)
    assert beats == before
    assert torch.equal(ids, golden["beat.in.type"])
    assert torch.equal(times, golden["beat.in.time"])
    assert torch.equal(mask, golden["beat.mask"])
    assert embeddings.shape == (2, 50, 1024)
    expected = golden["beat.out"]
    torch.testing.assert_close(embeddings[:, : expected.shape[1]], expected, atol=1e-4, rtol=0)


def test_no_beats_are_masked_out() -> None:
    encoder = BeatEncoder(embed_dim=8, max_beats=4)
    embeddings, mask = encoder.encode([[], None])
    assert not mask.any()
    assert torch.equal(embeddings[0], embeddings[1])


def test_published_vocabulary_ends_at_five_beats_and_a_larger_one_does_not() -> None:
    beats = [[(0.1 * i, i + 1) for i in range(12)]]
    with pytest.raises(ValueError, match=r"^beats: expected positions in the bar from 1 to 5, got 6"):
        BeatEncoder(embed_dim=8).encode(beats)
    embeddings, mask = BeatEncoder(embed_dim=8, max_beats=64, num_beat_types=14).encode(beats)
    assert embeddings.shape == (1, 64, 8)
    assert mask.sum() == 12


def test_save_and_load(tmp_path: Path) -> None:
    encoder = BeatEncoder(embed_dim=8, max_beats=6, num_beat_types=9)
    encoder.save_pretrained(tmp_path)
    loaded = BeatEncoder.from_pretrained(tmp_path)
    beats = [[(0.0, 7), (0.5, 1)]]
    torch.testing.assert_close(loaded.encode(beats), encoder.encode(beats))


def test_half_precision_weights() -> None:
    embeddings, _ = BeatEncoder(embed_dim=8).to(torch.bfloat16).encode([[(0.5, 1)]])
    assert embeddings.dtype == torch.bfloat16
