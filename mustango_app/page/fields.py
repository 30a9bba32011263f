"""The fields of the plan as the page shows them: what a person types, what a plan says, and whose word counts.

A field that is locked belongs to the person and is read as they typed it ("90,5", "3/4", "g moll", "8 bars"); the
others are filled from the description.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any

from augmentation.compose.styles import STYLES
from augmentation.reading.lexer import lex
from augmentation.reading.readers.length import find_lengths
from augmentation.reading.readers.statement import plainest
from munet.errors import RequestError
from munet.music import MusicPlan, Section, tempo_word
from munet.music.checks import check_choice
from munet.music.grid import bar_starts
from mustango_app.page.words import Words
from mustango_app.request import MAX_BARS, check_integer

NEAR = 0.02  # seconds within which a chord counts as starting on a beat
LONGEST_NAME = 40  # characters of a section's name
_SECTION = re.compile(r"(?P<name>.*?)[\s:(]*(?P<bars>\d+)?\s*(bars?|小节)?\)?", re.I)

NAMES = ("bpm", "meter", "key", "duration", "style", "energy", "instruments", "chords", "sections")
# The words of refusals -> the field that they are about.
AT = MappingProxyType({name: name for name in NAMES} | {"seconds": "duration", "bars": "duration", "beats": "bpm"})


def read_locked(values: Sequence[Any], locks: Sequence[bool]) -> dict[str, Any]:
    """Return the fields of a `Request` that the locked values ask for; an empty one asks for nothing.

    Args:
        values: of `NAMES`, in order, as the page holds them.
        locks: whether each belongs to the person.

    Raises:
        RequestError: naming the field that is not understood.
    """
    asked: dict[str, Any] = {}
    for name, value, locked in zip(NAMES, values, locks, strict=True):
        value = value.strip() if isinstance(value, str) else value
        if not locked or value in (None, "", []):
            continue
        if name == "duration":
            asked |= read_length(value)
        elif name == "sections":
            asked[name] = read_sections(value)
        elif name == "style":
            asked[name] = check_choice(name, value.lower(), sorted(STYLES))
        else:
            asked[name] = tuple(value) if name == "instruments" else value
    return asked


def read_length(text: str) -> dict[str, float | int]:
    """Read a length: "10", "12,5 s", "0:20", "half a minute" as seconds, "8 bars" as bars.

    Raises:
        RequestError: if it is none.
    """
    number = read_number("duration", text.replace(",", "."), optional=True)
    if number is not None:
        return {"seconds": number}
    found = plainest(find_lengths(lex(f"length: {text}")))
    if found is None:
        raise RequestError(f"duration: expected seconds or bars, such as 10 s or 8 bars, got {text!r}")
    kind, value = found.value
    return {"bars": int(value)} if kind == "bars" else {"seconds": float(value)}


def read_sections(text: str) -> tuple[Section, ...]:
    """Read sections with their bars: "intro 4 | verse 8 | outro", "intro (4 bars), verse"; one may leave its bars open.

    Raises:
        RequestError: if they are none.
    """
    parts = [part.strip() for part in re.split(r"[|,;\n\[\]]+", text) if part.strip()]
    found = [_SECTION.fullmatch(part) for part in parts]
    names = [match["name"].strip() if match else "" for match in found]
    if not names or not all(0 < len(name) <= LONGEST_NAME for name in names):
        raise RequestError(f"sections: expected names with bars, such as intro 4 | verse 8 | chorus 8, got {text!r}")
    bars = [int(match["bars"]) if match and match["bars"] else None for match in found]
    for count in filter(None.__ne__, bars):
        check_integer("sections", count, 1, MAX_BARS)
    return tuple(Section(name, count) for name, count in zip(names, bars, strict=True))


def read_number(name: str, text: str | None, optional: bool = False) -> float | None:
    """Read a text field that holds a number or nothing (None).

    Args:
        name: for the refusal.
        text: as typed.
        optional: whether something else gives None, too.

    Raises:
        RequestError: if it holds something else.
    """
    text = (text or "").strip()
    if not text:
        return None
    try:
        if math.isfinite(float(text)):
            return int(text) if text.isdecimal() and text.isascii() else float(text)
    except ValueError:
        pass  # said below
    if optional:
        return None
    raise RequestError(f"{name}: expected a number, got {text[:40]!r}")


def shown(plan: MusicPlan) -> dict[str, Any]:
    """Return what the fields show of a complete plan, by name."""
    lower = {"eighth": "/8", "half": "/2", "dotted quarter": ""}.get(plan.beat_unit or "", "/4")
    return {
        "bpm": f"{plan.bpm:g}",
        "meter": f"{plan.meter}{lower}",
        "key": plan.key,
        "duration": f"{round(plan.duration or 0.0, 2):g} s",
        "style": plan.style,
        "energy": plan.energy,
        "instruments": list(plan.instruments or ()),
        "chords": chord_bars(plan),
        "sections": section_line(plan),
    }


def source_line(name: str, plan: MusicPlan, source: str, words: Words) -> str:
    """Return where the value of a field comes from, with what the value means to a musician."""
    more = {
        "bpm": tempo_word(plan.bpm or 0.0),
        "duration": words.count("bars", len(plan.downbeat_times())),
    }.get(name)
    said = f"source_{source.replace(' ', '_')}"
    text = words(said) if words.has(said) else words.sentence(source)
    return f"{text} · {more}" if more else text


def chord_bars(plan: MusicPlan) -> str:
    """Return the chords as bars, "| G | % | Em7 C |", or with seconds ("G@0 Em@2.51") where they leave the beats."""
    chords, beats = plan.chords or (), plan.beats or ()
    starts = bar_starts(beats, plan.meter or 4)
    changes = {_beat_at(second, beats): symbol for symbol, second in chords}
    timed = " ".join(f"{symbol}@{second:g}" for symbol, second in chords)
    if None in changes or not starts or starts[0] != 0 or len(changes) != len(chords) or 0 not in changes:
        return timed
    bars, sounding = [], ""
    for first, after in zip(starts, [*starts[1:], len(beats)], strict=True):
        row = []
        for index in range(first, after):
            sounding = changes.get(index, sounding)
            row.append(sounding)
        bars.append(_shortest(row, plan.meter or 4))
    if None in bars:
        return timed
    cells = ["%" if i and cell == bars[i - 1] and " " not in (cell or "") else cell for i, cell in enumerate(bars)]
    return f"| {' | '.join(cell or '' for cell in cells)} |"


def section_line(plan: MusicPlan) -> str:
    """Return the sections with their bars, "intro 4 | verse 8"; one that ends within a bar is only named."""
    parts = []
    for laid in plan.laid():
        bars, rest = divmod(len(laid.beats()), laid.meter)
        parts.append(f"{laid.section.name} {bars}" if not rest else laid.section.name)
    return " | ".join(parts)


def _beat_at(second: float, beats: Sequence[tuple[float, int]]) -> int | None:
    return next((index for index, (beat, _) in enumerate(beats) if abs(beat - second) < NEAR), None)


def _shortest(row: Sequence[str], meter: int) -> str | None:
    """Return the chords of one bar, one a beat, with as few symbols as say the same; None if no such row does.

    A last bar that is cut is filled up with its last chord; a longer one than the metre has no row.
    """
    if len(set(row)) == 1:
        return row[0]
    if len(row) > meter:
        return None
    row = [*row, *[row[-1]] * (meter - len(row))]
    for count in (count for count in range(2, meter + 1) if meter % count == 0):
        size = meter // count
        if all(len(set(row[i : i + size])) == 1 for i in range(0, meter, size)):
            return " ".join(row[::size])
    return None


def refusal(error: RequestError | str, words: Words) -> tuple[str | None, str]:
    """Return the field that a refusal is about (None: none of the plan's) and its sentence in the label's words."""
    return words.refusal(error, AT)


def unused(plan: MusicPlan) -> Iterable[tuple[str, str]]:
    """Yield (statement, why) of what the description says and the plan does not use, or uses in another form."""
    for note in plan.notes:
        if not note.used or "not among" in note.outcome:
            yield note.statement, note.outcome
