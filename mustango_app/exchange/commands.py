"""What the command line has to do with files of other programs: `export`, and where a plan or a tune comes from.

MIDI and chord sheets are imported when a file is named: most commands have none.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.checks import DURATION_RANGE
from mustango_app.planning.asked import field_value
from mustango_app.request import MUSIC_FIELDS

if TYPE_CHECKING:
    from mustango_app.clip import Clip

AddCommand = Callable[..., argparse.ArgumentParser]


def add_export(commands: Any, add: AddCommand) -> None:
    """Add the subcommand `export`; `add(commands, name, run, help)` makes a subparser."""
    parser = add(commands, "export", run_export, "write plan, MIDI, chord sheet and click of a piece into a folder")
    parser.add_argument("file", help="a recording, MIDI file, chord sheet (.cho .txt) or plan (.json)")
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="folder to make; an earlier export goes")
    parser.add_argument("--plan", metavar="FILE", help="the plan of the recording (what is heard in it)")
    parser.add_argument("--title", help="of the chord sheet")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_sources(parser: argparse.ArgumentParser, with_from: bool = False) -> None:
    """Add `--melody`, and with `with_from` `--from`, without it `--parts`."""
    parser.add_argument("--melody", metavar="FILE", help="MIDI file whose tune, tempo, key and chords are taken")
    if not with_from:
        parser.add_argument("--parts", metavar="FILE", help='MIDI file that is played note by note, or "composed"')
    if with_from:
        parser.add_argument(
            "--from", dest="source", metavar="FILE", help="MIDI file, chord sheet, plan or recording to start from"
        )


def run_export(arguments: argparse.Namespace) -> None:
    """Carry out `mustango export`."""
    from mustango_app.exchange.export import export
    from mustango_app.exchange.files import plan_from_file, read_recording

    audio = read_recording(arguments.file)
    plan = plan_from_file(arguments.plan or arguments.file)
    if audio is not None and arguments.plan:
        plan = plan.with_(duration=plan.duration or audio[0].shape[-1] / audio[1])
    folder = export(arguments.output, plan, audio, title=arguments.title)
    files = sorted(str(file) for file in folder.iterdir())
    print(json.dumps({"folder": str(folder), "files": files}) if arguments.json else "\n".join(files))


def export_all(clips: Sequence[Clip], folder: str) -> None:
    """Export a clip to DIR, or several to DIR/1, DIR/2, ..."""
    for number, clip in enumerate(clips, 1):
        clip.export(folder if len(clips) == 1 else Path(folder) / str(number))


def source_plan(arguments: argparse.Namespace) -> MusicPlan | None:
    """Return the plan that `--from` names, None without."""
    source = getattr(arguments, "source", None)
    if source is None:
        return None
    from mustango_app.exchange.files import plan_from_file

    return plan_from_file(source)


def plan_of_source(arguments: argparse.Namespace) -> MusicPlan:
    """Return the plan that `--from` or `--melody` names, complete, at the tempo, key and length of the flags.

    Raises:
        RequestError: there is no file, or a flag that takes a sentence to be used.
    """
    from mustango_app.exchange.midi_read import read_melody
    from mustango_app.exchange.tune import fit_tune

    if arguments.source is None and arguments.melody is None:
        raise RequestError("prompt: expected a sentence, or --from FILE, got neither")
    used = ("bpm", "key", "seconds", "melody")
    open_flags = [name for name in MUSIC_FIELDS if name not in used and getattr(arguments, name, None) is not None]
    if open_flags:
        raise RequestError(f"{open_flags[0]}: expected a sentence beside a file when this is given, got none")
    plan = source_plan(arguments) or read_melody(arguments.melody)
    if arguments.source and arguments.melody:
        plan = plan.with_(melody=read_melody(arguments.melody).melody)
    seconds = arguments.seconds or plan.length or DURATION_RANGE[1]
    bpm, key = (field_value(name, getattr(arguments, name)) for name in ("bpm", "key"))
    return fit_tune(plan.complete(), bpm, key, seconds)
