"""What every finished clip was made from, so that a changed line, a changed recording or a lost file is noticed.

Beside the rows of a finished clip lies a digest of its line of the metadata and of its audio file. A clip is done
where both are as they were and all files that its rows name are there. Audio is known by its size and its ends: a
folder that was copied elsewhere is still the same, and no run has to read every recording.

    OUT/shards/000042.made    one line: digest of the line, digest of the file
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from augmentation.dataset.sources import Source
from munet.files import write_atomically

ENDS = 65536  # bytes read at either end of an audio file


def identity(source: Source) -> str:
    """Digests of a source's line and of its audio, in one line of text."""
    told = {name: value for name, value in asdict(source).items() if name not in ("index", "path")}
    line = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()
    return f"{line} {_audio(source.path)}"


def _audio(path: str | None) -> str:
    if path is None or not Path(path).is_file():
        return "none"
    size = Path(path).stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with Path(path).open("rb") as file:
        digest.update(file.read(ENDS))
        file.seek(max(0, size - ENDS))
        digest.update(file.read(ENDS))
    return digest.hexdigest()


def mark_of(done: Path) -> Path:
    """File that says what a finished clip was made from, beside its rows."""
    return done.with_suffix(".made")


def mark(done: Path, source: Source) -> None:
    """Say what a clip is made from; written before its rows, which are the sign that it is done."""
    write_atomically(mark_of(done), f"{identity(source)}\n".encode())


def is_made(folder: Path, done: Path, source: Source) -> bool:
    """Whether a clip is done, from this very line and recording, and all its files are there."""
    if not done.is_file() or not mark_of(done).is_file():
        return False
    if mark_of(done).read_text(encoding="utf-8").strip() != identity(source):
        return False
    rows = map(json.loads, done.read_text(encoding="utf-8").splitlines())
    return all((folder / row["location"]).is_file() for row in rows)
