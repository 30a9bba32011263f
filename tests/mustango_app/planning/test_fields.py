"""The readers behind `--key`, `--chords`, `--meter`, `--bpm`, the page's fields and the prompt, kind by kind."""

from __future__ import annotations

import re

import pytest

from augmentation.reading.fields import read_bpm, read_chords, read_duration, read_key, read_meter
from munet.music import PlanError
from mustango_app.planning.planner import plan_from_text


@pytest.mark.parametrize(
    ("text", "key"),
    [
        # a number behind the key, without a comma
        ("lofi in D minor 90 bpm", "D minor"),
        ("A minor 120bpm techno", "A minor"),
        ("song in E minor 4/4 100 bpm", "E minor"),
        ("Gmaj 120bpm", "G major"),
        ("in G major 12 bar blues", "G major"),
        ("in C minor 7/8", "C minor"),
        # a mention of chords does not make a key a chord
        ("lush chords, D minor, 100 bpm", "D minor"),
        ("moody harmonies, C minor", "C minor"),
        ("jazz chords in G", "G major"),
        ("dark chord progression, C# minor, 140 BPM", "C# minor"),
        ("chords: Am, F, C, G in C major", "C major"),
        # other spellings
        ("key of f sharp minor", "F# minor"),
        ("in e flat major", "Eb major"),
        ("B-flat minor", "Bb minor"),
        ("C♯ minor", "C# minor"),
        ("A harmonic minor, 90 bpm", "A minor"),
        ("Fis-Moll, 90 bpm", "F# minor"),
        ("H-Dur", "B major"),
        ("B-Dur", "Bb major"),
        ("a-Moll", "A minor"),
        ("key: Am", "A minor"),
        ("key:f#m", "F# minor"),
        ("E mixolydian vamp", "E mixolydian"),
        ("8A, 124 bpm", "A minor"),
        ("key 8B", "C major"),
        # a bare short key in a list of tags
        ("Techno 135bpm Ebm rolling bass", "Eb minor"),
        ("Tech house | 126 BPM | F#m", "F# minor"),
        ("bpm 85 Am 4/4", "A minor"),
        ("rock, 142 bpm, E, guitars", "E major"),
        # words that are no keys
        ("E-guitar and a B-side, vitamin C", None),
        ("I Am the walrus", None),
        ("a minor blues", None),
        ("a major chord progression", None),
        ("chord progression in a minor key", None),
    ],
)
def test_keys(text: str, key: str | None) -> None:
    read = read_key(text)
    assert (str(read) if read else None) == key


@pytest.mark.parametrize(
    ("text", "bpm"),
    [
        ("bpm:120 key:Em timesig:3/4", 120),
        ("tempo:96", 96),
        ("Tempo:120bpm", 120),
        ("BPM=140", 140),
        ("Moderato 108", 108),
        ("Allegro (126)", 126),
        ("at a tempo of ninety", 90),
        ("BPM: 120-130, trance", 125),
        ("140~150 bpm", 145),
        ("90bpm-100bpm", 95),
        ("between 120 and 130 bpm", 125),
        ("ranging from 120 to 130 bpm", 125),
        ("from 120 to 130 bpm", 120),
        ("around 90-ish bpm lofi", 90),
        ("90,5 bpm", 90.5),
        ("half note = 60", 60),
        ("♩ = 72", 72),
        ("dark trap, 808s, 140 bpm", 140),
        ("acid house, 303s, 909s, 126 bpm", 126),
        ("808s and 909s, 80s feel", None),
        ("drum & bass, 174, F#m", 174),
        ("guitar enters halfway, techno 130", 130),
        ("q=120, key of E", 120),
        ("accelerando from 100 to 160", 100),
        ("a 12-string guitar, 24 strings", None),
    ],
)
def test_tempi(text: str, bpm: float | None) -> None:
    assert read_bpm(text) == bpm


@pytest.mark.parametrize(
    ("text", "meter"),
    [
        ("timesig:3/4", 3),
        ("time signature 13/8", 13),
        ("15/16 math rock", 15),
        ("in three", 3),
        ("waltz time", 3),
        ("3 beats per measure", 3),
        ("a piece in 5/4 at 90", 5),
        ("12/8 shuffle", 12),
        ("three-quarter time", 3),
        ("in 5", 5),
    ],
)
def test_metres(text: str, meter: int) -> None:
    assert read_meter(text) == meter


