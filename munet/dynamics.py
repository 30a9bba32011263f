"""How loud each section of a plan is: what a plan asks to be calm is heard softly beside what it asks to be energetic.

The corpus is mastered, so that a calm section of it is hardly softer than an energetic one, and the network plays both
alike. Levels of sections are therefore set on the finished sound, as an engineer would ride a fader. They depend on the
plan alone, so that a piece can be heard while it is still being made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import torch

from munet.music import MusicPlan

LEVELS: Mapping[str | None, float] = MappingProxyType({"calm": -6.0, "moderate": -2.5, None: -2.5, "energetic": 0.0})
Points = tuple[tuple[float, float], ...]
RAMP = 0.08  # seconds before a section in which the level moves to that section's


def level_points(plan: MusicPlan) -> Points:
    """Return points (second, gain) between which the gain of a plan's sound moves in straight lines.

    There are none where all sections have the same energy.
    """
    parts = plan.parts() if plan.sections else ()
    if len({LEVELS[part.energy] for part in parts}) < 2:
        return ()
    gains = [10 ** (LEVELS[part.energy] / 20) for part in parts]
    points = [(parts[0].start, gains[0])]
    for part, before, gain in zip(parts[1:], gains, gains[1:], strict=False):
        points += [(max(points[-1][0], part.start - RAMP), before), (part.start, gain)]
    if plan.loop:
        points += [(max(points[-1][0], parts[-1].end - RAMP), gains[-1]), (parts[-1].end, gains[0])]
    return tuple(points)


def gains_of(plan: MusicPlan, sample_rate: int, first: int, count: int) -> np.ndarray:
    """Return the gain of the samples `[first, first + count)` of a plan's sound, `(count,)` float32.

    Args:
        plan: of the whole sound; beyond its ends the gain stays.
        sample_rate: Hz.
        first, count: which samples.
    """
    return _gains_between(level_points(plan), sample_rate, first, count)


def _gains_between(points: Points, sample_rate: int, first: int, count: int) -> np.ndarray:
    if not points:
        return np.ones(count, dtype=np.float32)
    seconds, gains = zip(*points, strict=True)
    return np.interp((first + np.arange(count)) / sample_rate, seconds, gains).astype(np.float32)


class Dynamics:
    """The levels of several clips, as a factor for any stretch of their sound.

    Args:
        plans: one per clip.
        sample_rate: Hz.
    """

    def __init__(self, plans: Sequence[MusicPlan], sample_rate: int) -> None:
        self.points, self.sample_rate = [level_points(plan) for plan in plans], sample_rate

    def __call__(self, sound: torch.Tensor, first: int = 0) -> torch.Tensor:
        """Return sound `(clips, samples)` or `(clips, channels, samples)`, from sample `first` on, at its levels."""
        if not any(self.points):
            return sound
        count = sound.shape[-1]
        gains = np.stack([_gains_between(points, self.sample_rate, first, count) for points in self.points])
        factor = torch.from_numpy(gains).to(sound)
        return sound * (factor if sound.ndim == 2 else factor[:, None])
