"""Beats as tokens and as embeddings for MuNet's cross-attention.

A token is a beat's number in its bar (1 = downbeat) and its time. Its embedding is `W (one_hot(id) ++ time) + c`, where
`++` joins vectors and `time` is the global time embedding (Mustango, Melechovsky et al., NAACL 2024, beat encoder).

Conventions: beats are `[(second, position in the bar), ...]`; masks are True where there is a beat; shorter sequences
are padded with id 0 at the time of the last beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from numbers import Real
from typing import NamedTuple

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from munet.conditions.positions import TIME_BASE, global_time_embedding
from munet.errors import RequestError

PAD_ID = 0
# Id 1 is the published vocabulary's unused "None"; the first beat of a bar is 2.
FIRST_BEAT_ID = 2


class BeatTokens(NamedTuple):
    """Padded tokens of one sequence of beats."""

    ids: list[int]
    times: list[float]
    mask: list[bool]


def tokenize_beats(
    beats: Sequence[tuple[float, float]] | None, max_beats: int = 50, max_position: int = 7
) -> BeatTokens:
    """Turn beats into ids, times and a mask, padded to `max_beats`.

    Args:
        beats: (second, position in the bar) of each beat; None counts as no beats.
        max_beats: length of the sequence.
        max_position: highest position that the vocabulary holds.

    Returns:
        Ids (0 = padding, position + 1 otherwise), times in seconds (padding repeats the last one, 0.0 without beats)
        and the mask, all of length `max_beats`. Without beats the mask is all False: the published null condition.

    Raises:
        RequestError: if there are too many beats, a time that is not finite, or a position that is not a whole number
            from 1 to `max_position`.
    """
    beats = () if beats is None else beats
    if len(beats) > max_beats:
        raise RequestError(f"beats: expected at most {max_beats} beats, got {len(beats)}")
    for second, position in beats:
        if not isfinite(second):
            raise RequestError(f"beats: expected times in seconds, got {second!r}")
        if not (isinstance(position, Real) and float(position).is_integer() and 1 <= position <= max_position):
            raise RequestError(f"beats: expected positions in the bar from 1 to {max_position}, got {position!r}")
    padding = max_beats - len(beats)
    last = float(beats[-1][0]) if beats else 0.0
    return BeatTokens(
        ids=[int(position) + FIRST_BEAT_ID - 1 for _, position in beats] + [PAD_ID] * padding,
        times=[float(second) for second, _ in beats] + [last] * padding,
        mask=[True] * len(beats) + [False] * padding,
    )


class BeatEncoder(ModelMixin, ConfigMixin):
    """Embeds beats.

    Args:
        embed_dim: width of the embeddings; the denoiser's `cross_attention_dim`.
        max_beats: length of every sequence.
        num_beat_types: classes of the one-hot code, padding and "None" included: beats 1 to `num_beat_types - 2` can be
            embedded. The published checkpoint has 7, so five beats in a bar.
        time_base: base of the time embedding.
    """

    @register_to_config
    def __init__(
        self, embed_dim: int = 1024, max_beats: int = 50, num_beat_types: int = 7, time_base: float = TIME_BASE
    ) -> None:
        super().__init__()
        self.beat_ffn = nn.Linear(num_beat_types + embed_dim, embed_dim)

    def forward(self, ids: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """Embed beat `ids` `(batch, length)` at `times` `(batch, length)` seconds as `(batch, length, embed_dim)`."""
        dtype = self.beat_ffn.weight.dtype
        one_hot = F.one_hot(ids, self.config.num_beat_types).to(dtype)
        time = global_time_embedding(times, self.config.embed_dim, self.config.time_base).to(dtype)
        return self.beat_ffn(torch.cat([one_hot, time], dim=-1))

    @property
    def max_position(self) -> int:
        """Highest position in a bar that the vocabulary holds: padding and "None" take its first two classes."""
        return self.config.num_beat_types - FIRST_BEAT_ID

    def tokenize(
        self, beats: Sequence[Sequence[tuple[float, float]] | None]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Ids, times (seconds) and bool mask, each `(batch, max_beats)`, of a batch of beat sequences.

        Raises:
            RequestError: if a sequence has too many beats or a position beyond the vocabulary.
        """
        tokens = [tokenize_beats(row, self.config.max_beats, self.max_position) for row in beats]
        device = self.beat_ffn.weight.device
        return (
            torch.tensor([row.ids for row in tokens], dtype=torch.long, device=device),
            torch.tensor([row.times for row in tokens], dtype=torch.float32, device=device),
            torch.tensor([row.mask for row in tokens], dtype=torch.bool, device=device),
        )

    def encode(self, beats: Sequence[Sequence[tuple[float, float]] | None]) -> tuple[torch.Tensor, torch.Tensor]:
        """Embed a batch of beat sequences `[(second, position), ...]`, each possibly empty or None.

        Returns:
            Embeddings `(batch, max_beats, embed_dim)` and bool mask `(batch, max_beats)`.

        Raises:
            RequestError: if a sequence has too many beats or a position beyond the vocabulary.
        """
        ids, times, mask = self.tokenize(beats)
        return self(ids, times), mask
