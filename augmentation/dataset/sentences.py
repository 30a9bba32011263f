"""The sentences of a row, drawn anew from its labels: the last step after any change of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from augmentation.captions.control import (
    FIELDS,
    PAPER_COUNTS,
    VOLUME_SENTENCES,
    assemble,
    control_sentences,
    draw_form,
    volume_sentence,
)
from augmentation.dataset.records import MODES, plan_of
from munet.errors import RequestError


def _alternative_key(value: Any) -> str | None:
    """Second key of a row that holds two, as in `["E major", "C# minor"]`."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2 or not all(value):
        return None
    return None if value[1].lower() in MODES else value[1]


def state_row(
    row: Mapping[str, Any], rng: np.random.Generator, counts: Sequence[float] = PAPER_COUNTS
) -> dict[str, Any]:
    """Row with all its sentences drawn anew from its labels.

    Args:
        row: A row; `alt_caption` states no facts. It is not touched.
        rng: Source of every choice.
        counts: See `assemble`.

    Returns:
        A new row: `prompt_ch`, `prompt_bt`, `prompt_bpm`, `prompt_key`, `prompt_aug` (for a change of volume), and
        `main_caption`, the `alt_caption` with some of these very sentences behind it.

    Raises:
        RequestError: If there is no `alt_caption` or a label is malformed.
    """
    if not isinstance(row.get("alt_caption"), str):
        raise RequestError(f"alt_caption: expected a caption that states no facts, got {row.get('alt_caption')!r}")
    sentences = control_sentences(plan_of(row), rng, _alternative_key(row.get("key")))
    change, volume = row.get("augmentation") or {}, ""
    if change.get("kind") == "volume":
        form = draw_form(rng, VOLUME_SENTENCES[change["rising"], change["start"] == 0])
        volume = volume_sentence(change["rising"], change["start"], change["end"], form)
    return {
        **copy.deepcopy(dict(row)),
        **{FIELDS[fact]: text for fact, text in sentences.items()},
        "prompt_aug": volume,
        "main_caption": assemble(row["alt_caption"], sentences, rng, counts, volume),
    }
