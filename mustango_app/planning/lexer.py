"""Text into tokens: every reader of the planner works on these, none on the raw string.

A token has a span and *readings*, for many a word may be several things: "A" is an article and a note, "Am" a chord and
a key, "waltz" a style and a metre. The lexer says what a stretch of text may be, the readers decide by what stands
around it. All patterns are anchored and linear, so that no text is slow.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

from munet.music import Chord, Key, PlanError
from munet.music.degrees import NUMERAL_PATTERN
from munet.music.symbols import read_chord
from mustango_app.planning.vocabulary import Kind, Node, atoms, is_cjk, trie

_SIGNS = str.maketrans(
    {"♯": "#", "♭": "b", "\u2019": "'", "\u2018": "'", "\u00b4": "'", "\u2212": "-", "\u2010": "-", "\u2011": "-"}
    | {"\u2013": "-", "\u2014": "-", "\u00d7": "x", "\u00a0": " ", "\u202f": " ", "\u2044": "/", "\u223c": "~"}
    | {"，": ",", "。": ".", "、": ",", "：": ":", "；": ";", "！": "!", "？": "?", "（": "(", "）": ")", "～": "~", "|": "|"}
    | {chr(0xFF10 + digit): str(digit) for digit in range(10)}
    | {chr(0xFF21 + i): chr(ord("A") + i) for i in range(26)}
    | {chr(0xFF41 + i): chr(ord("a") + i) for i in range(26)}
)  # fmt: skip
_QUALITY = (
    r"(?:(?i:maj(?:or)?|min(?:or)?|dim|aug|sus|add|dom|alt|omit)|(?i:no)(?=\d)|mi(?![a-z])|ma(?=\d)|6/9|\d{1,2}|"
    r"[mM](?=maj|Maj|add|sus|aug|[A-Z°º\d#(/+-]|\W|\Z)|[°º\u00f8\u00d8Δ△∆]|o7|\+(?!\s?\w)|-(?=\d|[\s,|)]|\Z)|"
    r"[#b](?=\d)|\([^()\s]{1,8}\)){0,8}"
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
_BEAT_SIGNS = MappingProxyType({"♩": "quarter", "♪": "eighth", "\U0001d15f": "quarter", "\U0001d160": "eighth", "\U0001d15e": "half"})
_GERMAN_NOTE = re.compile(r"(cis|des|dis|es|fis|ges|gis|as|ais|h|b|[acdefg])[ -]?(dur|moll)(?!\w)", re.IGNORECASE)
_GERMAN = MappingProxyType(
    {"cis": "C#", "des": "Db", "dis": "D#", "es": "Eb", "fis": "F#", "ges": "Gb", "gis": "G#", "as": "Ab"}
    | {"ais": "A#", "h": "B", "b": "Bb"}
)
_MINOR_NAMES = ("A", "Bb", "B", "C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#")


@dataclass(frozen=True, slots=True)
class Token:
    """A stretch of the text and what it may be.

    Args:
        text: as it stands.
        start, end: its span in `Tokens.text`.
        readings: kind -> value.
    """

    text: str
    start: int
    end: int
    readings: Mapping[Kind, Any]
    word: str = field(init=False, repr=False)  # the text in small letters

    def __post_init__(self) -> None:
        object.__setattr__(self, "word", self.text.lower())

    def __contains__(self, kind: Kind) -> bool:
        return kind in self.readings

    def __getitem__(self, kind: Kind) -> Any:
        return self.readings[kind]

    def get(self, kind: Kind, default: Any = None) -> Any:
        """Return the value of a reading, or the default."""
        return self.readings.get(kind, default)


_END = Token("", 0, 0, MappingProxyType({Kind.PUNCT: ""}))


@dataclass(frozen=True)
class Tokens(Sequence[Token]):
    """The tokens of a text; beyond its ends there are empty signs, so that readers may look around."""

    text: str
    items: tuple[Token, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self.items[index]
        return self.items[index] if 0 <= index < len(self.items) else _END

    def __iter__(self) -> Iterator[Token]:
        return iter(self.items)

    def word(self, index: int) -> str:
        """Return the token's text in small letters."""
        return self.items[index].word if 0 <= index < len(self.items) else ""

    def span(self, first: int, last: int) -> str:
        """Return the text of tokens `first` to before `last`, as it stands."""
        return self.text[self[first].start : self[last - 1].end] if last > first else ""

    def near(self, left: int, right: int) -> bool:
        """Whether nothing stands between two neighbours, not even a space."""
        return self[left].end == self[right].start

    def ends(self, index: int) -> bool:
        """Whether a clause ends before this token: punctuation, a bracket, the end of the text."""
        token = self[index]
        if Kind.PUNCT not in token:
            return False
        return token.text in ("", ",", ".", ";", ":", "!", "?", "\n", ")", "(", "|", "]", "[", "/", '"', "-", "•", "+")

    def stops(self, index: int) -> bool:
        """Whether a sentence ends at this token."""
        token = self[index]
        return Kind.PUNCT in token and token.text in ("", ".", ";", "!", "?", "\n")

    @cached_property
    def sentences(self) -> tuple[int, ...]:
        """For every token the index of the first one of its sentence."""
        starts, start = [], 0
        for index in range(len(self)):
            start = index if index and self.stops(index - 1) else start
            starts.append(start)
        return tuple(starts)

    @cached_property
    def chord_words(self) -> tuple[int | None, ...]:
        """For every token the index of the last "chords", "progression" or the like before it in its sentence."""
        return self._last_before([token.get(Kind.NAME) == "chords" for token in self])

    @cached_property
    def key_words(self) -> tuple[int | None, ...]:
        """For every token the index of the last "key" or the like before it in its sentence."""
        return self._last_before([token.get(Kind.NAME) == "key" for token in self])

    @cached_property
    def modulations(self) -> tuple[int | None, ...]:
        """For every token the index of the last "modulates" or the like before it in its sentence."""
        return self._last_before([token.get(Kind.CHANGE) == "modulate" for token in self])

    def _last_before(self, marks: Sequence[bool]) -> tuple[int | None, ...]:
        found: list[int | None] = []
        last = None
        for index, marked in enumerate(marks):
            last = None if index == self.sentences[index] else last
            found.append(last)
            last = index if marked else last
        return tuple(found)

    def back(self, index: int, skip: Collection[str] = ()) -> int:
        """Return the index of the token before `index`, some words skipped."""
        index -= 1
        while index >= 0 and self[index].word in skip:
            index -= 1
        return index

    def ahead(self, index: int, skip: Collection[str] = ()) -> int:
        """Return the index of the token after `index`, some words skipped."""
        index += 1
        while index < len(self) and self[index].word in skip:
            index += 1
        return index


