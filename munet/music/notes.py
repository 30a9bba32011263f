"""Notes of a plan: what became of the words that it was read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from munet.music.checks import PlanError


@dataclass(frozen=True)
class Note:
    """What a statement of the text became, or why it could not be used.

    Args:
        statement: the words.
        field: of the plan, None where it concerns none.
        outcome: a sentence or a value.
        used: whether the music follows it.
    """

    statement: str
    field: str | None
    outcome: str
    used: bool

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Note:
        """Return the note of its fields; an unknown one is an error."""
        return from_fields(cls, "notes", values)


def from_fields(kind: type[Any], argument: str, values: Mapping[str, Any]) -> Any:
    """Return an object of a dataclass of its fields, the first of which must be there; an unknown one is an error."""
    names = [field.name for field in fields(kind)]
    if not isinstance(values, Mapping) or not set(values) <= set(names) or names[0] not in values:
        raise PlanError(argument, f"a mapping with {names[0]} and fields among {names}", values)
    return kind(**dict.fromkeys(names[1:]) | dict(values))
