"""Reader of the length of a clip: seconds, minutes, clock times, bars."""

from __future__ import annotations

from augmentation.reading.readers.harmonic_rhythm import covered
from augmentation.reading.readers.moments import spans
from augmentation.reading.readers.parts import find_parts
from augmentation.reading.readers.rounds import times_behind
from augmentation.reading.readers.statement import Statement
from augmentation.reading.tokens import Kind, Tokens

_FILLER = ("is", "of", "for", "time", "about", "around", "exactly", "approximately", "roughly", "=", ":", "a", "should",
           "be", "the", "full")  # fmt: skip
_BEFORE_LAST = ("should", "must", "to", "will", "can", "shall", "would", "may")
_ROUGHLY = ("about", "around", "roughly", "approximately", "maybe", "say")
_ENDING = ("end", "ends", "ending", "finish", "finishes", "finishing", "stops", "concludes")
_MOMENTS = ("at", "after", "before", "around", "by", "from", "until", "till", "past", "within", "first", "last",
            "every", "per", "final", "next")  # fmt: skip
_THINGS = frozenset((
    "clip", "clips", "track", "tracks", "song", "songs", "piece", "pieces", "loop", "loops", "sample", "samples",
    "excerpt", "excerpts", "recording", "recordings", "snippet", "snippets", "instrumental", "instrumentals",
    "tune", "tunes", "jingle", "jingles", "interlude", "interludes", "music", "audio", "composition",
    "compositions", "beat", "beats", "melody", "melodies", "ad", "ads", "commercial", "commercials", "theme",
    "themes", "cue", "cues", "sting", "stings", "jam", "jams", "groove", "grooves", "ballad", "ballads", "solo",
    "solos", "soundtrack", "soundtracks", "ambience", "intro", "outro", "bed", "underscore", "riff", "riffs", "vamp",
    "fill", "fills", "stinger", "stingers", "bumper", "bumpers", "ident", "idents", "fanfare", "fanfares",
))  # fmt: skip
_ARTICLES = ("a", "an", "about", "make", "around", "of", "for")  # before "1:30 of techno"
_FURTHEST = 6  # words between "30 seconds" and "loop"
_BESIDE = (Kind.KEY, Kind.CHORD, Kind.QUANTITY, Kind.SIGNATURE, Kind.STYLE, Kind.MOOD, Kind.INSTRUMENT, Kind.PACE)
_LONGEST_BARE_DECADE = 45  # "30s" alone in a list is a length, "80s" a decade


def find_lengths(tokens: Tokens) -> list[Statement]:
    """Return the statements of the length, as ("seconds", number) or ("bars", number).

    Ranks: 0 named ("lasting 1:30", "length 30s", "30 seconds long", "bars: 8"), 1 of a thing ("a 30-second loop",
    "8 bars of funk", "half a minute of rain") or the sum of parts that all have a length, 2 alone between commas or
    after "for", 3 alone behind another field ("song in F# minor 2 minutes"). A moment or a span inside the music is no
    length ("at 5.4 seconds", "2 seconds of silence"), nor is a decade.
    """
    parts = find_parts(tokens)
    found = [total for one in parts if (total := one.total())]
    of_others = covered(tokens) | spans(tokens) | {at for one in parts for at, _ in one.lengths}
    for index, token in enumerate(tokens):
        if found and found[-1].first < index < found[-1].last:
            continue  # the seconds of "3m20s"
        value, last = _value(tokens, index)
        if value is None or not value[1] or index in of_others or Kind.SPAN in token:
            continue
        if _called_after_its_unit(tokens, index):
            found.append(Statement("duration", value, index - 2, last, 0))
            continue
        named = tokens.back(index, _FILLER)
        is_named = tokens[named].get(Kind.NAME) == "length" and named >= 0
        is_named = is_named and (tokens.word(named) != "last" or tokens.word(named - 1) in _BEFORE_LAST)
        if (
            is_named
            or tokens.word(last) in ("long", "total", "altogether", "overall")
            or (tokens.word(last) == "in" and tokens.word(last + 1) in ("length", "duration", "total", "all"))
        ):
            found.append(Statement("duration", value, index, last, 0))
        elif (Kind.CLOCK in token or value[0] == "seconds") and _ends_at(tokens, index):
            found.append(Statement("duration", value, index, last, 1))
        elif Kind.CLOCK in token:
            begins = tokens.ends(index - 1) or tokens.word(index - 1) in _ARTICLES
            if begins and (tokens.word(last) == "of" or _of_a_thing(tokens, last, False)):
                found.append(Statement("duration", value, index, last, 1))
            elif tokens.ends(index - 1) and tokens.ends(last):
                found.append(Statement("duration", value, index, last, 2))
        elif Kind.NUMBER not in token and (rank := _rank(tokens, index, last)) is not None:
            found.append(Statement("duration", value, index, last, rank))
    return found


