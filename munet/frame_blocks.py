"""The body of `pocket`: blocks over whole latent frames, cross-attending to text, beats and chords.

The bands of a latent frame have components of their own, so nothing repeats along frequency that a convolution could
share: a frame is one token. A weight is then used once a frame and pass, which makes the network cheap on a processor:
11 M parameters in two passes take 5 GFLOP for 128 frames. As in MuNet's blocks (Mustango, Melechovsky et al., NAACL
2024) every second block attends to text, beats and chords. Time, the pooled text and the time-aligned condition
modulate every block (adaptive layer normalisation with one shared projection, as in PixArt-alpha, Chen et al., 2024);
positions are rotary (Su et al., 2021), so that windows of any length work.

Conventions: hidden states `(batch, frames, width)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from torch import nn

from munet.attended import Condition, Conditions, repeated

ROTARY_BASE = 10000.0


class Attended(NamedTuple):
    """Keys and values `(batch, heads, length, head width)` of a condition, and its bias `(batch, 1, 1, length)`."""

    key: torch.Tensor
    value: torch.Tensor
    bias: torch.Tensor | None


def rotation(frames: int, width: int, device: torch.device | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines `(frames, width)` of rotary positions; the first half's sines are negative, see `rotate`."""
    half = width // 2
    positions = torch.arange(frames, device=device, dtype=torch.float32)
    speeds = ROTARY_BASE ** (-torch.arange(half, device=device, dtype=torch.float32) / half)
    angles = torch.outer(positions, speeds)
    cosine, sine = angles.cos(), angles.sin()
    return torch.cat([cosine, cosine], dim=-1), torch.cat([-sine, sine], dim=-1)


