"""Label arithmetic: all fields of a row together, and properties."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augmentation.dataset import labels
from augmentation.dataset.labels import crop_row, stretch_row, transpose_row
from augmentation.dataset.records import plan_of
from munet.music import Chord, Key, MusicPlan

ROW = {
    "beats": [[0.5, 1.0, 1.5, 2.0], [3.0, 1.0, 2.0, 3.0]],
    "bpm": 120.0,
    "chords": ["C", "Am7/G", "N"],
    "chords_time": [0.46, 1.2, 1.8],
    "key": ["C major", "A minor"],
    "keyprob": [0.8],
    "meter": 3,
    "duration": 2.5,
    "style": "waltz",
    "prompt_ch": "The chord sequence is C, Am7/G, N.",
    "prompt_bt": "The beat is 3.",
    "prompt_bpm": "The bpm is 120.0.",
    "prompt_key": "The key is C major, or A minor.",
    "prompt_aug": "",
    "main_caption": "A waltz. The bpm is 120.0.",
    "alt_caption": "A waltz.",
}


def same_pitches(ours: str, theirs: str) -> bool:
    first, second = Chord.parse(ours), Chord.parse(theirs)
    same_bass = first.bass_pc == second.bass_pc
    return first.pitch_classes() == second.pitch_classes() and first.quality == second.quality and same_bass


def test_transposition_changes_what_it_must_and_nothing_else() -> None:
    before = copy.deepcopy(ROW)
    changed = transpose_row(ROW, 3)
    assert before == ROW
    assert changed["chords"] == ["Eb", "Cm7/Bb", "N"] and changed["key"] == ["Eb major", "C minor"]
    assert changed["prompt_ch"] == changed["prompt_key"] == "" and changed["main_caption"] == "A waltz."
    same = set(ROW) - {"chords", "key", "prompt_ch", "prompt_key", "main_caption"}
    assert {name: changed[name] for name in same} == {name: ROW[name] for name in same}


def test_stretching_changes_what_it_must_and_nothing_else() -> None:
    before = copy.deepcopy(ROW)
    changed = stretch_row(ROW, 1.25)
    assert before == ROW
    assert changed["beats"] == [pytest.approx([0.4, 0.8, 1.2, 1.6]), [3.0, 1.0, 2.0, 3.0]]
    assert changed["chords_time"] == pytest.approx([0.368, 0.96, 1.44])
    assert (changed["bpm"], changed["duration"]) == (150.0, 2.0)
    assert changed["prompt_bpm"] == "" and changed["prompt_ch"] == ROW["prompt_ch"]
    same = set(ROW) - {"beats", "chords_time", "bpm", "duration", "prompt_bpm", "main_caption"}
    assert {name: changed[name] for name in same} == {name: ROW[name] for name in same}


def test_cropping_drops_what_begins_later() -> None:
    changed = crop_row(ROW, 1.5)
    assert changed["beats"] == [[0.5, 1.0], [3.0, 1.0]] and changed["chords"] == ["C", "Am7/G"]
    assert changed["duration"] == 1.5 and changed["prompt_ch"] == "" and changed["prompt_bpm"] == ROW["prompt_bpm"]
    assert crop_row(ROW, 2.5) == ROW and crop_row(ROW, 2.5) is not ROW


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (["E", "major"], ["F", "major"]),
        (["E", "min"], ["F", "min"]),
        (["E major", None], ["F major", None]),
        ([None, "E minor"], [None, "F minor"]),
        ([None, None], [None, None]),
        ("E major", "F major"),
        (None, None),
        ([], []),
    ],
)
def test_every_way_to_write_a_key(key: Any, expected: Any) -> None:
    assert transpose_row({"key": key}, 1) == {"key": expected}


def test_the_composers_plan_changes_too() -> None:
    plan = MusicPlan(bpm=90, meter=3, key="G major", duration=6).complete(["G", "D/F#"])
    row = ROW | {"plan": plan.to_dict(), "beats": plan.to_dict()["beats"], "key": ["G", "major"], "duration": 6.0}
    row["beats"] = [list(plan.beat_times()), [float(position) for _, position in plan.beats]]
    row["chords"], row["chords_time"] = map(list, zip(*plan.chords, strict=True))
    row["bpm"] = plan.bpm
    for changed in (transpose_row(row, 2), stretch_row(row, 0.8), crop_row(row, 3.0)):
        assert MusicPlan.from_dict(changed["plan"]) == plan_of(changed) != plan


def test_a_tempo_outside_every_plan_is_an_error() -> None:
    with pytest.raises(ValueError, match="bpm: expected a number from 30 to 300"):
        stretch_row({"bpm": 266.0}, 1.25)


# --- properties -------------------------------------------------------------------------------------------------------

factors = st.floats(0.8, 1.25)
semitones = st.integers(-3, 3)
rows = st.builds(
    lambda times, bpm, symbols, key: {
        "beats": [times, [float(i % 4 + 1) for i in range(len(times))]],
        "bpm": bpm,
        "chords": symbols[: len(times)],
        "chords_time": times[: len(symbols)],
        "key": key,
        "duration": 12.0,
    },
    st.lists(st.floats(0, 10).map(lambda second: round(second, 3)), min_size=1, max_size=8, unique=True).map(sorted),
    st.floats(60, 180),
    st.lists(st.sampled_from(["C", "F#m7", "Bb/D", "Ebmaj7", "G#dim", "N"]), min_size=1, max_size=8),
    st.sampled_from([None, ["C", "major"], ["F# minor", "A major"], ["Eb major", None]]),
)


def assert_alike(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Equal times and tempo (to rounding), equal pitches however spelled."""
    assert first["beats"][1] == second["beats"][1]
    assert first["beats"][0] == pytest.approx(second["beats"][0], abs=1e-9)
    assert first["chords_time"] == pytest.approx(second["chords_time"], abs=1e-9)
    assert (first["bpm"], first["duration"]) == pytest.approx((second["bpm"], second["duration"]), abs=1e-9)
    assert all(same_pitches(ours, other) for ours, other in zip(first["chords"], second["chords"], strict=True))
    keys = [plan_of(row).key and Key.parse(plan_of(row).key) for row in (first, second)]
    assert keys[0] is keys[1] or keys[0].scale() == keys[1].scale()


