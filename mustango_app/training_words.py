"""What a caption states and its row has no field for becomes a condition, as it does when a prompt is read.

The text encoder reads a limited number of tokens, and MusicBench's captions state their facts last: 1,138 of 1,200 are
longer than 64 tokens. A fact in a field is never cut off, and where a caption names players, style or energy the model
learns them in the form in which a prompt will ask for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from munet.errors import RequestError
from munet.music import MusicPlan
from mustango_app.planning.planner import plan_with_sources
from mustango_app.planning.source import Origin

READ = ("bpm", "meter", "key", "style", "instruments", "energy")
COUNTED = ("bpm", "meter")  # where the beats are known, they say it
PARTS = ("style", "instruments", "energy")  # that MusicBench's rows have no column for


def with_stated(plan: MusicPlan, row: Mapping[str, Any], captions: Sequence[str]) -> MusicPlan:
    """Fill the fields that a row leaves open with what its captions state.

    Args:
        plan: of the row; what it says stays.
        row: the row itself: one with a `plan` says all there is, and its own `style`, `instruments` and `energy` count
            before words do.
        captions: the first that states a field counts.
    """
    if row.get("plan"):
        return plan
    plan = _with_columns(plan, row)
    for caption in dict.fromkeys(captions):
        open_fields = [name for name in READ if getattr(plan, name) is None]
        open_fields = [name for name in open_fields if plan.beats is None or name not in COUNTED]
        if not open_fields:
            break
        try:
            read, sources = plan_with_sources(caption)
        except RequestError:
            continue
        stated = [name for name in open_fields if sources[name].origin is Origin.STATED]
        plan = plan.with_(**{name: getattr(read, name) for name in stated})
    return plan


def _with_columns(plan: MusicPlan, row: Mapping[str, Any]) -> MusicPlan:
    """The plan with the row's own columns of who plays and how; a name that is not known is left out."""
    for name in PARTS:
        value = row.get(name)
        if not value or getattr(plan, name) is not None:
            continue
        try:
            plan = plan.with_(**{name: tuple(value) if name == "instruments" else value})
        except RequestError:
            continue
    return plan
