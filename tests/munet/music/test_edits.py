"""Plans moved, stretched, cut and joined: what holds at every moment stays what it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from munet.music import Chord, Key, MusicPlan, PlanError, Section
from tests.munet.strategies import sectioned_plans, semitones

PLAN = MusicPlan(
    bpm=120,
    meter=4,
    key="C major",
    instruments=["piano"],
    sections=[
        Section("a", bars=2, chords=["C", "F"]),
        Section("b", bars=2, bpm=(120, 60), key="A major", chords=["A", "E/G#"], energy="calm"),
    ],
    melody=[(60, 0.0, 1.0), (64, 3.5, 5.0), (67, 5.0, 5.5)],
    style="waltz",
).complete()


def moments(plan: MusicPlan, start: float = 0.0, end: float | None = None) -> list[tuple[Any, ...]]:
    """What holds on a grid of moments: chord, melody, section, tempo, metre, key and players."""
    found = []
    laid, parts, intervals = plan.laid(), plan.parts(), plan.chord_intervals()
    for t in np.arange(start + 0.0317, plan.duration if end is None else end, 0.37):
        chord = next((c for a, b, c in intervals if a <= t < b), Chord.none())
        note = next((pitch for pitch, a, b in plan.melody or () if a <= t < b), None)
        index, part = next((i, p) for i, p in enumerate(parts) if p.start <= t < p.end)
        tempo = laid[index].tempo_at(t) if laid else part.bpm
        held = (part.name, part.meter, part.key, part.instruments, part.energy, part.prompt)
        found.append((str(chord), note, round(tempo, 4), *held))
    return found


def close(left: tuple[Any, ...] | None, right: tuple[Any, ...] | None) -> bool:
    return len(left or ()) == len(right or ()) and all(
        all(x == (pytest.approx(y, abs=1e-6) if isinstance(y, float) else y) for x, y in zip(a, b, strict=True))
        for a, b in zip(left or (), right or (), strict=True)
    )


@given(sectioned_plans(), st.floats(0.05, 0.95))
@settings(max_examples=25, deadline=None)
def test_cut_and_joined_is_the_whole(plan: MusicPlan, share: float) -> None:
    at = plan.duration * share
    if min(at, plan.duration - at) < 0.5:
        return
    whole = plan.crop(0, at).concatenate(plan.crop(at, plan.duration))
    assert close(whole.beats, plan.beats) and close(whole.chords, plan.chords)
    assert whole.duration == pytest.approx(plan.duration) and len(whole.melody or ()) == len(plan.melody or ())
    assert moments(whole) == moments(plan)
    assert (whole.style, whole.beat_unit, whole.bpm) == (plan.style, plan.beat_unit, plan.bpm)


@given(sectioned_plans(), st.integers(0, 100), st.integers(10, 100))
@settings(max_examples=25, deadline=None)
def test_a_window_holds_what_the_whole_holds(plan: MusicPlan, start: int, length: int) -> None:
    begin = plan.duration * start / 200
    end = min(plan.duration, begin + max(0.5, plan.duration * length / 200))
    part = plan.slice(begin, end)
    assert moments(part) == moments(plan, begin, end)
    first = plan.parts()[0] if begin == 0 else next(p for p in reversed(plan.parts()) if p.start <= begin + 1e-6)
    assert begin == 0 or (part.meter, part.key) == (first.meter, first.key)
    again = part.complete()
    assert again.beats == part.beats or part.beats is None


@given(sectioned_plans(), semitones)
@settings(max_examples=25, deadline=None)
def test_transposed_and_back(plan: MusicPlan, n: int) -> None:
    moved, back = plan.transpose(n), plan.transpose(n).transpose(-n)
    assert back.melody == plan.melody and moved.beats == plan.beats
    assert [note[0] for note in moved.melody or ()] == [note[0] + n for note in plan.melody or ()]
    for before, after, again in zip(
        plan.chord_intervals(), moved.chord_intervals(), back.chord_intervals(), strict=True
    ):
        assert after[2].pitch_classes() == tuple((pc + n) % 12 for pc in before[2].pitch_classes())
        assert again[2].pitch_classes() == before[2].pitch_classes()
    for before, after in zip(plan.parts(), moved.parts(), strict=True):
        first, second = Key.parse(before.key), Key.parse(after.key)
        assert (second.tonic_pc, second.mode) == ((first.tonic_pc + n) % 12, first.mode)
    assert moved.sections[0].to_dict().keys() == plan.sections[0].to_dict().keys()


@given(sectioned_plans(), st.floats(0.8, 1.25))
@settings(max_examples=25, deadline=None)
def test_stretched_and_back(plan: MusicPlan, factor: float) -> None:
    fast = plan.stretch(factor)
    back = fast.stretch(1 / factor)
    assert close(back.beats, plan.beats) and close(back.chords, plan.chords) and close(back.melody, plan.melody)
    assert fast.duration == pytest.approx(plan.duration / factor) and back.duration == pytest.approx(plan.duration)
    for before, after in zip(plan.parts(), fast.parts(), strict=True):
        assert after.start == pytest.approx(before.start / factor) and after.bpm == pytest.approx(before.bpm * factor)


def test_transposed_by_hand() -> None:
    moved = PLAN.transpose(2)
    assert [symbol for symbol, _ in moved.chords] == ["D", "G", "B", "F#/A#"]
    assert (moved.key, moved.sections[1].key, moved.sections[1].chords) == ("D major", "B major", ("B", "F#/A#"))
    with pytest.raises(PlanError, match="melody: expected an integer from 0 to 127"):
        PLAN.transpose(70)
    assert moved.transpose(-2) == PLAN


def test_cropped_by_hand() -> None:
    part = PLAN.crop(1.0, 5.5)
    assert part.chords == (("C", 0.0), ("F", 1.0), ("A", 3.0))
    assert part.melody == ((64, 2.5, 4.0), (67, 4.0, 4.5))
    first, second = part.sections
    assert (first.name, first.start, first.bars, first.chords) == ("a", 0.0, None, None)
    assert (second.start, second.key, second.energy) == (3.0, "A major", "calm")
    ramp = PLAN.laid()[1].ramp, second.bpm
    assert ramp == ((120.0, 60.0), (120.0, pytest.approx(120 - 60 * 1.5 / ((8 * 120) / 180))))
    inside = PLAN.crop(4.5, 6.0)
    assert (inside.key, inside.bpm) == ("A major", pytest.approx(PLAN.laid()[1].tempo_at(4.5)))
    assert PLAN.crop(0, PLAN.duration).sections == PLAN.sections


def test_joined_plans_that_differ_get_sections() -> None:
    one = MusicPlan(bpm=120, key="C major", meter=4, duration=4, instruments=["piano"]).complete()
    two = MusicPlan(bpm=90, key="D dorian", meter=3, duration=4, instruments=["drums"]).complete()
    whole = one.concatenate(two)
    assert [(p.start, p.bpm, p.meter, p.key, p.instruments) for p in whole.parts()] == [
        (0.0, 120.0, 4, "C major", ("piano",)),
        (4.0, 90.0, 3, "D dorian", ("drums",)),
    ]
    assert whole.duration == 8.0 and whole.complete() == whole
    same = one.concatenate(one)
    assert same.sections is None and same.duration == 8.0 and len(same.beats) == 16
    assert [symbol for symbol, _ in same.chords] == ["C", "G", "C", "G"]


def test_joining_takes_a_duration_and_chords_on_both_sides() -> None:
    plan = MusicPlan(chords=[("C", 0)], duration=2)
    with pytest.raises(PlanError, match="duration: expected"):
        plan.with_(duration=None).concatenate(plan)
    with pytest.raises(PlanError, match="chords: expected chords in both"):
        plan.concatenate(MusicPlan(duration=2))
    held = plan.with_(melody=[(60, 0, 2)]).concatenate(plan.with_(melody=[(60, 0, 1), (62, 1, 2)]))
    assert (held.chords, held.melody) == ((("C", 0.0),), ((60, 0.0, 3.0), (62, 3.0, 4.0)))


def test_a_melody_is_one_voice() -> None:
    plan = MusicPlan(melody=[(60, 0, 2.5), (64, 1, 2), (67, 3.5, 9)], duration=4)
    assert plan.melody == ((60, 0.0, 1.0), (64, 1.0, 2.0), (67, 3.5, 4.0))
    for melody in ([(60, 1, 1)], [(60, 1, 2), (60, 1, 3)], [(128, 0, 1)], [(60, 0)], [(60.5, 0, 1)], [(60, 5, 6)]):
        with pytest.raises(PlanError, match="melody: expected"):
            MusicPlan(melody=melody, duration=4)


def test_loops_have_whole_bars() -> None:
    assert MusicPlan(loop=True, bpm=100).complete().duration == 9.6  # the nearest to ten seconds
    assert MusicPlan(loop=True, duration=9).complete().bpm == pytest.approx(4 * 4 * 60 / 9)
    assert MusicPlan(loop=True, bpm=90, meter=3).complete(bars=8).duration == 16.0
    for fields in ({"bpm": 100, "meter": 4, "duration": 10}, {"meter": 4, "duration": 2, "beats": [(0, 1), (1, 2)]}):
        with pytest.raises(PlanError, match="loop: expected whole bars of 4 beats"):
            MusicPlan(loop=True, **fields)
    with pytest.raises(PlanError, match="loop: expected whole bars"):
        MusicPlan(loop=True, bpm=100, duration=10).complete()
    loop = MusicPlan(loop=True, bpm=120, duration=8).complete()
    assert not loop.crop(0, 4).loop and loop.crop(0, 8).loop and loop.concatenate(loop).loop
    with pytest.raises(PlanError, match="loop: expected true or false"):
        MusicPlan(loop=1)


def test_length_in_bars() -> None:
    plan = MusicPlan(bpm=100, meter=5).complete(bars=3)
    assert plan.duration == 9.0 and len(plan.downbeat_times()) == 3
    with pytest.raises(PlanError, match="bars: expected None, as duration or sections"):
        MusicPlan(duration=3).complete(bars=2)
    with pytest.raises(PlanError, match="bars: expected an integer from 1 to 999"):
        MusicPlan().complete(bars=0)


def test_old_json_and_other_fields() -> None:
    old = '{"bpm": 120.0, "meter": 3, "key": "C major", "chords": [["C", 0.0]], "beats": [[0.0, 1]], "duration": 2.0}'
    plan = MusicPlan.from_json(old)
    assert plan.is_complete and plan.to_json() == old
    full = plan.with_(beat_unit="eighth", instruments="drums, Piano", energy="calm", meter=15, loop=False)
    assert full.to_dict()["instruments"] == ["drums", "piano"] and "loop" not in full.to_dict()
    assert full.given().keys() == {*plan.given(), "beat_unit", "instruments", "energy"}
    for field, value in (("beat_unit", "third"), ("energy", "wild"), ("style", ""), ("instruments", ["kazoo"])):
        with pytest.raises(PlanError, match=f"^{field}: expected"):
            MusicPlan(**{field: value})
