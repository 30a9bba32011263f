"""A plan written as a ChordPro sheet: a grid of beats for each section, which `sheets.read_lead_sheet` reads back.

Chords stand on beats there; one that starts between two is written on the nearer one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from munet.music.checks import PlanError
from munet.music.grid import EPSILON
from munet.music.layout import Laid
from munet.music.plan import MusicPlan
from munet.music.sections import Part
from munet.music.sheets import QUARTERS

_NOTES = {None: 4, "quarter": 4, "half": 2, "eighth": 8}  # the lower number of a time
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
    for number, part in enumerate(parts):
        lines += ["", *_changes(plan, part, ramps[number] if ramps else None), *_grid(plan, part)]
    return "\n".join(lines) + "\n"


def _directive(name: str, value: object) -> str:
    return f"{{{name}: {value}}}"


def _quarters(bpm: float | None, plan: MusicPlan) -> str:
    return f"{(bpm or 0.0) * QUARTERS[plan.beat_unit]:.9g}"


def _time(meter: int | None, plan: MusicPlan) -> str:
    if plan.beat_unit == "dotted quarter":
        return f"{3 * (meter or 0)}/8"
    return f"{meter}/{_NOTES[plan.beat_unit]}"


def _changes(plan: MusicPlan, part: Part, laid: Laid | None) -> list[str]:
    """Return the start of a section and what in it differs from the head of the sheet."""
    lines = [_directive("start_of_grid", part.name) if part.name else "{start_of_grid}"]
    if laid is None:
        return lines
    if part.key != plan.key:
        lines.append(_directive("key", part.key))
    if part.meter != plan.meter:
        lines.append(_directive("time", _time(part.meter, plan)))
    if laid.ramp != (plan.bpm, plan.bpm):
        lines.append(_directive("tempo", _quarters(laid.ramp[0], plan)))
    if laid.ramp[0] != laid.ramp[1]:
        lines.append(_directive("x_tempo_to", _quarters(laid.ramp[1], plan)))
    return lines


def _grid(plan: MusicPlan, part: Part) -> list[str]:
    beats = [beat for beat in plan.beats or () if part.start - EPSILON <= beat[0] < part.end - EPSILON]
    cells = _cells(plan, part, [second for second, _ in beats])
    bars: list[list[str]] = []
    for cell, (_, position) in zip(cells, beats, strict=True):
        if position == 1 or not bars:
            bars.append([])
        bars[-1].append(cell)
    rows = [bars[i : i + _BARS_A_LINE] for i in range(0, len(bars), _BARS_A_LINE)]
    return [*("| " + " | ".join(" ".join(bar) for bar in row) + " |" for row in rows), "{end_of_grid}"]


def _cells(plan: MusicPlan, part: Part, times: Sequence[float]) -> list[str]:
    """Return what stands on each beat of a section: the chord that begins there, or a hold."""
    cells = [_HOLD] * len(times)
    edges = [(a + b) / 2 for a, b in zip(times, [*times[1:], part.end], strict=True)]
    for start, end, chord in plan.chord_intervals():
        if start >= part.end - EPSILON or end <= part.start + EPSILON or not times:
            continue
        nearest = bisect_right(edges, start) if start > part.start + EPSILON else 0
        if nearest < len(cells):
            cells[nearest] = "N.C." if chord.is_none else str(chord)
    return cells
