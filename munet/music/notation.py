"""Chords as people write them."""

from __future__ import annotations

import re

from munet.music.checks import PlanError
from munet.music.chords import Chord
from munet.music.spelling import UNICODE


def parse_chord_line(text: str) -> tuple[tuple[str, float | None], ...]:
    """Read "G D/F# Em C", "G, D | Em - C", "Am-F-C-G" (without times) or "G@0 Em@2.5" (seconds); no mixture."""
    result: list[tuple[str, float | None]] = []
    for token in re.split(r"[\s,;|→]+", text.translate(UNICODE) if isinstance(text, str) else ""):
        symbol, at, second = token.partition("@")
        if token in ("", "-"):
            continue
        if at and not re.fullmatch(r"\d+(\.\d*)?|\.\d+", second):
            raise PlanError("chords", "seconds after @, as in Em@2.5", token)
        try:
            symbols = [str(Chord.parse(symbol))]
        except PlanError:
            if at or "-" not in symbol:
                raise
            symbols = [str(Chord.parse(part)) for part in symbol.split("-")]
        result += [(name, float(second) if at else None) for name in symbols]
    if not result or len({second is None for _, second in result}) > 1:
        raise PlanError("chords", "a line of chord symbols, all with @seconds or all without", text)
    return tuple(result)
