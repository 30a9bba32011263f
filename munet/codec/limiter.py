"""A limiter: short peaks are turned down around themselves, and the rest of a clip keeps its level.

A clip is as loud as its loudest drum lets it be if one factor serves all of it. Here the gain follows the peaks: it
falls in time before one, so that no sample is ever cut, and comes back after it. All channels share it, and it depends
on the sound around a sample alone: however a piece is cut into chunks, the samples are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F

CEILING = 0.95  # the largest sample
BLOCK = 49  # samples from point to point of the gain, 1.1 ms at 44.1 kHz
ATTACK, RELEASE = 4, 64  # blocks in which the gain goes from 1 to 0, and back; powers of two, so that sums are exact
STEPS = 2**24  # that gains are rounded down to
EARLY = BLOCK * (ATTACK + 1)  # samples after one that its gain depends on
LATE = BLOCK * (RELEASE + 1)  # samples before it


class Limiter:
    """Limits a sound that comes in chunks.

    Args:
        ceiling: the largest sample that comes out.
    """

    def __init__(self, ceiling: float = CEILING) -> None:
        self.ceiling = ceiling
        self.before: torch.Tensor | None = None  # gain `(clips, 1)` that the blocks so far let the next one have
        self.waiting: torch.Tensor | None = None

    def __call__(self, chunk: torch.Tensor) -> torch.Tensor:
        """Take a chunk `(clips, channels, samples)` and return what is ready, `(clips, channels, samples)` or less."""
        waiting = chunk if self.waiting is None else torch.cat([self.waiting, chunk], dim=-1)
        ready = max(0, waiting.shape[-1] // BLOCK - ATTACK - 1)
        self.waiting = waiting[..., ready * BLOCK :]
        return self._limited(waiting, ready)

    def rest(self) -> torch.Tensor:
        """Return what is left after the last chunk, `(clips, channels, samples)`.

        Raises:
            ValueError: there was no chunk.
        """
        left, self.waiting = self.waiting, None
        if left is None:
            raise ValueError("rest: expected a chunk before it, got none")
        count = -(-left.shape[-1] // BLOCK)
        padded = F.pad(left, (0, count * BLOCK - left.shape[-1]))
        return self._limited(padded, count)[..., : left.shape[-1]]

    def _limited(self, sound: torch.Tensor, ready: int) -> torch.Tensor:
        """The first `ready` blocks of a sound under their gain."""
        blocks = sound[..., : sound.shape[-1] // BLOCK * BLOCK].unflatten(-1, (-1, BLOCK))
        if not ready:
            return sound[..., :0]
        peaks = blocks.abs().amax(dim=(1, 3)).double()
        allowed = (self.ceiling / peaks.clamp_min(1e-9)).clamp_max(1.0).mul(STEPS).floor() / STEPS
        before = torch.ones_like(allowed[:, :1]) if self.before is None else self.before
        points = self._points(torch.cat([before, allowed], dim=1))
        self.before = self._after(torch.cat([before, allowed[:, :ready]], dim=1))[:, -1:]
        start, end = points[:, :ready, None], points[:, 1 : ready + 1, None]
        ramp = torch.arange(1, BLOCK + 1, device=sound.device) / BLOCK
        gain = (start + (end - start) * ramp).to(sound.dtype)
        return (blocks[:, :, :ready] * gain[:, None]).flatten(2)

    @staticmethod
    def _after(allowed: torch.Tensor) -> torch.Tensor:
        """The largest gains that rise no faster than the release, `(clips, blocks)`."""
        slope = torch.arange(allowed.shape[1], device=allowed.device, dtype=allowed.dtype) / RELEASE
        return (allowed - slope).cummin(dim=1).values + slope

    def _points(self, allowed: torch.Tensor) -> torch.Tensor:
        """Gains at the ends of the blocks, `(clips, blocks)`, the first of `allowed` being the point before them.

        A line between two points stays below what its block allows where both do.
        """
        after = self._after(allowed)
        both = torch.minimum(after, F.pad(allowed[:, 1:], (0, 1), value=1.0))
        slope = torch.arange(both.shape[1], device=both.device, dtype=both.dtype) / ATTACK
        return (both.flip(1) - slope).cummin(dim=1).values.add(slope).flip(1)


def limited(sound: torch.Tensor, circular: bool = False, ceiling: float = CEILING) -> torch.Tensor:
    """Return clips `(clips, channels, samples)` under the limiter; a `circular` one runs into its own beginning."""
    total = sound.shape[-1]
    if circular:
        around = torch.arange(-LATE, total + EARLY, device=sound.device) % total
        sound = sound[..., around]
    limiter = Limiter(ceiling)
    whole = torch.cat([limiter(sound), limiter.rest()], dim=-1)
    return whole[..., LATE : LATE + total] if circular else whole


def limited_chunks(chunks: Iterable[torch.Tensor], ceiling: float = CEILING) -> Iterator[torch.Tensor]:
    """Yield the chunks `(clips, channels, samples)` of a sound under the limiter, each a few milliseconds late."""
    limiter = Limiter(ceiling)
    for chunk in chunks:
        yield limiter(chunk)
    yield limiter.rest()
