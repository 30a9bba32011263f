"""The fields of the page: read as people type, shown so that what is shown is read back as the same."""

from __future__ import annotations

import pytest

from munet.errors import RequestError
from munet.music import MusicPlan, Note
from mustango_app.page.fields import (
    NAMES,
    chord_bars,
    read_length,
    read_locked,
    read_number,
    read_sections,
    refusal,
    shown,
    source_line,
    unused,
)
from mustango_app.page.words import words_for
from mustango_app.request import Request

PLAN = MusicPlan(bpm=120, meter=4, key="G major", duration=8.0, chords=[("G", 0.0), ("C", 4.0), ("D", 5.0)]).complete()
ENGLISH = words_for(None)


def locked(**typed: object) -> dict[str, object]:
    return read_locked([typed.get(name, "") for name in NAMES], [name in typed for name in NAMES])


def test_only_locked_fields_ask_for_something_and_empty_ones_for_nothing() -> None:
    values = ["90", "3/4", "g moll", "8 bars", "waltz", "calm", ["piano"], "| Gm | F |", "intro 4 | verse"]
    assert read_locked(values, [False] * 9) == {}
    assert read_locked(["", " ", None, "", "", None, [], "", " "], [True] * 9) == {}
    assert locked(bpm="90,5", duration="8 bars", instruments=["piano", "drums"]) == {
        "bpm": "90,5", "bars": 8, "instruments": ("piano", "drums"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "field", "value"),
    [
        ({"bpm": "90,5"}, "bpm", 90.5),
        ({"bpm": "Allegro"}, "bpm", 125),
        ({"meter": "3/4"}, "meter", 3),
        ({"meter": "5"}, "meter", 5),
        ({"key": "g moll"}, "key", "G minor"),
        ({"key": "Fis-Moll"}, "key", "F# minor"),
        ({"duration": "0:12"}, "duration", 12.0),
        ({"duration": "4 bars", "bpm": "120", "meter": "4"}, "duration", 8.0),
    ],
)
def test_what_people_type_is_taken(typed: dict[str, str], field: str, value: object) -> None:
    assert getattr(Request("music", **locked(**typed), seed=0).draft.plan, field) == value


@pytest.mark.parametrize(
    ("chords", "expected"),
    [
        ("ii V I", ("Dm", "G", "C")),
        ("| Am | % | F C |", ("Am", "F", "C")),
        ("Em x2 G", ("Em", "G")),
    ],
)
def test_chords_take_numerals_and_repeats(chords: str, expected: tuple[str, ...]) -> None:
    plan = Request(
        "music", **locked(chords=chords, key="C", meter="4", bpm="120", duration="3 bars"), seed=0
    ).draft.plan
    assert tuple(dict.fromkeys(symbol for symbol, _ in plan.chords or ())) == expected


@pytest.mark.parametrize(
    ("text", "asked"),
    [("10", {"seconds": 10}), ("12,5", {"seconds": 12.5}), ("10 s", {"seconds": 10.0}), ("8 bars", {"bars": 8})],
)
def test_lengths(text: str, asked: dict[str, float]) -> None:
    assert read_length(text) == asked


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("intro 4 | verse 8 | outro", [("intro", 4), ("verse", 8), ("outro", None)]),
        ("intro (4 bars), Verse 2: 8 bars\nbridge", [("intro", 4), ("Verse 2", 8), ("bridge", None)]),
        ("[intro 4] [前奏 8小节]", [("intro", 4), ("前奏", 8)]),
    ],
)
def test_sections_are_read_as_people_write_them(text: str, sections: list[tuple[str, int | None]]) -> None:
    assert [(one.name, one.bars) for one in read_sections(text)] == sections


@pytest.mark.parametrize("text", ["|", "8", "intro 4 | 8 bars", "x" * 50, "verse 0", "verse 401"])
def test_what_are_no_sections_is_refused_at_their_field(text: str) -> None:
    with pytest.raises(RequestError, match=r"^sections: expected"):
        read_sections(text)


