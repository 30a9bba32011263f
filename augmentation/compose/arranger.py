"""Turns patterns into notes: the grid of bars, drums, bass and chord instruments.

Time is counted in beats: beat `i` of the (extended) beat list sits at coordinate `i`, and the composer maps coordinates
to seconds, so that a grid with tempo drift is played as exactly as a steady one. A raw note is
`(start beat, length in beats, MIDI pitch, velocity 0-1)`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from augmentation.compose.drums import DRUMS, FILLS
from munet.music import QUALITIES, Chord

RawNote = tuple[float, float, int, float]
Event = tuple[float, float, str]

# A stroke this close to a chord start (in beats) belongs to the new chord and moves onto it.
SNAP = 0.13
# Strum: delay from string to string in beats (3 ms at 120 BPM); the first string is on the grid.
_STRUM = 0.006
_LEVELS = MappingProxyType(
    {"X": 1.0, "D": 0.95, "U": 0.8, "x": 0.85, "p": 0.9, "o": 0.6, "u": 0.75, "b": 0.95, "f": 0.85}
)


@dataclass(frozen=True)
class Bar:
    """One bar: first beat, number of beats, index in its passage, whether it opens or closes the passage."""

    start: int
    beats: int
    index: int
    opens: bool = False
    closes: bool = False


@dataclass(frozen=True)
class Span:
    """A chord from beat coordinate `start` to `end` with its voicing (MIDI pitches, ascending)."""

    start: float
    end: float
    chord: Chord
    voicing: tuple[int, ...]


@dataclass(frozen=True)
class Touch:
    """How the piece is played: factor on velocities, and swing."""

    loudness: float
    swing: float = 0.5
    swing_unit: float = 1.0


@lru_cache(maxsize=4096)
def fit_cells(cells: tuple[str, ...], beats: int) -> tuple[str, ...]:
    """Cells of a bar of another length, made from the cells of this one.

    A longer bar is built from groups of four and three beats (7 = 4 + 3); three beats out of four keep the first, the
    second and the last, which turns a backbeat into a waltz's "one, two, three".
    """
    native = len(cells)
    if native == beats:
        return cells
    groups: list[int] = []
    rest = beats
    while rest > 0:
        size = rest if rest <= 4 and rest != native else min(native, rest)
        if native == 4 and rest in (5, 6, 9):
            size = 3
        groups.append(size)
        rest -= size
    order: list[int] = []
    for size in groups:
        if native == 4 and size == 3:
            order += [0, 1, 3]
        else:
            order += [i if i < native else 1 + (i - 1) % max(1, native - 1) for i in range(size)]
    return tuple(cells[min(i, native - 1)] for i in order)


@lru_cache(maxsize=4096)
def bar_events(pattern: str, bar_index: int, beats: int, swing: float, unit: float) -> tuple[Event, ...]:
    """Strokes of one bar as (beat in the bar, length, symbol); `|` separates the bars of a pattern."""
    bars = pattern.split("|")
    cells = fit_cells(tuple(bars[bar_index % len(bars)].split()), beats)
    starts: list[tuple[float, str]] = []
    for beat, cell in enumerate(cells):
        for step, symbol in enumerate(cell):
            place = step / len(cell)
            if swing != 0.5 and len(cell) % 3:
                place = _swung(place, swing, unit)
            starts.append((beat + place, symbol))
    events: list[Event] = []
    for i, (start, symbol) in enumerate(starts):
        if symbol in ".-":
            continue
        end = next((t for t, s in starts[i + 1 :] if s != "-"), float(beats))
        events.append((start, end - start, symbol))
    return tuple(events)


def _swung(place: float, swing: float, unit: float) -> float:
    whole, part = divmod(place / unit, 1.0)
    part = part * 2 * swing if part < 0.5 else swing + (part - 0.5) * 2 * (1 - swing)
    return (whole + part) * unit


def pattern_events(pattern: str, bars: Sequence[Bar], touch: Touch) -> list[Event]:
    """Strokes of a pattern over all bars, at beat coordinates."""
    return [
        (bar.start + start, length, symbol)
        for bar in bars
        for start, length, symbol in bar_events(pattern, bar.index, bar.beats, touch.swing, touch.swing_unit)
    ]


def on_chords(
    events: Sequence[Event], spans: Sequence[Span], anchor: str | None
) -> list[tuple[float, float, str, Span]]:
    """Lays strokes on the chords: snapped to near chord starts, cut at chord ends, one stroke at every chord start.

    Args:
        events: strokes in order of time.
        spans: the chords, in order, without gaps.
        anchor: symbol of the stroke added at a chord start that has none; None adds nothing.
    """
    starts = [span.start for span in spans]
    laid: list[tuple[float, float, str, Span]] = []
    for start, length, symbol in events:
        i = bisect_right(starts, start + 1e-6) - 1
        if i + 1 < len(spans) and 0 < starts[i + 1] - start < SNAP:
            i, length, start = i + 1, length - (starts[i + 1] - start), starts[i + 1]
        elif i >= 0 and 0 < start - starts[i] < SNAP:
            length, start = length + start - starts[i], starts[i]
        if i < 0 or start >= spans[i].end:
            continue
        laid.append((start, min(length, spans[i].end - start), symbol, spans[i]))
    if anchor is None or not laid:
        return laid
    taken = sorted({start for start, *_ in laid})
    for span in spans[1:]:
        i = bisect_right(taken, span.start + 1e-6)
        if i and abs(taken[i - 1] - span.start) < 1e-6:
            continue
        end = min(span.end, taken[i]) if i < len(taken) else span.end
        laid.append((span.start, end - span.start, anchor, span))
    laid.sort(key=lambda item: item[0])
    return laid


def play_drums(rng: np.random.Generator, fills: str, bars: Sequence[Bar], pattern: str, touch: Touch) -> list[RawNote]:
    """Drums: the groove, fills where a passage or a phrase of four bars ends, a crash where a loud passage begins.

    Args:
        rng: source of every choice.
        fills: a key of `FILLS`, or "none".
        bars: of the passage.
        pattern: the groove.
        touch: loudness and swing.
    """
    notes: list[RawNote] = []
    choices = FILLS.get(fills, ())
    for bar in bars:
        odds = 0.8 if bar.closes else 0.25 if bar.index % 4 == 3 else 0.0
        fill = choices[int(rng.random() * len(choices))] if choices and rng.random() < odds else ""
        tail = min(len(fill.split("/")[0].split()[1:]), bar.beats - 1) if fill else 0
        for start, note, level in _drum_bar(pattern, bar, touch):
            if start < bar.beats - tail:
                notes.append((bar.start + start, 0.2, note, level))
        if tail:
            ending = Bar(bar.start + bar.beats - tail, tail, bar.index)
            notes += [
                (ending.start + start, 0.2, note, level * 0.9) for start, note, level in _drum_bar(fill, ending, touch)
            ]
        if bar.opens and fills == "straight" and touch.loudness > 0.85 and rng.random() < 0.7:
            notes.append((float(bar.start), 0.2, DRUMS["crash"][0], DRUMS["crash"][1]))
    scale = touch.loudness * (0.94 + 0.12 * rng.random(len(notes)))
    return [
        (start, length, note, level * s) for (start, length, note, level), s in zip(notes, scale.tolist(), strict=True)
    ]


def _drum_bar(pattern: str, bar: Bar, touch: Touch) -> list[tuple[float, int, float]]:
    found = []
    for row in pattern.split("/"):
        name, cells = row.split(":")
        note, weight = DRUMS[name.strip()]
        for start, _, symbol in bar_events(cells, bar.index, bar.beats, touch.swing, touch.swing_unit):
            found.append((start, note, weight * (1.0 if symbol == "X" else 0.85 if symbol == "x" else 0.45)))
    return found


def _fifth(chord: Chord) -> int:
    """Return the semitones from the root of a chord to its fifth: its third tone, the second of a power chord."""
    intervals = QUALITIES[chord.quality]
    return intervals[min(2, len(intervals) - 1)]


def _near(pitch_class: int, centre: float) -> int:
    return pitch_class + 12 * round((centre - pitch_class) / 12)


def play_bass(
    rng: np.random.Generator, events: Sequence[Event], spans: Sequence[Span], touch: Touch, centre: float = 37.0
) -> list[RawNote]:
    """Bass line: the root (or slash bass) on every chord start, chord tones and short steps between."""
    laid = on_chords(events, spans, "R")
    roots = {id(span): _near(span.chord.bass_pc, centre) for span in spans if not span.chord.is_none}
    notes: list[RawNote] = []
    following = [id(span) for span in spans]
    for start, length, symbol, span in laid:
        if span.chord.is_none:
            continue
        root = roots[id(span)]
        place = following.index(id(span))
        target = roots.get(following[place + 1], root) if place + 1 < len(following) else root
        if start - span.start < 1e-6:
            symbol = "R"
        pitch = _bass_pitch(
            rng, symbol, span, root, target, notes[-1][2] if notes else root, start + length >= span.end - 1e-6
        )
        gate = 0.97 if length > 0.3 else 0.85
        level = touch.loudness * (1.0 if symbol == "R" else 0.88) * (0.95 + 0.1 * rng.random())
        notes.append((start, length * gate, pitch, min(1.0, level)))
    return notes


def _bass_pitch(
    rng: np.random.Generator, symbol: str, span: Span, root: int, target: int, last: int, leads: bool
) -> int:
    if symbol == "R" or (span.chord.bass is not None and symbol in "356"):
        return root
    if symbol == "8":
        return root + 12
    tones = [root + (span.chord.root_pc + i - span.chord.bass_pc) % 12 for i in QUALITIES[span.chord.quality]]
    if symbol == "5":
        fifth = root + (span.chord.root_pc + _fifth(span.chord) - span.chord.bass_pc) % 12
        return fifth - 12 if fifth - 12 >= 28 and rng.random() < 0.5 else fifth
    if symbol == "3":
        return tones[1]
    if symbol == "6":
        return tones[3] if len(tones) > 3 else root + 12
    if symbol in "aw" and leads and target != root:
        return target + (1 if last > target else -1)
    choices = [p for p in (*tones, *(tone - 12 for tone in tones), root + 12) if 28 <= p <= 52 and p != last]
    near = sorted(choices or [root], key=lambda p: abs(p - last))
    return near[int(rng.random() * min(3, len(near)))]


def play_chords(
    rng: np.random.Generator,
    events: Sequence[Event],
    spans: Sequence[Span],
    touch: Touch,
    *,
    strum: bool = False,
    rooted: bool = False,
) -> list[RawNote]:
    """A chord instrument: blocks, strums, power chords, boom-chick or arpeggios, after the pattern's symbols.

    Args:
        rng: source of the humanised velocities.
        events: strokes at beat coordinates.
        spans: chords with voicings.
        touch: loudness and swing.
        strum: spread the strings of a chord by a millisecond each, and double the lowest tone an octave below.
        rooted: add the bass note an octave or two below at chord starts (nobody else plays it).
    """
    arpeggio = sum(symbol.isdigit() for *_, symbol in events) > len(events) / 2
    laid = on_chords(events, spans, "0" if arpeggio else "x")
    notes: list[RawNote] = []
    jitter = (0.94 + 0.12 * rng.random(len(laid))).tolist() if laid else []
    for (start, length, symbol, span), human in zip(laid, jitter, strict=True):
        if not span.voicing:
            continue
        pitches = _stroke_pitches(symbol, span, strum)
        opening = start - span.start < 1e-6
        level = touch.loudness * _LEVELS.get(symbol, 0.8) * human * (1.05 if opening else 1.0)
        if opening and (rooted or arpeggio):
            pitches = sorted({*pitches, _near(span.chord.bass_pc, 43)}) if rooted else pitches
        held = span.end - start if arpeggio and length < span.end - start and symbol.isdigit() else length
        held = min(held, 1.6) if held > length else held * (0.96 if length > 0.3 else 0.8)
        if symbol == "U":
            pitches = pitches[::-1]
        for i, pitch in enumerate(pitches):
            late = i * _STRUM if strum and len(pitches) > 3 else 0.0
            notes.append((start + late, max(0.05, held - late), pitch, min(1.0, level)))
    return notes


def _stroke_pitches(symbol: str, span: Span, strum: bool) -> list[int]:
    voicing = span.voicing
    if symbol.isdigit():
        octave, step = divmod(int(symbol), len(voicing))
        return [voicing[step] + 12 * octave]
    if symbol in "bf":
        step = 0 if symbol == "b" or span.chord.bass is not None else 2
        pitch_class = span.chord.bass_pc if step == 0 else span.chord.root_pc + _fifth(span.chord)
        return [_near(pitch_class % 12, 45)]
    if symbol == "p":
        root = _near(span.chord.root_pc, 44)
        return [root, root + _fifth(span.chord), root + 12]
    if strum and symbol in "XxDUo":
        return sorted({*voicing, voicing[0] + 12, _near(span.chord.root_pc, 46)})
    return list(voicing)


def play_pad(spans: Sequence[Span], touch: Touch) -> list[RawNote]:
    """A pad: every chord held for its whole length, with its root doubled below."""
    notes: list[RawNote] = []
    for span in spans:
        if not span.voicing:
            continue
        for pitch in sorted({*span.voicing, _near(span.chord.root_pc, 48)}):
            notes.append((span.start, span.end - span.start, pitch, 0.8 * touch.loudness))
    return notes
