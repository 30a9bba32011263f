"""Distances against closed forms, and embeddings against what is known of the sounds."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from mustango_app.evaluation.distances import (
    chroma_statistics,
    frechet_distance,
    kernel_distance,
    log_mel_statistics,
    standardize,
)

RATE = 44100


def normal(seed: int, clips: int, dims: int, mean: float = 0.0, deviation: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, deviation, (clips, dims))


def rotation(dims: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(normal(seed, dims, dims))[0]


def correlated(seed: int, clips: int, dims: int) -> np.ndarray:
    return normal(seed, clips, dims) @ normal(seed + 100, dims, dims) + normal(seed + 200, 1, dims)


def chord(notes: tuple[int, ...], seconds: float = 2.0, rate: int = RATE) -> np.ndarray:
    """Sines at MIDI `notes`, `(1, samples)`."""
    times = np.arange(round(seconds * rate)) / rate
    return sum(0.1 * np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * times) for note in notes)[None]


def test_frechet_distance_in_one_dimension() -> None:
    # (m1 - m2)^2 + (s1 - s2)^2. Means 2 and 7; unbiased deviations sqrt(2) and 3 sqrt(2).
    assert frechet_distance([[1.0], [3.0]], [[4.0], [10.0]]) == pytest.approx(25 + (2 * np.sqrt(2)) ** 2)


def test_frechet_distance_of_diagonal_covariances() -> None:
    # Corners of boxes: independent dimensions, so that the distances of the dimensions add up.
    corners = np.array([[x, y] for x in (-1.0, 1.0) for y in (-1.0, 1.0)])
    unit = np.sqrt(4 / 3)  # deviation of a column of the corners
    first, second = corners * (1, 2) + (0, 5), corners * (4, 2) + (1, 5)
    assert frechet_distance(first, second) == pytest.approx(1 + (3 * unit) ** 2)


@pytest.mark.parametrize(("clips", "dims"), [(40, 6), (7, 6), (300, 20)])
def test_frechet_distance_is_the_formula_with_a_matrix_root(clips: int, dims: int) -> None:
    first, second = correlated(1, clips, dims), correlated(2, clips + 3, dims)
    covariances = [np.cov(values, rowvar=False) for values in (first, second)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    shift = first.mean(axis=0) - second.mean(axis=0)
    expected = shift @ shift + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("clips", "dims"), [(50, 8), (5, 64), (2, 3)])
def test_frechet_distance_to_oneself_and_after_a_shift(clips: int, dims: int) -> None:
    first = correlated(3, clips, dims)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9 * np.square(first).sum())
    assert frechet_distance(first, first + 2.0) == pytest.approx(4.0 * dims)


def test_frechet_distance_of_fewer_clips_than_dimensions() -> None:
    # Each set moves in one direction of its own: C1 C2 = 0, the root adds nothing, the traces 2 and 18 remain.
    first, second = np.zeros((2, 50)), np.zeros((2, 50))
    first[:, 0], second[:, 1] = (-1, 1), (-3, 3)
    assert frechet_distance(first, second) == pytest.approx(20)
    # In the same direction it is the distance in one dimension, (sqrt(2) - 3 sqrt(2))^2.
    assert frechet_distance(first, np.roll(second, -1, axis=1)) == pytest.approx(8)


def test_frechet_distance_is_symmetric_and_does_not_turn() -> None:
    first, second = correlated(4, 30, 7), correlated(5, 40, 7)
    distance = frechet_distance(first, second)
    assert frechet_distance(second, first) == pytest.approx(distance)
    turn = rotation(7)
    assert frechet_distance(first @ turn, second @ turn) == pytest.approx(distance)
    assert frechet_distance(3 * first, 3 * second) == pytest.approx(9 * distance)


def test_frechet_bias_of_small_sets_is_as_documented() -> None:
    dims, clips = 8, 200
    distances = [frechet_distance(normal(2 * i, clips, dims), normal(2 * i + 1, clips, dims)) for i in range(100)]
    assert np.mean(distances) == pytest.approx((dims + dims * (dims + 1) / 4) * 2 / clips, rel=0.05)


def test_kernel_distance_by_hand() -> None:
    # One dimension, k(x, y) = (xy + 1)^3. All pairs within the first set are (0, 0): 1. Within the second, ones: 8.
    # Between: 1. So 1 + 8 - 2. Every half says the same.
    assert kernel_distance(np.zeros((4, 1)), np.ones((5, 1))) == (7.0, 0.0)
    # No clip meets itself: of +1, +1, -1, -1 there are 4 ordered pairs alike (8) and 8 unlike (0), of 12.
    signs = np.array([[1.0], [1.0], [-1.0], [-1.0]])
    assert kernel_distance(signs, np.zeros((4, 1))).distance == pytest.approx(32 / 12 + 1 - 2)
    # The product is divided by the dimensions: two ones weigh as much as one.
    assert kernel_distance(np.zeros((4, 2)), np.ones((5, 2))).distance == pytest.approx(7.0)


def test_kernel_distance_is_unbiased() -> None:
    # E k(x, y) - for x, y from N(m, 1), independent: with p = xy, E (p + 1)^3 = E p^3 + 3 E p^2 + 3 E p + 1,
    # E x = m, E x^2 = 1 + m^2, E x^3 = m^3 + 3 m. For m = 0 that is 3 + 1, for m = 1: 16 + 12 + 3 + 1, between: 6 + 1.
    distances = [
        kernel_distance(normal(2 * i, 12, 1), normal(2 * i + 1, 9, 1, mean=1.0), subsets=2).distance
        for i in range(2000)
    ]
    error = np.std(distances) / np.sqrt(len(distances))
    assert np.mean(distances) == pytest.approx(4 + 32 - 2 * 7, abs=3 * error)
    same = [kernel_distance(normal(2 * i, 10, 3), normal(2 * i + 1, 10, 3), subsets=2).distance for i in range(1000)]
    assert np.mean(same) == pytest.approx(0, abs=3 * np.std(same) / np.sqrt(1000))


def test_standard_error_is_how_much_the_distance_varies() -> None:
    results = [kernel_distance(normal(2 * i, 60, 4), normal(2 * i + 1, 80, 4, mean=0.7)) for i in range(60)]
    distances, errors = np.array(results).T
    assert np.mean(errors) == pytest.approx(np.std(distances), rel=0.3)


def test_kernel_distance_is_seeded() -> None:
    first, second = normal(1, 20, 3), normal(2, 20, 3)
    assert kernel_distance(first, second, seed=4) == kernel_distance(first, second, seed=4)
    other = kernel_distance(first, second, seed=5)
    assert other.distance == kernel_distance(first, second, seed=4).distance
    assert other.standard_error != kernel_distance(first, second, seed=4).standard_error


def test_standardize_by_the_reference() -> None:
    # Mean 2 and 5, unbiased deviations sqrt(2) and 5 sqrt(2).
    reference, other = standardize([[1.0, 0.0], [3.0, 10.0]], [[2.0, 5.0], [4.0, 15.0]])
    assert reference == pytest.approx(np.array([[-1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2))
    assert other == pytest.approx(np.array([[0.0, 0.0], [np.sqrt(2), np.sqrt(2)]]))
    with pytest.raises(ValueError, match=r"reference: expected every dimension to vary, got \[1\] constant"):
        standardize(np.array([[1.0, 2.0], [3.0, 2.0]]), np.zeros((2, 2)))


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance, standardize])
@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (np.zeros(5), np.zeros((5, 2)), r"first: expected shape \(at least . clips, dims\), got \(5,\)"),
        (np.zeros((5, 2)), np.zeros((1, 2)), r"second: expected shape \(at least . clips, dims\), got \(1, 2\)"),
        (np.zeros((5, 2)), np.zeros((5, 3)), "second: expected 2 dimensions as in the first, got 3"),
        (np.full((5, 2), np.nan), np.zeros((5, 2)), "first: expected finite embeddings"),
    ],
)
def test_sets_that_do_not_fit_are_refused(
    distance: object, first: np.ndarray, second: np.ndarray, message: str
) -> None:
    # `standardize` calls its sets reference and other, but checks them as the distances do.
    with pytest.raises(ValueError, match=message):
        distance(first, second)


def test_kernel_distance_needs_two_subsets() -> None:
    with pytest.raises(ValueError, match="subsets: expected at least 2, got 1"):
        kernel_distance(normal(1, 5, 2), normal(2, 5, 2), subsets=1)


def test_log_mel_statistics_know_colour_but_not_loudness() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, (2, 2 * RATE)).astype(np.float32)
    statistics = log_mel_statistics(sound, RATE)
    assert statistics.shape == (32,)
    assert np.allclose(log_mel_statistics(sound * 0.1, RATE), statistics, atol=1e-3)
    # Averaging neighbours takes away from the treble, and more of it the higher it lies.
    duller = log_mel_statistics((sound + np.roll(sound, 1, axis=1)) / 2 + np.roll(sound, 2, axis=1), RATE)
    assert duller[0] > statistics[0]
    assert duller[15] < statistics[15]


def test_log_mel_statistics_of_movement_and_of_silence() -> None:
    steady = chord((69,))
    halting = steady * (np.arange(steady.shape[1]) // (RATE // 4) % 2)
    middle = slice(16, 24)  # deviations of the bands around 440 Hz
    assert log_mel_statistics(halting, RATE)[middle].max() > 20 > log_mel_statistics(steady, RATE)[16]
    assert log_mel_statistics(np.zeros((1, RATE)), RATE).tolist() == [-80.0] * 16 + [0.0] * 16


@pytest.mark.parametrize("statistics", [log_mel_statistics, chroma_statistics])
def test_statistics_of_different_rates_compare(statistics: object) -> None:
    notes = (57, 64, 69, 73, 93)
    reference = statistics(chord(notes, rate=16000), 16000)
    for rate in (22050, 32000, 44100, 48000):
        assert np.abs(statistics(chord(notes, rate=rate), rate) - reference).max() < 0.02 * np.abs(reference).max()


def test_chroma_statistics_hear_the_notes() -> None:
    major = chroma_statistics(chord((60, 64, 67)), RATE)
    assert major.shape == (36,)
    assert set(np.argsort(major[:12])[-3:]) == {0, 4, 7}
    # Two seconds of C, two of A: both half of the time, where before there was no movement.
    changing = chroma_statistics(np.concatenate([chord((60,)), chord((69,))], axis=1), RATE)
    assert set(np.argsort(changing[:12])[-2:]) == {0, 9}
    assert changing[[0, 9]] == pytest.approx(0.5, abs=0.15)
    assert changing[12:24][[0, 9]] == pytest.approx(0.5, abs=0.1)
    # Twice as many changes in the same time: the same mean and deviation, more change.
    faster = np.concatenate([chord((note,), seconds=0.5) for note in (60, 69) * 4], axis=1)
    assert (chroma_statistics(faster, RATE)[24:][[0, 9]] > 1.5 * changing[24:][[0, 9]]).all()


@pytest.mark.parametrize("statistics", [log_mel_statistics, chroma_statistics])
def test_statistics_refuse_what_they_cannot_hear(statistics: object) -> None:
    with pytest.raises(ValueError, match=r"audio: expected at least 0\.256 seconds, got 0\.1"):
        statistics(np.zeros((1, 4410)), RATE)
    with pytest.raises(ValueError, match="audio: expected finite samples"):
        statistics(np.full((1, RATE), np.inf), RATE)
    with pytest.raises(ValueError, match="audio: expected shape"):
        statistics(np.zeros(RATE), RATE)
