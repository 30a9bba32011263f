"""A captioned, exactly labelled corpus: compose, render, caption, write. `python -m augmentation compose`.

Item i is a pure function of (seed, i) and of the parameters in `manifest.json`, so the same bytes come out whatever the
number of workers and however often the run was interrupted. Items are made in shards of `SHARD` items: every file is
written under a temporary name and renamed into place, the rows of a shard last, so a shard's rows are its done marker:

    DIR/manifest.json          the parameters; a run with others refuses to continue here
    DIR/data/00000042.flac     audio
    DIR/shards/00001.jsonl     rows of one finished shard (and 00001.failed.jsonl: items that could not be made)
    DIR/metadata.jsonl         all rows in order, written when every shard is done (as is failures.jsonl, if any)
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from augmentation.audio import encode
from augmentation.captions.caption import caption, control_sentences, describe
from augmentation.compose.composer import compose
from augmentation.compose.renderer import identity, render, soundfonts
from augmentation.compose.styles import STYLES
from augmentation.dataset.records import METADATA, json_lines, row_of
from augmentation.progress import progress
from augmentation.workers import run_in_processes
from munet.errors import RequestError, expect
from munet.files import alone, sweep, write_atomically

VERSION = 4  # raised when the same (seed, i) starts to give another item
SHARD = 16  # items per unit of work: a second or two of one core, lost at most by an interruption
MANIFEST, FAILURES = "manifest.json", "failures.jsonl"
ENCODINGS = ("flac", "wav")
# What a defective item may raise. Errors of the machine (OSError, MemoryError) are not an item's and stop the run.
ITEM_ERRORS = (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True)
class CorpusConfig:
    """Parameters that decide the bytes of a corpus (times in seconds, rates in Hz).

    Raises:
        RequestError: If a value is out of range or a soundfont is no SoundFont file.
    """

    count: int
    seed: int = 0
    duration: float = 10.24
    sample_rate: int = 44100
    format: str = "flac"
    soundfont: str | None = None

    def __post_init__(self) -> None:
        expect("count", self.count >= 1, "a whole number of at least 1", self.count)
        expect("seed", 0 <= self.seed < 2**63, "a whole number from 0 to 2**63 - 1", self.seed)
        expect("duration", 0.5 <= self.duration <= 600, "seconds from 0.5 to 600", self.duration)
        expect("sample-rate", 8000 <= self.sample_rate <= 192000, "Hz from 8000 to 192000", self.sample_rate)
        expect("format", self.format in ENCODINGS, " or ".join(ENCODINGS), self.format)
        for path in self.soundfont_paths:
            if not is_soundfont(path):
                raise RequestError(f"soundfont: expected a SoundFont (.sf2, .sf3) file, got {str(path)!r}")

    @property
    def soundfont_paths(self) -> tuple[Path, ...]:
        """The soundfonts rendered with, as given (a file, or a folder of them) or the default one.

        Raises:
            RequestError: If there is none.
        """
        try:
            return soundfonts(self.soundfont)
        except FileNotFoundError as error:
            raise RequestError(f"{error}") from error

    @property
    def shards(self) -> int:
        return math.ceil(self.count / SHARD)

    def manifest(self) -> dict[str, Any]:
        """Parameters as recorded: soundfonts and styles by their content, since they may be others tomorrow."""
        styles = hashlib.sha256(repr(STYLES).encode()).hexdigest()
        sources = {"soundfont": f"sha256:{identity(self.soundfont)}", "styles": f"sha256:{styles}"}
        return {"version": VERSION, "shard": SHARD, **asdict(self), **sources}


def is_soundfont(path: Path) -> bool:
    """Whether a file starts like a SoundFont (RIFF container of type `sfbk`)."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"sfbk"


def item_source(seed: int, index: int) -> tuple[int, np.random.Generator]:
    """Composer seed and caption generator of item `index` of the corpus with `seed`."""
    sequence = np.random.SeedSequence([seed, index])
    return int(sequence.generate_state(1, np.uint32)[0]), np.random.default_rng(sequence)


def make_item(config: CorpusConfig, index: int) -> tuple[dict[str, Any], bytes]:
    """Make item `index`: its row and the bytes of its audio file."""
    piece_seed, rng = item_source(config.seed, index)
    piece = compose(piece_seed, duration=config.duration)
    sentences = control_sentences(piece.plan, rng)
    main, alternative = caption(piece, rng, sentences), describe(piece, rng)
    row = row_of(piece, f"data/{index:08d}.{config.format}", main, alternative, sentences)
    audio = render(piece, config.sample_rate, config.soundfont_paths)
    return row, encode(audio, config.sample_rate, config.format)


def _shard_paths(folder: Path, shard: int) -> tuple[Path, Path]:
    return folder / "shards" / f"{shard:05d}.jsonl", folder / "shards" / f"{shard:05d}.failed.jsonl"


