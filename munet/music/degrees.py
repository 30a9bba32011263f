"""Degrees of a key as chords: "ii7 V7 Imaj7" in C major is Dm7 G7 Cmaj7; so are Nashville's "2- 5 1".

Numerals as in harmony books: upper case major, lower case minor, ° or o diminished, ø half-diminished, + augmented,
then any suffix of a chord symbol. In a minor key the degrees are those of natural minor (VI of A minor is F), except
that a diminished or half-diminished vi or vii stands on the raised degree (vii° of A minor is G#dim). A flat or sharp
before the numeral is counted from the major scale, in both modes (bVII of A minor is G, as VII is). "V7/V" is the V7 of
the key on V.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from munet.music.checks import PlanError
from munet.music.chords import Chord
from munet.music.keys import Key
from munet.music.spelling import UNICODE, fifths_of, name_of
from munet.music.symbols import read_chord

_STEPS = ("I", "II", "III", "IV", "V", "VI", "VII")
_ROMAN = r"(?:VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)"
NUMERAL_PATTERN = (
    rf"[b#♭♯]?{_ROMAN}"
    r"(?:°7?|o7?|ø7?|dim7?|\+|aug|maj[79]|M7|m7b5|7sus4|sus[24]|add9|(?:6|7|9|11|13)(?!\d|/\d))?"
    rf"(?:/[b#♭♯]?{_ROMAN}(?!\w))?"
)
_NUMERAL = re.compile(rf"([b#]?)({_ROMAN})(?![IVXivx])(.*?)(?:/([b#]?{_ROMAN}))?")
_NUMBER = re.compile(r"([b#]?)([1-7])((?:-|m(?!aj)|°|o|dim|ø)?)(.*?)(?:/([b#]?)([1-7]))?")
_RAISED = ("vi", "vii")
_FOURTH = _STEPS.index("IV")
_C, _C_SHARP, _C_FLAT = (Key(tonic, "major") for tonic in ("C", "C#", "Cb"))
_DEGREE_FORM = "a degree such as I, vi, V7, bVII, vii° or V7/V"


def degree_chord(numeral: str, key: Key) -> Chord:
    """Return the chord on a degree of `key`, spelled in that key.

    Raises:
        PlanError: if `numeral` is no degree such as V7, bVII, vii° or V7/V.
    """
    return read_degree(numeral, key)[0]


def read_degree(numeral: str, key: Key) -> tuple[Chord, str | None]:
    """Return the chord on a degree of `key`, and a remark where it is brought to the nearest quality.

    Raises:
        PlanError: if `numeral` is no degree such as V7, bVII, vii° or V7/V.
    """
    plain = numeral.translate(UNICODE) if isinstance(numeral, str) else ""
    match = _NUMERAL.fullmatch(plain)
    if match is None or re.search(r"/[A-Ha-h]", match[3]):
        raise PlanError("chords", _DEGREE_FORM, numeral)
    accidental, roman, suffix, target = match.groups()
    if target is not None:
        key = _key_on(target, key)
    minor = roman.islower()
    step = _STEPS.index(roman.upper())
    # Three degrees differ between the modes, and those flats borrow the spelling of the parallel key.
    diminished = suffix[:1] in ("°", "o") or suffix.startswith("dim")
    half = suffix[:1] == "ø" or suffix.startswith("m7b5")
    raised = minor and (diminished or half) and roman in _RAISED
    mode = key.mode
    if accidental or raised:
        mode = "minor" if accidental == "b" and step in (2, 5, 6) else "major"
    root = Key(key.tonic, mode).diatonic_triads()[step].root
    if accidental and mode == "major":
        root = Chord(root).shift(_C, _C_SHARP if accidental == "#" else _C_FLAT).root
        if accidental == "b" and step == _FOURTH:  # a major third by its sound, and so named: E in C, not Fb
            root = name_of(fifths_of(root) + 12)
    # ° ø and + bring their own third; before them and "m7b5" the lower case adds nothing.
    own_third = diminished or half or suffix.startswith(("+", "aug", "sus"))
    return _read(root + ("m" if minor and not own_third else "") + suffix, numeral)


def read_number(number: str, key: Key, literal: bool = True) -> tuple[Chord, str | None]:
    """Return the chord of a Nashville number in `key`, and a remark where it is brought to the nearest quality.

    Args:
        number: such as "1", "6-", "6m", "5/7", "b7", "2-7" or "4maj7"; a slash names the degree in the bass.
        key: home.
        literal: numbers without a sign are major chords, as in Nashville; else they are the triads of the key, as in
            "a 1 5 6 4 progression".

    Raises:
        PlanError: if `number` is none.
    """
    plain = number.translate(UNICODE) if isinstance(number, str) else ""
    match = _NUMBER.fullmatch(plain)
    if match is None:
        raise PlanError("chords", "a Nashville number such as 1, 6-, 5/7 or b7", number)
    accidental, step, third, suffix, bass_accidental, bass = match.groups()
    root = _degree(accidental, int(step), key)
    if not literal and not third and not accidental:
        triad = key.diatonic_triads()[int(step) - 1].quality
        third = "" if suffix.startswith(("sus", "m")) else triad
    under = f"/{_degree(bass_accidental, int(bass), key)}" if bass else ""
    return _read(root + third + suffix + under, number)


def is_numeral(text: str) -> bool:
    """Whether a text has the form of a roman degree."""
    return _NUMERAL.fullmatch(text.translate(UNICODE)) is not None


def is_number(text: str) -> bool:
    """Whether a text has the form of a Nashville number."""
    return _NUMBER.fullmatch(text.translate(UNICODE)) is not None


def home_of(numerals: Sequence[str]) -> Key:
    """Return the key for degrees of which none is stated: A minor if they begin with minor's i, else C major."""
    return Key("A", "minor") if re.match(r"i(?![iv])", numerals[0]) else Key("C", "major")


def _read(symbol: str, written: str) -> tuple[Chord, str | None]:
    try:
        chord, remark = read_chord(symbol)
    except PlanError:
        raise PlanError("chords", _DEGREE_FORM, written) from None
    return chord, remark and f"{written} is played as {chord}"


def _key_on(target: str, key: Key) -> Key:
    """Return the key on a degree, major or minor as that is written or, diminished, as it stands in the scale."""
    chord = degree_chord(target, key)
    return Key(chord.root, "minor" if target.lstrip("b#").islower() else "major")


def _degree(accidental: str, step: int, key: Key) -> str:
    """Return the note on a degree; accidentals are counted from the major scale."""
    if not accidental:
        return key.diatonic_triads()[step - 1].root
    return degree_chord(accidental + _STEPS[step - 1], key).root
