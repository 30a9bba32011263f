"""Reading METADATA, finding audio and cutting clips, on real files."""

from __future__ import annotations

import json
import shutil
import subprocess
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augmentation.audio import resample
from augmentation.dataset.metadata import audio_files
from augmentation.dataset.sources import AudioFolder, Source, read_clip, read_sources, read_surroundings

RATE = 8000


def ramp(seconds: float, channels: int = 1) -> np.ndarray:
    """Audio whose value tells the second: 0.1 at 0, rising by 0.05 a second."""
    t = np.arange(round(seconds * RATE)) / RATE
    return np.repeat((0.1 + 0.05 * t)[:, None], channels, axis=1)


def write_csv(folder: Path, *lines: str) -> Path:
    path = folder / "musiccaps.csv"
    head = (
        "ytid,start_s,end_s,audioset_positive_labels,aspect_list,caption,author_id,is_balanced_subset,is_audioset_eval"
    )
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


LINE = '{},{},{},"/m/0140xf","[\'calm\']","A calm, slow song.",4,False,{}'


def test_musiccaps_lines_and_the_four_names_of_their_files(tmp_path: Path) -> None:
    audio = tmp_path / "audio"
    (audio / "sub").mkdir(parents=True)
    soundfile.write(audio / "sub" / "-aaa.wav", ramp(12), RATE)  # a whole recording
    soundfile.write(audio / "bbb.flac", ramp(3.2), RATE)  # the clip itself
    soundfile.write(audio / "ccc-5.wav", ramp(3), RATE)
    soundfile.write(audio / "[d d]-[5-8].wav", ramp(3), RATE)
    ids = ("-aaa", "bbb", "ccc", "d d", "gone")
    table = write_csv(tmp_path, *(LINE.format(name, 5, 8, name == "bbb") for name in ids))
    sources = read_sources(table, audio)
    assert [source.id for source in sources] == list(ids) and sources[0].caption == "A calm, slow song."
    assert [source.row["is_audioset_eval_mcaps"] for source in sources] == [False, True, False, False, False]
    starts = []
    for source in sources[:4]:
        clip, rate = read_clip(source)
        assert clip.dtype == np.float32 and rate == RATE and clip.shape == (1, 3 * RATE)
        starts.append(round(float(clip[0, 0]), 2))
    assert starts == [0.35, 0.1, 0.1, 0.1]
    with pytest.raises(ValueError, match="file: expected audio of 'gone' in the audio folder, got none"):
        read_clip(sources[4])


def test_json_lines_name_their_audio_in_four_ways(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    soundfile.write(tmp_path / "data" / "one.wav", ramp(4), RATE)
    rows = [
        {"file": "data/one.wav", "caption": "A"},
        {"file_name": "one.mp3", "alt_caption": "B", "main_caption": "B at 120 bpm"},
        {"location": "elsewhere/one.wav", "main_caption": "C"},
        {"id": "one", "caption": "D", "start": 1, "end": 3.5},
        {"file": "../data/one", "caption": "E"},
        {"file": "two.wav", "caption": "F"},
    ]
    (tmp_path / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    sources = read_sources(tmp_path, tmp_path)
    assert [source.caption for source in sources] == list("ABCDEF")
    assert [source.path and Path(source.path).name for source in sources] == ["one.wav"] * 5 + [None]
    assert [source.id for source in sources] == ["data/one.wav", "one.mp3", "elsewhere/one.wav", "one", "../data/one",
                                                 "two.wav"]  # fmt: skip
    clip, _ = read_clip(sources[3])
    assert clip.shape == (1, 2.5 * RATE) and clip[0, 0] == pytest.approx(0.15, abs=1e-3)
    assert read_clip(sources[0], longest=2.0)[0].shape == (1, 2 * RATE)
    assert len(read_sources(tmp_path, tmp_path, limit=2)) == 2


def test_lossless_formats_are_preferred_and_hidden_files_left_out(tmp_path: Path) -> None:
    for name in ("x.mp3", "x.wav", "x.flac", ".y.wav", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "rows.jsonl").write_text('{"id": "x", "caption": "X"}\n')
    assert [path.name for path in audio_files(tmp_path)] == ["x.flac", "x.mp3", "x.wav"]
    assert Path(read_sources(tmp_path / "rows.jsonl", tmp_path)[0].path).name == "x.flac"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"caption": "A"}, "metadata, row 2, row: expected file or file_name"),
        ({"file": "a.wav", "caption": 3}, "metadata, row 2, caption: expected a text"),
        ({"file": "a.wav", "caption": "A", "start": "x"}, "metadata, row 2, start: expected seconds, got 'x'"),
        (
            {"file": "a.wav", "caption": "A", "start": 5, "end": 4},
            "metadata, row 2, end: expected a second after start",
        ),
        ([1, 2], "metadata, row 2: expected a JSON object"),
    ],
)
def test_malformed_rows_are_named_and_the_others_stay(row: object, words: str, tmp_path: Path) -> None:
    good = {"file": "a.wav", "caption": "A"}
    (tmp_path / "rows.jsonl").write_text(f"{json.dumps(good)}\n{json.dumps(row)}\n{{\n")
    sources = read_sources(tmp_path / "rows.jsonl", tmp_path)
    assert sources[0].problem == "" and len(sources) == 3
    assert sources[1].problem.startswith(words)
    assert "row 3: expected a JSON object on line 3" in sources[2].problem
    with pytest.raises(ValueError, match=r"metadata: expected a usable line, got .metadata, row 2"):
        read_clip(sources[1])


