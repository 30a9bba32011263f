"""Plan -> MIDI -> plan: exact with the plan's text in the file, faithful without it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from munet.music import Chord, Key, MusicPlan, Section
from mustango_app.exchange.midi_read import read_midi
from mustango_app.exchange.midi_write import PLAN_TEXT, signature, voicing, write_midi
from mustango_app.exchange.score import read_score
from tests.munet.strategies import chords

PLAIN = MusicPlan(bpm=93.7, meter=3, key="D minor", duration=20.0).complete(["Dm", "Bb", "F/A", "C7"])
UPBEAT = MusicPlan(
    bpm=120, meter=4, key="G major", duration=8.0, beats=tuple((0.25 + 0.5 * i, (i + 3) % 4 + 1) for i in range(16))
).complete(["G", "D/F#", "Em", "C"])
JIG = MusicPlan(bpm=110, meter=2, key="E dorian", duration=9.0, beat_unit="dotted quarter").complete(["Em", "D"])
CUT = MusicPlan(bpm=80, meter=2, key="Ab major", duration=9.0, beat_unit="half").complete(["Ab", "N", "Db"])
EIGHTHS = MusicPlan(bpm=210, meter=7, key="C# minor", duration=9.0, beat_unit="eighth").complete(["C#m", "A"])
SONG = MusicPlan(
    bpm=100,
    meter=4,
    key="C major",
    sections=(
        Section("intro", bars=2, chords=("C", "G")),
        Section("Aufbau ♪ 上", bars=4, bpm=(100, 140), chords=("Am", "F", "C", "G")),
        Section("waltz", bars=4, meter=3, key="A major", chords=("A", "D", "E7", "A"), instruments=("piano",)),
    ),
    melody=((60, 0.0, 1.0), (64, 1.0, 2.5), (67, 5.0, 5.4)),
    instruments=("piano", "drums"),
    energy="calm",
).complete()
PLANS = [PLAIN, UPBEAT, JIG, CUT, EIGHTHS, SONG]


def without_plan(path: Path) -> Path:
    """The same file as another program would write it."""
    file = mido.MidiFile(path, charset="utf-8")
    for track in file.tracks:
        kept = [message for message in track if not (message.type == "text" and message.text.startswith(PLAN_TEXT))]
        track[:] = kept  # the plan's event stands at the start: no time is lost
    other = path.with_name("other.mid")
    file.save(other)
    return other


@pytest.mark.parametrize("plan", PLANS)
def test_plan_comes_back_exactly(plan: MusicPlan, tmp_path: Path) -> None:
    assert read_midi(write_midi(plan, tmp_path / "a.mid")) == plan


def test_an_open_plan_comes_back_open(tmp_path: Path) -> None:
    plan = MusicPlan(bpm=90, key="F# minor", style="jazz swing", instruments="piano, drums")
    assert read_midi(write_midi(plan, tmp_path / "a.mid")) == plan


@pytest.mark.parametrize("plan", PLANS)
def test_events_alone_say_the_same_music(plan: MusicPlan, tmp_path: Path) -> None:
    found = read_midi(without_plan(write_midi(plan, tmp_path / "a.mid")))
    assert (found.bpm, found.meter, found.beat_unit) == (plan.bpm, plan.meter, plan.beat_unit)
    assert found.duration == pytest.approx(plan.duration, abs=0.002)
    assert [position for _, position in found.beats] == [position for _, position in plan.beats]
    assert [second for second, _ in found.beats] == pytest.approx([second for second, _ in plan.beats], abs=0.001)
    assert [symbol for symbol, _ in found.chords] == [symbol for symbol, _ in plan.chords]
    assert [second for _, second in found.chords] == pytest.approx([second for _, second in plan.chords], abs=0.001)
    for ours, theirs in zip(found.melody or (), plan.melody or (), strict=True):
        assert ours == pytest.approx(theirs, abs=0.001)
    if Key.parse(plan.key).mode in ("major", "minor"):
        assert found.key == plan.key


def test_sections_from_markers(tmp_path: Path) -> None:
    found = read_midi(without_plan(write_midi(SONG, tmp_path / "a.mid"))).sections
    assert [(s.name, s.bars, s.meter) for s in found] == [("intro", 2, 4), ("Aufbau ♪ 上", 4, 4), ("waltz", 4, 3)]
    assert [s.start for s in found] == pytest.approx([0.0, 4.8, 12.8], abs=0.001)
    assert found[1].bpm == pytest.approx((100, 140), rel=0.01)
    assert (found[2].bpm, found[2].key) == (140, "A major")


def test_a_changed_file_is_read_by_its_events(tmp_path: Path) -> None:
    path = write_midi(PLAIN, tmp_path / "a.mid")
    file = mido.MidiFile(path, charset="utf-8")
    for message in file.tracks[0]:
        if message.type == "set_tempo":
            message.tempo = 500_000  # somebody made it 120 BPM
    file.save(path)
    assert read_midi(path).bpm == 120


def test_tempo_map_is_short_where_the_tempo_stays_and_dense_in_ramps(tmp_path: Path) -> None:
    assert len(read_score(write_midi(PLAIN, tmp_path / "a.mid")).tempi) == 1
    ramp = read_score(write_midi(SONG, tmp_path / "b.mid")).tempi
    tempi = [6e7 / tempo for tick, tempo in ramp if 8 * 960 <= tick < 24 * 960]  # bars 3 to 6
    assert len(tempi) > 100
    assert all(later > earlier for earlier, later in pairwise(tempi))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    symbols=st.lists(chords.map(str), min_size=1, max_size=6),
    bpm=st.floats(30, 300).map(lambda bpm: round(bpm, 1)),
    meter=st.integers(1, 15),
    unit=st.sampled_from([None, "quarter", "dotted quarter", "half", "eighth"]),
)
def test_any_tempo_metre_and_chords(
    symbols: list[str], bpm: float, meter: int, unit: str | None, tmp_path: Path
) -> None:
    whole = MusicPlan(bpm=bpm, meter=meter, beat_unit=unit).complete(symbols, bars=2 * len(symbols) + 2)
    path = write_midi(whole, tmp_path / "a.mid")
    assert read_midi(path) == whole
    found = read_midi(without_plan(path))
    assert [symbol for symbol, _ in found.chords] == [symbol for symbol, _ in whole.chords]
    assert [position for _, position in found.beats] == [position for _, position in whole.beats]
    assert [second for second, _ in found.beats] == pytest.approx([second for second, _ in whole.beats], abs=0.002)


@pytest.mark.parametrize(
    ("key", "name"),
    [("C major", "C"), ("Bb minor", "Bbm"), ("G# minor", "G#m"), ("D dorian", "C"), ("G# major", "Ab"),
     ("Fb major", "E"), ("F# lydian", "C#"), (None, "C")],
)  # fmt: skip
def test_key_signatures(key: str | None, name: str) -> None:
    assert signature(key) == name


def test_voicings() -> None:
    assert voicing(Chord.parse("C")) == (48, 60, 64, 67)
    assert voicing(Chord.parse("D/F#")) == (54, 62, 66, 69)
    assert voicing(Chord.none()) == ()
