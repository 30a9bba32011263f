"""The autoencoder: axes, projection, shapes, saving."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from munet.codec.pocket import MusicAutoencoder, compress, expand, linear_from_mel, mel_from_linear
from tests.tiny import AUTOENCODER, tiny_autoencoder

RATE = 8000


def tone(frequency: float, samples: int) -> torch.Tensor:
    return 0.5 * torch.sin(2 * math.pi * frequency * torch.arange(samples) / RATE)[None]


def test_expand_inverts_compress() -> None:
    magnitude = torch.tensor([0.0, 1e-4, 0.01, 0.5])
    assert torch.allclose(expand(compress(magnitude)), magnitude, atol=1e-6)


def test_axes_map_a_peak_to_its_frequency_and_back() -> None:
    frequencies = torch.tensor([100.0, 200.0, 400.0, 800.0])
    down, up = mel_from_linear(frequencies, 80, RATE), linear_from_mel(frequencies, 80, RATE)  # bins of 100 Hz
    assert down.shape == (41, 4) and up.shape == (4, 41)
    spectrum = torch.zeros(41)
    spectrum[4] = 1.0  # 400 Hz
    assert (spectrum @ down).argmax() == 2
    # 300 Hz lies half way between 200 and 400 Hz; 3 kHz is beyond the range and takes the last value.
    values = torch.tensor([1.0, 2.0, 4.0, 8.0]) @ up
    assert values[3].item() == pytest.approx(3.0)
    assert values[30].item() == pytest.approx(8.0)


def test_shapes_and_padding() -> None:
    autoencoder = tiny_autoencoder()
    latents = autoencoder.encode(torch.randn(2, 1000) * 0.1)  # a latent frame is 640 samples
    assert latents.shape == (2, 4, 2, 2)
    assert autoencoder.decode_magnitude(latents).shape == (2, 16, 129)
    assert autoencoder.decode(latents, 1000).shape == (2, 1000)
    assert autoencoder.decode(latents).shape == (2, 1280)


def test_the_projection_keeps_what_it_was_fitted_to() -> None:
    clips = torch.cat([tone(frequency, 6400) for frequency in (220.0, 330.0, 440.0, 660.0)])
    autoencoder = MusicAutoencoder(**AUTOENCODER)
    kept = autoencoder.fit(clips)
    assert kept.shape == (2,) and (kept > 0.9).all()
    latents = autoencoder.encode(clips)
    assert latents.mean(dim=(0, 2)).abs().max() < 1e-3
    assert torch.allclose(latents.std(dim=(0, 2), correction=0), torch.ones(4, 2), atol=1e-2)
    exact = autoencoder.analyse(clips)
    assert (autoencoder.blurred(latents) - exact).pow(2).mean() < 0.1 * exact.var()


def test_an_untrained_refiner_interpolates() -> None:
    autoencoder = tiny_autoencoder()
    blurred = torch.randn(1, 8, 24)
    assert torch.allclose(autoencoder.refiner(blurred), blurred @ autoencoder.refiner.warp, atol=1e-6)


def test_the_round_trip_keeps_the_pitch() -> None:
    clips = torch.cat([tone(frequency, 6400) for frequency in (220.0, 440.0, 880.0)])
    autoencoder = MusicAutoencoder(**{**AUTOENCODER, "griffin_lim_iterations": 8})
    autoencoder.fit(clips)
    decoded = autoencoder.decode(autoencoder.encode(clips))
    peaks = torch.fft.rfft(decoded * torch.hann_window(6400)).abs().argmax(dim=1) * RATE / 6400
    for heard, asked in zip(peaks.tolist(), (220.0, 440.0, 880.0), strict=True):
        assert abs(heard - asked) < 30  # within a bin of the window (31 Hz)


def test_save_and_load_give_the_same_latents(tmp_path: Path) -> None:
    autoencoder = tiny_autoencoder()
    autoencoder.save_pretrained(tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".safetensors"]
    loaded = MusicAutoencoder.from_pretrained(tmp_path)
    wave = torch.randn(1, 3200) * 0.1
    assert torch.allclose(loaded.encode(wave), autoencoder.encode(wave), atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mel_bins": 26}, "mel_bins: expected a multiple of 4"),
        ({"max_frequency": 5000.0}, "max_frequency: expected at most 4000.0 Hz, got 5000.0"),
    ],
)
def test_bad_configurations_are_named(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MusicAutoencoder(**{**AUTOENCODER, **changes})


def test_a_waveform_without_batch_is_refused() -> None:
    with pytest.raises(ValueError, match=r"waveform: expected shape \(batch, samples\), got \(100,\)"):
        tiny_autoencoder().encode(torch.zeros(100))
