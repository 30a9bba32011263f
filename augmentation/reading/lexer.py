"""Text into tokens: every reader of the planner works on these, none on the raw string.

All patterns are anchored and linear, so that no text is slow.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from augmentation.reading.merge import merge_clocks, merge_harmony, merge_numbers, merge_solos, parse_chord
from augmentation.reading.tokens import Token, Tokens
from augmentation.reading.vocabulary import Kind, Node, atoms, is_cjk, trie
from munet.music import Chord, Key
from munet.music.degrees import NUMERAL_PATTERN

_SIGNS = str.maketrans(
    {"♯": "#", "♭": "b", "\u2019": "'", "\u2018": "'", "\u00b4": "'", "\u2212": "-", "\u2010": "-", "\u2011": "-"}
    | {"\u2013": "-", "\u2014": "-", "\u00d7": "x", "\u00a0": " ", "\u202f": " ", "\u2044": "/", "\u223c": "~"}
    | {"\uff0c": ",", "\u3002": ".", "\u3001": ",", "\uff1a": ":", "\uff1b": ";", "\uff01": "!", "\uff1f": "?"}
    | {"\uff08": "(", "\uff09": ")", "\uff5e": "~"}
    | {chr(0xFF10 + digit): str(digit) for digit in range(10)}
    | {chr(0xFF21 + i): chr(ord("A") + i) for i in range(26)}
    | {chr(0xFF41 + i): chr(ord("a") + i) for i in range(26)}
)  # fmt: skip
_QUALITY = (
    r"(?:(?i:maj(?:or)?|min(?:or)?|dim|aug|sus|add|dom|alt|omit)|(?i:no)(?=\d)|mi(?![a-z])|ma(?=\d)|6/9|\d{1,2}|"
    r"[mM](?=maj|Maj|add|sus|aug|[A-Z°º\d#(/+-]|\W|\Z)|[°º\u00f8\u00d8Δ△∆]|o7|\+(?!\s?\w)|-(?=\d|[\s,|)]|\Z)|"
    r"[#b](?=\d)|\([^()\s]{1,8}\)){0,16}"
)
# A hyphen and a word behind make it something else ("E-guitar"), but for modes, accidentals and further chords.
_AFTER = (
    r"(?![#'@+°]|-(?!(?i:sharp|flat|maj|min|moll|dur|dorian|phrygian|lydian|mixolydian|aeolian|locrian|ionian)"
    r"|[A-H][#b]?(?:(?:maj|min|dim|aug|sus|add|alt)\d*|m|M)?(?:\W|\d|\Z))(?:[a-z]|[A-Z][a-z]{2}))"
)
_SYMBOL = re.compile(rf"([A-Ha-h])((?:#|b)?)({_QUALITY})(?:/([A-Ha-h][#b]?))?{_AFTER}")
_NO_CHORD = re.compile(r"N\.C\.?(?!\w)|NC?(?![\w#'-])")
_NUMERAL = re.compile(rf"{NUMERAL_PATTERN}(?![\w'#])")
_SIGNATURE = re.compile(r"(\d{1,2})[ ]?/[ ]?(1|2|4|8|16|32)(?![\d/]|(?:th|st|nd)s?\b)")
_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d)(?![\d:])")
_REPEAT = re.compile(r"[xX](\d{1,2})(?!\w)|(\d{1,2})[xX](?!\w)")
_DECADE = re.compile(r"(?:1[89]|20)\d0'?s(?!\w)|[2-9]0'?s(?!\w)|00'?s(?!\w)")
_CAMELOT = re.compile(r"(1[0-2]|[1-9])([AB])(?![\w#])")
_COMMA_NUMBER = re.compile(r"\d+,\d{1,2}(?![\d,/]|\s*[-,]\s*\d)")
_BEAT_SIGN = re.compile(r"([♩♪𝅘𝅥𝅮𝅗𝅥]|\U0001d15f|\U0001d15e|\U0001d160)(?:\ufe0e)?([.·]?)")
_BEAT_SIGNS = MappingProxyType(
    {"♩": "quarter", "♪": "eighth", "\U0001d15f": "quarter", "\U0001d160": "eighth", "\U0001d15e": "half"}
)
_GERMAN_NOTE = re.compile(r"(cis|des|dis|es|fis|ges|gis|as|ais|h|b|[acdefg])[ -]?(dur|moll)(?!\w)", re.IGNORECASE)
_GERMAN = MappingProxyType(
    {"cis": "C#", "des": "Db", "dis": "D#", "es": "Eb", "fis": "F#", "ges": "Gb", "gis": "G#", "as": "Ab"}
    | {"ais": "A#", "h": "B", "b": "Bb"}
)
_CAPITAL_FLAT = re.compile(  # where a key may stand in a text of capitals alone
    r"(?<![\w#])[A-G]B(?=\s*-?(?:MAJ|MIN|DORIAN|PHRYGIAN|LYDIAN|MIXOLYDIAN)|[,.;|]|\s*$)|(?<=\b(?:IN|OF) )[A-G]B(?!\w)"
)
_SLASHED = re.compile(r"(?<![\w/])(?:[A-G][\w#]{0,7}/){2,}[A-G][\w#]{0,7}(?![\w/#])")
_MINOR_NAMES = ("A", "Bb", "B", "C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#")


@lru_cache(maxsize=32)
def lex(text: str) -> Tokens:
    """Return the tokens of a text."""
    text = text.translate(_SIGNS)
    text = _SLASHED.sub(_apart, text)
    if text.isupper():  # "IN BB MAJOR"
        text = _CAPITAL_FLAT.sub(lambda match: f"{match[0][0]}b", text)
    found = list(atoms(text))
    starts = [start for _, start, _ in found]
    tokens: list[Token] = []
    index = 0
    while index < len(found):
        token = _token(text, found, index)
        tokens.append(token)
        index = max(index + 1, bisect_left(starts, token.end))
    for merge in (merge_numbers, merge_clocks, merge_harmony, merge_solos):
        tokens = merge(text, tokens)
    return Tokens(text, tuple(tokens))


def _apart(match: re.Match[str]) -> str:
    """Return chords that slashes part ("Am/F/C/G") with bars between them; letters of a form ("A/B/A") as they are."""
    parts = match[0].split("/")
    form = set(parts) <= {"A", "B", "C", "D"}
    return match[0] if form or None in map(parse_chord, parts) else "|".join(parts)


def _token(text: str, found: Sequence[tuple[str, int, int]], index: int) -> Token:
    """Return the longest token that begins at an atom."""
    atom, start, end = found[index]
    before = text[start - 1 : start]
    best_end, meanings = _phrase(found, index)
    free = not (before.isalnum() and not is_cjk(before)) and before not in ("#", "'", "&", "/", ".")
    special = _digits(text, start, before) if atom[0].isdigit() else _letters(text, start) if free else None
    if special and special[0] >= best_end:
        extra = meanings if special[0] == best_end else {}
        return Token(text[start : special[0]], start, special[0], {**special[1], **extra})
    if meanings:
        return Token(text[start:best_end], start, best_end, meanings)
    if special:
        return Token(text[start : special[0]], start, special[0], special[1])
    kind = Kind.NUMBER if atom[0].isdigit() else Kind.WORD if atom[0].isalpha() else Kind.PUNCT
    return Token(text[start:end], start, end, {kind: float(atom[:12]) if kind is Kind.NUMBER else atom})


def _phrase(found: Sequence[tuple[str, int, int]], index: int) -> tuple[int, Mapping[Kind, Any]]:
    """Return the end and the meanings of the longest phrase of the vocabulary from an atom on."""
    node: Node | None = trie()
    end, meanings = 0, {}
    first = index
    while node is not None and index < len(found):
        atom, _, stop = found[index]
        if atom != "-" or index == first:
            node = node.next.get(atom)
            if node is not None and node.meanings and not (atom.isdigit() and _counts(found, index + 1)):
                end, meanings = stop, node.meanings
        index += 1
    return end, meanings


def _counts(found: Sequence[tuple[str, int, int]], index: int) -> bool:
    """Whether what follows makes a number one of its own: "C minor 7/4", "A minor 6 bars" are no chords."""
    following = found[index][0] if index < len(found) else ""
    node = trie().next.get(following)
    return following == "/" or (node is not None and Kind.UNIT in node.meanings)


def _digits(text: str, start: int, before: str) -> tuple[int, dict[Kind, Any]] | None:
    if match := _DECADE.match(text, start):
        number = re.match(r"\d+", match[0])
        readings: dict[Kind, Any] = {Kind.DECADE: match[0]}
        if number and len(number[0]) == 2:
            readings[Kind.QUANTITY] = (float(number[0]), "second")
        return match.end(), readings
    if before not in ("/", ".", ":", "#") or before == ":":
        if match := _SIGNATURE.match(text, start):
            return match.end(), {Kind.SIGNATURE: (int(match[1]), int(match[2]))}
        if match := _CLOCK.match(text, start):
            return match.end(), {Kind.CLOCK: 60.0 * int(match[1]) + int(match[2])}
    if match := _REPEAT.match(text, start):
        return match.end(), {Kind.REPEAT: int(match[1] or match[2])}
    if match := _CAMELOT.match(text, start):
        return match.end(), {Kind.CAMELOT: _camelot(int(match[1]), match[2])}
    if before != "," and (match := _COMMA_NUMBER.match(text, start)):
        return match.end(), {Kind.NUMBER: float(match[0].replace(",", "."))}
    return None


def _camelot(hour: int, letter: str) -> Key:
    """Return the key of a place on the wheel of fifths that DJs count by: 8A is A minor, 8B C major."""
    minor = Key(_MINOR_NAMES[(hour - 8) * 7 % 12], "minor")
    return minor if letter == "A" else minor.relative()


def _letters(text: str, start: int) -> tuple[int, dict[Kind, Any]] | None:
    """Read a beat unit, a key in German, a repeat, no chord, a chord or a numeral at a free place."""
    if match := _BEAT_SIGN.match(text, start):
        unit = _BEAT_SIGNS.get(match[1], "quarter")
        return match.end(), {Kind.BEAT_UNIT: f"dotted {unit}" if match[2] else unit}
    if match := _GERMAN_NOTE.match(text, start):
        tonic = _GERMAN.get(match[1].lower(), match[1].upper())
        return match.end(), {Kind.KEY: Key(tonic, "major" if match[2].lower() == "dur" else "minor")}
    if match := _REPEAT.match(text, start):
        return match.end(), {Kind.REPEAT: int(match[1] or match[2])}
    if match := _NO_CHORD.match(text, start):
        return match.end(), {Kind.CHORD: Chord.none()}
    symbol, numeral = _SYMBOL.match(text, start), _NUMERAL.match(text, start)
    readings: dict[Kind, Any] = {}
    end = start
    if symbol and _ends_word(text, symbol.end()):
        end, readings = symbol.end(), _symbol(symbol)
    if numeral and numeral.end() >= end:
        readings = readings if numeral.end() == end else {}
        end, readings = numeral.end(), readings | {Kind.NUMERAL: numeral[0]}
    if readings and text[start:end].isalpha():
        readings.setdefault(Kind.WORD, text[start:end].lower())
    return (end, readings) if readings else None


def _ends_word(text: str, end: int) -> bool:
    after = text[end : end + 1]
    return not after.isalnum() or is_cjk(after)


def _symbol(match: re.Match[str]) -> dict[Kind, Any]:
    root, accidental, quality, bass = match.groups()
    if root.islower():
        return {Kind.SMALL: match[0]}
    chord = parse_chord(match[0])
    readings: dict[Kind, Any] = {Kind.CHORD: chord}
    if not quality and not bass:
        readings[Kind.NOTE] = ("B" if root == "H" else root) + accidental
    elif not bass and re.fullmatch(r"(?i:maj(?:or)?|min(?:or)?)", quality):
        readings[Kind.KEY] = Key(
            ("B" if root == "H" else root) + accidental, "minor" if quality.lower()[1] == "i" else "major"
        )
    return readings
