"""Statements that were dropped without a word: forms, modes, ends, turns, counts, names, tags, manners of playing."""

from __future__ import annotations

import pytest

from munet.music import MusicPlan
from mustango_app.planning.planner import plan_from_text


def unused(plan: MusicPlan) -> list[str]:
    """Return the statements that had no use."""
    return [note.statement for note in plan.notes if not note.used]


@pytest.mark.parametrize(
    ("text", "style", "meter", "slowest", "fastest"),
    [
        ("a jazz trio ballad in Eb", "jazz swing", 4, 60, 80),
        ("metal ballad", "metal", 4, 60, 80),
        ("punk anthem in E", "punk", 4, 160, 190),
        ("EDM anthem", "house", 4, 118, 130),
        ("country waltz in G", "country", 3, 92, 124),
        ("blues waltz", "blues shuffle", 3, 88, 150),
        ("folk march", "folk guitar", 4, 108, 120),
        ("a ballad", "pop ballad", 4, 60, 80),
        ("a waltz with an acoustic guitar", "waltz", 3, 88, 150),
        ("Viennese waltz", "waltz", 3, 160, 180),
        ("doom metal", "metal", 4, 58, 84),
        ("uk garage", "house", 4, 126, 136),
        ("future bass", "trap", 4, 140, 160),
        ("happy hardcore", "trance", 4, 160, 180),
        ("new jack swing", "rhythm and blues", 4, 100, 116),
    ],
)
def test_a_form_gives_its_tempo_and_metre_to_the_style(
    text: str, style: str, meter: int, slowest: float, fastest: float
) -> None:
    plan = plan_from_text(text)
    assert (plan.style, plan.meter) == (style, meter)
    assert slowest <= (plan.bpm or 0) <= fastest


@pytest.mark.parametrize(
    ("text", "mode"),
    [("phrygian metal", "phrygian"), ("a piece in the lydian mode", "lydian"), ("dorian funk", "dorian")],
)
def test_a_mode_alone_is_kept(text: str, mode: str) -> None:
    plan = plan_from_text(text)
    assert (plan.key or "").endswith(mode)
    assert not unused(plan)


def test_chords_and_a_mode_say_the_tonic_together() -> None:
    assert plan_from_text("flamenco, Phrygian, Am G F E").key == "E phrygian"
    assert plan_from_text("Dm G, dorian").key == "D dorian"
    assert plan_from_text("Am F C G").key == "A minor"


@pytest.mark.parametrize(
    "text",
    ["minor key verse and major key chorus", "verse in minor, chorus in major", "verse in A minor, chorus in major"],
)
def test_sections_have_modes_of_their_own(text: str) -> None:
    plan = plan_from_text(text)
    verse, chorus = (part.key for part in plan.parts())
    assert verse.endswith("minor")
    assert chorus.endswith("major")
    assert not unused(plan)


def test_a_piece_starts_and_ends_with_those_it_says() -> None:
    plan = plan_from_text("starts with piano alone, then bass and drums enter at bar 5, ends with piano alone")
    assert [section.instruments for section in plan.sections or ()] == [
        ("piano",),
        ("drums", "electric bass", "piano"),
        ("piano",),
    ]
    assert not unused(plan)
    rock = plan_from_text("rock song that starts with acoustic guitar, 8 bars")
    first, second = (section.instruments or () for section in rock.sections or ())
    assert first == ("acoustic guitar",)
    assert {"drums", "acoustic guitar"} < set(second)
    assert plan_from_text("rock that starts with a drum fill").sections is None


def test_a_key_and_a_mood_may_come_last() -> None:
    plan = plan_from_text("start in A minor and end in A major, 8 bars")
    assert [part.key for part in plan.parts()] == ["A minor", "A major"]
    plan = plan_from_text("a sad piano that turns happy, 8 bars", seed=3)
    before, after = plan.parts()
    assert before.key.endswith("minor")
    assert after.key.endswith("major")
    assert [section.energy for section in plan.sections or ()] == ["calm", "moderate"]
    assert not unused(plan)
    fixed = plan_from_text("a sad piano that turns happy", key="A minor", energy="calm")
    assert fixed.sections is None
    assert "turns happy" in unused(fixed)


