"""Reader of how long the parts last that a sentence tells with "then": "piano for 8 seconds, then the full band"."""

from __future__ import annotations

from dataclasses import dataclass

from augmentation.reading.readers.statement import Statement
from augmentation.reading.tokens import Kind, Tokens

_SAYING = (Kind.KEY, Kind.CHORD, Kind.ENERGY, Kind.MOOD, Kind.PACE, Kind.STYLE, Kind.MACHINE, Kind.ENSEMBLE, Kind.NEAR,
           Kind.INSTRUMENT, Kind.USUAL)  # fmt: skip
_EVERYONE = ("everything", "everybody")
_ABOUT = ("about", "around", "the", "first")


@dataclass(frozen=True)
class Parts:
    """The parts of one sentence as far as it says how long they last.

    Args:
        unit: "bars" or "seconds".
        lengths: (token, number) of each part from the first one on.
        turns: the tokens "then" behind these parts.
        whole: whether every part has a length.
    """

    unit: str
    lengths: tuple[tuple[int, float], ...]
    turns: tuple[int, ...]
    whole: bool

    def moments(self) -> dict[int, float]:
        """Return "then" -> bars or seconds from the beginning."""
        return {turn: sum(number for _, number in self.lengths[: at + 1]) for at, turn in enumerate(self.turns)}

    def total(self) -> Statement | None:
        """Return the length of all parts together, if every part has one."""
        if not self.whole:
            return None
        first = self.lengths[0][0]
        return Statement("duration", (self.unit, sum(number for _, number in self.lengths)), first, first + 1, 1)


def find_parts(tokens: Tokens) -> list[Parts]:
    """Return the parts of every sentence whose first part has a length; sections by name are not among them."""
    found = []
    thens = [at for at in range(len(tokens)) if tokens.word(at) == "then"]
    for start in dict.fromkeys(tokens.sentences[at] for at in thens):
        end = next(at for at in range(start, len(tokens) + 1) if tokens.stops(at))
        turns = [at for at in thens if start <= at < end]
        told = all(any(_says(tokens, at) for at in range(turn, end)) for turn in turns)
        if not told or any(Kind.SECTION in tokens[at] and not _opens(tokens, at) for at in range(start, end)):
            continue  # "for 30 seconds, then fade"
        edges = [start, *turns, end]
        said = [_length(tokens, edges[part], edges[part + 1]) for part in range(len(turns) + 1)]
        unit = said[0][1] if said[0] else ""
        known = next((at for at, one in enumerate(said) if one is None or one[1] != unit), len(said))
        if known:
            lengths = tuple((one[0], one[2]) for one in said[:known] if one is not None)
            found.append(Parts(unit, lengths, tuple(turns[:known]), known == len(said)))
    return found


def _says(tokens: Tokens, index: int) -> bool:
    """Whether a token says what a part is like, or that everybody plays in it."""
    return tokens.word(index) in _EVERYONE or any(kind in tokens[index] for kind in _SAYING)


def _opens(tokens: Tokens, index: int) -> bool:
    """Whether a section is an intro whose length stands before it: "an 8-bar intro with just pads, then drums"."""
    before = tokens[tokens.back(index, ("-",))]
    return tokens[index][Kind.SECTION] == "intro" and before.get(Kind.QUANTITY, (0, ""))[1] in ("bar", "second")


def _length(tokens: Tokens, first: int, last: int) -> tuple[int, str, float] | None:
    """Return token, unit and number of "for 8 seconds", "4 bars of", the first of a part."""
    for at in range(first, last):
        number, unit = tokens[at].get(Kind.QUANTITY, (0.0, ""))
        beside = tokens.word(tokens.back(at, _ABOUT)) == "for" or tokens.word(at + 1) == "of"
        behind = tokens.ahead(at, ("-",))
        beside = beside or (Kind.SECTION in tokens[behind] and _opens(tokens, behind))
        if unit in ("bar", "second", "minute") and number > 0 and beside and Kind.DECADE not in tokens[at]:
            return at, "bars" if unit == "bar" else "seconds", number * (60 if unit == "minute" else 1)
    return None
