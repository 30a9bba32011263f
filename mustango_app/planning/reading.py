"""Text readers for the rhythm of a request: tempo, metre and duration; key and chords come from `reading_harmony`.

Every reader takes any text and returns the value it states outright, or None. A reader never guesses: moods and styles
are the business of `priors`. The first statement in the text counts; an explicit one ("bpm is 118") goes before a loose
one ("at 118", "Allegro"). Values come back as written, so that one out of range is refused by `MusicPlan`, by name.
Tempo in beats per minute (BPM), metre in beats per bar (the upper number of a time signature), duration in seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from munet.music import TEMPO_WORDS
from mustango_app.planning.reading_harmony import read_chords, read_key

__all__ = ["read_bpm", "read_chords", "read_duration", "read_key", "read_meter", "tempo_mark"]

_UP_TO_12 = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_TEENS = ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_BY_TEN = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ONES = MappingProxyType({word: n for n, word in enumerate(_UP_TO_12 + _TEENS)})
_TENS = MappingProxyType({word: 10 * n for n, word in enumerate(_BY_TEN, 2)})
_ONE, _TEN = "|".join(_ONES), "|".join(_TENS)
_SPELLED_BELOW_100 = rf"(?:(?:{_TEN})(?:[- ](?:{_ONE}))?|{_ONE})"
# "one hundred and twenty", "a hundred", "ninety-six", "ten": as many words as one number takes.
_SPELLED = re.compile(
    rf"\b(?:(?:(?:one|two|three|a) hundred)(?:(?: and)? {_SPELLED_BELOW_100})?|{_SPELLED_BELOW_100})"
    r"(?=[- ](?:bpm|beats per|beats a|seconds?|minutes?)\b)",
    re.IGNORECASE,
)

_NUMBER = r"(?<![\d.,/:#])(\d{1,4}(?:\.\d+)?)"
_BPM = r"(?:bpm\b|b\.p\.m\.?|beats?[- ](?:per|a|/)[- ]?min(?:ute)?\b|beats?/min(?:ute)?\b)"
# What makes a number something else than a tempo: 80s, 12-string, 4/4, 8-bit, 44 kHz, 5.4 seconds, 3 beats, 2 guitars.
_OTHER_UNIT = (
    r"(?![\d/:%]|\.\d|'?s\b|[- ]?(?:st|nd|rd|th|x|k|hz|khz|kbps|db|bits?|strings?|beats?|counts?|bars?|seconds?|secs?|"
    r"minutes?|mins?|hours?|years?|times?|percent|semitones?|tones?|voices?|players?|piece|pieces|people)\b)"
)
_RANGE_BPM = re.compile(rf"{_NUMBER}\s*(?:-|\u2013|to|and)\s*(\d{{2,3}}(?:\.\d+)?)\s*-?\s*{_BPM}", re.IGNORECASE)
_UNIT_BPM = re.compile(rf"{_NUMBER}\s*-?\s*{_BPM}", re.IGNORECASE)
# "♩ = 96", "quarter note = 96", "bpm is a slow 58.0", "tempo: 120", "the tempo synchronizes at 130".
_NAMED_BPM = re.compile(
    rf"(?:{_BPM}|\b(?:tempo|metronome|pace|speed)\b|♩|\bquarter(?: ?note)? ?=)"
    rf"[^.;!?\d\n/]{{0,40}}?{_NUMBER}{_OTHER_UNIT}",
    re.IGNORECASE,
)
_AT_BPM = re.compile(
    rf"\bat (?:(?:an?|about|around|roughly|exactly|precisely|steady|constant) )*{_NUMBER}"
    r"(?=\s*(?:[,.;!?)]\s|[,.;!?)]?$)|\s+(?:in|with|and|for|featuring|using)\b)",
    re.IGNORECASE,
)
_BARE_TEMPO = (40.0, 240.0)  # a number without unit or name is a tempo only here

# Italian marks besides those of `TEMPO_WORDS`: what metronomes print.
_MORE_MARKS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"larghissimo": (30.0, 38.0), "lento": (44.0, 60.0), "larghetto": (58.0, 66.0), "adagietto": (66.0, 74.0)}
    | {"andantino": (80.0, 92.0), "andante moderato": (84.0, 96.0), "allegretto": (104.0, 116.0)}
    | {"allegro moderato": (110.0, 120.0), "vivacissimo": (156.0, 172.0)}
)
_MARKS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {word.lower(): bounds for word, bounds in TEMPO_WORDS.items()} | _MORE_MARKS
)
_LONGEST_BIN = 50.0  # an open-ended bin ("above 210") counts as this many BPM wide, next to its neighbour
# "grave" is also an English word: it needs a capital inside a sentence or a tempo beside it.
_MARK = re.compile(
    r"(?<![-\w])(" + "|".join(sorted((m for m in _MARKS if m != "grave"), key=len, reverse=True)) + r")(?!\w)|"
    r"(?:(?:\b(?:in|tempo|is|marked|played|pace of)\s+(?:an?\s+)?)(?-i:(Grave))\b)|\b(grave)(?=[- ](?:tempo|pace)\b)",
    re.IGNORECASE,
)

_SMALL = MappingProxyType({word: n for word, n in _ONES.items() if 2 <= n <= 12})
_COUNT = rf"(?<![\d.,/])(1[0-2]|[1-9](?![\d])|{'|'.join(_SMALL)})(?!\.?\d|/)"
_SIGNATURE = re.compile(
    r"(?<![\d/.])(1[0-2]|[1-9])\s?/\s?(1|2|4|8|16)(?![\d/])(?!(?:th)?s?\s+(?:of|notes?|tones?|inch|delays?|hi-?hats?)\b)"
    r"(?!ths?\b)"
)
_SIGNATURE_WORDS = re.compile(
    rf"\b({'|'.join(_SMALL)})(?:-(?:four|eight)\b(?![- ]bars?\b)| (?:four|eight)(?= (?:time|met)))", re.IGNORECASE
)
_NAMED_METER = (
    (re.compile(r"\bcommon[- ]time\b|\bquadruple (?:time|met(?:er|re))\b", re.IGNORECASE), 4),
    (re.compile(r"\b(?:cut[- ]time|alla breve|duple (?:time|met(?:er|re)))\b", re.IGNORECASE), 2),
    (re.compile(r"\btriple (?:time|met(?:er|re))\b|\bthree[- ]quarters? time\b", re.IGNORECASE), 3),
)
# "3-beat", "two-count rhythm", "4 beats per bar", "in 3 time"; not "three beats on the drum", "the first two beats".
_COUNTED = re.compile(
    rf"(?<!first )(?<!last ){_COUNT}[- ]?(?:(?:beats?|counts?)\b(?!\s*(?:per|a|/)\s*min|\s+(?:on|from|later|of the)\b)"
    r"|time\b)",
    re.IGNORECASE,
)
# "counts to 4", "counting each measure to three", "the count is up to two".
_COUNTING = re.compile(
    rf"\bcount(?:s|ed|ing)?(?: only| up| out| each (?:measure|bar))*(?: to)? {_COUNT}(?! bars?\b)", re.I
)
# "the beat counts to 4", "time signature is 3", "the beat stays constant at 4", "the beat sways in 3"; what follows a
# number word must not be what it counts ("the beat is made of two drums").
_BEAT_IS = re.compile(
    r"\b(?:beats?|counts?|counting|time signature|signature time|met(?:er|re)|beats per (?:bar|measure))\b"
    r"(?:[ ,]+[a-z'-]+){0,6}?[ ,]*"
    r"(?:\b(?:is|are|of|to|in|at|an?|follows|steady|constant|consistent|standard|simple)\b|[=:])"
    rf" *{_COUNT}(?!\s*-?\s*(?:bpm|beats per|seconds?|semitones?|tones?|times|minutes?|steps?|octaves?)\b)"
    r"(?:(?<=\d)|(?=[- ](?:and|with|at|in|per|beats?|counts?|time|throughout)\b|\s*[,.;!?)]|\s*$))",
    re.IGNORECASE,
)
_WALTZ = re.compile(r"\bwaltz(?:es|y|ing)?\b|\b(?:valse|minuet|mazurka|l[äa]ndler)\b", re.IGNORECASE)

_LENGTH = rf"{_NUMBER}[ -]?(s|secs?|seconds?|m|mins?|minutes?)\b"
_THING = (
    r"(?:clips?|tracks?|songs?|pieces?|loops?|samples?|excerpts?|recordings?|snippets?|instrumentals?|tunes?|jingles?|"
    r"intros?|outros?|interludes?|music|audio|compositions?|beats?|melody|melodies|ads?|commercials?|themes?|cues?|"
    r"stings?|waltz(?:es)?|jams?|grooves?|ballads?|solos?|themes?|soundtracks?|ambience)"
)
_DURATIONS = (
    re.compile(
        rf"\b(?:last(?:s|ing)?|duration|length|long|runs?|running)\b[ :=]*"
        r"(?:(?:is|of|for|time|about|around|exactly|=)[ :]*)*"
        rf"{_LENGTH}",
        re.IGNORECASE,
    ),
    re.compile(rf"{_LENGTH}[- ](?:long\b|in (?:length|duration)|of (?!silence|delay|reverb))", re.IGNORECASE),
    re.compile(rf"{_LENGTH}(?!,? mark)(?:,?[- ][\w&'#]+){{0,6}}?[- ]{_THING}\b", re.IGNORECASE),
    re.compile(rf"(?:^|[,;.(|]\s*){_LENGTH}(?=\s*(?:[,;.)|]|$))", re.IGNORECASE),
    re.compile(rf"(?<!silence )(?<!pauses )(?<!stops )\bfor (?:about |around )?{_LENGTH}(?=\s*(?:[,;.)]|$))", re.I),
)
_DECADE = re.compile(r"[2-9]0s")
_CLOCK = re.compile(
    r"\b(?:last(?:s|ing)?|duration|length|long|runs?)\b[ :=]*(?:(?:is|of|for|about)[ :]*)*(\d{1,2}):([0-5]\d)\b", re.I
)
_MOMENT = re.compile(
    r"\b(?:at|after|before|around|by|from|until|till|past|within|first|last|every)\s+(?:the\s+)?$", re.I
)


def _spell_out(match: re.Match[str]) -> str:
    total = 0
    for word in re.findall(r"[a-z]+", match[0].lower()):
        if word == "hundred":
            total = 100 * max(total, 1)
        else:
            total += _ONES.get(word, 0) + _TENS.get(word, 0)
    return str(total)


def _digits(text: str) -> str:
    """Write number words before a unit as digits; "half a minute" and "a minute" too."""
    text = re.sub(r"\bhalf[- ]a[- ]minute\b", "30 seconds", text, flags=re.IGNORECASE)
    text = re.sub(r"\b(?:a|one)[- ]minute(?=[- ])", "60-second", text, flags=re.IGNORECASE)
    return _SPELLED.sub(_spell_out, text)


def tempo_mark(text: str) -> tuple[str, float] | None:
    """Return the first Italian tempo word and a BPM inside its bin: the middle, never a boundary."""
    match = _MARK.search(text)
    if match is None:
        return None
    word = next(group for group in match.groups() if group).lower()
    low, high = _MARKS[word]
    high = min(high, low + _LONGEST_BIN)
    return word.capitalize(), float(round((low + high) / 2))


def read_bpm(text: str) -> float | None:
    """Read the stated tempo in BPM.

    In this order: a number with its unit ("140 bpm", "ninety beats per minute", "120-130 bpm" gives the middle), a
    number after its name ("bpm is 118.0", "tempo: 96", "♩ = 72"), a bare "at 96" (40 to 240), an Italian word
    ("Allegro": the middle of Mustango's bin). Plain words ("slow", "uptempo") are no statement; nor are "808", "80s",
    "12-string", "4/4".
    """
    text = _digits(text)
    between = _RANGE_BPM.search(text)
    with_unit = _UNIT_BPM.search(text)
    if between and with_unit and between.start() <= with_unit.start():
        return (float(between[1]) + float(between[2])) / 2
    if with_unit:
        return float(with_unit[1])
    for pattern in (_NAMED_BPM, _AT_BPM):
        for match in pattern.finditer(text):
            if _BARE_TEMPO[0] <= float(match[1]) <= _BARE_TEMPO[1]:
                return float(match[1])
    mark = tempo_mark(text)
    return mark[1] if mark else None


def read_meter(text: str) -> int | None:
    """Read the stated metre in beats per bar: the upper number of a time signature, so 6 for "6/8".

    In this order: "3/4", "six-eight", "common time", "the beat counts to 4" or "the time signature is 4", "a 3-beat
    rhythm" or "two-count", and last the dances that are nothing without their metre ("waltz").
    """
    for match in _SIGNATURE.finditer(text):
        if match[1] != "1" or re.match(r"\s*(?:time|met(?:er|re)|beat)", text[match.end() :]):
            return int(match[1])
    if match := _SIGNATURE_WORDS.search(text):
        return _SMALL[match[1].lower()]
    for pattern, meter in _NAMED_METER:
        if pattern.search(text):
            return meter
    found = [match for pattern in (_BEAT_IS, _COUNTED, _COUNTING) if (match := pattern.search(text))]
    if found:
        count = min(found, key=lambda match: match.start(1))[1].lower()
        return _SMALL[count] if count in _SMALL else int(count)
    return 3 if _WALTZ.search(text) else None


def read_duration(text: str) -> float | None:
    """Read the stated length of the clip in seconds.

    "10 seconds of jazz", "a 30-second loop", "lasting 1:30", "lo-fi beat, 8 s", "half a minute of rain". A moment or a
    span inside the music is no length: "at 5.4 seconds", "the 4.3-second mark", "2 seconds of silence"; nor is a
    decade: "80s synth pop", "a 90s house track".
    """
    text = _digits(text)
    if clock := _CLOCK.search(text):
        return 60.0 * int(clock[1]) + int(clock[2])
    for pattern in _DURATIONS:
        for match in pattern.finditer(text):
            decade = _DECADE.fullmatch(text[match.start(1) : match.end(2)])
            if not decade and not _MOMENT.search(text[max(0, match.start(1) - 20) : match.start(1)]):
                return float(match[1]) * (60.0 if match[2].lower().startswith("m") else 1.0)
    return None
