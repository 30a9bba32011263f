"""The time-aligned condition: a `MusicPlan` as features at the latent frame rate.

Conventions: `(features, frames)`; frame i covers the seconds [i / frame_rate, (i + 1) / frame_rate). Rows:

| rows | group | content |
| --- | --- | --- |
| 0-11 | harmony | share of the frame in which the chord has this root (C, C#, ... B) |
| 12-23 | harmony | the same for the bass note |
| 24-35 | harmony | the same for each pitch class of the chord |
| 36 | harmony | share of the frame without a chord (N) |
| 37-40 | rhythm | a beat lies in this quarter of the frame |
| 41-44 | rhythm | a downbeat lies in this quarter of the frame |
| 45-46 | rhythm | cosine and sine of the phase within the beat, at the frame's centre |
| 47-48 | rhythm | cosine and sine of the phase within the bar |
| 49 | rhythm | log2 of the tempo against 120 BPM |
| 50, 51 | rhythm, harmony | 1 where beats, chords are given at all |
| 52-72 | instruments | share of the frame in which each class of `munet.music.instruments` plays |
| 73 | instruments | 1 where it is said who plays |
| 74-76 | energy | calm, moderate, energetic; all zeros: not said |
| 77-88 | melody | share of the frame in which the melody has this pitch class |
| 89-94 | melody | the same for its octave, C2 to C7 and beyond |
| 95-98 | melody | a note of the melody begins in this quarter of the frame |
| 99 | melody | 1 where a melody is given at all |
| 100, 101 | edges | how near the piece's start and end are: 1 at the edge, 0 from `EDGE_SECONDS` on |
| 102, 103 | edges | 1 where the piece's length is known, where it is a loop |
| 104- | style | one row for each style that the model knows; all zeros: not said |

The first 52 rows are the first edition's, which a model without `aligned_styles` takes. A cross-attention must learn
where in time a chord stands; here it stands already. MusiConGen's ablation (Lan et al., ISMIR 2024) finds frame-wise
conditions worth about ten points of chord and beat accuracy. All zeros is the null condition, of all rows or of a
group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from munet.music import Chord, MusicPlan
from munet.music.instruments import CLASS_NAMES, classes_of

ALIGNED_FEATURES = 52  # rows of the first edition
QUARTERS = 4
STEPS = 8  # shares are measured on a grid this many times finer than the frames
EDGE_SECONDS = 4.0
ENERGIES = ("calm", "moderate", "energetic")
OCTAVES = 6  # from C2, MIDI pitch 36
FIRST_STYLE_ROW = 104
ROWS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "harmony": (*range(37), 51),
        "rhythm": tuple(range(37, 51)),
        "instruments": tuple(range(52, 74)),
        "energy": tuple(range(74, 77)),
        "melody": tuple(range(77, 100)),
        "edges": tuple(range(100, 104)),
    }
)


def num_features(styles: Sequence[str] | None) -> int:
    """Return the rows for a model that knows `styles`; None is the first edition."""
    return ALIGNED_FEATURES if styles is None else FIRST_STYLE_ROW + len(styles)


def rows_of(group: str, count: int) -> tuple[int, ...]:
    """Return those of `count` rows that belong to `group`: a key of `ROWS`, or "style".

    Raises:
        KeyError: an unknown group.
    """
    rows = range(FIRST_STYLE_ROW, count) if group == "style" else ROWS[group]
    return tuple(row for row in rows if row < count)


def aligned_features(
    plan: MusicPlan, frames: int, frame_rate: float, styles: Sequence[str] | None = None
) -> np.ndarray:
    """Features `(rows, frames)` float32 of whatever `plan` states.

    Args:
        plan: the whole piece; windows over it are slices of the result.
        frames: number of latent frames.
        frame_rate: latent frames per second, Hz.
        styles: names of the styles that the model knows; None for the 52 rows of the first edition.
    """
    features = np.zeros((num_features(styles), frames), dtype=np.float32)
    if plan.chords is not None:
        _write_chords(features, plan, frame_rate)
    if plan.beats:
        _write_beats(features, plan, frame_rate)
    if styles is not None:
        _write_parts(features, plan, frame_rate)
        _write_melody(features, plan, frame_rate)
        _write_edges(features, plan, frame_rate)
        if plan.style in styles:
            features[FIRST_STYLE_ROW + list(styles).index(plan.style)] = 1
    return features


class _Shares:
    """Rows of shares of a frame, measured on a grid of an eighth of a frame."""

    def __init__(self, rows: int, frames: int, frame_rate: float) -> None:
        self.fine = np.zeros((rows, frames * STEPS), dtype=np.float32)
        self.rate = frame_rate * STEPS

    def add(self, row: int, start: float, end: float) -> None:
        """Write that `row` holds from `start` to `end`, seconds."""
        self.fine[row, round(start * self.rate) : round(end * self.rate)] = 1

    def mean(self) -> np.ndarray:
        """Return the shares `(rows, frames)`."""
        return self.fine.reshape(len(self.fine), -1, STEPS).mean(axis=2)


def _write_chords(features: np.ndarray, plan: MusicPlan, frame_rate: float) -> None:
    frames = features.shape[1]
    # The last chord ends with the piece, not with the frames that a window happens to have.
    last = frames / frame_rate if plan.duration is None else min(plan.duration, frames / frame_rate)
    ends = [second for _, second in plan.chords[1:]] + [last]
    shares = _Shares(37, frames, frame_rate)
    for (symbol, start), end in zip(plan.chords, ends, strict=True):
        chord = Chord.parse(symbol)
        if chord.is_none:
            shares.add(36, start, end)
            continue
        shares.add(chord.root_pc, start, end)
        shares.add(12 + chord.bass_pc, start, end)
        for pitch_class in chord.pitch_classes():
            shares.add(24 + pitch_class, start, end)
    features[:37] = shares.mean()
    features[51] = 1


def _write_moments(features: np.ndarray, first_row: int, times: np.ndarray, frame_rate: float) -> None:
    """Mark moments (seconds) in four rows, one for each quarter of a frame."""
    quarters = np.floor(times * frame_rate * QUARTERS).astype(int)
    inside = quarters[(quarters >= 0) & (quarters < features.shape[1] * QUARTERS)]
    features[first_row + inside % QUARTERS, inside // QUARTERS] = 1


def _write_beats(features: np.ndarray, plan: MusicPlan, frame_rate: float) -> None:
    frames = features.shape[1]
    times = np.array([second for second, _ in plan.beats])
    positions = np.array([position for _, position in plan.beats])
    _write_moments(features, 37, times, frame_rate)
    _write_moments(features, 41, times[positions == 1], frame_rate)
    features[50] = 1
    if len(times) < 2 and plan.bpm is None:
        return
    spacing = 60 / plan.bpm if plan.bpm is not None else float(np.median(np.diff(times)))
    # One beat more at either end, so that the phase is defined over the whole clip.
    before = int(np.ceil(times[0] / spacing)) + 1
    after = int(np.ceil(max(frames / frame_rate - times[-1], 0) / spacing)) + 1
    grid = np.concatenate(
        [times[0] - spacing * np.arange(before, 0, -1), times, times[-1] + spacing * np.arange(1, after + 1)]
    )
    centres = (np.arange(frames) + 0.5) / frame_rate
    beat_number = np.interp(centres, grid, np.arange(len(grid)) - before)  # 0 at the first given beat
    meter = plan.meter or int(positions.max())
    bar = (beat_number + positions[0] - 1) / meter
    tempo = np.full(frames, 60 / spacing)
    if getattr(plan, "sections", None) and len(times) > 1:  # tempo and metre may change
        bar = np.interp(beat_number, np.arange(len(positions)), _bar_numbers(positions, meter), left=0.0)
        tempo = 60 / np.interp(centres, times, np.diff(times, append=2 * times[-1] - times[-2]))
    for row, phase in ((45, beat_number), (47, bar)):
        features[row] = np.cos(2 * np.pi * phase)
        features[row + 1] = np.sin(2 * np.pi * phase)
    features[49] = np.log2(tempo / 120)


def _bar_numbers(positions: np.ndarray, meter: int) -> np.ndarray:
    """Place `(beats,)` of each beat in bars: whole at a downbeat, whatever the length of its bar."""
    starts = np.flatnonzero(positions == 1)
    numbers = (positions - 1) / max(meter, positions.max())  # a piece without a downbeat, or before the first
    for bar, start in enumerate(starts):
        end = starts[bar + 1] if bar + 1 < len(starts) else len(positions)
        length = end - start if bar + 1 < len(starts) else max(meter, positions[start:].max())
        numbers[start:end] = bar + 1 + np.arange(end - start) / length
    return numbers


def _write_parts(features: np.ndarray, plan: MusicPlan, frame_rate: float) -> None:
    """Write who plays and with which energy, part by part."""
    frames = features.shape[1]
    shares = _Shares(FIRST_STYLE_ROW, frames, frame_rate)
    for part in plan.parts():
        end = frames / frame_rate if part.end is None else part.end
        if part.instruments is not None:
            shares.add(73, part.start, end)
            for name in classes_of(part.instruments):
                shares.add(52 + CLASS_NAMES.index(name), part.start, end)
        if part.energy is not None:
            shares.add(74 + ENERGIES.index(part.energy), part.start, end)
    features[52:77] = shares.mean()[52:77]


def _write_melody(features: np.ndarray, plan: MusicPlan, frame_rate: float) -> None:
    if plan.melody is None:
        return
    shares = _Shares(18, features.shape[1], frame_rate)
    for pitch, start, end in plan.melody:
        shares.add(pitch % 12, start, end)
        shares.add(12 + min(max(pitch // 12 - 3, 0), OCTAVES - 1), start, end)
    features[77:95] = shares.mean()
    _write_moments(features, 95, np.array([start for _, start, _ in plan.melody]), frame_rate)
    features[99] = 1


def _write_edges(features: np.ndarray, plan: MusicPlan, frame_rate: float) -> None:
    if plan.loop:
        features[103] = 1
    if plan.duration is None:
        return
    features[102] = 1
    if plan.loop:
        return
    centres = (np.arange(features.shape[1]) + 0.5) / frame_rate
    for row, distance in ((100, centres), (101, plan.duration - centres)):
        features[row] = np.clip(1 - distance / EDGE_SECONDS, 0, 1)
