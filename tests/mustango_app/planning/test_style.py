"""A style that is given as a field is understood, or refused; never dropped."""

from __future__ import annotations

import pytest

from augmentation.compose.styles import STYLES
from munet.music import PlanError
from mustango_app import plan_from_text
from mustango_app.planning.style import style_of


@pytest.mark.parametrize("name", STYLES)
def test_names_are_themselves(name: str) -> None:
    assert style_of(name) == style_of(f" {name.upper()}  ") == name


@pytest.mark.parametrize(
    ("words", "style"),
    [
        ("jazz", "jazz swing"),
        ("lofi", "lo-fi"),
        ("hiphop", "hip hop"),
        ("爵士", "jazz swing"),
        ("samba music", "samba"),
    ],
)
def test_words_of_prompts_name_styles_too(words: str, style: str) -> None:
    plan = plan_from_text("a tune", style=words)
    assert plan.style == style
    assert plan == plan_from_text("a tune", style=style)


@pytest.mark.parametrize("value", ["kazoo", "", "120 bpm", 3, ["jazz"]])
def test_what_is_no_style_is_refused(value: object) -> None:
    with pytest.raises(PlanError, match="style: expected one of afrobeat, ambient"):
        plan_from_text("a tune", style=value)


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("funky house", "house"),
        ("cinematic techno", "techno"),
        ("symphonic metal", "metal"),
        ("blues rock", "rock"),
        ("ambient techno, 130 bpm", "techno"),
        ("latin trap", "trap"),
        ("baroque pop", "pop"),
        ("electro-swing", "jazz swing"),
        ("jazz waltz", "jazz swing"),
        ("bossa nova jazz", "bossa nova"),
        ("jazz piano trio", "jazz swing"),
        ("lofi hip hop, jazzy chords", "lo-fi"),
        ("hip hop beat with a jazzy piano sample", "hip hop"),
        ("techno with a funky bassline", "techno"),
        ("funky", "funk"),
        ("jazzy acoustic guitar", "jazz swing"),
    ],
)
def test_of_two_styles_the_last_is_meant(text: str, style: str) -> None:
    assert plan_from_text(text).style == style


def test_a_style_that_only_colours_is_said_not_to_count() -> None:
    (note,) = [note for note in plan_from_text("funky house").notes if note.statement == "funky"]
    assert note.outcome == "house counts" and not note.used


@pytest.mark.parametrize(
    ("text", "style"),
    [("piano, bass and drums", None), ("piano and cello", "classical piano"), ("banjo, bass and drums", "country"),
     ("808s and piano", "trap"), ("acoustic guitar", "folk guitar")],
)  # fmt: skip
def test_an_instrument_names_no_style_whose_band_lacks_the_others(text: str, style: str | None) -> None:
    assert plan_from_text(text).style == style


@pytest.mark.parametrize(
    ("prompt", "style"),
    [
        ("eerie whale song deep under the sea", "ambient"),
        ("rainy day in a cafe", "lo-fi"),  # what comes first
        ("an elegant wine bar", "jazz swing"),
        ("haunted house", "orchestral"),  # no house
        ("deep house for a haunted house", "house"),
        ("techno for a coffee shop", "techno"),
        ("solo piano for a wedding entrance", "classical piano"),  # who plays is said
        ("a pirate ship with tuba and flute", None),
        ("a nature documentary", "orchestral"),
    ],
)
def test_a_scene_has_a_style_where_nothing_else_says_one(prompt: str, style: str | None) -> None:
    assert plan_from_text(prompt).style == style


def test_a_scene_brings_its_mode_along() -> None:
    assert "minor" in plan_from_text("haunted house").key
    assert plan_from_text("solo piano for a wedding entrance").instruments == ("piano",)


@pytest.mark.parametrize(
    ("prompt", "style"),
    [
        ("雨天的咖啡馆", "lo-fi"),
        ("鬼屋", "orchestral"),
        ("海賊船", "celtic jig"),
        ("カフェの音楽", "bossa nova"),
        ("château hanté", "orchestral"),
        ("ein Regentag im Café", "lo-fi"),
        ("una boda en el campo", "orchestral"),
        ("uma fogueira", "folk guitar"),
        ("un falò", "folk guitar"),
    ],
)
def test_scenes_in_other_languages(prompt: str, style: str) -> None:
    assert plan_from_text(prompt).style == style
