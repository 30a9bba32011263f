"""Which latents are known in training, so that a model learns to go on, to lead in and to fill in between."""

from __future__ import annotations

import torch

KINDS = 4  # prefix, suffix, both ends, several stretches


def known_frames(
    batch: int, frames: int, generator: torch.Generator, nothing: float = 0.5, share: tuple[int, int] = (0, 1)
) -> torch.Tensor:
    """Draw masks `(batch, frames)`, True where a frame is known.

    A row knows nothing with probability `nothing`; else, each as often as the others, its beginning, its end, both, or
    all but two to four stretches. At least one frame is left to make.

    Args:
        batch: rows.
        frames: latent frames.
        generator: source of the draws, on the device of the result.
        nothing: probability.
        share: (i, n): the rows are the i-th of n equal parts of a batch, whose draws are made together.
    """
    device = generator.device
    draws = torch.rand(share[1] * batch, 4, generator=generator, device=device)
    stretches = torch.rand(share[1] * batch, 4, 2, generator=generator, device=device)
    own = slice(share[0] * batch, (share[0] + 1) * batch)
    draws, stretches = draws[own], stretches[own]
    place = (torch.arange(frames, device=device) + 0.5) / frames
    # Seams at two moments of the row, the later one after the earlier.
    first, second = draws[:, 1:3].sort(dim=1).values.split(1, dim=1)
    kind = (draws[:, :1] / (1 - nothing) * KINDS).floor() if nothing < 1 else torch.full_like(draws[:, :1], KINDS)
    start, length = stretches[..., 0], 0.05 + 0.25 * stretches[..., 1]
    count = 2 + (draws[:, 3:] * 3).floor()  # 2 to 4 stretches
    used = torch.arange(4, device=device) < count
    inside = (place >= start[..., None]) & (place < (start + length)[..., None]) & used[..., None]
    masks = torch.where(kind == 0, place < second, False)
    masks |= torch.where(kind == 1, place >= first, False)
    masks |= torch.where(kind == 2, (place < first) | (place >= second), False)
    masks |= torch.where(kind == 3, ~inside.any(dim=1), False)
    whole = masks.all(dim=1, keepdim=True)
    return masks & ~(whole & (torch.arange(frames, device=device) == frames // 2))
