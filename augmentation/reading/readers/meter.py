"""Reader of the metre: time signatures, their names, and sentences about the beats of a bar."""

from __future__ import annotations

from types import MappingProxyType

from augmentation.reading.readers.harmonic_rhythm import covered
from augmentation.reading.readers.statement import Statement
from augmentation.reading.readers.tempo import Tempo, per_second
from augmentation.reading.tokens import Kind, Token, Tokens
from augmentation.reading.vocabulary import trie

_ODD = 7  # beats of an odd metre that says no number
_MOST = 15  # beats in a bar
_FRACTIONS = ("of", "note", "notes", "tone", "inch", "delay", "delays", "hi", "hats", "hat", "hi-hats")
_COPULAS = ("is", "are", "of", "to", "in", "at", "a", "an", "follows", "steady", "constant", "consistent", "standard",
            "simple", "=", ":", "three", "the")  # fmt: skip
_LONGEST_FILLER = 7  # words between "the beat" and its number
_AFTER_WORD = (
    "and",
    "with",
    "at",
    "in",
    "per",
    "beat",
    "beats",
    "count",
    "counts",
    "time",
    "throughout",
    "to",
    "beats per bar",
)
_COUNTING = frozenset(("only", "up", "out", "each", "measure", "bar", "to"))
_QUARTERS = MappingProxyType({"whole": 4.0, "dotted half": 3.0, "half": 2.0, "dotted quarter": 1.5, "quarter": 1.0,
             "dotted eighth": 0.75, "eighth": 0.5, "sixteenth": 0.25})  # fmt: skip
_PLAN_UNITS = ("quarter", "dotted quarter", "half", "eighth")  # those that a plan can count in
_DEFAULT_BARS = MappingProxyType({"dotted quarter": (6, 8), "dotted half": (3, 4), "eighth": (6, 8), "half": (2, 2)})


def find_meters(tokens: Tokens) -> list[Statement]:
    """Return the statements of the metre, as time signatures (beats, note); (3, 0) where only the beats are said.

    Ranks: 0 "3/4", "six-eight", "common time"; 1 "the beat counts to 4", "a 3-beat rhythm", "in three"; 2 the dances
    that are nothing without their metre ("waltz"), and "odd time".
    """
    found: list[Statement] = []
    of_chords = covered(tokens)
    for index, token in enumerate(tokens):
        if index in of_chords:
            continue
        statement = (
            _signature(tokens, index) or _in_words(tokens, index) or _counted(tokens, index) or _beat_is(tokens, index)
        )
        if statement is None and Kind.METER in token:
            note = 2 if token.word in ("cut time", "alla breve") else 0
            rank = 2 if int(token[Kind.METER]) == _ODD else 0  # "odd time" may be any
            statement = Statement("meter", (int(token[Kind.METER]), note), index, index + 1, rank)
        if statement is None and (beats := dance(token)):
            statement = Statement("meter", (beats, 4), index, index + 1, 2)
        if statement:
            found.append(statement)
    return found


def dance(token: Token) -> int | None:
    """Return the beats of a dance that is nothing without its metre; of "Viennese waltz" those of the waltz."""
    if Kind.DANCE in token:
        return int(token[Kind.DANCE])
    last = trie().next.get(token.word.rsplit(" ", 1)[-1]) if Kind.STYLE in token else None
    return int(last.meanings[Kind.DANCE]) if last and Kind.DANCE in last.meanings else None


def _signature(tokens: Tokens, index: int) -> Statement | None:
    """Read "3/4"; not "1/16 hi-hats", "the first 3/4 of the song"."""
    token = tokens[index]
    if Kind.SIGNATURE not in token:
        return None
    beats, note = token[Kind.SIGNATURE]
    named = Kind.NAME in tokens[index + 1] or tokens.word(index + 1) == "time" or Kind.NAME in tokens[index - 1]
    if tokens.word(index + 1) in _FRACTIONS or (beats == 1 and not named) or beats == 0:
        return None
    return Statement("meter", (beats, note), index, index + 1)


def _count(tokens: Tokens, index: int) -> int | None:
    """Return the whole number of a token that may count the beats of a bar."""
    token = tokens[index]
    number = token.get(Kind.NUMBER)
    if number is None or number != int(number) or not 1 <= number <= _MOST or "." in token.text:
        return None
    return int(number)


def _in_words(tokens: Tokens, index: int) -> Statement | None:
    """Read "six-eight", "three-four time", "in three", "in 5 time"."""
    beats, at = _count(tokens, index), index + 1 + (tokens.word(index + 1) == "-")
    note, after = _count(tokens, at), at + 1
    number, unit = tokens[at].get(Kind.QUANTITY, (None, ""))
    if unit == "time":
        note = int(number)
    elif at == index + 1 and tokens.word(after) != "time" and tokens[after].get(Kind.NAME) != "meter":
        note = None
    if beats and beats > 1 and note in (4, 8) and tokens[index].text.isalpha() and tokens[at].text[0].isalpha():
        return Statement("meter", (beats, note), index, after)
    single = tokens[index].text.isalpha() or tokens.word(index + 1) == "time" or tokens.ends(index + 1)
    ends = tokens.ends(index + 1) or tokens.word(index + 1) in ("time", "at", "with", "and", "for")
    if beats and beats > 1 and tokens.word(index - 1) == "in" and single and ends:
        return Statement("meter", (beats, 0), index - 1, index + 1, 1)
    return None