def test_sections_make_a_form_that_is_shown_and_decide_the_length() -> None:
    draft = Request("music", **locked(sections="verse 2 | chorus 4", bpm="120", meter="4"), seed=0).draft
    assert [(part.name, part.end - part.start) for part in draft.plan.parts()] == [("verse", 4.0), ("chorus", 8.0)]
    assert shown(draft.plan)["sections"] == "verse 2 | chorus 4"
    assert source_line("duration", draft.plan, draft.sources["duration"], ENGLISH) == "from the sections · 6 bars"
    assert shown(PLAN)["sections"] == ""


def test_what_is_no_length_or_number_is_refused_by_name() -> None:
    with pytest.raises(RequestError, match="duration: expected seconds or bars"):
        read_length("long")
    for text in ("x", "nan", "inf", "1e999"):
        with pytest.raises(RequestError, match="seed: expected a number"):
            read_number("seed", text)
    assert read_number("seed", " ") is None
    assert read_number("seed", "12345678901234567890") == 12345678901234567890


def test_chords_stand_in_bars_with_as_few_symbols_as_say_the_same() -> None:
    assert chord_bars(PLAN) == "| G | % | C D | % |".replace("C D | %", "C D | D")
    waltz = MusicPlan(bpm=60, meter=3, key="C", duration=5.0, chords=[("C", 0.0), ("G", 1.0), ("F", 3.0), ("G", 4.0)])
    assert chord_bars(waltz.complete()) == "| C G G | F G G |"
    off = PLAN.with_(chords=[("G", 0.0), ("C", 4.13)])
    assert chord_bars(off) == "G@0 C@4.13"


@pytest.mark.parametrize("prompt", ["A waltz in D minor", "funk, 112 bpm, Em7 Am7 B7", "ballad in 5/4", "6/8 folk"])
def test_what_is_shown_is_read_back_as_the_same_plan(prompt: str) -> None:
    plan = Request(prompt, seed=3).draft.plan
    values = shown(plan)
    fixed = read_locked([values[name] or "" for name in NAMES], [name != "energy" for name in NAMES])
    again = Request("music", **fixed, seed=9).draft.plan
    assert (again.bpm, again.meter, again.key, again.instruments) == (plan.bpm, plan.meter, plan.key, plan.instruments)
    assert again.duration == pytest.approx(plan.duration, abs=0.01)
    assert [symbol for symbol, _ in again.chords or ()] == [symbol for symbol, _ in plan.chords or ()]
    assert [at for _, at in again.chords or ()] == pytest.approx([at for _, at in plan.chords or ()], abs=0.01)


def test_sources_say_whose_word_counts_and_what_it_means() -> None:
    assert source_line("bpm", PLAN, "given", ENGLISH) == "yours · Allegro"
    assert source_line("duration", PLAN, "default", ENGLISH) == "chosen · 4 bars"
    assert source_line("key", PLAN, "from the chords", ENGLISH) == "from the chords"


def test_refusals_speak_in_the_words_of_the_labels() -> None:
    assert refusal(RequestError("bpm: expected x, got y"), ENGLISH) == ("bpm", "Tempo (BPM): expected x, got y")
    assert refusal(RequestError("sections.bars: expected x, got y"), ENGLISH) == (
        "sections",
        "Sections: expected x, got y",
    )
    assert refusal(RequestError("bars: expected x"), ENGLISH) == ("duration", "Length: expected x")
    assert refusal(RequestError("num_clips: expected x"), ENGLISH) == (None, "Variations: expected x")
    assert refusal("no colon here", ENGLISH) == (None, "no colon here")


def test_what_is_not_used_as_said_is_told() -> None:
    notes = (Note("90 bpm", "bpm", "90 BPM", True), Note("G7alt", "chords", "not understood", False))
    assert list(unused(PLAN.with_(notes=notes))) == [("G7alt", "not understood")]
