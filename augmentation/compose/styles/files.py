"""Reads style files, and checks them: what is wrong is named with its file and field.

A file is TOML; its fields are those of `augmentation.compose.styles.style.Style`. `progressions` is the name of a
family of `progressions.toml`, or a table of `major` and `minor` cycles.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

from augmentation.compose.drums import DRUMS, FILLS
from augmentation.compose.moods import MOODS
from augmentation.compose.programs import INSTRUMENTS
from augmentation.compose.styles.style import FORMS, Asked, Patterns, Style, StyleWords
from munet.errors import RequestError, expect
from munet.music import Key, PlanError
from munet.music.degrees import degree_chord

# A check takes the place ("waltz.toml: tempo") and the value, and returns what is kept of it.
Check = Callable[[str, Any], Any]

_FAMILIES = Path(__file__).parents[1] / "progressions.toml"
_ROLES = ("bass", "comp", "second", "pad", "melody")
_ODDS = ("drums", "bass", "second", "pad", "melody")
_MODES = ("major", "minor")


def _number(low: float, high: float) -> Check:
    def check(place: str, value: Any) -> float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        expect(place, fits, f"a number from {low:g} to {high:g}", value)
        return float(value)

    return check


def _whole(low: int, high: int) -> Check:
    def check(place: str, value: Any) -> int:
        fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        expect(place, fits, f"a whole number from {low} to {high}", value)
        return int(value)

    return check


def _flag(place: str, value: Any) -> bool:
    expect(place, isinstance(value, bool), "true or false", value)
    return bool(value)


def _text(place: str, value: Any) -> str:
    expect(place, isinstance(value, str) and bool(value.strip()), "some text", value)
    return str(value)


def _one_of(options: tuple[str, ...]) -> Check:
    def check(place: str, value: Any) -> str:
        expect(place, value in options, f"one of {', '.join(options)}", value)
        return str(value)

    return check


def _several(item: Check) -> Check:
    def check(place: str, value: Any) -> tuple[Any, ...]:
        expect(place, isinstance(value, list) and len(value) > 0, "a list with something in it", value)
        return tuple(item(place, part) for part in value)

    return check


def _row(*items: Check) -> Check:
    def check(place: str, value: Any) -> tuple[Any, ...]:
        expect(place, isinstance(value, list) and len(value) == len(items), f"a list of {len(items)}", value)
        return tuple(item(place, part) for item, part in zip(items, value, strict=True))

    return check


def _range(length: int) -> Check:
    def check(place: str, value: Any) -> tuple[float, ...]:
        numbers = _row(*[_number(30, 300)] * length)(place, value)
        expect(place, list(numbers) == sorted(numbers), f"{length} BPM from slow to fast", value)
        return numbers

    return check


def _table(fields: Mapping[str, Check], optional: tuple[str, ...] = ()) -> Check:
    """Check of a table: every field is known and right, none but the optional ones is missing."""

    def check(place: str, value: Any) -> Mapping[str, Any]:
        expect(place, isinstance(value, dict), "a table", value)
        for name in value:
            expect(place, name in fields, f"fields among {', '.join(fields)}", name)
        missing = [name for name in fields if name not in value and name not in optional]
        expect(place, not missing, f"the fields {', '.join(missing)}", sorted(value))
        within = place + ("." if ": " in place else ": ")
        return MappingProxyType({name: fields[name](within + name, value[name]) for name in value})

    return check


def _degrees(place: str, value: Any) -> str:
    try:
        for numeral in _text(place, value).split():
            degree_chord(numeral, Key("C", "major"))
    except PlanError as error:
        raise RequestError(f"{place}: {error}") from error
    return str(value)


def _regex(place: str, value: Any) -> str:
    try:
        re.compile(_text(place, value))
    except re.error as error:
        raise RequestError(f"{place}: expected a regular expression, got {value!r} ({error})") from error
    return str(value)


_CYCLES = _table(dict.fromkeys(_MODES, _several(_degrees)))
_INSTRUMENT_LIST = _several(_one_of(tuple(INSTRUMENTS)))
_ASKED = _table(
    {
        "words": _several(_text), "tempo": _range(2), "meter": _whole(1, 15), "mode": _one_of(_MODES), "lends": _flag,
    },
    optional=("tempo", "meter", "mode", "lends"),
)  # fmt: skip


@lru_cache(maxsize=1)
def _families() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    tables = tomllib.loads(_FAMILIES.read_text(encoding="utf-8"))
    return MappingProxyType({name: _CYCLES(f"{_FAMILIES.name}: {name}", table) for name, table in tables.items()})


def _progressions(place: str, value: Any) -> Mapping[str, tuple[str, ...]]:
    if isinstance(value, dict):
        return _CYCLES(place, value)
    _one_of(tuple(_families()))(place, value)
    return _families()[value]


def _bars(symbols: str, meters: frozenset[int], bars: int = 1) -> Check:
    """Check of a pattern: `bars` bars divided by "|", in each as many cells as beats in one of the metres."""

    def check(place: str, value: Any) -> str:
        parts = _text(place, value).split("|")
        expect(place, len(parts) == bars, f"{bars} bars" if bars > 1 else "one bar", value)
        for cells in map(str.split, parts):
            lengths = " or ".join(map(str, sorted(meters)))
            expect(place, len(cells) in meters, f"{lengths} cells in a bar", value)
            strange = sorted(set("".join(cells)) - set(symbols))
            expect(place, not strange, f"symbols among {symbols}", "".join(strange))
        expect(place, len({len(part.split()) for part in parts}) == 1, "bars of one length", value)
        return str(value)

    return check


def _drum_bar(meters: frozenset[int]) -> Check:
    cells_of = _bars("Xxo.", meters)

    def check(place: str, value: Any) -> str:
        for row in _text(place, value).split("/"):
            name, colon, cells = row.partition(":")
            expect(place, bool(colon) and name.strip() in DRUMS, f'rows "drum: cells", drums {", ".join(DRUMS)}', row)
            cells_of(place, cells.strip())
        expect(place, len({len(row.split()) for row in value.split("/")}) == 1, "rows of one length", value)
        return str(value)

    return check


def _patterns(meters: frozenset[int]) -> Check:
    chords = _several(_bars("XxoDUpubf0123456-.", meters))
    return _table(
        {
            "drums": _several(_drum_bar(meters)), "bass": _several(_bars("R5836wa-.", meters)), "comp": chords,
            "second": chords, "melody": _several(_bars("Xxo-.", meters, bars=2)),
        },
        optional=("second", "melody"),
    )  # fmt: skip


_FIELDS: Mapping[str, Check] = MappingProxyType(
    {
        "tempo": _range(3),
        "meters": _several(_row(_whole(1, 15), _number(0.001, 1))),
        "minor": _number(0, 1),
        "sevenths": _number(0, 1),
        "progressions": _progressions,
        "odds": _table(dict.fromkeys(_ODDS, _number(0, 1))),
        "palette": _table(dict.fromkeys(_ROLES, _INSTRUMENT_LIST)),
        "moods": _several(_one_of(tuple(MOODS))),
        "words": _table(
            {"tags": _several(_text), "nouns": _several(_text), "uses": _several(_text), "metre": _regex}, ("metre",)
        ),
        "asked": _several(_ASKED),
        "solos": _INSTRUMENT_LIST,
        "solo": _number(0, 1),
        "always": _several(_one_of(_ODDS)),
        "swing": _number(0.5, 0.75),
        "swing_unit": _number(0.25, 2),
        "kit": _whole(0, 127),
        "fills": _one_of(("none", *FILLS)),
        "hand_drums": _flag,
        "human": _number(0, 1),
        "form": _one_of(tuple(FORMS)),
    }
)
_OPTIONAL = ("asked", "solos", "solo", "always", "swing", "swing_unit", "kit", "fills", "hand_drums", "human", "form")


def load_style(path: str | Path) -> Style:
    """Return the style that a TOML file tells.

    Raises:
        RequestError: the file is no TOML, or a field is missing, unknown or wrong; the message names file and field.
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"{path.name}: expected TOML in UTF-8, got {error}") from error
    meters = _FIELDS["meters"](f"{path.name}: meters", values.get("meters"))
    fields = {**_FIELDS, "patterns": _patterns(frozenset(meter for meter, _ in meters))}
    style = dict(_table(fields, _OPTIONAL)(path.name, values))
    style["patterns"] = Patterns(**style["patterns"])
    style["words"] = StyleWords(**style["words"])
    style["asked"] = tuple(Asked(**row) for row in style.get("asked", ()))
    return Style(path.stem.replace("_", " "), **style)


def load_styles(*folders: str | Path) -> Mapping[str, Style]:
    """Return the styles of all TOML files of some folders, by name; a later folder replaces styles of the same name.

    Raises:
        RequestError: a folder does not exist, a file is wrong, or two styles are asked for by the same words.
    """
    found: dict[str, Style] = {}
    for folder in map(Path, folders):
        expect("styles", folder.is_dir(), "a folder of style files", str(folder))
        found |= {style.name: style for style in map(load_style, sorted(folder.glob("*.toml")))}
    words: dict[str, str] = {}
    for style in found.values():
        for word in chain.from_iterable(asked.words for asked in style.asked):
            other = words.setdefault(word.lower(), style.name)
            expect(f"{style.name}: asked", other == style.name, f"words that do not ask for {other}", word)
    return MappingProxyType(dict(sorted(found.items())))
