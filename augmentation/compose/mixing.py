"""The mixing desk: a strip for each track, one room for the piece, an equaliser and a compressor over all.

What a strip may do depends on the family of the instrument, the room on the style; how much of it is drawn by the
piece's seed. The equaliser over all moves the mix part of the way to the spectrum that recordings have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from scipy import fft

from augmentation.compose.effects import compress, high_pass, room, saturate, shelves
from augmentation.compose.piece import Track

Rng = np.random.Generator


@dataclass(frozen=True)
class Strip:
    """What the desk may do to a kind of track: bounds, of which a piece draws its own values.

    Attributes:
        low, high: lowest and highest gain of bass and treble, dB.
        corner: Hz above which the treble's gain holds.
        ratio: highest ratio of compression; attack: its attack in seconds.
        drive: strongest saturation.
        send: share that the room hears, relative to other tracks.
        width: narrowest and widest factor on a stereo source's sides.
        cut: Hz below which nothing is kept, 0 for all.
    """

    low: tuple[float, float] = (-3.0, 2.0)
    high: tuple[float, float] = (-2.0, 4.0)
    corner: float = 3500.0
    ratio: float = 2.0
    attack: float = 0.02
    drive: float = 0.15
    send: float = 1.0
    width: tuple[float, float] = (0.8, 1.3)
    cut: float = 0.0


DRUMS = "drums"
_PLAIN = Strip()
# First program of a family of eight in General MIDI (or a single program) -> strip.
STRIPS: Mapping[int | str, Strip] = MappingProxyType(
    {
        DRUMS: Strip((-2, 3), (-1, 5), 5000, 4.0, 0.012, 0.35, 0.45, (0.8, 1.2)),
        0: Strip((-4, 1), (-3, 4), 3500, 3.0, 0.02, 0.15, 0.9, (0.7, 1.2)),
        4: Strip((-3, 1), (-4, 3), 3000, 3.0, 0.02, 0.5, 0.9),
        5: Strip((-3, 1), (-4, 3), 3000, 3.0, 0.02, 0.4, 0.9),
        8: Strip((-5, 0), (-2, 3), 4000, 1.5, 0.02, 0.0, 1.4, cut=120),
        16: Strip((-5, 0), (-3, 3), 3000, 1.5, 0.02, 0.6, 0.9, cut=60),
        24: Strip((-6, 0), (-1, 5), 4000, 3.0, 0.015, 0.1, 0.9, cut=80),
        26: Strip((-4, 1), (-5, 1), 3000, 3.0, 0.02, 0.4, 0.8, cut=70),
        27: Strip((-6, 0), (-2, 4), 3500, 4.0, 0.015, 0.6, 0.8, cut=90),
        28: Strip((-6, 0), (-2, 4), 3500, 4.0, 0.015, 0.5, 0.6, cut=90),
        29: Strip((-4, 2), (-8, 0), 4500, 2.0, 0.02, 1.6, 0.6, cut=80),
        30: Strip((-3, 4), (-9, 0), 4500, 1.5, 0.02, 2.0, 0.5, cut=70),
        32: Strip((0, 5), (-4, 3), 1800, 4.0, 0.03, 0.45, 0.12, (0.0, 0.3)),
        40: Strip((-3, 1), (-3, 3), 4000, 2.0, 0.03, 0.1, 1.4),
        48: Strip((-4, 1), (-3, 3), 4000, 1.5, 0.03, 0.1, 1.4, (1.0, 1.7), cut=60),
        56: Strip((-4, 1), (-3, 3), 4000, 3.0, 0.02, 0.25, 1.1, cut=60),
        64: Strip((-4, 1), (-3, 3), 4000, 3.0, 0.02, 0.25, 1.1, cut=80),
        72: Strip((-4, 0), (-3, 2), 5000, 2.0, 0.02, 0.1, 1.4, cut=150),
        80: Strip((-5, 1), (-5, 3), 3500, 2.0, 0.02, 0.6, 1.0, cut=80),
        88: Strip((-5, 0), (-4, 3), 3500, 1.5, 0.03, 0.15, 1.3, (1.0, 1.8), cut=80),
        104: Strip((-4, 0), (-3, 3), 4000, 2.0, 0.02, 0.1, 1.1, cut=80),
    }
)
_OMITTED = 0.35  # odds that a step of the strip is left out: not every track is treated


def strip_of(track: Track) -> Strip:
    """Return the strip of a track's instrument."""
    if track.is_drum:
        return STRIPS[DRUMS]
    return STRIPS.get(track.program) or STRIPS.get(track.program // 8 * 8, _PLAIN)


def process(audio: np.ndarray, strip: Strip, rng: Rng, sample_rate: int) -> np.ndarray:
    """Filter, compress and saturate `(1 or 2, samples)`, not silent, as a strip allows and `rng` draws.

    The same numbers are drawn whatever is left out. What comes back may have another level.
    """
    omitted = rng.random(3) < _OMITTED
    low, high = rng.uniform(*strip.low), rng.uniform(*strip.high)
    ratio, drive = rng.uniform(1.0, strip.ratio), rng.uniform(0.3, 1.0) * strip.drive
    if strip.cut and not omitted[0]:
        audio = high_pass(audio, sample_rate, strip.cut)
    if not omitted[1] and ratio > 1.3:
        audio = compress(audio, sample_rate, ratio, attack=strip.attack)
    if not omitted[2] and drive > 0.05:
        audio = saturate(audio, drive, 0.1)
    if not omitted[0]:
        audio = shelves(audio, sample_rate, low, high, (220.0, strip.corner))
    return audio


@dataclass(frozen=True)
class Production:
    """How a piece is produced: bounds as in `Strip`.

    Attributes:
        rooms: names of `ROOMS` to choose from.
        wet: energy of the room against that of the sends, lowest and highest, dB.
        glue: highest ratio of the compressor over all.
        tape: strongest saturation of the whole.
        likeness: share of the way to the spectrum of recordings.
        top: Hz above which little is left (a worn tape), 0 for all.
    """

    rooms: tuple[str, ...] = ("studio", "plate", "chamber")
    wet: tuple[float, float] = (-20.0, -11.0)
    glue: float = 3.0
    tape: float = 0.3
    likeness: tuple[float, float] = (0.3, 0.85)
    top: float = 0.0


# Words of a style's name -> its production; the first that fits, else a studio.
PRODUCTIONS: Mapping[str, Production] = MappingProxyType(
    {
        "lo-fi": Production(("studio", "plate"), (-20, -12), 3.0, 0.7, (0.2, 0.5), 7000),
        "ambient": Production(("hall", "plate"), (-11, -4), 2.0, 0.3, (0.2, 0.6)),
        "orchestral": Production(("hall",), (-12, -6), 1.3, 0.05, (0.1, 0.4)),
        "classical": Production(("hall", "chamber"), (-15, -8), 1.2, 0.0, (0.0, 0.3)),
        "lullaby": Production(("chamber", "hall"), (-15, -8), 1.3, 0.1, (0.0, 0.4)),
        "flamenco": Production(("studio", "chamber"), (-18, -11), 1.5, 0.1, (0.2, 0.6)),
        "waltz": Production(("chamber", "hall"), (-15, -8), 1.5, 0.1, (0.1, 0.5)),
        "march": Production(("chamber", "hall"), (-14, -8), 1.5, 0.1, (0.1, 0.5)),
        "jazz": Production(("studio", "chamber"), (-18, -11), 2.0, 0.25, (0.2, 0.6)),
        "folk": Production(("studio", "chamber"), (-19, -11), 2.0, 0.2, (0.2, 0.6)),
        "metal": Production(("studio", "plate"), (-22, -14), 4.0, 0.5, (0.4, 0.9)),
        "techno": Production(("studio", "plate"), (-20, -11), 4.0, 0.5, (0.4, 0.9)),
        "trance": Production(("plate", "hall"), (-17, -10), 4.0, 0.4, (0.4, 0.9)),
        "house": Production(("studio", "plate"), (-20, -11), 4.0, 0.4, (0.4, 0.9)),
        "drum and bass": Production(("studio", "plate"), (-20, -11), 4.0, 0.4, (0.4, 0.9)),
        "synthwave": Production(("plate", "hall"), (-16, -9), 3.0, 0.4, (0.4, 0.9)),
        "trap": Production(("studio", "plate"), (-20, -12), 4.0, 0.6, (0.4, 0.9)),
        "hip hop": Production(("studio", "plate"), (-20, -12), 4.0, 0.6, (0.4, 0.9)),
    }
)
_STUDIO = Production()
# Name -> bounds of (seconds, damping, delay in seconds, share of early echoes).
ROOMS: Mapping[str, tuple[tuple[float, float], ...]] = MappingProxyType(
    {
        "studio": ((0.25, 0.55), (1.2, 2.2), (0.002, 0.008), (0.2, 0.5)),
        "chamber": ((0.7, 1.3), (1.5, 3.0), (0.005, 0.02), (0.1, 0.3)),
        "plate": ((0.9, 1.8), (1.1, 2.0), (0.0, 0.03), (0.0, 0.08)),
        "hall": ((1.5, 2.6), (2.0, 3.5), (0.012, 0.03), (0.08, 0.2)),
    }
)
ROOM_COUNT = 4  # of each name: rooms are kept, so that a worker makes each once
# Half octaves from 40 Hz -> median level in 70 recordings under free licences, dB.
_BAND_LOW, _BANDS_PER_OCTAVE = 40.0, 2
RECORDED = (-10, -9, -10, -11, -10.5, -12, -13, -15, -15.5, -17, -17.5, -18.5, -19, -19.5, -21.5, -23, -25)
_MOST_MOVED = 9.0  # dB


def production_of(style: str) -> Production:
    """Return how pieces of a style are produced."""
    return next((production for word, production in PRODUCTIONS.items() if word in style), _STUDIO)


@lru_cache(maxsize=32)
def _room(name: str, number: int, sample_rate: int) -> np.ndarray:
    """Impulse response of one of the `ROOM_COUNT` rooms of a name."""
    rng = np.random.default_rng([number, *name.encode()])
    return room(rng, sample_rate, *(rng.uniform(*bounds) for bounds in ROOMS[name]))


@lru_cache(maxsize=16)  # all rooms, 4 MB each for ten seconds, as long as pieces are of one length
def _room_spectrum(name: str, number: int, sample_rate: int, size: int) -> np.ndarray:
    """Spectrum `(2, size // 2 + 1)` of a room."""
    return fft.rfft(_room(name, number, sample_rate), size)


@lru_cache(maxsize=4)
def _octaves(size: int, sample_rate: int) -> np.ndarray:
    """Place of each frequency of a spectrum among the bands of `RECORDED`."""
    frequency = np.maximum(fft.rfftfreq(size, 1 / sample_rate), 1.0)
    return (np.log2(frequency / _BAND_LOW) * _BANDS_PER_OCTAVE - 0.5).astype(np.float32)


def _towards_recordings(spectrum: np.ndarray, size: int, sample_rate: int, share: float) -> np.ndarray:
    """Gain `(size // 2 + 1,)` that moves a spectrum `share` of the way to that of recordings, `_MOST_MOVED` at most."""
    count = len(RECORDED)
    edges = _BAND_LOW * 2 ** (np.arange(count + 1) / _BANDS_PER_OCTAVE) * size / sample_rate
    edges = np.minimum(np.round(edges).astype(int), spectrum.shape[1])
    sums = np.concatenate([[0.0], np.cumsum(np.square(np.abs(spectrum)).sum(0), dtype=np.float64)])
    power = sums[edges[1:]] - sums[edges[:-1]]
    there = edges[1:] > edges[:-1]
    level = 10 * np.log10(power / power.sum() + 1e-7)
    target = np.array(RECORDED)
    target = target - 10 * np.log10(np.sum(10 ** (target[there] / 10)))
    moved = np.where(there, np.clip(share * (target - level), -_MOST_MOVED, _MOST_MOVED), 0.0)
    moved = np.convolve(np.pad(moved, 1, "edge"), [0.25, 0.5, 0.25], "valid")  # broad curves ring least
    curve = np.interp(_octaves(size, sample_rate), np.arange(count), moved)
    return (10.0 ** (curve / 20)).astype(np.float32)


def blend(mix: np.ndarray, send: np.ndarray, production: Production, rng: Rng, sample_rate: int) -> np.ndarray:
    """Put the mix into its room, move its spectrum, compress and saturate the whole.

    Args:
        mix: `(2, samples)`, the tracks in their places.
        send: `(samples,)`, what the room hears.
        production: bounds of what is drawn.
        rng: draws.
        sample_rate: Hz.

    Returns:
        `(2, samples)`, of any loudness.
    """
    name = production.rooms[int(rng.random() * len(production.rooms))]
    number = int(rng.random() * ROOM_COUNT)
    wet, share = 10 ** (rng.uniform(*production.wet) / 20), rng.uniform(*production.likeness)
    ratio, drive = rng.uniform(1.0, production.glue), rng.uniform(0.2, 1.0) * production.tape
    attack, release = rng.uniform(0.01, 0.03), rng.uniform(0.1, 0.4)
    samples = mix.shape[1]
    longest = round(0.9 * ROOMS[name][0][1] * sample_rate)
    size = fft.next_fast_len(samples + longest, real=True)
    spectrum = fft.rfft(mix, size)
    spectrum += fft.rfft(send, size) * (_room_spectrum(name, number, sample_rate, size) * np.float32(wet))
    gain = _towards_recordings(spectrum, size, sample_rate, share)
    if production.top:
        octaves = (_octaves(size, sample_rate) + 0.5) / _BANDS_PER_OCTAVE
        over = np.maximum(0.0, octaves - np.log2(production.top / _BAND_LOW))
        gain = gain * (10.0 ** (-np.minimum(over * 24, 60) / 20)).astype(np.float32)
    spectrum *= gain
    mixed = fft.irfft(spectrum, size)[:, :samples]
    compress(mixed, sample_rate, ratio, -2.0, attack, release)
    return saturate(mixed, drive, 0.05) if drive > 0.03 else mixed
