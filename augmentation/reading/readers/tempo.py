"""Reader of the tempo: BPM, the note that is counted, metronome marks, ranges, Italian words.

A mood or a plain word ("slow") is no statement: those are the business of `priors`. Nor are "808", "80s", "12-string",
"4/4". Values come back as written, so that one out of range is refused by `MusicPlan`, by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from augmentation.reading.readers.statement import Statement
from augmentation.reading.tokens import Kind, Tokens

_BARE = (40.0, 240.0)  # a number without unit or name beside it is a tempo only here
_MARKED = (20.0, 400.0)  # and beside a mark or an equals sign here
_TAG, _TAG_ENDS = (60.0, 200.0), ("", ",", ";", "\n", ".")  # a number among tags, and what stands behind it
_TAG_BEFORE = (Kind.STYLE, Kind.MACHINE, Kind.INSTRUMENT, Kind.USUAL, Kind.NEAR, Kind.ENSEMBLE, Kind.MOOD, Kind.PACE)
_FEWEST = 10  # and right behind "tempo" from here on: fewer count the beats of a bar
_LONGEST_FILLER = 40  # characters between "tempo" and its number
_LONGEST_BIN = 50.0  # an open-ended bin ("above 210") counts as this many BPM wide, next to its neighbour
_DASHES = ("-", "~", "to", "and", "..")
_EQUALS = ("=", ":", "at", "is", "equals", "of", "equal to")
_ABOUT = ("a", "an", "about", "around", "roughly", "exactly", "precisely", "steady", "constant", "approximately", "~")
_AFTER_BARE = ("in", "with", "and", "for", "featuring", "using")
_ENDING = ("ends", "ending", "end", "finishes", "finishing", "finish", "arrives", "reaches", "reaching")
_WAY = ("up", "down", "all", "the", "way", "gradually", "slowly", "steadily", "right")  # before "to", of a change
_MOVING = (
    "goes", "going", "rises", "rising", "climbs", "climbing", "accelerates", "accelerating", "speeds", "speeding",
    "slows", "slowing", "drops", "dropping", "falls", "falling",
)  # fmt: skip
_PLACED = ("for", "in", "during", "at", "on")  # behind a tempo that counts in a part of the piece
_ANYWHERE = ("ranging", "anywhere", "somewhere", "varying", "ranges")
_BEYOND = MappingProxyType({"faster": 1, "quicker": 1, "higher": 1, "more": 1, "slower": -1, "lower": -1, "less": -1})
_BOUNDS = MappingProxyType({"above": 1, "below": -1, "under": -1})
_USUALLY = 0.1  # how far beyond a bound a tempo lies
_SHADES = MappingProxyType({"bit": 0.05, "slightly": 0.05, "little": 0.05, "just": 0.03, "much": 0.25, "far": 0.25,
                            "way": 0.25, "well": 0.2, "lot": 0.25})  # fmt: skip
_GRAVE_BEFORE = ("in", "tempo", "is", "marked", "played", "of", "pace")


_DOWNWARD = ("slow", "decreas", "drop", "fall", "lower", "down", "lose", "reduc", "minus")
_STEPPING = ("speed", "increas", "rais", "add", "gain", "gets", "accelerat", "climb", "+", *_DOWNWARD)
_LARGEST_STEP = 40  # BPM


@dataclass(frozen=True)
class Tempo:
    """Beats per minute and the note that is counted (None: not said); `low` to `high` if a range was given.

    `to` is the tempo that it leads to, of "from 90 to 120 bpm".
    """

    bpm: float
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    to: float | None = None


def find_tempos(tokens: Tokens) -> list[Statement]:
    """Return the statements of tempo, as `Tempo`.

    Ranks: 0 a number with its unit ("140 bpm", "120-130 bpm" gives the middle), 1 a number after its name, its note or
    an Italian word ("bpm is 118.0", "tempo: 96", "half note = 60", "Moderato 108"), 2 a bare "at 96", 3 the word alone.
    """
    found: list[Statement] = []
    for index, token in enumerate(tokens):
        statement = None
        if tokens.word(index - 1) == "by" or is_tempo_step(tokens, index):
            continue  # "increases by 10 bpm", "10 bpm faster every 8 bars"
        if token.get(Kind.QUANTITY, ("", ""))[1] == "bpm":
            statement = _with_unit(tokens, index)
        elif (beats := per_second(tokens, index)) is not None:
            statement = Statement("bpm", Tempo(60 * beats), index, index + 3)
        elif Kind.NUMBER in token:
            statement = _marked(tokens, index) or _bare(tokens, index)
        elif Kind.MARK in token and not _number_at(tokens, index):
            statement = _word(tokens, index)
        if statement and not (found and found[-1].last > statement.first and found[-1].rank <= statement.rank):
            found = [one for one in found if one.last <= statement.first or one.rank < statement.rank]
            found.append(statement)
    named = [_named(tokens, index) for index, token in enumerate(tokens) if token.get(Kind.NAME) == "tempo"]
    return sorted(_led([*found, *(one for one in named if one)], tokens), key=lambda one: (one.first, one.rank))


def is_tempo_step(tokens: Tokens, index: int) -> bool:
    """Whether a number of beats per minute is said to be added or taken away: "by 10 bpm", "5 bpm faster"."""
    number, unit = tokens[index].get(Kind.QUANTITY, (0.0, ""))
    if unit != "bpm" or not 0 < number <= _LARGEST_STEP:
        return False
    behind, before = tokens.word(index + 1), tokens.word(tokens.back(index, ("the", "tempo", "another", "up", "down")))
    every = any(tokens.word(at) in ("every", "each") for at in (index + 1, index + 2))
    return (behind in ("faster", "slower") or tokens.word(index - 1) == "by" or before.startswith(_STEPPING)) and every


def step_down(tokens: Tokens, clause: range) -> bool:
    """Whether the words of a clause make a tempo slower."""
    return any(tokens.word(at).startswith(_DOWNWARD) for at in clause)


def per_second(tokens: Tokens, index: int) -> float | None:
    """Return the beats of "two beats per second", "a beat a second", "2 beats every second", three tokens."""
    one = tokens[index].get(Kind.UNIT) == "beat" and tokens.word(index - 1) in ("a", "one", "every")
    number, unit = tokens[index].get(Kind.QUANTITY, (1.0, "beat" if one else ""))
    per = tokens.word(index + 1) in ("per", "a", "every", "each", "/")
    second = tokens.word(index + 2) in ("second", "sec", "s")
    return number if unit == "beat" and per and second and _MARKED[0] <= 60 * number <= _MARKED[1] else None


def _led(found: list[Statement], tokens: Tokens) -> list[Statement]:
    """Join two tempi of which the second is where the first leads: "starts at 80 bpm and ends at 140 bpm"."""
    for one in found:
        for other in found:
            between = range(one.last, other.first)
            plain = all(each.value.low is None and each.value.to is None for each in (one, other))
            words = {tokens.word(at) for at in between}
            moves = not words.isdisjoint(_MOVING) and "to" in (tokens.word(other.first - 1), tokens.word(other.first))
            moves = moves and tokens.word(other.last) not in _PLACED
            leads = (moves or not words.isdisjoint(_ENDING)) and not any(tokens.stops(at) for at in between)
            if plain and leads and one.value.bpm != other.value.bpm:
                tempo = Tempo(one.value.bpm, one.value.unit, to=other.value.bpm)
                joined = Statement("bpm", tempo, one.first, other.last, min(one.rank, other.rank))
                return [each for each in found if each.first < one.first or each.first > other.first] + [joined]
    return found


def _value(tokens: Tokens, index: int) -> float | None:
    """Return the number of a token that may be a tempo."""
    token = tokens[index]
    number, unit = token.get(Kind.QUANTITY, (None, "bpm"))
    return (token.get(Kind.NUMBER) if number is None else number) if unit == "bpm" else None


def _with_unit(tokens: Tokens, index: int) -> Statement:
    """Read "120 bpm", "120-130 bpm", "between 120 and 130 bpm", "90bpm-100bpm"; a mark's note may stand before."""
    high = tokens[index][Kind.QUANTITY][0]
    first, last = index, index + 1
    low = _value(tokens, index - 2) if tokens.word(index - 1) in _DASHES else None
    joined = tokens.word(index - 1) != "and" or tokens.word(index - 3) == "between" or Kind.NUMBER in tokens[index - 2]
    if low is not None and joined:
        return _range(tokens, index - 2, last, low, high)
    began = tokens.back(index - 1, _WAY)
    if tokens.word(index - 1) == "to" and tokens.word(began - 1) == "from" and _value(tokens, began) is not None:
        return Statement("bpm", Tempo(_value(tokens, began), to=high), began, last)
    arrows = [(index + 1 + _arrow(tokens, index + 1), index), (index, index - 1 - _arrow(tokens, index, -1))]
    for other, begin in arrows:  # "90bpm -> 120bpm", "90 → 120 bpm"
        start, end = _value(tokens, begin), _value(tokens, other)
        if other > begin + 1 and start is not None and end is not None:
            return Statement("bpm", Tempo(start, to=end), begin, other + 1)
    joint = tokens.word(index + 1)
    above = (
        _value(tokens, index + 2)
        if joint in _DASHES and joint != "and" and Kind.QUANTITY in tokens[index + 2]
        else None
    )
    if above is not None:
        return _range(tokens, index, index + 3, high, above)
    onward = _onward(tokens, index)
    if onward > index + 2 and Kind.QUANTITY in tokens[onward]:
        above = _value(tokens, onward)
        return Statement("bpm", Tempo(high, to=above), first, onward + 1 if above is not None else last)
    unit_at = tokens.back(index, (*_EQUALS, *_ABOUT))
    unit = tokens[unit_at].get(Kind.BEAT_UNIT) if unit_at < index - 1 else None
    if tokens[index - 1].word == ")" or unit is None:
        return _bounded(tokens, first, last, high)
    return Statement("bpm", Tempo(high, unit), unit_at, last)


