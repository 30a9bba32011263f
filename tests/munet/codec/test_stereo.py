"""The stereo codec: latents, round trips, windows, loops, saving."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from munet.codec.analysis import frames_of
from munet.codec.decoder import HeadBand, SpectrumHead, Swell, head_bands
from munet.codec.stereo import StereoAutoencoder
from tests.munet.codec.stereo_toys import CONFIG, RATE, STEP, noise, tiny_codec


@pytest.fixture(scope="module")
def codec() -> StereoAutoencoder:
    codec = tiny_codec()
    torch.nn.init.normal_(codec.swell.linear.weight, std=0.05)  # untrained it does nothing, which would test nothing
    return codec


def clip(frames: int, seed: int = 3) -> torch.Tensor:
    return noise(frames * STEP, seed)[None]


def test_latents_are_standard_over_the_fitted_clips(codec: StereoAutoencoder) -> None:
    swell = torch.sin(torch.arange(100 * STEP) / 3000.0).abs()
    clips = (noise(100 * STEP) * swell, noise(20 * STEP, seed=1, level=1e-3), torch.zeros(2, 10 * STEP))
    latents = torch.cat([codec.encode(each[None]) for each in clips], dim=2)
    assert latents.shape == (1, 24, 130, 2)
    assert torch.allclose(latents.mean(dim=2), torch.zeros(1), atol=1e-3)
    assert torch.allclose(latents.var(dim=2), torch.ones(1), atol=0.02)


def test_sizes(codec: StereoAutoencoder) -> None:
    assert codec.samples_per_latent_frame == STEP and codec.latent_bins == 2
    assert [codec.num_latent_frames(n) for n in (1, STEP, STEP + 1)] == [1, 1, 2]
    latents = codec.encode(clip(5)[..., :-100])
    assert latents.shape == (1, 24, 5, 2)
    assert codec.decode(latents).shape == (1, 2, 5 * STEP)
    assert codec.decode(latents, 1234).shape == (1, 2, 1234)


def test_mono_is_the_same_on_both_sides(codec: StereoAutoencoder) -> None:
    mono = clip(4)[:, :1]
    assert torch.equal(codec.encode(mono), codec.encode(mono.expand(-1, 2, -1)))
    with pytest.raises(ValueError, match=r"expected shape \(batch, 1 or 2, samples\), got \(2, 640\)"):
        codec.encode(torch.zeros(2, 640))


def test_encoding_leaves_no_trace_of_its_windows(codec: StereoAutoencoder) -> None:
    long = clip(150)
    latents = codec.encode(long)
    inner = codec.encode(long[..., 60 * STEP : 100 * STEP])
    assert torch.allclose(latents[:, :, 62:98], inner[:, :, 2:-2], atol=1e-4)


@pytest.mark.parametrize("window", [3, 7, 100])
def test_decoding_in_windows_gives_the_same_samples(codec: StereoAutoencoder, window: int) -> None:
    latents = codec.encode(torch.cat([clip(20), clip(20, seed=4)]))
    chunks = list(codec.decode_stream(latents, window))
    assert len(chunks) == math.ceil(20 / window)
    assert torch.allclose(torch.cat(chunks, dim=-1), codec.decode(latents), atol=1e-5)


def test_windows_of_one_frame_see_what_the_whole_does(codec: StereoAutoencoder) -> None:
    """All that the phases are made of is the same; samples are compared for longer windows.

    Processors may round products of so few rows otherwise, and phases of random weights then part.
    """
    latents = codec.encode(torch.cat([clip(20), clip(20, seed=4)]))
    whole, gains = codec._window(latents, 0, 20)
    parts, part_gains = zip(*(codec._window(latents, first, 1) for first in range(20)), strict=True)
    for head, steps in enumerate(whole):
        for item in fields(steps):
            pieces = [getattr(part[head], item.name) for part in parts]
            if isinstance(pieces[0], torch.Tensor):
                assert torch.allclose(torch.cat(pieces, dim=1), getattr(steps, item.name), atol=1e-5), item.name
        assert torch.allclose(torch.cat([part[head] for part in part_gains], dim=1), gains[head], atol=1e-5)


def test_a_loop_can_start_anywhere(codec: StereoAutoencoder) -> None:
    """Rolled sound has rolled latents, and the decoded end leads on into the beginning."""
    sound = clip(20)
    latents = codec.encode(sound, circular=True)
    rolled = codec.encode(sound.roll(6 * STEP, -1), circular=True)
    assert torch.allclose(latents.roll(6, 2), rolled, atol=1e-4)
    decoded = codec.decode(latents, circular=True)
    assert decoded.shape == (1, 2, 20 * STEP)
    jumps = torch.diff(torch.cat([decoded, decoded[..., :1]], dim=-1)).abs()
    assert jumps[..., -1].max() <= jumps[..., :-1].max()
    with pytest.raises(ValueError, match="expected a multiple of 640 samples in a loop, got 700"):
        codec.encode(torch.zeros(1, 2, 700), circular=True)
    with pytest.raises(ValueError, match="num_samples: expected 12800, the whole loop, got 100"):
        codec.decode(latents, 100, circular=True)


def test_levels_come_back_from_an_untrained_decoder(codec: StereoAutoencoder) -> None:
    """Within 10 dB at three levels 20 dB apart, random phases and all; silence stays below -80 dB."""
    for level in (0.3, 0.03, 3e-3):
        sound = noise(30 * STEP, seed=5, level=level)[None]
        decoded = codec.decode(codec.encode(sound))
        difference = 10 * torch.log10(decoded.square().mean() / sound.square().mean())
        assert abs(float(difference)) < 10
    assert codec.decode(codec.encode(torch.zeros(1, 2, 30 * STEP))).square().mean().sqrt() < 1e-4


def test_the_side_keeps_its_share(codec: StereoAutoencoder) -> None:
    sound = clip(60)
    decoded = codec.decode(codec.encode(sound))
    share = [
        (each[0, 0] - each[0, 1]).square().sum() / (each[0, 0] + each[0, 1]).square().sum() for each in (sound, decoded)
    ]
    assert abs(float(10 * torch.log10(share[1] / share[0]))) < 6


def test_saved_and_loaded_it_is_the_same(codec: StereoAutoencoder, tmp_path: Path) -> None:
    codec.save_pretrained(tmp_path)
    loaded = StereoAutoencoder.from_pretrained(tmp_path)
    latents = codec.encode(clip(6))
    assert torch.equal(loaded.encode(clip(6)), latents)
    assert torch.equal(loaded.decode(latents), codec.decode(latents))


def test_half_precision_weights_decode_close_by(codec: StereoAutoencoder, tmp_path: Path) -> None:
    codec.half().save_pretrained(tmp_path)
    codec.float()
    loaded = StereoAutoencoder.from_pretrained(tmp_path, dtype=torch.float32)
    assert torch.allclose(loaded.encode(clip(6)), codec.encode(clip(6)), atol=0.05)


def test_fitting_needs_enough_frames() -> None:
    with pytest.raises(ValueError, match="expected 24 latent frames or more in all, got 3"):
        StereoAutoencoder(**CONFIG).fit([noise(3 * STEP)])
    with pytest.raises(ValueError, match="latent_channels: expected at most 152 for band 0, got 200"):
        StereoAutoencoder(**CONFIG | {"latent_channels": 200})


def test_the_swell_is_straight_between_its_points() -> None:
    swell = Swell(4, 1, 2, 4)
    curve = swell.curve(torch.tensor([[1.0, 0.0, 4.0, 4.0]]), torch.tensor([[0.0]]))
    assert curve.tolist() == [[0.5, 1.0, 0.5, 0.0, 2.0, 4.0, 4.0, 4.0]]
    assert torch.equal(swell(torch.randn(2, 3, 4))[0], torch.ones(2, 6))
    with pytest.raises(ValueError, match="parts: expected a divisor of the hop, 80, got 9"):
        Swell(4, 2, 9, 80)


def test_heads_share_the_axis() -> None:
    low, high = head_bands((2048, 1024), (1400.0, 2200.0), 20000.0, 44100)
    assert low == HeadBand(2048, 0, 103, 0, 37) and high == HeadBand(1024, 33, 465, 18, 0)


def test_a_head_gives_back_the_sound_of_true_spectra() -> None:
    """Overlap-add of the analysis' own frames, divided by the envelope, is the sound again."""
    head = SpectrumHead(4, HeadBand(256, 0, 129, 0, 0), 80, reach=2)
    sound = noise(RATE)[:1]
    spectrum = frames_of(sound, 256, 80)
    added = head.overlapped(spectrum) / head.envelope(spectrum.shape[1]).clamp_min(1e-6)
    assert torch.allclose(added[:, 160:-160], sound, atol=1e-5)
