"""`mustango train` at toy size: both stages, resuming, packing, and what is wrong with a configuration."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from augmentation.dataset.corpus import CorpusConfig, build_corpus
from augmentation.training_data import ComposedClips, CorpusClips
from munet.diffusers_pipeline import MustangoPipeline
from munet.training.codec import AutoencoderTraining
from munet.training.decoder import DecoderTraining
from munet.training.distill import Distillation
from munet.training.predictors import PredictorTraining
from munet.training.settings import MuNetTraining
from mustango_app.train import PREDICTORS, main, settings_from, source_of, train
from tests.tiny import AUTOENCODER, MUNET

ROOT = Path(__file__).parents[2]
DATA = {"composed": 6, "seed": 3, "seconds": 1.28, "workers": 0}
POOL = {"pool_clips": 6, "prefill": 4}


def autoencoder_config(out: Path, steps: int) -> dict[str, Any]:
    training = {"out": str(out), "budget": {"steps": steps, "warmup": 2}, "model": AUTOENCODER, "batch_size": 2}
    return {
        "stage": "autoencoder",
        "data": DATA,
        "training": {**training, **POOL, "crop_frames": 4, "critic_start": 0.5},
    }


def munet_config(out: Path, autoencoder: Path, steps: int) -> dict[str, Any]:
    training = {
        "out": str(out),
        "autoencoder": str(autoencoder),
        "budget": {"steps": steps, "warmup": 2},
        "model": MUNET,
        "precision": "float32",  # oneDNN's strided bfloat16 convolution reads past channels as few as these
    }
    return {"stage": "munet", "data": DATA, "training": {**training, **POOL, "batch_size": 2, "max_text_length": 16}}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Checkpoints of a toy autoencoder run and a toy MuNet run on top of it, six steps each."""
    folder = tmp_path_factory.mktemp("runs")
    autoencoder = train(autoencoder_config(folder / "ae", 6))
    return autoencoder, train(munet_config(folder / "munet", autoencoder / "vae", 6))


def progress(checkpoint: Path) -> int:
    return json.loads((checkpoint / "training_state.json").read_text())["step"]


def test_both_stages_leave_checkpoints_and_resume(runs: tuple[Path, Path]) -> None:
    autoencoder, munet = runs
    assert progress(autoencoder) == 6 and progress(munet) == 6
    assert {path.suffix for path in munet.rglob("*") if path.is_file()} == {".json", ".safetensors"}
    assert progress(train(munet_config(munet.parent, autoencoder / "vae", 8))) == 8
    assert progress(train(autoencoder_config(autoencoder.parent, 7))) == 7


