"""Captions of composed pieces: MusicBench's control sentences, and prose as people write it.

A caption is grown from skeletons (`augmentation.phrases`) whose slots, `{style}` or `{list}`, are filled from the words
of `augmentation.lexicon`. Whatever is drawn is first held against the piece: no instrument that does not play, no metre
and no tempo but the plan's. Everything is drawn from the generator that is passed in, so that a seed gives a caption.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from augmentation import lexicon, phrases
from munet.music import PITCH_NAMES_FLAT, PITCH_NAMES_SHARP, Key, MusicPlan, tempo_word

if TYPE_CHECKING:
    from augmentation.composer import Piece, Track

FACTS = ("chords", "beats", "bpm", "key")
FACT_COUNTS = (0.25, 0.30, 0.20, 0.15, 0.10)  # probability of stating 0, 1, ... 4 of them
RESPELLED = 0.1  # share of sharps and flats written as their enharmonic equal, as in MusicBench
_PLURAL = re.compile(r"(?<![su])s$")
_SLOT = re.compile(r"\{(\w+)\}")


def _pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _sample(rng: np.random.Generator, options: Sequence[str], count: int) -> list[str]:
    return [options[int(i)] for i in rng.permutation(len(options))[:count]]


# --- control sentences ------------------------------------------------------------------------------------------------


def _respell(tonic: str) -> str:
    names, others = PITCH_NAMES_SHARP, PITCH_NAMES_FLAT
    if "b" in tonic:
        names, others = others, names
    return others[names.index(tonic)] if tonic in names else tonic


def control_sentences(plan: MusicPlan, rng: np.random.Generator) -> dict[str, str]:
    """Sentences that state the plan in the forms of MusicBench (Melechovsky et al., 2024, augmentation module).

    Args:
        plan: The plan; a field it leaves open gives an empty sentence, and so do fewer than two beats.
        rng: Source of the choice between forms.

    Returns:
        `chords`, `beats`, `bpm` and `key` sentences. Tempo is a number of beats per minute or an Italian word.
    """
    sentences = dict.fromkeys(FACTS, "")
    if plan.chords:
        symbols = ", ".join(symbol for symbol, _ in plan.chords)
        sentences["chords"] = _pick(rng, phrases.CHORD_SENTENCES).format(symbols)
    if plan.beats and len(plan.beats) > 1:
        count = plan.meter or max(position for _, position in plan.beats)
        sentences["beats"] = _pick(rng, phrases.BEAT_SENTENCES).format(count)
    if plan.bpm:
        form, value = phrases.TEMPO_NUMBER_SENTENCES, str(round(plan.bpm, 1))
        if rng.random() < 0.5:
            form, value = phrases.TEMPO_WORD_SENTENCES, tempo_word(plan.bpm)
        sentences["bpm"] = _pick(rng, form).format(value)
    if plan.key:
        key = Key.parse(plan.key)
        tonic = _respell(key.tonic) if rng.random() < RESPELLED else key.tonic
        sentences["key"] = _pick(rng, phrases.KEY_SENTENCES).format(tonic + _pick(rng, phrases.MODE_WORDS[key.mode]))
    return sentences


# --- what may be said of a piece --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Subject:
    """What a caption may draw on: the piece, the roles that its instruments audibly play, and the generator."""

    piece: Piece
    rng: np.random.Generator
    instruments: tuple[str, ...]
    kinds: frozenset[str]  # instrument names as the lexicon knows them
    kit: bool

    def allows(self, phrase: str) -> bool:
        """Whether a phrase is true: its instruments play, its metre and its tempo are the plan's."""
        plan = self.piece.plan
        if not all(meaning & self.kinds for meaning in lexicon.mentions(phrase)):
            return False
        if any(words.search(phrase) and plan.meter != meter for words, meter in lexicon.METRE_BOUND):
            return False
        if plan.bpm > 90 and lexicon.SLOW_WORDS.search(phrase):
            return False
        return not (plan.bpm < 116 and lexicon.FAST_WORDS.search(phrase))

    def pick(self, options: Sequence[str]) -> str:
        """One of the phrases that are true, or an empty string."""
        for _ in range(4):  # most are, so that trying is quicker than checking them all
            phrase = _pick(self.rng, options)
            if self.allows(phrase):
                return phrase
        true = [phrase for phrase in options if self.allows(phrase)]
        return _pick(self.rng, true) if true else ""


