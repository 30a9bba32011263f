"""Any file as a plan, and a plan as a folder."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augmentation.audio import write_audio
from augmentation.hearing.listen import Heard
from munet.errors import RequestError
from munet.music import MusicPlan, Section
from mustango_app import Clip
from mustango_app.cli import main
from mustango_app.exchange.click import click_track
from mustango_app.exchange.export import NAMES, PARTS, export
from mustango_app.exchange.files import plan_from_file
from mustango_app.exchange.heard import plan_from_heard
from mustango_app.exchange.midi_write import write_midi
from mustango_app.exchange.tune import fit_tune
from mustango_app.request import Request

PLAN = MusicPlan(
    bpm=120, meter=4, key="G major", duration=8.0, melody=((67, 0.0, 1.0), (71, 1.0, 2.0))
).complete(["G", "D/F#", "Em", "C"])  # fmt: skip
SHEET = "{title: Song}\n{key: D}\n{tempo: 90}\n[D]Hello [G]world [A7]now [D]\n"


# ---------------------------------------------------------------- export


def clip() -> Clip:
    audio = (0.3 * np.random.default_rng(0).standard_normal((2, 8 * 16000))).clip(-1, 1).astype(np.float32)
    return Clip(audio, 16000, PLAN, "a song", 7, {"steps": 2})


def test_a_clip_is_exported_whole(tmp_path: Path) -> None:
    folder = clip().export(tmp_path / "new" / "song")
    assert sorted(path.name for path in folder.iterdir()) == sorted(set(NAMES) - {PARTS})
    assert soundfile.info(folder / "audio.wav").frames == soundfile.info(folder / "click.wav").frames == 8 * 16000
    for name in ("plan.json", "music.mid"):
        assert plan_from_file(folder / name) == PLAN
    sheet = plan_from_file(folder / "chords.cho")
    assert (sheet.bpm, sheet.meter, sheet.key, sheet.chords) == (120, 4, "G major", PLAN.chords)
    assert json.loads((folder / "clip.json").read_text())["seed"] == 7


def test_an_earlier_export_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    folder = clip().export(tmp_path / "song")
    export(folder, PLAN)  # without sound
    assert not (folder / "audio.wav").exists()
    (folder / "thesis.doc").write_text("mine")
    with pytest.raises(RequestError, match=r"folder: expected a new or empty folder, got .*thesis\.doc"):
        export(folder, PLAN)
    assert (folder / "thesis.doc").read_text() == "mine"
    with pytest.raises(RequestError, match="folder: expected a folder"):
        export(folder / "thesis.doc", PLAN)


def test_a_failed_export_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RequestError):
        export(tmp_path / "song", PLAN, (np.full((1, 16000), np.nan, np.float32), 16000))
    assert list(tmp_path.iterdir()) == []


def test_clicks_stand_on_the_beats() -> None:
    audio = click_track(PLAN, 8000)
    assert audio.shape == (1, 8 * 8000) and audio.dtype == np.float32
    loud = np.abs(audio[0]).reshape(-1, 500).max(axis=1)  # sixteenths of a second
    assert (loud[::8] > 0.3).all() and (np.delete(loud, slice(None, None, 8)) < 0.3).all()
    assert loud[0] > loud[8]  # downbeats are louder
    assert click_track(PLAN, 8000, seconds=3.01).shape == (1, 24080)


# ---------------------------------------------------------------- files


def test_every_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(PLAN.to_json())
    (tmp_path / "a.cho").write_text(SHEET)
    (tmp_path / "b.TXT").write_bytes(b"\xef\xbb\xbfD  G  A7  D\nHello world now\n")
    write_midi(PLAN, tmp_path / "a.mid")
    assert plan_from_file(tmp_path / "a.json") == plan_from_file(tmp_path / "a.mid") == PLAN
    assert plan_from_file(tmp_path / "a.cho").bpm == 90
    for name in ("a.cho", "b.TXT"):
        assert [symbol for symbol, _ in plan_from_file(tmp_path / name).chords] == ["D", "G", "A7", "D"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.docx", b"x", "file: expected MIDI"),
        ("a.cho", b"a\0b", "file: expected a text"),
        ("a.json", b"{", "plan: expected a JSON object"),
        ("a.wav", b"x", "file: expected"),
        ("a.txt", b"x" * 1_000_001, "file: expected a text of at most 1 MB"),
    ],
)
def test_other_files_are_refused_in_words(name: str, data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(RequestError, match=message):
        plan_from_file(tmp_path / name)
    with pytest.raises(RequestError, match="file: expected an existing file"):
        plan_from_file(tmp_path / "none.mid")


def test_what_is_heard_becomes_a_plan() -> None:
    beats = tuple((0.1 + 0.5 * i, i % 4 + 1) for i in range(10))
    chords = (("C:maj", 0.0, 2.04), ("A:min7", 2.04, 4.0), ("X", 4.0, 4.4), ("G:9(*3)", 4.4, 5.0))
    heard = Heard(5.0, 119.98, 4, beats, 0.2, "C major", 1.0, chords, tuning=-31.8, missing=("soxr",))
    plan = plan_from_heard(heard)
    assert (plan.bpm, plan.meter, plan.key, plan.duration) == (119.98, 4, "C major", 5.0)
    assert plan.chords == (("C", 0.0), ("Am7", 2.1), ("N", 4.1))  # set on the beats; no name: N
    assert plan.beats == tuple((round(second, 4), position) for second, position in beats)
    assert [note.field for note in plan.notes] == [None, "bpm", None]
    uncounted = plan_from_heard(Heard(5.0, 120.0, None, ((0.0, 0), (0.5, 0)), 0.9))
    assert (uncounted.bpm, uncounted.meter, uncounted.beats, uncounted.chords) == (120, None, None, None)
    assert plan_from_heard(Heard(5.0)).complete().is_complete
    playing = plan_from_heard(Heard(5.0, players={"bass": 0.9, "drums": 0.8}, playing=("bass", "drums"), style="rock"))
    assert playing.instruments == ("bass", "drums")


# ---------------------------------------------------------------- tunes


def test_a_tune_is_moved_to_what_is_asked() -> None:
    tune = fit_tune(PLAN, 60, "E major", 600)
    assert (tune.bpm, tune.key, tune.duration) == (60, "E major", 16)
    assert tune.melody == ((64, 0.0, 2.0), (68, 2.0, 4.0))
    assert [symbol for symbol, _ in tune.chords] == ["E", "B/D#", "C#m", "A"]
    assert fit_tune(PLAN, None, "D minor", 600).melody[0][0] == 62  # the nearer way: down
    assert fit_tune(PLAN, None, None, 5.0).duration == 5
    assert fit_tune(PLAN, 120, "G major", 8) == PLAN


def test_a_request_with_a_tune(tmp_path: Path) -> None:
    path = write_midi(PLAN, tmp_path / "tune.mid")
    plan = Request("calm music", melody=path, seed=1).draft.plan
    assert (plan.bpm, plan.meter, plan.key, plan.chords, plan.melody) == (120, 4, "G major", PLAN.chords, PLAN.melody)
    slower = Request("calm music", melody=str(path), bpm=100, key="A major", seconds=6, seed=1).draft.plan
    assert (slower.bpm, slower.key, slower.duration) == (100, "A major", 6)
    assert slower.melody == ((69, 0.0, 1.2), (73, 1.2, 2.4))
    assert [symbol for symbol, _ in slower.chords] == ["A", "E/G#", "F#m"]
    written = Request("calm music", melody=str(path), bpm="90,5", key="A-Dur", seed=1).draft.plan
    assert (written.bpm, written.key, written.melody[0][0]) == (90.5, "A major", 69)
    with pytest.raises(RequestError, match="bpm: expected a number"):
        Request("calm music", melody=str(path), bpm="soon")
    with pytest.raises(RequestError, match="MIDI"):
        Request("calm music", melody=tmp_path / "none.mid")


# ---------------------------------------------------------------- the command line


def test_plan_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(write_midi(PLAN, tmp_path / "tune.mid"))
    assert main(["plan", "--from", path, "--json"]) == 0
    assert MusicPlan.from_json(capsys.readouterr().out) == PLAN
    assert main(["plan", "--melody", path, "--key", "A major", "--json"]) == 0
    assert MusicPlan.from_json(capsys.readouterr().out).melody[0] == (69, 0.0, 1.0)
    assert main(["plan", "slow jazz", "--from", path, "--json"]) == 0
    assert MusicPlan.from_json(capsys.readouterr().out).chords == PLAN.chords
    assert main(["plan"]) == 2
    assert "prompt: expected a sentence, or --from FILE" in capsys.readouterr().err
    assert main(["plan", "--from", path, "--chords", "C"]) == 2
    assert "chords: expected a sentence" in capsys.readouterr().err


def test_export_of_a_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "song.cho").write_text(SHEET)
    assert main(["export", str(tmp_path / "song.cho"), "-o", str(tmp_path / "out"), "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [Path(file).name for file in files] == ["chords.cho", "click.wav", "music.mid", "plan.json"]


def test_export_of_a_recording_with_its_plan(tmp_path: Path) -> None:
    made = clip()
    write_audio(tmp_path / "a.wav", made.audio, made.sample_rate)
    (tmp_path / "p.json").write_text(PLAN.to_json())
    assert main(["export", str(tmp_path / "a.wav"), "--plan", str(tmp_path / "p.json"), "-o", str(tmp_path / "o")]) == 0
    assert plan_from_file(tmp_path / "o" / "music.mid") == PLAN
    assert (tmp_path / "o" / "audio.wav").is_file()


@pytest.mark.skipif(find_spec("madmom") is None, reason="madmom is optional: it needs a C compiler")
def test_plan_from_a_recording(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", click_track(PLAN, 44100), 44100)
    plan = plan_from_file(tmp_path / "a.wav")
    assert plan.bpm == pytest.approx(120, rel=0.02) and plan.duration == 8


def test_sections_survive_the_folder(tmp_path: Path) -> None:
    plan = MusicPlan(
        bpm=90, key="A minor", sections=(Section("verse", bars=2), Section("chorus", bars=2, bpm=(90, 110)))
    ).complete()
    folder = export(tmp_path / "song", plan)
    assert plan_from_file(folder / "music.mid") == plan_from_file(folder / "plan.json") == plan
    assert [section.name for section in plan_from_file(folder / "chords.cho").sections] == ["verse", "chorus"]
