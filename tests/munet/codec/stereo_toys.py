"""A toy stereo codec for tests: 8 kHz, 80 ms latent frames, two bands, fitted to noise."""

from __future__ import annotations

import torch

from munet.codec.stereo import StereoAutoencoder

RATE, STEP = 8000, 640  # Hz, samples of a latent frame
BANDS = (
    {"low": 50, "high": 1000, "windows": [[512, 12], [128, 3]], "primary": 0, "floor": 1e-4, "side_bins": 2},
    {"low": 1000, "high": 4000, "windows": [[128, 10]], "primary": 0, "floor": 5e-5, "side_bins": 2},
)
CONFIG = {
    "sample_rate": RATE,
    "hop_length": 80,
    "bands": BANDS,
    "side_window": 256,
    "latent_channels": 24,
    "width": 16,
    "blocks": 2,
    "expansion": 2,
    "kernel": 3,
    "head_windows": (256, 128),
    "crossover": (800.0, 1200.0),
    "top": 4000.0,
    "parts": 8,
}


def noise(samples: int, seed: int = 0, level: float = 0.1) -> torch.Tensor:
    """White noise `(2, samples)`, left and right half alike."""
    generator = torch.Generator().manual_seed(seed)
    common, left, right = torch.randn(3, samples, generator=generator) * level
    return torch.stack([common + left / 2, common + right / 2])


def tiny_codec(seed: int = 0) -> StereoAutoencoder:
    """A codec with a random decoder, fitted to noise that comes and goes, and to silence."""
    torch.manual_seed(seed)
    codec = StereoAutoencoder(**CONFIG)
    swell = torch.sin(torch.arange(100 * STEP) / 3000.0).abs()
    codec.fit([noise(100 * STEP) * swell, noise(20 * STEP, seed=1, level=1e-3), torch.zeros(2, 10 * STEP)])
    return codec.eval()
