"""Which recordings sound the same: landmarks of their spectral peaks (Wang, "An industrial-strength audio search
algorithm", ISMIR 2003).

A landmark is three peaks of the spectrogram that follow each other: their frequencies and the times between them, so
that few are alike by chance even among a hundred thousand clips. Encoding, level and where a file was cut leave many of
them as they are, and two files of the same recording share some at one and the same distance in time. Another tempo or
pitch, or another performance, is another recording here.

Chromaprint would have been the library to take, but its Python binding comes without the library itself, which `pip`
cannot install; what there is in wheels is a web service or not kept.

Audio is float32 `(channels, samples)`, times are seconds, rates Hz.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.fft
import scipy.ndimage

from augmentation.audio import LONGEST, read_audio, resample, seconds_of
from munet.errors import RequestError

RATE, WINDOW, HOP = 11025, 1024, 256  # Hz, samples
STEP = HOP / RATE  # seconds of a frame
NEIGHBOURS = (5, 8)  # frames and bins within which a peak is the highest
DENSITY = 20.0  # peaks a second that are kept, the highest
FAN, REACH = 5, 63  # following peaks of which a peak is joined with two, and frames within which
MIXER = np.uint64(0x9E3779B97F4A7C15)  # odd, of the golden ratio: spreads codes over all bits
BLOCK = 430  # frames, ten seconds: what is looked at at once, and how evenly peaks are kept
PART_SECONDS = 60.0  # of a file that are read at once
COMMON = 40  # a landmark that occurs this often (in a sampled drum, say) tells nothing
REPEATS = 4  # of a landmark in one recording that count
AGREE = 0.008  # share of the shorter one's landmarks that must agree in time
FEWEST = 6  # and how many at least


@dataclass(frozen=True)
class Landmarks:
    """Landmarks of a recording, in order of time.

    Attributes:
        hashes: `(landmarks,)` uint32, three frequencies and the frames between.
        frames: `(landmarks,)` int32, where the first of the three lies.
    """

    hashes: np.ndarray
    frames: np.ndarray


def landmarks(audio: np.ndarray, sample_rate: int) -> Landmarks:
    """Find the landmarks of audio `(channels, samples)`."""
    mono = resample(audio.mean(axis=0, keepdims=True), sample_rate, RATE)[0]
    frames, bins = _peaks(mono)
    hashes, places = [], []
    for near, far in itertools.combinations(range(1, FAN + 1), 2):
        count = max(0, len(frames) - far)
        gaps = [frames[step : step + count] - frames[:count] for step in (near, far)]
        used = np.flatnonzero((gaps[0] > 0) & (gaps[1] > gaps[0]) & (gaps[1] <= REACH))
        parts = [bins[used], bins[used + near], bins[used + far], gaps[0][used], gaps[1][used]]
        code = np.zeros(len(used), dtype=np.uint64)
        for part in parts:
            code = (code + part.astype(np.uint64) + np.uint64(1)) * MIXER
        hashes.append((code >> np.uint64(32)).astype(np.uint32))
        places.append(frames[used])
    order = np.argsort(np.concatenate(places), kind="stable")
    return Landmarks(np.concatenate(hashes)[order], np.concatenate(places)[order].astype(np.int32))


def landmarks_of(path: str | Path) -> Landmarks:
    """Landmarks of an audio file, of its first ten minutes; none where it cannot be read.

    It is read minute by minute, so that memory stays flat.
    """
    found = []
    try:
        length = min(seconds_of(path), LONGEST)
        for start in np.arange(0.0, length, PART_SECONDS):
            audio, rate = read_audio(path, None, float(start), PART_SECONDS)
            part = landmarks(audio, rate)
            found.append(Landmarks(part.hashes, part.frames + round(start / STEP)))
    except (RequestError, OSError, RuntimeError):  # said when a clip is cut from it
        pass
    hashes = np.concatenate([np.zeros(0, np.uint32), *(part.hashes for part in found)])
    return Landmarks(hashes, np.concatenate([np.zeros(0, np.int32), *(part.frames for part in found)]).astype(np.int32))


def _peaks(mono: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames and bins of the highest peaks, in order of time."""
    padded = np.pad(mono, (0, max(0, WINDOW - len(mono))))
    count = 1 + (len(padded) - WINDOW) // HOP
    window = np.hanning(WINDOW).astype(np.float32)
    frames, bins = [], []
    for start in range(0, count, BLOCK):
        last = min(start + BLOCK, count)
        before, after = max(0, start - NEIGHBOURS[0]), min(count, last + NEIGHBOURS[0])
        views = np.lib.stride_tricks.sliding_window_view(padded[before * HOP : (after - 1) * HOP + WINDOW], WINDOW)[
            ::HOP
        ]
        power = np.abs(scipy.fft.rfft(views * window, axis=1))[:, : WINDOW // 2]
        level = np.log(power + 1e-4 * (power.max() + 1e-9))
        level -= scipy.ndimage.uniform_filter1d(level, 31, axis=1)  # louder than its surroundings, in whatever register
        highest = (level == scipy.ndimage.maximum_filter(level, (2 * NEIGHBOURS[0] + 1, 2 * NEIGHBOURS[1] + 1))) & (
            level > 0.5
        )
        highest[:, :4] = False  # rumble
        inside = highest[start - before : last - before]
        at, where = np.nonzero(inside)
        kept = np.argsort(-level[start - before : last - before][at, where], kind="stable")
        kept = np.sort(kept[: max(1, round(DENSITY * (last - start) * STEP))])
        frames.append(at[kept] + start)
        bins.append(where[kept])
    return np.concatenate(frames), np.concatenate(bins)


def same_recording(found: Sequence[Landmarks]) -> list[tuple[int, int]]:
    """Pairs of recordings, by their places in `found`, of which one holds the other or a good part of it.

    A pair counts when enough landmarks of the shorter one lie at one distance in time in the other.
    """
    sizes = np.array([len(each.hashes) for each in found])
    if not sizes.sum():
        return []
    owner = np.repeat(np.arange(len(found), dtype=np.int32), sizes)
    hashes = np.concatenate([each.hashes for each in found])
    frames = np.concatenate([each.frames for each in found])
    order = np.argsort(hashes, kind="stable")
    owner, hashes, frames = owner[order], hashes[order], frames[order]
    # What one recording repeats counts a few times only, or music of loops would have nothing but common landmarks.
    begins = np.r_[True, (np.diff(hashes) != 0) | (np.diff(owner) != 0)]
    first = np.maximum.accumulate(np.where(begins, np.arange(len(hashes)), 0))
    kept = np.arange(len(hashes)) - first < REPEATS
    owner, hashes, frames = owner[kept], hashes[kept], frames[kept]
    bounds = np.flatnonzero(np.diff(hashes)) + 1
    starts, ends = np.r_[0, bounds], np.r_[bounds, len(hashes)]
    place = np.arange(len(hashes))
    run_end = np.repeat(ends, ends - starts)
    rare = np.repeat(ends - starts <= COMMON, ends - starts)
    matches = []
    for step in range(1, COMMON):  # every landmark with the one `step` places behind it under the same hash
        left = np.flatnonzero(rare & (place + step < run_end))
        if not len(left):
            break
        right = left + step
        differ = owner[left] != owner[right]
        left, right = left[differ], right[differ]
        # Stable sorting keeps the owners in order, so `left` is the lower one.
        matches.append(np.stack([owner[left], owner[right], (frames[right] - frames[left]) // 2]))
    return _agreeing(np.concatenate(matches, axis=1), sizes) if matches else []


def _agreeing(matches: np.ndarray, sizes: np.ndarray) -> list[tuple[int, int]]:
    """Pairs with enough matches `(3, matches)` (first, second, distance in time) at one distance."""
    if not matches.shape[1]:
        return []
    voted, counts = np.unique(matches, axis=1, return_counts=True)
    shorter = np.minimum(sizes[voted[0]], sizes[voted[1]])
    # A distance may fall between two steps, so that neighbours count together.
    follows = np.zeros(len(counts), dtype=counts.dtype)
    adjacent = (voted[:2, 1:] == voted[:2, :-1]).all(axis=0) & (voted[2, 1:] == voted[2, :-1] + 1)
    follows[:-1] = np.where(adjacent, counts[1:], 0)
    enough = counts + follows >= np.maximum(FEWEST, AGREE * shorter)
    return sorted({(int(first), int(second)) for first, second in voted[:2, enough].T})
