"""Frames, axes and features of the stereo codec's analysis."""

from __future__ import annotations

import math

import pytest
import torch

from munet.codec.analysis import (
    PAN_WEIGHT,
    RATIO_FLOOR,
    Analysis,
    Band,
    centres,
    centroid_matrices,
    frames_of,
    from_patches,
    interpolation_matrix,
    principal_components,
    sampling_matrix,
    soft_excess,
    to_patches,
)

RATE, HOP = 8000, 80
BANDS = (
    Band(50, 1000, ((512, 12), (128, 3)), 0, 1e-4, 2),
    Band(1000, 4000, ((128, 10),), 0, 5e-5, 3),
)


def tone(frequency: float, samples: int = 8000, level: float = 0.5) -> torch.Tensor:
    return level * torch.cos(2 * math.pi * frequency * torch.arange(samples) / RATE)[None]


def analyse(left: torch.Tensor, right: torch.Tensor) -> list[torch.Tensor]:
    return Analysis(BANDS, RATE, HOP, 256)((left + right) / 2, (left - right) / 2)


def test_a_tone_of_amplitude_one_peaks_at_a_half_in_every_frame() -> None:
    spectrum = frames_of(tone(1000, level=1.0), 256, HOP)
    assert spectrum.shape == (1, 100, 129)
    assert torch.allclose(spectrum[:, 5:-5, 32].abs(), torch.tensor(0.5), atol=1e-3)


def test_phases_refer_to_the_middle_of_the_hop() -> None:
    """A cosine that starts at frame 10's middle has phase 0 there, in all three bins of its main lobe."""
    samples = torch.arange(8000) - (10 * HOP + HOP // 2)
    wave = torch.cos(2 * math.pi * 1000 * samples / RATE)[None]
    assert torch.allclose(frames_of(wave, 256, HOP)[0, 10, 31:34].angle(), torch.zeros(3), atol=1e-3)


def test_frames_of_a_cut_are_those_of_the_whole() -> None:
    wave = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    whole, cut = frames_of(wave, 256, HOP), frames_of(wave[:, 20 * HOP : 60 * HOP], 256, HOP)
    assert torch.allclose(whole[:, 22:58], cut[:, 2:38], atol=1e-6)


def test_axes_sample_and_interpolate() -> None:
    frequencies = centres(0.0, 800.0, 4)
    assert frequencies.tolist() == [100.0, 300.0, 500.0, 700.0]
    down = sampling_matrix(frequencies, 80, RATE)  # linear bins of 100 Hz
    assert down.shape == (41, 4)
    assert down[:, 1].nonzero().flatten().tolist() == [2, 3, 4]
    assert down[2:5, 1].tolist() == [0.25, 0.5, 0.25]
    up = interpolation_matrix(frequencies, torch.tensor([0.0, 100.0, 150.0, 300.0, 900.0]))
    assert (torch.tensor([1.0, 2.0, 3.0, 4.0]) @ up).tolist() == [1.0, 1.0, 1.25, 2.0, 4.0]


def test_centroids_point_at_the_partial() -> None:
    sources, targets = torch.arange(100.0, 500.0, 5.0), torch.tensor([200.0, 220.0, 240.0])
    moment, mass = torch.zeros(len(sources)).index_fill(0, (sources == 230).nonzero()[0], 1.0) @ centroid_matrices(
        sources, targets, 20.0
    )
    assert torch.allclose(moment / (mass + 1e-20), torch.tensor([0.0, 0.5, -0.5]))  # 1.5 widths off: unseen
    assert not centroid_matrices(torch.tensor([100.0, 200.0]), targets, 20.0).any()


def test_soft_excess_undoes_the_floor_and_ends_in_silence() -> None:
    levels = torch.tensor([1e-3, 1e-2, 0.5])
    assert torch.allclose(10 ** soft_excess((levels + 1e-4).log10(), 1e-4), levels, rtol=0.05)
    assert 10 ** soft_excess(torch.tensor(-4.0), 1e-4) < 5e-6


def test_silence_and_mono_are_finite_and_say_so() -> None:
    silence = analyse(torch.zeros(1, 800), torch.zeros(1, 800))
    assert torch.allclose(silence[0][..., :15], torch.tensor(-4.0), atol=1e-4)
    ratio = torch.tensor(RATIO_FLOOR).log10()
    for features in (silence, analyse(tone(440), tone(440))):
        for band, part in zip(BANDS, features, strict=True):
            assert torch.isfinite(part).all()
            side = part[..., band.mid_bins : band.mid_bins + band.side_bins]
            assert torch.allclose(side, ratio, atol=1e-4)
            assert torch.allclose(part[..., band.mid_bins + band.side_bins :], torch.tensor(0.0), atol=1e-5)


@pytest.mark.parametrize(("left", "right", "sign"), [(1.0, 0.5, 1), (0.5, 1.0, -1)])
def test_the_share_in_phase_tells_left_from_right(left: float, right: float, sign: int) -> None:
    """mid .75, side +-.25: a ratio of a third, a share of .75 * .25 / (.75^2 + .25^2) = .3."""
    band = analyse(left * tone(400), right * tone(400))[0][0, 20:-20]
    assert torch.allclose(band[:, 15:17].mean(dim=0)[0], torch.tensor(1 / 3 + RATIO_FLOOR).log10(), atol=0.01)
    assert torch.allclose(band[:, 17], torch.tensor(sign * 0.3 * PAN_WEIGHT), atol=0.01)


def test_patches_come_back() -> None:
    features = torch.arange(48.0).view(1, 16, 3)
    patches = to_patches(features, 8)
    assert patches.shape == (1, 2, 24)
    assert patches[0, 1, :3].tolist() == features[0, 8].tolist()
    assert torch.equal(from_patches(patches, 8), features)


def test_components_of_a_known_covariance() -> None:
    components, deviations, kept = principal_components(torch.diag(torch.tensor([1.0, 9.0, 4.0])).double(), 2)
    assert torch.allclose(components.abs(), torch.tensor([[0.0, 1, 0], [0, 0, 1]]).double())
    assert deviations.tolist() == [3.0, 2.0] and kept == pytest.approx(13 / 14)
    with pytest.raises(ValueError, match="at most 3 components, got 4"):
        principal_components(torch.eye(3).double(), 4)
