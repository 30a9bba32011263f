"""Transforms: audio against labels, purity, golden envelopes, what is drawn."""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from augmentation.dataset.labels import Record, crop_row
from augmentation.dataset.records import plan_of
from augmentation.dataset.transforms import (
    SEMITONES,
    Pitch,
    Tempo,
    Transform,
    Volume,
    apply,
    as_loud_as,
    change_pitch,
    change_tempo,
    crop,
    draw_tempi,
    draw_volume,
    loudness,
    version_name,
    volume_envelope,
    with_headroom,
)
from tests.golden import parity_json

RATE, DURATION, FIRST, BPM = 22050, 5.0, 0.3, 100.0
BEATS = np.arange(FIRST, DURATION - 0.2, 60 / BPM)
FREQUENCIES = {"C3": 130.813, "E3": 164.814, "G3": 195.998, "C4": 261.626}
ROW = {
    "beats": [BEATS.tolist(), [float(i % 4 + 1) for i in range(len(BEATS))]],
    "bpm": BPM,
    "chords": ["C"],
    "chords_time": [FIRST],
    "key": ["C", "major"],
    "keyprob": [0.9],
    "duration": DURATION,
    "prompt_aug": "",
    "prompt_bpm": "The bpm is 100.0.",
}


def changed_row(audio: np.ndarray, rate: int, row: Any, transform: Transform) -> tuple[np.ndarray, dict[str, Any]]:
    """`apply` from row to row."""
    changed, record = apply(audio, rate, Record.of(row), transform)
    return changed, dict(record.fields)


def cropped_row(audio: np.ndarray, rate: int, row: Any, seconds: float) -> tuple[np.ndarray, dict[str, Any]]:
    """`crop` from row to row."""
    cropped, record = crop(audio, rate, Record.of(row), seconds)
    return cropped, dict(record.fields)


def clicks() -> np.ndarray:
    """Decaying blips at the beats, `(2, samples)`, the right channel half as loud."""
    time = np.arange(round(0.06 * RATE)) / RATE
    blip = 0.9 * np.sin(2 * np.pi * 1000 * time) * np.exp(-time / 0.012)
    track = np.zeros(round(DURATION * RATE))
    for beat in BEATS:
        start = round(beat * RATE)
        track[start : start + len(blip)] += blip
    return np.stack([track, 0.5 * track]).astype(np.float32)


def triad() -> np.ndarray:
    """C major in four sines, `(1, samples)`."""
    time = np.arange(round(DURATION * RATE)) / RATE
    return 0.2 * np.sin(2 * np.pi * np.outer(list(FREQUENCIES.values()), time)).sum(0, dtype=np.float32)[None]


def onset_near(audio: np.ndarray, second: float) -> float:
    """Second at which the energy within 80 ms of `second` has risen to a quarter of its peak (4 ms smoothing)."""
    first = max(0, round((second - 0.08) * RATE))
    energy = np.convolve(audio[0, first : first + round(0.16 * RATE)] ** 2, np.ones(88) / 88, "same")
    return (first + int(np.argmax(energy > energy.max() / 4))) / RATE


