"""Reader of form: sections that a text marks ("[intro 4 bars] soft piano [verse] add bass") or tells in their order
("a quiet intro, then a loud chorus"), and changes said in prose ("starts slow then speeds up", "modulates to A major",
"drums enter in the chorus").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from augmentation.reading.readers.moments import read_moment
from augmentation.reading.readers.parts import find_parts
from augmentation.reading.tokens import Kind, Tokens

_LONGEST_TAG = 24  # tokens within brackets
_FORM = re.compile("A[A-D]{2,7}")
_LETTERS = MappingProxyType({"A": "verse", "B": "chorus", "C": "bridge", "D": "breakdown"})
_BROADWAY, _ITS_LETTERS = "AABA", MappingProxyType({"A": "theme", "B": "bridge"})
_PARTS = ("solo", "part", "line", "riff", "lead", "melody", "only")  # between an instrument and "at bar 5"
_COMES = ("comes", "come", "hits", "lands", "arrives", "is", "drops", "should", "must", "exactly", "right", "that")
_REACH = 8  # tokens between "drums enter" and "the chorus"
_OPEN, _CLOSE = "([{<", ")]}>"
_ORDER = ("then", "followed", "into", "finally", "ends", "ending", "starts", "opens", "begins", "before", "leads")
_JOINTS = (*_ORDER, ",", ";", ":", ".", "\n", "with", "by")  # where what is said of a section begins
_LISTED = (",", "and", "-", ">", "/", "|", "then", "a", "the", "big", "\u2192", "+", "&")
_DETERMINERS = ("the", "a", "an", "first", "second", "third", "last", "final")
_AFTER_INTRO, _OUTRO = 0.25, 0.75  # where in a piece an intro ends and an outro begins
_LENGTHS = ("second", "minute", "bar")
_ABOUT_LENGTH = ("long", "total", "in", "all", "altogether", "about", "around")
_VAGUE = ("part", "instrumental")
_WITHIN = ("in", "at", "on", "for", "during", "until", "after")  # "in the chorus" tells when, not what comes next
_PLAYERS = (Kind.MACHINE, Kind.ENSEMBLE, Kind.NEAR, Kind.INSTRUMENT, Kind.USUAL)
_SAYING = frozenset(
    (Kind.KEY, Kind.CHORD, Kind.ENERGY, Kind.MOOD, Kind.STYLE, Kind.SIGNATURE, Kind.QUANTITY, *_PLAYERS)
)  # what parts one section from another


@dataclass(frozen=True)
class Tagged:
    """A section that the text marks or tells.

    Args:
        name: such as "verse 2".
        text: the words of its tag and its body.
        body: the words behind the tag.
        start, end: its span in the text.
        told: whether prose tells it.
    """

    name: str
    text: str
    body: str
    start: int
    end: int
    told: bool = False


@dataclass(frozen=True)
class Change:
    """A change within the piece.

    Args:
        kind: "faster", "slower", "louder", "softer", "modulate", "half-time", "double-time", "enter", "leave", or
            "section" where one begins.
        first, last: its tokens.
        player: for "enter" and "leave" the token of the instrument.
        section: name of the section where it happens, or which begins.
        place: the share of the piece where it happens; bar: the bar, from 1 on, or -2 for the last two; second: the
            second. At most one of these is known.
    """

    kind: str
    first: int
    last: int
    player: int | None = None
    section: str | None = None
    place: float | None = None
    bar: int | None = None
    second: float | None = None

    @property
    def is_placed(self) -> bool:
        """Whether the text says where it happens."""
        return not (self.section is None and self.place is None and self.bar is None and self.second is None)


def find_tagged(tokens: Tokens) -> list[Tagged]:
    """Return the sections that brackets or headings ("Verse 1: ...") mark; none unless one is in square brackets or
    there are two."""
    heads: list[tuple[int, int, str]] = []  # tokens of the tag, name
    square = False
    if not any(Kind.SECTION in token for token in tokens):
        return []
    for index, token in enumerate(tokens):
        if token.text and token.text in _OPEN:
            close = next(
                (
                    at
                    for at in range(index + 1, min(index + _LONGEST_TAG, len(tokens)))
                    if tokens[at].text and tokens[at].text in _CLOSE
                ),
                None,
            )
            name = _name(tokens, index + 1, close) if close else None
            if close and name:
                heads.append((index, close + 1, name))
                square = square or token.text == "["
        elif Kind.SECTION in token and (index == 0 or tokens.stops(index - 1) or tokens.word(index - 1) == ","):
            colon = _heading_end(tokens, index)
            if tokens.word(colon) == ":":
                heads.append((index, colon + 1, _name(tokens, index, colon) or token[Kind.SECTION]))
    if not square and len(heads) < 2:
        return []
    ends = [head[0] for head in heads[1:]] + [len(tokens)]
    found = []
    for (first, after, name), end in zip(heads, ends, strict=True):
        body, tag = tokens.span(after, end).strip(" ,;\n"), tokens.span(first, after).strip("([{<>}]) :")
        found.append(Tagged(name, f"{tag}. {body}", body, tokens[first].start, tokens[end - 1].end))
    return found


def _heading_end(tokens: Tokens, index: int) -> int:
    """Return the token behind the name of a section, its number and its length: "Verse 2 (8 bars)"."""
    at = index + 1 + (Kind.NUMBER in tokens[index + 1])
    opened = tokens.word(at) in ("(", ",", "-")
    if opened or Kind.QUANTITY in tokens[at]:
        behind = at + opened + 1 if Kind.QUANTITY in tokens[at + opened] else at
        at = behind + (behind > at and tokens.word(behind) == ")")
    return at


def find_told(tokens: Tokens) -> list[Tagged]:
    """Return the sections that prose tells in their order; none unless there are two, and a word for the order or
    nothing else between them ("intro, verse and chorus").

    What is said of a section reaches from the joint before its name to the next section's; the last one's ends with
    its sentence.
    """
    names = [at for at, token in enumerate(tokens) if Kind.SECTION in token and token[Kind.SECTION] not in _VAGUE]
    names = [at for at in names if tokens.word(tokens.back(at, _DETERMINERS)) not in _WITHIN]
    names = [at for at in names if Kind.USUAL not in tokens[at] or read_moment(tokens, at + 1) == (None, None)]
    names = [at for at in names if Kind.NEGATION not in tokens[tokens.back(at, (*_DETERMINERS, "any"))]]
    starts = _told_from(tokens, names)
    if len(names) < 2 or all(_begin(tokens, at) for at in names):
        return []
    if not any(tokens.word(at) in _ORDER for at in range(starts[0] - 2, names[-1])) and not (
        _listed(tokens, names) or _contrasted(tokens, names, starts)
    ):
        return []
    last = _before_chords(tokens, starts[0], names[-1], _before_length(tokens, starts[0], names[-1]))
    found = []
    for at, first, end in zip(names, starts, [*starts[1:], last], strict=True):
        while tokens.word(end - 1) in (*_JOINTS, "and", "it", "that") and end > at + 1:
            end -= 1
        words = tokens.span(first, end).strip(" ,;:.\n")
        name = _name(tokens, at, at + 2) or ""
        found.append(Tagged(name, words, words, tokens[first].start, tokens[end - 1].end, True))
    # "a drop, with a build-up of 8 bars first"
    return sorted(found, key=lambda told: not told.text.endswith(" first"))


def _before_chords(tokens: Tokens, first: int, name: int, end: int) -> int:
    """Return the token behind the last section, told from `name` to `end`: the comma before chords, if no section
    before has any. They are those of the piece ("quiet verse, loud chorus, Em G D A")."""
    if any(Kind.CHORD in tokens[at] and Kind.KEY not in tokens[at] for at in range(first, name)):
        return end
    listed = (at for at in range(name + 1, end) if tokens.word(at) == "," and Kind.CHORD in tokens[at + 1])
    return next(listed, end)


def _before_length(tokens: Tokens, first: int, name: int) -> int:
    """Return the token behind the last section, told from `name` on: the end of its sentence, or the comma before the
    length of the piece ("intro, verse, chorus, 20 seconds"), if no section says one of its own."""
    end = next(at for at in range(name, len(tokens) + 1) if tokens.stops(at))
    comma = next((at for at in range(end - 1, name, -1) if tokens.word(at) == ","), end)
    lengths = [at for at in range(first, end) if tokens[at].get(Kind.QUANTITY, (0, ""))[1] in _LENGTHS]
    alone = all(at in lengths or tokens.word(at) in _ABOUT_LENGTH for at in range(comma + 1, end))
    return comma if len(lengths) == 1 and lengths[0] > comma and alone else end


def find_lettered(tokens: Tokens) -> list[Tagged]:
    """Return the sections of a form in letters: "AABA form", "ABAB, 8 bars each".

    A is the verse, B the chorus and C the bridge; of AABA, the songs of Broadway, A is the theme and B the bridge.
    """
    for index, token in enumerate(tokens):
        form = _FORM.fullmatch(token.text)
        called = any(tokens.word(at) in ("form", "structure", "song") for at in (index - 1, index + 1))
        alone = tokens.ends(index - 1) and tokens.ends(index + 1) and token.text != "ABBA"
        if form and "B" in token.text and (called or alone):
            names = _ITS_LETTERS if token.text == _BROADWAY else _LETTERS
            each = next((tokens[at].text for at in range(len(tokens)) if _is_each(tokens, at)), "")
            return [Tagged(names[letter], each, "", token.start, token.end, True) for letter in token.text]
    return []


def _is_each(tokens: Tokens, index: int) -> bool:
    return tokens[index].get(Kind.QUANTITY, (0, ""))[1] == "bar" and tokens.word(index + 1) in ("each", "apiece")


def _listed(tokens: Tokens, names: Sequence[int]) -> bool:
    """Whether nothing but joints and numbers stands between the names of sections."""
    between = (at for one, other in pairwise(names) for at in range(one + 1, other))
    return all(tokens.word(at) in _LISTED or Kind.NUMBER in tokens[at] for at in between)


def _contrasted(tokens: Tokens, names: Sequence[int], starts: Sequence[int]) -> bool:
    """Whether each section begins a clause of its own in one sentence: "verse in Am, chorus in C major", "a quiet verse
    and a loud chorus"."""
    joined = all(tokens.word(start - 1) in (",", ";", "and", ":") for start in starts[1:])
    says = any(set(tokens[at].readings) & _SAYING for at in range(starts[0], len(tokens)))
    return joined and says and tokens.sentences[names[0]] == tokens.sentences[names[-1]]


