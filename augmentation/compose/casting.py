"""Who plays what: for each track of a piece, presets from the soundfonts at hand, drawn by the piece's seed.

Tracks of one piece draw from different soundfonts, some are layered from two presets, and a distorted guitar is often
doubled left and right. A preset stands only for an instrument of its own name, so labels stay true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from augmentation.compose.piece import Piece, Track
from augmentation.compose.player import DRUM_BANK, Voice, presets
from munet.errors import RequestError

# Program -> other presets (bank, program) of the same instrument, where a soundfont has them.
VARIANTS: Mapping[int, tuple[tuple[int, int], ...]] = MappingProxyType(
    {
        0: ((8, 0),), 4: ((8, 4),), 5: ((8, 5),), 6: ((8, 6),), 16: ((8, 16), (0, 17)), 19: ((8, 19),),
        21: ((8, 21),), 25: ((8, 25),), 28: ((8, 28),), 33: ((0, 37),), 38: ((8, 38),), 39: ((8, 39),),
        50: ((8, 50), (0, 51)), 61: ((8, 61),), 62: ((8, 62), (8, 63), (0, 63)), 81: ((20, 81),),
        89: ((0, 94), (0, 95)), 90: ((0, 91),),
    }
)  # fmt: skip
# Drum kit -> kits of the same kind.
KITS: Mapping[int, tuple[int, ...]] = MappingProxyType(
    {
        0: (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19),
        8: (8, 9, 10, 11, 12, 13, 14, 15),
        16: (16, 17, 18, 19),
        24: (24, 25, 26, 27),
        25: (25, 24, 26, 27),
        32: (32, 33, 34, 35, 36),
        40: (40, 41, 42),
    }
)
_OWN = 0.4  # odds of the preset that the composer named, against others of its kind
_DISTORTED = (29, 30)
_DOUBLED = 0.6
# First program of a family of eight in General MIDI -> odds of two layers. Bass and solo instruments stay alone.
_LAYERED: Mapping[int, float] = MappingProxyType({0: 0.15, 16: 0.15, 40: 0.1, 48: 0.35, 56: 0.15, 80: 0.4, 88: 0.5})
_MOST_LAYERED = 60.0  # seconds of notes: twice the layers take twice the time


def _choices(track: Track, source: str) -> list[Voice]:
    """Voices of a soundfont that may play a track, its own preset first."""
    have = presets(source)
    if track.is_drum:
        wanted = [(DRUM_BANK, kit) for kit in KITS.get(track.program, (track.program,))]
        wanted.sort(key=lambda preset: preset[1] != track.program)
    else:
        wanted = [(0, track.program), *VARIANTS.get(track.program, ())]
    return [Voice(source, *preset) for preset in wanted if preset in have]


def _able(track: Track, sources: Sequence[str]) -> list[list[Voice]]:
    """For each soundfont that can play a track, the voices that may."""
    able = [found for found in (_choices(track, source) for source in sources) if found]
    if not able and track.is_drum:
        able = [[Voice(source, DRUM_BANK, 0)] for source in sources if (DRUM_BANK, 0) in presets(source)]
    if not able:
        kind = "a drum kit" if track.is_drum else f"program {track.program} ({track.name})"
        raise RequestError(f"sources: expected a soundfont with {kind}, got {', '.join(sources)}")
    return able


def plain(track: Track, sources: Sequence[str]) -> Voice:
    """Return the voice of the first soundfont that has a track's own preset, or what stands for it.

    Raises:
        RequestError: none can play it.
    """
    able = _able(track, sources)
    return next((voices[0] for voices in able if voices[0].program == track.program), able[0][0])


def _draw(rng: np.random.Generator, track: Track, sources: Sequence[str]) -> Voice:
    able = _able(track, sources)
    choices = able[int(rng.random() * len(able))]
    if len(choices) == 1 or rng.random() < _OWN:
        return choices[0]
    return choices[int(rng.random() * len(choices))]


def cast(rng: np.random.Generator, track: Track, sources: Sequence[str]) -> tuple[Voice, ...]:
    """Draw the voices, one or two, that play a track.

    Args:
        rng: decides.
        track: the track.
        sources: soundfonts at hand, one at least.

    Raises:
        RequestError: none can play it.
    """
    first = _draw(rng, track, sources)
    if track.is_drum:
        return (first,)
    sounding = sum(note.duration for note in track.notes)
    cents = rng.uniform(3, 8) / 100
    if track.program in _DISTORTED and rng.random() < _DOUBLED:
        other = _draw(rng, track, sources)
        return replace(first, pan=-0.8, gain=0.7), replace(other, pan=0.8, gain=0.7, detune=cents)
    if sounding <= _MOST_LAYERED and rng.random() < _LAYERED.get(track.program // 8 * 8, 0.0):
        other = _draw(rng, track, sources)
        share = rng.uniform(0.35, 0.7)
        return (
            replace(first, pan=-0.25, detune=-cents / 2),
            replace(other, pan=0.35, detune=cents / 2, gain=share),
        )
    return (first,)


def generator(piece: Piece, purpose: int) -> np.random.Generator:
    """Return the generator of one purpose (a number) for a piece: what one draws leaves the others as they are."""
    return np.random.default_rng([piece.seed, purpose])
