"""Parts that clauses tell: a section by itself, styles that follow each other, parts with a length each."""

from __future__ import annotations

import pytest

from munet.music import MusicPlan, Part
from mustango_app.planning.planner import plan_from_text


def parts(text: str, **fixed: object) -> dict[str, Part]:
    plan = plan_from_text(text, **fixed)
    return {part.name: part for part in plan.parts()}


def unused(plan: MusicPlan) -> list[str]:
    return [note.statement for note in plan.notes if not note.used]


@pytest.mark.parametrize(
    ("text", "field", "values"),
    [
        ("pop in C, chorus in Eb", "key", {"verse": "C major", "chorus": "Eb major"}),
        ("pop in C, the bridge is in the relative minor", "key", {"verse": "C major", "bridge": "A minor"}),
        ("pop in C, bridge in the parallel minor", "key", {"verse": "C major", "bridge": "C minor"}),
        ("rock at 100 bpm, 120 bpm in the chorus", "bpm", {"verse": 100, "chorus": 120}),
        ("90 bpm in the verse, 120 bpm in the chorus", "bpm", {"verse": 90, "chorus": 120}),
        ("pop, loud in the chorus", "energy", {"verse": None, "chorus": "energetic"}),
        ("calm pop in 4/4, the bridge is in 3/4", "meter", {"verse": 4, "bridge": 3}),
        ("pop at 100 bpm, chorus in double time", "bpm", {"verse": 100, "chorus": 200}),
        ("rock riff at 130 bpm, then a breakdown at half speed", "bpm", {"verse": 130, "breakdown": 65}),
        ("pop in G, intro in E minor", "key", {"intro": "E minor", "verse": "G major"}),
    ],
)
def test_a_section_may_be_named_for_what_it_has(text: str, field: str, values: dict[str, object]) -> None:
    plan = plan_from_text(text)
    assert {part.name: getattr(part, field) for part in plan.parts()} == values
    assert not unused(plan)


@pytest.mark.parametrize(
    ("text", "where", "plays", "elsewhere"),
    [
        ("pop, the bridge has no drums", "bridge", False, True),
        ("pop, chorus without drums", "chorus", False, True),
        ("pop with no drums, chorus with drums", "chorus", True, False),
    ],
)
def test_a_section_may_be_named_for_who_plays(text: str, where: str, plays: bool, elsewhere: bool) -> None:
    for name, part in parts(text).items():
        assert ("drums" in (part.instruments or ())) == (plays if name == where else elsewhere)


def test_what_is_said_of_one_section_does_not_hold_for_the_piece() -> None:
    plan = plan_from_text("rock, the bridge is slow and has only piano")
    verse, bridge = plan.parts()
    assert (bridge.bpm or 0) < 90 < (verse.bpm or 0) and "drums" in (verse.instruments or ())


@pytest.mark.parametrize("seed", range(3))
def test_a_long_piece_has_its_form_around_what_is_said(seed: int) -> None:
    plan = plan_from_text("2 minutes of pop in C, chorus in Eb, the bridge is calm", seed=seed)
    named = {part.name: part for part in plan.parts()}
    assert named["chorus"].key == "Eb major" and named["verse"].key == "C major" and named["bridge"].energy == "calm"
    assert [part.name for part in plan.parts()].count("chorus") > 1 and plan.duration == 120
    sounding = [symbol for symbol, second in plan.chords or () if named["chorus"].start <= second < named["chorus"].end]
    assert set(sounding) & {"Eb", "Ab", "Cm", "Bb"}


@pytest.mark.parametrize(
    "text",
    ["a pop song with a big chorus", "bluegrass breakdown at 150 bpm", "lofi, chorus", "the hook",
     "a song with a bridge", "house without a drop", "a bridge between jazz and rock",
     "sad violin solo in E minor"],
)  # fmt: skip
def test_no_sections_where_nothing_is_said_of_one(text: str) -> None:
    assert not plan_from_text(text).sections


