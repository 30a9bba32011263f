"""The composer: a seed becomes an arranged piece with exact labels.

A piece is a window of `duration` seconds cut from longer music: notes sounding over the cut are struck again at 0 with
what remains of them. Its plan holds the exact beats, chords, tempo, metre and key. The same seed and arguments always
give the same piece, in any process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from augmentation.compose.form import Timeline, chord_spans, draw_bars, draw_plan, transposed
from augmentation.compose.melody import play_melody
from augmentation.compose.moods import MOODS, Mood
from augmentation.compose.programs import INSTRUMENTS
from augmentation.compose.styles import STYLES, Style
from munet.music import Key, MusicPlan

Rng = np.random.Generator
_ENERGY_LOUDNESS = MappingProxyType({"calm": 0.78, "moderate": 0.9, "energetic": 1.0})
_SHORTEST = 0.03  # seconds; what is left of a note after the cut is dropped below this
_PLUCKED = frozenset({24, 25, 26, 27, 28, 105, 46, 45, 15, 107, 108})
_HIGH = frozenset({8, 9, 10, 72, 73, 74, 75, 78, 11, 12, 13, 40, 110, 108})
_LOW = frozenset({57, 60, 66, 71, 42, 41, 22, 30, 29, 27, 26})


@dataclass(frozen=True)
class Note:
    """A sounding note: start and duration in seconds, MIDI pitch 0-127, velocity 1-127."""

    start: float
    duration: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Track:
    """One instrument: human name, General MIDI program (0-127; the kit when `is_drum`), and its place in the mix.

    `volume` is its loudness relative to the lead (1.0), `pan` goes from -1 (left) to 1 (right).
    """

    name: str
    program: int
    is_drum: bool
    notes: tuple[Note, ...]
    volume: float = 1.0
    pan: float = 0.0


@dataclass(frozen=True)
class Piece:
    """A composed clip with its complete, exact plan (seconds from the start of the clip)."""

    seed: int
    style: str
    plan: MusicPlan
    mood: str
    energy: str
    tracks: tuple[Track, ...]

    @property
    def instruments(self) -> tuple[str, ...]:
        """Names of the instruments heard, each once."""
        return tuple(dict.fromkeys(track.name for track in self.tracks if track.notes))


@dataclass(frozen=True)
class _Setting:
    """What all players of a piece share."""

    style: Style
    mood: Mood
    energy: str
    key: Key
    bars: tuple[Bar, ...]
    spans: tuple[Span, ...]
    touch: Touch


def compose(seed: int, *, style: str | None = None, plan: MusicPlan | None = None, duration: float = 10.24) -> Piece:
    """Composes a piece.

    Args:
        seed: non-negative integer; decides everything that is not given.
        style: a key of `STYLES`; drawn (among those that suit the plan) if None.
        plan: fields that are fixed; each is kept exactly, also beats with tempo drift and chords off the beat.
        duration: seconds, used if the plan has none.

    Returns:
        The piece; its plan is complete.

    Raises:
        ValueError: an unknown style, a negative seed, or a plan that leaves no time to play.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed: expected a non-negative integer, got {seed!r}")
    if style is not None and style not in STYLES:
        raise ValueError(f"style: expected one of {', '.join(STYLES)}, got {style!r}")
    given = plan or MusicPlan()
    rng = np.random.default_rng(int(seed))
    chosen = STYLES[style] if style else _draw_style(rng, given)
    mood, energy = _draw_mood(rng, chosen, given)
    complete, timeline = draw_plan(rng, chosen, mood, energy, given, duration)
    feeling = MOODS[mood]
    slow_swing = chosen.swing if complete.bpm < 200 else 0.5 + (chosen.swing - 0.5) / 2
    setting = _Setting(
        chosen,
        feeling,
        energy,
        Key.parse(complete.key),
        draw_bars(rng, timeline),
        chord_spans(complete, timeline, 60 + round(feeling.register / 2)),
        Touch(_ENERGY_LOUDNESS[energy] * feeling.loudness, slow_swing, chosen.swing_unit),
    )
    parts = _arrange(rng, setting)
    if not any(is_drum for _, _, is_drum, _, _, _ in parts):
        parts = _with_pulse(parts, setting, timeline, complete)
    tracks = tuple(
        Track(name, program, is_drum, _cut(notes, timeline, complete.duration, is_drum), volume, pan)
        for name, program, is_drum, notes, volume, pan in parts
    )
    return Piece(int(seed), chosen.name, complete, mood, energy, tuple(track for track in tracks if track.notes))


_Part = tuple[str, int, bool, list[RawNote], float, float]


def _pick(rng: Rng, options: Sequence[str], lean: float | None = None) -> str:
    """One of the options; `lean` 0 prefers the first ones, 1 the last ones."""
    place = rng.random() if lean is None else 0.55 * rng.random() + 0.45 * lean
    return options[min(len(options) - 1, int(place * len(options)))]


