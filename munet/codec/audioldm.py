"""The published autoencoder: waveform -> log mel spectrogram -> latents -> log mel spectrogram -> waveform.

AudioLDM's variational autoencoder of mel spectrograms and its HiFi-GAN (Liu et al., ICML 2023; Kong et al., NeurIPS
2020), which Mustango keeps frozen, behind the interface of `munet.codec.pocket.MusicAutoencoder`. Networks come from
diffusers and transformers; this file joins them.

Conventions: waveforms are mono `(batch, samples)` in [-1, 1] at `sample_rate`; log mel spectrograms are
`(batch, frames, num_mels)`, natural logarithm, as `munet.codec.mel.MelFrontEnd.fbank` makes them; latents are
`(batch, latent_channels, latent_frames, latent_bins)`, multiplied by `scaling_factor`. With the published sizes a
latent frame is four mel frames (40 ms) and a latent bin is four mel bands.

On purpose other than in the reference:
- Audio is float32. The reference multiplies by 32768 and truncates to int16, so that a sample of +1.0 wraps to -32768.
- `decode` returns the length that is asked for. The vocoder alone gives 32 samples more than its frames hold.
- `encode` gives the posterior's mean unless it gets noise; the reference always draws.
- A clip may have any length; the reference makes 1024 mel frames whatever is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from diffusers import AutoencoderKL, ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch.nn import functional as F
from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

from munet.codec.mel import MelFrontEnd, MelSettings

# The published denoiser halves the time axis three times, and it was trained on 256 latent frames for 10 s.
LATENT_FRAME_MULTIPLE = 8


class MelAutoencoder(ModelMixin, ConfigMixin):
    """Mel spectrogram VAE and vocoder; the defaults are the published sizes (110.6 million parameters).

    Args:
        sample_rate: Hz of the waveforms.
        n_fft: samples of the analysis window.
        hop_length: samples from mel frame to mel frame, the product of `upsample_rates`.
        num_mels: mel bands, a multiple of the VAE's reduction.
        min_frequency, max_frequency: Hz of the mel axis' ends.
        latent_channels: channels of the latents.
        block_out_channels: widths of the VAE's levels; every level but the last halves both axes.
        layers_per_block: residual blocks per level of the encoder (the decoder has one more).
        norm_num_groups: groups of the group norms.
        scaling_factor: latents = this times what the VAE gives, for unit variance.
        upsample_initial_channel: width of the vocoder's first level; every upsampling halves it.
        upsample_rates, upsample_kernel_sizes: strides and kernels of the vocoder's transposed convolutions.
        resblock_kernel_sizes, resblock_dilation_sizes: its parallel residual blocks at every level.

    Raises:
        ValueError: sizes that do not fit together.
    """

    audio_channels = 1

    @register_to_config
    def __init__(
        self,
        sample_rate: int = 16000,
        n_fft: int = 1024,
        hop_length: int = 160,
        num_mels: int = 64,
        min_frequency: float = 0.0,
        max_frequency: float = 8000.0,
        latent_channels: int = 8,
        block_out_channels: Sequence[int] = (128, 256, 512),
        layers_per_block: int = 2,
        norm_num_groups: int = 32,
        scaling_factor: float = 0.9227914214134216,
        upsample_initial_channel: int = 1024,
        upsample_rates: Sequence[int] = (5, 4, 2, 2, 2),
        upsample_kernel_sizes: Sequence[int] = (16, 16, 8, 4, 4),
        resblock_kernel_sizes: Sequence[int] = (3, 7, 11),
        resblock_dilation_sizes: Sequence[Sequence[int]] = ((1, 3, 5), (1, 3, 5), (1, 3, 5)),
    ) -> None:
        super().__init__()
        if num_mels % self.reduction:
            raise ValueError(f"num_mels: expected a multiple of {self.reduction}, got {num_mels}")
        if math.prod(upsample_rates) != hop_length:
            product = math.prod(upsample_rates)
            raise ValueError(f"upsample_rates: expected the product {hop_length} (hop_length), got {product}")
        levels = len(block_out_channels)
        self.autoencoder = AutoencoderKL(
            in_channels=1,
            out_channels=1,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=tuple(block_out_channels),
            layers_per_block=layers_per_block,
            latent_channels=latent_channels,
            norm_num_groups=norm_num_groups,
            scaling_factor=scaling_factor,
        )
        self.vocoder = SpeechT5HifiGan(
            SpeechT5HifiGanConfig(
                model_in_dim=num_mels,
                sampling_rate=sample_rate,
                upsample_initial_channel=upsample_initial_channel,
                upsample_rates=list(upsample_rates),
                upsample_kernel_sizes=list(upsample_kernel_sizes),
                resblock_kernel_sizes=list(resblock_kernel_sizes),
                resblock_dilation_sizes=[list(dilations) for dilations in resblock_dilation_sizes],
                normalize_before=False,
            )
        )
        # Without normalisation the vocoder's statistics are constants that no checkpoint of this model holds.
        for name, constant in list(self.vocoder.named_buffers(recurse=False)):
            self.vocoder.register_buffer(name, constant, persistent=False)

    @property
    def reduction(self) -> int:
        """Mel frames in a latent frame, and mel bands in a latent bin."""
        return 2 ** (len(self.config.block_out_channels) - 1)

    @property
    def samples_per_latent_frame(self) -> int:
        """Samples from latent frame to latent frame."""
        return self.config.hop_length * self.reduction

    @property
    def latent_bins(self) -> int:
        """Size of the latents' frequency axis."""
        return self.config.num_mels // self.reduction

    def num_latent_frames(self, num_samples: int) -> int:
        """Latent frames for `num_samples` samples, rounded up to a multiple of 8: 256 for 10 s, as in training."""
        multiple = LATENT_FRAME_MULTIPLE * self.samples_per_latent_frame
        return LATENT_FRAME_MULTIPLE * math.ceil(num_samples / multiple)

    def posterior(self, log_mel: torch.Tensor) -> DiagonalGaussianDistribution:
        """What the encoder makes of `log_mel` `(batch, frames, num_mels)`, not scaled.

        A Gaussian with `mean`, `logvar` (clamped to -30..20) and `std`, all in the shape of the latents; `parameters`
        are mean and unclamped logvar, one after the other along the channels; `kl()` `(batch,)` is summed over a
        clip's latents, where the reference takes the mean.

        Raises:
            ValueError: another shape, or frames that do not fill the last latent frame.
        """
        frames, num_mels = self.reduction, self.config.num_mels
        if log_mel.ndim != 3 or log_mel.shape[1] % frames or log_mel.shape[2] != num_mels:
            expected = f"(batch, multiple of {frames}, {num_mels})"
            raise ValueError(f"log_mel: expected shape {expected}, got {tuple(log_mel.shape)}")
        return self.autoencoder.encode(log_mel[:, None].to(self.dtype)).latent_dist

    def encode_mel(self, log_mel: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        """Latents of a log mel spectrogram: `scaling_factor` times mean + std * noise.

        Args:
            log_mel: `(batch, frames, num_mels)`, a multiple of `reduction` frames.
            noise: standard normal, in the shape of the latents; None for the posterior's mean.

        Returns:
            Latents `(batch, latent_channels, latent_frames, latent_bins)`.

        Raises:
            ValueError: `log_mel` has another shape, or `noise` another than the latents.
        """
        posterior = self.posterior(log_mel)
        latents = posterior.mean
        if noise is not None:
            if noise.shape != latents.shape:
                raise ValueError(f"noise: expected shape {tuple(latents.shape)}, got {tuple(noise.shape)}")
            latents = latents + posterior.std * noise.to(latents)
        return latents * self.config.scaling_factor

    @apply_forward_hook
    def encode(self, waveform: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        """Latents of a waveform, padded with silence to `num_latent_frames`; its level does not matter.

        Args:
            waveform: `(batch, samples)`.
            noise: standard normal, in the shape of the latents; None for the posterior's mean.

        Returns:
            Latents `(batch, latent_channels, latent_frames, latent_bins)`.

        Raises:
            ValueError: `waveform` is not `(batch, samples)` or is empty, or `noise` has another shape than the latents.
        """
        frames = self.num_latent_frames(waveform.shape[-1]) * self.reduction
        return self.encode_mel(self.front_end().to(waveform.device).fbank(waveform.float(), frames), noise)

    def front_end(self) -> MelFrontEnd:
        """The mel front end of this configuration.

        Made when needed: as a part of this model it would follow it to half precision, too coarse for its tables.
        """
        names = ("sample_rate", "n_fft", "hop_length", "num_mels", "min_frequency", "max_frequency")
        return MelFrontEnd(MelSettings(**{name: self.config[name] for name in names}))

    def decode_mel(self, latents: torch.Tensor) -> torch.Tensor:
        """Log mel spectrogram `(batch, frames, num_mels)` of latents.

        Raises:
            ValueError: latents of another shape than `(batch, latent_channels, latent_frames, latent_bins)`.
        """
        channels, bins = self.config.latent_channels, self.latent_bins
        if latents.ndim != 4 or latents.shape[1] != channels or latents.shape[3] != bins:
            raise ValueError(f"latents: expected shape (batch, {channels}, frames, {bins}), got {tuple(latents.shape)}")
        return self.autoencoder.decode(latents.to(self.dtype) / self.config.scaling_factor).sample.squeeze(1)

    def vocode(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Waveform (float32) of a log mel spectrogram `(batch, frames, num_mels)`.

        With the published sizes n frames give 160 n + 32 samples: the first transposed convolution adds one of its own.
        """
        return self.vocoder(log_mel.to(self.dtype)).float()

    @apply_forward_hook
    def decode(self, latents: torch.Tensor, num_samples: int | None = None) -> torch.Tensor:
        """Waveform (float32) of latents.

        Args:
            latents: `(batch, latent_channels, latent_frames, latent_bins)`.
            num_samples: length of the result, which is cut or padded with silence; None for all that the frames hold.

        Returns:
            Waveform `(batch, num_samples)` in [-1, 1].

        Raises:
            ValueError: latents of another shape.
        """
        waveform = self.vocode(self.decode_mel(latents))
        length = latents.shape[2] * self.samples_per_latent_frame if num_samples is None else num_samples
        return F.pad(waveform[:, :length], (0, max(0, length - waveform.shape[-1])))
