"""Reader of form: sections that a text marks ("[intro 4 bars] soft piano [verse] add bass") or tells in their order
("a quiet intro, then a loud chorus").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

from augmentation.reading.readers.moments import read_moment
from augmentation.reading.readers.within import find_within
from augmentation.reading.tokens import PLAYERS, Kind, Tokens

_LONGEST_TAG = 24  # tokens within brackets
_FORM = re.compile("A[A-D]{2,7}")
_LETTERS = MappingProxyType({"A": "verse", "B": "chorus", "C": "bridge", "D": "breakdown"})
_BROADWAY, _ITS_LETTERS = "AABA", MappingProxyType({"A": "theme", "B": "bridge"})
_COMES = ("comes", "starts", "begins", "come", "hits", "lands", "arrives", "is", "drops", "should", "must", "exactly",
          "right", "that")  # fmt: skip
_OPEN, _CLOSE = "([{<", ")]}>"
_ORDER = ("then", "followed", "into", "finally", "ends", "ending", "starts", "opens", "begins", "before", "leads")
_JOINTS = (*_ORDER, ",", ";", ":", ".", "\n", "with", "by")  # where what is said of a section begins
_LISTED = (",", "and", "-", ">", "/", "|", "then", "twice", "last", "final", "first", "second", "third",
           "one", "more", "another", "again", "a", "an", "the", "big", "\u2192", "+", "&")  # fmt: skip
_DETERMINERS = ("the", "a", "an", "first", "second", "third", "last", "final")
_LATER = ("chorus", "bridge", "solo", "breakdown")  # sections that no piece begins with
_LENGTHS = ("second", "minute", "bar")
_ABOUT_LENGTH = ("long", "total", "in", "all", "altogether", "about", "around")
_MOST_TIMES = 8
_VAGUE = ("part", "instrumental")
_EACH, _SECTIONS = ("each", "every", "both", "all"), ("section", "sections", "part", "parts")
_FEWEST_SHARED = 4  # bars that each section lasts, and not each of its chords
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_WITHIN = ("in", "at", "on", "for", "during", "until", "after")  # "in the chorus" tells when, not what comes next
_SAYING = frozenset(
    (
        Kind.KEY,
        Kind.MODE,
        Kind.PACE,
        Kind.CHORD,
        Kind.ENERGY,
        Kind.MOOD,
        Kind.STYLE,
        Kind.SIGNATURE,
        Kind.QUANTITY,
        *PLAYERS,
    )
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
        alone: whether it is named for what is said of it, in no order.
        seconds: how long it lasts, if its time and the next one's say it.
    """

    name: str
    text: str
    body: str
    start: int
    end: int
    told: bool = False
    alone: bool = False
    seconds: float | None = None


def shared_length(tokens: Tokens) -> tuple[int, int] | None:
    """Return the tokens of what the text says, behind two sections or more, that each of them lasts: "verse, chorus,
    bridge, 4 bars each", "each section is 8 bars". Of chords in them fewer bars are said ("two bars each")."""
    names = [at for at, token in enumerate(tokens) if Kind.SECTION in token and token[Kind.SECTION] not in _VAGUE]
    if len(names) < 2:
        return None
    fewest = _FEWEST_SHARED if any(Kind.CHORD in token for token in tokens) else 1
    for index in range(names[1] + 1, len(tokens)):
        number, unit = tokens[index].get(Kind.QUANTITY, (0.0, ""))
        if unit != "bar" or number < fewest:
            continue
        before = tokens.back(index, ("is", "are", "lasts", "being", "has", "with", ",", ":", "of"))
        first = before - (tokens.word(before) in _SECTIONS)
        each = tokens.word(first) in _EACH and (first < before or tokens.word(first) != "every")
        if each and tokens.word(index + 1) != "of":  # "every 4 bars" says when something happens
            return first, index + 1
        behind = tokens.ahead(index, ("per", "for", "a"))
        if tokens.word(index + 1) in ("each", "apiece"):
            return index, index + 2 + (tokens.word(index + 2) in _SECTIONS)
        if behind > index + 1 and tokens.word(tokens.ahead(behind - 1, _EACH)) in _SECTIONS:
            return index, tokens.ahead(behind - 1, _EACH) + 1
    return None


