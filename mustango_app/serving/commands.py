"""The command `mustango batch`, see `requests_file`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from munet.errors import RequestError
from munet.processor import usable_cores
from mustango_app.serving.requests_file import FORMATS, Settings, make_all

AddCommand = Callable[..., argparse.ArgumentParser]


def add_batch(commands: Any, add: AddCommand) -> argparse.ArgumentParser:
    """Add the subcommand `batch`; `add(commands, name, run, help)` makes a subparser."""
    parser = add(commands, "batch", run_batch, "make the clips of a file of requests; run again to continue")
    parser.add_argument("requests", help='JSON lines, such as {"prompt": "a waltz", "seconds": 10, "seed": 7}')
    parser.add_argument("--out", required=True, metavar="DIR", help="00000.wav, 00000.json, ... and clips.jsonl")
    parser.add_argument("--seed", type=int, default=0, help="row i is made with SEED + i where it states none (0)")
    parser.add_argument("--format", default=FORMATS[0], help=f"{', '.join(FORMATS)} (%(default)s)")
    parser.add_argument("--batch", type=int, metavar="N", help="clips made together (1; 16 on a GPU)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes, each with its model (1)")
    parser.add_argument("--engine", default="process", help="process, or ray for a Ray cluster (%(default)s)")
    parser.add_argument("--share", default="1/1", metavar="I/N", help="make every N-th row: for more machines or GPUs")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def run_batch(arguments: argparse.Namespace) -> int:
    """Carry out `mustango batch`; the exit status is 1 if a row has no clip."""
    from tqdm import tqdm

    part, _, parts = arguments.share.partition("/")
    if not (part.isdigit() and parts.isdigit()):
        raise RequestError(f"share: expected I/N such as 1/4, got {arguments.share!r}")
    threads = None if arguments.workers == 1 else max(1, usable_cores() // max(1, arguments.workers))
    names = ("model", "device", "dtype", "offload", "batch", "format")
    settings = Settings(Path(arguments.out), **{name: getattr(arguments, name) for name in names}, threads=threads)
    with tqdm(desc="clips", unit="clip", file=sys.stderr, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        workers, engine = arguments.workers, arguments.engine
        shares = (int(part), int(parts))
        report = make_all(arguments.requests, settings, arguments.seed, shares, workers, engine, progress)
    if arguments.json:
        print(json.dumps(report))
    else:
        there = report["rows"] - report["failures"]
        print(f"{report['folder']}: {report['made']} made, {there} of {report['rows']} there")
    if report["failures"]:
        print(f"{report['failures']} rows could not be made: see *.error.json in {report['folder']}", file=sys.stderr)
    return int(report["failures"] > 0)
