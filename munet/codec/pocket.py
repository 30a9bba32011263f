"""The autoencoder of `pocket`: waveform -> latents on a (time, band) grid -> magnitudes -> waveform.

Conventions: waveforms are mono `(batch, samples)` in [-1, 1] at `sample_rate`; latents are
`(batch, latent_channels, latent_frames, latent_bins)`, one frame per eight spectrogram frames (80 ms in pocket) and one
bin per band of the mel axis, lowest first; each latent has mean 0 and variance 1 over the clips that the projection was
fitted to.

The encoder is linear: the principal components of log-magnitude patches (eight frames x one band), fitted in closed
form, so that the denoiser can be trained at once and latents never move under it. The decoder is the transposed
projection followed by a small convolutional refiner, which starts as the identity and learns what the projection blurs
and the linear frequency axis that the phase reconstruction of `munet.codec.phase` needs. Judged by chord and beat
recognition after the round trip, what matters is the resolution at low frequencies: hence windows of 85 ms or more
and 192 bins where AudioLDM has 64 ms and 64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import nn

from munet.codec.phase import griffin_lim, stft_magnitude

FLOOR = 1e-3  # magnitudes below -60 dB count as silence
TIME_STRIDE = 8  # spectrogram frames in a latent frame
LOG_MEAN, LOG_SCALE = -2.5, 0.4  # brings log10 magnitudes of music to about zero mean and unit variance


def mel_frequencies(count: int, low: float, high: float) -> np.ndarray:
    """Frequencies `(count,)` in Hz, evenly spaced on Slaney's mel scale: linear up to 1 kHz, logarithmic above."""
    step, knee, ratio = 200 / 3, 1000.0, np.log(6.4) / 27

    def mel(hertz: float) -> float:
        return knee / step + np.log(hertz / knee) / ratio if hertz >= knee else hertz / step

    mels = np.linspace(mel(low), mel(high), count)
    return np.where(mels >= knee / step, knee * np.exp(ratio * (mels - knee / step)), step * mels)


def compress(magnitude: torch.Tensor) -> torch.Tensor:
    """Normalised log-magnitudes, same shape, from linear STFT magnitudes."""
    return ((magnitude + FLOOR).log10() - LOG_MEAN) / LOG_SCALE


def expand(log_magnitude: torch.Tensor) -> torch.Tensor:
    """Linear STFT magnitudes from normalised log-magnitudes: the inverse of `compress`."""
    return (10 ** (log_magnitude * LOG_SCALE + LOG_MEAN) - FLOOR).clamp_min(0.0)


