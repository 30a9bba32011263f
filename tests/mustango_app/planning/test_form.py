"""Sections that a text marks, and changes that prose speaks of."""

from __future__ import annotations

import random
import re

import pytest

from munet.music import MusicPlan, PlanError
from mustango_app.planning.planner import plan_from_text

TAGGED = "[intro 4 bars] soft piano [verse 8 bars] add bass [chorus] full band, A major"


def test_marked_sections() -> None:
    plan = plan_from_text(TAGGED, bpm=120)
    intro, verse, chorus = plan.parts()
    assert [part.name for part in plan.parts()] == ["intro", "verse", "chorus"]
    assert (intro.start, verse.start, chorus.start, plan.duration) == (0.0, 8.0, 24.0, 40.0)
    assert intro.instruments == ("piano",) and intro.energy == "calm"
    assert set(verse.instruments) == {"electric bass", "piano"}
    assert {"drums", "electric bass", "piano", "electric guitar"} == set(chorus.instruments)
    assert chorus.key == "A major" and set(plan.instruments) == set(chorus.instruments)
    assert plan.is_complete and plan == MusicPlan.from_json(plan.to_json())


def test_headings_mark_sections_too() -> None:
    plan = plan_from_text(
        "Jazz, 100 bpm.\nIntro: piano, 2 bars.\nVerse: drums and bass, 4 bars.\nOutro: only piano, 2 bars."
    )
    assert (plan.parts()[0].name, plan.parts()[0].instruments) == ("intro", ("piano",))
    assert [section.bars for section in plan.sections] == [2, 4, 2]
    assert plan.parts()[-1].instruments == ("piano",) and plan.style == "jazz swing" and plan.bpm == 100
    assert plan_from_text("a song whose chorus is louder than its verse").sections is None


@pytest.mark.parametrize(
    ("text", "names", "energies"),
    [
        ("a quiet intro, then a loud chorus", ["intro", "chorus"], ["calm", "energetic"]),
        ("starts with a calm verse and leads into a lively chorus", ["verse", "chorus"], ["calm", "energetic"]),
        ("rock: intro, then verse, then an energetic chorus", ["intro", "verse", "chorus"], [None, None, "energetic"]),
        ("a loud chorus, then the verse, then the chorus", ["chorus", "verse", "chorus"],
         ["energetic", None, "energetic"]),
        ("a song with an intro and a chorus", ["intro", "chorus"], [None, None]),
        ("house with build-up and drop", ["build-up", "drop"], [None, None]),
        ("intro, verse, chorus and outro, pop in G", ["intro", "verse", "chorus", "outro"], [None] * 4),
        ("lofi without drop or build-up", [""], [None]),
        ("the same in the verse and the chorus", [""], [None]),
        ("rock, then the drums enter in the chorus", ["verse", "chorus"], [None, None]),
    ],
)  # fmt: skip
def test_prose_tells_sections_in_their_order(text: str, names: list[str], energies: list[str | None]) -> None:
    parts = plan_from_text(text, bpm=120).parts()
    assert [part.name for part in parts] == names and [part.energy for part in parts] == energies


def test_told_sections_say_who_plays_and_leave_the_rest_to_the_whole() -> None:
    text = "A rock song in E minor that opens with a guitar intro, followed by a verse with drums and bass. 140 bpm."
    plan = plan_from_text(text)
    intro, verse = plan.parts()
    assert (plan.key, plan.bpm, plan.style) == ("E minor", 140, "rock")
    assert intro.instruments == ("electric guitar",) and intro.prompt == "a guitar intro"
    assert set(verse.instruments) == {"drums", "electric bass", "electric guitar"}
    assert plan.duration == pytest.approx(16 * 4 * 60 / 140)
    house = plan_from_text("house: a drop, then a breakdown without drums, then the drop")
    drop, breakdown, again = house.parts()
    assert "drums" in (drop.instruments or house.instruments) and "drums" not in breakdown.instruments
    assert again.instruments == drop.instruments
    drums, chorus = (symbols for symbols in (house.sections[0].chords, house.sections[1].chords))
    assert drums != chorus and house.sections[2].chords == drums


def test_sections_without_a_length_share_that_of_the_piece() -> None:
    for length in ({"seconds": 32}, {}):
        text = "[intro 4 bars] piano [verse] drums [chorus] everyone"
        plan = plan_from_text(text if length else f"32 seconds: {text}", bpm=120, **length)
        assert [part.start for part in plan.parts()] == [0.0, 8.0, 20.0] and plan.duration == 32.0
        assert all(len(section.chords) > 1 for section in plan.sections)


def test_half_time_counts_every_other_beat() -> None:
    plan = plan_from_text("at 140 bpm, a loud verse, then a half-time chorus")
    verse, chorus = plan.parts()
    assert (verse.bpm, chorus.bpm) == (140, 70) and plan.sections[1].bars == plan.sections[0].bars // 2
    assert chorus.end - chorus.start == pytest.approx(verse.end - verse.start)
    assert any(note.statement == "half-time" and note.used and "70 BPM" in note.outcome for note in plan.notes)
    fixed = plan_from_text("a loud verse, then a half-time chorus", bpm=140)
    assert {part.bpm for part in fixed.parts()} == {140}


