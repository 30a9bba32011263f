"""The arithmetic around the beat networks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augmentation.hearing.beats import average_activations, beat_confidence, tempo


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