def _draw_style(rng: Rng, given: MusicPlan) -> Style:
    """Any style, or, with a given tempo or metre, one of those that it suits."""
    meter = given.meter or (max(position for _, position in given.beats) if given.beats else None)
    styles = list(STYLES.values())
    if meter is not None:
        wanted = {m for m in (2, 3, 4) if m == meter} or {4}
        styles = [s for s in styles if wanted & {m for m, _ in s.meters}]
    if given.bpm is not None:
        near = [s for s in styles if s.tempo[0] * 0.92 <= given.bpm <= s.tempo[2] * 1.08]
        styles = near or sorted(styles, key=lambda s: abs(s.tempo[1] - given.bpm))[:3]
    return styles[int(rng.random() * len(styles))]


def _draw_mood(rng: Rng, style: Style, given: MusicPlan) -> tuple[str, str]:
    moods = list(style.moods)
    if given.key is not None:
        minor = Key.parse(given.key).mode == "minor"
        moods = [m for m in moods if (MOODS[m].minor < 3 if not minor else MOODS[m].minor > 0.35)] or moods
    mood = _pick(rng, moods)
    return mood, _pick(rng, MOODS[mood].energies)


def _variants(rng: Rng, table: Sequence[str], energy: str) -> tuple[str, str]:
    """Patterns for both sections; tables go from sparse to busy, so the energy chooses the part of the table."""
    low, high = {"calm": (0.0, 0.55), "moderate": (0.2, 0.85), "energetic": (0.4, 1.0)}[energy]
    count = len(table)
    window = table[int(low * count) : max(int(low * count) + 1, round(high * count))]
    first = _pick(rng, window)
    return first, _pick(rng, window) if rng.random() < 0.4 else first


def _sectioned(patterns: tuple[str, str], bars: Sequence[Bar], touch: Touch) -> list[Event]:
    events: list[Event] = []
    for bar in bars:
        events += pattern_events(patterns[bar.section], (bar,), touch)
    return events


def _draw_roles(rng: Rng, style: Style) -> set[str]:
    """The players: full band, trio, duo, according to the odds of the style."""
    draw = rng.random()
    roles = {"comp"} | {role for role, odds in style.odds.items() if rng.random() < odds}
    if draw < 0.1:
        roles &= {"comp", "bass", "drums"}
    elif draw < 0.18:
        roles &= {"comp", "melody"}
    elif draw < 0.24:
        roles &= {"comp", "bass", "pad"}
    return roles | set(style.always)


def _arrange(rng: Rng, setting: _Setting) -> list[_Part]:
    style = setting.style
    if style.solos and rng.random() < style.solo:
        return _solo(rng, setting)
    roles = _draw_roles(rng, style)
    parts: list[_Part] = []
    used: set[str] = set()
    players = {"drums": _drums, "bass": _bass, "comp": _comp, "second": _second, "pad": _pad, "melody": _melody}
    for role, player in players.items():
        if role in roles:
            parts += player(rng, setting, used, roles)
    return parts


def _instrument(rng: Rng, setting: _Setting, role: str, used: set[str]) -> str:
    palette = [name for name in setting.style.palette[role] if name not in used] or list(setting.style.palette[role])
    name = _pick(rng, palette, setting.mood.brightness)
    used.add(name)
    return name


def _drums(rng: Rng, setting: _Setting, used: set[str], roles: set[str]) -> list[_Part]:
    patterns = _variants(rng, setting.style.patterns.drums, setting.energy)
    notes = play_drums(rng, setting.style, setting.bars, patterns, setting.touch)
    kit = setting.style.kit if setting.style.kit != 48 or rng.random() < 0.7 else 0
    name = "percussion" if setting.style.hand_drums else "drums"
    return [(name, kit, True, notes, 0.9 if setting.energy != "calm" else 0.75, 0.0)]


def _bass(rng: Rng, setting: _Setting, used: set[str], roles: set[str]) -> list[_Part]:
    name = _instrument(rng, setting, "bass", used)
    events = _sectioned(_variants(rng, setting.style.patterns.bass, setting.energy), setting.bars, setting.touch)
    centre = 43.0 if name in ("cello", "piano") else 36.0
    return [(name, INSTRUMENTS[name], False, play_bass(rng, events, setting.spans, setting.touch, centre), 0.85, 0.0)]


def _comp(rng: Rng, setting: _Setting, used: set[str], roles: set[str]) -> list[_Part]:
    name = _instrument(rng, setting, "comp", used)
    events = _sectioned(_variants(rng, setting.style.patterns.comp, setting.energy), setting.bars, setting.touch)
    program = INSTRUMENTS[name]
    notes = play_chords(
        rng, events, setting.spans, setting.touch, strum=program in (24, 25), rooted="bass" not in roles
    )
    pan = (0.0, -0.3, 0.3)[int(rng.random() * 3)]
    return [(name, program, False, notes, 0.7 if name == "distorted guitar" else 0.8, pan)]