@pytest.mark.parametrize(
    "text",
    ["a ballad in G that grows", "a ballad in G starts with piano", "a song in G without drums", "jazz in G but slow"],
)
def test_a_key_may_be_followed_by_more(text: str) -> None:
    assert plan_from_text(text).key == "G major"


def test_a_key_climbs_every_few_bars() -> None:
    plan = plan_from_text("in C major, up a semitone every 4 bars, 16 bars", bpm=120)
    assert [part.key for part in plan.parts()] == ["C major", "Db major", "D major", "Eb major"]
    assert [part.start for part in plan.parts()] == [0.0, 8.0, 16.0, 24.0]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("two verses and a chorus", ["verse", "verse", "chorus"]),
        ("intro, verse, chorus x2, outro", ["intro", "verse", "chorus", "chorus", "outro"]),
        ("verse, then the chorus twice", ["verse", "chorus", "chorus"]),
        ("verse 2 is calm, then chorus", ["verse 2", "chorus"]),
    ],
)
def test_sections_are_counted(text: str, names: list[str]) -> None:
    assert [part.name for part in plan_from_text(text).parts()] == names


@pytest.mark.parametrize(
    ("text", "players"),
    [
        ("drum loop 92 bpm", ("drums",)),
        ("hip hop drum loop", ("drums",)),
        ("funk bassline in E", ("electric bass",)),
        ("a melody without accompaniment", ("flute",)),
        ("violin melody without accompaniment", ("violin",)),
        ("just the violin melody", ("violin",)),
        ("bass drum and tuba", ("drums", "tuba")),
        ("jazz: piano, bass, vibes and drums", ("drums", "upright bass", "piano", "vibraphone")),
    ],
)
def test_one_line_is_all_there_is(text: str, players: tuple[str, ...]) -> None:
    assert plan_from_text(text).instruments == players


def test_a_line_of_a_band_leaves_the_band() -> None:
    for text in (
        "a techno track, groovy bassline, 120 bpm",
        "techno with a drum loop",
        "a pop song with a guitar riff",
    ):
        assert len(plan_from_text(text).instruments or ()) > 2
    assert "vibraphone" not in (plan_from_text("chill summer vibes").instruments or ())


@pytest.mark.parametrize(
    ("text", "bpm"),
    [
        ("not too fast, maybe 80ish", 80),
        ("future bass with supersaws 150", 150),
        ("dubstep wobble 140 half-time", 140),
        ("four on the floor 124, house", 124),
    ],
)
def test_bare_numbers_behind_players_are_tempi(text: str, bpm: float) -> None:
    assert plan_from_text(text).bpm == bpm


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1:30 of techno", 90),
        ("a 2:15 lofi track", 135),
        ("half a minute of jazz", 30),
        ("loop of 4 bars at 128 bpm", 7.5),
        ("a clip of 20 seconds", 20),
    ],
)
def test_lengths_of_things(text: str, seconds: float) -> None:
    plan = plan_from_text(text)
    assert plan.duration == seconds
    assert not unused(plan)


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("staccato strings", "staccato"),
        ("arpeggiated piano", "arpeggiated"),
        ("syncopated bass, ska", "syncopated"),
        ("metal in drop D", "drop D"),
        ("harp, pentatonic scale", "pentatonic scale"),
        ("Bach style chorale", "Bach style"),
        ("music in Ennio Morricone style", "Ennio Morricone style"),
        ("Indian classical with sitar", "Indian classical"),
        ("happy song in F minor, 80 bpm", "happy"),
        ("allegro ma non troppo", "ma non troppo"),
    ],
)
def test_what_no_field_holds_is_said(text: str, statement: str) -> None:
    assert statement in unused(plan_from_text(text))