@given(rows, factors, semitones)
def test_inverse_gives_the_row_back(row: dict[str, Any], factor: float, shift: int) -> None:
    assert_alike(stretch_row(stretch_row(row, factor), 1 / factor), row)
    assert_alike(transpose_row(transpose_row(row, shift), -shift), row)


@given(rows, factors, factors, semitones, semitones)
def test_changes_add_up(row: dict[str, Any], first: float, second: float, up: int, more: int) -> None:
    assert_alike(stretch_row(stretch_row(row, first), second), stretch_row(row, first * second))
    assert_alike(transpose_row(transpose_row(row, up), more), transpose_row(row, up + more))
    assert_alike(stretch_row(transpose_row(row, up), first), transpose_row(stretch_row(row, first), up))


@given(rows, factors)
def test_beats_and_chords_keep_their_place(row: dict[str, Any], factor: float) -> None:
    """A chord that stood on a beat stands on it still, and the gaps follow the tempo."""
    changed = stretch_row(row, factor)
    assert set(changed["chords_time"]) <= set(changed["beats"][0])
    gaps = [later - earlier for earlier, later in pairwise(row["beats"][0])]
    shorter = [later - earlier for earlier, later in pairwise(changed["beats"][0])]
    assert shorter == pytest.approx([gap / factor for gap in gaps], abs=1e-9)


def test_a_record_reads_its_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []
    monkeypatch.setattr(labels, "plan_of", lambda row: read.append(row) or plan_of(row))
    record = labels.Record.of(ROW)
    for changed in (record.transpose(3), record.stretch(1.25), record.crop(1.5), record.with_fields(alt_caption="x")):
        assert plan_of(changed.fields) == changed.plan
    assert len(read) == 1 and record.fields == ROW


def test_what_musicbench_has_no_field_for_is_read_from_the_plan() -> None:
    plan = MusicPlan(bpm=120, meter=4, key="C major", duration=4.0, style="waltz", instruments=("piano",)).complete()
    row = {**labels._fields(plan), "meter": 4, "key": ["C", "major"]}
    assert plan_of(row) == plan
    higher = labels.transpose_row(row, 2)
    assert plan_of(higher).style == "waltz" and plan_of(higher).key == "D major"