def _kind(track: Track) -> str:
    return "drums" if track.is_drum else track.name


def _subject(piece: Piece, rng: np.random.Generator) -> _Subject:
    names = tuple(dict.fromkeys(_kind(track) for track in piece.tracks if track.notes))
    return _Subject(piece, rng, names, frozenset(names), "drums" in names)


def _role(track: Track) -> str:
    """What a track is heard to do: drums, bass, pad (long chords), chords, or line (one note at a time)."""
    if track.is_drum:
        return "drums"
    if track.name in lexicon.GROUP_NOUNS["bass"] or track.name == "tuba":
        return "bass"
    onsets = len({round(note.start, 1) for note in track.notes})
    if len(track.notes) < 1.8 * onsets:
        return "line"
    mean = sum(note.duration for note in track.notes) / len(track.notes)
    return "pad" if mean > 1.2 else "chords"


def _noun(subject: _Subject, name: str) -> str:
    """A word for an instrument: its own names, now and then a broader one."""
    options = lexicon.INSTRUMENT_NOUNS.get(name, (name,))
    if subject.rng.random() < 0.2:
        options = [group for group in lexicon.LIST_GROUPS if name in lexicon.GROUP_NOUNS[group]] or options
    noun = _pick(subject.rng, options)
    if name == "drums" and subject.rng.random() < 0.5:
        energy = phrases.DRUM_ADJECTIVES.get(subject.piece.energy, ("steady",))
        return f"{_pick(subject.rng, energy)} {noun}"
    return noun


def _article(noun: str) -> str:
    bare = noun.endswith(("drumming", "brass", "percussion", " music")) and not noun.endswith("piece of music")
    if bare or noun == "music" or _PLURAL.search(noun):
        return noun
    return ("an " if noun[0].lower() in "aeioué8" or noun.startswith(("FM", "r&b")) else "a ") + noun


def _joined(parts: Sequence[str], last: str = " and ") -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + last + parts[-1]


# --- slots: each gives one phrase, or "" where there is nothing true to say ------------------------------


def _nouns(subject: _Subject) -> list[str]:
    rng, names = subject.rng, subject.instruments
    count = min(len(names), 1 + int(rng.integers(1, 5)))
    return list(dict.fromkeys(_noun(subject, name) for name in _sample(rng, names, count)))


def _list(subject: _Subject) -> str:
    nouns = _nouns(subject)
    if subject.rng.random() < 0.6:
        nouns = [_article(noun) for noun in nouns]
    return _joined(nouns, _pick(subject.rng, (" and ", " and ", ", and ", " plus ", " with ")))


def _clause_of(subject: _Subject, track: Track) -> str:
    """One instrument and what it is heard to do: "the upright bass holds down the low end"."""
    noun = _noun(subject, _kind(track))
    plural = bool(_PLURAL.search(noun))
    text = _pick(subject.rng, phrases.ROLE_CLAUSES[_role(track)])
    return text.replace("{n}", noun).replace("{an}", _article(noun)).replace("{s}", "" if plural else "s")


def _clauses(subject: _Subject, count: int = 2) -> str:
    tracks = [track for track in subject.piece.tracks if track.notes]
    some = [tracks[int(i)] for i in subject.rng.permutation(len(tracks))[:count]]
    return _pick(subject.rng, (" while ", ", and ", ", while ", " as ")).join(
        _clause_of(subject, track) for track in some
    )


def _clause(subject: _Subject) -> str:
    return _clauses(subject, 1)


def _mood(subject: _Subject) -> str:
    return subject.pick(lexicon.MOOD_WORDS.get(subject.piece.mood, (subject.piece.mood,)))


def _moods(subject: _Subject) -> str:
    words = _sample(subject.rng, lexicon.MOOD_WORDS.get(subject.piece.mood, (subject.piece.mood,)), 2)
    return _pick(subject.rng, (" and ", ", even ", ", almost ")).join(words)


