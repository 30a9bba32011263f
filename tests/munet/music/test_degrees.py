"""Roman degrees and Nashville numbers."""

from __future__ import annotations

import pytest

from munet.music import Key, PlanError
from munet.music.degrees import degree_chord, read_degree, read_number


@pytest.mark.parametrize(
    ("key", "numerals", "chords"),
    [
        ("C major", "I ii iii IV V7 vi vii° bVII #iv° iiø7 V+ Isus4", "C Dm Em F G7 Am Bdim Bb F#dim Dm7b5 Gaug Csus4"),
        ("A minor", "i iiø7 III iv V VI VII vii° bVII imaj7", "Am Bm7b5 C Dm E F G G#dim G AmMaj7"),
        ("Db major", "I IV bIII", "Db Gb Fb"),
        ("F# minor", "i VI III VII", "F#m D A E"),
        ("C major", "V/V V7/V V7/ii vii°7/vi V7/IV ii/V IV/IV bII", "D D7 A7 G#dim7 C7 Am Bb Db"),
        ("A minor", "V7/iv V/VII", "A7 D"),
        ("D dorian", "i IV VII", "Dm G C"),
        ("G mixolydian", "I bVII IV", "G F C"),
        ("G minor", "i biv", "Gm Bm"),
        ("D minor", "i biv", "Dm F#m"),
        ("C major", "I bIV", "C E"),
    ],
)
def test_degree_chord(key: str, numerals: str, chords: str) -> None:
    assert [str(degree_chord(numeral, Key.parse(key))) for numeral in numerals.split()] == chords.split()


@pytest.mark.parametrize("numeral", ["VIII", "iI", "", "H", "Vx", "V7/", "V/H", "Iv", 5])
def test_degree_chord_refuses(numeral: object) -> None:
    with pytest.raises(PlanError, match="chords: expected a degree"):
        degree_chord(numeral, Key("C", "major"))


def test_degrees_with_rich_suffixes_say_what_is_played() -> None:
    chord, remark = read_degree("V7alt", Key("C", "major"))
    assert (str(chord), remark) == ("G7#5", "V7alt is played as G7#5")


@pytest.mark.parametrize(
    ("key", "literal", "numbers", "chords"),
    [
        (
            "C major",
            True,
            "1 5 6- 4 2m 3m7 57 b7 4maj7 5/7 7° 1sus4 2-7",
            "C G Am F Dm Em7 G7 Bb Fmaj7 G/B Bdim Csus4 Dm7",
        ),
        ("C major", False, "1 5 6 4 2 3 7", "C G Am F Dm Em Bdim"),
        ("D major", True, "1 4/6 2 3", "D G/B E F#"),
        ("A minor", False, "1 6 3 7", "Am F C G"),
    ],
)
def test_numbers(key: str, literal: bool, numbers: str, chords: str) -> None:
    found = [str(read_number(number, Key.parse(key), literal)[0]) for number in numbers.split()]
    assert found == chords.split()


@pytest.mark.parametrize("number", ["8", "0", "", "1x", "5/8", "I", None])
def test_numbers_are_refused(number: object) -> None:
    with pytest.raises(PlanError, match="chords"):
        read_number(number, Key("C", "major"))  # type: ignore[arg-type]
