"""What changes within a piece, as prose says it: energies, entries at bars and seconds, lists of chords in bars."""

from __future__ import annotations

import pytest

from munet.music import MusicPlan
from mustango_app.planning.planner import plan_from_text


def unused(plan: MusicPlan) -> list[str]:
    return [note.statement for note in plan.notes if not note.used]


@pytest.mark.parametrize(
    ("text", "energies", "starts"),
    [
        ("starts soft and ends loud, 16 bars", ["calm", "energetic"], [0, 8]),
        ("starts quiet with strings, then huge brass at the end, 8 bars", ["calm", "energetic"], [0, 6]),
        ("techno that gets louder, 12 bars", ["calm", "moderate", "energetic"], [0, 4, 8]),
        ("a lively polka that calms down, 8 bars", ["energetic", "moderate", "calm"], [0, 3, 5]),
        ("slowly builds to a climax, 12 bars", ["calm", "moderate", "energetic"], [0, 4, 8]),
        ("an energetic and lively piece, 8 bars", [None], [0]),
        ("calm piano music with soft strings, 8 bars", [None], [0]),
    ],
)
def test_energy_moves_on_in_the_order_of_the_words(text: str, energies: list[str | None], starts: list[int]) -> None:
    plan = plan_from_text(text, bpm=120, meter=4)
    assert plan.duration == pytest.approx(2 * int(text.split()[-2]))
    assert [section.energy for section in plan.sections or ()] == [one for one in energies if one]
    assert [part.start for part in plan.parts()] == pytest.approx([2.0 * bar for bar in starts])
    assert not unused(plan)


def test_a_fixed_energy_stays() -> None:
    plan = plan_from_text("starts soft and ends loud", energy="calm")
    assert plan.sections is None and plan.energy == "calm"


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        ("piano intro, drums enter at bar 5, guitar solo at bar 9", {"drums": 5, "acoustic guitar": 9, "piano": 1}),
        ("drums come in after 4 bars, 8 bars, piano", {"drums": 5, "piano": 1}),
        ("piano and drums, the drums drop out at bar 3, 4 bars", {"drums": 1, "piano": 1}),
        ("flute and harp, harp enters at 0:08", {"flute": 1, "harp": 5}),
        ("flute and harp, harp joins after 8 seconds", {"flute": 1, "harp": 5}),
        ("first piano, then drums, then strings, 12 bars", {"piano": 1, "drums": 5, "strings": 9}),
        ("solo guitar, add bass after 8 seconds and drums after 16 seconds, 24 seconds total",
         {"acoustic guitar": 1, "electric bass": 5, "drums": 9}),
    ],
)  # fmt: skip
def test_players_enter_where_the_text_says(text: str, bars: dict[str, int]) -> None:
    plan = plan_from_text(text, bpm=120, meter=4)
    first = {}
    for part in plan.parts():
        for name in part.instruments or plan.instruments or ():
            first.setdefault(name, round(part.start / 2) + 1)
    assert first == bars
    assert not unused(plan)


def test_who_leaves_is_silent_from_there_on() -> None:
    plan = plan_from_text("piano and drums, the drums drop out at bar 3, 4 bars", bpm=120, meter=4)
    assert [part.instruments for part in plan.parts()] == [("drums", "piano"), ("piano",)]


def test_a_piece_lasts_beyond_its_last_change() -> None:
    plan = plan_from_text("piano, drums enter at bar 9", bpm=120, meter=4)
    assert plan.duration == 2 * (8 + 4)
    assert plan_from_text("piano, drums enter at bar 9, 10 bars", bpm=120, meter=4).duration == 20


def test_harmony_goes_on_where_only_players_or_energy_change() -> None:
    """Three chords a bar each, and a change after four bars: the fifth bar has the second chord, as without it."""
    plain = plan_from_text("chords Am F C, piano and drums, 8 bars", bpm=120, meter=4)
    changed = plan_from_text("chords Am F C, piano, drums enter at bar 5, 8 bars", bpm=120, meter=4)
    assert len(changed.sections or ()) == 2
    assert changed.chords == plain.chords


@pytest.mark.parametrize(
    ("text", "chords", "bars"),
    [
        ("4 bars of Am F C G then 4 bars of Dm Am E E7", "Am F C G Dm Am E E7", 8),
        ("2 bars of Am then 2 bars of F", "Am Am F F", 4),
        ("Am for 2 bars, F for 1 bar, then G for 3 bars", "Am Am F G G G", 6),
        ("two bars of C, two bars of G, rock", "C C G G", 4),
        ("one bar of Cmaj7 and one bar of Fmaj7", "Cmaj7 Fmaj7", 2),
        ("4 bars of Em G, 2 bars of C", "Em G Em G C C", 6),
        ("8 bars of Am F C G", "Am F C G Am F C G", 8),
        ("Am (2 bars) | F (1 bar) | G (1 bar)", "Am Am F G", 4),
    ],
)
def test_chords_last_the_bars_that_are_said(text: str, chords: str, bars: int) -> None:
    plan = plan_from_text(text, bpm=120, meter=4)
    assert plan.duration == pytest.approx(2.0 * bars)
    heard = [
        str(chord) for bar in range(bars) for start, end, chord in plan.chord_intervals() if start <= 2 * bar < end
    ]
    assert heard == chords.split()
    assert not unused(plan)


