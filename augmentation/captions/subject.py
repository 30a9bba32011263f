"""What may be said of a composed piece: the subject of a caption, its instruments in words, and plain grammar.

Whatever is drawn is first held against the piece: no instrument that does not play, no metre and no tempo but the
plan's. Everything is drawn from the generator that is passed in, so that a seed gives a caption.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from augmentation.captions import skeletons, words
from augmentation.compose.styles import STYLES, StyleWords

if TYPE_CHECKING:
    from augmentation.compose.piece import Piece, Track

PLURAL = re.compile(r"(?<![su])(?<!blue)(?<!rhode)s$", re.IGNORECASE)  # not "bass", "chorus", "blues", "Rhodes"


def pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    """One of the options."""
    return options[int(rng.integers(len(options)))]


def sample(rng: np.random.Generator, options: Sequence[str], count: int) -> list[str]:
    """Up to `count` different options, in random order."""
    return [options[int(i)] for i in rng.permutation(len(options))[:count]]


@dataclass(frozen=True)
class Subject:
    """What a caption may draw on: the piece, the roles that its instruments audibly play, and the generator."""

    piece: Piece
    rng: np.random.Generator
    instruments: tuple[str, ...]
    kinds: frozenset[str]  # instrument names as the lexicon knows them

    @property
    def style_words(self) -> StyleWords:
        """The words of the piece's style; a style without a file has its name only."""
        name = self.piece.style
        return STYLES[name].words if name in STYLES else StyleWords((name,), (name,), ())

    @property
    def has_hand_drums(self) -> bool:
        """Whether the drums are hand percussion rather than a kit."""
        return self.piece.style in STYLES and STYLES[self.piece.style].hand_drums

    def allows(self, phrase: str) -> bool:
        """Whether a phrase is true: its instruments play, its metre and its tempo are the plan's."""
        plan = self.piece.plan
        if not all(meaning & self.kinds for meaning in words.mentions(phrase)):
            return False
        if any(words.search(phrase) and plan.meter != meter for words, meter in words.METRE_BOUND):
            return False
        if plan.bpm > 90 and words.SLOW_WORDS.search(phrase):
            return False
        return not (plan.bpm < 116 and words.FAST_WORDS.search(phrase))

    def pick(self, options: Sequence[str]) -> str:
        """One of the phrases that are true, or an empty string."""
        for _ in range(4):  # most are, so that trying is quicker than checking them all
            phrase = pick(self.rng, options)
            if self.allows(phrase):
                return phrase
        true = [phrase for phrase in options if self.allows(phrase)]
        return pick(self.rng, true) if true else ""


def kind_of(track: Track) -> str:
    """Name of the instrument, as the lexicon knows it."""
    return "drums" if track.is_drum else track.name


def subject_of(piece: Piece, rng: np.random.Generator) -> Subject:
    """Prepare a piece for captioning."""
    names = tuple(dict.fromkeys(kind_of(track) for track in piece.tracks if track.notes))
    return Subject(piece, rng, names, frozenset(names))


def role_of(track: Track) -> str:
    """What a track is heard to do: drums, bass, pad (long chords), chords, or line (one note at a time)."""
    if track.is_drum:
        return "drums"
    if track.name in words.GROUP_NOUNS["bass"] or track.name == "tuba":
        return "bass"
    onsets = len({round(note.start, 1) for note in track.notes})
    if len(track.notes) < 1.8 * onsets:
        return "line"
    mean = sum(note.duration for note in track.notes) / len(track.notes)
    return "pad" if mean > 1.2 else "chords"


def noun_of(subject: Subject, name: str) -> str:
    """A word for an instrument: its own names, now and then a broader one."""
    options = words.INSTRUMENT_NOUNS.get(name, (name,))
    if name == "drums" and subject.has_hand_drums:
        options = words.HAND_DRUMS
    elif subject.rng.random() < 0.2:
        options = [group for group in words.LIST_GROUPS if name in words.GROUP_NOUNS[group]] or options
    noun = pick(subject.rng, options)
    if name == "drums" and subject.rng.random() < 0.5:
        energy = skeletons.DRUM_ADJECTIVES.get(subject.piece.energy, ("steady",))
        return f"{pick(subject.rng, energy)} {noun}"
    return noun


def article(noun: str) -> str:
    """A noun with its article, if it takes one."""
    bare = noun.endswith(("drumming", "brass", "percussion", " music")) and not noun.endswith("piece of music")
    if bare or noun == "music" or PLURAL.search(noun):
        return noun
    return ("an " if noun[0].lower() in "aeioué8" or noun.startswith(("FM", "r&b")) else "a ") + noun


def joined(parts: Sequence[str], last: str = " and ") -> str:
    """Join an enumeration: "a, b and c"."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + last + parts[-1]


def listed(subject: Subject, names: Iterable[str], with_articles: bool = False) -> str:
    """Instruments in words, joined: "piano and drums", "a piano and drums"."""
    nouns = list(dict.fromkeys(noun_of(subject, name) for name in names))
    return joined([article(noun) for noun in nouns] if with_articles else nouns)


def sentence(text: str) -> str:
    """Text with a capital first letter."""
    return text[:1].upper() + text[1:] if text else ""