def _sharing(tokens: Tokens, found: list[Tagged]) -> list[Tagged]:
    """Return sections with the length that the text says of each of them, where they say none of their own."""
    shared = shared_length(tokens)
    own = sum(token.get(Kind.QUANTITY, (0, ""))[1] in _LENGTHS for token in tokens) > 1
    if shared is None or own or len(found) < 2:
        return found
    length = next(token.text for token in tokens[slice(*shared)] if Kind.QUANTITY in token)
    start, words = tokens[shared[0]].start, tokens.span(*shared)
    kept = []
    for one in found:
        body, text = (said.replace(words, "").strip(" ,;") for said in (one.body, one.text))
        end = one.end if one.start > start else min(one.end, start)
        kept.append(replace(one, text=f"{length}. {text}", body=body, end=end))
    return kept


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
            name = section_name(tokens, index + 1, close) if close else None
            if close and name:
                heads.append((index, close + 1, name))
                square = square or token.text == "["
        elif Kind.SECTION in token and (index == 0 or tokens.stops(index - 1) or tokens.word(index - 1) == ","):
            colon = _heading_end(tokens, index)
            if tokens.word(colon) == ":":
                heads.append((index, colon + 1, section_name(tokens, index, colon) or token[Kind.SECTION]))
    if not square and len(heads) < 2:
        return []
    ends = [head[0] for head in heads[1:]] + [len(tokens)]
    found = []
    for (first, after, name), end in zip(heads, ends, strict=True):
        body, tag = tokens.span(after, end).strip(" ,;\n"), tokens.span(first, after).strip("([{<>}]) :")
        found.append(Tagged(name, f"{tag}. {body}", body, tokens[first].start, tokens[end - 1].end))
    return _sharing(tokens, found)


def _heading_end(tokens: Tokens, index: int) -> int:
    """Return the token behind the name of a section, its number and its length: "Verse 2 (8 bars)"."""
    at = index + 1 + (Kind.NUMBER in tokens[index + 1] or tokens[index + 1].text in _LETTERS)
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
    names = [at for at, token in enumerate(tokens) if Kind.SECTION in token]
    names = [at for at in names if tokens[at][Kind.SECTION] not in _VAGUE or _part_id(tokens, at)]
    names = [at for at in names if tokens.word(tokens.back(at, _DETERMINERS)) not in _WITHIN]
    names = [at for at in names if Kind.USUAL not in tokens[at] or read_moment(tokens, at + 1) == (None, None)]
    names = [at for at in names if Kind.NEGATION not in tokens[tokens.back(at, (*_DETERMINERS, "any"))]]
    starts = _told_from(tokens, names)
    if len(names) < 2 or all(section_begins(tokens, at) for at in names):
        return []
    if not any(tokens.word(at) in _ORDER for at in range(starts[0] - 2, names[-1])) and not (
        _listed(tokens, names) or _contrasted(tokens, names, starts)
    ):
        return []
    last = _before_chords(tokens, starts[0], names[-1], _before_length(tokens, starts[0], names[-1]))
    last = min([last, *(one.first for one in find_within(tokens) if one.first > names[-1])])
    runs: list[list[Tagged]] = []
    for at, first, end in zip(names, starts, [*starts[1:], last], strict=True):
        while tokens.word(end - 1) in (*_JOINTS, "and", "it", "that") and end > at + 1:
            end -= 1
        words = tokens.span(first, end).strip(" ,;:.\n")
        name = section_name(tokens, at, at + 2) or ""
        told = Tagged(name, words, words, tokens[first].start, tokens[end - 1].end, True)
        run = [told] * _times(tokens, at)
        turns = runs and Kind.NUMBER in tokens[at - 1] and 1 < len(run) == len(runs[-1])
        if turns and Kind.NUMBER in tokens[names[names.index(at) - 1] - 1]:  # "two verses, two choruses" take turns
            runs[-1] = [one for pair in zip(runs[-1], run, strict=True) for one in pair]
        else:
            runs.append(run)
    found = [told for run in runs for told in run]
    # "a drop, with a build-up of 8 bars first"
    return _sharing(tokens, sorted(found, key=lambda told: not told.text.endswith(" first")))


def _times(tokens: Tokens, index: int) -> int:
    """Return how often a section is told: "two verses", "chorus x2", "chorus twice"."""
    counted = tokens[index - 1].get(Kind.NUMBER, 1) if tokens.word(index).endswith("s") else 1
    behind = tokens[index + 1].get(Kind.QUANTITY, (counted, "other"))  # "repeat the chorus three times"
    times = behind[0] if tokens.word(index + 1).endswith(" times") else counted
    counted = tokens[index + 1].get(Kind.REPEAT, 2 if tokens.word(index + 1) == "twice" else times)
    return int(counted) if 1 <= counted <= _MOST_TIMES else 1


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
        plain = len(token.text) > 3 and token.text != "ABBA"  # "32 bar AABA jazz standard"
        if form and "B" in token.text and (called or alone or plain):
            names = _ITS_LETTERS if token.text == _BROADWAY else _LETTERS
            each = next((tokens[at].text for at in range(len(tokens)) if _is_each(tokens, at)), "")
            return [Tagged(names[letter], each, "", token.start, token.end, True) for letter in token.text]
    return _letters_apart(tokens) or _letters_with_bars(tokens)


