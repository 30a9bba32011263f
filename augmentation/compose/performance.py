"""What each player plays in each passage: patterns of the style on the chords, by role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from augmentation.compose.arranger import (
    Bar,
    Event,
    RawNote,
    Span,
    Touch,
    pattern_events,
    play_bass,
    play_chords,
    play_drums,
    play_pad,
)
from augmentation.compose.band import PLUCKED, Player, pick
from augmentation.compose.drums import DRUMS
from augmentation.compose.form import Timeline
from augmentation.compose.melody import (
    Tune,
    draw_tune,
    play_given,
    play_long_tones,
    play_melody,
    play_third_below,
)
from augmentation.compose.moods import Mood
from augmentation.compose.sections import Passage
from augmentation.compose.styles import Style
from augmentation.compose.voicing import transposed
from munet.music import Key

Rng = np.random.Generator
_STRUMMED = frozenset({"nylon guitar", "acoustic guitar"})
_LOW_SECOND = frozenset({"overdriven guitar", "distorted guitar", "trombone", "French horn", "cello"})
# Energy -> the part of a list of patterns, from sparse to busy, that it chooses from, and its loudness.
_BUSY = MappingProxyType({"calm": (0.0, 0.55), "moderate": (0.2, 0.85), "energetic": (0.4, 1.0)})
_LOUD = MappingProxyType({"calm": 0.74, "moderate": 0.88, "energetic": 1.0})


@dataclass(frozen=True)
class Score:
    """What all players read: the style, the mood, the beats, the chords, and the keys of the passages."""

    style: Style
    mood: Mood
    timeline: Timeline
    spans: tuple[Span, ...]
    passages: tuple[Passage, ...]
    keys: tuple[Key, ...]
    band: tuple[Player, ...]
    swing: float
    window: tuple[float, float]  # first and last beat that can be heard
    exact: bool = False  # whether everyone in a cast was asked for by name
    melody: tuple[tuple[int, float, float], ...] = ()  # given: (MIDI pitch, start, end) in beats

    def touch(self, passage: Passage) -> Touch:
        """How a passage is played."""
        loudness = _LOUD[passage.energy] * self.mood.loudness
        return Touch(loudness, self.swing, self.style.swing_unit)

    def bars(self, passage: Passage) -> list[Bar]:
        """Bars that touch a passage, counted from its start."""
        starts = self.timeline.bar_starts()
        pairs = [(a, b) for a, b in pairwise(starts) if b > passage.start and a < passage.end]
        # A window's first passage began somewhere before: bars are counted so that its end ends a phrase.
        late = -len(pairs) % 4 if passage.start == 0.0 and len(self.passages) > 1 else 0
        last = len(pairs) - 1
        final = passage is self.passages[-1]
        return [
            Bar(a, b - a, late + i, i == 0 and passage.start > 0, i == last and not final)
            for i, (a, b) in enumerate(pairs)
        ]  # fmt: skip


@dataclass(frozen=True)
class Memory:
    """What a player played before: the patterns of sections by name and energy, the tunes by name."""

    patterns: dict[str, str]
    tunes: dict[str, Tune]


def clipped(spans: Sequence[Span], start: float, end: float) -> list[Span]:
    """The chords from `start` to `end` (beats), those at the edges cut there."""
    return [
        replace(span, start=max(span.start, start), end=min(span.end, end))
        for span in spans
        if span.end > start + 1e-6 and span.start < end - 1e-6
    ]


def perform(rng: Rng, score: Score) -> list[tuple[Player, list[RawNote]]]:
    """The notes of every player over all passages, in beats; melody players before those that follow them."""
    notes: dict[int, list[RawNote]] = {}
    order = sorted(range(len(score.band)), key=lambda i: score.band[i].role == "double")
    for i in order:
        player, memory = score.band[i], Memory({}, {})
        spans = _spans_of(score, player)
        notes[i] = []
        for passage, key in zip(score.passages, score.keys, strict=True):
            if i in passage.cast:
                lead = _lead(score, notes, passage)
                own = _play(rng, score, player, passage, key, clipped(spans, passage.start, passage.end), memory, lead)
                own = _within(own, passage, player.role == "drums")
                if score.exact and not _audible(own, score.window):
                    own = _at_least(score, player, passage, spans)
                notes[i] += own
    return [(score.band[i], notes[i]) for i in range(len(score.band))]


def _audible(notes: Sequence[RawNote], window: tuple[float, float]) -> bool:
    return any(window[0] <= start < window[1] for start, *_ in notes)


def _at_least(score: Score, player: Player, passage: Passage, spans: Sequence[Span]) -> list[RawNote]:
    """Something for who was asked for and has nothing to play, as in a section of one beat."""
    start, end = max(passage.start, score.window[0]), min(passage.end, score.window[1])
    if player.role == "drums":
        return [(start, 0.2, DRUMS["kick"][0], score.touch(passage).loudness)]
    return play_long_tones(clipped(spans, start, end), score.touch(passage), 0)


def _lead(score: Score, notes: Mapping[int, list[RawNote]], passage: Passage) -> list[RawNote]:
    """The melody that is already written in a passage."""
    for i, player in enumerate(score.band):
        if player.role == "melody" and i in passage.cast and notes.get(i):
            return [note for note in notes[i] if passage.start <= note[0] < passage.end]
    return []


def _spans_of(score: Score, player: Player) -> tuple[Span, ...]:
    """The chords voiced where the player plays them."""
    lift = round(score.mood.register / 2)
    alone = len({other.instrument for other in score.band}) == 1
    if player.role == "comp":
        return transposed(score.spans, 57 if alone else 60 + lift)
    if player.role == "second":
        return transposed(score.spans, 58 if player.instrument in _LOW_SECOND else 67)
    if player.role == "pad":
        return transposed(score.spans, 62 + lift)
    return transposed(score.spans, player.centre - 5) if player.role != "bass" else score.spans


def _window(table: Sequence[str], energy: str) -> Sequence[str]:
    low, high = _BUSY[energy]
    return table[int(low * len(table)) : max(int(low * len(table)) + 1, round(high * len(table)))]


def _variant(rng: Rng, table: Sequence[str], passage: Passage, memory: Memory) -> str:
    """A pattern of the list, as busy as the energy says; sections of one name share it."""
    name = f"{passage.name} {passage.energy}"
    if name not in memory.patterns:
        window = _window(table, passage.energy)
        old = [pattern for pattern in memory.patterns.values() if pattern in window]
        memory.patterns[name] = old[0] if old and rng.random() < 0.4 else pick(rng, window)
    return memory.patterns[name]


def _play(
    rng: Rng,
    score: Score,
    player: Player,
    passage: Passage,
    key: Key,
    spans: Sequence[Span],
    memory: Memory,
    lead: Sequence[RawNote],
) -> list[RawNote]:
    """One player in one passage."""
    touch, bars, patterns = score.touch(passage), score.bars(passage), score.style.patterns

    def events(table: Sequence[str], energy: str = passage.energy) -> list[Event]:
        pattern = _variant(rng, table, replace(passage, energy=energy), memory)
        inside = pattern_events(pattern, bars, touch)
        return [event for event in inside if passage.start - 1e-6 <= event[0] < passage.end - 1e-6]

    role, instrument = player.role, player.instrument
    if role == "drums":
        return play_drums(rng, score.style.fills, bars, _variant(rng, patterns.drums, passage, memory), touch)
    if role == "bass":
        alone = any(other.role == "comp" and other.instrument == instrument for other in score.band)
        centre = 41.0 if alone else 43.0 if instrument in ("cello", "trombone") else 36.0
        return play_bass(rng, events(patterns.bass, "calm" if alone else passage.energy), spans, touch, centre)
    if role in ("comp", "second"):
        table = patterns.second or patterns.comp if role == "second" else patterns.comp
        rooted = role == "comp" and not any(score.band[i].role == "bass" for i in passage.cast)
        strum = instrument in _STRUMMED or (rooted and instrument in PLUCKED)
        return play_chords(rng, events(table), spans, touch, strum=strum, rooted=rooted)
    if role == "pad":
        return play_pad(spans, touch)
    if role == "counter":
        voice = sum(other.role == "counter" for other in score.band[: score.band.index(player)])
        return play_long_tones(spans, touch, voice)
    if role == "double" and lead:
        return play_third_below(lead, spans, key)
    if score.melody and role == "melody":
        return [note for note in play_given(score.melody, touch) if passage.start - 1e-6 <= note[0] < passage.end]
    return _sing(rng, score, player, passage, key, spans, memory, bars)


def _sing(
    rng: Rng,
    score: Score,
    player: Player,
    passage: Passage,
    key: Key,
    spans: Sequence[Span],
    memory: Memory,
    bars: Sequence[Bar],
) -> list[RawNote]:
    if passage.name not in memory.tunes:
        memory.tunes[passage.name] = draw_tune(rng, _window(score.style.patterns.melody, passage.energy))
    # A low instrument keeps its place, whatever the mood.
    centre = player.centre + (score.mood.register if player.centre > 60 else 0)
    notes = play_melody(rng, memory.tunes[passage.name], bars, spans, key, score.touch(passage), centre)
    return [note for note in notes if passage.start - 1e-6 <= note[0] < passage.end - 1e-6]


def _within(notes: Sequence[RawNote], passage: Passage, is_drum: bool) -> list[RawNote]:
    """Notes cut at the end of the passage, or before the silence that precedes the next one; fills go on through it."""
    end = passage.end - (0 if is_drum else passage.stop)
    kept = [note for note in notes if passage.start - 1e-6 <= note[0] < end - 1e-3]
    return [(start, min(length, end - start), pitch, level) for start, length, pitch, level in kept]


def with_pulse(parts: Sequence[tuple[Player, list[RawNote]]], score: Score) -> list[tuple[Player, list[RawNote]]]:
    """Where no drums play, somebody must mark the beats: a chord player adds soft chords where nothing is struck."""
    added = [(player, list(notes)) for player, notes in parts]
    for passage in score.passages:
        beats = [b for b in range(len(score.timeline.positions)) if passage.start <= b < passage.end - passage.stop]
        chords = [i for i in sorted(passage.cast) if score.band[i].role in ("comp", "second", "pad")]
        if not chords or any(score.band[i].role == "drums" for i in passage.cast):
            continue
        struck = {round(start, 2) for _, notes in parts for start, *_ in notes}
        missing = [b for b in beats if b not in struck]
        if len(missing) <= 0.1 * len(beats):
            continue
        level = 0.55 * score.touch(passage).loudness
        for span in clipped(_spans_of(score, score.band[chords[0]]), passage.start, passage.end):
            for beat in missing:
                if span.start <= beat < span.end:
                    length = min(0.9, span.end - beat)
                    added[chords[0]][1].extend((float(beat), length, pitch, level) for pitch in span.voicing)
    return added