def rotate(states: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Turn the halves of queries or keys `(..., head width)` by their frame's angles, which broadcast to them."""
    return torch.addcmul(states * cosine, states.roll(states.shape[-1] // 2, dims=-1), sine)


def attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """Attend `(batch, heads, length, head width)`; `bias` is added to the scores.

    Where gradients are taken, a processor gets float32: the backward pass of its fused attention takes three times as
    long in bfloat16.
    """
    if query.device.type != "cpu" or query.dtype != torch.bfloat16 or not torch.is_grad_enabled():
        return F.scaled_dot_product_attention(query, key, value, bias)
    with torch.autocast("cpu", enabled=False):
        bias = None if bias is None else bias.float()
        return F.scaled_dot_product_attention(query.float(), key.float(), value.float(), bias).to(query.dtype)


class SelfAttention(nn.Module):
    """Attention from every frame to every frame, with rotary positions and normalised queries and keys."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(width, 3 * width)
        self.norm_q, self.norm_k = nn.RMSNorm(width // heads, eps=1e-6), nn.RMSNorm(width // heads, eps=1e-6)
        self.to_out = nn.Linear(width, width)

    def forward(self, hidden_states: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
        """Map `(batch, frames, width)`; `cosine` and `sine` as `rotation` gives them."""
        states = self.to_qkv(hidden_states).unflatten(-1, (3, self.heads, -1))
        value = states[:, :, 2].transpose(1, 2)
        both = F.rms_norm(states[:, :, :2], states.shape[-1:], eps=self.norm_q.eps)
        # The norms' weights on the angles instead of the states: these are few, those are many.
        weights = torch.stack([self.norm_q.weight, self.norm_k.weight])[:, None]
        turned = weights.roll(weights.shape[-1] // 2, dims=-1)
        cosine, sine = cosine[:, None, None] * weights, sine[:, None, None] * turned
        both = rotate(both, cosine.to(both.dtype), sine.to(both.dtype))
        query, key = both.to(value.dtype).permute(2, 0, 3, 1, 4)
        attended = attention(query, key, value)
        return self.to_out(attended.transpose(1, 2).flatten(2))


class ConditionAttention(nn.Module):
    """Attention to text, beats and chords, each with heads of its own, joined by one projection."""

    def __init__(self, width: int, condition_width: int, heads: Sequence[int], head_width: int) -> None:
        super().__init__()
        self.heads, self.head_width = tuple(heads), head_width
        inner = [count * head_width for count in heads]
        self.inner = inner
        self.to_q = nn.Linear(width, sum(inner))
        self.to_kv = nn.ModuleList(nn.Linear(condition_width, 2 * size) for size in inner)
        self.to_out = nn.Linear(sum(inner), width)

    def attended(self, conditions: Sequence[Condition]) -> tuple[Attended, ...]:
        """Keys and values of text, beats and chords, which stay the same from step to step."""
        made = []
        for to_kv, condition in zip(self.to_kv, conditions, strict=True):
            states = to_kv(condition.states).unflatten(-1, (2, -1, self.head_width))
            key, value = states.permute(2, 0, 3, 1, 4).contiguous()
            made.append(Attended(key, value, None if condition.bias is None else condition.bias[:, None].to(key.dtype)))
        return tuple(made)

    def forward(self, hidden_states: torch.Tensor, attended: Sequence[Attended]) -> torch.Tensor:
        """Map `(batch, frames, width)`, attending to what `attended` has made."""
        queries = self.to_q(hidden_states).split(self.inner, dim=-1)
        mixed = []
        for query, (key, value, bias) in zip(queries, attended, strict=True):
            query = query.unflatten(-1, (-1, self.head_width)).transpose(1, 2)
            mixed.append(attention(query, key, value, bias).transpose(1, 2).flatten(2))
        return self.to_out(torch.cat(mixed, dim=-1))


class FeedForward(nn.Module):
    """Depthwise convolution over time, then a gated linear unit."""

    def __init__(self, width: int, inner: int, kernel: int) -> None:
        super().__init__()
        self.taps = nn.Parameter(torch.zeros(kernel, width))
        self.to_inner = nn.Linear(width, 2 * inner)
        self.to_out = nn.Linear(inner, width)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        reach, frames = len(self.taps) // 2, hidden_states.shape[1]
        # Shifted sums rather than a grouped convolution: one fused kernel on a GPU, and as cheap on a processor.
        padded = F.pad(hidden_states, (0, 0, reach, reach))
        for index in range(len(self.taps)):
            hidden_states = torch.addcmul(hidden_states, padded[:, index : index + frames], self.taps[index])
        value, gate = self.to_inner(hidden_states).chunk(2, dim=-1)
        return self.to_out(value * F.silu(gate))


class FrameBlock(nn.Module):
    """Self-attention, attention to the conditions in every second block, feed-forward; all but the middle modulated."""

    def __init__(self, width: int, heads: int, inner: int, kernel: int, cross: ConditionAttention | None) -> None:
        super().__init__()
        self.attention = SelfAttention(width, heads)
        self.norm_cross = nn.LayerNorm(width) if cross is not None else None
        self.cross = cross
        self.feed_forward = FeedForward(width, inner, kernel)

    def forward(
        self,
        hidden_states: torch.Tensor,
        shared: torch.Tensor,
        table: torch.Tensor,
        angles: tuple[torch.Tensor, torch.Tensor],
        attended: Sequence[Attended] | None,
    ) -> torch.Tensor:
        """Map `hidden_states`.

        Args:
            hidden_states: `(batch, frames, width)`.
            shared: `(batch, frames, 6, width)`, shift, scale and gate of both parts, the same for all blocks.
            table: `(6, width)`, what this block adds to them.
            angles: see `rotation`.
            attended: of text, beats and chords; None in a block that does not attend to them.
        """
        shift, scale, gate, shift_ff, scale_ff, gate_ff = (shared + table.to(shared.dtype)).unbind(2)
        mixed = self.attention(modulated(hidden_states, shift, scale), *angles)
        hidden_states = torch.addcmul(hidden_states, gate, mixed)
        if self.cross is not None and self.norm_cross is not None and attended is not None:
            hidden_states = hidden_states + self.cross(self.norm_cross(hidden_states), attended)
        return torch.addcmul(hidden_states, gate_ff, self.feed_forward(modulated(hidden_states, shift_ff, scale_ff)))


def modulated(hidden_states: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Layer normalisation with given shift and scale."""
    return torch.addcmul(shift, F.layer_norm(hidden_states, hidden_states.shape[-1:]), scale)


Embedded = tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None, list[tuple[Attended, ...] | None]]


class FrameNet(nn.Module):
    """Denoiser over frames.

    Args:
        entering: features of a frame that enter: the noisy latents and, if they are taken, known ones and their mask.
        latent: features of a frame of the noisy latents.
        leaving: features of a frame of the prediction.
        cross_attention_dim: width of the text, beat and chord embeddings.
        aligned_channels: of the time-aligned condition, None for none.
        pooled_projection_dim: width of the pooled text, None for none.
        width: of the hidden states.
        layers: blocks; every second one, from the first on, attends to text, beats and chords.
        passes: how often the blocks are gone through, each time with a modulation of its own.
        heads: of self-attention; cross_heads: for text, beats and chords, of the same width.
        inner: width of the feed-forward.
        kernel: frames of its convolution, odd.
        aligned_hidden: channels between the two layers over the time-aligned condition.
        sound_codes: numbers of the sound code, None for none.
        note_channels: features of the notes, the last of which says whether there are some; None for none.
        note_hidden: channels between the two layers over the notes.

    Raises:
        ValueError: `heads` does not divide `width`, or an even `kernel`.
    """

    def __init__(
        self,
        entering: int,
        latent: int,
        leaving: int,
        cross_attention_dim: int,
        aligned_channels: int | None,
        pooled_projection_dim: int | None,
        width: int = 384,
        layers: int = 5,
        passes: int = 2,
        heads: int = 6,
        cross_heads: Sequence[int] = (4, 1, 1),
        inner: int = 768,
        kernel: int = 5,
        aligned_hidden: int = 192,
        sound_codes: int | None = None,
        note_channels: int | None = None,
        note_hidden: int = 256,
    ) -> None:
        super().__init__()
        if width % heads or kernel % 2 == 0:
            raise ValueError(
                f"frames: expected heads that divide width and an odd kernel, got {heads}, {width}, {kernel}"
            )
        self.width, self.heads = width, heads
        self.proj_in = nn.Linear(entering, width)
        self.time_proj = Timesteps(width, True, 0)
        self.time_embedding = TimestepEmbedding(width, width)
        self.pooled_embedding = TimestepEmbedding(pooled_projection_dim, width) if pooled_projection_dim else None
        self.aligned_embedding = None
        if aligned_channels is not None:
            self.aligned_embedding = over_time(aligned_channels, aligned_hidden, width)
        self.note_embedding = None if note_channels is None else over_time(note_channels, note_hidden, width)
        self.sound_embedding = None if sound_codes is None else nn.Linear(sound_codes, width, bias=False)
        self.modulation = nn.Linear(width, 6 * width)
        # Per pass and block, beside what all share; the gates begin a little open.
        table = torch.zeros(passes, layers, 6, width)
        table[:, :, [2, 5]] = 0.2
        self.tables = nn.Parameter(table)
        self.blocks = nn.ModuleList()
        for index in range(layers):
            cross = (
                ConditionAttention(width, cross_attention_dim, cross_heads, width // heads) if index % 2 == 0 else None
            )
            self.blocks.append(FrameBlock(width, heads, inner, kernel, cross))
        self.modulation_out = nn.Parameter(torch.zeros(2, width))
        self.proj_out = nn.Linear(width, leaving)
        # The noisy latents go on to the prediction with a weight that the time decides: a velocity holds noise of as
        # many dimensions as a frame has, which the hidden states need not carry then.
        self.pass_through = nn.Linear(width, latent)
        for layer in (self.modulation, self.proj_out, self.pass_through):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        if self.sound_embedding is not None:
            nn.init.zeros_(self.sound_embedding.weight)

    def forward(
        self,
        entering: torch.Tensor,
        sample: torch.Tensor,
        timesteps: torch.Tensor,
        conditions: Conditions,
        sound: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Predict from noisy latents, see `MuNetModel.forward`.

        Args:
            entering: all that enters `(clips, channels, frames, bins)`; sample: the noisy latents alone.
            timesteps: `(clips,)`.
            conditions: of the clips, or of several forms of them.
            sound: sound codes `(clips, sound_codes)`, None for zeros.
        """
        rows, bins = len(conditions), sample.shape[-1]
        time = control = repeated(self.time_embedding(self.time_proj(timesteps).to(sample.dtype)), rows)
        pooled, *timed, attended = conditions.once("frames", self._embedded)
        if pooled is not None:
            control = time + pooled
        control, hidden_states = control[:, None], repeated(self.proj_in(folded(entering)), rows)
        for states in timed:
            if states is not None:
                hidden_states, control = hidden_states + states, control + states
        if self.sound_embedding is not None and sound is not None:
            heard = repeated(self.sound_embedding(sound.to(sample.dtype)), rows)[:, None]
            hidden_states, control = hidden_states + heard, control + heard
        shared = self.modulation(F.silu(control)).unflatten(-1, (6, self.width))
        angles = rotation(hidden_states.shape[1], self.width // self.heads, sample.device)
        for tables in with_unit_scales(self.tables):
            for block, table, sequences in zip(self.blocks, tables, attended, strict=True):
                hidden_states = block(hidden_states, shared, table, angles, sequences)
        last = with_unit_scales(self.modulation_out).to(shared.dtype)
        shift, scale = (shared[:, :, :2] + last).unbind(2)
        prediction = self.proj_out(modulated(hidden_states, shift, scale))
        weight = self.pass_through(F.silu(time))[:, None]
        prediction = torch.addcmul(prediction, weight, repeated(folded(sample), rows))
        return prediction.unflatten(-1, (-1, bins)).transpose(1, 2)

    def _embedded(self, conditions: Conditions) -> Embedded:
        """What does not depend on latents and time: pooled text, aligned rows, notes, keys and values of each block."""
        pooled, aligned, notes = conditions.pooled, conditions.aligned, conditions.notes
        pooled = None if pooled is None or self.pooled_embedding is None else self.pooled_embedding(pooled)
        if aligned is not None and self.aligned_embedding is not None:
            aligned = self.aligned_embedding(aligned).transpose(1, 2).contiguous()
        if notes is not None and self.note_embedding is not None:
            # Frames without notes are as they would be without these layers.
            notes = (self.note_embedding(notes) * notes[:, -1:]).transpose(1, 2).contiguous()
        crosses = [block.cross for block in self.blocks]
        return pooled, aligned, notes, [cross and cross.attended(conditions.sequences) for cross in crosses]


def over_time(channels: int, hidden: int, width: int) -> nn.Sequential:
    """Return layers from features over time `(batch, channels, frames)` to `(batch, width, frames)`."""
    return nn.Sequential(nn.Conv1d(channels, hidden, 3, padding=1), nn.SiLU(), nn.Conv1d(hidden, width, 1))


def with_unit_scales(table: torch.Tensor) -> torch.Tensor:
    """Add 1 to the scales of a table `(..., rows, width)` of shift, scale, gate, shift, ...: they are factors then."""
    unit = table.new_zeros(table.shape[-2], 1)
    unit[1::3] = 1
    return table + unit


def folded(latents: torch.Tensor) -> torch.Tensor:
    """Frames `(batch, frames, channels * bins)` of latents `(batch, channels, frames, bins)`."""
    return latents.transpose(1, 2).flatten(2)
