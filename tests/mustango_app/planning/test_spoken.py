"""Who does not play is told by the plan alone: a sentence encoder hears drums in "no drums"."""

from __future__ import annotations

import pytest

from munet.music import MusicPlan
from mustango_app import Mustango, plan_from_text
from mustango_app.planning.spoken import spoken

BAND = MusicPlan(instruments="piano")


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("string quartet, no drums", "string quartet"),
        ("A piece of rock music without drums", "A piece of rock music"),
        ("no drums", ""),
        ("Drumless lo-fi with piano", "lo-fi with piano"),
        ("piano and cello but no bass or drums, slow. Fast ending", "piano and cello, slow. Fast ending"),
        ("rock with no drums and no bass.", "rock."),
        ("no drums, piano only", "piano only"),
    ],
)
def test_the_silent_are_not_spoken_of(prompt: str, left: str) -> None:
    assert spoken(prompt, BAND) == left
    assert spoken(left, BAND) == left
    assert spoken(prompt, MusicPlan()) == prompt  # nobody else says it


@pytest.mark.parametrize("prompt", ["not too fast, rock", "calm, no vocals,  piano ", "drums and bass", "", "no!"])
def test_all_else_stays_as_it_is(prompt: str) -> None:
    assert spoken(prompt, BAND) == prompt


def test_the_shipped_model_plays_no_drums_as_it_plays_without_the_words() -> None:
    model = Mustango.from_pretrained()
    plan = plan_from_text("string quartet", bpm=110, seconds=1)
    plain, silent = (
        model.generate(prompt, plan=plan, seed=3, steps=1) for prompt in ("string quartet", "string quartet, no drums")
    )
    assert (plain.audio == silent.audio).all()
    assert silent.prompt == "string quartet, no drums"
