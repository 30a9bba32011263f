"""What a person asks for: the checks and the plan that engine, command line and page share.

There is no torch here, so that plans and error messages come at once.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

from munet.music import MusicPlan
from mustango_app.planning import planner

PROMPT_LENGTH = 2000
SECONDS_RANGE = (1.0, 30.0)
DEFAULT_SECONDS = 10.0
MAX_CLIPS = 64


def check_prompt(prompt: str) -> str:
    """Return the prompt without the white space around it.

    Raises:
        ValueError: if it is no text, empty or longer than 2000 characters.
    """
    if not isinstance(prompt, str) or not prompt.strip():
        raise ValueError(f"prompt: expected a description of the music, got {prompt!r}")
    if len(prompt) > PROMPT_LENGTH:
        raise ValueError(f"prompt: expected at most {PROMPT_LENGTH} characters, got {len(prompt)}")
    return prompt.strip()


def check_number(argument: str, value: object, low: float, high: float) -> float:
    """Return a real number from `low` to `high` as float.

    Raises:
        ValueError: if it is no such number.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not low <= value <= high:
        raise ValueError(f"{argument}: expected a number from {low:g} to {high:g}, got {value!r}")
    return float(value)


def check_integer(argument: str, value: object, low: int, high: int) -> int:
    """Return an integer from `low` to `high`; a whole float such as 25.0 counts as one.

    Raises:
        ValueError: if it is no such integer.
    """
    whole = isinstance(value, numbers.Real) and not isinstance(value, bool) and value == value // 1
    if not whole or not low <= value <= high:
        raise ValueError(f"{argument}: expected an integer from {low} to {high}, got {value!r}")
    return int(value)


def check_seconds(seconds: object) -> float:
    """Return the length of a clip in seconds.

    Raises:
        ValueError: if it is no number from 1 to 30.
    """
    return check_number("seconds", seconds, *SECONDS_RANGE)


def plan_with_sources(
    prompt: str, asked: Mapping[str, Any], plan: MusicPlan | None = None, seed: int = 0
) -> tuple[MusicPlan, dict[str, str]]:
    """Return the complete plan for a prompt, and where each field of it comes from: "given", "stated", "default", ...

    `asked` (None: not asked) wins over `plan`, `plan` over the text.

    A new tempo or metre lays a new beat grid; a plan longer than the seconds asked for is cut, a shorter one is an
    error.

    Args:
        prompt: the text.
        asked: any of bpm, meter, key, chords, seconds.
        plan: a plan, in parts or whole.
        seed: decides what is left open.

    Raises:
        ValueError: naming what cannot be used.
    """
    whole, sources = planner.plan_with_sources(prompt, seed=seed, **_fixed(asked, plan))
    check_seconds(whole.duration)
    return whole, sources


def make_plan(prompt: str, asked: Mapping[str, Any], plan: MusicPlan | None = None, seed: int = 0) -> MusicPlan:
    """Return the plan of `plan_with_sources` alone."""
    return plan_with_sources(prompt, asked, plan, seed)[0]


def _fixed(asked: Mapping[str, Any], plan: MusicPlan | None) -> dict[str, Any]:
    """Merge what was asked and what the plan holds into the planner's arguments."""
    fixed = {name: value for name, value in asked.items() if value is not None}
    if "seconds" in fixed:
        fixed["seconds"] = check_seconds(fixed["seconds"])
    if plan is None:
        return fixed
    if not isinstance(plan, MusicPlan):
        raise ValueError(f"plan: expected a MusicPlan, got {plan!r}")
    if plan.duration is not None and "seconds" in fixed:
        if fixed["seconds"] > plan.duration:
            raise ValueError(f"seconds: expected at most the plan's {plan.duration:g}, got {fixed['seconds']:g}")
        plan = plan.crop(0.0, fixed["seconds"])
    held = {name: value for name, value in plan.given().items() if name in planner.ARGUMENTS}
    if "duration" in held:
        held["seconds"] = held.pop("duration")
    if {"bpm", "meter"} & set(fixed):
        held.pop("beats", None)
    return held | fixed
