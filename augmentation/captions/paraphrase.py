"""Captions with control sentences, told in other words: what a paraphraser is, what it must keep, the offline one.

A paraphrase keeps every fact that the control sentences state: chords in order, beats of a bar, tempo (number or
Italian word), key with its alternative, change of volume with its second. `missing_facts` holds a text against them.
All choices are drawn from the generator that is passed in. MusicBench itself was paraphrased by ChatGPT (Melechovsky et
al., "Mustango", NAACL 2024); `augmentation.captions.chat` asks such a model.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from augmentation.captions import skeletons, words
from augmentation.captions.control import FIELDS, Fact, read_sentence
from augmentation.captions.subject import joined, pick
from munet.errors import RequestError
from munet.music import MODES, Key, PlanError

PROMPTS = (*FIELDS.values(), "prompt_aug", "prompt_voice")


@dataclass(frozen=True)
class Paraphrase:
    """A text, what wrote it ("offline" or the name of a model), and why it was not the model if one was asked.

    `by` is empty where nobody found other words: the text is then the caption with its sentences, as they were.
    """

    text: str
    by: str
    note: str = ""


class Paraphraser(Protocol):
    """Anything that tells a caption and its control sentences in other words."""

    def paraphrase(self, caption: str, sentences: Sequence[str], rng: np.random.Generator) -> Paraphrase:
        """Tell them in other words.

        Args:
            caption: Caption without control sentences.
            sentences: Control sentences; their facts must survive.
            rng: Source of every choice.
        """
        ...


# --- facts ------------------------------------------------------------------------------------------------------------

_BEFORE, _AFTER = r"(?<![\w#/.])", r"(?![\w#/])"  # a chord or number that stands alone
_MODES = "|".join(MODES)
_NO_KEY = rf"(?![ -]?(?:{_MODES}|maj|min|sharp|flat)\b)"
_BETWEEN_CHORDS = r"(?:[\s,;|→\u2013-]|\band\b|\bthen\b|\bto\b|\bfollowed by\b)+"
_KEY = re.compile(rf"(?<![\w#])([A-G](?:[#b♯♭]|[ -](?i:sharp|flat))?)[ -]?({_MODES}|maj|min|M|m)(?![\w#/])")
_NUMBERS = MappingProxyType({"2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven"})
_VOLUME = MappingProxyType({
    True: r"(?<!de)crescendo|increas|louder|swell|build(?:s|ing)? up",
    False: r"decrescendo|diminuendo|decreas|quieter|softer|fad(?:e|ing)",
})  # fmt: skip


def _pattern(fact: Fact) -> str:
    """What a text that states the fact contains (chords, beats and tempo)."""
    if fact.kind == "chords":
        return _BEFORE + _BETWEEN_CHORDS.join(re.escape(chord) for chord in fact.value.split(", ")) + _AFTER + _NO_KEY
    if fact.kind == "beats":
        number = f"(?:{fact.value}|{_NUMBERS.get(fact.value, fact.value)})"
        counted = rf"\b(?:beats?|count(?:s|ing)?)(?: \w+){{0,2}} {number}\b(?![./]\d)"
        return rf"(?i:(?<![\d.]){fact.value}/4(?!\d)|\b{number}[- ]beats?\b|{counted})"
    if fact.kind == "bpm":
        number = float(fact.value)
        digits = rf"{number:.0f}(?:\.0+)?" if number == int(number) else re.escape(fact.value)
        return rf"(?<![\w.]){digits}(?!\d|\.\d)"
    return rf"(?i:\b{fact.value}\b)"


def _keys(text: str) -> set[tuple[int, str]]:
    found = set()
    for match in _KEY.finditer(text):
        try:
            key = Key.parse(" ".join(match.groups()))
        except PlanError:
            continue  # a word that only looks like a key
        found.add((key.tonic_pc, key.mode))
    return found


def _states_keys(text: str, names: str, chords: Sequence[str]) -> bool:
    """Whether the keys are named apart from the chords: "Am" in the list of chords is no key of A minor."""
    asked = {(key.tonic_pc, key.mode) for key in map(Key.parse, names.split(" or "))}
    lists = [match for pattern in chords for match in re.finditer(pattern, text)]
    cut = [text[: match.start()] + " " + text[match.end() :] for match in lists] or [text]
    return any(asked <= _keys(part) for part in cut)


def _states_volume(text: str, sentence: str) -> bool:
    rising = re.search(r"decrescendo|decrease", sentence, re.IGNORECASE) is None
    seconds = re.findall(r"\d+\.\d+", sentence)
    return bool(re.search(_VOLUME[rising], text, re.IGNORECASE)) and all(number in text for number in seconds)


def missing_facts(text: str, sentences: Sequence[str]) -> list[str]:
    """Control sentences whose fact a text does not state.

    Args:
        text: Any prose.
        sentences: Control sentences in MusicBench's forms; any other sentence must be quoted word by word.
    """
    facts = {sentence: read_sentence(sentence) for sentence in sentences if sentence}
    chords = [_pattern(fact) for fact in facts.values() if fact and fact.kind == "chords"]
    missing = []
    for sentence, fact in facts.items():
        if fact is None:
            stated = sentence in text
        elif fact.kind in ("key", "keys"):
            stated = _states_keys(text, fact.value, chords)
        elif fact.kind == "volume":
            stated = _states_volume(text, sentence)
        else:
            stated = re.search(_pattern(fact), text) is not None
        if not stated:
            missing.append(sentence)
    return missing


# --- offline ----------------------------------------------------------------------------------------------------------

_PIECE = r"(song|music|clip|piece|track|recording|audio|composition|tune|excerpt|instrumental|performance)"
# Verbs that end an object: "this song features drums and has a groove" is no "in this song one hears drums and has".
_VERBS = (
    r"\b(?:is|are|was|were|has|have|had|sounds?|feels?|gives?|makes?|creates?|evokes?|starts?|ends?|begins?|plays?|sings?|"
    r"can|could|would|may|might|will|adds?|fits?|builds?|brings?|provides?|carries|carry|takes?|goes|go|comes?|sets?|"
    r"drives?|keeps?|does|do|features?|includes?|contains?|consists?)\b"
)
# Pattern in a sentence, and what may stand instead. Only turns that keep number, article and meaning.
_HAS = "(?:features|contains|presents|includes|showcases)"
_THINGS = r"(?!(?:an? |the )?(?:sense|feeling|feel|vibe|atmosphere|air|mood|lack|need|use|usage|element|hint|touch)\b)"
REWORDINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (rf"^(?:The|This) ((?:[\w-]+ ){{0,4}}?){_PIECE} {_HAS} {_THINGS}(?!.*{_VERBS})", (
        r"In this \1\2 one hears ", r"In this \1\2 you can hear ", r"This \1\2 offers ", r"This \1\2 presents ",
    )),
    (rf"^(?:The|This) ((?:[\w-]+ ){{0,4}}?){_PIECE} {_HAS} ", (
        r"The \1\2 features ", r"This \1\2 presents ", r"This \1\2 has ", r"This \1\2 offers ",
    )),
    (rf"^(?:The|This) ((?:[\w-]+ ){{0,4}}?){_PIECE} has (?!been\b|to\b)", (
        r"This \1\2 comes with ", r"The \1\2 features ", r"This \1\2 presents ",
    )),
    (r"^This is (an?) ", (r"Here is \1 ", r"What we hear is \1 ", r"We hear \1 ", r"What we have here is \1 ")),
    (r"^Here we have ", ("What we hear is ", "This is ", "We hear ")),
    (rf"^There (?:is|are) (?!no\b|nothing\b|also\b|not\b|only\b){_THINGS}", (
        "One hears ", "You can hear ", "We hear ",
    )),
    (rf"^(An?) (?=[^.,;]*\w)(?!.*{_VERBS})", (r"We hear \1 ", r"This is \1 ", r"Here is \1 ")),
    (r"^(?:The|This) (?:song|piece|track|music|tune|clip) is (?!(?:the )?(?:song|piece|track|music|tune|clip)\b)", (
        "The piece is ", "This track is ", "The music is ", "It is ", "This tune is ",
    )),
    (r"^(?:The|This) (song|piece|track|music|tune) (?:can|may|could|might|would) be (?=play|used|heard|suit)", (
        r"This \1 could be ", "It could be ", "It might be ", r"The \1 might well be ",
    )),
    (r"^It sounds (?!like\b|as\b|much\b|exactly\b)", ("It feels ", "It comes across as ", "To the ear it is ")),
    (r"^The (?:overall )?(?:atmosphere|mood|feeling) is ", ("The mood is ", "The atmosphere is ", "The feeling is ")),
    (r"^The tempo is (?=[a-z])", ("The pace is ", "Its tempo is ")),
    (r"\b(is|are) accompanied by\b", (r"\1 backed by", r"\1 supported by", r"\1 joined by")),
    (r"\bthat consists of\b", ("made up of", "that is built from", "made of")),
    (r"\bcan be heard\b", ("can be made out", "can be noticed")),
    (r"\bin the background(?=[.,;!?]|$)", ("further back", "behind it all", "somewhere behind")),
    (r"\b([Mm]ale|[Ff]emale) vocalist\b", (r"\1 singer",)),
    (r"(?<!quite )(?<!whole )(?<!such )\ba lot of\b", ("plenty of", "lots of")),
    (r"^A lot of ", ("Plenty of ", "Lots of ")),
    (r"\bmay be played while\b", ("could be played while", "might be played while")),
    (r"\bwould be suitable for\b", ("would be right for", "would suit")),
    (r"\bstarts with\b", ("begins with", "opens with")),
    (r"\bis very (?=\w)", ("is really ", "is quite ")),
)  # fmt: skip
_WORD_FORMS = MappingProxyType({
    "word": ("The tempo is {}.", "Its tempo is {}.", "It is played in {}.", "Tempo: {}."),
    "keys": ("It is in {}.", "The key is either {}.", "The tonality is {}.", "Key: {}."),
})  # fmt: skip
STATEMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType({**skeletons.FACT_STATEMENTS, **_WORD_FORMS})
FRAGMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    **skeletons.FACT_FRAGMENTS,
    "word": ("in {}", "at the pace of {}", "in a tempo of {}"),
    "keys": ("in {}", "in either {}", "in the key of {}"),
})  # fmt: skip
# Groups of words that may stand for one another.
SYNONYMS = tuple(words.MOOD_WORDS[mood][:3] for mood in ("happy", "uplifting", "sad", "mysterious", "peaceful"))
_JOINT_MODES = MappingProxyType(
    {"M": "major", "maj": "major", "major": "major", "min": "minor", "minor": "minor"}  # "Em" is what people write
)
_JOINT_KEY = re.compile(rf"\b([A-G][#b]?)({'|'.join(_JOINT_MODES)})\b")
KEPT = 0.25  # share of turns of phrase that stay as they are


def _reworded(sentence: str, rng: np.random.Generator, kept: float) -> str:
    """The sentence in other words; a share `kept` of what could be said otherwise stays."""
    for pattern, options in REWORDINGS:
        found = re.search(pattern, sentence)
        if found and rng.random() >= kept:
            other = [text for text in options if found.expand(text) != found[0]]
            sentence = re.sub(pattern, pick(rng, other), sentence, count=1)
            sentence = re.sub(r"^(This is|Here is|We hear|What we hear is) (An?)\b", _lower_article, sentence)
    for group in SYNONYMS:
        for word in group:
            if re.search(rf"\b{word}\b", sentence) and rng.random() >= kept:
                # "a" and "an" before the word must stay right, and no word come twice.
                like = [other for other in group if (other[0] in "aeiou") == (word[0] in "aeiou")]
                like = [other for other in like if other not in sentence]
                sentence = re.sub(rf"\b{word}\b", pick(rng, like), sentence, count=1) if like else sentence
                break
    return sentence


def _lower_article(match: re.Match[str]) -> str:
    return f"{match[1]} {match[2].lower()}"


def _spoken(fact: Fact) -> Fact:
    """The fact with a key written as prose has it: "E major" for MusicBench's "EM" and "Emajor"."""
    if fact.kind not in ("key", "keys"):
        return fact
    return replace(fact, value=_JOINT_KEY.sub(lambda key: f"{key[1]} {_JOINT_MODES[key[2]]}", fact.value))


