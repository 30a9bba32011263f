"""How long chords last, said in words: what is read, and what is something else."""

from __future__ import annotations

import pytest

from augmentation.reading.lexer import lex
from augmentation.reading.readers.harmonic_rhythm import HarmonicRhythm, find_harmonic_rhythms
from augmentation.reading.stated import read

STATED = {
    "Am F C G, each two bars, 128 BPM": (1, 2, "bar"),
    "Am F C G, each for 2 bars": (1, 2, "bar"),
    "chords: Am F C G (2 bars each)": (1, 2, "bar"),
    "two bars per chord": (1, 2, "bar"),
    "a bar for each chord": (1, 1, "bar"),
    "half a bar per chord": (2, 1, "bar"),
    "hold each chord for two bars": (1, 2, "bar"),
    "every chord gets 3 beats": (1, 3, "beat"),
    "one chord a bar": (1, 1, "bar"),
    "one chord per two bars": (1, 2, "bar"),
    "two chords per bar": (2, 1, "bar"),
    "a new chord every 2 measures": (1, 2, "bar"),
    "4 chords in 8 bars": (1, 2, "bar"),
    "C F, 1 chord/bar": (1, 1, "bar"),
    "chords change every other bar": (1, 2, "bar"),
    "the chords that change once per bar": (1, 1, "bar"),
    "I want the chords to change slowly, every 4 bars": (1, 4, "bar"),
    "harmony changes every four bars": (1, 4, "bar"),
    "chord changes on every beat": (1, 1, "beat"),
    "change chords twice a bar": (2, 1, "bar"),
}


@pytest.mark.parametrize("text", STATED)
def test_it_is_read_however_it_is_said(text: str) -> None:
    (found,) = find_harmonic_rhythms(lex(text))
    assert found.value == HarmonicRhythm(*STATED[text])


@pytest.mark.parametrize(
    "text",
    [
        "verse and chorus, 8 bars each",
        "a fill every two bars",
        "a chord progression in 4 bars",
        "two chords, E7 and A7",
        "guitar chords on every beat",
        "the metre changes every bar",
        "one chord for the whole piece",
        "a loop of 4 bars",
    ],
)
def test_other_lengths_are_not_those_of_chords(text: str) -> None:
    assert not find_harmonic_rhythms(lex(text))


def test_what_is_said_of_chords_is_neither_metre_nor_length() -> None:
    reading = read("hold each chord for two bars: C G Am F, in 3/4, 20 seconds")
    assert [one.value for one in reading.lengths] == [("seconds", 20.0)]
    assert [one.value for one in reading.meters] == [(3, 4)]
    assert read("3 beats per chord").meter is None
