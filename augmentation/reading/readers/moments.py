"""Reader of moments within a piece: "at bar 5", "after 8 bars", "at 10 seconds", "from 0:30 on"."""

from __future__ import annotations

from augmentation.reading.tokens import Kind, Tokens

_SPAN_REACH = 8  # tokens behind "drops out" that may say for how long
_BEFORE = ("at", "from", "in", "on", "by", "until", "till", "to", "for")


def read_moment(tokens: Tokens, at: int) -> tuple[int | None, float | None]:
    """Return the bar, from 1 on, or the second that is said from a preposition on: "at bar 5", "after 8 bars",
    "at 10 seconds", "from 0:30 on", "to 0:40"; below zero counted from the end ("in the last 4 bars")."""
    if tokens.word(at) not in (*_BEFORE, "after"):
        return None, None
    after = tokens.word(at) == "after"
    first = tokens.ahead(at, ("the", "about", "around"))
    if tokens.word(first) in ("last", "final"):  # "for the last 4 bars"
        number, unit = tokens[first + 1].get(Kind.QUANTITY, (0.0, ""))
        if unit == "second" and number > 0:
            return None, -number
        return (-int(number), None) if unit == "bar" and number >= 1 else (None, None)
    if tokens.word(at) == "for":
        return None, None
    if Kind.CLOCK in tokens[first]:
        return None, tokens[first][Kind.CLOCK]
    number, unit = tokens[first].get(Kind.QUANTITY, (0.0, ""))
    if unit in ("second", "minute") and Kind.DECADE not in tokens[first]:
        return None, number * (60 if unit == "minute" else 1)
    if unit == "bar" and after and number >= 1:
        return int(number) + 1, None
    if tokens[first].get(Kind.UNIT) == "bar" and tokens[first + 1].get(Kind.NUMBER, 0) >= 1:
        return int(tokens[first + 1][Kind.NUMBER]) + after, None
    return None, None


def read_span(tokens: Tokens, at: int) -> tuple[str, float] | None:
    """Return how long what a token says of a player lasts: "drops out for 4 bars", as ("bars", 4)."""
    for index in range(at + 1, at + _SPAN_REACH):
        if tokens.stops(index) or tokens.word(index) == ",":
            break
        number, unit = tokens[index + 1].get(Kind.QUANTITY, (0.0, ""))
        if tokens.word(index) == "for" and unit in ("bar", "second") and number > 0:
            return f"{unit}s", number
    return None


def spans(tokens: Tokens) -> set[int]:
    """Return the tokens of lengths that say how long somebody plays or is silent, not how long the piece is."""
    found = set()
    for index, token in enumerate(tokens):
        if Kind.ENTER not in token or read_span(tokens, index) is None:
            continue
        reach = range(index + 1, index + _SPAN_REACH)
        if token[Kind.ENTER] == "leave" or any(any(read_moment(tokens, at)) for at in reach):
            found.update(at + 1 for at in reach if tokens.word(at) == "for")
    return found
