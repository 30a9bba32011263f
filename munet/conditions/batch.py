"""Conditions: from prompts and plans to what MuNet takes, with a null form and dropout.

A batch of conditions is a dict of token tensors with a common first dimension, small enough to keep millions of them in
memory:

| group | tensors |
| --- | --- |
| text | `input_ids`, `text_mask` `(batch, text tokens)` |
| rhythm | `beat_ids`, `beat_times`, `beat_mask` `(batch, beats)` |
| harmony | `chord_roots`, `chord_types`, `chord_inversions`, `chord_times`, `chord_mask` `(batch, chords)` |
| all but text | `aligned` `(batch, rows, latent frames)`, see `munet.conditions.aligned` |
| notes | `notes` `(batch, rows, latent frames)`, see `munet.conditions.roll`; of models that take them |

Dropping a group replaces it by the null condition's (an empty prompt, no beats, no chords, rows of zeros): the same
null that guidance uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch

from munet.conditions.aligned import aligned_features, rows_of
from munet.conditions.beat_encoder import BeatEncoder
from munet.conditions.chord_encoder import ChordEncoder
from munet.conditions.roll import note_roll
from munet.conditions.text import encode_tokens, tokenize
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.events import NoteEvent
from munet.unet import MuNetModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from munet.conditions.minilm import MiniLM, MiniLMTokenizer

TEXT = ("input_ids", "text_mask")
BEATS = ("beat_ids", "beat_times", "beat_mask")
CHORDS = ("chord_roots", "chord_types", "chord_inversions", "chord_times", "chord_mask")
# Group -> its token tensors and its groups of aligned rows. "arrangement" is all that says who plays, and how.
GROUP_TOKENS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"text": TEXT, "rhythm": BEATS, "harmony": CHORDS, "arrangement": ("notes",), "notes": ("notes",)}
)
GROUP_ROWS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"arrangement": ("instruments", "energy", "style", "edges"), "text": (), "notes": ()}
)


def plan_tokens(
    plans: Sequence[MusicPlan],
    beat_encoder: BeatEncoder,
    chord_encoder: ChordEncoder,
    frames: int,
    frame_rate: float,
    styles: Sequence[str] | None = None,
    start: int | None = None,
    notes: Sequence[Sequence[NoteEvent] | None] | None = None,
) -> dict[str, torch.Tensor]:
    """Tokens of the beats and chords of each plan and the aligned features, for a window of latent frames.

    Args:
        plans: whole pieces.
        beat_encoder, chord_encoder: whose vocabularies count.
        frames: latent frames of the window.
        frame_rate: latent frames per second.
        styles: see `munet.conditions.aligned.aligned_features`.
        start: first latent frame of the window; beats and chords are those within it, timed from there. None: the
            window holds all of the piece.
        notes: of each whole piece, for a model that takes them; None for one that does not.

    Raises:
        ValueError: a window has more beats or chords than the encoders take.
    """
    beats = [plan.beats for plan in plans]
    chords = [plan.chords for plan in plans]
    if start is not None:
        span = (start / frame_rate, (start + frames) / frame_rate)
        beats = [beats_within(row, *span) for row in beats]
        chords = [chords_within(row, *span) for row in chords]
    tokens = dict(zip(BEATS, beat_encoder.tokenize(beats), strict=True))
    tokens |= dict(zip(CHORDS, chord_encoder.tokenize(chords), strict=True))
    first = start or 0
    aligned = [aligned_features(plan, first + frames, frame_rate, styles)[:, first:] for plan in plans]
    if notes is not None:
        tokens["notes"] = torch.from_numpy(np.stack([note_roll(each, frames, frame_rate, first) for each in notes]))
    return {**tokens, "aligned": torch.from_numpy(np.stack(aligned))}


def beats_within(
    beats: Sequence[tuple[float, int]] | None, start: float, end: float
) -> tuple[tuple[float, int], ...] | None:
    """Return the beats from `start` to before `end` (seconds), timed from `start`."""
    return beats and tuple((second - start, position) for second, position in beats if start <= second < end)


def chords_within(
    chords: Sequence[tuple[str, float]] | None, start: float, end: float
) -> tuple[tuple[str, float], ...] | None:
    """Return the chords from `start` to before `end` (seconds), timed from `start`; what sounds there begins at 0."""
    if not chords:
        return chords
    begun = [(symbol, 0.0) for symbol, second in chords if second <= start][-1:]
    return (*begun, *((symbol, second - start) for symbol, second in chords if start < second < end))


def text_tokens(
    tokenizer: PreTrainedTokenizerBase | MiniLMTokenizer,
    prompts: Sequence[str],
    max_length: int,
    pad_to_longest: bool = False,
) -> dict[str, torch.Tensor]:
    """Token ids and mask `(batch, length)` of the prompts, see `munet.conditions.text.tokenize`."""
    return dict(zip(TEXT, tokenize(tokenizer, list(prompts), max_length, pad_to_longest), strict=True))


def replace_group(
    tokens: Mapping[str, torch.Tensor], null: Mapping[str, torch.Tensor], group: str, rows: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Tokens in which `group` is null where `rows` `(batch,)` is True; a new dict.

    Args:
        tokens, null: conditions, and the null condition `(1, ...)`.
        group: "text", "rhythm", "harmony", "arrangement", "notes", "melody", or one of the rows that make up the
            arrangement.
        rows: which rows of the batch.
    """
    replaced = dict(tokens)
    for name in (name for name in GROUP_TOKENS.get(group, ()) if name in tokens):
        where = rows.view(-1, *[1] * (tokens[name].ndim - 1))
        replaced[name] = torch.where(where, null[name].to(tokens[name].dtype), tokens[name])
    count = tokens["aligned"].shape[1]
    features = [row for part in GROUP_ROWS.get(group, (group,)) for row in rows_of(part, count)]
    if features:
        gone = torch.zeros(count, dtype=torch.bool, device=rows.device)
        gone[features] = True
        replaced["aligned"] = tokens["aligned"].masked_fill(rows[:, None, None] & gone[:, None], 0)
    return replaced


