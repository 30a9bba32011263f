"""Reading METADATA, finding audio and cutting clips, on real files."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augmentation.audio import resample
from augmentation.dataset.sources import AudioFolder, Source, audio_files, read_clip, read_sources

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
        ({"caption": "A"}, "metadata, row 2: expected file or file_name or location or id"),
        ({"file": "a.wav"}, "metadata, row 2: expected caption or alt_caption or main_caption"),
        ({"file": 3, "caption": "A"}, "metadata, row 2: expected file or"),
        ({"file": "a.wav", "caption": "A", "start": "x"}, "metadata, row 2, start: expected seconds, got 'x'"),
        (
            {"file": "a.wav", "caption": "A", "start": 5, "end": 4},
            "metadata, row 2, end: expected a second after start",
        ),
    ],
)
def test_malformed_json_rows_are_named(row: dict, words: str, tmp_path: Path) -> None:
    good = {"file": "a.wav", "caption": "A"}
    (tmp_path / "rows.jsonl").write_text(f"{json.dumps(good)}\n{json.dumps(row)}\n")
    with pytest.raises(ValueError, match=words):
        read_sources(tmp_path / "rows.jsonl", tmp_path)


def test_malformed_tables_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"metadata, row 1, end_s: expected a second after start_s, got '3'"):
        read_sources(write_csv(tmp_path, LINE.format("aaa", 5, 3, False)), tmp_path)
    with pytest.raises(ValueError, match=r"metadata, row 1, start_s: expected seconds, got 'five'"):
        read_sources(write_csv(tmp_path, LINE.format("aaa", "five", 8, False)), tmp_path)
    (tmp_path / "other.csv").write_text("id,text\n1,hello\n")
    with pytest.raises(ValueError, match="metadata: expected the columns ytid, start_s, end_s, caption"):
        read_sources(tmp_path / "other.csv", tmp_path)
    with pytest.raises(ValueError, match=r"metadata: expected a CSV or JSON-lines file, got 'nowhere\.csv'"):
        read_sources("nowhere.csv", tmp_path)


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
