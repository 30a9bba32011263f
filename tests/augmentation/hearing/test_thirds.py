"""Chords without a third are named as what they are."""

from __future__ import annotations

import numpy as np
import pytest

from augmentation.hearing.chords import C2, LOWEST, without_third


def spectra(*pitches: int) -> np.ndarray:
    """Ten frames in which some MIDI pitches sound, three bins a semitone."""
    found = np.full((10, 288), 0.01)
    for pitch in pitches:
        found[:, 3 * (pitch - LOWEST)] = 1.0
    return found


@pytest.mark.parametrize(
    ("label", "pitches", "expected"),
    [
        ("E:maj", (C2 + 4, C2 + 11, C2 + 16), "E:5"),
        ("E:min", (C2 + 4, C2 + 11, C2 + 16), "E:5"),
        ("E:maj", (C2 + 4, C2 + 8, C2 + 11), "E:maj"),
        ("E:min", (C2 + 4, C2 + 7, C2 + 11), "E:min"),
        ("E:maj7", (C2 + 4, C2 + 11), "E:maj7"),
        ("N", (), "N"),
    ],
)
def test_a_chord_whose_thirds_are_equally_faint_is_a_power_chord(label: str, pitches: tuple, expected: str) -> None:
    assert without_third((label, 0.0, 1.0), spectra(*pitches), 10.0) == (expected, 0.0, 1.0)
