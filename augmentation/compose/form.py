"""The frame of a piece: tempo, metre, key, beat grid and chords, drawn around whatever a plan already fixes.

A clip is a window cut from a longer piece, so the first beat has a random phase and bars begin before second 0. A
`Timeline` holds the beats of the clip, extended on both sides, as the map between beat coordinates and seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from augmentation.compose.arranger import Bar, Span
from augmentation.compose.moods import MOODS
from augmentation.compose.progressions import chord_from, progression, voice
from augmentation.compose.styles import Style
from munet.music import Chord, Key, MusicPlan, PlanError, beat_grid, estimate_key

Rng = np.random.Generator
# Tonics as they are usually spelled.
_MAJOR_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
_BPM_LIMITS = (40.0, 220.0)


@dataclass(frozen=True)
class Timeline:
    """Beat coordinates against seconds: beat `i` sounds at `seconds[i]` in a bar position `positions[i]`."""

    seconds: np.ndarray
    positions: tuple[int, ...]

    def to_seconds(self, beats: np.ndarray) -> np.ndarray:
        """Seconds of beat coordinates, any shape."""
        return np.interp(beats, np.arange(len(self.seconds), dtype=np.float64), self.seconds)

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
    names = _MINOR_NAMES if minor else _MAJOR_NAMES
    return Key(names[int(rng.random() * 12)], "minor" if minor else "major")


def draw_plan(
    rng: Rng, style: Style, mood: str, energy: str, given: MusicPlan, duration: float
) -> tuple[MusicPlan, Timeline]:
    """Completes a plan; every field of `given` is kept.

    Raises:
        PlanError: the fields given contradict each other so that no music can be played (no time left to play in).
    """
    duration = given.duration or duration
    meter = given.meter or (max(p for _, p in given.beats) if given.beats else draw_meter(rng, style))
    bpm = given.bpm or (_tempo_of(given.beats) if given.beats else 0.0) or draw_tempo(rng, style, energy)
    beats = given.beats or _draw_beats(rng, bpm, meter, duration, given)
    if not beats:
        raise PlanError("duration", f"time for a beat at {bpm:g} BPM", duration)
    key = Key.parse(given.key) if given.key else None
    if key is None and given.chords and any(symbol != "N" for symbol, _ in given.chords):
        key = estimate_key(_lengths(given.chords, duration))
    key = key or draw_key(rng, style, mood)
    timeline = extend_beats(beats, bpm, meter, duration)
    chords = given.chords or _draw_chords(rng, style, key, timeline, duration)
    return MusicPlan(bpm, meter, str(key), tuple(chords), tuple(beats), duration), timeline


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
    if rng.random() < 0.35:
        return beat_grid(bpm, meter, duration)
    first = round(rng.random() * min(60 / bpm, duration / 2), 4)
    return beat_grid(bpm, meter, duration, first, 1 + int(rng.random() * meter))


def extend_beats(beats: Sequence[tuple[float, int]], bpm: float, meter: int, duration: float) -> Timeline:
    """Continues the beats two bars before the first and a bar beyond the end, at the tempo of the outer beats."""
    seconds, positions = [t for t, _ in beats], [p for _, p in beats]
    before = seconds[1] - seconds[0] if len(seconds) > 1 else 60 / bpm
    after = seconds[-1] - seconds[-2] if len(seconds) > 1 else 60 / bpm
    head = positions[0]
    count = 2 * meter + int(seconds[0] / before)
    early = [(seconds[0] - i * before, (head - 1 - i) % meter + 1) for i in range(count, 0, -1)]
    count = meter + 2 + int(max(0.0, duration - seconds[-1]) / after)
    late = [(seconds[-1] + i * after, (positions[-1] - 1 + i) % meter + 1) for i in range(1, count + 1)]
    full = [*early, *zip(seconds, positions, strict=True), *late]
    return Timeline(np.array([t for t, _ in full]), tuple(p for _, p in full))


def draw_bars(rng: Rng, timeline: Timeline) -> tuple[Bar, ...]:
    """Bars of the timeline, numbered from a random place in a form of sections of four or eight bars."""
    starts = [i for i, position in enumerate(timeline.positions) if position == 1]
    length = (4, 4, 8)[int(rng.random() * 3)]
    offset = int(rng.random() * 2 * length)
    bars = []
    for i, (start, end) in enumerate(pairwise(starts)):
        index = offset + i
        place = index % length
        bars.append(Bar(start, end - start, index, index // length % 2, place == 0, place == length - 1))
    return tuple(bars)


def _draw_chords(
    rng: Rng, style: Style, key: Key, timeline: Timeline, duration: float
) -> tuple[tuple[str, float], ...]:
    """A progression laid on bars, pairs of bars or half bars; the chord sounding at the cut starts at 0."""
    starts = [i for i, position in enumerate(timeline.positions) if position == 1]
    bar_seconds = float(np.median(np.diff(timeline.seconds[starts]))) if len(starts) > 1 else 2.0
    cycle = progression(rng, style, key)
    slots = _slots(starts, _harmonic_rhythm(rng, bar_seconds), rng)
    offset = int(rng.random() * len(cycle)) if rng.random() < 0.5 else 0
    times = timeline.to_seconds(np.array(slots, dtype=np.float64)).tolist()
    first = max([i for i, t in enumerate(times) if t <= 1e-6], default=0)
    placed: list[tuple[str, float]] = []
    for i, t in enumerate(times[first:]):
        symbol = str(cycle[(i + offset) % len(cycle)])
        start = 0.0 if i == 0 else round(t, 9)
        if start < duration - 0.05 and (not placed or placed[-1][0] != symbol):
            placed.append((symbol, start))
    return tuple(placed)


def _harmonic_rhythm(rng: Rng, bar_seconds: float) -> str:
    draw = rng.random()
    if bar_seconds < 1.1:
        return "two" if draw < 0.55 else "one"
    if bar_seconds > 2.6:
        return "half" if draw < 0.45 else "one"
    return "one" if draw < 0.66 else "two" if draw < 0.78 else "half" if draw < 0.9 and bar_seconds > 1.6 else "mixed"


def _slots(starts: Sequence[int], rhythm: str, rng: Rng) -> list[int]:
    parity = int(rng.random() * 4)
    slots: list[int] = []
    for i, (start, end) in enumerate(pairwise(starts)):
        middle = start + (end - start + 1) // 2
        if rhythm == "two" and (i + parity) % 2:
            continue
        slots.append(start)
        if rhythm == "half" or (rhythm == "mixed" and (i + parity) % 4 == 3):
            slots += [middle] if start < middle < end else []
    return [*slots, starts[-1]] if rhythm != "two" or (len(starts) - 1 + parity) % 2 == 0 else slots


def chord_spans(plan: MusicPlan, timeline: Timeline, centre: int) -> tuple[Span, ...]:
    """The plan's chords at beat coordinates, voiced around `centre` (MIDI pitch); silence before the first."""
    chords = [(chord_from(symbol), start) for symbol, start in plan.chords or ()]
    starts = timeline.to_beats(np.array([start for _, start in chords])).tolist()
    snapped = [round(s) if abs(s - round(s)) < 1e-6 else s for s in starts]
    if chords and chords[0][1] < 1e-6:
        snapped[0] = 0.0
    elif chords:
        chords, snapped = [(Chord.none(), 0.0), *chords], [0.0, *snapped]
    ends = [*snapped[1:], float(len(timeline.seconds))]
    spans: list[Span] = []
    previous: tuple[int, ...] = ()
    for (chord, _), start, end in zip(chords, snapped, ends, strict=True):
        voicing = voice(chord, previous, centre)
        previous = voicing or previous
        spans.append(Span(start, end, chord, voicing))
    return tuple(spans)


def transposed(spans: Sequence[Span], centre: int) -> tuple[Span, ...]:
    """The same chords voiced around another pitch, for a second instrument."""
    moved: list[Span] = []
    previous: tuple[int, ...] = ()
    for span in spans:
        previous = voice(span.chord, previous, centre) or previous
        moved.append(Span(span.start, span.end, span.chord, () if span.chord.is_none else previous))
    return tuple(moved)
