"""The blocks of MuNet: residual blocks followed by text, beat and chord cross-attention.

Every layer of a block with attention is: `ResnetBlock2D`, then three whole `Transformer2DModel` (each with its own
self-attention, cross-attention and feed-forward), attending to text, beats and chords in that order (Mustango,
Melechovsky et al., NAACL 2024, section on MuNet). The parts are diffusers' own; the attribute names `attentions`,
`attentions2` and `attentions3` are those of the published checkpoint.

Conventions: feature maps `(batch, channels, time, frequency)`; `temb` `(batch, time_embed_dim)`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.upsampling import Upsample2D
from torch import nn

from munet.attended import Conditions, repeated


class BlockSettings(NamedTuple):
    """What all blocks of one network share; see `MuNetModel` for the meaning of each."""

    time_embed_dim: int
    cross_attention_dim: int
    norm_num_groups: int
    norm_eps: float
    act_fn: str
    dropout: float
    use_linear_projection: bool


class MusicBlock(nn.Module):
    """Resnets, each followed by the three transformers if the block has attention.

    Args:
        in_channels: channels that enter each resnet.
        out_channels: channels that leave the block.
        num_heads: attention heads, or None for a block without attention.
        num_attentions: how many of the resnets are followed by attention (ignored without attention).
        settings: shared settings.
    """

    def __init__(
        self,
        in_channels: list[int],
        out_channels: int,
        num_heads: int | None,
        num_attentions: int,
        settings: BlockSettings,
    ) -> None:
        super().__init__()
        self.gradient_checkpointing = False
        if num_heads is not None:
            # The order text, beats, chords is the order of the published network.
            self.attentions, self.attentions2, self.attentions3 = (
                nn.ModuleList(_transformer(out_channels, num_heads, settings) for _ in range(num_attentions))
                for _ in range(3)
            )
        self.resnets = nn.ModuleList(_resnet(channels, out_channels, settings) for channels in in_channels)
        self.has_attention = num_heads is not None

    def resnet(self, index: int, hidden_states: torch.Tensor, temb: torch.Tensor) -> torch.Tensor:
        """Run resnet `index`, recomputed in the backward pass if gradient checkpointing is on."""
        rows = max(len(hidden_states), len(temb))
        hidden_states, temb = repeated(hidden_states, rows), repeated(temb, rows)
        if torch.is_grad_enabled() and self.gradient_checkpointing:
            return self._gradient_checkpointing_func(self.resnets[index], hidden_states, temb)
        return self.resnets[index](hidden_states, temb)

    def attend(self, index: int, hidden_states: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        """Run the three transformers at `index`, one per condition; the identity in a block without attention."""
        if not self.has_attention:
            return hidden_states
        stacks = (self.attentions, self.attentions2, self.attentions3)
        for place, stack in enumerate(stacks):
            hidden_states = transform(stack[index], hidden_states, conditions, place)
        return hidden_states


class DownBlock(MusicBlock):
    """Layers of one resolution on the way down, then a strided convolution unless it is the last level."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_layers: int,
        num_heads: int | None,
        downsample_padding: int | None,
        settings: BlockSettings,
    ) -> None:
        resnet_channels = [in_channels] + [out_channels] * (num_layers - 1)
        super().__init__(resnet_channels, out_channels, num_heads, num_layers, settings)
        self.downsamplers = None
        if downsample_padding is not None:
            downsampler = Downsample2D(out_channels, use_conv=True, padding=downsample_padding, name="op")
            self.downsamplers = nn.ModuleList([downsampler])

    def forward(
        self, hidden_states: torch.Tensor, temb: torch.Tensor, conditions: Conditions
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the block's output and the skip connections, in order of computation."""
        skips = []
        for index in range(len(self.resnets)):
            hidden_states = self.attend(index, self.resnet(index, hidden_states, temb), conditions)
            skips.append(hidden_states)
        if self.downsamplers is not None:
            hidden_states = self.downsamplers[0](hidden_states)
            skips.append(hidden_states)
        return hidden_states, skips


class MidBlock(MusicBlock):
    """Resnet, the three transformers, resnet."""

    def __init__(self, channels: int, num_heads: int, settings: BlockSettings) -> None:
        super().__init__([channels, channels], channels, num_heads, 1, settings)

    def forward(self, hidden_states: torch.Tensor, temb: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        """Map `hidden_states` to a tensor of the same shape."""
        hidden_states = self.attend(0, self.resnet(0, hidden_states, temb), conditions)
        return self.resnet(1, hidden_states, temb)


class UpBlock(MusicBlock):
    """Layers of one resolution on the way up, each fed with a skip connection, then an upsampler unless it is the last.

    Args:
        in_channels: channels that come from the block below.
        skip_channels: channels of each skip connection, in order of use.
        out_channels: channels that leave the block.
        num_heads: attention heads, or None for a block without attention.
        upsample: whether the block ends with nearest-neighbour upsampling and a convolution.
        settings: shared settings.
    """

    def __init__(
        self,
        in_channels: int,
        skip_channels: list[int],
        out_channels: int,
        num_heads: int | None,
        upsample: bool,
        settings: BlockSettings,
    ) -> None:
        before = [in_channels] + [out_channels] * (len(skip_channels) - 1)
        resnet_channels = [own + skip for own, skip in zip(before, skip_channels, strict=True)]
        super().__init__(resnet_channels, out_channels, num_heads, len(skip_channels), settings)
        self.upsamplers = nn.ModuleList([Upsample2D(out_channels, use_conv=True)]) if upsample else None

    def forward(
        self,
        hidden_states: torch.Tensor,
        skips: list[torch.Tensor],
        temb: torch.Tensor,
        conditions: Conditions,
        output_size: tuple[int, int] | None,
    ) -> torch.Tensor:
        """Use up `skips` in order; `output_size` (time, frequency) is the size to upsample to."""
        for index, skip in enumerate(skips):
            hidden_states = torch.cat([hidden_states, repeated(skip, len(hidden_states))], dim=1)
            hidden_states = self.attend(index, self.resnet(index, hidden_states, temb), conditions)
        if self.upsamplers is not None:
            hidden_states = self.upsamplers[0](hidden_states, output_size)
        return hidden_states


def transform(
    transformer: Transformer2DModel, hidden_states: torch.Tensor, conditions: Conditions, place: int
) -> torch.Tensor:
    """Run a transformer that attends to one of the conditions.

    Without gradients, and as long as nobody has put in other attention processors or hooks, this takes a shorter way
    than the module itself to the same numbers: keys and values of the condition are computed once, self-attention is
    computed before the forms of the condition part, and no intermediate is copied into another layout.

    Args:
        transformer: one layer.
        hidden_states: `(clips or batch, channels, time, frequency)`.
        conditions: of the batch.
        place: which condition: 0 text, 1 beats, 2 chords.
    """
    layer, rows = transformer.transformer_blocks[0], len(conditions)
    # Looked at once a clip: there are thousands of modules in the published network, and as many looks in every step.
    if torch.is_grad_enabled() or not conditions.once(transformer, lambda _: is_stock(transformer)):
        states, bias = conditions.sequences[place]
        whole = repeated(hidden_states, rows)
        return transformer(whole, encoder_hidden_states=states, encoder_attention_mask=bias, return_dict=False)[0]
    tokens, _ = transformer._operate_on_continuous_inputs(hidden_states)
    normed = layer.norm1(tokens)
    tokens = tokens + attention(layer.attn1, normed, *keys_values(layer.attn1, normed), None)
    tokens = repeated(tokens, rows)
    bias = conditions.sequences[place].bias
    key, value = conditions.once(layer.attn2, lambda whole: keys_values(layer.attn2, whole.sequences[place].states))
    bias = None if bias is None else bias[:, None]
    tokens = tokens + attention(layer.attn2, layer.norm2(tokens), key, value, bias)
    tokens = tokens + layer.ff(layer.norm3(tokens))
    size = tuple(hidden_states.shape[-2:])
    return transformer._get_output_for_continuous_inputs(
        tokens, repeated(hidden_states, rows), rows, *size, tokens.shape[-1]
    )


def is_stock(transformer: Transformer2DModel) -> bool:
    """Whether nobody has put in other attention processors or hooks."""
    layer = transformer.transformer_blocks[0]
    if any(type(module.processor) is not AttnProcessor2_0 for module in (layer.attn1, layer.attn2)):
        return False
    return not any(module._forward_hooks or module._forward_pre_hooks for module in transformer.modules())


def keys_values(module: Attention, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values `(batch, heads, length, head width)` that an attention takes from `(batch, length, dim)`."""
    return heads_of(module, module.to_k(states)), heads_of(module, module.to_v(states))


def attention(
    module: Attention, states: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """Attend from `(batch, tokens, channels)`; `bias` `(batch, 1, 1, length)` is added to the scores."""
    attended = F.scaled_dot_product_attention(heads_of(module, module.to_q(states)), key, value, bias)
    return module.to_out[0](attended.transpose(1, 2).flatten(2))


def heads_of(module: Attention, states: torch.Tensor) -> torch.Tensor:
    """Heads `(batch, heads, length, head width)` of `(batch, length, channels)`."""
    return states.unflatten(-1, (module.heads, -1)).transpose(1, 2)


def _resnet(in_channels: int, out_channels: int, settings: BlockSettings) -> ResnetBlock2D:
    return ResnetBlock2D(
        in_channels=in_channels,
        out_channels=out_channels,
        temb_channels=settings.time_embed_dim,
        groups=settings.norm_num_groups,
        eps=settings.norm_eps,
        non_linearity=settings.act_fn,
        dropout=settings.dropout,
    )


def _transformer(channels: int, num_heads: int, settings: BlockSettings) -> Transformer2DModel:
    return Transformer2DModel(
        num_attention_heads=num_heads,
        attention_head_dim=channels // num_heads,
        in_channels=channels,
        cross_attention_dim=settings.cross_attention_dim,
        norm_num_groups=settings.norm_num_groups,
        use_linear_projection=settings.use_linear_projection,
        dropout=settings.dropout,
    )