@pytest.mark.parametrize(
    ("text", "styles"),
    [
        ("bossa nova turning into samba", ("bossa nova", "samba")),
        ("jazz, then metal", ("jazz swing", "metal")),
        ("from jazz to metal, 40 seconds", ("jazz swing", "metal")),
        ("starts as a waltz and becomes a march", ("waltz", "march")),
        ("jazz for 20 seconds then metal for 20 seconds", ("jazz swing", "metal")),
        ("first half jazz, second half metal", ("jazz swing", "metal")),
    ],
)
def test_a_style_may_follow_another(text: str, styles: tuple[str, str]) -> None:
    plan = plan_from_text(text)
    first, second = plan.parts()
    assert plan.style == styles[0] and first.instruments != second.instruments
    assert not unused(plan)


def test_a_second_style_has_its_own_tempo_and_metre() -> None:
    waltz, march = plan_from_text("starts as a waltz and becomes a march").parts()
    assert waltz.meter == 3 and march.meter in (2, 4)
    ambient, techno, again = plan_from_text("30 seconds ambient, 1 minute techno, 30 seconds ambient").parts()
    assert (techno.bpm or 0) >= 120 > (ambient.bpm or 0) and again.instruments == ambient.instruments
    assert (techno.start, again.start, again.end) == (pytest.approx(30, abs=2), pytest.approx(90, abs=3),
                                                      pytest.approx(120, abs=4))  # fmt: skip


def test_parts_in_a_row_have_the_lengths_that_are_said() -> None:
    plan = plan_from_text("8 bars of drums, 8 bars of drums and bass, 8 bars full band, 120 bpm, 4/4")
    assert [(part.start, part.end) for part in plan.parts()] == [(0, 16), (16, 32), (32, 48)]
    assert [len(part.instruments or ()) for part in plan.parts()] == [1, 2, 4] and not unused(plan)


@pytest.mark.parametrize(
    "text", ["jazz, rock and metal", "jazz to relax", "techno to house is what I like", "pop rock"]
)
def test_styles_beside_each_other_are_one_piece(text: str) -> None:
    assert not plan_from_text(text).sections


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("0:00 piano, 0:10 strings enter, 0:20 drums enter, 0:40 everything stops but piano", [0, 10, 20, 40]),
        ("Intro (0:00-0:10), verse (0:10-0:30), chorus (0:30-0:50), outro (0:50-1:00)", [0, 10, 30, 50]),
        ("0:00 intro, 0:16 verse, 0:48 chorus, 1:20 outro, 1 minute 36", [0, 16, 48, 80]),
        ("00:00-00:16 calm piano | 00:16-00:32 full orchestra", [0, 16]),
        ("[0:00] calm piano [0:20] full band", [0, 20]),
        ("piano, strings (0:08-0:16), 24 seconds", [0, 8, 16]),
        ("the first 8 seconds are solo guitar, the rest full band, 32 seconds", [0, 8]),
    ],
)
def test_times_of_a_clock_are_where_parts_begin(text: str, starts: list[float]) -> None:
    plan = plan_from_text(f"{text}, 120 bpm, 4/4")
    assert [part.start for part in plan.parts()] == starts and not unused(plan)


def test_bars_follow_the_clock_without_drifting() -> None:
    text = "0:00 piano, 0:10 strings enter, 0:20 drums enter, 0:30 bass enters, 0:40 piano"
    starts = [part.start for part in plan_from_text(text, bpm=82).parts()]
    assert all(abs(start - 10 * number) <= 120 / 82 for number, start in enumerate(starts))  # half a bar


def test_who_comes_and_goes_by_the_clock() -> None:
    text = "0:00 piano, 0:10 strings enter, 0:20 drums enter, 0:40 everything stops but piano"
    bands = [set(part.instruments or ()) for part in plan_from_text(text).parts()]
    assert [len(band) for band in bands] == [1, 2, 3, 1] and "drums" in bands[2] and bands[3] == {"piano"}