def _told_from(tokens: Tokens, names: Sequence[int]) -> list[int]:
    """Return for each name the token with which the words about its section begin, a joint such as "then" left out."""
    starts = []
    for before, at in zip((-1, *names), names, strict=False):
        first = at
        while first > before + 1 and tokens.word(first - 1) not in (_JOINTS if before < 0 else (*_JOINTS, "and")):
            first -= 1
        starts.append(first)
    return starts


def _name(tokens: Tokens, first: int, last: int) -> str | None:
    """Return the name of a section within a tag: "verse 2"."""
    for at in range(first, last):
        if Kind.SECTION in tokens[at]:
            number = tokens[at + 1].get(Kind.NUMBER) if at + 1 < last else None
            return f"{tokens[at][Kind.SECTION]} {number:g}" if number else tokens[at][Kind.SECTION]
    return None


def find_changes(tokens: Tokens) -> list[Change]:
    """Return the changes that prose speaks of, in order."""
    found: list[Change] = []
    for index, token in enumerate(tokens):
        if Kind.CHANGE in token and not _denied(tokens, index) and tokens.word(index + 1) != "by":
            found.append(Change(token[Kind.CHANGE], index, index + 1, None, **_where(tokens, index)))
        elif Kind.ENTER in token:
            player = _player_of(tokens, index)
            change = Change(
                "leave" if token[Kind.ENTER] == "leave" else "enter",
                index if player is None else min(player, index),
                index + 1 if player is None else max(player, index) + 1,
                player,
                **_where(tokens, index),
            )
            if player is not None and change.is_placed:
                found.append(change)
        elif Kind.SECTION in token and Kind.USUAL not in token and (begun := _begin(tokens, index)):
            bar, second = begun
            name = _name(tokens, index, index + 2)
            found.append(Change("section", index, index + 1, section=name, bar=bar, second=second))
        elif token.word in ("up", "down") and (end := _interval_end(tokens, index)):
            change = Change("modulate", index, end, **_where(tokens, end - 1))
            told = any(Kind.CHANGE in tokens[at] for at in range(*_clause(tokens, index)))  # "modulates up a tone"
            if change.is_placed and not told:
                found.append(change)
        elif any(kind in token for kind in _PLAYERS) and not _denied(tokens, index):
            at = index + 1
            while tokens.word(at) in _PARTS:
                at += 1
            bar, second = read_moment(tokens, at)
            place = float(tokens[at][Kind.PLACE]) if Kind.PLACE in tokens[at] else None
            if bar or second or place:  # "a guitar solo at bar 9", "strings in the second half"
                found.append(Change("enter", index, at, index, bar=bar, second=second, place=place))
            if (bar or second) and any(until := read_moment(tokens, _until(tokens, at))):
                found.append(Change("leave", index, at, index, bar=until[0], second=until[1]))
    known = {change.player for change in found}
    found += [change for change in _one_by_one(tokens) if change.player not in known]
    return sorted(found, key=lambda change: change.first)


