"""Captions of composed pieces: prose as people write it, and MusicBench's control sentences behind it.

The prose comes from `augmentation.captions.wording`; here exact facts of the plan (chords, metre, tempo, key) are put
behind it, in MusicBench's sentences or in running text. Tempi in beats per minute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from augmentation.captions import skeletons
from augmentation.captions.control import FACTS, PAPER_COUNTS, control_sentences
from augmentation.captions.subject import joined, pick, sample, sentence, subject_of
from augmentation.captions.wording import draw_words
from munet.music import MusicPlan

if TYPE_CHECKING:
    from augmentation.compose.piece import Piece

_MOST_CHORDS = 24  # that anybody would list
FREE = 0.4  # share of stated facts that stand in running text


def describe(piece: Piece, rng: np.random.Generator) -> str:
    """Caption that a person could have written: style, instruments, mood, tempo in words, occasion; no exact facts.

    Args:
        piece: The piece, its plan complete.
        rng: Source of every choice.

    Returns:
        A list of tags, a line without full stop, or one to six sentences. Only instruments that play are named.
    """
    text, form = draw_words(subject_of(piece, rng))
    return f"{text}." if form == "line" and rng.random() < 0.6 else text


def _period(symbols: Sequence[str]) -> Sequence[str]:
    """The shortest beginning that the rest repeats: people write "Em, C, G, D" once."""
    for length in range(1, len(symbols) // 2 + 1):
        if all(symbol == symbols[i % length] for i, symbol in enumerate(symbols)):
            return symbols[:length]
    return symbols


def _told_chords(plan: MusicPlan) -> Sequence[str]:
    return _period([symbol for symbol, _ in plan.chords or () if symbol != "N"])


def _value(plan: MusicPlan, fact: str, rng: np.random.Generator) -> str:
    """A fact as people write it: "120", "3", "E minor" or "Em", "Em, C, G, D" or "Em - C - G - D"."""
    if fact == "bpm":
        return f"{plan.bpm:.0f}"
    if fact == "beats":
        return str(plan.meter)
    if fact == "key":
        return pick(rng, (plan.key, plan.key, plan.key.replace(" major", "").replace(" minor", "m")))
    return pick(rng, (", ", ", ", " - ", " ", "-")).join(_told_chords(plan))


def _free_facts(plan: MusicPlan, facts: Sequence[str], form: str, rng: np.random.Generator) -> str:
    """Facts as running text to put behind a caption: ", 80 bpm, Em", " in E minor at 80 bpm", or sentences."""

    def drawn(forms: Mapping[str, Sequence[str]]) -> list[str]:
        return [pick(rng, forms[fact]).format(_value(plan, fact, rng)) for fact in facts]

    if form == "tags":
        return ", " + ", ".join(drawn(skeletons.FACT_TAGS))
    chance = rng.random()
    if form == "line" and chance < 0.6:
        forms, link = (skeletons.FACT_FRAGMENTS, " ") if chance < 0.4 else (skeletons.FACT_TAGS, ", ")
        return link + link.join(drawn(forms))
    start = ". " if form == "line" else " "
    if rng.random() < 0.5:
        return start + " ".join(drawn(skeletons.FACT_STATEMENTS))
    fragments = drawn(skeletons.FACT_FRAGMENTS)
    return f"{start}{pick(rng, skeletons.FACT_SUBJECTS)} {joined(fragments, pick(rng, (' ', ' and ', ', ')))}."


def _worth_telling(plan: MusicPlan) -> tuple[str, ...]:
    """Facts that a caption may state: no key and no chords where nobody plays a pitch, no list without an end."""
    symbols = _told_chords(plan)
    if not symbols:
        return ("beats", "bpm")
    return FACTS if len(symbols) <= _MOST_CHORDS else tuple(fact for fact in FACTS if fact != "chords")


def caption(piece: Piece, rng: np.random.Generator, sentences: Mapping[str, str] | None = None) -> str:
    """Caption that may state exact facts: `describe`, then 0 to 4 of chords, metre, tempo and key.

    Args:
        piece: The piece, its plan complete.
        rng: Source of every choice.
        sentences: Control sentences to quote (drawn anew by default).

    Returns:
        The caption; in 6 of 10 cases the facts stand in MusicBench's sentences, otherwise in running text.
    """
    subject = subject_of(piece, rng)
    text, form = draw_words(subject)
    count = int(np.searchsorted(np.cumsum(PAPER_COUNTS)[:-1], rng.random(), side="right"))
    facts = sample(rng, _worth_telling(piece.plan), count)
    if not facts:
        return text
    if rng.random() < FREE:
        return text + _free_facts(piece.plan, facts, form, rng)
    known = control_sentences(piece.plan, rng) if sentences is None else sentences
    stated = " ".join(known[fact] for fact in facts if known[fact])
    return f"{sentence(text)}{'' if form == 'prose' else '.'} {stated}".strip()
