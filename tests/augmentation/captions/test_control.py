"""Control sentences: the golden forms by number, what is drawn, assembly, reading back."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import numpy as np
import pytest

from augmentation.captions.control import (
    FACTS,
    FIELDS,
    PAPER_COUNTS,
    SCRIPT_COUNTS,
    VOLUME_SENTENCES,
    Fact,
    assemble,
    beat_sentence,
    chord_sentence,
    control_sentences,
    key_name,
    key_sentence,
    read_sentence,
    tempo_sentence,
    volume_forms,
    volume_sentence,
)
from augmentation.dataset.sentences import state_row
from munet.music import Key, MusicPlan
from tests.golden import parity_json

PLAN = MusicPlan(118.0, 3, "Bb minor", (("Bbm", 0.0), ("F7/A", 2.0)), ((0.0, 1), (0.5, 2)), 10.0)
ROW = {
    "beats": [[0.0, 0.5], [1.0, 2.0]],
    "bpm": 118.0,
    "chords": ["Bbm", "F7/A"],
    "chords_time": [0.0, 2.0],
    "key": ["Bb minor", "F major"],
    "meter": 3,
    "alt_caption": "A slow dance",
    "main_caption": "Something old.",
}
PROMPTS = {
    "chords_prompt_fc", "beats_prompt_fc", "bpm_prompt_fc", "bpm_prompt_fc_tempo_word", "key_prompt_fc",
    "cres_prompt_fc",
}  # fmt: skip
# Sentences about a change of tempo or pitch in the middle of a clip: no transform makes one, nor did augment_data.py.
NOT_OFFERED = {"speed_prompt_fc", "speed_prompt_fc_two", "pitch_prompt_fc", "pitch_prompt_fc_two"}


def prompts(name: str) -> Any:
    return parity_json("augment.json")["prompts_forced_dice"][name]


def test_every_golden_function_is_covered_or_named() -> None:
    assert set(parity_json("augment.json")["prompts_forced_dice"]) == PROMPTS | NOT_OFFERED


def test_golden_chord_sentences() -> None:
    lists = {"C,Am7/G,N": ["C", "Am7/G", "N"], "one": ["F#"], "empty": []}
    assert set(prompts("chords_prompt_fc")) == set(lists)
    for name, cases in prompts("chords_prompt_fc").items():
        assert [chord_sentence(lists[name], *case["dice"]) for case in cases] == [case["text"] for case in cases]


def test_golden_beat_sentences() -> None:
    positions = {"waltz": [1, 2, 3, 1], "one_beat": [1], "no_beats": [], "starting_at_4": [4, 1], "empty_list": []}
    assert set(prompts("beats_prompt_fc")) == set(positions)
    for name, cases in prompts("beats_prompt_fc").items():
        for case in cases:
            [form] = case["dice"]
            if form == 3:  # the reference never draws its fourth form, and MusicBench has no such sentence
                assert case["text"] == "Downbeat is every 3 beats."
                continue
            assert beat_sentence(positions[name], form) == case["text"]


def test_golden_tempo_sentences() -> None:
    for name, cases in prompts("bpm_prompt_fc").items():
        bpm = {"120.0": 120.0, "None": None, "0.0": 0.0}[name]
        for case in cases:
            word, form = case["dice"]
            assert tempo_sentence(bpm, form, bool(word)) == case["text"]


def test_golden_tempo_words() -> None:
    outside = set()
    for case in prompts("bpm_prompt_fc_tempo_word"):
        try:
            assert tempo_sentence(case["bpm"], 0, word=True) == case["text"]
        except ValueError:
            outside.add(case["bpm"])
    assert outside == {1, 400}  # no tempi of a plan (30 to 300 BPM)


def test_golden_key_sentences() -> None:
    keys = {
        "C major": ("C major", None),
        "with alt": ("C major", "A minor"),
        "None": (None, None),
        "None with alt": (None, "A minor"),
        "empty": (None, None),
    }
    assert set(prompts("key_prompt_fc")) == set(keys)
    for name, cases in prompts("key_prompt_fc").items():
        first, alternative = keys[name]
        expected = [case["text"] for case in cases]
        assert [key_sentence(first, *case["dice"], alternative) for case in cases] == expected


def test_golden_volume_sentences() -> None:
    for name, cases in prompts("cres_prompt_fc").items():
        start, end = (0, 4.57) if name.endswith("start") else (4.57, 10)
        forms = [case["dice"][0] for case in cases]
        texts = [volume_sentence(name.startswith("cres"), start, end, form) for form in forms]
        assert texts == [case["text"] for case in cases]
        assert len(VOLUME_SENTENCES[name.startswith("cres"), start == 0]) == len(cases)


def test_golden_key_names() -> None:
    """The reference's dice: word and respelling of the key, then of its alternative; 0 respells."""
    recorded = parity_json("augment.json")["format_key"]
    assert len(recorded) == 4
    for keys in (["C major", None], ["Bb minor", "F# major"]):
        for case in recorded[str(keys)]:
            dice = [case["dice"][:2], case["dice"][2:]]
            drawn = [key and key_name(key, word, other == 0) for key, (word, other) in zip(keys, dice, strict=True)]
            assert drawn == case["text"]
    assert "error" in recorded["[Cb major]"][0]  # the reference knows no Cb; it has no other name to draw here
    assert key_name("Cb major", 0, respelled=True) == "Cbmaj"


