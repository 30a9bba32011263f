"""Paraphrases: facts survive and are missed when they do not, variety."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest

from augmentation.captions.paraphrase import (
    REWORDINGS,
    OfflineParaphraser,
    missing_facts,
    paraphrase_row,
)
from augmentation.dataset.sentences import state_row

CAPTIONS = (
    "The low quality recording features a rock song that consists of punchy drums and a groovy bass. It sounds happy.",
    "This is an instrumental jam. There is an acoustic guitar. There are no voices. This song can be played in a bar.",
    "A male vocalist sings this calming song. He is accompanied by a piano. A choir can be heard in the background.",
    "Solo harp, peaceful",
)
FACTS = (
    "The chord sequence is C, Am7/G, F#dim.",
    "The beat counts to 3.",
    "The tempo of this song is 97.5 beats per minute.",
    "This song is in the key of C# min.",
)
OTHERS = (
    "The chord progression in this song is Am.",
    "The time signature is 4/4.",
    "This song is played in Allegro.",
    "The key is Am, or CM.",
    "There is a crescendo from start until 4.57 seconds.",
)
ALL = (0, 0, 0, 0, 1.0)
ROW = {
    "beats": [[0.0, 0.5, 1.0], [1.0, 2.0, 3.0]],
    "bpm": 97.5,
    "chords": ["C", "Am7/G", "F#dim"],
    "chords_time": [0.0, 2.0, 4.0],
    "key": ["C# minor", None],
    "alt_caption": CAPTIONS[1],
}


def offline(caption: str, sentences: tuple[str, ...], seed: int) -> str:
    result = OfflineParaphraser().paraphrase(caption, sentences, np.random.default_rng(seed))
    assert (result.by, result.note) == ("offline", "")
    return result.text


# --- facts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "In C# minor at 97.5 bpm, three beats to the bar, over C - Am7/G - F#dim.",
        "A waltz in 3/4 (C#m). Chords: C, Am7/G and then F#dim. Tempo: 97.5.",
        "The harmony goes from C to Am7/G to F#dim; 3 beats per bar; 97.5 BPM; the key is C♯ minor.",
        "C-sharp minor, counting to 3 at 97.5 beats per minute, C | Am7/G | F#dim",
    ],
)
def test_facts_are_found_however_they_are_told(text: str) -> None:
    assert missing_facts(text, FACTS) == []


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("C, F#dim, Am7/G in 3/4 at 97.5 bpm in C# minor.", FACTS[0]),  # other order
        ("C, Am7, F#dim in 3/4 at 97.5 bpm in C# minor.", FACTS[0]),
        ("C, Am7/G, F#dim in 4/4 at 97.5 bpm in C# minor.", FACTS[1]),
        ("C, Am7/G, F#dim in 3/4 at 97 bpm in C# minor.", FACTS[2]),
        ("C, Am7/G, F#dim in 3/4 at 97.53 bpm in C# minor.", FACTS[2]),
        ("C, Am7/G, F#dim in 3/4 at 97.5 bpm in C minor.", FACTS[3]),
        ("C, Am7/G, F#dim in 3/4 at 97.5 bpm in C# major.", FACTS[3]),
    ],
)
def test_a_lost_fact_is_named(text: str, lost: str) -> None:
    assert missing_facts(text, FACTS) == [lost]


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("Am in 4/4, Allegro, in A minor or C major. A crescendo until 4.57 seconds.", []),
        ("Am in 4/4, Allegro, in Am or CM, getting louder until second 4.57.", []),
        ("Am in 4/4, Allegro, a crescendo until 4.57 seconds.", [3]),  # a chord is no key
        ("A minor or C major, 4/4, Allegro, a crescendo until 4.57 seconds.", [0]),  # and a key no chord
        ("Am in 4/4, Andante, in A minor. A crescendo until 4.57 seconds.", [2, 3]),
        ("Am in 4/4, Allegro, in A minor or C major. A crescendo.", [4]),
        ("Am in 4/4, Allegro, in A minor or C major. A decrescendo until 4.57 seconds.", [4]),
    ],
)
def test_the_other_facts(text: str, lost: list[int]) -> None:
    assert missing_facts(text, OTHERS) == [OTHERS[number] for number in lost]


def test_a_chord_alone_is_told_from_a_key() -> None:
    sentences = ("The chord sequence is B.", "The key is B maj.")
    assert missing_facts("In B major over B.", sentences) == []
    assert missing_facts("In B major.", sentences) == [sentences[0]]
    assert missing_facts("Over B.", sentences) == [sentences[1]]


def test_an_unknown_sentence_must_be_quoted() -> None:
    assert missing_facts("Nobody sings. Ever.", ["Nobody sings.", "Ever and ever.", ""]) == ["Ever and ever."]


# --- offline ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sentences", [FACTS, OTHERS, FACTS[1:2], (*FACTS, "Nobody sings.")])
@pytest.mark.parametrize("caption", [*CAPTIONS, ""])
def test_every_fact_survives_the_offline_wording(caption: str, sentences: tuple[str, ...]) -> None:
    texts = [offline(caption, sentences, seed) for seed in range(60)]
    for text in texts:
        assert missing_facts(text, sentences) == [], text
        assert not re.search(r"  |\{|\}|\\|\.\.| ,|\s$|^\s", text), text
        assert not re.search(r"\ba (?!one)[aeio]\w|\ban [^aeiouAF8]", text), text
    assert len(set(texts)) > (20 if caption else 10)


def test_facts_are_also_found_by_the_plainest_search() -> None:
    for seed in range(100):
        text = offline(CAPTIONS[0], FACTS, seed)
        assert "C, Am7/G, F#dim" in text and "97.5" in text and "C# min" in text
        assert "3/4" in text or "3 beats" in text or "counts 3" in text


@pytest.mark.parametrize(("written", "spoken"), [("Bbmajor", "Bb major"), ("EM", "E major"), ("F#min", "F# minor")])
def test_a_key_is_written_as_in_prose(written: str, spoken: str) -> None:
    sentences = ("The chord sequence is EM7, Bbmaj7.", f"The key is {written}.")
    for seed in range(30):
        text = offline("A piece of music with drums.", sentences, seed)
        assert spoken in text and "EM7, Bbmaj7" in text and missing_facts(text, sentences) == []


def test_what_is_no_fact_stays_true() -> None:
    for seed in range(100):
        text = offline(CAPTIONS[1], (), seed)
        assert "There are no voices" in text and "acoustic guitar" in text and "instrumental" in text
        assert offline(CAPTIONS[3], (), seed) in {f"Solo harp, {word}" for word in ("peaceful", "tranquil", "serene")}


def test_versions_of_one_caption_do_not_read_alike() -> None:
    texts = [offline(CAPTIONS[0], FACTS, seed) for seed in range(11)]
    assert len(set(texts)) == 11 and texts[3] == offline(CAPTIONS[0], FACTS, 3)
    assert len({" ".join(text.split()[:6]) for text in texts}) >= 4
    assert all(text != " ".join([CAPTIONS[0], *FACTS]) for text in texts)


def test_every_rewording_is_reached() -> None:
    sentences = (
        *re.split(r"(?<=\.) ", " ".join(CAPTIONS[:3])),
        "The piece is slow.",
        "The atmosphere is calm.",
        "The tempo is fast.",
        "She adds a lot of reverb.",
        "A lot of voices are chanting.",
        "This song has a steady beat.",
        "Here we have a pair of bowls.",
        "A solo trumpet with reverb.",
        "This song may be played while resting.",
        "It would be suitable for resting.",
        "It starts with noise.",
        "The tone is very bright.",
        "The song features a drum.",
    )
    reached = {pattern for pattern, _ in REWORDINGS for sentence in sentences if re.search(pattern, sentence)}
    assert reached == {pattern for pattern, _ in REWORDINGS}
    for pattern, options in REWORDINGS:
        for sentence in (text for text in sentences if re.search(pattern, text)):
            assert all(re.sub(pattern, option, sentence) for option in options)


@pytest.mark.parametrize(
    ("sentence", "broken"),
    [
        ("A synth is heard in the background of loud drums.", "behind it all of|further back of|somewhere behind of"),
        ("This song features drums and has a groovy bass.", "one hears|you can hear"),
        ("There is a sense of mystery.", "hear"),
        ("He uses quite a lot of reverb.", "quite (?:plenty|lots)"),
        ("A drone pad is panned to the right.", "hear a drone|Here is"),
        ("This song is the song of summer.", "The (?:piece|music) is the song"),
    ],
)
def test_no_turn_of_phrase_breaks_a_sentence(sentence: str, broken: str) -> None:
    for seed in range(40):
        told = OfflineParaphraser().paraphrase(sentence, (), np.random.default_rng(seed)).text
        assert not re.search(broken, told, re.IGNORECASE), told


def test_what_finds_no_other_words_is_no_paraphrase() -> None:
    caption = "Zyx ululates. Nobody minds."
    told = OfflineParaphraser().paraphrase(caption, FACTS, np.random.default_rng(0))
    assert (told.text, told.by) == (caption, "")
    row = state_row({**ROW, "alt_caption": caption}, np.random.default_rng(5), ALL)
    same = paraphrase_row(row, OfflineParaphraser(), np.random.default_rng(0))
    assert same["paraphrase"] is None and same["main_caption"] == row["main_caption"]


def test_prose_is_never_left_as_it_was() -> None:
    for caption in CAPTIONS:
        assert not any(caption in offline(caption, (), seed) for seed in range(200))


# --- rows -------------------------------------------------------------------------------------------------------------


def test_row_is_told_from_its_own_sentences() -> None:
    row = state_row(ROW, np.random.default_rng(5), ALL)
    before = copy.deepcopy(row)
    told = paraphrase_row(row, OfflineParaphraser(), np.random.default_rng(0))
    assert row == before and told["paraphrase"] == {"by": "offline", "note": ""}
    quoted = [row[field] for field in ("prompt_ch", "prompt_bt", "prompt_bpm", "prompt_key")]
    assert missing_facts(told["main_caption"], quoted) == [] and told["main_caption"] != row["main_caption"]
    same = set(row) - {"main_caption"}
    assert {name: told[name] for name in same} == {name: row[name] for name in same}


def test_row_is_not_told_what_it_did_not_state() -> None:
    row = state_row(ROW, np.random.default_rng(5), (1.0,))
    told = [paraphrase_row(row, OfflineParaphraser(), np.random.default_rng(seed)) for seed in range(20)]
    assert not any(re.search("97|F#dim|C#|bpm", row["main_caption"]) for row in told)


def test_row_without_captions_is_an_error() -> None:
    with pytest.raises(ValueError, match="alt_caption: expected a caption, got None"):
        paraphrase_row({"main_caption": "x"}, OfflineParaphraser(), np.random.default_rng(0))
