"""Who plays in sections that the text names for this alone, solos as sections, players who enter in turn."""

from __future__ import annotations

import pytest

from augmentation.reading.lexer import lex
from augmentation.reading.readers.within import find_within
from munet.music import MusicPlan
from mustango_app.planning.planner import plan_from_text


def playing(plan: MusicPlan, name: str) -> list[tuple[str, bool]]:
    """Return for every section whether an instrument plays in it."""
    return [(part.name, name in (part.instruments or ())) for part in plan.parts()]


@pytest.mark.parametrize(
    ("text", "players", "sections", "silent"),
    [
        ("strings only in the chorus", ["strings"], ("chorus",), False),
        ("no drums in the verse", ["drums"], ("verse",), True),
        ("bass and drums in the verses and the bridge", ["bass", "drums"], ("verse", "bridge"), False),
        ("without any piano, bass or drums during the bridge", ["piano", "bass", "drums"], ("bridge",), True),
        ("with piano, drums only in the chorus", ["drums"], ("chorus",), False),
    ],
)
def test_players_of_a_section_are_read_as_a_list(
    text: str, players: list[str], sections: tuple[str, ...], silent: bool
) -> None:
    tokens = lex(text)
    (found,) = find_within(tokens)
    assert [tokens.word(index) for index in found.players] == players
    assert (found.sections, found.silent) == (sections, silent)


@pytest.mark.parametrize("text", ["strings, loud in the chorus", "modulates in the chorus", "a part in the song"])
def test_nothing_is_read_where_nobody_is_named(text: str) -> None:
    assert find_within(lex(text)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("drums only in the chorus", [("verse", False), ("chorus", True)]),
        ("drums in the chorus only", [("verse", False), ("chorus", True)]),
        ("no drums in the verse", [("verse", False), ("chorus", True)]),
        ("no drums in the verse, drums in the chorus", [("verse", False), ("chorus", True)]),
        ("no drums in the intro", [("intro", False), ("verse", True)]),
        ("no drums in the bridge", [("verse", True), ("bridge", False)]),
        ("verse, chorus, bridge, chorus, drums only in the chorus",
         [("verse", False), ("chorus", True), ("bridge", False), ("chorus", True)]),
        ("verse, chorus, verse. no drums in the verse", [("verse", False), ("chorus", True), ("verse", False)]),
        ("verse without drums, chorus with drums", [("verse", False), ("chorus", True)]),
    ],
)  # fmt: skip
def test_who_plays_in_a_section_plays_in_no_other(text: str, expected: list[tuple[str, bool]]) -> None:
    plan = plan_from_text(f"pop with piano, {text}", bpm=120)
    assert playing(plan, "drums") == expected
    assert all(part.instruments and "piano" in part.instruments for part in plan.parts())
    assert not [note for note in plan.notes if not note.used]


@pytest.mark.parametrize("seed", range(3))
def test_a_long_piece_has_its_form_around_them(seed: int) -> None:
    plan = plan_from_text("2 minutes of pop, strings only in the chorus, drums enter in the chorus", seed=seed)
    names = [part.name for part in plan.parts()]
    assert names.count("chorus") >= 2 and "verse" in names and plan.duration == 120
    assert all(plays == (name == "chorus") for name, plays in playing(plan, "strings"))
    first = names.index("chorus")
    assert [plays for _, plays in playing(plan, "drums")][: first + 1] == [False] * first + [True]


def test_a_form_without_such_a_section_is_not_chosen() -> None:
    plan = plan_from_text("one minute of pop, violin solo in the bridge")
    assert [name for name, plays in playing(plan, "violin") if plays] == ["bridge"]


def test_who_is_fixed_plays_everywhere() -> None:
    plan = plan_from_text("strings only in the chorus", instruments=("piano",))
    assert plan.instruments == ("piano",) and not plan.sections
    assert [note.used for note in plan.notes if note.field == "sections"] == [False]


@pytest.mark.parametrize(
    "text",
    [
        "intro, verse, chorus, solo, chorus, outro",
        "intro - verse - chorus - solo - chorus - outro",
        "intro verse chorus solo chorus outro",
        "[intro] [verse] [chorus] [solo] [chorus] [outro]",
        "intro, verse, chorus, then a solo, then the chorus, outro",
        "intro, verse, chorus, trumpet solo, chorus, outro",
    ],
)
def test_a_solo_is_a_section(text: str) -> None:
    plan = plan_from_text(text)
    assert [part.name for part in plan.parts()] == ["intro", "verse", "chorus", "solo", "chorus", "outro"]
    assert "drums" in (plan.instruments or ())


def test_a_soloist_joins_the_band_for_the_solo() -> None:
    plan = plan_from_text("pop: verse, chorus, violin solo, chorus")
    assert playing(plan, "violin") == [("verse", False), ("chorus", False), ("solo", True), ("chorus", False)]
    assert all("drums" in (part.instruments or ()) for part in plan.parts())
    keyboard = plan_from_text("verse, chorus, keyboard solo, drum solo, outro")
    assert keyboard.style is None  # a solo within a form names no style


