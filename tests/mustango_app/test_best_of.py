"""Best of several: the candidate that keeps to the plan wins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from augmentation.compose.composer import compose
from augmentation.compose.renderer import render
from munet.music import MusicPlan
from mustango_app.best_of import adherence_of, most_adherent
from mustango_app.clip import Clip
from mustango_app.engine import Mustango
from tests.tiny import tiny_pipeline_folder

PLAN = MusicPlan(bpm=120, meter=4, key="A minor", chords=(("Am", 0.0), ("F", 2.0), ("G", 4.0)), duration=6.0).complete()
RATE = 44100


def clip(audio: np.ndarray, seed: int) -> Clip:
    return Clip(audio, RATE, PLAN, "rock", seed, {"model": "test"})


@pytest.fixture(scope="module")
def faithful() -> Clip:
    return clip(render(compose(3, style="rock", plan=PLAN), RATE), 3)


@pytest.fixture(scope="module")
def wayward() -> Clip:
    """The same style in another key at another tempo."""
    other = MusicPlan(bpm=93, meter=3, key="C# major", duration=6.0).complete()
    return clip(render(compose(3, style="rock", plan=other), RATE), 4)


def test_the_clip_that_keeps_to_the_plan_wins(faithful: Clip, wayward: Clip) -> None:
    best = most_adherent([wayward, faithful])
    assert best.seed == 3 and np.array_equal(best.audio, faithful.audio)
    assert best.settings["best_of"] == 2 and best.settings["model"] == "test"
    assert best.settings["adherence"] == pytest.approx(adherence_of(faithful), abs=1e-4)
    assert adherence_of(faithful) > 0.6 > 0.5 > adherence_of(wayward)
    assert "adherence" not in faithful.settings  # the candidates are left as they are


def test_silence_scores_nothing_and_the_first_of_equals_wins() -> None:
    silence = [clip(np.zeros((1, 2 * RATE), np.float32), seed) for seed in (8, 9)]
    assert adherence_of(silence[0]) == 0.0
    assert most_adherent(silence).seed == 8


def test_no_candidates() -> None:
    with pytest.raises(ValueError, match="clips: expected at least one, got none"):
        most_adherent([])


def test_the_engine_keeps_the_best_candidate_and_it_can_be_made_again(tmp_path: Path) -> None:
    model = Mustango(tiny_pipeline_folder(tmp_path))
    steps: list[tuple[int, int]] = []
    best = model.generate(
        "rock", seconds=2, seed=5, steps=2, best_of=3, callback=lambda done, total: steps.append((done, total))
    )
    assert steps == [(done, 6) for done in range(1, 7)]
    assert best.settings["best_of"] == 3 and best.seed in (5, 6, 7)
    again = model.generate("rock", plan=best.plan, seed=best.seed, steps=2)
    assert np.array_equal(again.audio, best.audio)


@pytest.mark.parametrize("best_of", [0, 65, 1.5, "2"])
def test_a_number_that_cannot_be_used(best_of: object, tmp_path: Path) -> None:
    model = Mustango(tiny_pipeline_folder(tmp_path))
    with pytest.raises(ValueError, match="best_of: expected an integer from 1 to 64"):
        model.generate("rock", best_of=best_of)
