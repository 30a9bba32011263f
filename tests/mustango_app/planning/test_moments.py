"""What happens at a moment that the text says: sections, energies and parts with a length."""

from __future__ import annotations

import pytest

from munet.music import MusicPlan
from mustango_app.planning.form_moments import Moment, distance, moved
from mustango_app.planning.planner import plan_from_text


def starts(plan: MusicPlan) -> list[tuple[str, float]]:
    return [(part.name, round(part.start, 3)) for part in plan.parts()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the drop comes at 0:16", [("build-up", 0), ("drop", 16)]),
        ("drop at 16 seconds", [("build-up", 0), ("drop", 16)]),
        ("chorus starts at bar 9", [("verse", 0), ("chorus", 16)]),
        ("chorus after 8 bars", [("verse", 0), ("chorus", 16)]),
        ("verse at 0:08, chorus at 0:24", [("intro", 0), ("verse", 8), ("chorus", 24)]),
    ],
)
def test_sections_begin_when_the_text_says(text: str, expected: list[tuple[str, float]]) -> None:
    plan = plan_from_text(f"{text}, techno, 120 bpm, 4/4, 32 seconds")
    assert starts(plan) == expected
    energies = [part.energy for part in plan.parts()]
    assert energies[-1] == "energetic" and energies[0] != "energetic"


def test_a_section_without_a_moment_is_told_beside_one_that_has_it() -> None:
    plan = plan_from_text("trance: intro 8 bars, build-up, drop at bar 33, 120 seconds")
    assert [part.name for part in plan.parts()] == ["intro", "build-up", "drop"]


def test_a_climax_comes_when_the_text_says_and_what_leads_to_it_before() -> None:
    plan = plan_from_text("pop, builds to a climax at 20 seconds, 120 bpm, 4/4, 30 seconds")
    assert [(part.energy, part.start) for part in plan.parts()] == [("calm", 0), ("moderate", 10), ("energetic", 20)]
    louder = plan_from_text("rock, gets louder after 16 seconds, 120 bpm, 4/4, 30 seconds")
    assert [(part.energy, part.start) for part in louder.parts()] == [("moderate", 0), ("energetic", 16)]
    sudden = plan_from_text("quiet, then huge at bar 9, 120 bpm, 4/4, 30 seconds")
    assert [(part.energy, part.start) for part in sudden.parts()] == [("calm", 0), ("energetic", 16)]


def test_a_length_of_a_part_is_not_that_of_the_piece() -> None:
    plan = plan_from_text("solo piano for 8 seconds, then drums and bass, 120 bpm, 4/4, 24 seconds")
    assert plan.duration == 24
    assert [(part.start, "drums" in (part.instruments or ())) for part in plan.parts()] == [(0, False), (8, True)]
    calm = plan_from_text("calm for 4 bars, then loud, 120 bpm, 4/4, 24 seconds")
    assert [(part.energy, part.start) for part in calm.parts()] == [("calm", 0), ("energetic", 8)]


def test_parts_that_all_have_a_length_are_as_long_as_their_sum() -> None:
    plan = plan_from_text("4 bars of drums, then bass and guitar for 8 bars, 120 bpm, 4/4")
    assert plan.duration == 24
    assert [part.start for part in plan.parts()] == [0, 8]


def test_a_length_before_then_is_that_of_the_piece_where_nothing_new_comes() -> None:
    assert plan_from_text("a drum loop for 30 seconds, then fade").duration == 30


def test_a_solo_ends_when_the_text_says() -> None:
    plan = plan_from_text("jazz, saxophone from bar 5 to bar 9, 120 bpm, 4/4, 24 seconds")
    plays = [(part.start, "alto saxophone" in (part.instruments or ())) for part in plan.parts()]
    assert plays == [(0, False), (8, True), (16, False)]


def test_all_who_are_joined_by_and_enter_or_leave() -> None:
    plan = plan_from_text("guitar and drums drop out for the last 4 bars, rock, 120 bpm, 4/4, 16 bars")
    first, last = plan.parts()
    assert (first.start, last.start) == (0, 24)
    assert {"drums", "electric guitar"} <= set(first.instruments or ())
    assert not {"drums", "electric guitar"} & set(last.instruments or ())
    later = plan_from_text("pop with piano. Strings, flute and drums come in at bar 5, 120 bpm, 4/4, 16 bars")
    begin = set(later.parts()[0].instruments or ())
    assert "piano" in begin and not {"drums", "flute"} & begin


@pytest.mark.parametrize(
    "text", ["90bpm -> 120bpm over 20 seconds", "90 -> 120 bpm, 20 seconds", "90 bpm → 120 bpm, 20 s"]
)
def test_an_arrow_between_tempi_is_a_change(text: str) -> None:
    plan = plan_from_text(f"{text}, edm")
    assert plan.bpm == 90 and [section.bpm for section in plan.sections or ()] == [(90, 120)]


def test_what_goes_over_some_bars_lasts_as_long() -> None:
    assert plan_from_text("crescendo over 8 bars, strings, 120 bpm, 4/4").duration == 16


