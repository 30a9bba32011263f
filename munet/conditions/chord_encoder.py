"""Chords as tokens and as embeddings for MuNet's cross-attention.

A token is a chord's root, type, inversion flag and start time. Its embedding is
`W (FME(root) ++ one_hot(type) ++ one_hot(inversion) ++ time) + c`, where `++` joins vectors and `time` is the global
time embedding (Mustango, Melechovsky et al., NAACL 2024, chord encoder).

Conventions: chords are `[(symbol, start second), ...]`, parsed by `munet.music.Chord`; chords richer than the
vocabulary are reduced by `Chord.reduce`; masks are True where there is a chord; shorter sequences are padded with id 0
at the last time.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from munet.conditions.positions import PUBLISHED_FME_BASE, TIME_BASE, FundamentalMusicEmbedding, global_time_embedding
from munet.errors import RequestError
from munet.music import MUSTANGO_QUALITIES, Chord

PAD_ID = 0
NO_CHORD_ID = 1
INVERTED_ID = 2
ROOT_POSITION_ID = 3
NUM_INVERSIONS = 4
FIRST_QUALITY_ID = 2
# Root ids count semitones from A.
FIRST_ROOT_ID = 2
A_PITCH_CLASS = 9
# In the order of the published checkpoint's one-hot code ("" is the major triad).
PUBLISHED_QUALITIES = MUSTANGO_QUALITIES


class ChordTokens(NamedTuple):
    """Padded tokens of one sequence of chords."""

    roots: list[int]
    types: list[int]
    inversions: list[int]
    times: list[float]
    mask: list[bool]


def chord_ids(symbol: str, qualities: Sequence[str] = PUBLISHED_QUALITIES) -> tuple[int, int, int]:
    """Root, type and inversion id of a chord symbol, reduced to `qualities` if it is richer.

    Raises:
        RequestError: if `symbol` is not a chord.
    """
    chord = Chord.parse(symbol).reduce(qualities)
    if chord.is_none:
        return NO_CHORD_ID, NO_CHORD_ID, NO_CHORD_ID
    return (
        FIRST_ROOT_ID + (chord.root_pc - A_PITCH_CLASS) % 12,
        FIRST_QUALITY_ID + qualities.index(chord.quality),
        ROOT_POSITION_ID if chord.bass is None else INVERTED_ID,
    )


def tokenize_chords(
    chords: Sequence[tuple[str, float]] | None, max_chords: int = 20, qualities: Sequence[str] = PUBLISHED_QUALITIES
) -> ChordTokens:
    """Turn chords into ids, times and a mask, padded to `max_chords`.

    Args:
        chords: (symbol, start second) of each chord; None counts as no chords.
        max_chords: length of the sequence.
        qualities: chord types that the vocabulary holds, as canonical suffixes.

    Returns:
        Ids (0 = padding, 1 = "N"), times in seconds (padding repeats the last one) and the mask, all of length
        `max_chords`. Without chords there is one "N" at 0 s: the published null condition.

    Raises:
        RequestError: if there are too many chords, one that cannot be parsed, or a time that is not finite.
    """
    chords = chords or (("N", 0.0),)
    if len(chords) > max_chords:
        raise RequestError(f"chords: expected at most {max_chords} chords, got {len(chords)}")
    for _, second in chords:
        if not isfinite(second):
            raise RequestError(f"chords: expected times in seconds, got {second!r}")
    padding = max_chords - len(chords)
    ids = [chord_ids(symbol, qualities) for symbol, _ in chords] + [(PAD_ID, PAD_ID, PAD_ID)] * padding
    roots, types, inversions = (list(column) for column in zip(*ids, strict=True))
    return ChordTokens(
        roots=roots,
        types=types,
        inversions=inversions,
        times=[float(second) for _, second in chords] + [float(chords[-1][1])] * padding,
        mask=[True] * len(chords) + [False] * padding,
    )


class ChordEncoder(ModelMixin, ConfigMixin):
    """Embeds chords.

    Args:
        embed_dim: width of the embeddings; the denoiser's `cross_attention_dim`.
        max_chords: length of every sequence.
        qualities: chord types of the vocabulary as canonical suffixes of `munet.music`, in the order of the one-hot
            code.
        fme_base: base of the root's Fundamental Music Embedding; 1 is the published value.
        time_base: base of the time embedding.
    """

    @register_to_config
    def __init__(
        self,
        embed_dim: int = 1024,
        max_chords: int = 20,
        qualities: tuple[str, ...] = PUBLISHED_QUALITIES,
        fme_base: float = PUBLISHED_FME_BASE,
        time_base: float = TIME_BASE,
    ) -> None:
        super().__init__()
        self.num_types = FIRST_QUALITY_ID + len(qualities)
        self.FME = FundamentalMusicEmbedding(embed_dim, fme_base)
        self.chord_ffn = nn.Linear(embed_dim + self.num_types + NUM_INVERSIONS + embed_dim, embed_dim)

    def forward(
        self, roots: torch.Tensor, types: torch.Tensor, inversions: torch.Tensor, times: torch.Tensor
    ) -> torch.Tensor:
        """Embed chord ids at `times` (seconds), all `(batch, length)`, as `(batch, length, embed_dim)`."""
        dtype = self.chord_ffn.weight.dtype
        time = global_time_embedding(times, self.config.embed_dim, self.config.time_base)
        features = (
            self.FME(roots),
            F.one_hot(types, self.num_types),
            F.one_hot(inversions, NUM_INVERSIONS),
            time,
        )
        return self.chord_ffn(torch.cat([feature.to(dtype) for feature in features], dim=-1))

    def tokenize(self, chords: Sequence[Sequence[tuple[str, float]] | None]) -> tuple[torch.Tensor, ...]:
        """Roots, types, inversions, times (seconds) and bool mask, each `(batch, max_chords)`, of a batch.

        Raises:
            RequestError: if a sequence has too many chords or one that cannot be parsed.
        """
        tokens = [tokenize_chords(row, self.config.max_chords, tuple(self.config.qualities)) for row in chords]
        device = self.chord_ffn.weight.device
        dtypes = (torch.long, torch.long, torch.long, torch.float32, torch.bool)
        columns = zip(*tokens, strict=True)
        pairs = zip(columns, dtypes, strict=True)
        return tuple(torch.tensor(rows, dtype=dtype, device=device) for rows, dtype in pairs)

    def encode(self, chords: Sequence[Sequence[tuple[str, float]] | None]) -> tuple[torch.Tensor, torch.Tensor]:
        """Embed a batch of chord sequences `[(symbol, start second), ...]`, each possibly empty or None.

        Returns:
            Embeddings `(batch, max_chords, embed_dim)` and bool mask `(batch, max_chords)`.

        Raises:
            RequestError: if a sequence has too many chords or one that cannot be parsed.
        """
        roots, types, inversions, times, mask = self.tokenize(chords)
        return self(roots, types, inversions, times), mask