def test_what_a_mood_says_is_said_to_suit_or_to_lose() -> None:
    notes = {note.statement: note for note in plan_from_text("dark techno 135 bpm in F minor").notes}
    assert (notes["dark"].outcome, notes["dark"].used) == ("suits F minor", True)
    notes = {note.statement: note for note in plan_from_text("dark techno 135 bpm in F major").notes}
    assert (notes["dark"].outcome, notes["dark"].used) == ("F major wins (stated)", False)


def test_italian_of_scores_is_no_italian() -> None:
    for text in ("andante con moto in 6/8", "vivace, molto espressivo", "allegro con brio"):
        assert all(note.statement not in ("Italian", "Spanish") for note in plan_from_text(text).notes)
    assert plan_from_text("un valzer dolce con pianoforte").notes[0].statement == "Italian"


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        ("Am F C G, 4 times", 16),
        ("ii-V-I in Bb, 3 times", 9),
        ("chords: Am F C G x4", 16),
        ("Am x2, F x2, C x4", 8),
        ("12 bar blues twice", 24),
        ("F C Dm Bb, each twice", 8),
        ("| Am | F | C G |, 3 times", 9),
    ],
)
def test_chords_go_round_as_often_as_is_said(text: str, bars: int) -> None:
    plan = plan_from_text(text, bpm=120)
    assert plan.duration == 2.0 * bars
    assert not [note for note in plan.notes if not note.used and note.field == "chords"]


def test_a_chord_per_beat_needs_no_number() -> None:
    plan = plan_from_text("chord per beat: C E F G", bpm=120)
    assert [second for _, second in plan.chords or ()][:4] == [0.0, 0.5, 1.0, 1.5]


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        ("exactly 16 bars at 96 bpm", 16),
        ("8 bars in A minor", 8),
        ("8 bars with a piano", 8),
        ("a one-bar drum fill", 1),
    ],
)
def test_bars_before_what_is_in_them_are_the_length(text: str, bars: int) -> None:
    plan = plan_from_text(text)
    assert plan.duration == pytest.approx(bars * 240 / (plan.bpm or 0))


def test_a_range_of_seconds_gives_its_middle() -> None:
    assert plan_from_text("30-60 seconds").duration == 45


@pytest.mark.parametrize(
    "text", ["make it loopable, 124 bpm", "seamless loop, 124 bpm", "a house track that loops seamlessly, 124 bpm"]
)
def test_a_loop_in_words_is_one(text: str) -> None:
    plan = plan_from_text(text)
    assert plan.loop
    assert (plan.duration or 0) * 124 / 240 == pytest.approx(5)
    assert not plan_from_text(text, loop=False).loop
    assert not plan_from_text("a 30-second loop").loop


@pytest.mark.parametrize(
    ("text", "energies"),
    [
        ("fortissimo brass", ["energetic"]),
        ("pp to ff crescendo", ["calm", "moderate", "energetic"]),
        ("starts at pianissimo and builds to fortissimo", ["calm", "energetic"]),
        ("mezzo forte", ["moderate"]),
    ],
)
def test_dynamics_of_scores_are_energies(text: str, energies: list[str]) -> None:
    plan = plan_from_text(text)
    assert [section.energy for section in plan.sections or ()] == (energies if len(energies) > 1 else [])
    assert plan.energy == energies[0]


def test_sections_have_paces() -> None:
    slow, fast = plan_from_text("slow intro, fast chorus").parts()
    assert 58 <= slow.bpm <= 82
    assert 132 <= fast.bpm <= 168


def test_rit_and_accel_are_changes() -> None:
    assert plan_from_text("120 bpm, rit. at the end").sections[-1].bpm == (120, 80)
    assert plan_from_text("accel. from 80 to 140 bpm").sections[0].bpm == (80, 140)


