"""A plan written as a ChordPro sheet: a grid of beats for each section, which `sheets.read_lead_sheet` reads back.

Chords stand on beats there; one that starts between two is written on the nearer one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from munet.music.checks import PlanError
from munet.music.grid import EPSILON
from munet.music.plan import MusicPlan
from munet.music.sections import Part
from munet.music.sheets import QUARTERS

_NOTES = MappingProxyType({None: 4, "quarter": 4, "half": 2, "eighth": 8})  # the lower number of a time
_BARS_A_LINE = 4
_HOLD = "."


def write_chordpro(plan: MusicPlan, title: str | None = None) -> str:
    """Return a ChordPro sheet of a complete plan.

    Tempo and time are written in quarters, as ChordPro has them; a ramp of the tempo and a beat of a dotted quarter,
    which it has not, as directives of our own (`x_tempo_to`, `x_beat_unit`).

    Raises:
        PlanError: the plan is not complete.
    """
    if not plan.is_complete:
        raise PlanError("plan", "a complete plan", sorted(plan.given()))
    parts, ramps = plan.parts(), plan.laid()
    head = [
        ("title", title),
        ("key", plan.key),
        ("tempo", _quarters(plan.bpm, plan)),
        ("time", _time(plan.meter, plan)),
    ]
    if plan.beat_unit == "dotted quarter":
        head.append(("x_beat_unit", plan.beat_unit))
    lines = [_directive(name, value) for name, value in head if value]
    stated = {"key": plan.key, "time": _time(plan.meter, plan), "tempo": _quarters(plan.bpm, plan)}
    for number, part in enumerate(parts):
        ramp = ramps[number].ramp if ramps else (part.bpm, part.bpm)
        lines += ["", _directive("start_of_grid", part.name) if part.name else "{start_of_grid}"]
        lines += _changes(plan, part, ramp, stated)
        lines += [*_grid(plan, part), "{end_of_grid}"]
    return "\n".join(lines) + "\n"


def _directive(name: str, value: object) -> str:
    return f"{{{name}: {value}}}"


def _quarters(bpm: float | None, plan: MusicPlan) -> str:
    return f"{(bpm or 0.0) * QUARTERS[plan.beat_unit]:.12g}"


def _time(meter: int | None, plan: MusicPlan) -> str:
    if plan.beat_unit == "dotted quarter":
        return f"{3 * (meter or 0)}/8"
    return f"{meter}/{_NOTES[plan.beat_unit]}"


def _changes(plan: MusicPlan, part: Part, ramp: tuple[Any, Any], stated: dict[str, Any]) -> list[str]:
    """Return what a section changes of what was stated before it, and hold it there."""
    now = {"key": part.key, "time": _time(part.meter, plan), "tempo": _quarters(ramp[0], plan)}
    lines = [_directive(name, value) for name, value in now.items() if value != stated[name]]
    stated.update(now)
    if ramp[0] != ramp[1]:
        stated["tempo"] = _quarters(ramp[1], plan)
        lines += [_directive("tempo", now["tempo"])] * (not any(line.startswith("{tempo") for line in lines))
        lines.append(_directive("x_tempo_to", stated["tempo"]))
    return lines


def _grid(plan: MusicPlan, part: Part) -> list[str]:
    beats = [beat for beat in plan.beats or () if part.start - EPSILON <= beat[0] < part.end - EPSILON]
    symbols = _on_beats(plan, part, [second for second, _ in beats])
    bars: list[list[str]] = []
    for symbol, (_, position) in zip(symbols, beats, strict=True):
        if position == 1 or not bars:
            bars.append([])
        bars[-1].append(symbol)
    return [_row(bars[i : i + _BARS_A_LINE]) for i in range(0, len(bars), _BARS_A_LINE)]


def _row(bars: Sequence[Sequence[str]]) -> str:
    """Return a line of bars; what stands on its first beat is written even if it began before."""
    sounding: str | None = None
    cells: list[list[str]] = []
    for bar in bars:
        cells.append([])
        for symbol in bar:
            cells[-1].append(_HOLD if symbol == sounding else symbol)
            sounding = symbol
    return "| " + " | ".join(" ".join(bar) for bar in cells) + " |"


def _on_beats(plan: MusicPlan, part: Part, times: Sequence[float]) -> list[str]:
    """Return the chord on each beat of a section."""
    edges = [(a + b) / 2 for a, b in zip(times, [*times[1:], part.end], strict=True)]
    found = ["N.C."] * len(times)
    for start, end, chord in plan.chord_intervals():
        if start < part.end - EPSILON and end > part.start + EPSILON:
            nearest = bisect_right(edges, start) if start > part.start + EPSILON else 0
            found[nearest:] = ["N.C." if chord.is_none else str(chord)] * len(found[nearest:])
    return found
