"""Time in music: tempo words, beat grids and ramps of the tempo, chords spread over bars.

Times are seconds, tempo is beats per minute (BPM), positions count from 1 (the downbeat).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from types import MappingProxyType

from munet.music.checks import (
    BPM_RANGE,
    DURATION_RANGE,
    METER_RANGE,
    PlanError,
    check_integer,
    check_number,
)
from munet.music.chords import Chord

EPSILON = 1e-6  # seconds or beats that rounding may cost
NEARLY = 1e-3  # seconds that a beat lies before what it is meant to coincide with, at most
# The bins of Mustango (Melechovsky et al., 2024); an upper bound belongs to the slower word.
_WORDS = ("Grave", "Largo", "Adagio", "Andante", "Moderato", "Allegro", "Vivace", "Presto", "Prestissimo")
_WORD_BOUNDS = (BPM_RANGE[0], 40.0, 60.0, 70.0, 90.0, 110.0, 140.0, 160.0, 210.0, BPM_RANGE[1])
TEMPO_WORDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    dict(zip(_WORDS, pairwise(_WORD_BOUNDS), strict=True))
)


def tempo_word(bpm: float) -> str:
    """Return the Italian word for a tempo in BPM."""
    bpm = check_number("bpm", bpm, BPM_RANGE)
    return next(word for word, (_, high) in TEMPO_WORDS.items() if bpm <= high)


def beat_grid(
    bpm: float, meter: int, duration: float, first_beat: float = 0.0, first_position: int = 1
) -> tuple[tuple[float, int], ...]:
    """Return the even beats from `first_beat` to before `duration` (seconds): (second, position in the bar)."""
    bpm, meter = check_number("bpm", bpm, BPM_RANGE), check_integer("meter", meter, METER_RANGE)
    duration = check_number("duration", duration, DURATION_RANGE)
    first_beat = check_number("first_beat", first_beat, (0.0, DURATION_RANGE[1]))
    offset = check_integer("first_position", first_position, (1, meter)) - 1
    count = math.ceil((duration - first_beat) * bpm / 60 - EPSILON)
    return tuple((round(first_beat + i * 60 / bpm, 9), (offset + i) % meter + 1) for i in range(count))


def ramp_seconds(beats: float, ramp: tuple[float, float]) -> float:
    """Return the seconds that `beats` take while the tempo goes evenly in time from `ramp[0]` to `ramp[1]` BPM."""
    return 120 * beats / (ramp[0] + ramp[1])


def ramp_beats(seconds: float, ramp: tuple[float, float]) -> float:
    """Return the beats that fit in `seconds` while the tempo goes evenly in time between the two of `ramp`."""
    return seconds * (ramp[0] + ramp[1]) / 120


def ramp_grid(ramp: tuple[float, float], meter: int, start: float, end: float) -> tuple[tuple[float, int], ...]:
    """Return the beats of a section from its downbeat at `start` to before `end`, the tempo linear in time.

    Beat k falls where the tempo's integral from `start` is k: with slope `a` (BPM a second) and first tempo `f`,
    f t + a t² / 2 = 60 k, whose root is 120 k / (f + sqrt(f² + 120 a k)). A beat that a rounded tempo puts a moment
    before `end` is what follows there.
    """
    first, last = ramp
    slope = (last - first) / (end - start)
    count = math.ceil(ramp_beats(end - start, ramp) - EPSILON)
    times = [start + 120 * k / (first + math.sqrt(max(0.0, first**2 + 120 * slope * k))) for k in range(count)]
    return tuple((round(t, 9), k % meter + 1) for k, t in enumerate(times) if k == 0 or t < end - NEARLY)


def bar_starts(beats: Sequence[tuple[float, int]], meter: int) -> list[int]:
    """Return the indices of the downbeats; without any, of every `meter`-th beat."""
    return [i for i, beat in enumerate(beats) if beat[1] == 1] or list(range(0, len(beats), meter))


def spread_chords(
    symbols: Sequence[str], beats: Sequence[tuple[float, int]], meter: int, duration: float, section: str | None = None
) -> tuple[tuple[str, float], ...]:
    """Place chords on the beats: one a bar, cycled, the first at 0 whenever the first beat comes.

    If there are more chords than bars, each bar takes the smallest number that lets all of them in, and PlanError is
    raised if the beats cannot; it names the `section`, if they are one's. A chord equal to the one before it is not
    listed again.
    """
    chords = [str(Chord.parse(symbol)) for symbol in symbols]
    beats = [beat for beat in beats if beat[0] < duration]
    starts = bar_starts(beats, meter)
    bars = [[second for second, _ in beats[i:j]] for i, j in pairwise([*starts, len(beats)])] or [[0.0]]
    for per_bar in range(1, meter + 1):
        slots = [bar[k * meter // per_bar] for bar in bars for k in range(per_bar) if k * meter // per_bar < len(bar)]
        if len(slots) >= len(chords) > 0:
            break
    else:
        found = len(slots), len(beats)
        if section is not None:
            raise PlanError("chords", f"from 1 to {found[0]} chords for {found[1]} beats of {section}", len(chords))
        raise PlanError("chords", f"from 1 to {found[0]} chords for {found[1]} beats", len(chords))
    return without_repeats([(chords[i % len(chords)], second) for i, second in enumerate([0.0, *slots[1:]])])


def without_repeats(chords: Sequence[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Return timed chords without those that equal the one before."""
    return tuple(next(run) for _, run in groupby(chords, key=lambda pair: pair[0]))