@pytest.mark.parametrize(
    ("text", "bpm", "section", "bar"),
    [
        ("3 minutes of techno, the drop comes at 1:00", 132, "drop", 33),
        ("2 minutes, drop at 0:45", 120, "drop", 22),
        ("a pop song of 90 seconds, chorus starts at 0:30", 118, "chorus", 15),
        ("house, 2 minutes, breakdown at 1:00, drop at 1:20", 120, "breakdown", 30),
        ("a 2 minute rock song, the bridge comes at bar 41", 120, "bridge", 40),
    ],
)
def test_a_long_piece_gets_a_form_around_its_moments(text: str, bpm: float, section: str, bar: int) -> None:
    plan = plan_from_text(text, bpm=bpm)
    parts = plan.parts()
    assert len(parts) > 3
    first = next(part for part in parts if part.name == section)
    assert first.start == pytest.approx(bar * 240 / bpm, abs=1e-6)
    assert parts[-1].end == pytest.approx(plan.duration)
    assert not [note for note in plan.notes if not note.used]
    bars = [section.bars for section in plan.sections or ()][:-1]
    assert min(bars) >= 2


def test_moments_that_no_form_has_room_for_are_kept_all_the_same() -> None:
    for text, section in (("3 minutes, the drop comes at 2:55", "drop"), ("the hook comes at 0:30, 1 minute", "hook")):
        plan = plan_from_text(text)
        assert [part.name for part in plan.parts()][-1] == section


def test_sections_are_shared_out_around_moments() -> None:
    names, bars = ("intro", "verse", "chorus", "verse", "chorus"), (4, 8, 8, 8, 8)
    assert moved(names, bars, [Moment("chorus", 12)]) == bars
    assert distance(names, bars, [Moment("chorus", 16)]) == 4
    assert moved(names, bars, [Moment("chorus", 16)]) == (4, 12, 8, 4, 8)
    assert moved(names, bars, [Moment("chorus", 2), Moment("verse", 4)]) == (1, 1, 2, 16, 16)
    assert moved(names, bars, [Moment("chorus", 1)]) is None
    assert moved(names, bars, [Moment("drop", 8)]) is None
    assert distance(names, bars, [Moment("drop", 8)]) == float("inf")


def test_a_piece_may_end_as_it_began() -> None:
    text = "start quietly and build to a climax at 0:24, then end softly at 0:40, 120 bpm, 4/4"
    plan = plan_from_text(text)
    assert plan.duration == 40
    assert [(part.energy, part.start) for part in plan.parts()] == [("calm", 0), ("energetic", 24), ("calm", 32)]
    plan = plan_from_text("quiet, loud at 0:08, then soft, 120 bpm, 4/4, 24 seconds")
    assert [(part.energy, part.start) for part in plan.parts()] == [("calm", 0), ("energetic", 8), ("calm", 16)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("jazz, no drums, about a minute.", 60),
        ("20 second stinger, brass", 20),
        ("jazz that ends at 0:45", 45),
        ("jazz, the drums end at 0:45", 10),
    ],
)
def test_lengths_as_people_say_them(text: str, seconds: float) -> None:
    assert plan_from_text(text).duration == seconds


def test_a_moment_may_stand_before_what_happens() -> None:
    text = "Start with a piano melody. After 8 bars add strings. At bar 17 the drums come in. 120 bpm, 4/4"
    plan = plan_from_text(text)
    assert [(part.start, sorted(part.instruments or ())) for part in plan.parts()] == [
        (0, ["piano"]), (16, ["piano", "strings"]), (32, ["drums", "piano", "strings"])]  # fmt: skip
    louder = plan_from_text("at 0:16 it gets louder, rock, 120 bpm, 4/4, 30 seconds")
    assert [part.start for part in louder.parts()] == [0, 16]
    both = plan_from_text("at bar 5 the drums enter and the piano drops out at bar 9, 120 bpm, 4/4, 24 seconds")
    assert [part.start for part in both.parts()] == [0, 8, 16]


def test_who_opens_is_joined_by_others() -> None:
    plan = plan_from_text("The song opens with a guitar riff, builds up and explodes in the chorus.")
    assert len(plan.parts()[0].instruments or ()) == 1 and len(plan.instruments or ()) > 3


def test_keys_that_change_again_and_again_have_the_time_for_it() -> None:
    keys = [part.key for part in plan_from_text("C major, key changes every 8 bars").parts()]
    assert keys == ["C major", "D major", "E major"]


def test_a_step_is_no_tempo() -> None:
    assert 60 <= (plan_from_text("pop, the tempo increases by 10 bpm every 8 bars").bpm or 0) <= 200


@pytest.mark.parametrize(
    ("text", "starts_of"),
    [
        ("piano, then at 0:16 strings, at 0:32 drums, ends at 1:00", {"piano": 0, "strings": 16, "drums": 32}),
        ("house, at bar 9 piano and strings", {"drums": 0, "piano": 16, "strings": 16}),
        ("after 8 bars drums, a piano from the start", {"piano": 0, "drums": 16}),
    ],
)
def test_who_stands_behind_a_moment_enters_then(text: str, starts_of: dict[str, float]) -> None:
    plan = plan_from_text(f"{text}, 120 bpm, 4/4")
    heard = {name: min(part.start for part in plan.parts() if name in (part.instruments or ())) for name in starts_of}
    assert heard == starts_of


def test_a_piece_may_begin_and_end_on_a_chord() -> None:
    plan = plan_from_text("start on C and end on F")
    assert plan.key == "C major" and (plan.chords or ())[-1][0] == "F" and not plan.sections


@pytest.mark.parametrize("text", ["piano alone then drums at 0:16", "a piano by itself then drums at 0:16"])
def test_who_is_alone_stands_before_the_word(text: str) -> None:
    plan = plan_from_text(f"{text}, 120 bpm, 4/4")
    assert [part.instruments for part in plan.parts()] == [("piano",), ("drums", "piano")]