def test_packing_gives_a_pipeline_in_half_precision(runs: tuple[Path, Path], tmp_path: Path) -> None:
    autoencoder, munet = runs
    out = tmp_path / "packed"
    config = {
        "stage": "pack",
        "munet": str(munet / "pipeline"),
        "autoencoder": str(autoencoder / "vae"),
        "out": str(out),
    }
    assert train(config) == out
    assert not any(str(munet) in path.read_text() for path in out.rglob("*.json"))  # no path of this machine
    pipeline = MustangoPipeline.from_pretrained(out, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    audio = pipeline("rock", None, 1.0, 2, generator=torch.Generator().manual_seed(0)).audios
    assert audio.shape == (1, 8000) and np.isfinite(audio).all()
    with pytest.raises(ValueError, match="out: expected a folder that does not exist yet"):
        train(config)


def test_packing_may_mix_in_the_weights_that_a_run_began_with(runs: tuple[Path, Path], tmp_path: Path) -> None:
    autoencoder, munet = runs
    base = {"stage": "pack", "munet": str(munet / "pipeline"), "autoencoder": str(autoencoder / "vae")}
    plain = train({**base, "out": str(tmp_path / "plain")})
    other = MustangoPipeline.from_pretrained(plain, dtype=torch.float32)
    with torch.no_grad():
        for weight in (*other.unet.parameters(), *other.beat_encoder.parameters()):
            weight.add_(1.0)
    other.save_pretrained(tmp_path / "other")
    out = train({**base, "mixed_with": str(tmp_path / "other"), "share": 0.25, "out": str(tmp_path / "mixed")})
    before, mixed = (MustangoPipeline.from_pretrained(path, dtype=torch.float32) for path in (plain, out))
    for name, moved in (("unet", 0.25), ("beat_encoder", 0.25), ("chord_encoder", 0.0)):
        pairs = zip(getattr(before, name).parameters(), getattr(mixed, name).parameters(), strict=True)
        assert all(torch.allclose(b, a + moved, atol=2e-3) for a, b in pairs)
    with pytest.raises(ValueError, match="share: expected a number from 0 to 1, got 2"):
        train({**base, "mixed_with": str(tmp_path / "other"), "share": 2, "out": str(tmp_path / "none")})


def test_packing_refuses_another_projection(runs: tuple[Path, Path], tmp_path: Path) -> None:
    from tests.tiny import tiny_autoencoder

    tiny_autoencoder(5).save_pretrained(tmp_path / "other")
    config = {"stage": "pack", "munet": str(runs[1] / "pipeline"), "autoencoder": str(tmp_path / "other")}
    with pytest.raises(ValueError, match="autoencoder: expected the projection that MuNet was trained with"):
        train({**config, "out": str(tmp_path / "packed")})
    assert not (tmp_path / "packed").exists()


def test_composed_clips_and_a_corpus_folder_are_the_same_clips(tmp_path: Path) -> None:
    build_corpus(CorpusConfig(count=2, seed=3, duration=1.28, sample_rate=8000, format="wav"), tmp_path, workers=1)
    folder, composed = CorpusClips(str(tmp_path)), ComposedClips(2, 3, None)
    assert len(folder) == 2
    for index in range(2):
        audio, plan, captions, notes = folder.read(index, 8000, 1.28)
        expected, expected_plan, _, played = composed.read(index, 8000, 1.28)
        assert notes is None and played  # a folder holds sound
        assert plan == expected_plan and len(captions) == 2
        assert audio.shape == expected.shape == (2, 10240)
        assert np.abs(audio - expected).max() < 1e-4  # 16 bits


def test_a_folder_given_on_the_command_line_takes_the_place_of_the_clips(tmp_path: Path) -> None:
    corpus, config = tmp_path / "corpus", tmp_path / "config.json"
    build_corpus(CorpusConfig(count=3, seed=3, duration=1.28, sample_rate=8000, format="wav"), corpus / "train", 1)
    training = {**POOL, "prefill": 3, "pool_clips": 3}
    whole = autoencoder_config(tmp_path / "ae", 2)
    config.write_text(json.dumps({**whole, "training": {**whole["training"], **training}}))
    assert main(str(config), str(corpus)) == 0  # the split `train` is found
    assert progress(tmp_path / "ae" / "latest") == 2
    with pytest.raises(ValueError, match=r"folder: expected a folder with metadata\.jsonl"):
        main(str(config), str(tmp_path / "none"))


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.json")), ids=lambda path: path.stem)
def test_the_configurations_of_pocket_are_valid(path: Path) -> None:
    config = json.loads(path.read_text())
    if config["stage"] == "pack":
        assert sorted(config) == ["autoencoder", "munet", "out", "stage"]
        return
    kinds = {
        "autoencoder": AutoencoderTraining,
        "decoder": DecoderTraining,
        "munet": MuNetTraining,
        "distill": Distillation,
        "beat_predictor": PredictorTraining,
        "chord_predictor": PredictorTraining,
    }
    chained = ("decoder", "munet") if config["stage"] == "chain" else ()
    for stage, part in [(name, config[name]) for name in chained] or [(config["stage"], config)]:
        training = {"out": "x", "autoencoder": "x", "minutes": 1.0, **part["training"]}
        unused = {"decoder": ("autoencoder",), "autoencoder": ("autoencoder", "minutes")}
        unused |= dict.fromkeys(PREDICTORS, ("autoencoder", "minutes"))
        unused = unused.get(stage, ("minutes",))
        settings_from(kinds[stage], {name: value for name, value in training.items() if name not in unused})
        if "folder" not in part["data"]:
            assert source_of(part["data"]).seed == part["data"]["seed"]
    if "distill" in config:
        distill = {name: value for name, value in config["distill"].items() if name != "munet_share"}
        settings_from(Distillation, {"out": "x", "autoencoder": "x", "start": "x", **distill})


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("stage",), "vocoder", "stage: expected one of autoencoder, munet, distill, .*, got 'vocoder'"),
        (("data",), {"composed": 1, "folder": "x"}, "data: expected either 'folder' or 'composed'"),
        (("training", "learning"), 1, r"training: expected fields among .* got \['learning'\]"),
        (("training", "budget"), {}, "training: expected all fields of Budget"),
    ],
)
def test_bad_configurations_are_named(tmp_path: Path, path: tuple[str, ...], value: Any, message: str) -> None:
    config = copy.deepcopy(autoencoder_config(tmp_path / "ae", 1))
    target = config
    for name in path[:-1]:
        target = target[name]
    target[path[-1]] = value
    with pytest.raises(ValueError, match=message):
        train(config)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="config: expected a JSON file, got"):
        main(str(tmp_path / "none.json"))
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ValueError, match="config: expected JSON, got"):
        main(str(tmp_path / "broken.json"))
