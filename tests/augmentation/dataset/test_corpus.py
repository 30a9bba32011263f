"""The corpus builder on real, short clips: the same bytes however it is run, interrupted or spread over processes."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augmentation.__main__ import main
from augmentation.dataset.corpus import SHARD, CorpusConfig, build_corpus
from augmentation.dataset.extract import extract_files
from augmentation.dataset.records import count_rows, plan_of, read_rows
from munet.errors import RequestError
from munet.files import alone
from munet.music import MusicPlan, PlanError

ROOT = Path(__file__).resolve().parents[3]
SMALL = {"seed": 5, "duration": 2.0, "sample_rate": 8000}
FLAGS = ("--seed", "5", "--duration", "2", "--sample-rate", "8000")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "augmentation", *map(str, arguments)]


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess:
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=120, **options)


def start_until_first_shard(out: Path, *arguments: object) -> subprocess.Popen:
    """Start a command and return once it has finished a shard and is at work on the others."""
    process = subprocess.Popen(
        command(*arguments), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    while not list(out.glob("shards/*.jsonl")):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.005)
    return process


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus") / "whole"
    report = build_corpus(CorpusConfig(count=96, **SMALL), folder)
    assert (report["rows"], report["failures"], report["made"]) == (96, 0, 96)
    return folder


def test_rows_are_musicbench_rows_and_plans_round_trip(corpus: Path) -> None:
    rows = read_rows(corpus)
    assert [row["file_name"] for row in rows] == [f"data/{index:08d}.flac" for index in range(96)]
    for row in rows:
        assert plan_of(row) == MusicPlan.from_dict(row["plan"])
        assert row["chords"] and len(row["chords"]) == len(row["chords_time"])
        assert len(row["beats"][0]) == len(row["beats"][1]) and row["keyprob"] == [1.0]
        assert row["prompt_bpm"]
        if row["chords"] == ["N"]:  # drums alone
            assert row["prompt_ch"] == row["prompt_key"] == ""
        elif len(row["chords"]) == 1:  # one chord is no progression
            assert row["prompt_ch"] == "" and row["prompt_key"]
        else:
            assert row["prompt_ch"].endswith(f"{', '.join(row['chords'])}.") and row["prompt_key"]
        assert row["main_caption"] and row["alt_caption"] and row["instruments"]
    assert len({row["seed"] for row in rows}) == 96
    info = soundfile.info(str(corpus / rows[0]["file_name"]))
    assert (info.samplerate, info.channels, info.frames, info.subtype) == (8000, 2, 16000, "PCM_16")


def test_second_run_makes_nothing_and_changes_nothing(corpus: Path) -> None:
    before = digests(corpus)
    report = build_corpus(CorpusConfig(count=96, **SMALL), corpus)
    assert report["made"] == 0 and digests(corpus) == before


def test_two_workers_killed_and_restarted_give_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    arguments = ("compose", "--count", 96, "--out", out, *FLAGS, "--workers", 2)
    process = start_until_first_shard(out, *arguments)
    process.kill()
    process.communicate()
    assert 1 <= len(list(out.glob("shards/*.jsonl"))) < 96 / SHARD
    assert not (out / "metadata.jsonl").exists()
    time.sleep(0.3)  # the workers notice that their parent is gone
    files = digests(out)
    time.sleep(0.3)
    assert digests(out) == files

    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["rows"] == 96 and 0 < report["made"] < 96
    assert digests(out) == digests(corpus)


def test_ctrl_c_ends_in_one_line(tmp_path: Path) -> None:
    out = tmp_path / "stopped"
    arguments = ("compose", "--count", 2000, "--out", out, *FLAGS, "--workers", 2)
    process = start_until_first_shard(out, *arguments)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "Traceback" not in error and error.endswith("interrupted; the same command continues\n")
    assert not list(out.rglob("*.partial*"))


def test_half_written_files_are_swept_away(tmp_path: Path) -> None:
    config = CorpusConfig(count=1, **SMALL)
    build_corpus(config, tmp_path / "a")
    (tmp_path / "a" / "data" / ".00000000.123.partial.flac").write_bytes(b"half")
    build_corpus(config, tmp_path / "a")
    assert not list((tmp_path / "a").rglob("*.partial*"))


def test_other_parameters_are_refused_by_name(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = digests(corpus)
    flags = ["--seed", "6", "--duration", "2", "--sample-rate", "16000"]
    assert main(["compose", "--count", "96", "--out", str(corpus), *flags]) == 2
    error = capsys.readouterr().err
    assert "seed (5 there, 6 asked)" in error and "sample_rate (8000 there, 16000 asked)" in error
    assert "duration" not in error and digests(corpus) == before


def test_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="out: expected a new or empty folder"):
        build_corpus(CorpusConfig(count=1, **SMALL), tmp_path)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--count", "0"], "count: expected a whole number of at least 1, got 0"),
        (["--count", "1", "--duration", "0.1"], "duration: expected seconds from 0.5 to 600, got 0.1"),
        (["--count", "1", "--duration", "nan"], "duration: expected seconds from 0.5 to 600, got nan"),
        (["--count", "1", "--seed", "-1"], "seed: expected"),
        (["--count", "1", "--workers", "0"], "workers: expected"),
        (["--count", "1", "--soundfont", "nowhere.sf2"], "sources: expected a soundfont (.sf2 or .sf3), found"),
        (["--count", "1", "--soundfont", __file__], "soundfont: expected a SoundFont (.sf2, .sf3) file"),
    ],
)
def test_bad_arguments_are_one_line_and_status_2(
    flags: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compose", "--out", str(tmp_path / "new"), *flags]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_unknown_flags_and_formats_are_status_2(tmp_path: Path) -> None:
    for flags in (["--format", "mp3"], ["--loud"]):
        with pytest.raises(SystemExit) as exit_info:
            main(["compose", "--count", "1", "--out", str(tmp_path / "new"), *flags])
        assert exit_info.value.code == 2


def test_failed_items_are_recorded_and_status_1(tmp_path: Path) -> None:
    """A soundfont that only looks like one fails in every item; the run goes on to the end."""
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(b"RIFF\x10\0\0\0sfbk" + b"\0" * 64)
    out = tmp_path / "out"
    done = run("compose", "--count", 3, "--out", out, *FLAGS, "--workers", 1, "--soundfont", broken)
    assert done.returncode == 1, done.stderr
    failures = [json.loads(line) for line in (out / "failures.jsonl").read_text().splitlines()]
    assert [failure["index"] for failure in failures] == [0, 1, 2] and all(failure["error"] for failure in failures)
    assert read_rows(out) == [] and "3 clips failed" in done.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_full_disk_stops_cleanly_and_the_next_run_continues(workers: int, corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "full"
    arguments = ("compose", "--count", 96, "--out", out, *FLAGS, "--workers", workers)

    def small_files_only() -> None:  # writing more fails with OSError, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = run(*arguments, preexec_fn=small_files_only, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr and "the same command continues" in done.stderr.splitlines()[-1]
    assert not list(out.rglob("*.partial*")) and not (out / "metadata.jsonl").exists()
    if workers == 1:
        return
    assert run(*arguments).returncode == 0
    assert digests(out) == digests(corpus)


def test_wav_and_odd_sizes(tmp_path: Path) -> None:
    config = CorpusConfig(count=2, seed=1, duration=1.3, sample_rate=11025, format="wav")
    build_corpus(config, tmp_path / "a")
    info = soundfile.info(str(tmp_path / "a" / "data" / "00000001.wav"))
    assert (info.frames, info.format, info.subtype) == (round(1.3 * 11025), "WAV", "PCM_16")


def test_stats_count_every_row(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", str(corpus), "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts["rows"] == 96
    for name in ("style", "mood", "energy", "meter", "key", "tempo"):
        assert sum(counts[name].values()) == 96
    assert counts == {"rows": 96, **count_rows(read_rows(corpus))}
    assert main(["stats", str(corpus)]) == 0
    assert "chord quality" in capsys.readouterr().out
    assert main(["stats", str(corpus / "nowhere")]) == 2


def test_plan_of_published_rows() -> None:
    row = {
        "beats": [[0.48, 0.98, 1.52], [4.0, 1.0, 2.0]],
        "bpm": 118.0,
        "chords": ["Amaj7", "C#m7b5/E"],
        "chords_time": [0.464399092, 1.114557823],
        "key": ["E major", None],
    }
    plan = plan_of(row)
    assert plan.beats == ((0.48, 4), (0.98, 1), (1.52, 2)) and (plan.meter, plan.bpm, plan.key) == (4, 118.0, "E major")
    assert plan.chords[0] == ("Amaj7", 0.464399092) and plan.duration is None
    assert plan_of({**row, "key": ["E", "minor"]}).key == "E minor"
    assert plan_of({**row, "key": ["C# minor", "C# major"]}).key == "C# minor"
    empty = {"beats": [[], []], "bpm": None, "chords": [], "chords_time": [], "key": [None, None]}
    assert plan_of(empty) == MusicPlan() == plan_of({})


def test_plan_of_malformed_rows() -> None:
    with pytest.raises(ValueError, match="chords: expected as many values as times, got 1 and 0"):
        plan_of({"chords": ["C"], "chords_time": []})
    with pytest.raises(ValueError, match="beats: expected whole positions"):
        plan_of({"beats": [[0.1], [1.5]]})
    with pytest.raises(PlanError, match="key"):
        plan_of({"key": "H dur"})


def test_read_rows_names_the_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"bpm": 90}\n\n{"bpm":\n')
    with pytest.raises(ValueError, match=r"rows\.jsonl: expected a JSON object on line 3"):
        read_rows(path)
    path.write_text("[1]\n")
    with pytest.raises(ValueError, match="line 1"):
        read_rows(path)


def test_two_builds_into_one_folder_do_not_meet(tmp_path: Path) -> None:
    config = CorpusConfig(count=1, **SMALL)
    with alone(tmp_path / "a", "out"), pytest.raises(RequestError, match="out: expected nobody else at work on"):
        build_corpus(config, tmp_path / "a")
    assert build_corpus(config, tmp_path / "a")["rows"] == 1


def test_a_missing_extractor_is_told_before_the_first_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 8000)
    monkeypatch.setitem(sys.modules, "madmom", None)  # as if it were not installed
    with pytest.raises(RequestError, match="beats: expected its extractor, got none: madmom cannot be imported: pip"):
        extract_files([tmp_path / "a.wav"], tmp_path / "rows.jsonl", ("chords", "beats"))
