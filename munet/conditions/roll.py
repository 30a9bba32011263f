"""The notes of a piece as features at the latent frame rate: a piano roll that also says who plays.

Conventions as in `munet.conditions.aligned`: `(features, frames)`; frame i covers the seconds
[i / frame_rate, (i + 1) / frame_rate). Rows:

| rows | content |
| --- | --- |
| 0-35 | share of the frame in which a bass sounds at this pitch, C1 to B3 |
| 36-119 | the same for all other players but drums, C1 to B7 |
| 120-203 | a note of theirs begins in the frame at this pitch: its velocity |
| 204-223 | share of the frame in which each class of `munet.music.instruments` but drums sounds |
| 224-243 | a note of it begins in the frame: its velocity |
| 244-247 | a note of anybody but drums begins in this quarter of the frame: its velocity |
| 248-275 | a stroke on a part of the kit, in each quarter of the frame: its velocity |
| 276 | 1: notes are given |

Velocities are from 0 to 1. Pitches beyond a roll's ends are moved into it by octaves. All zeros: no notes are given,
and the denoiser finds its own. A chord and a beat say what may be played and when; with them alone a small network
has to find figures, grooves and voicings too, and plays some of the players (`docs/training.md`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np

from munet.music.events import NoteEvent
from munet.music.instruments import CLASS_NAMES, CLASS_OF

QUARTERS = 4
LOWEST = 24  # MIDI pitch of the rolls' first row
BASS_PITCHES, PITCHES = 36, 84
BASSES = frozenset({"bass", "synth bass"})
PITCHED = tuple(name for name in CLASS_NAMES if name != "drums")
# Parts of the kit and the sounds of General MIDI on them; what is in none is the last, hand percussion.
KIT: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "kick": (35, 36),
        "snare": (37, 38, 39, 40),
        "closed hi-hat": (42, 44),
        "open hi-hat and ride": (46, 51, 53, 59),
        "crash": (49, 52, 55, 57),
        "toms": (41, 43, 45, 47, 48, 50),
        "percussion": (),
    }
)
PART_OF = MappingProxyType({pitch: index for index, pitches in enumerate(KIT.values()) for pitch in pitches})
_OTHERS = BASS_PITCHES
_STARTS = _OTHERS + PITCHES
_PLAYERS = _STARTS + PITCHES
_ENTRIES = _PLAYERS + len(PITCHED)
_QUARTERS = _ENTRIES + len(PITCHED)
_KIT = _QUARTERS + QUARTERS
_GIVEN = _KIT + QUARTERS * len(KIT)
NOTE_ROWS = _GIVEN + 1


def note_roll(events: Iterable[NoteEvent] | None, frames: int, frame_rate: float, first: int = 0) -> np.ndarray:
    """Return features `(NOTE_ROWS, frames)` float32 of some notes, zeros for None.

    Args:
        events: of the whole piece; what lies outside of the frames is left out.
        frames: number of latent frames.
        frame_rate: latent frames per second, Hz.
        first: latent frame that the features begin with.
    """
    roll = np.zeros((NOTE_ROWS, frames), dtype=np.float32)
    if events is None:
        return roll
    roll[_GIVEN] = 1
    for instrument, pitch, start, end, velocity in events:
        begin, stop = start * frame_rate - first, end * frame_rate - first
        frame = int(np.floor(begin))
        if stop <= 0 or frame >= frames:
            continue
        kind, level, quarter = CLASS_OF[instrument], velocity / 127, int((begin - frame) * QUARTERS)
        if kind == "drums":
            _strike(roll, _KIT + QUARTERS * PART_OF.get(pitch, len(KIT) - 1) + quarter, frame, level)
            continue
        player = PITCHED.index(kind)
        row = folded(pitch, BASS_PITCHES) if kind in BASSES else _OTHERS + folded(pitch, PITCHES)
        _sound(roll, row, begin, stop)
        _sound(roll, _PLAYERS + player, begin, stop)
        _strike(roll, _ENTRIES + player, frame, level)
        _strike(roll, _QUARTERS + quarter, frame, level)
        if kind not in BASSES:
            _strike(roll, row + PITCHES, frame, level)
    return roll


def folded(pitch: int, pitches: int) -> int:
    """Return the row of a pitch in a roll of so many `pitches`, by octaves where it lies beyond its ends."""
    row = pitch - LOWEST
    if row < 0:
        return row % 12
    return row if row < pitches else pitches - 12 + row % 12


def _strike(roll: np.ndarray, row: int, frame: int, level: float) -> None:
    """Write that something begins in a frame; the loudest of several counts."""
    if frame >= 0:
        roll[row, frame] = max(roll[row, frame], level)


def _sound(roll: np.ndarray, row: int, begin: float, stop: float) -> None:
    """Write in which shares of frames a row sounds; begin and stop in frames."""
    edges = np.arange(max(0, int(begin)), min(roll.shape[1], int(np.ceil(stop))))
    shares = np.minimum(edges + 1, stop) - np.maximum(edges, begin)
    roll[row, edges] = np.minimum(1, roll[row, edges] + shares)
