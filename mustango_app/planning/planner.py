"""The planner: a sentence, and whatever the person fixed, into a complete `MusicPlan`.

Three sources, in this order: explicit arguments, what the text states outright (`reading`), and priors of style, mood
and plain tempo words (`priors`). What the priors leave open is chosen among their alternatives by `seed` and the text,
through CRC-32, so that the same request gives the same plan on every machine and in every process, and each field has
its own choice: fixing one leaves the others. The first downbeat is at 0 s.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from munet.music import Key, MusicPlan, PlanError, beat_grid, estimate_key, parse_chord_line, spread_chords
from munet.music.checks import DEFAULT_DURATION
from munet.music.degrees import degree_chord
from mustango_app.planning import priors
from mustango_app.planning.reading import read_bpm, read_chords, read_duration, read_key, read_meter

ARGUMENTS = ("bpm", "meter", "key", "chords", "beats", "duration", "seconds", "seed")
_DEFAULT_METER = 4
_TAIL = 0.5  # seconds that the last chord or beat given sounds, if no duration is
_BPM_STEP = 2  # priors propose even tempi, as people do

Choice = TypeVar("Choice")


@dataclass(frozen=True)
class _Request:
    """The text with its seed and the explicit arguments, checked; `chords` with seconds or None."""

    text: str
    seed: int
    given: Mapping[str, Any]
    plan: MusicPlan  # the explicit arguments that need no completing
    chords: tuple[tuple[str, float | None], ...]

    def pick(self, field: str, alternatives: Sequence[Choice]) -> Choice:
        """Choose one by seed, field and text; the same always."""
        return alternatives[zlib.crc32(f"{self.seed}|{field}|{self.text}".encode()) % len(alternatives)]


def plan_from_text(text: str, **fixed: Any) -> MusicPlan:
    """Plan the music that `text` asks for.

    Args:
        text: the prompt, in English prose or keywords; may be empty.
        **fixed: what the person fixed, which always wins; None stands for not fixed. `bpm`; `meter` (beats per bar);
            `key` ("C minor"); `chords` as a line ("G D/F# Em C", "G@0 Em@2.5"), symbols, or (symbol, second) pairs;
            `beats` as (second, position) pairs; `duration` or, the same, `seconds`; `seed` (an integer, default 0).

    Returns:
        A complete plan. Chords without times are spread one a bar and cycled.

    Raises:
        PlanError: naming the argument that is out of range or not understood, or `chords` that do not fit.
        TypeError: naming an unknown argument, or if `text` is no string.
    """
    return plan_with_sources(text, **fixed)[0]


def explain(text: str, **fixed: Any) -> dict[str, str]:
    """Say where bpm, meter, key, chords and duration of `plan_from_text(text, **fixed)` come from.

    "given" (an explicit argument), "stated" (the text), "from the beats", "from the chords", "from the key",
    "style: waltz", "mood: sad", "pace: slow" (several joined by " + ") or "default".
    """
    return plan_with_sources(text, **fixed)[1]


def plan_with_sources(text: str, **fixed: Any) -> tuple[MusicPlan, dict[str, str]]:
    """Return what `plan_from_text` and `explain` return, at once."""
    request = _check(text, fixed)
    matches = [priors.find(text, table) for table in (priors.PACES, priors.STYLES, priors.MOODS)]
    pace, style, mood = matches
    sources: dict[str, str] = {}
    duration, sources["duration"] = _duration(request)
    meter, sources["meter"] = _meter(request, style)
    bpm, sources["bpm"] = _bpm(request, pace, style, mood)
    beats = request.plan.beats or beat_grid(bpm, meter, duration)
    key, sources["key"] = _stated_key(request)
    symbols, sources["chords"] = _stated_chords(request, key)
    if key is None:
        key, sources["key"] = _key(request, symbols, style, mood)
    if symbols is None:
        symbols, sources["chords"] = _progression(request, key, style)
        symbols = symbols[: max(1, len(beats))]
    chords = request.plan.chords or _place(symbols, beats, meter, duration, forgiving=sources["chords"] != "given")
    return MusicPlan(bpm, meter, str(key), chords, beats, duration), sources


def _check(text: str, fixed: Mapping[str, Any]) -> _Request:
    """Check the arguments, each by the rules of `MusicPlan`."""
    if not isinstance(text, str):
        raise TypeError(f"text: expected a string, got {type(text).__name__}")
    for name in fixed:
        if name not in ARGUMENTS:
            raise TypeError(f"{name}: unknown argument, expected one of {', '.join(ARGUMENTS)}")
    given = {name: value for name, value in fixed.items() if value is not None}
    seed = given.pop("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise PlanError("seed", "an integer", seed)
    if "seconds" in given:
        seconds = given.pop("seconds")
        if given.setdefault("duration", seconds) != seconds:
            raise PlanError("seconds", f"the same as duration ({given['duration']!r}), or only one of them", seconds)
    chords = _chord_argument(given.pop("chords", ()))
    timed = chords if chords and chords[0][1] is not None else None
    plan = MusicPlan(**given, chords=timed)
    return _Request(text, seed, given | ({"chords": chords} if chords else {}), plan, chords)


def _chord_argument(value: Any) -> tuple[tuple[str, float | None], ...]:
    """Read a line of chords, a sequence of symbols or of (symbol, second) pairs; all timed or none."""
    if isinstance(value, str):
        return parse_chord_line(value)
    if not isinstance(value, Sequence):
        raise PlanError("chords", "a line of chords, symbols or (symbol, second) pairs", value)
    if all(isinstance(item, str) for item in value):
        return tuple(parse_chord_line(item)[0] for item in value)
    return MusicPlan(chords=tuple(value)).chords or ()


def _duration(request: _Request) -> tuple[float, str]:
    if request.plan.duration is not None:
        return request.plan.duration, "given"
    starts = [*request.plan.beat_times(), *(second for _, second in request.plan.chords or ())]
    needed = max(starts) + _TAIL if starts else 0.0  # what was given outlasts what the text says
    stated = read_duration(request.text)
    if stated is not None and stated >= needed:
        return stated, "stated"
    return max(DEFAULT_DURATION, needed), "default"


def _meter(request: _Request, style: priors.Match | None) -> tuple[int, str]:
    if request.plan.meter is not None:
        return request.plan.meter, "given"
    if request.plan.beats:
        return max(position for _, position in request.plan.beats), "from the beats"
    stated = read_meter(request.text)
    if stated is not None:
        # A dance names its metre and its style at once; the style says more to a reader.
        same_word = style is not None and read_meter(style.word) == stated and read_meter(
            request.text.replace(style.word, "")) is None  # fmt: skip
        return stated, style.source if same_word and style else "stated"
    if style and style.prior.meter:
        return style.prior.meter, style.source
    return _DEFAULT_METER, "default"


def _bpm(request: _Request, *matches: priors.Match | None) -> tuple[float, str]:
    """Take the tempo given or stated, else one in the range on which pace, style and mood (in this order) agree."""
    if request.plan.bpm is not None:
        return request.plan.bpm, "given"
    if request.plan.beats and len(request.plan.beats) > 1:
        return MusicPlan(beats=request.plan.beats).complete().bpm or 0.0, "from the beats"
    stated = read_bpm(request.text)
    if stated is not None:
        return stated, "stated"
    low, high = priors.DEFAULT_TEMPO
    used: list[str] = []
    for match in matches:
        if match is None or match.prior.tempo is None:
            continue
        lowest, highest = match.prior.tempo
        both = (max(low, lowest), min(high, highest)) if used else (lowest, highest)
        if both[0] <= both[1]:
            (low, high), used = both, [*used, match.source]
    first = -(-int(low) // _BPM_STEP) * _BPM_STEP
    tempi = range(first, int(high) + 1, _BPM_STEP) or (round((low + high) / 2),)
    return float(request.pick("bpm", tempi)), " + ".join(used) or "default"


def _stated_key(request: _Request) -> tuple[Key | None, str]:
    if request.plan.key is not None:
        return Key.parse(request.plan.key), "given"
    return read_key(request.text), "stated"


def _key(request: _Request, symbols: Sequence[str] | None, style: priors.Match | None,
         mood: priors.Match | None) -> tuple[Key, str]:  # fmt: skip
    """Take the key from the chords; without chords the mode that mood or style suggests, and a common tonic."""
    sounding = [(symbol, 1.0) for symbol in symbols or () if symbol != "N"]
    if request.plan.chords:
        spans = MusicPlan(chords=request.plan.chords, duration=_duration(request)[0]).chord_intervals()
        sounding = [(str(chord), end - start) for start, end, chord in spans if end > start and not chord.is_none]
    if sounding:
        return estimate_key(sounding), "from the chords"
    word = next((match for match in (mood, style) if match and match.prior.mode), None)
    mode = word.prior.mode if word and word.prior.mode else request.pick("mode", ("major", "minor"))
    tonic = request.pick("tonic", priors.MINOR_TONICS if mode == "minor" else priors.MAJOR_TONICS)
    return Key(tonic, mode), word.source if word else "default"


def _stated_chords(request: _Request, key: Key | None) -> tuple[Sequence[str] | None, str]:
    if request.chords:
        return [symbol for symbol, _ in request.chords], "given"
    return read_chords(request.text, key), "stated"


def _progression(request: _Request, key: Key, style: priors.Match | None) -> tuple[list[str], str]:
    """Choose a progression of the style in the mode of `key`."""
    own = () if style is None else style.prior.minor if key.mode == "minor" else style.prior.major
    common = priors.MINOR_PROGRESSIONS if key.mode == "minor" else priors.MAJOR_PROGRESSIONS
    degrees = request.pick("chords", own or common).split()
    return [str(degree_chord(degree, key)) for degree in degrees], style.source if own and style else "default"


def _place(
    symbols: Sequence[str], beats: Sequence[tuple[float, int]], meter: int, duration: float, forgiving: bool
) -> tuple[tuple[str, float], ...]:
    """Spread chords over the bars; of a text that has more chords than beats, evenly over the time."""
    try:
        return spread_chords(symbols, beats, meter, duration)
    except PlanError:
        if not forgiving:
            raise
    starts = [round(i * duration / len(symbols), 6) for i in range(len(symbols))]
    pairs = list(zip(symbols, starts, strict=True))
    return tuple(pair for i, pair in enumerate(pairs) if i == 0 or pair[0] != pairs[i - 1][0])
