"""Keys: how they are read and spelled, their modes, and the key of chords."""

from __future__ import annotations

import pytest
from hypothesis import given

from munet.music import (
    PITCH_NAMES_FLAT,
    PITCH_NAMES_SHARP,
    Key,
    MusicPlan,
    PlanError,
    estimate_key,
    parse_chord_line,
)
from tests.munet.strategies import keys, semitones


@pytest.mark.parametrize(
    ("text", "key"),
    [(t, "C minor") for t in ("C minor", "Cm", "C min", "C:min", "c minor", "cm", "C Minor", "C-minor", " Cmin ")]
    + [(t, "E major") for t in ("E major", "EM", "E maj", "E", "e major", "E Maj", "EMaj")]
    + [("F# major", "F# major"), ("F♯M", "F# major"), ("Bb minor", "Bb minor"), ("B-flat minor", "Bb minor")]
    + [("C sharp minor", "C# minor"), ("bb minor", "Bb minor"), ("Ebm", "Eb minor"), ("B minor", "B minor")],
)
def test_keys_as_people_write_them(text: str, key: str) -> None:
    assert str(Key.parse(text)) == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("D dorian", "D dorian"),
        ("e Phrygian", "E phrygian"),
        ("F-lydian", "F lydian"),
        ("G mixolydian", "G mixolydian"),
        ("B flat locrian", "Bb locrian"),
        ("C ionian", "C ionian"),
        ("A aeolian", "A aeolian"),
        ("C harmonic minor", "C minor"),
        ("D natural-minor", "D minor"),
        ("E Melodic Minor", "E minor"),
    ],
)
def test_modes_are_kept(text: str, key: str) -> None:
    assert str(Key.parse(text)) == key


def test_small_letters_alone() -> None:
    assert str(Key.parse("c#", lone_minor=True)) == "C# minor" and str(Key.parse("a", lone_minor=True)) == "A minor"
    assert str(Key.parse("A", lone_minor=True)) == "A major"
    assert MusicPlan(key="bb").key == "Bb minor"


@pytest.mark.parametrize("text", ["", "c", "a", "H minor", "C blues", "minor", "Cmm", "C# #", 3, None])
def test_unreadable_keys_are_refused(text: object) -> None:
    with pytest.raises(PlanError, match="key: expected"):
        Key.parse(text)  # type: ignore[arg-type]


def test_scales_triads_and_relatives() -> None:
    assert Key.parse("G").scale() == (7, 9, 11, 0, 2, 4, 6)
    assert Key.parse("Am").scale() == (9, 11, 0, 2, 4, 5, 7)
    assert [str(c) for c in Key.parse("Eb").diatonic_triads()] == ["Eb", "Fm", "Gm", "Ab", "Bb", "Cm", "Ddim"]
    assert [str(c) for c in Key.parse("C#m").diatonic_triads()] == ["C#m", "D#dim", "E", "F#m", "G#m", "A", "B"]
    assert str(Key.parse("Bb").relative()) == "G minor" and str(Key.parse("F#m").relative()) == "A major"
    assert str(Key.parse("F# major").transpose(4)) == "Bb major"  # not A#, which has ten sharps
    assert [str(c) for c in Key.parse("D dorian").diatonic_triads()] == ["Dm", "Em", "F", "G", "Am", "Bdim", "C"]
    assert Key.parse("F lydian").scale() == (5, 7, 9, 11, 0, 2, 4)
    assert str(Key.parse("D dorian").relative()) == "C major" and str(Key.parse("F lydian").relative()) == "A minor"
    assert str(Key.parse("D dorian").transpose(1)) == "Eb dorian"
    assert str(Key.parse("Am").transpose(1)) == "Bb minor" and str(Key.parse("C").transpose(-1)) == "B major"


@given(keys, semitones)
def test_key_properties(key: Key, n: int) -> None:
    moved = key.transpose(n)
    assert Key.parse(str(key)) == key and set(key.relative().scale()) == set(key.scale())
    plain = key.as_major_or_minor()
    assert plain.tonic == key.tonic and plain.relative().relative().tonic_pc == key.tonic_pc
    assert (plain.mode == "minor") == ((key.tonic_pc + 3) % 12 in key.scale()) == key.is_minor
    usual = Key.usual(key.tonic_pc, key.mode)
    assert (usual.tonic_pc, usual.mode) == (key.tonic_pc, key.mode) and abs(usual.signature) <= 6
    assert moved.tonic_pc == (key.tonic_pc + n) % 12 and moved.transpose(-n).tonic_pc == key.tonic_pc
    for triad in key.diatonic_triads():
        assert set(triad.pitch_classes()) <= set(key.scale())
    assert key.progression()[0] == key.diatonic_triads()[0]


def test_usual_spelling() -> None:
    minor = [Key.usual(pc, "minor").tonic for pc in range(12)]
    assert minor == ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"]
    assert [Key.usual(pc, "major").tonic for pc in (1, 3, 6, 8, 10)] == ["Db", "Eb", "F#", "Ab", "Bb"]
    assert [Key.usual(pc, "dorian").tonic for pc in (1, 3, 6)] == ["C#", "Eb", "F#"]


def test_progressions_show_the_mode() -> None:
    assert [str(chord) for chord in Key.parse("D dorian").progression()] == ["Dm", "G", "Dm", "C"]
    assert [str(chord) for chord in Key.parse("E phrygian").progression()] == ["Em", "F", "Em", "Dm"]
    assert [str(chord) for chord in Key.parse("G mixolydian").progression()] == ["G", "F", "C", "G"]
    plan = MusicPlan(key="D dorian", bpm=120, duration=8).complete()
    assert plan.key == "D dorian" and [symbol for symbol, _ in plan.chords] == ["Dm", "G", "Dm", "C"]


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("G D/F# Em C", "G major"),
        ("C G Am F", "C major"),
        ("Am F C G", "A minor"),
        ("Dm7 G7 Cmaj7", "C major"),
        ("Dm7 G7 Cmaj7 A7", "C major"),
        ("C A7 Dm G7", "C major"),
        ("Dm7 G7 Dm7 G7", "D minor"),
        ("Am D7 Gmaj7 Cmaj7 F#m7b5 B7 Em", "E minor"),
        ("Am Dm E Am", "A minor"),
        ("Dm C Bb A", "D minor"),
        ("Am7 D7 Gmaj7", "G major"),
        ("C7 F7 G7 C7", "C major"),
        ("Gb Ebm Cb Db", "Gb major"),
        ("F#m D A E", "F# minor"),
        ("D E F", "F# minor"),
        ("Gbm B", "F# minor"),
        ("Dbm A E", "C# minor"),
    ],
)
def test_key_of_chords(line: str, key: str) -> None:
    assert str(estimate_key((symbol, 2.0) for symbol, _ in parse_chord_line(line))) == key


@given(keys.filter(lambda key: key.tonic in PITCH_NAMES_FLAT or key.tonic in PITCH_NAMES_SHARP))
def test_key_of_a_complete_plan_is_found_again(key: Key) -> None:
    key = key.as_major_or_minor()
    plan = MusicPlan(key=str(key), bpm=120).complete()
    found = estimate_key((chord, end - start) for start, end, chord in plan.chord_intervals())
    assert (found.tonic_pc, found.mode) == (key.tonic_pc, key.mode)


def test_no_key_without_chords() -> None:
    with pytest.raises(PlanError, match="chords: expected"):
        estimate_key([("N", 2.0)])
