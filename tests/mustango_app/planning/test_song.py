"""Sections that nobody asked for: the form of long pieces."""

from __future__ import annotations

import pytest

from augmentation.compose.styles import FORMS, STYLES
from munet.music import MusicPlan, Section
from mustango_app.planning.planner import plan_from_text, plan_with_sources
from mustango_app.planning.song import SHORTEST
from mustango_app.planning.source import Origin


@pytest.mark.parametrize("seconds", [1.5, 10, 30, 39])
def test_short_pieces_have_no_form(seconds: float) -> None:
    plan, sources = plan_with_sources("a pop song", seconds=seconds)
    assert plan.sections is None and "sections" not in sources


@pytest.mark.parametrize("style", sorted(STYLES))
@pytest.mark.parametrize("seconds", [SHORTEST, 120.0, 600.0])
def test_every_style_has_a_form_that_fills_the_piece(style: str, seconds: float) -> None:
    plan, sources = plan_with_sources("", style=style, seconds=seconds, seed=3)
    form, parts = FORMS[STYLES[style].form], plan.parts()
    assert sources["sections"].origin is Origin.CHOSEN and plan.duration == seconds and plan.is_complete
    assert {part.name for part in parts} <= {*form.rounds, form.middle, form.closing, "intro", "outro"}
    assert parts[0].start == 0 and parts[-1].end == seconds
    downbeats = set(plan.downbeat_times())
    assert all(part.start in downbeats for part in parts), "sections begin with a bar"
    if seconds >= 120:
        names = [part.name for part in parts]
        assert names.count(form.closing) >= 2, "something comes back"
    assert {name for part in parts for name in part.instruments} == set(plan.instruments)
    assert plan == MusicPlan.from_json(plan.to_json())


def test_sections_that_return_are_the_same() -> None:
    plan = plan_from_text("a rock song", seconds=180, seed=5)
    for name in ("verse", "chorus"):
        same = [section for section in plan.sections if section.name == name]
        assert len(same) >= 2
        assert len({(one.bars, one.chords, one.instruments, one.energy) for one in same if one.bars}) == 1
    verse, chorus = (next(one for one in plan.sections if one.name == name) for name in ("verse", "chorus"))
    assert verse.chords != chorus.chords and set(verse.instruments) < set(chorus.instruments)
    outro = plan.sections[-1]
    assert outro.name != "outro" or outro.chords[-1] == plan.key.split()[0] + ("m" if "minor" in plan.key else "")


def test_the_seed_chooses_and_the_note_tells() -> None:
    plans = [plan_from_text("house", seconds=240, seed=seed) for seed in range(6)]
    assert plans[0] == plan_from_text("house", seconds=240, seed=0)
    assert len({tuple(section.name for section in plan.sections) for plan in plans}) > 1
    note = next(note for note in plans[0].notes if note.field == "sections")
    assert note.used and note.outcome.startswith("chosen for 240 s: ") and "drop (" in note.outcome


def test_what_is_fixed_leaves_sections_nothing_of_their_own() -> None:
    plan = plan_from_text("pop", seconds=120, instruments=["piano", "drums"], energy="calm", key="D minor", bpm=90)
    assert {(part.instruments, part.energy) for part in plan.parts()} == {(plan.instruments, "calm")}
    assert {(part.key, part.bpm) for part in plan.parts()} == {("D minor", 90)}
    calm = plan_from_text("a calm pop song", seconds=120)
    assert {part.energy for part in calm.parts()} == {"calm"}


def test_stated_chords_lie_where_they_would_without_sections() -> None:
    for chords in ("C G Am F", "C G Am F Dm", "| C | G Am | F |"):
        asked = {"seconds": 120, "bpm": 120, "chords": chords}
        assert plan_from_text("pop", **asked).chords == plan_from_text("pop", sections=[], **asked).chords
    sections = plan_from_text("pop", seconds=120, bpm=120, chords="C G Am F Dm").sections
    assert all(section.bars % 5 == 0 for section in sections if section.name in ("verse", "chorus"))


def test_a_form_is_switched_off_by_sections() -> None:
    assert plan_from_text("pop", seconds=120, sections=[]).sections is None
    assert [part.name for part in plan_from_text("pop", seconds=120, sections=[Section("all")]).parts()] == ["all"]
    assert plan_from_text("pop", bars=32, loop=True, bpm=100).sections is None
    assert plan_from_text("pop", seconds=120, chords="C@0 G@60").sections is None
    drums = plan_from_text("rock, drums enter halfway", seconds=60)
    assert [part.name for part in drums.parts()] == ["first part", "second part"]


def test_a_melody_comes_back_with_its_section() -> None:
    plan = plan_from_text("pop in C major, 120 bpm", seconds=120, seed=0, melody=[(60, 0.5, 1.0), (64, 16.0, 17.0)])
    verses = [part.start for part in plan.parts() if part.name == "verse"]
    assert verses[0] == 16.0 and len(verses) > 1
    assert [note for note in plan.melody if note[0] == 64] == [(64, start, start + 1.0) for start in verses]
    assert [note for note in plan.melody if note[0] == 60] == [(60, 0.5, 1.0)]
