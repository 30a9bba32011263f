"""Every example of docs/words.md is planned: no statement is dropped, and what no field holds is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mustango_app.planning.planner import plan_from_text

TEXT = (Path(__file__).parents[3] / "docs" / "words.md").read_text(encoding="utf-8")
HELD, NOT_HELD = TEXT.split("## What no field holds")


def examples(text: str) -> list[str]:
    """Return what stands as code in the first column of the tables."""
    rows = re.findall(r"^\| (`[^|]*`) \|", text, re.MULTILINE)
    return [example for row in rows for example in re.findall("`([^`]+)`", row)]


@pytest.mark.parametrize("text", examples(HELD))
def test_every_statement_is_used(text: str) -> None:
    assert [note for note in plan_from_text(text).notes if not note.used] == []
    assert any(note.used for note in plan_from_text(text).notes)


@pytest.mark.parametrize("text", examples(NOT_HELD))
def test_what_no_field_holds_is_said(text: str) -> None:
    assert [note for note in plan_from_text(text).notes if not note.used]


def test_there_are_examples() -> None:
    assert len(examples(HELD)) > 50
    assert len(examples(NOT_HELD)) > 10
