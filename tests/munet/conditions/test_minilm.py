"""The packaged text encoder gives what `transformers` gives."""

from __future__ import annotations

import pytest
import torch

from munet.conditions.minilm import load_minilm
from munet.conditions.text import encode_tokens, load_text_encoder, minilm_folder, tokenize

PROMPTS = ["A calm waltz for piano and strings in G major, 90 bpm", "", "Fünky! 123 音楽 " * 40]


@pytest.mark.parametrize("longest", [True, False])
def test_tokens_and_states_are_those_of_transformers(longest: bool) -> None:
    folder = minilm_folder()
    assert folder is not None
    ours, theirs = load_minilm(folder), load_text_encoder()
    ids, mask = tokenize(ours[0], PROMPTS, 64, longest)
    expected_ids, expected_mask = tokenize(theirs[0], PROMPTS, 64, longest)
    assert torch.equal(ids, expected_ids) and torch.equal(mask, expected_mask)
    with torch.no_grad():
        for made, expected in zip(encode_tokens(ours[1], ids, mask), encode_tokens(theirs[1], ids, mask), strict=True):
            torch.testing.assert_close(made, expected, rtol=0, atol=1e-5)