def _counted(tokens: Tokens, index: int) -> Statement | None:
    """Read "3-beat", "two-count rhythm", "4 beats per bar", "in 3 time"; not "three beats on the drum"."""
    token = tokens[index]
    number, unit = token.get(Kind.QUANTITY, (0.0, ""))
    if unit not in ("beat", "time") or number != int(number) or not 1 <= number <= _MOST or "." in token.text:
        return None
    if tokens.word(index - 1) in ("first", "last", "next") or tokens.word(index - 1) == "/":
        return None
    after = tokens.word(index + 1)
    if unit == "beat" and (_of_chords(tokens, index) or per_second(tokens, index) is not None):
        return None
    if unit == "beat":
        of_the = after == "of" and tokens.word(index + 2) == "the"
        if (
            of_the
            or after in ("on", "from", "later")
            or (after in ("per", "a", "/") and tokens.word(index + 2)[:3] == "min")
        ):
            return None
    return Statement("meter", (int(number), 0), index, index + 1, 1)


def _of_chords(tokens: Tokens, index: int) -> bool:
    """Whether it is chords that last some beats: "C G Am F, 2 beats each", "Em7 for 4 beats"."""
    each = tokens.word(index + 1) in ("each", "apiece") and tokens[index + 2].get(Kind.UNIT) != "bar"
    chord = Kind.CHORD in tokens[index - 2] and tokens.word(index - 1) in ("for", "(")
    return each or chord or (tokens.word(index + 1) == "of" and Kind.CHORD in tokens[index + 2])


def _beat_is(tokens: Tokens, index: int) -> Statement | None:
    """Read "the beat counts to 4", "time signature is 3", "the beat stays constant at 4", "the count is up to two"."""
    name, last = tokens[index].get(Kind.NAME), _count(tokens, index + 2)
    if name == "tempo" and tokens.word(index + 1) == "of" and last and tokens.ends(index + 3):
        return Statement("meter", (last, 0), index, index + 3, 2)  # too few to be beats per minute
    if name not in ("beat", "meter"):
        return None
    linked = False
    for at in range(index + 1, min(index + _LONGEST_FILLER + 5, len(tokens))):
        token = tokens[at]
        beats = _count(tokens, at)
        counting = (
            tokens.word(index).startswith("count") and {tokens.word(i) for i in range(index + 1, at)} <= _COUNTING
        )
        if beats is not None and counting and tokens[at + 1].get(Kind.UNIT) != "bar":
            return Statement("meter", (beats, 0), index, at + 1, 1)
        if beats is not None and (linked or tokens[at - 1].get(Kind.NAME) in ("beat", "meter")):
            if token.text.isalpha() and not (
                tokens.ends(at + 1) or tokens.word(at + 1) in _AFTER_WORD or tokens.word(at + 1) == "-"
            ):
                return None
            if tokens[index].get(Kind.NAME) == "beat" and not linked and not tokens.word(at - 1).startswith("count"):
                return None
            return Statement("meter", (beats, 0), index, at + 1, 1)
        if tokens.stops(at) or Kind.NUMBER in token or Kind.SIGNATURE in token:
            return None
        if Kind.QUANTITY in token:
            return None
        linked = linked or token.word in _COPULAS
        if Kind.PUNCT in token and token.word not in (",", "-", "=", ":", "(", '"', "'"):
            return None
    return None


# --- metronome marks and metres fit together


def count_bar(tempo: Tempo | None, signature: tuple[int, int] | None) -> tuple[float | None, int | None, str | None]:
    """Return (BPM, beats a bar, the note that is a beat) of a tempo and a time signature, so that a bar lasts right.

    A mark's note is the beat where the bar holds a whole number of it: 6/8 with a dotted quarter = 60 has two beats at
    60. Else the signature's own note is: 7/8 with a quarter = 90 has seven eighths at 180. Without a mark BPM and beats
    are as stated, whatever the note.
    """
    bpm, unit = (tempo.bpm, tempo.unit) if tempo else (None, None)
    if bpm is None or unit is None:
        return bpm, signature[0] if signature else None, None
    beats, note = signature or _DEFAULT_BARS.get(unit, (0, 0))
    if not beats:
        return (bpm, None, unit) if unit in _PLAN_UNITS else (bpm * _QUARTERS[unit], None, "quarter")
    quarters = beats * 4 / (note or 4)
    own = {4: "quarter", 8: "eighth", 2: "half", 0: "quarter"}.get(note, "quarter")
    compound = ["dotted quarter"] if note == 8 and beats % 3 == 0 else []
    whole = [name for name in dict.fromkeys([unit, own, *compound, "quarter", "eighth"])
             if name in _PLAN_UNITS and (quarters / _QUARTERS[name]).is_integer()]  # fmt: skip
    if unit == "quarter" and own == "eighth":  # keep the eighths of the signature
        whole = ["eighth", *whole]
    fits = [(bpm * _QUARTERS[unit] / _QUARTERS[name], int(quarters / _QUARTERS[name]), name) for name in whole]
    return next(
        (row for row in fits if 30 <= row[0] <= 300 and row[1] <= _MOST), fits[0] if fits else (bpm, beats, None)
    )
