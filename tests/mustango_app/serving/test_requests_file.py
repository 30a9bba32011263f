"""A file of requests: every row a clip, stopped and run again, failures recorded, in batches, processes and shares."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from munet.errors import RequestError
from mustango_app import Mustango
from mustango_app.cli import main
from mustango_app.serving.requests_file import Settings, make_all, read_row
from tests.tiny import tiny_pipeline_folder

ROWS = (
    '{"prompt": "a waltz in G major", "seconds": 2, "steps": 2, "seed": 7}',
    '{"prompt": "rock", "seconds": 1, "steps": 2}',
    "",
    '{"prompt": "rock", "seconds": 1, "steps": 2}',
    '{"prompt": "a loop", "plan": {"bpm": 120, "meter": 4}, "bars": 1, "loop": true, "steps": 1}',
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_pipeline_folder(tmp_path_factory.mktemp("tiny")))


def written(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def facts(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "clips.jsonl").read_text().splitlines()]


def test_every_row_becomes_the_clip_that_is_made_alone(model: str, tmp_path: Path) -> None:
    out, file = tmp_path / "out", written(tmp_path / "rows.jsonl", *ROWS)
    report = make_all(file, Settings(out, model, "cpu"), seed=100)
    assert report == {"folder": str(out), "rows": 4, "made": 4, "failures": 0}
    assert [(one["row"], one["seed"], one["file"]) for one in facts(out)] == [
        (0, 7, "00000.wav"), (1, 101, "00001.wav"), (3, 103, "00003.wav"), (4, 104, "00004.wav"),
    ]  # fmt: skip
    alone = Mustango(model).generate("rock", seconds=1, steps=2, seed=101)
    sound, rate = soundfile.read(out / "00001.wav", dtype="float32")
    assert rate == alone.sample_rate and np.allclose(sound, alone.audio[0], atol=1e-4)


def test_a_second_run_makes_what_is_missing_or_changed(model: str, tmp_path: Path) -> None:
    out, file = tmp_path / "out", written(tmp_path / "rows.jsonl", *ROWS)
    settings = Settings(out, model, "cpu", batch=2)
    assert make_all(file, settings)["made"] == 4
    assert make_all(file, settings)["made"] == 0
    (out / "00001.json").unlink()  # stopped between sound and facts
    (out / ".00003.77.partial.wav").write_bytes(b"half")  # stopped while writing
    written(file, ROWS[0].replace("waltz", "jig"), *ROWS[1:])
    assert make_all(file, settings)["made"] == 2
    assert facts(out)[0]["prompt"] == "a jig in G major" and not list(out.glob(".*"))


def test_rows_that_fail_are_recorded_and_the_others_go_on(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    rows = ['{"prompt": "rock", "bpm": 5000}', "nonsense", '{"prompt": "rock", "seconds": 31}', '{"promt": "rock"}']
    file = written(tmp_path / "rows.jsonl", *rows, ROWS[1])
    command = ["batch", str(file), "--out", str(out), "--model", model, "--device", "cpu", "--json"]
    assert main(command) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["rows"], report["made"], report["failures"]) == (5, 1, 4)
    errors = [json.loads((out / f"{number:05d}.error.json").read_text())["error"] for number in range(4)]
    expected = ("bpm: expected", "row: expected a JSON object", "seconds: expected at most 30", "row: expected fields")
    assert all(error.startswith(begin) for error, begin in zip(errors, expected, strict=True))
    written(file, *[ROWS[1]] * 5)
    assert main(command) == 0 and not list(out.glob("*.error.json"))


def test_shares_make_up_the_whole(model: str, tmp_path: Path) -> None:
    out, file = tmp_path / "out", written(tmp_path / "rows.jsonl", *[ROWS[1]] * 3)
    settings = Settings(out, model, "cpu")
    assert [make_all(file, settings, share=(part, 2))["made"] for part in (1, 2)] == [2, 1]
    assert len(facts(out)) == 3
    assert make_all(file, settings)["made"] == 0


def test_processes_make_the_same_clips(model: str, tmp_path: Path) -> None:
    file = written(tmp_path / "rows.jsonl", ROWS[1], ROWS[3])
    made = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        assert make_all(file, Settings(out, model, "cpu", threads=1), workers=workers)["failures"] == 0
        made.append([soundfile.read(out / name)[0] for name in ("00000.wav", "00001.wav")])
    assert all(np.allclose(one, other, atol=1e-4) for one, other in zip(*made, strict=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"share": (3, 2)}, "share: expected I/N with I from 1 to N, got 3/2"),
        ({"workers": 0}, "workers: expected an integer from 1 to 256, got 0"),
        ({"engine": "magic"}, "engine: expected process or ray, got 'magic'"),
        ({"file": "missing.jsonl"}, "requests: expected a file of JSON lines, got 'missing.jsonl'"),
    ],
)
def test_what_is_wrong_is_named(arguments: dict, message: str, tmp_path: Path) -> None:
    file = arguments.pop("file", written(tmp_path / "rows.jsonl", ROWS[0]))
    with pytest.raises(RequestError, match=message):
        make_all(file, Settings(tmp_path / "out"), **arguments)


def test_what_decides_a_clip_decides_its_digest() -> None:
    first, same, other = (read_row(0, row, 0) for row in (ROWS[0], ROWS[0], ROWS[0].replace("7}", "8}")))
    assert first.asked == same.asked != other.asked
