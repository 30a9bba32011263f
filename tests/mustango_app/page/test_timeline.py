"""The timeline as SVG: well formed, to scale, safe against what people write."""

from __future__ import annotations

import time
from xml.etree import ElementTree

from munet.music import Chord, MusicPlan, Section
from mustango_app.page.timeline import chord_color, describe, timeline
from mustango_app.page.words import words_for

PLAN = MusicPlan(bpm=60, meter=4, key="C", duration=8.0, chords=[("C", 0.0), ("Am", 4.0)]).complete()
ENGLISH = words_for(None)
SVG = "{http://www.w3.org/2000/svg}"


def boxes(svg: str, kind: str) -> list[tuple[str | None, str | None, str | None]]:
    root = ElementTree.fromstring(svg)
    found = [one for one in root.iter(f"{SVG}svg") if one.get("class", "").startswith(kind)]
    return [(one.get("x"), one.get("width"), one.findtext(f"{SVG}text")) for one in found]


def test_chords_and_beats_are_drawn_to_scale() -> None:
    svg = timeline(PLAN, ENGLISH)
    assert boxes(svg, "chord asked") == [("0.000%", "50.000%", "C"), ("50.000%", "50.000%", "Am")]
    lines = [one for one in ElementTree.fromstring(svg).iter(f"{SVG}line") if one.get("class") != "head"]
    assert len(lines) == 8
    assert [one.get("x1") for one in lines if one.get("class") == "beat down"] == ["0.000%", "50.000%"]


def test_heard_chords_waveform_and_sections_get_rows_of_their_own() -> None:
    plan = MusicPlan(
        bpm=60, meter=4, key="C", duration=8.0, sections=[Section("verse", bars=1), Section("<b>", bars=1)]
    )
    svg = timeline(plan.complete(), ENGLISH, [(0.0, 8.0, Chord.parse("G"))], [0.1, 1.0, 0.2], [(0.5, 1)])
    assert [text for *_, text in boxes(svg, "section")] == ["verse", "<b>"]
    assert boxes(svg, "chord heard") == [("0.000%", "100.000%", "G")]
    assert "<b>" not in svg
    assert 'class="wave"' in svg
    assert 'class="beat down heard"' in svg


def test_what_lies_behind_the_end_is_not_drawn() -> None:
    assert boxes(
        timeline(PLAN, ENGLISH, [(7.0, 12.0, Chord.parse("G")), (9.0, 12.0, Chord.parse("D"))]), "chord heard"
    ) == [("87.500%", "12.500%", "G")]


def test_it_is_described_in_words() -> None:
    assert describe(PLAN, ENGLISH) == "8.0 seconds, 2 bars of 4 beats. Chords: C at 0.0, Am at 4.0."


def test_a_long_plan_is_drawn_fast_and_small() -> None:
    long = MusicPlan(bpm=300, meter=4, key="C", duration=600.0).complete(["C", "F", "G", "Am"])
    start = time.process_time()
    svg = timeline(long, ENGLISH)
    assert time.process_time() - start < 1.0
    assert len(svg) < 600_000


def test_neighbours_on_the_circle_of_fifths_look_alike() -> None:
    def apart(a: str, b: str) -> float:
        colors = chord_color(Chord.parse(a)), chord_color(Chord.parse(b))
        return sum(abs(x - y) for x, y in zip(*colors, strict=True))

    assert apart("C", "G") < apart("C", "F#")
    assert chord_color(Chord.parse("N")) == (0.85, 0.85, 0.85)