def _begin(tokens: Tokens, index: int) -> tuple[int | None, float | None] | None:
    """Return the bar or second at which the text says that a section begins: "the drop comes at 0:20"."""
    at = index + 1 + (Kind.NUMBER in tokens[index + 1])
    while tokens.word(at) in _COMES or Kind.ENTER in tokens[at]:
        at += 1
    moment = read_moment(tokens, at)
    return moment if any(moment) and tokens.word(at) not in ("in", "by", "until") else None


def _until(tokens: Tokens, index: int) -> int:
    """Return the token that says until when: "from 0:10 to 0:20"; -1 if none does."""
    return next((at for at in range(index + 2, index + 5) if tokens.word(at) in ("to", "until", "till")), -1)


def _interval_end(tokens: Tokens, index: int) -> int | None:
    """Return the token behind the interval that follows "up" or "down": "up a tone", "down three semitones"."""
    at = tokens.ahead(index, ("a", "one", "by", "whole"))
    token = tokens[at]
    return at + 1 if "semitone" in (token.get(Kind.UNIT), token.get(Kind.QUANTITY, (0, ""))[1]) else None


def find_absences(tokens: Tokens, silent: Sequence[int]) -> list[Change]:
    """Return as changes those who are silent for a part of the piece alone: "the intro has no drums" lets them enter
    later, "no drums at the end" leave, "no drums until bar 5" enter there.

    Args:
        tokens: of a text that names no sections one after the other.
        silent: tokens of those who are named as silent.
    """
    found = []
    for index in silent:
        first, last = _clause(tokens, index)
        where = next(
            (
                moment
                for at in range(index, last)
                if tokens.word(at) == "until" and any(moment := read_moment(tokens, at))
            ),
            None,
        )
        names = {tokens[at][Kind.SECTION] for at in range(first, last) if Kind.SECTION in tokens[at]}
        places = [float(tokens[at][Kind.PLACE]) for at in range(first, last) if Kind.PLACE in tokens[at]]
        if where:
            found.append(Change("enter", index, index + 1, index, bar=where[0], second=where[1]))
        elif names == {"intro"}:
            found.append(Change("enter", index, index + 1, index, place=_AFTER_INTRO))
        elif names == {"outro"} or places:
            found.append(Change("leave", index, index + 1, index, place=places[0] if places else _OUTRO))
    return found


