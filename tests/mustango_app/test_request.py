"""The request: checked once when it is made, without a model, the same for everybody who asks."""

from __future__ import annotations

from typing import Any

import pytest

from augmentation.compose.composer import compose
from munet.errors import RequestError
from munet.music import MusicPlan
from mustango_app.planning import planner
from mustango_app.request import Request

PROMPT = "A calm waltz for piano in G major"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("seed", -1, "seed: expected an integer from 0 to"),
        ("seed", 1.5, "seed: expected an integer"),
        ("steps", 0, "steps: expected an integer from 1 to 1000, got 0"),
        ("guidance", -1, "guidance: expected a number from 0 to 30, got -1"),
        ("guidance_interval", (0.9, 0.2), r"guidance_interval: expected two noise levels from 0 to 1, the lower one"),
        ("num_clips", 65, "num_clips: expected an integer from 1 to 64, got 65"),
        ("best_of", 0, "best_of: expected an integer from 1 to 64, got 0"),
        ("seconds", 601, "seconds: expected a number from 1 to 600, got 601"),
        ("bars", 0, "bars: expected an integer from 1"),
        ("bars", 400, "duration: expected a number from 0.5 to 600"),
        ("plan", {"bpm": 90}, "plan: expected a MusicPlan"),
        ("bpm", 5000, "bpm: expected a number from 30 to 300, got 5000"),
        ("chords", "H#q", "chords: expected .*, got 'H#q'"),
    ],
)
def test_every_field_is_checked_when_the_request_is_made(field: str, value: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Request(PROMPT, **{field: value})


def test_whole_floats_count_as_integers_as_json_writes_them() -> None:
    request = Request(PROMPT, seed=7.0, steps=25.0, meter=3.0)
    assert (request.seed, request.steps, request.draft.plan.meter) == (7, 25, 3)


def test_a_seed_is_drawn_once_and_kept() -> None:
    first, second = Request(PROMPT), Request(PROMPT)
    assert first.seed != second.seed
    assert first.at(first.seed) is first
    assert Request(PROMPT, seed=first.seed) == first


def test_clips_and_candidates_have_seeds_of_their_own() -> None:
    request = Request(PROMPT, seed=10, num_clips=3, best_of=4)
    assert request.seeds == (10, 14, 18)
    assert request.at(14) == Request(PROMPT, seed=14, best_of=4)


def test_bars_are_a_length_at_the_tempo_and_metre_of_the_plan() -> None:
    assert Request(PROMPT, bpm=90, bars=4).draft.plan.duration == 8.0  # 4 bars of 3 beats, 2/3 s each
    plan = MusicPlan(bpm=120, meter=4, duration=8.0)
    assert Request("rock", plan=plan, bars=3).draft.plan.duration == 6.0
    with pytest.raises(RequestError, match="bars: expected either bars or seconds"):
        Request(PROMPT, bars=4, seconds=8)


def test_only_what_a_person_can_mend_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    from mustango_app.cli import main

    def broken(text: str, **fixed: Any) -> Any:
        raise ValueError("setting an array element with a sequence")  # a fault of the program

    monkeypatch.setattr(planner, "plan_with_sources", broken)
    with pytest.raises(ValueError, match="array element"):
        main(["plan", PROMPT])


@pytest.mark.parametrize("seed", range(12))
def test_nothing_of_a_whole_plan_is_changed(seed: int) -> None:
    """A plan with sections, beats, chords, players and melody comes out as it went in, whatever the words say."""
    piece = compose(990_000 + seed, duration=10.0)
    made = Request("a slow waltz in D minor, no drums, chords C G, 90 bpm", plan=piece.plan, seed=seed).draft.plan
    given = {name: value for name, value in piece.plan.given().items() if name != "notes"}
    assert {name: getattr(made, name) for name in given} == given
