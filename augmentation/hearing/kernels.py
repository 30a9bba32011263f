"""Loops that numpy cannot run in one go, compiled by numba: a recurrence, and what follows a convolution.

Single precision throughout. The exponential is a polynomial, so that eight numbers are computed at a time; it is right
to 2e-7 of its value. Every function is compiled for one type only: numba keeps the code beside this file, and a second
type, compiled by another process at the same time, could get the name of the first (see `munet.compiled`).
"""

from __future__ import annotations

import numpy as np
from numba import float32, int64, njit, void

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer et al., NeurIPS 2017
EPSILON = 1e-5  # of PyTorch's instance norm
FRAMES_IN_SINGLE = 64  # that are summed in single precision, before double takes over


@njit(inline="always", fastmath=True, error_model="numpy")
def exponential(x: float) -> float:
    """exp(x), for x cut to -87..88: two to the nearest whole power, times a polynomial for the rest (Cephes' expf)."""
    x = min(max(x, np.float32(-87.0)), np.float32(88.0))
    power = np.floor(x * np.float32(1.44269504) + np.float32(0.5))
    rest = x - power * np.float32(0.693359375) + power * np.float32(2.12194440e-4)  # ln 2 in two parts
    value = np.float32(1.9875691500e-4)
    value = value * rest + np.float32(1.3981999507e-3)
    value = value * rest + np.float32(8.3334519073e-3)
    value = value * rest + np.float32(4.1665795894e-2)
    value = value * rest + np.float32(1.6666665459e-1)
    value = value * rest + np.float32(5.0000001201e-1)
    value = value * rest * rest + rest + np.float32(1.0)
    return value * np.int32((np.int32(power) + np.int32(127)) << np.int32(23)).view(np.float32)


@njit(inline="always", fastmath=True, error_model="numpy")
def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x))."""
    return np.float32(1.0) / (np.float32(1.0) + exponential(-x))


@njit(inline="always", fastmath=True, error_model="numpy")
def hyperbolic_tangent(x: float) -> float:
    """tanh(x), to 1e-7."""
    return np.float32(1.0) - np.float32(2.0) / (np.float32(1.0) + exponential(np.float32(2.0) * x))


@njit(
    void(float32[:, :, ::1], float32[:, :, ::1], float32[:, :, ::1], float32[:, :, ::1]),
    fastmath=True, error_model="numpy", cache=True, nogil=True,
)  # fmt: skip
def recurrence(gates: np.ndarray, recurrent: np.ndarray, peepholes: np.ndarray, outputs: np.ndarray) -> None:
    """Run LSTMs with peepholes, each through all frames; the second half of them from the last frame to the first.

    Args:
        gates: x W + b of i, f, g and o, `(lanes, frames, 4 * hidden)`; overwritten.
        recurrent: R, `(lanes, hidden, 4 * hidden)`.
        peepholes: p of i, f and o, `(lanes, 3, hidden)`.
        outputs: h, `(lanes, frames, hidden)`; written.
    """
    lanes, frames, _ = gates.shape
    hidden = recurrent.shape[1]
    cell = np.empty(hidden, np.float32)
    for lane in range(lanes):
        weights, peeps = recurrent[lane], peepholes[lane]
        cell[:] = 0
        for step in range(frames):
            at = step if 2 * lane < lanes else frames - 1 - step
            gate, output = gates[lane, at], outputs[lane, at]
            if step > 0:
                state = outputs[lane, at - 1 if 2 * lane < lanes else at + 1]
                for source in range(hidden):
                    value, row = state[source], weights[source]
                    for target in range(4 * hidden):
                        gate[target] += value * row[target]
            for unit in range(hidden):
                before = cell[unit]
                taken = sigmoid(gate[unit] + peeps[0, unit] * before)
                kept = sigmoid(gate[hidden + unit] + peeps[1, unit] * before)
                now = taken * hyperbolic_tangent(gate[2 * hidden + unit]) + kept * before
                cell[unit] = now
                opened = sigmoid(gate[3 * hidden + unit] + peeps[2, unit] * now)
                output[unit] = opened * hyperbolic_tangent(now)


@njit(fastmath=True, error_model="numpy")
def statistics(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each channel, and one over its standard deviation, from `(frames, bins, channels)`; double precision."""
    frames, bins, channels = data.shape
    row, row_squares = np.zeros(bins * channels, np.float32), np.zeros(bins * channels, np.float32)
    total, squares = np.zeros(channels), np.zeros(channels)
    for frame in range(frames):
        values = data[frame].reshape(-1)
        for at in range(values.size):
            row[at] += values[at]
            row_squares[at] += values[at] * values[at]
        if frame % FRAMES_IN_SINGLE == FRAMES_IN_SINGLE - 1 or frame == frames - 1:
            for at in range(row.size):
                total[at % channels] += row[at]
                squares[at % channels] += row_squares[at]
            row[:] = 0
            row_squares[:] = 0
    mean = total / (frames * bins)
    return mean, 1 / np.sqrt(np.maximum(squares / (frames * bins) - mean * mean, 0) + EPSILON)


@njit(fastmath=True, error_model="numpy")
def highest(data: np.ndarray, pool: int, output: np.ndarray) -> None:
    """The highest of every `pool` of the bins `(bins, channels)`, into `(bins // pool * channels,)`."""
    channels = data.shape[1]
    for place in range(data.shape[0] // pool):
        for channel in range(channels):
            output[place * channels + channel] = data[place * pool, channel]
        for other in range(place * pool + 1, (place + 1) * pool):
            for channel in range(channels):
                best, value = output[place * channels + channel], data[other, channel]
                output[place * channels + channel] = value if value > best else best


@njit(fastmath=True, error_model="numpy")
def scaled_selu(values: np.ndarray, mean: np.ndarray, inverse: np.ndarray) -> None:
    """SELU of (values - mean) * inverse, all `(n,)`, in place.

    Two arrays that may be one would be gone through number by number.
    """
    negative = np.float32(SELU_SCALE * SELU_ALPHA)
    for at in range(values.size):
        value = (values[at] - mean[at]) * inverse[at]
        below = negative * (exponential(min(value, np.float32(0.0))) - np.float32(1.0))
        values[at] = np.float32(SELU_SCALE) * value if value > 0 else below


@njit(float32[:, :, ::1](float32[:, :, ::1], int64), cache=True, nogil=True)
def normalised_selu(data: np.ndarray, pool: int) -> np.ndarray:
    """Instance norm, SELU and the highest of every `pool` bins: of all values of a channel, on those that are kept.

    Both functions rise with what they are given, so that the highest may be taken first.

    Args:
        data: `(frames, bins, channels)`; overwritten where `pool` is 1.
        pool: bins that become one; those left over are in the norm only.

    Returns:
        `(frames, bins // pool, channels)`.
    """
    frames, bins, channels = data.shape
    kept = bins // pool
    means, inverses = statistics(data)
    mean, inverse = np.empty(kept * channels, np.float32), np.empty(kept * channels, np.float32)
    for at in range(kept * channels):
        mean[at], inverse[at] = means[at % channels], inverses[at % channels]
    outputs = data if pool == 1 else np.empty((frames, kept, channels), np.float32)
    for frame in range(frames):
        output = outputs[frame].reshape(-1)
        if pool > 1:
            highest(data[frame], pool, output)
        scaled_selu(output, mean, inverse)
    return outputs
