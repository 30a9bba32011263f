"""What words may mean to the lexer: one trie of phrases, put together from data.

Grammar (names of fields, units, negations, sections) is data of this room, one file a language (`words/*.toml`);
styles, moods and instruments come from the composer's side (`augmentation`), so that whoever adds a style there adds
its words here too. A phrase is a sequence of atoms (see `atoms`): lower-case words, numbers, signs; hyphens are left
out, so that "lo-fi" is "lo fi".
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from augmentation.captions.words import ENERGY_WORDS, GROUP_NOUNS, INSTRUMENT_NOUNS
from augmentation.compose.styles import STYLES
from augmentation.reading import priors
from munet.music import TEMPO_WORDS


class Kind(StrEnum):
    """What a token may be; a token may be several."""

    WORD = "word"
    PUNCT = "punct"
    NUMBER = "number"  # float
    QUANTITY = "quantity"  # (float, unit)
    SIGNATURE = "signature"  # (3, 4) for "3/4"
    CLOCK = "clock"  # seconds, of "1:30"
    SPAN = "span"  # two of them, of "0:10-0:30"
    REPEAT = "repeat"  # int, of "x4"
    DECADE = "decade"  # "80s"
    NOTE = "note"  # a bare capital, maybe with an accidental: "Bb"
    CHORD = "chord"  # a Chord; None if it looks like one and is not understood
    SMALL = "small"  # a chord written small, as text: "am", "f#"
    KEY = "key"  # a Key whose mode is written out
    CAMELOT = "camelot"  # a Key, of "8A"
    NUMERAL = "numeral"  # "ii7"
    NAME = "name"
    UNIT = "unit"
    BEAT_UNIT = "beat_unit"
    MARK = "mark"  # an Italian tempo word: (lowest, highest BPM)
    METER = "meter"
    DANCE = "dance"
    MODE = "mode"
    ACCIDENTAL = "accidental"
    QUALITY = "quality"
    NEGATION = "negation"
    ONLY = "only"
    WITH = "with"
    LIKE = "like"
    TYPE_BEAT = "type_beat"
    USUAL = "usual"  # an instrument
    PLACE = "place"  # share of the piece, as text
    ENTER = "enter"
    SECTION = "section"
    CHANGE = "change"
    DRUMLESS = "drumless"
    PROGRESSION = "progression"
    ENSEMBLE = "ensemble"
    MACHINE = "machine"
    NEAR = "near"
    INSTRUMENT = "instrument"  # tuple of the instruments it is true of
    STYLE = "style"  # a Prior
    SCENE = "scene"  # a Prior
    MOOD = "mood"  # a Prior
    PACE = "pace"  # a Prior
    ENERGY = "energy"
    VOICE = "voice"
    EFFECT = "effect"
    LOOP = "loop"
    LINK = "link"


# Italian marks besides those of `TEMPO_WORDS`: what metronomes print.
MORE_MARKS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"larghissimo": (30.0, 38.0), "lento": (44.0, 60.0), "larghetto": (58.0, 66.0), "adagietto": (66.0, 74.0)}
    | {"andantino": (80.0, 92.0), "andante moderato": (84.0, 96.0), "allegretto": (104.0, 116.0)}
    | {"allegro moderato": (110.0, 120.0), "vivacissimo": (156.0, 172.0), "molto allegro": (130.0, 140.0)}
)
_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af"
_ATOM = re.compile(rf"\d+(?:\.\d+)?|[{_CJK}]|(?:(?![{_CJK}])[^\W\d_])+(?:'(?:(?![{_CJK}])[^\W\d_])+)*|\n|\S")
_NO_INSTRUMENTS = ("beat", "string", "drum", "orchestra", "vibes", "pipes", "four-on-the-floor", "breakbeat")

_PLAYED = ("piano", "guitar", "accordion", "harpsichord", "banjo", "violin")  # within the name of a style
_SOLOISTS = MappingProxyType({"guitar": "electric guitar", "piano": "piano", "sax": "alto saxophone"})

Meanings = Mapping[Kind, Any]


class Node:
    """A node of the trie: where each next atom leads, and what the phrase up to here may be."""

    __slots__ = ("meanings", "next")

    def __init__(self) -> None:
        self.next: dict[str, Node] = {}
        self.meanings: dict[Kind, Any] = {}


def atoms(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield (lower-case atom, start, end) of a text: numbers, words with inner apostrophes, signs, line ends."""
    for match in _ATOM.finditer(text):
        yield match[0].lower(), match.start(), match.end()


