"""The sentences of a row, drawn anew from its labels: the last step after any change of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from augmentation.captions.control import (
    FIELDS,
    PAPER_COUNTS,
    assemble,
    control_sentences,
    volume_forms,
    volume_sentence,
)
from augmentation.dataset.labels import Record
from munet.errors import RequestError
from munet.music import MusicPlan


def state(
    record: Record,
    rng: np.random.Generator,
    counts: Sequence[float] = PAPER_COUNTS,
    known: MusicPlan | None = None,
) -> Record:
    """Row with all its sentences drawn anew from its labels.

    Args:
        record: A row; `alt_caption` states no facts.
        rng: Source of every choice.
        counts: See `assemble`.
        known: What of the plan may be stated; all of it if None.

    Returns:
        A new row: `prompt_ch`, `prompt_bt`, `prompt_bpm`, `prompt_key`, `prompt_aug` (for a change of volume), and
        `main_caption`, the `alt_caption` with some of these very sentences behind it.

    Raises:
        RequestError: If there is no `alt_caption`.
    """
    caption = record.fields.get("alt_caption")
    if not isinstance(caption, str):
        raise RequestError(f"alt_caption: expected a caption that states no facts, got {caption!r}")
    plan = record.plan if known is None else known
    sentences = control_sentences(plan, rng, record.alternative_key if plan.key else None)
    change, volume = record.fields.get("augmentation") or {}, ""
    if change.get("kind") == "volume":
        forms = volume_forms(change["rising"], change["start"], record.fields.get("duration"))
        form = forms[int(rng.integers(len(forms)))]
        volume = volume_sentence(change["rising"], change["start"], change["end"], form)
    texts = {FIELDS[fact]: text for fact, text in sentences.items()}
    main = assemble(caption, sentences, rng, counts, volume)
    return record.with_fields(**texts, prompt_aug=volume, main_caption=main)


def state_row(
    row: Mapping[str, Any], rng: np.random.Generator, counts: Sequence[float] = PAPER_COUNTS
) -> dict[str, Any]:
    """New row with its sentences drawn anew, see `state`."""
    return dict(state(Record.of(row), rng, counts).fields)
