"""The pulse of a recording whose sections contradict each other: by hand, and heard in drums."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from augmentation.hearing.beats import Pulse
from augmentation.hearing.phase import in_one_phase

needs_madmom = pytest.mark.skipif(find_spec("madmom") is None, reason="madmom is optional: it needs a C compiler")
PERIOD, BEATS = 0.5, 96  # seconds; a piece of 48 s


def activations(swapped: range, first: float = 0.6) -> np.ndarray:
    """Networks that hear every beat, but in the bars of the beats `swapped` the off-beats; first beats as they are."""
    curves = np.full((round(100 * PERIOD * (BEATS + 1)), 2), 1e-3)
    for beat in range(BEATS):
        on, between = round(100 * PERIOD * beat), round(100 * PERIOD * (beat + 0.5))
        curves[between if beat in swapped else on, 0] = 0.7 if beat in swapped or beat % 4 else 0.1
        if beat % 4 == 0 and beat not in swapped:
            curves[on, 1] = first
    return curves


def found(swapped: range) -> np.ndarray:
    """Beats where `activations` has them, counted in fours."""
    return np.array([[PERIOD * (beat + 0.5 * (beat in swapped)), beat % 4 + 1] for beat in range(BEATS)])


@needs_madmom
def test_the_side_with_the_surer_first_beats_wins_though_it_is_the_shorter_one() -> None:
    swapped = range(32, BEATS)  # two thirds
    steady, certainty = in_one_phase(found(swapped), activations(swapped))
    assert certainty == pytest.approx(1 - 1e-3 / (8 / 24 * 0.6 + 16 / 24 * 1e-3), abs=0.01)  # 8 of 24 bars are heard
    shifts = np.abs(steady[:, 0] / PERIOD - np.round(steady[:, 0] / PERIOD))
    assert len(steady) == pytest.approx(BEATS, abs=2) and shifts.max() < 0.07  # within 0.035 s of the beats
    assert {int(position) for position in steady[:, 1]} == {1, 2, 3, 4}
    assert all(round(time / PERIOD) % 4 == position - 1 for time, position in steady)


def assert_as_found(beats: np.ndarray, swapped: range) -> None:
    steady, certainty = in_one_phase(beats, activations(swapped))
    assert steady is beats and certainty is None


@needs_madmom
def test_what_agrees_with_itself_or_changes_its_tempo_stays_as_it_was() -> None:
    whole = found(range(0))
    assert_as_found(whole, range(0))
    swapped = range(32, BEATS)
    short = found(swapped)[:12]
    assert_as_found(short, swapped)
    uneven = found(swapped)
    uneven[:, 0] += 0.1 * np.sin(np.arange(BEATS))
    assert_as_found(uneven, swapped)


def test_a_part_of_a_song_is_as_sure_of_its_phase_as_the_whole() -> None:
    swapped = range(32, BEATS)
    pulse = Pulse(found(range(0)), activations(swapped), 0.9)
    part = pulse.track((20.0, 30.0))  # where the networks hear the off-beats
    assert part.phase == 0.9 and part.bpm == pytest.approx(120) and part.beats[0] == (0.0, 1)
    assert (
        part.confidence == pytest.approx(2e-3) and Pulse(pulse.beats, pulse.activations).track((20.0, 30.0)).phase == 0
    )
