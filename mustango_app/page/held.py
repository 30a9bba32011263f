"""A plan that the page holds: of a clip, a link or a recording, of which the fields show only what fits into them.

As long as nobody changes a field, what it was filled from counts, exact beats, sections and melody among it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from munet.music import MusicPlan
from mustango_app.page.fields import NAMES, read_locked, shown

FRAME = frozenset({"bpm", "meter", "duration"})  # without these nothing else has its place in time


def shown_values(plan: MusicPlan) -> tuple[list[Any], list[bool]]:
    """Return what the fields show of a plan, and that each one that shows something is locked."""
    values = shown(plan)
    fields = [values[name] if values[name] is not None else "" for name in NAMES]
    return fields, [value not in ("", []) for value in fields]


def asked_of(held: Mapping[str, Any] | None, values: Sequence[Any], locks: Sequence[bool]) -> dict[str, Any]:
    """Return the fields of a `Request` that the page asks for.

    Args:
        held: the plan that the fields were filled from as plain values, None for none.
        values: of `NAMES`, in order, as the page holds them.
        locks: whether each belongs to the person.

    Raises:
        RequestError: naming the field that is not understood.
    """
    if not held:
        return read_locked(values, locks)
    plan = MusicPlan.from_dict(held)
    fields, _ = shown_values(plan)
    same = {
        name
        for name, value, locked, was in zip(NAMES, values, locks, fields, strict=True)
        if locked and value == was and value not in ("", [])
    }
    if not same >= FRAME:
        return read_locked(values, locks)
    harmony = {"key", "chords"} <= same
    if not harmony:
        same -= {"sections"}  # of them only what the field shows: their own keys and chords are others now
    kept = same | {"beats", "beat_unit"} | ({"melody", "loop"} if harmony else set())
    part = MusicPlan(**{name: getattr(plan, name) for name in kept})
    changed = read_locked(values, [lock and name not in same for name, lock in zip(NAMES, locks, strict=True)])
    return {"plan": part, **changed}


def exact_plan(held: Mapping[str, Any] | None, values: Sequence[Any], locks: Sequence[bool]) -> MusicPlan | None:
    """Return the held plan if nobody has changed anything that the fields show of it, else None."""
    if not held:
        return None
    plan = MusicPlan.from_dict(held)
    fields, locked = shown_values(plan)
    same = all(
        value == was and bool(lock) == is_ for value, lock, was, is_ in zip(values, locks, fields, locked, strict=True)
    )
    return plan if same and plan.is_complete else None
