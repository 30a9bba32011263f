"""The plan of a piece of which a region is played anew.

Times are seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.grid import EPSILON
from mustango_app.shaping.changes import Edit
from mustango_app.shaping.continuation import SHORTEST, Shaped
from mustango_app.shaping.wishes import carry_out, wishes_of


def edited(plan: MusicPlan, change: Edit) -> Shaped:
    """Return the plan in which a region is as the change asks; at another tempo what follows it moves.

    Args:
        plan: complete, of what is there.
        change: what is wanted.

    Raises:
        RequestError: a region outside of the piece or shorter than a beat, or wishes that do not fit it.
    """
    start, end = region_of(plan, change)
    wishes = wishes_of(change)
    part = plan.crop(start, end)
    new = carry_out(wishes, part, "edit")
    if change.strength < 1 and abs((new.duration or 0.0) - (end - start)) > EPSILON:
        raise RequestError(f"strength: expected 1 where the tempo changes, got {change.strength:g}")
    return Shaped(plan.splice(start, end, new, "edit").with_(notes=wishes.notes), start, end, new.duration or 0.0)


def region_of(plan: MusicPlan, change: Edit) -> tuple[float, float]:
    """Return first and last second of the region that a change names.

    Raises:
        RequestError: it lies outside of the piece, or is shorter than a beat or half a second.
    """
    duration = plan.duration or 0.0
    if isinstance(change.bars, Sequence):
        start, end = bars_in_time(plan, *change.bars)
    else:
        start = 0.0 if change.start is None else change.start
        end = duration if change.end is None else change.end
        end = duration if abs(end - duration) < 1e-3 else end
    if not start < end:
        raise RequestError(f"end: expected a second after the start, {start:g}, got {end:g}")
    if end > duration:
        raise RequestError(f"end: expected at most the piece's {duration:.2f} seconds, got {end:g}")
    beats = plan.beat_times()
    beat = min((later - earlier for earlier, later in pairwise(beats)), default=0.0)
    shortest = max(SHORTEST, beat - EPSILON)
    if end - start < shortest:
        raise RequestError(f"end: expected a region of at least {shortest:.2f} seconds, a beat, got {end - start:.2f}")
    return start, end


def bars_in_time(plan: MusicPlan, first: int, last: int) -> tuple[float, float]:
    """Return the seconds from the beginning of bar `first` to the end of bar `last`, counted from 1.

    Raises:
        RequestError: the piece has fewer bars.
    """
    downbeats = plan.downbeat_times()
    if last > len(downbeats):
        raise RequestError(f"bars: expected bars from 1 to {len(downbeats)}, got {first} to {last}")
    end = downbeats[last] if last < len(downbeats) else plan.duration or downbeats[-1]
    return downbeats[first - 1], end
