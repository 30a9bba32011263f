"""Clips for a file of requests, restart-safe, on this machine's processes or a Ray cluster.

A row of the file (JSON lines) holds the fields of a `Request`. Row 7 becomes `00007.wav` and, written last as the mark
that it is done, `00007.json`: the clip's facts and the digest of what was asked. So a run that was stopped makes what
is missing, and a row that has been changed since is made anew. A row that cannot be made leaves `00007.error.json`; the
others go on.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augmentation.workers import ENGINES
from munet.errors import RequestError
from munet.files import alone, digest, sweep, write_atomically
from munet.music import MusicPlan
from mustango_app.request import Request, check_integer

if TYPE_CHECKING:
    from mustango_app.clip import Clip
    from mustango_app.engine import Mustango

FIELDS = tuple(one.name for one in fields(Request) if one.init and one.name != "num_clips")
ON_GPU = 16  # rows that a worker gets at once, of which a processor makes one after the other
FORMATS = ("wav", "flac", "mp3", "ogg")
MANIFEST = "clips.jsonl"


@dataclass(frozen=True)
class Settings:
    """How the clips of a file are made.

    Attributes:
        folder: where they go.
        model, device, dtype, offload: see `mustango_app.engine.Mustango`.
        batch: clips made together, see `mustango_app.together`; None for the device's own number.
        format: suffix of the sound files.
        threads: of each worker; None for all cores.
    """

    folder: Path
    model: str | None = None
    device: str | None = None
    dtype: str | None = None
    offload: bool = False
    batch: int | None = None
    format: str = "wav"
    threads: int | None = None


@dataclass(frozen=True)
class Row:
    """A row of the file: its number, from 0, and the request in it."""

    number: int
    request: Request

    @property
    def asked(self) -> str:
        """Digest of what decides the clip."""
        given = {name: getattr(self.request, name) for name in FIELDS}
        plan = given.pop("plan")
        return digest(json.dumps(given | {"plan": plan and plan.to_dict()}, default=str, sort_keys=True))


def read_row(number: int, line: str, seed: int) -> Row:
    """Return the request of a line; where it states no seed it gets `seed` plus its number.

    Raises:
        RequestError: no JSON object, a field that there is not, or a request that cannot be used.
    """
    try:
        given = json.loads(line)
    except ValueError as error:
        raise RequestError(f"row: expected a JSON object, got {line[:60]!r} ({error})") from None
    if not isinstance(given, dict):
        raise RequestError(f"row: expected a JSON object, got {type(given).__name__}")
    if unknown := sorted(set(given) - set(FIELDS)):
        raise RequestError(f"row: expected fields among {', '.join(FIELDS)}, got {', '.join(unknown)}")
    if given.get("plan") is not None:
        given["plan"] = MusicPlan.from_dict(given["plan"])
    return Row(number, Request(**{"prompt": None, "seed": seed + number} | given))


def make_all(
    file: str | Path,
    settings: Settings,
    seed: int = 0,
    share: tuple[int, int] = (1, 1),
    workers: int = 1,
    engine: str = "process",
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Make the clips of a file, or what is missing of them. Rows that failed before are tried again.

    Args:
        file: JSON lines; empty lines count as rows that ask for nothing.
        settings: of the clips.
        seed: row i gets seed + i where it states none.
        share: (i, n): make the i-th of n parts, for several machines or GPUs that reach the same folder.
        workers: processes, each with a model of its own.
        engine: "process", or "ray" for a Ray cluster that reaches the folder under the same path.
        progress: called with (rows done, rows in all).

    Returns:
        `{"folder", "rows", "made", "failures"}`: rows of this share, clips made by this run, rows without a clip.

    Raises:
        RequestError: no such file, or a bad argument.
    """
    path, (part, parts) = Path(file), share
    if not path.is_file():
        raise RequestError(f"requests: expected a file of JSON lines, got {str(file)!r}")
    check_integer("workers", workers, 1, 256)
    if not 1 <= part <= parts:
        raise RequestError(f"share: expected I/N with I from 1 to N, got {part}/{parts}")
    for name, value, known in (("engine", engine, ENGINES), ("format", settings.format, FORMATS)):
        if value not in known:
            raise RequestError(f"{name}: expected {' or '.join(known)}, got {value!r}")
    lines = path.read_text(encoding="utf-8").splitlines()
    mine = [(i, line) for i, line in enumerate(lines) if line.strip() and i % parts == part - 1]
    settings.folder.mkdir(parents=True, exist_ok=True)
    with alone(settings.folder / f"share-{part}-of-{parts}", "out"):
        if parts == 1:
            sweep(settings.folder)
        rows = [row for number, line in mine if (row := _readable(settings.folder, number, line, seed)) is not None]
        missing = [row for row in rows if not _is_done(settings.folder, row)]
        done, made = len(mine) - len(missing), 0
        size = settings.batch or (1 if settings.device == "cpu" else ON_GPU)
        tasks = list(_tasks(missing, max(1, min(size, math.ceil(len(missing) / workers)))))
        with ENGINES[engine](
            functools.partial(make_rows, settings), tasks, min(workers, max(1, len(tasks)))
        ) as results:
            for count, good in results:
                done, made = done + count, made + good
                if progress is not None:
                    progress(done, len(mine))
        numbers = [number for number, _ in mine]
        _write_manifest(settings.folder, len(lines))
    failures = sum(not _facts(settings.folder, number).is_file() for number in numbers)
    return {"folder": str(settings.folder), "rows": len(mine), "made": made, "failures": failures}


