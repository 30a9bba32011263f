"""Who plays when: bands, sections and the promise that a plan makes of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from augmentation.compose.band import ABLE, assign, draw_band
from augmentation.compose.composer import Piece, compose
from augmentation.compose.moods import MOODS
from augmentation.compose.styles import STYLES
from munet.errors import RequestError
from munet.music import Chord, Key, MusicPlan, Part, Section, estimate_key
from munet.music.instruments import CLASS_OF, CLASSES, INSTRUMENT_NAMES

EDGE = 0.011  # seconds that a human hand may stray


@pytest.fixture(scope="module")
def pieces() -> list[Piece]:
    return [compose(seed) for seed in range(500)]


def started(piece: Piece, part: Part) -> set[str]:
    """Instruments that begin a note in a part."""
    return {t.name for t in piece.tracks for n in t.notes if part.start - EDGE <= n.start < part.end - 0.03}


def sounding(piece: Piece, part: Part) -> set[str]:
    """Instruments of which a note sounds at any time in a part."""
    return {
        t.name
        for t in piece.tracks
        for n in t.notes
        if n.start < part.end - EDGE and n.start + n.duration > part.start + EDGE
    }


def test_who_is_listed_plays_and_who_is_not_is_silent(pieces: list[Piece]) -> None:
    for piece in pieces:
        parts = piece.plan.parts()
        assert set(piece.plan.instruments or ()) == set(piece.instruments)
        assert parts[0].start == 0.0 and parts[-1].end == piece.plan.duration
        for part in parts:
            assert started(piece, part) == sounding(piece, part) == set(part.instruments or ()), (piece.seed, part)


def test_bands_are_of_all_sizes(pieces: list[Piece]) -> None:
    sizes = Counter(len(piece.instruments) for piece in pieces)
    assert all(sizes[size] > 0.08 * len(pieces) for size in (1, 2, 3, 4, 5))
    drums = [piece for piece in pieces if "drums" in piece.instruments]
    assert 0.25 < 1 - len(drums) / len(pieces) < 0.5
    alone = [piece for piece in drums if piece.instruments == ("drums",)]
    assert 0 < len(alone) < 0.05 * len(pieces) and all(piece.plan.chords == (("N", 0.0),) for piece in alone)
    assert set().union(*(piece.instruments for piece in pieces)) > set(INSTRUMENT_NAMES) - {
        "soprano saxophone",
        "viola",
    }
    kinds = Counter(kind for piece in pieces for kind in {CLASS_OF[name] for name in piece.instruments})
    assert min(kinds[kind] for kind in CLASSES) >= 0.015 * len(pieces)


def test_half_of_the_short_pieces_change(pieces: list[Piece]) -> None:
    changing = [piece for piece in pieces if piece.plan.sections]
    assert 0.45 < len(changing) / len(pieces) < 0.7
    differing = [p for p in changing if len({part.instruments for part in p.plan.parts()}) > 1]
    assert len(differing) > 0.6 * len(changing)
    for piece in changing:
        downbeats = piece.plan.downbeat_times()
        for part in piece.plan.parts()[1:]:
            assert min(abs(part.start - t) for t in downbeats) < 1e-6


def test_chords_tell_the_key(pieces: list[Piece]) -> None:
    told = []
    for piece in pieces:
        spans = [(chord, end - start) for start, end, chord in piece.plan.chord_intervals() if not chord.is_none]
        if spans:
            found, key = estimate_key(spans), Key.parse(piece.plan.key)
            told.append((found.tonic_pc, found.mode) == (key.tonic_pc, key.mode))
    assert sum(told) > 0.92 * len(told)


def test_a_song_has_a_form_and_everyone_plays() -> None:
    endings = 0
    for seed in range(8):
        piece = compose(seed, duration=90.0)
        parts = piece.plan.parts()
        names = [part.name for part in parts]
        assert 4 <= len(parts) <= 9 and "verse" in names and "chorus" in names
        by_name = {name: [part.instruments for part in parts if part.name == name] for name in names}
        assert set(by_name["chorus"][0] or ()) >= set(by_name["verse"][0] or ())
        assert set().union(*(part.instruments or () for part in parts)) == set(piece.instruments)
        for part in parts:
            assert sounding(piece, part) == set(part.instruments or ())
        last = piece.plan.chords[-1]
        tonic = Chord.parse(last[0]).root_pc == Key.parse(piece.plan.key).tonic_pc
        onsets = [n.start for t in piece.tracks for n in t.notes if n.start > last[1] + 0.02]
        endings += tonic and not onsets
    assert endings >= 4


PLAN = MusicPlan(
    bpm=100.0,
    meter=4,
    key="D dorian",
    sections=(
        Section("intro", bars=2, instruments=("piano",)),
        Section("verse", bars=4, instruments=("piano", "bass", "drums")),
        Section("slow", bars=2, bpm=(100, 60), meter=3, instruments=("violin", "cello"), energy="calm", key="G major"),
        Section("end", bars=2, chords=("Am", "D7", "G", "N"), instruments=("choir", "drums")),
    ),
)


@pytest.mark.parametrize("seed", range(6))
def test_sections_asked_for_are_kept(seed: int) -> None:
    """Instruments, ramp, metre and chords of every section, as the plan itself lays them out."""
    piece, complete = compose(seed, plan=PLAN), PLAN.complete()
    assert piece.plan.beats == complete.beats and piece.plan.chords == complete.chords
    assert piece.plan.duration == complete.duration == pytest.approx(26.9)
    for part, asked in zip(piece.plan.parts(), complete.parts(), strict=True):
        assert (part.start, part.end, part.instruments) == (asked.start, asked.end, asked.instruments)
        heard = started(piece, part)
        assert heard == sounding(piece, part) and len(heard) == len(part.instruments or ())
        assert {CLASS_OF[name] for name in heard} == {CLASS_OF.get(name, name) for name in part.instruments or ()}
    downbeats = piece.plan.downbeat_times()
    strokes = [n.start for t in piece.tracks if t.name == "drums" for n in t.notes]
    assert all(4.8 - EDGE <= t < 14.4 or t >= 18.9 - EDGE for t in strokes)
    assert any(abs(t - downbeats[2]) < 0.01 for t in strokes)


@pytest.mark.parametrize(
    "names",
    [
        ("drums",), ("violin",), ("cello", "violin", "viola"), ("piano", "strings"), ("brass", "saxophone", "drums"),
        ("synth bass", "bass"), ("flute", "oboe", "clarinet", "bagpipes", "tin whistle"), ("sitar", "tuba"), ("choir",),
        ("drums", "bass", "piano", "electric piano", "organ", "strings", "choir", "brass", "synth lead", "synth pad"),
        ("tubular bells",), ("steel drums", "drums"),
    ],
)  # fmt: skip
def test_exactly_the_instruments_asked_for(names: tuple[str, ...]) -> None:
    for seed in range(4):
        piece = compose(seed, plan=MusicPlan(instruments=names))
        assert piece.plan.instruments == names and len(piece.instruments) == len(names)
        assert {CLASS_OF[name] for name in piece.instruments} == {CLASS_OF.get(name, name) for name in names}


def test_a_class_is_played_by_nobody_who_is_named_besides() -> None:
    names = ("mallets", "vibraphone", "brass", "trumpet", "bass", "electric bass")
    for seed in range(10):
        assert len(set(compose(seed, plan=MusicPlan(instruments=names)).instruments)) == 6


def test_whoever_is_asked_for_plays_in_the_shortest_section() -> None:
    sections = [Section(f"s{i}", bars=1, meter=1, instruments=names) for i, names in enumerate(
        [("violin", "drums"), ("harmonica", "celesta", "tuba"), ("choir", "sitar")])]  # fmt: skip
    for seed in range(20):
        piece = compose(seed, plan=MusicPlan(bpm=150.0, sections=sections))
        for part in piece.plan.parts():
            assert sounding(piece, part) == set(part.instruments or ())


def test_modes_are_heard() -> None:
    """The chord that tells a mode is there: the major fourth of dorian, the flat second of phrygian."""
    wanted = {"D dorian": "G", "E phrygian": "F", "F lydian": "G", "G mixolydian": "F"}
    for key, symbol in wanted.items():
        root = Chord.parse(symbol).root_pc
        heard = [
            any(
                Chord.parse(c).root_pc == root
                for c, _ in compose(s, plan=MusicPlan(key=key), duration=30.0).plan.chords
            )
            for s in range(10)
        ]
        assert sum(heard) >= 7, key


@pytest.mark.parametrize("name", INSTRUMENT_NAMES)
def test_every_instrument_has_a_role(name: str) -> None:
    rng = np.random.default_rng(0)
    players = assign(rng, (name,), STYLES["pop"], MOODS["happy"])
    assert {player.instrument for player in players} == {name}
    assert any(name in able for able in ABLE.values())


def test_a_melody_asked_for_is_played_as_it_stands() -> None:
    melody = ((60, 0.0, 1.0), (64, 1.5, 2.0), (67, 3.1, 4.2))
    piece = compose(3, plan=MusicPlan(melody=melody, instruments=("flute", "piano")))
    flute = next(track for track in piece.tracks if track.name == "flute")
    assert [(n.pitch, n.start, round(n.start + n.duration, 4)) for n in flute.notes] == list(melody)
    assert piece.plan.melody == melody
    alone = compose(3, plan=MusicPlan(melody=melody, instruments=("drums", "cello")))
    cello = next(track for track in alone.tracks if track.name == "cello")
    assert {(n.pitch, round(n.start, 4)) for n in cello.notes} >= {(60, 0.0), (64, 1.5), (67, 3.1)}


def test_the_top_line_is_what_the_melody_plays(pieces: list[Piece]) -> None:
    singing = [piece for piece in pieces if piece.plan.melody]
    assert 0.4 < len(singing) / len(pieces) < 0.8
    for piece in singing:
        notes = {(n.pitch, n.start) for t in piece.tracks if not t.is_drum for n in t.notes}
        assert all((pitch, start) in notes or len(piece.instruments) == 1 for pitch, start, _ in piece.plan.melody)
        assert all(45 <= pitch <= 100 for pitch, _, _ in piece.plan.melody)


def test_energy_is_louder_and_busier() -> None:
    found = {}
    for energy in ("calm", "energetic"):
        made = [compose(seed, style="rock", plan=MusicPlan(energy=energy, bpm=120.0)) for seed in range(40)]
        assert all(piece.plan.energy == piece.energy == energy for piece in made)
        notes = [note for piece in made for track in piece.tracks for note in track.notes]
        found[energy] = (len(notes), np.mean([note.velocity for note in notes]))
    assert found["energetic"][0] > 1.2 * found["calm"][0] and found["energetic"][1] > 1.15 * found["calm"][1]


def test_style_of_plan_and_argument_must_agree() -> None:
    assert compose(1, plan=MusicPlan(style="tango")).style == "tango"
    with pytest.raises(RequestError, match=r"^style: expected 'tango' as the plan says, got 'rock'"):
        compose(1, style="rock", plan=MusicPlan(style="tango"))
    with pytest.raises(RequestError, match=r"^style: expected one of .*, got 'polka'"):
        compose(1, plan=MusicPlan(style="polka"))


def test_bands_of_a_style_keep_their_players() -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        band = draw_band(rng, STYLES["metal"], MOODS["dark"])
        roles = {player.role for player in band}
        assert band and (len({player.instrument for player in band}) == 1 or roles & {"comp", "melody", "bass"})
