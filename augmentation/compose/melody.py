"""Melodies that phrase: a question of two bars and its answer, made of one motif, with a breath at the end.

Strong notes are chord tones. Light notes are chord tones or scale tones a whole tone or more from every chord tone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from augmentation.compose.arranger import Bar, Event, RawNote, Span, Touch, on_chords, pattern_events
from munet.music import QUALITIES, Chord, Key

_STEPS = (-2, -1, -1, 0, 1, 1, 2, 3, -3)
_PHRASE = 4  # bars
_REACH = 9  # semitones below, and a little more above, the middle


@dataclass(frozen=True)
class Tune:
    """What the phrases of a section are made of: rhythms and contours of question and answer, and the last step.

    Contours are steps away from the anchor of the phrase, one for each note of two bars.
    """

    rhythms: tuple[str, str]
    contours: tuple[tuple[int, ...], tuple[int, ...]]
    anchors: tuple[int, ...]
    breathes: bool


def draw_tune(rng: np.random.Generator, rhythms: Sequence[str]) -> Tune:
    """Draw a tune from two-bar rhythms; the answer mostly keeps the rhythm of the question."""
    question = rhythms[int(rng.random() * len(rhythms))]
    answer = question if rng.random() < 0.65 else rhythms[int(rng.random() * len(rhythms))]
    contour = _contour(rng)
    # The answer begins as the question does, and goes elsewhere.
    turned = (*contour[: 2 + int(rng.random() * 4)], *_contour(rng))[: len(contour)]
    anchors = tuple(int(rng.random() * 8) - 3 for _ in range(2))
    return Tune((question, answer), (contour, turned), anchors, rng.random() < 0.85)


def _contour(rng: np.random.Generator) -> tuple[int, ...]:
    """Sixteen places on the way of a line that wanders and comes back."""
    place, places = 0, []
    for draw in rng.random(16).tolist():
        place += _STEPS[int(draw * len(_STEPS))]
        place -= round(0.3 * place) if abs(place) > 4 else 0
        places.append(place)
    return tuple(places)


@lru_cache(maxsize=8192)
def _ladder(classes: frozenset[int], low: int, high: int) -> tuple[int, ...]:
    return tuple(pitch for pitch in range(low, high + 1) if pitch % 12 in classes)


@lru_cache(maxsize=8192)
def _tones(root: int, quality: str) -> frozenset[int]:
    return frozenset((root + interval) % 12 for interval in QUALITIES[quality])


@lru_cache(maxsize=8192)
def _passing(root: int, quality: str, scale: tuple[int, ...]) -> frozenset[int]:
    """Chord tones and the scale tones that do not rub against them by a semitone."""
    tones = _tones(root, quality)
    return tones | {pc for pc in scale if not {(pc + 1) % 12, (pc - 1) % 12} & tones}


_scale = lru_cache(maxsize=512)(Key.scale)


def _closest(ladder: Sequence[int], target: float) -> int:
    return min(ladder, key=lambda pitch: (abs(pitch - target), pitch))


def _range_of(chord: Chord, key: Key, weak: bool, low: int, high: int) -> tuple[int, ...]:
    if weak:
        return _ladder(_passing(chord.root_pc, chord.quality, _scale(key)), low, high)
    return _ladder(_tones(chord.root_pc, chord.quality), low, high)


def _phrase_events(tune: Tune, bars: Sequence[Bar], touch: Touch) -> list[tuple[Event, int, int]]:
    """Strokes of some phrases, with the number of the note in its half phrase and of the half (0, 1, 2...)."""
    found: list[tuple[Event, int, int]] = []
    for at in range(0, len(bars), 2):
        half = bars[at].index // 2
        answering = half % 2
        pair = bars[at : at + 2]
        events = pattern_events(tune.rhythms[answering], pair, touch)
        if answering and tune.breathes and len(pair) == 2:
            # The last bar of a phrase holds one note and then breathes.
            rest = pair[1].start + max(1, pair[1].beats // 2)
            events = [event for event in events if event[0] < rest] or events[:1]
            start, _, symbol = events[-1]
            events[-1] = (start, max(0.5, rest + 0.5 * (pair[1].beats > 2) - start), symbol)
        found += [(event, number, half) for number, event in enumerate(events)]
    return found


def play_melody(
    rng: np.random.Generator,
    tune: Tune,
    bars: Sequence[Bar],
    spans: Sequence[Span],
    key: Key,
    touch: Touch,
    centre: int = 72,
) -> list[RawNote]:
    """A melody around `centre` (MIDI pitch) over the chords, phrase by phrase."""
    events = _phrase_events(tune, bars, touch)
    places = {event[0]: (number, half) for event, number, half in events}
    laid = on_chords([event for event, _, _ in events], spans, None)
    low, high = centre - _REACH, centre + _REACH + 3
    notes: list[RawNote] = []
    last, sure = float(centre), (0, 0)
    for i, (start, length, symbol, span) in enumerate(laid):
        if span.chord.is_none:
            continue
        number, half = sure = places.get(start, sure)
        contour, anchor = tune.contours[half % 2], tune.anchors[half // 2 % 2]
        weak = symbol == "o" or (abs(start - round(start)) > 1e-3 and length <= 0.5)
        target = centre + anchor + 1.6 * contour[number % len(contour)]
        closing = half % 2 == 1 and (i + 1 == len(laid) or places.get(laid[i + 1][0], (0, half + 1))[1] != half)
        if closing:  # an answer comes to rest on the root or third
            root = span.chord.root_pc
            rest = frozenset({root, (root + QUALITIES[span.chord.quality][1]) % 12})
            pitch = _closest(_ladder(rest, low, high), (target + last) / 2)
        else:
            pitch = _closest(_range_of(span.chord, key, weak, low, high), target)
        level = touch.loudness * (0.88 if weak else 1.0) * (0.96 + 0.08 * rng.random())
        notes.append((start, length * (0.96 if length > 0.3 else 0.86), pitch, min(1.0, level)))
        last = float(pitch)
    return notes


def play_given(melody: Sequence[tuple[int, float, float]], touch: Touch) -> list[RawNote]:
    """The notes of a plan's melody, (MIDI pitch, start, end) in beats, as they stand."""
    return [(start, end - start, pitch, min(1.0, touch.loudness)) for pitch, start, end in melody]


def play_third_below(melody: Sequence[RawNote], spans: Sequence[Span], key: Key) -> list[RawNote]:
    """The melody again, on the chord or scale tone three or four semitones below, softer."""
    laid = on_chords([(start, length, "x") for start, length, _, _ in melody], spans, None)
    chords = {start: span.chord for start, _, _, span in laid}
    lower: list[RawNote] = []
    for start, length, pitch, level in melody:
        chord = chords.get(start)
        if chord is None or chord.is_none:
            continue
        tones = _passing(chord.root_pc, chord.quality, _scale(key))
        choices = [pitch - step for step in (4, 3, 5, 7) if (pitch - step) % 12 in tones]
        lower.append((start, length, choices[0] if choices else pitch - 12, 0.85 * level))
    return lower


def play_long_tones(spans: Sequence[Span], touch: Touch, voice: int) -> list[RawNote]:
    """A counter line: one tone of every chord, held, in the place `voice` of the voicing counted from above."""
    notes: list[RawNote] = []
    for span in spans:
        if span.voicing:
            pitch = span.voicing[-1 - voice % len(span.voicing)]
            notes.append((span.start, 0.97 * (span.end - span.start), pitch, 0.85 * touch.loudness))
    return notes
