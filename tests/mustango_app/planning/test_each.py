"""What a text says of each: of each section, each chord, each so many bars."""

from __future__ import annotations

import pytest

from mustango_app.planning.planner import explain, plan_from_text
from mustango_app.planning.source import STATED


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        ("verse, chorus, bridge, 4 bars each", {"verse": 4, "chorus": 4, "bridge": 4}),
        ("intro, verse, chorus, each section is 4 bars", {"intro": 4, "verse": 4, "chorus": 4}),
        ("intro, verse, chorus, 2 bars per section", {"intro": 2, "verse": 2, "chorus": 2}),
        ("verse: Am F C G, chorus: F G Am C, each 8 bars", {"verse": 8, "chorus": 8}),
        ("quiet verse, loud chorus, both 6 bars", {"verse": 6, "chorus": 6}),
        ("[verse] Am F C G [chorus] F G Am C, 4 bars each", {"verse": 4, "chorus": 4}),
    ],
)
def test_a_length_may_be_said_once_for_all_sections(text: str, bars: dict[str, int]) -> None:
    plan = plan_from_text(f"{text}, 120 bpm, 4/4")
    assert {part.name: (part.end - part.start) / 2 for part in plan.parts()} == bars
    assert plan.duration == 2 * sum(bars.values())


def test_sections_that_share_a_length_keep_their_chords() -> None:
    plan = plan_from_text("verse: Am F C G, chorus: F G Am C, 4 bars each, 120 bpm, 4/4")
    assert [symbol for symbol, _ in plan.chords or ()] == ["Am", "F", "C", "G", "F", "G", "Am", "C"]
    assert [second for _, second in plan.chords or ()] == [0, 2, 4, 6, 8, 10, 12, 14]


def test_a_few_bars_each_are_those_of_the_chords() -> None:
    plan = plan_from_text("[verse] Am F, two bars each [chorus] C G, two bars each, 120 bpm, 4/4")
    verse = [pair for pair in plan.chords or () if pair[1] < 8]
    assert verse == [("Am", 0.0), ("F", 4.0)]


def test_a_section_keeps_the_bars_of_its_chords() -> None:
    plan = plan_from_text("[verse] | Am F | C | [chorus] | G | D Em | C |, 120 bpm, 4/4")
    assert [(symbol, second) for symbol, second in plan.chords or ()] == [
        ("Am", 0), ("F", 1), ("C", 2), ("G", 4), ("D", 6), ("Em", 7), ("C", 8),
    ]  # fmt: skip
    assert plan.duration == 10


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("each chord 8 seconds: Am F C G", 8),
        ("Am F C G, 2 seconds each", 2),
        ("one chord per second, Am F C G", 1),
        ("Am F C G, chords change every 3 seconds", 3),
    ],
)
def test_chords_may_last_seconds_and_the_tempo_follows(text: str, seconds: float) -> None:
    plan = plan_from_text(text)
    assert [second for _, second in plan.chords or ()][:4] == pytest.approx([n * seconds for n in range(4)], abs=1e-5)
    assert (plan.duration or 0) >= 4 * seconds - 1e-6
    beats = seconds * (plan.bpm or 0) / 60
    assert beats == pytest.approx(round(beats))


def test_chords_of_a_section_may_last_seconds() -> None:
    plan = plan_from_text("120 bpm, 4/4. [verse] Am F, 2 seconds each [chorus] C G, 4 bars")
    assert [pair for pair in plan.chords or () if pair[1] < 4] == [("Am", 0.0), ("F", 2.0)]


def test_chords_last_whole_beats_of_a_stated_tempo() -> None:
    plan = plan_from_text("Am F C G, each chord lasts 3 seconds, 100 bpm")
    assert plan.bpm == 100 and [second for _, second in plan.chords or ()][:2] == [0, 3]


@pytest.mark.parametrize(
    ("text", "tempi"),
    [
        ("the tempo increases by 10 bpm every 8 bars, starting at 90", [90, 100, 110]),
        ("speeds up 5 bpm every four bars, techno at 120 bpm", [120, 125, 130]),
        ("gets 5 bpm slower every 4 bars, from 120 bpm", [120, 115, 110]),
        ("100 bpm, increase the tempo 20 bpm every 2 bars, 8 bars", [100, 120, 140, 160]),
    ],
)
def test_a_tempo_goes_by_steps(text: str, tempi: list[float]) -> None:
    plan = plan_from_text(f"{text}, 4/4")
    found = [section.bpm or plan.bpm for section in plan.sections or ()]
    assert found[: len(tempi)] == tempi
    assert explain(text)["bpm"] == STATED


def test_steps_of_a_tempo_have_as_many_bars_each() -> None:
    plan = plan_from_text("100 bpm, 10 bpm faster every 4 bars, 4/4, 30 seconds")
    parts = plan.parts()
    assert [(part.name, round(part.start, 3)) for part in parts] == [
        ("part 1", 0.0), ("part 2", 9.6), ("part 3", round(9.6 + 16 * 60 / 110, 3)),
        ("part 4", round(9.6 + 16 * 60 / 110 + 16 * 60 / 120, 3)),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "bpm"), [("tempo 2 beats per second", 120), ("a beat a second, ambient", 60)])
def test_beats_of_a_second_are_a_tempo(text: str, bpm: float) -> None:
    plan = plan_from_text(text)
    assert plan.bpm == bpm and plan.meter == 4


@pytest.mark.parametrize(
    ("text", "times"),
    [("repeat the chorus three times: verse, chorus", 4), ("verse, chorus three times, outro", 3)],
)
def test_a_section_is_told_so_many_times(text: str, times: int) -> None:
    assert [part.name for part in plan_from_text(text).parts()].count("chorus") == times


def test_what_happens_every_few_bars_is_no_length_of_sections() -> None:
    plan = plan_from_text("verse, chorus, 10 bpm faster every 4 bars, 120 bpm, 4/4")
    assert [(part.name, part.end - part.start) for part in plan.parts()] == [("verse", 16.0), ("chorus", 16.0)]


@pytest.mark.parametrize(
    "text",
    [
        "intro | Am F C | G | verse, 2 bars each, one chord per second, 4/4",
        "bass and guitar (0:00-0:10), one chord per second, 10 bpm faster every 4 bars, Ebm Abm",
        "verse Am/F/C/G Am / F / C / G every 4 bars, chorus",
    ],
)
def test_more_chords_than_beats_are_never_asked_of_a_section(text: str) -> None:
    plan = plan_from_text(text)
    assert plan.chords and all(second < (plan.duration or 0) for _, second in plan.chords)


def test_steps_that_are_not_taken_say_why() -> None:
    text = "10 bpm faster every 4 bars, 30 seconds"
    fixed = next(note for note in plan_from_text(text, bpm=100).notes if note.statement == "10 bpm")
    assert (fixed.outcome, fixed.used) == ("the tempo is fixed", False)
    told = next(note for note in plan_from_text(f"verse, chorus, {text}").notes if note.statement == "10 bpm")
    assert "the sections say otherwise" in told.outcome and not told.used