def _bounded(tokens: Tokens, first: int, last: int, bpm: float) -> Statement:
    """Read a tempo as it stands, or one beyond it: "a bit faster than 100 bpm", "below 90 bpm"."""
    at = tokens.back(first, ("than",))
    sign = _BEYOND.get(tokens.word(at), 0) if at < first - 1 else _BOUNDS.get(tokens.word(at), 0)
    if not sign:
        return Statement("bpm", Tempo(bpm), first, last)
    share = _SHADES.get(tokens.word(at - 1), _USUALLY)
    beyond = float(round(bpm * (1 + share) if sign > 0 else bpm / (1 + share)))
    return Statement("bpm", Tempo(beyond), at - (tokens.word(at - 1) in _SHADES), last)


def _arrow(tokens: Tokens, index: int, step: int = 1) -> int:
    """Return how many tokens make up an arrow that begins at `index`, or ends before it; 0 for none."""
    words = tokens.word(index if step > 0 else index - 1), tokens.word(index + 1 if step > 0 else index - 2)
    if words[0] in ("\u2192", "\u27f6"):
        return 1
    return 2 if words[::step] in (("-", ">"), ("=", ">")) else 0


def _range(tokens: Tokens, first: int, last: int, low: float, high: float) -> Statement:
    """Read two numbers as a range, or as a change: "from 90 to 120 bpm", "slowed from 140 bpm to 120 bpm"."""
    change = (
        tokens.word(first + 1) == "to" and tokens.word(first - 1) == "from" and tokens.word(first - 2) not in _ANYWHERE
    )
    if change or low > high:
        return Statement("bpm", Tempo(low, to=high), first, last)
    return Statement("bpm", Tempo((low + high) / 2, None, low, high), first, last)


