"""Labels from audio: hand-made answers of extractors become rows, and composed clips are heard from files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from augmentation.__main__ import main
from augmentation.compose.composer import compose
from augmentation.compose.renderer import render
from augmentation.dataset.extract import chord_symbols, extract, extract_files, labels_of, state_reliable
from augmentation.dataset.labels import Record, transpose_row
from augmentation.dataset.records import plan_of, read_rows
from augmentation.hearing.listen import Heard

ROOT = Path(__file__).resolve().parents[3]
HEARD = Heard(
    duration=4.0,
    bpm=120.00004,
    meter=4,
    beats=((0.5, 1), (1.0, 2), (1.5, 3), (2.0, 4), (4.0, 1)),
    beat_confidence=0.81234567,
    key="A minor",
    key_confidence=2 / 3,
    chords=(("N", 0.0, 0.37152), ("A:min7", 0.37152, 1.5), ("A:min7", 1.5, 2.0), ("D:sus4(b7)/5", 2.0, 4.0)),
)


def stated(row: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """`state_reliable` from row to row."""
    return dict(state_reliable(Record.of(row), rng).fields)


def test_answers_become_a_row() -> None:
    assert labels_of(HEARD) == {
        "beats": [[0.5, 1.0, 1.5, 2.0], [1.0, 2.0, 3.0, 4.0]],
        "bpm": 120.0,
        "chords": ["N", "Am7", "D7/A"],
        "chords_time": [0.0, 0.3715, 2.0],
        "key": ["A", "minor"],
        "keyprob": [0.6667],
        "meter": 4,
        "duration": 4.0,
        "beat_confidence": 0.8123,
        "beat_phase": None,
        "chord_confidence": None,
    }
    assert plan_of(labels_of(HEARD)).chords == (("N", 0.0), ("Am7", 0.3715), ("D7/A", 2.0))


def test_what_was_not_found_stays_empty() -> None:
    labels = labels_of(Heard(duration=4.0, bpm=411.0, beats=((1.0, 0), (2.0, 0))))
    assert labels["beats"] == [[], []] and labels["bpm"] is None and labels["key"] is None and labels["keyprob"] == []
    assert plan_of(labels).beats is None
    with pytest.raises(ValueError, match="extractors: expected all that are asked for, got 'chords by x: y'"):
        labels_of(Heard(duration=4.0, missing=("chords by x: y",)))


def test_chords_are_named_in_mustangos_vocabulary() -> None:
    segments = [("C:maj9", 0.0, 1.0), ("C:maj7", 1.0, 2.0), ("F#:dim7", 2.0, 3.0), ("X", 3.0, 4.0), ("N", 4.0, 5.0)]
    assert chord_symbols(segments) == [("Cmaj7", 0.0), ("F#dim", 2.0), ("N", 3.0)]


def test_sentences_state_only_what_can_be_relied_on() -> None:
    sure = {"alt_caption": "A song.", **labels_of(HEARD)}
    row = stated(sure, np.random.default_rng(0))
    assert row["prompt_ch"].endswith(" Am7, D7/A.") and row["prompt_bt"] and row["prompt_bpm"] and row["prompt_key"]
    unsure = sure | {"beat_confidence": 0.29, "keyprob": [1 / 3]}
    row = stated(unsure, np.random.default_rng(0))
    assert not row["prompt_bt"] and not row["prompt_bpm"] and not row["prompt_key"] and row["prompt_ch"]
    for name, value in unsure.items():
        assert row[name] == value, "labels stay"
    assert not stated(sure | {"beat_confidence": 0.0}, np.random.default_rng(0))["prompt_bpm"]
    given = {name: value for name, value in sure.items() if name not in ("beat_confidence", "keyprob")}
    assert stated(given, np.random.default_rng(0))["prompt_bpm"], "given labels are relied on"


def test_labels_with_gaps_can_be_transposed_and_stated() -> None:
    heard = Heard(4.0, chords=(("N", 0.0, 0.4), ("Bb:7", 0.4, 2.0), ("N", 2.0, 4.0)), key="F major", key_confidence=1.0)
    row = stated(transpose_row({"alt_caption": "", **labels_of(heard)}, 2), np.random.default_rng(0))
    assert (row["chords"], row["key"]) == (["N", "C7", "N"], ["G", "major"])
    assert row["prompt_ch"] == "" and "N" not in row["main_caption"]  # one chord is no progression


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two composed clips and two files that hold none."""
    folder = tmp_path_factory.mktemp("audio")
    for seed in (1, 2):
        soundfile.write(folder / f"{seed}.wav", render(compose(seed, duration=6.0), 44100).T, 44100)
    (folder / "broken.wav").write_bytes(b"RIFF")
    soundfile.write(folder / "silent.flac", np.zeros(44100 * 2), 44100)
    return folder