def _ends_at(tokens: Tokens, index: int) -> bool:
    """Whether the piece ends at a time: "then end softly at 1:00"; not "the drums end at 0:40"."""
    if tokens.word(index - 1) != "at":
        return False
    at = next((at for at in range(index - 2, index - 5, -1) if tokens.word(at) in _ENDING), None)
    return at is not None and not tokens.plays(at - 1) and Kind.SECTION not in tokens[at - 1]


def _called_after_its_unit(tokens: Tokens, index: int) -> bool:
    """Whether a bare number stands behind its unit as behind the name of a field: "bars: 8", "seconds = 20"."""
    named = Kind.NUMBER in tokens[index] and tokens.word(index - 1) in (":", "=")
    return named and tokens[index - 2].get(Kind.UNIT) in ("bar", "second", "minute")


def _value(tokens: Tokens, index: int) -> tuple[tuple[str, float] | None, int]:
    """Return the length that begins at a token and the index behind it."""
    token, last = tokens[index], index + 1
    if Kind.CLOCK in token:
        return ("seconds", token[Kind.CLOCK]), last
    if _called_after_its_unit(tokens, index):
        unit, number = tokens[index - 2][Kind.UNIT], token[Kind.NUMBER]
        return ("bars", number) if unit == "bar" else ("seconds", number * (60 if unit == "minute" else 1)), last
    number, unit = token.get(Kind.QUANTITY, (None, ""))
    if token.word.endswith(("hour", "hours")) and number:
        return ("seconds", 3600.0 * number), last  # more than can be made: refused by name
    if unit == "bar":
        times, end = times_behind(tokens, last)  # "8 bars, repeat 4 times"
        return ("bars", number * times), end
    if unit == "minute":
        further, other = tokens[index + 1].get(Kind.QUANTITY, (0.0, ""))
        if other != "second":
            at = index + 2 if tokens.word(index + 1) == "and" else index + 1
            further, other = tokens[at].get(Kind.QUANTITY, (0.0, ""))
            last = at + 1 if other == "second" else last
        else:
            last = index + 2
        if other != "second" and tokens[index + 1].get(Kind.NUMBER, 60.0) < 60 and tokens.ends(index + 2):
            further, other, last = tokens[index + 1][Kind.NUMBER], "second", index + 2  # "1 minute 30"
        if [tokens.word(last + step) for step in range(3)] == ["and", "a", "half"]:  # "two minutes and a half"
            further, other, last = 30.0, "second", last + 3
        return ("seconds", 60.0 * number + (further if other == "second" else 0.0)), last
    if unit == "second":
        low = tokens[index - 2].get(Kind.NUMBER) if tokens.word(index - 1) in ("-", "to", "\u2013") else None
        return ("seconds", (low + number) / 2 if low and low < number else number), last  # "30-60 seconds"
    if (
        token.word == "half"
        and tokens.word(index + 1) in ("a", "-")
        and tokens[tokens.ahead(index, ("a", "-"))].get(Kind.UNIT) == "minute"
    ):
        return ("seconds", 30.0), tokens.ahead(index, ("a", "-")) + 1
    if (
        token.word in ("a", "one")
        and tokens.word(index - 1) != "half"
        and tokens[tokens.ahead(index, ("-",))].get(Kind.UNIT) == "minute"
    ):
        at = tokens.ahead(index, ("-",)) + 1
        if tokens.word(index - 1) == "of" and tokens.word(index - 2) in ("quarter", "quarters"):
            return ("seconds", 15.0 * tokens[index - 3].get(Kind.NUMBER, 1.0)), at  # "three quarters of a minute"
        if [tokens.word(at + step) for step in range(3)] == ["and", "a", "half"]:
            return ("seconds", 90.0), at + 3
        return ("seconds", 60.0), at
    if (
        Kind.NUMBER in token
        and tokens[tokens.back(index, _FILLER)].get(Kind.NAME) == "length"
        and token.text[0].isdigit()
    ):
        named = tokens[tokens.back(index, _FILLER)].word in ("duration", "length", "runtime")
        return (("seconds", token[Kind.NUMBER]), last) if named else (None, last)
    return None, last


