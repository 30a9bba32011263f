"""Tuning of synthetic chords, known to the cent."""

from __future__ import annotations

import numpy as np
import pytest

from augmentation.hearing.tuning import estimate_tuning, retune, speed_of

RATE = 44100


def chord(cents: float, pitches: tuple[int, ...] = (48, 60, 64, 67), seconds: float = 1.5) -> np.ndarray:
    """A chord of four harmonics a tone, `cents` above A = 440 Hz."""
    time = np.arange(int(seconds * RATE)) / RATE
    waves = [
        np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69 + cents / 100) / 12) * harmonic * time) / harmonic
        for pitch in pitches
        for harmonic in (1, 2, 4)  # octaves: the third and fifth harmonics are not tempered
    ]
    return (0.1 * sum(waves)).astype(np.float32)


@pytest.mark.parametrize("cents", [-50, -40, -31.77, -12, 0, 7, 25, 45])
def test_every_tuning_is_found(cents: float) -> None:
    assert estimate_tuning(chord(cents)) == pytest.approx(cents, abs=1)


@pytest.mark.parametrize("cents", [-100, 100, 60])
def test_a_semitone_more_is_another_note(cents: float) -> None:
    assert estimate_tuning(chord(cents)) == pytest.approx(cents - round(cents / 100) * 100, abs=1)


def test_what_has_no_pitch_has_no_tuning() -> None:
    noise = np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32)
    assert estimate_tuning(noise) is None
    assert estimate_tuning(np.zeros(RATE, np.float32)) is None


@pytest.mark.parametrize("cents", [-50, -20, 33])
def test_retuned_sound_is_in_tune(cents: float) -> None:
    sound = retune(chord(cents), cents)
    assert estimate_tuning(sound) == pytest.approx(0, abs=1)
    assert len(sound) == pytest.approx(1.5 * RATE * 2 ** (cents / 1200), abs=1)
    assert sound.dtype == np.float32


def test_nearly_in_tune_is_left_alone() -> None:
    sound = chord(5)
    assert retune(sound, 5.0) is sound and retune(sound, None) is sound
    assert speed_of(5.0) == speed_of(None) == 1
    assert speed_of(12.0) == pytest.approx(2 ** (1 / 100))


def test_a_long_recording_is_sampled() -> None:
    assert estimate_tuning(np.tile(chord(20), 40)) == pytest.approx(20, abs=1)
