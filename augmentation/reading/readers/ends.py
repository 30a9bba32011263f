"""Reader of what a piece begins and ends with, and of what it turns into: "starts with piano alone, then bass and drums
enter, ends with piano alone", "starts in A minor and ends in A major", "a sad piano that turns happy", "changes to 3/4"
"""

from __future__ import annotations

from collections.abc import Sequence

from augmentation.reading.readers.changes import Change, place_of
from augmentation.reading.readers.statement import Statement
from augmentation.reading.tokens import Kind, Tokens

ALONE = "alone"  # kind of the change from or until which nobody else plays
_STARTS = ("start", "starts", "starting", "opens", "opening", "begins", "begin", "beginning")
_ENDS = ("end", "ends", "ending", "finishes", "finish", "finishing", "closes", "closing", "concludes", "resolves")
_TURNS = ("turns", "turn", "turning", "becomes", "become", "becoming", "gets", "getting", "grows", "growing", "shifts",
          "shifting", "then", "into", *_ENDS)  # fmt: skip
_TO = ("with", "on", "off", "only", "just", "out", "by")  # behind "starts"
_HITS = ("fill", "fills", "roll", "rolls", "hit", "hits", "crash", "break", "pickup", "bang", "stab")
_GOES = ("changes", "changing", "change", "switches", "switching", "switch", "moves", "moving", "move", "goes", "going",
         "shifts", "shifting", "turns", "turning", "becomes")  # fmt: skip
_ONWARD = ("then", "to", "into", "becomes", *_ENDS)
_BETWEEN = ("a", "an", "the", "in", "back", "over", "it", "is", "key", "of", "with")
_LATE = 0.75  # where in a piece its end begins
_HALF = 0.5


def find_ends(tokens: Tokens) -> list[Change]:
    """Return as changes who plays alone at the beginning and at the end, and a key and a mood that come last."""
    found: list[Change] = []
    for index, token in enumerate(tokens):
        if token.word in (*_STARTS, *_ENDS) and tokens.word(index + 1) in _TO:
            place = 0.0 if token.word in _STARTS else _LATE
            found += [Change(ALONE, index, at + 1, at, place=place) for at in _played(tokens, index + 2)]
        elif token.word in _ENDS and tokens.word(index + 1) in ("in", "on"):
            at = tokens.ahead(index + 1, ("the", "key", "of"))
            if _names_key(tokens, at) and any(_names_key(tokens, one) for one in _before(tokens, index)):
                found.append(Change("modulate", index, at + 1, place=_LATE))
        elif mode_of(tokens, index) and (first := _turned_from(tokens, index)) is not None:
            found.append(Change("mood", first, index + 1, place=_HALF))
    return found


def _before(tokens: Tokens, index: int) -> range:
    """Return the tokens of the sentence before one."""
    return range(tokens.sentences[index], index)


def _played(tokens: Tokens, first: int) -> list[int]:
    """Return the instruments of a list that begins within a clause: "piano and strings"; none that only hit once."""
    end = next(at for at in range(first, len(tokens) + 1) if tokens.ends(at) or tokens.word(at) == "then")
    found = [at for at in range(first, end) if tokens.plays(at)]
    brief = any(tokens.word(at).rsplit(" ", 1)[-1] in _HITS for at in range(first, end))
    return [] if brief or any(Kind.NEGATION in tokens[at] for at in range(first, end)) else found


def brief_players(tokens: Tokens) -> list[int]:
    """Return the instruments that only hit once, at the end or the beginning: "ends with a big orchestral hit"."""
    found = []
    for index, token in enumerate(tokens):
        if token.word in (*_STARTS, *_ENDS) and tokens.word(index + 1) in _TO:
            end = next(at for at in range(index + 2, len(tokens) + 1) if tokens.ends(at) or tokens.word(at) == "then")
            brief = any(tokens.word(at).rsplit(" ", 1)[-1] in _HITS for at in range(index + 2, end))
            found += [at for at in range(index + 2, end) if brief and tokens.plays(at)]
    return found


def _names_key(tokens: Tokens, at: int) -> bool:
    return Kind.KEY in tokens[at] or (Kind.CHORD in tokens[at] and tokens.word(at - 1) == "in")


def mode_of(tokens: Tokens, index: int) -> str | None:
    """Return the mode of a mood, or one that is named: "happy", "major"."""
    token = tokens[index]
    return token[Kind.MOOD].mode if Kind.MOOD in token else token.get(Kind.MODE)


def _turned_from(tokens: Tokens, index: int) -> int | None:
    """Return the token of the word for the turn, if a mood of the other mode stands before it in the sentence."""
    mode = mode_of(tokens, index)
    for at in reversed(_before(tokens, index)):
        onward = tokens.word(at) == "to" and any(tokens.word(one) == "from" for one in _before(tokens, at))
        if tokens.word(at) in _TURNS or onward:
            other = any(mode_of(tokens, one) not in (None, mode) for one in _before(tokens, at))
            return at if other else None
        if any(kind in tokens[at] for kind in (Kind.PUNCT, Kind.SECTION)):
            return None
    return None


def find_turns(tokens: Tokens, meters: Sequence[Statement], keys: Sequence[Statement]) -> list[Change]:
    """Return as changes a metre that another one follows, or to which the text says that the piece changes, and the
    second of two keys: "starts in 4/4 and changes to 3/4", "in C major, then A minor"."""
    found = []
    for number, one in enumerate(meters):
        to = tokens.back(one.first, _BETWEEN)
        goes = tokens.word(to) in ("to", "into", "becomes")
        goes = goes and tokens.word(tokens.back(to, _BETWEEN) if tokens.word(to) != "becomes" else to) in _GOES
        before = meters[number - 1] if number else None
        if goes or (before is not None and before.value != one.value and _follows(tokens, before, one)):
            where = place_of(tokens, one.last - 1)
            found.append(Change("meter", one.first, one.last, **(where or {"place": _HALF})))
    told = {tokens.sentences[at] for at, token in enumerate(tokens) if token.get(Kind.CHANGE) == "modulate"}
    plain = [one for one in keys if one.rank <= 3 and tokens.sentences[one.first] not in told]
    if len(plain) == 2:
        before, one = plain
        if before.value != one.value and _follows(tokens, before, one) and tokens.word(one.first - 1) not in _ENDS:
            found.append(Change("modulate", before.last, one.last, place=_HALF))
    return found


def _follows(tokens: Tokens, before: Statement, one: Statement) -> bool:
    """Whether a sentence says that one statement comes after another."""
    between = range(before.last, one.first)
    return not any(tokens.stops(at) for at in between) and any(tokens.word(at) in _ONWARD for at in between)