def mel_from_linear(frequencies: torch.Tensor, n_fft: int, sample_rate: int) -> torch.Tensor:
    """Matrix `(n_fft / 2 + 1, len(frequencies))` that samples a linear spectrum at `frequencies` (Hz, ascending).

    A triangle as wide as the spacing of the target bins, and never narrower than one linear bin: interpolation at low
    frequencies, averaging at high ones.
    """
    bin_width = sample_rate / n_fft
    linear = torch.arange(n_fft // 2 + 1)[:, None] * bin_width
    spacing = torch.diff(frequencies, append=2 * frequencies[-1:] - frequencies[-2:-1])
    triangle = (1 - (linear - frequencies).abs() / spacing.clamp_min(bin_width)).clamp_min(0.0)
    return triangle / triangle.sum(dim=0, keepdim=True)


def linear_from_mel(frequencies: torch.Tensor, n_fft: int, sample_rate: int) -> torch.Tensor:
    """Matrix `(len(frequencies), n_fft / 2 + 1)` that interpolates features on the mel axis at the linear bins.

    Bins outside the range take the value of the nearest end.
    """
    linear = (torch.arange(n_fft // 2 + 1) * sample_rate / n_fft).clamp(frequencies[0], frequencies[-1])
    above = torch.searchsorted(frequencies, linear).clamp(1, len(frequencies) - 1)
    low, high = frequencies[above - 1], frequencies[above]
    position = above - 1 + (linear - low) / (high - low)
    return (1 - (position - torch.arange(len(frequencies))[:, None]).abs()).clamp_min(0.0)


class ChannelNorm(nn.Module):
    """Root-mean-square norm over the channels of each position: a clip's length never changes its statistics."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        weight = self.weight.to(hidden_states.dtype)  # under autocast the activations are bfloat16
        normed = F.rms_norm(hidden_states.permute(0, 2, 3, 1), weight.shape, weight, eps=1e-5)
        return normed.permute(0, 3, 1, 2)


class ResidualBlock(nn.Module):
    """Norm, 3x3 convolution, SiLU, 3x3 convolution around a skip: `(B, C, T, F)` -> `(B, C, T, F)`.

    `bins` gives every frequency bin an offset of its own: the axis is not shift-invariant (a bass is no slow violin).
    """

    def __init__(self, channels: int, bins: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.position = nn.Parameter(torch.zeros(channels, 1, bins))
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        inner = self.conv1(self.norm(hidden_states) + self.position)
        return hidden_states + self.conv2(F.silu(inner))


class Refiner(nn.Module):
    """From a blurred mel spectrogram `(B, T, mel bins)` to sharp magnitudes `(B, T, n_fft / 2 + 1)`.

    A two-level U-Net on the mel axis, an interpolation to the linear axis and a thin convolution there, added to the
    plain interpolation of the input. The last layers start at zero, so that an untrained refiner interpolates.
    """

    def __init__(self, warp: torch.Tensor, channels: Sequence[int], blocks: int, frame_width: int) -> None:
        super().__init__()
        bins, linear_bins = warp.shape
        fine, middle, coarse = channels
        self.register_buffer("warp", warp, persistent=False)
        self.conv_in = nn.Conv2d(1, fine, 3, padding=1)
        self.down1 = nn.Conv2d(fine, middle, 3, stride=2, padding=1)
        self.middle1 = nn.Sequential(*(ResidualBlock(middle, bins // 2) for _ in range(blocks)))
        self.down2 = nn.Conv2d(middle, coarse, 3, stride=2, padding=1)
        self.coarse = nn.Sequential(*(ResidualBlock(coarse, bins // 4) for _ in range(blocks)))
        self.up2 = Upsample(coarse, middle)
        self.middle2 = nn.Sequential(*(ResidualBlock(middle, bins // 2) for _ in range(blocks)))
        self.up1 = Upsample(middle, fine)
        self.narrow = nn.Conv2d(fine, fine // 2, 3, padding=1)
        self.linear_position = nn.Parameter(torch.zeros(fine // 2, 1, linear_bins))
        self.linear = nn.Conv2d(fine // 2, fine // 2, 3, padding=1)
        self.conv_out = nn.Conv2d(fine // 2, 1, 3, padding=1)
        # Partials high in the spectrum are closer together than the mel axis resolves: a dense layer over whole frames,
        # which sees the lower partials of the same notes, places them.
        self.squeeze = nn.Conv2d(middle, 4, 1)
        self.frame_in = nn.Conv1d(4 * (bins // 2), frame_width, 3, padding=1)
        self.frame_out = nn.Conv1d(frame_width, linear_bins, 1)
        for layer in (self.conv_out, self.frame_out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, blurred: torch.Tensor) -> torch.Tensor:
        base = blurred @ self.warp.to(blurred.dtype)  # (B, T, linear bins)
        fine = self.conv_in(blurred[:, None])  # (B, C, T, mel bins)
        middle = self.middle1(self.down1(F.silu(fine)))  # (B, C, T / 2, mel bins / 2)
        coarse = self.coarse(self.down2(F.silu(middle)))  # (B, C, T / 4, mel bins / 4)
        middle = self.middle2(middle + self.up2(coarse))
        fine = F.silu(self.narrow(F.silu(fine + self.up1(middle))))
        linear = fine @ self.warp.to(fine.dtype) + self.linear_position  # (B, C / 2, T, linear bins)
        local = self.conv_out(F.silu(self.linear(linear))).squeeze(1)  # (B, T, linear bins)
        frames = self.squeeze(middle).permute(0, 1, 3, 2).flatten(1, 2)  # (B, 2 * mel bins, T / 2)
        dense = self.frame_out(F.silu(self.frame_in(frames)))  # (B, linear bins, T / 2)
        dense = F.interpolate(dense, size=local.shape[1], mode="linear", align_corners=False)
        return base + local + dense.transpose(1, 2)


class Upsample(nn.Module):
    """Nearest-neighbour enlargement by two along both axes, then a 3x3 convolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        return self.conv(F.interpolate(hidden_states, scale_factor=2, mode="nearest"))


class MusicAutoencoder(ModelMixin, ConfigMixin):
    """Linear encoder, refined decoder, phases by Griffin-Lim.

    Args:
        sample_rate: Hz of the waveforms.
        n_fft: samples of the analysis window.
        hop_length: samples from spectrogram frame to frame; a latent frame is eight of them.
        mel_bins: bins of the mel axis, a multiple of four and of `latent_bins`.
        min_frequency, max_frequency: Hz of the axis' ends.
        latent_channels: principal components per patch.
        latent_bins: bands, each with its own components.
        refiner_channels: widths of the refiner from the fine to the coarse level.
        blocks: residual blocks per level of the refiner.
        frame_width: width of the refiner's whole-frame branch.
        griffin_lim_iterations: rounds of phase refinement in `decode`.
    """

    @register_to_config
    def __init__(
        self,
        sample_rate: int = 24000,
        n_fft: int = 2048,
        hop_length: int = 240,
        mel_bins: int = 192,
        min_frequency: float = 30.0,
        max_frequency: float = 11600.0,
        latent_channels: int = 24,
        latent_bins: int = 6,
        refiner_channels: Sequence[int] = (16, 48, 96),
        blocks: int = 2,
        frame_width: int = 192,
        griffin_lim_iterations: int = 16,
    ) -> None:
        super().__init__()
        if mel_bins % latent_bins or mel_bins % 4:
            raise ValueError(f"mel_bins: expected a multiple of 4 and of latent_bins ({latent_bins}), got {mel_bins}")
        if max_frequency > sample_rate / 2:
            raise ValueError(f"max_frequency: expected at most {sample_rate / 2} Hz, got {max_frequency}")
        frequencies = torch.from_numpy(mel_frequencies(mel_bins, min_frequency, max_frequency)).float()
        self.register_buffer("to_mel", mel_from_linear(frequencies, n_fft, sample_rate), persistent=False)
        self.refiner = Refiner(
            linear_from_mel(frequencies, n_fft, sample_rate), tuple(refiner_channels), blocks, frame_width
        )
        patch = TIME_STRIDE * mel_bins // latent_bins
        self.register_buffer("patch_mean", torch.zeros(latent_bins, patch))
        self.register_buffer("components", torch.zeros(latent_bins, latent_channels, patch))
        self.register_buffer("latent_std", torch.ones(latent_bins, latent_channels))

    audio_channels = 1

    @property
    def samples_per_latent_frame(self) -> int:
        """Samples from latent frame to latent frame."""
        return self.config.hop_length * TIME_STRIDE

    @property
    def latent_bins(self) -> int:
        """Size of the latents' frequency axis."""
        return self.config.latent_bins

    def num_latent_frames(self, num_samples: int) -> int:
        """Latent frames that hold `num_samples` samples (the last one may be padded)."""
        return math.ceil(num_samples / self.samples_per_latent_frame)

    def analyse(self, waveform: torch.Tensor) -> torch.Tensor:
        """Normalised log-magnitudes on the mel axis `(batch, frames, mel bins)` of `(batch, samples)`."""
        magnitude = stft_magnitude(waveform, self.config.n_fft, self.config.hop_length)
        return compress(magnitude @ self.to_mel.to(magnitude.dtype))

    def target(self, waveform: torch.Tensor) -> torch.Tensor:
        """Normalised log-magnitudes `(batch, frames, n_fft / 2 + 1)` of `(batch, samples)`: the decoder's aim."""
        return compress(stft_magnitude(waveform, self.config.n_fft, self.config.hop_length))

    def patches(self, spectrogram: torch.Tensor) -> torch.Tensor:
        """Patches `(batch, latent frames, latent_bins, patch)` of a mel spectrogram `(batch, frames, mel bins)`."""
        grid = spectrogram.unflatten(1, (-1, TIME_STRIDE)).unflatten(
            3, (self.latent_bins, -1)
        )  # (B, L, 8, bands, bins)
        return grid.transpose(2, 3).flatten(3)

    @torch.no_grad()
    def fit(self, waveform: torch.Tensor) -> torch.Tensor:
        """Fit the projection to clips `(batch, samples)`; returns the share of variance kept in each band.

        Components and their deviations are those of the patches' covariance, the strongest first.
        """
        patches = torch.cat([self.patches(self.analyse(clip[None]))[0] for clip in waveform]).double()
        mean = patches.mean(dim=0)
        covariance = torch.einsum("nbi,nbj->bij", patches - mean, patches - mean) / len(patches)
        values, vectors = torch.linalg.eigh(covariance)
        strongest = values.flip(-1)[:, : self.config.latent_channels]
        self.patch_mean.copy_(mean)
        self.components.copy_(vectors.flip(-1)[..., : self.config.latent_channels].transpose(1, 2))
        self.latent_std.copy_(strongest.sqrt())
        return (strongest.sum(dim=-1) / values.sum(dim=-1)).float()

    @apply_forward_hook
    def encode(self, waveform: torch.Tensor) -> torch.Tensor:
        """Normalised latents `(batch, latent_channels, latent frames, latent_bins)` of `waveform` `(batch, samples)`.

        Raises:
            ValueError: `waveform` is not `(batch, samples)`.
        """
        if waveform.ndim != 2:
            raise ValueError(f"waveform: expected shape (batch, samples), got {tuple(waveform.shape)}")
        missing = self.num_latent_frames(waveform.shape[-1]) * self.samples_per_latent_frame - waveform.shape[-1]
        centred = self.patches(self.analyse(F.pad(waveform.float(), (0, missing)))) - self.patch_mean.float()
        latents = torch.einsum("blfp,fcp->bclf", centred, self.components.float())
        return (latents / self.latent_std.float().T[:, None]).to(self.dtype)

    def blurred(self, latents: torch.Tensor) -> torch.Tensor:
        """What the projection alone gives back: a mel spectrogram `(batch, frames, mel bins)`."""
        scaled = latents * self.latent_std.T[:, None].to(latents.dtype)
        patches = torch.einsum("bclf,fcp->blfp", scaled, self.components.to(latents.dtype)) + self.patch_mean.to(
            latents.dtype
        )
        return patches.unflatten(3, (TIME_STRIDE, -1)).transpose(2, 3).flatten(3).flatten(1, 2)

    def decode_magnitude(self, latents: torch.Tensor) -> torch.Tensor:
        """Normalised log-magnitudes `(batch, frames, n_fft / 2 + 1)` of normalised latents."""
        return self.refiner(self.blurred(latents))

    @apply_forward_hook
    def decode(self, latents: torch.Tensor, num_samples: int | None = None) -> torch.Tensor:
        """Waveform `(batch, num_samples)` (float32) of normalised latents; by default everything the frames hold."""
        full_length = latents.shape[2] * self.samples_per_latent_frame
        magnitude = expand(self.decode_magnitude(latents).float())
        iterations = self.config.griffin_lim_iterations
        length = full_length if num_samples is None else num_samples
        return griffin_lim(magnitude, self.config.hop_length, length, iterations)
