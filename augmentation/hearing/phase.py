"""One phase for a whole recording: on which side of the off-beat the pulse lies, decided once.

Where a snare falls on every off-beat, the networks take the off-beats for beats; a section later they are back on the
beat. Nobody counts like that: while the tempo stays, the pulse goes on through the sections. So where a recording
contradicts itself, its beats are tracked once for both readings together, and the reading is chosen in which the first
beats of the bars are heard most surely: off-beats are taken for beats, but seldom for the first of four. Times are
seconds.
"""

from __future__ import annotations

import numpy as np

from augmentation.hearing.madmom.compat import load_madmom

FRAMES_PER_SECOND = 100
FEWEST = 16  # beats: below, there are no two sections
STEADY, ALIKE = 0.8, 0.08  # share of the intervals that are this close to the median: one tempo
TEMPO_RANGE = 0.05  # of the median tempo, in which both readings are tracked
TRANSITION_LAMBDA = 300
REACH = 3  # frames on either side of a beat
AROUND = 8  # beats over which a side is preferred
CLEAR = 0.05  # difference of the mean activations from which it is
CONTESTED = 0.1  # share of the beats that either side must be preferred at
CERTAIN = 1e-4  # activations are kept this far from 0 and 1, of which the tracker takes logarithms


def in_one_phase(found: np.ndarray, activations: np.ndarray) -> tuple[np.ndarray, float | None]:
    """Beats and positions `(beats, 2)`, all on the same side of the off-beat, and how surely they are, 0 to 1.

    The certainty is one minus the share that the other side's first beats have of this one's. What is short, changes
    its tempo or does not contradict itself is returned as it was found, with None.

    Args:
        found: beats and their positions in the bar `(beats, 2)`.
        activations: `(frames, 2)`, probabilities of an ordinary beat and of a first beat, 100 frames a second.
    """
    if len(found) < FEWEST:
        return found, None
    intervals = np.diff(found[:, 0])
    period = float(np.median(intervals))
    if np.mean(np.abs(intervals / period - 1) < ALIKE) < STEADY:
        return found, None
    either, first = activations.sum(axis=1), activations[:, 1]
    beats = _track_both(either, period)
    if len(beats) < FEWEST:
        return found, None
    between = (beats[1:] + beats[:-1]) / 2
    if not _is_contested(_peaks(either, beats[:-1]) - _peaks(either, between)):
        return found, None
    meter = int(found[:, 1].max())
    sides = [(*_first_of_bars(first, times, meter), times) for times in (beats, between)]
    (lost, _, _), (won, offset, times) = sorted(sides, key=lambda side: side[0])
    certainty = 1 - lost / won if won > 0 else 0.0
    return np.column_stack([times, (np.arange(len(times)) - offset) % meter + 1]), certainty


def _track_both(either: np.ndarray, period: float) -> np.ndarray:
    """Beats `(beats,)` of a period near `period` (seconds), for which the pulse and its off-beats count alike."""
    load_madmom()
    from madmom.features.beats import DBNBeatTrackingProcessor

    half = round(period * FRAMES_PER_SECOND / 2)
    padded = np.pad(either, half)
    both = np.maximum(either, np.maximum(padded[: -2 * half], padded[2 * half :]))
    tracker = DBNBeatTrackingProcessor(
        min_bpm=60 / period * (1 - TEMPO_RANGE),
        max_bpm=60 / period * (1 + TEMPO_RANGE),
        transition_lambda=TRANSITION_LAMBDA,
        fps=FRAMES_PER_SECOND,
    )
    return tracker(np.clip(both, CERTAIN, 1 - CERTAIN))


def _peaks(curve: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Highest values of `curve` `(frames,)` near `times`."""
    frames = np.clip(np.round(times * FRAMES_PER_SECOND).astype(int), 0, len(curve) - 1)
    return np.array([curve[max(0, frame - REACH) : frame + REACH + 1].max() for frame in frames])


def _is_contested(lead: np.ndarray) -> bool:
    """Whether the pulse leads in some stretches and the off-beat in others; `lead` is that of each beat."""
    smooth = np.convolve(lead, np.full(AROUND, 1 / AROUND), "same")
    return min(np.mean(smooth > CLEAR), np.mean(smooth < -CLEAR)) >= CONTESTED


def _first_of_bars(first: np.ndarray, times: np.ndarray, meter: int) -> tuple[float, int]:
    """How surely the first beats of the bars are heard, and the number of the first of them, from 0."""
    peaks = _peaks(first, times)
    means = [float(peaks[offset::meter].mean()) for offset in range(meter)]
    offset = int(np.argmax(means))
    return means[offset], offset
