"""Reader of who plays, or is silent, in sections that are named alone: "strings only in the chorus", "no drums in the
verse", "bass and drums in the verses and the bridge".
"""

from __future__ import annotations

from dataclasses import dataclass

from augmentation.reading.tokens import Kind, Tokens

_IN = ("in", "during", "throughout", "for")
_DETERMINERS = ("the", "a", "an", "each", "every", "all", "both", "any", "some")
_BETWEEN = ("solo", "part", "parts", "line", "riff", "lead", "melody", "only", "just", "alone", "plays", "play",
            "the", "a", "playing", "appears", "appear", "heard", "is", "are")  # fmt: skip
_VERBS = 2  # words between an instrument and its section that nobody knows, a verb and what goes with it
_NO_VERBS = ("and", "but", "then", "that", "with", "is", "at", "by", "or", "until", "before", "after", "from")
_BEFORE = ("only", "just", "solo", "use", "keep", "have", "with", "and", "but", *_DETERMINERS)
_JOINED = ("and", "&", "plus", "+", "or", "nor")


@dataclass(frozen=True)
class Within:
    """Who plays, or does not, in some sections.

    Args:
        players: tokens of the instruments, in order.
        sections: names.
        silent: whether they do not play there, and else do; else they play there and nowhere else.
        alone: whether nobody else plays there ("only piano in the verse").
        first, last: tokens of the words.
    """

    players: tuple[int, ...]
    sections: tuple[str, ...]
    silent: bool
    alone: bool
    first: int
    last: int


def find_within(tokens: Tokens) -> list[Within]:
    """Return what a text says of who plays in sections that it names for this alone."""
    found: list[Within] = []
    for index in range(len(tokens)):
        if not tokens.plays(index) or _further(tokens, index, 1) != index:
            continue
        at = index + 1
        while tokens.word(at) in _BETWEEN or (at - index <= _VERBS and set(tokens[at].readings) == {Kind.WORD}
                                              and tokens.word(at) not in (*_IN, *_NO_VERBS)):  # fmt: skip
            at += 1  # "horns stab in the chorus"
        names, last = _sections(tokens, at)
        if names:
            players, first = [index], index
            while (first := _further(tokens, players[0], -1)) != players[0]:
                players.insert(0, first)
            denial = tokens.back(players[0], _DETERMINERS)
            silent = Kind.NEGATION in tokens[denial]
            begin = denial if silent else players[0]
            while tokens.word(begin - 1) in _BEFORE:
                begin -= 1
            alone = not silent and any(Kind.ONLY in tokens[at] for at in range(begin, players[0]))
            found.append(Within(tuple(players), tuple(names), silent, alone, begin, last))
    return found


def _sections(tokens: Tokens, at: int) -> tuple[list[str], int]:
    """Return the sections of "in the verse and the chorus", and the token behind them."""
    if tokens.word(at) not in _IN:
        return [], at
    names: list[str] = []
    last = at
    while True:
        name = tokens.ahead(at, _DETERMINERS)
        if Kind.SECTION not in tokens[name] or Kind.USUAL in tokens[name] or tokens[name][Kind.SECTION] == "part":
            return names, last
        names.append(tokens[name][Kind.SECTION])
        at = last = name + 1
        at += tokens.word(at) == ","
        if tokens.word(at) not in _JOINED:
            return names, last


def _further(tokens: Tokens, index: int, step: int) -> int:
    """Return the instrument that stands beside another in a list ("bass, guitar and drums"), else the same."""
    at = index + step
    if tokens.word(at) not in (*_JOINED, ",") or (tokens.word(at) == "," and not _is_list(tokens, at)):
        return index
    at += step
    while tokens.word(at) in (*_DETERMINERS, *_JOINED, ","):
        at += step
    return at if tokens.plays(at) else index


def _is_list(tokens: Tokens, comma: int) -> bool:
    """Whether a comma between instruments is one of a list that ends with "and"."""
    at = comma + 1
    while tokens.plays(at) or tokens.word(at) in (",", *_DETERMINERS):
        at += 1
    return tokens.word(at) in _JOINED and tokens.plays(tokens.ahead(at, _DETERMINERS))
