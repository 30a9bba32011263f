"""The command line: its output for people and machines, its errors in one line, and its speed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augmentation.compose.composer import compose
from augmentation.compose.renderer import render
from munet.music import MusicPlan
from munet.music.instruments import CLASS_NAMES
from mustango_app.cli import main
from tests.published_layout import build

PROMPT = "A calm waltz for piano in G major, 90 bpm"


def test_plan_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", PROMPT, "--chords", "G D/F# Em C", "--seconds", "8"]) == 0
    output = capsys.readouterr().out
    assert "tempo   90 BPM (Andante)  (stated)" in output
    assert "chords  G@0 D/F#@2 Em@4 C@6  (given)" in output


def test_plan_for_machines_goes_round(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["plan", PROMPT, "--json"]) == 0
    output = capsys.readouterr().out
    plan = MusicPlan.from_json(output)
    assert plan.is_complete
    assert (plan.bpm, plan.meter, plan.key) == (90, 3, "G major")
    file = tmp_path / "plan.json"
    file.write_text(output)
    assert main(["plan", "something else", "--plan", str(file), "--json"]) == 0
    assert MusicPlan.from_json(capsys.readouterr().out) == plan


def test_all_fields_of_the_music_have_flags(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--bars", "4", "--bpm", "90", "--style", "waltz", "--instruments", "piano, strings", "--energy", "calm"]
    assert main(["plan", PROMPT, *flags, "--loop", "--json"]) == 0
    plan = MusicPlan.from_json(capsys.readouterr().out)
    assert (plan.duration, plan.style, plan.energy, plan.loop) == (8.0, "waltz", "calm", True)
    assert plan.instruments == ("piano", "strings")
    assert main(["plan", PROMPT, "--instruments", "kazoo"]) == 2
    assert "instruments: expected names of instruments among" in capsys.readouterr().err


def test_generate_writes_the_file_and_one_json_object(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "waltz.wav"
    flags = ["--seconds", "2", "--steps", "2", "--seed", "5", "--model", str(tiny_folder), "--device", "cpu"]
    assert main(["generate", PROMPT, "-o", str(file), "--json", *flags]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["files"] == [str(file)]
    assert (report["seed"], report["settings"]["steps"], report["plan"]["bpm"]) == (5, 2, 90.0)
    assert report["seconds_taken"] > 0
    audio, rate = soundfile.read(file)
    assert len(audio) == 2 * rate
    assert np.abs(audio).max() == pytest.approx(report["peak"], abs=1e-3)
    assert [path.name for path in tmp_path.iterdir()] == ["waltz.wav"]

    before = file.read_bytes()
    assert main(["generate", PROMPT, "-o", str(file), *flags]) == 0
    assert file.read_bytes() == before
    assert f"{file}: 2 s, seed 5" in capsys.readouterr().out


def test_several_clips_are_numbered(tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--seconds", "1", "--steps", "1", "--seed", "8", "--num-clips", "2", "--model", str(tiny_folder), "--json"]
    assert main(["generate", PROMPT, "-o", str(tmp_path / "a.flac"), *flags]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["files"] == [str(tmp_path / "a-1.flac"), str(tmp_path / "a-2.flac")]
    assert [clip["seed"] for clip in report["clips"]] == [8, 9]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-1.flac", "a-2.flac"]


def test_analyze_hears_a_chord(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rate = 22050
    seconds = np.arange(4 * rate) / rate
    notes = sum(np.sin(2 * np.pi * pitch * seconds) / (i + 1) for i, pitch in enumerate((261.63, 329.63, 392.0)))
    envelope = np.exp(-3 * (seconds % 0.5))
    soundfile.write(tmp_path / "c.wav", 0.3 * notes * envelope, rate)
    assert main(["analyze", str(tmp_path / "c.wav"), "--json"]) == 0
    heard = json.loads(capsys.readouterr().out)
    assert set(heard) >= {"bpm", "beats", "meter", "key", "chords", "missing"}
    assert heard["duration"] == pytest.approx(4.0, abs=0.01)
    assert set(heard["playing"]) <= set(heard["players"]) == set(CLASS_NAMES)
    assert main(["analyze", str(tmp_path / "c.wav")]) == 0
    assert "  players " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan", ""], "prompt: expected a description of the music, got ''"),
        (["plan", "x", "--bpm", "5000"], "bpm: expected a number from 30 to 300, got 5000.0"),
        (["plan", "x", "--bpm", "fast"], "bpm: expected a number from 30 to 300, got 'fast'"),
        (["plan", "x", "--chords", "H#q"], "got 'H#q'"),
        (["plan", "x", "--key", "J"], "key: expected"),
        (["plan", "x", "--seconds", "-1"], "seconds: expected a number from 1 to 600, got -1.0"),
        (["plan", "x", "--plan", "none.json"], "plan: expected an existing JSON file, got 'none.json'"),
        (["plan", "x", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["plan"], "prompt: expected a sentence, or --from FILE, got neither"),
        ([], "the following arguments are required: COMMAND"),
        (["sing"], "invalid choice: 'sing'"),
        (["generate", "x", "--model", "no/such/folder"], "model: expected an existing folder or a Hub id"),
        (["generate", "x", "-o", "none/x.wav"], "output: expected an existing folder, got 'none'"),
        (["generate", "x", "-o", "x.doc"], "output: expected a file ending in .wav"),
        (["generate", "x", "--num-clips", "0"], "num_clips: expected an integer from 1 to 64, got 0"),
        (["generate", "x", "--best-of", "0"], "best_of: expected an integer from 1 to 64, got 0"),
        (["generate", "x", "--dtype", "int8"], "dtype: expected one of float32, float16, bfloat16, got 'int8'"),
        (["convert", "x/y", "z", "--base", "t5"], "base: expected NAME=FOLDER, got 't5'"),
        (["convert", ".", "z"], "source: expected a checkpoint with configs/main_config.json, got '.'"),
        (["evaluate", "none.jsonl", "--out", "z"], "expected a folder with metadata.jsonl (or a .jsonl file)"),
        (["evaluate", "none.jsonl", "--out", "z", "--limit", "0"], "limit: expected 1 or more, got 0"),
        (["generate", "x", "--steps", "0", "--model", "none"], "steps: expected an integer from 1 to 1000, got 0"),
        (["generate", "x", "--seed", "-1", "--model", "none"], "seed: expected an integer from 0 to"),
        (
            ["generate", "x", "--guidance-interval", "much", "--model", "none"],
            "--guidance-interval: expected noise levels such as 0.2,0.9, got 'much'",
        ),
        (
            ["extend", "x", "--guidance", "much"],
            "--guidance: expected a number, or weights such as chords=2,text=6, got 'much'",
        ),
        (
            ["generate", "x", "--guidance", "-1", "--model", "none"],
            "guidance: expected a number from 0 to 30, got -1.0",
        ),
        (["plan", "x", "--seed", "-1"], "seed: expected an integer from 0 to"),
        (["generate", "x", "--steps", "1.5"], "--steps: expected an integer, got '1.5'"),
        (["analyze", "none.wav"], "file: expected an existing audio file, got 'none.wav'"),
        (["train", "none.json"], "config: expected a JSON file, got 'none.json'"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        status = main(arguments)
    except SystemExit as stop:  # argparse's own
        status = stop.code
    captured = capsys.readouterr()
    assert status == 2
    assert captured.out == ""
    assert captured.err.startswith("mustango: error: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err
    assert list(tmp_path.iterdir()) == []


def test_a_broken_plan_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plan.json"
    for text in ("{", '{"tempo": 90}', "[]", "\x00"):
        file.write_text(text)
        assert main(["plan", "x", "--plan", str(file)]) == 2
        assert capsys.readouterr().err.startswith("mustango: error: plan: expected")


def test_a_broken_checkpoint_leaves_nothing_behind(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    folder = Path(shutil.copytree(tiny_folder, tmp_path / "model"))
    path = next(folder.rglob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:50])
    out = tmp_path / "out"
    out.mkdir()
    assert main(["generate", "x", "-o", str(out / "x.wav"), "--model", str(folder)]) == 2
    error = capsys.readouterr().err
    assert path.name in error
    assert error.count("\n") == 1
    assert list(out.iterdir()) == []


def test_plans_and_errors_need_no_torch() -> None:
    program = (
        "import sys; from mustango_app.cli import main\n"
        "assert main(['plan', 'a waltz']) == 0\n"
        "assert main(['generate', '']) == 2\n"
        "assert main(['generate', 'x', '--bpm', '5000']) == 2\n"
        "heavy = {'torch', 'transformers', 'diffusers', 'gradio', 'librosa'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_module_is_the_command() -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "mustango_app", "plan", "--help"], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    assert "--chords" in done.stdout


def test_analyze_scores_against_a_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = MusicPlan(bpm=120, meter=4, key="C major", chords=(("C", 0.0),), duration=4.0).complete()
    audio = render(compose(2, style="rock", plan=plan))
    soundfile.write(tmp_path / "c.wav", audio.T, 44100)
    (tmp_path / "plan.json").write_text(plan.to_json())
    arguments = ["analyze", str(tmp_path / "c.wav"), "--plan", str(tmp_path / "plan.json")]
    assert main([*arguments, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert scores["chord_root"] > 0.8 and scores["beat_f"] > 0.8 and 0.6 < scores["overall"] <= 1
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert f"  chord_root      {100 * scores['chord_root']:.0f} %" in output
    assert "chord_root_2" not in output  # nobody has asked the second judge


def test_convert_and_generate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = build(tmp_path / "published"), tmp_path / "converted"
    assert main(["convert", str(source), str(target), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"folder": str(target)}
    file = tmp_path / "blues.wav"
    flags = ["--seconds", "1", "--steps", "2", "--seed", "5", "--device", "cpu", "--json"]
    assert main(["generate", "A slow blues in C.", "-o", str(file), "--model", str(target), *flags]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["sample_rate"] == 16000 and report["duration"] == 1.0
    audio, rate = soundfile.read(file)
    assert rate == 16000 and len(audio) == 16000 and np.isfinite(audio).all() and np.abs(audio).max() > 0
    assert main(["convert", str(source), str(target)]) == 2
    assert "target: expected a folder that is not there yet" in capsys.readouterr().err


def test_the_published_layout_is_converted_by_its_first_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSTANGO_CACHE", str(tmp_path / "cache"))
    source = build(tmp_path / "published")
    flags = ["--seconds", "1", "--steps", "1", "--seed", "5", "--device", "cpu", "--model", str(source)]
    first, second = tmp_path / "first.wav", tmp_path / "second.wav"
    assert main(["generate", "A slow blues in C.", "-o", str(first), *flags]) == 0
    (made,) = (tmp_path / "cache").iterdir()
    changed = made.stat().st_mtime_ns
    assert main(["generate", "A slow blues in C.", "-o", str(second), *flags]) == 0
    assert [folder.stat().st_mtime_ns for folder in (tmp_path / "cache").iterdir()] == [changed]
    assert first.read_bytes() == second.read_bytes()


def test_evaluate_counts_failures(tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"location": "data/a.wav", "main_caption": ""}) + "\n")
    flags = ["--out", str(tmp_path / "out"), "--model", str(tiny_folder), "--workers", "1", "--no-plots", "--json"]
    assert main(["evaluate", str(rows), *flags]) == 1
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)["failures"]) == 1
    assert "1 rows could not be scored" in captured.err
