from __future__ import annotations

import numpy as np
import pytest

from augmentation.compose.mastering import CEILING, limit, loudness, master


def _sine(rate: int, level: float, seconds: float = 2.0, frequency: float = 997.0) -> np.ndarray:
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_loudness_of_the_standard(rate: int) -> None:
    """BS.1770: a sine of 997 Hz at full scale in one channel is -3.01 LUFS, in both 0.0; EBU 3341 case 1: -23."""
    assert loudness(np.stack([_sine(rate, 1.0), np.zeros(2 * rate, np.float32)]), rate) == pytest.approx(-3.01, abs=0.1)
    assert loudness(np.stack([_sine(rate, 10 ** (-23 / 20))] * 2), rate) == pytest.approx(-23.0, abs=0.1)


def test_silences_are_gated() -> None:
    tone = np.stack([_sine(44100, 0.1)] * 2)
    padded = np.concatenate([tone, np.zeros_like(tone), np.zeros_like(tone)], 1)
    assert loudness(padded, 44100) == pytest.approx(loudness(tone, 44100), abs=0.4)
    assert loudness(np.zeros((2, 44100), np.float32), 44100) == -np.inf
    assert np.isfinite(loudness(tone[:, :4410], 44100))


def test_bass_counts_less_and_treble_more() -> None:
    low, middle, high = (loudness(np.stack([_sine(44100, 0.1, frequency=f)] * 2), 44100) for f in (30.0, 500.0, 6000.0))
    assert low < middle - 3 and high == pytest.approx(middle + 4, abs=0.7)


def test_a_limiter_holds_every_peak_and_moves_nothing() -> None:
    rng = np.random.default_rng(0)
    audio = 0.05 * rng.standard_normal((2, 44100)).astype(np.float32)
    audio[0, [5000, 5003, 20000, 44099]] = 3.0, -2.0, 1.5, 2.0
    held = limit(audio, 44100)
    assert np.abs(held).max() <= CEILING + 1e-6
    assert np.argmax(np.abs(held[0, 4000:6000])) == 1000  # the peak is where it was, and still the highest there
    far = slice(30000, 40000)  # a release later the gain is back
    assert held[:, far] == pytest.approx(audio[:, far], rel=0.02, abs=1e-4)
    quiet = audio * np.float32(0.1)
    assert np.array_equal(limit(quiet, 44100), quiet)


def test_a_master_reaches_its_loudness_under_the_ceiling() -> None:
    rng = np.random.default_rng(1)
    audio = rng.standard_normal((2, 88200)).astype(np.float32)
    for target in (-17.0, -11.0):
        done = master(audio, 44100, target)
        assert loudness(done, 44100) == pytest.approx(target, abs=1.0)
        assert np.abs(done).max() <= CEILING + 1e-6 and done.dtype == np.float32 and done[0, -1] == 0
    assert not master(np.zeros((2, 100), np.float32), 44100, -14.0).any()


def test_what_lies_off_zero_takes_no_room() -> None:
    tone = np.stack([_sine(44100, 0.1, frequency=220.0)] * 2)
    plain, off = master(tone, 44100, -14.0), master(tone + np.float32(0.4), 44100, -14.0)
    settled = slice(44100, None)  # the step that the sound begins with has died away
    assert abs(float(off[:, settled].mean())) < 1e-3
    assert np.sqrt(np.mean(np.square(off[:, settled]))) == pytest.approx(
        np.sqrt(np.mean(np.square(plain[:, settled]))), rel=0.05
    )
