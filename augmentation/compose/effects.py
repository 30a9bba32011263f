"""Effects on audio `(channels, samples)`, float32: shelving EQ, compression, saturation, placing, rooms.

All are whole-array operations: a compressor's gain is worked out once per block of 1.5 ms, and its release is a running
maximum, not a loop. Nothing delays the sound: filters are of first or second order (well under 1 ms), gains see their
own block.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import fft
from scipy.signal import lfilter

BLOCK_SECONDS = 0.0015
_SILENT = 1e-10  # power, -100 dB


def decibels(power: np.ndarray) -> np.ndarray:
    """Return levels in dB of powers."""
    return 10 * np.log10(power + _SILENT)


def amplitude(level: float) -> float:
    """Return the factor of a level in dB."""
    return 10.0 ** (level / 20)


def _first_order(low: float, high: float, corner: float, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of a shelf: gain `low` well below the corner (Hz), `high` well above, their middle (in dB) at it."""
    warped = np.tan(np.pi * min(corner, 0.45 * sample_rate) / sample_rate)
    ratio = np.sqrt(high / low)
    zero, pole = warped / ratio, warped * ratio
    # H(s) = high (s + zero) / (s + pole) with s = (1 - 1/z) / (1 + 1/z); at 0 Hz: high zero / pole = low
    return np.array([high * (1 + zero), high * (zero - 1)]) / (1 + pole), np.array([1.0, (pole - 1) / (1 + pole)])


def shelves(
    audio: np.ndarray, sample_rate: int, low: float, high: float, corners: tuple[float, float] = (220.0, 3500.0)
) -> np.ndarray:
    """Raise or lower bass and treble by `low` and `high` dB around the two corner frequencies (Hz)."""
    below, above = (
        _first_order(amplitude(low), 1.0, corners[0], sample_rate),
        _first_order(1.0, amplitude(high), corners[1], sample_rate),
    )
    numerator = np.convolve(below[0], above[0]).astype(np.float32)
    denominator = np.convolve(below[1], above[1]).astype(np.float32)
    return lfilter(numerator, denominator, audio)


def high_pass(audio: np.ndarray, sample_rate: int, corner: float) -> np.ndarray:
    """Take away what lies below `corner` Hz, 6 dB an octave."""
    warped = np.tan(np.pi * min(corner, 0.45 * sample_rate) / sample_rate)
    numerator = np.array([1, -1], np.float32) / np.float32(1 + warped)
    return lfilter(numerator, np.array([1, (warped - 1) / (warped + 1)], np.float32), audio)


def block_power(audio: np.ndarray, sample_rate: int) -> tuple[np.ndarray, int]:
    """Return the mean power of each block of all channels, `(blocks,)`, and the block's length in samples."""
    size = max(1, round(BLOCK_SECONDS * sample_rate))
    blocks = audio.shape[1] // size
    whole = audio[:, : blocks * size].reshape(len(audio), blocks, size)
    power = np.einsum("cbs,cbs->b", whole, whole) / np.float32(size * len(audio))
    rest = audio[:, blocks * size :]
    if rest.shape[1]:
        power = np.append(power, np.float32(np.mean(np.square(rest))))
    return power, size


def apply_gain(audio: np.ndarray, gain: np.ndarray, size: int) -> np.ndarray:
    """Multiply, in place, by a gain per block of `size` samples, with ramps between the middles of blocks."""
    edges = np.concatenate([gain[:1], (gain[1:] + gain[:-1]) / 2, gain[-1:]]).astype(np.float32)
    ramp = np.linspace(0, 1, size, endpoint=False, dtype=np.float32)
    curve = (edges[:-1, None] + (edges[1:] - edges[:-1])[:, None] * ramp).reshape(-1)
    audio *= curve[: audio.shape[1]]
    return audio


def compress(
    audio: np.ndarray,
    sample_rate: int,
    ratio: float,
    over: float = -4.0,
    attack: float = 0.01,
    release: float = 0.15,
) -> np.ndarray:
    """Compress all channels alike, in place, by their common power; the mean power stays.

    Args:
        audio: `(channels, samples)`.
        sample_rate: Hz.
        ratio: of compression, from 1 (none).
        over: threshold in dB against the mean power of what sounds.
        attack: seconds; what is shorter passes.
        release: seconds in which 10 dB come back.
    """
    power, size = block_power(audio, sample_rate)
    heard = power[power > 1e-3 * power.max(initial=0.0)]
    if not len(heard) or ratio <= 1:
        return audio
    threshold = decibels(heard.mean()) + over
    wanted = np.maximum(0.0, decibels(power) - threshold) * (1 - 1 / ratio)
    fall = 10 / release * size / sample_rate * np.arange(len(wanted))
    held = np.maximum.accumulate(wanted + fall) - fall
    keep = np.exp(-size / sample_rate / attack)
    smooth = lfilter([1 - keep], [1, -keep], held)
    gain = 10.0 ** (-smooth / 20)
    made_up = np.sqrt(power.sum() / max(float(np.sum(power * gain**2)), _SILENT))
    return apply_gain(audio, gain * made_up, size)


