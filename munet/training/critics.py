"""The critics of the codec's training: they tell recorded stereo spectra from decoded ones, patch by patch.

Spectral distances answer what cannot be known with an average, which sounds dull and metallic; critics with the hinge
loss (Lim and Ye, 2017) and feature matching (Larsen et al., 2016) ask for a realistic texture instead. They look at
complex spectra at several resolutions (as EnCodec's do, Défossez et al., 2022), so that phases are judged too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

COMPRESSION = 0.3  # magnitudes to this power: quiet partials count as well


class SpectrumCritic(nn.Module):
    """Patch critic over the complex spectra of mid and side at one resolution.

    Args:
        window: samples; the hop is a quarter.
        channels: width of the convolutions.
    """

    def __init__(self, window: int, channels: int = 32) -> None:
        super().__init__()
        self.window = window
        layers = [weight_norm(nn.Conv2d(5, channels, (3, 9), padding=(1, 4)))]
        for dilation in (1, 2, 4):
            layers.append(
                weight_norm(nn.Conv2d(channels, channels, (3, 9), (1, 2), (dilation, 4), dilation=(dilation, 1)))
            )
        layers.append(weight_norm(nn.Conv2d(channels, channels, 3, padding=1)))
        self.layers = nn.ModuleList(layers)
        self.conv_out = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def picture(self, mid: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        """Compressed real and imaginary parts and the frequency coordinate `(batch, 5, frames, bins)`."""
        hann = torch.hann_window(self.window, device=mid.device)
        spectrum = (
            torch.stft(
                torch.cat([mid, side]), self.window, self.window // 4, window=hann, center=False, return_complex=True
            ).transpose(1, 2)
            / hann.sum()
        )
        power = spectrum.real.square() + spectrum.imag.square() + 1e-10
        scaled = torch.view_as_real(spectrum) * (power ** ((COMPRESSION - 1) / 2))[..., None]
        parts = torch.cat(scaled.unbind(-1)).unflatten(0, (4, -1)).transpose(0, 1)  # mid and side, real then imaginary
        coordinate = torch.linspace(-1, 1, parts.shape[-1], device=parts.device)
        return torch.cat([4 * parts, coordinate.expand(len(parts), 1, parts.shape[2], -1)], dim=1)

    def forward(self, mid: torch.Tensor, side: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Patch scores `(batch, 1, frames, patches)` and the hidden features of every layer."""
        hidden_states, features = self.picture(mid, side), []
        for layer in self.layers:
            hidden_states = F.leaky_relu(layer(hidden_states), 0.2)
            features.append(hidden_states)
        return self.conv_out(hidden_states), features


class Critics(nn.Module):
    """Spectrum critics at several resolutions.

    Args:
        windows: samples, one critic each.
        channels: width of their convolutions.
    """

    def __init__(self, windows: Sequence[int] = (2048, 1024, 512), channels: int = 32) -> None:
        super().__init__()
        self.critics = nn.ModuleList(SpectrumCritic(window, channels) for window in windows)

    def forward(self, mid: torch.Tensor, side: torch.Tensor) -> list[tuple[torch.Tensor, list[torch.Tensor]]]:
        """Scores and features of every critic for `mid` and `side` `(batch, samples)`."""
        return [critic(mid, side) for critic in self.critics]


def critic_loss(real: Sequence[torch.Tensor], fake: Sequence[torch.Tensor]) -> torch.Tensor:
    """Hinge loss of the critics, averaged over them, a scalar; `real` and `fake` are their scores."""
    losses = [F.relu(1 - a.float()).mean() + F.relu(1 + b.float()).mean() for a, b in zip(real, fake, strict=True)]
    return torch.stack(losses).mean()


def adversarial_loss(fake: Sequence[torch.Tensor]) -> torch.Tensor:
    """What the decoder pays for being told apart, averaged over the critics, a scalar."""
    return torch.stack([-scores.float().mean() for scores in fake]).mean()


def matching_loss(real: Sequence[Sequence[torch.Tensor]], fake: Sequence[Sequence[torch.Tensor]]) -> torch.Tensor:
    """Mean relative L1 distance of the critics' features, a scalar."""
    distances = [
        F.l1_loss(given.float(), wanted.float()) / wanted.float().abs().mean().clamp_min(1e-3)
        for ours, theirs in zip(fake, real, strict=True)
        for given, wanted in zip(ours, theirs, strict=True)
    ]
    return torch.stack(distances).mean()
