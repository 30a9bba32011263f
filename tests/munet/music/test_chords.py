"""Chords: hand-computed values, mir_eval as the judge of Harte labels, properties."""

from __future__ import annotations

import pickle

import mir_eval
import numpy as np
import pytest
from hypothesis import given

from munet.errors import RequestError
from munet.music import MUSTANGO_QUALITIES, QUALITIES, Chord, PlanError
from tests.munet.strategies import chords, semitones

# What people write -> canonical symbol, Harte label, pitch classes.
WRITTEN = [
    ("C", "C", "C:maj", (0, 4, 7)),
    ("Am7", "Am7", "A:min7", (9, 0, 4, 7)),
    ("F#dim", "F#dim", "F#:dim", (6, 9, 0)),
    ("F♯m", "F#m", "F#:min", (6, 9, 1)),
    ("B♭7", "Bb7", "Bb:7", (10, 2, 5, 8)),
    ("Bb/F", "Bb/F", "Bb:maj/5", (10, 2, 5)),
    ("D/F#", "D/F#", "D:maj/3", (2, 6, 9)),
    ("Am/G", "Am/G", "A:min/b7", (9, 0, 4, 7)),
    ("C/F#", "C/F#", "C:maj/#4", (0, 4, 7, 6)),
    ("C/Db", "C/Db", "C:maj/b2", (0, 4, 7, 1)),
    ("F/G", "F/G", "F:maj/2", (5, 9, 0, 7)),
    ("C/C", "C", "C:maj", (0, 4, 7)),
    ("CM7", "Cmaj7", "C:maj7", (0, 4, 7, 11)),
    ("Cmaj7", "Cmaj7", "C:maj7", (0, 4, 7, 11)),
    ("C^7", "Cmaj7", "C:maj7", (0, 4, 7, 11)),
    ("CΔ", "Cmaj7", "C:maj7", (0, 4, 7, 11)),
    ("CM", "C", "C:maj", (0, 4, 7)),
    ("Cmaj", "C", "C:maj", (0, 4, 7)),
    ("Cmin", "Cm", "C:min", (0, 3, 7)),
    ("C-7", "Cm7", "C:min7", (0, 3, 7, 10)),
    ("C-", "Cm", "C:min", (0, 3, 7)),
    ("Cø", "Cm7b5", "C:hdim7", (0, 3, 6, 10)),
    ("Cm7-5", "Cm7b5", "C:hdim7", (0, 3, 6, 10)),
    ("C°", "Cdim", "C:dim", (0, 3, 6)),
    ("C°7", "Cdim7", "C:dim7", (0, 3, 6, 9)),
    ("Co7", "Cdim7", "C:dim7", (0, 3, 6, 9)),
    ("C+", "Caug", "C:aug", (0, 4, 8)),
    ("Csus", "Csus4", "C:sus4", (0, 5, 7)),
    ("Csus2", "Csus2", "C:sus2", (0, 2, 7)),
    ("C7sus4", "C7sus4", "C:sus4(b7)", (0, 5, 7, 10)),
    ("Cadd9", "Cadd9", "C:maj(9)", (0, 4, 7, 2)),
    ("C6/9", "C69", "C:maj6(9)", (0, 4, 7, 9, 2)),
    ("C6/9/E", "C69/E", "C:maj6(9)/3", (0, 4, 7, 9, 2)),
    ("C9", "C9", "C:9", (0, 4, 7, 10, 2)),
    ("C11", "C11", "C:11", (0, 4, 7, 10, 2, 5)),
    ("C13", "C13", "C:7(9,13)", (0, 4, 7, 10, 2, 9)),
    ("CmMaj7", "CmMaj7", "C:minmaj7", (0, 3, 7, 11)),
    ("Cm(maj7)", "CmMaj7", "C:minmaj7", (0, 3, 7, 11)),
    ("E7(#9)", "E7#9", "E:7(#9)", (4, 8, 11, 2, 7)),
    ("C5", "C5", "C:5", (0, 7)),
    ("Cb", "Cb", "Cb:maj", (11, 3, 6)),
    ("E#m", "E#m", "E#:min", (5, 8, 0)),
    ("B#", "B#", "B#:maj", (0, 4, 7)),
    ("Fbmaj7", "Fbmaj7", "Fb:maj7", (4, 8, 11, 3)),
    ("A:min7", "Am7", "A:min7", (9, 0, 4, 7)),
    ("Bb:maj/5", "Bb/F", "Bb:maj/5", (10, 2, 5)),
    ("N.C.", "N", "N", ()),
    ("N", "N", "N", ()),
]


@pytest.mark.parametrize(("text", "symbol", "harte", "tones"), WRITTEN)
def test_chords_as_people_write_them(text: str, symbol: str, harte: str, tones: tuple[int, ...]) -> None:
    chord = Chord.parse(text)
    assert (str(chord), chord.harte(), chord.pitch_classes()) == (symbol, harte, tones)


@pytest.mark.parametrize(
    "text", ["", "H", "am", "Cfoo", "C/", "C/X", "C7/9", "/F", "Am7 F", "C(", "C##", "NN", "A:foo", "C:maj/x", 7, None]
)
def test_unreadable_chords_are_refused(text: object) -> None:
    with pytest.raises(PlanError, match=r"chords: expected .*, got ") as caught:
        Chord.parse(text)  # type: ignore[arg-type]
    assert (caught.value.argument, caught.value.value) == ("chords", text)


