"""Reader of parts that clauses tell, where a text names no form: one section alone ("pop in C, chorus in Eb", "120 bpm
in the chorus"), styles that follow each other ("jazz turning into metal"), parts with a length each ("30 seconds of
ambient, 1 minute of techno").
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType

from augmentation.reading.readers.moments import read_moment
from augmentation.reading.readers.sections import Tagged, section_begins
from augmentation.reading.tokens import PLAYERS, Kind, Tokens

# Which section comes before one that is named alone, and which behind one that opens a piece.
BEFORE = MappingProxyType({"chorus": "verse", "pre-chorus": "verse",
                           "drop": "build-up", "bridge": "verse", "outro": "verse", "solo": "verse",
                           "breakdown": "verse", "hook": "verse", "second half": "first half"})  # fmt: skip
AFTER = MappingProxyType({"intro": "verse", "theme": "solo", "verse": "chorus",
                          "build-up": "drop", "first half": "second half"})  # fmt: skip
ORDER = ("first half", "intro", "theme", "verse", "pre-chorus", "build-up", "hook", "chorus", "drop", "episode",
         "solo", "instrumental", "bridge", "breakdown", "second half", "outro")  # fmt: skip
_ENDS = (",", ";", ":", "|", ".", "\n", "!", "?", "")
_OPENERS = ("then", "and", "the", "a", "an", "about", "first", "next", "another", "last", "with", "but", "each",
            "every", "for", "while", "whole")  # fmt: skip
_SWITCHES = ("switches", "switch", "switching", "changes", "change", "changing", "moves", "turns")
_WITHIN = ("in", "during", "for", "throughout", "at", "on")
_ONWARD = ("then", "into", "becomes", "become", "becoming", "turns", "ends", "ending", "to")
_VERBS = ("is", "has", "have", "goes", "plays", "in", "with", "without", "at", "should", "only", "just", "modulates",
          "gets", "becomes", "slows", "speeds", "changes", "uses", "features")  # fmt: skip
_FEEL_CHANGES = ("half-time", "double-time")  # which hold throughout a section
_LENGTHS = ("second", "minute", "bar")
_SAYS = (Kind.KEY, Kind.MODE, Kind.PACE, Kind.ENERGY, Kind.MOOD, Kind.SIGNATURE)  # what a section may have of its own
_FEELS = (*_SAYS, Kind.STYLE)
Clause = tuple[int, int]


def find_clauses(tokens: Tokens) -> list[Tagged]:
    """Return the parts that a text tells clause by clause, in their order; none if it tells none."""
    if any(Kind.SECTION in token for token in tokens):
        return _alone(tokens)
    return _timed(tokens) or _turned(tokens)


def _clauses(tokens: Tokens, joints: Collection[str]) -> list[Clause]:
    """Return the tokens between commas, ends of sentences and other joints."""
    found: list[Clause] = []
    first = 0
    for index in range(len(tokens) + 1):
        if (Kind.PUNCT in tokens[index] and tokens.word(index) in _ENDS) or tokens.word(index) in joints:
            if index > first:
                found.append((first, index))
            first = index + 1
    return found


def _tagged(tokens: Tokens, name: str, clause: Clause, alone: bool = False) -> Tagged:
    words = tokens.span(*clause).strip()
    return Tagged(name, words, words, tokens[clause[0]].start, tokens[clause[1] - 1].end, True, alone)


def _says(tokens: Tokens, clause: Clause, kinds: Sequence[Kind]) -> bool:
    return any(kind in tokens[at] for at in range(*clause) for kind in kinds)


# --- one section, or several in no order


def _alone(tokens: Tokens) -> list[Tagged]:
    """Read clauses that say something of a section by name, with the one that comes before it or behind."""
    found: list[Tagged] = []
    clauses: list[Clause] = []
    for clause in _clauses(tokens, ("and", "but", "then")):
        if clauses and _goes_on(tokens, clauses[-1], clause):
            clauses[-1] = (clauses[-1][0], clause[1])
        else:
            clauses.append(clause)
    for clause in clauses:
        named = [at for at in range(*clause) if Kind.SECTION in tokens[at] and tokens[at][Kind.SECTION] in ORDER]
        if len(named) == 1 and _is_said_of(tokens, clause, named[0]):
            found.append(_tagged(tokens, tokens[named[0]][Kind.SECTION], clause, True))
    names = list(dict.fromkeys(one.name for one in found))
    if len(names) != len(found):
        return []
    first = min(names, key=ORDER.index, default="")
    other = BEFORE.get(first) or (AFTER.get(first) if len(names) == 1 else None)
    if other:
        found.append(Tagged(other, "", "", found[0].start, found[0].start, True, True))
    return sorted(found, key=lambda one: ORDER.index(one.name))


def _goes_on(tokens: Tokens, before: Clause, clause: Clause) -> bool:
    """Whether a clause says more of what the one before it is about: "the bridge is slow and has only piano"."""
    joined = before[1] == clause[0] - 1 and tokens.word(before[1]) in ("and", "but")
    return joined and tokens.word(clause[0]) in _VERBS and not _says(tokens, clause, (Kind.SECTION,))


def _is_said_of(tokens: Tokens, clause: Clause, name: int) -> bool:
    """Whether a clause says how a section is: "the chorus is in Eb", "120 bpm in the chorus"."""
    first = clause[0]
    while first < name and (tokens.word(first) in _OPENERS or any(kind in tokens[first] for kind in _SAYS)):
        first += 1
    if tokens.plays(name) or section_begins(tokens, name) or _moved(tokens, clause):
        return False
    behind = (name + 1, clause[1])
    if first == name and tokens.word(clause[0] - 1) == "then":
        return True  # "a riff, then a breakdown at half speed"
    if first == name and (tokens.word(name + 1) in _VERBS or Kind.NEGATION in tokens[name + 1]):
        return _says(tokens, behind, _SAYS) or _tells(tokens, behind) or _says(tokens, behind, PLAYERS)
    joint = tokens.back(name, ("the", "each", "every", "last", "first"))
    before = (clause[0], joint)
    if (
        tokens.word(joint) in _WITHIN
        and name + 1 == clause[1]
        and all(tokens.word(at) not in _SWITCHES for at in range(*before))
    ):
        chords = any(Kind.CHORD in tokens[at] for at in range(*before))  # "Am for the verse"
        return (chords or _says(tokens, before, _SAYS) or _tells(tokens, before)) and not _says(tokens, before, PLAYERS)
    return False


def _moved(tokens: Tokens, clause: Clause) -> bool:
    """Whether a clause tells of a change, or of when something happens."""
    return any(
        tokens[at].get(Kind.CHANGE, _FEEL_CHANGES[0]) not in _FEEL_CHANGES
        or Kind.ENTER in tokens[at]
        or Kind.PLACE in tokens[at]
        or any(read_moment(tokens, at))
        for at in range(*clause)
    )


def _tells(tokens: Tokens, clause: Clause) -> bool:
    """Whether a clause names a tempo, or a length in bars, or a key in one letter ("in C")."""
    for at in range(*clause):
        unit = tokens[at].get(Kind.QUANTITY, (0, ""))[1]
        if unit in ("bpm", "bar") or (Kind.CHORD in tokens[at] and tokens.word(at - 1) in ("in", "to", ":")):
            return True
        if tokens.word(at) in ("relative", "parallel") or Kind.CHANGE in tokens[at]:
            return True
    return False


# --- parts in their order


def find_clocked(tokens: Tokens) -> list[Tagged]:
    """Read parts that begin with their times: "0:00 piano, 0:10 strings enter, 0:30 everyone"."""
    clauses = [clause for clause in _clauses(tokens, ("then", "[", "(")) if Kind.CLOCK in tokens[clause[0]]]
    times = [tokens[first][Kind.CLOCK] for first, _ in clauses]
    if len(times) < 2 or times[0] != 0 or any(one >= other for one, other in pairwise(times)):
        return []
    lasting = [*(other - one for one, other in pairwise(times)), None]
    found = []
    for number, ((first, last), seconds) in enumerate(zip(clauses, lasting, strict=True), 1):
        told = tokens.ahead(first, ("-", ":", "]", ")"))
        named = next((tokens[at][Kind.SECTION] for at in range(told, last) if Kind.SECTION in tokens[at]), None)
        if told < last:
            part = _tagged(tokens, named or f"part {number}", (told, last))
            found.append(replace(part, start=tokens[first].start, seconds=seconds))
    return found


def _timed(tokens: Tokens) -> list[Tagged]:
    """Read parts in a row that all have a length, or are the rest: "30 seconds of ambient, 1 minute of techno"."""
    runs: list[list[Clause]] = [[]]
    for clause in _clauses(tokens, ("then",)):
        told = _says(tokens, clause, _FEELS) or _says(tokens, clause, PLAYERS)
        rest = bool(runs[-1]) and "rest" in (tokens.word(clause[0]), tokens.word(clause[0] + 1))
        if told and (rest or _lasts(tokens, clause)):
            runs[-1].append(clause)
        elif runs[-1]:
            runs.append([])
    run = max(runs, key=len)
    told = all(_says(tokens, clause, _FEELS) for clause in run)
    ordered = any(tokens.word(at) == "then" for clause in run for at in (clause[0] - 1, clause[1]))
    if len(run) < 2 or (ordered and not told):  # "4 bars of drums, then bass for 8 bars": who comes then joins
        return []
    return [_tagged(tokens, f"part {number}", clause) for number, clause in enumerate(run, 1)]


def _lasts(tokens: Tokens, clause: Clause) -> bool:
    """Whether a clause begins or ends with a length: "8 bars of drums", "jazz for 20 seconds"."""
    first = clause[0]
    while tokens.word(first) in _OPENERS:
        first += 1
    ends = clause[1] - 1, tokens.word(clause[1] - 2) == "for"
    return any(
        tokens[at].get(Kind.QUANTITY, (0, ""))[1] in _LENGTHS and allowed and Kind.DECADE not in tokens[at]
        for at, allowed in ((first, first < clause[1] - 1), ends)
    )


def _turned(tokens: Tokens) -> list[Tagged]:
    """Read a style that another follows: "bossa nova turning into samba", "from jazz to metal"."""
    styles = [at for at, token in enumerate(tokens) if Kind.STYLE in token and not tokens.plays(at)]
    for one, other in pairwise(styles):
        turns = [at for at in range(one + 1, other) if tokens.word(at) in _ONWARD]
        if not turns or tokens[one][Kind.STYLE].style == tokens[other][Kind.STYLE].style:
            continue
        leads = tokens.word(turns[-1]) != "to" or any(tokens.word(at) == "from" for at in range(one))
        if not leads or any(tokens.stops(at) for at in range(one, other)):
            continue
        first = next(at for at in range(one, -2, -1) if Kind.PUNCT in tokens[at] and tokens.word(at) != "-") + 1
        last = next(at for at in range(other, len(tokens) + 1) if tokens.ends(at) and tokens.word(at) != "-")
        return [
            _tagged(tokens, "first part", (first, turns[0])),
            _tagged(tokens, "second part", (turns[-1] + 1, last)),
        ]
    return []
