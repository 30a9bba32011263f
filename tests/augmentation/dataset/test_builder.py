"""The dataset builder on real, short clips: the same bytes however it is run, killed, or spread over processes."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augmentation.__main__ import main
from augmentation.dataset.builder import build_dataset
from augmentation.dataset.clips import BuildConfig, clip_name, draw_versions
from augmentation.dataset.corpus import CorpusConfig, build_corpus
from augmentation.dataset.labels import stretch_row, transpose_row
from augmentation.dataset.records import plan_of, read_rows
from augmentation.dataset.sources import Source
from augmentation.dataset.splits import SPLITS
from augmentation.dataset.tables import FIELDS, write_tables
from augmentation.training_data import CorpusClips

ROOT = Path(__file__).resolve().parents[3]
CLIPS = 20
SMALL = {"seed": 7, "sample_rate": 8000, "clip_seconds": 2.0, "labels": ("metadata",), "validation": 0.2, "test": 0.2}
FLAGS = ("--seed", "7", "--sample-rate", "8000", "--clip-seconds", "2", "--labels", "metadata",
         "--validation", "0.2", "--test", "0.2")  # fmt: skip


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "augmentation", "build", *map(str, arguments)]


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess:
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=120, **options)


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "fingerprints" not in path.parts)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def all_rows(folder: Path) -> list[dict]:
    return [
        row for split in SPLITS if (folder / split / "metadata.jsonl").is_file() for row in read_rows(folder / split)
    ]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("input") / "corpus"
    build_corpus(CorpusConfig(count=CLIPS, seed=2, duration=2.5, sample_rate=8000), folder)
    return folder


@pytest.fixture(scope="module")
def dataset(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output") / "whole"
    report = build_dataset(BuildConfig(str(corpus), str(corpus), **SMALL), folder)
    assert (report["clips"], report["rows"], report["failures"], report["made"]) == (CLIPS, 12 * CLIPS, 0, CLIPS)
    return folder


# --- what is built ----------------------------------------------------------------------------------------------------


def test_every_clip_appears_as_it_is_and_in_eleven_versions(dataset: Path, corpus: Path) -> None:
    rows, given = all_rows(dataset), read_rows(corpus)
    assert all(list(row) == list(FIELDS) for row in rows)
    for source in {row["source"] for row in rows}:
        versions = [row for row in rows if row["source"] == source]
        kinds = [(row["augmentation"] or {"kind": None})["kind"] for row in versions]
        assert kinds == [None, *["tempo"] * 4, *["pitch"] * 6, "volume"]
        assert [row["augmentation"]["semitones"] for row in versions[5:11]] == [-3, -2, -1, 1, 2, 3]
        assert len({row["location"].split("/")[0] for row in versions}) == 1, "one split for all versions"
        first = next(row for row in given if row["file_name"] == source)
        assert {row["alt_caption"] for row in versions} == {first["alt_caption"]}
        assert versions[0]["bpm"] == first["bpm"] and versions[0]["key"] == first["key"]
        assert versions[0]["beats"][0] == [t for t in first["beats"][0] if t < 2]


def test_audio_and_labels_of_a_version_change_together(dataset: Path) -> None:
    rows = all_rows(dataset)
    originals = {row["source"]: row for row in rows if row["augmentation"] is None}
    for row in rows:
        info = soundfile.info(str(dataset / row["location"]))
        assert (info.samplerate, info.subtype, info.format) == (8000, "PCM_16", "FLAC")
        assert info.frames <= 16000 and plan_of(row).duration == pytest.approx(info.frames / 8000)
        change, original = row["augmentation"], originals[row["source"]]
        if change and change["kind"] == "pitch":
            assert row["chords"] == transpose_row(original, change["semitones"])["chords"]
            assert row["file_name"].endswith(f"_p{change['semitones']:+d}.flac")
        if change and change["kind"] == "tempo":
            assert row["bpm"] == pytest.approx(stretch_row(original, change["factor"])["bpm"], rel=1e-3)
            assert row["file_name"].endswith(f"_t{change['factor']}.flac")


def test_sentences_are_those_of_the_new_labels(dataset: Path) -> None:
    rows = all_rows(dataset)
    for row in rows:
        told = f"{', '.join(row['chords'])}." if len(set(row["chords"])) > 1 else ""  # one chord is no progression
        assert row["prompt_ch"].endswith(told) and bool(row["prompt_ch"]) == bool(told)
        assert (row["augmentation"] or {}).get("kind") != "volume" or row["prompt_aug"]
        assert row["paraphrase"] in ((row["augmentation"] and {"by": "offline", "note": ""}), None)
    assert sum(row["main_caption"] == row["alt_caption"] for row in rows) < len(rows) / 2


def test_musicbench_files_hold_the_published_fields(dataset: Path) -> None:
    for split in SPLITS:
        rows = read_rows(dataset / split)
        published = read_rows(dataset / "musicbench" / f"MusicBench_{split}.json")
        assert [row["location"] for row in published] == [row["location"] for row in rows]
        assert set(published[0]) == {
            "dataset", "location", "main_caption", "alt_caption", "prompt_aug", "prompt_ch", "prompt_bt", "prompt_bpm",
            "prompt_key", "beats", "bpm", "chords", "chords_time", "key", "keyprob", "is_audioset_eval_mcaps",
        }  # fmt: skip


def test_training_reads_a_split(dataset: Path) -> None:
    clips = CorpusClips(str(dataset / "train"))
    audio, plan, captions, _ = clips.read(len(clips) - 1, sample_rate=16000, seconds=2.0)
    assert audio.shape == (2, 32000) and np.abs(audio).max() > 0.01 and plan.is_complete and len(captions) == 2


# --- the same bytes ---------------------------------------------------------------------------------------------------


def test_second_run_makes_nothing_and_changes_nothing(corpus: Path, dataset: Path) -> None:
    before = digests(dataset)
    report = build_dataset(BuildConfig(str(corpus), str(corpus), **SMALL), dataset)
    assert report["made"] == 0 and digests(dataset) == before


def has_manifest(out: Path) -> bool:
    return (out / "manifest.json").is_file()


def has_shards(count: int) -> Callable[[Path], bool]:
    return lambda out: len(list(out.glob("shards/*.jsonl"))) >= count


def has_file(name: str) -> Callable[[Path], bool]:
    return lambda out: (out / name).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_killed_at_any_moment_and_restarted_gives_the_same_bytes(
    workers: int, corpus: Path, dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    arguments = (corpus, "--audio-dir", corpus, "--out", out, *FLAGS, "--workers", workers)
    moments = (has_manifest, has_shards(1), has_shards(8), has_shards(CLIPS), has_file("train/metadata.jsonl"))
    for moment in moments:
        process = subprocess.Popen(command(*arguments), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while not moment(out):
            assert process.poll() is None, process.communicate()[1].decode()
            time.sleep(0.002)
        process.kill()
        process.communicate()
        time.sleep(0.3)  # the workers notice that their parent is gone
    times = {path: path.stat().st_mtime_ns for path in out.glob("*/*.flac")}
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["made"] == 0, "nothing is done twice"
    assert digests(out) == digests(dataset)
    assert {path: path.stat().st_mtime_ns for path in out.glob("*/*.flac")} == times


def test_two_workers_give_the_same_bytes(corpus: Path, dataset: Path, tmp_path: Path) -> None:
    report = build_dataset(BuildConfig(str(corpus), str(corpus), **SMALL), tmp_path / "two", workers=2)
    assert report["made"] == CLIPS and digests(tmp_path / "two") == digests(dataset)


def test_full_disk_stops_cleanly_and_the_next_run_continues(corpus: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "full"
    arguments = (corpus, "--audio-dir", corpus, "--out", out, *FLAGS)

    def small_files_only() -> None:  # writing more fails with OSError, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (17_000, 17_000))

    done = run(*arguments, preexec_fn=small_files_only, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr and "the same command continues" in done.stderr.splitlines()[-1]
    assert not list(out.rglob("*.partial*")) and not (out / "README.md").exists()
    assert run(*arguments).returncode == 0
    assert digests(out) == digests(dataset)


def test_other_parameters_are_refused_by_name(corpus: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = digests(dataset)
    flags = [*FLAGS, "--seed", "8", "--pitch=-1,1"]
    assert main(["build", str(corpus), "--audio-dir", str(corpus), "--out", str(dataset), *flags]) == 2
    error = capsys.readouterr().err
    assert "seed (7 there, 8 asked)" in error and "pitch ([-3, -2, -1, 1, 2, 3] there, [-1, 1] asked)" in error
    assert "sample_rate" not in error and digests(dataset) == before


# --- bad input --------------------------------------------------------------------------------------------------------


def tone(channels: int, rate: int, seconds: float = 2.0) -> np.ndarray:
    t = np.arange(round(rate * seconds)) / rate
    return np.stack([0.3 * np.sin(2 * np.pi * (220 + 55 * channel) * t) for channel in range(channels)], axis=1)


def write_bad_and_odd_files(folder: Path) -> list[str]:
    """Files of every kind; returns the names of those that can be used."""
    soundfile.write(folder / "eight.wav", tone(8, 44100), 44100)
    soundfile.write(folder / "fast.wav", tone(2, 192000), 192000)
    soundfile.write(folder / "lies.wav", tone(1, 22050), 22050, format="FLAC")
    soundfile.write(folder / "loud.wav", 9 * tone(2, 16000), 16000, subtype="FLOAT")
    soundfile.write(folder / "silent.wav", np.zeros((32000, 2)), 16000)
    soundfile.write(folder / "short.wav", tone(1, 16000, seconds=0.4), 16000)
    soundfile.write(folder / "nan.wav", np.full((32000, 1), np.nan), 16000, subtype="FLOAT")
    soundfile.write(folder / "corrupt.flac", tone(1, 16000), 16000)
    (folder / "corrupt.flac").write_bytes((folder / "corrupt.flac").read_bytes()[:60] + b"\0" * 2000)
    (folder / "text.mp3").write_text("this is not music")
    (folder / "empty.wav").write_bytes(b"")
    return ["eight.wav", "fast.wav", "lies.wav", "loud.wav"]


def test_bad_files_are_recorded_and_the_run_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audio, out = tmp_path / "audio", tmp_path / "out"
    audio.mkdir()
    good = write_bad_and_odd_files(audio)
    names = [*sorted(path.name for path in audio.iterdir()), "missing.wav"]
    lines = [json.dumps({"file": name, "caption": "A tone."}) + "\n" for name in names]
    (tmp_path / "rows.jsonl").write_text("".join(lines))
    assert main(["build", str(tmp_path / "rows.jsonl"), "--audio-dir", str(audio), "--out", str(out), *FLAGS]) == 1
    assert "7 clips failed" in capsys.readouterr().err
    rows = all_rows(out)
    assert sorted({row["source"] for row in rows}) == good and len(rows) == 12 * len(good)
    eight, fast = (soundfile.info(str(next(out.glob(f"*/*_{name}.flac")))) for name in ("eight", "fast"))
    assert (eight.channels, eight.samplerate) == (1, 8000) and (fast.channels, fast.samplerate) == (2, 8000)
    failures = {row["source"]: row["error"] for row in read_rows(out / "failures.jsonl")}
    assert sorted(failures) == sorted(set(names) - set(good))
    for name, words in (
        ("silent.wav", "expected sound, got 'silence'"), ("short.wav", "expected 1 s or more, got '0.4 s'"),
        ("nan.wav", "NaN"), ("missing.wav", "expected audio of 'missing.wav'"),
        ("text.mp3", "audio that libsndfile reads"), ("empty.wav", "audio that libsndfile reads"),
    ):  # fmt: skip
        assert words in failures[name]
    assert "7 could" in (out / "README.md").read_text()


def test_a_repaired_file_is_taken_in_by_the_next_run(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir()
    for name in ("a", "b"):
        soundfile.write(tmp_path / "audio" / f"{name}.wav", tone(1, 8000), 8000)
    (tmp_path / "rows.jsonl").write_text('{"file": "a.wav", "caption": "A."}\n{"file": "b.wav", "caption": "B."}\n')
    config = BuildConfig(str(tmp_path / "rows.jsonl"), str(tmp_path / "audio"), **SMALL)
    build_dataset(config, tmp_path / "straight")
    kept = (tmp_path / "audio" / "b.wav").read_bytes()
    (tmp_path / "audio" / "b.wav").write_bytes(b"")
    assert build_dataset(config, tmp_path / "late")["failures"] == 1
    (tmp_path / "late" / "train" / "000001_b_v-old.flac").write_bytes(b"of an interrupted clip")
    (tmp_path / "audio" / "b.wav").write_bytes(kept)
    report = build_dataset(config, tmp_path / "late")
    assert (report["failures"], report["made"]) == (0, 1)
    assert digests(tmp_path / "late") == digests(tmp_path / "straight")


def test_low_quality_clips_are_left_out_and_reported(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(1, 8000), 8000)
    captions = ("A tone.", "Low quality recording of a tone.")
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"file": "a.wav", "caption": caption}) + "\n" for caption in captions)
    )
    config = BuildConfig(str(tmp_path / "rows.jsonl"), str(tmp_path), **SMALL)
    report = build_dataset(config, tmp_path / "out")
    assert (report["clips"], report["dropped"]) == (1, 1)
    dropped = read_rows(tmp_path / "out" / "dropped.jsonl")
    assert [(row["index"], row["reason"]) for row in dropped] == [(1, "low quality")]
    kept = BuildConfig(str(tmp_path / "rows.jsonl"), str(tmp_path), keep_low_quality=True, **SMALL)
    assert build_dataset(kept, tmp_path / "all")["clips"] == 2


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--sample-rate", "1"], "sample-rate: expected Hz from 8000 to 192000, got 1"),
        (["--clip-seconds", "0"], "clip-seconds: expected seconds from 1 to 300"),
        (["--labels", "tempo"], "labels: expected some of beats, chords, key, or metadata, got 'tempo'"),
        (["--pitch=1,1"], "pitch: expected different whole numbers"),
        (["--validation", "0.6", "--test", "0.4"], "test: expected some recordings left to train with"),
        (["--workers", "0"], "workers: expected a whole number from 1 to 256, got 0"),
        (["--paraphraser", "chat"], "endpoint: expected an address with http:// or https://, got ''"),
        (["--limit", "0"], "limit: expected a whole number of at least 1"),
        (["--audio-dir", "nowhere"], "audio-dir: expected an existing folder, got 'nowhere'"),
    ],
)
def test_bad_arguments_are_one_line_and_status_2(
    flags: list[str],
    words: str,
    corpus: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MUSTANGO_CHAT_URL", raising=False)
    assert main(["build", str(corpus), "--audio-dir", str(corpus), "--out", str(tmp_path / "new"), *flags]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not (tmp_path / "new").exists()


# --- parts ------------------------------------------------------------------------------------------------------------


def test_a_tempo_that_would_leave_the_range_goes_the_other_way() -> None:
    config = BuildConfig("rows.jsonl", ".", **SMALL)
    for bpm, sign in ((290.0, -1), (31.0, 1)):
        versions = draw_versions(config, np.random.default_rng(1), {"bpm": bpm, "duration": 2.0})
        factors = [version.factor for version in versions if version.kind == "tempo"]
        assert len(set(factors)) == 4 and all((factor - 1) * sign > 0 for factor in factors)


def test_names_are_safe_and_never_collide() -> None:
    assert clip_name(Source(3, "../a b/-x.é.wav", "", None)) == "000003____a_b_-x__"
    assert clip_name(Source(4, "-0Gj8-vB1q4", "", None)) == "000004_-0Gj8-vB1q4"


@pytest.mark.slow
def test_jobs_that_share_a_folder_give_the_same_bytes(corpus: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "shared"
    arguments = [corpus, "--audio-dir", corpus, "--out", out, *FLAGS, "--json"]
    reports = []
    for part in ("1/3", "0/3", "2/3"):
        done = run(*arguments, "--shard", part)
        assert done.returncode == 0, done.stderr
        reports.append(json.loads(done.stdout))
    assert [(report["made"], report["missing"]) for report in reports] == [(7, 13), (7, 6), (6, 0)]
    assert [report["rows"] for report in reports] == [0, 0, 12 * CLIPS]
    assert digests(out) == digests(dataset)
    assert run(*arguments, "--shard", "3/3").returncode == 2


def test_archives_for_webdataset_hold_the_rows_and_the_files(corpus: Path, dataset: Path, tmp_path: Path) -> None:
    shards = sorted((dataset / "shards").glob("*.jsonl"))
    (tmp_path / "out").mkdir()
    for name in (*SPLITS, "shards"):
        (tmp_path / "out" / name).mkdir()
        for path in (dataset / name).iterdir():
            (tmp_path / "out" / name / path.name).symlink_to(path)
    write_tables(tmp_path / "out", shards, webdataset=True)
    rows = {Path(row["file_name"]).stem.replace(".", "-"): row for row in all_rows(dataset)}
    found = {}
    for path in (tmp_path / "out" / "webdataset").glob("*.tar"):
        with tarfile.open(path) as archive:
            names = archive.getnames()
            assert [name.split(".", 1)[0] for name in names[::2]] == [name.split(".", 1)[0] for name in names[1::2]]
            for name in names[1::2]:
                row = json.loads(archive.extractfile(name).read())
                key, ending = name.split(".", 1)
                assert ending == "json" and rows[key] == row and row["location"].startswith(path.name.split("-")[0])
                found[key] = archive.extractfile(f"{key}.flac").read() == (dataset / row["location"]).read_bytes()
    assert found.keys() == rows.keys() and all(found.values())


def test_musicbench_s_two_tests_are_the_clips_without_and_with_sentences(dataset: Path) -> None:
    clips = [row for row in read_rows(dataset / "test") if row["augmentation"] is None]
    plain, stated = (read_rows(dataset / "musicbench" / f"MusicBench_Test{name}.json") for name in "AB")
    assert [row["location"] for row in plain] == [row["location"] for row in stated] == [r["location"] for r in clips]
    for row, given, full in zip(clips, plain, stated, strict=True):
        assert given["main_caption"] == row["alt_caption"]
        sentences = [row[name] for name in ("prompt_ch", "prompt_bt", "prompt_bpm", "prompt_key")]
        assert full["main_caption"] == " ".join([row["alt_caption"], *filter(None, sentences)]) and any(sentences)


def test_missing_ray_is_said(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    flags = [*FLAGS, "--engine", "ray"]
    assert main(["build", str(corpus), "--audio-dir", str(corpus), "--out", str(tmp_path / "new"), *flags]) == 2
    assert "Ray to be installed (pip install ray)" in capsys.readouterr().err


@pytest.mark.slow
def test_ray_gives_the_same_bytes(corpus: Path, dataset: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    config = BuildConfig(str(corpus), str(corpus), **SMALL)
    report = build_dataset(config, tmp_path / "ray", workers=2, engine="ray")
    assert report["made"] == CLIPS
    assert digests(tmp_path / "ray") == digests(dataset)