def peaks(audio: np.ndarray) -> list[float]:
    """The four strongest frequencies of the middle of a clip, Hz, ascending."""
    middle = audio[0, RATE // 2 : -RATE // 2]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 19))
    found = []
    for _ in range(4):
        top = int(np.argmax(spectrum))
        found.append(top * RATE / (1 << 19))
        spectrum[max(0, top - 300) : top + 300] = 0
    return sorted(found)


# --- labels against the audio -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.8, 1 / 1.05, 1.0, 1.05, 1.1337, 1.25])
def test_clicks_sound_where_the_row_says(factor: float) -> None:
    audio, row = changed_row(clicks(), RATE, ROW, Tempo(factor))
    assert abs(audio.shape[1] - DURATION * RATE / factor) <= 1
    assert row["duration"] == pytest.approx(audio.shape[1] / RATE, abs=1e-9)
    assert row["bpm"] == pytest.approx(BPM * DURATION * RATE / audio.shape[1], abs=1e-9)
    lag = [onset_near(clicks(), beat) - beat for beat in BEATS]
    heard = [onset_near(audio, beat) - beat for beat in row["beats"][0]]
    assert np.abs(np.subtract(heard, lag)).max() < 0.003
    assert row["beats"][1] == ROW["beats"][1] and row["chords"] == ["C"]
    assert row["chords_time"] == [pytest.approx(row["beats"][0][0])]


@pytest.mark.parametrize("semitones", SEMITONES)
def test_pitches_move_by_the_semitones_and_clicks_stay(semitones: int) -> None:
    audio, row = changed_row(triad(), RATE, ROW, Pitch(semitones))
    assert audio.shape == triad().shape
    cents = 1200 * np.log2(np.divide(peaks(audio), list(FREQUENCIES.values())))
    assert np.abs(cents - 100 * semitones).max() < 2
    plan = plan_of(row)
    assert (9 + round(12 * math.log2(peaks(audio)[0] / 440))) % 12 == semitones % 12
    assert plan.chord_intervals()[0][2].root_pc == semitones % 12 and plan.chord_intervals()[0][2].quality == ""
    assert row["beats"] == ROW["beats"] and row["bpm"] == BPM and row["keyprob"] == [0.9]
    shifted = change_pitch(clicks(), RATE, semitones)
    lag = [onset_near(shifted, beat) - onset_near(clicks(), beat) for beat in BEATS]
    assert np.abs(lag).max() < 0.003


@pytest.mark.parametrize("transform", [Tempo(1.25), Tempo(0.8), Pitch(3), Pitch(-3)])
def test_channels_stay_together_and_bytes_are_the_same_again(transform: Transform) -> None:
    audio, _ = changed_row(clicks(), RATE, ROW, transform)
    assert audio.dtype == np.float32 and audio.flags.c_contiguous
    np.testing.assert_allclose(audio[1], 0.5 * audio[0], atol=1e-3)
    assert audio.tobytes() == changed_row(clicks(), RATE, ROW, transform)[0].tobytes()


def test_tempo_keeps_pitches_and_loudness() -> None:
    audio = change_tempo(triad(), RATE, 0.8)
    cents = 1200 * np.log2(np.divide(peaks(audio), list(FREQUENCIES.values())))
    assert np.abs(cents).max() < 2
    assert np.sqrt(np.mean(audio**2) / np.mean(triad() ** 2)) == pytest.approx(1, abs=0.05)


def test_there_and_back_again_has_the_old_length() -> None:
    rng = np.random.default_rng(0)
    for samples in (1, 100, 7777, 22050):
        audio = rng.normal(0, 0.1, (1, samples)).astype(np.float32)
        faster = change_tempo(audio, RATE, 1.1)
        assert change_tempo(faster, RATE, faster.shape[1] / samples).shape == audio.shape
        assert change_pitch(audio, RATE, 1).shape == audio.shape


@pytest.mark.parametrize("rising", [True, False])
def test_level_follows_the_ramp(rising: bool) -> None:
    steady = np.full((2, 4 * RATE), 0.5, np.float32)
    whole = crop_row(ROW, 4.0)
    audio, row = changed_row(steady, RATE, whole, Volume(rising, 0.25, 1.0, 4.0))
    level = audio[:, [0, RATE - 1, round(2.5 * RATE), 4 * RATE - 1]] / 0.5
    expected = [0.25, 0.25, 0.5, 1.0] if rising else [1.0, 1.0, 0.5, 0.25]  # half way in time is half way in dB
    np.testing.assert_allclose(level, [expected, expected], rtol=1e-3)
    assert row["augmentation"] == {"kind": "volume", "rising": rising, "low": 0.25, "start": 1.0, "end": 4.0}
    assert row["prompt_aug"] == f"There is a {'' if rising else 'de'}crescendo from 1.00 seconds on."
    labels = set(whole) - {"prompt_aug"}
    assert {name: row[name] for name in labels} == {name: whole[name] for name in labels}


def test_cropping_cuts_audio_and_labels_at_the_same_second() -> None:
    audio, row = cropped_row(clicks(), RATE, ROW, 2.0)
    np.testing.assert_array_equal(audio, clicks()[:, : 2 * RATE])
    assert row["duration"] == 2.0 and row["beats"][0] == [beat for beat in BEATS if beat < 2]
    same, unchanged = cropped_row(clicks(), RATE, ROW, 10.0)
    np.testing.assert_array_equal(same, clicks())
    assert unchanged == ROW


# --- purity, refusals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", [Pitch(0), Tempo(1), Tempo(1.0)])
def test_identity(transform: Transform) -> None:
    audio, row = changed_row(clicks(), RATE, ROW, transform)
    np.testing.assert_array_equal(audio, clicks())
    assert row == ROW


@pytest.mark.parametrize("transform", [Pitch(0), Pitch(2), Tempo(1), Tempo(0.9), Volume(True, 0.2, 0.0, 3.0)])
def test_inputs_are_never_touched_and_never_handed_out(transform: Transform) -> None:
    audio, row = clicks(), copy.deepcopy(ROW)
    audio.flags.writeable = False
    changed, labels = changed_row(audio, RATE, row, transform)
    np.testing.assert_array_equal(audio, clicks())
    assert row == ROW and labels is not row and not np.shares_memory(audio, changed)
    labels["beats"][0].clear()
    labels["keyprob"].clear()
    assert row == ROW


def test_changes_do_not_compound() -> None:
    _, row = changed_row(clicks(), RATE, ROW, Pitch(1))
    assert row["augmentation"] == {"kind": "pitch", "semitones": 1}
    with pytest.raises(ValueError, match="row: expected one that is not augmented yet"):
        changed_row(clicks(), RATE, row, Tempo(1.1))


@pytest.mark.parametrize(
    ("audio", "transform", "message"),
    [
        (np.zeros(100, np.float32), Tempo(1.1), r"audio: expected float32 \(channels, samples\)"),
        (np.zeros((1, 0), np.float32), Tempo(1.1), "audio: expected"),
        (np.zeros((1, 100)), Pitch(1), "audio: expected"),
        (np.full((1, 100), np.nan, np.float32), Pitch(0), "audio: expected finite samples"),
        (np.zeros((1, 4 * RATE), np.float32), Volume(True, 0.2, 0.0, 4.5), "end: expected within 4.0 s, got 4.5"),
    ],
)
def test_malformed_audio_is_named(audio: np.ndarray, transform: Transform, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        changed_row(audio, RATE, ROW, transform)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Pitch(13), "semitones: expected a whole number from -12 to 12, got 13"),
        (lambda: Pitch(0.5), "semitones"),
        (lambda: Tempo(2.5), "factor: expected a number from 0.5 to 2, got 2.5"),
        (lambda: Volume(True, 0.0, 0.0, 1.0), "low: expected a gain above 0 and below 1, got 0.0"),
        (lambda: Volume(True, 0.2, 2.0, 1.0), "end: expected a second after a start"),
    ],
)
def test_malformed_parameters_are_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# --- golden envelopes -------------------------------------------------------------------------------------------------

