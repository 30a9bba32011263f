"""Fingerprints: what is the same recording, however it was cut, encoded and named, and what is not."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
import soundfile

from augmentation.audio import resample
from augmentation.compose.composer import compose
from augmentation.compose.renderer import render
from augmentation.dataset.fingerprints import Landmarks, landmarks, landmarks_of, same_recording

RATE = 22050


@cache
def piece(seed: int) -> np.ndarray:
    """A composed piece of 16 seconds."""
    return render(compose(seed, duration=16.0), RATE, None)


def encoded(audio: np.ndarray, rate: int, form: str) -> np.ndarray:
    """Audio through a lossy codec and back."""
    buffer = io.BytesIO()
    soundfile.write(buffer, audio.T.clip(-1, 1), rate, format=form)
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32", always_2d=True)[0].T


@pytest.mark.parametrize(
    "change",
    [
        lambda audio: (audio, RATE),
        lambda audio: (0.2 * audio, RATE),
        lambda audio: (audio[:, 61_234 : 61_234 + 8 * RATE], RATE),
        lambda audio: (encoded(audio, RATE, "MP3"), RATE),
        lambda audio: (encoded(audio[:, 50_001 : 50_001 + 8 * RATE], RATE, "OGG"), RATE),
        lambda audio: (resample(audio, RATE, 16000), 16000),
        lambda audio: (audio[:1], RATE),
    ],
    ids=["copy", "softer", "excerpt", "mp3", "excerpt as vorbis", "other rate", "one channel"],
)
def test_copies_are_found_among_others(change) -> None:
    found = [landmarks(piece(seed), RATE) for seed in (1, 2, 3)]
    assert same_recording([*found, landmarks(*change(piece(2)))]) == [(1, 3)]


def test_what_is_silent_or_cannot_be_read_is_like_nothing(tmp_path) -> None:
    silent = landmarks(np.zeros((2, RATE), np.float32), RATE)
    (tmp_path / "text.mp3").write_text("this is not music")
    assert len(landmarks_of(tmp_path / "text.mp3").hashes) == 0
    assert same_recording([silent, silent, landmarks_of(tmp_path / "text.mp3")]) == []


def test_a_file_read_in_parts_is_the_same_as_the_whole(tmp_path) -> None:
    audio = np.tile(piece(4), 5)  # 80 seconds: two parts
    soundfile.write(tmp_path / "long.flac", audio.T, RATE)
    found = landmarks_of(tmp_path / "long.flac")
    assert found.frames.max() * 256 / 11025 > 70
    assert same_recording([found, landmarks(piece(4), RATE)]) == [(0, 1)]


def test_agreement_is_counted_at_one_distance_in_time() -> None:
    hashes = np.arange(40, dtype=np.uint32)
    frames = np.arange(40, dtype=np.int32) * 10
    shuffled = np.random.default_rng(0).permutation(40).astype(np.int32) * 97
    first, later, other = Landmarks(hashes, frames), Landmarks(hashes, frames + 500), Landmarks(hashes, shuffled)
    assert same_recording([first, later]) == [(0, 1)]
    assert same_recording([first, other]) == []
