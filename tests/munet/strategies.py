"""Random chords and keys for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from munet.music import (
    QUALITIES,
    Chord,
    Key,
)

NAMES = [letter + accidental for letter in "CDEFGAB" for accidental in ("", "#", "b")]


def chord_of(root: str, quality: str, bass: str | None) -> Chord:
    same = bass is not None and Chord(bass).root_pc == Chord(root).root_pc
    return Chord(root, quality, None if same else bass)


names, semitones = st.sampled_from(NAMES), st.integers(-30, 30)
chords = st.builds(chord_of, names, st.sampled_from(sorted(QUALITIES)), st.none() | names) | st.just(Chord.none())
keys = st.builds(Key, names, st.sampled_from(["major", "minor"]))
