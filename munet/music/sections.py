"""The parts of a plan: a `Section` says what is asked of it, a `Part` what holds in it.

Times are seconds, tempo is beats per minute (BPM).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from munet.music.checks import (
    BARS_RANGE,
    BPM_RANGE,
    DURATION_RANGE,
    ENERGIES,
    METER_RANGE,
    PlanError,
    check_choice,
    check_instruments,
    check_integer,
    check_number,
    check_text,
)
from munet.music.chords import Chord
from munet.music.keys import Key
from munet.music.notation import ChordLine, read_chord_line
from munet.music.notes import from_fields

Tempo = float | tuple[float, float]
_NUMBERED = ("part", "section", "movement", "scene")  # told apart by their numbers


def theme_of(name: str) -> str:
    """Return what a section's name says of its music: "Verse 2" is a verse again, "part 2" another part."""
    words = name.lower().split()
    again = len(words) > 1 and words[-1].isdigit() and words[-2] not in _NUMBERED
    return " ".join(words[:-1] if again else words)


def check_key(argument: str, value: object) -> str:
    """Return a key in its canonical spelling, "C minor"; a small letter alone ("a") is a minor key."""
    try:
        return str(Key.parse(str(value) if isinstance(value, Key) else value, lone_minor=True))  # type: ignore[arg-type]
    except PlanError as error:
        raise PlanError(argument, error.expected, value) from None


def check_tempo(argument: str, value: object) -> Tempo:
    """Return a tempo: a number, or (from, to) for a ramp; a ramp between equal tempi is a number."""
    if isinstance(value, list | tuple) and len(value) == 2:
        first, last = (check_number(argument, end, BPM_RANGE) for end in value)
        return first if first == last else (first, last)
    return check_number(argument, value, BPM_RANGE)


def check_symbols(argument: str, value: object) -> tuple[str, ...] | None:
    """Return chord symbols in canonical form; None for none of them."""
    if not isinstance(value, list | tuple):
        raise PlanError(argument, "a line of chords or a sequence of chord symbols", value)
    return tuple(str(Chord.parse(symbol)) for symbol in value) or None


def read_symbols(text: str, key: str | None, bars: int | None) -> tuple[tuple[str, ...], int | None]:
    """Read a section's chords from a line such as "| Em7 | % | Am7 D7 |" or "Em C G D".

    Args:
        text: what `read_chord_line` reads, without seconds.
        key: of the section, in which degrees are read.
        bars: of the section; None where the line is to give them, if it has bars.

    Returns:
        (symbols that lie as they are written once they are spread over the section's bars, the section's bars).

    Raises:
        PlanError: naming what is not understood, or more bars than the section has.
    """
    line = read_chord_line(text, None if key is None else Key.parse(key))
    if line.times is not None:
        raise PlanError("sections.chords", "chords without @seconds", text)
    if key is None and line.symbols != read_chord_line(text, Key("D", "major")).symbols:
        raise PlanError("sections.chords", "the key of the section beside degrees", text)
    if line.bars is None:
        return line.symbols, bars
    count = bars or len(line.bars)
    if len(line.bars) > count:
        raise PlanError("sections.chords", f"at most the {count} bars of the section", f"{len(line.bars)} bars")
    return _even(line, count), count


def _even(line: ChordLine, count: int) -> tuple[str, ...]:
    """Return the symbols of `count` bars, over which the bars of a line are cycled, as many for each bar."""
    bars = line.bars or ()
    most = math.lcm(*(len(bar) for bar in bars))
    if most == 1:  # one a bar: these are cycled where they are placed
        return tuple(bar[0] for bar in bars)
    rows = (bars[number % len(bars)] for number in range(count))
    return tuple(symbol for row in rows for symbol in row for _ in range(most // len(row)))


@dataclass(frozen=True)
class Section:
    """A section of a plan, as asked for; what is None it inherits from the plan.

    One exception: sections that follow a ramp inherit the tempo to which it leads.

    Args:
        name: such as "chorus".
        bars: length in bars, 1 to 999; None where the next section's `start` or the plan's duration gives the end.
        start: seconds; the first section starts at 0.
        bpm: tempo, or (from, to) for a ramp that is linear in time.
        meter: beats per bar.
        key: what `Key.parse` reads.
        chords: symbols, spread over the section's bars (see `grid.spread_chords`), or a line of them as people write
            it ("| Em7 | % | Am7 D7 |"), which is held as symbols; its bars give `bars` where nothing else does.
        instruments: who plays; empty is None.
        energy: "calm", "moderate" or "energetic".
        prompt: words about this section.
    """

    name: str
    bars: int | None = None
    start: float | None = None
    bpm: Tempo | None = None
    meter: int | None = None
    key: str | None = None
    chords: tuple[str, ...] | str | None = None
    instruments: tuple[str, ...] | None = None
    energy: str | None = None
    prompt: str | None = None

    def __post_init__(self) -> None:
        checks = {
            "name": check_text,
            "bars": lambda name, value: check_integer(name, value, BARS_RANGE),
            "start": lambda name, value: check_number(name, value, (0.0, DURATION_RANGE[1])),
            "bpm": check_tempo,
            "meter": lambda name, value: check_integer(name, value, METER_RANGE),
            "key": check_key,
            "chords": check_symbols,
            "instruments": check_instruments,
            "energy": lambda name, value: check_choice(name, value, ENERGIES),
            "prompt": check_text,
        }
        for name, check in checks.items():
            value = getattr(self, name)
            if value is not None or name == "name":
                object.__setattr__(self, name, check(f"sections.{name}", value))
            if name == "key" and isinstance(self.chords, str):  # read in the section's key, over its bars
                for field, read in zip(("chords", "bars"), read_symbols(self.chords, self.key, self.bars), strict=True):
                    object.__setattr__(self, field, read)

    def with_(self, **changes: Any) -> Section:
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are given, as JSON holds them."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Section:
        """Return the section of some fields; an unknown one is an error."""
        return from_fields(cls, "sections", values)


@dataclass(frozen=True)
class Part:
    """What holds from `start` to before `end` (seconds), inheritance resolved; None is "not asked for".

    `bpm` is the tempo at the start, `name` is "" for a plan without sections.
    """

    start: float
    end: float
    name: str
    bpm: float | None
    meter: int | None
    key: str | None
    instruments: tuple[str, ...] | None
    energy: str | None
    prompt: str | None