def test_four_chords_share_two_bars() -> None:
    plan = plan_from_text("2 bars of Am F C G", bpm=120, meter=4)
    assert plan.duration == 4.0
    assert plan.chords == (("Am", 0.0), ("F", 1.0), ("C", 2.0), ("G", 3.0))


@pytest.mark.parametrize(
    ("text", "meter", "starts"),
    [
        ("C - G - Am - F, 2 beats each, 4 bars", 4, [0, 1, 2, 3, 4, 5, 6, 7]),
        ("Play Em7 for 4 beats then A7 for 4 beats, 4 bars", 4, [0, 2, 4, 6]),
        ("waltz: C for 3 beats, G for 3 beats, 4 bars", 3, [0, 1.5, 3, 4.5]),
        ("Am F C G, one bar each, 4 bars", 4, [0, 2, 4, 6]),
    ],
)
def test_beats_of_chords_are_no_metre(text: str, meter: int, starts: list[float]) -> None:
    plan = plan_from_text(text, bpm=120)
    assert plan.meter == meter
    assert [start for _, start in plan.chords or ()] == pytest.approx(starts)


def test_headings_may_say_their_length() -> None:
    plan = plan_from_text("Intro (4 bars): Am; Verse 8 bars: Am F C G; Chorus (8 bars): F G Am C")
    assert [(section.name, section.bars) for section in plan.sections or ()] == [
        ("intro", 4), ("verse", 8), ("chorus", 8)
    ]  # fmt: skip
    assert [section.chords for section in plan.sections or ()] == [
        ("Am",), ("Am", "F", "C", "G"), ("F", "G", "Am", "C")
    ]  # fmt: skip


def test_sections_may_stand_side_by_side() -> None:
    plan = plan_from_text("verse in Am, chorus in C major")
    assert [(section.name, section.key) for section in plan.sections or ()] == [
        ("verse", "A minor"), ("chorus", "C major")
    ]  # fmt: skip
    plan = plan_from_text("quiet verse and loud chorus, grunge")
    assert [section.energy for section in plan.sections or ()] == ["calm", "energetic"]


def test_a_key_before_a_length_stays_a_key() -> None:
    plan = plan_from_text("a song in Am for 8 bars", bpm=120, meter=4)
    assert (plan.key, plan.duration) == ("A minor", 16.0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("bars: 8", 16.0), ("Bars = 4; Key: F#m", 8.0), ("seconds: 20", 20.0), ("minutes: 2", 120.0)]
)
def test_a_length_may_stand_behind_its_unit(text: str, seconds: float) -> None:
    assert plan_from_text(text, bpm=120, meter=4).duration == pytest.approx(seconds)


def test_chords_of_sections_give_the_key() -> None:
    assert plan_from_text("[verse] Em C [chorus] G D").key == "E minor"
    assert plan_from_text("Verse: Am F. Chorus: C G Am F").key == "A minor"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("modulates from C to D halfway, 20 seconds", ["C major", "D major"]),
        ("in G, modulates to A at bar 9", ["G major", "A major"]),
        ("in C, modulates to Eb at the end, 20 s", ["C major", "Eb major"]),
    ],
)
def test_keys_of_a_modulation_may_be_bare_letters(text: str, keys: list[str]) -> None:
    assert [section.key for section in plan_from_text(text).sections or ()] == keys


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("solo cello, rubato", "rubato"),
        ("an 80s ballad", "80s"),
        ("strings with a fade out", "fade out"),
        ("key: random, 90 bpm", "key: random"),
        ("tempo = whatever", "tempo = whatever"),
        ("time signature: odd", "time signature: odd"),
    ],
)
def test_what_no_field_holds_is_said(text: str, statement: str) -> None:
    assert statement in unused(plan_from_text(text))


def test_other_names_of_instruments_are_no_substitutes() -> None:
    plan = plan_from_text("funk with a horn section, distorted guitars, snare and a hammond")
    assert set(plan.instruments or ()) == {"brass section", "distorted guitar", "drums", "drawbar organ"}
    assert not any("not among" in note.outcome for note in plan.notes)
    assert any("not among" in note.outcome for note in plan_from_text("tango with bandoneon").notes)


