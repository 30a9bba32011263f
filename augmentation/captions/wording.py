"""Words for a composed piece, true by construction: what `augmentation.captions.caption` builds captions from.

A caption is grown from skeletons (`augmentation.captions.skeletons`) whose slots, `{style}` or `{list}`, are filled
from the words of `augmentation.captions.words`. Whatever is drawn is first held against the piece: no instrument that
does not play, no metre and no tempo but the plan's. Everything is drawn from the generator that is passed in, so that
a seed gives a caption.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from augmentation.captions import skeletons, words
from augmentation.compose.styles import STYLES, StyleWords

if TYPE_CHECKING:
    from augmentation.compose.composer import Piece, Track

_PLURAL = re.compile(r"(?<![su])(?<!blue)(?<!rhode)s$", re.IGNORECASE)  # not "bass", "chorus", "blues", "Rhodes"
_SLOT = re.compile(r"\{(\w+)\}")


def pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    """One of the options."""
    return options[int(rng.integers(len(options)))]


def sample(rng: np.random.Generator, options: Sequence[str], count: int) -> list[str]:
    """Up to `count` different options, in random order."""
    return [options[int(i)] for i in rng.permutation(len(options))[:count]]


# --- what may be said of a piece --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """What a caption may draw on: the piece, the roles that its instruments audibly play, and the generator."""

    piece: Piece
    rng: np.random.Generator
    instruments: tuple[str, ...]
    kinds: frozenset[str]  # instrument names as the lexicon knows them

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


def _kind(track: Track) -> str:
    return "drums" if track.is_drum else track.name


def subject_of(piece: Piece, rng: np.random.Generator) -> Subject:
    """Prepare a piece for captioning."""
    names = tuple(dict.fromkeys(_kind(track) for track in piece.tracks if track.notes))
    return Subject(piece, rng, names, frozenset(names))


def _role(track: Track) -> str:
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


def _noun(subject: Subject, name: str) -> str:
    """A word for an instrument: its own names, now and then a broader one."""
    options = words.INSTRUMENT_NOUNS.get(name, (name,))
    if subject.rng.random() < 0.2:
        options = [group for group in words.LIST_GROUPS if name in words.GROUP_NOUNS[group]] or options
    noun = pick(subject.rng, options)
    if name == "drums" and subject.rng.random() < 0.5:
        energy = skeletons.DRUM_ADJECTIVES.get(subject.piece.energy, ("steady",))
        return f"{pick(subject.rng, energy)} {noun}"
    return noun


def _article(noun: str) -> str:
    bare = noun.endswith(("drumming", "brass", "percussion", " music")) and not noun.endswith("piece of music")
    if bare or noun == "music" or _PLURAL.search(noun):
        return noun
    return ("an " if noun[0].lower() in "aeioué8" or noun.startswith(("FM", "r&b")) else "a ") + noun


def joined(parts: Sequence[str], last: str = " and ") -> str:
    """Join an enumeration: "a, b and c"."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + last + parts[-1]


# --- slots: each gives one phrase, or "" where there is nothing true to say ------------------------------


def _nouns(subject: Subject) -> list[str]:
    rng, names = subject.rng, subject.instruments
    count = min(len(names), 1 + int(rng.integers(1, 5)))
    return list(dict.fromkeys(_noun(subject, name) for name in sample(rng, names, count)))


def _list(subject: Subject) -> str:
    nouns = _nouns(subject)
    if subject.rng.random() < 0.6:
        nouns = [_article(noun) for noun in nouns]
    return joined(nouns, pick(subject.rng, (" and ", " and ", ", and ", " plus ", " with ")))


def _clause_of(subject: Subject, track: Track) -> str:
    """One instrument and what it is heard to do: "the upright bass holds down the low end"."""
    noun = _noun(subject, _kind(track))
    plural = bool(_PLURAL.search(noun))
    text = pick(subject.rng, skeletons.ROLE_CLAUSES[_role(track)])
    return text.replace("{n}", noun).replace("{an}", _article(noun)).replace("{s}", "" if plural else "s")


def _clauses(subject: Subject, count: int = 2) -> str:
    tracks = [track for track in subject.piece.tracks if track.notes]
    some = [tracks[int(i)] for i in subject.rng.permutation(len(tracks))[:count]]
    return pick(subject.rng, (" while ", ", and ", ", while ", " as ")).join(
        _clause_of(subject, track) for track in some
    )


def _clause(subject: Subject) -> str:
    return _clauses(subject, 1)


def _mood(subject: Subject) -> str:
    return subject.pick(words.MOOD_WORDS.get(subject.piece.mood, (subject.piece.mood,)))


def _moods(subject: Subject) -> str:
    moods = sample(subject.rng, words.MOOD_WORDS.get(subject.piece.mood, (subject.piece.mood,)), 2)
    return pick(subject.rng, (" and ", ", even ", ", almost ")).join(moods)


def _energy(subject: Subject) -> str:
    return subject.pick(words.ENERGY_WORDS.get(subject.piece.energy, (subject.piece.energy,)))


