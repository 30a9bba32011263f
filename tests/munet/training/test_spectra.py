"""Spectral losses and critics: zero where nothing differs, larger where more does."""

from __future__ import annotations

import math

import pytest
import torch

from munet.codec.analysis import frames_of
from munet.codec.phasors import Steps
from munet.training.critics import Critics, adversarial_loss, critic_loss, matching_loss
from munet.training.spectra import (
    ear_bands,
    envelope_loss,
    four_views,
    magnitude,
    mismatch,
    phase_losses,
    spectral_losses,
)
from tests.munet.codec.stereo_toys import RATE, noise

WINDOWS = (512, 128)


def pair(seed: int = 0, level: float = 0.1) -> list[torch.Tensor]:
    sound = noise(4000, seed, level)
    return four_views(sound.mean(dim=0)[None], (sound[0] - sound[1])[None] / 2)


def test_views_are_mid_side_left_right() -> None:
    sound = noise(100)
    views = four_views(sound.mean(dim=0)[None], (sound[0] - sound[1])[None] / 2)
    assert torch.allclose(torch.cat(views[2:]), sound, atol=1e-6)


def test_spectral_losses_are_zero_for_equals_and_a_log_ratio_for_scales() -> None:
    same = spectral_losses(pair(), pair(), RATE, WINDOWS)
    assert same["log_l1"] == 0 and same["loud"] == 0 and same["bands"] == 0
    halved = spectral_losses(pair(), [each / 2 for each in pair()], RATE, WINDOWS)
    assert float(halved["log_l1"]) == pytest.approx(math.log10(2), abs=0.02)
    assert float(halved["bands"]) == pytest.approx(math.log10(2), abs=0.02)
    assert float(halved["loud"]) == pytest.approx(math.sqrt(2) - 1, abs=0.01)


def test_the_envelope_hears_an_attack_that_comes_early() -> None:
    attack = torch.cat([torch.zeros(1, 400), torch.ones(1, 400)], dim=1) * torch.randn(
        1, 800, generator=torch.Generator().manual_seed(0)
    )
    assert envelope_loss([attack], [attack], 10) == 0
    assert envelope_loss([attack.roll(-40, 1)], [attack], 10) > 0.1
    assert envelope_loss([2 * attack[:, 400:]], [attack[:, 400:]], 10).item() == pytest.approx(math.log10(2), abs=0.01)


def test_bands_hear_the_level_of_noise_and_not_its_grain() -> None:
    other = spectral_losses(pair(0), pair(1), RATE, WINDOWS)
    assert other["bands"] < 0.85 * other["log_l1"]
    matrix = ear_bands(512, RATE, 20)
    assert torch.equal(matrix.sum(dim=1), torch.ones(257)) and matrix.shape[1] <= 20


def test_magnitude_has_a_slope_at_zero() -> None:
    spectrum = torch.zeros(2, dtype=torch.complex64, requires_grad=True)
    magnitude(spectrum).sum().backward()
    assert torch.isfinite(torch.view_as_real(spectrum.grad)).all()


def test_a_quarter_turn_is_a_mismatch_of_one() -> None:
    ones = torch.ones(3, dtype=torch.complex64)
    assert mismatch(ones * 1j, ones, torch.ones(3)) == pytest.approx(1.0)
    assert mismatch(-ones, ones, torch.tensor([1.0, 0.0, 0.0])) == pytest.approx(2.0)


def test_true_steps_cost_nothing() -> None:
    """Steps read off the target itself, turned by any constant phase, have no loss."""
    mid = frames_of(noise(RATE)[:1], 256, 80)[:, :, :64]
    phasors = mid / magnitude(mid) * torch.polar(torch.tensor(1.0), torch.tensor(0.7))
    level = (magnitude(mid) + 2e-5).log10()
    rotation = torch.cat([torch.ones_like(phasors[:, :1]), phasors[:, 1:] * phasors[:, :-1].conj()], dim=1)
    ones = torch.ones_like(level)
    steps = Steps(level, level, rotation, ones, ones, ones, phasors, phasors)
    losses = phase_losses(steps, phasors, mid, mid, torch.ones(64))
    assert all(float(value) < 1e-3 for value in losses.values())
    reversed_losses = phase_losses(steps, phasors.conj(), mid, mid, torch.ones(64))
    assert reversed_losses["delay"] > 0.3 and reversed_losses["advance"] > 0.3


def test_critics_learn_to_tell_noise_from_tones() -> None:
    torch.manual_seed(0)
    critics = Critics((128, 64), channels=8)
    time = torch.arange(800) / RATE
    optimizer = torch.optim.AdamW(critics.parameters(), 3e-3)
    losses = []
    for step in range(10):
        tones = (0.1 * torch.sin(2 * math.pi * (300 + 50 * step) * time)).expand(2, -1)
        noises = noise(800, step)
        real, fake = critics(tones, torch.zeros_like(tones)), critics(noises, torch.zeros_like(noises))
        loss = critic_loss([scores for scores, _ in real], [scores for scores, _ in fake])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]
    assert adversarial_loss([scores for scores, _ in fake]) > adversarial_loss([scores for scores, _ in real])
    features = [each for _, each in real]
    assert matching_loss(features, features) == 0
    assert matching_loss(features, [each for _, each in fake]) > 0


def test_critic_loss_is_the_hinge() -> None:
    assert critic_loss([torch.tensor([2.0, 0.5])], [torch.tensor([-2.0, 0.5])]) == pytest.approx(0.25 + 0.75)