ENVELOPE_DIFFERS = {
    **dict.fromkeys((4, 5, 6, 7), "a linear ramp: the paper and the script use the exponential one only"),
    15: "a low gain of 0 gives the reference NaN",
    16: "a change that ends before the clip does crashes the reference",
    17: "stereo crashes the reference",
}


@pytest.mark.parametrize("number", range(19))
def test_golden_volume_envelope(number: int) -> None:
    cases = parity_json("augment.json")["volume_change_simple"]
    assert len(cases) == 19
    case = cases[number]
    samples, rate, [(first, last, start, end)] = case["args"]
    if number == 15:
        with pytest.raises(ValueError, match="low"):
            Volume(first < last, min(first, last), start, end)
        return
    change = Volume(first < last, min(first, last), start, end)
    changed = np.array(samples) * volume_envelope(len(samples), rate, change) if number != 17 else None
    if number in (4, 5, 6, 7):
        assert case["kwargs"] == {"expo": False}
        np.testing.assert_allclose(changed[[0, -1]], [case["output"][i] for i in (0, -1)])
        assert (changed <= np.array(case["output"]) + 1e-9).all()  # the same ends, below the straight line between
    elif number == 16:
        assert "error" in case
        assert changed[0] == 0.5 and (changed[15:] == 1).all() and (np.diff(changed) >= 0).all()
    elif number == 17:
        assert "error" in case
        stereo = np.array(samples).T * volume_envelope(len(samples), rate, change)
        np.testing.assert_allclose(stereo[0], parity_json("augment.json")["volume_change_simple"][0]["output"])
        np.testing.assert_array_equal(stereo[0], stereo[1])
    else:
        assert number not in ENVELOPE_DIFFERS
        np.testing.assert_allclose(changed, case["output"], rtol=1e-12)


# --- what is drawn, and names -----------------------------------------------------------------------------------------


