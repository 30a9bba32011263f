"""Guidance by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from munet.errors import RequestError
from munet.guidance import guidance_weights, guided, is_guided, without_groups
from munet.guidance_weights import read_guidance
from tests.munet.conditions.test_batch import tokens_and_null


def test_one_weight_and_weights_by_group_by_hand() -> None:
    given = torch.tensor([[3.0], [5.0]])
    assert guided(given, torch.tensor([[1.0], [1.0]]), 2.0).tolist() == [[5.0], [9.0]]  # 1 + 2 (3 - 1), 1 + 2 (5 - 1)
    without = torch.tensor([[2.0], [2.0], [1.0], [4.0]])  # without chords, then without text
    # 3 + 1 (3 - 2) + 2 (3 - 1) = 8; 5 + 1 (5 - 2) + 2 (5 - 4) = 10
    assert guided(given, without, {"harmony": 2.0, "text": 3.0}).tolist() == [[8.0], [10.0]]


def test_names_are_checked_and_weights_of_one_fall_away() -> None:
    assert guidance_weights({"chords": 2, "text": 1, "arrangement": 3.5}) == {"harmony": 2.0, "arrangement": 3.5}
    assert guidance_weights(2) == 2.0
    assert is_guided(2.0) and not is_guided(1.0) and not is_guided(guidance_weights({"text": 1}))


@pytest.mark.parametrize(
    ("guidance", "message"),
    [
        ({"tempo": 2}, "guidance: expected groups among text, harmony, .* got 'tempo'"),
        ({"chords": 2, "harmony": 2}, "guidance: expected each group once, got harmony twice"),
        ({"text": "much"}, "guidance.text: expected a number from 0 to 30, got 'much'"),
        (31, "guidance: expected a number from 0 to 30, got 31"),
    ],
)
def test_what_is_wrong_is_named(guidance: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        guidance_weights(guidance)


def test_each_form_lacks_one_group_and_keeps_the_others() -> None:
    given, null = tokens_and_null()
    forms = without_groups(given, null, {"harmony": 2.0, "text": 3.0})
    count = len(given["aligned"])
    assert all(len(value) == 2 * count for value in forms.values())
    assert torch.equal(forms["input_ids"][:count], given["input_ids"])
    assert torch.equal(forms["input_ids"][count:], null["input_ids"].expand(count, -1).to(torch.long))
    assert torch.equal(forms["chord_roots"][count:], given["chord_roots"])
    assert not torch.equal(forms["chord_roots"][:count], given["chord_roots"])
    assert not forms["aligned"][:count, 51].any() and forms["aligned"][count:, 51].all()


def test_guidance_as_people_write_it() -> None:
    assert read_guidance("4.5") == 4.5
    assert read_guidance("chords=2, text=6") == {"chords": 2.0, "text": 6.0}
    for text in ("much", "chords=many", "=,="):
        with pytest.raises(RequestError, match="guidance: expected a number, or weights"):
            read_guidance(text)
