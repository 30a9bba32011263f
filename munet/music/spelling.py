"""Names of notes on the line of fifths (F = -1, C = 0, G = 1, ...; a sharp is seven steps up).

Spelled so, transposing keeps the spelling of intervals. Pitch classes run from 0 (C) to 11.
"""

from __future__ import annotations

import re

from munet.music.checks import PlanError

PITCH_NAMES_SHARP = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
PITCH_NAMES_FLAT = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
DEGREE_FIFTHS = (0, 2, 4, -1, 1, 3, 5)  # degrees 1 to 7 of the major scale, in fifths above the tonic
UNICODE = str.maketrans("♯♭\u2212\u2013", "#b--")
_LETTERS = "FCGDAEB"  # by fifths, from F = -1
_NOTE = re.compile(r"[A-G][#b]?")


def check_note(argument: str, name: object) -> None:
    """Refuse what is no note name."""
    if not isinstance(name, str) or not _NOTE.fullmatch(name):
        raise PlanError(argument, "a note name such as C, F# or Bb", name)


def fifths_of(name: str) -> int:
    """Return the place of a note name on the line of fifths."""
    return _LETTERS.index(name[0]) - 1 + 7 * (name.count("#") - name.count("b"))


def pitch_class(name: str) -> int:
    """Return the pitch class of a note name."""
    return 7 * fifths_of(name) % 12


def name_of(fifths: int) -> str:
    """Spell a place on the line of fifths; beyond one accidental (Fb to B#) take the enharmonic equal."""
    while not -8 <= fifths <= 12:
        fifths += 12 if fifths < -8 else -12
    accidentals, letter = divmod(fifths + 1, 7)
    return _LETTERS[letter] + "#" * accidentals + "b" * -accidentals


def shift_in_family(name: str, semitones: int, plain: int) -> int:
    """Return the steps on the line of fifths that move `name` by `semitones` and keep its flats or sharps.

    A name without accidental goes to one of the twelve places from `plain` upwards.
    """
    lowest = -6 if "b" in name else -1 if "#" in name else plain
    return lowest + (fifths_of(name) + 7 * semitones - lowest) % 12 - fifths_of(name)


def degree_fifths(degree: str) -> int:
    """Return a degree as Harte labels write it ("b7", "#11"), in fifths above the root."""
    return DEGREE_FIFTHS[(int(degree.lstrip("#b*")) - 1) % 7] + 7 * (degree.count("#") - degree.count("b"))
