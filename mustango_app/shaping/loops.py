"""Loops turned so that a region of theirs lies away from the ends, which are no ends, and turned back.

Times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from munet.errors import RequestError
from munet.music import MusicPlan
from mustango_app.shaping.changes import Edit
from mustango_app.shaping.continuation import Shaped
from mustango_app.shaping.region import region_of
from mustango_app.shaping.source import Source


@dataclass(frozen=True)
class Turn:
    """How a loop was turned.

    Args:
        second: that the turned loop begins with.
        sample: the same in samples.
        start: first second of the region in the loop as it was.
        change: the edit with its region in the turned loop.
    """

    second: float
    sample: int
    start: float
    change: Edit


def turned(source: Source, change: Edit, sample_rate: int) -> tuple[Source, Turn]:
    """Return a loop that begins with the downbeat farthest from the region of an edit.

    Raises:
        RequestError: the region is all of the loop.
    """
    plan, duration = source.plan, source.plan.duration or 0.0
    start, end = region_of(plan, change)
    free = [t for t in plan.downbeat_times() if not start < t < end]

    def distance(t: float) -> float:
        return min((start - t) % duration, (t - end) % duration)

    if end - start > duration - 1e-6 or not free:
        raise RequestError(
            f"bars: expected a part of the loop of {duration:g} seconds, got all of it: generate another"
        )
    second = max(free, key=distance)
    sample = round(second * sample_rate)
    audio = np.roll(source.audio, -sample, axis=1)
    first = (start - second) % duration
    moved = replace(change, bars=None, start=first, end=first + end - start)
    return replace(source, audio=audio, plan=_rotated(plan, second)), Turn(second, sample, start, moved)


def turned_back(
    audio: np.ndarray, shaped: Shaped, turn: Turn, samples_before: int
) -> tuple[np.ndarray, MusicPlan, list[float]]:
    """Return sound and plan of an edited loop from its own beginning on, and its region there.

    Args:
        audio: `(channels, samples)` of the turned loop.
        shaped: what was done to it.
        turn: how it was turned.
        samples_before: of the loop before the edit.
    """
    plan, longer = shaped.plan, audio.shape[1] - samples_before
    region = [round(turn.start, 9), round(turn.start + shaped.length, 9)]
    if turn.sample == 0:
        return audio, plan, region
    origin, sample = (plan.duration or 0.0) - turn.second, audio.shape[1] - turn.sample
    before = shaped.end <= origin - (shaped.length - (shaped.end - shaped.start)) + 1e-6
    if not before:  # the region comes after the loop's own beginning, and so does what its tempo adds
        origin, sample = origin - (shaped.length - (shaped.end - shaped.start)), sample - longer
    return np.roll(audio, -sample, axis=1), _rotated(plan, origin), region


def _rotated(plan: MusicPlan, second: float) -> MusicPlan:
    """Return a loop's plan from a downbeat of it on."""
    duration = plan.duration or 0.0
    if second == 0:
        return plan
    late, early = plan.crop(second, duration), plan.crop(0.0, second)
    whole = late.with_(loop=False).splice(duration - second, duration - second, early.with_(loop=False), "loop")
    return whole.with_(loop=True)
