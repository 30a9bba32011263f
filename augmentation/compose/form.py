"""The frame of a piece: tempo, metre, key and beat grid, drawn around whatever a plan already fixes.

A clip is a window cut from a longer piece, so the first beat has a random phase and bars begin before second 0. A
`Timeline` holds the beats of the clip, extended on both sides, as the map between beat coordinates and seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from augmentation.compose.moods import MOODS
from augmentation.compose.styles import Style
from munet.music import Key, MusicPlan, PlanError, beat_grid, estimate_key

Rng = np.random.Generator
SONG = 20.0  # seconds; a clip that lasts as long is a whole song, not a window
_RITARDANDO, _SLOWEST = 6, 1.3  # beats that a ritardando takes, and how much longer its last one is
_BPM_LIMITS = (40.0, 220.0)


@dataclass(frozen=True)
class Timeline:
    """Beat coordinates against seconds: beat `i` sounds at `seconds[i]` in a bar position `positions[i]`."""

    seconds: np.ndarray
    positions: tuple[int, ...]

    def to_seconds(self, beats: np.ndarray) -> np.ndarray:
        """Seconds of beat coordinates, any shape."""
        return np.interp(beats, np.arange(len(self.seconds), dtype=np.float64), self.seconds)

    def bar_starts(self) -> list[int]:
        """Beat coordinates of the downbeats."""
        return [i for i, position in enumerate(self.positions) if position == 1]

    def to_beats(self, seconds: np.ndarray) -> np.ndarray:
        """Beat coordinates of seconds, any shape."""
        return np.interp(seconds, self.seconds, np.arange(len(self.seconds), dtype=np.float64))


def draw_tempo(rng: Rng, style: Style, energy: str) -> float:
    """A tempo in the style's range, slower for calm pieces, seldom outside it."""
    low, usual, high = style.tempo
    spread = {"calm": (low, usual), "moderate": ((low + usual) / 2, (usual + high) / 2), "energetic": (usual, high)}
    lower, upper = spread[energy]
    bpm = lower + (upper - lower) * (rng.random() + rng.random()) / 2
    if rng.random() < 0.05:
        bpm *= 0.7 + 0.7 * rng.random()
    bpm = min(_BPM_LIMITS[1], max(_BPM_LIMITS[0], bpm))
    return float(round(bpm)) if rng.random() < 0.6 else round(bpm, 1)


def draw_meter(rng: Rng, style: Style) -> int:
    """A metre of the style; one piece in thirty that is usually in four has five, six or seven beats."""
    if style.meters[0] == (4, 1.0) and rng.random() < 0.03:
        return (5, 6, 7)[int(rng.random() * 3)]
    draw = rng.random() * sum(weight for _, weight in style.meters)
    for meter, weight in style.meters:
        draw -= weight
        if draw < 0:
            return meter
    return style.meters[-1][0]


def draw_key(rng: Rng, style: Style, mood: str) -> Key:
    """Any of the 24 keys; the mode after the style and the mood."""
    odds = style.minor / max(1e-6, 1 - style.minor) * MOODS[mood].minor
    minor = rng.random() < odds / (1 + odds)
    return Key.usual(int(rng.random() * 12), "minor" if minor else "major")


@dataclass(frozen=True)
class Frame:
    """What is settled before any note: tempo (BPM), metre, key, beats (second, position), seconds, timeline."""

    bpm: float
    meter: int
    key: Key
    beats: tuple[tuple[float, int], ...]
    duration: float
    timeline: Timeline


def draw_frame(rng: Rng, style: Style, mood: str, energy: str, given: MusicPlan, duration: float) -> Frame:
    """Complete tempo, metre, key and beats; every field of `given` is kept.

    Raises:
        PlanError: the fields given contradict each other so that no music can be played (no time left to play in).
    """
    if given.sections:
        whole = given.complete()
        given = given.with_(bpm=whole.bpm, meter=whole.meter, beats=whole.beats, duration=whole.duration)
    duration = given.duration or duration
    meter = given.meter or (max(p for _, p in given.beats) if given.beats else draw_meter(rng, style))
    bpm = given.bpm or (_tempo_of(given.beats) if given.beats else 0.0) or draw_tempo(rng, style, energy)
    beats = given.beats or _draw_beats(rng, bpm, meter, duration, given)
    if not beats:
        raise PlanError("duration", f"time for a beat at {bpm:g} BPM", duration)
    stated = given.key or next((part.key for part in given.parts() if part.key), None)
    key = Key.parse(stated) if stated else None
    if key is None and given.chords and any(symbol != "N" for symbol, _ in given.chords):
        key = estimate_key(_lengths(given.chords, duration))
    key = key or draw_key(rng, style, mood)
    return Frame(bpm, meter, key, tuple(beats), duration, extend_beats(beats, bpm, meter, duration))


