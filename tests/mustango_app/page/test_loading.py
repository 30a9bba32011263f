"""A model that is loaded beside the page: what it tells before, who waits for it, and what happens if there is none."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from munet.errors import RequestError
from munet.files import shipped
from mustango_app.page.blocks import build_demo
from mustango_app.page.fields import NAMES
from mustango_app.page.handlers import Handlers
from mustango_app.page.loading import Loading, told_by
from mustango_app.page.results import Results
from mustango_app.page.runs import Desk

INDEX = json.loads((shipped("pocket") / "model_index.json").read_text())


def test_settings_are_there_before_the_model_and_all_else_waits() -> None:
    go, loads = threading.Event(), []

    def load() -> SimpleNamespace:
        assert go.wait(30)
        loads.append(1)
        return SimpleNamespace(default_steps=3, sample_rate=8000)

    engine = Loading(load)
    engine.begin()
    assert engine.default_steps == INDEX["default_steps"] and not engine.ready
    assert engine.default_guidance == INDEX["default_guidance_scale"]
    threading.Timer(0.1, go.set).start()
    assert engine.sample_rate == 8000  # has waited
    assert engine.ready and engine.default_steps == 3 and loads == [1]


def test_a_page_is_built_before_its_model() -> None:
    def load() -> SimpleNamespace:
        raise AssertionError("nobody needs the model yet")

    engine = Loading(load)
    demo = build_demo(engine)
    assert demo.engine is engine and not engine.ready


def test_a_plan_is_drafted_before_its_model_is_there(tmp_path: Path) -> None:
    def load() -> SimpleNamespace:
        raise AssertionError("a draft needs no model")

    handlers = Handlers(Loading(load), Desk(), Results(tmp_path))
    values = [[] if name == "instruments" else "" for name in NAMES]
    visit = SimpleNamespace(headers={}, session_hash="a")
    answer, timeline = handlers.draft(visit, "A waltz, 90 bpm", 0, None, None, *values, *[False] * len(NAMES))
    assert dict(zip(NAMES, answer["fields"], strict=True))["bpm"]["value"] == "90"
    assert timeline.startswith("<svg")


def test_only_the_loaded_model_tells_what_its_folder_does_not(tmp_path: Path) -> None:
    assert told_by(str(tmp_path)) is None
    shutil.copy(shipped("pocket") / "model_index.json", tmp_path)
    assert told_by(str(tmp_path)) == told_by(None) == told_by("pocket")
    index = INDEX | {"scheduler": ["diffusers", "DDPMScheduler"]}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    assert told_by(str(tmp_path)) is None  # an engine makes few steps of its many
    engine = Loading(lambda: SimpleNamespace(default_steps=20), str(tmp_path))
    assert engine.default_steps == 20 and engine.ready


def test_a_model_that_cannot_be_loaded_is_told_to_all() -> None:
    def load() -> SimpleNamespace:
        raise RequestError("model: expected another")

    engine = Loading(load)
    with pytest.raises(RequestError, match="model: expected another"):
        _ = engine.sample_rate
    engine._quietly()
    assert isinstance(engine.error, RequestError) and not engine.ready
