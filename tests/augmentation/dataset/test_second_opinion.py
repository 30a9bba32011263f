"""Captions that decide between two tempi an octave apart, and between two keys of the same notes."""

from __future__ import annotations

from typing import Any

import pytest

from augmentation.dataset.records import plan_of
from augmentation.dataset.second_opinion import agreed
from augmentation.dataset.trust import reliable
from augmentation.reading.stated import read


def labels(bpm: float, meter: int, first: float = 0.0, seconds: float = 8.0, **more: Any) -> dict[str, Any]:
    gap = 60 / bpm
    times = [round(first + at * gap, 4) for at in range(int((seconds - first) / gap))]
    positions = [float(at % meter + 1) for at in range(len(times))]
    return {"bpm": bpm, "meter": meter, "beats": [times, positions], "duration": seconds, "key": None, **more}


def test_a_stated_tempo_of_half_takes_every_second_beat_and_two_bars_as_one() -> None:
    found = agreed(labels(120, 4), "A calm piece at 60 BPM.")
    assert found["bpm"] == 60 and found["meter"] == 4
    assert found["beats"] == [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [1, 2, 3, 4, 1, 2, 3, 4]]


def test_bars_are_paired_as_the_chords_change() -> None:
    found = agreed(labels(120, 4, chords_time=[0.0, 2.02, 6.0]), "60 bpm")
    assert found["beats"][1] == [3, 4, 1, 2, 3, 4, 1, 2]  # downbeats at 2 and 6 seconds


def test_a_stated_tempo_of_twice_gets_beats_between() -> None:
    found = agreed(labels(60, 4, seconds=4.0), "a fast tune, 120 bpm")
    assert found["bpm"] == 120
    assert found["beats"] == [[0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5], [1, 2, 3, 4, 1, 2, 3, 4]]


def test_three_beats_a_bar_stay_three() -> None:
    half = agreed(labels(180, 3), "a waltz at 90 BPM")
    assert half["beats"][1][:7] == [1, 2, 3, 1, 2, 3, 1] and half["beats"][0][1] == pytest.approx(60 / 90, abs=1e-3)
    assert agreed(labels(60, 3), "a waltz at 120 BPM")["beats"][1][:7] == [1, 2, 3, 1, 2, 3, 1]


@pytest.mark.parametrize(
    "caption",
    ["a piece", "at 119 bpm", "from 60 to 90 bpm", "Adagio", "60 bpm, then 75 bpm", "50-70 bpm", "half note = 85"],
)
def test_other_tempi_leave_what_was_heard(caption: str) -> None:
    heard = labels(120, 4)
    assert agreed(heard, caption) == heard


@pytest.mark.parametrize(
    ("heard", "caption", "key"),
    [
        (["Ab", "major"], "A nostalgic ballad in F minor.", ["F", "minor"]),
        (["A", "minor"], "Key: C major", ["C", "major"]),
        (["Ab", "major"], "A ballad in G minor.", ["Ab", "major"]),
        (["Ab", "major"], "A ballad in Ab minor.", ["Ab", "major"]),
        (["Ab", "major"], "In F minor, it modulates to G minor.", ["Ab", "major"]),
        (None, "A ballad in F minor.", None),
    ],
)
def test_a_stated_key_of_the_same_notes_counts(heard: Any, caption: str, key: Any) -> None:
    assert agreed(labels(100, 4) | {"key": heard}, caption)["key"] == key


def test_what_the_caption_contradicts_is_kept_and_not_relied_on() -> None:
    heard = labels(120, 4) | {"key": ["F", "minor"], "keyprob": [0.6667], "beat_confidence": 0.8, "beat_phase": 0.9}
    for caption, unsure in (
        ("Retro synths in B flat minor at 120 bpm.", {"keyprob": [0.0]}),
        ("Synths in F major", {"keyprob": [0.0]}),
        ("a piece at 85 BPM in F dorian", {"beat_confidence": 0.0}),
    ):
        row = agreed(heard, caption)
        assert row == heard | unsure
        plan = reliable(plan_of(row), row)
        assert (plan.key is None, plan.bpm is None) == ("keyprob" in unsure, "beat_confidence" in unsure)


def test_nothing_to_count_is_no_error() -> None:
    empty = {"bpm": 120.0, "meter": None, "beats": [[], []], "duration": 3.0, "key": None}
    for caption in ("60 bpm", "240 bpm"):
        assert agreed(empty, caption)["beats"] == [[], []]
    assert read("60 bpm").tempo is not None
