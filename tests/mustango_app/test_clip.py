"""Clips, audio files, and the picture and table made of a clip."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augmentation.audio import check_output, read_audio, resample, write_audio
from munet.files import atomic_path
from munet.music import Chord, MusicPlan
from mustango_app import Clip
from mustango_app.page.timeline import chord_color

RATE = 16000
PLAN = MusicPlan(bpm=120, meter=4, key="G major", duration=4.0).complete(["G", "D/F#"])


def tone(seconds: float = 4.0, channels: int = 1, level: float = 0.5) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return np.stack([level * np.sin(2 * np.pi * 440 * (i + 1) * t) for i in range(channels)]).astype(np.float32)


def clip(channels: int = 1) -> Clip:
    return Clip(tone(channels=channels), RATE, PLAN, "a test", 7, {"steps": 2})


def test_clip_is_an_array_with_facts() -> None:
    made = clip(channels=2)
    assert np.asarray(made).shape == (2, 4 * RATE)
    assert np.asarray(made, dtype=np.float64).dtype == np.float64
    assert made.duration == 4.0
    assert made.peak == pytest.approx(0.5, abs=1e-4)
    facts = json.loads(json.dumps(made.to_dict()))
    assert MusicPlan.from_dict(facts["plan"]) == PLAN
    assert (facts["seed"], facts["prompt"], facts["settings"]) == (7, "a test", {"steps": 2})
    assert repr(made) == "Clip(4.00 s, 2 x 64000 at 16000 Hz, seed 7)"


@pytest.mark.parametrize(("suffix", "tolerance"), [(".wav", 1e-4), (".flac", 1e-4), (".ogg", 0.05), (".mp3", 0.05)])
@pytest.mark.parametrize("channels", [1, 2])
def test_save_and_read_back(tmp_path: Path, suffix: str, tolerance: float, channels: int) -> None:
    path = clip(channels).save(tmp_path / f"clip{suffix}")
    audio, rate = read_audio(path)
    assert rate == RATE
    assert audio.shape[0] == channels
    middle = slice(RATE, 2 * RATE)
    assert np.abs(audio[:, middle] - tone(channels=channels)[:, middle]).max() < tolerance
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_existing_file_survives_a_failed_write(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    path.write_bytes(b"before")
    with pytest.raises(ValueError, match="audio: expected finite samples"):
        write_audio(path, np.full((1, 10), np.nan), RATE)
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 1


def test_unusable_outputs_are_named(tmp_path: Path) -> None:
    for path, message in (
        (tmp_path / "clip.doc", "expected a file ending in .wav"),
        (tmp_path / "clip", "expected a file ending in .wav"),
        (tmp_path / "none" / "clip.wav", "expected an existing folder"),
    ):
        with pytest.raises(ValueError, match=message):
            check_output(path)
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(ValueError, match="got the folder"):
        check_output(tmp_path / "folder.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ValueError, match="may be written to"):
        check_output(tmp_path / "clip.wav")


def test_unreadable_audio_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected an existing audio file"):
        read_audio(tmp_path / "none.wav")
    (tmp_path / "text.wav").write_text("no audio")
    with pytest.raises(ValueError, match="expected audio that libsndfile reads"):
        read_audio(tmp_path / "text.wav")
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 1)), RATE)
    with pytest.raises(ValueError, match="at least one sample"):
        read_audio(tmp_path / "empty.wav")


def test_resampling_keeps_length_and_pitch(tmp_path: Path) -> None:
    audio = resample(tone(), RATE, 44100)
    assert audio.shape == (1, 4 * 44100)
    assert np.abs(np.fft.rfft(audio[0])).argmax() / 4.0 == pytest.approx(440.0, abs=0.5)
    path = write_audio(tmp_path / "clip.wav", tone(), RATE)
    assert read_audio(path, 8000)[0].shape == (1, 32000)


def test_relative_keys_share_a_hue() -> None:
    major, minor = chord_color(Chord.parse("C")), chord_color(Chord.parse("Cm"))
    assert sum(major) > sum(minor)
    assert chord_color(Chord.parse("N")) == (0.85, 0.85, 0.85)
    assert len({chord_color(Chord(name)) for name in ("C", "G", "D", "A", "E", "B", "F", "Bb", "Eb", "Ab")}) == 10
