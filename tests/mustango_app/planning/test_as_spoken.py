"""Fields as people fill them in and numbers as they say them: "drums: none", "one twenty bpm", "3m20s"."""

from __future__ import annotations

import pytest

from mustango_app.planning.planner import plan_from_text


@pytest.mark.parametrize(
    ("text", "silent"),
    [
        ("Drums: none. Key: F.", "drums"),
        ("bass=yes, drums = no", "drums"),
        ("piano: off, drums: on", "piano"),
    ],
)
def test_players_may_be_switched_off(text: str, silent: str) -> None:
    plan = plan_from_text(text)
    assert silent not in (plan.instruments or ()) and len(plan.instruments or ()) > 1


@pytest.mark.parametrize(
    ("text", "bpm"), [("one twenty bpm", 120), ("tempo one-forty", 140), ("at one oh five", None), ("two ten bpm", 210)]
)
def test_tempi_as_they_are_spoken(text: str, bpm: float | None) -> None:
    assert bpm is None or plan_from_text(text).bpm == bpm


@pytest.mark.parametrize(("text", "energy"), [("energy: high", "energetic"), ("energy = low, techno", "calm")])
def test_energy_as_a_field(text: str, energy: str) -> None:
    assert plan_from_text(text).energy == energy


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("one thirty second loop of jazz", 30), ("3m20s", 200), ("2 hours of study music", 600), ("8 bars, 4 times", 64)],
)
def test_lengths_of_two_numbers(text: str, seconds: float) -> None:
    plan = plan_from_text(f"{text}, 120 bpm, 4/4", longest=600)
    assert plan.duration == seconds
    assert [note.outcome for note in plan.notes if not note.used] == (
        ["cut to the longest that can be made: 600 s"] if "hours" in text else []
    )


def test_somebody_is_left_when_a_style_loses_its_band() -> None:
    plan = plan_from_text("march without an orchestra, no drums")
    assert plan.instruments and "drums" not in plan.instruments


@pytest.mark.parametrize(
    ("text", "bpm"),
    [
        ("Techno / 130 / Am", 130),
        ("130 | Am | techno | dark", 130),
        ("techno/house/130", 130),
        ("around 120-ish, sort of funky", 120),
        ("6/8 shuffle in Bb, 72 to the dotted quarter", 72),
    ],
)
def test_tempi_among_tags(text: str, bpm: float) -> None:
    plan = plan_from_text(text)
    assert plan.bpm == bpm and plan.style


@pytest.mark.parametrize(
    ("text", "chords"),
    [
        ("Am / F / C / G", ["Am", "F", "C", "G"]),
        ("C / Am / F / G / rock / 120", ["C", "Am", "F", "G"]),
        ("Am/F/C/G", ["Am", "F", "C", "G"]),
        ("Em7/A7/Dmaj7, 90 bpm", ["Em7", "A7", "Dmaj7"]),
        ("C/E F G/B C, 4 bars", ["C/E", "F", "G/B", "C"]),
    ],
)
def test_chords_between_slashes_are_a_list_and_a_bass_stays_one(text: str, chords: list[str]) -> None:
    plan = plan_from_text(text)
    assert [symbol for symbol, _ in plan.chords or ()][: len(chords)] == chords


@pytest.mark.parametrize("text", ["instruments: none but drums", "nothing except drums", "no one but the drums"])
def test_nobody_but_one(text: str) -> None:
    assert plan_from_text(text).instruments == ("drums",)


def test_each_louder_than_the_last_rises() -> None:
    plan = plan_from_text("every chorus is bigger than the one before, 1 minute")
    assert [part.energy for part in plan.parts()] == ["calm", "moderate", "energetic"]
