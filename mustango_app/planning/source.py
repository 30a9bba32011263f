"""Where a field of a plan comes from: a value to decide by, and words for a person."""

from __future__ import annotations

from enum import StrEnum


class Origin(StrEnum):
    """Kinds of sources; the first three leave no choice."""

    GIVEN = "given"  # an explicit argument
    STATED = "stated"  # the text says it outright
    IMPLIED = "implied"  # it follows from what is given or stated
    SUGGESTED = "suggested"  # a style, mood or pace of the text suggests it
    PREDICTED = "predicted"  # a model made it of the text
    CHOSEN = "chosen"  # nobody says it: the seed decides


class Source(str):
    """A source: its words ("given", "from the beats", "style: waltz + mood: calm", "default") and its `origin`."""

    origin: Origin

    def __new__(cls, origin: Origin, words: str | None = None) -> Source:
        """Make a source; without words the origin's own name, "default" for a choice."""
        source = super().__new__(cls, words or ("default" if origin is Origin.CHOSEN else str(origin)))
        source.origin = origin
        return source

    def __getnewargs__(self) -> tuple[Origin, str]:
        return self.origin, str(self)

    @property
    def is_fixed(self) -> bool:
        """Whether the field leaves no choice to a model or a seed."""
        return self.origin in (Origin.GIVEN, Origin.STATED, Origin.IMPLIED)


GIVEN, STATED = Source(Origin.GIVEN), Source(Origin.STATED)
DEFAULT, PREDICTED = Source(Origin.CHOSEN), Source(Origin.PREDICTED)
FROM_BEATS, FROM_CHORDS = Source(Origin.IMPLIED, "from the beats"), Source(Origin.IMPLIED, "from the chords")
FROM_SECTIONS = Source(Origin.IMPLIED, "from the sections")
