"""Captions for recordings that have none: what the project's judge hears, in a sentence, marked as machine-made.

The judge was trained on renders and is unsure of real sound, so that a caption names an instrument or a style only
where it is nearly certain; numbers (tempo, key, chords) are left to the control sentences behind it. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from augmentation.captions.subject import article, joined, pick
from augmentation.dataset.trust import SINGING

INSTRUMENT, STYLE = 0.6, 0.5  # probability from which the judge is believed
MOST_INSTRUMENTS = 4
MACHINE = "machine"
_BARE = frozenset(
    {"bass", "drums", "strings", "solo strings", "plucked strings", "reeds", "woodwinds", "mallets", "brass"}
)
_WITH = (
    "{Style} with {players}.", "{Style} for {players}.", "{Style}, played by {players}.",
    "{Style} featuring {players}.",
    "This is {style} with {players}.", "We hear {style} with {players}.",
)  # fmt: skip
_ALONE = ("{Style}.", "This is {style}.", "We hear {style}.")
_VOICE = ("A voice sings.", "There is singing.", "Somebody sings over it.", "It has vocals.")


@dataclass(frozen=True)
class Tags:
    """What the judge hears: classes of instruments, the surest first, and a style where it is sure of one."""

    instruments: tuple[str, ...]
    style: str | None


def tags_of(audio: np.ndarray, sample_rate: int) -> Tags:
    """Listen to a recording with the judge that comes with the project.

    Args:
        audio: float32 `(channels, samples)`, a second or more.
        sample_rate: Hz.

    Raises:
        FileNotFoundError: this installation has no judge.
    """
    from augmentation.hearing.judge import shipped_judge  # torch loads slowly

    judge = shipped_judge()
    heard = judge.hear(audio, sample_rate)
    sure = {name: value for name, value in judge.heard_players(heard).items() if value >= INSTRUMENT}
    return Tags(tuple(sure)[:MOST_INSTRUMENTS], heard.style if heard.styles[heard.style] >= STYLE else None)


def machine_caption(tags: Tags, singing: float | None, rng: np.random.Generator) -> str:
    """A caption of one or two sentences from what was heard.

    Args:
        tags: Instruments and style.
        singing: Share of the time in which somebody sings, None if nobody listened for it.
        rng: Source of the wording.
    """
    style = "a piece of music" if tags.style is None else article(f"{tags.style} piece")
    players = _players(tags.instruments)
    text = pick(rng, _WITH if players else _ALONE)
    text = text.format(Style=style[0].upper() + style[1:], style=style, players=players)
    return f"{text} {pick(rng, _VOICE)}" if singing is not None and singing >= SINGING else text


def _players(instruments: Sequence[str]) -> str:
    if not instruments:
        return ""
    return joined([name if name in _BARE else article(name) for name in instruments])


def voice_sentence(caption: str, singing: float | None, rng: np.random.Generator) -> str:
    """A sentence that somebody sings; "" where it is unsure, or the caption speaks of voices already."""
    if singing is None or singing < SINGING or mentions_voice(caption):
        return ""
    return pick(rng, _VOICE)


def mentions_voice(caption: str) -> bool:
    """Whether a caption says anything of voices."""
    words = ("sing", "sung", "song by", "vocal", "voice", "choir", "rap", "chant", "humm", "a cappella", "acapella")
    return any(word in caption.lower() for word in words)