def is_cjk(character: str) -> bool:
    """Whether a character is of a script without spaces between words."""
    return re.match(f"[{_CJK}]", character) is not None


@lru_cache(maxsize=1)
def trie() -> Node:
    """Return the root of all phrases."""
    root = Node()
    for kind, phrase, value in _entries():
        path = [atom for atom, _, _ in atoms(phrase) if atom != "-"]
        joined = kind in (Kind.STYLE, Kind.MOOD, Kind.PACE) and len(path) == 2
        for node_path in [path, ["".join(path)]] if joined else [path]:
            node = root
            for atom in node_path:
                node = node.next.setdefault(atom, Node())
            node.meanings.setdefault(kind, value)
    return root


def _entries() -> Iterator[tuple[Kind, str, Any]]:
    """Yield (kind, phrase, value); of several values of one phrase the first counts."""
    for file in sorted(resources.files(__package__).joinpath("words").iterdir(), key=lambda file: file.name):
        for kind, rows in tomllib.loads(file.read_text(encoding="utf-8")).items():
            for value, phrases in rows.items():
                meaning = _meaning(Kind(kind), value)
                for phrase in phrases:
                    yield Kind(kind), phrase, meaning
                    if kind in ("ensemble", "progression"):  # "jazz trio" names a style too
                        yield from _style_within(phrase)
                    if kind == "section" and value == "solo":  # and "guitar solo" who plays it
                        soloist = phrase.split()[0]
                        yield Kind.USUAL, phrase, _SOLOISTS[soloist]
                        yield Kind.INSTRUMENT, phrase, GROUP_NOUNS.get(soloist, ())
    for word, bounds in [*TEMPO_WORDS.items(), *MORE_MARKS.items()]:
        yield Kind.MARK, word, (word.capitalize(), *bounds)
    yield from _composer()


def _meaning(kind: Kind, value: str) -> Any:
    """Return what a row of a words file stands for: most kinds name their value, others an entry of a table."""
    if kind is Kind.NUMBER:
        return float(value)
    if kind is Kind.INSTRUMENT:
        return (value,)
    if kind is Kind.SCENE:
        return priors.of_style(STYLES[value])
    tables = {Kind.MOOD: priors.MOODS, Kind.PACE: priors.PACES, Kind.STYLE: priors.styles()}
    return tables[kind][value] if kind in tables else value


def _style_within(phrase: str) -> Iterator[tuple[Kind, str, Any]]:
    styles = priors.styles()
    for word in sorted(phrase.split(), key=lambda word: (word in styles and styles[word].loose, -len(word))):
        if word in styles and word not in ("classical", "orchestra", "chamber"):
            yield Kind.STYLE, phrase, styles[word]


def _composer() -> Iterator[tuple[Kind, str, Any]]:
    """Yield the words of the composer's side: instruments, groups of them, styles, energies."""
    nouns: dict[str, list[str]] = {}
    for name, phrases in [(name, (name, *more)) for name, more in INSTRUMENT_NOUNS.items()]:
        for phrase in phrases:
            nouns.setdefault(phrase.lower(), []).append(name)
    groups = {noun: list(names) for noun, names in GROUP_NOUNS.items() if noun not in _NO_INSTRUMENTS}
    instruments = {noun for noun in [*nouns, *groups] if noun not in _NO_INSTRUMENTS}
    for noun in instruments:
        own = [name for name in INSTRUMENT_NOUNS if name.lower() == noun]
        names = tuple(dict.fromkeys([*own, *nouns.get(noun, ()), *groups.get(noun, ())]))
        for phrase in _numbers(noun):
            yield Kind.INSTRUMENT, phrase, names
    for phrase, prior in priors.styles().items():
        yield Kind.STYLE, phrase, prior
        for word in phrase.split():  # "piano ballad" names who plays
            if word in _PLAYED and phrase != word:
                yield Kind.INSTRUMENT, phrase, tuple(nouns.get(word, groups.get(word, ())))
    for energy, words in ENERGY_WORDS.items():
        for phrase in words:
            yield Kind.ENERGY, phrase, energy


def _numbers(noun: str) -> Iterable[str]:
    """Return a noun in singular and plural."""
    if noun.endswith("s"):
        return (noun,)
    return (noun, noun + ("es" if noun.endswith(("x", "ch")) else "s"))
