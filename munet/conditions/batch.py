"""Conditions: from prompts and plans to what MuNet takes, with a null form and dropout.

A batch of conditions is a dict of token tensors with a common first dimension, small enough to keep millions of them in
memory:

| group | tensors |
| --- | --- |
| text | `input_ids`, `text_mask` `(batch, text tokens)` |
| beats | `beat_ids`, `beat_times`, `beat_mask` `(batch, beats)` |
| chords | `chord_roots`, `chord_types`, `chord_inversions`, `chord_times`, `chord_mask` `(batch, chords)` |
| both | `aligned` `(batch, 52, latent frames)`, see `munet.conditions.aligned` |

Dropping a group replaces it by the null condition's (an empty prompt, no beats, no chords): the same null that guidance
uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from munet.conditions.aligned import aligned_features
from munet.conditions.beat_encoder import BeatEncoder
from munet.conditions.chord_encoder import ChordEncoder
from munet.conditions.text import encode_tokens, tokenize
from munet.music import MusicPlan
from munet.unet import MuNetModel

TEXT = ("input_ids", "text_mask")
BEATS = ("beat_ids", "beat_times", "beat_mask")
CHORDS = ("chord_roots", "chord_types", "chord_inversions", "chord_times", "chord_mask")
ALIGNED_CHORD_ROWS = (*range(37), 51)
ALIGNED_BEAT_ROWS = (*range(37, 51),)


def plan_tokens(
    plans: Sequence[MusicPlan], beat_encoder: BeatEncoder, chord_encoder: ChordEncoder, frames: int, frame_rate: float
) -> dict[str, torch.Tensor]:
    """Tokens of the beats and chords of each plan, and the aligned features for `frames` latent frames.

    Raises:
        ValueError: a plan has more beats or chords than the encoders take.
    """
    tokens = dict(zip(BEATS, beat_encoder.tokenize([plan.beats for plan in plans]), strict=True))
    tokens |= dict(zip(CHORDS, chord_encoder.tokenize([plan.chords for plan in plans]), strict=True))
    aligned = np.stack([aligned_features(plan, frames, frame_rate) for plan in plans])
    return {**tokens, "aligned": torch.from_numpy(aligned)}


def text_tokens(
    tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], max_length: int, pad_to_longest: bool = False
) -> dict[str, torch.Tensor]:
    """Token ids and mask `(batch, length)` of the prompts, see `munet.conditions.text.tokenize`."""
    return dict(zip(TEXT, tokenize(tokenizer, list(prompts), max_length, pad_to_longest), strict=True))


def replace_group(
    tokens: Mapping[str, torch.Tensor], null: Mapping[str, torch.Tensor], group: str, rows: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Tokens in which `group` ("text", "beats" or "chords") is null where `rows` `(batch,)` is True; a new dict."""
    names = {"text": TEXT, "beats": BEATS, "chords": CHORDS}[group]
    replaced = dict(tokens)
    for name in names:
        where = rows.view(-1, *[1] * (tokens[name].ndim - 1))
        replaced[name] = torch.where(where, null[name].to(tokens[name].dtype), tokens[name])
    if group != "text":
        features = torch.zeros(tokens["aligned"].shape[1], dtype=torch.bool, device=rows.device)
        features[list(ALIGNED_BEAT_ROWS if group == "beats" else ALIGNED_CHORD_ROWS)] = True
        replaced["aligned"] = tokens["aligned"].masked_fill(rows[:, None, None] & features[:, None], 0)
    return replaced


@dataclass(frozen=True)
class ConditionDropout:
    """How often conditions are missing in training: all of them, and each by itself (as in Mustango).

    Attributes:
        everything: probability that a row loses all conditions, which trains the branch that guidance starts from.
        text, beats, chords: probability that a row loses this one.
    """

    everything: float = 0.1
    text: float = 0.05
    beats: float = 0.05
    chords: float = 0.05

    def __call__(
        self, tokens: Mapping[str, torch.Tensor], null: Mapping[str, torch.Tensor], generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        """Tokens with some groups of some rows replaced by the null condition; the given tokens are left alone."""
        device = tokens["aligned"].device
        draws = torch.rand(4, len(tokens["aligned"]), generator=generator, device=device)
        everything = draws[0] < self.everything
        dropped = dict(tokens)
        for draw, group in zip(draws[1:], ("text", "beats", "chords"), strict=True):
            dropped = replace_group(dropped, null, group, everything | (draw < getattr(self, group)))
        return dropped


def null_like(tokens: Mapping[str, torch.Tensor], null: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The null condition `(1, ...)` repeated for every row of `tokens`."""
    count = len(tokens["aligned"])
    return {name: null[name].expand(count, *null[name].shape[1:]) for name in tokens}


def embed(
    tokens: Mapping[str, torch.Tensor],
    unet: MuNetModel,
    text_encoder: PreTrainedModel,
    beat_encoder: BeatEncoder,
    chord_encoder: ChordEncoder,
) -> dict[str, torch.Tensor]:
    """The keyword arguments that `unet` takes for a batch of condition tokens; the text encoder stays frozen."""
    with torch.no_grad():
        hidden_states, pooled = encode_tokens(text_encoder, tokens["input_ids"], tokens["text_mask"])
    dtype = beat_encoder.beat_ffn.weight.dtype
    conditions = {
        "encoder_hidden_states": hidden_states.to(dtype),
        "encoder_attention_mask": tokens["text_mask"],
        "beat_hidden_states": beat_encoder(tokens["beat_ids"], tokens["beat_times"]),
        "beat_attention_mask": tokens["beat_mask"],
        "chord_hidden_states": chord_encoder(*(tokens[name] for name in CHORDS[:-1])),
        "chord_attention_mask": tokens["chord_mask"],
    }
    if unet.config.pooled_projection_dim is not None:
        conditions["pooled_projections"] = pooled.to(dtype)
    if unet.config.aligned_channels is not None:
        conditions["aligned_condition"] = tokens["aligned"].to(dtype)
    return conditions
