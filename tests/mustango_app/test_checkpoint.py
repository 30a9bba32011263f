"""From names to pipelines: the published layout is converted once, anything else than safetensors is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from munet.files import shipped
from mustango_app.checkpoint import cache_folder, load_pipeline
from tests import published_layout
from tests.published_layout import CHORDS, LDM, VAE

CPU = torch.device("cpu")
NAME, REVISION = "someone/mustango", "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published_layout.build(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def filled_cache(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which the source is converted."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSTANGO_CACHE", str(cache))
        load_pipeline(source, CPU)
    return cache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("MUSTANGO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def hub_cache(folder: Path, contents: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay `contents` out as the Hub's cache holds a downloaded repository, and have it used; return the snapshot."""
    repository = folder / "models--someone--mustango"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text(REVISION)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    return shutil.copytree(contents, repository / "snapshots" / REVISION)


def test_a_published_folder_is_converted_once(
    source: Path, filled_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MUSTANGO_CACHE", str(filled_cache))
    [folder] = filled_cache.iterdir()
    assert folder.name.startswith("published-")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    name, pipeline = load_pipeline(source, CPU)
    assert name == str(source)
    assert "converting" not in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    weights = torch.load(source / LDM, weights_only=True)
    assert torch.equal(pipeline.unet.conv_out.weight, weights["unet.conv_out.weight"])
    assert pipeline.can_predict


def test_a_changed_source_is_converted_again(
    source: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(source, tmp_path / "copy")
    load_pipeline(copy, CPU)
    assert "converting unet" in capsys.readouterr().err
    tensors = torch.load(copy / LDM, weights_only=True)
    tensors["unet.conv_out.bias"] += 1
    torch.save(tensors, copy / LDM)
    assert torch.equal(load_pipeline(copy, CPU)[1].unet.conv_out.bias, tensors["unet.conv_out.bias"])
    assert len(list(cache.iterdir())) == 1  # the old conversion is gone


CONVERT = """
import sys
from pathlib import Path
from mustango_app.checkpoint import converted
print(converted(Path(sys.argv[1]), "published", sys.argv[1]))
"""


@pytest.mark.slow
def test_a_second_process_waits_for_the_first(source: Path, cache: Path) -> None:
    command = [sys.executable, "-c", CONVERT, str(source)]
    root = Path(__file__).resolve().parents[2]
    runs = [
        subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in "ab"
    ]
    outputs = [run.communicate(timeout=600) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
    assert [folder.name for folder in cache.iterdir()] == [Path(outputs[0][0].strip()).name]


def test_conversions_of_the_first_edition_are_removed(source: Path, cache: Path) -> None:
    old = cache / "published-0123456789abcdef"
    other = cache / "somebody--else-0123456789abcdef"
    for folder in (old, other):
        folder.mkdir(parents=True)
    load_pipeline(source, CPU)
    assert not old.exists() and other.exists()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_spares_autoencoder_and_beat_predictor(
    source: Path, filled_cache: Path, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    monkeypatch.setenv("MUSTANGO_CACHE", str(filled_cache))
    pipeline = load_pipeline(source, CPU, dtype)[1]
    modules = {name: part for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)}
    whole = {name for name, module in modules.items() if module.dtype == torch.float32}
    assert whole == {"vae", "beat_predictor"}
    assert {modules[name].dtype for name in modules.keys() - whole} == {dtype}
    assert {path.name for path in filled_cache.iterdir()} == {next(filled_cache.iterdir()).name}


def test_bfloat16_makes_audio(source: Path, filled_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTANGO_CACHE", str(filled_cache))
    pipeline = load_pipeline(source, CPU, torch.bfloat16)[1]
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.Generator().manual_seed(0)
    audio = pipeline("A slow blues in C.", audio_length_in_s=0.5, num_inference_steps=2, generator=noise).audios
    assert audio.shape == (1, 8000) and audio.dtype == "float32" and abs(audio).max() > 0


def test_a_published_repository_is_loaded_offline(
    source: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = hub_cache(tmp_path / "hub", source, monkeypatch)
    name, pipeline = load_pipeline(NAME, CPU)
    assert name == NAME and pipeline.can_predict
    [folder] = cache.iterdir()
    assert folder.name.startswith("someone--mustango-")
    weights = load_file(folder / "beat_encoder/diffusion_pytorch_model.safetensors")
    original = torch.load(snapshot / LDM, weights_only=True)
    assert torch.equal(weights["beat_ffn.bias"], original["beat_embedding_layer.beat_ffn.bias"])


def test_a_diffusers_repository_is_loaded_as_it_is(
    tiny_folder: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub_cache(tmp_path / "hub", tiny_folder, monkeypatch)
    name, pipeline = load_pipeline(NAME, CPU)
    assert name == NAME and not pipeline.can_predict
    assert not cache.exists()


def test_repositories_that_are_nowhere_are_named(cache: Path) -> None:
    with pytest.raises(ValueError, match="model: expected a model that can be reached, got 'nobody/nothing'"):
        load_pipeline("nobody/nothing", CPU)


def test_pickles_in_a_diffusers_folder_are_refused(tiny_folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_folder, tmp_path / "copy")
    torch.save({}, copy / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(ValueError, match=r"model: expected safetensors files only, got the pickle .*\.bin"):
        load_pipeline(copy, CPU)


def test_damage_is_named_and_leaves_no_model(source: Path, cache: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(source, tmp_path / "copy")
    os.truncate(copy / CHORDS, 100_000)
    with (
        pytest.warns(UserWarning, match="before torch 1.6"),
        pytest.raises(ValueError, match=r"a whole file of tensors, got .*flan-t5-large.bin"),
    ):
        load_pipeline(copy, CPU)
    assert [path.suffix for path in cache.iterdir()] == [".partial"]
    (copy / VAE).unlink()
    with pytest.raises(ValueError, match=r"source: expected the published layout, got .* without vae/pytorch_model"):
        load_pipeline(copy, CPU)


def test_a_cache_that_cannot_be_written_is_named(source: Path, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    with pytest.raises(ValueError, match="model: expected room to convert 'published' in "):
        load_pipeline(source, CPU)


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MUSTANGO_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / "home/.cache/mustango"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg/mustango"
    monkeypatch.setenv("MUSTANGO_CACHE", "~/mine")
    assert cache_folder() == tmp_path / "home/mine"


def test_the_index_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read, text_of = [], Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, *a, **b: read.append(path.name) or text_of(path, *a, **b))
    for name in (None, str(shipped("pocket"))):
        load_pipeline(name, CPU)
        assert read.count("model_index.json") == 1
        read.clear()
