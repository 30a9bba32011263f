"""`evaluate` end to end with a random model: three rows, of which one cannot be used, heard by the real extractors."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augmentation.audio import read_audio, write_audio
from munet.errors import RequestError
from munet.music import MusicPlan
from mustango_app.evaluation.cases import Case, asked_plan, read_cases, reference_plan, row_name, spread
from mustango_app.evaluation.report import DISTANCES, set_distances
from mustango_app.evaluation.run import EvaluateSettings, evaluate, report_table
from tests.mustango_app.evaluation.test_clap import save_toy

BEATS = [[0.5, 1.0, 1.5, 2.0, 2.5], [4.0, 1.0, 2.0, 3.0, 4.0]]
WALTZ: dict[str, Any] = {
    "location": "data_aug2/AAAAAAAAAAA_3.wav",
    "main_caption": "A slow waltz. The key is G major.",
    "bpm": 90.0,
    "meter": 3,
    "key": ["G major", None],
    "chords": ["G", "D/F#"],
    "chords_time": [0.0, 2.0],
    "beats": [[], []],
    "duration": 3.0,
}
SONG = {
    "id": "BBBBBBBBBBB_0",
    "main_caption": "A song with guitar.",
    "bpm": None,
    "key": [None, None],
    "chords": ["Am", "F"],
    "chords_time": [0.4, 1.5],
    "beats": BEATS,
    "duration": 3.0,
}
BROKEN = SONG | {"id": "CCCCCCCCCCC_0", "bpm": 400.0}


@pytest.fixture(scope="module")
def settings(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> EvaluateSettings:
    """Those of an evaluation that is finished."""
    folder = tmp_path_factory.mktemp("evaluation")
    rows, clap = folder / "rows.jsonl", save_toy(folder / "clap", fusing=False)
    rows.write_text("".join(json.dumps(row) + "\n" for row in (WALTZ, BROKEN, SONG)), encoding="utf-8")
    finished = EvaluateSettings(rows, folder / "out", model=str(tiny_folder), workers=1, steps=2, clap=str(clap))
    evaluate(finished)
    return finished


def stored(settings: EvaluateSettings) -> dict[str, Any]:
    return json.loads((settings.out / "report.json").read_text(encoding="utf-8"))


def untimed(report: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in report.items() if name != "timings"}


def files_of(folder: Path) -> dict[str, int]:
    """Every file below `folder` with the time of its last change, but for what each run writes anew."""
    anew = {"report.json", "table.md", "clips.jsonl"}
    return {str(p): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file() and p.name not in anew}


@pytest.mark.slow
def test_report_says_what_was_done(settings: EvaluateSettings) -> None:
    report = stored(settings)
    assert (report["clips"], report["sources"], report["resampled_by"]) == (2, 2, "clip")
    assert report["failures"] == [
        {"row": 1, "name": "CCCCCCCCCCC_0", "reason": "bpm: expected a number from 30 to 300, got 400.0"}
    ]
    assert report["settings"]["steps"] == report["model"]["steps"] == 2
    assert len(report["model"]["fingerprint"]) == 64
    assert list(report["rows"]) == ["generated", "ceiling", "chance"]
    assert set(report["timings"]) == {"generate", "hear", "rest", "run"}
    assert all(seconds > 0 for seconds in report["timings"].values())
    for row in report["rows"].values():
        assert row["over_time"]["chord_root"]["count"] == row["paper"]["CMOT"]["count"] == 2
        assert row["paper"]["CK"]["count"] == row["paper"]["TB"]["count"] == 1  # the song states neither
        assert row["over_time"]["key"]["count"] == 2  # its asked plan does
    assert report["rows"]["ceiling"]["over_time"]["chord_root"]["mean"] > 0.7
    assert set(report["rows"]["generated"]["sound"]) > set(DISTANCES)
    assert not set(report["rows"]["ceiling"]["sound"]) & set(DISTANCES)  # from itself
    assert "sound" not in report["rows"]["chance"]
    assert report["rows"]["generated"]["sound"]["clap_score"]["count"] == 2


def test_every_clip_has_a_line_a_file_and_a_picture(settings: EvaluateSettings) -> None:
    lines = [json.loads(line) for line in (settings.out / "clips.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["row"], line["source"], line["file"]) for line in lines] == [
        (0, "AAAAAAAAAAA", "0000.flac"),
        (2, "BBBBBBBBBBB", "0002.flac"),
    ]
    for line in lines:
        audio, rate = read_audio(settings.out / "clips" / line["file"])
        assert (audio.shape, rate) == ((1, 24000), 8000)
        assert (settings.out / "plots" / f"{line['row']:04d}.png").stat().st_size > 10_000
        assert MusicPlan.from_dict(line["asked"]).is_complete
        note = json.loads((settings.out / "clips" / f"{line['row']:04d}.json").read_text(encoding="utf-8"))
        assert (note["prompt"], note["seed"]) == (line["prompt"], line["row"])
        played, asked = MusicPlan.from_dict(note["plan"]), MusicPlan.from_dict(line["asked"])
        kept = {name: getattr(played, name) for name in asked.given() if name != "notes"}
        assert kept == {name: value for name, value in asked.given().items() if name != "notes"}
        assert set(line["generated"]) == {"scores", "heard", "second_chords", "sound"}
    assert [line["chance"]["heard_in_row"] for line in lines] == [2, 0]
    assert lines[0]["asked"]["bpm"] == 90.0
    table = (settings.out / "table.md").read_text(encoding="utf-8")
    assert table == report_table(stored(settings)) + "\n"
    assert "| beat_f " in table and "| CMOT " in table and "| rms_dbfs " in table


def test_a_second_run_makes_nothing_anew(settings: EvaluateSettings) -> None:
    report, files = stored(settings), files_of(settings.out)
    again = evaluate(settings)
    assert files_of(settings.out) == files
    assert again["timings"]["generate"] == report["timings"]["generate"]
    assert untimed(json.loads(json.dumps(again))) == untimed(report)


def test_an_interrupted_run_comes_to_the_same_report(settings: EvaluateSettings) -> None:
    whole = {path: path.read_bytes() for path in (settings.out / "clips").glob("*.flac")}
    report = stored(settings)
    for name in ("report.json", "table.md", "clips.jsonl", "clips/0002.json", "plots/0002.png"):
        (settings.out / name).unlink()
    (settings.out / "clips" / "0000.flac").write_bytes(b"cut off")
    assert untimed(json.loads(json.dumps(evaluate(settings)))) == untimed(report)
    assert {path: path.read_bytes() for path in whole} == whole
    assert stored(settings)["rows"] == report["rows"]


def test_clips_of_others_are_scored_against_the_labels(settings: EvaluateSettings, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    shutil.copy(settings.out / "clips" / "0000.flac", clips / "AAAAAAAAAAA_3.flac")
    shutil.copytree(settings.out / "heard", tmp_path / "out" / "heard")  # what is heard does not depend on who made it
    others = replace(settings, out=tmp_path / "out", clips=clips, model=None, steps=None, plots=False)
    report = evaluate(others)
    assert [(one["row"], one["reason"]) for one in report["failures"]][1:] == [
        (2, "clips: expected an audio file named 0002 or BBBBBBBBBBB_0, got neither")
    ]
    assert (report["clips"], list(report["rows"])) == (1, ["clips", "ceiling"])  # one clip has no chance partner
    assert report["timings"]["generate"] == 0
    over_time = report["rows"]["clips"]["over_time"]
    assert over_time["chord_root"]["count"] == 1
    assert over_time["beat_f"] is None  # the row has no beats
    assert not (tmp_path / "out" / "plots" / "0000.png").exists()
    assert "against the row's labels" in report_table(report)


def test_nothing_scored_is_still_a_report(settings: EvaluateSettings, tmp_path: Path) -> None:
    empty = tmp_path / "clips"
    empty.mkdir()
    report = evaluate(replace(settings, out=tmp_path / "out", clips=empty, model=None, steps=None, limit=1))
    assert (report["clips"], len(report["failures"])) == (0, 1)
    assert report["rows"]["clips"]["over_time"]["beat_f"] is None
    assert report_table(report).startswith(str(empty))


def test_the_asked_plan_fills_the_labels() -> None:
    reference = reference_plan(SONG)
    assert (reference.bpm, reference.meter, reference.key, reference.duration) == (None, 4, None, 3.0)
    asked = asked_plan(reference)
    assert asked.is_complete
    assert asked.chords == (("Am", 0.0), ("F", 1.5))
    assert asked.beats == (*((t, int(p)) for t, p in zip(*BEATS, strict=True)),)  # the next would be at 3.0
    short = asked_plan(reference.with_(duration=4.0))
    assert short.beats[5:] == ((3.0, 1), (3.5, 2))
    assert asked_plan(reference_plan(WALTZ)).beats[:4] == (
        (0.0, 1),
        (pytest.approx(2 / 3), 2),
        (pytest.approx(4 / 3), 3),
        (2.0, 1),
    )


def test_labels_beyond_ten_seconds_do_not_count() -> None:
    long = {"chords": ["C", "G"], "chords_time": [1.0, 12.0], "beats": [[9.5, 10.0], [1.0, 2.0]], "bpm": 120.0}
    plan = reference_plan(long)
    assert (plan.chords, plan.beats, plan.duration) == ((("C", 1.0),), ((9.5, 1),), 10.0)


def test_plans_may_come_from_the_caption(settings: EvaluateSettings) -> None:
    case = Case.of(0, WALTZ, replace(settings, plan_from="text"))
    assert (case.asked.key, case.asked.meter, case.asked.duration) == ("G major", 3, 3.0)
    assert case.target == case.asked != case.reference
    assert Case.of(0, WALTZ, replace(settings, clips=settings.out, model=None, steps=None)).target == case.reference


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (SONG | {"main_caption": " "}, "prompt: expected a description"),
        (SONG | {"main_caption": None}, "prompt: expected a description"),
        (SONG | {"chords": ["Am", "H9"]}, "chord"),
        (SONG | {"chords_time": [0.0]}, "chords: expected as many values as times, got 2 and 1"),
        (SONG | {"beats": [[0.5, 0.4], [1.0, 2.0]]}, "beats: expected ascending times"),
        (SONG | {"beats": 5}, "beats: expected [[seconds], [positions]], got 5"),
        ({}, "prompt: expected a description"),
    ],
)
def test_a_bad_row_is_recorded_and_the_rest_go_on(row: dict[str, Any], reason: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in (SONG, row, WALTZ)), encoding="utf-8")
    cases, failures = read_cases(EvaluateSettings(path, tmp_path / "out"))
    assert [case.index for case in cases] == [0, 2]
    assert failures[0]["row"] == 1 and reason in failures[0]["reason"]


def test_names_and_sources() -> None:
    assert [row_name(7, row) for row in (WALTZ, SONG, {})] == ["AAAAAAAAAAA_3", "BBBBBBBBBBB_0", "0007"]


def test_a_limit_takes_one_row_of_each_stretch() -> None:
    assert spread(5, None) == spread(5, 9) == [0, 1, 2, 3, 4]
    rows = spread(1100, 100)
    assert [row // 11 for row in rows] == list(range(100))
    assert len({row % 11 for row in rows}) == 11  # not the same variation of every recording
    assert all(low * 7 // 3 <= row < (low + 1) * 7 // 3 for low, row in enumerate(spread(7, 3)))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"plan_from": "ear"}, "plan_from: expected one of"),
        ({"limit": 0}, "limit: expected 1 or more, got 0"),
        ({"workers": 0}, "workers: expected 1 or more, got 0"),
        ({"seed": -1}, "seed: expected 0 or more, got -1"),
        ({"clips": Path("no such folder")}, "clips: expected a folder of audio"),
        ({"clips": Path("."), "steps": 3}, "clips: expected no model, steps or plan_from"),
        ({"reference": Path("no such folder")}, "reference: expected a folder of audio"),
    ],
)
def test_settings_are_checked(wrong: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        EvaluateSettings(tmp_path / "rows.jsonl", tmp_path / "out", **wrong)
    with pytest.raises(ValueError, match="rows: expected at least one row"):
        (tmp_path / "rows.jsonl").write_text("\n")
        read_cases(EvaluateSettings(tmp_path / "rows.jsonl", tmp_path / "out"))


def test_distances_need_sets_that_vary() -> None:
    rng = np.random.default_rng(0)
    near, far = ([{"log_mel": row, "chroma": row[:2]} for row in rng.normal(shift, 1, (40, 3))] for shift in (0, 3))
    found = set_distances(near, near)
    assert found["fd_log_mel"]["mean"] == pytest.approx(0.0, abs=1e-9)
    assert found["kd_log_mel"]["mean"] < 0 and found["fd_clap"] is None
    apart = set_distances(near, far)
    assert apart["fd_log_mel"]["mean"] > 20 and apart["kd_chroma"]["low"] > 0  # 3 dimensions, 3 deviations apart: 27
    assert apart["fd_chroma"]["count"] == 40
    assert set_distances(near, far[:3]) == set_distances(near[:3], far) == dict.fromkeys(DISTANCES)
    assert set_distances([{"log_mel": [1.0, 2.0], "chroma": [1.0]}] * 5, far) == dict.fromkeys(DISTANCES)


def test_other_rates_and_lengths_are_read(tmp_path: Path) -> None:
    from mustango_app.evaluation.run import Finder

    write_audio(tmp_path / "0000.wav", np.full((2, 4000), 0.1, np.float32), 4000)
    (tmp_path / "notes.txt").write_text("no audio")
    finder = Finder(tmp_path)
    case = Case.of(0, WALTZ, EvaluateSettings(tmp_path / "rows.jsonl", tmp_path / "out"))
    assert finder(case) == tmp_path / "0000.wav"
    assert list(finder.files) == ["0000"]


def test_a_missing_extractor_is_told_before_the_first_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "madmom", None)  # as if it were not installed
    with pytest.raises(RequestError, match="beats: expected its extractor, got none: madmom cannot be imported: pip"):
        evaluate(EvaluateSettings(tmp_path / "none.jsonl", tmp_path / "out"))
    assert not (tmp_path / "out").exists()
