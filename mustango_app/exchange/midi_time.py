"""Beats, metre and tempo of a MIDI file, counted as a plan counts them.

Positions are ticks; tempi in a file are microseconds a quarter, in a plan beats per minute.
"""

from __future__ import annotations

import math
from collections import Counter

from munet.errors import RequestError
from munet.music.checks import BPM_RANGE, METER_RANGE
from mustango_app.exchange.score import Score

STEADY = 0.005  # share by which tempi may differ and count as one
DOTTED = 36  # MIDI clocks of a dotted quarter; a quarter's 24 are what writers put who do not care


def beat_unit(score: Score) -> tuple[str | None, float]:
    """Return the beat unit of the first metre, and its quarters."""
    _, upper, lower, clocks = score.meters[0]
    if lower == 8 and clocks == DOTTED and upper % 3 == 0:
        return "dotted quarter", 1.5
    if lower == 8:
        eighth = 2 * 6e7 / score.tempi[0][1]
        return ("dotted quarter", 1.5) if upper % 3 == 0 and eighth > BPM_RANGE[1] else ("eighth", 0.5)
    return ("half", 2.0) if lower == 2 else (None, 4 / lower if lower > 8 else 1.0)


def meter_of(meter: tuple[int, int, int, int], quarters: float) -> int:
    _, upper, lower, clocks = meter
    compound = lower == 8 and upper % 3 == 0 and (quarters == 1.5 or clocks == DOTTED)
    return min(METER_RANGE[1], upper // 3 if compound else upper)


def end(score: Score) -> int:
    """Return the tick at which the music ends: the file's end, or the bar's in which the last note ends if earlier."""
    last = max((note.end for note in score.notes), default=0)
    tick, upper, lower, _ = [meter for meter in score.meters if meter[0] <= last][-1]
    bar = score.resolution * 4 * upper // lower
    bar_end = tick + max(1, math.ceil((last - tick) / bar - 0.02)) * bar
    return score.end if last <= score.end <= bar_end or not score.notes else bar_end


def beats(score: Score, quarters: float, end: int) -> list[tuple[float, int]]:
    """Return (second, position): counted from each time signature, backwards in an upbeat before the second one."""
    found = []
    step = score.resolution * quarters
    edges = [meter[0] for meter in score.meters[1:]] + [end]
    for number, (meter, later) in enumerate(zip(score.meters, edges, strict=True)):
        length, start = meter_of(meter, quarters), meter[0]
        count = math.ceil((later - start) / step - 1e-6)
        backwards = number == 0 and upbeat(score, quarters) == later
        if backwards:
            count = math.floor((later - start) / step + 1e-6)
            start = later - count * step
        for i in range(count):
            position = length - count + i + 1 if backwards else i % length + 1
            found.append((score.second(start + i * step), position))
    return found


def bpm(score: Score, quarters: float, end: int, first: bool) -> float:
    """Return the tempo of the `first` beat, or the one that holds longest, tempi within half a percent being one."""
    held: Counter[int] = Counter()
    edges = [min(tick, end) for tick, _ in score.tempi[1:]] + [end]
    for (tick, tempo), later in zip(score.tempi, edges, strict=True):
        held[tempo] += max(0, later - tick) * tempo
    tempo = score.tempi[0][1]
    close = sum(ticks for other, ticks in held.items() if abs(other / tempo - 1) < STEADY)
    if not first and 2 * close < sum(held.values()):
        tempo = held.most_common(1)[0][0]
    found = round(6e7 / tempo / quarters, 2)
    if not BPM_RANGE[0] <= found <= BPM_RANGE[1]:
        raise RequestError(f"file: expected a tempo from {BPM_RANGE[0]:g} to {BPM_RANGE[1]:g} BPM, got {found:g}")
    return found


def upbeat(score: Score, quarters: float) -> int | None:
    """Return the tick of a second time signature that only ends an upbeat, None without."""
    if len(score.meters) < 2:
        return None
    tick = score.meters[1][0]
    bar = meter_of(score.meters[0], quarters) * score.resolution * quarters
    return tick if tick < bar and score.meters[0][1:3] == score.meters[1][1:3] else None