@lru_cache(maxsize=32)
def lex(text: str) -> Tokens:
    """Return the tokens of a text."""
    text = text.translate(_SIGNS)
    found = list(atoms(text))
    starts = [start for _, start, _ in found]
    tokens: list[Token] = []
    index = 0
    while index < len(found):
        token = _token(text, found, index)
        tokens.append(token)
        index = max(index + 1, bisect_left(starts, token.end))
    return Tokens(text, tuple(_merge_harmony(text, _merge_numbers(text, tokens))))


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
    """Whether what follows makes a number one of its own: "C minor 7/4" and "A minor 6 bars" are no sevenths or sixths."""
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


@lru_cache(maxsize=512)
def parse_chord(symbol: str) -> Chord | None:
    """Return the chord of a symbol, H being B; None if it is not understood."""
    try:
        return read_chord(symbol, german=symbol.startswith("H"))[0]
    except PlanError:
        return None


def _symbol(match: re.Match[str]) -> dict[Kind, Any]:
    root, accidental, quality, bass = match.groups()
    if root.islower():
        return {Kind.SMALL: match[0]}
    chord = parse_chord(match[0])
    readings: dict[Kind, Any] = {Kind.CHORD: chord}
    if not quality and not bass:
        readings[Kind.NOTE] = ("B" if root == "H" else root) + accidental
    elif not bass and re.fullmatch(r"(?i:maj(?:or)?|min(?:or)?)", quality):
        readings[Kind.KEY] = Key(("B" if root == "H" else root) + accidental, "minor" if quality.lower()[1] == "i" else "major")
    return readings


# --- numbers, their units, words for them


def _merge_numbers(text: str, tokens: Sequence[Token]) -> list[Token]:
    """Join number words ("one hundred and twenty"), and numbers with the unit behind them."""
    merged: list[Token] = []
    index = 0
    while index < len(tokens):
        value, after = _number(tokens, index)
        if value is None:
            merged.append(tokens[index])
            index += 1
            continue
        unit_at = after + 1 if after < len(tokens) and tokens[after].text == "-" else after
        unit = tokens[unit_at].get(Kind.UNIT) if unit_at < len(tokens) else None
        start, end = tokens[index].start, tokens[after - 1].end
        spaced = unit is not None and len(tokens[unit_at].text) == 1 and tokens[unit_at].text.isupper()
        if unit is None or spaced:
            merged.append(Token(text[start:end], start, end, {Kind.NUMBER: value, Kind.WORD: text[start:end].lower()}))
            index = after
            continue
        end = tokens[unit_at].end
        merged.append(Token(text[start:end], start, end, {Kind.QUANTITY: (value, unit)}))
        index = unit_at + 1
    return merged