@dataclass(frozen=True)
class ConditionDropout:
    """How often conditions are missing in training: all of them, and each by itself (as in Mustango).

    Attributes:
        everything: probability that a row loses all conditions, which trains the branch that guidance starts from.
        text, rhythm, harmony, melody, arrangement: probability that a row loses this group, the notes with the
            arrangement.
        instruments, energy, style, edges: probability that a row loses this part of the arrangement, which teaches
            plans that say only some of it, and text where nothing else says it.
        notes: probability that a row loses its notes.

    Raises:
        RequestError: a probability outside 0 to 1.
    """

    everything: float = 0.1
    text: float = 0.05
    rhythm: float = 0.05
    harmony: float = 0.05
    melody: float = 0.5
    arrangement: float = 0.25
    instruments: float = 0.15
    energy: float = 0.3
    style: float = 0.3
    edges: float = 0.1
    notes: float = 0.1

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not 0 <= value <= 1:
                raise RequestError(f"dropout.{item.name}: expected a probability from 0 to 1, got {value!r}")

    def __call__(
        self,
        tokens: Mapping[str, torch.Tensor],
        null: Mapping[str, torch.Tensor],
        generator: torch.Generator,
        share: tuple[int, int] = (0, 1),
    ) -> dict[str, torch.Tensor]:
        """Tokens with some groups of some rows replaced by the null condition; the given tokens are left alone.

        Args:
            tokens, null: conditions, and the null condition `(1, ...)`.
            generator: source of the draws, on the tokens' device.
            share: (i, n): `tokens` are the i-th of n equal parts of the batch, whose draws are made together.
        """
        device, count = tokens["aligned"].device, len(tokens["aligned"])
        groups = [item.name for item in fields(self)][1:]
        draws = torch.rand(1 + len(groups), share[1] * count, generator=generator, device=device)
        draws = draws[:, share[0] * count : (share[0] + 1) * count]
        everything = draws[0] < self.everything
        dropped = dict(tokens)
        for draw, group in zip(draws[1:], groups, strict=True):
            dropped = replace_group(dropped, null, group, everything | (draw < getattr(self, group)))
        return dropped


def null_like(tokens: Mapping[str, torch.Tensor], null: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The null condition `(1, ...)` repeated for every row of `tokens`."""
    count = len(tokens["aligned"])
    return {name: null[name].expand(count, *null[name].shape[1:]) for name in tokens}


def embed(
    tokens: Mapping[str, torch.Tensor],
    unet: MuNetModel,
    text_encoder: PreTrainedModel | MiniLM,
    beat_encoder: BeatEncoder,
    chord_encoder: ChordEncoder,
) -> dict[str, torch.Tensor]:
    """The keyword arguments that `unet` takes for a batch of condition tokens; the text encoder stays frozen."""
    with torch.no_grad():
        hidden_states, pooled = encode_tokens(text_encoder, tokens["input_ids"], tokens["text_mask"])
    conditions = {
        "encoder_hidden_states": hidden_states,
        "encoder_attention_mask": tokens["text_mask"],
        "beat_hidden_states": beat_encoder(tokens["beat_ids"], tokens["beat_times"]),
        "beat_attention_mask": tokens["beat_mask"],
        "chord_hidden_states": chord_encoder(*(tokens[name] for name in CHORDS[:-1])),
        "chord_attention_mask": tokens["chord_mask"],
    }
    if unet.config.pooled_projection_dim is not None:
        conditions["pooled_projections"] = pooled
    if unet.config.aligned_channels is not None:
        conditions["aligned_condition"] = tokens["aligned"]
    if unet.config.note_channels is not None:
        conditions["note_condition"] = tokens["notes"]
    dtype = unet.dtype
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in conditions.items()}