def _number_at(tokens: Tokens, index: int) -> bool:
    """Whether a number that is a tempo follows the mark."""
    after = tokens.ahead(index, ("(", "=", ":", ",", *_ABOUT, "at"))
    value = _value(tokens, after)
    return value is not None and _MARKED[0] <= value <= _MARKED[1]


def _marked(tokens: Tokens, index: int) -> Statement | None:
    """Read "half note = 60", "♩ = 96", "Moderato 108", "Allegro (120)"."""
    bpm = tokens[index][Kind.NUMBER]
    if not _MARKED[0] <= bpm <= _MARKED[1]:
        return None
    before = tokens.back(index, (*_ABOUT, *_EQUALS))
    unit = tokens[before].get(Kind.BEAT_UNIT)
    if unit and before < index - 1 and any(tokens.word(i) in _EQUALS for i in range(before + 1, index)):
        low_high = _value(tokens, index + 2) if tokens.word(index + 1) in ("-", "~") else None
        if low_high and low_high > bpm:
            return Statement("bpm", Tempo((bpm + low_high) / 2, unit, bpm, low_high), before, index + 3, 1)
        return Statement("bpm", Tempo(bpm, unit), before, index + 1, 1)
    behind = tokens.ahead(index, ("to", "per", "a", "the"))
    if behind > index + 1 and Kind.BEAT_UNIT in tokens[behind]:  # "72 to the dotted quarter"
        return Statement("bpm", Tempo(bpm, tokens[behind][Kind.BEAT_UNIT]), index, behind + 1, 1)
    before = tokens.back(index, ("(", "=", ":", ",", *_ABOUT, "at"))
    if Kind.MARK in tokens[before] and before >= 0 and not _other_number(tokens, index):
        return Statement("bpm", Tempo(bpm), before, index + 1, 1)
    return None