def make_shard(config: CorpusConfig, folder: Path, shard: int) -> tuple[int, int]:
    """Make one shard on disk, its done marker last. Returns the number of items and how many of them failed."""
    rows, failures = [], []
    indices = range(shard * SHARD, min((shard + 1) * SHARD, config.count))
    for index in indices:
        try:
            row, audio = make_item(config, index)
        except ITEM_ERRORS as error:
            failures.append({"index": index, "seed": config.seed, "error": f"{type(error).__name__}: {error}"})
            continue
        write_atomically(folder / row["file_name"], audio)
        rows.append(row)
    done, failed = _shard_paths(folder, shard)
    if failures:
        write_atomically(failed, json_lines(failures))
    else:
        failed.unlink(missing_ok=True)
    write_atomically(done, json_lines(rows))
    return len(indices), len(failures)


def _strangers(folder: Path) -> bool:
    """Whether a folder holds more than a half-written manifest."""
    return any(not path.name.lstrip(".").startswith(Path(MANIFEST).stem) for path in folder.iterdir())


def open_folder(manifest: Mapping[str, Any], folder: Path, parts: Sequence[str], shared: bool = False) -> None:
    """Create the folder with its `parts`, or check that what lies there was made with the same parameters.

    What an interrupted run left half written is swept away, but where others are at work (`shared`).

    Raises:
        RequestError: If the folder was made with other parameters (named), or holds something else.
    """
    path = folder / MANIFEST
    if path.is_file():
        known = json.loads(path.read_text(encoding="utf-8"))
        names = [name for name in manifest if known.get(name) != manifest[name]]
        if names:
            changed = ", ".join(f"{name} ({known.get(name)!r} there, {manifest[name]!r} asked)" for name in names)
            raise RequestError(f"out: expected a folder made with the same parameters, got other values of {changed}")
    elif folder.exists() and (not folder.is_dir() or _strangers(folder)):
        raise RequestError(f"out: expected a new or empty folder, or one with {MANIFEST}, got {str(folder)!r}")
    folder.mkdir(parents=True, exist_ok=True)
    if not shared:
        sweep(folder)
    if not path.is_file():  # first of all, so that a run killed here can go on
        write_atomically(path, (json.dumps(manifest, indent=2) + "\n").encode())
    for name in parts:
        (folder / name).mkdir(exist_ok=True)


def pending_shards(config: CorpusConfig, folder: Path) -> list[int]:
    """Shards that are not done, or in which an item failed (so that a repaired cause can be tried again)."""
    paths = [_shard_paths(folder, shard) for shard in range(config.shards)]
    return [shard for shard, (done, failed) in enumerate(paths) if not done.is_file() or failed.is_file()]


def join_lines(folder: Path, name: str, parts: list[Path]) -> int:
    """Concatenate JSON-lines files into `folder/name` (none if there is nothing to say); returns the number of rows."""
    data = b"".join(part.read_bytes() for part in parts if part.is_file())
    if data or name == METADATA:
        write_atomically(folder / name, data)
    else:
        (folder / name).unlink(missing_ok=True)
    return data.count(b"\n")


def build_corpus(
    config: CorpusConfig,
    folder: str | Path,
    workers: int = 1,
    progress: Callable[..., Any] = progress,
) -> dict[str, Any]:
    """Make the corpus, or what is missing of it.

    Args:
        config: Parameters of the corpus.
        folder: Where to; created if need be.
        workers: Number of processes (1: this one).
        progress: Progress bar class, called with tqdm's arguments.

    Returns:
        `{"out", "count", "rows", "failures", "made"}`: items asked for, rows written, items failed, items made by
        this run.

    Raises:
        RequestError: For a bad number of workers, a folder of other parameters, or one that another run works on.
        OSError: If the machine fails (disk full); everything finished so far stays and the next run continues.
        concurrent.futures.process.BrokenProcessPool: If a worker was killed.
    """
    expect("workers", 1 <= workers <= 256, "a whole number from 1 to 256", workers)
    with alone(folder, "out"):
        return _build(config, Path(folder), workers, progress)


def _build(config: CorpusConfig, folder: Path, workers: int, progress: Callable[..., Any]) -> dict[str, Any]:
    """Make what is missing of the corpus."""
    open_folder(config.manifest(), folder, ("data", "shards"))
    shards = pending_shards(config, folder)
    made = 0
    missing = sum(min(SHARD, config.count - shard * SHARD) for shard in shards)
    with (
        progress(total=config.count, initial=config.count - missing, unit="clip", desc="compose", disable=None) as bar,
        run_in_processes(partial(make_shard, config, folder), shards, min(workers, max(1, len(shards)))) as results,
    ):
        for items, _ in results:
            made += items
            bar.update(items)
    parts = [_shard_paths(folder, shard) for shard in range(config.shards)]
    rows = join_lines(folder, METADATA, [done for done, _ in parts])
    failures = join_lines(folder, FAILURES, [failed for _, failed in parts])
    return {"out": str(folder), "count": config.count, "rows": rows, "failures": failures, "made": made}
