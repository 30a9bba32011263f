"""Phase reconstruction: scaling, inversion, and how close the magnitudes of the result come."""

from __future__ import annotations

import math

import pytest
import torch

from munet.codec.phase import griffin_lim, istft, propagate_phase, stft, stft_magnitude

RATE, N_FFT, HOP = 8000, 512, 64


def chord(seconds: float = 1.0) -> torch.Tensor:
    """Three sines between bins that start in the middle of the clip, and a decaying noise, `(1, samples)`."""
    time = torch.arange(int(seconds * RATE)) / RATE
    wave = sum(0.2 * torch.sin(2 * math.pi * frequency * time) for frequency in (261.6, 329.6, 1046.5))
    noise = torch.randn(len(time), generator=torch.Generator().manual_seed(0)) * torch.exp(-8 * time)
    return (wave * (time > 0.3 * seconds) + 0.3 * noise)[None]


def error_db(waveform: torch.Tensor, magnitude: torch.Tensor) -> float:
    """Energy of the magnitudes' error against their own, dB."""
    difference = stft_magnitude(waveform, N_FFT, HOP) - magnitude
    return 20 * math.log10(difference.norm() / magnitude.norm())


def test_a_sine_of_amplitude_one_peaks_at_a_half() -> None:
    frequency = 32 * RATE / N_FFT  # exactly on bin 32
    wave = torch.sin(2 * math.pi * frequency * torch.arange(RATE) / RATE)[None]
    magnitude = stft_magnitude(wave, N_FFT, HOP)
    assert magnitude.shape == (1, RATE // HOP, N_FFT // 2 + 1)
    assert magnitude[0, 50].argmax() == 32
    assert magnitude[0, 50, 32].item() == pytest.approx(0.5, abs=1e-4)


def test_istft_inverts_stft() -> None:
    wave = torch.randn(2, 4096, generator=torch.Generator().manual_seed(0))
    back = istft(stft(wave, N_FFT, HOP), HOP, 4096)
    # The last frame is only repeated, so the last half window is not exact.
    assert torch.allclose(back[:, : 4096 - N_FFT], wave[:, : 4096 - N_FFT], atol=1e-4)


def test_propagated_phase_advances_by_the_frequency() -> None:
    frequency = 440.0
    wave = torch.sin(2 * math.pi * frequency * torch.arange(RATE) / RATE)[None]
    magnitude = stft_magnitude(wave, N_FFT, HOP)
    peak = int(magnitude[0, 50].argmax())
    phase = propagate_phase(magnitude, HOP)[0, 40:60, peak].angle()
    advance = torch.remainder(torch.diff(phase), 2 * math.pi)
    expected = 2 * math.pi * frequency * HOP / RATE % (2 * math.pi)
    assert torch.allclose(advance, torch.full_like(advance, expected), atol=0.1)


def test_griffin_lim_comes_close_and_more_rounds_come_closer() -> None:
    wave = chord()
    magnitude = stft_magnitude(wave, N_FFT, HOP)
    estimates = [griffin_lim(magnitude, HOP, wave.shape[1], rounds, momentum=0.5) for rounds in (0, 4, 32)]
    errors = [error_db(estimate, magnitude) for estimate in estimates]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < -20


def test_griffin_lim_of_silence_is_silence_of_the_asked_length() -> None:
    silent = griffin_lim(torch.zeros(1, 20, N_FFT // 2 + 1), HOP, 1000, 4)
    assert silent.shape == (1, 1000)
    assert silent.abs().max() == 0
