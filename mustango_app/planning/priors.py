"""What styles, moods and plain tempo words suggest about the music that a text leaves open.

Styles come from the composer's files, one a style: whoever adds one there adds its words, tempi, metres and progressions
here (`styles`). Moods and paces are tables of this file: tempo in BPM, mode, energy.
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
    """What some words suggest.

    Args:
        kind: "style", "mood" or "pace".
        words: the phrases that call it, in small letters; one with a space is also found hyphenated or joined.
        tempo: lowest and highest BPM.
        meter: beats per bar.
        mode: "major" or "minor".
        energy: "calm", "moderate" or "energetic".
        style: name of the composer's style.
        loose: whether the words suit other styles too.
    """

    kind: str
    words: tuple[str, ...]
    tempo: tuple[float, float] | None = None
    meter: int | None = None
    mode: str | None = None
    energy: str | None = None
    style: str | None = None
    loose: bool = False

    def progressions(self, mode: str) -> tuple[str, ...]:
        """Return the style's progressions in a mode, as degrees; none if this is no style."""
        return STYLES[self.style].progressions.get(mode, ()) if self.style else ()


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


MOODS: tuple[Prior, ...] = (
    Prior("mood", _words("sad, sadness, sadly, melancholy, melancholic, melancholia, sorrow, sorrowful, mournful, mourning, "
          "tragic, lonely, gloomy, heartbreak, heartbroken, heartbreaking, grief, grieving, bleak, wistful, tearful, "
          "bittersweet"), (60, 88), None, "minor", "calm"),
    Prior("mood", _words("dark, darker, ominous, sinister, menacing, eerie, spooky, scary, creepy, haunting, horror, evil, "
          "foreboding, suspense, suspenseful, tense, mysterious, brooding, moody"), None, None, "minor"),
    Prior("mood", _words("aggressive, angry, furious, intense, frantic, chaotic, fierce, brutal"), (125, 170), None, "minor",
          "energetic"),
    Prior("mood", _words("happy, joy, joyful, joyous, cheerful, cheery, uplifting, sunny, playful, bright, jolly, fun, "
          "carefree, optimistic, feel good, jovial, merry, celebratory, celebration, whimsical, quirky"), (108, 138), None,
          "major"),
    Prior("mood", _words("triumph, triumphant, heroic, victorious, victory, majestic, proud"), (96, 124), None, "major",
          "energetic"),
    Prior("mood", _words("energetic, exciting, lively, driving, hype, powerful, animated, high energy, punchy, vigorous"),
          (118, 150), None, None, "energetic"),
    Prior("mood", _words("romantic, tender, sentimental, love song, warm, gentle, nostalgia, nostalgic, dreamy, heartfelt"),
          (66, 96), None, "major"),
    Prior("mood", _words("calm, calming, peaceful, peacefully, relaxing, relaxed, serene, soothing, tranquil, chill, "
          "chilled, chillout, sleepy, quiet, mellow, laid back, soft, softly"), (60, 88), None, "major", "calm"),
)  # fmt: skip

PACES: tuple[Prior, ...] = (
    Prior("pace", _words("very slow, extremely slow, slowest, super slow, really slow"), (44, 58), None, None, "calm"),
    Prior("pace", _words("very fast, extremely fast, super fast, breakneck, really fast"), (165, 200), None, None, "energetic"),
    Prior("pace", _words("mid tempo, medium tempo, medium pace, medium paced, medium speed, moderate, moderately, "
          "moderate tempo, moderately paced, medium fast, medium slow, not too fast, not too slow"), (92, 112)),
    Prior("pace", _words("up tempo, upbeat, brisk, briskly, quick, quickly"), (118, 144)),
    Prior("pace", _words("fast, faster, rapid, rapidly, speedy, racing, fast paced"), (132, 168)),
    Prior("pace", _words("slow, slowly, slower, unhurried, leisurely, down tempo, slow paced"), (58, 82)),
)  # fmt: skip


@lru_cache(maxsize=1)
def styles() -> Mapping[str, Prior]:
    """Return the words that ask for a style: word -> what it suggests."""
    rows = {word: Prior("style", asked.words, asked.tempo, asked.meter, asked.mode, None, name)
            for word, (name, asked) in style_words().items()}  # fmt: skip
    for style in STYLES.values():
        for phrase in (style.name, *style.words.tags, *style.words.nouns):
            if phrase in _NO_STYLES:
                continue
            own = [rows[word] for word in phrase.lower().split() if word in rows and rows[word].style == style.name]
            rows.setdefault(phrase.lower(), own[-1] if own else _of(style))
    return MappingProxyType(rows)


def _of(style: Style) -> Prior:
    """Return what a style suggests by its own table: the middle of its tempi, its commonest metre and mode."""
    low, usual, high = style.tempo
    mode = "minor" if style.minor >= 0.6 else "major" if style.minor <= 0.3 else None
    meter = max(style.meters, key=lambda row: row[1])[0]
    return Prior("style", (style.name,), ((low + usual) / 2, (usual + high) / 2), meter, mode, None, style.name, True)
