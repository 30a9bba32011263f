"""Captions: MusicBench's sentence forms, the truth of what is said, and its variety."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from augmentation.captions import words
from augmentation.captions.arrangement import change
from augmentation.captions.caption import caption, control_sentences, describe
from augmentation.captions.subject import subject_of
from augmentation.compose.composer import Note, Piece, Track, compose
from augmentation.compose.moods import MOODS
from augmentation.compose.programs import INSTRUMENTS
from munet.music import Key, MusicPlan, Section

# Written down independently of the lexicon: a word, and the instruments of which it may be said.
TRUE_OF = {
    r"violins?": {"violin"},
    r"cellos?": {"cello"},
    r"(?<!mouth )(?<!blues )harp": {"harp"},
    r"harmonica|mouth harp|blues harp": {"harmonica"},
    r"flutes?": {"flute", "pan flute"},
    r"(?<!muted )trumpet(?! with)": {"trumpet", "muted trumpet"},
    r"banjo": {"banjo"},
    r"sax\w*": {"soprano saxophone", "alto saxophone", "tenor saxophone"},
    r"accordion|squeezebox": {"accordion"},
    r"(?<!steel )drums|drum kit|drum set|drumming|percussion": {"drums"},
    r"clarinet": {"clarinet"},
    r"choir": {"choir"},
    r"organ": {"drawbar organ", "rock organ", "church organ"},
    r"rhodes": {"Rhodes piano"},
    r"grand piano": {"piano"},
    r"upright bass|double bass|contrabass": {"upright bass"},
    r"slap\w* bass": {"slap bass"},
    r"(?<!bass )guitars?": {name for name in INSTRUMENTS if "guitar" in name},
    r"tuba": {"tuba"},
    r"fiddle": {"fiddle"},
}


@pytest.fixture(scope="module")
def pieces() -> list[Piece]:
    return [compose(seed) for seed in range(500)]


@pytest.fixture(scope="module")
def described(pieces: list[Piece]) -> list[tuple[Piece, str]]:
    rng = np.random.default_rng(0)
    return [(piece, describe(piece, rng)) for piece in pieces for _ in range(4)]


# What is said not to play: "no drums", "without any bass or guitars".
ABSENT = re.compile(r"\b(?:no|without(?: any)?) ([a-z]+)(?: or ([a-z]+))?\b", re.IGNORECASE)
GROUPS = {
    "drums": {"drums"}, "percussion": {"drums"}, "bass": {name for name in INSTRUMENTS if "bass" in name} | {"tuba"},
    "guitars": {name for name in INSTRUMENTS if "guitar" in name},
    "piano": {name for name in INSTRUMENTS if "piano" in name},
    "strings": {"strings", "slow strings", "synth strings", "violin", "viola", "cello", "fiddle", "pizzicato strings"},
    "brass": {"brass section", "trumpet", "muted trumpet", "trombone", "tuba", "French horn"},
    "synths": {name for name in INSTRUMENTS if "synth" in name or "lead" in name or "pad" in name},
}  # fmt: skip


def positive(text: str) -> str:
    """A caption without what it says is missing, and without style names that name an instrument."""
    return ABSENT.sub(" ", re.sub("drum and bass|drum & bass", "", text, flags=re.IGNORECASE))


def names_of(piece: Piece) -> set[str]:
    return {"drums" if track.is_drum else track.name for track in piece.tracks}


def toy_piece(**plan: object) -> Piece:
    notes = (Note(0.0, 1.0, 60, 90), Note(1.0, 1.0, 64, 90))
    fields = {"bpm": 60.0, "meter": 3, "key": "E minor", "duration": 6.0, **plan}
    return Piece(1, "waltz", MusicPlan(**fields).complete(), "sad", "calm", (Track("cello", 42, False, notes),))


def test_control_sentences_have_musicbench_forms_and_every_form_occurs() -> None:
    plan = MusicPlan(118.0, 3, "Bb minor", (("Bbm", 0.0), ("F7/A", 2.0)), ((0.0, 1), (0.5, 2)), 10.0)
    rng = np.random.default_rng(0)
    found = {name: set() for name in ("chords", "beats", "bpm", "key")}
    for _ in range(600):
        for name, sentence in control_sentences(plan, rng).items():
            found[name].add(sentence)
    assert found["chords"] == {
        "The chord sequence is Bbm, F7/A.",
        "The chord progression in this song is Bbm, F7/A.",
    }
    assert found["beats"] == {"The time signature is 3/4.", "The beat is 3.", "The beat counts to 3."}
    assert found["bpm"] == {
        "The bpm is 118.0.",
        "The tempo of this song is 118.0 beats per minute.",
        "This song goes at 118.0 beats per minute.",
        "This song is in Allegro.",
        "The tempo of this song is Allegro.",
        "This song is played in Allegro.",
        "The song is played at the pace of Allegro.",
    }
    starts = ("The key is ", "The key of this song is ", "This song is in the key of ")
    words = [tonic + mode for tonic in ("Bb", "A#") for mode in ("m", " min", "min", "minor", " minor")]
    assert found["key"] == {f"{start}{word}." for start in starts for word in words}
    assert all(str(Key.parse(word)) in ("Bb minor", "A# minor") for word in words)


def test_control_sentences_are_empty_where_the_plan_is_open() -> None:
    rng = np.random.default_rng(0)
    assert set(control_sentences(MusicPlan(), rng).values()) == {""}
    assert control_sentences(MusicPlan(beats=((0.5, 1),)), rng)["beats"] == ""


def test_same_seed_same_caption(pieces: list[Piece]) -> None:
    for piece in pieces[:50]:
        first, second = (caption(piece, np.random.default_rng([3, piece.seed])) for _ in range(2))
        assert first == second


def test_captions_never_name_an_instrument_that_does_not_play(described: list[tuple[Piece, str]]) -> None:
    for piece, text in described:
        plain = positive(text)
        for word, names in TRUE_OF.items():
            if re.search(rf"\b({word})\b", plain, re.IGNORECASE):
                assert names & names_of(piece), (piece.style, names_of(piece), text)


def test_what_is_said_to_be_missing_is_missing(described: list[tuple[Piece, str]]) -> None:
    told = dict.fromkeys(GROUPS, 0)
    for piece, text in described:
        for match in ABSENT.finditer(text):
            for word in filter(None, match.groups()):
                if word.lower() in GROUPS:
                    assert not GROUPS[word.lower()] & names_of(piece), (names_of(piece), text)
                    told[word.lower()] += 1
    drumless = sum("drums" not in names_of(piece) for piece, _ in described)
    assert told["drums"] + told["percussion"] > 0.1 * drumless and told["bass"] > 20


def test_few_players_are_told(pieces: list[Piece]) -> None:
    for piece in [piece for piece in pieces if len(piece.instruments) == 1][:5]:
        texts = [describe(piece, np.random.default_rng(seed)) for seed in range(200)]
        assert any(re.search(r"alone|[Oo]nly|nothing but|[Ss]olo", text) for text in texts)


def sectioned_piece(first: tuple[str, ...], second: tuple[str, ...], energies: tuple[str, str]) -> Piece:
    sections = (
        Section("intro", start=0.0, instruments=first, energy=energies[0]),
        Section("verse", start=4.0, instruments=second, energy=energies[1]),
    )
    tracks = []
    for name in dict.fromkeys((*first, *second)):
        starts = [start for start, names in ((0.0, first), (4.0, second)) if name in names]
        notes = tuple(Note(start, 3.0, 60, 90) for start in starts)
        tracks.append(Track(name, 0, name == "drums", notes))
    plan = MusicPlan(bpm=60.0, meter=4, key="C major", duration=8.0, sections=sections).complete()
    return Piece(0, "rock", plan, "happy", energies[1], tuple(tracks))


def told(piece: Piece, count: int = 300) -> list[str]:
    """The sentences about the change, as prose."""
    subjects = (subject_of(piece, np.random.default_rng(seed)) for seed in range(count))
    return [text for text in (change(subject, "prose") for subject in subjects) if text]


def test_who_enters_is_told() -> None:
    texts = told(sectioned_piece(("cello",), ("cello", "harpsichord"), ("calm", "calm")))
    assert "It starts with a cello, then the harpsichord enters." in texts
    assert all(re.search("harpsichord|keyboard", text) for text in texts)
    assert not any("drop" in text or "silent" in text for text in texts)


def test_who_leaves_is_told() -> None:
    texts = told(sectioned_piece(("cello", "harpsichord"), ("cello",), ("calm", "calm")))
    assert "Then the harpsichord drops out." in texts and "It thins out to the cello." in texts
    assert not any("enter" in text or "come" in text for text in texts)


def test_rise_and_fall_are_told() -> None:
    up, down = ("calm", "energetic"), ("energetic", "calm")
    assert "It builds up." in told(sectioned_piece(("cello",), ("cello",), up))
    texts = told(sectioned_piece(("cello",), ("cello",), down))
    assert "It calms down." in texts and "It builds up." not in texts


def test_nothing_is_told_where_nothing_changes() -> None:
    assert told(toy_piece()) == []


def test_drums_alone_have_no_key_and_no_chords() -> None:
    piece = next(piece for piece in map(compose, range(400)) if piece.instruments == ("drums",))
    assert piece.plan.chords == (("N", 0.0),)
    sentences = control_sentences(piece.plan, np.random.default_rng(0))
    assert sentences["chords"] == sentences["key"] == "" and sentences["beats"] and sentences["bpm"]
    texts = [caption(piece, np.random.default_rng(seed)) for seed in range(100)]
    assert not any(re.search(r"chord|\bkey\b|major|minor", text) for text in texts)


def test_captions_mention_instruments(described: list[tuple[Piece, str]]) -> None:
    naming = sum(any(re.search(rf"\b({word})\b", text, re.I) for word in TRUE_OF) for _, text in described)
    assert naming > 0.5 * len(described)


def test_captions_never_name_another_metre_or_tempo(described: list[tuple[Piece, str]]) -> None:
    metres = {
        3: r"waltz|in three|triple|three beats|3/4",
        2: r"\bjig\b|in two\b|two beats|two-beat|two-step|2/4",
        4: r"in four|four beats|four-on-the-floor|common time",
    }
    for piece, text in described:
        for meter, pattern in metres.items():
            assert piece.plan.meter == meter or not re.search(pattern, text, re.I), (piece.plan.meter, text)
        assert piece.plan.bpm <= 90 or not re.search(r"\bslow|unhurried|leisurely|crawling", text, re.I), text
        assert piece.plan.bpm >= 116 or not re.search(r"\bfast|\bquick|\brapid|uptempo|up-tempo", text, re.I), text


def test_forced_metre_does_not_leave_a_false_waltz() -> None:
    for seed in range(20):
        piece = compose(seed, style="waltz", plan=MusicPlan(meter=4))
        for draw in range(20):
            assert not re.search("waltz|three", describe(piece, np.random.default_rng([seed, draw])), re.I)


def test_variety(described: list[tuple[Piece, str]]) -> None:
    first = [text for _, text in described[::4]]
    assert len(set(first)) > 480
    sentences = {sentence for text in first for sentence in re.split(r"(?<=\.) ", text)}
    assert len(sentences) > 1000
    assert len({" ".join(text.split()[:3]).lower() for text in first}) > 250
    lengths = [len(text.split()) for text in first]
    assert min(lengths) <= 5 and max(lengths) >= 50


def test_grammar_of_every_caption(described: list[tuple[Piece, str]]) -> None:
    for _, text in described:
        assert text.strip() == text and text
        assert not re.search(r"  |\{|\}| ,| \.|\.\.|,,|: \.|\bNone\b", text), text
        assert not re.search(r"\ba (?!one)[aeio]\w", text, re.I), text


def test_facts_stated_are_the_plans(pieces: list[Piece]) -> None:
    rng = np.random.default_rng(1)
    stated = 0
    for piece in pieces:
        text = caption(piece, rng)
        plan = piece.plan
        for number in re.findall(r"([\d.]+) ?(?:bpm|beats per minute)", text, re.I):
            assert abs(float(number) - plan.bpm) <= 0.51, text
        for meter in re.findall(r"\b(\d+)/4", text):
            assert int(meter) == plan.meter, text
        for key in re.findall(r"\b([A-G][#b]? (?:major|minor))", text):
            assert Key.parse(key).tonic_pc == Key.parse(plan.key).tonic_pc and key.endswith(Key.parse(plan.key).mode)
        stated += bool(re.search(r"bpm|beats per minute|\d/4|\bkey\b|chord", text, re.I))
    assert 0.4 * len(pieces) < stated < 0.9 * len(pieces)


def test_given_sentences_are_quoted() -> None:
    piece = toy_piece()
    sentences = dict.fromkeys(("chords", "beats", "bpm", "key"), "QUOTED.")
    texts = [caption(piece, np.random.default_rng(seed), sentences) for seed in range(100)]
    quoted = [text for text in texts if "QUOTED." in text]
    assert 25 < len(quoted) < 65
    assert max(text.count("QUOTED.") for text in texts) == 4


def test_hand_made_solo_piece_of_unknown_words() -> None:
    notes = (Note(0.0, 0.5, 60, 90),)
    plan = MusicPlan(bpm=100.0, meter=5, key="C major", duration=4.0).complete()
    piece = Piece(0, "gagaku", plan, "austere", "frozen", (Track("hichiriki", 111, False, notes),))
    texts = [describe(piece, np.random.default_rng(seed)) for seed in range(200)]
    for word in ("gagaku", "austere", "frozen", "hichiriki"):
        assert any(word in text.lower() for text in texts)


def test_lexicon_covers_what_the_composer_knows() -> None:
    assert set(MOODS) <= set(words.MOOD_WORDS) and set(MOODS) <= set(words.USES)
    assert set(INSTRUMENTS) <= set(words.INSTRUMENT_NOUNS)


def test_mentions_prefers_the_longest_name() -> None:
    assert words.mentions("a piano and an upright bass")[1] == {"upright bass"}
    assert words.mentions("synth bass") == ({"synth bass", "deep synth bass"},)
    assert words.mentions("drum and bass, three beats to the bar") == ()


def test_caption_is_fast(pieces: list[Piece]) -> None:
    rng = np.random.default_rng(0)
    start = time.process_time()
    for piece in pieces:
        caption(piece, rng)
    assert (time.process_time() - start) / len(pieces) < 1e-3
