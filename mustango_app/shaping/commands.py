"""The commands `mustango extend`, `edit` and `variation`: their flags, and the change that these describe."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from munet.errors import RequestError
from munet.guidance_weights import read_guidance, read_interval
from mustango_app.shaping.changes import Change, Edit, Extension, Variation

AddCommand = Callable[..., argparse.ArgumentParser]
_HELP = MappingProxyType(
    {
        Extension: ("extend", "let a piece go on, or begin earlier"),
        Edit: ("edit", "play a region of a piece anew; outside of it not a sample changes"),
        Variation: ("variation", "play a piece's plan again from the sound that is there"),
    }
)


def add_shaping(
    commands: Any, add: AddCommand, run: Callable[[argparse.Namespace], None]
) -> list[argparse.ArgumentParser]:
    """Add the subcommands; `add(commands, name, run, help)` makes one, which sets `change` for `run`."""
    made = []
    for kind, (name, text) in _HELP.items():
        parser = add(commands, name, run, text)
        parser.add_argument("piece", help="an audio file, or the folder of an exported clip")
        parser.add_argument("-o", "--output", default=f"{name}.wav", help="audio file (%(default)s)")
        parser.add_argument("--plan", metavar="FILE", help="the piece's plan as JSON (what is heard in it)")
        parser.add_argument("--export", metavar="DIR", help="write sound, plan, MIDI, chord sheet and click there, too")
        if kind is Extension:
            parser.add_argument("--seconds", type=_number, help="by how much the piece gets longer")
            parser.add_argument("--bars", type=_number, help="the same in bars")
            parser.add_argument("--before", action="store_true", help="a beginning instead of a continuation")
        if kind is Edit:
            parser.add_argument("--start", type=_number, help="first second of the region (0)")
            parser.add_argument("--end", type=_number, help="last second of the region (the end)")
            parser.add_argument("--bars", type=_span, metavar="FIRST-LAST", help="bars of the region, from 1")
        if kind is not Extension:
            share = Edit.strength if kind is Edit else Variation.strength
            parser.add_argument("--strength", type=_number, default=share, help="1 keeps nothing (%(default)s)")
        if kind is not Variation:
            _add_music(parser)
        parser.add_argument("--seed", type=_number, help="equal seeds make equal music (drawn and printed)")
        parser.add_argument("--steps", type=_number, help="denoising steps")
        parser.add_argument("--guidance", type=typed(read_guidance), help="weight of guidance, or chords=2,text=6")
        parser.add_argument(
            "--guidance-interval", type=typed(read_interval), help="noise levels, see `mustango generate --help`"
        )
        parser.add_argument("--best-of", type=_number, default=1, help="candidates; the best is kept (1)")
        parser.set_defaults(change=lambda arguments, kind=kind: _change(kind, arguments))
        made.append(parser)
    return made


def typed(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a converter of a flag's text by `read`, whose complaint reads like all others."""

    def convert(text: str) -> Any:
        try:
            return read(text)
        except RequestError as error:
            raise argparse.ArgumentTypeError(str(error).partition(": ")[2]) from None

    return convert


def _add_music(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--prompt", help='words about the new stretch, such as "with a trumpet" or "no drums"')
    parser.add_argument("--bpm", help="its tempo; what follows moves")
    parser.add_argument("--key", help="its key; without chords those that are there move")
    parser.add_argument("--chords", help="its chords, spread over its bars")
    parser.add_argument("--instruments", help='who plays, such as "piano, strings"')
    parser.add_argument("--energy", help="calm, moderate or energetic")
    parser.add_argument("--melody", metavar="FILE", help="MIDI file whose tune it gets")


def _change(kind: type[Change], arguments: argparse.Namespace) -> Change:
    """Return the change that the flags describe.

    Raises:
        RequestError: naming what cannot be used.
    """
    return kind(**{item.name: getattr(arguments, item.name) for item in fields(kind)})


def _number(text: str) -> float:
    try:
        return int(text) if text.lstrip("+-").isdecimal() else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None


def _span(text: str) -> tuple[int, int]:
    """Read "3-4", or "3" for one bar."""
    first, _, last = text.partition("-")
    if not first.strip().isdecimal() or not (last or first).strip().isdecimal():
        raise argparse.ArgumentTypeError(f"expected bars such as 3-4, got {text!r}")
    return int(first), int(last or first)
