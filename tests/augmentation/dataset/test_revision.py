"""Captions whose facts follow their clip: expectations worked out by hand, and the planner's own reading of both."""

from __future__ import annotations

import pytest

from augmentation.dataset.revision import facts_of, revise, states
from augmentation.reading.fields import read_bpm, read_chords, read_key
from munet.music import Chord

MOVED = (
    ("A waltz in C minor at 90 bpm with chords Cm, Ab, Eb, Bb.", 2, 1.0,
     "A waltz in D minor at 90 bpm with chords Dm, Bb, F, C."),
    ("Upbeat, 120 bpm, key of F# minor, chord progression F#m D A E.", 1, 1.0,
     "Upbeat, 120 bpm, key of G minor, chord progression Gm Eb Bb F."),
    ("F-sharp minor ballad, chords: f#m, bm, E7", 1, 1.0, "G minor ballad, chords: gm, cm, F7"),
    ("Played in B flat major.", -1, 1.0, "Played in A major."),
    ("The song is in A minor, | Am | F | C | G |, 85bpm", 1, 1.2,
     "The song is in Bb minor, | Bbm | Gb | Db | Ab |, 102bpm"),
    ("in the key of either G major or E minor", 2, 1.0, "in the key of either A major or F# minor"),
    ("Andante. From 90 to 120 bpm, half note = 60.", 0, 1.2, "Moderato. From 108 to 144 bpm, half note = 72."),
    ("Moderato 108 piano piece", 0, 1.25, "Allegro 135 piano piece"),
    ("At 0:06 the drums enter, after 8 seconds a solo.", 0, 1.25, "At 0:04 the drums enter, after 6.4 seconds a solo."),
    ("The bpm is 96.5.", 0, 0.8, "The bpm is 77.2."),
    ("In E major, it has a moderate tempo of 110 bpm.", 0, 1.16, "In E major, it has a fast tempo of 128 bpm."),
    ("A moderate tempo of 110 bpm.", 0, 0.83, "A moderate tempo of 91 bpm."),
    ("At a fast pace of 120 bpm.", 0, 0.8, "At a moderate pace of 96 bpm."),
    ("A slow tempo of 120 bpm.", 0, 1.2, "A slow tempo of 144 bpm."),  # by half, says whoever wrote it
)  # fmt: skip


@pytest.mark.parametrize(("caption", "semitones", "factor", "expected"), MOVED)
def test_facts_follow_the_sound_as_they_were_written(
    caption: str, semitones: int, factor: float, expected: str
) -> None:
    assert revise(caption, semitones, factor) == expected


def test_what_states_nothing_stays_as_it_is() -> None:
    for text in (
        "A minor setback with an E-guitar, 12 strings and 808s from the 80s.",
        "Section B is louder than section A.",
        "",
    ):
        assert revise(text, 3) == text
        assert revise(text, 0, 1.25) == text


@pytest.mark.parametrize("semitones", [-3, -1, 2])
def test_the_planner_reads_the_moved_plan_in_it(semitones: int) -> None:
    text = "Slow blues in E minor at 70 bpm. The chords are Em, Am7, B7 and Em."
    told = revise(text, semitones, 1.1)
    assert read_key(told) == read_key(text).transpose(semitones)
    assert read_bpm(told) == 77
    roots = [(Chord.parse(symbol).root_pc + semitones) % 12 for symbol in read_chords(text)]
    assert [Chord.parse(symbol).root_pc for symbol in read_chords(told)] == roots


def test_facts_of_a_text_and_which_fields_it_states() -> None:
    facts = facts_of("In D major, 100 bpm, then the Bm chord")
    assert (facts.tempos, facts.keys, facts.chords) == ((100.0,), ((2, "major"),), ((11, "m", 11),))
    assert states("A waltz in 3/4 at 90 bpm") == {"bpm", "meter"}
    assert states("A gentle guitar") == frozenset()


def test_lists_are_never_spelled_in_sharps_and_flats_at_once() -> None:
    told = revise("Chords: D, F#m, Bb, Gm.", 1)
    assert told == "Chords: Eb, Gm, B, Abm."
