"""Single chord symbols as people write them all over the world, beyond those that `Chord.parse` reads exactly.

German names (H is B; Fis, Es, As), small roots for minor chords, and qualities outside `QUALITIES` ("7alt", "7b9b13",
"2", "m(add2)(add4)"): these are read as tones and brought to the nearest quality, with a remark.
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType

from munet.music.checks import PlanError
from munet.music.chords import CHORD_FORM, QUALITIES, Chord, plain_quality
from munet.music.spelling import DEGREE_FIFTHS, UNICODE

SILENCE = ("N", "NC", "N.C.", "N.C", "n.c.", "tacet")
_ROOT = r"(?:[EeAa]s(?!us)|[A-Ha-h](?:is|es)|[A-Ha-h][#b]?)"
_SYMBOL = re.compile(rf"({_ROOT})(.*?)(?:/({_ROOT}))?")
# What Chord.parse leaves after the words are rewritten: a known quality, then changes to it.
_BASES = sorted(QUALITIES, key=len, reverse=True)
_CHANGE = re.compile(
    r"(?P<alt>alt)|(?P<no>(?:no|omit)(?P<without>3|5))|(?P<sus>sus(?P<by>2|4)?(?P<sus7>7)?)"
    r"|(?P<word>add|maj|M)?(?P<accidental>[#b+-]?)(?P<degree>13|11|2|4|5|6|7|9)|(?P<seventh>maj)"
)
_ALTERED = (8, 15)  # what "alt" puts in the place of the fifth and above: #5 and #9
_THIRDS, _FIFTHS, _SEVENTHS = frozenset((3, 4)), frozenset((6, 7, 8)), frozenset((9, 10, 11))
_SHORT = MappingProxyType({"4": "sus4", "aug9": "9#5", "dim9": "dim7add9"})  # beside those of Chord.parse


def is_german(symbol: str) -> bool:
    """Whether the root or the bass is written in a German way: H, or with -is and -es."""
    match = _SYMBOL.fullmatch(symbol.strip().translate(UNICODE))
    roots = (match[1], match[3] or "") if match else ()
    return any(root[:1] in ("H", "h") or root[1:] in ("is", "es", "s") for root in roots)


def read_chord(symbol: str, german: bool = False, small: str = "m") -> tuple[Chord, str | None]:
    """Read one chord symbol, and say so where it is brought to the nearest quality.

    Args:
        symbol: such as "Am7", "f#", "Hm7", "G7alt" or "C2/E".
        german: whether "B" is B flat, as where B natural is called H.
        small: what a small root means: "m" for a minor chord, "" for a habit of typing.

    Returns:
        The chord, and None or a remark such as "G7b9b13 is played as G7b9".

    Raises:
        PlanError: naming a symbol that is none.
    """
    text = symbol.strip().translate(UNICODE).replace("♮", "") if isinstance(symbol, str) else ""
    if text in SILENCE:
        return Chord.none(), None
    if ":" in text:
        return Chord.from_harte(text), None
    match = _SYMBOL.fullmatch(re.sub(r"6/9|69", "69", text))
    if match is None:
        raise PlanError("chords", CHORD_FORM, symbol)
    root, suffix, bass = _note(match[1], german), match[2], match[3] and _note(match[3], german)
    if match[1][0].islower() and not re.match(r"m(?!aj)|M|maj|dim|°|o7?$|ø|aug|\+|-|sus|5|h", suffix):
        suffix = small + suffix
    found = _quality(suffix)
    if found is None:
        raise PlanError("chords", CHORD_FORM, symbol)
    quality, exact = found
    chord = Chord.parse(f"{root}{quality}/{bass}" if bass else root + quality)
    return chord, None if exact else f"{symbol} is played as {chord}"


def _note(name: str, german: bool) -> str:
    """Return a root in English: "Fis" is F#, "Es" Eb, "H" B; "B" is Bb where it is German."""
    letter, accidental = name[0].upper(), {"is": "#", "es": "b", "s": "b"}.get(name[1:], name[1:])
    if letter == "H":
        return "B" + accidental
    return "Bb" if german and letter == "B" and not accidental else letter + accidental


@lru_cache(maxsize=4096)
def _quality(suffix: str) -> tuple[str, bool] | None:
    """Return the quality that has the tones of a suffix, or the nearest one, and whether it is the former.

    None if the suffix is not understood.
    """
    plain = plain_quality(suffix)
    if plain not in QUALITIES:
        plain = re.sub(r"/(?=[#b]?\d)", "add", re.sub(r"[ ,]|/(?=maj|M)", "", plain))
        plain = _SHORT.get(plain, plain_quality(plain))
    if plain in QUALITIES:
        return plain, True
    tones = _tones(plain)
    if tones is None:
        return None
    wanted = frozenset(tone % 12 for tone in tones)
    exact = next((name for name, own in QUALITIES.items() if frozenset(tone % 12 for tone in own) == wanted), None)
    return (exact, True) if exact is not None else (_nearest(tones), False)


def _tones(suffix: str) -> frozenset[int] | None:
    """Return the semitones above the root that a suffix asks for; None if it is not understood."""
    # The longest known quality whose rest is understood: "7b9b13" is "7b9" and "b13".
    for base in _BASES:
        if suffix.startswith(base) and (tones := _changed(set(QUALITIES[base]), suffix[len(base) :])) is not None:
            return frozenset(tones)
    return None


def _changed(tones: set[int], changes: str) -> set[int] | None:
    while changes:
        match = _CHANGE.match(changes)
        if match is None:
            return None
        changes, before = changes[match.end() :], tones
        if match["alt"]:
            tones = (tones - {7}) | {4, 10, *_ALTERED}
        elif match["no"]:
            tones = tones - ({7} if match["without"] == "5" else _THIRDS)
        elif match["sus"]:
            tones = (tones - _THIRDS) | {2 if match["by"] == "2" else 5} | ({10} if match["sus7"] else set())
        elif match["seventh"]:
            tones = tones | {11}
        else:
            tones = _with_degree(tones, int(match["degree"]), match["accidental"], match["word"])
        if tones == before:
            return None  # "77": what changes nothing is a slip of the pen
    return tones


def _with_degree(tones: set[int], degree: int, accidental: str, word: str | None) -> set[int]:
    step = {"#": 1, "+": 1, "b": -1, "-": -1}.get(accidental, 0)
    if degree > 7 and not accidental and not word and not tones & _SEVENTHS:
        tones = tones | {10}  # "sus9" has the seventh, "add9" has not
    major = word in ("maj", "M")
    if degree == 7:
        return tones | {11 if major else 10 + step}
    tone = 7 * DEGREE_FIFTHS[(degree - 1) % 7] % 12 + step
    if degree == 5:
        return (tones - {7}) | {tone}
    return tones | {tone + 12 * (degree > 7 or degree == 2)}


def _nearest(tones: frozenset[int]) -> str:
    """Return the quality with the fewest tones missing or foreign; third, seventh and fifth weigh most."""

    def distance(name: str) -> float:
        own = frozenset(QUALITIES[name])
        unlike = own ^ tones
        missing, foreign = {t % 12 for t in tones - own} - own, {t % 12 for t in own - tones} - tones
        kinds = 8.0 * bool(unlike & _THIRDS) + 4.0 * bool(unlike & _SEVENTHS) + 3.0 * bool(unlike & _FIFTHS)
        return kinds + len(missing) + 1.5 * len(foreign)

    return min(QUALITIES, key=distance)