@pytest.mark.parametrize("text", ["a violin solo", "solo violin", "sad violin solo in E minor"])
def test_a_solo_alone_is_the_piece(text: str) -> None:
    plan = plan_from_text(text)
    assert plan.instruments == ("violin",) and not plan.sections


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        ("house, a new instrument joins every 4 bars", 4),
        ("house, adding a new layer every 4 bars", 4),
        ("house, instruments enter one by one", None),
        ("house, layer by layer, instruments join", None),
    ],
)
def test_players_enter_in_their_turn(text: str, bars: int | None) -> None:
    plan = plan_from_text(text, bpm=120, meter=4)
    counts = [len(part.instruments or ()) for part in plan.parts()]
    assert counts == list(range(1, len(plan.instruments or ()) + 1)) and counts[-1] > 3
    if bars:
        assert [part.start for part in plan.parts()] == [2 * bars * number for number in range(len(counts))]


def test_who_is_named_enters_first() -> None:
    plan = plan_from_text("starts with just piano, then other instruments join one by one")
    assert plan.parts()[0].instruments == ("piano",) and len(plan.instruments or ()) > 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("drums drop out at bar 5 for 2 bars", [(0, True), (8, False), (12, True)]),
        ("the drums drop out for 4 seconds at 0:08", [(0, True), (8, False), (12, True)]),
        ("drums enter at bar 5 for 2 bars", [(0, False), (8, True), (12, False)]),
    ],
)
def test_who_goes_for_some_bars_comes_back(text: str, expected: list[tuple[float, bool]]) -> None:
    plan = plan_from_text(f"pop, {text}, 120 bpm, 4/4")
    assert [(part.start, "drums" in (part.instruments or ())) for part in plan.parts()] == expected
    assert (plan.duration or 0) > 16  # the bars are those of the drums, not of the piece


@pytest.mark.parametrize(
    ("text", "meters"),
    [
        ("starts in 4/4 and changes to 3/4", [4, 3]),
        ("7/8, then 4/4", [7, 4]),
        ("a waltz that turns into 4/4", [3, 4]),
        ("switches to 5/4 in the chorus, 4/4", [4, 5]),
        ("changes to 3/4", [4, 3]),
    ],
)
def test_a_metre_may_change(text: str, meters: list[int]) -> None:
    plan = plan_from_text(text)
    assert plan.meter == meters[0] and [part.meter for part in plan.parts()] == meters
    assert max(position for _, position in plan.beats or ()) == max(meters)


def test_a_fixed_metre_does_not_change() -> None:
    plan = plan_from_text("starts in 4/4 and changes to 3/4", meter=4)
    assert not plan.sections and any(not note.used for note in plan.notes)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("two and a half minutes of jazz", 150),
        ("2 and a half minutes of jazz", 150),
        ("one and a half minutes long", 90),
        ("three quarters of a minute of jazz", 45),
        ("a minute and a half of jazz", 90),
    ],
)
def test_halves_and_quarters_are_counted(text: str, seconds: float) -> None:
    assert plan_from_text(text).duration == seconds


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("a bit faster than 100 bpm", 101, 108),
        ("faster than 100 bpm", 105, 120),
        ("much faster than 100 bpm", 120, 140),
        ("slower than 80 bpm", 65, 77),
        ("below 90 bpm", 75, 88),
        ("at least 120 bpm", 120, 120),
        ("a melody over 120 bpm drums", 120, 120),
    ],
)
def test_a_tempo_beyond_another(text: str, low: float, high: float) -> None:
    plan = plan_from_text(text)
    assert low <= (plan.bpm or 0) <= high and all(note.used for note in plan.notes if note.field == "bpm")


@pytest.mark.parametrize("text", ["in C major then A minor", "starts in C major, then in A minor"])
def test_a_second_key_follows_the_first(text: str) -> None:
    assert [part.key for part in plan_from_text(text).parts()] == ["C major", "A minor"]


def test_three_names_with_a_mode_are_chords() -> None:
    assert plan_from_text("C major then A minor then F major").chords[0][0] == "C"  # type: ignore[index]


def test_who_alone_plays_in_a_section_is_joined_elsewhere() -> None:
    plan = plan_from_text("pop, only piano in the verse")
    verse, chorus = plan.parts()
    assert verse.instruments == ("piano",) and {"piano", "drums"} < set(chorus.instruments or ())


def test_one_player_opens_for_the_whole_band() -> None:
    plan = plan_from_text("rock ballad, piano intro, then the full band kicks in at the chorus")
    assert plan.parts()[0].instruments == ("piano",) and "drums" in (plan.parts()[-1].instruments or ())


@pytest.mark.parametrize(
    ("text", "bars"),
    [("no drums in the first 8 bars", [0, 8]), ("without a kick for the first 8 bars", [0, 8]),
     ("no drums for the first 16 seconds", [0, 8]), ("a violin solo in the last 8 seconds", [0, 12])],
)  # fmt: skip
def test_the_first_and_the_last_bars_are_counted(text: str, bars: list[int]) -> None:
    plan = plan_from_text(f"house, {text}, 120 bpm, 32 seconds")
    assert [part.start / 2 for part in plan.parts()] == bars
