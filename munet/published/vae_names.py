"""The published autoencoder's files in the terms of `munet.codec.audioldm.MelAutoencoder`: names, tensors, settings.

AudioLDM's autoencoder names its blocks otherwise than diffusers, counts the decoder's levels from the output instead of
from the input, and writes the projections of its attention as 1x1 convolutions. Its state dict holds the vocoder too,
with plain weights (no weight norm). Every published tensor has exactly one counterpart, and the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import torch

from munet.errors import RequestError

# Part of our name -> part of the published name, replaced in this order.
PUBLISHED_PARTS = (
    ("encoder.down_blocks.", "encoder.down."),
    (".downsamplers.0.", ".downsample."),
    (".upsamplers.0.", ".upsample."),
    (".mid_block.resnets.0.", ".mid.block_1."),
    (".mid_block.resnets.1.", ".mid.block_2."),
    (".mid_block.attentions.0.", ".mid.attn_1."),
    (".attn_1.group_norm.", ".attn_1.norm."),
    (".attn_1.to_out.0.", ".attn_1.proj_out."),
    (".attn_1.to_", ".attn_1."),
    (".resnets.", ".block."),
    (".conv_shortcut.", ".nin_shortcut."),
    (".conv_norm_out.", ".norm_out."),
    ("vocoder.upsampler.", "vocoder.ups."),
)

# Fields of the published configuration that have one supported value each, which is also what their absence means.
SUPPORTED = MappingProxyType({"image_key": "fbank", "subband": 1, "time_shuffle": 1})
SUPPORTED_DDCONFIG = MappingProxyType(
    {
        "double_z": True,
        "in_channels": 1,
        "out_ch": 1,
        "attn_resolutions": [],
        "attn_type": "vanilla",
        "downsample_time": False,
        "resamp_with_conv": True,
        "use_linear_attn": False,
        "give_pre_end": False,
        "tanh_out": False,
    }
)


def published_name(name: str, num_levels: int) -> str:
    """The published name of the tensor that MelAutoencoder's state dict calls `name`.

    Args:
        name: such as "autoencoder.decoder.up_blocks.0.resnets.0.conv1.weight".
        num_levels: levels of the autoencoder, that is the length of `block_out_channels`.
    """
    published = re.sub(
        r"decoder\.up_blocks\.(\d+)\.",
        lambda level: f"decoder.up.{num_levels - 1 - int(level[1])}.",
        name.removeprefix("autoencoder."),
    )
    for ours, theirs in PUBLISHED_PARTS:
        published = published.replace(ours, theirs)
    return published


def published_names(names: Iterable[str], num_levels: int) -> dict[str, str]:
    """Table from published names to those of MelAutoencoder's state dict; arguments as in `published_name`."""
    return {published_name(name, num_levels): name for name in names}


def tensor_of(published: str, tensor: torch.Tensor) -> torch.Tensor:
    """The tensor published as `published`, in MelAutoencoder's shape: the attention's 1x1 kernels become matrices."""
    return tensor.flatten(1) if ".attn_1." in published and tensor.ndim == 4 else tensor


def config_of(vae_config: Mapping[str, Any], upsample_initial_channel: int) -> dict[str, Any]:
    """Constructor arguments of MelAutoencoder for a published configuration.

    Sizes of the mel front end are not among them: the published ones are MelAutoencoder's defaults.

    Args:
        vae_config: contents of the published `configs/vae_config.json`; fields that only training reads do not matter.
        upsample_initial_channel: width of the vocoder, which the configuration does not state: the first size of the
            tensor `vocoder.conv_pre.weight`.

    Raises:
        RequestError: names the field that is missing or whose value is not supported.
    """
    ddconfig = _field(vae_config, "ddconfig")
    _check_supported(vae_config, SUPPORTED)
    _check_supported(ddconfig, SUPPORTED_DDCONFIG, "ddconfig.")
    latent_channels, embed_dim = _field(ddconfig, "z_channels", "ddconfig."), _field(vae_config, "embed_dim")
    if embed_dim != latent_channels:
        raise RequestError(f"embed_dim: expected ddconfig.z_channels ({latent_channels}), got {embed_dim!r}")
    width = _field(ddconfig, "ch", "ddconfig.")
    return {
        "latent_channels": latent_channels,
        "block_out_channels": tuple(width * factor for factor in _field(ddconfig, "ch_mult", "ddconfig.")),
        "layers_per_block": _field(ddconfig, "num_res_blocks", "ddconfig."),
        "scaling_factor": _field(vae_config, "scale_factor"),
        "upsample_initial_channel": upsample_initial_channel,
    }


def _field(config: Mapping[str, Any], name: str, prefix: str = "") -> Any:
    if name not in config:
        raise RequestError(f"{prefix}{name}: expected a value, got none")
    return config[name]


def _check_supported(config: Mapping[str, Any], supported: Mapping[str, Any], prefix: str = "") -> None:
    for name, value in supported.items():
        if config.get(name, value) != value:
            raise RequestError(f"{prefix}{name}: expected {value!r}, got {config[name]!r}")
