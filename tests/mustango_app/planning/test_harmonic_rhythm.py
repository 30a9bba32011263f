"""Chords last as long as the text says."""

from __future__ import annotations

from itertools import pairwise

import pytest

from munet.music import MusicPlan
from mustango_app.planning.planner import plan_from_text


def starts(plan: MusicPlan) -> list[tuple[str, float]]:
    return [(symbol, round(second, 6)) for symbol, second in plan.chords or ()]


def test_stated_chords_last_two_bars_each_and_the_piece_has_all_of_them() -> None:
    plan = plan_from_text("C G Am F, each two bars, 120 bpm, 4/4")
    assert starts(plan) == [("C", 0), ("G", 4), ("Am", 8), ("F", 12)]
    assert plan.duration == 16


def test_chords_share_a_bar_or_take_beats() -> None:
    shared = plan_from_text("two chords per bar, C G Am, 120 bpm, 4/4, 6 seconds")
    assert starts(shared) == [("C", 0), ("G", 1), ("Am", 2), ("C", 3), ("G", 4), ("Am", 5)]
    beats = plan_from_text("C Am, 3 beats per chord, 60 bpm, 4/4, 8 seconds")
    assert starts(beats) == [("C", 0), ("Am", 3)]


@pytest.mark.parametrize("chords", ["C F", ("C", "F")])
def test_chords_of_an_argument_follow_the_text(chords: object) -> None:
    plan = plan_from_text("two bars per chord, 4/4", chords=chords, bpm=120, duration=10)
    assert starts(plan) == [("C", 0), ("F", 4), ("C", 8)]


def test_a_chosen_progression_follows_the_text() -> None:
    slow, usual = (
        plan_from_text(f"lo-fi{said}, 80 bpm, 4/4", duration=12.0) for said in (", chords change every two bars", "")
    )
    assert [second for _, second in slow.chords or ()] == [0, 6]
    assert len(usual.chords or ()) > 2


def test_in_sections_as_well() -> None:
    plan = plan_from_text("verse 4 bars, chorus 4 bars, pop at 120 bpm, 4/4, chords change every two bars")
    assert {second % 4 for _, second in plan.chords or ()} == {0}
    assert len(plan.chords or ()) >= 3
    stated = plan_from_text("verse 4 bars, chorus 4 bars, 120 bpm, 4/4, C Am, each two bars")
    assert starts(stated) == [("C", 0), ("Am", 4), ("C", 8), ("Am", 12)]


def test_in_a_form_that_is_chosen_for_the_length() -> None:
    for said, each in (("chords change every two bars", 4), ("two chords per bar", 1)):
        plan = plan_from_text(f"pop at 120 bpm, 4/4, 60 seconds, {said}")
        assert plan.sections
        starts_at = [second for _, second in (plan.chords or ())[:-1]]
        assert {second % each for second in starts_at} == {0}
        gaps = [later - earlier for earlier, later in pairwise(starts_at)]
        assert sorted(gaps)[len(gaps) // 2] == each


def test_bars_of_the_chords_themselves_win_and_the_words_are_not_dropped_silently() -> None:
    plan = plan_from_text("C | F | G | C, two bars per chord, 120 bpm, 4/4")
    assert [second for _, second in plan.chords or ()] == [0, 2, 4, 6, 8][: len(plan.chords or ())]
    (note,) = [note for note in plan.notes if note.statement == "two bars per chord"]
    assert not note.used and "bars" in note.outcome
    (used,) = [note for note in plan_from_text("C F, each two bars").notes if note.statement == "each two bars"]
    assert used.used and used.outcome == "each chord lasts 2 bars"


@pytest.mark.parametrize(
    "said",
    [
        "每个和弦两小节",
        "zwei Takte pro Akkord",
        "deux mesures par accord",
        "dos compases por acorde",
        "due battute per accordo",
        "dois compassos por acorde",
        "1コードにつき2小節",
    ],
)
def test_other_languages_say_it_too(said: str) -> None:
    plan = plan_from_text(f"C G Am F, {said}", bpm=120, meter=4)
    assert starts(plan) == [("C", 0), ("G", 4), ("Am", 8), ("F", 12)]
