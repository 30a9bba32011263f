"""A click track: what a player hears to keep to a plan's beats."""

from __future__ import annotations

import numpy as np

from munet.music import MusicPlan

FREQUENCIES = (1600.0, 1000.0)  # Hz: downbeats, other beats
LENGTH, DECAY = 0.04, 0.008  # seconds
LEVELS = (0.9, 0.6)


def click_track(plan: MusicPlan, sample_rate: int, seconds: float | None = None) -> np.ndarray:
    """Return float32 `(1, samples)` with a click on every beat, higher and louder on downbeats.

    Args:
        plan: complete.
        sample_rate: Hz.
        seconds: length; the plan's if None.
    """
    audio = np.zeros(round((plan.length if seconds is None else seconds) * sample_rate), np.float32)
    time = np.arange(round(LENGTH * sample_rate)) / sample_rate
    clicks = [
        level * np.sin(2 * np.pi * frequency * time) * np.exp(-time / DECAY)
        for frequency, level in zip(FREQUENCIES, LEVELS, strict=True)
    ]
    for second, position in plan.beats or ():
        at = round(second * sample_rate)
        room = audio[at : at + len(time)]
        room += clicks[position != 1][: len(room)].astype(np.float32)
    return audio[None]
