"""Settings from elsewhere: what a card, a link, an address written by hand or a recording put into the page.

They are a list of values for words, fields, locks, seed, what `MADE_WITH` names and best of, in this order; None stays
as it is. `draft.js` puts them in, where nobody has typed since they were asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from munet.errors import RequestError
from munet.guidance_weights import Guidance, Interval, check_interval, guidance_weights, read_guidance, read_interval
from munet.music import MusicPlan
from munet.music.checks import check_choice
from mustango_app.page.fields import NAMES, read_number
from mustango_app.page.held import shown_values
from mustango_app.page.results import MADE_WITH
from mustango_app.request import COMPOSED, STEPS_RANGE, check_number

MOST_CANDIDATES = 8
Settings = list[Any]


def settings_of(recipe: Mapping[str, Any]) -> Settings:
    """Return the settings of a recipe; those of its plan are locked."""
    sampling = [recipe.get("steps"), shown_guidance(recipe.get("guidance")), shown_interval(recipe)]
    made_with = [str(recipe.get("seed", "")), *sampling, recipe.get("parts") == COMPOSED, 1]
    return [recipe["prompt"], *_shown(MusicPlan.from_dict(recipe["plan"])), *made_with]


def plan_settings(plan: MusicPlan) -> Settings:
    """Return a plan as settings, all of it locked; words and how it is made stay."""
    return [None, *_shown(plan), None, *[None] * len(MADE_WITH), None]


def recipe_of_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a clip as a recipe, even where they alone do not make it again."""
    clip = card["clip"]
    settings = {name: clip["settings"][name] for name in MADE_WITH if name in clip["settings"]}
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
    readers: Mapping[str, Callable[[str], Any]] = {
        "steps": lambda text: check_number("steps", read_number("steps", text), *STEPS_RANGE),
        "guidance": lambda text: shown_guidance(guidance_of(text)),
        "guidance_interval": lambda text: shown_interval({"guidance_interval": interval_of(text)}),
        "parts": lambda text: check_choice("parts", text, (COMPOSED,)) == COMPOSED,
        "best_of": lambda text: check_number("best_of", read_number("best_of", text), 1, MOST_CANDIDATES),
    }
    for name, read in readers.items():
        try:
            numbers.append(read(said[name]) if said.get(name) else None)
        except RequestError as refused:
            error = refused
            numbers.append(None)
    locks = [None if value is None else True for value in values]
    return error, [said.get("prompt"), *fields, *locks, said.get("seed"), *numbers]


def shown_guidance(guidance: Guidance | None) -> str | None:
    """Return guidance as its field shows it: "3.5", or "chords=2, text=6"; None for none."""
    if isinstance(guidance, Mapping):
        return ", ".join(f"{name}={weight:g}" for name, weight in guidance.items())
    return None if guidance is None else f"{guidance:g}"


def shown_interval(recipe: Mapping[str, Any]) -> str:
    """Return the interval of a recipe's guidance as its field shows it, "" for the model's own."""
    interval = recipe.get("guidance_interval")
    return "" if interval is None else ", ".join(str(float(level)) for level in interval)


def guidance_of(text: str | None) -> Guidance | None:
    """Read the field of guidance, "3,5" as well; None where it is empty.

    Raises:
        RequestError: it holds no guidance.
    """
    text = (text or "").strip()
    return guidance_weights(read_guidance(text if "=" in text else text.replace(",", "."))) if text else None


def interval_of(text: str | None) -> Interval | None:
    """Read the field of the interval of guidance; None where it is empty.

    Raises:
        RequestError: it holds none.
    """
    return check_interval(read_interval(text)) if (text or "").strip() else None


def _shown(plan: MusicPlan) -> Settings:
    fields, locks = shown_values(plan)
    return [*fields, *locks]
