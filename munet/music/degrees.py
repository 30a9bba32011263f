"""Degrees of a key as chords: "ii7 V7 Imaj7" in C major is Dm7 G7 Cmaj7.

Numerals as in harmony books: upper case major, lower case minor, ° or o diminished, ø half-diminished, + augmented,
then any suffix of a chord symbol. In a minor key the degrees are those of natural minor (VI of A minor is F), except
that a diminished or half-diminished vi or vii stands on the raised degree (vii° of A minor is G#dim). A flat or sharp
before the numeral is counted from the major scale, in both modes (bVII of A minor is G, as VII is).
"""

from __future__ import annotations

import re

from munet.music.checks import PlanError
from munet.music.chords import Chord
from munet.music.keys import Key

_STEPS = ("I", "II", "III", "IV", "V", "VI", "VII")
NUMERAL_PATTERN = (
    r"[b#♭♯]?(?:VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)"
    r"(?:°7?|o7?|ø7?|dim7?|\+|aug|maj[79]|M7|m7b5|7sus4|sus[24]|add9|(?:6|7|9|11|13)(?![\d/]))?"
)
_NUMERAL = re.compile(r"([b#]?)([IV]+|[iv]+)(.*)")
_RAISED = ("vi", "vii")
_C, _C_SHARP, _C_FLAT = (Key(tonic, "major") for tonic in ("C", "C#", "Cb"))


def degree_chord(numeral: str, key: Key) -> Chord:
    """Return the chord on a degree of `key`, spelled in that key.

    Raises:
        PlanError: if `numeral` is no degree such as V7, bVII or vii°.
    """
    plain = numeral.translate(str.maketrans("♭♯", "b#")) if isinstance(numeral, str) else ""
    match = _NUMERAL.fullmatch(plain)
    if match is None or match[2].upper() not in _STEPS:
        raise PlanError("chords", "a degree such as I, vi, V7, bVII or vii°", numeral)
    accidental, roman, suffix = match.groups()
    minor = roman.islower()
    step = _STEPS.index(roman.upper())
    # Three degrees differ between the modes, and those flats borrow the spelling of the parallel key.
    diminished = suffix[:1] in ("°", "o") or suffix.startswith("dim")
    half = suffix[:1] == "ø" or suffix.startswith("m7b5")
    raised = minor and (diminished or half) and roman in _RAISED
    mode = key.mode
    if accidental or raised:
        mode = "minor" if accidental == "b" and step in (2, 5, 6) else "major"
    root = Key(key.tonic, mode).diatonic_triads()[step]
    if accidental and mode == "major":
        root = Chord(root.root).shift(_C, _C_SHARP if accidental == "#" else _C_FLAT)
    # ° ø and + bring their own third; before them and "m7b5" the lower case adds nothing.
    own_third = diminished or half or suffix.startswith(("+", "aug", "sus"))
    return Chord.parse(root.root + ("m" if minor and not own_third else "") + suffix)
