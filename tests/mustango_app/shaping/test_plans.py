"""Plans of longer and of edited pieces: what goes on, what changes, and where."""

from __future__ import annotations

from typing import Any

import pytest

from munet.errors import RequestError
from munet.music import MusicPlan, Section
from mustango_app.shaping.changes import Edit, Extension, Variation
from mustango_app.shaping.continuation import extended, period_of, whole_bars
from mustango_app.shaping.region import edited, region_of

WALTZ = MusicPlan(
    bpm=90, meter=3, key="G major", duration=12.0, style="waltz", instruments=("piano", "strings"),
    chords=[("G", 0), ("D", 2), ("Em", 4), ("C", 6), ("G", 8), ("D", 10)],
).complete()  # fmt: skip


def longer(plan: MusicPlan = WALTZ, sounding: tuple[float, float] | None = None, **fields: Any):
    return extended(plan, Extension(seed=1, **fields), sounding or (0.0, plan.duration))


def near(chords: Any) -> list[tuple[str, float]]:
    return [(symbol, round(second, 3)) for symbol, second in chords]


def test_a_piece_goes_on_as_it_was() -> None:
    """The piece ends where a downbeat is due: all of it stays, and the progression goes on after its second chord."""
    shaped = longer(bars=4)
    assert (shaped.start, shaped.end, round(shaped.length, 4)) == (12.0, 12.0, 8.0)
    plan = shaped.plan
    assert near(plan.chords)[6:] == [("Em", 12.0), ("C", 14.0), ("G", 16.0), ("D", 18.0)]
    assert plan.duration == pytest.approx(20.0) and plan.sections is None
    assert [position for _, position in plan.beats] == [1, 2, 3] * 10
    assert (plan.style, plan.instruments) == ("waltz", ("piano", "strings"))


def test_seconds_make_the_piece_so_much_longer() -> None:
    assert longer(seconds=5).plan.duration == pytest.approx(17.0)
    assert longer(seconds=5, before=True).plan.duration == pytest.approx(17.0)


def test_a_bar_under_way_is_completed() -> None:
    cut = WALTZ.crop(0.0, 11.0)  # one beat and a half of the last bar
    shaped = longer(cut, bars=2)
    assert shaped.start == pytest.approx(32 / 3)
    assert shaped.plan.duration == pytest.approx(16.0)
    assert near(shaped.plan.chords)[5:] == [("D", 10.0), ("Em", 12.0), ("C", 14.0)]


def test_a_beginning_leads_into_the_piece() -> None:
    shaped = longer(bars=2, before=True)
    assert (shaped.start, shaped.end, round(shaped.length, 4)) == (0.0, 0.0, 4.0)
    assert near(shaped.plan.chords)[:4] == [("Em", 0.0), ("C", 2.0), ("G", 4.0), ("D", 6.0)]
    assert shaped.plan.beats[0] == (0.0, 1)


def test_a_beginning_before_an_upbeat_completes_its_bar() -> None:
    beats = [(0.5 + i * 0.5, (2 + i) % 3 + 1) for i in range(9)]  # 3 | 1 2 3 | ...
    plan = MusicPlan(meter=3, key="C major", duration=5.0, beats=beats, chords=[("G", 0), ("C", 1.0)]).complete()
    shaped = longer(plan, bars=1, before=True)
    assert shaped.end == 0.5 and shaped.length == pytest.approx(2.5)
    assert [position for _, position in shaped.plan.beats[:7]] == [1, 2, 3, 1, 2, 3, 1]
    assert shaped.plan.duration == pytest.approx(7.0)


def test_silence_at_an_end_is_no_part_of_the_piece() -> None:
    shaped = longer(sounding=(0.0, 8.0), bars=1)
    assert (shaped.start, shaped.end) == (8.0, 12.0)
    assert shaped.plan.duration == pytest.approx(10.0)


def test_what_is_asked_holds_from_the_next_bar_on() -> None:
    shaped = longer(bars=2, bpm=180, key="A major", prompt="no strings, energetic")
    parts = shaped.plan.parts()
    assert [(part.bpm, part.key, part.instruments, part.energy) for part in parts] == [
        (90, "G major", ("piano", "strings"), None),
        (180, "A major", ("piano",), "energetic"),
    ]
    assert parts[1].start == 12.0 and parts[1].prompt == "no strings, energetic"
    assert shaped.plan.duration == pytest.approx(14.0)
    assert near(shaped.plan.chords)[6:] == [("F#m", 12.0), ("D", 13.0)]
    assert [(note.statement, note.used) for note in shaped.plan.notes] == [("no strings", True), ("energetic", True)]


def test_a_section_goes_on_by_its_own_bars() -> None:
    sections = [Section("verse", bars=4, chords=("Am", "F", "C", "G")), Section("chorus", bars=2, chords=("Dm", "E"))]
    plan = MusicPlan(bpm=120, meter=4, key="A minor", sections=sections).complete()
    assert near(longer(plan, bars=2).plan.chords)[-2:] == [("Dm", 12.0), ("E", 14.0)]


def test_periods_of_progressions() -> None:
    assert period_of([("C",), ("F",), ("C",), ("F",), ("C",)], last=True) == 2
    assert period_of([("C",)] * 5, last=True) == 1
    assert period_of([("C",), ("F",), ("G",)], last=True) == 3
    assert period_of([(str(i),) for i in range(20)], last=False) == 8
    assert whole_bars(WALTZ, last=True)[1] == ("D", "D", "D")