@pytest.mark.parametrize(
    ("text", "bpm", "meter", "unit", "seconds"),
    [
        ("slow 6/8 ballad, dotted quarter = 60", 60, 2, "dotted quarter", 2),
        ("♩. = 60 in 6/8", 60, 2, "dotted quarter", 2),
        ("half note = 60, cut time", 60, 2, "half", 2),
        ("crotchet = 80, 4/4", 80, 4, "quarter", 3),
        ("♪ = 180, 6/8", 180, 6, "eighth", 2),
        ("half note = 60 in 4/4", 60, 2, "half", 2),
        ("quarter = 90, 7/8", 180, 7, "eighth", 7 / 3),
        ("half note = 60 in 3/4", 120, 3, "quarter", 1.5),
        ("eighth = 400, 6/8", 400 / 3, 2, "dotted quarter", 0.9),
        ("dotted half = 60, 3/4", 180, 3, "quarter", 1),
        ("minim = 50, 2/2", 50, 2, "half", 2.4),
        ("120 bpm, 6/8", 120, 6, None, 3),
    ],
)
def test_a_metronome_mark_gives_the_bar_its_length(
    text: str, bpm: float, meter: int, unit: str | None, seconds: float
) -> None:
    plan = plan_from_text(text)
    assert (plan.bpm, plan.meter, plan.beat_unit) == (pytest.approx(bpm), meter, unit)
    assert 60 / plan.bpm * plan.meter == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "chords"),
    [
        ("I-V-vi-IV progression, 130 BPM, C major", "C G Am F"),
        ("ii-V-I progression in Bb", "Cm F Bb"),
        ("pop song 1-5-6-4 progression in G", "G D Em C"),
        ("V7/V V7 I in C, chords", "D7 G7 C"),
        ("doo-wop progression in C", "C Am F G"),
        ("12 bar blues in E", "E7 A7 E7 E7 A7 A7 E7 E7 B7 A7 E7 B7"),
        ("jazz, chords Dm7 G7alt Cmaj7", "Dm7 G7#5 Cmaj7"),
        ("chord progression: Dm7 | G7b9b13 | Cmaj7 | A7", "Dm7 G7b9 Cmaj7 A7"),
        ("worship, chords C2 G/B Am7 F2, 72 bpm", "Cadd9 G/B Am7 Fadd9"),
        ("chords G % C %, 4/4", "G G C C"),
        ("Chords: Gm7 x4, Bm7, Am7, Gm7 x2", "Gm7 Gm7 Gm7 Gm7 Bm7 Am7 Gm7 Gm7"),
        ("chords: am, f, c, g", "Am F C G"),
        ("chords F d g C", "F Dm Gm C"),
        ("chords Hm G D A", "Bm G D A"),
        ("Akkorde: Am, F, C, H7", "Am F C B7"),
        ("capo 2, chords G Em C D", "A F#m D E"),
        ("| Am | F C |, 90 bpm", "Am F C"),
        ("trap melody with dark chord progression, C# minor", None),
        ("lush chords, D minor", None),
        ("modulates from C major to D major", None),
        ("key change from G major to A major halfway", None),
    ],
)
def test_chord_lists(text: str, chords: str | None) -> None:
    assert read_chords(text) == (tuple(chords.split()) if chords else None)


@pytest.mark.parametrize("symbol", ["Gmajmin7", "G77", "G(foo)", "Gaugdim", "Gfoo"])
def test_a_list_that_is_not_understood_is_refused_by_name(symbol: str) -> None:
    with pytest.raises(PlanError, match=re.escape(symbol)):
        read_chords(f"jazz, chords: Dm7, {symbol}, Cmaj7, A7")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("length 30s", 30),
        ("duration: 15", 15),
        ("lofi loop, length 20s, C minor", 20),
        ("rock, 30s", 30),
        ("rock, 80s", None),
        ("30s jazz", None),
        ("it should last 1:30", 90),
        ("song in F# minor 2 minutes", 120),
        ("1 minute and 30 seconds of rain", 90),
        ("dark trap, 808s", None),
        ("a minute and a half of ambient", 90),
        ("1m30s jazz", 90),
    ],
)
def test_lengths(text: str, seconds: float | None) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        ({"key": "D dorian"}, "key", "D dorian"),
        ({"key": "a"}, "key", "A minor"),
        ({"key": "c#"}, "key", "C# minor"),
        ({"key": "fis-moll"}, "key", "F# minor"),
        ({"key": "8A"}, "key", "A minor"),
        ({"bpm": "90,5"}, "bpm", 90.5),
        ({"bpm": "Allegro"}, "bpm", 125.0),
        ({"bpm": "120 BPM"}, "bpm", 120.0),
        ({"meter": "3/4"}, "meter", 3),
        ({"meter": "5"}, "meter", 5),
        ({"chords": "I V vi IV", "key": "D"}, "key", "D major"),
    ],
)
def test_arguments_are_read_like_the_prompt(arguments: dict[str, object], field: str, value: object) -> None:
    assert getattr(plan_from_text("", **arguments), field) == value


def test_bars_of_a_line_stay_bars() -> None:
    plan = plan_from_text("x", chords="| Am | F C |", bpm=120, meter=4)
    assert plan.chords[:3] == (("Am", 0.0), ("F", 2.0), ("C", 3.0))


def test_a_length_that_only_the_text_states_is_cut_to_the_longest() -> None:
    plan = plan_from_text("techno, 3 minutes long", longest=30.0)
    assert plan.duration == 30.0
    assert any("cut" in note.outcome and not note.used for note in plan.notes)
    assert plan_from_text("techno, 8 bars, 120 bpm").duration == 16.0
    assert plan_from_text("techno, 120 bpm", bars=4).duration == 8.0


@pytest.mark.parametrize(
    ("text", "key"),
    [("JAZZ TRIO, SLOW, BB MAJOR", "Bb major"), ("EB MINOR TRAP", "Eb minor"), ("FUNK IN AB", "Ab major")],
)
def test_flats_in_capitals_are_flats(text: str, key: str) -> None:
    assert plan_from_text(text).key == key
