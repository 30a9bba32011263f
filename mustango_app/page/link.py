"""Links: a recipe as a word that fits into an address, and settings that somebody wrote into one by hand.

`?make=WORD` holds everything that a clip is made of, so that it makes the same clip; `?prompt=...&bpm=90&seed=7` fills
the fields as if they had been typed.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

from munet.errors import RequestError
from munet.music import MusicPlan
from mustango_app.page.fields import NAMES
from mustango_app.page.results import MADE_WITH, SAMPLING
from mustango_app.request import COMPOSED, SEED_RANGE, check_integer, checked_sampling

LONGEST_WORD = 12_000  # characters, what servers and proxies take as an address
MOST_BYTES = 2**20  # of a recipe as JSON
SETTINGS = ("seed", *MADE_WITH, "best_of")
WANTED = "link: expected the address of a clip, got another"


def pack(recipe: Mapping[str, Any]) -> str:
    """Return the word of a recipe, "" if it would be too long for an address."""
    plan = _smallest(MusicPlan.from_dict(recipe["plan"]))
    kept = {"prompt": recipe["prompt"], "plan": plan} | {name: recipe[name] for name in SETTINGS if name in recipe}
    data = zlib.compress(json.dumps(kept, separators=(",", ":")).encode(), 9)
    word = base64.urlsafe_b64encode(data).decode().rstrip("=")
    return word if len(word) <= LONGEST_WORD else ""


def unpack(word: str) -> dict[str, Any]:
    """Return the recipe of a word: prompt, a complete plan, seed and how it is made, as far as the word says.

    Raises:
        RequestError: it is none.
    """
    if len(word) > LONGEST_WORD:
        raise RequestError(WANTED)
    try:
        data = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
        inflater = zlib.decompressobj()
        text = inflater.decompress(data, MOST_BYTES)
        values = json.loads(text) if inflater.eof else None
    except (ValueError, zlib.error, RecursionError):
        raise RequestError(WANTED) from None
    if not isinstance(values, dict) or not isinstance(values.get("prompt"), str):
        raise RequestError(WANTED)
    plan = MusicPlan.from_dict(values.get("plan") or {})
    whole = plan if plan.is_complete else plan.complete()
    settings = {name: values[name] for name in SETTINGS if values.get(name) is not None and _is_one(name, values[name])}
    return {"prompt": values["prompt"], "plan": whole.to_dict(), **settings}


def _is_one(name: str, value: Any) -> bool:
    """Whether a link's value is one that the setting may have."""
    try:
        if name == "parts":
            return value == COMPOSED
        if name in SAMPLING:
            checked_sampling(**dict.fromkeys(SAMPLING) | {name: value})
        else:
            check_integer(name, value, *SEED_RANGE)
    except RequestError:
        return False
    return True


def typed_in(query: Mapping[str, str]) -> dict[str, str]:
    """Return what an address written by hand says: fields, prompt and settings by name, as text."""
    names = ("prompt", *NAMES, *SETTINGS)
    found = {name: query[name] for name in names if query.get(name)}
    for name, unit in (("seconds", "s"), ("bars", "bars")):
        if query.get(name) and "duration" not in found:
            found["duration"] = f"{query[name]} {unit}"
    return found


def _smallest(plan: MusicPlan) -> dict[str, Any]:
    """Return a complete plan without what completing it gives back."""
    plan = plan.with_(notes=())
    bare = plan.with_(beats=None)
    values = (bare if bare.duration and bare.complete() == plan else plan).to_dict()
    return {name: value for name, value in values.items() if value not in (None, [], (), "", False)}
