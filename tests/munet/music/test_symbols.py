"""Chord symbols beyond those of `Chord.parse`."""

from __future__ import annotations

import pytest
from hypothesis import given

from munet.music import Chord, PlanError
from munet.music.symbols import is_german, read_chord
from tests.munet.strategies import chords

EXACT = [
    *(
        ("C2", "Cadd9"),
        ("C4", "Csus4"),
        ("E(add2)", "Eadd9"),
        ("Csus7/G", "C7sus4/G"),
        ("C+7", "C7#5"),
        ("C/9", "Cadd9"),
    ),
    *(
        ("C7/9", "C9"),
        ("Cm/maj7", "CmMaj7"),
        ("Csus9", "C9sus4"),
        ("Cno3", "C5"),
        ("Cm6/9", "Cm69"),
        ("C-Δ7", "CmMaj7"),
    ),
    *(("A7+5", "A7#5"), ("C7(b9)", "C7b9"), ("C6add9", "C69"), ("Asus4", "Asus4"), ("Esus2", "Esus2"), ("n.c.", "N")),
    *(("Hm", "Bm"), ("H7", "B7"), ("Fis", "F#"), ("Es7", "Eb7"), ("As", "Ab"), ("Cism", "C#m"), ("G/H", "G/B")),
    *(("d", "Dm"), ("d7", "Dm7"), ("bb", "Bbm"), ("f#", "F#m"), ("am", "Am"), ("em7", "Em7"), ("bdim", "Bdim")),
    *(("amaj7", "Amaj7"), ("h", "Bm"), ("g/b", "Gm/B"), ("A:min7", "Am7")),
]


@pytest.mark.parametrize(("written", "symbol"), EXACT)
def test_symbols_with_an_exact_quality(written: str, symbol: str) -> None:
    assert read_chord(written) == (Chord.parse(symbol), None)


@pytest.mark.parametrize(
    ("written", "symbol"),
    [
        *(("G7alt", "G7#5"), ("G7b9b13", "G7b9"), ("C7#9b13", "C7#9"), ("C13#11", "C13"), ("C7(b9,#11)", "C7b9")),
        *(
            ("Cm(add2)(add4)", "Cmadd9"),
            ("Cm11b5", "Cm7b5"),
            ("Cmaj9#11", "Cmaj9"),
            ("C°maj7", "Cdim"),
            ("Cø9", "Cm7b5"),
        ),
        *(("Cadd4", "C"), ("Cm7add11", "Cm7"), ("C7b9sus4/F", "C7sus4/F"), ("Dm9b5", "Dm7b5"), ("C7no5", "C7")),
    ],
)
def test_others_go_to_the_nearest_quality_and_say_so(written: str, symbol: str) -> None:
    assert read_chord(written) == (Chord.parse(symbol), f"{written} is played as {symbol}")


@pytest.mark.parametrize(
    "word", ["", "C77", "C/X", "Cfoo", "minor", "the", "Bad", "Face", "Dead", "egg", "x2", "I", "4/4", "C7add7", None]
)
def test_words_are_no_chords(word: object) -> None:
    with pytest.raises(PlanError, match="chords: expected a chord symbol"):
        read_chord(word)  # type: ignore[arg-type]


def test_what_context_decides() -> None:
    assert str(read_chord("B7", german=True)[0]) == "Bb7" and str(read_chord("Bb", german=True)[0]) == "Bb"
    assert str(read_chord("f", small="")[0]) == "F" and str(read_chord("fm", small="")[0]) == "Fm"
    assert [s for s in ("Hm", "Fis", "As7", "C/H", "Bes", "Asus4", "Bb", "Em", "Cdim") if is_german(s)] == [
        *("Hm", "Fis", "As7", "C/H", "Bes")
    ]


@given(chords)
def test_canonical_symbols_are_read_exactly(chord: Chord) -> None:
    assert read_chord(str(chord)) == (chord, None)
