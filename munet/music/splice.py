"""Plans opened up: a stretch put in the place of another, a piece that goes on (`MusicPlan.splice`, `prolong`).

Times are seconds, tempo is beats per minute (BPM).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from munet.music.checks import DURATION_RANGE, PlanError, check_number
from munet.music.edits import _DIGITS, _cut, _notes_within
from munet.music.grid import EPSILON, without_repeats
from munet.music.layout import Laid
from munet.music.sections import Section

if TYPE_CHECKING:
    from munet.music.plan import MusicPlan

_SHARED = ("bpm", "meter", "key", "instruments", "energy")
_RECENT = 5  # beats whose distance is the tempo at an end


def splice(plan: MusicPlan, start: float, end: float, middle: MusicPlan, name: str) -> MusicPlan:
    """Put a plan in the place of a stretch of another; see `MusicPlan.splice`."""
    if plan.duration is None or middle.duration is None:
        raise PlanError("duration", "a duration of both plans", None)
    start = check_number("start", start, (0.0, plan.duration))
    end = check_number("end", end, (start, plan.duration))
    shift = start + middle.duration - end
    moved = round(plan.duration + shift, _DIGITS)
    check_number("duration", moved, DURATION_RANGE)
    chords = None
    if plan.chords or middle.chords:
        sounding = [symbol for symbol, t in plan.chords or () if t <= end + EPSILON][-1:] if end < plan.duration else []
        chords = without_repeats([
            *((symbol, t) for symbol, t in plan.chords or () if t < start - EPSILON),
            *((symbol, round(start + t, _DIGITS)) for symbol, t in middle.chords or (("N", 0.0),)),
            *((symbol, round(end + shift, _DIGITS)) for symbol in sounding),
            *((symbol, round(t + shift, _DIGITS)) for symbol, t in plan.chords or () if t > end + EPSILON),
        ])  # fmt: skip
    beats = [
        *((t, at) for t, at in plan.beats or () if t < start - EPSILON),
        *((round(start + t, _DIGITS), at) for t, at in middle.beats or ()),
        *((round(t + shift, _DIGITS), at) for t, at in plan.beats or () if t >= end - EPSILON),
    ]
    melody = [
        *_notes_within(plan.melody or (), 0.0, start),
        *((pitch, round(start + a, _DIGITS), round(start + b, _DIGITS)) for pitch, a, b in middle.melody or ()),
        *((p, round(end + shift + a, _DIGITS), round(end + shift + b, _DIGITS))
          for p, a, b in _notes_within(plan.melody or (), end, plan.duration)),
    ]  # fmt: skip
    return plan.with_(
        chords=chords, beats=beats, melody=melody, duration=moved, sections=_sections(plan, start, end, middle, name)
    )


def _sections(plan: MusicPlan, start: float, end: float, middle: MusicPlan, name: str) -> list[Section]:
    """Return the sections of the whole; none where nothing differs from place to place."""
    differs = any(getattr(middle, field) not in (None, getattr(plan, field)) for field in _SHARED)
    if not (plan.sections or middle.sections or differs):
        return []
    duration, length = plan.duration or 0.0, middle.duration or 0.0
    rows = [_cut(laid, laid.start, min(laid.end, start), plan, vars(plan)).with_(start=laid.start)
            for laid in _laid(plan, "before") if laid.start < start - EPSILON]  # fmt: skip
    for laid in _laid(middle, name):
        own = {
            field: getattr(middle, field)
            for field in ("meter", "key", "instruments", "energy")
            if getattr(laid.section, field) is None and getattr(middle, field) != getattr(plan, field)
        }
        placed = round(start + laid.start, _DIGITS)
        rows.append(_cut(laid, laid.start, laid.end, middle, vars(plan)).with_(start=placed, **own))
    for laid in _laid(plan, "after"):
        if laid.end > end + EPSILON and duration - end > EPSILON:
            first = max(laid.start, end)
            row = _cut(laid, first, laid.end, plan, vars(plan))
            rows.append(row.with_(start=round(first - end + start + length, _DIGITS)))
    return rows


def _laid(plan: MusicPlan, name: str) -> Sequence[Laid]:
    """Return the sections of a plan in time; a plan without any is one section."""
    if plan.sections:
        return plan.laid()
    tempo = plan.bpm or tempo_at_end(plan.beats or ())
    return (Laid(Section(name), 0.0, plan.duration or 0.0, (tempo, tempo), plan.meter or 1),)


def tempo_at_end(beats: Sequence[tuple[float, int]], first: bool = False) -> float:
    """Return the tempo (BPM) of the last beats, or of the first ones.

    Raises:
        PlanError: fewer than two beats.
    """
    times = [t for t, _ in (beats[:_RECENT] if first else beats[-_RECENT:])]
    if len(times) < 2:
        raise PlanError("beats", "at least two, which have a tempo", tuple(beats))
    return 60 / median(later - earlier for earlier, later in pairwise(times))


def prolong(plan: MusicPlan, duration: float) -> MusicPlan:
    """Let a complete plan go on in its last tempo, metre and chord; see `MusicPlan.prolong`."""
    if plan.duration is None or not plan.beats:
        raise PlanError("plan", "a complete one", plan.to_dict())
    duration = check_number("duration", duration, (plan.duration, DURATION_RANGE[1]))
    part = plan.parts()[-1]
    gap = 60 / (plan.laid()[-1].ramp[1] if plan.sections else tempo_at_end(plan.beats))
    beats = list(plan.beats)
    meter = part.meter or max(position for _, position in beats)
    while beats[-1][0] + gap < duration - EPSILON:
        second, position = beats[-1]
        beats.append((round(second + gap, _DIGITS), position % meter + 1))
    sections = list(plan.sections or ())
    if sections:
        sections[-1] = sections[-1].with_(bars=None, chords=None)
    return plan.with_(duration=round(duration, _DIGITS), beats=beats, sections=sections)