def _number(tokens: Sequence[Token], index: int) -> tuple[float | None, int]:
    """Return the number that begins at a token and the index behind it; (None, index) if there is none."""
    if Kind.NUMBER not in tokens[index]:
        return None, index
    total, last = tokens[index][Kind.NUMBER], tokens[index][Kind.NUMBER]
    after = index + 1
    if not tokens[index].text[0].isalpha():
        return total, after
    while after < len(tokens):
        step = after + (tokens[after].text == "-" or (last >= 100 and tokens[after].word == "and"))
        value = tokens[step].get(Kind.NUMBER) if step < len(tokens) and tokens[step].text[0].isalpha() else None
        if value is None or not value < last or last < 20 or (last < 100 and value > 9):
            break
        total, last, after = total + value, value, step + 1
    return total, after


# --- notes with accidentals, modes and qualities in words


def _merge_harmony(text: str, tokens: Sequence[Token]) -> list[Token]:
    """Join notes with the accidental and the mode or quality in words behind them: "e flat minor", "A minor 7th"."""
    merged: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        note = _note_name(token)
        step = index + 1
        if note is not None and len(note) == 1 and (at := _word_at(tokens, step, Kind.ACCIDENTAL)) is not None:
            if _accidental_fits(tokens, index, at):
                note, step = note + tokens[at][Kind.ACCIDENTAL], at + 1
        mode_at = _word_at(tokens, step, Kind.MODE) if note else None
        quality_at = _word_at(tokens, step, Kind.QUALITY) if note else None
        readings: dict[Kind, Any] = {}
        if note and quality_at is not None and token.text[0].isupper():
            readings = {Kind.CHORD: parse_chord(note + tokens[quality_at][Kind.QUALITY])}
            step = quality_at + 1
        elif note and mode_at is not None:
            readings = _in_mode(note, tokens[mode_at][Kind.MODE])
            step = mode_at + 1
        elif note and step > index + 1:
            readings = {Kind.NOTE: note, Kind.CHORD: parse_chord(note)} if token.text[0].isupper() else {Kind.SMALL: note}
        if readings:
            token = Token(text[token.start : tokens[step - 1].end], token.start, tokens[step - 1].end, readings)
        merged.append(token)
        index = step if readings else index + 1
    return merged


def _note_name(token: Token) -> str | None:
    """Return the note that a token names by itself: "Bb", "e"; of words in small letters too."""
    if Kind.NOTE in token:
        return token[Kind.NOTE]
    small = token.get(Kind.SMALL, "")
    return small[0].upper() + small[1:] if re.fullmatch(r"[a-g][#b]?", small) else None


def _word_at(tokens: Sequence[Token], index: int, kind: Kind) -> int | None:
    """Return the index of a token of a kind, a hyphen skipped."""
    if index < len(tokens) and tokens[index].text == "-" and kind is not Kind.QUALITY:
        index += 1
    return index if index < len(tokens) and kind in tokens[index] else None


def _accidental_fits(tokens: Sequence[Token], index: int, at: int) -> bool:
    """Whether "A sharp" is a note, not "a sharp sound": a mode follows, or nothing that it could describe."""
    if tokens[index].text not in ("A", "a"):
        return tokens[index].text.isupper() or _word_at(tokens, at + 1, Kind.MODE) is not None or (
            index > 0 and tokens[index - 1].word in ("in", "of", "key", ":"))  # fmt: skip
    if _word_at(tokens, at + 1, Kind.MODE) is not None or _word_at(tokens, at + 1, Kind.QUALITY) is not None:
        return True
    after = tokens[at + 1] if at + 1 < len(tokens) else _END
    return tokens[index].text == "A" and Kind.PUNCT in after and after.text != "-"


def _in_mode(note: str, mode: str) -> dict[Kind, Any]:
    readings: dict[Kind, Any] = {Kind.KEY: Key(note, mode)}
    if mode in ("minor", "major"):
        readings[Kind.CHORD] = parse_chord(note + ("m" if mode == "minor" else ""))
    return readings
