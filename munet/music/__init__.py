"""Symbolic music, without torch: chords, keys and their spelling (`chords`, `keys`, `spelling`), degrees (`degrees`),
beat grids and tempo words (`grid`), instruments (`instruments`), tone profiles of keys (`profiles`); the `MusicPlan`
with its sections (`plan`, `sections`, `layout`, `completion`, `edits`); chords as people write them (`notation`,
`symbols`, `repeats`) and lead sheets (`sheets`, `sheet_lines`, `chordpro`).
"""

from munet.music.checks import BEAT_UNITS, ENERGIES, PlanError
from munet.music.chords import MUSTANGO_QUALITIES, QUALITIES, Chord
from munet.music.grid import TEMPO_WORDS, beat_grid, spread_chords, tempo_word
from munet.music.keys import MODES, Key, estimate_key, key_in_mode
from munet.music.notation import ChordLine, parse_chord_line, read_chord_line
from munet.music.notes import Note
from munet.music.plan import MusicPlan
from munet.music.sections import Part, Section, theme_of
from munet.music.spelling import PITCH_NAMES_FLAT, PITCH_NAMES_SHARP

__all__ = [
    "BEAT_UNITS", "ENERGIES", "MODES", "MUSTANGO_QUALITIES", "PITCH_NAMES_FLAT", "PITCH_NAMES_SHARP", "QUALITIES",
    "TEMPO_WORDS", "Chord", "ChordLine", "Key", "MusicPlan", "Note", "Part", "PlanError", "Section", "beat_grid",
    "estimate_key", "key_in_mode", "parse_chord_line", "read_chord_line", "spread_chords", "tempo_word", "theme_of",
]  # fmt: skip
