"""Files written whole or not at all, by one process at a time, and digests of what they hold."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from munet.errors import RequestError


def shipped(name: str) -> Path:
    """Return the folder of the checkpoint `name` that comes with the project, whether it is there or not.

    It is data of the installed package (see third_party/tinysoundfont/mustango_backend.py), or a folder of the
    checkout.
    """
    root = Path(__file__).resolve().parents[1]
    packed, beside = (folder / "checkpoints" / name for folder in (root / "mustango_app", root))
    return packed if packed.is_dir() else beside


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


@contextlib.contextmanager
def alone(target: str | os.PathLike[str], argument: str, wait: bool = False) -> Iterator[None]:
    """Hold a lock for `target`, a file or folder that one process at a time may make.

    The lock lies beside `target` and ends with the process, however it ends.

    Args:
        target: what is made.
        argument: named in the error.
        wait: whether to wait for another process, with a line in the log, instead of refusing.

    Raises:
        RequestError: another process is at work there, and `wait` is false.
    """
    lock = FileLock(f"{Path(target)}.lock")
    lock_folder = Path(lock.lock_file).parent
    lock_folder.mkdir(parents=True, exist_ok=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not wait:
            raise RequestError(
                f"{argument}: expected nobody else at work on {str(target)!r}, got another process"
            ) from None
        logging.getLogger(__name__).warning("waiting for another process that makes %s", target)
        lock.acquire()
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def sweep(folder: Path) -> None:
    """Remove what `atomic_path` left below `folder` when its process was killed; nobody may be writing there."""
    for partial in folder.rglob(".*.partial*"):
        _remove(partial)


def digest(*parts: str | bytes) -> str:
    """Return the SHA-256 of some texts or bytes, each with its length, as hexadecimal digits."""
    found = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        found.update(len(data).to_bytes(8, "big"))
        found.update(data)
    return found.hexdigest()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
