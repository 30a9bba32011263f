"""Sections that prose tells: styles, players, lengths, tempi and metres of their own, and who is silent in one."""

from __future__ import annotations

import pytest

from mustango_app.planning.planner import plan_from_text
from tests.mustango_app.planning.test_changes import unused


@pytest.mark.parametrize(
    ("text", "style", "bands"),
    [
        (
            "an acoustic guitar verse, then a full rock chorus",
            "rock",
            [{"acoustic guitar"}, {"drums", "electric bass"}],
        ),
        ("quiet piano intro, then a huge orchestral chorus", "orchestral", [{"piano"}, {"piano", "strings"}]),
        ("ambient intro into a techno drop", "ambient", [{"bowed pad"}, {"drums", "saw lead"}]),
        ("a jazz verse then a metal chorus", "jazz swing", [{"upright bass"}, {"drums", "distorted guitar"}]),
        ("lo-fi verse and an orchestral bridge", "lo-fi", [{"drums"}, {"strings"}]),
    ],
)
def test_a_section_in_another_style_has_its_players(text: str, style: str, bands: list[set[str]]) -> None:
    plan = plan_from_text(text)
    assert plan.style == style
    heard = [set(part.instruments or ()) for part in plan.parts()]
    assert len(heard) == 2 and all(named <= band for named, band in zip(bands, heard, strict=True))
    assert heard[0] != heard[1] and heard[0] | heard[1] <= set(plan.instruments or ())
    assert all(note.used for note in plan.notes)


def test_players_of_one_section_do_not_join_another() -> None:
    intro, drop = plan_from_text("ambient intro into a techno drop").parts()
    assert "drums" not in (intro.instruments or ()) and "drums" in (drop.instruments or ())


def test_one_who_begins_is_heard_before_everybody() -> None:
    plan = plan_from_text("starts with a lone flute, then a full orchestra joins")
    first, second = plan.parts()
    assert first.instruments == ("flute",) and {"flute", "strings", "oboe"} <= set(second.instruments or ())
    assert all(note.used for note in plan.notes)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("quiet intro, loud chorus, 20 seconds", 20.0), ("intro, verse and chorus, about 1 minute long", 60.0)],
)
def test_a_length_behind_the_sections_is_the_pieces(text: str, seconds: float) -> None:
    plan = plan_from_text(text)
    assert plan.duration == pytest.approx(seconds)
    lengths = [part.end - part.start for part in plan.parts()]
    assert len(lengths) >= 2 and max(lengths) < 2.2 * min(lengths)


def test_lengths_of_sections_stay_theirs() -> None:
    plan = plan_from_text("verse 16 seconds, chorus 20 seconds", bpm=120)
    assert [section.bars for section in plan.sections or ()] == [8, 10]
    plan = plan_from_text("verse, 4 bars, chorus, 8 bars")
    assert [section.bars for section in plan.sections or ()] == [4, 8]
    whole = plan_from_text("intro, verse, chorus, 16 bars", bpm=120)
    assert whole.duration == pytest.approx(32.0) and len(whole.sections or ()) == 3


@pytest.mark.parametrize(
    ("text", "starts", "silent"),
    [
        ("pop, the intro has no drums", "drums", (0,)),
        ("no drums until bar 3, rock, 8 bars", "drums", (0,)),
        ("no drums in the intro, hip hop", "drums", (0,)),
        ("drums only in the second half", "drums", (0,)),
        ("folk, strings at the end", "slow strings", (0,)),
        ("rock song, guitar solo at the end", "electric guitar", (0,)),
        ("techno without bass at the end", "deep synth bass", (1,)),
    ],
)
def test_who_is_silent_for_a_part_alone_plays_in_the_rest(text: str, starts: str, silent: tuple[int, ...]) -> None:
    plan = plan_from_text(text)
    assert starts in (plan.instruments or ()) and len(plan.instruments or ()) > 2
    assert tuple(at for at, part in enumerate(plan.parts()) if starts not in (part.instruments or ())) == silent
    assert not unused(plan)


def test_an_entry_after_until_is_at_its_bar() -> None:
    plan = plan_from_text("no drums until bar 3, rock, 8 bars", bpm=120, meter=4)
    assert [part.start for part in plan.parts()] == pytest.approx([0.0, 4.0])


def test_who_is_silent_all_the_time_stays_so() -> None:
    assert "drums" not in (plan_from_text("rock without drums, intro and outro").instruments or ())
    assert plan_from_text("rock without drums").sections is None


@pytest.mark.parametrize(
    ("text", "ends"),
    [("starts at 80 bpm and ends at 140 bpm", (80, 140)), ("begins at 60, finishing at 90 bpm", (60, 90))],
)
def test_two_tempi_are_the_first_and_the_last(text: str, ends: tuple[int, int]) -> None:
    plan = plan_from_text(text)
    assert plan.bpm == ends[0] and [section.bpm for section in plan.sections or ()] == [ends] and not unused(plan)


@pytest.mark.parametrize(
    ("text", "field", "values"),
    [
        ("first half in 3/4, second half in 4/4", "meter", [3, 4]),
        ("verse in 3/4, chorus in 4/4", "meter", [3, 4]),
        ("verse at 80 bpm, chorus at 120 bpm", "bpm", [80, 120]),
    ],
)
def test_what_a_section_keeps_is_not_said_to_be_lost(text: str, field: str, values: list[int]) -> None:
    plan = plan_from_text(text)
    assert [getattr(part, field) for part in plan.parts()] == values and not unused(plan)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("an intro, two verses, two choruses, a bridge and an outro",
         ["intro", "verse", "chorus", "verse", "chorus", "bridge", "outro"]),
        ("two verses and a chorus", ["verse", "verse", "chorus"]),
        ("verse x2, chorus x2", ["verse", "verse", "chorus", "chorus"]),
        ("3 verses and 3 choruses", ["verse", "chorus"] * 3),
    ],
)  # fmt: skip
def test_as_many_verses_as_choruses_take_turns(text: str, names: list[str]) -> None:
    assert [part.name for part in plan_from_text(f"pop: {text}").parts()] == names


@pytest.mark.parametrize("text", ["sections of 16 bars: A A B A", "form: A, A, B, A, 16 bars each"])
def test_letters_apart_are_a_form_where_they_are_called_so(text: str) -> None:
    plan = plan_from_text(f"{text}, 120 bpm, 4/4")
    assert [part.start for part in plan.parts()] == [0, 32, 64, 96] and plan.duration == 128
    assert plan_from_text("A A B A").chords[0][0] == "A"  # type: ignore[index]
