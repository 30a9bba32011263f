"""Stretches of plans put in the place of others: what is outside stays, what follows moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from munet.music import MusicPlan, PlanError, Section
from munet.music.splice import tempo_at_end

PLAN = MusicPlan(
    bpm=120, meter=4, key="C major", duration=8.0, chords=[("C", 0), ("F", 2), ("G", 4), ("Am", 6)],
    melody=[(60, 0.0, 1.0), (62, 1.5, 4.5), (64, 5.0, 6.0)],
).complete()  # fmt: skip


@given(st.integers(0, 13), st.integers(2, 14))
def test_a_stretch_in_its_own_place_changes_nothing(first: int, beats: int) -> None:
    start, end = first * 0.5, min(8.0, (first + beats) * 0.5)
    again = PLAN.splice(start, end, PLAN.crop(start, end))
    assert (again.chords, again.beats, again.duration, again.sections) == (PLAN.chords, PLAN.beats, 8.0, None)
    # A note over an edge is cut there, so that it may be another one inside.
    assert [note[0] for note in dict.fromkeys((p,) for p, _, _ in again.melody)] == [60, 62, 64]


def test_other_music_of_another_length() -> None:
    middle = MusicPlan(bpm=240, meter=4, key="C major", duration=1.0, chords=[("Dm", 0), ("G7", 0.5)]).complete()
    whole = PLAN.splice(2.0, 4.0, middle.with_(instruments=("trumpet",)), "edit")
    assert whole.duration == 7.0
    assert whole.chords == (("C", 0.0), ("Dm", 2.0), ("G7", 2.5), ("G", 3.0), ("Am", 5.0))
    assert whole.beat_times()[3:9] == (1.5, 2.0, 2.25, 2.5, 2.75, 3.0)
    assert whole.melody == ((60, 0.0, 1.0), (62, 1.5, 2.0), (62, 3.0, 3.5), (64, 4.0, 5.0))
    rows = [(part.name, part.start, part.end, part.bpm, part.instruments) for part in whole.parts()]
    assert rows == [
        ("before", 0.0, 2.0, 120, None),
        ("edit", 2.0, 3.0, 240, ("trumpet",)),
        ("after", 3.0, 7.0, 120, None),
    ]


def test_a_chord_that_sounds_at_the_end_goes_on_there() -> None:
    middle = MusicPlan(bpm=120, meter=4, duration=1.0, key="C major", chords=[("E", 0)]).complete()
    assert PLAN.splice(2.5, 3.5, middle).chords[1:4] == (("F", 2.0), ("E", 2.5), ("F", 3.5))


def test_insertion_at_either_end() -> None:
    more = MusicPlan(bpm=120, meter=4, key="C major", duration=2.0, chords=[("Am", 0), ("E", 1)]).complete()
    after, before = PLAN.splice(8.0, 8.0, more), PLAN.splice(0.0, 0.0, more)
    assert after.chords == (*PLAN.chords, ("E", 9.0))
    assert before.chords[:3] == (("Am", 0.0), ("E", 1.0), ("C", 2.0))
    assert after.duration == before.duration == 10.0
    assert len(after.beats) == len(before.beats) == 20


def test_sections_keep_what_holds_in_them() -> None:
    sections = [Section("verse", bars=2, instruments=("piano",)), Section("chorus", bars=2, key="D major")]
    plan = MusicPlan(bpm=120, meter=4, key="C major", sections=sections).complete()
    middle = plan.crop(3.0, 5.0).with_(instruments=("organ",), sections=None)
    parts = plan.splice(3.0, 5.0, middle, "edit").parts()
    assert [(part.name, part.start, part.end) for part in parts] == [
        ("verse", 0.0, 3.0), ("edit", 3.0, 5.0), ("chorus", 5.0, 8.0)
    ]  # fmt: skip
    assert [part.instruments for part in parts] == [("piano",), ("organ",), None]
    assert [part.key for part in parts] == ["C major", "C major", "D major"]


def test_a_piece_goes_on() -> None:
    longer = PLAN.prolong(9.25)
    assert (longer.duration, longer.chords, longer.melody) == (9.25, PLAN.chords, PLAN.melody)
    assert longer.beats[16:] == ((8.0, 1), (8.5, 2), (9.0, 3))
    ramp = MusicPlan(meter=3, key="C major", sections=[Section("faster", bars=4, bpm=(60, 120))]).complete()
    times = ramp.prolong(ramp.duration + 3).beat_times()
    assert times[-1] - times[-2] == pytest.approx(0.5)


def test_what_cannot_be_joined_is_refused() -> None:
    with pytest.raises(PlanError, match="end: expected a number from 5 to 8"):
        PLAN.splice(5.0, 9.0, PLAN)
    with pytest.raises(PlanError, match="duration: expected a duration of both"):
        PLAN.splice(0.0, 1.0, MusicPlan())
    with pytest.raises(PlanError, match="duration"):
        PLAN.prolong(7.0)
    with pytest.raises(PlanError, match="beats: expected at least two"):
        tempo_at_end([(0.0, 1)])