def test_tempi_are_spread_both_ways() -> None:
    rng = np.random.default_rng(0)
    drawn = [sorted(tempo.factor for tempo in draw_tempi(rng, 4)) for _ in range(500)]
    # Two slower, two faster, one from each half of the range (1.05 to 1.15 to 1.25) or its inverse.
    for low, high, place in ((1 / 1.25, 1 / 1.15, 0), (1 / 1.15, 1 / 1.05, 1), (1.05, 1.15, 2), (1.15, 1.25, 3)):
        found = np.array([factors[place] for factors in drawn])
        assert found.min() >= low - 1e-4 and found.max() <= high + 1e-4 and np.ptp(found) > 0.95 * (high - low)
    odd = [sum(tempo.factor > 1 for tempo in draw_tempi(rng, 3)) for _ in range(200)]
    assert set(odd) == {1, 2}


def test_versions_are_as_loud_as_the_clip_and_none_clips() -> None:
    rng = np.random.default_rng(0)
    audio = (0.4 * rng.standard_normal((2, 88200))).clip(-1, 1).astype(np.float32)
    level = loudness(audio, 44100)
    changed = [as_loud_as(change_tempo(audio, 44100, factor), 44100, level) for factor in (0.85, 1.2)]
    assert [loudness(each, 44100) for each in changed] == pytest.approx([level, level], abs=0.1)
    versions = list(with_headroom([audio, *changed]))
    assert max(np.abs(each).max() for each in versions) == pytest.approx(0.891, abs=1e-3)
    levels = [loudness(each, 44100) for each in versions]
    assert levels == pytest.approx([levels[0]] * 3, abs=0.1) and levels[0] < level
    quiet = [0.1 * each for each in versions]
    assert all(np.array_equal(own, other) for own, other in zip(with_headroom(quiet), quiet, strict=True))
    silence = np.zeros((1, 44100), np.float32)
    assert np.array_equal(as_loud_as(silence, 44100, level), silence)


@pytest.mark.parametrize("change", [lambda a: change_tempo(a, 44100, 0.8), lambda a: change_pitch(a, 44100, 2)])
def test_ends_are_not_faded(change: Callable[[np.ndarray], np.ndarray]) -> None:
    noise = (0.1 * np.random.default_rng(0).standard_normal((1, 132300))).astype(np.float32)
    changed = change(noise)
    whole = np.sqrt((changed**2).mean())
    for end in (changed[:, :1102], changed[:, -1102:]):  # 25 ms, which the library itself leaves 3 to 7 dB softer
        assert abs(20 * np.log10(np.sqrt((end**2).mean()) / whole)) < 1.5


def test_volume_points_follow_the_raised_cosine() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_volume(rng, 10.0) for _ in range(4000)]
    assert {(volume.rising, volume.start == 0) for volume in drawn} == {(a, b) for a in (0, 1) for b in (0, 1)}
    assert all(volume.start == 0 or volume.end == 10.0 for volume in drawn)
    lows = np.array([volume.low for volume in drawn])
    assert lows.min() >= 0.1 and lows.max() <= 0.4 and lows.mean() == pytest.approx(0.25, abs=0.01)
    points = np.array([volume.end if volume.start == 0 else volume.start for volume in drawn]) / 10
    for point in (0.1, 0.25, 0.5, 0.75, 0.9):
        below = point - math.sin(2 * math.pi * point) / (2 * math.pi)  # the distribution function
        assert np.mean(points <= point) == pytest.approx(below, abs=0.03)


def test_names_are_readable_safe_and_unique() -> None:
    named = {
        Pitch(2): "ID_p+2",
        Pitch(-3): "ID_p-3",
        Tempo(1.125): "ID_t1.125",
        Tempo(np.float64(0.8889)): "ID_t0.8889",
        Volume(True, 0.2, 0.0, 4.57): "ID_v+0.2_0.0-4.57",
        Volume(False, 0.2, 4.57, 10.0): "ID_v-0.2_4.57-10.0",
    }
    assert {transform: version_name("ID", transform) for transform in named} == named
    assert all(re.fullmatch(r"[\w.+-]+", name) for name in named.values())


@pytest.mark.parametrize("transform", [Pitch(2), Tempo(1.125), Volume(True, 0.2, 0.0, 3.0)])
def test_rows_are_json_and_hold_the_parameters(transform: Transform) -> None:
    _, row = changed_row(clicks(), RATE, ROW, transform)
    read = json.loads(json.dumps(row))
    kind, parameters = read["augmentation"].pop("kind"), read["augmentation"]
    assert {"pitch": Pitch, "tempo": Tempo, "volume": Volume}[kind](**parameters) == transform