def _other_number(tokens: Tokens, index: int) -> bool:
    """Whether what follows makes the number something else: "Allegro 120 %", "4 / 4"."""
    return tokens.word(index + 1) in ("%", "/", "°", "$", "€") or Kind.NAME in tokens[index + 1]


def _bare(tokens: Tokens, index: int) -> Statement | None:
    """Read "at 96", "at about 96 with strings"."""
    bpm = tokens[index][Kind.NUMBER]
    further = _led_to(tokens, index)
    if further is not None and _BARE[0] <= min(bpm, further[0]) and max(bpm, further[0]) <= _BARE[1]:
        return Statement("bpm", Tempo(bpm, to=further[0]), index, further[1] + 1, 2)
    if _tagged(tokens, index):
        return Statement("bpm", Tempo(bpm), index, index + 1, 2)
    ish = tokens.ahead(index, ("-",))  # "120ish", "around 120-ish"
    if tokens.word(ish) == "ish" and _BARE[0] <= bpm <= _BARE[1]:
        return Statement("bpm", Tempo(bpm), index, ish + 1, 2)
    before = tokens.back(index, _ABOUT)
    moved = tokens.word(before) == "to" and tokens.word(tokens.back(before, _WAY)) in (*_MOVING, *_ENDING)
    if not (tokens.word(before) == "at" or moved) or not _BARE[0] <= bpm <= _BARE[1] or tokens[index].text[0].isalpha():
        return None
    ends = tokens.ends(index + 1) and tokens.word(index + 1) != "/"
    return Statement("bpm", Tempo(bpm), before, index + 1, 2) if ends or tokens.word(index + 1) in _AFTER_BARE else None


def _led_to(tokens: Tokens, index: int) -> tuple[float, int] | None:
    """Return the number, and where it is, that "from 90 up to" leads to; the first number is at `index`."""
    onward = _onward(tokens, index)
    if tokens.word(index - 1) != "from" or not onward:
        return None
    value = _value(tokens, onward)
    return None if value is None else (value, onward)


def _onward(tokens: Tokens, index: int) -> int:
    """Return the token behind the "to", "up to" or "all the way down to" that follows a number; 0 if none does."""
    to = tokens.ahead(index, _WAY)
    return to + 1 if tokens.word(to) == "to" else 0


