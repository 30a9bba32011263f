"""Who plays, style, mood and energy from words, with negation and scope; and what the notes say of it."""

from __future__ import annotations

import pytest

from augmentation.compose.styles import STYLES
from munet.music import MusicPlan, Note
from munet.music.instruments import CLASS_OF, INSTRUMENT_NAMES
from mustango_app.planning.planner import explain, plan_from_text
from mustango_app.planning.source import Origin


def classes(plan: MusicPlan) -> set[str]:
    return {CLASS_OF.get(name, name) for name in plan.instruments or ()}


def note_on(plan: MusicPlan, word: str) -> Note:
    return next(note for note in plan.notes if word in note.statement)


@pytest.mark.parametrize(
    "text",
    ["rock, no drums", "rock without drums", "drumless rock", "rock with no drums or percussion", "rock, beatless",
     "rock, please avoid drums", "rock minus the drums", "a rock band without any drums", "rock, no bass, no drums",
     "everything but drums: rock", "rock, don't use drums"],
)  # fmt: skip
def test_no_drums(text: str) -> None:
    plan = plan_from_text(text)
    assert "drums" not in classes(plan) and plan.instruments
    assert any(note.field == "instruments" and note.used for note in plan.notes)


def test_a_negation_reaches_as_far_as_its_list() -> None:
    assert not classes(plan_from_text("rock without drums and bass")) & {"drums", "bass"}
    assert not classes(plan_from_text("rock with no drums, bass or guitars")) & {"drums", "bass", "electric guitar"}
    assert {"piano"} <= classes(plan_from_text("no drums, piano"))
    assert {"piano"} <= classes(plan_from_text("no drums and a soft piano"))
    assert "drums" not in classes(plan_from_text("no drums but piano and cello"))
    assert set(plan_from_text("no vocals, guitar and cello").instruments or ()) == {"acoustic guitar", "cello"}


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("only piano", {"piano"}),
        ("piano only, jazz", {"piano"}),
        ("solo cello in D minor", {"cello"}),
        ("just acoustic guitar", {"acoustic guitar"}),
        ("a harp solo", {"harp"}),
        ("jazz for flute and harp", {"flute", "harp"}),
        ("piano trio", {"piano", "violin", "cello"}),
        ("jazz piano trio", {"piano", "upright bass", "drums"}),
        ("string quartet", {"violin", "viola", "cello"}),
        ("violin and piano", {"violin", "piano"}),
        ("rock with nothing but drums", {"drums"}),
    ],
)
def test_who_plays_alone(text: str, band: set[str]) -> None:
    assert set(plan_from_text(text).instruments or ()) == band


def test_named_instruments_join_the_band_of_the_style() -> None:
    plan = plan_from_text("rock with a trumpet")
    assert "trumpet" in plan.instruments and {"drums", "bass"} <= classes(plan)
    assert plan_from_text("rock with guitar").instruments is not None
    assert "electric guitar" in plan_from_text("rock with guitar").instruments
    assert "nylon guitar" in plan_from_text("bossa nova with guitar").instruments


@pytest.mark.parametrize("style", sorted(STYLES))
def test_the_plan_always_says_who_plays(style: str) -> None:
    for seed in range(3):
        plan = plan_from_text(style, seed=seed)
        assert plan.style == style
        assert plan.instruments and set(plan.instruments) <= {*INSTRUMENT_NAMES, *CLASS_OF.values()}
    assert plan_from_text("").instruments and plan_from_text("").style is None


@pytest.mark.parametrize(
    ("text", "player"),
    [
        ("trap with 808s", "deep synth bass"),
        ("acid techno, 303 bassline", "synth bass"),
        ("house, 909", "drums"),
        ("song with ukulele", "nylon guitar"),
        ("a brass section fanfare", "brass section"),
    ],
)
def test_machines_and_what_stands_for_what_is_lacking(text: str, player: str) -> None:
    assert player in (plan_from_text(text).instruments or ())


