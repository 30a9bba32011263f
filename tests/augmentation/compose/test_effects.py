from __future__ import annotations

import numpy as np
import pytest

from augmentation.compose.effects import (
    add_in_place,
    compress,
    high_pass,
    places,
    room,
    root_mean_square,
    saturate,
    shelves,
)

RATE = 44100


def _sine(frequency: float, level: float = 0.5, seconds: float = 1.0) -> np.ndarray:
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)[None]


def _gain(before: np.ndarray, after: np.ndarray) -> float:
    """dB, leaving the first tenth of a second out."""
    return 20 * np.log10(root_mean_square(after[:, 4410:].copy()) / root_mean_square(before[:, 4410:].copy()))


@pytest.mark.parametrize(("frequency", "expected"), [(15.0, 6.0), (220.0, 3.0), (900.0, 0.0), (3500.0, -2.0)])
def test_shelves_move_bass_and_treble(frequency: float, expected: float) -> None:
    wave = _sine(frequency)
    assert _gain(wave, shelves(wave, RATE, 6.0, -4.0)) == pytest.approx(expected, abs=0.5)
    assert _gain(wave, shelves(wave, RATE, 0.0, 0.0)) == pytest.approx(0.0, abs=0.01)


def test_high_pass_takes_six_decibels_an_octave() -> None:
    for frequency, expected in ((12.5, -18.2), (100.0, -3.01), (4000.0, 0.0)):
        wave = _sine(frequency)
        assert _gain(wave, high_pass(wave, RATE, 100.0)) == pytest.approx(expected, abs=0.2)


def test_filters_delay_nothing() -> None:
    click = np.zeros((1, 4410), np.float32)
    click[0, 1000] = 1
    assert np.argmax(np.abs(shelves(click, RATE, 3, -9))) == 1000
    assert np.argmax(np.abs(high_pass(click, RATE, 100))) == 1000


def test_compression_narrows_the_range_and_keeps_the_power() -> None:
    wave = np.concatenate([_sine(440, 0.05), _sine(440, 0.5)], 1)
    before = wave.copy()
    squeezed = compress(wave, RATE, 4.0, over=-20.0)
    steady = [root_mean_square(squeezed[:, s : s + 8820].copy()) for s in (22050, 66150)]
    # Both levels lie over the threshold of -20 dB against the mean: 20 dB become about a quarter of what is over it.
    assert 4 < 20 * np.log10(steady[1] / steady[0]) < 12
    assert root_mean_square(squeezed) == pytest.approx(root_mean_square(before), rel=0.02)
    same = _sine(440)
    assert np.array_equal(compress(same.copy(), RATE, 1.0), same)


def test_a_compressor_lets_attacks_pass() -> None:
    burst = np.zeros((1, RATE), np.float32)
    burst[:, 20000:40000] = _sine(1000, 0.8)[:, :20000]
    out = compress(burst.copy(), RATE, 8.0, over=-10.0, attack=0.03)
    assert np.abs(out[:, 20000:20200]).max() > 1.3 * np.abs(out[:, 30000:30200]).max()
    assert not out[:, :19900].any()


def test_saturation_adds_harmonics_with_its_drive() -> None:
    wave = _sine(1000)
    shares = []
    for drive in (0.1, 1.0):
        spectrum = np.abs(np.fft.rfft(saturate(wave, drive)[0]))
        shares.append(float(spectrum[3000] / spectrum[1000]))
    assert shares[0] < 0.01 < 0.05 < shares[1]
    assert np.array_equal(wave, _sine(1000))  # the input stays


def test_places() -> None:
    assert places(1, 0.0) == pytest.approx(np.ones((2, 1)))
    left = places(1, -1.0)
    assert left == pytest.approx(np.array([[np.sqrt(2)], [0]]), abs=1e-6)
    assert np.sum(places(1, 0.4) ** 2) == pytest.approx(2.0)
    assert places(2, 0.0) == pytest.approx(np.eye(2))
    assert places(2, 0.0, 0.0) == pytest.approx(np.full((2, 2), 0.5))  # no width: mono


def test_a_far_ear_hears_a_little_later() -> None:
    click = np.zeros((1, 100), np.float32)
    click[0, 10] = 1
    mix = np.zeros((2, 100), np.float32)
    add_in_place(mix, click, places(1, -0.5), 13)
    assert (np.argmax(mix[0]), np.argmax(mix[1])) == (10, 23) and mix[0, 10] > mix[1, 23] > 0


def test_a_room_decays_is_wide_and_the_same_again() -> None:
    response = room(np.random.default_rng(3), RATE, 1.0, 2.0, 0.01, 0.2)
    assert np.array_equal(response, room(np.random.default_rng(3), RATE, 1.0, 2.0, 0.01, 0.2))
    assert np.sum(response**2) == pytest.approx(1.0, rel=0.3)
    assert not response[:, : round(0.0099 * RATE)].any()
    early, late = (root_mean_square(response[:, round(t * RATE) : round((t + 0.1) * RATE)].copy()) for t in (0.1, 0.6))
    assert 20 * np.log10(early / late) == pytest.approx(30, abs=12)
    assert abs(np.corrcoef(response)[0, 1]) < 0.1
