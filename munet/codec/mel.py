"""The published mel front end: waveform -> log mel spectrogram, as AudioLDM's autoencoder expects it.

Magnitudes of a short-time Fourier transform (periodic Hann window, centred frames, reflected edges) are summed into mel
bands (Slaney's scale and area normalisation) and pass through a clamped natural logarithm. `fbank` adds the level
normalisation and the fixed number of frames of AudioLDM (Liu et al., ICML 2023), whose preprocessing Mustango keeps.

Conventions: waveforms `(batch, samples)` in [-1, 1]; a waveform of n samples has n // hop_length + 1 frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from munet.compiled import load_librosa

# Floor of the magnitudes before the logarithm; silence is ln(1e-5) = -11.51.
FLOOR = 1e-5
PEAK = 0.5


@dataclass(frozen=True)
class MelSettings:
    """Sizes of the front end; the defaults are the published ones (rates and frequencies in Hz, sizes in samples)."""

    sample_rate: int = 16000
    n_fft: int = 1024
    hop_length: int = 160
    num_mels: int = 64
    min_frequency: float = 0.0
    max_frequency: float = 8000.0


def normalize_waveform(waveform: torch.Tensor) -> torch.Tensor:
    """Remove the mean of each row of `waveform` `(batch, samples)` and scale its peak to 0.5; silence stays silence."""
    waveform = waveform - waveform.mean(dim=-1, keepdim=True)
    return PEAK * waveform / (waveform.abs().amax(dim=-1, keepdim=True) + 1e-8)


class MelFrontEnd(nn.Module):
    """Waveform to log mel spectrogram.

    Args:
        settings: sizes; None for the published ones.
    """

    def __init__(self, settings: MelSettings | None = None) -> None:
        super().__init__()
        librosa = load_librosa()  # here, so that whoever has another codec can do without it
        self.settings = settings or MelSettings()
        basis = librosa.filters.mel(
            sr=self.settings.sample_rate,
            n_fft=self.settings.n_fft,
            n_mels=self.settings.num_mels,
            fmin=self.settings.min_frequency,
            fmax=self.settings.max_frequency,
        )
        # Fixed tables, so they follow the module to its device but are not saved.
        self.register_buffer("mel_basis", torch.from_numpy(basis), persistent=False)
        self.register_buffer("window", torch.hann_window(self.settings.n_fft), persistent=False)

    def magnitude(self, waveform: torch.Tensor) -> torch.Tensor:
        """Magnitudes `(batch, n_fft / 2 + 1, frames)` of `waveform` `(batch, samples)`.

        Raises:
            ValueError: if the waveform is not 2-d or shorter than the half window that its edges reflect.
        """
        n_fft, hop_length = self.settings.n_fft, self.settings.hop_length
        if waveform.ndim != 2 or waveform.shape[-1] <= n_fft // 2:
            shape = tuple(waveform.shape)
            raise ValueError(f"waveform: expected shape (batch, more than {n_fft // 2} samples), got {shape}")
        spectrum = torch.stft(waveform, n_fft, hop_length, window=self.window, pad_mode="reflect", return_complex=True)
        return spectrum.abs()

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Log mel spectrogram `(batch, num_mels, frames)` of `waveform` `(batch, samples)`."""
        return torch.log((self.mel_basis @ self.magnitude(waveform)).clamp(min=FLOOR))

    def fbank(self, waveform: torch.Tensor, target_frames: int = 1024) -> torch.Tensor:
        """The autoencoder's input: level-normalised log mel spectrogram with a fixed number of frames.

        The waveform is centred, scaled to a peak of 0.5, cut or padded with silence to `target_frames`, and scaled
        again (which matters when the peak was cut off).

        Args:
            waveform: `(batch, samples)`, one channel.
            target_frames: frames of the result; 1024 are 10.24 s.

        Returns:
            Log mel spectrogram `(batch, target_frames, num_mels)`.

        Raises:
            ValueError: if the waveform is not 2-d or is empty.
        """
        if waveform.ndim != 2 or waveform.shape[-1] == 0:
            raise ValueError(f"waveform: expected shape (batch, samples), got {tuple(waveform.shape)}")
        samples = target_frames * self.settings.hop_length
        waveform = normalize_waveform(waveform)[:, :samples]
        waveform = F.pad(waveform, (0, samples - waveform.shape[-1]))
        waveform = PEAK * waveform / (waveform.abs().amax(dim=-1, keepdim=True) + 1e-8)
        return self(waveform)[..., :target_frames].transpose(1, 2)