def test_a_solo_within_a_song_keeps_the_band() -> None:
    assert "drums" in (plan_from_text("rock song with a guitar solo").instruments or ())
    assert plan_from_text("a sax solo").instruments == ("alto saxophone",)
    assert plan_from_text("a harp solo").instruments == ("harp",)


@pytest.mark.parametrize(
    ("text", "tempi", "starts"),
    [
        ("slow down at the end, 16 bars", [None, (120, 80)], [0, 24]),
        ("ritardando in the last 2 bars, 8 bars", [None, (120, 80)], [0, 12]),
        ("slows down, 8 bars", [(120, 80)], [0]),
        ("speeds up to 180 at bar 5, 8 bars, 120 bpm", [None, (120, 180)], [0, 8]),
    ],
)
def test_a_tempo_moves_where_the_text_says(
    text: str, tempi: list[tuple[float, float] | None], starts: list[float]
) -> None:
    plan = plan_from_text(text if "bpm" in text else f"{text}, 120 bpm", meter=4)
    assert [part.start for part in plan.parts()] == pytest.approx(starts)
    for section, tempo in zip(plan.sections or (), tempi, strict=True):
        assert section.bpm is None if tempo is None else section.bpm == pytest.approx(tempo, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("AABA form, jazz in F", ["theme", "theme", "bridge", "theme"]),
        ("pop, ABABCB", ["verse", "chorus", "verse", "chorus", "bridge", "chorus"]),
        ("ABBA style pop", []),
        ("trance: intro 8 bars, build-up, drop at bar 33, 120 seconds", ["intro", "build-up", "drop"]),
        ("verse 16 bars, chorus 8 bars, repeat chorus", ["verse", "chorus", "chorus"]),
    ],
)
def test_forms_are_read(text: str, names: list[str]) -> None:
    plan = plan_from_text(text)
    assert [section.name for section in plan.sections or ()] == names


def test_letters_have_the_bars_that_are_said() -> None:
    plan = plan_from_text("ABAB, 4 bars each", bpm=120, meter=4)
    assert [section.bars for section in plan.sections or ()] == [4] * 4
    assert plan.duration == 32.0
    first, second, again, _ = plan.sections or ()
    assert first.chords == again.chords != second.chords


def test_numbers_with_hyphens_beside_a_key_are_chords() -> None:
    plan = plan_from_text("1-4-5 in A", bpm=120, meter=4)
    assert [symbol for symbol, _ in plan.chords or ()][:3] == ["A", "D", "E"]
    assert plan_from_text("opus 1-4-5").chords != plan.chords


def test_a_length_among_keywords_is_no_decade() -> None:
    assert plan_from_text("120bpm 4/4 Cm trap 30s").duration == 30.0
    assert plan_from_text("jazz 30s").duration == 10.0


def test_heavy_bass_is_no_metal() -> None:
    assert plan_from_text("heavy bass and drums").style is None
    assert plan_from_text("heavy, 90 bpm").style == "metal"


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        ("钢琴, 鼓在第5小节进入", {"piano": 1, "drums": 5}),
        ("Klavier, Schlagzeug setzt im Takt 5 ein", {"piano": 1, "drums": 5}),
        ("piano, la batería entra en el compás 5", {"piano": 1, "drums": 5}),
        ("piano, la batterie entre à la mesure 5", {"piano": 1, "drums": 5}),
        ("pianoforte, la batteria entra alla battuta 5", {"piano": 1, "drums": 5}),
        ("primeiro piano, depois bateria, 8 compassos", {"piano": 1, "drums": 5}),
        ("ピアノ、ドラムが5小節目から入る", {"piano": 1, "drums": 5}),
    ],
)
def test_changes_are_read_in_every_language(text: str, bars: dict[str, int]) -> None:
    plan = plan_from_text(text, bpm=120, meter=4)
    first: dict[str, int] = {}
    for part in plan.parts():
        for name in part.instruments or plan.instruments or ():
            first.setdefault(name, round(part.start / 2) + 1)
    assert first == bars and not unused(plan)


@pytest.mark.parametrize(
    "text",
    [
        "beginnt leise, endet laut, 8 Takte",
        "morceau calme puis fort, 8 mesures",
        "empieza tranquilo y termina fuerte, 8 compases",
    ],
)
def test_energies_are_read_in_other_languages(text: str) -> None:
    plan = plan_from_text(text)
    assert [section.energy for section in plan.sections or ()] == ["calm", "energetic"]


def test_an_entry_that_no_section_shows_is_said() -> None:
    plan = plan_from_text("rock, drums enter at bar 5, AABA")
    assert "drums enter" in unused(plan)
    assert not unused(plan_from_text("rock, drums enter at bar 5"))


