"""Rows of notes, by the token that they begin with, and what notes of all kinds look up."""

from __future__ import annotations

from collections.abc import Iterator

from augmentation.reading.readers.statement import Statement
from augmentation.reading.tokens import Kind, Tokens
from munet.music import MusicPlan, Note, Section, theme_of
from mustango_app.planning.asked import Asked

_NEGATION_REACH = 6

Rows = Iterator[tuple[int, Note]]


def row(asked: Asked, first: int, last: int, field: str | None, outcome: str, used: bool) -> tuple[int, Note]:
    return first, Note(asked.reading.tokens.span(first, last).strip(), field, outcome, used)


def stated(asked: Asked, one: Statement, chosen: Statement | None, outcome: str, name: str) -> tuple[int, Note]:
    """Note a statement: what it became, or that an argument or another statement wins."""
    if name in asked.given:
        return row(asked, one.first, one.last, name, f"the argument wins: {outcome}", False)
    if one is not chosen:
        first = asked.reading.said(chosen) if chosen else "another"
        return row(asked, one.first, one.last, name, f"{first!r} counts: {outcome}", False)
    return row(asked, one.first, one.last, name, outcome, True)


def section_at(asked: Asked, plan: MusicPlan, index: int) -> Section | None:
    """Return the section of which a text speaks at a token."""
    start = asked.reading.tokens[index].start
    said = [number for number, tagged in enumerate(asked.reading.tagged) if tagged.start <= start < tagged.end]
    sections = plan.sections or ()
    number = said[0] if said else None
    if number is not None and (one := asked.reading.tagged[number]).alone:  # in no order
        return next((section for section in sections if theme_of(section.name) == one.name), None)
    return sections[number] if number is not None and number < len(sections) else None


def negation_before(tokens: Tokens, index: int) -> int:
    for at in range(index - 1, max(-1, index - 1 - _NEGATION_REACH), -1):
        if Kind.NEGATION in tokens[at]:
            return at
    return index