def test_malformed_tables_are_named(tmp_path: Path) -> None:
    lines = (
        LINE.format("aaa", 5, 3, False),
        LINE.format("aaa", "five", 8, False),
        "aaa,5,8,A slow, calm song,4,False,x,y,z",
    )
    problems = [source.problem for source in read_sources(write_csv(tmp_path, *lines), tmp_path)]
    assert problems[0] == "metadata, row 1, end_s: expected a second after start_s, got '3'"
    assert problems[1] == "metadata, row 2, start_s: expected seconds, got 'five'"
    assert problems[2] == "metadata, row 3: expected 9 columns, got 10 on line 4; quote a caption that holds ','"
    (tmp_path / "other.csv").write_text("title,words\n1,hello\n")
    with pytest.raises(ValueError, match=r"metadata: expected a column file, .* or ytid, got .*title"):
        read_sources(tmp_path / "other.csv", tmp_path)
    with pytest.raises(ValueError, match=r"metadata: expected a CSV or JSON file, or a folder, got 'nowhere\.csv'"):
        read_sources("nowhere.csv", tmp_path)


def table_of(path: Path) -> list[tuple[str, str]]:
    return [(source.id, source.caption) for source in read_sources(path, path.parent)]


def test_tables_of_every_dialect_say_the_same(tmp_path: Path) -> None:
    expected = [("a", "Döner, mit Soße"), ("b", 'He said "go"')]
    rows = [{"id": name, "caption": caption} for name, caption in expected]
    quoted = 'id{0}caption\r\na{0}"Döner, mit Soße"\r\nb{0}"He said ""go"""\r\n'
    files = {
        "comma.csv": quoted.format(",").encode("utf-8-sig"),
        "semicolon.csv": quoted.format(";").encode("cp1252"),
        "tab.tsv": quoted.format("\t").encode("utf-16"),
        "upper.csv": quoted.format("|").replace("id|caption", " ID |Caption").encode(),
        "array.json": json.dumps(rows, indent=1).encode("utf-8-sig"),
        "lines.jsonl": "\ufeff".encode() + "".join(f"{json.dumps(row)}\n\n" for row in rows).encode(),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        assert table_of(tmp_path / name) == expected, name


def test_a_caption_with_a_comma_that_nobody_quoted_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,caption\na,calm, slow\nb,fast\n")
    sources = read_sources(tmp_path / "x.csv", tmp_path)
    assert sources[0].problem == (
        "metadata, row 1: expected 2 columns, got 3 on line 2; quote a caption that holds ','"
    )
    assert (sources[1].id, sources[1].caption, sources[1].problem) == ("b", "fast", "")


def test_a_bare_folder_is_read_with_its_sidecars(tmp_path: Path) -> None:
    for name in ("one.wav", "sub/two.wav", "three.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, ramp(2), RATE)
    (tmp_path / "one.txt").write_text("A calm\nsong.\n", encoding="utf-8-sig")
    (tmp_path / "sub" / "two.json").write_text('{"caption": "B", "start": 0.5}')
    sources = read_sources(tmp_path, tmp_path)
    assert [(source.id, source.caption, source.start) for source in sources] == [
        ("one.wav", "A calm song.", 0.0),
        ("sub/two.wav", "B", 0.5),
        ("three.wav", "", 0.0),
    ]
    (tmp_path / "three.json").write_text("[1]")
    problems = [source.problem for source in read_sources(tmp_path, tmp_path) if source.problem]
    assert len(problems) == 1 and "expected a JSON object beside it" in problems[0]


def test_a_file_that_was_cut_short_is_reported_where_it_matters(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "whole.wav", ramp(6), RATE)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "whole.wav").read_bytes()[: 44 + 2 * 3 * RATE])
    cut = Source(0, "cut", "", str(tmp_path / "cut.wav"))
    assert read_clip(cut, longest=2.0)[0].shape == (1, 2 * RATE)
    with pytest.raises(ValueError, match=r"file: expected a whole file, got 'one that is cut short after 3\.0 s'"):
        read_clip(cut, longest=5.0)
    assert read_clip(Source(0, "whole", "", str(tmp_path / "whole.wav")), longest=10.0)[0].shape == (1, 6 * RATE)