def test_names_are_no_styles() -> None:
    plan = plan_from_text("a song like Daft Punk")
    assert plan.style is None
    assert not note_on(plan, "Daft Punk").used
    assert plan_from_text("in the style of jazz").style == "jazz swing"


@pytest.mark.parametrize("text", ["anything but a waltz", "not a waltz", "no waltz please"])
def test_a_style_can_be_denied(text: str) -> None:
    plan = plan_from_text(text)
    assert plan.style != "waltz" and plan.meter == 4


def test_not_too_fast_is_moderate() -> None:
    assert 92 <= plan_from_text("not too fast").bpm <= 112


def test_energy() -> None:
    assert plan_from_text("calm piano").energy == "calm"
    assert plan_from_text("high-energy techno").energy == "energetic"
    assert plan_from_text("techno").energy is None


def test_arguments_win_over_words() -> None:
    plan = plan_from_text("calm rock with piano", instruments="flute, harp", style="jazz swing", energy="energetic")
    assert plan.instruments == ("flute", "harp") and plan.style == "jazz swing" and plan.energy == "energetic"
    sources = explain("calm rock with piano", instruments="flute, harp")
    assert sources["instruments"].origin is Origin.GIVEN and sources["style"].origin is Origin.STATED
    assert not note_on(plan, "piano").used


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a ballad sung in French", "sung in French"),
        ("pop with female vocals", "female vocals"),
        ("rock, fade out", "fade out"),
        ("piano with reverb", "reverb"),
        ("slow ballad at 170 BPM", "slow"),
        ("techno, 120 bpm and 140 bpm", "140 bpm"),
        ("a waltz in 4/4", "waltz"),
    ],
)
def test_what_is_not_used_is_said(text: str, word: str) -> None:
    plan = plan_from_text(text)
    assert any(word in note.statement and not note.used and note.outcome for note in plan.notes)


def test_every_statement_has_its_note() -> None:
    plan = plan_from_text("lofi in D minor, 90 bpm, 3/4, chords Dm Gm A7, 12 seconds, no drums, piano, rapper")
    said = {note.field for note in plan.notes if note.used}
    assert {"style", "key", "bpm", "meter", "chords", "duration", "instruments"} <= said
    assert [note.statement for note in plan.notes if not note.used] == ["rapper"]
    assert "no vocals" in {note.statement for note in plan_from_text("rock, no vocals").notes if note.used}
    assert plan_from_text("rock", key="C").notes == plan_from_text("rock", key="C").notes


def test_an_argument_against_the_text_is_said() -> None:
    plan = plan_from_text("techno at 140 bpm in A minor", bpm=120)
    assert not note_on(plan, "140 bpm").used and "argument" in note_on(plan, "140 bpm").outcome
    assert note_on(plan, "A minor").used


@pytest.mark.parametrize(
    "text", ["funk without a melody", "house with no melody and no vocals", "trap beat, no lead melody"]
)
def test_nobody_plays_a_melody_where_the_text_wants_none(text: str) -> None:
    plan, with_one = plan_from_text(text), plan_from_text(text.split(" with")[0].split(",")[0])
    palette = STYLES[plan.style or ""].palette
    leads = set(palette["melody"]) - {name for role, names in palette.items() if role != "melody" for name in names}
    assert not leads & set(plan.instruments or ())
    assert len(plan.instruments or ()) < len(with_one.instruments or ())
    assert [note.outcome for note in plan.notes if "melody" in note.statement] == ["nobody plays a melody"]


def test_an_odd_metre_is_one_and_a_number_beside_it_counts() -> None:
    assert plan_from_text("prog rock in odd time").meter == 7
    assert plan_from_text("jazz in an odd meter, 5/4").meter == 5


@pytest.mark.parametrize("said", ["no beat", "without a beat", "without rhythm section", "beatless"])
def test_without_a_beat_there_are_no_drums(said: str) -> None:
    plan = plan_from_text(f"house, {said}")
    assert "drums" not in (plan.instruments or ())
    assert any(note.outcome == "no drums" and note.used for note in plan.notes)
