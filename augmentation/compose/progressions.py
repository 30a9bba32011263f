"""Chord progressions: cycles from the style files as degrees of the key, coloured, and laid on the bars of a piece.

Every piece tells its key by its chords: those of a window whose chords suggest another key are drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from augmentation.compose.form import Frame
from augmentation.compose.sections import Passage
from augmentation.compose.styles import Style
from augmentation.compose.voicing import chord_from
from munet.music import MUSTANGO_QUALITIES, QUALITIES, Chord, Key, estimate_key
from munet.music.degrees import degree_chord
from munet.music.profiles import PROFILES, chord_tone_weights, match_profile

# Roots (semitones above the tonic) that a wandering progression may step to, diatonic ones several times.
_FREE_ROOTS = MappingProxyType(
    {
        "major": (0, 2, 4, 5, 7, 9, 0, 5, 7, 9, 3, 8, 10, 11, 1, 6),
        "minor": (0, 3, 5, 7, 8, 10, 0, 5, 8, 10, 2, 1, 9, 11, 4, 6),
    }
)
_FREE_SHARE = 0.12
# Where a style knows major and minor only: what makes a mode sound like itself.
_MODAL = MappingProxyType(
    {
        "dorian": ("i IV i VII", "i IV", "i ii i VII"),
        "phrygian": ("i II i II", "i II III II", "i vii II i"),
        "lydian": ("I II I II", "I II vii II", "I V II I"),
        "mixolydian": ("I VII IV I", "I VII I v", "I IV VII I"),
        "aeolian": ("i VI VII i", "i iv v i", "i VII VI VII"),
        "ionian": ("I IV V I", "I vi IV V", "I V IV V"),
        "locrian": ("i° II i° vii", "i° VI i° V"),
    }
)
# Cycles that tell their key to everyone, for a piece whose own do not.
_PLAIN = MappingProxyType(
    {
        "major": ("I IV V I", "I vi IV V", "I V I IV", "I ii V I", "I IV I V7"),
        "minor": ("i iv V i", "i VI iv V", "i iv i V", "i V7 i iv", "i iv v i"),
    }
)
_TRIES, _PLAIN_TRIES = 12, 8  # draws until the chords tell the key to all listeners
_LISTENERS = 1 + len(PROFILES)
_SEVENTHS = MappingProxyType({"": "maj7", "m": "m7", "dim": "m7b5"})

_on_degree = lru_cache(maxsize=4096)(degree_chord)


@lru_cache(maxsize=4096)
def _moved(symbol: str, semitones: int) -> Chord:
    return Chord.parse(symbol).transpose(semitones)


def progression(rng: np.random.Generator, style: Style, key: Key) -> tuple[Chord, ...]:
    """Draw one cycle of chords in the key, coloured for the style.

    About one piece in eight wanders through chords of any root and quality around the tonic, so that chords rare in
    songs (augmented, half-diminished, far roots) are heard often enough to be learnt.
    """
    if rng.random() < _FREE_SHARE and key.mode in _FREE_ROOTS:
        return _wander(rng, key)
    rows = style.progressions.get(key.mode) or _MODAL[key.mode]
    degrees = rows[int(rng.random() * len(rows))].split()
    return tuple(_coloured(rng, style, key, _on_degree(degree, key)) for degree in degrees)


def _plain(rng: np.random.Generator, key: Key) -> tuple[Chord, ...]:
    rows = _PLAIN[key.mode]
    return tuple(_on_degree(degree, key) for degree in rows[int(rng.random() * len(rows))].split())


def _wander(rng: np.random.Generator, key: Key) -> tuple[Chord, ...]:
    roots = _FREE_ROOTS[key.mode]
    tonic = (key.tonic_pc + 5) % 12 - 5
    chords = [_on_degree("I" if key.mode == "major" else "i", key)]
    while len(chords) < 4 + 2 * int(rng.random() * 3):
        root = roots[int(rng.random() * len(roots))]
        quality = MUSTANGO_QUALITIES[int(rng.random() * len(MUSTANGO_QUALITIES))]
        chord = _moved("C" + quality, tonic + root - (12 if tonic + root > 6 else 0))
        if chord != chords[-1]:
            chords.append(chord)
    return (*chords, _on_degree("V7", key))


def _coloured(rng: np.random.Generator, style: Style, key: Key, chord: Chord) -> Chord:
    """Turn some triads into sevenths, sixths, suspended, augmented, added-note or inverted chords."""
    draw, degree = rng.random(), (chord.root_pc - key.tonic_pc) % 12
    quality = chord.quality
    if rng.random() < style.sevenths and quality in _SEVENTHS:
        quality = "7" if quality == "" and degree == 7 else _SEVENTHS[quality]
        if draw < 0.12 and quality in ("maj7", "m7"):
            quality = "6" if quality == "maj7" else "m6"
        return Chord(chord.root, quality)
    if quality == "" and draw < 0.03:
        return Chord(chord.root, "sus4")
    if quality == "" and draw < 0.06:
        return Chord(chord.root, "add9")
    if quality == "" and degree == 7 and draw < 0.11:
        return Chord(chord.root, "aug" if draw < 0.085 else "7")
    if quality in ("", "m") and draw > 0.93:
        third = (chord.root_pc + QUALITIES[quality][1 if draw > 0.95 else 2]) % 12
        return Chord(chord.root, quality, _spelled(third, chord))
    return chord


def _spelled(pitch_class: int, chord: Chord) -> str:
    """Name of a pitch class in the spelling family of a chord."""
    shift = (pitch_class - chord.root_pc) % 12
    return Chord(chord.root, "").transpose(shift if shift < 7 else shift - 12).root


Placed = tuple[tuple[str, float], ...]


def draw_chords(
    rng: np.random.Generator,
    style: Style,
    frame: Frame,
    passages: Sequence[Passage],
    keys: Sequence[Key],
    silent: Callable[[Passage], bool],
    ending: float | None,
) -> Placed:
    """Draw the chords of a piece as (symbol, start second); the chord sounding at the cut starts at 0.

    Args:
        rng: source of every choice.
        style: whose progressions are played.
        frame: tempo, metre and beats.
        passages: the form; every one begins its progression anew.
        keys: of the passages.
        silent: whether nobody plays a pitch in a passage: it has no chord, "N".
        ending: beat coordinate of the last chord, which is the tonic; None for a clip that does not end the piece.
    """
    best: tuple[int, Placed] = (-1, ())
    for i in range(_TRIES + _PLAIN_TRIES):
        placed = _draw_once(rng, style, frame, passages, keys, silent, ending, plain=i >= _TRIES)
        sounding = _sounding(placed, frame.duration)
        if len(set(keys)) > 1 or keys[0].mode not in _FREE_ROOTS or not sounding:
            return placed
        told = _told(sounding, keys[0])
        if told > best[0]:
            best = told, placed
        if told == _LISTENERS:
            break
    return best[1]


def _sounding(placed: Placed, duration: float) -> list[tuple[Chord, float, float]]:
    ends = [*(start for _, start in placed[1:]), duration]
    rows = [(chord_from(symbol), start, end) for (symbol, start), end in zip(placed, ends, strict=True)]
    return [(chord, start, end) for chord, start, end in rows if not chord.is_none and end > start]


def _told(sounding: Sequence[tuple[Chord, float, float]], key: Key) -> int:
    """How many listeners name the key: one by the chords, as functions, others by the profile of their tones."""
    found = estimate_key((chord, end - start) for chord, start, end in sounding)
    tones = chord_tone_weights((chord, end - start) for chord, start, end in sounding)
    told = [found, *(match_profile(tones, profile) for profile in PROFILES)]
    return sum((other.tonic_pc, other.mode) == (key.tonic_pc, key.mode) for other in told)


def _draw_once(
    rng: np.random.Generator,
    style: Style,
    frame: Frame,
    passages: Sequence[Passage],
    keys: Sequence[Key],
    silent: Callable[[Passage], bool],
    ending: float | None,
    plain: bool,
) -> Placed:
    starts = frame.timeline.bar_starts()
    bar_seconds = float(np.median(np.diff(frame.timeline.seconds[starts]))) if len(starts) > 1 else 2.0
    rhythm, zero = _harmonic_rhythm(rng, bar_seconds), float(frame.timeline.to_beats(np.array([1e-6]))[0])
    cycles: dict[tuple[str, Key], tuple[Chord, ...]] = {}
    rows: list[tuple[float, str]] = []
    for i, (passage, key) in enumerate(zip(passages, keys, strict=True)):
        if silent(passage):
            rows.append((passage.start, "N"))
            continue
        name = passage.name if rng.random() < 0.5 or not cycles else next(iter(cycles))[0]
        cycle = cycles.setdefault((name, key), _plain(rng, key) if plain else progression(rng, style, key))
        bars = [passage.start, *(float(s) for s in starts if passage.start < s < passage.end), passage.end]
        slots = _slots(bars, rhythm, rng, anew=i > 0)
        offset = int(rng.random() * len(cycle)) if i == 0 and rng.random() < 0.3 else 0
        if plain:  # the first chord that is heard is the tonic
            offset = -max((j for j, slot in enumerate(slots) if slot <= zero), default=0)
        rows += [(slot, str(cycle[(j + offset) % len(cycle)])) for j, slot in enumerate(slots)]
    if ending is not None:
        rows = _ended(rows, ending, keys[-1])
    return _placed(rows, frame)


def _ended(rows: Sequence[tuple[float, str]], ending: float, key: Key) -> list[tuple[float, str]]:
    """The chords up to the last one, the tonic, with a dominant before it."""
    key = key.as_major_or_minor()
    tonic = str(_on_degree("I" if key.mode == "major" else "i", key))
    kept = [row for row in rows if row[0] < ending - 0.5]
    if kept and kept[-1][1] != "N":
        kept[-1] = (kept[-1][0], str(_on_degree("V7", key)))
    return [*kept, (ending, tonic)]


def _placed(rows: Sequence[tuple[float, str]], frame: Frame) -> Placed:
    times = frame.timeline.to_seconds(np.array([beat for beat, _ in rows])).tolist()
    first = max([i for i, t in enumerate(times) if t <= 1e-6], default=0)
    placed: list[tuple[str, float]] = []
    for i, t in enumerate(times[first:], start=first):
        symbol, start = rows[i][1], 0.0 if i == first else round(t, 9)
        if start < frame.duration - 0.05 and (not placed or placed[-1][0] != symbol):
            placed.append((symbol, start))
    return tuple(placed)


def _harmonic_rhythm(rng: np.random.Generator, bar_seconds: float) -> str:
    draw = rng.random()
    if bar_seconds < 1.1:
        return "two" if draw < 0.55 else "one"
    if bar_seconds > 2.6:
        return "half" if draw < 0.45 else "one"
    return "one" if draw < 0.66 else "two" if draw < 0.78 else "half" if draw < 0.9 and bar_seconds > 1.6 else "mixed"


def _slots(bars: Sequence[float], rhythm: str, rng: np.random.Generator, anew: bool) -> list[float]:
    """Beats where chords start: every bar, every second one, or half bars; the last of `bars` is the end."""
    parity = 0 if anew else int(rng.random() * 4)
    slots: list[float] = []
    for i, (start, end) in enumerate(pairwise(bars)):
        middle = start + (end - start + 1) // 2
        if rhythm == "two" and (i + parity) % 2 and i:
            continue
        slots.append(start)
        if rhythm == "half" or (rhythm == "mixed" and (i + parity) % 4 == 3):
            slots += [middle] if start < middle < end else []
    return slots