def _energy(subject: _Subject) -> str:
    return subject.pick(lexicon.ENERGY_WORDS.get(subject.piece.energy, (subject.piece.energy,)))


def _tempo(subject: _Subject) -> str:
    bpm = subject.piece.plan.bpm
    return _pick(
        subject.rng, [word for low, high, words in lexicon.TEMPO_ADJECTIVES if low <= bpm <= high for word in words]
    )


def _style(subject: _Subject) -> str:
    """A noun phrase for the kind of music: "boom bap beat", "swing tune", "lofi instrumental"."""
    rng, style = subject.rng, subject.piece.style
    chance = rng.random()
    if chance < 0.06:
        return "piece of music"
    if chance < 0.46 and (noun := subject.pick(lexicon.STYLE_NOUNS.get(style, (style,)))):
        return noun
    tag, head = _tag(subject), subject.pick(phrases.HEADS)
    return f"{tag} {head}" if tag else head


def _tag(subject: _Subject) -> str:
    return subject.pick(lexicon.STYLE_TAGS.get(subject.piece.style, (subject.piece.style,)))


def _kindred(subject: _Subject) -> str:
    """Style with up to two adjectives before it."""
    rng = subject.rng
    draws = ((0.55, _mood), (0.25, _energy), (0.3, _tempo))
    words = list(dict.fromkeys(word(subject) for chance, word in draws if rng.random() < chance))
    style = _style(subject)
    words = [word for word in _sample(rng, words, 2) if word and word not in style and not style.startswith(word)]
    return f"{_pick(rng, (', ', ' ', ' and ')).join(words)} {style}" if words else style


def _use(subject: _Subject) -> str:
    piece = subject.piece
    return subject.pick((*lexicon.USES.get(piece.style, ()), *lexicon.USES.get(piece.mood, ("a playlist",))))


def _metre(subject: _Subject) -> str:
    """Phrase " in waltz time" for a metre worth a word; four beats a bar mostly go without saying."""
    meter = subject.piece.plan.meter
    if meter not in lexicon.METRE_WORDS or subject.rng.random() < (0.93 if meter == 4 else 0.4):
        return ""
    return " " + _pick(subject.rng, lexicon.METRE_WORDS[meter])


def _alone(subject: _Subject) -> str:
    if len(subject.instruments) == 1:
        return _pick(subject.rng, phrases.SOLO_SENTENCES).format(_noun(subject, subject.instruments[0]))
    return "" if "choir" in subject.kinds else _pick(subject.rng, phrases.VOICELESS_SENTENCES)


SLOTS = {
    "list": _list, "clause": _clause, "clauses": _clauses, "mood": _mood, "energy": _energy, "tempo": _tempo,
    "style": _style, "kind": _kindred, "a_kind": lambda subject: _article(_kindred(subject)), "use": _use,
    "metre": _metre, "alone": _alone, "tag": _tag, "a_tempo": lambda subject: _article(_tempo(subject)),
    "moods": _moods, "pace": _pace, "a_pace": lambda subject: _article(_pace(subject)),
    "a_mood": lambda subject: _article(_mood(subject)),
}  # fmt: skip


def _fill(subject: _Subject, skeleton: str) -> str:
    return _SLOT.sub(lambda match: SLOTS[match[1]](subject), skeleton)


# --- captions ---------------------------------------------------------------------------------------------------------


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] if text else ""


def _tags(subject: _Subject) -> str:
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


def _line(subject: _Subject) -> str:
    return _fill(subject, _pick(subject.rng, phrases.LINES))


def _prose(subject: _Subject) -> str:
    rng = subject.rng
    groups = _sample(rng, phrases.PROSE_GROUPS, int(rng.integers(1, 6)))
    skeletons = [_pick(rng, phrases.OPENERS), *(_pick(rng, group) for group in groups)]
    filled = (_fill(subject, skeleton) for skeleton in skeletons)
    return " ".join(_sentence(text) for text in dict.fromkeys(filled) if text)


