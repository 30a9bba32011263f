"""The arithmetic around the beat networks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augmentation.hearing.beats import BeatTrack, average_activations, beat_confidence, phase_certainty, tempo


@given(st.floats(40, 240), st.integers(4, 40), st.floats(0, 2))
def test_tempo_of_an_even_pulse_is_exact(bpm: float, count: int, first: float) -> None:
    assert tempo(first + np.arange(count) * 60 / bpm) == pytest.approx(bpm)


def test_tempo_is_the_slope_of_the_line() -> None:
    # Times 0, 1, 2, 3.4: slope = sum((i - 1.5) * t) / sum((i - 1.5)^2) = (1.5 * 3.4 + 0.5 * 1) / 5 = 1.12 s.
    assert tempo(np.array([0.0, 1.0, 2.0, 3.4])) == pytest.approx(60 / 1.12)


def test_tempo_needs_four_beats() -> None:
    assert tempo(np.array([0.0, 1.0, 2.0])) is None
    assert tempo(np.array([])) is None


def test_average_of_two_networks() -> None:
    downbeat_net = np.array([[0.1, 0.3], [0.6, 0.0], [0.1, 0.9]])
    averaged = average_activations(downbeat_net, np.array([0.7, 0.2, 0.9, 0.9]))
    # Row 2: (0.1 + 0.9) / 2 would leave less than nothing for "no beat", so it stops at 1 - 0.9.
    assert averaged == pytest.approx(np.array([[0.4, 0.3], [0.4, 0.0], [0.1, 0.9]]))


def test_confidence_is_the_mean_peak_near_the_beats() -> None:
    activations = np.zeros((300, 2))
    activations[103] = 0.5, 0.3  # three frames after the beat at 1 s: within reach
    activations[204] = 0.9, 0.0  # four frames after the beat at 2 s: out of reach
    assert beat_confidence(activations, np.array([1.0, 2.0])) == pytest.approx(0.4)
    assert beat_confidence(activations, np.array([])) == 0.0


def test_the_phase_is_sure_where_nothing_is_heard_between_the_beats() -> None:
    times = np.array([1.0, 2.0, 3.0])
    activations = np.zeros((400, 2))
    activations[[100, 200, 300], 0] = 0.8
    assert phase_certainty(activations, times) == 1.0
    activations[[150, 250], 1] = 0.6
    assert phase_certainty(activations, times) == pytest.approx(0.25)
    activations[[150, 250], 1] = 0.9
    assert phase_certainty(activations, times) == 0.0
    assert phase_certainty(np.zeros((400, 2)), times) == 0.0


def test_a_part_of_a_track_counts_from_its_start() -> None:
    track = BeatTrack(tuple((0.5 * number, number % 4 + 1) for number in range(20)), 120.0, 4, 0.8, phase=0.9)
    part = track.within(2.25, 5.0)
    assert part.beats[0] == (0.25, 2) and len(part.beats) == 5
    assert part.bpm == pytest.approx(120.0) and part.meter == 4
