"""Words for a composed piece, true by construction: what `augmentation.captions.caption` builds captions from.

A caption is grown from skeletons (`augmentation.captions.skeletons`) whose slots, `{style}` or `{list}`, are filled
from the words of `augmentation.captions.words`. Whatever is drawn is first held against the piece: no instrument that
does not play, no metre and no tempo but the plan's. Everything is drawn from the generator that is passed in, so that
a seed gives a caption.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from augmentation.captions import skeletons, words
from augmentation.captions.arrangement import absence, change, company
from augmentation.captions.subject import (
    PLURAL,
    Subject,
    article,
    joined,
    kind_of,
    noun_of,
    pick,
    role_of,
    sample,
    sentence,
)

if TYPE_CHECKING:
    from augmentation.compose.piece import Track

_SLOT = re.compile(r"\{(\w+)\}")


# --- slots: each gives one phrase, or "" where there is nothing true to say ------------------------------


def _nouns(subject: Subject) -> list[str]:
    rng, names = subject.rng, subject.instruments
    count = min(len(names), 1 + int(rng.integers(1, 5)))
    return list(dict.fromkeys(noun_of(subject, name) for name in sample(rng, names, count)))


def _list(subject: Subject) -> str:
    nouns = _nouns(subject)
    if subject.rng.random() < 0.6:
        nouns = [article(noun) for noun in nouns]
    return joined(nouns, pick(subject.rng, (" and ", " and ", ", and ", " plus ", " with ")))


def _clause_of(subject: Subject, track: Track) -> str:
    """One instrument and what it is heard to do: "the upright bass holds down the low end"."""
    noun = noun_of(subject, kind_of(track))
    plural = bool(PLURAL.search(noun))
    text = pick(subject.rng, skeletons.ROLE_CLAUSES[role_of(track)])
    return text.replace("{n}", noun).replace("{an}", article(noun)).replace("{s}", "" if plural else "s")


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


def _style(subject: Subject) -> str:
    """A noun phrase for the kind of music: "boom bap beat", "swing tune", "lofi instrumental"."""
    rng = subject.rng
    chance = rng.random()
    if chance < 0.06:
        return "piece of music"
    if chance < 0.46 and (noun := subject.pick(subject.style_words.nouns)):
        return noun
    tag, head = _tag(subject), subject.pick(skeletons.HEADS)
    return f"{tag} {head}" if tag else head


def _tag(subject: Subject) -> str:
    return subject.pick(subject.style_words.tags)


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
    return subject.pick((*subject.style_words.uses, *words.USES.get(piece.mood, ("a playlist",))))


def _metre(subject: Subject) -> str:
    """Phrase " in waltz time" for a metre worth a word; four beats a bar mostly go without saying."""
    meter = subject.piece.plan.meter
    if meter not in words.METRE_WORDS or subject.rng.random() < (0.93 if meter == 4 else 0.4):
        return ""
    return " " + pick(subject.rng, words.METRE_WORDS[meter])


def _alone(subject: Subject) -> str:
    chance = subject.rng.random()
    return (company(subject) if chance < 0.7 else "") or (
        "" if "choir" in subject.kinds else pick(subject.rng, skeletons.VOICELESS_SENTENCES)
    )


SLOTS = MappingProxyType({
    "list": _list, "clause": _clause, "clauses": _clauses, "mood": _mood, "energy": _energy, "tempo": _tempo,
    "style": _style, "kind": _kindred, "a_kind": lambda subject: article(_kindred(subject)), "use": _use,
    "metre": _metre, "alone": _alone, "tag": _tag, "a_tempo": lambda subject: article(_tempo(subject)),
    "moods": _moods, "pace": _pace, "a_pace": lambda subject: article(_pace(subject)),
    "a_mood": lambda subject: article(_mood(subject)),
})  # fmt: skip


def _fill(subject: Subject, skeleton: str) -> str:
    return _SLOT.sub(lambda match: SLOTS[match[1]](subject), skeleton)


# --- captions ---------------------------------------------------------------------------------------------------------


def _tags(subject: Subject) -> str:
    rng = subject.rng
    parts = [
        _tag(subject) or _style(subject),
        *(slot(subject) for slot in (_mood, _energy, _tempo) if rng.random() < 0.5),
    ]
    parts += _nouns(subject) if rng.random() < 0.85 else []
    if rng.random() < 0.35 and (missing := absence(subject, "tags")):
        parts.append(missing)
    if (metre := _metre(subject)) and rng.random() < 0.5:
        parts.append(metre.strip())
    if rng.random() < 0.3:
        parts = [parts[int(i)] for i in rng.permutation(len(parts))]
    return ", ".join(part for part in dict.fromkeys(parts) if part)


def _line(subject: Subject) -> str:
    text = _fill(subject, pick(subject.rng, skeletons.LINES))
    chance = subject.rng.random()
    if chance < 0.45:
        return text + change(subject, "line")
    return text + absence(subject, "line") if chance < 0.75 else text


def _prose(subject: Subject) -> str:
    rng = subject.rng
    groups = sample(rng, skeletons.PROSE_GROUPS, int(rng.integers(1, 6)))
    chosen = [pick(rng, skeletons.OPENERS), *(pick(rng, group) for group in groups)]
    filled = [_fill(subject, skeleton) for skeleton in chosen]
    for tell, odds in ((change, 0.65), (absence, 0.4)):
        if rng.random() < odds:
            filled.insert(1 + int(rng.integers(len(filled))), tell(subject, "prose"))
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
