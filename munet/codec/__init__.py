"""Sound <-> latents: one written contract, `Codec`, and the codecs that keep it.

`pocket` (mono, 24 kHz), `stereo` (44.1 kHz) and `audioldm` (the published model's). `load_codec` opens any of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from munet.errors import RequestError

if TYPE_CHECKING:
    import torch

CODECS: Mapping[str, str] = MappingProxyType(
    {
        "MusicAutoencoder": "munet.codec.pocket",
        "StereoAutoencoder": "munet.codec.stereo",
        "MelAutoencoder": "munet.codec.audioldm",
    }
)


class Codec(Protocol):
    """What pipeline and trainings ask of a codec.

    Attributes:
        config: with `sample_rate` (Hz) and `latent_channels`.
        samples_per_latent_frame: samples from latent frame to latent frame.
        latent_bins: size of the latents' frequency axis.
        audio_channels: 1 for mono, 2 for stereo.
    """

    config: Any
    samples_per_latent_frame: int
    latent_bins: int
    audio_channels: int

    def num_latent_frames(self, num_samples: int) -> int:
        """Latent frames that hold `num_samples` samples."""

    def encode(self, waveform: torch.Tensor) -> torch.Tensor:
        """Latents `(batch, channels, frames, bins)` of `(batch, samples)`, or `(batch, 2, samples)` if stereo."""

    def decode(self, latents: torch.Tensor, num_samples: int | None = None) -> torch.Tensor:
        """Waveform `(batch, samples)`, or `(batch, 2, samples)` if stereo, of latents."""


def load_codec(folder: str | Path, **options: Any) -> Any:
    """Open a codec that `save_pretrained` has written, whichever it is.

    Args:
        folder: its folder.
        options: of `from_pretrained`, such as `dtype`.

    Raises:
        RequestError: no codec is there.
    """
    config = Path(folder) / "config.json"
    kind = json.loads(config.read_text()).get("_class_name") if config.is_file() else None
    if kind not in CODECS:
        raise RequestError(f"autoencoder: expected a folder with one of {', '.join(CODECS)}, got {str(folder)!r}")
    codec = getattr(import_module(CODECS[kind]), kind)
    return _with_fresh_decoder(codec, Path(folder)) or codec.from_pretrained(folder, **options)


def _with_fresh_decoder(codec: Any, folder: Path) -> Any | None:
    """The codec of a folder that holds an encoder alone, to train a decoder on; None for a whole one."""
    weights = folder / "diffusion_pytorch_model.safetensors"
    if codec.__name__ != "StereoAutoencoder" or not weights.is_file():
        return None
    from safetensors import safe_open
    from safetensors.torch import load_file

    with safe_open(weights, "pt") as file:  # the names alone: a whole codec is read by its own loader
        if any(name.startswith("trunk.") for name in file.keys()):  # noqa: SIM118 - no mapping
            return None
    fresh = codec.from_config(codec.load_config(folder))  # `from_pretrained` leaves what is missing uninitialised
    fresh.load_state_dict(load_file(weights), strict=False)
    return fresh
