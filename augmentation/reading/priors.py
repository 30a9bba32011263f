"""What styles, moods and plain tempo words suggest about the music that a text leaves open.

Styles come from the composer's files, one a style: whoever adds one there adds its words, tempi, metres and
progressions here (`styles`). Moods and paces are tables of this file, the more special rows first; the words that call
them stand in `words/*.toml`. Tempo in BPM.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from augmentation.compose.styles import STYLES, Style, style_words

MAJOR_PROGRESSIONS = ("I V vi IV", "I vi IV V", "I IV vi V", "vi IV I V")
MINOR_PROGRESSIONS = ("i VI III VII", "i iv VI V", "i VII VI VII", "i iv VII III")
MAJOR_TONICS = ("C", "G", "D", "A", "F", "Bb", "E", "Eb")
MINOR_TONICS = ("A", "E", "D", "B", "G", "C", "F#", "F")
_NO_STYLES = ("four-on-the-floor", "groove", "breakbeat")  # tags that several styles share
DEFAULT_TEMPO = (92.0, 124.0)


@dataclass(frozen=True)
class Prior:
    """What a style, mood or pace suggests.

    Args:
        kind: "style", "mood" or "pace".
        tempo: lowest and highest BPM.
        meter: beats per bar.
        mode: "major" or "minor".
        energy: "calm", "moderate" or "energetic".
        style: name of the composer's style.
        loose: whether the words suit other styles too.
        lends: whether the words name a form that another style may take, which then has its tempo and metre.
    """

    kind: str
    tempo: tuple[float, float] | None = None
    meter: int | None = None
    mode: str | None = None
    energy: str | None = None
    style: str | None = None
    loose: bool = False
    lends: bool = False

    def progressions(self, mode: str) -> tuple[str, ...]:
        """Return the style's progressions in a mode, as degrees; none if this is no style."""
        return STYLES[self.style].progressions.get(mode, ()) if self.style else ()


MOODS: Mapping[str, Prior] = MappingProxyType({
    "sad": Prior("mood", (60, 88), None, "minor", "calm"),
    "dark": Prior("mood", None, None, "minor"),
    "aggressive": Prior("mood", (125, 170), None, "minor", "energetic"),
    "happy": Prior("mood", (108, 138), None, "major"),
    "triumphant": Prior("mood", (96, 124), None, "major", "energetic"),
    "energetic": Prior("mood", (118, 150), None, None, "energetic"),
    "romantic": Prior("mood", (66, 96), None, "major"),
    "calm": Prior("mood", (60, 88), None, "major", "calm"),
})  # fmt: skip

PACES: Mapping[str, Prior] = MappingProxyType({
    "very slow": Prior("pace", (44, 58), None, None, "calm"),
    "very fast": Prior("pace", (165, 200), None, None, "energetic"),
    "walking": Prior("pace", (76, 100)),
    "moderate": Prior("pace", (92, 112)),
    "upbeat": Prior("pace", (118, 144)),
    "fast": Prior("pace", (132, 168)),
    "slow": Prior("pace", (58, 82)),
})  # fmt: skip


@lru_cache(maxsize=1)
def styles() -> Mapping[str, Prior]:
    """Return the words that ask for a style: word -> what it suggests."""
    rows = {word: Prior("style", asked.tempo, asked.meter, asked.mode, None, name, lends=asked.lends)
            for word, (name, asked) in style_words().items()}  # fmt: skip
    asked = {_plain(word).strip(): prior for word, prior in rows.items()}
    for style in STYLES.values():
        for phrase in (style.name, *style.words.tags, *style.words.nouns):
            if phrase in _NO_STYLES:
                continue
            own = [
                prior for word, prior in asked.items() if prior.style == style.name and f" {word} " in _plain(phrase)
            ]
            rows.setdefault(phrase.lower(), own[-1] if own else of_style(style))
    return MappingProxyType(rows)


def _plain(phrase: str) -> str:
    """Return a phrase between spaces, in small letters and without hyphens: "hip-hop beat" holds " hip hop "."""
    return f" {phrase.lower().replace('-', ' ')} "


def of_style(style: Style) -> Prior:
    """Return what a style suggests by its own table: the middle of its tempi, its commonest metre and mode."""
    low, usual, high = style.tempo
    mode = "minor" if style.minor >= 0.6 else "major" if style.minor <= 0.3 else None
    meter = max(style.meters, key=lambda row: row[1])[0]
    return Prior("style", ((low + usual) / 2, (usual + high) / 2), meter, mode, None, style.name, True)
