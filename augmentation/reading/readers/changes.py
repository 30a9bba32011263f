"""Reader of changes within a piece, said in prose: "starts slow then speeds up", "modulates to A major",
"drums enter in the chorus", "the drop comes at 0:20".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from augmentation.reading.readers.moments import read_moment, read_span
from augmentation.reading.readers.parts import find_parts
from augmentation.reading.readers.sections import section_begins, section_name
from augmentation.reading.readers.tempo import is_tempo_step, step_down
from augmentation.reading.tokens import Kind, Tokens

# Between an instrument and "at bar 5".
_PARTS = ("solo", "part", "line", "riff", "lead", "melody", "only", "hits", "hit")
_REACH = 8  # tokens between "drums enter" and "the chorus"
_AFTER_INTRO, _OUTRO = 0.25, 0.75  # where in a piece an intro ends and an outro begins
_LAST = 0.75  # and the last of several sections of one name
_MIDDLE = 0.5
_PARTING = ("and", "then", "but", "while")
_JOINED = ("and", "&", "plus")
_TURN_BY_TURN = (("one", "by", "one"), ("one", "at", "a", "time"), ("one", "after", "another"),
                 ("one", "after", "the", "other"), ("layer", "by", "layer"))  # fmt: skip
_ANYONE = ("instrument", "instruments", "layer", "layers", "part", "parts", "element", "elements", "sound", "sounds",
           "voice", "player", "players", "loop", "loops")  # fmt: skip
_GRADUALLY = ("gradually", "slowly", "progressively", "successively", "more")
_NEW = ("new", "another", "an", "one", "more", "different", "adds", "adding", "add")


@dataclass(frozen=True)
class Change:
    """A change within the piece.

    Args:
        kind: "faster", "slower", "louder", "softer", "modulate", "half-time", "double-time", "enter", "leave",
            "section" where one begins, "layers" where one player after the other enters, "tempo step"; "alone" of who
            plays alone from there on, "mood" or "meter" (see `ends`).
        first, last: its tokens.
        player: for "enter" and "leave" the token of the instrument.
        section: name of the section where it happens, or which begins.
        place: the share of the piece where it happens; bar: the bar, from 1 on, or -2 for the last two; second: the
            second. At most one of these is known.
        every: bars after which it happens again; step: BPM by which a tempo goes up then.
        lasts: "bars" or "seconds" and their number, after which it is undone.
    """

    kind: str
    first: int
    last: int
    player: int | None = None
    section: str | None = None
    place: float | None = None
    bar: int | None = None
    second: float | None = None
    every: int | None = None
    lasts: tuple[str, float] | None = None
    step: float = 0.0

    @property
    def is_placed(self) -> bool:
        """Whether the text says where it happens."""
        return not (self.section is None and self.place is None and self.bar is None and self.second is None)


def find_changes(tokens: Tokens) -> list[Change]:
    """Return the changes that prose speaks of, in order."""
    found: list[Change] = []
    for index, token in enumerate(tokens):
        if Kind.CHANGE in token and not _denied(tokens, index) and tokens.word(index + 1) != "by":
            where, every = place_of(tokens, index) or _moment_before(tokens, index), _every(tokens, index)
            found.append(Change(token[Kind.CHANGE], index, index + 1, None, **where, every=every))
        elif Kind.ENTER in token:
            found += _entries(tokens, index)
        elif Kind.SECTION in token and Kind.USUAL not in token and (begun := section_begins(tokens, index)):
            bar, second = begun
            name = section_name(tokens, index, index + 2)
            found.append(Change("section", index, index + 1, section=name, bar=bar, second=second))
        elif token.word in ("up", "down", "higher", "lower") and (end := _interval_end(tokens, index)):
            where = place_of(tokens, end - 1) or _said_before(tokens, index)
            change = Change("modulate", index, end, **where, every=_every(tokens, index))
            told = any(Kind.CHANGE in tokens[at] for at in range(*_clause(tokens, index)))  # "modulates up a tone"
            if (change.is_placed or change.every) and not told:
                found.append(change)
        elif tokens.plays(index) and not _denied(tokens, index):
            at = index + 1
            while tokens.word(at) in _PARTS:
                at += 1
            if span := tokens[at + (tokens.word(at) == "(")].get(Kind.SPAN):  # "strings (0:10-0:20)"
                found += [Change(kind, index, at, index, second=when)
                          for kind, when in zip(("enter", "leave"), span, strict=True)]  # fmt: skip
                continue
            bar, second = read_moment(tokens, at)
            place = float(tokens[at][Kind.PLACE]) if Kind.PLACE in tokens[at] else None
            if bar or second or place:  # "a guitar solo at bar 9", "strings in the second half"
                found.append(Change("enter", index, at, index, bar=bar, second=second, place=place))
            if (bar or second) and any(until := read_moment(tokens, _until(tokens, at))):
                found.append(Change("leave", index, at, index, bar=until[0], second=until[1]))
    for more in (_at_moments, _one_by_one):
        known = {change.player for change in found}
        found += [change for change in more(tokens) if change.player not in known]
    found += _layers(tokens)
    if steps := _tempo_steps(tokens):  # "speeds up 5 bpm every four bars"
        found = [one for one in found if one.kind not in ("faster", "slower")] + steps
    return sorted(found, key=lambda change: change.first)


def _entries(tokens: Tokens, index: int) -> list[Change]:
    """Return who enters or leaves at a word for it, for some bars or for good."""
    kind = "leave" if tokens[index][Kind.ENTER] == "leave" else "enter"
    where = place_of(tokens, index) or _moment_before(tokens, index)
    span = read_span(tokens, index)
    if not where and span and kind == "leave":
        where = {"place": _MIDDLE}  # "the drums drop out for 2 bars"
    players = _players_of(tokens, index) if where else []
    return [Change(kind, min(player, index), max(player, index) + 1, player, **where, lasts=span) for player in players]


def _moment_before(tokens: Tokens, index: int) -> dict[str, Any]:
    """Return the bar or second that stands before what happens then: "After 8 bars add strings"."""
    first = _clause(tokens, index)[0]
    first = next((at + 1 for at in range(index - 1, first, -1) if tokens.word(at) in _PARTING), first)
    moments = (read_moment(tokens, at) for at in range(first, index))
    bar, second = next((moment for moment in moments if any(moment)), (None, None))
    return {"bar": bar, "second": second} if bar or second else {}


def _layers(tokens: Tokens) -> list[Change]:
    """Return that players enter one after the other, whoever they are: "one by one", "every 4 bars a new one"."""
    for index in range(len(tokens)):
        words = [tokens.word(at) for at in range(index, index + 4)]
        if any(words[: len(phrase)] == [*phrase] for phrase in _TURN_BY_TURN):
            clause = range(*_clause(tokens, index))
            if any(tokens.word(at) in _ANYONE or Kind.ENTER in tokens[at] for at in clause):
                return [Change("layers", index, index + 3, every=_every(tokens, tokens.sentences[index]))]
        if words[0] in _GRADUALLY and _adds_anyone(tokens, index):
            return [Change("layers", index, index + 1)]
        if words[0] in ("every", "each") and (every := _every(tokens, index - 1)) and _names_anyone(tokens, index):
            return [Change("layers", index, index + 2, every=every)]
    return []


def _tempo_steps(tokens: Tokens) -> list[Change]:
    """Return a tempo that goes up or down by steps: "increases by 10 bpm every 8 bars", "5 bpm slower every 4 bars"."""
    for index in range(len(tokens)):
        if is_tempo_step(tokens, index) and (every := _every(tokens, index)):
            number = tokens[index][Kind.QUANTITY][0]
            down = step_down(tokens, range(*_clause(tokens, index)))
            return [Change("tempo step", index, index + 1, every=every, step=-number if down else number)]
    return []


def _adds_anyone(tokens: Tokens, index: int) -> bool:
    """Whether a clause says that instruments come in, whichever: "gradually add instruments"."""
    clause = range(*_clause(tokens, index))
    comes = any(tokens[at].get(Kind.ENTER) in ("add", "enter") or tokens.word(at) == "added" for at in clause)
    return comes and any(tokens.word(at) in _ANYONE and tokens.word(at).endswith("s") for at in clause)


def _names_anyone(tokens: Tokens, index: int) -> bool:
    """Whether a clause speaks of an instrument, whichever: "a new instrument every 4 bars"."""
    clause = range(*_clause(tokens, index))
    return any(tokens.word(at) in _ANYONE and tokens.word(at - 1) in _NEW for at in clause)


def _said_before(tokens: Tokens, index: int) -> dict[str, Any]:
    """Return where the words before a change say that it happens: "last chorus a half step higher"."""
    for at in range(_clause(tokens, index)[0], index):
        if Kind.SECTION in tokens[at]:
            last = tokens.word(at - 1) in ("last", "final")
            return {"place": _LAST} if last else {"section": tokens[at][Kind.SECTION]}
    return {}


def _every(tokens: Tokens, index: int) -> int | None:
    """Return the bars of "every 4 bars" behind a change."""
    for at in range(index + 1, min(index + _REACH, len(tokens))):
        number, unit = tokens[at].get(Kind.QUANTITY, (1.0, tokens[at].get(Kind.UNIT)))
        if tokens.word(at - 1) in ("every", "each") and unit == "bar" and number >= 1:
            return int(number)
        if tokens.stops(at):
            break
    return None


def _until(tokens: Tokens, index: int) -> int:
    """Return the token that says until when: "from 0:10 to 0:20"; -1 if none does."""
    return next((at for at in range(index + 2, index + 5) if tokens.word(at) in ("to", "until", "till")), -1)


def _interval_end(tokens: Tokens, index: int) -> int | None:
    """Return the token behind the interval beside a direction: "up a tone", "three semitones lower"."""
    behind = tokens.word(index) in ("higher", "lower")
    at = index - 1 if behind else tokens.ahead(index, ("a", "one", "by", "whole"))
    unit = tokens[at].get(Kind.UNIT), tokens[at].get(Kind.QUANTITY, (0, ""))[1]
    return max(at, index) + 1 if "semitone" in unit else None


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
        ends = (read_moment(tokens, at) for at in range(index, last) if tokens.word(at) == "until")
        where = next((moment for moment in ends if any(moment)), _behind_first(tokens, index, last))
        until = next((at for at in range(index, last) if tokens.word(at) == "until"), None)
        name = tokens.ahead(until, ("the", "first", "second")) if until is not None else 0
        if until is not None and Kind.SECTION in tokens[name]:  # "no drums until the chorus"
            found.append(Change("enter", index, index + 1, index, section=tokens[name][Kind.SECTION]))
            continue
        names = {tokens[at][Kind.SECTION] for at in range(first, last) if Kind.SECTION in tokens[at]}
        places = [float(tokens[at][Kind.PLACE]) for at in range(first, last) if Kind.PLACE in tokens[at]]
        if where:
            found.append(Change("enter", index, index + 1, index, bar=where[0], second=where[1]))
        elif names == {"intro"}:
            found.append(Change("enter", index, index + 1, index, place=_AFTER_INTRO))
        elif names == {"outro"} or places:
            found.append(Change("leave", index, index + 1, index, place=places[0] if places else _OUTRO))
    return found


def _behind_first(tokens: Tokens, index: int, last: int) -> tuple[int | None, float | None] | None:
    """Return the bar or second behind "for the first 16 bars"; None if nothing says so."""
    for at in range(index + 1, last):
        number, unit = tokens[at].get(Kind.QUANTITY, (0.0, ""))
        if tokens.word(at - 1) == "first" and unit in ("bar", "second") and number >= 1:
            return (int(number) + 1, None) if unit == "bar" else (None, number)
    return None


def _clause(tokens: Tokens, index: int) -> tuple[int, int]:
    """Return the tokens between the commas or ends of sentences around one."""
    first = next(at for at in range(index, -2, -1) if at < 0 or tokens.stops(at) or tokens.word(at) in (",", ";"))
    last = next(at for at in range(index, len(tokens) + 1) if tokens.stops(at) or tokens.word(at) in (",", ";"))
    return first + 1, last


def _at_moments(tokens: Tokens) -> list[Change]:
    """Return the entries of those who stand behind a moment: "piano, at 0:15 strings, then at 0:30 drums and bass"."""
    found: list[Change] = []
    for index in range(len(tokens)):
        bar, second = read_moment(tokens, index)
        begins = tokens.ends(index - 1) or tokens.word(index - 1) in (*_PARTING, "finally")
        if not (begins and (bar or second) and tokens.word(index) in ("at", "after", "from")):
            continue
        first, last = _clause(tokens, index)
        players = [at for at in range(index, last) if tokens.plays(at) and not _denied(tokens, at)]
        said = any(Kind.ENTER in tokens[at] or Kind.CHANGE in tokens[at] for at in range(first, last))
        others = (at for at in range(len(tokens)) if not index <= at < last)
        if players and not said and any(tokens.plays(at) or Kind.STYLE in tokens[at] for at in others):
            found += [Change("enter", index, at + 1, at, bar=bar, second=second) for at in players]
    return found


def _one_by_one(tokens: Tokens) -> list[Change]:
    """Return the entries of those who come in their order ("first piano, then drums, then strings"): evenly, or where
    their clause says."""
    found: list[Change] = []
    turns = [at for at in range(len(tokens)) if tokens.word(at) == "then"]
    moments = turn_moments(tokens)
    for turn in turns:
        own = [at for at in turns if tokens.sentences[at] == tokens.sentences[turn]]
        earlier = range(tokens.sentences[turn], own[0])
        if not any(tokens.plays(at) for at in earlier):
            continue
        end = next(at for at in range(turn + 1, len(tokens) + 1) if tokens.ends(at) or tokens.word(at) == "then")
        places = [float(tokens[at][Kind.PLACE]) for at in range(turn, end) if Kind.PLACE in tokens[at]]
        place = places[0] if places else (own.index(turn) + 1) / (len(own) + 1)
        players = [at for at in range(turn + 1, end) if tokens.plays(at)]
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


def _players_of(tokens: Tokens, index: int) -> list[int]:
    """Return the instruments that "enter" or "add" speaks of, before it or after "add", in their order.

    Of "piano, guitar and drums enter" all three, of "with a guitar, drums enter" the drums.
    """
    adds = tokens[index][Kind.ENTER] == "add"
    near, step = (range(index + 1, index + 4), 1) if adds else (range(index - 1, index - 4, -1), -1)
    nearest = next((at for at in near if tokens.plays(at)), None)
    if nearest is None:
        return []
    found, chained = [nearest], False
    while tokens.plays(found[-1] + 2 * step):
        joint = tokens.word(found[-1] + step)
        chained = chained or joint in _JOINED
        if joint not in _JOINED and not (joint == "," and (chained or adds)):
            break
        found.append(found[-1] + 2 * step)
    return sorted(found)


def place_of(tokens: Tokens, index: int) -> dict[str, Any]:
    """Return where the words behind a change say that it happens, as arguments of `Change`."""
    for at in range(index + 1, min(index + _REACH, len(tokens))):
        if tokens.stops(at) or tokens.word(at) == "then" or Kind.ENTER in tokens[at]:
            break  # what follows happens to somebody else
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
