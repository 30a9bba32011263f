"""Condition tokens: null form, dropout."""

from __future__ import annotations

import pytest
import torch

from munet.conditions.aligned import ALIGNED_FEATURES, ROWS, rows_of
from munet.conditions.batch import (
    BEATS,
    CHORDS,
    TEXT,
    ConditionDropout,
    null_like,
    plan_tokens,
    replace_group,
    text_tokens,
)
from munet.music import MusicPlan
from tests.tiny import tiny_pipeline

PLAN = MusicPlan(bpm=120, meter=4, key="E minor", duration=1.28).complete()


def tokens_and_null() -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    pipeline = tiny_pipeline()

    def tokens(texts: list[str], plans: list[MusicPlan]) -> dict[str, torch.Tensor]:
        text = text_tokens(pipeline.tokenizer, texts, 8)
        return text | plan_tokens(plans, pipeline.beat_encoder, pipeline.chord_encoder, 16, pipeline.frame_rate)

    return tokens(["rock", "jazz", "calm piano"], [PLAN] * 3), tokens([""], [MusicPlan()])


def test_null_is_an_empty_prompt_without_beats_and_chords() -> None:
    _, null = tokens_and_null()
    assert null["text_mask"].sum() == 2  # start and end of the sentence
    assert not null["beat_mask"].any() and null["chord_mask"].sum() == 1
    assert not null["aligned"].any()


@pytest.mark.parametrize("count", [ALIGNED_FEATURES, 107])
def test_every_aligned_row_belongs_to_one_group(count: int) -> None:
    assert sorted(row for group in (*ROWS, "style") for row in rows_of(group, count)) == list(range(count))


def test_replacing_a_group_changes_it_alone_and_only_in_its_rows() -> None:
    tokens, null = tokens_and_null()
    before = {name: tensor.clone() for name, tensor in tokens.items()}
    replaced = replace_group(tokens, null, "harmony", torch.tensor([False, True, False]))
    assert all(torch.equal(tokens[name], before[name]) for name in tokens)
    for name in CHORDS:
        assert torch.equal(replaced[name][1], null[name][0]) and torch.equal(replaced[name][0], tokens[name][0])
    for name in (*TEXT, *BEATS):
        assert torch.equal(replaced[name], tokens[name])
    assert not replaced["aligned"][1, list(ROWS["harmony"])].any()
    assert torch.equal(replaced["aligned"][1, list(ROWS["rhythm"])], tokens["aligned"][1, list(ROWS["rhythm"])])


def test_notes_go_with_the_arrangement_and_alone_and_where_nothing_takes_them_nothing_happens() -> None:
    tokens, null = tokens_and_null()
    tokens, null = tokens | {"notes": torch.ones(3, 5, 16)}, null | {"notes": torch.zeros(1, 5, 16)}
    rows = torch.tensor([True, False, True])
    for group in ("notes", "arrangement"):
        replaced = replace_group(tokens, null, group, rows)
        assert torch.equal(replaced["notes"].amax(dim=(1, 2)), torch.tensor([0.0, 1.0, 0.0]))
        assert torch.equal(replaced["aligned"], tokens["aligned"])  # this plan has no arrangement
    assert torch.equal(replace_group(tokens, null, "melody", rows)["notes"], tokens["notes"])
    del tokens["notes"]
    assert "notes" not in replace_group(tokens, null, "notes", rows)


def test_dropout_at_its_ends() -> None:
    tokens, null = tokens_and_null()
    kept = ConditionDropout(*[0] * 11)(tokens, null, torch.Generator().manual_seed(0))
    assert all(torch.equal(kept[name], tokens[name]) for name in tokens)
    gone = ConditionDropout(1)(tokens, null, torch.Generator().manual_seed(0))
    expected = null_like(tokens, null)
    assert all(torch.equal(gone[name].float(), expected[name].float()) for name in tokens)


def test_dropout_meets_its_probabilities() -> None:
    tokens, null = tokens_and_null()
    many = {name: tensor[:1].expand(4000, *tensor.shape[1:]) for name, tensor in tokens.items()}
    dropped = ConditionDropout(everything=0.2, text=0.1, rhythm=0, harmony=0)(
        many, null, torch.Generator().manual_seed(1)
    )
    no_text = (dropped["input_ids"] == null["input_ids"]).all(dim=1).float().mean().item()
    no_beats = (~dropped["beat_mask"].any(dim=1)).float().mean().item()
    assert abs(no_text - (1 - 0.8 * 0.9)) < 0.03  # 28 %
    assert abs(no_beats - 0.2) < 0.03