def _second(rng: Rng, setting: _Setting, used: set[str], roles: set[str]) -> list[_Part]:
    name = _instrument(rng, setting, "second", used)
    table = setting.style.patterns.second or setting.style.patterns.comp
    events = _sectioned(_variants(rng, table, setting.energy), setting.bars, setting.touch)
    centre = 58 if INSTRUMENTS[name] in (29, 30, 57, 60) else 67
    spans = transposed(setting.spans, centre)
    notes = play_chords(rng, events, spans, setting.touch, strum=INSTRUMENTS[name] in (24, 25))
    return [(name, INSTRUMENTS[name], False, notes, 0.55, (0.5, -0.5)[int(rng.random() * 2)])]


def _pad(rng: Rng, setting: _Setting, used: set[str], roles: set[str]) -> list[_Part]:
    name = _instrument(rng, setting, "pad", used)
    spans = transposed(setting.spans, 62 + round(setting.mood.register / 2))
    return [(name, INSTRUMENTS[name], False, play_pad(spans, setting.touch), 0.42, (0.2, -0.2)[int(rng.random() * 2)])]


def _melody(rng: Rng, setting: _Setting, used: set[str], roles: set[str]) -> list[_Part]:
    name = _instrument(rng, setting, "melody", used)
    return [_melody_part(rng, setting, name)]


def _melody_part(rng: Rng, setting: _Setting, name: str) -> _Part:
    events = _sectioned(_variants(rng, setting.style.patterns.melody, setting.energy), setting.bars, setting.touch)
    program = INSTRUMENTS[name]
    centre = (77 if program in _HIGH else 67 if program in _LOW else 72) + setting.mood.register
    notes = play_melody(rng, events, setting.spans, setting.key, setting.touch, centre)
    return name, program, False, notes, 0.8, (0.0, 0.15, -0.15)[int(rng.random() * 3)]


def _solo(rng: Rng, setting: _Setting) -> list[_Part]:
    """One instrument plays bass, chords and usually the melody."""
    name = _pick(rng, setting.style.solos)
    program = INSTRUMENTS[name]
    table = setting.style.patterns.comp
    events = _sectioned(_variants(rng, table, setting.energy), setting.bars, setting.touch)
    low = transposed(setting.spans, 57)
    notes = play_chords(rng, events, low, setting.touch, strum=program in _PLUCKED, rooted=True)
    if program not in _PLUCKED:
        walk = _sectioned(_variants(rng, setting.style.patterns.bass, "calm"), setting.bars, setting.touch)
        notes += play_bass(rng, walk, setting.spans, setting.touch, 41.0)
    if rng.random() < 0.8:
        notes += _melody_part(rng, setting, name)[3]
    return [(name, program, False, _merged(notes), 1.0, 0.0)]


def _merged(notes: list[RawNote]) -> list[RawNote]:
    """Notes of one instrument without the same key struck twice at once."""
    kept: dict[tuple[float, int], RawNote] = {}
    for note in sorted(notes):
        place = (round(note[0], 3), note[2])
        if place not in kept or kept[place][1] < note[1]:
            kept[place] = note
    return list(kept.values())


def _with_pulse(parts: list[_Part], setting: _Setting, timeline: Timeline, plan: MusicPlan) -> list[_Part]:
    """Without drums, somebody must mark the beats: the first chord player adds soft chords where nothing is struck."""
    struck = {round(start, 2) for _, _, _, notes, _, _ in parts for start, *_ in notes}
    strong = sum(float(bar.start + i) in struck for bar in setting.bars for i in range(bar.beats))
    total = sum(bar.beats for bar in setting.bars)
    if strong >= 0.9 * total:
        return parts
    place = next(i for i, part in enumerate(parts) if part[0] and part[3])
    for i, part in enumerate(parts):
        if part[1] < 32 or part[1] == 46:
            place = i
            break
    name, program, is_drum, notes, volume, pan = parts[place]
    extra = [
        (start, min(0.9, span.end - start), pitch, 0.55 * setting.touch.loudness)
        for bar in setting.bars
        for start in (float(bar.start + i) for i in range(bar.beats))
        if start not in struck
        for span in setting.spans
        if span.start <= start < span.end
        for pitch in span.voicing
    ]
    return [*parts[:place], (name, program, is_drum, [*notes, *extra], volume, pan), *parts[place + 1 :]]


def _cut(notes: Sequence[RawNote], timeline: Timeline, duration: float, is_drum: bool) -> tuple[Note, ...]:
    """Cuts the window out: seconds from the start of the clip; notes sounding over the cut start again at 0."""
    if not notes:
        return ()
    beats = np.array([(start, start + length) for start, length, _, _ in notes])
    seconds = timeline.to_seconds(beats)
    kept: list[Note] = []
    for (start, end), (_, _, pitch, level) in zip(seconds.tolist(), notes, strict=True):
        if start >= duration - 0.01 or end <= _SHORTEST or (is_drum and start < -1e-4):
            continue
        first = max(0.0, start)
        length = min(end, duration) - first
        if start < 0 and length < 0.1 and start < -1e-4:
            continue
        velocity = max(1, min(127, round(127 * level)))
        kept.append(Note(round(first, 6), round(max(length, _SHORTEST), 6), min(127, max(0, pitch)), velocity))
    kept.sort(key=lambda note: (note.start, note.pitch))
    return tuple(kept)
