"""Spectral losses of the codec's training: how far two stereo waveforms are apart to the ear, as scalars.

Waveforms are mid and side, `(batch, samples)` each. Every distance is taken for mid, side, left and right, at several
resolutions, so that neither a wrong level nor a wrong place goes unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch

from munet.codec.phasors import Steps

RESOLUTIONS = (16384, 4096, 2048, 1024, 512, 256)  # samples of the windows; the hop is a quarter
FLOOR = 2e-5  # magnitudes below it are silence
BANDS = 64  # about two to each of the ear's
EAR_HERTZ = 1500.0  # above it, bins get lighter as the ear's bands get wider


def magnitudes(signals: Sequence[torch.Tensor], window: int) -> torch.Tensor:
    """STFT magnitudes `(len(signals), batch, bins, frames)` of `signals`, `(batch, samples)` each."""
    hann = torch.hann_window(window, device=signals[0].device)
    stacked = torch.cat(list(signals))
    spectrum = torch.stft(stacked, window, window // 4, window=hann / hann.sum(), center=False, return_complex=True)
    return magnitude(spectrum).unflatten(0, (len(signals), -1))


def four_views(mid: torch.Tensor, side: torch.Tensor) -> list[torch.Tensor]:
    """Mid, side, left and right, in this order."""
    return [mid, side, mid + side, mid - side]


def magnitude(spectrum: torch.Tensor) -> torch.Tensor:
    """Absolute value with a finite slope at zero, same shape."""
    return (spectrum.real.square() + spectrum.imag.square() + 1e-12).sqrt()


def bin_weights(frequencies: torch.Tensor) -> torch.Tensor:
    """Weights of mean 1 for bins at `frequencies` (Hz), same shape, falling as the ear's bands get wider."""
    weights = 1 / (1 + frequencies / EAR_HERTZ)
    return weights / weights.mean()


@lru_cache(maxsize=32)
def ear_bands(window: int, sample_rate: int, count: int = BANDS, device: torch.device | str = "cpu") -> torch.Tensor:
    """Matrix `(window / 2 + 1, bands)` that adds up power in bands as wide as the ear's, about `count` of them.

    Bands that are narrower than a bin of this window are left out.
    """
    frequencies = torch.linspace(0, sample_rate / 2, window // 2 + 1)
    position = (1 + frequencies / EAR_HERTZ).log()
    place = (position / position[-1] * count).long().clamp_max(count - 1)
    matrix = torch.nn.functional.one_hot(place, count).float()
    return matrix[:, matrix.sum(dim=0) > 0].to(device)


def spectral_losses(
    decoded: Sequence[torch.Tensor],
    target: Sequence[torch.Tensor],
    sample_rate: int,
    resolutions: Sequence[int] = RESOLUTIONS,
) -> dict[str, torch.Tensor]:
    """Distances averaged over `resolutions`, scalars.

    `log_l1` is that of log10 magnitudes, `loud` of square-rooted ones (relative), `bands` of log10 levels in the ear's
    bands: what is like noise can only be met on average, which the first two would answer with too little of it.

    Args:
        decoded, target: signals such as `four_views` gives, `(batch, samples)` each.
        sample_rate: Hz.
        resolutions: windows in samples, each at most the waveforms' length.
    """
    log_parts, loud_parts, band_parts = [], [], []
    for window in resolutions:
        with torch.no_grad():
            wanted = magnitudes(target, window)
        given = magnitudes(decoded, window)
        frequencies = torch.linspace(0, sample_rate / 2, window // 2 + 1, device=given.device)
        weights = bin_weights(frequencies)[:, None]
        difference = (given + FLOOR).log10() - (wanted + FLOOR).log10()
        log_parts.append((difference.abs() * weights).mean())
        loud, loud_wanted = given.sqrt(), wanted.sqrt()
        scale = loud_wanted.mean(dim=(0, 2, 3)).clamp_min(1e-3)  # each clip counts alike, however quiet
        loud_parts.append(((loud - loud_wanted).abs().mean(dim=(0, 2, 3)) / scale).mean())
        matrix = ear_bands(window, sample_rate, device=given.device)
        levels = [((each.square().transpose(2, 3) @ matrix).sqrt() + FLOOR).log10() for each in (given, wanted)]
        band_parts.append((levels[0] - levels[1]).abs().mean())
    parts = {"log_l1": log_parts, "loud": loud_parts, "bands": band_parts}
    return {name: torch.stack(each).mean() for name, each in parts.items()}


def envelope_loss(
    decoded: Sequence[torch.Tensor], target: Sequence[torch.Tensor], part: int, floor: float = 3e-3
) -> torch.Tensor:
    """L1 of log10 envelopes, of the signals and of their differences from sample to sample (the treble), a scalar.

    Args:
        decoded, target: signals `(batch, samples)`.
        part: samples over which the level is taken: how sharply attacks are heard.
        floor: level (RMS) that counts as silence.
    """

    def levels(signals: Sequence[torch.Tensor]) -> torch.Tensor:
        stacked = torch.cat(list(signals))
        both = torch.stack([stacked, torch.diff(stacked, prepend=stacked[:, :1])])
        power = torch.nn.functional.avg_pool1d(both.square(), 2 * part, part)
        return (power + floor**2).log10() / 2

    return (levels(decoded) - levels(target)).abs().mean()


def phase_losses(
    steps: Steps, phasors: torch.Tensor, mid: torch.Tensor, side: torch.Tensor, weights: torch.Tensor
) -> dict[str, torch.Tensor]:
    """What a head can be told about its own frames, without knowing the absolute phase.

    `level`: L1 of log10 magnitudes, mid and side; `advance`: how phases move on from frame to frame, both as asked of
    the recursion and as it came out; `delay`: how they differ from bin to bin (where in the frame an attack lies). The
    last two are 1 - cos of the error, weighted by square-rooted magnitudes (after APNet, Ai and Ling, 2023).

    Args:
        steps: a head's steps.
        phasors: what its recursion made of them, complex `(batch, frames, bins)`.
        mid, side: the target's spectra, complex, same shape.
        weights: of the bins in `level`, `(bins,)`.
    """
    strength = magnitude(mid)
    off_mid = (steps.mid - (strength + FLOOR).log10()).abs()
    off_side = (steps.side - (magnitude(side) + FLOOR).log10()).abs()
    level = ((off_mid + 0.5 * off_side) * weights).mean()
    unit = mid / strength
    weight = strength.sqrt()
    onward, wanted = phasors[:, 1:] * phasors[:, :-1].conj(), unit[:, 1:] * unit[:, :-1].conj()
    across, wanted_across = phasors[..., 1:] * phasors[..., :-1].conj(), unit[..., 1:] * unit[..., :-1].conj()
    in_time, in_frequency = (
        torch.minimum(weight[:, 1:], weight[:, :-1]),
        torch.minimum(weight[..., 1:], weight[..., :-1]),
    )
    return {
        "level": level,
        "asked": mismatch(steps.rotation[:, 1:], wanted, in_time),
        "advance": mismatch(onward, wanted, in_time),
        "delay": mismatch(across, wanted_across, in_frequency),
    }


def mismatch(given: torch.Tensor, wanted: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean of 1 - cos of the angle between complex unit numbers, a scalar in [0, 2]."""
    cosine = given.real * wanted.real + given.imag * wanted.imag
    return ((1 - cosine) * weight).sum() / weight.sum().clamp_min(1e-6)
