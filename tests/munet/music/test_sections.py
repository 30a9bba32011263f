"""Sections in time: lengths, ramps, inheritance and contradictions, by hand and as properties."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings

from munet.music import MusicPlan, Note, Part, PlanError, Section
from munet.music.grid import ramp_beats, ramp_grid, ramp_seconds
from tests.munet.strategies import sectioned_plans


def test_ramp_by_hand() -> None:
    # From 60 to 120 BPM in 8 s the tempo is 60 + 7.5 t, so t seconds have t + t² / 16 beats: 12 in all.
    assert ramp_seconds(12, (60, 120)) == 8.0 and ramp_beats(8, (60, 120)) == 12.0
    grid = ramp_grid((60.0, 120.0), 4, 2.0, 10.0)
    assert [position for _, position in grid] == [1, 2, 3, 4] * 3
    assert all(math.isclose((t - 2) + (t - 2) ** 2 / 16, k, abs_tol=1e-8) for k, (t, _) in enumerate(grid))
    assert ramp_grid((120.0, 60.0), 3, 0.0, 4.0)[0] == (0.0, 1)
    assert len(ramp_grid((142.0, 118.3335), 3, 0.0, 15.211267606)) == 33  # not one more, at 15.21126
    assert ramp_grid((120.0, 120.0), 3, 1.0, 3.0) == ((1.0, 1), (1.5, 2), (2.0, 3), (2.5, 1))


def test_too_many_chords_say_in_which_section() -> None:
    verse, chorus = Section("verse", bars=1, chords=["C", "G"]), Section("chorus", bars=1, chords=["C", "F"] * 3)
    with pytest.raises(PlanError, match="chords: expected from 1 to 4 chords for 4 beats of chorus, got 6"):
        MusicPlan(bpm=120, meter=4, sections=[verse, chorus]).complete()


def test_sections_fold_into_beats_and_chords() -> None:
    plan = MusicPlan(
        bpm=120,
        meter=4,
        key="C major",
        instruments=["piano"],
        sections=[
            Section("intro", bars=1, chords=["C", "G"]),
            Section("verse", bars=2, meter=3, key="A minor", instruments=["piano", "drums"], energy="calm"),
            Section("end", bars=1, bpm=60, prompt="slow"),
        ],
    ).complete()
    assert plan.duration == 2 + 3 + 4
    assert plan.beats == (
        *((0.0, 1), (0.5, 2), (1.0, 3), (1.5, 4)),
        *((2.0, 1), (2.5, 2), (3.0, 3), (3.5, 1), (4.0, 2), (4.5, 3)),
        *((5.0, 1), (6.0, 2), (7.0, 3), (8.0, 4)),
    )
    assert plan.chords == (("C", 0.0), ("G", 1.0), ("Am", 2.0), ("F", 3.5), ("C", 5.0))
    assert plan.parts() == (
        Part(0.0, 2.0, "intro", 120.0, 4, "C major", ("piano",), None, None),
        Part(2.0, 5.0, "verse", 120.0, 3, "A minor", ("piano", "drums"), "calm", None),
        Part(5.0, 9.0, "end", 60.0, 4, "C major", ("piano",), None, "slow"),
    )
    assert [section.start for section in plan.sections] == [0.0, 2.0, 5.0]


def test_a_ramp_leads_on() -> None:
    sections = [Section("slow", bars=2, bpm=(60, 120)), Section("fast", bars=1), Section("last", bars=1)]
    plan = MusicPlan(sections=sections).complete()
    assert (plan.bpm, plan.duration) == (60.0, pytest.approx(ramp_seconds(8, (60, 120)) + 4))
    assert [part.bpm for part in plan.parts()] == [60.0, 120.0, 120.0]
    gaps = np.diff([t for t, _ in plan.beats])
    assert (np.diff(gaps[:8]) < 0).all() and np.allclose(gaps[8:], 0.5)


def test_lengths_that_are_open() -> None:
    def ends(**fields: object) -> list[float]:
        return [part.end for part in MusicPlan(bpm=120, **fields).complete().parts()]

    assert ends(sections=[Section("a"), Section("b", chords=["C"] * 3)]) == [8.0, 14.0]  # four bars; a bar a chord
    assert ends(sections=[Section("a"), Section("b", bars=2)], duration=10) == [6.0, 10.0]
    assert ends(sections=[Section("a"), Section("b")], duration=10) == [4.0, 10.0]  # whole bars, but for the last
    assert ends(sections=[Section("a"), Section("b", start=5.0)], duration=8) == [5.0, 8.0]
    assert ends(sections=[Section("a", start=0, bars=2), Section("b", start=4)], duration=8) == [4.0, 8.0]


def test_the_tempo_that_fills_the_duration() -> None:
    plan = MusicPlan(duration=32, sections=[Section("a", bars=8), Section("b", bars=8)]).complete()
    assert plan.bpm == 120.0
    partly = MusicPlan(duration=12, sections=[Section("a", bars=2), Section("b", bars=2, bpm=120)]).complete()
    assert (partly.bpm, partly.parts()[1].start) == (60.0, 8.0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bpm": 100, "duration": 30, "sections": [Section("a", bars=8)]}, "duration: expected 19.2 s"),
        ({"duration": 1, "sections": [Section("a", bars=8)]}, "duration: expected 6.4 to 64 s"),
        (
            {"bpm": 120, "sections": [Section("a", bars=2), Section("b", start=5, bars=1)]},
            "sections: expected 'b' to st",
        ),
        ({"sections": [Section("a", bars=400, bpm=60)]}, "sections: expected a whole of at most 600 s"),
        (
            {"bpm": 120, "duration": 4, "sections": [Section("a", bars=2), Section("b")]},
            "sections: expected time for 'b'",
        ),
        ({"beats": [(0, 1), (1, 2)], "meter": 2, "sections": [Section("a", bars=1), Section("b", bars=1)]}, "sections"),
    ],
)
def test_contradictions_are_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        MusicPlan(**fields).complete()


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ([Section("a", start=1)], "sections: expected the first to start at 0 s"),
        ([Section("a", start=0), Section("b", start=0)], "sections: expected ascending times"),
        ([Section("a"), Section("b", start=700.0 - 100)], "sections: expected starts before the duration"),
        ("verse", "sections: expected a sequence"),
        ([{"bars": 4}], "sections: expected a mapping with name"),
        ([{"name": "a", "tempo": 4}], "sections: expected a mapping"),
        ([{"name": " "}], "sections.name: expected a text"),
        ([{"name": "a", "bars": 1.5}], "sections.bars: expected an integer"),
        ([{"name": "a", "bpm": (60, 400)}], "sections.bpm: expected a number from 30 to 300, got 400"),
        ([{"name": "a", "key": "H"}], "sections.key: expected a key"),
        ([{"name": "a", "chords": 7}], "sections.chords: expected a line of chords or a sequence"),
        ([{"name": "a", "chords": "G Xyz"}], "chords: expected a chord symbol"),
        ([{"name": "a", "chords": "G major"}], "chords: expected a line of chord symbols, not a key"),
        ([{"name": "a", "chords": "%"}], "chords: expected a chord before the sign that repeats it"),
        ([{"name": "a", "chords": "G@0 C@2"}], "sections.chords: expected chords without @seconds"),
        ([{"name": "a", "chords": "I vi"}], "sections.chords: expected the key of the section beside degrees"),
        ([{"name": "a", "bars": 2, "chords": "| G | C | D |"}], "expected at most the 2 bars of the section, got"),
        ([{"name": "a", "instruments": ["kazoo"]}], "sections.instruments: expected names"),
        ([{"name": "a", "energy": "wild"}], "sections.energy: expected one of calm, moderate, energetic"),
    ],
)
def test_sections_are_checked(sections: object, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        MusicPlan(sections=sections, duration=600)


def test_sections_hold_canonical_values() -> None:
    section = Section("verse", bpm=[90, 90], key="Cm", chords=["CM7"], instruments="Piano, DRUMS, piano")
    assert (section.bpm, section.key, section.chords) == (90.0, "C minor", ("Cmaj7",))
    assert section.instruments == ("piano", "drums")
    assert Section("a", instruments=(), chords=()) == Section("a")
    assert Section.from_dict(section.to_dict()) == section and "bars" not in section.to_dict()


def test_bars_are_counted_on_given_beats() -> None:
    beats = [(0.1 + i * 0.4 + 0.01 * (i % 2), i % 3 + 1) for i in range(12)]
    plan = MusicPlan(beats=beats, meter=3, duration=5, sections=[Section("a", bars=2), Section("b", bars=2)]).complete()
    assert plan.beats == tuple(beats) and plan.parts()[1].start == beats[6][0]


@given(sectioned_plans())
@settings(max_examples=25, deadline=None)
def test_complete_plans_agree_with_themselves(plan: MusicPlan) -> None:
    assert plan.is_complete and plan.complete() == plan
    parts = plan.parts()
    assert (parts[0].start, parts[-1].end) == (0.0, plan.duration)
    assert all(first.end == second.start for first, second in pairwise(parts))
    times = np.array(plan.beat_times())
    for part, laid in zip(parts, plan.laid(), strict=True):
        inside = [b for b in plan.beats if part.start - 1e-6 <= b[0] < part.end - 1e-6]
        assert len(inside) == laid.section.bars * part.meter and inside[0] == (pytest.approx(part.start), 1)
        assert [position for _, position in inside[: part.meter]] == list(range(1, part.meter + 1))
    assert (np.diff(times) > 0).all() and {t for _, t in plan.chords[1:]} <= set(times)


@given(sectioned_plans())
@settings(max_examples=25, deadline=None)
def test_json_keeps_everything(plan: MusicPlan) -> None:
    again = MusicPlan.from_json(plan.to_json())
    assert again == plan and again.notes == plan.notes


def test_notes_are_kept_and_not_compared() -> None:
    note = Note("13/8", "meter", "13 beats a bar", True)
    assert MusicPlan(notes=[note]) == MusicPlan() and MusicPlan(notes=[vars(note)]).notes == (note,)
    with pytest.raises(PlanError, match="notes: expected"):
        MusicPlan(notes=[{"field": "bpm"}])


@pytest.mark.parametrize(
    ("section", "placed"),
    [
        ({"chords": "Em C G D", "bars": 4}, [("Em", 0), ("C", 2), ("G", 4), ("D", 6)]),
        ({"chords": ["Em", "C", "G", "D"], "bars": 4}, [("Em", 0), ("C", 2), ("G", 4), ("D", 6)]),
        ({"chords": "| Em7 | % | Am7 D7 |"}, [("Em7", 0), ("Am7", 4), ("D7", 5)]),
        # Bars are cycled as they are anywhere, and lie where they are written.
        ({"chords": "| Em7 | % | Am7 D7 |", "bars": 5}, [("Em7", 0), ("Am7", 4), ("D7", 5), ("Em7", 6)]),
        ({"chords": "| G | C |", "bars": 4}, [("G", 0), ("C", 2), ("G", 4), ("C", 6)]),
        ({"chords": "i iv V", "key": "A minor", "bars": 3}, [("Am", 0), ("Dm", 2), ("E", 4)]),
        ({"chords": "4 chords"}, None),
    ],
)
def test_chords_of_a_section_are_read_as_people_write_them(
    section: dict[str, object], placed: list[tuple[str, float]] | None
) -> None:
    if placed is None:
        with pytest.raises(PlanError, match="chords: expected"):
            Section.from_dict({"name": "verse", **section})
        return
    first = Section.from_dict({"name": "verse", **section})
    assert Section.from_dict(first.to_dict()) == first  # held as symbols
    whole = MusicPlan(bpm=120, meter=4, key="G major", sections=[first]).complete()
    assert whole.chords == tuple(placed)
    assert whole.duration == 2.0 * (first.bars or 0)
