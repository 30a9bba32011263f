"""What the planner works on: the text with its seed, and what a person fixed, checked by the rules of `MusicPlan`."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from augmentation.reading.fields import read_bpm, read_key, read_meter
from augmentation.reading.stated import Reading, read
from munet.music import Key, MusicPlan, PlanError
from munet.music.notation import ChordLine, read_chord_line
from mustango_app.planning.style import style_of
from mustango_app.planning.translate import Translation, to_english

PLAN_ARGUMENTS = ("bpm", "meter", "key", "chords", "beats", "duration", "beat_unit", "style", "instruments", "energy",
                  "melody", "sections", "loop")  # fmt: skip
ARGUMENTS = (*PLAN_ARGUMENTS, "seconds", "bars", "seed", "longest")

Choice = TypeVar("Choice")


@dataclass(frozen=True)
class Asked:
    """A request.

    Args:
        text: the prompt.
        said: the same in English.
        reading: what it states.
        seed: decides what is left open.
        plan: what is fixed and needs no completing.
        line: the chords that are fixed without times.
        bars: the length that is fixed in bars.
        longest: seconds that a length which only the text states may have.
        given: the fields that are fixed.
    """

    text: str
    said: Translation
    reading: Reading
    seed: int
    plan: MusicPlan
    line: ChordLine | None
    bars: int | None
    longest: float | None
    given: frozenset[str]

    def pick(self, field: str, alternatives: Sequence[Choice]) -> Choice:
        """Choose one by seed, field and text; the same always."""
        return alternatives[zlib.crc32(f"{self.seed}|{field}|{self.text}".encode()) % len(alternatives)]


def check(text: str, fixed: Mapping[str, Any]) -> Asked:
    """Return the request of a text and the arguments of the planner.

    Raises:
        PlanError: naming the argument that is out of range or not understood.
        TypeError: naming an unknown argument, or if `text` is no string.
    """
    if not isinstance(text, str):
        raise TypeError(f"text: expected a string, got {type(text).__name__}")
    for name in fixed:
        if name not in ARGUMENTS:
            raise TypeError(f"{name}: unknown argument, expected one of {', '.join(ARGUMENTS)}")
    given = {name: value for name, value in fixed.items() if value is not None}
    seed, longest, bars = given.pop("seed", 0), given.pop("longest", None), given.pop("bars", None)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise PlanError("seed", "an integer", seed)
    if "seconds" in given:
        seconds = given.pop("seconds")
        if given.setdefault("duration", seconds) != seconds:
            raise PlanError("seconds", f"the same as duration ({given['duration']!r}), or only one of them", seconds)
    if bars is not None and "duration" in given:
        raise PlanError("bars", "None beside a duration", bars)
    said = to_english(text)
    reading = read(said.english)
    given |= {name: field_value(name, given[name]) for name in ("bpm", "meter", "key") if name in given}
    if "style" in given:
        given["style"] = style_of(given["style"])
    line = _chord_line(given.pop("chords", None), given.get("key"), reading)
    timed = None
    if line is not None and line.times is not None:
        timed, line = tuple(zip(line.symbols, line.times, strict=True)), None
    plan = MusicPlan(**given, chords=timed)
    if "loop" not in given and reading.loop is not None:
        plan = plan.with_(loop=True)
    names = frozenset(given) | ({"chords"} if timed or line else set()) | ({"duration"} if bars else set())
    return Asked(text, said, reading, seed, plan, line, bars, longest, names)


def field_value(name: str, value: Any) -> Any:
    """Read a field that comes as text, as the prompt's readers do: "90,5", "3/4", "Fis-Moll"."""
    if not isinstance(value, str):
        return value
    if name == "key":
        return key_of(value)
    number = value.strip().replace(",", ".")
    try:
        return float(number) if name == "bpm" else int(number)
    except ValueError:
        read_value = read_bpm(value) if name == "bpm" else read_meter(value)
        return value if read_value is None else read_value


def key_of(text: str) -> str:
    """Return the key of a field that holds nothing else: what `Key.parse` reads ("a" is A minor), or the readers do.

    Raises:
        PlanError: if it is none.
    """
    try:
        return str(Key.parse(text, lone_minor=True))
    except PlanError as error:
        found = read_key(text) or read_key(f"key: {text}")
        if found is None:
            raise PlanError("key", error.expected, text) from None
        return str(found)


def _chord_line(value: Any, key: str | None, reading: Reading) -> ChordLine | None:
    """Read a line of chords, a sequence of symbols or of (symbol, second) pairs; all timed or none."""
    if value is None or (not isinstance(value, str) and isinstance(value, Sequence) and not value):
        return None
    home = Key.parse(key) if key else reading.key.value if reading.key else None
    if isinstance(value, str):
        return read_chord_line(value, home)
    if not isinstance(value, Sequence):
        raise PlanError("chords", "a line of chords, symbols or (symbol, second) pairs", value)
    if all(isinstance(item, str) for item in value):
        return replace(read_chord_line(" ".join(value), home), bars=None)
    pairs = MusicPlan(chords=tuple(value)).chords or ()
    return ChordLine(tuple(symbol for symbol, _ in pairs), None, tuple(second for _, second in pairs))