def _tagged(tokens: Tokens, index: int) -> bool:
    """Whether a number stands alone among tags, or behind a style or an instrument: "drum & bass, 174, F#m",
    "techno 130", "supersaws 150", "dubstep wobble 140 half-time"."""
    left, right = tokens.word(index - 1), tokens.word(index + 1)
    alone = tokens.ends(index - 1) and left not in ("", "-", ".", ":", "/", "|", "(") and right in _TAG_ENDS
    barred = _parted(tokens, index)
    ends = right in _TAG_ENDS or Kind.CHANGE in tokens[index + 1]
    behind = any(kind in tokens[index - 1] for kind in _TAG_BEFORE) and ends
    whole = tokens[index][Kind.NUMBER].is_integer() and tokens[index].text.isdigit()
    return whole and _TAG[0] <= tokens[index][Kind.NUMBER] <= _TAG[1] and (alone or behind or barred)


def _parted(tokens: Tokens, index: int) -> bool:
    """Whether a number stands alone between bars or slashes that part tags: "lofi | 80 | Cm", "techno / 130 / Am"."""
    sides = tokens.word(index - 1), tokens.word(index + 1)
    beyond = (tokens[index - 2], tokens[index + 2])
    signs = [side for side in sides if side]
    alone = len(set(signs)) == 1 and signs[0] in ("|", "/")
    numbers = any(Kind.NUMBER in token or Kind.QUANTITY in token for token in beyond)
    return alone and not numbers and Kind.CHORD not in tokens[index - 2]


def _named(tokens: Tokens, index: int) -> Statement | None:
    """Read the number after the word "tempo", "bpm" or the like, with a few words between."""
    for at in range(index + 1, len(tokens)):
        token = tokens[at]
        other = Kind.NAME in token and token[Kind.NAME] not in ("beat", "tempo")
        step = tokens.word(at - 1) == "by" or is_tempo_step(tokens, at)  # "the tempo increases by 10 bpm"
        if step or token.start - tokens[index].end > _LONGEST_FILLER or tokens.stops(at) or token.word == "/" or other:
            return None
        bpm = _value(tokens, at)
        if bpm is not None:
            direct = all(tokens.word(i) in (*_EQUALS, *_ABOUT, ",") for i in range(index + 1, at))
            fits = bpm >= _FEWEST if direct else _BARE[0] <= bpm <= _BARE[1] and not _other_number(tokens, at)
            return _named_range(tokens, index, at, bpm) if fits or Kind.QUANTITY in token else None
        if Kind.QUANTITY in token or Kind.SIGNATURE in token or Kind.CLOCK in token:
            return None
    return None


def _named_range(tokens: Tokens, index: int, at: int, bpm: float) -> Statement:
    led = _led_to(tokens, at)
    if led is not None and tokens.word(at + 1) in _WAY and _MARKED[0] <= led[0] <= _MARKED[1]:
        return Statement("bpm", Tempo(bpm, to=led[0]), index, led[1] + 1, 1)
    above = _value(tokens, at + 2) if tokens.word(at + 1) in _DASHES else None
    if above is not None and _MARKED[0] <= above <= _MARKED[1]:
        read = _range(tokens, at, at + 3, bpm, above)
        return Statement("bpm", read.value, index, at + 3, 1)
    return Statement("bpm", Tempo(bpm), index, at + 1, 1)


def _word(tokens: Tokens, index: int) -> Statement | None:
    """Read an Italian word; "grave" is English too: it needs a capital inside a sentence or a tempo beside it."""
    name, low, high = tokens[index][Kind.MARK]
    if name == "Grave":
        before = tokens.back(index, ("a", "an"))
        capital = tokens[index].text[0].isupper() and tokens.word(before) in _GRAVE_BEFORE
        if not capital and tokens[index + 1].get(Kind.NAME) != "tempo" and not (index == 0 and tokens.ends(1)):
            return None
    high = min(high, low + _LONGEST_BIN)
    return Statement("bpm", Tempo(float(round((low + high) / 2))), index, index + 1, 3)


def tempo_mark(tokens: Tokens) -> tuple[str, float] | None:
    """Return the first Italian tempo word and a BPM inside its bin: the middle, never a boundary."""
    for index, token in enumerate(tokens):
        if Kind.MARK in token and (statement := _word(tokens, index)):
            return token[Kind.MARK][0], statement.value.bpm
    return None