def _clause(tokens: Tokens, index: int) -> tuple[int, int]:
    """Return the tokens between the commas or ends of sentences around one."""
    first = next(at for at in range(index, -2, -1) if at < 0 or tokens.stops(at) or tokens.word(at) in (",", ";"))
    last = next(at for at in range(index, len(tokens) + 1) if tokens.stops(at) or tokens.word(at) in (",", ";"))
    return first + 1, last


def _one_by_one(tokens: Tokens) -> list[Change]:
    """Return the entries of those who come in their order ("first piano, then drums, then strings"): evenly, or where
    their clause says."""
    found: list[Change] = []
    turns = [at for at in range(len(tokens)) if tokens.word(at) == "then"]
    moments = turn_moments(tokens)
    for turn in turns:
        own = [at for at in turns if tokens.sentences[at] == tokens.sentences[turn]]
        earlier = range(tokens.sentences[turn], own[0])
        if not any(kind in tokens[at] for at in earlier for kind in _PLAYERS):
            continue
        end = next(at for at in range(turn + 1, len(tokens) + 1) if tokens.ends(at) or tokens.word(at) == "then")
        places = [float(tokens[at][Kind.PLACE]) for at in range(turn, end) if Kind.PLACE in tokens[at]]
        place = places[0] if places else (own.index(turn) + 1) / (len(own) + 1)
        players = [at for at in range(turn + 1, end) if any(kind in tokens[at] for kind in _PLAYERS)]
        where = moments.get(turn) or {"place": place}
        found += [Change("enter", turn, at + 1, at, **where) for at in players if not _denied(tokens, at)]
    return found


