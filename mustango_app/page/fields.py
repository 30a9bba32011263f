"""The fields of the plan as the page shows them: what a person types, what a plan says, and whose word counts.

A field that is locked belongs to the person and is read as they typed it ("90,5", "3/4", "g moll", "8 bars"); the
others are filled from the description. No gradio here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from augmentation.reading.lexer import lex
from augmentation.reading.readers.length import find_lengths
from augmentation.reading.readers.statement import plainest
from munet.errors import RequestError
from munet.music import MusicPlan, tempo_word
from munet.music.grid import bar_starts

NEAR = 0.02  # seconds within which a chord counts as starting on a beat


@dataclass(frozen=True)
class Field:
    """A field of the page.

    Args:
        name: the plan's word for it.
        label: the page's word for it, and the key of its translations.
        placeholder: an example.
    """

    name: str
    label: str
    placeholder: str = ""

    @property
    def word(self) -> str:
        """The label within a sentence."""
        return self.label.partition(" (")[0].lower()


FIELDS = (
    Field("bpm", "Tempo (BPM)", "90"),
    Field("meter", "Metre", "3/4"),
    Field("key", "Key", "G major"),
    Field("duration", "Length", "10 s or 8 bars"),
    Field("style", "Style"),
    Field("energy", "Energy"),
    Field("instruments", "Instruments"),
    Field("chords", "Chords", "| G | D/F# | Em7 | C D7 |"),
)
NAMES = tuple(field.name for field in FIELDS)
# The words of refusals -> the field that they are about.
_AT = MappingProxyType({name: name for name in NAMES} | {"seconds": "duration", "bars": "duration", "beats": "bpm"})
LABELS: Mapping[str, str] = MappingProxyType(
    {field.name: field.label for field in FIELDS}
    | {"prompt": "Describe the music", "seed": "Seed", "steps": "Steps", "guidance": "Guidance"}
    | {"best_of": "Best of", "num_clips": "Variations", "audio": "Recording"}
)


def read_locked(values: Sequence[Any], locks: Sequence[bool]) -> dict[str, Any]:
    """Return the fields of a `Request` that the locked values ask for; an empty one asks for nothing.

    Args:
        values: of `FIELDS`, in order, as the page holds them.
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
        value = int(text) if text.isdecimal() and text.isascii() else float(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value
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
    }


def source_line(name: str, plan: MusicPlan, source: str) -> str:
    """Return where the value of a field comes from, with what the value means to a musician."""
    bars = len(plan.downbeat_times())
    more = {"bpm": tempo_word(plan.bpm or 0.0), "duration": f"{bars} bar{'s' if bars != 1 else ''}"}.get(name)
    words = {"given": "yours", "stated": "from your words", "default": "chosen"}.get(source, source)
    return f"{words} · {more}" if more else words


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


def refusal(error: RequestError | str) -> tuple[str | None, str]:
    """Return the field that a refusal is about (None: none of the plan's) and its sentence in the label's words."""
    name, colon, rest = str(error).partition(": ")
    if not colon or not name.isidentifier():
        return None, str(error)
    field = _AT.get(name)
    label = LABELS.get(field or name, name.replace("_", " ").capitalize())
    return field, f"{label}: {rest}"


def unused(plan: MusicPlan) -> Iterable[tuple[str, str]]:
    """Yield (statement, why) of what the description says and the plan does not use, or uses in another form."""
    for note in plan.notes:
        if not note.used or "not among" in note.outcome:
            yield note.statement, note.outcome
