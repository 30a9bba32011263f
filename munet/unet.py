"""MuNet, the denoiser: a latent UNet that cross-attends to text, beats and chords (Mustango, Melechovsky et al., 2024).

With its default configuration the model has the names and shapes of the published checkpoint. Additions are off by
default: a time-aligned condition (a vector per latent frame, as in MusiConGen, Lan et al., ISMIR 2024), pooled text,
known latents to go on from, and `frames`, a body of blocks over whole frames (`munet.frame_blocks`) in place of the
two-dimensional UNet.

Conventions: latents are `(batch, channels, time, frequency)`; conditions are `(batch, length, cross_attention_dim)`;
masks are `(batch, length)`, True where a token is to be attended to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.activations import ACT2CLS, get_activation
from diffusers.models.attention import AttentionMixin
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import BaseOutput
from torch import nn

from munet.attended import Conditions, repeated
from munet.conditions.sound import SoundCode
from munet.frame_blocks import FrameNet, over_time

if TYPE_CHECKING:
    from munet.blocks import BlockSettings, UpBlock

ATTENTION_BLOCKS = ("CrossAttnDownBlock2DMusic", "CrossAttnUpBlock2DMusic")
PLAIN_BLOCKS = ("DownBlock2D", "UpBlock2D")


@dataclass
class MuNetOutput(BaseOutput):
    """The prediction `(batch, out_channels, time, frequency)`."""

    sample: torch.Tensor


class MuNetModel(ModelMixin, AttentionMixin, ConfigMixin):
    """UNet over latents with text, beat and chord cross-attention.

    Args:
        sample_size: (time, frequency) of the latents the model was made for; information only, any size works.
        in_channels: channels of the noisy latent.
        out_channels: channels of the prediction.
        flip_sin_to_cos: whether the timestep embedding lists cosines before sines.
        freq_shift: shift of the timestep embedding's frequencies.
        down_block_types: per level, `CrossAttnDownBlock2DMusic` or `DownBlock2D`.
        up_block_types: per level from the lowest resolution up, `UpBlock2D` or `CrossAttnUpBlock2DMusic`; None mirrors
            `down_block_types`.
        block_out_channels: channels per level.
        layers_per_block: resnets per down block; an up block has one more.
        downsample_padding: padding of the strided convolutions.
        attention_head_dim: NUMBER OF HEADS per level (one int for all levels). The name and the meaning are those of
            the published configuration; a head is channels / heads wide.
        cross_attention_dim: width of the text, beat and chord embeddings.
        norm_num_groups: groups of all group normalisations.
        norm_eps: epsilon of the resnets' group normalisations.
        act_fn: activation of resnets and of the output.
        use_linear_projection: whether transformers project in and out with a linear layer instead of a 1x1 convolution.
        dropout: dropout in resnets and transformers.
        aligned_channels: channels of the time-aligned condition, None for none.
        aligned_hidden: channels between the two convolutions over the time-aligned condition.
        latent_bins: size of the latents' frequency axis; needed with `aligned_channels`, because every bin has its own
            weights.
        pooled_projection_dim: width of a pooled text embedding that is added to the time embedding, None for none.
        aligned_styles: names of the styles that the time-aligned condition tells apart; None for its first edition.
        known_latents: whether the model takes latents that are known already, to go on from or to fill in between.
        frames: constructor arguments of `munet.frame_blocks.FrameNet`, the body over whole frames; None for the UNet.
            With it the arguments from `down_block_types` to `use_linear_projection` count for nothing, but for
            `cross_attention_dim`.
        sound_codes: numbers of the sound code that a model over frames takes (`munet.conditions.sound`), None for none.
        note_channels: features of the notes that a model over frames takes (`munet.conditions.roll`), None for none.

    Raises:
        ValueError: if the configuration contradicts itself.
    """

    _supports_gradient_checkpointing = True
    _no_split_modules = ("BasicTransformerBlock", "ResnetBlock2D")
    _repeated_blocks = ("FrameBlock",)

    @register_to_config
    def __init__(
        self,
        sample_size: tuple[int, int] | None = (256, 16),
        in_channels: int = 8,
        out_channels: int = 8,
        flip_sin_to_cos: bool = True,
        freq_shift: int = 0,
        down_block_types: tuple[str, ...] = (ATTENTION_BLOCKS[0],) * 3 + (PLAIN_BLOCKS[0],),
        up_block_types: tuple[str, ...] | None = None,
        block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280),
        layers_per_block: int = 2,
        downsample_padding: int = 1,
        attention_head_dim: int | tuple[int, ...] = (5, 10, 20, 20),
        cross_attention_dim: int = 1024,
        norm_num_groups: int = 32,
        norm_eps: float = 1e-5,
        act_fn: str = "silu",
        use_linear_projection: bool = True,
        dropout: float = 0.0,
        aligned_channels: int | None = None,
        aligned_hidden: int = 128,
        latent_bins: int | None = None,
        pooled_projection_dim: int | None = None,
        aligned_styles: tuple[str, ...] | None = None,
        known_latents: bool = False,
        frames: Mapping[str, Any] | None = None,
        sound_codes: int | None = None,
        note_channels: int | None = None,
    ) -> None:
        super().__init__()
        if aligned_channels is not None and latent_bins is None:
            raise ValueError("latent_bins: expected an int because aligned_channels is given, got None")
        if sound_codes is not None and (frames is None or aligned_channels is None):
            raise ValueError(f"sound_codes: expected None without frames and aligned_channels, got {sound_codes!r}")
        if note_channels is not None and frames is None:
            raise ValueError(f"note_channels: expected None without frames, got {note_channels!r}")
        entering = 2 * in_channels + 1 if known_latents else in_channels
        self.sound_code = None
        if frames is not None:
            self._begin_over_frames(entering)
            return
        from munet.blocks import BlockSettings, DownBlock, MidBlock  # imports transformers, which frames do without

        self.frame_net = None
        levels = len(block_out_channels)
        down_attention = _attention_flags("down_block_types", down_block_types, levels)
        up_attention = (
            down_attention[::-1]
            if up_block_types is None
            else _attention_flags("up_block_types", up_block_types, levels)
        )
        heads = _heads(attention_head_dim, block_out_channels, norm_num_groups)
        if act_fn not in ACT2CLS:
            raise ValueError(f"act_fn: expected one of {tuple(ACT2CLS)}, got {act_fn!r}")
        first = block_out_channels[0]
        settings = BlockSettings(
            time_embed_dim=4 * first,
            cross_attention_dim=cross_attention_dim,
            norm_num_groups=norm_num_groups,
            norm_eps=norm_eps,
            act_fn=act_fn,
            dropout=dropout,
            use_linear_projection=use_linear_projection,
        )

        self.conv_in = nn.Conv2d(entering, first, 3, padding=1)
        self.time_proj = Timesteps(first, flip_sin_to_cos, freq_shift)
        self.time_embedding = TimestepEmbedding(first, settings.time_embed_dim)
        self.down_blocks = nn.ModuleList(
            DownBlock(
                block_out_channels[max(level - 1, 0)],
                block_out_channels[level],
                layers_per_block,
                heads[level] if down_attention[level] else None,
                downsample_padding if level < levels - 1 else None,
                settings,
            )
            for level in range(levels)
        )
        self.mid_block = MidBlock(block_out_channels[-1], heads[-1], settings)
        self.up_blocks = nn.ModuleList(_up_blocks(block_out_channels, layers_per_block, heads, up_attention, settings))
        self.conv_norm_out = nn.GroupNorm(norm_num_groups, first, eps=norm_eps)
        self.conv_act = get_activation(act_fn)
        self.conv_out = nn.Conv2d(first, out_channels, 3, padding=1)

        aligned = None if aligned_channels is None else (aligned_channels, aligned_hidden, first * latent_bins)
        self.aligned_embedding = None if aligned is None else over_time(*aligned)
        pooled = pooled_projection_dim
        self.pooled_embedding = None if pooled is None else TimestepEmbedding(pooled, settings.time_embed_dim)

    def _begin_over_frames(self, entering: int) -> None:
        """Set up the parts of a model over frames, into which `entering` channels go."""
        config = self.config
        if config.latent_bins is None:
            raise ValueError("latent_bins: expected an int because frames is given, got None")
        sizes = [channels * config.latent_bins for channels in (entering, config.in_channels, config.out_channels)]
        widths = (config.cross_attention_dim, config.aligned_channels, config.pooled_projection_dim)
        self.frame_net = FrameNet(
            *sizes, *widths, sound_codes=config.sound_codes, note_channels=config.note_channels, **config.frames
        )
        if config.sound_codes is not None:
            self.sound_code = SoundCode(sizes[1], config.aligned_channels, config.sound_codes)

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor | float,
        encoder_hidden_states: torch.Tensor | Conditions,
        beat_hidden_states: torch.Tensor | None = None,
        chord_hidden_states: torch.Tensor | None = None,
        encoder_attention_mask: torch.Tensor | None = None,
        beat_attention_mask: torch.Tensor | None = None,
        chord_attention_mask: torch.Tensor | None = None,
        aligned_condition: torch.Tensor | None = None,
        pooled_projections: torch.Tensor | None = None,
        known_latents: torch.Tensor | None = None,
        known_mask: torch.Tensor | None = None,
        sound: torch.Tensor | None = None,
        note_condition: torch.Tensor | None = None,
        return_dict: bool = True,
    ) -> MuNetOutput | tuple[torch.Tensor]:
        """Predict what the scheduler asks for (the published model: the velocity) from noisy latents.

        Args:
            sample: noisy latents `(batch, in_channels, time, frequency)`.
            timestep: diffusion timestep, a number, a 0-d tensor or one per row `(batch,)`.
            encoder_hidden_states: text `(batch, text length, cross_attention_dim)`; or `Conditions`, which hold this
                and all that follows up to `pooled_projections`, and `note_condition`, and are used step after step.
                They may hold several forms of the sample's rows, form by form; then so does the prediction.
            beat_hidden_states: beats `(batch, beats, cross_attention_dim)`.
            chord_hidden_states: chords `(batch, chords, cross_attention_dim)`.
            encoder_attention_mask: mask of the text `(batch, text length)`, True = attend. A floating point mask is
                taken as the bias to add to the attention scores.
            beat_attention_mask: the same for the beats.
            chord_attention_mask: the same for the chords.
            aligned_condition: time-aligned condition `(batch, aligned_channels, time)`; None counts as all zeros.
            pooled_projections: pooled text `(batch, pooled_projection_dim)`.
            known_latents: clean latents `(batch, in_channels, time, frequency)`, read where `known_mask` says; None for
                nothing known.
            known_mask: which frames are known, `(batch, time)`, 1 = known.
            sound: sound codes `(batch, sound_codes)`; None for the middle of all.
            note_condition: notes `(batch, note_channels, time)`; None for none given.
            return_dict: whether to return an output object rather than a tuple.

        Returns:
            The prediction `(batch, out_channels, time, frequency)` as `.sample`, or in a tuple.

        Raises:
            ValueError: if an optional condition does not fit the configuration.
        """
        timesteps = _timesteps(sample, timestep)
        conditions = encoder_hidden_states
        if not isinstance(conditions, Conditions):
            given = (encoder_hidden_states, beat_hidden_states, chord_hidden_states)
            masks = (encoder_attention_mask, beat_attention_mask, chord_attention_mask)
            conditions = Conditions.of(given, masks, aligned_condition, pooled_projections, note_condition)
        conditions.once("checked", lambda whole: self._check(sample, whole))
        entering = self._with_known(sample, known_latents, known_mask)
        if sound is not None and tuple(sound.shape) != (len(sample), self.config.sound_codes):
            expected = None if self.sound_code is None else (len(sample), self.config.sound_codes)
            raise ValueError(f"sound: expected {expected}, got {_shape(sound)}")
        if self.frame_net is not None:
            prediction = self.frame_net(entering, sample, timesteps, conditions, sound)
            return MuNetOutput(sample=prediction) if return_dict else (prediction,)
        temb = self.time_embedding(self.time_proj(timesteps).to(sample.dtype))
        if self.pooled_embedding is not None:
            pooled = conditions.once("pooled", lambda whole: self.pooled_embedding(whole.pooled))
            temb = repeated(temb, len(conditions)) + pooled
        hidden_states = self.conv_in(entering)
        if self.aligned_embedding is not None:
            aligned = conditions.once("aligned", lambda whole: self._embed_aligned(whole.aligned, sample.shape[-1]))
            hidden_states = repeated(hidden_states, len(conditions)) + aligned

        skips = [hidden_states]
        for block in self.down_blocks:
            hidden_states, block_skips = block(hidden_states, temb, conditions)
            skips.extend(block_skips)
        hidden_states = self.mid_block(hidden_states, temb, conditions)
        for block in self.up_blocks:
            used = [skips.pop() for _ in block.resnets]
            # Sizes that are not a multiple of the stride were rounded up on the way down: aim at the next skip's size.
            size = tuple(skips[-1].shape[-2:]) if skips else None
            hidden_states = block(hidden_states, used, temb, conditions, size)

        prediction = self.conv_out(self.conv_act(self.conv_norm_out(hidden_states)))
        prediction = repeated(prediction, len(conditions))
        return MuNetOutput(sample=prediction) if return_dict else (prediction,)

    def _check(self, sample: torch.Tensor, conditions: Conditions) -> bool:
        """Refuse conditions that the model does not take; what is missing of those over time becomes zeros."""
        if len(conditions) % len(sample):
            raise ValueError(f"conditions: expected rows for each of {len(sample)} samples, got {len(conditions)}")
        width, pooled = self.config.pooled_projection_dim, conditions.pooled
        if (pooled is None) != (width is None):
            raise ValueError(
                f"pooled_projections: expected {'None' if width is None else f'(batch, {width})'}, got {_shape(pooled)}"
            )
        bins = sample.shape[-1]
        if self.config.aligned_channels is not None and bins != self.config.latent_bins:
            raise ValueError(f"sample: expected {self.config.latent_bins} frequency bins (latent_bins), got {bins}")
        for name, channels in (("aligned", "aligned_channels"), ("notes", "note_channels")):
            rows, given = self.config[channels], getattr(conditions, name)
            argument = "aligned_condition" if name == "aligned" else "note_condition"
            if rows is None and given is not None:
                raise ValueError(f"{argument}: expected None (the model has no {channels}), got {_shape(given)}")
            if rows is None:
                continue
            shape = (len(conditions), rows, sample.shape[2])
            if given is None:
                setattr(conditions, name, sample.new_zeros(shape))
            elif tuple(given.shape) != shape:
                raise ValueError(f"{argument}: expected shape {shape}, got {_shape(given)}")
        return True

    def _embed_aligned(self, aligned: torch.Tensor, bins: int) -> torch.Tensor:
        """Map `(batch, block_out_channels[0], time, bins)` of the condition `(batch, aligned_channels, time)`.

        It is added to `conv_in`'s output, which equals concatenating the condition to the latent before a linear layer.
        """
        return self.aligned_embedding(aligned).unflatten(1, (-1, bins)).transpose(2, 3)

    def _with_known(self, sample: torch.Tensor, known: torch.Tensor | None, mask: torch.Tensor | None) -> torch.Tensor:
        """What enters the network: the sample and, if the model takes them, known latents and their mask."""
        if (known is None) != (mask is None):
            raise ValueError(f"known_mask: expected it together with known_latents, got {_shape(mask)}")
        if not self.config.known_latents:
            if known is not None:
                raise ValueError(f"known_latents: expected None (the model takes none), got {_shape(known)}")
            return sample
        if known is None or mask is None:
            return torch.cat([sample, torch.zeros_like(sample), torch.zeros_like(sample[:, :1])], dim=1)
        if known.shape != sample.shape or mask.shape != (len(sample), sample.shape[2]):
            raise ValueError(
                f"known_latents: expected shape {_shape(sample)} and a mask of its frames, got {_shape(known)}"
            )
        held = mask.to(sample.dtype)[:, None, :, None]
        return torch.cat([sample, known * held, held.expand(-1, -1, -1, sample.shape[-1])], dim=1)


def _up_blocks(
    channels: tuple[int, ...], layers: int, heads: tuple[int, ...], attention: tuple[bool, ...], settings: BlockSettings
) -> list[UpBlock]:
    """Up blocks from the lowest resolution to the highest."""
    from munet.blocks import UpBlock

    levels = len(channels)
    # What the way down leaves behind: conv_in, then per level its layers and, but for the last level, its downsampler.
    skips = [channels[0]]
    for level, width in enumerate(channels):
        skips += [width] * (layers + (level < levels - 1))
    blocks, below = [], channels[-1]
    for index, level in enumerate(reversed(range(levels))):
        used = [skips.pop() for _ in range(layers + 1)]
        num_heads = heads[level] if attention[index] else None
        blocks.append(UpBlock(below, used, channels[level], num_heads, level > 0, settings))
        below = channels[level]
    return blocks


def _attention_flags(argument: str, block_types: tuple[str, ...], levels: int) -> tuple[bool, ...]:
    """Which levels have attention."""
    known = ATTENTION_BLOCKS + PLAIN_BLOCKS
    if len(block_types) != levels or any(name not in known for name in block_types):
        raise ValueError(f"{argument}: expected {levels} names (one per level) out of {known}, got {block_types!r}")
    return tuple(name in ATTENTION_BLOCKS for name in block_types)


def _heads(heads: int | tuple[int, ...], channels: tuple[int, ...], groups: int) -> tuple[int, ...]:
    """Attention heads per level, checked against the channels."""
    per_level = (heads,) * len(channels) if isinstance(heads, int) else tuple(heads)
    if len(per_level) != len(channels) or any(width % count for width, count in zip(channels, per_level, strict=False)):
        raise ValueError(
            f"attention_head_dim: expected a number of heads per level that divides its channels {channels!r}, "
            f"got {heads!r}"
        )
    if any(width % groups for width in channels):
        raise ValueError(f"norm_num_groups: expected a divisor of all of {channels!r}, got {groups}")
    return per_level


def _timesteps(sample: torch.Tensor, timestep: torch.Tensor | float) -> torch.Tensor:
    """One timestep per row `(batch,)`."""
    timesteps = torch.as_tensor(timestep, device=sample.device)
    if timesteps.ndim > 1 or (timesteps.ndim == 1 and len(timesteps) not in (1, len(sample))):
        shape = tuple(timesteps.shape)
        raise ValueError(f"timestep: expected a number or a tensor of shape ({len(sample)},), got shape {shape}")
    return timesteps.expand(len(sample))


def _shape(tensor: torch.Tensor | None) -> str:
    return "None" if tensor is None else str(tuple(tensor.shape))