@pytest.mark.parametrize(
    ("text", "tempo", "to"),
    [
        ("take the tempo from 90 up to 140 over the song, techno", 90, 140),
        ("techno from 90 up to 140 bpm", 90, 140),
        ("from 140 bpm all the way down to 70 bpm, house", 140, 70),
        ("90 bpm up to 120 bpm, trance", 90, 120),
        ("starts at 90 and goes up to 140 bpm, techno", 90, 140),
        ("starts slow at 60 and rises to 90, piano", 60, 90),
        ("tempo goes from 80 gradually to 120", 80, 120),
    ],
)
def test_a_tempo_that_leads_somewhere_goes_there(text: str, tempo: float, to: float) -> None:
    plan = plan_from_text(text)
    assert plan.bpm == tempo and [section.bpm for section in plan.sections] == [(tempo, to)]


@pytest.mark.parametrize("text", ["starts at 100 bpm, drops to 80 bpm for the chorus", "climbs to 12 players"])
def test_a_tempo_of_a_part_does_not_move_the_whole(text: str) -> None:
    tempi = [(part.bpm, part.name) for part in plan_from_text(text).parts()]
    assert tempi in ([(100, "verse"), (80, "chorus")], [(plan_from_text(text).bpm, "")])


def test_a_told_form_modulates_where_the_text_says() -> None:
    text = "verse chorus verse chorus, pop in C major, modulates to Eb major in the last chorus"
    assert [section.key for section in plan_from_text(text).sections] == [None, None, None, "Eb major"]
    text = "intro, verse, chorus, up a tone in the last chorus, D major, 100 bpm"
    plan = plan_from_text(text)
    assert plan.key == "D major" and plan.sections[-1].key == "E major" and not unused(plan)


@pytest.mark.parametrize(
    ("interval", "key"),
    [("a half step", "Db major"), ("a whole step", "D major"), ("two tones", "E major"), ("3 semitones", "Eb major")],
)
def test_intervals_are_counted_in_steps_and_half_steps(interval: str, key: str) -> None:
    plan = plan_from_text(f"pop in C major, 40 seconds, up {interval} in the second half")
    assert [section.key for section in plan.sections] == ["C major", key]


def test_first_comes_first() -> None:
    plan = plan_from_text("house drop at 128 bpm, build up of 8 bars first")
    assert [section.name for section in plan.sections] == ["build-up", "drop"]


def test_chords_behind_the_last_section_are_those_of_the_piece() -> None:
    plan = plan_from_text("quiet verse, loud chorus, grunge, Em G D A, 116")
    assert [symbol for symbol, _ in plan.chords] == ["Em", "G", "D", "A"] * (len(plan.chords) // 4)
    apart = plan_from_text("verse: Am F, chorus: C G, 100 bpm")
    assert [section.chords for section in apart.sections] == [("Am", "F"), ("C", "G")]


def test_a_cappella_has_voices_alone() -> None:
    assert plan_from_text("a cappella choir singing a hymn in F major").instruments == ("choir",)
    assert plan_from_text("an acapella lullaby").instruments == ("choir",)


@pytest.mark.parametrize(
    ("word", "player"),
    [
        ("clapping", "drums"), ("finger snaps", "drums"), ("timbales", "drums"), ("a gong", "drums"),
        ("supersaw", "saw lead"), ("stabs", "synth plucks"), ("euphonium", "tuba"), ("kazoo", "harmonica"),
        ("dobro", "acoustic guitar"), ("windchimes", "celesta"), ("didgeridoo", "synth pad"),
    ],
)  # fmt: skip
def test_an_instrument_that_is_lacking_has_a_neighbour(word: str, player: str) -> None:
    plan = plan_from_text(f"a pop song with {word}")
    assert player in plan.instruments and not unused(plan)


@pytest.mark.parametrize("word", ["turntables", "vinyl scratches", "risers", "feedback"])
def test_noises_are_said_not_to_be_played(word: str) -> None:
    assert word in unused(plan_from_text(f"a pop song with {word}"))


@pytest.mark.parametrize(
    ("genre", "style"),
    [
        ("shoegaze", "rock"), ("rock opera", "rock"), ("metalcore", "metal"), ("industrial metal", "metal"),
        ("dixieland", "jazz swing"), ("bachata", "salsa"), ("motown", "soul"), ("phonk", "trap"), ("emo rap", "trap"),
        ("hardcore techno", "techno"), ("amapiano", "house"), ("klezmer", "march"), ("medieval", "celtic jig"),
    ],
)  # fmt: skip
def test_a_genre_that_is_lacking_has_a_neighbour(genre: str, style: str) -> None:
    assert plan_from_text(f"{genre} in D major").style == style


@pytest.mark.parametrize("genre", ["gamelan", "raga", "qawwali"])
def test_a_genre_without_a_neighbour_is_said_to_be_one(genre: str) -> None:
    plan = plan_from_text(f"{genre} in D major")
    assert plan.style is None and unused(plan) == [genre]