@pytest.mark.parametrize("form", range(3))
@pytest.mark.parametrize("word", range(5))
def test_written_keys_are_read_back(form: int, word: int) -> None:
    for tonic in ("C", "F#", "Bb"):
        for mode in ("major", "minor"):
            fact = read_sentence(key_sentence(key_name(f"{tonic} {mode}", word), form))
            assert fact.kind == "key" and Key.parse(fact.value) == Key(tonic, mode)


# --- drawn ------------------------------------------------------------------------------------------------------------


def test_alternative_key_is_stated() -> None:
    drawn = {control_sentences(PLAN, np.random.default_rng(seed), "F major")["key"] for seed in range(400)}
    facts = [read_sentence(text) for text in drawn]
    assert {fact.kind for fact in facts} == {"keys"}
    assert {tuple(Key.parse(key).tonic_pc for key in fact.value.split(" or ")) for fact in facts} == {(10, 5)}
    assert len(drawn) > 75  # three forms, five words for each mode: more only where a key is respelled


def test_open_plan_gives_empty_sentences() -> None:
    rng = np.random.default_rng(0)
    assert set(control_sentences(MusicPlan(), rng, "C major").values()) == {""}
    assert control_sentences(MusicPlan(beats=((0.5, 1),)), rng)["beats"] == ""


# --- assembly ---------------------------------------------------------------------------------------------------------

MARKED = {fact: f"[{fact}]" for fact in FACTS}


@pytest.mark.parametrize("counts", [PAPER_COUNTS, SCRIPT_COUNTS])
def test_number_of_sentences_follows_the_probabilities(counts: tuple[float, ...]) -> None:
    rng = np.random.default_rng(0)
    numbers = Counter(assemble("A song.", MARKED, rng, counts).count("[") for _ in range(6000))
    assert [numbers[number] / 6000 for number in range(5)] == pytest.approx(counts, abs=0.02)


def test_every_order_occurs_and_the_volume_comes_last() -> None:
    texts = [assemble("A song.", MARKED, np.random.default_rng(s), (0, 0, 0, 0, 1.0), "Louder!") for s in range(600)]
    assert all(text.startswith("A song. [") and text.endswith("] Louder!") for text in texts)
    assert len(set(texts)) == 24
    assert texts[7] == assemble("A song.", MARKED, np.random.default_rng(7), (0, 0, 0, 0, 1.0), "Louder!")


def test_empty_sentences_leave_no_trace() -> None:
    nothing = dict.fromkeys(FACTS, "")
    for seed in range(20):
        assert assemble("A song", nothing, np.random.default_rng(seed)) == "A song"
    assert assemble("A song", nothing, np.random.default_rng(0), volume="Louder!") == "A song. Louder!"
    assert assemble("", nothing, np.random.default_rng(0), volume="Louder!") == "Louder!"