def test_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(PlanError("bpm", "a number from 30 to 300", 5000)))
    assert str(error) == "bpm: expected a number from 30 to 300, got 5000"
    assert isinstance(error, RequestError)
    assert (error.argument, error.expected, error.value) == ("bpm", "a number from 30 to 300", 5000)


@pytest.mark.parametrize("fields", [("H",), ("C", "majj"), ("C", "", "Q"), ("C", "", "B#"), ("N", "m"), ("C", "", "C")])
def test_chord_fields_are_checked(fields: tuple[str, ...]) -> None:
    with pytest.raises(PlanError, match="chords: expected"):
        Chord(*fields)


def test_root_and_bass_pitch_classes() -> None:
    assert (Chord.parse("Bb/F").root_pc, Chord.parse("Bb/F").bass_pc) == (10, 5)
    assert (Chord.parse("Cb").root_pc, Chord.parse("Cb").bass_pc) == (11, 11)
    assert (Chord.none().root_pc, Chord.none().bass_pc, Chord.none().is_none) == (-1, -1, True)


def test_every_quality_has_its_own_tones() -> None:
    assert len({frozenset(i % 12 for i in tones) for tones in QUALITIES.values()}) == len(QUALITIES)


@given(chords)
def test_mir_eval_hears_the_same_chord(chord: Chord) -> None:
    root, bitmap, bass = mir_eval.chord.encode(chord.harte(), reduce_extended_chords=True)
    if chord.is_none:
        assert root == -1 and not bitmap.any()
    else:
        assert {(root + int(i)) % 12 for i in np.flatnonzero(bitmap)} == set(chord.pitch_classes())
        assert (root, (root + bass) % 12) == (chord.root_pc, chord.bass_pc)


@given(chords)
def test_symbols_and_harte_labels_round_trip(chord: Chord) -> None:
    assert Chord.parse(str(chord)) == chord
    again = Chord.from_harte(chord.harte())
    assert again.pitch_classes() == chord.pitch_classes() and again.quality == chord.quality
    assert (again.root, again.bass_pc) == (chord.root, chord.bass_pc)


@pytest.mark.parametrize(
    ("label", "symbol"),
    [
        ("C", "C"),
        ("X", "N"),
        ("A:min/b3", "Am/C"),
        ("Eb:7/b7", "Eb7/Db"),
        ("C:(1,b3,5)", "Cm"),
        ("D:sus4(b7,9)", "D9sus4"),
        ("G:13", "G13"),
        ("C:dim7/bb7", "Cdim7/A"),
        ("C:7(*5,b5)", "C7b5"),
        ("Abb", "G"),
    ],
)
def test_harte_labels_of_others(label: str, symbol: str) -> None:
    assert str(Chord.from_harte(label)) == symbol


@pytest.mark.parametrize("label", ["", "C:", "H:maj", "C:foo", "C:maj(b2,b6)", "C:maj/0", "C:(9)x", "C:1", None])
def test_unknown_harte_labels_are_refused(label: object) -> None:
    with pytest.raises(PlanError, match="Harte label"):
        Chord.from_harte(label)  # type: ignore[arg-type]


@given(chords, semitones)
def test_transposing_back_and_forth(chord: Chord, n: int) -> None:
    moved = chord.transpose(n)
    assert moved.pitch_classes() == tuple((pc + n) % 12 for pc in chord.pitch_classes())
    assert moved.transpose(-n).pitch_classes() == chord.pitch_classes()
    assert moved.quality == chord.quality and chord.transpose(12) == chord
    if "b" in chord.root:
        assert "#" not in moved.root
    if "#" in chord.root:
        assert "b" not in moved.root


@pytest.mark.parametrize(
    ("symbol", "n", "moved"),
    [("Bb", 3, "Db"), ("F#", 2, "G#"), ("C", 3, "Eb"), ("Am", 4, "C#m"), ("D/F#", 1, "Eb/G"), ("Bb/F", -2, "Ab/Eb")],
)
def test_transposed_spelling(symbol: str, n: int, moved: str) -> None:
    assert str(Chord.parse(symbol).transpose(n)) == moved


def test_reduction_to_the_qualities_of_mustango() -> None:
    reduced = {quality: Chord("C", quality, "F#").reduce() for quality in QUALITIES}
    assert all((c.root, c.bass) == ("C", "F#") and c.quality in MUSTANGO_QUALITIES for c in reduced.values())
    expected = {"sus2": "", "sus4": "", "5": "", "add9": "", "9": "7", "11": "7", "13": "7", "7sus4": "7", "7b9": "7"}
    expected |= {"m9": "m7", "m11": "m7", "maj9": "maj7", "dim7": "dim", "mMaj7": "m", "madd9": "m", "69": "6"}
    expected |= {quality: quality for quality in MUSTANGO_QUALITIES}
    assert {quality: reduced[quality].quality for quality in expected} == expected
    assert Chord("C", "m7b5").reduce(("", "m")) == Chord("C", "m")
    assert Chord.none().reduce() == Chord.none()
    with pytest.raises(PlanError, match="known: expected"):
        Chord("C", "9").reduce(("m",))
