"""A language other than English: what its words say, from a data file (`languages/*.toml`).

A file maps English phrases to words of the language, grouped by what they are (`instruments`, `moods`, ...), and holds
number words, names of keys and patterns for what is said with numbers. Whoever adds a language adds a file.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from munet.music.keys import MODES

GROUPS = ("instruments", "styles", "moods", "tempo", "sections", "words")
ACCENTED = "\u024f"  # up to here letters may have accents, which people leave out
_DIGITS = r"\d{1,5}(?:[.,]\d{1,3})?"
_LONGEST_NUMBER = 7  # characters of a number in words, where words have no spaces
_SIGN_ACCIDENTALS = MappingProxyType({"#": "#", "♯": "#", "b": "b", "♭": "b"})


def fold(text: str) -> str:
    """Return a text of the same length in small letters without accents."""
    return "".join(_fold_character(character) for character in text)


@lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    small = character.lower()[:1] or character
    return unicodedata.normalize("NFD", small)[0] if small <= ACCENTED else small


@dataclass(frozen=True)
class Phrase:
    """What a phrase says: English words (maybe none), and the group of the file that it stands in."""

    english: str
    group: str


@dataclass(frozen=True)
class Language:
    """A language.

    Args:
        code: such as "zh".
        name: in English.
        script: "latin", "han" or "kana"; the last two have no spaces.
        compounds: whether a word may be several written together.
        endings: (ending, what stands there in the file), tried on words that are not found.
        signs: words by which the language is known.
        phrases: folded words, one space between them -> what they say.
        longest: first word (character, in a script without spaces) -> words (characters) of the longest phrase.
        patterns: (pattern on folded text, English with {n} and {m}).
        numbers: folded number words.
        keys: pattern of a key, and the tables of its parts.
    """

    code: str
    name: str
    script: str
    compounds: bool
    endings: tuple[tuple[str, str], ...]
    signs: frozenset[str]
    phrases: Mapping[str, Phrase]
    longest: Mapping[str, int]
    patterns: tuple[tuple[re.Pattern[str], str], ...]
    numbers: Mapping[str, int]
    keys: KeyNames

    @property
    def spaced(self) -> bool:
        """Whether words stand apart."""
        return self.script == "latin"

    def number(self, text: str) -> str:
        """Return a number as English writes it: "120", "1.5", of digits or number words."""
        if re.fullmatch(_DIGITS, text):
            return text.replace(",", ".")
        if text in self.numbers:
            return str(self.numbers[text])
        total, current = 0, 0  # 一百二十: tens and hundreds multiply what stands before them
        for character in text:
            value = self.numbers.get(character, 0)
            if value in (10, 100):
                total, current = total + (current or 1) * value, 0
            else:
                current = value
        return str(total + current)


@dataclass(frozen=True)
class KeyNames:
    """How keys are named: a pattern with the groups note, sharp or flat (before or after), and a mode."""

    pattern: re.Pattern[str]
    notes: Mapping[str, str]

    def english(self, match: re.Match[str]) -> str:
        """Return the English name of a matched key: "C# minor"."""
        parts = {name.removesuffix("_alone"): value for name, value in match.groupdict().items() if value}
        note = self.notes.get(parts["note"], parts["note"].upper())
        accidental = "#" if parts.get("sharp") or parts.get("sharp_after") else ""
        accidental = accidental or ("b" if parts.get("flat") or parts.get("flat_after") else "")
        mode = next((mode for mode in MODES if parts.get(mode)), "")
        return f"{note}{accidental} {mode}".strip()


@lru_cache(maxsize=1)
def languages() -> tuple[Language, ...]:
    """Return all languages that there are files of, by code."""
    folder = resources.files(__package__).joinpath("languages")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return tuple(_language(file.name[:2], tomllib.loads(file.read_text(encoding="utf-8"))) for file in files)


def _language(code: str, table: Mapping[str, Any]) -> Language:
    facts = table["language"]
    numbers = {fold(word): int(value) for value, words in table["numbers"].items() for word in words}
    phrases: dict[str, Phrase] = {}
    for group in GROUPS:
        for english, words in table[group].items():
            for word in words:
                phrases.setdefault(_key_of(word), Phrase(english, group))
    spaced = facts["script"] == "latin"
    return Language(
        code=code,
        name=facts["name"],
        script=facts["script"],
        compounds=facts.get("compounds", False),
        endings=tuple((fold(a), fold(b)) for a, b in facts.get("endings", ())),
        signs=frozenset(fold(word) for word in facts.get("signs", ())),
        phrases=MappingProxyType(phrases),
        longest=_longest([phrase.split() if spaced else list(phrase) for phrase in phrases]),
        patterns=tuple((_pattern(text, numbers, spaced), english) for text, english in table["patterns"].items()),
        numbers=MappingProxyType(numbers),
        keys=_keys({mode: table["words"][mode] for mode in MODES if mode in table["words"]} | table["keys"], spaced),
    )


def _longest(phrases: Iterable[Sequence[str]]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for phrase in phrases:
        found[phrase[0]] = max(found.get(phrase[0], 0), len(phrase))
    return MappingProxyType(found)


def _key_of(words: str) -> str:
    return " ".join(re.split(r"[\s'\u2019-]+", fold(words)))


def _pattern(text: str, numbers: Iterable[str], spaced: bool) -> re.Pattern[str]:
    words = sorted(map(re.escape, numbers), key=len, reverse=True)
    number = f"{_DIGITS}|{'|'.join(words)}" if spaced else f"{_DIGITS}|[{''.join(words)}]{{1,{_LONGEST_NUMBER}}}"
    text = text.replace(r"\s*", r"\s{0,3}")  # whatever the text, each pattern takes time linear in it
    text = text.replace("{n}", f"(?P<n>{number})").replace("{m}", f"(?P<m>{number})")
    return re.compile(rf"(?:{text})(?!\w)" if spaced else text, re.IGNORECASE)


def _keys(table: Mapping[str, Any], spaced: bool) -> KeyNames:
    notes = {fold(name): note for note, names in table.get("notes", {}).items() for name in names}
    named = "|".join(sorted(map(re.escape, notes), key=len, reverse=True))
    modes = (f"(?P<{mode}>{_any(table[mode])})" for mode in MODES if mode in table)
    mode = f"(?:{'|'.join(modes)})"
    if not spaced:
        sharp, flat = _any(table["sharp"]), _any(table["flat"])
        note = f"(?P<note>{named + '|' if named else ''}[a-g])(?:(?P<sharp_after>[#♯])|(?P<flat_after>[b♭]))?"
        return KeyNames(re.compile(rf"(?:(?:(?P<sharp>{sharp})|(?P<flat>{flat}))\s?)?{note}\s?{mode}"), notes)
    sharp, flat = (table.get(name, list(signs)) for name, signs in (("sharp", "#♯"), ("flat", "b♭")))
    accidental = rf"(?:[ -]?(?:(?P<sharp>{_any(sharp)})|(?P<flat>{_any(flat)}))(?![a-z](?<!m)))?"
    note = rf"(?P<note>{named}{'' if 'c' in notes else '|[a-g]'}){accidental}"
    whole = rf"{note}[ -]?{mode}(?!\w)"
    if "before" not in table:
        return KeyNames(re.compile(whole), notes)
    alone = rf"(?<=\b{_any(table['before'])} ){note}(?=\s*(?:[,.;:!?)]|$))"
    return KeyNames(re.compile(f"{whole}|{_renamed(alone)}"), notes)


def _any(words: Iterable[str]) -> str:
    return "|".join(re.escape(fold(word)) for word in sorted(words, key=len, reverse=True))


def _renamed(pattern: str) -> str:
    return re.sub(r"\?P<(\w+)>", r"?P<\1_alone>", pattern)