def test_all_labels_of_a_composed_clip_are_heard(folder: Path) -> None:
    audio, rate = soundfile.read(folder / "1.wav", dtype="float32", always_2d=True)
    plan, labels = compose(1, duration=6.0).plan, extract(audio.T, rate)
    assert any(labels["bpm"] == pytest.approx(factor * plan.bpm, rel=0.04) for factor in (0.5, 1, 2))
    assert labels["key"] and labels["chords"] and labels["meter"] in (2, 3, 4) and labels["duration"] == 6.0
    assert plan_of(labels).is_complete


def test_files_are_heard_once_and_failures_recorded(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    report = extract_files([folder / "1.wav", folder], out, parts=("key",))
    assert report == {"out": str(out), "files": 4, "rows": 2, "failures": 2, "made": 2}
    rows = read_rows(out)
    assert [Path(row["file_name"]).name for row in rows] == ["1.wav", "2.wav"]
    for row in rows:
        assert (tmp_path / row["file_name"]).is_file() and row["key"]
        assert bool(row["prompt_key"]) == (row["keyprob"][0] >= 0.6)
    failures = read_rows(f"{out}.failures.jsonl")
    assert ["audio that libsndfile reads" in failures[0]["error"], "silence" in failures[1]["error"]] == [True, True]
    before = out.read_bytes()
    assert extract_files([folder], out, parts=("key",))["made"] == 0 and out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.jsonl", "rows.jsonl.failures.jsonl"]


def test_killed_and_restarted_gives_the_same_rows(folder: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole.jsonl", tmp_path / "killed.jsonl"
    extract_files([folder], whole, parts=("key",))
    lines = whole.read_bytes().splitlines(keepends=True)
    (tmp_path / "killed.jsonl.partial").write_bytes(lines[0] + lines[1][:100] + "é".encode()[:1])  # by a kill
    assert extract_files([folder], out, parts=("key",))["made"] == 1
    assert out.read_bytes() == whole.read_bytes()


def test_command_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rows.jsonl"
    assert main(["extract", str(folder / "1.wav"), "--out", str(out), "--labels", "key", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 1
    assert main(["extract", str(folder), "--out", str(out), "--labels", "key"]) == 1
    assert "2 files failed" in capsys.readouterr().err
    for flags, words in (
        (["nowhere"], "audio: expected existing files or folders, got 'nowhere'"),
        ([str(folder), "--labels", "mood"], "parts: expected some of beats, chords, key"),
        ([str(folder), "--workers", "0"], "workers: expected"),
    ):
        assert main(["extract", *flags, "--out", str(tmp_path / "new.jsonl")]) == 2
        assert words in capsys.readouterr().err
    assert main(["extract", str(folder), "--out", str(tmp_path / "no" / "rows.jsonl")]) == 2


@pytest.mark.slow
def test_two_workers_hear_the_same(folder: Path, tmp_path: Path) -> None:
    outs = [tmp_path / f"{workers}.jsonl" for workers in (1, 2)]
    for out, workers in zip(outs, ("1", "2"), strict=True):
        command = [sys.executable, "-m", "augmentation", "extract", str(folder), "--out", str(out)]
        subprocess.run([*command, "--workers", workers], cwd=ROOT, check=False, capture_output=True, timeout=300)
    assert outs[0].read_bytes() == outs[1].read_bytes() and outs[0].stat().st_size > 0
