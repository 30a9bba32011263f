"""Where the clips of one dataset folder belong: fingerprints of its files, kept in the folder, and the decision itself.

OUT/fingerprints/ab/abcdef....npz   landmarks of one file, named by its path, size and time
OUT/splits.jsonl                    recording and split of each line of the metadata; what stands there stays
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from augmentation.dataset.clips import BuildConfig
from augmentation.dataset.fingerprints import Landmarks, landmarks_of, same_recording
from augmentation.dataset.records import json_lines
from augmentation.dataset.sources import Source
from augmentation.dataset.splits import SPLITS, Place, asked_split, decide, grouped, rows_of_splits
from munet.files import digest, write_atomically

FINGERPRINTS, PLACES = "fingerprints", "splits.jsonl"
Run = Callable[[Callable[[str], Any], Sequence[str], int], AbstractContextManager]


def place_sources(
    config: BuildConfig,
    folder: Path,
    sources: Sequence[Source],
    run: Run,
    workers: int,
    shard: tuple[int, int],
    changed: Collection[int] = (),
) -> tuple[dict[int, Place], list[str]]:
    """Recording and split of each source, by its index, and what there is to say about them.

    Args:
        config: of the dataset.
        folder: of the dataset.
        sources: its clips.
        run: engine that makes fingerprints, see `augmentation.workers`.
        workers: files at work at a time.
        shard: (i, n): this is the i-th of n jobs, which begins with its own share of the files.
        changed: lines that are others than they were, or whose file is: what was decided for them holds no longer.

    Raises:
        RequestError: the column that should decide is missing or says something else than a split.
    """
    asked = [None if source.problem else asked_split(source, config.split_by) for source in sources]
    same = _same_sound(folder, sources, run, workers, shard) if config.fingerprints else []
    recordings = grouped(sources, same)
    shares = {"validation": config.validation, "test": config.test}
    before = {index: place for index, place in _known(folder / PLACES).items() if index not in changed}
    known: dict[str, str] = {}
    joined: set[str] = set()
    for source, name in zip(sources, recordings, strict=True):
        if source.index in before:
            split = before[source.index].split
            joined |= {name} if known.get(name, split) != split else set()
            known[name] = max(known.get(name, split), split, key=SPLITS.index)
    splits, remarks = decide(recordings, asked, shares, config.seed, known)
    remarks += [
        f"{name}: new rows join recordings that lie in different splits already; they go to {splits[name]}, "
        "and only a new folder brings the others together"
        for name in sorted(joined)
    ]
    places = {
        source.index: before.get(source.index) or Place(splits[name], name)
        for source, name in zip(sources, recordings, strict=True)
    }
    write_atomically(folder / PLACES, json_lines(rows_of_splits(places)))
    return places, remarks


def _known(path: Path) -> dict[int, Place]:
    """Places that were decided in an earlier run, by the number of the line."""
    if not path.is_file():
        return {}
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {row["index"]: Place(row["split"], row["recording"]) for row in rows}


def _same_sound(
    folder: Path, sources: Sequence[Source], run: Run, workers: int, shard: tuple[int, int]
) -> list[tuple[str, str]]:
    """Pairs of files that hold the same bytes or the same sound; what is not fingerprinted yet is done now.

    Each of several jobs begins with its own share, so that the others find it done.
    """
    files = sorted({source.path for source in sources if source.path is not None})
    own = [path for place, path in enumerate(files) if place % shard[1] == shard[0]]
    for part in (own, files):
        missing = [path for path in part if not _print_path(folder, path).is_file()]
        if not missing:
            continue
        with run(partial(_fingerprint, folder), missing, min(workers, max(1, len(missing)))) as results:
            for _ in results:
                pass
    digests: dict[str, str] = {}
    pairs, found = [], []
    for path in files:
        with np.load(_print_path(folder, path)) as stored:
            found.append(Landmarks(stored["hashes"], stored["frames"]))
            first = digests.setdefault(str(stored["digest"]), path)
        if first != path:
            pairs.append((first, path))
    return [*pairs, *((files[first], files[second]) for first, second in same_recording(found))]


def _print_path(folder: Path, path: str) -> Path:
    status = Path(path).stat()
    name = digest(str(Path(path).resolve()), str(status.st_size), str(status.st_mtime_ns))[:24]
    return folder / FINGERPRINTS / name[:2] / f"{name}.npz"


def _fingerprint(folder: Path, path: str) -> str:
    """Write the landmarks and the digest of a file; returns its path."""
    found, target, buffer = landmarks_of(path), _print_path(folder, path), io.BytesIO()
    with open(path, "rb") as file:
        whole = hashlib.file_digest(file, "sha256").hexdigest()
    np.savez_compressed(buffer, hashes=found.hashes, frames=found.frames, digest=np.array(whole))
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, buffer.getvalue())
    return path
