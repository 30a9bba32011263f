"""Clips as files and as cards."""

from __future__ import annotations

import dataclasses
import json
import os
import time
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import mido
import numpy as np
import pytest
import soundfile

from augmentation.hearing.listen import Heard
from munet.music import MusicPlan
from munet.music.events import NoteEvent
from mustango_app import plan_from_text
from mustango_app.clip import Clip
from mustango_app.exchange.parts_midi import read_parts
from mustango_app.page import cards, results
from mustango_app.page.results import FORMS, Results
from mustango_app.page.words import languages, words_for

PLAN = MusicPlan(bpm=120, meter=4, key="G major", duration=2.0, chords=[("G", 0.0), ("Em", 1.0)]).complete()

ENGLISH = words_for(None)
NOTES = (NoteEvent("piano", 60, 0.0, 1.0, 90),)


@pytest.fixture
def kept(tmp_path: Path) -> Results:
    return Results(tmp_path / "results")


def clip(prompt: str = "calm piano", seed: int = 7, **settings: object) -> Clip:
    sound = 0.5 * np.sin(np.arange(16000, dtype=np.float32) / 10)[None].repeat(2, 0)
    made_with = {"model": "m", "steps": 3, "guidance": 2.0, **settings}
    return Clip(sound, 8000, PLAN, prompt, seed, {"parts": "composed", **made_with}, NOTES)


def test_every_form_can_be_opened(kept: Results) -> None:
    token = kept.save(clip(), {})
    files = {name: kept.form(token, name) for name in FORMS}
    for name, path in files.items():
        assert path is not None and path.stat().st_size > 0, name
        if name.startswith("sound") or name == "click.wav":
            assert soundfile.info(path).duration == pytest.approx(2.0, abs=0.1)
    assert MusicPlan.from_json(files["plan.json"].read_text()) == PLAN
    assert mido.MidiFile(files["music.mid"]).length == pytest.approx(2.0, abs=0.6)
    assert "G" in files["chords.cho"].read_text()
    recipe = json.loads(files["recipe.json"].read_text())
    assert (recipe["seed"], recipe["steps"], recipe["guidance"], recipe["best_of"]) == (7, 3, 2.0, 1)
    assert recipe["parts"] == "composed"
    with zipfile.ZipFile(files["all.zip"]) as archive:
        assert {"sound.wav", "sound.flac", "music.mid", "plan.json", "recipe.json"} <= set(archive.namelist())
        assert archive.read("sound.wav") == files["sound.wav"].read_bytes()


def test_notes_from_elsewhere_leave_no_recipe() -> None:
    given = clip()
    settings = {name: value for name, value in given.settings.items() if name != "parts"}
    assert results.recipe_of(dataclasses.replace(given, settings=settings)) == {}


def test_parts_are_kept_shown_and_given_where_there_are_some(kept: Results) -> None:
    with_parts, without = kept.save(clip(), {}), kept.save(dataclasses.replace(clip(), parts=None), {})
    assert kept.clip(with_parts).parts == clip().parts and kept.clip(without).parts is None
    assert len(read_parts(kept.form(with_parts, "parts.mid"))[1]) == 1
    assert kept.form(without, "parts.mid") is None
    runs = [[cards.entry_of(token, kept)] for token in (with_parts, without)]
    shown, plain = (row["html"] for row in cards.shown_cards(kept, runs, ENGLISH))
    assert 'class="parts"' in shown and f"results/{with_parts}/parts.mid" in shown
    assert 'class="parts"' not in plain and "parts.mid" not in plain
    with zipfile.ZipFile(kept.form(with_parts, "all.zip")) as archive:
        assert "parts.mid" in archive.namelist()
    with zipfile.ZipFile(kept.form(without, "all.zip")) as archive:
        assert "parts.mid" not in archive.namelist()


@pytest.mark.parametrize("name", ["card.json", "../card.json", "sound.exe", ""])
def test_only_known_forms_are_given(kept: Results, name: str) -> None:
    assert kept.form(kept.save(clip(), {}), name) is None


@pytest.mark.parametrize("token", ["", "x", "../../../../etc", "a" * 16, "a" * 15 + "/"])
def test_only_known_tokens_are_taken(kept: Results, token: str) -> None:
    assert kept.card(token) is None
    assert kept.form(token, "sound.wav") is None
    kept.delete(token)


def test_results_expire_and_can_be_deleted(kept: Results) -> None:
    old, young = kept.save(clip(), {}), kept.save(clip(), {})
    past = time.time() - results.LIFETIME - 1
    os.utime(kept.folder / old, (past, past))
    newest = kept.save(clip(), {})
    assert [kept.card(token) is None for token in (old, young, newest)] == [True, False, False]
    kept.delete(young)
    assert kept.card(young) is None
    kept.clear()
    assert not kept.folder.exists()


def test_runs_are_kept_newest_first_and_the_oldest_goes() -> None:
    runs: list[list[str]] = []
    for number in range(8):
        runs = cards.add_clip(runs, entry(f"a{number}"), first=True)
        runs = cards.add_clip(runs, entry(f"b{number}"), first=False)
    assert runs[0] == [entry("a7"), entry("b7")]
    assert len(runs) == cards.KEPT
    assert cards.without(runs, "b7")[0] == [entry("a7")]
    assert cards.without([[entry("x")], [entry("y")]], "x") == [[entry("y")]]


def entry(token: str) -> cards.Entry:
    return {"id": token, "make": ""}


