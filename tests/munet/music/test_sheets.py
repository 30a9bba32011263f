"""Lead sheets: ChordPro and plain text into plans, plans into ChordPro."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from munet.music import MusicPlan, PlanError, Section
from munet.music.chordpro import write_chordpro
from munet.music.sheets import read_lead_sheet
from tests.munet.strategies import sectioned_plans

CHORDPRO = """
{title: Going Home}
{artist: nobody}
# a remark
{key: D}
{tempo: 80}
{time: 3/4}
{capo: 2}
{start_of_chorus}
Take me [D]down the [G]long road [*softly]ho[D]me,
[A7]home
{end_of_chorus}
{sov: Verse 1}
I [D]walked and [Bm7]walked
{eov}
{start_of_tab}
e|--0--2--|
{end_of_tab}
{key: E}
{chorus}
"""

PLAIN = """The old house
Key: Am
Tempo: 76 bpm
Time: 6/8

[Intro]
Am C D F

[Verse 1]
Am      C          D        F
A house stands there by the river
Am       C        E7
I was young then

Verse 2:
A mother, a father

Chorus (x2)
| Am | C E7 | % |

Outro
words only
"""


def test_chordpro() -> None:
    sheet = read_lead_sheet(CHORDPRO)
    assert (sheet.title, sheet.key, sheet.bpm, sheet.meter, sheet.beat_unit) == ("Going Home", "E major", 80.0, 3, None)
    assert [(s.name, s.bars, s.key) for s in sheet.sections] == [
        *(("chorus", 4, None), ("verse 1", 2, None), ("chorus", 4, "F# major")),
    ]
    assert sheet.line.symbols == ("E", "A", "E", "B7", "E", "C#m7", "E", "A", "E", "B7")
    assert [note.outcome for note in sheet.notes] == ["sounds 2 semitones higher than written"]
    plan = sheet.to_plan()
    assert plan.is_complete and plan.duration == 10 * 3 * 60 / 80 and plan.chords[4] == ("E", 9.0)
    assert [(part.name, part.start, part.key) for part in plan.parts()] == [
        *(("chorus", 0.0, "E major"), ("verse 1", 9.0, "E major"), ("chorus", 13.5, "F# major")),
    ]


def test_plain_text() -> None:
    sheet = read_lead_sheet(PLAIN)
    assert (sheet.title, sheet.key, sheet.meter, sheet.beat_unit, sheet.bpm) == (
        *("The old house", "A minor", 6, "eighth", 152.0),
    )
    assert [(s.name, s.bars) for s in sheet.sections] == [
        *(("intro", 4), ("verse 1", 7), ("verse 2", 7), ("chorus", 3), ("chorus", 3)),
    ]
    assert sheet.lines[2] == sheet.lines[1] and sheet.lines[4].bars == (("Am",), ("C", "E7"), ("C", "E7"))
    assert [(note.statement, note.used) for note in sheet.notes] == [("outro", False)]


def test_sheets_without_headings_have_no_sections() -> None:
    plan = read_lead_sheet("Am F\nC G").to_plan()
    assert plan.sections is None and plan.chords == (("Am", 0.0), ("F", 2.0), ("C", 4.0), ("G", 6.0))
    assert read_lead_sheet("| Am F | C |\nG").line.bars == (("Am", "F"), ("C",), ("G",))
    assert read_lead_sheet("H7 Em\nB A").line.symbols == ("B7", "Em", "Bb", "A")
    assert read_lead_sheet("{key: G}\n[1]one [4]four [5]five").line.symbols == ("G", "C", "D")
    assert read_lead_sheet("Key: G\n| 1 | 4 5 |").line.bars == (("G",), ("C", "D"))
    refrain = read_lead_sheet("{soc}\n[G]la\n{eoc}\n{chorus}\n[C]end")
    assert [(part.name, part.bars) for part in refrain.sections] == [("chorus", 1), ("chorus", 1), ("song", 1)]
    words = read_lead_sheet("G   D\nA day, a Dad and I\nI\nEm\nA")
    assert words.line.symbols == ("G", "D", "Em", "A")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing to play", "chords: expected a lead sheet with chords, got 'nothing to play'"),
        ("", "chords: expected a lead sheet with chords"),
        ("G C D\nG Cfoo D", "got 'Cfoo'"),
        ("{title: x}\n[G]one [Foo]two", "got 'Foo'"),
        ("{key: X}\n[G]one", "key: expected a key"),
        ("{time: three}\n[G]one", "meter: expected a time such as 3/4"),
        ("{tempo: slow}\n[G]one", "bpm: expected a tempo such as 120"),
        ("{capo: high}\n[G]one", "capo: expected an integer from 0 to 11"),
    ],
)
def test_what_is_not_understood_is_named(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        read_lead_sheet(text)


def test_a_written_sheet() -> None:
    plan = MusicPlan(
        bpm=90,
        meter=2,
        beat_unit="dotted quarter",
        key="D dorian",
        sections=[Section("verse", bars=2, chords=["Dm", "G7"]), Section("end", bars=1, meter=3, bpm=(90, 60))],
    ).complete()
    assert write_chordpro(plan, "Song").splitlines() == [
        "{title: Song}",
        "{key: D dorian}",
        "{tempo: 135}",
        "{time: 6/8}",
        "{x_beat_unit: dotted quarter}",
        "",
        "{start_of_grid: verse}",
        "| Dm . | G7 . |",
        "{end_of_grid}",
        "",
        "{start_of_grid: end}",
        "{time: 9/8}",
        "{tempo: 135}",
        "{x_tempo_to: 90}",
        "| Dm . . |",
        "{end_of_grid}",
    ]
    with pytest.raises(PlanError, match="plan: expected a complete plan"):
        write_chordpro(MusicPlan(bpm=90))
    late = MusicPlan(bpm=60, chords=[("C", 1.3)], duration=4).complete()
    assert "| N.C. C . . |" in write_chordpro(late)


@given(sectioned_plans())
@settings(max_examples=25, deadline=None)
def test_written_and_read_back(plan: MusicPlan) -> None:
    again = read_lead_sheet(write_chordpro(plan, "x")).to_plan()
    assert (again.bpm, again.meter, again.key) == (pytest.approx(plan.bpm), plan.meter, plan.key)
    assert again.duration == pytest.approx(plan.duration)
    assert [symbol for symbol, _ in again.chords] == [symbol for symbol, _ in plan.chords]
    assert [t for _, t in again.chords] == pytest.approx([t for _, t in plan.chords], abs=1e-6)
    assert [t for t, _ in again.beats] == pytest.approx([t for t, _ in plan.beats], abs=1e-6)
    if len(plan.sections) > 1:
        found = [(part.name, part.meter, part.key) for part in again.parts()]
        assert found == [(part.name, part.meter, part.key) for part in plan.parts()]
