"""Audio files and sample rates.

Audio is float32 of shape `(channels, samples)` in [-1, 1]; sample rates are in Hz. Files are read and written with
libsndfile (soundfile) and resampled with soxr. A file is written under a temporary name beside its place and moved
there when it is whole, so that nobody ever meets half of it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import numpy as np
import soundfile
import soxr

from munet.errors import RequestError

# suffix: (libsndfile format, subtype)
FORMATS = MappingProxyType(
    {
        ".wav": ("WAV", "PCM_16"),
        ".flac": ("FLAC", "PCM_16"),
        ".ogg": ("OGG", "VORBIS"),
        ".mp3": ("MP3", "MPEG_LAYER_III"),
    }
)


def check_output(path: str | os.PathLike[str], argument: str = "path") -> Path:
    """Return `path` as a Path if an audio file can be written there, before any work is done for it.

    Raises:
        RequestError: if the suffix is unknown, the folder does not exist or may not be written to.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise RequestError(f"{argument}: expected a file ending in {', '.join(FORMATS)}, got {str(path)!r}")
    if path.is_dir():
        raise RequestError(f"{argument}: expected a file, got the folder {str(path)!r}")
    if not path.parent.is_dir():
        raise RequestError(f"{argument}: expected an existing folder, got {str(path.parent)!r}")
    if not os.access(path.parent, os.W_OK):
        raise RequestError(f"{argument}: expected a folder that may be written to, got {str(path.parent)!r}")
    return path


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary name beside `path`; on leaving the block it takes the place of `path`, on an error it goes."""
    path = Path(path)
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_audio(path: str | os.PathLike[str], audio: np.ndarray, sample_rate: int) -> Path:
    """Write `audio`, `(channels, samples)`, in the format of the suffix (16 bits, or Vorbis, or MP3).

    Raises:
        RequestError: if the path cannot be written to or the audio is not finite and of the shape above.
    """
    path = check_output(path)
    audio = np.asarray(audio)
    if audio.ndim != 2 or audio.size == 0 or not np.isfinite(audio).all():
        raise RequestError(f"audio: expected finite samples of shape (channels, samples), got shape {audio.shape}")
    form, subtype = FORMATS[path.suffix.lower()]
    with atomic_path(path) as temporary:
        soundfile.write(temporary, np.clip(audio.T, -1.0, 1.0), sample_rate, format=form, subtype=subtype)
    return path


def read_audio(path: str | os.PathLike[str], sample_rate: int | None = None) -> tuple[np.ndarray, int]:
    """Read an audio file; return float32 `(channels, samples)` and its rate, resampled if `sample_rate` is given.

    Raises:
        RequestError: if the file does not exist, holds no audio or cannot be read as audio.
    """
    path = Path(path)
    if not path.is_file():
        raise RequestError(f"file: expected an existing audio file, got {str(path)!r}")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise RequestError(f"file: expected audio that libsndfile reads, got {str(path)!r} ({reason})") from None
    if len(samples) == 0:
        raise RequestError(f"file: expected at least one sample, got none in {str(path)!r}")
    audio = np.ascontiguousarray(samples.T)
    return (audio, rate) if sample_rate is None else (resample(audio, rate, sample_rate), sample_rate)


def resample(audio: np.ndarray, source_rate: int, target_rate: int) -> np.ndarray:
    """Resample `(channels, samples)` from one rate to another (Hz) at soxr's high quality."""
    if source_rate == target_rate:
        return audio
    return np.ascontiguousarray(soxr.resample(audio.T, source_rate, target_rate, quality="HQ").T, dtype=np.float32)
