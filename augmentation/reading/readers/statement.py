"""What a reader finds: one statement of the text about one field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Statement:
    """One statement.

    Args:
        field: the field of the plan that it is about.
        value: what is stated.
        first, last: its tokens, `first` to before `last`.
        rank: how plainly it is said; 0 is plainest.
    """

    field: str
    value: Any
    first: int
    last: int
    rank: int = 0


def plainest(statements: Iterable[Statement]) -> Statement | None:
    """Return the statement of the lowest rank, the first of them; None of none."""
    return min(statements, key=lambda one: (one.rank, one.first), default=None)
