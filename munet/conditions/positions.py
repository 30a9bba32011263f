"""Sinusoidal embeddings of musical quantities: the Fundamental Music Embedding and the embedding of a moment in time.

Both map a number `v` to `dim` sines and cosines. With the angle of column `i`

    w_i = 1 / base^(2 * floor(i / 2) / dim)

the even columns hold `sin(v * w_i)` and the odd ones `cos(v * w_i)`. A shift of `v` is then a rotation of the
embedding, the same wherever it happens, which makes equal intervals equal (Guo, Kang and Herremans, "A Domain-
Knowledge-Inspired Music Embedding Space and a Novel Attention Mechanism for Symbolic Music Modeling", AAAI 2023).
Mustango (Melechovsky et al., NAACL 2024) embeds chord roots by the first, the times of beats and chords by the second.

Conventions: times in seconds; angles are computed in float32 whatever the weights are, because a time times an angle in
half precision would be wrong by hundredths of a second.
"""

from __future__ import annotations

import torch
from torch import nn

TIME_BASE = 10001.0
PUBLISHED_FME_BASE = 1.0


def sinusoidal_angles(dim: int, base: float, device: torch.device | None = None) -> torch.Tensor:
    """The angle of every column, float32 `(dim,)`."""
    exponents = 2 * torch.arange(dim, device=device).div(2, rounding_mode="floor") / dim
    return 1 / torch.pow(torch.tensor(base, dtype=torch.float32, device=device), exponents)


def sinusoidal_embedding(values: torch.Tensor, dim: int, base: float) -> torch.Tensor:
    """Sines (even columns) and cosines (odd columns) of `values`.

    Args:
        values: numbers of any shape `(...)`; float64 is computed in float64, everything else in float32.
        dim: width of the embedding, even.
        base: ratio between the first angle and (nearly) the last; 1 makes all angles 1.

    Returns:
        Embedding `(..., dim)`.

    Raises:
        ValueError: if `dim` is odd or `base` is not positive.
    """
    if dim < 2 or dim % 2:
        raise ValueError(f"dim: expected an even number, got {dim}")
    if base <= 0:
        raise ValueError(f"base: expected a positive number, got {base}")
    # Each angle serves a pair of columns, so that half of them is enough.
    angles = sinusoidal_angles(dim, base, values.device)[::2]
    phases = values.to(torch.promote_types(values.dtype, torch.float32)).unsqueeze(-1) * angles
    return torch.stack([phases.sin(), phases.cos()], dim=-1).flatten(-2)


def global_time_embedding(seconds: torch.Tensor, dim: int, base: float = TIME_BASE) -> torch.Tensor:
    """Embedding `(..., dim)` of moments `(...)` in seconds from the start of the clip.

    It is the global-time part of the Music Positional Encoding, the only part that Mustango uses.
    """
    return sinusoidal_embedding(seconds, dim, base)


class FundamentalMusicEmbedding(nn.Module):
    """Fundamental Music Embedding: `FME(v) = [sin(w_i v), cos(w_i v)] + b` with a learned translation `b` (Guo et al.).

    Args:
        dim: width of the embedding, even.
        base: base of the angles. The published Mustango uses 1, so that all angles are 1 and every pair of columns
            repeats (sin v, cos v); a larger base tells the values apart at several scales.
    """

    def __init__(self, dim: int, base: float = PUBLISHED_FME_BASE) -> None:
        super().__init__()
        self.dim = dim
        self.base = base
        self.translation_bias = nn.Parameter(torch.zeros(1, dim))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Embed `values` `(...)` as `(..., dim)` in the dtype of the weights."""
        bias = self.translation_bias[0]
        return sinusoidal_embedding(values, self.dim, self.base).to(bias.dtype) + bias
