"""Everything that a visitor can be told has words in every language: the sentences are collected from the source."""

from __future__ import annotations

import re
from pathlib import Path

import gradio
import pytest

from mustango_app.page.words import FIRST, languages
from tests.mustango_app.page.said import ROOT, Said, collected

OTHERS = [code for code in languages() if code != FIRST]
WORD = re.compile(r"[A-Za-z]{3,}")
NOTATION = re.compile(r"\bBPM\b|\bFFmpeg\b")
REFUSAL = re.compile(r"([\w.]+): expected (.*?), got (.*)", re.S)
# Arguments that only somebody who writes a program can name.
OF_PROGRAMS = {"chord_symbols", "guidance_rescale", "known", "notes", "parts", "span"}


def parts(said: Said) -> list[str]:
    """The pieces of a sentence that are looked up, without those that hold no words of ours."""
    found = [said.text]
    if said.kind == "refusal":
        match = REFUSAL.fullmatch(said.text)
        assert match is not None, f"{said.where}: a refusal reads 'name: expected X, got Y', not {said.text!r}"
        found = list(match.groups()[1:])
    return [part for part in found if WORD.search(NOTATION.sub("", part))]


def test_enough_is_found() -> None:
    said = {one.text for one in collected()}
    assert len(said) > 180
    for text in (
        "bars: expected either bars or seconds, got both (7, 7)",  # an f-string over lines
        "a chord symbol such as Am7, F#dim, Bb/F or N",  # a constant of a module
        "the tempo changes evenly", "the tempo is fixed",  # both sides of a condition, given to a name
        "7 by 7: 7", "downbeats and metre: librosa finds beats only",  # of what could not be heard
    ):  # fmt: skip
        assert text in said


@pytest.mark.parametrize("code", OTHERS)
def test_whatever_is_said_has_words(code: str) -> None:
    words = languages()[code]
    silent = [f"{said.where}: {part!r}" for said in collected() for part in parts(said) if words.sentence(part) == part]
    assert not silent, f"languages/{code}.toml has no words for\n" + "\n".join(silent)


@pytest.mark.parametrize("code", [*languages()])
def test_whatever_is_refused_has_a_label(code: str) -> None:
    heads = {match[1] for said in collected() if (match := REFUSAL.fullmatch(said.text))}
    names = (
        {name.partition(".")[0] for name in {*heads, *(said.name for said in collected())}} - OF_PROGRAMS - {"7", ""}
    )
    assert {"bpm", "clip", "guidance_interval"} & names or names
    missing = {name for name in names if not languages()[code].has(f"label_{name}")}
    assert missing <= {"bars", "beats", "seconds"}, "those are told as their fields, see `fields.AT`"


@pytest.mark.parametrize("code", [*languages()])
def test_what_gradio_is_made_to_say_is_what_gradio_says(code: str) -> None:
    """A toast that Gradio words in another way would be shown in English again."""
    home = Path(gradio.__file__).parent
    files = [*home.glob("templates/frontend/assets/*.js"), *home.glob("*.py"), *home.glob("components/*.py")]
    files += [ROOT / "mustango_app/page/guard.py"]
    wanted = {part for english in languages()[code].toasts for part in re.split(r"\{\w+\}", english) if len(part) > 3}
    for file in files:
        text = file.read_text(encoding="utf-8", errors="ignore")
        wanted = {part for part in wanted if part not in text}
    assert wanted <= {"HTTP ", ': {"error": "', "Invalid file types: ", "File(s) exceed the maximum allowed size of "}


def test_what_somebody_typed_stays_as_it_is() -> None:
    for words in languages().values():
        assert words.sentence("'piano and drums'") == "'piano and drums'"
        assert words.phrase("piano and drums") == "piano and drums"
    assert languages()["zh"].phrase("the sections") == "段落"
