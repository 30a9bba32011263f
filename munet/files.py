"""Files written whole or not at all, and digests of what they hold."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write to; it takes the place of `path` once the block ends without error.

    The temporary name keeps the suffix, so that writers which choose a format by it work. A file or a folder may be
    written; an existing folder is replaced.

    Raises:
        OSError: the folder of `path` cannot be written to.
    """
    target = Path(path)
    partial = target.with_name(f".{target.stem}.{os.getpid()}.partial{target.suffix}")
    _remove(partial)
    try:
        yield partial
        if target.is_dir():
            _remove(target)
        os.replace(partial, target)
    finally:
        _remove(partial)


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` so that the file is either absent (or as before) or whole, never half."""
    with atomic_path(path) as partial:
        partial.write_bytes(data)


def digest(*parts: bytes) -> str:
    """Return the SHA-256 of some bytes, each with its length, as hexadecimal digits."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
