"""The parts of a piece as a picture: every note a stroke, each player in a colour, drums below.

Notes of a player are one path, so that a piece of many notes stays small; strokes keep their width whatever the
picture's.
"""

from __future__ import annotations

from html import escape

from munet.conditions.roll import KIT, PART_OF
from munet.music.events import NoteEvent, Parts
from munet.music.instruments import CLASS_NAMES, CLASS_OF
from mustango_app.page.words import Words

HEIGHT = 64  # pixels
WIDTH = 2000  # units across: half a pixel of a wide window
MOST_NOTES = 4000  # of longer pieces they would only be a blur
DRUM_ROW, PITCH_ROW = 3, 1  # units of height that a part of the kit and a semitone take
GOLDEN = 0.618034  # of a turn from colour to colour, so that neighbours differ


def part_picture(parts: Parts, length: float, top: int, words: Words) -> str:
    """Return an SVG of notes, "" for too many of them or none.

    Args:
        parts: what is played.
        length: seconds that the picture spans.
        top: pixels above it.
        words: of the visitor's language.
    """
    shown = [note for note in parts if note.start < length and note.end > 0]
    if not shown or len(shown) > MOST_NOTES:
        return ""
    pitches = [note.pitch for note in shown if note.instrument != "drums"]
    highest = max(pitches, default=0)
    drums_top = PITCH_ROW * (highest - min(pitches, default=0) + 3) if pitches else 0
    struck = any(note.instrument == "drums" for note in shown)
    rows = drums_top + DRUM_ROW * len(KIT) * struck
    paths = []
    for name in dict.fromkeys(note.instrument for note in shown):
        strokes = "".join(_stroke(note, length, highest, drums_top) for note in shown if note.instrument == name)
        hue = round(360 * (CLASS_NAMES.index(CLASS_OF[name]) * GOLDEN % 1))
        title = escape(words.names.get(name, name))
        paths.append(f'<path d="{strokes}" stroke="hsl({hue} 60% 50%)"><title>{title}</title></path>')
    return (
        f'<svg class="parts" x="0" y="{top}" width="100%" height="{HEIGHT}" viewBox="0 0 {WIDTH} {max(rows, 1)}" '
        f'preserveAspectRatio="none">{"".join(paths)}</svg>'
    )


def _stroke(note: NoteEvent, length: float, highest: int, drums_top: int) -> str:
    """Return the piece of a path that is one note; one of the kit is as short as it is struck."""
    if note.instrument == "drums":
        y, seconds = drums_top + DRUM_ROW * (PART_OF.get(note.pitch, len(KIT) - 1) + 0.5), 0.04
    else:
        y, seconds = PITCH_ROW * (highest - note.pitch + 1), note.end - note.start
    across = max(2, round(WIDTH * seconds / length))
    return f"M{round(WIDTH * max(note.start, 0.0) / length)} {y:g}h{across}"
