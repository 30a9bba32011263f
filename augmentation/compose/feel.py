"""Human playing: notes a few milliseconds beside the grid, accents, and phrases that rise and fall.

Labels stay on the grid: nobody is further from it than `MOST` seconds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from augmentation.compose.arranger import RawNote
from augmentation.compose.form import Timeline
from augmentation.compose.piece import Note
from augmentation.compose.sections import Passage

MOST = 0.008  # seconds
_SPREAD = 0.003  # standard deviation of one stroke
_HABIT = 0.0018  # and of how early or late a player is on the whole
_FULL = 112  # velocity at loudness 1: accents and swells need room above
_SHORTEST = 0.03  # seconds; what is left of a note after the cut is dropped below this


def loudness_curve(timeline: Timeline, passages: Sequence[Passage]) -> np.ndarray:
    """Factor on the loudness at every beat: swells of passages, and phrases of four bars that rise and fall."""
    beats = np.arange(len(timeline.positions), dtype=np.float64)
    bars = np.cumsum(np.array(timeline.positions) == 1)
    curve = np.array([0.96, 0.99, 1.03, 1.0])[bars % 4]
    for passage in passages:
        inside = (beats >= passage.start) & (beats < passage.end)
        place = (beats - passage.start) / max(1e-9, passage.end - passage.start)
        low, high = passage.swell
        curve = np.where(inside, curve * (low + (high - low) * place), curve)
    return curve


def play(
    rng: np.random.Generator,
    notes: Sequence[RawNote],
    timeline: Timeline,
    curve: np.ndarray,
    duration: float,
    human: float,
    is_drum: bool,
) -> tuple[Note, ...]:
    """Cut the window out and play it: seconds from the start of the clip, notes sounding over the cut begin at 0.

    Args:
        rng: source of the human deviations.
        notes: of one player, in beats.
        timeline: beats to seconds.
        curve: loudness at every beat.
        duration: seconds of the window.
        human: 0 for a machine to 1 for a person.
        is_drum: strokes before the cut do not go on after it.
    """
    if not notes:
        return ()
    rows = np.array(notes, dtype=np.float64)
    starts, lengths = rows[:, 0], rows[:, 1]
    struck, stroke = np.unique(np.round(starts, 3), return_inverse=True)
    habit = _HABIT * human * float(rng.standard_normal())
    late = np.clip(_SPREAD * human * rng.standard_normal(len(struck)), -2 * _SPREAD, 2 * _SPREAD)[stroke]
    late = np.clip(habit + late + 0.0006 * human * rng.standard_normal(len(rows)), -MOST, MOST)
    begin = timeline.to_seconds(starts) + late
    end = timeline.to_seconds(starts + lengths) + late
    whole = np.minimum(starts.astype(np.int64), len(curve) - 1)
    at = np.array(timeline.positions)[whole]
    accent = np.where(starts - whole > 0.01, 0.94, np.where(at == 1, 1.05, 1.0))
    accent = 1 + (accent - 1) * (0.5 if is_drum else 1.0)
    levels = rows[:, 3] * curve[whole] * accent * (1 + 0.035 * human * rng.standard_normal(len(rows)))
    return _cut(begin, end, rows[:, 2], levels, duration, is_drum)


def _cut(
    begin: np.ndarray, end: np.ndarray, pitches: np.ndarray, levels: np.ndarray, duration: float, is_drum: bool
) -> tuple[Note, ...]:
    first = np.maximum(0.0, begin)
    length = np.minimum(end, duration) - first
    early = begin < -MOST - 1e-4
    keep = (begin < duration - 0.01) & (end > _SHORTEST)
    keep &= ~(early & is_drum) & ~(early & (length < 0.1))
    velocity = np.clip(np.round(_FULL * levels), 1, 127).astype(int)
    rows = zip(
        np.round(first[keep], 6).tolist(),
        np.round(np.maximum(length[keep], _SHORTEST), 6).tolist(),
        np.clip(pitches[keep], 0, 127).astype(int).tolist(),
        velocity[keep].tolist(),
        strict=True,
    )
    return tuple(Note(*row) for row in sorted(rows))
