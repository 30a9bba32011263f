"""Reader of the harmonic rhythm: how long a chord lasts ("two bars per chord", "chords change every beat")."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from augmentation.reading.readers.sections import shared_length
from augmentation.reading.readers.statement import Statement
from augmentation.reading.tokens import Kind, Tokens

_MOST = 64  # bars, beats or chords
_UNITS = ("bar", "beat", "second")
_ONE = ("a", "one", "every", "each", "whole", "full", "single")
_PER = ("per", "a", "each", "every", "for", "to", "on", "in", "over", "the", "of", "new", "with", "across")
_LASTING = ("lasts", "last", "lasting", "held", "hold", "holds", "is", "are", "for", "gets", "stays", "should", "takes",
            "being", "be", "sounds", "rings", "sustained", "sustains", "played", "of", ":", "=", "over",
            "spans")  # fmt: skip
_CHANGING = ("change", "changes", "changing", "move", "moves", "moving", "switch", "switches", "switching", "shift",
             "shifts", "shifting", "that", "which", "should", "do", "the", "to", "slowly", "quickly",
             "only")  # fmt: skip
_TIMES = MappingProxyType({"once": 1, "twice": 2})
_EACH = ("each", "apiece")
_CHORDS = ("chord", "chords")


@dataclass(frozen=True)
class HarmonicRhythm:
    """So many chords in so many bars or beats; one of the two numbers is 1.

    Args:
        chords: how many.
        count: of bars or beats.
        unit: "bar", "beat" or "second".
    """

    chords: int
    count: int
    unit: str


def find_harmonic_rhythms(tokens: Tokens) -> list[Statement]:
    """Return the statements of how long chords last, each with a `HarmonicRhythm`.

    "two bars per chord", "each chord lasts 2 bars", "Am F C G, each two bars", "one chord a bar", "two chords per bar",
    "a new chord every two beats", "chords change every other bar", "harmony that changes twice a bar".
    """
    found: list[Statement] = []
    of_sections = range(*(shared_length(tokens) or (0, 0)))
    for index in range(len(tokens)):
        if index in of_sections or (found and index < found[-1].last):
            continue
        statement = _length_each(tokens, index) or _each_length(tokens, index) or _chords_per(tokens, index)
        statement = statement or _changing(tokens, index)
        if statement:
            found.append(statement)
    return found


def covered(tokens: Tokens) -> frozenset[int]:
    """Return the tokens of all statements of how long chords last, which say nothing of the bar and the clip."""
    return frozenset(at for one in find_harmonic_rhythms(tokens) for at in range(one.first, one.last))


Length = tuple[int, int, str, int]  # times in it, how many bars or beats, their unit, and the index behind


def _length(tokens: Tokens, index: int) -> Length | None:
    """Read "2 bars", "a bar", "half a bar", "every two bars", "every other bar", "twice a bar"."""
    times, at = 1, index
    if tokens.word(at) in _TIMES:
        times, at = _TIMES[tokens.word(at)], tokens.ahead(at, ("per", "in"))
    elif tokens.word(at) == "half":
        times, at = 2, tokens.ahead(at, ("of",))
    while tokens.word(at) in _ONE:
        at += 1
    number, unit = tokens[at].get(Kind.QUANTITY, (0.0, ""))
    if unit in _UNITS and number == int(number) and 1 <= number <= _MOST and Kind.DECADE not in tokens[at]:
        return times, int(number), unit, at + 1
    count = 1
    if at > index and tokens.word(at) in ("other", "second"):
        at, count = at + 1, 2
    unit = tokens[at].get(Kind.UNIT, "")
    return (times, count, unit, at + 1) if at > index and unit in _UNITS else None


def _statement(first: int, last: int, chords: int, length: Length) -> Statement | None:
    times, count, unit, _ = length
    chords *= times
    if chords % count == 0:
        chords, count = chords // count, 1
    elif count % chords == 0:
        chords, count = 1, count // chords
    if min(chords, count) > 1 or (unit != "bar" and chords > 1):
        return None
    return Statement("chords", HarmonicRhythm(chords, count, unit), first, last)


def _is_chord(tokens: Tokens, index: int) -> bool:
    return tokens[index].get(Kind.NAME) == "chords"


def _of_listed_chords(tokens: Tokens, index: int) -> bool:
    """Whether the nearest thing before a token in its sentence that may have a length is a chord."""
    for at in range(index - 1, tokens.sentences[index] - 1 if index < len(tokens) else -1, -1):
        if Kind.CHORD in tokens[at] or Kind.NUMERAL in tokens[at] or _is_chord(tokens, at):
            return True
        if Kind.SECTION in tokens[at] or Kind.INSTRUMENT in tokens[at]:
            return False
    return False


def _length_each(tokens: Tokens, index: int) -> Statement | None:
    """Read "two bars per chord", "a bar for each chord", and "two bars each" behind chords."""
    length = _length(tokens, index)
    if length is None:
        return None
    behind = tokens.ahead(length[3] - 1, _PER)
    if behind > length[3] and tokens.word(behind) == "chord":
        return _statement(index, behind + 1, 1, length)
    if tokens.word(length[3]) in _EACH and Kind.UNIT not in tokens[length[3] + 1] and _of_listed_chords(tokens, index):
        return _statement(index, length[3] + 1, 1, length)
    return None


def _each_length(tokens: Tokens, index: int) -> Statement | None:
    """Read "each chord lasts two bars", and "each two bars" behind chords."""
    if tokens.word(index) not in ("each", "every", "all", "both"):
        return None
    named = tokens.word(index + 1) in _CHORDS
    if not named and (tokens.word(index) == "every" or not _of_listed_chords(tokens, index)):
        return None
    if tokens.word(index + 1 + named) in _TIMES and tokens.ends(index + 2 + named):  # "F C Dm Bb, each twice"
        times = _TIMES[tokens.word(index + 1 + named)]
        return Statement("chords", HarmonicRhythm(1, times, "bar"), index, index + 2 + named)
    length = _length(tokens, tokens.ahead(index + named, _LASTING))
    return _statement(index, length[3], 1, length) if length else None


def _chords_per(tokens: Tokens, index: int) -> Statement | None:
    """Read "two chords per bar", "one chord every two bars", "a new chord each beat", "4 chords in 8 bars"."""
    bare = tokens.word(index) == "chord" and tokens.word(index + 1) in ("per", "every") and tokens.ends(index - 1)
    number = 1.0 if bare else tokens[index].get(Kind.NUMBER, float(tokens.word(index) in ("a", "single")))
    named = index if bare else tokens.ahead(index, ("new", "different"))
    if not (1 <= number <= _MOST and number == int(number) and tokens.word(named) == _CHORDS[number > 1]):
        return None
    length = _length(tokens, named + 1) or _length(tokens, tokens.ahead(named, ("per", "in", "to", "over", "on")))
    if length is None and (unit := tokens[named + 2].get(Kind.UNIT)) in _UNITS:
        length = (1, 1, unit, named + 3) if tokens.word(named + 1) in ("per", "/") else None
    return _statement(index, length[3], int(number), length) if length else None


def _changing(tokens: Tokens, index: int) -> Statement | None:
    """Read "chords change every two bars", "changing chords twice a bar", "chord changes on every beat"."""
    if not _is_chord(tokens, index) or tokens.word(index) == "changes":
        return None
    first = index - 1 if tokens.word(index - 1) in _CHANGING[:3] else index
    at = tokens.ahead(index, _CHANGING)
    changes = first < index or at > index + 1 or tokens.word(index).endswith("changes")
    starts = tokens.ahead(at - 1, ("on", "with", ","))
    every = tokens.word(starts) in ("every", "each", "once", "twice")
    if not (changes and every):
        return None
    length = _length(tokens, starts)
    return _statement(first, length[3], 1, length) if length else None