@pytest.mark.parametrize("counts", [(0.5, 0.4), (0.2,) * 5 + (0.0,), (1.5, -0.5)])
def test_malformed_probabilities_are_named(counts: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="counts: expected up to 5 probabilities"):
        assemble("A song.", MARKED, np.random.default_rng(0), counts)


def test_state_row_draws_from_the_labels_and_quotes_itself() -> None:
    before = copy.deepcopy(ROW)
    row = state_row(ROW, np.random.default_rng(1), (0, 0, 0, 0, 1.0))
    assert before == ROW and row == state_row(ROW, np.random.default_rng(1), (0, 0, 0, 0, 1.0))
    facts = {read_sentence(row[field]) for field in FIELDS.values()}
    assert Fact("chords", "Bbm, F7/A") in facts and Fact("beats", "3") in facts
    assert facts & {Fact("bpm", "118.0"), Fact("word", "Allegro")} and {fact.kind for fact in facts} & {"keys"}
    assert row["main_caption"].startswith("A slow dance. ") and row["prompt_aug"] == ""
    assert all(row[field] in row["main_caption"] for field in FIELDS.values())


def test_state_row_states_a_change_of_volume() -> None:
    change = {"kind": "volume", "rising": False, "low": 0.2, "start": 0.0, "end": 4.57}
    drawn = set()
    for seed in range(40):
        row = state_row(ROW | {"augmentation": change}, np.random.default_rng(seed))
        assert row["main_caption"].endswith(row["prompt_aug"])
        drawn.add(row["prompt_aug"])
    assert drawn == {case["text"] for case in prompts("cres_prompt_fc")["decrescendo from start"]}


def test_state_row_needs_a_caption() -> None:
    with pytest.raises(ValueError, match="alt_caption: expected a caption that states no facts, got None"):
        state_row({"bpm": 100.0}, np.random.default_rng(0))


# --- reading back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("The chord sequence is C, Am7/G, N.", Fact("chords", "C, Am7/G, N")),
        ("The beat counts to 3.", Fact("beats", "3")),
        ("The time signature is 6/4.", Fact("beats", "6")),
        ("The tempo of this song is 97.5 beats per minute.", Fact("bpm", "97.5")),
        ("The tempo of this song is Allegro.", Fact("word", "Allegro")),
        ("This song is in Vivace.", Fact("word", "Vivace")),
        ("This song is in the key of C# min.", Fact("key", "C# min")),
        ("This song is in the key of C# min or E.", Fact("keys", "C# min or E")),
        ("It is a waltz.", None),
        ("", None),
    ],
)
def test_sentences_are_read_back(text: str, fact: Fact | None) -> None:
    assert read_sentence(text) == fact


def test_every_volume_sentence_is_recognised() -> None:
    for (rising, from_start), forms in VOLUME_SENTENCES.items():
        for form in range(len(forms)):
            text = volume_sentence(rising, 0 if from_start else 4.5, 9.0, form)
            assert read_sentence(text) == Fact("volume", text)


def test_one_chord_is_no_progression() -> None:
    plan = MusicPlan(chords=(("Am", 0.0), ("Am", 2.0)), key="A minor")
    for seed in range(20):
        assert control_sentences(plan, np.random.default_rng(seed))["chords"] == ""
    two = plan.with_(chords=(("Am", 0.0), ("E", 2.0)))
    assert "Am, E" in control_sentences(two, np.random.default_rng(0))["chords"]


@pytest.mark.parametrize(
    ("start", "duration", "expected"),
    [(0.0, 10.0, (0, 1, 2)), (5.0, 10.0, (0, 1, 2, 3)), (8.5, 10.0, (0, 1, 3)), (5.0, None, (0, 1, 3))],
)
def test_a_change_of_volume_is_said_to_begin_midway_only_if_it_does(
    start: float, duration: float | None, expected: tuple[int, ...]
) -> None:
    assert volume_forms(True, start, duration) == expected


def test_after_a_few_seconds_is_neither_at_once_nor_late() -> None:
    assert volume_forms(False, 1.0, 10.0) == (0, 3)
    assert volume_forms(False, 3.0, 10.0) == (0, 1, 3)
    assert volume_forms(False, 8.0, 10.0) == (0, 3)