def test_limits_of_a_longer_piece() -> None:
    long = MusicPlan(bpm=120, meter=4, key="C major", duration=590.0).complete()
    with pytest.raises(RequestError, match=r"600"):
        longer(long, seconds=20)
    with pytest.raises(RequestError, match=r"seconds: expected at least 1\.50, to reach the next bar, got 1"):
        longer(WALTZ.crop(0.0, 11.0), seconds=1, chords="Am")
    assert longer(WALTZ.crop(0.0, 11.0), seconds=1).plan.duration == pytest.approx(12.0)


def test_a_region_gets_chords_and_words() -> None:
    shaped = edited(WALTZ, Edit(bars=(3, 4), chords="Am D7", prompt="with a trumpet", seed=1))
    assert (shaped.start, shaped.end, shaped.length) == (4.0, 8.0, 4.0)
    assert near(shaped.plan.chords) == [("G", 0), ("D", 2), ("Am", 4), ("D7", 6), ("G", 8), ("D", 10)]
    edit = shaped.plan.parts()[1]
    assert (edit.name, edit.instruments, edit.prompt) == ("edit", ("piano", "strings", "trumpet"), "with a trumpet")
    assert shaped.plan.beats == WALTZ.beats


def test_a_key_moves_what_is_there() -> None:
    shaped = edited(WALTZ.with_(melody=[(67, 4.0, 5.0)]), Edit(bars=3, key="F major", seed=1))
    assert shaped.plan.chords[2] == ("Dm", 4.0)
    assert shaped.plan.melody == ((65, 4.0, 5.0),)
    assert [part.key for part in shaped.plan.parts()] == ["G major", "F major", "G major"]
    minor = edited(WALTZ, Edit(bars=(3, 4), key="G minor", seed=1)).plan
    assert minor.chords[2] == ("Gm", 4.0), "another mode has chords of its own"


def test_a_tempo_keeps_the_bars_and_moves_what_follows() -> None:
    shaped = edited(WALTZ, Edit(bars=(2, 3), bpm=180, seed=1))
    assert (shaped.start, shaped.end, shaped.length) == (2.0, 6.0, 2.0)
    assert shaped.plan.duration == 10.0
    assert near(shaped.plan.chords) == [("G", 0), ("D", 2), ("Em", 3), ("C", 4), ("G", 6), ("D", 8)]
    with pytest.raises(RequestError, match="strength: expected 1 where the tempo changes"):
        edited(WALTZ, Edit(bars=(2, 3), bpm=180, strength=0.5))


def test_words_that_an_edit_cannot_use_are_named() -> None:
    notes = edited(WALTZ, Edit(bars=2, prompt="a 4/4 rock beat at 120 bpm, 8 seconds", bpm=90)).plan.notes
    told = {note.field: note.outcome for note in notes if not note.used}
    assert told["meter"] == "the metre of the piece stays"
    assert told["bpm"] == "the argument wins"
    assert told["duration"] == "the length of the piece stays"


def test_a_melody_of_a_region_begins_with_it() -> None:
    assert edited(WALTZ, Edit(bars=3, melody=[(72, 0.5, 1.5)])).plan.melody == ((72, 4.5, 5.5),)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bars": (3, 9)}, r"bars: expected bars from 1 to 6, got 3 to 9"),
        ({"start": 5.0, "end": 4.0}, r"end: expected a second after the start, 5, got 4"),
        ({"start": 5.0, "end": 40.0}, r"end: expected at most the piece's 12.00 seconds, got 40"),
        ({"start": 5.0, "end": 5.5}, r"end: expected a region of at least 0.67 seconds, a beat, got 0.50"),
    ],
)
def test_regions_outside_of_the_piece_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        region_of(WALTZ, Edit(**fields))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Edit(), "bars: expected either bars or seconds of a region"),
        (lambda: Edit(bars=1, start=2.0), "bars: expected either bars or seconds of a region"),
        (lambda: Edit(bars=(4, 3)), "bars: expected the last bar not before the first, got 4 to 3"),
        (lambda: Edit(bars="3-4"), "bars: expected a first and a last bar"),
        (lambda: Edit(bars=1, strength=0), r"strength: expected a number in \(0, 1\], got 0"),
        (lambda: Edit(bars=1, bpm="fast"), "bpm: expected"),
        (lambda: Edit(bars=1, key="Q flat"), "key: expected"),
        (lambda: Edit(bars=1, instruments="kazoo"), "instruments: expected"),
        (lambda: Edit(bars=1, start=float("nan")), "bars: expected either|start: expected"),
        (lambda: Extension(), "seconds: expected either seconds or bars, got None and None"),
        (lambda: Extension(seconds=1, bars=1), "seconds: expected either seconds or bars"),
        (lambda: Extension(seconds=0.2), "seconds: expected a number from 1 to 600"),
        (lambda: Extension(bars=2, before="yes"), "before: expected true or false"),
        (lambda: Extension(bars=2, prompt=" "), "prompt: expected a description"),
        (lambda: Variation(strength=1.5), r"strength: expected a number in \(0, 1\]"),
        (lambda: Variation(best_of=0), "best_of: expected an integer from 1"),
    ],
)
def test_changes_that_make_no_sense_are_refused_when_they_are_made(make: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        make()


def test_a_change_remembers_what_was_given() -> None:
    assert Edit(bars=2, chords="Am", seed=3).given() == {"seed": 3, "chords": "Am", "bars": (2, 2)}
    assert Extension(bars=2, seed=0).name == "extension"
