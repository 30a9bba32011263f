"""The autoencoder of `pocket`: waveform -> latents on a (time, octave) grid -> magnitudes -> waveform.

Conventions: waveforms are mono `(batch, samples)` in [-1, 1] at `sample_rate`; latents are
`(batch, latent_channels, latent_frames, latent_bins)`, one frame per `hop_length * 8` samples (80 ms in pocket) and one bin per
octave, lowest first; each latent has mean 0 and variance 1 over the training set once `set_latent_statistics` has been called.

Why not a mel spectrogram of 64 bins: it cannot tell neighbouring semitones apart below 500 Hz, so no chord survives the round
trip. Here the encoder looks at several window lengths (long ones resolve pitch, short ones onsets) on one axis of equal steps in
log-frequency, the decoder writes the full linear STFT magnitudes, and `munet.phase` finds the phases.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import nn

from munet.phase import griffin_lim, stft_magnitude

FLOOR = 1e-4  # magnitudes below -80 dB count as silence
TIME_STRIDE = 8  # spectrogram frames in a latent frame
LOG_MEAN, LOG_SCALE = -3.2, 0.7  # brings log10 magnitudes of music to about zero mean and unit variance


def compress(magnitude: torch.Tensor) -> torch.Tensor:
    """Normalised log-magnitudes, same shape, from linear STFT magnitudes."""
    return ((magnitude + FLOOR).log10() - LOG_MEAN) / LOG_SCALE


def expand(log_magnitude: torch.Tensor) -> torch.Tensor:
    """Linear STFT magnitudes from normalised log-magnitudes: the inverse of `compress`."""
    return (10 ** (log_magnitude * LOG_SCALE + LOG_MEAN) - FLOOR).clamp_min(0.0)


def log_frequencies(min_frequency: float, bins_per_octave: int, octaves: int) -> torch.Tensor:
    """Centre frequencies in Hz, `(octaves * bins_per_octave,)`, equal steps in log-frequency."""
    return min_frequency * 2 ** (torch.arange(octaves * bins_per_octave) / bins_per_octave)


def linear_to_log(frequencies: torch.Tensor, n_fft: int, sample_rate: int) -> torch.Tensor:
    """Matrix `(n_fft / 2 + 1, len(frequencies))` that samples a linear spectrum at `frequencies`.

    A triangle as wide as the spacing of the target bins, and never narrower than one linear bin: interpolation at low
    frequencies, averaging at high ones.
    """
    bin_width = sample_rate / n_fft
    linear = torch.arange(n_fft // 2 + 1)[:, None] * bin_width
    spacing = frequencies * (frequencies[1] / frequencies[0] - 1)
    triangle = (1 - (linear - frequencies).abs() / spacing.clamp_min(bin_width)).clamp_min(0.0)
    return triangle / triangle.sum(dim=0, keepdim=True).clamp_min(1e-8)


def log_to_linear(frequencies: torch.Tensor, n_fft: int, sample_rate: int) -> torch.Tensor:
    """Matrix `(len(frequencies), n_fft / 2 + 1)` that interpolates features on the log axis at the linear bins.

    Bins outside the range take the value of the nearest end.
    """
    steps = len(frequencies) - 1
    linear = (torch.arange(n_fft // 2 + 1) * sample_rate / n_fft).clamp_min(1e-3)
    position = (torch.log(linear / frequencies[0]) / torch.log(frequencies[1] / frequencies[0])).clamp(0, steps)
    return (1 - (position - torch.arange(steps + 1)[:, None]).abs()).clamp_min(0.0)


class ChannelNorm(nn.Module):
    """Root-mean-square norm over the channels of each position, so that a clip's length never changes its statistics."""

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


