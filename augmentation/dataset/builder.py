"""MusicBench, rebuilt: captioned clips, their labels, eleven changed versions of each. `python -m augmentation build`.

A clip with all its versions is one unit of work and a pure function of the parameters in `manifest.json` and the clip's
audio, so the same bytes come out whatever the number of workers and however often the run was interrupted. Every file
is written under a temporary name and renamed into place, the rows of a clip last, so that they are its done marker:

    OUT/manifest.json                 the parameters; a run with others refuses to continue here
    OUT/splits.jsonl                  recording and split of each clip, see `augmentation.dataset.splits`
    OUT/train/000042_ID_p+2.flac      audio; likewise validation/ and test/
    OUT/shards/000042.jsonl           rows of one finished clip, or 000042.failed.jsonl

and when every clip is done or has failed: `metadata.jsonl` beside the audio of each split (Hugging Face's `audiofolder`
layout), the rest of the dataset (`augmentation.dataset.card`), `failures.jsonl` and `dropped.jsonl`, if any.

Clips whose caption speaks of low quality are left out, as in MusicBench; what is made of the others is decided in
`augmentation.dataset.clips`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from augmentation.audio import encode
from augmentation.dataset.card import write_card
from augmentation.dataset.clips import BuildConfig, labelled, make_versions
from augmentation.dataset.corpus import FAILURES, ITEM_ERRORS, MANIFEST, join_lines, open_folder
from augmentation.dataset.cutting import cut_on_bars
from augmentation.dataset.made import is_made, mark
from augmentation.dataset.placing import place_sources
from augmentation.dataset.quality import filter_rows
from augmentation.dataset.records import json_lines
from augmentation.dataset.sources import Source, read_sources
from augmentation.dataset.splits import SPLITS, Place
from augmentation.dataset.tables import write_tables
from augmentation.hearing.backends import refuse_missing
from augmentation.progress import progress
from augmentation.workers import ENGINES
from munet.errors import expect
from munet.files import alone, write_atomically

DROPPED, EXTENT = "dropped.jsonl", "shards/extent.json"


@dataclass(frozen=True)
class Outcome:
    """What became of a clip: rows written (0: it failed), processor seconds spent on its labels and altogether."""

    rows: int
    listening: float
    seconds: float


def _shard_paths(folder: Path, index: int) -> tuple[Path, Path]:
    return folder / "shards" / f"{index:06d}.jsonl", folder / "shards" / f"{index:06d}.failed.jsonl"


def make_clip(config: BuildConfig, folder: Path, task: tuple[Source, Place]) -> Outcome:
    """Make a clip, given with its place, and its versions on disk, the done marker last."""
    source, place = task
    started = listened = time.process_time()
    done, failed = _shard_paths(folder, source.index)
    try:
        audio, labels = labelled(config, source, folder)
        listened = time.process_time()
        versions = make_versions(config, source, place, audio, labels)
        made = [(row, encode(changed, config.sample_rate, "flac")) for row, changed in versions]
    except ITEM_ERRORS as error:
        failure = {"index": source.index, "source": source.id, "error": f"{type(error).__name__}: {error}"}
        write_atomically(failed, json_lines([failure]))
        return Outcome(0, listened - started, time.process_time() - started)
    for row, data in made:
        write_atomically(folder / row["location"], data)
    failed.unlink(missing_ok=True)
    mark(done, source)
    write_atomically(done, json_lines([row for row, _ in made]))
    return Outcome(len(made), listened - started, time.process_time() - started)


# --- the whole dataset ------------------------------------------------------------------------------------------------


def choose(config: BuildConfig, sources: list[Source]) -> tuple[list[Source], list[dict[str, Any]]]:
    """Sources to build from, and those that the quality filter leaves out, with the reason."""
    if config.keep_low_quality:
        return sources, []
    report = filter_rows(({"caption": source.caption, "id": source.id} for source in sources), "caption")
    out = {dropped.index: asdict(dropped) for dropped in report.dropped}
    return [source for place, source in enumerate(sources) if place not in out], list(out.values())


def _sweep(folder: Path, locations: set[str]) -> None:
    """Remove audio that no row names: an interrupted clip whose recording was exchanged before the next run."""
    for split in SPLITS:
        for path in (folder / split).glob("*.flac"):
            if f"{split}/{path.name}" not in locations:
                path.unlink()


def build_dataset(
    config: BuildConfig,
    folder: str | Path,
    workers: int = 1,
    engine: str = "process",
    progress: Callable[..., Any] = progress,
    shard: tuple[int, int] = (0, 1),
) -> dict[str, Any]:
    """Make the dataset, or what is missing of it. Clips that failed before are tried again.

    Args:
        config: Parameters of the dataset.
        folder: Where to; created if need be.
        workers: Number of clips at work at a time.
        engine: "process" for processes of this machine (with one worker: this one); "ray" for a Ray cluster, which
            must reach the audio and `folder` under the same paths.
        progress: Progress bar class, called with tqdm's arguments.
        shard: (i, n): make every n-th clip from the i-th on, beside other jobs that make the rest. Whichever finds
            that nothing is missing ends the folder.

    Returns:
        `{"out", "clips", "dropped", "rows", "failures", "made", "missing", "remarks", "listening", "seconds"}`: clips
        asked for after the quality filter dropped some, rows written, clips failed, clips made by this run, clips
        that other jobs have not made yet, what there is to say about splits, and the processor seconds that this run
        spent in extractors and altogether.

    Raises:
        ValueError: For bad arguments, malformed metadata, a folder of other parameters or one that another run
            works on, an engine or an extractor that is not installed.
        OSError: If the machine fails (disk full); everything finished so far stays and the next run continues.
        concurrent.futures.process.BrokenProcessPool: If a worker was killed.
    """
    expect("workers", 1 <= workers <= 256, "a whole number from 1 to 256", workers)
    expect("engine", engine in ENGINES, " or ".join(ENGINES), engine)
    whole = 0 <= shard[0] < shard[1]
    expect("shard", whole, "i/n with i from 0 to n - 1", f"{shard[0]}/{shard[1]}")
    refuse_missing(() if config.given else config.labels)
    if shard[1] == 1:
        with alone(folder, "out"):
            return _build(config, Path(folder), workers, engine, progress, shard)
    with alone(f"{folder}.{shard[0]}-of-{shard[1]}", "shard"):
        return _build(config, Path(folder), workers, engine, progress, shard)


def _build(
    config: BuildConfig, folder: Path, workers: int, engine: str, progress: Callable[..., Any], shard: tuple[int, int]
) -> dict[str, Any]:
    """Make what is missing of the dataset."""
    manifest = config.manifest()
    sources, dropped = choose(config, read_sources(config.metadata, config.audio_dir, config.limit))
    expect("metadata", bool(sources), "at least one clip to keep", f"{len(dropped)} of low quality")
    open_folder(manifest, folder, ("shards", *SPLITS), shared=shard[1] > 1)
    if config.cut == "bars":
        sources = cut_on_bars(sources, config.clip_seconds, folder, ENGINES[engine], workers)
    made = {source.index for source in sources if is_made(folder, _shard_paths(folder, source.index)[0], source)}
    tried = {source.index for source in sources if any(path.is_file() for path in _shard_paths(folder, source.index))}
    places, remarks = place_sources(config, folder, sources, ENGINES[engine], workers, shard, tried - made)
    missing = [
        (source, places[source.index])
        for number, source in enumerate(sources)
        if number % shard[1] == shard[0] and source.index not in made
    ]
    for source, _ in missing:  # what was made of another line, or lost a file, is not done
        _shard_paths(folder, source.index)[0].unlink(missing_ok=True)
    outcomes = _make(config, folder, missing, workers, engine, progress)
    paths = [_shard_paths(folder, source.index) for source in sources]
    others = sum(not done.is_file() and not failed.is_file() for done, failed in paths)
    counts = {"clips": len(sources), "dropped": len(dropped), "failures": sum(failed.is_file() for _, failed in paths)}
    extent = config.extent()
    fresh = any(outcome.rows for outcome in outcomes) or shard[1] > 1 or _extent(folder) != extent
    rows = 0 if others else _finish(config, folder, {**manifest, **extent}, paths, dropped, counts, fresh)
    if not others:
        write_atomically(folder / EXTENT, f"{json.dumps(extent)}\n".encode())
    return {
        "out": str(folder),
        **counts,
        "rows": rows,
        "made": sum(outcome.rows > 0 for outcome in outcomes),
        "missing": others,
        "remarks": remarks,
        "listening": sum(outcome.listening for outcome in outcomes),
        "seconds": sum(outcome.seconds for outcome in outcomes),
    }


def _extent(folder: Path) -> dict[str, Any]:
    """What the last run that ended this folder took from METADATA and wrote beside the audio."""
    path = folder / EXTENT
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _make(
    config: BuildConfig, folder: Path, missing: Sequence[tuple[Source, Place]], workers: int, engine: str,
    progress: Callable[..., Any],
) -> list[Outcome]:  # fmt: skip
    """Make clips, several at a time."""
    outcomes = []
    with (
        progress(total=len(missing), unit="clip", desc="build", disable=None, smoothing=0) as bar,
        ENGINES[engine](partial(make_clip, config, folder), missing, min(workers, max(1, len(missing)))) as results,
    ):
        for outcome in results:
            outcomes.append(outcome)
            bar.update()
    return outcomes


def _finish(
    config: BuildConfig, folder: Path, manifest: Mapping[str, Any], paths: Sequence[tuple[Path, Path]],
    dropped: Sequence[Mapping[str, Any]], counts: Mapping[str, int], fresh: bool,
) -> int:  # fmt: skip
    """End a folder in which every clip is done or has failed; returns the number of rows."""
    with alone(folder / MANIFEST, "out", wait=True):
        join_lines(folder, FAILURES, [failed for _, failed in paths])
        if dropped:
            write_atomically(folder / DROPPED, json_lines(dropped))
        else:
            (folder / DROPPED).unlink(missing_ok=True)
        shards = [done for done, _ in paths if done.is_file()]
        locations = write_tables(folder, shards, config.parquet, config.webdataset, fresh)
        _sweep(folder, locations)
        write_card(folder, manifest, shards, counts)
    return len(locations)