def _tempo(subject: Subject, column: int = 2) -> str:
    bpm = subject.piece.plan.bpm
    rows = [row for row in words.TEMPO_ADJECTIVES if row[0] <= bpm <= row[1]]
    return pick(subject.rng, [word for row in rows for word in row[column]])


def _pace(subject: Subject) -> str:
    return _tempo(subject, 3)


def _style_words(subject: Subject) -> StyleWords:
    """The words of the piece's style; a style without a file has its name only."""
    name = subject.piece.style
    return STYLES[name].words if name in STYLES else StyleWords((name,), (name,), ())


def _style(subject: Subject) -> str:
    """A noun phrase for the kind of music: "boom bap beat", "swing tune", "lofi instrumental"."""
    rng = subject.rng
    chance = rng.random()
    if chance < 0.06:
        return "piece of music"
    if chance < 0.46 and (noun := subject.pick(_style_words(subject).nouns)):
        return noun
    tag, head = _tag(subject), subject.pick(skeletons.HEADS)
    return f"{tag} {head}" if tag else head


def _tag(subject: Subject) -> str:
    return subject.pick(_style_words(subject).tags)


def _kindred(subject: Subject) -> str:
    """Style with up to two adjectives before it."""
    rng = subject.rng
    draws = ((0.55, _mood), (0.25, _energy), (0.3, _tempo))
    words = list(dict.fromkeys(word(subject) for chance, word in draws if rng.random() < chance))
    style = _style(subject)
    words = [word for word in sample(rng, words, 2) if word and word not in style and not style.startswith(word)]
    return f"{pick(rng, (', ', ' ', ' and ')).join(words)} {style}" if words else style


def _use(subject: Subject) -> str:
    piece = subject.piece
    return subject.pick((*_style_words(subject).uses, *words.USES.get(piece.mood, ("a playlist",))))


def _metre(subject: Subject) -> str:
    """Phrase " in waltz time" for a metre worth a word; four beats a bar mostly go without saying."""
    meter = subject.piece.plan.meter
    if meter not in words.METRE_WORDS or subject.rng.random() < (0.93 if meter == 4 else 0.4):
        return ""
    return " " + pick(subject.rng, words.METRE_WORDS[meter])


def _alone(subject: Subject) -> str:
    if len(subject.instruments) == 1:
        return pick(subject.rng, skeletons.SOLO_SENTENCES).format(_noun(subject, subject.instruments[0]))
    return "" if "choir" in subject.kinds else pick(subject.rng, skeletons.VOICELESS_SENTENCES)


SLOTS = MappingProxyType({
    "list": _list, "clause": _clause, "clauses": _clauses, "mood": _mood, "energy": _energy, "tempo": _tempo,
    "style": _style, "kind": _kindred, "a_kind": lambda subject: _article(_kindred(subject)), "use": _use,
    "metre": _metre, "alone": _alone, "tag": _tag, "a_tempo": lambda subject: _article(_tempo(subject)),
    "moods": _moods, "pace": _pace, "a_pace": lambda subject: _article(_pace(subject)),
    "a_mood": lambda subject: _article(_mood(subject)),
})  # fmt: skip


def _fill(subject: Subject, skeleton: str) -> str:
    return _SLOT.sub(lambda match: SLOTS[match[1]](subject), skeleton)


# --- captions ---------------------------------------------------------------------------------------------------------


def sentence(text: str) -> str:
    """Text with a capital first letter."""
    return text[:1].upper() + text[1:] if text else ""


def _tags(subject: Subject) -> str:
    rng = subject.rng
    parts = [
        _tag(subject) or _style(subject),
        *(slot(subject) for slot in (_mood, _energy, _tempo) if rng.random() < 0.5),
    ]
    parts += _nouns(subject) if rng.random() < 0.85 else []
    if (metre := _metre(subject)) and rng.random() < 0.5:
        parts.append(metre.strip())
    if rng.random() < 0.3:
        parts = [parts[int(i)] for i in rng.permutation(len(parts))]
    return ", ".join(part for part in dict.fromkeys(parts) if part)


def _line(subject: Subject) -> str:
    return _fill(subject, pick(subject.rng, skeletons.LINES))


def _prose(subject: Subject) -> str:
    rng = subject.rng
    groups = sample(rng, skeletons.PROSE_GROUPS, int(rng.integers(1, 6)))
    chosen = [pick(rng, skeletons.OPENERS), *(pick(rng, group) for group in groups)]
    filled = (_fill(subject, skeleton) for skeleton in chosen)
    return " ".join(sentence(text) for text in dict.fromkeys(filled) if text)


def draw_words(subject: Subject) -> tuple[str, str]:
    """A caption and its form: "tags", "line" or "prose"."""
    chance = subject.rng.random()
    if chance < 0.2:
        text = _tags(subject)
        return (text.lower() if subject.rng.random() < 0.7 else text), "tags"
    if chance < 0.55:
        text = _line(subject)
        return (text if subject.rng.random() < 0.3 else sentence(text)), "line"
    return _prose(subject), "prose"
