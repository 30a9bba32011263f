"""Reading audio: what a file claims is checked before anything of it is decoded."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augmentation.audio import encode, read_audio, seconds_of, write_audio
from augmentation.dataset.sources import Source, read_clip
from augmentation.hearing.listen import listen
from munet.errors import RequestError


def claim(path: Path, rate: int, channels: int = 1, seconds: float = 1.0) -> Path:
    """A WAV header for `seconds` of 16-bit audio, and a file of that length with no byte on the disk."""
    size = round(seconds * rate) * channels * 2
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * channels * 2, channels * 2, 16)
    path.write_bytes(b"RIFF" + struct.pack("<I", 36 + size) + b"WAVE" + form + b"data" + struct.pack("<I", size))
    with path.open("r+b") as file:
        file.truncate(44 + size)  # a hole
    return path


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"rate": 1, "seconds": 200 * 3600}, "expected from 4000 to 384000 Hz, got 1"),
        ({"rate": 1_000_000}, "expected from 4000 to 384000 Hz, got 1000000"),
        ({"rate": 8000, "channels": 9}, "expected at most 8 channels, got 9"),
        ({"rate": 8000, "seconds": 601}, "expected at most 600 seconds, got 601"),
        ({"rate": 96000, "channels": 8, "seconds": 500}, "expected at most 134217728 samples, got 48000000 x 8"),
    ],
)
def test_what_cannot_be_used_is_refused_before_it_is_decoded(tmp_path: Path, facts: dict, message: str) -> None:
    path = claim(tmp_path / "claim.wav", **facts)
    with pytest.raises(RequestError, match=message):
        read_audio(path)


def test_an_hour_of_silence_in_a_few_kilobytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "silence.flac"
    with soundfile.SoundFile(path, "w", 8000, 1, format="FLAC") as file:
        for _ in range(60):
            file.write(np.zeros(60 * 8000, np.float32))
    assert path.stat().st_size < 400_000 and seconds_of(path) == 3600
    with pytest.raises(RequestError, match="expected at most 600 seconds, got 3600"):
        read_audio(path)
    assert read_audio(path, seconds=2.0)[0].shape == (1, 16000)


def test_a_part_is_read_from_where_it_begins(tmp_path: Path) -> None:
    path, samples = tmp_path / "ramp.wav", np.arange(16000) / 32768
    soundfile.write(path, samples, 8000)
    audio, rate = read_audio(path, start=0.5, seconds=0.25)
    assert rate == 8000 and np.array_equal(audio, samples[None, 4000:6000].astype(np.float32))
    assert read_audio(path, start=1.5, seconds=9.0)[0].shape == (1, 4000)
    with pytest.raises(RequestError, match="expected at least one sample"):
        read_audio(path, start=3.0)


def test_datasets_and_extractors_have_the_same_bounds(tmp_path: Path) -> None:
    path = claim(tmp_path / "claim.wav", rate=2, seconds=3600)
    with pytest.raises(RequestError, match="expected from 4000 to 384000 Hz, got 2"):
        read_clip(Source(0, "x", "", str(path)))
    for rate in (1, 10**7):
        with pytest.raises(RequestError, match="sample_rate: expected from 4000 to 384000 Hz"):
            listen(np.zeros((1, 100), np.float32), rate)
    with pytest.raises(RequestError, match="audio: expected at most 600 s, got 601 s"):
        listen(np.zeros(601 * 4000, np.float32), 4000)


def test_encoded_audio_is_read_back(tmp_path: Path) -> None:
    audio = np.linspace(-0.5, 0.5, 8000, dtype=np.float32)[None]
    (tmp_path / "a.flac").write_bytes(encode(audio, 8000, "flac"))
    assert np.abs(read_audio(tmp_path / "a.flac")[0] - audio).max() < 1e-4


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_sixteen_bits_come_back_as_the_same_bits_however_often_they_are_written(tmp_path: Path, suffix: str) -> None:
    every = np.arange(-32768, 32768, dtype=np.int16)
    path = tmp_path / f"sound{suffix}"
    soundfile.write(path, every, 44100, subtype="PCM_16")
    for _ in range(2):
        write_audio(path, *read_audio(path))
    assert np.array_equal(soundfile.read(path, dtype="int16")[0], every)
