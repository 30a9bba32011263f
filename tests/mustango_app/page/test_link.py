"""Links and held plans: what an address or a clip says comes back as the same plan."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from munet.errors import RequestError
from munet.music import MusicPlan
from mustango_app.clip import Clip
from mustango_app.page.fields import NAMES
from mustango_app.page.held import asked_of, exact_plan, shown_values
from mustango_app.page.link import LONGEST_WORD, MOST_BYTES, pack, typed_in, unpack
from mustango_app.page.results import MADE_WITH, recipe_of
from mustango_app.page.settings import guidance_of, interval_of, recipe_of_card, settings_of, typed_settings
from mustango_app.request import MUSIC_FIELDS, Request

PROMPTS = (
    "A calm waltz for piano and strings in G major, 90 bpm",
    "[intro 4 bars] soft piano [verse 8 bars] add bass and drums",
    "music in 7/8, 131.5 bpm, a seamless loop",
)


def recipe(prompt: str, **more: Any) -> dict[str, Any]:
    plan = Request(prompt, seed=3, **more).draft.plan
    return {"prompt": prompt, "plan": plan.to_dict(), "seed": 7, "steps": 5, "guidance": 2.5, "best_of": 1}


def word(values: Any) -> str:
    data = values if isinstance(values, bytes) else json.dumps(values).encode()
    return base64.urlsafe_b64encode(zlib.compress(data)).decode().rstrip("=")


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_link_holds_the_same_plan_and_settings(prompt: str) -> None:
    asked = recipe(prompt)
    again = unpack(pack(asked))
    assert MusicPlan.from_dict(again["plan"]) == MusicPlan.from_dict(asked["plan"])
    assert {name: again[name] for name in ("prompt", "seed", "steps", "guidance", "best_of")} == {
        name: asked[name] for name in ("prompt", "seed", "steps", "guidance", "best_of")
    }


def test_a_link_and_the_fields_of_the_page_hold_all_that_a_recipe_holds() -> None:
    """Whatever a request may say of how a clip is made is in its recipe, in a link and in the page's fields."""
    made_with = {"steps": 5, "guidance": {"text": 2.5, "harmony": 4.0}, "guidance_interval": (0.2, 0.9)}
    made_with["parts"] = "composed"
    assert set(made_with) == set(MADE_WITH)
    plan = Request(PROMPTS[0], seed=3).draft.plan
    clip = Clip(np.zeros((1, 800), np.float32), 8000, plan, PROMPTS[0], 7, {"model": "m", **made_with})
    asked = json.loads(json.dumps(recipe_of(clip)))  # as a browser keeps it
    of_request = {item.name for item in fields(Request) if item.init}
    of_request -= {*MUSIC_FIELDS, "seconds", "bars", "num_clips"}
    assert set(asked) == of_request
    linked = unpack(pack(asked))
    assert set(linked) == set(asked)
    assert {**linked, "plan": None} == {**asked, "plan": None}
    again = settings_of(linked)
    seed, steps, guidance, interval, composed, best_of = again[-6:]
    assert (again[0], seed, steps, composed, best_of) == (PROMPTS[0], "7", 5, True, 1)
    assert guidance_of(guidance) == made_with["guidance"] and interval_of(interval) == made_with["guidance_interval"]
    card = {"clip": clip.to_dict()}
    assert set(recipe_of_card(card)) == set(asked) - {"best_of"}


def test_beats_that_are_not_even_are_in_the_link() -> None:
    asked = recipe("music", bpm=120, seconds=4)
    beats = [
        [second + 0.013 * (index % 3), position] for index, (second, position) in enumerate(asked["plan"]["beats"])
    ]
    asked["plan"]["beats"] = beats
    assert unpack(pack(asked))["plan"]["beats"] == beats


def test_ten_minutes_fit_into_an_address_and_what_does_not_has_none() -> None:
    assert 0 < len(pack(recipe("pop", seconds=600))) < 4000
    noise = "".join(chr(33 + (i * i * 7919 + i // 3) % 90) for i in range(2000))
    long = recipe(noise)
    long["plan"]["beats"] = [[i * 0.3 + (i * i % 97) / 1000, i % 4 + 1] for i in range(1900)]
    long["plan"]["duration"] = 600.0
    assert pack(long) == "" or len(pack(long)) <= LONGEST_WORD


@pytest.mark.parametrize(
    "text",
    ["", "x", "%%%", "A" * (LONGEST_WORD + 1), word([]), word(7), word({"plan": {}}), word({"prompt": 7}),
     word(b"x" * 9_000_000), word(b"[" * 100_000), word({"prompt": "x", "plan": {"bpm": "fast"}}),
     word({"prompt": "x", "plan": {"nonsense": 1}}), word({"prompt": "x"})[:-6]],
)  # fmt: skip
def test_what_is_no_link_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(RequestError, match="expected"):
        unpack(text)
    assert MOST_BYTES < 9_000_000


def test_settings_of_the_wrong_kind_are_left_out() -> None:
    wrong = {"seed": [1], "steps": "many", "guidance": {"voice": 2}, "guidance_interval": [0.9, 0.2], "best_of": -1,
             "parts": "song.mid"}  # fmt: skip
    assert set(unpack(word({"prompt": "x", "plan": {}, **wrong}))) == {"prompt", "plan"}


def test_an_address_can_be_written_by_hand() -> None:
    assert typed_in({"prompt": "calm", "bpm": "90", "bars": "8", "seed": "7", "other": "x", "key": ""}) == {
        "prompt": "calm", "bpm": "90", "duration": "8 bars", "seed": "7",
    }  # fmt: skip
    assert typed_in({"seconds": "5", "bars": "8"}) == {"duration": "5 s"}
    error, settings = typed_settings({"guidance": "3,5", "guidance_interval": "0.2,0.9", "steps": "many"})
    assert settings[-5:] == [None, "3.5", "0.2, 0.9", None, None] and str(error).startswith("steps: expected a number")


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_held_plan_counts_to_the_last_beat_while_nobody_changes_it(prompt: str) -> None:
    plan = Request(prompt, seed=3).draft.plan
    fields, locks = shown_values(plan)
    assert exact_plan(plan.to_dict(), fields, locks) == plan
    asked = asked_of(plan.to_dict(), fields, locks)
    again = Request(prompt, **asked, seed=99).draft.plan
    assert (again.beats, again.chords, again.sections, again.loop) == (
        plan.beats, plan.chords, plan.sections, plan.loop,
    )  # fmt: skip


def test_what_somebody_changes_wins_over_the_held_plan() -> None:
    plan = Request(PROMPTS[1], seed=3).draft.plan
    fields, locks = shown_values(plan)
    fields[NAMES.index("key")] = "Eb major"
    changed = asked_of(plan.to_dict(), fields, locks)
    assert exact_plan(plan.to_dict(), fields, locks) is None
    assert changed["key"] == "Eb major" and changed["plan"].beats == plan.beats
    assert changed["plan"].sections is None  # they say keys and chords of their own
    fields[NAMES.index("bpm")] = "77"
    assert "plan" not in asked_of(plan.to_dict(), fields, locks)
    assert asked_of(plan.to_dict(), fields, [False] * len(NAMES)) == {}
    assert asked_of(None, fields, locks)["bpm"] == "77"