def _describe(subject: _Subject) -> tuple[str, str]:
    """A caption and its form: "tags", "line" or "prose"."""
    chance = subject.rng.random()
    if chance < 0.2:
        text = _tags(subject)
        return (text.lower() if subject.rng.random() < 0.7 else text), "tags"
    if chance < 0.55:
        text = _line(subject)
        return (text if subject.rng.random() < 0.3 else _sentence(text)), "line"
    return _prose(subject), "prose"


def describe(piece: Piece, rng: np.random.Generator) -> str:
    """Caption that a person could have written: style, instruments, mood, tempo in words, occasion; no exact facts.

    Args:
        piece: The piece, its plan complete.
        rng: Source of every choice.

    Returns:
        A list of tags, a line without full stop, or one to six sentences. Only instruments that play are named.
    """
    text, form = _describe(_subject(piece, rng))
    return f"{text}." if form == "line" and rng.random() < 0.6 else text


def _period(symbols: Sequence[str]) -> Sequence[str]:
    """The shortest beginning that the rest repeats: people write "Em, C, G, D" once."""
    for length in range(1, len(symbols) // 2 + 1):
        if all(symbol == symbols[i % length] for i, symbol in enumerate(symbols)):
            return symbols[:length]
    return symbols


def _value(plan: MusicPlan, fact: str, rng: np.random.Generator) -> str:
    """A fact as people write it: "120", "3", "E minor" or "Em", "Em, C, G, D" or "Em - C - G - D"."""
    if fact == "bpm":
        return f"{plan.bpm:.0f}"
    if fact == "beats":
        return str(plan.meter)
    if fact == "key":
        return _pick(rng, (plan.key, plan.key, plan.key.replace(" major", "").replace(" minor", "m")))
    return _pick(rng, (", ", ", ", " - ", " ", "-")).join(_period([symbol for symbol, _ in plan.chords]))


def _free_facts(plan: MusicPlan, facts: Sequence[str], form: str, rng: np.random.Generator) -> str:
    """Facts as running text to put behind a caption: ", 80 bpm, Em", " in E minor at 80 bpm", or sentences."""

    def drawn(forms: Mapping[str, Sequence[str]]) -> list[str]:
        return [_pick(rng, forms[fact]).format(_value(plan, fact, rng)) for fact in facts]

    if form == "tags":
        return ", " + ", ".join(drawn(phrases.FACT_TAGS))
    chance = rng.random()
    if form == "line" and chance < 0.6:
        forms, link = (phrases.FACT_FRAGMENTS, " ") if chance < 0.4 else (phrases.FACT_TAGS, ", ")
        return link + link.join(drawn(forms))
    start = ". " if form == "line" else " "
    if rng.random() < 0.5:
        return start + " ".join(drawn(phrases.FACT_STATEMENTS))
    fragments = drawn(phrases.FACT_FRAGMENTS)
    return f"{start}{_pick(rng, phrases.FACT_SUBJECTS)} {_joined(fragments, _pick(rng, (' ', ' and ', ', ')))}."


def caption(piece: Piece, rng: np.random.Generator, sentences: Mapping[str, str] | None = None) -> str:
    """Caption that may state exact facts: `describe`, then 0 to 4 of chords, metre, tempo and key.

    Args:
        piece: The piece, its plan complete.
        rng: Source of every choice.
        sentences: Control sentences to quote (drawn anew by default).

    Returns:
        The caption; in 6 of 10 cases the facts stand in MusicBench's sentences, otherwise in running text.
    """
    subject = _subject(piece, rng)
    text, form = _describe(subject)
    count = int(np.searchsorted(np.cumsum(FACT_COUNTS)[:-1], rng.random(), side="right"))
    facts = _sample(rng, FACTS, count)
    if not facts:
        return text
    if rng.random() < 0.4:
        return text + _free_facts(piece.plan, facts, form, rng)
    known = control_sentences(piece.plan, rng) if sentences is None else sentences
    stated = " ".join(known[fact] for fact in facts if known[fact])
    return f"{_sentence(text)}{'' if form == 'prose' else '.'} {stated}".strip()
