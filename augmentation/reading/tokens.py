"""Tokens: stretches of a text and what each may be, and looks around them.

A token has a span and *readings*, for many a word may be several things: "A" is an article and a note, "Am" a chord and
a key, "waltz" a style and a metre. The lexer says what a stretch of text may be, the readers decide by what stands
around it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from augmentation.reading.vocabulary import Kind

__all__ = ["PLAYERS", "Kind", "Token", "Tokens"]

PLAYERS = (Kind.MACHINE, Kind.ENSEMBLE, Kind.NEAR, Kind.INSTRUMENT, Kind.USUAL)  # what names who plays


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

    def plays(self, index: int) -> bool:
        """Whether a token names an instrument or a band."""
        return any(kind in self[index] for kind in PLAYERS)

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
