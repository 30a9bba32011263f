"""Beats of whole songs in the folder of a dataset."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile

from augmentation.compose.composer import compose
from augmentation.compose.renderer import render
from augmentation.dataset.builder import build_dataset
from augmentation.dataset.clips import BuildConfig
from augmentation.dataset.cutting import cut_on_bars
from augmentation.dataset.pulses import keep_pulse, kept_pulse, length_of, place_of
from augmentation.dataset.records import read_rows
from augmentation.dataset.sources import Source
from augmentation.workers import run_in_processes
from tests.augmentation.hearing.test_listen import without  # noqa: F401 - a fixture
from tests.augmentation.hearing.test_phase import activations, found, needs_madmom


def test_the_pulse_of_a_song_is_kept_in_the_dataset_s_folder(tmp_path: Path) -> None:
    song = tmp_path / "song.wav"
    song.write_bytes(b"no audio")
    (tmp_path / "beats").mkdir()
    assert kept_pulse(tmp_path, str(song)) is None  # nobody has listened
    keep_pulse(tmp_path, str(song))
    assert (
        place_of(tmp_path, str(song)).is_file() and kept_pulse(tmp_path, str(song)) is None
    )  # there is nothing to hear
    for certainty in (None, 0.75):
        arrays = {"beats": found(range(0)), "activations": activations(range(0)).astype(np.float16)}
        np.savez(place_of(tmp_path, str(song)), **arrays, **({} if certainty is None else {"certainty": certainty}))
        pulse = kept_pulse(tmp_path, str(song))
        assert pulse is not None and pulse.certainty == certainty and length_of(pulse) == 48.5
        assert pulse.track((1.0, 3.0)).beats == ((0.0, 3), (0.5, 4), (1.0, 1), (1.5, 2))


def test_without_madmom_a_song_is_cut_evenly(tmp_path: Path, without) -> None:  # noqa: F811
    without("madmom")
    song = tmp_path / "song.wav"
    soundfile.write(song, 0.1 * np.random.default_rng(0).standard_normal(8000 * 12), 8000)
    (tmp_path / "beats").mkdir()
    keep_pulse(tmp_path, str(song))
    cut = cut_on_bars([Source(0, "song", "", str(song))], 5.0, tmp_path, run_in_processes)
    assert [(source.start, source.end) for source in cut] == [(0, 5), (5, 10)]


@needs_madmom
def test_clips_of_a_song_have_the_beats_of_the_whole(tmp_path: Path) -> None:
    piece = compose(7, style="rock", duration=13.0)
    soundfile.write(tmp_path / "song.wav", render(piece, 22050).T, 22050)
    (tmp_path / "songs.jsonl").write_text(json.dumps({"file": "song.wav", "caption": "A rock song."}) + "\n")
    config = BuildConfig(
        str(tmp_path / "songs.jsonl"), str(tmp_path), sample_rate=22050, clip_seconds=6.0, cut="bars",
        labels=("beats",), pitch=(), tempo_versions=0, volume_versions=0, validation=0.0, test=0.0, fingerprints=False,
    )  # fmt: skip
    assert build_dataset(config, tmp_path / "data")["failures"] == 0
    pulse = kept_pulse(tmp_path / "data", str(tmp_path / "song.wav"))
    assert pulse is not None
    rows = read_rows(tmp_path / "data" / "train")
    told = [(round(time, 4), at) for time, at in zip(rows[0]["beats"][0], rows[0]["beats"][1], strict=True)]
    first = next(time for time, at in pulse.beats if at == 1)  # where the first clip begins
    inside = [(round(time - round(first, 4), 4), at) for time, at in pulse.beats if first - 1e-4 <= time < first + 6]
    assert len(rows) >= 2 and told == inside[: len(told)] and len(told) >= 8
    assert rows[0]["beat_confidence"] > 0.3