def _tempo_of(beats: Sequence[tuple[float, int]]) -> float:
    gaps = sorted(b - a for (a, _), (b, _) in pairwise(beats))
    return min(300.0, max(30.0, 60 / gaps[len(gaps) // 2])) if gaps else 0.0


def _lengths(chords: Sequence[tuple[str, float]], duration: float) -> list[tuple[str, float]]:
    ends = [start for _, start in chords[1:]] + [max(duration, chords[-1][1] + 0.1)]
    return [(symbol, end - start) for (symbol, start), end in zip(chords, ends, strict=True) if symbol != "N"]


def _draw_beats(rng: Rng, bpm: float, meter: int, duration: float, given: MusicPlan) -> tuple[tuple[float, int], ...]:
    if given.chords:
        # A downbeat falls on the first chord that starts inside the clip, as harmony usually changes on bars.
        anchor = next((start for _, start in given.chords if start > 0), 0.0)
        count = int(anchor * bpm / 60 + 1e-9)
        first, position = anchor - count * 60 / bpm, -count % meter + 1
        return beat_grid(bpm, meter, duration, max(0.0, round(first, 6)), position)
    if rng.random() < (0.35 if duration < SONG else 0.85):
        return beat_grid(bpm, meter, duration)
    first = round(rng.random() * min(60 / bpm, duration / 2), 4)
    return beat_grid(bpm, meter, duration, first, 1 + int(rng.random() * meter))


def extend_beats(beats: Sequence[tuple[float, int]], bpm: float, meter: int, duration: float) -> Timeline:
    """Continue the beats two bars before the first and a bar beyond the end, as the outer ones go."""
    seconds, positions = [t for t, _ in beats], [p for _, p in beats]
    before = seconds[1] - seconds[0] if len(seconds) > 1 else 60 / bpm
    after = seconds[-1] - seconds[-2] if len(seconds) > 1 else 60 / bpm
    head, downbeats = positions[0], [i for i, position in enumerate(positions) if position == 1]
    count = 2 * meter + int(seconds[0] / before)
    early = [(seconds[0] - i * before, (head - 1 - i) % meter + 1) for i in range(count, 0, -1)]
    last = downbeats[-1] - downbeats[-2] if len(downbeats) > 1 else meter
    last = max(last, *positions[-last:])
    count = last + 2 + int(max(0.0, duration - seconds[-1]) / after)
    late = [(seconds[-1] + i * after, (positions[-1] - 1 + i) % last + 1) for i in range(1, count + 1)]
    full = [*early, *zip(seconds, positions, strict=True), *late]
    return Timeline(np.array([t for t, _ in full]), tuple(p for _, p in full))


def slowed(frame: Frame, ending: int) -> Frame:
    """The frame with a ritardando into the beat `ending` (beat coordinate), where there is time for it.

    The last six gaps grow evenly to 1.3 times their length; what follows keeps the last tempo.
    """
    gaps = np.diff(frame.timeline.seconds)
    first = max(0, ending - _RITARDANDO)
    gaps[first:ending] *= np.linspace(1.0, _SLOWEST, ending - first + 1)[1:]
    gaps[ending:] *= _SLOWEST
    seconds = frame.timeline.seconds[0] + np.concatenate([[0.0], np.cumsum(gaps)])
    if frame.timeline.seconds[first] < 0.4 * frame.duration or seconds[ending] > frame.duration - 1.2:
        return frame
    timeline = Timeline(np.round(seconds, 9), frame.timeline.positions)
    rows = zip(timeline.seconds.tolist(), timeline.positions, strict=True)
    beats = tuple((t, position) for t, position in rows if frame.beats[0][0] - 1e-6 <= t < frame.duration)
    return replace(frame, beats=beats, timeline=timeline)
