"""What is typed into a card's form, as a change."""

from __future__ import annotations

from typing import Any

import pytest

from munet.errors import RequestError
from mustango_app.page.shaping import asked_on_card
from mustango_app.shaping.changes import Edit, Extension, Variation

REGION = {"start": "1", "end": "2,5"}


def test_a_form_becomes_a_change() -> None:
    edit = asked_on_card("edit", REGION | {"prompt": " with a trumpet ", "chords": "Am D7"})
    assert isinstance(edit, Edit)
    assert (edit.start, edit.end, edit.prompt, edit.chords) == (1, 2.5, "with a trumpet", "Am D7")
    begin = asked_on_card("begin", {"bars": "2"})
    assert isinstance(begin, Extension) and begin.before and begin.bars == 2
    vary = asked_on_card("vary", {"strength": "0.4"})
    assert isinstance(vary, Variation) and vary.strength == 0.4


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (REGION | {"prompt": "x" * 2001}, "prompt: expected at most 2000 characters, got 2001"),
        (REGION | {"chords": "A " * 2001}, "chords: expected at most 4000 characters, got 4001"),
        ({"start": "9" * 400, "end": "2"}, f"start: expected a number, got '{'9' * 40}'"),
        ({"start": "1e400", "end": "2"}, "start: expected a number, got '1e400'"),
        ({}, "start: expected the seconds of a region, got none"),
    ],
)
def test_nothing_typed_is_cut_without_a_word(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RequestError) as caught:
        asked_on_card("edit", said)
    assert str(caught.value) == sentence
