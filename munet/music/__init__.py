"""Symbolic music, without torch: chords, keys and how they are spelled (`harmony`), roman numerals (`degrees`), beat
grids, tempo words and the `MusicPlan` (`plan`).
"""

from munet.music.harmony import (
    MUSTANGO_QUALITIES,
    PITCH_NAMES_FLAT,
    PITCH_NAMES_SHARP,
    QUALITIES,
    Chord,
    Key,
    PlanError,
    estimate_key,
)
from munet.music.plan import TEMPO_WORDS, MusicPlan, beat_grid, parse_chord_line, spread_chords, tempo_word

__all__ = [
    "MUSTANGO_QUALITIES", "PITCH_NAMES_FLAT", "PITCH_NAMES_SHARP", "QUALITIES", "TEMPO_WORDS", "Chord", "Key",
    "MusicPlan", "PlanError", "beat_grid", "estimate_key", "parse_chord_line", "spread_chords", "tempo_word",
]  # fmt: skip