def make_rows(settings: Settings, rows: Sequence[Row]) -> tuple[int, int]:
    """Make the clips of some rows in this process; return how many rows there were, and how many have a clip now."""
    from mustango_app.clip import Clip
    from mustango_app.together import make_requests

    good = 0
    for place, made in make_requests(loaded(replace(settings, folder=Path())), [row.request for row in rows]):
        try:
            if not isinstance(made, Clip):
                raise made
            _keep(settings, rows[place], made)
            good += 1
        except (RequestError, OSError) as error:
            _fail(settings.folder, rows[place].number, error)
    return len(rows), good


@functools.lru_cache(maxsize=1)
def loaded(settings: Settings) -> Mustango:
    """Return this process' model."""
    import torch

    from mustango_app.engine import Mustango

    options = {name: getattr(settings, name) for name in ("dtype", "offload", "batch")}
    engine = Mustango.from_pretrained(settings.model, settings.device, **options)
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    return engine


def _tasks(rows: Sequence[Row], size: int) -> Iterable[tuple[Row, ...]]:
    """Rows by how long their clips are, so that a batch finds its like, in parts of a batch each."""
    ordered = sorted(rows, key=lambda row: (row.request.draft.plan.duration or 0.0, row.number))
    return (tuple(ordered[first : first + size]) for first in range(0, len(ordered), size))


def _keep(settings: Settings, row: Row, clip: Clip) -> None:
    file = settings.folder / f"{row.number:05d}.{settings.format}"
    clip.save(file)
    facts = {"row": row.number, "file": file.name, "asked": row.asked, **clip.to_dict()}
    _error(settings.folder, row.number).unlink(missing_ok=True)
    write_atomically(_facts(settings.folder, row.number), (json.dumps(facts) + "\n").encode())


def _readable(folder: Path, number: int, line: str, seed: int) -> Row | None:
    """The row of a line; one that cannot be read is recorded, and nothing stays of a clip of an earlier line there."""
    try:
        return read_row(number, line, seed)
    except RequestError as error:
        _fail(folder, number, error)
        return None


def _is_done(folder: Path, row: Row) -> bool:
    """Whether the clip of a row is there, sound and facts, as the row asks for it now."""
    try:
        facts: Mapping[str, Any] = json.loads(_facts(folder, row.number).read_bytes())
        return facts["asked"] == row.asked and (folder / facts["file"]).is_file()
    except (OSError, ValueError, KeyError):
        return False


def _fail(folder: Path, number: int, error: Exception) -> None:
    _facts(folder, number).unlink(missing_ok=True)
    record = {"row": number, "error": str(error)}
    write_atomically(_error(folder, number), (json.dumps(record) + "\n").encode())


def _facts(folder: Path, number: int) -> Path:
    return folder / f"{number:05d}.json"


def _error(folder: Path, number: int) -> Path:
    return folder / f"{number:05d}.error.json"


def _write_manifest(folder: Path, count: int) -> None:
    """Join the facts of all clips that are there into one file."""
    parts = [_facts(folder, number) for number in range(count)]
    write_atomically(folder / MANIFEST, b"".join(part.read_bytes() for part in parts if part.is_file()))