def test_a_solo_within_a_piece_leaves_the_band() -> None:
    first, second = (
        set(section.instruments or ()) for section in plan_from_text("guitar solo in the middle").sections or ()
    )
    assert second - first == {"acoustic guitar"}
    assert {"drums"} < first
    assert plan_from_text("string section with solo violin").instruments == ("violin", "strings")
    assert plan_from_text("violin solo").instruments == ("violin",)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("in E major, modulates to the relative minor", ["E major", "C# minor"]),
        ("in E major, modulates to the parallel minor", ["E major", "E minor"]),
        ("in C major, modulates to the dominant", ["C major", "G major"]),
        ("in C, verse, chorus, verse, last chorus a half step higher", ["C major", "C major", "C major", "Db major"]),
        ("in C, three semitones lower at bar 3", ["C major", "A major"]),
    ],
)
def test_keys_may_be_named_by_their_distance(text: str, keys: list[str]) -> None:
    assert [part.key for part in plan_from_text(text, bpm=120).parts()] == keys


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("D dorisch, Funk", "D dorian"),
        ("phrygisches Metal-Stück", "phrygian"),
        ("música en modo dórico", "dorian"),
        ("ré dorien, jazz au piano", "D dorian"),
        ("Re dorico, jazz con pianoforte", "D dorian"),
        ("D多利亚调式的钢琴曲", "D dorian"),
        ("ドリアンのジャズ", "dorian"),
    ],
)
def test_modes_in_other_languages(text: str, key: str) -> None:
    plan = plan_from_text(text)
    assert (plan.key or "").endswith(key)
    assert not unused(plan)


@pytest.mark.parametrize(
    "text",
    [
        "ein nahtloser Loop, Techno", "一首无缝循环的电子音乐", "シームレスなループ、ハウス", "boucle infinie de jazz",
        "un bucle perfecto de salsa", "um loop perfeito de samba", "un loop perfetto di house",
    ],
)  # fmt: skip
def test_loops_in_other_languages(text: str) -> None:
    assert plan_from_text(text).loop


def test_a_key_may_be_denied() -> None:
    for seed in range(30):
        plan = plan_from_text("a minor key, but not A minor", seed=seed)
        assert (plan.key or "").endswith("minor")
        assert plan.key != "A minor"
    assert plan_from_text("not in C major").notes[0].outcome == "not C major"


def test_a_range_of_tempi_is_a_way_where_the_piece_moves() -> None:
    assert plan_from_text("goes from slow to fast, 80 to 150 bpm").sections[0].bpm == (80, 150)
    assert plan_from_text("slows down, 90-120 bpm").sections[0].bpm == (120, 90)
    assert plan_from_text("90-120 bpm").bpm == 105


def test_bars_and_half_bars_of_chords() -> None:
    plan = plan_from_text("one bar of C, one bar of Am, half a bar of F, half a bar of G", bpm=120)
    assert plan.chords == (("C", 0.0), ("Am", 2.0), ("F", 4.0), ("G", 5.0))
    plan = plan_from_text("a bar of Am, a bar of F", bpm=120)
    assert [symbol for symbol, _ in plan.chords or ()][:2] == ["Am", "F"]


def test_nobody_but_those() -> None:
    assert plan_from_text("no instruments except piano and cello").instruments == ("piano", "cello")
    assert plan_from_text("nothing besides a harp").instruments == ("harp",)


def test_one_chord_is_a_vamp() -> None:
    assert plan_from_text("funk, E7#9").chords == (("E7#9", 0.0),)
    assert plan_from_text("a jam on Dm7").chords == (("Dm7", 0.0),)
    assert [symbol for symbol, _ in plan_from_text("rock in E minor with a riff on Em G A").chords or ()][:3] == [
        "Em",
        "G",
        "A",
    ]
