"""Lines of chords as people write them."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from munet.music import ChordLine, Key, PlanError, beat_grid, read_chord_line
from tests.munet.strategies import chords

LINES = [
    ("G D/F# Em C", "G D/F# Em C"),
    ("G-D/F#-Em-C", "G D/F# Em C"),
    ("G → D/F# -> Em; C.", "G D/F# Em C"),
    ("Cmaj7 \u2013 Am7 \u2013 Dm7", "Cmaj7 Am7 Dm7"),
    ("F♯m7 B♭ E♭maj7", "F#m7 Bb Ebmaj7"),
    ("C-7-F7", "Cm7 F7"),
    ("[Am] [F] [C] [G]", "Am F C G"),
    ("N.C. Am", "N Am"),
    ("A minor, D minor, E major seventh", "Am Dm Emaj7"),
    ("E flat major, B-flat minor 7th, F sharp diminished, G dominant seventh", "Eb Bbm7 F#dim G7"),
    ("A suspended, D half-diminished, C augmented", "Asus4 Dm7b5 Caug"),
    ("Am F C G x2", "Am F C G Am F C G"),
    ("Am F C G (2x)", "Am F C G Am F C G"),
    ("Am F x2\nC G x2", "Am F Am F C G C G"),
    ("Gm7 x4, Bm7, Am7, Gm7 x2", "Gm7 Gm7 Gm7 Gm7 Bm7 Am7 Gm7 Gm7"),
    ("(Am F) x2, G", "Am F Am F G"),
    ("Am F x2 C", "Am F Am F C"),
    ("G % C %", "G G C C"),
    ("am, f, c, g", "Am F C G"),
    ("F d g C", "F Dm Gm C"),
    ("Am F c G", "Am F Cm G"),
    ("f#m d a e", "F#m D A E"),
    ("Hm G D A", "Bm G D A"),
    ("Am, F, C, H7", "Am F C B7"),
    ("H B F", "B Bb F"),
    ("Es B F", "Eb Bb F"),
    ("Dm7 G7alt Cmaj7", "Dm7 G7#5 Cmaj7"),
    ("E(add2) Cm(add2)(add4) Csus7/G", "Eadd9 Cmadd9 C7sus4/G"),
    ("C7(b9,#11) F", "C7b9 F"),
    ("I V vi IV", "C G Am F"),
    ("i-VI-III-VII", "Am F C G"),
    ("V7/V V7 I", "D7 G7 C"),
    ("1 5 6- 4", "C G Am F"),
    ("1-5-6-4", "C G Am F"),
    ("1 4 5 6", "C F G Am"),
    ("1 2 6m", "C D Am"),
    ("2-7 5-7 1maj7", "Dm7 Gm7 Cmaj7"),
    ("capo 2 G D Em C", "A E F#m D"),
    ("Am F (capo on 3rd fret)", "Cm Ab"),
]


@pytest.mark.parametrize(("text", "symbols"), LINES)
def test_lines(text: str, symbols: str) -> None:
    line = read_chord_line(text)
    assert (" ".join(line.symbols), line.bars, line.times) == (symbols, None, None)


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        ("| Am | F C |", "Am/F C"),
        ("Am | F C | G", "Am/F C/G"),
        ("|: Am | F C :|", "Am/F C/Am/F C"),
        ("|: Am | F :| x3 | G |", "Am/F/Am/F/Am/F/G"),
        ("| Am | F C | x2", "Am/F C/Am/F C"),
        ("| C | G |\n| Am | F | x2", "C/G/Am/F/Am/F"),
        ("Am x2 | F", "Am/Am/F"),
        ("| Am F | % | C |", "Am F/Am F/C"),
        ("| Am % | F |", "Am Am/F"),
        ("| C / / G | Am . F . |", "C C C G/Am Am F F"),
        ("|| Am ||  | F |]", "Am/F"),
        ("Dm7 | G7b9b13 | Cmaj7 | A7", "Dm7/G7b9/Cmaj7/A7"),
        ("| ii V | I |", "Dm G/C"),
    ],
)
def test_bars(text: str, bars: str) -> None:
    line = read_chord_line(text)
    assert line.bars == tuple(tuple(bar.split()) for bar in bars.split("/"))
    assert line.symbols == tuple(bars.replace("/", " ").split())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Am F foo", "foo"),
        ("Am the F", "the"),
        ("in C minor", "in"),
        ("C major", "C major"),
        ("E-flat major", "E-flat major"),
        ("C ii V", "ii"),
        ("G - and - D", "and"),
        ("Dm7 Gq7 C", "Gq7"),
        ("Am F 4/4", "4/4"),
        ("x2 Am", "x2"),
        ("% Am", "%"),
        ("| % | Am |", "%"),
        ("Am F capo 20", "capo 20"),
        ("G@0 Em", "Em"),
        ("G@x", "G@x"),
        ("E-guitar", "guitar"),
        ("", ""),
        ("| |", "| |"),
        (None, None),
    ],
)
def test_what_is_not_understood_is_named(text: object, named: object) -> None:
    with pytest.raises(PlanError, match="chords: expected") as caught:
        read_chord_line(text)  # type: ignore[arg-type]
    assert caught.value.value == named


def test_remarks() -> None:
    def said(text: str, key: Key | None = None) -> list[str]:
        return [note.outcome for note in read_chord_line(text, key).notes]

    assert said("G D Em C") == [] == said("am dm") == said("I V", Key("G", "major"))
    assert said("G7alt C") == ["G7alt is played as G7#5"]
    assert said("F d") == ["small letters are minor chords"]
    assert "read as major" in said("am f c g")[0] and "C major" in said("I V vi")[0]
    assert "B flat" in said("H B")[0] and "2 semitones" in said("capo 2 G")[0]
    assert all(note.used and note.field == "chords" for note in read_chord_line("capo 1 F d G7alt").notes)


def test_degrees_in_a_key() -> None:
    assert read_chord_line("ii-V-I", Key("Bb", "major")).symbols == ("Cm", "F", "Bb")
    assert read_chord_line("1 6 3 7", Key("E", "minor")).symbols == ("Em", "C", "G", "D")
    assert read_chord_line("B C", german=True).symbols == ("Bb", "C")


def test_placing_bars() -> None:
    beats = beat_grid(120, 4, 8.0)
    line = read_chord_line("| Am | F C |")
    assert line.place(beats, 4, 8.0) == (("Am", 0.0), ("F", 2.0), ("C", 3.0), ("Am", 4.0), ("F", 6.0), ("C", 7.0))
    assert read_chord_line("| C C C G |").place(beats, 4, 8.0)[:2] == (("C", 0.0), ("G", 1.5))
    assert read_chord_line("| C D E |").place(beat_grid(60, 2, 2.0), 2, 2.0) == (
        *(("C", 0.0), ("D", pytest.approx(2 / 3)), ("E", pytest.approx(4 / 3))),
    )
    upbeat = beat_grid(60, 4, 10.0, first_beat=0.5, first_position=4)
    assert read_chord_line("| G | C |").place(upbeat, 4, 10.0) == (("G", 0.0), ("C", 5.5), ("G", 9.5))
    with pytest.raises(PlanError, match="chords: expected at most the 4 bars that 8 s have, got '5 bars'"):
        read_chord_line("| A | B | C | D | E |").place(beats, 4, 8.0)


def test_placing_symbols_and_times() -> None:
    beats = beat_grid(120, 4, 8.0)
    assert read_chord_line("G % C %").place(beats, 4, 8.0) == (("G", 0.0), ("C", 4.0))
    timed = read_chord_line("G@0 Em@2.5")
    assert timed == ChordLine(("G", "Em"), None, (0.0, 2.5)) and timed.place(beats, 4, 8.0) == (("G", 0.0), ("Em", 2.5))
    with pytest.raises(PlanError, match="chords: expected times before"):
        timed.place(beats, 4, 2.0)
    with pytest.raises(PlanError, match="chords: expected ascending times"):
        read_chord_line("G@2 Em@1")


@given(st.lists(chords.map(str), min_size=1, max_size=8), st.sampled_from([" ", ", ", " | ", " → ", "\n"]))
def test_any_chords_are_read_back(symbols: list[str], separator: str) -> None:
    assert read_chord_line(separator.join(symbols)).symbols == tuple(symbols)


@pytest.mark.parametrize(
    "noise",
    [
        *("A" * 2000, "A " * 1000, "(" * 2000, "|:" * 1000, "Am x9 " * 300, "C" + "1" * 1999, "->" * 1000, "C-" * 1000),
        *("a minor " * 250, "% " * 1000, "capo " * 400, "[" * 2000, "C(" * 1000, "C" + "add9" * 500, "bb" * 1000),
    ],
)
def test_quick_on_anything(noise: str) -> None:
    begin = time.process_time()
    with contextlib.suppress(PlanError):
        read_chord_line(noise)
    assert time.process_time() - begin < 0.5


def test_bars_over_and_over_have_as_many_symbols_each() -> None:
    uneven = read_chord_line("| Am F | C |")
    assert uneven.over(3, 4) == ("Am", "Am", "F", "F", "C", "C", "C", "C", "Am", "Am", "F", "F")
    assert uneven.over(1, 3) == ("Am", "Am", "F")
    assert read_chord_line("Am F").over(3, 4) == ("Am", "F", "Am")
    assert read_chord_line("| Am F | C G |").over(2, 4) == ("Am", "F", "C", "G")
