"""One value of a text at a time: what `--key`, `--chords`, `--meter`, the page's fields and the prompt have in common.

Every reader takes any text and returns the value that it states outright, or None. A reader never guesses: moods and
styles are the business of `priors`. Values come back as written, so that one out of range is refused by `MusicPlan`, by
name.
"""

from __future__ import annotations

from collections.abc import Sequence

from augmentation.reading.lexer import lex
from augmentation.reading.readers.chords import METER, find_chords
from augmentation.reading.readers.key import CHORDAL, find_keys
from augmentation.reading.readers.length import find_lengths
from augmentation.reading.readers.meter import find_meters
from augmentation.reading.readers.statement import Statement, plainest
from augmentation.reading.readers.tempo import find_tempos, tempo_mark
from augmentation.reading.tokens import Tokens
from munet.music import Key
from munet.music.notation import read_chord_line

__all__ = ["read_bpm", "read_chords", "read_duration", "read_key", "read_meter", "tempo_mark"]


def read_bpm(text: str) -> float | None:
    """Read the stated tempo in BPM: "140 bpm", "tempo: 96", "half note = 60", "120-130 bpm" (the middle), "Allegro"."""
    found = plainest(find_tempos(lex(text)))
    return found.value.bpm if found else None


def read_meter(text: str) -> int | None:
    """Read the stated metre in beats per bar: the upper number of a time signature, so 6 for "6/8"."""
    found = plainest(find_meters(lex(text)))
    return found.value[0] if found else None


def read_duration(text: str) -> float | None:
    """Read the stated length of the clip in seconds; a length in bars is None, as it takes a tempo."""
    found = plainest(one for one in find_lengths(lex(text)) if one.value[0] == "seconds")
    return found.value[1] if found else None


def read_key(text: str) -> Key | None:
    """Read the stated key: of several the plainest, then the first; of "either X or Y" the first."""
    found = chosen_key(find_keys(lex(text)))
    return found.value if found else None


def chosen_key(found: Sequence[Statement]) -> Statement | None:
    """Return the key that a text states; one that it calls a chord only if there is no other."""
    return plainest(one for one in found if one.rank != CHORDAL) or plainest(found)


def read_chords(text: str, key: Key | None = None) -> tuple[str, ...] | None:
    """Read the stated chords, in order, as canonical symbols; degrees are resolved in `key`, else in the key stated.

    Raises:
        PlanError: naming a symbol of the list that is not understood.
    """
    tokens = lex(text)
    keys = find_keys(tokens)
    statement = stated_chords(tokens, keys)
    if statement is None:
        return None
    stated = chosen_key(keys)
    return read_chord_line(statement.value, key or (stated.value if stated else None)).symbols


def stated_chords(tokens: Tokens, keys: Sequence[Statement]) -> Statement | None:
    """Return the list of chords that a text states, the keys it states left out."""
    chosen = chosen_key(keys)
    taken = {one.first for one in keys if one.rank != CHORDAL or one is chosen}
    meter = plainest(find_meters(tokens))
    found = find_chords(tokens, taken, meter.value[0] if meter else METER)
    best = min((one.rank for one in found), default=0)
    rows = [one for one in found if one.rank == best]
    return rows[0] if rows else None
