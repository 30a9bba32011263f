"""Mixing to mono: nothing cancels, and what does not cancel is the plain mean."""

from __future__ import annotations

import numpy as np
import pytest

from augmentation.hearing.channels import to_mono

RATE = 44100
TIME = np.arange(2 * RATE) / RATE


def sine(frequency: float) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * frequency * TIME)


def power_at(samples: np.ndarray, frequency: float) -> float:
    """Amplitude of one frequency in two seconds of sound."""
    return 2 * float(np.abs(np.fft.rfft(samples)[round(2 * frequency)])) / len(samples)


NOISE = np.random.default_rng(0).standard_normal((3, 2 * RATE))


@pytest.mark.parametrize(
    "audio",
    [
        sine(440)[None],
        np.stack([sine(440), sine(440)]),
        np.stack([sine(440), 0 * TIME]),  # on one side
        NOISE,  # nothing in common
        np.stack([NOISE[0] + 0.2 * NOISE[1], NOISE[0] - 0.2 * NOISE[1]]),  # wide, but not turned over
        np.zeros((2, 0)),
        np.zeros((2, RATE)),
    ],
)
def test_ordinary_channels_are_averaged(audio: np.ndarray) -> None:
    assert np.array_equal(to_mono(audio), audio.mean(axis=0))


@pytest.mark.parametrize("right", [-1.0, -0.5])
def test_opposite_channels_are_turned_over(right: float) -> None:
    mono = to_mono(np.stack([sine(440), right * sine(440)]))
    assert mono.shape == TIME.shape
    assert power_at(mono, 440) == pytest.approx(0.3 * (1 - right) / 2, rel=0.02)


def test_only_the_opposite_band_is_turned_over() -> None:
    bass, top = sine(60), sine(3000)
    mono = to_mono(np.stack([top + bass, top - bass]))
    assert power_at(mono, 60) == pytest.approx(0.3, rel=0.02)
    assert power_at(mono, 3000) == pytest.approx(0.3, rel=0.02)


def test_a_mix_is_as_loud_from_its_first_sample_to_its_last() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(10_001)  # in every band
    for length in (4095, 4096, 10_001):  # a window of an odd number of samples as well
        audio = np.stack([noise, -noise])[:, :length]
        assert to_mono(audio) == pytest.approx(audio[0], abs=1e-6)


def test_one_of_three_channels_is_turned_over() -> None:
    mono = to_mono(np.stack([sine(440), -sine(440), sine(440)]))
    assert power_at(mono, 440) == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize("length", [1, 100, 5000])
def test_any_length_is_kept(length: int) -> None:
    audio = np.stack([sine(440), -sine(440)])[:, :length]
    assert to_mono(audio).shape == (length,)
