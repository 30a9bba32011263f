"""Style files: what is wrong in one is named, and a new one is all that a new style takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from augmentation.compose import styles
from augmentation.compose.styles import STYLES, load_style, load_styles, style_words
from munet.errors import RequestError
from munet.music.instruments import INSTRUMENT_NAMES

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(styles.__file__).parent
POLKA = """
tempo = [104, 116, 128]
meters = [[2, 1.0]]
minor = 0.1
sevenths = 0.0
moods = ["happy", "festive"]
fills = "none"

[progressions]
major = ["I V7 V7 I", "I IV V7 I"]
minor = ["i V7 V7 i"]

[odds]
drums = 1.0
bass = 1.0
second = 0.0
pad = 0.0
melody = 1.0

[palette]
bass = ["tuba"]
comp = ["accordion"]
second = ["accordion"]
pad = ["accordion"]
melody = ["clarinet"]

[patterns]
drums = ["kick: X. X. / snare: .x .x"]
bass = ["R. 5."]
comp = [".x .x"]
melody = ["x- xo|x- x-"]

[words]
metre = "polka|oompah"
tags = ["oompah polka"]
nouns = ["village polka"]
uses = ["a beer garden"]

[[asked]]
words = ["Polka", "oompah"]
tempo = [110, 120]
meter = 2
mode = "major"
"""


def write(folder: Path, text: str, name: str = "village_polka.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_as_it_stands(tmp_path: Path) -> None:
    style = load_style(write(tmp_path, POLKA))
    assert style.name == "village polka" and style.tempo == (104.0, 116.0, 128.0) and style.meters == ((2, 1.0),)
    assert style.progressions["major"] == ("I V7 V7 I", "I IV V7 I") and style.patterns.bass == ("R. 5.",)
    assert style.asked[0].words == ("Polka", "oompah") and style.asked[0].tempo == (110.0, 120.0)
    assert style.swing == 0.5 and style.patterns.second == () and style.solos == ()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("minor = 0.1", "minr = 0.1", r"village_polka.toml: expected fields among .*, got 'minr'"),
        ("minor = 0.1", "", r"village_polka.toml: expected the fields minor, got"),
        ("minor = 0.1", "minor = 'low'", r"village_polka.toml: minor: expected a number from 0 to 1, got 'low'"),
        ("tempo = [104, 116, 128]", "tempo = [128, 116, 104]", "village_polka.toml: tempo: expected 3 BPM from slow"),
        ('["R. 5."]', '["R. 5. R."]', r"village_polka.toml: patterns.bass: expected 2 cells in a bar, got 'R. 5. R.'"),
        ('["R. 5."]', '["R. 7."]', r"village_polka.toml: patterns.bass: expected symbols among .*, got '7'"),
        ('["x- xo|x- x-"]', '["x- xo"]', r"village_polka.toml: patterns.melody: expected 2 bars, got"),
        ("kick: X. X.", "kicks: X. X.", r"village_polka.toml: patterns.drums: expected rows .*, got 'kicks: X. X. '"),
        ("snare: .x .x", "snare: .x", r"village_polka.toml: patterns.drums: expected 2 cells in a bar, got '.x'"),
        ("I IV V7 I", "I IV H7 I", r"village_polka.toml: progressions.major: chords: expected a degree"),
        ('["tuba"]', '["tube"]', r"village_polka.toml: palette.bass: expected one of .*, got 'tube'"),
        ('"polka|oompah"', '"polka("', r"village_polka.toml: words.metre: expected a regular expression"),
        ("tempo = [110, 120]", "tempo = 110", r"village_polka.toml: asked.tempo: expected a list of 2, got 110"),
        ("[words]", "[words", r"village_polka.toml: expected TOML in UTF-8, got"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_field(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert POLKA.count(before) >= 1
    with pytest.raises(RequestError, match=f"^{message}"):
        load_style(write(tmp_path, POLKA.replace(before, after, 1)))


def test_two_styles_cannot_be_asked_for_by_one_word(tmp_path: Path) -> None:
    write(tmp_path, POLKA)
    write(tmp_path, POLKA, "other.toml")
    with pytest.raises(RequestError, match="village polka: asked: expected words that do not ask for other"):
        load_styles(tmp_path)
    with pytest.raises(RequestError, match=r"^styles: expected a folder"):
        load_styles(tmp_path / "nowhere")


def test_a_new_style_takes_one_file(tmp_path: Path) -> None:
    """Composed, captioned and found in prompts, with nothing but a file in a folder."""
    write(tmp_path, POLKA.replace('"Polka", ', ""))
    code = """
import numpy as np
from augmentation.captions.caption import describe
from augmentation.compose.composer import compose
from augmentation.compose.styles import style_words
piece = compose(1, style="village polka")
assert piece.plan.meter == 2 and piece.style == "village polka" and len(piece.tracks) > 1
texts = [describe(piece, np.random.default_rng(seed)).lower() for seed in range(60)]
assert any("village polka" in text for text in texts) and any("beer garden" in text for text in texts)
name, asked = style_words()["oompah"]
assert name == "village polka" and asked.meter == 2
"""
    environment = {**os.environ, "MUSTANGO_STYLES": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)


def test_every_style_of_the_project_is_a_file_and_reads() -> None:
    assert set(STYLES) == {path.stem.replace("_", " ") for path in FOLDER.glob("*.toml")}
    for style in STYLES.values():
        assert style.asked, style.name
        assert {name for names in style.palette.values() for name in names} <= set(INSTRUMENT_NAMES)


def test_words_of_prompts_are_sorted_from_long_to_short() -> None:
    words = list(style_words())
    assert [len(word) for word in words] == sorted(map(len, words), reverse=True)
    assert style_words()["waltz"][0] == "waltz" and style_words()["jazz waltz"][0] == "jazz swing"
