"""Chords of one list spelled alike: all in sharps or all in flats, as the key has it, and B, C, E and F by their names.

A recogniser names pitch classes, and a transposition can lead to Cb or E#; a reader, and a model that learns from
captions, is served by one name for one root.
"""

from __future__ import annotations

from collections.abc import Sequence

from munet.music import PITCH_NAMES_FLAT, PITCH_NAMES_SHARP, Chord, Key

_USUALLY_FLAT, _USUALLY_SHARP = (3, 8, 10), (1, 6)  # Eb, Ab, Bb; C#, F#


def in_flats(chords: Sequence[Chord], key: Key | None) -> bool:
    """Whether a list of chords is spelled in flats: by the key's signature, or by what most roots usually have."""
    if key is not None and key.signature:
        return key.signature < 0
    roots = [chord.root_pc for chord in chords]
    flats, sharps = (sum(root in some for root in roots) for some in (_USUALLY_FLAT, _USUALLY_SHARP))
    return flats >= sharps


def spell_alike(chords: Sequence[Chord], key: Key | None) -> list[Chord]:
    """The same chords, roots and slash basses in the sharps or flats of the key, never both."""
    names = PITCH_NAMES_FLAT if in_flats(chords, key) else PITCH_NAMES_SHARP
    return [
        chord
        if chord.is_none
        else Chord(names[chord.root_pc], chord.quality, None if chord.bass is None else names[chord.bass_pc])
        for chord in chords
    ]


def is_mixed(symbols: Sequence[str]) -> bool:
    """Whether roots have both sharps and flats, or one of them is a Cb, Fb, E# or B#."""
    chords = [chord for chord in map(Chord.parse, symbols) if not chord.is_none]
    names = {name for chord in chords for name in (chord.root, chord.bass) if name}
    odd = bool(names & {"Cb", "Fb", "E#", "B#"})
    return odd or ({name[1:] for name in names} >= {"#", "b"})
