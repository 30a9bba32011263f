"""Latents on disk, so that a recording goes through the encoder once and not in every run.

One file a clip, `(channels, frames, bins)` in half precision, named by what it was made of: another codec, file, level
or length of silence behind a short clip gives another name, so that nothing stale is ever read. Every file is written
whole or not at all, and several processes may share a folder.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from munet.files import digest, write_atomically


def codec_key(codec: nn.Module) -> str:
    """Name of what a codec makes of a sound: its class, its configuration and the buffers of its encoder."""
    config = sorted((name, value) for name, value in codec.config.items() if not name.startswith("_"))
    found = hashlib.sha256(repr((type(codec).__name__, config)).encode())
    for name, value in sorted(codec.named_buffers()):
        found.update(name.encode())
        found.update(value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


class LatentFolder:
    """The latents of one dataset under one codec.

    Args:
        folder: where the files lie; created with the first one.
        key: of the codec, see `codec_key`.
    """

    def __init__(self, folder: str | Path, key: str) -> None:
        self.folder, self.key = Path(folder), key

    def path(self, audio: Path, frames: int) -> Path:
        """Where the latents of an audio file lie that has silence behind it up to `frames` latent frames.

        Raises:
            OSError: there is no such audio file.
        """
        status = audio.stat()
        name = digest(self.key, audio.name, str(status.st_size), str(status.st_mtime_ns), str(frames))[:24]
        return self.folder / name[:2] / f"{name}.npy"

    def write(self, path: Path, latents: torch.Tensor) -> None:
        """Write latents `(channels, frames, bins)`, whole or not at all."""
        buffer = io.BytesIO()
        np.save(buffer, latents.detach().to("cpu", torch.float16).numpy())
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, buffer.getvalue())

    @staticmethod
    def frames(path: Path) -> int:
        """Latent frames of a file, of which only the head is read.

        Raises:
            OSError, ValueError: it is missing or damaged.
        """
        return np.load(path, mmap_mode="r").shape[1]

    @staticmethod
    def window(path: Path, start: int, frames: int) -> torch.Tensor:
        """Read `frames` latent frames from `start` on, `(channels, frames, bins)` half precision.

        Raises:
            OSError, ValueError: the file is missing, damaged or too short.
        """
        stored = np.load(path, mmap_mode="r")
        if stored.shape[1] < start + frames:
            raise ValueError(f"latents: expected {start + frames} frames, got {stored.shape[1]}")
        return torch.from_numpy(np.array(stored[:, start : start + frames]))


def starts_on_beats(
    beats: Sequence[tuple[float, int]] | None, last: int, frame_rate: float
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """First latent frames at which a window may begin, and those of them on downbeats.

    A window that begins in the frame of a beat keeps its attack; where no beats are known any frame will do.

    Args:
        beats: (second, position in the bar) of the clip.
        last: the latest frame at which a window still fits.
        frame_rate: latent frames a second.

    Returns:
        Frames in order, frame 0 among them; the second is empty where there is no downbeat.
    """
    if not beats or not last:
        every = tuple(range(last + 1))
        return every, every
    found = [(int(second * frame_rate), position) for second, position in beats]
    inside = sorted({0, *(frame for frame, _ in found if 0 <= frame <= last)})
    return tuple(inside), tuple(sorted({frame for frame, position in found if position == 1 and 0 <= frame <= last}))