def _fragments(facts: Sequence[Fact], rng: np.random.Generator) -> str:
    """Facts with prepositions, the list of chords last: "in E minor and at 90 bpm over Em, C"."""
    order = [facts[int(i)] for i in rng.permutation(len(facts))]
    order.sort(key=lambda fact: fact.kind == "chords")
    return joined([pick(rng, FRAGMENTS[fact.kind]).format(fact.value) for fact in order], pick(rng, (", ", " and ")))


def _with_facts(text: list[str], facts: Sequence[Fact], rng: np.random.Generator) -> list[str]:
    """Sentences with the facts put in: each in a sentence, all in one, before or behind the first sentence."""
    layout = pick(rng, ("apart", "apart", "together", "before", "behind"))
    first = text[0] if text else ""
    if layout == "before" and re.match(r"(?:The|This|There|An?|It|You|One|We|In|Here|What)\b", first):
        fragments = _fragments(facts, rng)
        opening = f"{fragments[0].upper()}{fragments[1:]}, {first[0].lower()}{first[1:]}"
        return [opening, *text[1:]]
    if layout == "behind" and first.endswith("."):
        return [f"{first[:-1]}, {_fragments(facts, rng)}.", *text[1:]]
    if layout == "together":
        added = [f"{pick(rng, skeletons.FACT_SUBJECTS)} {_fragments(facts, rng)}."]
    else:
        order = [facts[int(i)] for i in rng.permutation(len(facts))]
        added = [pick(rng, STATEMENTS[fact.kind]).format(fact.value) for fact in order]
    for sentence in added:  # anywhere but before the sentence that says what the piece is
        place = int(rng.integers(min(1, len(text)), len(text) + 1))
        text = [*text[:place], sentence, *text[place:]]
    return text


