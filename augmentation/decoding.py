"""Files that libsndfile does not read (M4A, WebM, the sound of videos), by FFmpeg where it is installed; cut files.

FFmpeg is a program of its own that is run, never linked: this project works without it, and says so where it would
help. It may open containers of sound and film only, from files: no playlists, which could name other files.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from munet.errors import RequestError

FFMPEG = "ffmpeg"
LONGEST_RUN = 120.0  # seconds
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,mpegts,mpeg,flv,aac,mp3,ogg,flac,wav,caf,amr,ac3,aiff"
UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0xFFFFFFFF)  # of a WAV file that was written to a pipe
ODD_BYTES = 2  # a header may count a byte of padding that is not there
TAIL = 65536  # bytes: an Ogg page is shorter
END_OF_STREAM = 4


@contextmanager
def decoded(path: Path, reason: str, start: float = 0.0, seconds: float | None = None) -> Iterator[Path]:
    """Have FFmpeg decode a file, or a part of it, to a WAV file that lives as long as the context.

    Args:
        path: any file that FFmpeg knows.
        reason: why libsndfile does not read it, for the message.
        start, seconds: the part.

    Raises:
        RequestError: FFmpeg is not installed, or finds no sound in the file.
    """
    program = shutil.which(FFMPEG)
    if program is None:
        raise RequestError(
            f"file: expected audio that libsndfile reads, got {str(path)!r} ({reason}; FFmpeg, which reads M4A, WebM "
            "and videos, is not installed)"
        )
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "audio.wav"
        span = ["-ss", f"{start:.6f}"] + ([] if seconds is None else ["-t", f"{seconds:.6f}"])
        allowed = ["-protocol_whitelist", "file", "-format_whitelist", CONTAINERS]
        command = [program, "-v", "error", "-nostdin", *allowed, "-i", str(path.resolve()), *span, "-vn"]
        command += ["-map", "0:a:0", "-c:a", "pcm_f32le", str(target)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=LONGEST_RUN, check=False)
        except subprocess.TimeoutExpired:
            raise RequestError(f"file: expected audio, got {str(path)!r}, which FFmpeg does not end to read") from None
        if done.returncode or not target.is_file():
            words = done.stderr.decode(errors="replace").strip().splitlines() or ["no sound"]
            raise RequestError(f"file: expected audio, got {str(path)!r} (FFmpeg: {words[-1]})")
        yield target


def is_cut_short(path: Path) -> bool:
    """Whether a WAV, AIFF or Ogg file says of itself that it ought to be longer than it is."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] in (b"RIFF", b"FORM") and len(head) == 12:
            (claimed,) = struct.unpack("<I" if head[:4] == b"RIFF" else ">I", head[4:8])
            return claimed not in UNKNOWN_SIZES and claimed + 8 > size + ODD_BYTES
        if head[:4] == b"OggS":
            file.seek(max(0, size - TAIL))
            tail = file.read()
            last = tail.rfind(b"OggS")
            return last >= 0 and last + 5 < len(tail) and not tail[last + 5] & END_OF_STREAM
    return False