def _rank(tokens: Tokens, index: int, last: int) -> int | None:
    token = tokens[index]
    unit = "bar" if token.get(Kind.QUANTITY, (0, ""))[1] == "bar" else "second"
    if tokens.word(tokens.back(index, ("the", "about"))) in _MOMENTS or tokens.word(last) == "mark":
        return None
    decade = Kind.DECADE in token
    of_section = Kind.SECTION in tokens[tokens.ahead(last - 1, ("-",))]
    end = next(at for at in range(index, len(tokens) + 1) if tokens.stops(at))
    if of_section and (unit == "bar" or any(tokens.word(at) == "then" for at in range(last, end))):
        return None  # "a 5-second intro, then the beat drops"
    music = tokens.word(last) == "of" and tokens.word(last + 1) not in ("silence", "delay", "reverb") and not decade
    if music and (unit == "second" or tokens.word(index - 1) not in ("each", "in")):
        return 1
    if tokens.word(index - 1) == "of" and tokens.word(index - 2).rsplit(" ", 1)[-1] in _THINGS and not decade:
        return 1  # "a loop of 4 bars"
    if not decade or token[Kind.QUANTITY][0] <= _LONGEST_BARE_DECADE:
        if _of_a_thing(tokens, last, decade):
            return 1
        begins = tokens.back(index, _ROUGHLY)  # "no drums, about a minute"
        before = tokens.word(index - 1)
        alone = tokens.ends(last) and tokens.word(last) not in ("-", "/")
        if alone and (
            tokens.ends(begins) or (before == "for" and tokens.word(index - 2) not in ("silence", "pauses", "stops"))
        ):
            return 2
        led = tokens.ends(index - 1) or before in ("exactly", "about", "precisely", "make", "me", "play")
        if unit == "bar" and (before == "for" or (led and tokens.word(last) in ("at", "in", "with"))):
            return 2  # "16 bars at 96"
        if alone and before in ("over", "across"):  # "crescendo over 8 bars"
            return 3
        keywords = not decade or any(Kind.QUANTITY in one or Kind.SIGNATURE in one for one in tokens[:index])
        if alone and keywords and any(kind in tokens[index - 1] for kind in _BESIDE):
            return 3  # "120 bpm trap 30s", but not "jazz 30s"
    return None


def _of_a_thing(tokens: Tokens, last: int, decade: bool) -> bool:
    """Whether the length describes a clip within a few words: "a 30-second upbeat lo-fi jingle"."""
    at, words = last, 0
    while words <= _FURTHEST:
        token = tokens[at]
        if token.word in _THINGS or token.word.rsplit(" ", 1)[-1] in _THINGS:
            return not (decade and Kind.STYLE in token)
        if Kind.STYLE in token and not decade and tokens.ends(at + 1):
            return True
        if (Kind.PUNCT in token and token.word not in ("-", ",")) or (token.word == "," and words):
            return False
        if (decade and Kind.STYLE in token) or Kind.SECTION in token or Kind.QUANTITY in token:
            return False
        words += 1
        at += 1
    return False
