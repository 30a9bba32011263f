"""Where the engine's plan comes from when the model has predictors of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from munet.conditions.beat_encoder import BeatEncoder
from munet.conditions.chord_encoder import ChordEncoder
from munet.music import MusicPlan
from mustango_app.engine import Mustango
from mustango_app.request import Request
from tests.tiny import add_predictors, tiny_pipeline, tiny_pipeline_folder

OPEN = "soft strings for a film"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Mustango:
    model = Mustango(tiny_pipeline_folder(tmp_path_factory.mktemp("engine")))
    add_predictors(model.pipeline, interval=0.5, max_beat=3)
    return model


def test_without_predictors_the_planner_decides(tiny_folder: Path) -> None:
    plan, sources = Mustango(tiny_folder).plan(Request(OPEN, seconds=4, seed=2))
    assert plan == Request(OPEN, seconds=4, seed=2).draft.plan
    assert "predicted" not in sources.values()


def test_what_the_text_leaves_open_is_predicted(model: Mustango) -> None:
    plan, sources = model.plan(Request(OPEN, seconds=3, seed=0))
    assert plan.beats == ((0.5, 1), (1.0, 2), (1.5, 3), (2.0, 1), (2.5, 2))  # at 3 s the clip is over
    assert plan.bpm == pytest.approx(120) and plan.meter == 3
    assert sources["bpm"] == sources["meter"] == "predicted"
    assert sources["chords"] != "predicted"  # this predictor writes nothing that reads as chords


@pytest.mark.parametrize("asked", [{"bpm": 90}, {"meter": 4}])
def test_arguments_win(model: Mustango, asked: dict[str, float]) -> None:
    plan, sources = model.plan(Request(OPEN, **asked, seed=0))
    assert plan == Request(OPEN, **asked, seed=0).draft.plan and "predicted" not in sources.values()


def test_what_the_text_states_wins(model: Mustango) -> None:
    plan, sources = model.plan(Request("soft strings at 90 bpm", seed=0))
    assert plan.bpm == 90 and sources["bpm"] == "stated"


def test_a_given_plan_wins(model: Mustango) -> None:
    given = MusicPlan(beats=((0.1, 1), (0.9, 2)), duration=2.0)
    plan, sources = model.plan(Request(OPEN, plan=given, seed=0))
    assert plan.beats == given.beats and sources["bpm"] == "from the beats"


def test_a_tempo_that_no_plan_can_have_counts_as_not_predicted(tiny_folder: Path) -> None:
    model = Mustango(tiny_folder)
    add_predictors(model.pipeline, interval=0.05)  # 1200 BPM
    plan, sources = model.plan(Request(OPEN, seed=0))
    assert plan == Request(OPEN, seed=0).draft.plan and "predicted" not in sources.values()


def test_generate_plays_that_plan(model: Mustango) -> None:
    clip = model.generate(OPEN, seconds=2, seed=3, steps=2)
    assert clip.plan == model.plan(Request(OPEN, seconds=2, seed=3)).plan
    assert clip.plan.beats[0] == (0.5, 1) and np.isfinite(clip.audio).all()


def test_the_pipeline_predicts_where_no_plan_is_given(model: Mustango) -> None:
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 4, 25, 2)).astype(np.float32))
    arguments = {"audio_length_in_s": 2.0, "num_inference_steps": 2, "output_type": "latent", "latents": noise}
    predicted = model.pipeline.predict_plan(OPEN, 2.0).plan
    assert predicted.beats == ((0.5, 1), (1.0, 2), (1.5, 3))
    assert torch.equal(model.pipeline(OPEN, **arguments).audios, model.pipeline(OPEN, predicted, **arguments).audios)


def test_a_model_without_predictors_says_so(tiny_folder: Path) -> None:
    model = Mustango(tiny_folder)
    with pytest.raises(ValueError, match="predict_plan: expected a model with beat and chord predictors"):
        model.pipeline.predict_plan(OPEN)


def test_the_predicted_metre_stays_when_its_bar_is_not_full(tiny_folder: Path) -> None:
    model = Mustango(tiny_folder)
    add_predictors(model.pipeline, interval=0.9, max_beat=4)
    plan, _ = model.plan(Request(OPEN, seconds=3, seed=0))
    assert [position for _, position in plan.beats] == [1, 2, 3] and plan.meter == 4


def test_a_single_beat_has_no_tempo_and_counts_as_not_predicted(tiny_folder: Path) -> None:
    model = Mustango(tiny_folder)
    add_predictors(model.pipeline, interval=2.0)
    plan, sources = model.plan(Request(OPEN, seconds=3, seed=0))
    assert plan == Request(OPEN, seconds=3, seed=0).draft.plan and "predicted" not in sources.values()


def test_what_is_left_out_of_a_prediction_is_told(model: Mustango, caplog: pytest.LogCaptureFixture) -> None:
    model.plan(Request("strings, softly", seconds=3, seed=0))  # chords in words that are none
    assert any("left out of the prediction: chord" in message for message in caplog.messages)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Mustango:
    """A model that takes what the published one takes: 50 beats, 20 chords, 5 beats in a bar."""
    model = Mustango(tiny_pipeline_folder(tmp_path_factory.mktemp("narrow")))
    width = model.pipeline.unet.config.cross_attention_dim
    model.pipeline.register_modules(beat_encoder=BeatEncoder(width), chord_encoder=ChordEncoder(width))
    return model


def test_a_metre_that_the_model_does_not_know_is_counted_in_parts(narrow: Mustango) -> None:
    jig = "an irish jig at 120 bpm"
    assert Request(jig, seed=0).draft.plan.meter == 6
    plan, sources = narrow.plan(Request(jig, seed=0))
    assert plan.meter == 3 and max(position for _, position in plan.beats) == 3
    assert sources["meter"] == "style: irish jig, 6 beats counted as 3"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"meter": 6}, "meter: expected at most 5 with this model, got 6"),
        (
            {"bpm": 120, "seconds": 30},
            r"seconds: expected at most 50 beats with this model, got 60 in 30 s at 120 BPM",
        ),
        (
            {"chords": " ".join(["C", "G"] * 11), "bpm": 200},
            "chords: expected at most 20 with this model, got 26 in 10 s",
        ),
    ],
)
def test_more_than_the_model_takes_is_refused_in_the_words_of_the_request(
    narrow: Mustango, asked: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        narrow.plan(Request("a rock song", **asked, seed=0))


@pytest.mark.parametrize("device", ["meta", "mps", "vulkan", "gpu", "cuda:99"])
def test_devices_that_are_not_there(device: str) -> None:
    with pytest.raises(ValueError, match="device: expected"):
        Mustango(device=device)


def test_offload_needs_a_gpu() -> None:
    with pytest.raises(ValueError, match="offload: expected a CUDA device to spare, got 'cpu'"):
        Mustango(device="cpu", offload=True)


def test_too_little_memory_is_one_line(model: Mustango) -> None:
    def run_out(done: int, total: int) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(ValueError, match="device: expected a GPU with more free memory, got too little"):
        model.generate(OPEN, seconds=1, steps=2, callback=run_out)


def test_samples_that_are_not_finite_are_one_line(tiny_folder: Path) -> None:
    model = Mustango(tiny_folder)
    with torch.no_grad():
        model.pipeline.unet.conv_out.bias.fill_(torch.inf)
    with pytest.raises(ValueError, match=r"dtype: expected finite samples, got others from .* in float32"):
        model.generate(OPEN, seconds=1, steps=1)


def test_offloaded_parts_come_one_after_the_other() -> None:
    """With hooks that "offload" to the CPU itself: every part has one, the predictors included."""
    pipeline = tiny_pipeline()
    add_predictors(pipeline)
    expected = pipeline.predict_plan(OPEN, 2.0)
    pipeline.enable_model_cpu_offload(device="cpu")
    parts = ("beat_predictor", "chord_predictor", "text_encoder", "beat_encoder", "chord_encoder", "unet", "vae")
    assert all(hasattr(getattr(pipeline, name), "_hf_hook") for name in parts)
    assert pipeline.predict_plan(OPEN, 2.0) == expected
    assert pipeline(OPEN, None, 1.0, 1).audios.shape == (1, 8000)