def test_a_clip_is_read_with_what_surrounds_it(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", ramp(40), RATE, subtype="FLOAT")
    audio, rate, span = read_surroundings(Source(0, "long", "", str(tmp_path / "long.wav"), start=25.0, end=30.0))
    assert (audio.shape, rate, span) == ((1, 35 * RATE), RATE, (20.0, 25.0))
    audio, _, span = read_surroundings(Source(0, "long", "", str(tmp_path / "long.wav")), longest=60)
    assert span is None and audio.shape == (1, 40 * RATE)


def test_what_only_ffmpeg_reads_is_read_or_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(64))
    has_it = shutil.which("ffmpeg") is not None
    with pytest.raises(ValueError, match="FFmpeg"):
        read_clip(Source(0, "film", "", str(path)))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="FFmpeg, which reads M4A, WebM and videos, is not installed"):
        read_clip(Source(0, "film", "", str(path)))
    if has_it:
        monkeypatch.undo()
        soundfile.write(tmp_path / "tone.wav", ramp(3), RATE)
        command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "tone.wav"), "-c:a", "aac", str(tmp_path / "tone.m4a")]
        subprocess.run(command, check=True)
        audio, rate = read_clip(Source(0, "tone", "", str(tmp_path / "tone.m4a"), start=1.0, end=2.0))
        assert rate == RATE and audio.shape[1] == pytest.approx(RATE, abs=2)


def test_many_channels_are_mixed_and_loud_audio_is_turned_down(tmp_path: Path) -> None:
    audio = np.concatenate([ramp(2, channels=5), -ramp(2)], axis=1)
    soundfile.write(tmp_path / "six.wav", audio, RATE)
    clip, _ = read_clip(Source(0, "six", "", str(tmp_path / "six.wav")))
    assert clip.shape == (1, 2 * RATE) and clip[0, 0] == pytest.approx(0.1 * 4 / 6, abs=1e-3)
    soundfile.write(tmp_path / "loud.wav", 20 * ramp(2, channels=2), RATE, subtype="FLOAT")
    clip, _ = read_clip(Source(0, "loud", "", str(tmp_path / "loud.wav")))
    assert np.abs(clip).max() == 1 and clip[0, 0] == pytest.approx(0.1 / 0.2, abs=1e-3)


def test_resampling_keeps_shape_and_pitch() -> None:
    t = np.arange(2 * RATE) / RATE
    audio = np.stack([np.sin(2 * np.pi * 440 * t), np.zeros_like(t)]).astype(np.float32)
    out = resample(audio, RATE, 12000)
    assert out.shape == (2, 24000) and out.dtype == np.float32 and out[1].max() == 0
    spectrum = np.abs(np.fft.rfft(out[0]))
    assert np.argmax(spectrum) * 12000 / 24000 == pytest.approx(440, abs=0.5)
    assert resample(audio, RATE, RATE) is audio


@pytest.mark.parametrize("stored, asked", [("NFD", "NFC"), ("NFC", "NFD")])
def test_accents_are_found_however_they_are_composed(tmp_path: Path, stored: str, asked: str) -> None:
    name = "Älbûm Söng"
    path = tmp_path / f"{unicodedata.normalize(stored, name)}.wav"
    path.write_bytes(b"RIFF")
    assert AudioFolder(tmp_path).find(unicodedata.normalize(asked, name)) == str(path)
