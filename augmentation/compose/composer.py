"""The composer: a seed becomes an arranged piece with exact labels.

A short piece is a window of `duration` seconds cut from longer music, which may hold the change from one section to the
next; from 20 s on it is a whole song. Its plan holds the exact beats, chords, tempo, metre, key, style, instruments,
energy, melody and sections. The same seed and arguments always give the same piece, in any process.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from augmentation.compose.arranger import RawNote
from augmentation.compose.band import Player, assign, draw_band, pick
from augmentation.compose.feel import loudness_curve, play
from augmentation.compose.form import Frame, draw_frame, slowed
from augmentation.compose.labels import Part, piece_plan
from augmentation.compose.moods import MOODS, Mood
from augmentation.compose.performance import Score, perform, with_pulse
from augmentation.compose.piece import Note, Piece, Track
from augmentation.compose.programs import INSTRUMENTS
from augmentation.compose.progressions import draw_chords
from augmentation.compose.sections import Passage, draw_form, given_form
from augmentation.compose.styles import STYLES, Style
from augmentation.compose.voicing import chord_spans
from munet.errors import RequestError
from munet.music import Key, MusicPlan

__all__ = ["Note", "Piece", "Track", "compose"]

Rng = np.random.Generator
_SLOWING = 0.3  # share of endings that slow down
_LONG_ENOUGH = 6.0  # seconds; a shorter clip does not come to an end
_ORCHESTRA_KIT = 48  # it lacks a backbeat, so three pieces in ten take the usual kit instead


def compose(seed: int, *, style: str | None = None, plan: MusicPlan | None = None, duration: float = 10.24) -> Piece:
    """Compose a piece.

    Args:
        seed: non-negative integer; decides everything that is not given.
        style: a key of `STYLES`; the plan's, or drawn (among those that suit the plan) if None.
        plan: fields that are fixed; each is kept exactly, also beats with tempo drift and chords off the beat.
        duration: seconds, used if the plan has none.

    Returns:
        The piece; its plan is complete, and tells its style, instruments, energy, melody (if there is one) and
        sections (if there are several).

    Raises:
        RequestError: an unknown style, a negative seed, or a plan that leaves no time to play.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise RequestError(f"seed: expected a non-negative integer, got {seed!r}")
    given = plan or MusicPlan()
    rng = np.random.default_rng(int(seed))
    chosen = _style(rng, style, given)
    mood, energy = _draw_mood(rng, chosen, given)
    frame = draw_frame(rng, chosen, mood, energy, given, duration)
    band = _band(rng, given, chosen, MOODS[mood])
    passages = _form(rng, given, energy, band, frame)
    ending = _draw_ending(rng, given, passages, frame)
    if ending is not None and given.bpm is None and not given.beats and rng.random() < _SLOWING:
        frame = slowed(frame, int(ending))
    keys = _keys(given, passages, frame.key)
    chords = given.chords or _stated_chords(given) or draw_chords(
        rng, chosen, frame, passages, keys, lambda passage: _is_silent(passage, band), ending
    )  # fmt: skip
    score = Score(
        style=chosen,
        mood=MOODS[mood],
        timeline=frame.timeline,
        spans=chord_spans(chords, frame.timeline, 60 + round(MOODS[mood].register / 2)),
        passages=passages,
        keys=keys,
        band=band,
        swing=chosen.swing if frame.bpm < 200 else 0.5 + (chosen.swing - 0.5) / 2,
        window=_window(frame),
        exact=given.instruments is not None or given.sections is not None,
        melody=_melody_in_beats(given, frame),
    )
    written = with_pulse(perform(rng, score), score)
    if ending is not None:
        written = [(player, _ended(player, notes, ending, score)) for player, notes in written]
    curve = loudness_curve(frame.timeline, passages)
    parts = []
    for player, notes in written:
        # A melody that is given to the millisecond is played so.
        human = 0.0 if given.melody and player.role == "melody" else chosen.human
        drums = player.role == "drums"
        parts.append((player, play(rng, notes, frame.timeline, curve, frame.duration, human, drums)))
    tracks = tuple(_track(rng, player, notes, chosen) for player, notes in _merged(parts) if notes)
    complete = piece_plan(given, chosen.name, energy, frame, chords, passages, parts)
    return Piece(int(seed), chosen.name, complete, mood, energy, tracks)


def _style(rng: Rng, style: str | None, given: MusicPlan) -> Style:
    if style is not None and given.style not in (None, style):
        raise RequestError(f"style: expected {given.style!r} as the plan says, got {style!r}")
    name = style or given.style
    if name is not None and name not in STYLES:
        raise RequestError(f"style: expected one of {', '.join(STYLES)}, got {name!r}")
    return STYLES[name] if name else _draw_style(rng, given)


def _draw_style(rng: Rng, given: MusicPlan) -> Style:
    """Any style, or, with a given tempo or metre, one of those that it suits."""
    meter = given.meter or (max(position for _, position in given.beats) if given.beats else None)
    styles = list(STYLES.values())
    if meter is not None:
        wanted = {m for m in (2, 3, 4) if m == meter} or {4}
        styles = [s for s in styles if wanted & {m for m, _ in s.meters}]
    if given.bpm is not None:
        near = [s for s in styles if s.tempo[0] * 0.92 <= given.bpm <= s.tempo[2] * 1.08]
        styles = near or sorted(styles, key=lambda s: abs(s.tempo[1] - (given.bpm or 0)))[:3]
    return styles[int(rng.random() * len(styles))]


