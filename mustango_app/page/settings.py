"""Settings from elsewhere: what a card, a link, an address written by hand or a recording put into the page.

They are a list of values for words, fields, locks, seed, steps, guidance and best of, in this order; None stays as it
is. `draft.js` puts them in, where nobody has typed since they were asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from munet.errors import RequestError
from munet.guidance_weights import LIMITS
from munet.music import MusicPlan
from mustango_app.page.fields import NAMES, read_number
from mustango_app.page.held import shown_values
from mustango_app.request import STEPS_RANGE, check_number

MOST_CANDIDATES = 8
Settings = list[Any]


def settings_of(recipe: Mapping[str, Any]) -> Settings:
    """Return the settings of a recipe; those of its plan are locked."""
    made_with = [recipe.get(name) for name in ("steps", "guidance")]
    return [recipe["prompt"], *_shown(MusicPlan.from_dict(recipe["plan"])), str(recipe.get("seed", "")), *made_with, 1]


def plan_settings(plan: MusicPlan) -> Settings:
    """Return a plan as settings, all of it locked; words and how it is made stay."""
    return [None, *_shown(plan), None, None, None, None]


def recipe_of_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a clip as a recipe, even where they alone do not make it again."""
    clip = card["clip"]
    settings = {name: clip["settings"][name] for name in ("steps", "guidance") if name in clip["settings"]}
    return {"prompt": clip["prompt"], "plan": clip["plan"], "seed": clip["seed"], **settings}


def typed_settings(said: Mapping[str, str]) -> tuple[RequestError | None, Settings]:
    """Return what an address says as if it had been typed; the rest stays.

    A number that its field cannot hold stays away, and the last refusal of one is returned, too.
    """
    values = [said.get(name) for name in NAMES]
    fields: list[Any] = [
        [part.strip() for part in value.split(",")] if value and name == "instruments" else value
        for name, value in zip(NAMES, values, strict=True)
    ]
    error, numbers = None, []
    for name, limits in (("steps", STEPS_RANGE), ("guidance", LIMITS), ("best_of", (1, MOST_CANDIDATES))):
        try:
            number = read_number(name, said.get(name))
            numbers.append(None if number is None else check_number(name, number, *limits))
        except RequestError as refused:
            error = refused
            numbers.append(None)
    locks = [None if value is None else True for value in values]
    return error, [said.get("prompt"), *fields, *locks, said.get("seed"), *numbers]


def _shown(plan: MusicPlan) -> Settings:
    fields, locks = shown_values(plan)
    return [*fields, *locks]