class Encoder(nn.Module):
    """Log-frequency spectrograms `(B, windows, T, F)` -> moments `(B, 2 * latent_channels, T / 8, octaves)`."""

    def __init__(self, windows: int, latent_channels: int, channels: Sequence[int], bins: int, blocks: int) -> None:
        super().__init__()
        strides = ((2, 3), (2, 3), (2, 2), (1, 2))
        layers: list[nn.Module] = []
        previous = windows
        for width, (time, frequency) in zip(channels, strides, strict=True):
            kernel, padding = (2 * time - 1, 2 * frequency - 1), (time - 1, frequency - 1)
            layers.append(nn.Conv2d(previous, width, kernel, stride=(time, frequency), padding=padding))
            bins //= frequency
            layers += [ResidualBlock(width, bins) for _ in range(blocks)]
            previous = width
        layers += [ChannelNorm(previous), nn.Conv2d(previous, 2 * latent_channels, 3, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, spectrograms: torch.Tensor) -> torch.Tensor:
        return self.layers(spectrograms)


class Upsample(nn.Module):
    """Nearest-neighbour enlargement by (time, frequency), then a 3x3 convolution."""

    def __init__(self, in_channels: int, out_channels: int, factor: tuple[int, int]) -> None:
        super().__init__()
        self.factor = factor
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        return self.conv(F.interpolate(hidden_states, scale_factor=self.factor, mode="nearest"))


class Decoder(nn.Module):
    """Latents `(B, latent_channels, T / 8, octaves)` -> normalised log-magnitudes `(B, T, n_fft / 2 + 1)`."""

    def __init__(
        self, latent_channels: int, channels: Sequence[int], bins: int, blocks: int, frame_width: int, warp: torch.Tensor
    ) -> None:
        super().__init__()
        factors = ((1, 2), (2, 2), (2, 3), (2, 3))
        widths = list(channels)[::-1]
        octaves = bins // math.prod(frequency for _, frequency in factors)
        self.conv_in = nn.Conv2d(latent_channels, widths[0], 3, padding=1)
        layers: list[nn.Module] = [ResidualBlock(widths[0], octaves) for _ in range(blocks)]
        here = octaves
        for width, following, factor in zip(widths[:-1], widths[1:], factors[:-1], strict=True):
            here *= factor[1]
            layers += [Upsample(width, following, factor), *(ResidualBlock(following, here) for _ in range(blocks))]
        self.coarse = nn.Sequential(*layers)
        self.fine = nn.Sequential(Upsample(widths[-1], widths[-1], factors[-1]), ResidualBlock(widths[-1], bins))
        linear_bins, half = warp.shape[1], widths[-1] // 2
        self.register_buffer("warp", warp, persistent=False)
        self.narrow = nn.Conv2d(widths[-1], half, 1)
        self.linear_position = nn.Parameter(torch.zeros(half, 1, linear_bins))
        self.linear = nn.Conv2d(half, half, 3, padding=1)
        self.conv_out = nn.Conv2d(half, 1, 3, padding=1)
        # Partials high in the spectrum are closer together than the log axis resolves: a dense layer over whole frames,
        # which sees the lower partials of the same notes, places them.
        self.squeeze = nn.Conv2d(widths[-1], 8, 1)
        self.frame_in = nn.Conv1d(8 * here, frame_width, 3, padding=1)
        self.frame_out = nn.Conv1d(frame_width, linear_bins, 1)
        nn.init.zeros_(self.frame_out.weight)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        coarse = self.coarse(self.conv_in(latents))  # (B, C, T / 2, log bins / 3)
        fine = self.narrow(self.fine(coarse))  # (B, C / 2, T, log bins)
        linear = fine @ self.warp.to(fine.dtype) + self.linear_position  # (B, C / 2, T, linear bins)
        local = self.conv_out(F.silu(self.linear(F.silu(linear)))).squeeze(1)  # (B, T, linear bins)
        frames = self.squeeze(coarse).permute(0, 1, 3, 2).flatten(1, 2)  # (B, 8 * log bins / 3, T / 2)
        dense = self.frame_out(F.silu(self.frame_in(frames)))  # (B, linear bins, T / 2)
        dense = F.interpolate(dense, size=local.shape[1], mode="linear", align_corners=False)
        return local + dense.transpose(1, 2)


class MusicAutoencoder(ModelMixin, ConfigMixin):
    """Variational autoencoder of log-magnitude spectrograms with a phase-free latent space.

    Args:
        sample_rate: Hz of the waveforms.
        n_fft: samples of the window whose magnitudes the decoder writes.
        hop_length: samples from spectrogram frame to frame; a latent frame is eight of them.
        window_lengths: samples of the windows that the encoder looks through.
        min_frequency: Hz of the lowest bin of the log axis.
        octaves: octaves of the log axis = bins of the latents.
        latent_channels: numbers per latent position.
        encoder_channels, decoder_channels: widths from the fine to the coarse resolution.
        blocks: residual blocks per resolution.
        frame_width: width of the decoder's whole-frame branch.
        griffin_lim_iterations: rounds of phase refinement in `decode`.
    """

    BINS_PER_OCTAVE = 36

    @register_to_config
    def __init__(
        self,
        sample_rate: int = 24000,
        n_fft: int = 2048,
        hop_length: int = 240,
        window_lengths: Sequence[int] = (512, 2048, 4096),
        min_frequency: float = 41.2,
        octaves: int = 8,
        latent_channels: int = 16,
        encoder_channels: Sequence[int] = (32, 64, 96, 128),
        decoder_channels: Sequence[int] = (32, 64, 128, 192),
        blocks: int = 2,
        frame_width: int = 256,
        griffin_lim_iterations: int = 32,
    ) -> None:
        super().__init__()
        frequencies = log_frequencies(min_frequency, self.BINS_PER_OCTAVE, octaves)
        if frequencies[-1] > sample_rate / 2:
            raise ValueError(f"octaves: expected a top below {sample_rate / 2} Hz, got {octaves} ({frequencies[-1]:.0f} Hz)")
        for index, length in enumerate(window_lengths):
            self.register_buffer(f"warp_{index}", linear_to_log(frequencies, length, sample_rate), persistent=False)
        self.encoder = Encoder(len(window_lengths), latent_channels, encoder_channels, len(frequencies), blocks)
        warp = log_to_linear(frequencies, n_fft, sample_rate)
        self.decoder = Decoder(latent_channels, decoder_channels, len(frequencies), blocks, frame_width, warp)
        self.register_buffer("latent_mean", torch.zeros(latent_channels, 1, octaves))
        self.register_buffer("latent_std", torch.ones(latent_channels, 1, octaves))

    @property
    def samples_per_latent_frame(self) -> int:
        """Samples from latent frame to latent frame."""
        return self.config.hop_length * TIME_STRIDE

    @property
    def latent_bins(self) -> int:
        """Size of the latents' frequency axis."""
        return self.config.octaves

    def num_latent_frames(self, num_samples: int) -> int:
        """Latent frames that hold `num_samples` samples (the last one may be padded)."""
        return math.ceil(num_samples / self.samples_per_latent_frame)

    def analyse(self, waveform: torch.Tensor) -> torch.Tensor:
        """Log-frequency spectrograms `(batch, windows, frames, bins)` of `(batch, samples)`; what the encoder sees."""
        views = []
        for index, length in enumerate(self.config.window_lengths):
            magnitude = stft_magnitude(waveform, length, self.config.hop_length)
            views.append(compress(magnitude @ self.get_buffer(f"warp_{index}").to(magnitude.dtype)))
        return torch.stack(views, dim=1)

    def target(self, waveform: torch.Tensor) -> torch.Tensor:
        """Normalised log-magnitudes `(batch, frames, n_fft / 2 + 1)` of `(batch, samples)`; what the decoder should write."""
        return compress(stft_magnitude(waveform, self.config.n_fft, self.config.hop_length))

    def posterior(self, spectrograms: torch.Tensor) -> DiagonalGaussianDistribution:
        """Distribution of the raw (not yet normalised) latents for `analyse`'s output."""
        return DiagonalGaussianDistribution(self.encoder(spectrograms))

    def encode(self, waveform: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Normalised latents of `waveform` `(batch, samples)`: the posterior's mean, or a sample when a generator is given.

        Raises:
            ValueError: `waveform` is not `(batch, samples)`.
        """
        if waveform.ndim != 2:
            raise ValueError(f"waveform: expected shape (batch, samples), got {tuple(waveform.shape)}")
        missing = self.num_latent_frames(waveform.shape[-1]) * self.samples_per_latent_frame - waveform.shape[-1]
        spectrograms = self.analyse(F.pad(waveform.float(), (0, missing))).to(self.dtype)
        posterior = self.posterior(spectrograms)
        latents = posterior.mode() if generator is None else posterior.sample(generator)
        return (latents - self.latent_mean) / self.latent_std

    def decode_magnitude(self, latents: torch.Tensor) -> torch.Tensor:
        """Normalised log-magnitudes `(batch, frames, n_fft / 2 + 1)` of normalised latents."""
        return self.decoder(latents * self.latent_std + self.latent_mean)

    def decode(self, latents: torch.Tensor, num_samples: int | None = None) -> torch.Tensor:
        """Waveform `(batch, num_samples)` (float32) of normalised latents; by default everything the frames hold."""
        full_length = latents.shape[2] * self.samples_per_latent_frame
        magnitude = expand(self.decode_magnitude(latents).float())
        iterations = self.config.griffin_lim_iterations
        return griffin_lim(magnitude, self.config.hop_length, num_samples or full_length, iterations)

    def set_latent_statistics(self, latents: torch.Tensor) -> None:
        """Take mean and deviation per channel and bin from raw latents `(batch, channels, frames, bins)`."""
        self.latent_mean.copy_(latents.float().mean(dim=(0, 2), keepdim=True)[0])
        self.latent_std.copy_(latents.float().std(dim=(0, 2), keepdim=True)[0])
