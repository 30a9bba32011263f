"""A model of our own parts: the same sound from both pipelines, and other models left to diffusers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from munet.diffusers_pipeline import MustangoPipeline
from munet.files import shipped
from munet.light_pipeline import LightPipeline
from munet.model_index import own_index
from munet.music import MusicPlan
from munet.pipeline import FULL_PRECISION, Sampler

FOLDER = shipped("pocket")
DTYPES = {"default": torch.float32, **dict.fromkeys(FULL_PRECISION, torch.float32)}


@pytest.fixture(scope="module")
def light() -> LightPipeline:
    assert own_index(FOLDER) is not None
    return LightPipeline.load(FOLDER, DTYPES)


def sound(pipeline: Sampler) -> np.ndarray:
    pipeline.set_progress_bar_config(disable=True)
    plan = MusicPlan(bpm=90, key="G major", duration=2.0).complete()
    generator = torch.Generator().manual_seed(3)
    return pipeline("a calm waltz", plan, 2.0, num_inference_steps=2, generator=generator).audios


def test_both_pipelines_make_the_same_sound(light: LightPipeline) -> None:
    whole = MustangoPipeline.from_pretrained(str(FOLDER))
    assert {name: light.config[name] for name in ("default_steps", "max_text_length", "window_frames")} == {
        name: whole.config[name] for name in ("default_steps", "max_text_length", "window_frames")
    }
    made, expected = sound(light), sound(whole)
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-5)


def test_it_is_saved_as_a_diffusers_pipeline(light: LightPipeline, tmp_path: Path) -> None:
    light.save_pretrained(tmp_path)
    assert own_index(tmp_path) is not None
    again = LightPipeline.load(tmp_path, DTYPES)
    assert torch.equal(again.unet.frame_net.proj_in.weight, light.unet.frame_net.proj_in.weight)
    index, before = (json.loads((folder / "model_index.json").read_text()) for folder in (tmp_path, FOLDER))
    assert index["unet"] == before["unet"] and index["default_steps"] == before["default_steps"]


def test_weights_take_the_type_that_is_asked_for() -> None:
    half = LightPipeline.load(FOLDER, {**DTYPES, "default": torch.bfloat16})
    assert half.unet.dtype == half.beat_encoder.dtype == torch.bfloat16
    assert half.vae.dtype == torch.float32


@pytest.mark.parametrize(
    "change",
    [
        {"_class_name": "StableAudioPipeline"},
        {"text_encoder": ["transformers", "T5EncoderModel"]},
        {"vae": ["munet.codec.audioldm", "MelAutoencoder"]},
        {"unet": ["somebody.else", "MuNetModel"]},
        {"scheduler": [None, None]},
    ],
)
def test_other_models_are_left_to_diffusers(change: dict[str, object], tmp_path: Path) -> None:
    shutil.copy(FOLDER / "model_index.json", tmp_path)
    assert own_index(tmp_path) is not None
    index = json.loads((tmp_path / "model_index.json").read_text())
    (tmp_path / "model_index.json").write_text(json.dumps(index | change))
    assert own_index(tmp_path) is None
    (tmp_path / "model_index.json").write_text("{")
    assert own_index(tmp_path) is None