def root_mean_square(audio: np.ndarray) -> float:
    """Return the RMS of an array."""
    flat = audio.reshape(-1)
    return float(np.sqrt(np.dot(flat, flat) / len(flat)))


def saturate(audio: np.ndarray, drive: float, bias: float = 0.0) -> np.ndarray:
    """Bend the wave as valves and tape do; returned at an RMS of about `drive`.

    Args:
        audio: `(channels, samples)`, not silent.
        drive: amplitude, against the bend, of a wave at its RMS: 0.1 is hardly heard, 1 is an amplifier at its limit.
        bias: shifts the bend, which adds even harmonics.
    """
    bent = audio * np.float32(drive / root_mean_square(audio))
    bent += np.float32(bias)
    np.tanh(bent, out=bent)
    bent -= np.float32(np.tanh(bias))
    return bent


def places(channels: int, pan: float, width: float = 1.0) -> np.ndarray:
    """Return the gains `(2, channels)` that set a mono or stereo source into the stereo image.

    Args:
        channels: 1 or 2.
        pan: -1 (left) to 1 (right); the power stays where the source is mono.
        width: factor on the difference of the two channels of a stereo source.
    """
    angle = (pan + 1) * np.pi / 4
    sides = np.array([np.cos(angle), np.sin(angle)]) * np.sqrt(2)
    if channels == 1:
        return sides[:, None].astype(np.float32)
    near, far = (1 + width) / 2, (1 - width) / 2
    return (np.minimum(sides, 1.0)[:, None] * np.array([[near, far], [far, near]])).astype(np.float32)


def add_in_place(mix: np.ndarray, audio: np.ndarray, gains: np.ndarray, late: int = 0) -> None:
    """Add `(1 or 2, samples)` to `mix`, `(2, samples)`, with `gains` as `places` returns them.

    `late` samples (under 1 ms) pass before a mono source reaches the quieter ear, as between two ears or microphones.
    """
    if len(audio) == 2:
        mix += gains @ audio
        return
    for ear, gain in enumerate(gains[:, 0]):
        delay = late if gain < gains[1 - ear, 0] else 0
        mix[ear, delay:] += audio[0, : audio.shape[1] - delay] * gain


def room(
    rng: np.random.Generator, sample_rate: int, seconds: float, damping: float, delay: float, early: float
) -> np.ndarray:
    """Make the impulse response of a room, `(2, samples)`, of unit energy: a few echoes, then decaying noise.

    The two ears hear independent noise (a wide room), which decays `damping` times faster at the top than at the
    bottom, as air and walls make it. After Moorer (1979), "About this reverberation business".

    Args:
        rng: decides the echoes and the noise.
        sample_rate: Hz.
        seconds: time in which low notes decay by 60 dB.
        damping: how many times faster the highest ones do, from 1.
        delay: seconds before the first echo.
        early: share of the energy in the first echoes, 0 to 1.
    """
    size = max(16, round(seconds * 0.9 * sample_rate))
    time = np.arange(size, dtype=np.float32) / sample_rate
    spectrum = fft.rfft(rng.standard_normal((2, size), dtype=np.float32))
    frequency = fft.rfftfreq(size, 1 / sample_rate)
    tail = np.zeros((2, size), np.float32)
    bands = (0.0, 350.0, 1400.0, 5000.0, np.inf)
    for band, (low, high) in enumerate(pairwise(bands)):
        inside = fft.irfft(spectrum * ((frequency >= low) & (frequency < high)), size)
        decay = seconds / damping ** (band / 3)
        tail += inside * np.exp(-6.9 / decay * time)
    start = min(size - 1, round(delay * sample_rate))
    response = np.zeros((2, size), np.float32)
    response[:, start:] = tail[:, : size - start]
    response *= np.sqrt((1 - early) / np.sum(np.square(response), dtype=np.float64)).astype(np.float32)
    echoes = np.zeros((2, size), np.float32)
    for ear in echoes:
        times = start + rng.uniform(0, 0.04, 7) * sample_rate * (0.4 + seconds / 2)
        np.add.at(ear, np.minimum(size - 1, times.astype(int)), rng.choice([-1, 1], 7) * np.linspace(1, 0.3, 7))
    return response + echoes * np.float32(np.sqrt(early / np.sum(np.square(echoes), dtype=np.float64)))