def test_moods_that_turn_have_keys_of_their_modes() -> None:
    verse, chorus = plan_from_text("sad verse, happy chorus").parts()
    assert "minor" in (verse.key or "") and "major" in (chorus.key or "")
    assert {part.key for part in plan_from_text("quiet verse, loud chorus, Em G D A").parts()} == {"E minor"}


def test_sections_that_do_not_end_with_a_bar_make_no_loop() -> None:
    plan = plan_from_text("seamless loop, 90 -> 120 bpm, ambient to techno, from ambient to techno, ends at 1:00")
    assert not plan.loop
    (note,) = [note for note in plan.notes if note.field == "loop"]
    assert not note.used and note.statement == "seamless loop"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("intro 4 bars, A 8 bars, A 8 bars, B 8 bars, A 8 bars", ["intro", "verse", "verse", "chorus", "verse"]),
        ("32 bar AABA jazz standard", ["theme", "theme", "bridge", "theme"]),
        ("A section in C, B section in G", ["part A", "part B"]),
        ("Part A (8 bars): piano. Part B (8 bars): full band.", ["part A", "part B"]),
        ("scene 1 calm forest, scene 2 battle, scene 3 victory", ["part 1", "part 2", "part 3"]),
    ],
)
def test_letters_and_numbers_name_parts(text: str, names: list[str]) -> None:
    plan = plan_from_text(text)
    assert [part.name for part in plan.parts()] == names
    assert not [note for note in plan.notes if note.field == "chords"]


def test_a_list_of_chords_with_bars_is_no_form() -> None:
    plan = plan_from_text("A for 2 bars, D for 2 bars, A for 2 bars, E for 2 bars, 4/4, 120 bpm")
    assert not plan.sections and [symbol for symbol, _ in plan.chords or ()] == ["A", "D", "A", "E"]


@pytest.mark.parametrize(
    ("text", "chord"),
    [("pop in C, ends on a G7 chord", "G7"), ("Am F C G, ends on F", "F"), ("final chord Cmaj7, jazz in C", "Cmaj7")],
)
def test_a_piece_ends_on_the_chord_that_is_said(text: str, chord: str) -> None:
    plan = plan_from_text(text)
    symbols = [symbol for symbol, _ in plan.chords or ()]
    assert symbols[-1] == chord and len(set(symbols)) > 1 and not unused(plan)


def test_a_list_that_finishes_with_a_chord_goes_round_with_it() -> None:
    plan = plan_from_text("the chord progression moves from Am to F, then to C and finishes with G, 120 bpm, 4/4")
    assert [symbol for symbol, _ in plan.chords or ()][:5] == ["Am", "F", "C", "G", "Am"]


def test_a_key_that_comes_last_is_no_chord() -> None:
    assert [part.key for part in plan_from_text("starts in A minor and ends in A major").parts()] == [
        "A minor",
        "A major",
    ]


@pytest.mark.parametrize(
    ("text", "keys"),
    [("begins in minor, ends in major", ("minor", "major")), ("from sad to happy", ("minor", "major"))],
)
def test_a_mode_may_turn(text: str, keys: tuple[str, str]) -> None:
    assert tuple((part.key or "").split()[-1] for part in plan_from_text(text).parts()) == keys


def test_the_tempo_may_double_on_the_way() -> None:
    assert [part.bpm for part in plan_from_text("60 bpm, doubles the tempo halfway").parts()] == [60, 120]


def test_energies_in_a_row_follow_each_other() -> None:
    assert [part.energy for part in plan_from_text("quiet - loud - quiet").parts()] == ["calm", "energetic", "calm"]


@pytest.mark.parametrize(
    "text", ["drum fill before every chorus", "ends with a big orchestral hit", "ends with a crash"]
)
def test_who_hits_once_is_not_the_whole_band(text: str) -> None:
    assert len(plan_from_text(text).instruments or ()) > 2


def test_instruments_may_be_added_gradually() -> None:
    counts = [len(part.instruments or ()) for part in plan_from_text("house, gradually add instruments").parts()]
    assert counts == sorted(set(counts)) and len(counts) > 3
