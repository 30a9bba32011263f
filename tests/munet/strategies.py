"""Random chords, keys, sections and plans for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from munet.music import BEAT_UNITS, ENERGIES, MODES, QUALITIES, Chord, Key, MusicPlan, Note, Section
from munet.music.instruments import CLASS_NAMES, INSTRUMENT_NAMES

NAMES = [letter + accidental for letter in "CDEFGAB" for accidental in ("", "#", "b")]


def chord_of(root: str, quality: str, bass: str | None) -> Chord:
    same = bass is not None and Chord(bass).root_pc == Chord(root).root_pc
    return Chord(root, quality, None if same else bass)


names, semitones = st.sampled_from(NAMES), st.integers(-30, 30)
chords = st.builds(chord_of, names, st.sampled_from(sorted(QUALITIES)), st.none() | names) | st.just(Chord.none())
keys = st.builds(Key, names, st.sampled_from(sorted(MODES)))
tempi = st.integers(80, 160).map(float)  # may be stretched by a fifth and a quarter
players = st.none() | st.lists(st.sampled_from([*CLASS_NAMES, *INSTRUMENT_NAMES]), min_size=1, max_size=3, unique=True)
sections = st.builds(
    Section,
    name=st.sampled_from(["intro", "verse", "chorus"]),
    bars=st.integers(1, 3),
    bpm=st.none() | tempi | st.tuples(tempi, tempi),
    meter=st.none() | st.integers(2, 7),
    key=st.none() | keys.map(str),
    chords=st.none() | st.lists(chords.map(str), min_size=1, max_size=2).map(tuple),
    instruments=players.map(lambda found: found and tuple(found)),
    energy=st.none() | st.sampled_from(ENERGIES),
    prompt=st.none() | st.just("with a trumpet"),
)
notes = st.builds(Note, st.text(max_size=8), st.none() | st.just("bpm"), st.text(max_size=8), st.booleans())


@st.composite
def melodies(draw: st.DrawFn, last: float) -> tuple[tuple[int, float, float], ...]:
    """Melodies of notes that start and end on eighths of a second before `last`."""
    found = []
    at = 0
    while at < 8 * last and len(found) < 12:
        begin = at + draw(st.integers(0, 8))
        at = begin + draw(st.integers(1, 8))
        found.append((draw(st.integers(40, 90)), begin / 8, at / 8))
    return tuple(note for note in found if note[2] <= last)


@st.composite
def sectioned_plans(draw: st.DrawFn) -> MusicPlan:
    """Complete plans with sections and all other fields."""
    plan = MusicPlan(
        bpm=draw(st.none() | tempi),
        meter=draw(st.none() | st.integers(2, 7)),
        key=draw(st.none() | keys.map(str)),
        beat_unit=draw(st.none() | st.sampled_from(BEAT_UNITS)),
        style=draw(st.none() | st.just("waltz")),
        instruments=draw(players),
        energy=draw(st.none() | st.sampled_from(ENERGIES)),
        sections=draw(st.lists(sections, min_size=1, max_size=3)),
        notes=draw(st.lists(notes, max_size=2)),
    ).complete()
    return plan.with_(melody=draw(melodies(plan.duration)))