def _letters_apart(tokens: Tokens) -> list[Tagged]:
    """Return the sections of "form: A A B A", which are no chords where a word says what they are."""
    called = any(token.word in ("form", "structure", "sections") for token in tokens)
    for first in range(len(tokens) if called else 0):
        last = first
        while tokens[last].text in _LETTERS or (last > first and tokens.word(last) in (",", "-")):
            last += 1
        letters = [tokens[at].text for at in range(first, last) if tokens[at].text in _LETTERS]
        if len(letters) > 2 and len(set(letters)) > 1:
            bars = next((token.text for token in tokens if token.get(Kind.QUANTITY, (0, ""))[1] == "bar"), "")
            names = _ITS_LETTERS if "".join(letters) == _BROADWAY else _LETTERS
            span = tokens[first].start, tokens[last - 1].end
            return [Tagged(names[letter], bars, "", *span, True) for letter in letters]
    return []


def _letters_with_bars(tokens: Tokens) -> list[Tagged]:
    """Return the sections of "intro 4 bars, A 8 bars, A 8 bars, B 8 bars": at least three, of which two are alike."""
    found: list[Tagged] = []
    for index, token in enumerate(tokens):
        bars = index + 1 + (tokens.word(index + 1) in ("(", ":", "="))
        if tokens[bars].get(Kind.QUANTITY, (0, ""))[1] != "bar" or not (index == 0 or tokens.ends(index - 1)):
            continue
        name = token.get(Kind.SECTION) or _LETTERS.get(token.text)
        if name:
            words = tokens.span(index, bars + 1)
            found.append(Tagged(name, tokens[bars].text, words, token.start, tokens[bars].end, True))
    letters = [one.name for one in found if tokens.text[one.start] in _LETTERS and tokens.text[one.start + 1] in " (:="]
    return found if len(found) > 2 and len(letters) > 1 and len(set(letters)) < len(letters) else []


def _is_each(tokens: Tokens, index: int) -> bool:
    return tokens[index].get(Kind.QUANTITY, (0, ""))[1] == "bar" and tokens.word(index + 1) in ("each", "apiece")


def _listed(tokens: Tokens, names: Sequence[int]) -> bool:
    """Whether nothing but joints and numbers stands between the names of sections."""
    between = (at for one, other in pairwise(names) for at in range(one + 1, other))
    counts = (Kind.NUMBER, Kind.REPEAT)
    return all(tokens.word(at) in _LISTED or any(kind in tokens[at] for kind in counts) for at in between)


def _contrasted(tokens: Tokens, names: Sequence[int], starts: Sequence[int]) -> bool:
    """Whether each section begins a clause of its own in one sentence: "verse in Am, chorus in C major", "a quiet verse
    and a loud chorus"."""
    if tokens[names[0]][Kind.SECTION] in _LATER and all(tokens[at][Kind.SECTION] != "verse" for at in names):
        return False  # "pop in C, chorus in Eb, a calm bridge": what they have is said, not the whole form
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


def _part_id(tokens: Tokens, index: int) -> str | None:
    """Return which one a part is: of "part A" and "B section" the letter, of "part 2" and "second section" the
    number."""
    before, behind = tokens[index - 1], tokens[index + 1]
    for token in (behind, before):
        if token.text in _LETTERS:
            return token.text
    if Kind.NUMBER in behind:
        return f"{behind[Kind.NUMBER]:g}"
    return str(_ORDINALS.index(before.word) + 1) if before.word in _ORDINALS else None


def section_name(tokens: Tokens, first: int, last: int) -> str | None:
    """Return the name of a section within a tag: "verse 2"."""
    for at in range(first, last):
        if tokens[at].get(Kind.SECTION) in _VAGUE and (part := _part_id(tokens, at)):
            return f"part {part}"
        if Kind.SECTION in tokens[at]:
            number = tokens[at + 1].get(Kind.NUMBER) if at + 1 < last else None
            return f"{tokens[at][Kind.SECTION]} {number:g}" if number else tokens[at][Kind.SECTION]
    return None


def section_begins(tokens: Tokens, index: int) -> tuple[int | None, float | None] | None:
    """Return the bar or second at which the text says that a section begins: "the drop comes at 0:20"."""
    at = index + 1 + (Kind.NUMBER in tokens[index + 1])
    while tokens.word(at) in _COMES or Kind.ENTER in tokens[at]:
        at += 1
    moment = read_moment(tokens, at)
    return moment if any(moment) and tokens.word(at) not in ("in", "by", "until") else None
