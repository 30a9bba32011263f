"""Phase reconstruction: from STFT magnitudes to a waveform.

Conventions: magnitudes are those of `stft_magnitude` (periodic Hann window, centred frames, divided by the window's
sum, so that a sine of amplitude 1 gives a peak of 0.5), frames last-but-one, bins last: `(batch, frames, bins)`. Time
advances by `hop_length` samples a frame.

Two steps: `propagate_phase` estimates the phase frame by frame from the peaks of each spectrum (single pass spectrogram
inversion, Beauregard et al., DAFx 2015), which keeps sustained notes coherent; `griffin_lim` then makes the estimate
consistent (fast Griffin-Lim, Perraudin et al., WASPAA 2013).
"""

from __future__ import annotations

import math

import torch


def stft(waveform: torch.Tensor, n_fft: int, hop_length: int) -> torch.Tensor:
    """Complex spectrum `(batch, frames, bins)` of `waveform` `(batch, samples)`, samples / hop_length frames.

    The frame centres lie at 0, hop_length, 2 hop_length ...; the frame that would be centred on the last sample is left
    out.
    """
    window = torch.hann_window(n_fft, device=waveform.device, dtype=waveform.dtype)
    spectrum = torch.stft(waveform, n_fft, hop_length, window=window, center=True, return_complex=True)
    return spectrum[..., : waveform.shape[-1] // hop_length].transpose(1, 2) / window.sum()


def stft_magnitude(waveform: torch.Tensor, n_fft: int, hop_length: int) -> torch.Tensor:
    """Magnitudes `(batch, frames, bins)` of `waveform` `(batch, samples)`; a sine of amplitude 1 peaks at 0.5."""
    return stft(waveform, n_fft, hop_length).abs()


def istft(spectrum: torch.Tensor, hop_length: int, num_samples: int) -> torch.Tensor:
    """Waveform `(batch, num_samples)` of a complex spectrum `(batch, frames, bins)` in the scaling of `stft`."""
    n_fft = 2 * (spectrum.shape[-1] - 1)
    window = torch.hann_window(n_fft, device=spectrum.device, dtype=spectrum.real.dtype)
    # torch.istft wants the frame centred on the end as well: repeat the last one.
    spectrum = torch.cat([spectrum, spectrum[:, -1:]], dim=1).transpose(1, 2) * window.sum()
    return torch.istft(spectrum, n_fft, hop_length, window=window, center=True, length=num_samples)


def propagate_phase(magnitude: torch.Tensor, hop_length: int) -> torch.Tensor:
    """Unit phasors `(batch, frames, bins)` by single pass spectrogram inversion.

    Every spectral peak is a sinusoid whose frequency a parabola through three log-magnitudes gives; its phase runs on
    from the frame before, and the bins around a peak (to the valleys half way to its neighbours) are locked to it with
    the alternating signs of a Hann window's main lobe.
    """
    batch, frames, bins = magnitude.shape
    n_fft = 2 * (bins - 1)
    log_magnitude = magnitude.clamp_min(1e-8).log()
    left, centre, right = log_magnitude[..., :-2], log_magnitude[..., 1:-1], log_magnitude[..., 2:]
    is_peak = torch.nn.functional.pad((centre > left) & (centre >= right), (1, 1))
    curvature = (left - 2 * centre + right).clamp_max(-1e-6)
    offset = torch.nn.functional.pad((0.5 * (left - right) / curvature).clamp(-0.5, 0.5), (1, 1))
    index = torch.arange(bins, device=magnitude.device).expand(batch, frames, bins)
    # The nearest peak of each bin: the last one at or below it or the first one at or above it.
    below = torch.where(is_peak, index, -bins).cummax(dim=-1).values
    above = torch.where(is_peak, index, 3 * bins).flip(-1).cummin(dim=-1).values.flip(-1)
    nearest = torch.where(index - below <= above - index, below, above).clamp(0, bins - 1)
    frequency = 2 * math.pi / n_fft * (nearest + offset.gather(-1, nearest))  # radians per sample at the peak, per bin
    advance = hop_length * frequency
    sign = math.pi * (index - nearest)  # neighbouring bins of a centred Hann frame alternate in sign
    phase = torch.zeros_like(magnitude[:, 0])
    phasors = []
    for frame in range(frames):
        # A bin inherits the phase that its peak's bin had one frame before, moved on by the mean of both frequencies.
        previous = advance[:, max(frame - 1, 0)].gather(-1, nearest[:, frame])
        at_peak = phase.gather(-1, nearest[:, frame]) + 0.5 * (previous + advance[:, frame])
        phase = torch.remainder(at_peak + sign[:, frame], 2 * math.pi)
        phasors.append(torch.polar(torch.ones_like(phase), phase))
    return torch.stack(phasors, dim=1)


def griffin_lim(
    magnitude: torch.Tensor, hop_length: int, num_samples: int, iterations: int = 16, momentum: float = 0.9
) -> torch.Tensor:
    """Waveform `(batch, num_samples)` whose STFT magnitudes come close to `magnitude` `(batch, frames, bins)`.

    Args:
        magnitude: non-negative magnitudes in the scaling of `stft_magnitude`.
        hop_length: samples from frame to frame.
        num_samples: length of the result, at most frames * hop_length.
        iterations: rounds of the fast Griffin-Lim algorithm after the phase propagation; 0 leaves the first estimate.
        momentum: acceleration in [0, 1); 0 is the classical algorithm.
    """
    n_fft = 2 * (magnitude.shape[-1] - 1)
    full_length = magnitude.shape[1] * hop_length
    phasors = propagate_phase(magnitude, hop_length)
    previous = torch.zeros_like(phasors)
    for _ in range(iterations):
        consistent = stft(istft(magnitude * phasors, hop_length, full_length), n_fft, hop_length)
        accelerated = consistent + momentum * (consistent - previous)
        previous = consistent
        phasors = accelerated / accelerated.abs().clamp_min(1e-12)
    return istft(magnitude * phasors, hop_length, full_length)[:, :num_samples]
