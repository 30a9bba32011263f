"""Chord tokens and embeddings against the reference, and where this project is wider or stricter than it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from munet.conditions.chord_encoder import PUBLISHED_QUALITIES, ChordEncoder, chord_ids, tokenize_chords
from munet.music import QUALITIES
from tests.golden import golden_weight, parity_json, parity_tensors

# What the reference accepts by accident: longer or ragged lists, padding as a chord, a bass under "no chord".
DIFFERENT = (
    "too_long_25",
    "repeat_pad_tokens",
    "N_with_slash",
    "chords_empty_times_not",
    "fewer_times_than_chords",
    "more_times_than_chords",
)


def cases() -> dict[str, dict[str, Any]]:
    return parity_json("tokenizer_chords.json")["cases"]


def test_tokenizer_equals_the_reference_in_every_valid_case() -> None:
    valid = {name: case for name, case in cases().items() if "output" in case and name not in DIFFERENT}
    assert len(valid) >= 10
    for name, case in valid.items():
        chords = list(zip(case["chords"], case["times"], strict=True))
        assert list(tokenize_chords(chords)) == case["output"], name


def test_callers_lists_are_never_padded() -> None:
    chords = [["C", 0.46], ["G", 2.1]]
    before = copy.deepcopy(chords)
    recorded = parity_json("tokenizer_chords.json")["second_call_on_same_lists"]
    for _ in range(2):
        assert list(tokenize_chords(chords)) == recorded["first"]
    assert chords == before


def test_too_many_chords_raise_instead_of_growing() -> None:
    case = cases()["too_long_25"]
    with pytest.raises(ValueError, match=r"^chords: expected at most 20 chords, got 25"):
        tokenize_chords(list(zip(case["chords"], case["times"], strict=True)))


@pytest.mark.parametrize("symbol", ["H", "", "pad", "N/C", "C7b5b9x", "/E"])
def test_what_is_no_chord_raises(symbol: str) -> None:
    with pytest.raises(ValueError, match="chords"):
        tokenize_chords([(symbol, 0.0)])


def test_times_must_be_finite() -> None:
    with pytest.raises(ValueError, match=r"^chords: expected times"):
        tokenize_chords([("C", float("nan"))])


@pytest.mark.parametrize(
    ("symbol", "same"),
    [("Csus4", "C"), ("Cdim7", "Cdim"), ("C9", "C7"), (" G", "G"), ("A:min7", "Am7"), ("Bbm9/F", "Bbm7/F")],
)
def test_richer_chords_are_reduced(symbol: str, same: str) -> None:
    assert chord_ids(symbol) == chord_ids(same)


def test_roots_count_semitones_from_a() -> None:
    roots = [chord_ids(symbol)[0] for symbol in ("A", "A#", "Bb", "B", "C", "G#", "Ab")]
    assert roots == [2, 3, 3, 4, 5, 13, 13]


def test_golden_embeddings() -> None:
    golden = parity_tensors("embeddings_d1024.safetensors")
    described = parity_json("embeddings_d1024.json")
    encoder = ChordEncoder()
    # The reference shares one FME, which its fill rule knows by its first name.
    names = {"FME.translation_bias": "FME.translation_bias"}
    encoder.load_state_dict(
        {
            name: golden_weight(names.get(name, f"chord_embedding_layer.{name}"), tuple(tensor.shape))
            for name, tensor in encoder.state_dict().items()
        }
    )
    rows = zip(described["chords"], described["chord_times"], strict=True)
    chords = [list(zip(symbols, times, strict=True)) for symbols, times in rows]
    with torch.no_grad():
        roots, types, inversions, times, _ = encoder.tokenize(chords)
        embeddings, mask = encoder.encode(chords)
    for name, actual in {"root": roots, "type": types, "inv": inversions, "time": times}.items():
        assert torch.equal(actual, golden[f"chord.in.{name}"]), name
    assert torch.equal(mask, golden["chord.mask"])
    assert embeddings.shape == (3, 20, 1024)
    expected = golden["chord.out"]
    torch.testing.assert_close(embeddings[:, : expected.shape[1]], expected, atol=1e-4, rtol=0)


def test_state_dict_names_are_the_published_ones() -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in ChordEncoder().state_dict().items()}
    expected = {"FME.translation_bias": (1, 1024), "chord_ffn.weight": (1024, 2064), "chord_ffn.bias": (1024,)}
    assert shapes == expected


def test_no_chords_are_one_n() -> None:
    encoder = ChordEncoder(embed_dim=8, max_chords=4)
    embeddings, mask = encoder.encode([[], None, [("N", 0.0)]])
    assert mask.tolist() == [[True, False, False, False]] * 3
    assert torch.equal(embeddings[0], embeddings[2])
    assert torch.equal(embeddings[0], embeddings[1])


def test_larger_vocabulary_tells_more_chords_apart() -> None:
    qualities = (*PUBLISHED_QUALITIES, *(quality for quality in QUALITIES if quality not in PUBLISHED_QUALITIES))
    encoder = ChordEncoder(embed_dim=8, qualities=qualities, fme_base=1000.0)
    embeddings, _ = encoder.encode([[("C", 0.0)], [("Csus4", 0.0)]])
    assert not torch.allclose(embeddings[0, 0], embeddings[1, 0])
    assert chord_ids("Cmaj7", qualities) == chord_ids("Cmaj7")


def test_save_and_load(tmp_path: Path) -> None:
    encoder = ChordEncoder(embed_dim=8, max_chords=3, qualities=("", "m", "sus4"), fme_base=100.0)
    encoder.save_pretrained(tmp_path)
    loaded = ChordEncoder.from_pretrained(tmp_path)
    chords = [[("Csus4", 0.0), ("Am7/G", 0.5)]]
    torch.testing.assert_close(loaded.encode(chords), encoder.encode(chords))


def test_half_precision_weights() -> None:
    embeddings, _ = ChordEncoder(embed_dim=8).to(torch.bfloat16).encode([[("C", 0.5)]])
    assert embeddings.dtype == torch.bfloat16
