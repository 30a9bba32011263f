"""How windows and loops of sound are cut and joined, mid and side become left and right, and clips are turned down."""

from __future__ import annotations

import torch
import torch.nn.functional as F

PEAK = 0.95


def excerpt(waveform: torch.Tensor, first: int, count: int, circular: bool) -> torch.Tensor:
    """Samples `[first, first + count)` of `waveform` `(batch, channels, samples)`; outside it goes round or is
    silent."""
    total = waveform.shape[-1]
    if circular:
        return waveform[..., torch.arange(first, first + count, device=waveform.device) % total]
    piece = waveform[..., max(0, first) : max(0, min(total, first + count))]
    before = max(0, -first)
    return F.pad(piece, (before, count - before - piece.shape[-1]))


def left_right(mid_side: torch.Tensor) -> torch.Tensor:
    """Left and right `(batch, 2, samples)` of mid and side, stacked as `(2 * batch, samples)`."""
    mid, side = mid_side.chunk(2)
    return torch.stack([mid + side, mid - side], dim=1)


def wrapped(overlapped: torch.Tensor, early: int, full: int) -> torch.Tensor:
    """`(batch, full)`: what reaches over either end of a loop (`early` samples each) is added at the other."""
    index = torch.arange(-early, full + early, device=overlapped.device) % full
    return torch.zeros(len(overlapped), full, device=overlapped.device).index_add_(1, index, overlapped)


def turned_down(waveform: torch.Tensor) -> torch.Tensor:
    """Return clips `(clips, ...)` whose peaks are at most `PEAK`; all channels of a clip by the same factor."""
    peak = waveform.abs().flatten(1).amax(dim=1).clamp_min(1e-9)
    return waveform * (PEAK / peak).clamp_max(1.0).view(-1, *[1] * (waveform.ndim - 1))