def _draw_mood(rng: Rng, style: Style, given: MusicPlan) -> tuple[str, str]:
    """Mood and energy; a given energy or mode chooses among the moods of the style."""
    moods = list(style.moods)
    if given.key is not None:
        minor = Key.parse(given.key).is_minor
        moods = [m for m in moods if (MOODS[m].minor < 3 if not minor else MOODS[m].minor > 0.35)] or moods
    if given.energy is not None:
        moods = [m for m in moods if given.energy in MOODS[m].energies] or moods
    mood = pick(rng, moods)
    return mood, given.energy or pick(rng, MOODS[mood].energies)


def _band(rng: Rng, given: MusicPlan, style: Style, mood: Mood) -> tuple[Player, ...]:
    """The players asked for in the plan and its sections, or drawn ones."""
    asked = dict.fromkeys(given.instruments or ())
    parts = given.parts() if given.sections else ()
    for part in parts:
        asked |= dict.fromkeys(part.instruments or ())
    band = assign(rng, tuple(asked), style, mood) if asked else draw_band(rng, style, mood)
    if given.melody and not any(player.role == "melody" for player in band):
        band = _with_singer(rng, band, style, mood, exact=bool(asked))
    return band


def _with_singer(rng: Rng, band: tuple[Player, ...], style: Style, mood: Mood, exact: bool) -> tuple[Player, ...]:
    """The band and somebody who plays the melody that is given: one of them where the band was asked for."""
    pitched = [player for player in band if player.role != "drums"]
    if exact and pitched:
        singer = max(pitched, key=lambda player: player.role != "bass")
        return (*band, Player(singer.instrument, "melody", singer.volume, singer.pan, singer.asked))
    return (*band, *assign(rng, (pick(rng, style.palette["melody"], mood.brightness),), style, mood)[-1:])


def _form(rng: Rng, given: MusicPlan, energy: str, band: Sequence[Player], frame: Frame) -> tuple[Passage, ...]:
    if given.sections:
        whole = given.with_(beats=frame.beats, duration=frame.duration)
        return given_form(whole.parts(), energy, band, frame.timeline)
    exact = given.instruments is not None or given.melody is not None
    return draw_form(rng, energy, band, frame.timeline, frame.duration, exact)


def _is_silent(passage: Passage, band: Sequence[Player]) -> bool:
    return all(band[i].role == "drums" for i in passage.cast)


def _keys(given: MusicPlan, passages: Sequence[Passage], key: Key) -> tuple[Key, ...]:
    if not given.sections:
        return (key,) * len(passages)
    return tuple(Key.parse(part.key) if part.key else key for part in given.parts())


def _stated_chords(given: MusicPlan) -> tuple[tuple[str, float], ...] | None:
    """The chords of a plan whose sections state some."""
    if not any(section.chords for section in given.sections or ()):
        return None
    return given.complete().chords


def _draw_ending(rng: Rng, given: MusicPlan, passages: Sequence[Passage], frame: Frame) -> float | None:
    """Beat of the last chord, held to the end of the clip: most songs have one, and one short piece in ten."""
    song = len(passages) > 2
    fixed = given.chords or given.melody or given.sections or frame.duration < _LONG_ENOUGH
    if fixed or rng.random() >= (0.8 if song else 0.1):
        return None
    left = [(b, frame.duration - float(frame.timeline.seconds[b])) for b in frame.timeline.bar_starts()]
    beats = [b for b, seconds in left if 0.9 <= seconds <= 4.5 and b > passages[-1].start]
    return float(beats[-1]) if beats else None


def _window(frame: Frame) -> tuple[float, float]:
    """First and last beat at which a note that begins there is heard."""
    first, last = frame.timeline.to_beats(np.array([0.0, max(0.0, frame.duration - 0.06)])).tolist()
    return first, last


def _melody_in_beats(given: MusicPlan, frame: Frame) -> tuple[tuple[int, float, float], ...]:
    if not given.melody:
        return ()
    times = frame.timeline.to_beats(np.array([[start, end] for _, start, end in given.melody]))
    return tuple((pitch, a, b) for (pitch, _, _), (a, b) in zip(given.melody, times.tolist(), strict=True))


def _ended(player: Player, notes: Sequence[RawNote], ending: float, score: Score) -> list[RawNote]:
    """What a player plays up to the last chord, and that chord, held; drums strike once."""
    before = [note for note in notes if note[0] < ending - 0.01]
    kept = [(start, min(length, ending - start), pitch, level) for start, length, pitch, level in before]
    last = [note for note in notes if abs(note[0] - ending) < 0.01]
    hold = len(score.timeline.positions) - ending
    if player.role == "drums":
        return [*kept, *(note for note in last if note[2] in (35, 36, 49))]
    if player.role == "melody":
        last = last[:1]
    return [*kept, *((start, hold, pitch, level) for start, _, pitch, level in last)]


def _merged(parts: Sequence[Part]) -> list[Part]:
    """Players of one instrument that plays alone become one: no key of it is struck twice at once."""
    pitched = [part for part in parts if part[0].role != "drums"]
    if len(pitched) < 2 or len({player.instrument for player, _ in pitched}) > 1:
        return list(parts)
    kept: dict[tuple[int, int], Note] = {}
    for note in sorted((note for _, notes in pitched for note in notes), key=lambda note: (note.start, -note.duration)):
        kept.setdefault((round(note.start * 40), note.pitch), note)
    first = pitched[0][0]
    return [*(part for part in parts if part[0].role == "drums"), (first, tuple(kept.values()))]


def _track(rng: Rng, player: Player, notes: tuple[Note, ...], style: Style) -> Track:
    if player.role != "drums":
        return Track(player.instrument, INSTRUMENTS[player.instrument], False, notes, player.volume, player.pan)
    kit = style.kit if style.kit != _ORCHESTRA_KIT or rng.random() < 0.7 else 0
    return Track("drums", kit, True, notes, player.volume, player.pan)
