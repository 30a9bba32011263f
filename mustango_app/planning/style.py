"""The style that counts: of a text that names several, and of a field that names one in any words."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from augmentation.compose.styles import STYLES
from augmentation.reading import priors
from augmentation.reading.readers.arrangement import Arrangement, Word
from augmentation.reading.stated import read
from munet.music import PlanError
from munet.music.instruments import CLASS_OF
from mustango_app.planning.band import EVEN_ODDS
from mustango_app.planning.translate import to_english

_RHYTHM = MappingProxyType({"drums": ("drums",), "bass": ("bass", "synth bass")})


def main_style(found: Arrangement, fixed: str | None = None) -> Word | None:
    """Return the style that counts: the fixed one, else one that does not only colour another, is more than a form, has
    a metre of its own, is the longest, the first; where nothing names a style or players, that of a scene."""
    if fixed in STYLES:
        return Word(priors.of_style(STYLES[fixed]), -1, fixed)
    return max(
        (word for word in found.styles if not (word.weak and _lacks(word, found))),
        key=lambda word: (
            not word.weak,
            not word.modifies,
            not word.prior.lends,
            word.prior.meter not in (None, 4),
            len(word.text),
            -word.index,
        ),
        default=found.scenes[0] if found.scenes and not found.players else None,
    )


def _lacks(word: Word, found: Arrangement) -> bool:
    """Whether an instrument stands for a style whose band lacks others that are named: a piano beside drums is no
    classical piece."""
    if word.prior.style is None or all(player.first != word.index for player in found.players):
        return False
    kinds = {CLASS_OF.get(name, name) for player in found.players for name in player.names[:1]}
    odds = STYLES[word.prior.style].odds
    roles = [role for role, classes in _RHYTHM.items() if kinds & set(classes)]
    return any(odds.get(role, 0.0) < EVEN_ODDS for role in roles)


def form_of(found: Arrangement, style: Word | None) -> Word | None:
    """Return the word for a form that the style takes: of "a jazz ballad" the ballad, whose tempo and metre count."""
    lent = (word for word in found.styles if word.prior.lends and word is not style)
    return next(lent, None) if style is not None and not style.prior.lends else None


def style_of(text: Any) -> str:
    """Return the composer's style that a field means: its name, or a word that a prompt may hold ("jazz").

    Raises:
        PlanError: if it is none.
    """
    if isinstance(text, str):
        name = " ".join(text.casefold().split())
        if name in STYLES:
            return name
        word = main_style(read(to_english(text).english).arrangement)
        if word is not None and word.prior.style is not None:
            return word.prior.style
    raise PlanError("style", f"one of {', '.join(STYLES)}", text)