def test_what_a_browser_sends_as_its_memory_is_looked_at() -> None:
    good = [entry("a" * 16)]
    for runs in (None, 7, "x", {}, [7], [[7]], [[{"id": 7, "make": ""}]], [[{"id": "x"}]]):
        assert cards.latest(runs) == []
    assert cards.latest([good, 7, [{**good[0], "more": "x"}]]) == [good, good]
    assert sum(map(len, cards.latest([[entry("x")] * 1000] * 1000))) <= cards.KEPT * cards.MOST_OF_A_RUN


def test_a_card_is_safe_and_whole(kept: Results) -> None:
    heard = Heard(2.0, 240.0, 4, ((0.0, 1),), 0.9, "E minor", 1.0, (("G:maj", 0.0, 1.0), ("C:maj", 1.0, 2.0)))
    token = kept.save(clip('<img src=x> "loud"'), {"variation": [2, 2], "best": 3, "score": 0.81})
    kept.note(token, {"heard": heard.to_dict()})
    (row,) = cards.shown_cards(kept, [[entry(token)]], ENGLISH)
    html = row["html"]
    assert "<img" not in html
    ElementTree.fromstring(html.replace(" controls", ' controls=""'))
    for words in ("variation 2 of 2", "best of 3", "keeps to its plan: 81 %", "heard 240 BPM, twice the asked 120",
                  "heard E minor, the relative of G major", "the roots agree for 50 % of the time"):  # fmt: skip
        assert words in html
    for name, _ in cards.DOWNLOADS:
        assert f'href="results/{token}/{name}"' in html


def test_what_was_asked_and_not_heard_is_told_as_long_as_nothing_else_says_why() -> None:
    silent = Heard(2.0, None, None, (), 0.0, None, None, ())
    rows = cards.comparison(PLAN, silent, ENGLISH)
    assert [(name, said) for name, said, _ in rows] == [
        ("Tempo", "none heard, asked 120 BPM"),
        ("Key", "none heard, asked G major"),
        ("Chords", "the roots agree for 0 % of the time"),
    ]
    assert not any(same for *_, same in rows)
    assert cards.comparison(PLAN, Heard(2.0, missing=("everything: no extractors",)), ENGLISH) == []


@pytest.mark.parametrize(
    ("asked", "heard", "said", "same"),
    [
        ("G major", "G major", "heard G major, as asked", True),
        ("D dorian", "D minor", "heard D minor, as asked (D dorian)", True),
        ("G major", "E minor", "heard E minor, the relative of G major", False),
        ("E minor", "G major", "heard G major, the relative of E minor", False),
        ("C major", "C minor", "heard C minor, the parallel of C major", False),
        ("C major", "G major", "heard G major, the dominant of C major", False),
        ("C major", "F# major", "heard F# major, asked C major", False),
    ],
)
def test_keys_are_compared_as_musicians_do(asked: str, heard: str, said: str, same: bool) -> None:
    kind, agree = cards.compare_keys(asked, heard)
    assert (ENGLISH(kind, heard=heard, asked=asked), agree) == (said, same)


@pytest.mark.parametrize(
    ("heard", "said", "same"),
    [
        (121.5, "heard 122 BPM, as asked", True),
        (60, "heard 60 BPM, half the asked 120", True),
        (100, "heard 100 BPM, asked 120", False),
    ],
)
def test_tempi_are_compared_as_musicians_do(heard: float, said: str, same: bool) -> None:
    kind, agree = cards.compare_tempi(120, heard)
    assert (ENGLISH(kind, heard=f"{heard:.0f}", asked="120"), agree) == (said, same)


def test_any_key_of_the_sections_is_as_asked() -> None:
    plan = plan_from_text("pop in C, chorus in Eb")

    def said(key: str) -> tuple[str, bool]:
        rows = cards.comparison(plan, Heard(30.0, key=key, key_confidence=1.0), ENGLISH)
        return next((text, same) for name, text, same in rows if name == ENGLISH("label_key"))

    assert said("Eb major") == ("heard Eb major, as asked", True)
    assert said("A major") == ("heard A major, asked C major, Eb major", False)


def test_a_card_tells_who_is_heard_of_those_asked_for() -> None:
    plan = MusicPlan(instruments=("drums", "electric bass", "piano"), style="jazz swing", duration=8.0)
    sure = {"drums": 0.97, "bass": 0.91, "piano": 0.02, "organ": 0.88}
    heard = Heard(8.0, players=sure, playing=("drums", "bass", "organ"), style="metal", style_confidence=0.16)
    assert cards.comparison(plan, heard, ENGLISH) == [
        ("Instruments", "heard drums 97 %, bass 91 %; not heard surely: piano 2 %; also heard: organ 88 %", False),
        ("Style", "none heard surely, asked jazz swing", False),
    ]
    other = dataclasses.replace(heard, playing=("drums", "bass", "piano"), style="jazz swing")
    assert [row[2] for row in cards.comparison(plan, other, ENGLISH)] == [True, True]
    surely = dataclasses.replace(heard, style_confidence=0.8)
    assert cards.comparison(plan, surely, ENGLISH)[1][1] == "sounds most like metal, asked jazz swing"
    chinese = cards.comparison(plan, heard, languages()["zh"])
    assert "鼓 97 %" in chinese[0][1] and not any("{" in said for _, said, _ in chinese)
    assert cards.comparison(plan, Heard(8.0), ENGLISH) == []
