"""Beat grids, chord lines and plans: hand-computed values and properties."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from munet.music import (
    TEMPO_WORDS,
    Chord,
    MusicPlan,
    PlanError,
    beat_grid,
    parse_chord_line,
    spread_chords,
    tempo_word,
)
from tests.munet.strategies import chords, keys, semitones

milliseconds = st.lists(st.integers(0, 19_000), unique=True, max_size=8).map(lambda ts: [t / 1000 for t in sorted(ts)])


@st.composite
def plans(draw: st.DrawFn) -> MusicPlan:
    meter = draw(st.none() | st.integers(1, 12))
    return MusicPlan(
        bpm=draw(st.none() | st.integers(60, 150)),
        meter=meter,
        key=draw(st.none() | keys.map(str)),
        chords=tuple((str(draw(chords)), t) for t in draw(milliseconds)),
        beats=tuple((t, draw(st.integers(1, meter or 12))) for t in draw(milliseconds)),
        duration=draw(st.none() | st.integers(38, 80).map(lambda n: n / 2)),
    )


def approx_equal(left: MusicPlan, right: MusicPlan) -> bool:
    def flat(plan: MusicPlan) -> list[object]:
        pairs = [x for field in (plan.chords, plan.beats) for pair in field or () for x in pair]
        return [plan.bpm, plan.meter, plan.key, plan.duration, *pairs]

    pairs = zip(flat(left), flat(right), strict=True)
    return all(a == (pytest.approx(b, abs=1e-6) if isinstance(b, float) else b) for a, b in pairs)


def test_tempo_words() -> None:
    bpms = (30, 40, 41, 60.5, 70, 90, 110, 120, 141, 161, 210, 211)
    words = ["Grave"] * 2 + ["Largo"] + ["Adagio"] * 2 + ["Andante", "Moderato", "Allegro", "Vivace"]
    words += ["Presto", "Presto", "Prestissimo"]
    assert [tempo_word(bpm) for bpm in bpms] == words
    assert TEMPO_WORDS["Allegro"] == (110, 140)
    assert all(slow[1] == fast[0] for slow, fast in pairwise(TEMPO_WORDS.values()))


def test_beat_grid() -> None:
    assert beat_grid(120, 3, 2.0) == ((0.0, 1), (0.5, 2), (1.0, 3), (1.5, 1))
    assert beat_grid(60, 4, 3.0, first_beat=0.5, first_position=4) == ((0.5, 4), (1.5, 1), (2.5, 2))
    assert len(beat_grid(96, 4, 10.0)) == 16  # the beat at exactly 10 s is outside
    assert beat_grid(120, 4, 1.0, first_beat=2.0) == ()
    for arguments in ((0, 4, 1.0), (120, 0, 1.0), (120, 4, 0.0), (120, 4, 1.0, -1.0), (120, 4, 1.0, 0.0, 5)):
        with pytest.raises(PlanError):
            beat_grid(*arguments)


def test_one_chord_a_bar_cycled() -> None:
    beats = beat_grid(120, 4, 8.0)
    assert spread_chords(["G", "Em", "C"], beats, 4, 8.0) == (("G", 0.0), ("Em", 2.0), ("C", 4.0), ("G", 6.0))
    assert spread_chords(["G", "G", "C"], beats, 4, 8.0) == (("G", 0.0), ("C", 4.0), ("G", 6.0))
    assert spread_chords(["Am"], beats, 4, 8.0) == (("Am", 0.0),)


def test_more_chords_than_bars_share_them() -> None:
    beats = beat_grid(120, 4, 4.0)
    spread = spread_chords(["G", "D", "Em", "C"], beats, 4, 4.0)
    assert spread == (("G", 0.0), ("D", 1.0), ("Em", 2.0), ("C", 3.0))
    waltz = spread_chords(["G", "D", "Em"], beat_grid(60, 3, 6.0), 3, 6.0)
    assert waltz == (("G", 0.0), ("D", 1.0), ("Em", 3.0), ("G", 4.0))
    with pytest.raises(PlanError, match="chords: expected from 1 to 8 chords for 8 beats, got 9"):
        spread_chords(["G", "D", "A"] * 3, beats, 4, 4.0)
    with pytest.raises(PlanError, match="chords"):
        spread_chords([], beats, 4, 4.0)


def test_first_chord_starts_at_zero_over_a_pickup() -> None:
    beats = beat_grid(60, 4, 10.0, first_beat=0.5, first_position=4)
    assert spread_chords(["G", "D", "C"], beats, 4, 10.0) == (("G", 0.0), ("D", 5.5), ("C", 9.5))
    assert spread_chords(["G"], (), 4, 10.0) == (("G", 0.0),)


@pytest.mark.parametrize(
    "line", ["G D/F# Em C", "G, D/F# | Em - C", "G-D/F#-Em-C", "| G D/F# | Em C |", "G → D/F#;Em,C"]
)
def test_chord_lines(line: str) -> None:
    assert parse_chord_line(line) == (("G", None), ("D/F#", None), ("Em", None), ("C", None))


def test_timed_chord_lines_and_minus_as_minor() -> None:
    assert parse_chord_line("G@0 Em@2.5") == (("G", 0.0), ("Em", 2.5))
    assert parse_chord_line("A-7 D7") == (("Am7", None), ("D7", None))


@pytest.mark.parametrize("line", ["", " - ", "G@0 Em", "G@x", "G@-1", "@2", "G X", "G-X", None])
def test_unreadable_chord_lines_are_refused(line: object) -> None:
    with pytest.raises(PlanError, match="chords: expected"):
        parse_chord_line(line)  # type: ignore[arg-type]


def test_plan_holds_canonical_values() -> None:
    plan = MusicPlan(bpm=120, meter=np.int64(3), key="Cm", chords=[["CM7", 0], ("N.C.", 2)], beats=[], duration=10)
    assert plan == MusicPlan(120.0, 3, "C minor", (("Cmaj7", 0.0), ("N", 2.0)), None, 10.0)
    assert type(plan.meter) is int and type(plan.bpm) is float
    assert hash(plan) == hash(MusicPlan.from_json(plan.to_json())) and not plan.is_complete


@pytest.mark.parametrize(
    ("field", "value"),
    [("bpm", v) for v in (29, 301, float("nan"), "120", True)]
    + [("meter", v) for v in (0, 16, 3.5, "3", True)]
    + [("key", v) for v in ("", "H", 3)]
    + [("duration", v) for v in (0.4, 601, float("inf"), "10")]
    + [("chords", v) for v in ("G D", ["G"], [("G", 0), ("D", 0)], [("G", 2), ("D", 1)], [("H", 0)], [("G", -1)], 5)]
    + [("beats", v) for v in ([(0, 0)], [(0, 16)], [(0, 1.5)], [(1, 1), (1, 2)], [(-1, 1)], [0.5], {"a": 1})],
)
def test_plan_fields_are_checked(field: str, value: object) -> None:
    with pytest.raises(PlanError, match=rf"^{field}: expected .*, got "):
        MusicPlan(**{field: value})


def test_fields_are_checked_against_each_other() -> None:
    with pytest.raises(PlanError, match="chords: expected a number from 0 to 5"):
        MusicPlan(chords=[("G", 6.0)], duration=5)
    with pytest.raises(PlanError, match="beats: expected an integer from 1 to 3, got 4"):
        MusicPlan(beats=[(0.0, 4)], meter=3)
    with pytest.raises(PlanError, match="plan: expected a mapping with fields"):
        MusicPlan.from_dict({"tempo": 120})
    with pytest.raises(PlanError, match="plan: expected"):
        MusicPlan().with_(tempo=120)
    for text in ("[1]", "{", "3"):
        with pytest.raises(PlanError, match="plan: expected"):
            MusicPlan.from_json(text)


def test_complete_from_nothing_and_from_the_key() -> None:
    plan = MusicPlan().complete()
    assert (plan.bpm, plan.meter, plan.key, plan.duration) == (120.0, 4, "C major", 10.0)
    assert plan.chords == (("C", 0.0), ("G", 2.0), ("Am", 4.0), ("F", 6.0), ("C", 8.0))
    assert plan.downbeat_times() == (0.0, 2.0, 4.0, 6.0, 8.0) and len(plan.beat_times()) == 20
    minor = MusicPlan(key="Cm", bpm=120, duration=8).complete()
    assert [symbol for symbol, _ in minor.chords] == ["Cm", "Ab", "Eb", "Bb"]


def test_complete_from_chords() -> None:
    plan = MusicPlan(bpm=90, meter=3).complete(["G", "D/F#", "Em", "C"])
    assert plan.key == "G major"
    assert plan.chords[:3] == (("G", 0.0), ("D/F#", 2.0), ("Em", 4.0))
    timed = MusicPlan(chords=[("Am", 0), ("F", 2.5), ("C", 5), ("G", 7.5)]).complete()
    assert (timed.bpm, timed.key) == (96.0, "A minor")  # a bar of 2.5 s
    assert {t for _, t in timed.chords} <= set(timed.beat_times())
    assert MusicPlan(chords=[("N", 0)]).complete().key == "C major"
    assert MusicPlan(chords=[("G", 5)], duration=5).complete().key == "C major"  # allowed, but it never sounds
    with pytest.raises(PlanError, match="chord_symbols: expected None"):
        timed.complete(["G"])


def test_complete_from_beats() -> None:
    beats = [(0.4, 3), (1.0, 1), (1.6, 2), (2.2, 3), (2.8, 1), (3.4, 2), (4.0, 3)]
    plan = MusicPlan(beats=beats, duration=5).complete(["G", "C"])
    assert plan.bpm == pytest.approx(100) and plan.meter == 3 and plan.beats == tuple(beats)
    assert plan.chords == (("G", 0.0), ("C", 2.8))
    assert MusicPlan(beats=[(0, 1), (30, 2), (30.5, 1), (31, 2)]).complete().duration == pytest.approx(31.5)


@given(plans())
def test_complete_keeps_what_is_given(plan: MusicPlan) -> None:
    if plan.bpm is None:  # random beats make no tempo
        plan = plan.with_(bpm=100.0)
    full = plan.complete()
    assert full.is_complete and full == plan.complete() and full.complete() == full
    for name, value in plan.given().items():
        assert getattr(full, name) == value
    if plan.chords is None:
        assert full.chords[0][1] == 0.0 and {t for _, t in full.chords[1:]} <= set(full.beat_times())


@given(plans())
def test_json_round_trip(plan: MusicPlan) -> None:
    assert MusicPlan.from_json(plan.to_json()) == plan == MusicPlan.from_dict(plan.to_dict())
    assert plan.to_dict()["chords"] == (None if plan.chords is None else [list(pair) for pair in plan.chords])


@given(plans(), st.floats(0.8, 1.25))
def test_stretch_and_back(plan: MusicPlan, factor: float) -> None:
    fast = plan.stretch(factor)
    assert approx_equal(fast.stretch(1 / factor), plan)
    assert fast.key == plan.key and fast.meter == plan.meter
    if plan.duration is not None:
        assert fast.duration == pytest.approx(plan.duration / factor)


def test_stretch_by_hand() -> None:
    fast = MusicPlan(120, 4, "C", [("C", 0), ("G", 2)], [(0, 1), (0.5, 2)], 10).stretch(1.25)
    assert fast == MusicPlan(150, 4, "C", [("C", 0), ("G", 1.6)], [(0, 1), (0.4, 2)], 8)
    with pytest.raises(PlanError, match="bpm: expected a number from 30 to 300"):
        fast.stretch(3)


@given(plans(), semitones)
def test_transpose_and_back(plan: MusicPlan, n: int) -> None:
    moved, back = plan.transpose(n), plan.transpose(n).transpose(-n)
    assert plan.transpose(0) == plan and moved.beats == plan.beats
    for before, after, again in zip(*(p.chord_intervals() for p in (plan, moved, back)), strict=True):
        assert before[:2] == after[:2] and before[2].pitch_classes() == again[2].pitch_classes()
        assert after[2].pitch_classes() == tuple((pc + n) % 12 for pc in before[2].pitch_classes())


def test_chords_are_spelled_in_the_new_key() -> None:
    plan = MusicPlan(key="Ab major", chords=[("Ab", 0), ("Eb/G", 2), ("Fm", 4), ("Db", 6), ("N", 8)])
    assert [symbol for symbol, _ in plan.transpose(1).chords] == ["A", "E/G#", "F#m", "D", "N"]
    borrowed = MusicPlan(key="G major", chords=[("G", 0), ("Eb", 2)]).transpose(7)
    assert (borrowed.key, borrowed.chords) == ("D major", (("D", 0.0), ("Bb", 2.0)))


def test_crop_by_hand() -> None:
    plan = MusicPlan(120, 4, "C", [("C", 1), ("G", 2), ("F", 4)], [(0, 1), (1, 2), (2, 3), (3, 4)], 6)
    part = plan.crop(2.5, 4.5)
    assert (part.chords, part.beats, part.duration) == ((("G", 0.0), ("F", 1.5)), ((0.5, 4),), 2.0)
    assert plan.crop(2, 3).beats == ((0.0, 3),)
    assert plan.crop(0, 0.75).chords == (("N", 0.0),)  # nothing sounds yet, and nothing may be invented
    with pytest.raises(PlanError, match=r"end: expected a number from 1 to 6, got 7"):
        plan.crop(1, 7)
    with pytest.raises(PlanError, match=r"duration: expected a number from 0\.5 to 600, got 0\.25"):
        plan.crop(1, 1.25)
    assert plan.crop(1.001, 1.501).duration == 0.5  # although 1.001 + 0.5 > 1.501 in floating point


@given(plans(), st.integers(0, 18_000), st.integers(500, 10_000))
def test_crop_keeps_what_sounds(plan: MusicPlan, start_ms: int, length_ms: int) -> None:
    start, end = start_ms / 1000, min((start_ms + length_ms) / 1000, plan.duration or 600)
    part = plan.crop(start, end)
    assert part.duration == pytest.approx(end - start)
    expected = [(t - start, position) for t, position in plan.beats or () if start <= t < end]
    assert np.allclose(np.array(part.beats or ()), np.array(expected), atol=1e-6)
    for middle in np.linspace(start, end, 5)[:-1] + 0.0003:  # between the milliseconds that chords start on
        sounding = [symbol for symbol, t in plan.chords or () if t <= middle]
        heard = [symbol for symbol, t in part.chords or () if t <= middle - start]
        assert (sounding[-1:] == heard[-1:]) or (not sounding and heard in ([], ["N"]))


def test_chord_intervals() -> None:
    plan = MusicPlan(chords=[("C", 1), ("G/B", 2.5)], duration=4)
    assert plan.chord_intervals() == [(1.0, 2.5, Chord("C")), (2.5, 4.0, Chord("G", "", "B"))]
    assert plan.with_(duration=None).chord_intervals()[-1][:2] == (2.5, 2.5)
    assert MusicPlan().chord_intervals() == [] and MusicPlan().beat_times() == ()
