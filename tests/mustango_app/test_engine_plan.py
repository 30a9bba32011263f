"""Where the engine's plan comes from when the model has predictors of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from munet.music import MusicPlan
from mustango_app.engine import Mustango
from mustango_app.request import make_plan
from tests.tiny import add_predictors, tiny_pipeline_folder

OPEN = "soft strings for a film"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Mustango:
    model = Mustango(tiny_pipeline_folder(tmp_path_factory.mktemp("engine")))
    add_predictors(model.pipeline, interval=0.5, max_beat=3)
    return model


def test_without_predictors_the_planner_decides(tmp_path: Path) -> None:
    plan, sources = Mustango(tiny_pipeline_folder(tmp_path)).plan(OPEN, {"seconds": 4}, seed=2)
    assert plan == make_plan(OPEN, {"seconds": 4}, seed=2)
    assert "predicted" not in sources.values()


def test_what_the_text_leaves_open_is_predicted(model: Mustango) -> None:
    plan, sources = model.plan(OPEN, {"seconds": 3})
    assert plan.beats == ((0.5, 1), (1.0, 2), (1.5, 3), (2.0, 1), (2.5, 2))  # at 3 s the clip is over
    assert plan.bpm == pytest.approx(120) and plan.meter == 3
    assert sources["bpm"] == sources["meter"] == "predicted"
    assert sources["chords"] != "predicted"  # this predictor writes nothing that reads as chords


@pytest.mark.parametrize("asked", [{"bpm": 90}, {"meter": 4}])
def test_arguments_win(model: Mustango, asked: dict[str, float]) -> None:
    plan, sources = model.plan(OPEN, asked)
    assert plan == make_plan(OPEN, asked) and "predicted" not in sources.values()


def test_what_the_text_states_wins(model: Mustango) -> None:
    plan, sources = model.plan("soft strings at 90 bpm", {})
    assert plan.bpm == 90 and sources["bpm"] == "stated"


def test_a_given_plan_wins(model: Mustango) -> None:
    given = MusicPlan(beats=((0.1, 1), (0.9, 2)), duration=2.0)
    plan, sources = model.plan(OPEN, {}, given)
    assert plan.beats == given.beats and sources["bpm"] == "from the beats"


def test_a_tempo_that_no_plan_can_have_counts_as_not_predicted(tmp_path: Path) -> None:
    model = Mustango(tiny_pipeline_folder(tmp_path))
    add_predictors(model.pipeline, interval=0.05)  # 1200 BPM
    plan, sources = model.plan(OPEN, {})
    assert plan == make_plan(OPEN, {}) and "predicted" not in sources.values()


def test_generate_plays_that_plan(model: Mustango) -> None:
    clip = model.generate(OPEN, seconds=2, seed=3, steps=2)
    assert clip.plan == model.plan(OPEN, {"seconds": 2}, seed=3)[0]
    assert clip.plan.beats[0] == (0.5, 1) and np.isfinite(clip.audio).all()


def test_the_pipeline_predicts_where_no_plan_is_given(model: Mustango) -> None:
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 4, 25, 2)).astype(np.float32))
    arguments = {"audio_length_in_s": 2.0, "num_inference_steps": 2, "output_type": "latent", "latents": noise}
    predicted = model.pipeline.predict_plan(OPEN, 2.0).plan
    assert predicted.beats == ((0.5, 1), (1.0, 2), (1.5, 3))
    assert torch.equal(model.pipeline(OPEN, **arguments).audios, model.pipeline(OPEN, predicted, **arguments).audios)


def test_a_model_without_predictors_says_so(tmp_path: Path) -> None:
    model = Mustango(tiny_pipeline_folder(tmp_path))
    with pytest.raises(ValueError, match="predict_plan: expected a model with beat and chord predictors"):
        model.pipeline.predict_plan(OPEN)
