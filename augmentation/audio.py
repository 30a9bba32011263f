"""Audio files and sample rates.

Audio is float32 of shape `(channels, samples)` in [-1, 1]; sample rates are in Hz. Files are read and written with
libsndfile (soundfile) and resampled with soxr. What a file claims of itself is checked before anything is decoded: a
few bytes of silence can stand for hours, and a rate of 1 Hz for a resampling that fills all memory.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from types import MappingProxyType

import numpy as np
import soundfile
import soxr

from augmentation.decoding import decoded
from munet.errors import RequestError
from munet.files import atomic_path

RATE_RANGE = (4000, 384_000)  # Hz
MAXIMUM_CHANNELS = 8
LONGEST = 600.0  # seconds, as a `MusicPlan`
MOST_VALUES = 2**27  # samples times channels: half a gigabyte, ten minutes of stereo at 96 kHz

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


def write_audio(path: str | os.PathLike[str], audio: np.ndarray, sample_rate: int) -> Path:
    """Write `audio`, `(channels, samples)`, in the format of the suffix (16 bits, or Vorbis, or MP3).

    What was read from 16 bits is written back as the same 16 bits.

    Raises:
        RequestError: if the path cannot be written to or the audio is not finite and of the shape above.
    """
    path = check_output(path)
    audio = np.asarray(audio)
    if audio.ndim != 2 or audio.size == 0 or not np.isfinite(audio).all():
        raise RequestError(f"audio: expected finite samples of shape (channels, samples), got shape {audio.shape}")
    form, subtype = FORMATS[path.suffix.lower()]
    samples = np.clip(audio.T, -1.0, 1.0)
    if subtype == "PCM_16":  # libsndfile reads with a factor of 1/32768, but writes with 32767
        samples = np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)
    with atomic_path(path) as temporary:
        soundfile.write(temporary, samples, sample_rate, format=form, subtype=subtype)
    return path


def encode(audio: np.ndarray, sample_rate: int, encoding: str) -> bytes:
    """Encode audio `(channels, samples)` in [-1, 1] as 16-bit FLAC or WAV, in memory."""
    buffer = io.BytesIO()
    soundfile.write(buffer, audio.T, sample_rate, format=encoding.upper(), subtype="PCM_16")
    return buffer.getvalue()


def seconds_of(path: str | os.PathLike[str]) -> float:
    """Length of an audio file in seconds, as it says itself.

    Raises:
        RequestError: it cannot be read as audio.
    """
    try:
        with soundfile.SoundFile(path) as file:
            return file.frames / file.samplerate
    except soundfile.LibsndfileError as error:
        with decoded(Path(path), _reason(error), seconds=LONGEST + 1) as wav, soundfile.SoundFile(wav) as file:
            return file.frames / file.samplerate


def _reason(error: soundfile.LibsndfileError) -> str:
    return error.error_string.rstrip(".")


def check_rate(sample_rate: float, argument: str = "sample_rate") -> None:
    """Check that a sample rate lies from 4 to 384 kHz.

    Raises:
        RequestError: it does not.
    """
    low, high = RATE_RANGE
    if not low <= sample_rate <= high:
        raise RequestError(f"{argument}: expected from {low} to {high} Hz, got {sample_rate!r}")


def read_audio(
    path: str | os.PathLike[str],
    sample_rate: int | None = None,
    start: float = 0.0,
    seconds: float | None = None,
) -> tuple[np.ndarray, int]:
    """Read an audio file, or a part of it; return float32 `(channels, samples)` and its rate.

    Args:
        path: any file that libsndfile reads, or FFmpeg where it is installed.
        sample_rate: rate to resample to, the file's own if None.
        start: second where to begin.
        seconds: how much to read at most; if None the whole file, which must not be longer than ten minutes.

    Raises:
        RequestError: the file does not exist, holds no audio there, cannot be read as audio, or is longer, of more
            channels or of another rate than can be used.
    """
    path = Path(path)
    if not path.is_file():
        raise RequestError(f"file: expected an existing audio file, got {str(path)!r}")
    try:
        samples, rate = _read_part(path, start, seconds, repr(str(path)))
    except soundfile.LibsndfileError as error:
        # What is not asked for is not decoded either: a second more than the most that may be asked.
        most = min(LONGEST + 1 if seconds is None else seconds, LONGEST + 1)
        with decoded(path, _reason(error), start, most) as wav:
            samples, rate = _read_part(wav, 0.0, seconds, repr(str(path)))
    if len(samples) == 0:
        raise RequestError(f"file: expected at least one sample, got none in {str(path)!r}")
    audio = np.ascontiguousarray(samples.T)
    return (audio, rate) if sample_rate is None else (resample(audio, rate, sample_rate), sample_rate)


def _read_part(path: Path, start: float, seconds: float | None, name: str) -> tuple[np.ndarray, int]:
    """Samples `(samples, channels)` of a part of a file that libsndfile reads, and its rate."""
    with soundfile.SoundFile(path) as file:
        first, count = _span(file, start, seconds, name)
        file.seek(first)
        return file.read(count, dtype="float32", always_2d=True), file.samplerate


def _span(file: soundfile.SoundFile, start: float, seconds: float | None, name: str) -> tuple[int, int]:
    """First frame and number of frames to read, once all that the file says of itself has been checked."""
    rate, channels = file.samplerate, file.channels
    check_rate(rate, f"file {name}")
    if channels > MAXIMUM_CHANNELS:
        raise RequestError(f"file: expected at most {MAXIMUM_CHANNELS} channels, got {channels} in {name}")
    first = min(round(start * rate), file.frames)
    count = file.frames - first
    if seconds is None and count > LONGEST * rate:
        raise RequestError(f"file: expected at most {LONGEST:g} seconds, got {count / rate:.0f} in {name}")
    count = min(count, round(min(seconds or LONGEST, LONGEST) * rate))
    if count * channels > MOST_VALUES:
        raise RequestError(f"file: expected at most {MOST_VALUES} samples, got {count} x {channels} in {name}")
    return first, count


def resample(audio: np.ndarray, source_rate: int, target_rate: int) -> np.ndarray:
    """Resample `(channels, samples)` from one rate to another (Hz) at soxr's high quality."""
    if source_rate == target_rate:
        return audio
    return np.ascontiguousarray(soxr.resample(audio.T, source_rate, target_rate, quality="HQ").T, dtype=np.float32)
