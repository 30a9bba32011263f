"""What a plan may hold: the error that says otherwise, ranges, defaults, and the checks of single values.

Times are seconds, tempo is beats per minute (BPM).
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

from munet.errors import RequestError
from munet.music.instruments import CLASS_NAMES, INSTRUMENT_NAMES

BPM_RANGE, METER_RANGE, DURATION_RANGE = (30.0, 300.0), (1, 15), (0.5, 600.0)
BARS_RANGE, PITCH_RANGE = (1, 999), (0, 127)
DEFAULT_BPM, DEFAULT_METER, DEFAULT_KEY, DEFAULT_DURATION = 120.0, 4, "C major", 10.0
BEAT_UNITS = ("quarter", "dotted quarter", "half", "eighth")
ENERGIES = ("calm", "moderate", "energetic")


class PlanError(RequestError):
    """A musical request that cannot be met: `argument`, what was `expected`, and the `value` that came."""

    def __init__(self, argument: str, expected: str, value: object) -> None:
        super().__init__(argument, expected, value)  # all three, so that the error survives pickling
        self.argument, self.expected, self.value = argument, expected, value

    def __str__(self) -> str:
        return f"{self.argument}: expected {self.expected}, got {self.value!r}"


def check_number(argument: str, value: object, limits: tuple[float, float]) -> float:
    """Return a real number within `limits` as float."""
    if isinstance(value, bool) or not isinstance(value, Real) or not limits[0] <= value <= limits[1]:
        raise PlanError(argument, f"a number from {limits[0]:g} to {limits[1]:g}", value)
    return float(value)


def check_integer(argument: str, value: object, limits: tuple[int, int]) -> int:
    """Return a whole number within `limits` as int."""
    if isinstance(value, bool) or not isinstance(value, Real) or value not in range(limits[0], limits[1] + 1):
        raise PlanError(argument, f"an integer from {limits[0]} to {limits[1]}", value)
    return int(value)


def check_choice(argument: str, value: object, choices: Sequence[str]) -> str:
    """Return one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise PlanError(argument, f"one of {', '.join(choices)}", value)
    return value


def check_text(argument: str, value: object) -> str:
    """Return a text without the white space around it; an empty one is an error."""
    if not isinstance(value, str) or not value.strip():
        raise PlanError(argument, "a text that is not empty", value)
    return value.strip()


def check_instruments(argument: str, value: object) -> tuple[str, ...] | None:
    """Return the names of instruments or of their classes, each once; None for none of them.

    A text is read as names between commas, in any case.
    """
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        raise PlanError(argument, "a sequence of names of instruments", value)
    known = {name.lower(): name for name in (*CLASS_NAMES, *INSTRUMENT_NAMES)}
    found: dict[str, None] = {}
    for name in names:
        plain = name.strip().lower() if isinstance(name, str) else ""
        if plain not in known:
            raise PlanError(argument, f"names of instruments among {', '.join(known.values())}", name)
        found[known[plain]] = None
    return tuple(found) or None


def check_rows(argument: str, value: object, form: str) -> list[Sequence[Any]]:
    """Return the rows of a sequence, each as long as `form` ("symbol, start second") has words between commas."""
    rows = [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
    size = form.count(",") + 1
    if not all(isinstance(row, list | tuple) and len(row) == size for row in rows):
        raise PlanError(argument, f"a sequence of ({form}) {'pairs' if size == 2 else 'rows'}", value)
    return rows
