"""The critic of the autoencoder's training: tells real log-magnitude spectrograms from decoded ones, patch by patch.

An L1 loss on log-magnitudes answers with the median of what it cannot know, which sounds dull; a patch critic with the
hinge loss (Lim and Ye, 2017; Miyato et al., 2018) and feature matching (Larsen et al., 2016) asks for realistic texture
instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm


class SpectrogramDiscriminator(nn.Module):
    """Patch critic over normalised log-magnitudes `(batch, frames, bins)`.

    Args:
        channels: widths of the strided convolutions.
    """

    def __init__(self, channels: Sequence[int] = (32, 64, 128, 128)) -> None:
        super().__init__()
        strides = ((1, 2), (2, 2), (1, 2), (2, 2))
        layers = []
        previous = 2  # the spectrogram and the frequency coordinate
        for width, stride in zip(channels, strides, strict=True):
            layers.append(weight_norm(nn.Conv2d(previous, width, (3, 9), stride=stride, padding=(1, 4))))
            previous = width
        self.layers = nn.ModuleList(layers)
        self.conv_out = weight_norm(nn.Conv2d(previous, 1, 3, padding=1))

    def forward(self, spectrogram: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Patch scores `(batch, 1, ...)` and the hidden features of every layer."""
        coordinate = torch.linspace(-1, 1, spectrogram.shape[-1], device=spectrogram.device, dtype=spectrogram.dtype)
        hidden_states = torch.stack([spectrogram, coordinate.expand_as(spectrogram)], dim=1)
        features = []
        for layer in self.layers:
            hidden_states = F.leaky_relu(layer(hidden_states), 0.2)
            features.append(hidden_states)
        return self.conv_out(hidden_states), features


def critic_loss(real_scores: torch.Tensor, fake_scores: torch.Tensor) -> torch.Tensor:
    """Hinge loss of the critic, a scalar."""
    return F.relu(1 - real_scores.float()).mean() + F.relu(1 + fake_scores.float()).mean()


def feature_matching_loss(real: list[torch.Tensor], fake: list[torch.Tensor]) -> torch.Tensor:
    """Mean relative L1 distance of the critic's features, a scalar."""
    distances = [
        F.l1_loss(b.float(), a.float()) / a.float().abs().mean().clamp_min(1e-3)
        for a, b in zip(real, fake, strict=True)
    ]
    return torch.stack(distances).mean()