def test_sections_have_keys_tempi_metres_and_chords_of_their_own() -> None:
    text = "[verse 4 bars] 90 bpm, C major, chords C Am F G [chorus 4 bars] 120 bpm, D major, 3/4"
    plan = plan_from_text(text)
    verse, chorus = plan.parts()
    assert (verse.bpm, verse.meter, verse.key) == (90, 4, "C major")
    assert (chorus.bpm, chorus.meter, chorus.key) == (120, 3, "D major")
    assert [symbol for symbol, second in plan.chords if second < chorus.start] == ["C", "Am", "F", "G"]
    assert plan.duration == pytest.approx(16 * 60 / 90 + 12 * 60 / 120)


def test_a_song_that_is_too_long_is_cut_with_a_note() -> None:
    plan = plan_from_text(TAGGED, bpm=120, longest=30.0)
    assert plan.duration == 30.0 and [section.bars for section in plan.sections] == [4, 8, 3]
    assert any(note.field == "sections" and not note.used and "cut" in note.outcome for note in plan.notes)
    given = plan_from_text(TAGGED, bpm=120, seconds=20)
    assert given.duration == 20.0 and [part.name for part in given.parts()] == ["intro", "verse"]


@pytest.mark.parametrize(
    ("text", "ramp"),
    [
        ("90 bpm, starts slow then speeds up", (90, 135)),
        ("slowed from 140 bpm to 120 bpm", (140, 120)),
        ("from 90 to 140 bpm", (90, 140)),
        ("techno at 120 bpm, speeds up to 150 bpm", (120, 150)),
        ("90 bpm, gradually slowing down", (90, 60)),
        ("accelerando from 100 to 160", (100, 160)),
        ("100 bpm, gets faster and faster", (100, 150)),
    ],
)
def test_ramps(text: str, ramp: tuple[float, float]) -> None:
    plan = plan_from_text(text)
    assert len(plan.sections) == 1 and plan.sections[0].bpm == ramp
    gaps = [later - earlier for (earlier, _), (later, _) in zip(plan.beats, plan.beats[1:], strict=False)]
    assert (gaps[-1] < gaps[0]) == (ramp[1] > ramp[0])
    assert plan.duration == 10


def test_a_slow_start_lies_in_the_slow_range() -> None:
    low, high = plan_from_text("starts slow then speeds up").sections[0].bpm
    assert 58 <= low <= 82 and high == pytest.approx(1.5 * low)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("modulates from C major to D major", ("C major", "D major")),
        ("key change from G major to A major halfway", ("G major", "A major")),
        ("E minor, modulates to G minor", ("E minor", "G minor")),
        ("modulates to A major", ("G major", "A major")),
        ("C major, key change up a whole step", ("C major", "D major")),
        ("C major with a key change up 3 semitones", ("C major", "Eb major")),
    ],
)
def test_modulations(text: str, keys: tuple[str, str]) -> None:
    plan = plan_from_text(text, bpm=120)
    assert tuple(part.key for part in plan.parts()) == keys and plan.key == keys[0]
    assert plan.parts()[1].start in (4.0, 6.0)  # a downbeat near the middle
    assert plan_from_text("C major, no key change").sections is None


def test_degrees_and_chords_move_with_the_key() -> None:
    plan = plan_from_text("I V vi IV, modulates from C major to D major", bpm=120, seconds=16)
    symbols = [symbol for symbol, _ in plan.chords]
    assert symbols[:4] == ["C", "G", "Am", "F"] and symbols[4:8] == ["D", "A", "Bm", "G"]


def test_instruments_enter_and_leave() -> None:
    plan = plan_from_text("rock, drums enter in the chorus", bpm=120)
    verse, chorus = plan.parts()
    assert (verse.name, chorus.name) == ("verse", "chorus")
    assert "drums" not in verse.instruments and "drums" in chorus.instruments
    plan = plan_from_text("rock, the drums drop out halfway", bpm=120)
    assert "drums" in plan.parts()[0].instruments and "drums" not in plan.parts()[1].instruments


def test_what_is_fixed_leaves_sections_nothing_of_their_own() -> None:
    assert plan_from_text("starts slow then speeds up", bpm=100).sections is None
    assert plan_from_text("modulates to A major", key="C major").sections is None
    assert plan_from_text(TAGGED, chords="G@0 Em@2").sections is None
    assert {part.key for part in plan_from_text(TAGGED, key="C major").parts()} == {"C major"}
    assert {part.instruments for part in plan_from_text(TAGGED, instruments="harp").parts()} == {("harp",)}


WORDS = re.findall(
    r"\S+",
    """waltz metal jazz in A minor Am F 3/4 90 bpm key of chords: I V slow sad , . 8 s [verse [chorus] [intro 2 bars] ]
    bars drums piano no only add enter the halfway modulates to C major D then speeds up slows down from 140 full band
    7/8 dotted quarter = 60 capo 2 | % 12 bar blues loop 30s like Daft without and or Verse: Chorus: 4 song guitar lofi
    ♩ calm 8A drop outro change half time 1:30 minutes two N.C. G7 dorian""",
)
FIXED = ({}, {}, {"bpm": 100}, {"key": "C"}, {"chords": "G D"}, {"seconds": 6}, {"instruments": "piano"}, {"bars": 4},
         {"meter": 3}, {"loop": True}, {"chords": "G@0 D@3"})  # fmt: skip


def test_any_words_make_a_complete_plan_or_are_refused_by_name() -> None:
    rng = random.Random(5)
    for _ in range(300):
        text = " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 25)))
        try:
            plan = plan_from_text(text, longest=30.0, **rng.choice(FIXED))
        except PlanError as error:
            assert error.argument in ("bpm", "chords", "meter"), (text, error)
            continue
        assert plan.is_complete and plan.instruments and plan.duration <= 30.0, text
        assert plan == MusicPlan.from_json(plan.to_json()) and plan.parts()