def turn_moments(tokens: Tokens) -> dict[int, dict[str, Any]]:
    """Return "then" -> when it comes, as arguments of `Change`, where the parts before it have a length."""
    found: dict[int, dict[str, Any]] = {}
    for parts in find_parts(tokens):
        for turn, moment in parts.moments().items():
            found[turn] = {"bar": int(moment) + 1} if parts.unit == "bars" else {"second": moment}
    return found


def _denied(tokens: Tokens, index: int) -> bool:
    return Kind.NEGATION in tokens[tokens.back(index, ("a", "any", "the"))]


def _player_of(tokens: Tokens, index: int) -> int | None:
    """Return the instrument that "enter" or "add" speaks of: before it, or after "add"."""
    adds = tokens[index][Kind.ENTER] == "add"
    near = range(index + 1, index + 4) if adds else range(index - 1, index - 4, -1)
    return next((at for at in near if any(kind in tokens[at] for kind in _PLAYERS)), None)


def _where(tokens: Tokens, index: int) -> dict[str, Any]:
    """Return where the words behind a change say that it happens, as arguments of `Change`."""
    for at in range(index + 1, min(index + _REACH, len(tokens))):
        if tokens.stops(at):
            break
        bar, second = read_moment(tokens, at)
        if bar or second:
            return {"bar": bar, "second": second}
        if Kind.PLACE in tokens[at]:
            return {"place": float(tokens[at][Kind.PLACE])}
        if Kind.SECTION in tokens[at] and tokens.word(tokens.back(at, ("the", "first", "second"))) in (
            "in",
            "at",
            "on",
            "for",
            "during",
            "with",
            "into",
            "by",
        ):
            return {"section": tokens[at][Kind.SECTION]}
    return {}
