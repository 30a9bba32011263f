"""Symbolic music: beat grids, chord lines and the `MusicPlan`; chords and keys come from `munet.music.harmony`.

Times are seconds, tempo is beats per minute (BPM). All objects are immutable: methods return new ones. Whatever is
not understood raises `PlanError`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby, pairwise
from numbers import Real
from statistics import median
from types import MappingProxyType
from typing import Any

from munet.music.harmony import (
    MUSTANGO_QUALITIES,
    PITCH_NAMES_FLAT,
    PITCH_NAMES_SHARP,
    QUALITIES,
    UNICODE,
    Chord,
    Key,
    PlanError,
    estimate_key,
)

__all__ = [
    "MUSTANGO_QUALITIES", "PITCH_NAMES_FLAT", "PITCH_NAMES_SHARP", "QUALITIES", "TEMPO_WORDS", "Chord", "Key",
    "MusicPlan", "PlanError", "beat_grid", "estimate_key", "parse_chord_line", "spread_chords", "tempo_word",
]  # fmt: skip

BPM_RANGE, METER_RANGE, DURATION_RANGE = (30.0, 300.0), (1, 12), (0.5, 600.0)
DEFAULT_BPM, DEFAULT_METER, DEFAULT_KEY, DEFAULT_DURATION = 120.0, 4, "C major", 10.0
# The bins of Mustango (Melechovsky et al., 2024); an upper bound belongs to the slower word.
_WORDS = ("Grave", "Largo", "Adagio", "Andante", "Moderato", "Allegro", "Vivace", "Presto", "Prestissimo")
_WORD_BOUNDS = (BPM_RANGE[0], 40.0, 60.0, 70.0, 90.0, 110.0, 140.0, 160.0, 210.0, BPM_RANGE[1])
TEMPO_WORDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    dict(zip(_WORDS, pairwise(_WORD_BOUNDS), strict=True))
)


def _number(argument: str, value: object, limits: tuple[float, float]) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not limits[0] <= value <= limits[1]:
        raise PlanError(argument, f"a number from {limits[0]:g} to {limits[1]:g}", value)
    return float(value)


def _integer(argument: str, value: object, limits: tuple[int, int]) -> int:
    if isinstance(value, bool) or not isinstance(value, Real) or value not in range(limits[0], limits[1] + 1):
        raise PlanError(argument, f"an integer from {limits[0]} to {limits[1]}", value)
    return int(value)


def tempo_word(bpm: float) -> str:
    """Return the Italian word for a tempo in BPM."""
    bpm = _number("bpm", bpm, BPM_RANGE)
    return next(word for word, (_, high) in TEMPO_WORDS.items() if bpm <= high)


def beat_grid(
    bpm: float, meter: int, duration: float, first_beat: float = 0.0, first_position: int = 1
) -> tuple[tuple[float, int], ...]:
    """Return the even beats from `first_beat` to before `duration` (seconds): (second, position in the bar)."""
    bpm, meter = _number("bpm", bpm, BPM_RANGE), _integer("meter", meter, METER_RANGE)
    duration = _number("duration", duration, DURATION_RANGE)
    first_beat = _number("first_beat", first_beat, (0.0, DURATION_RANGE[1]))
    offset = _integer("first_position", first_position, (1, meter)) - 1
    count = math.ceil((duration - first_beat) * bpm / 60 - 1e-6)
    return tuple((round(first_beat + i * 60 / bpm, 9), (offset + i) % meter + 1) for i in range(count))


def spread_chords(
    symbols: Sequence[str], beats: Sequence[tuple[float, int]], meter: int, duration: float
) -> tuple[tuple[str, float], ...]:
    """Place chords on the beats: one a bar, cycled, the first at 0 whenever the first beat comes.

    If there are more chords than bars, each bar takes the smallest number that lets all of them in, and PlanError is
    raised if the beats cannot. A chord equal to the one before it is not listed again.
    """
    chords = [str(Chord.parse(symbol)) for symbol in symbols]
    beats = [beat for beat in beats if beat[0] < duration]
    starts = [i for i, beat in enumerate(beats) if beat[1] == 1] or list(range(0, len(beats), meter))
    bars = [[second for second, _ in beats[i:j]] for i, j in pairwise([*starts, len(beats)])] or [[0.0]]
    for per_bar in range(1, meter + 1):
        slots = [bar[k * meter // per_bar] for bar in bars for k in range(per_bar) if k * meter // per_bar < len(bar)]
        if len(slots) >= len(chords) > 0:
            break
    else:
        raise PlanError("chords", f"from 1 to {len(slots)} chords for {len(beats)} beats", tuple(symbols))
    cycled = [(chords[i % len(chords)], second) for i, second in enumerate([0.0, *slots[1:]])]
    return tuple(next(run) for _, run in groupby(cycled, key=lambda pair: pair[0]))


def parse_chord_line(text: str) -> tuple[tuple[str, float | None], ...]:
    """Read "G D/F# Em C", "G, D | Em - C", "Am-F-C-G" (without times) or "G@0 Em@2.5" (seconds); no mixture."""
    result: list[tuple[str, float | None]] = []
    for token in re.split(r"[\s,;|→]+", text.translate(UNICODE) if isinstance(text, str) else ""):
        symbol, at, second = token.partition("@")
        if token in ("", "-"):
            continue
        if at and not re.fullmatch(r"\d+(\.\d*)?|\.\d+", second):
            raise PlanError("chords", "seconds after @, as in Em@2.5", token)
        try:
            symbols = [str(Chord.parse(symbol))]
        except PlanError:
            if at or "-" not in symbol:
                raise
            symbols = [str(Chord.parse(part)) for part in symbol.split("-")]
        result += [(name, float(second) if at else None) for name in symbols]
    if not result or len({second is None for _, second in result}) > 1:
        raise PlanError("chords", "a line of chord symbols, all with @seconds or all without", text)
    return tuple(result)


@dataclass(frozen=True)
class MusicPlan:
    """The typed request about the music; None is "not asked for". Checked and put in canonical form when made.

    Args:
        bpm: tempo in beats per minute, 30 to 300.
        meter: beats per bar, 1 to 12.
        key: what `Key.parse` reads, held as "C minor".
        chords: (symbol, start second), ascending, symbols held in canonical form; an empty sequence is held as None.
        beats: (second, position in the bar, 1 = downbeat), ascending; an empty sequence is held as None.
        duration: seconds, 0.5 to 600; no chord or beat comes later.
    """

    bpm: float | None = None
    meter: int | None = None
    key: str | None = None
    chords: tuple[tuple[str, float], ...] | None = None
    beats: tuple[tuple[float, int], ...] | None = None
    duration: float | None = None

    def __post_init__(self) -> None:
        held: dict[str, Any] = {
            "bpm": None if self.bpm is None else _number("bpm", self.bpm, BPM_RANGE),
            "meter": None if self.meter is None else _integer("meter", self.meter, METER_RANGE),
            "key": None
            if self.key is None
            else str(Key.parse(str(self.key) if isinstance(self.key, Key) else self.key)),
            "duration": None if self.duration is None else _number("duration", self.duration, DURATION_RANGE),
        }
        span, places = (0.0, held["duration"] or DURATION_RANGE[1]), (1, held["meter"] or METER_RANGE[1])
        chords = [(str(Chord.parse(symbol)), _number("chords", t, span)) for symbol, t in _pairs("chords", self.chords)]
        beats = [(_number("beats", t, span), _integer("beats", at, places)) for t, at in _pairs("beats", self.beats)]
        for name, times in (("chords", [t for _, t in chords]), ("beats", [t for t, _ in beats])):
            if any(later <= earlier for earlier, later in pairwise(times)):
                raise PlanError(name, "ascending times", tuple(times))
        for name, value in (held | {"chords": tuple(chords) or None, "beats": tuple(beats) or None}).items():
            object.__setattr__(self, name, value)

    @property
    def is_complete(self) -> bool:
        """Whether every field is given."""
        return None not in vars(self).values()

    def complete(self, chord_symbols: Sequence[str] | None = None) -> MusicPlan:
        """Fill what is not given, consistently; what is given stays as it is.

        Tempo and metre come from the beats, beats from tempo and metre (first downbeat at 0), chords from
        `chord_symbols` (for a plan without chords) or the key (I V vi IV; i VI III VII), the key from the chords.
        """
        if chord_symbols is not None and self.chords is not None:
            raise PlanError("chord_symbols", "None, as the plan has chords", tuple(chord_symbols))
        meter = self.meter or max((position for _, position in self.beats or ()), default=DEFAULT_METER)
        bpm = self.bpm or self._inferred_bpm(meter)
        last = max([t for t, _ in self.beats or ()] + [t for _, t in self.chords or ()], default=0.0)
        duration = self.duration or max(DEFAULT_DURATION, last + 60 / bpm)
        beats, chords = self.beats or beat_grid(bpm, meter, duration), self.chords
        if chords is None and chord_symbols is None:
            triads = Key.parse(self.key or DEFAULT_KEY).diatonic_triads()
            bars = max(1, sum(position == 1 for _, position in beats))
            chord_symbols = [str(triads[i]) for i in ((0, 5, 2, 6) if triads[0].quality else (0, 4, 5, 3))[:bars]]
        if chords is None:
            chords = spread_chords(chord_symbols or (), beats, meter, duration)
        plan = MusicPlan(bpm, meter, self.key, chords, beats, duration)
        spans = [(chord, end - start) for start, end, chord in plan.chord_intervals()]
        sounds = any(seconds > 0 and not chord.is_none for chord, seconds in spans)
        return plan.with_(key=self.key or (str(estimate_key(spans)) if sounds else DEFAULT_KEY))

    def _inferred_bpm(self, meter: int) -> float:
        gaps = [later - earlier for earlier, later in pairwise(self.beat_times() or [t for _, t in self.chords or ()])]
        if not gaps or self.beats:
            return 60 / median(gaps) if gaps else DEFAULT_BPM
        # The shortest chord is a bar, halved or doubled to a usual tempo, so that even chords sit on beats.
        bpm = 60 * meter / min(gaps)
        return bpm * 2.0 ** math.ceil(math.log2(70 / bpm))

    def with_(self, **changes: Any) -> MusicPlan:
        """Return a copy with some fields changed."""
        return MusicPlan.from_dict({**vars(self), **changes})

    def transpose(self, semitones: int) -> MusicPlan:
        """Return the plan with key and chords moved by `semitones`; the new key, if given, spells the chords."""
        chords = [(Chord.parse(symbol), t) for symbol, t in self.chords or ()]
        if self.key is None:
            return self.with_(chords=[(str(chord.transpose(semitones)), t) for chord, t in chords])
        old = Key.parse(self.key)
        new = old.transpose(semitones)
        return self.with_(key=str(new), chords=[(str(chord.shift(old, new)), t) for chord, t in chords])

    def stretch(self, factor: float) -> MusicPlan:
        """Return the plan played `factor` times as fast: times divided by it, the tempo multiplied."""
        factor = _number("factor", factor, (0.01, 100.0))
        return self.with_(
            bpm=self.bpm and self.bpm * factor,
            chords=[(symbol, t / factor) for symbol, t in self.chords or ()],
            beats=[(t / factor, position) for t, position in self.beats or ()],
            duration=self.duration and self.duration / factor,
        )

    def crop(self, start: float, end: float) -> MusicPlan:
        """Return the plan from `start` to before `end` (seconds); the chord sounding at `start`, or N, begins at 0."""
        start = _number("start", start, (0.0, DURATION_RANGE[1]))
        end = _number("end", end, (start, self.duration or DURATION_RANGE[1]))
        chords = [(symbol, max(0.0, round(t - start, 9))) for symbol, t in self.chords or () if t < end]
        begun = [symbol for symbol, t in chords if t == 0] or (["N"] if self.chords else [])
        beats = [(round(t - start, 9), position) for t, position in self.beats or () if t < end]
        return self.with_(
            chords=[(symbol, 0.0) for symbol in begun[-1:]] + [(symbol, t) for symbol, t in chords if t > 0],
            beats=[(abs(t), position) for t, position in beats if t >= 0],
            duration=round(end - start, 9),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as lists and plain numbers, None where not given."""
        return {name: list(map(list, v)) if isinstance(v, tuple) else v for name, v in vars(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MusicPlan:
        """Return the plan of some fields; an unknown one is an error."""
        names = [field.name for field in fields(cls)]
        if not isinstance(values, Mapping) or not set(values) <= set(names):
            raise PlanError("plan", f"a mapping with fields among {names}", values)
        return cls(**values)

    def to_json(self) -> str:
        """Return the plan as one line of JSON."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> MusicPlan:
        """Return the plan of a JSON object."""
        try:
            return cls.from_dict(json.loads(text))
        except json.JSONDecodeError:
            raise PlanError("plan", "a JSON object", text) from None

    def chord_intervals(self) -> list[tuple[float, float, Chord]]:
        """Return (start, end, chord), seconds; the last chord lasts to the duration (without one, no time)."""
        starts = [t for _, t in self.chords or ()]
        ends = [*starts[1:], self.duration or max(starts, default=0.0)]
        return [(start, end, Chord.parse(c)) for (c, start), end in zip(self.chords or (), ends, strict=False)]

    def beat_times(self) -> tuple[float, ...]:
        """Return the seconds of all beats."""
        return tuple(t for t, _ in self.beats or ())

    def downbeat_times(self) -> tuple[float, ...]:
        """Return the seconds of the first beats of the bars."""
        return tuple(t for t, position in self.beats or () if position == 1)


def _pairs(argument: str, value: object) -> list[Sequence[Any]]:
    pairs = [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        form = "(symbol, start second)" if argument == "chords" else "(second, position in the bar)"
        raise PlanError(argument, f"a sequence of {form} pairs", value)
    return pairs