@dataclass(frozen=True)
class OfflineParaphraser:
    """Rewords a caption by tables and tells the facts in other forms at other places; no network, no model."""

    def paraphrase(self, caption: str, sentences: Sequence[str], rng: np.random.Generator) -> Paraphrase:
        plain = [sentence for sentence in re.split(r"(?<=[.!?])\s+", caption.strip()) if sentence]
        text = plain
        for kept in (KEPT, 0.0):
            if text == plain:
                text = [_reworded(sentence, rng, kept) for sentence in plain]
        if plain and text == plain:
            return Paraphrase(" ".join(plain), "", "no other words were found")
        facts = {sentence: read_sentence(sentence) for sentence in sentences if sentence}
        told = [_spoken(fact) for fact in facts.values() if fact and fact.kind != "volume"]
        quoted = [sentence for sentence, fact in facts.items() if fact is None or fact.kind == "volume"]
        if text and facts and not text[-1].endswith((".", "!", "?")):
            text[-1] += "."
        return Paraphrase(" ".join((_with_facts(text, told, rng) if told else text) + quoted), "offline")


def paraphrase_row(row: Mapping[str, Any], paraphraser: Paraphraser, rng: np.random.Generator) -> dict[str, Any]:
    """Row whose `main_caption` is told in other words.

    Args:
        row: A row whose `main_caption` is its `alt_caption` with some of its `prompt_*` sentences behind it, as
            `augmentation.dataset.sentences.state_row` makes it. It is not touched.
        paraphraser: Writes the text from the `alt_caption` and those sentences.
        rng: Source of every choice.

    Returns:
        A new row; `paraphrase` says what wrote it and, where a model was asked in vain, why. It is None, and the
        caption as it was, where no other words were found.

    Raises:
        RequestError: If a caption is missing.
    """
    for field in ("main_caption", "alt_caption"):
        if not isinstance(row.get(field), str):
            raise RequestError(f"{field}: expected a caption, got {row.get(field)!r}")
    stated = [row[field] for field in PROMPTS if row.get(field) and row[field] in row["main_caption"]]
    result = paraphraser.paraphrase(row["alt_caption"], stated, rng)
    if not result.by:
        return {**copy.deepcopy(dict(row)), "paraphrase": None}
    changed = {"main_caption": result.text, "paraphrase": {"by": result.by, "note": result.note}}
    return {**copy.deepcopy(dict(row)), **changed}
