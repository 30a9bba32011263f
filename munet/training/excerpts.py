"""Excerpts of audio files for training the codec: endless, of varied loudness, in a pool that is replaced row by
row."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

AUDIO_ENDINGS = (".flac", ".ogg", ".opus", ".wav", ".mp3")
QUIETEST = -14.0  # dB: excerpts are turned down by up to this much


def audio_files(folders: Sequence[str | Path], skipped: Sequence[str] = ()) -> list[Path]:
    """List all audio files below `folders`, sorted, without those whose path contains one of `skipped`.

    Raises:
        FileNotFoundError: there is none.
    """
    found = sorted(path for folder in folders for path in Path(folder).rglob("*") if path.suffix in AUDIO_ENDINGS)
    found = [path for path in found if not any(part in path.as_posix() for part in skipped)]
    if not found:
        raise FileNotFoundError(f"audio: expected {', '.join(AUDIO_ENDINGS)} files below {list(map(str, folders))}")
    return found


def excerpts(groups: Sequence[Sequence[Path]], samples: int, sample_rate: int, seed: int) -> Iterator[torch.Tensor]:
    """Yield random excerpts `(2, samples)` of the files without end, the groups taking turns; sides may be swapped.

    Args:
        groups: files by kind, so that each kind has an equal share whatever its size.
        samples: length at `sample_rate` (Hz); shorter files are padded with silence.
        sample_rate: Hz.
        seed: of the choices.
    """
    draw = random.Random(seed)
    while True:
        for files in groups:
            path = draw.choice(files)
            info = soundfile.info(path)
            length = -(-samples * info.samplerate // sample_rate)
            start = draw.randrange(max(1, info.frames - length))
            audio, rate = soundfile.read(path, length, start, dtype="float32", always_2d=True)
            if rate != sample_rate:
                audio = soxr.resample(audio, rate, sample_rate)
            audio = np.pad(audio[:samples], ((0, max(0, samples - len(audio))), (0, 0)))
            audio = audio[:, [0, -1]] if draw.random() < 0.5 else audio[:, [-1, 0]]
            yield torch.from_numpy(audio.T * np.float32(10 ** (draw.uniform(QUIETEST, 0) / 20)))


def turned_down(clips: Iterable[torch.Tensor], seed: int) -> Iterator[torch.Tensor]:
    """Yield clips `(2, samples)`, each turned down by a random number of decibels, so that the codec learns levels."""
    draw = random.Random(seed)
    for clip in clips:
        yield clip * 10 ** (draw.uniform(QUIETEST, 0) / 20)


class ExcerptPool:
    """Excerpts and their latents on one device, from which crops are drawn.

    Args:
        source: gives excerpts `(2, samples)`, all of one length.
        encode: waveforms `(1, 2, samples)` -> latents `(1, channels, latent frames, bins)`.
        rows: excerpts to hold.
        device: where they live, the sound as 16-bit integers.
    """

    def __init__(
        self,
        source: Iterator[torch.Tensor],
        encode: Callable[[torch.Tensor], torch.Tensor],
        rows: int,
        device: torch.device,
    ) -> None:
        self.source, self.encode, self.device, self.next_row = source, encode, device, 0
        audio = next(source)
        latents = encode(audio[None].to(device))
        self.audio = torch.zeros(rows, *audio.shape, dtype=torch.int16, device=device)
        self.latents = torch.zeros(rows, *latents.shape[1:], dtype=torch.float16, device=device)
        for _ in range(rows):
            self.replace()

    def replace(self) -> None:
        """Put the source's next excerpt in the place of the oldest."""
        audio, row = next(self.source).to(self.device), self.next_row
        self.audio[row] = (audio * 32767).round().clamp(-32768, 32767).to(torch.int16)
        self.latents[row] = self.encode(audio[None])[0].half()
        self.next_row = (row + 1) % len(self.audio)

    def crops(self, count: int, frames: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw crops: latents `(count, channels, frames, bins)` and the sound `(count, 2, samples)` of the same frames.

        Args:
            count: of crops, with replacement.
            frames: latent frames of each.
            generator: of the choices, on the pool's device.
        """
        options = {"generator": generator, "device": self.device}
        total = self.latents.shape[2]
        step = self.audio.shape[2] // total
        rows = torch.randint(len(self.audio), (count,), **options)
        starts = torch.randint(total - frames + 1, (count,), **options)
        index = starts[:, None] + torch.arange(frames, device=self.device)
        latents = self.latents[rows[:, None], :, index].permute(0, 2, 1, 3)
        samples = starts[:, None] * step + torch.arange(frames * step, device=self.device)
        return latents.float(), self.audio[rows[:, None], :, samples].transpose(1, 2) / 32767
