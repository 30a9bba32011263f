"""The linear transforms of the stereo codec: sound -> compressed spectra on a fine time grid -> patches, and back.

Conventions: frames are `hop` samples apart and centred in the middle of their hop, so that `n` samples have n / hop
frames and the frames of a piece of audio never depend on where a longer one was cut. Spectra are scaled by the window's
sum: a sine of amplitude 1 peaks at 0.5. Axes: `(batch, frames, bins)`.

Each band of the frequency axis is seen through windows of its own: long ones where notes lie closer than a short window
can part, short ones for the time of attacks. A band of the side signal is described relative to the mid: its level
(log ratio) and its share in phase with the mid, which tells left from right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

RATIO_FLOOR = 1e-2  # a side 40 dB below the mid counts as mono
PAN_WEIGHT = 4.0  # brings the share in phase (within +-0.5) to the spread of the log ratios
_TINY = 1e-20


@dataclass(frozen=True)
class Band:
    """One bin of the latents' frequency axis.

    Attributes:
        low, high: Hz.
        windows: pairs (window in samples, bins in this band); the last pair is the finest in time.
        primary: which of `windows` the decoder's magnitudes start from.
        floor: magnitude that counts as silence.
        side_bins: bins of the side's description.
    """

    low: float
    high: float
    windows: tuple[tuple[int, int], ...]
    primary: int
    floor: float
    side_bins: int

    @property
    def mid_bins(self) -> int:
        """Bins of the mid's description, all windows together."""
        return sum(bins for _, bins in self.windows)

    @property
    def features(self) -> int:
        """Numbers that describe this band in one frame: mid, ratio, share in phase."""
        return self.mid_bins + 2 * self.side_bins


# Band edges in Hz, (window, bins) pairs, the pair that magnitudes start from, floor, bins of the side.
POCKET_BANDS: tuple[Mapping[str, Any], ...] = (
    {"low": 30, "high": 190, "windows": [[8192, 30], [2048, 4]], "primary": 0, "floor": 1e-4, "side_bins": 2},
    {"low": 190, "high": 400, "windows": [[8192, 36], [2048, 5]], "primary": 0, "floor": 1e-4, "side_bins": 2},
    {"low": 400, "high": 800, "windows": [[4096, 37], [1024, 5]], "primary": 0, "floor": 1e-4, "side_bins": 4},
    {"low": 800, "high": 1500, "windows": [[4096, 56], [1024, 8]], "primary": 0, "floor": 7e-5, "side_bins": 4},
    {"low": 1500, "high": 3000, "windows": [[2048, 48], [1024, 16]], "primary": 0, "floor": 5e-5, "side_bins": 4},
    {"low": 3000, "high": 5500, "windows": [[1024, 36]], "primary": 0, "floor": 3e-5, "side_bins": 4},
    {"low": 5500, "high": 10000, "windows": [[1024, 32]], "primary": 0, "floor": 2e-5, "side_bins": 4},
    {"low": 10000, "high": 20000, "windows": [[1024, 24]], "primary": 0, "floor": 2e-5, "side_bins": 4},
)


def frames_of(waveform: torch.Tensor, window: int, hop: int) -> torch.Tensor:
    """Complex spectra `(batch, samples / hop, window / 2 + 1)` of `waveform` `(batch, samples)`, Hann window.

    Phases refer to the middle of the window, so that all bins of a sinusoid's main lobe have the same one.
    """
    before = window // 2 - hop // 2
    count = waveform.shape[-1] // hop
    padded = F.pad(waveform, (before, max(0, (count - 1) * hop + window - before - waveform.shape[-1])))
    hann = torch.hann_window(window, device=waveform.device, dtype=waveform.dtype)
    spectrum = torch.stft(padded, window, hop, window=hann, center=False, return_complex=True)[..., :count]
    sign = 1 - 2 * (torch.arange(window // 2 + 1, device=waveform.device) % 2)
    return spectrum.transpose(1, 2) * (sign / hann.sum())


def sampling_matrix(frequencies: torch.Tensor, window: int, sample_rate: int) -> torch.Tensor:
    """Matrix `(window / 2 + 1, len(frequencies))` of triangles around `frequencies` (Hz, evenly spaced), columns of
    sum 1.

    A triangle is as wide as the spacing and never narrower than one bin: it averages where the window is finer than
    asked and interpolates where it is coarser.
    """
    width = sample_rate / window
    linear = torch.arange(window // 2 + 1)[:, None] * width
    spacing = max(width, float(frequencies[1] - frequencies[0]) if len(frequencies) > 1 else width)
    triangle = (1 - (linear - frequencies).abs() / spacing).clamp_min(0.0)
    return triangle / triangle.sum(dim=0, keepdim=True)


def centres(low: float, high: float, bins: int) -> torch.Tensor:
    """Middle frequencies (Hz) of `bins` equal parts of a band."""
    return low + (high - low) * (torch.arange(bins) + 0.5) / bins


def interpolation_matrix(sources: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Matrix `(len(sources), len(targets))` that interpolates values at ascending `sources` linearly at `targets`.

    Targets outside the range take the value of the nearest end.
    """
    targets = targets.clamp(sources[0], sources[-1])
    above = torch.searchsorted(sources, targets).clamp(1, len(sources) - 1)
    position = above - 1 + (targets - sources[above - 1]) / (sources[above] - sources[above - 1])
    return (1 - (position - torch.arange(len(sources))[:, None]).abs()).clamp_min(0.0)


def centroid_matrices(sources: torch.Tensor, targets: torch.Tensor, width: float, reach: float = 1.5) -> torch.Tensor:
    """Matrices `(2, len(sources), len(targets))` that turn power at `sources` into the centre of mass around `targets`.

    The first gives the moment, in units of `width`, the second the mass; their quotient is the offset of the nearest
    partial from a target. Where the sources lie too far apart to tell, both are zero.

    Args:
        sources, targets: Hz, ascending.
        width: Hz from target to target.
        reach: how far a target looks, in widths; the weight falls linearly.
    """
    spacing = torch.diff(sources, append=2 * sources[-1:] - sources[-2:-1])[:, None]
    distance = (sources[:, None] - targets) / width
    weight = (1 - distance.abs() / reach).clamp_min(0.0) * spacing * (spacing < 0.8 * width)
    return torch.stack([weight * distance, weight])


def soft_excess(compressed: torch.Tensor, floor: torch.Tensor | float) -> torch.Tensor:
    """log10 of x from `compressed` = log10(x + floor), smooth, and far below the floor where x is.

    The knee lies 3 dB above the floor: what the projection errs by must not turn silence into a whisper.
    """
    return torch.log10(floor * F.softplus(4 * (10**compressed / floor - 1.4)) / 4 + 1e-9)


class Analysis(torch.nn.Module):
    """Mid and side waveforms -> features of every band, `(batch, frames, features)`, bands lowest first.

    A band's features are log10 magnitudes of the mid for each of its windows, log10 ratios of side to mid, and the
    share in phase. All of it is finite for silence.

    Args:
        bands: the bands, ascending.
        sample_rate: Hz.
        hop: samples from frame to frame.
        side_window: samples; one resolution is enough for where a sound comes from.
    """

    def __init__(self, bands: Sequence[Band], sample_rate: int, hop: int, side_window: int) -> None:
        super().__init__()
        self.bands, self.sample_rate, self.hop, self.side_window = tuple(bands), sample_rate, hop, side_window
        for window in self.windows:
            parts = [
                sampling_matrix(centres(band.low, band.high, bins), window, sample_rate)
                for band in self.bands
                for size, bins in band.windows
                if size == window
            ] or [torch.zeros(window // 2 + 1, 0)]
            self.register_buffer(f"mid_{window}", torch.cat(parts, dim=1), persistent=False)
        sides = [sampling_matrix(centres(b.low, b.high, b.side_bins), side_window, sample_rate) for b in self.bands]
        self.register_buffer("side", torch.cat(sides, dim=1), persistent=False)

    @property
    def windows(self) -> tuple[int, ...]:
        """All window lengths in use, samples, ascending."""
        return tuple(sorted({window for band in self.bands for window, _ in band.windows} | {self.side_window}))

    @property
    def reach(self) -> int:
        """Samples on either side that a frame depends on beyond its own hop."""
        return max(self.windows) // 2

    def forward(self, mid: torch.Tensor, side: torch.Tensor) -> list[torch.Tensor]:
        """Features `(batch, samples / hop, band.features)` of each band, from `mid` and `side` `(batch, samples)`."""
        spectra = {window: frames_of(mid, window, self.hop) for window in self.windows}
        magnitude = {}
        for window, spectrum in spectra.items():
            power = spectrum.real.square() + spectrum.imag.square()
            magnitude[window] = (power @ self.get_buffer(f"mid_{window}") + _TINY).sqrt()
        level, share = self._side(spectra[self.side_window], frames_of(side, self.side_window, self.hop))
        used, features, first = dict.fromkeys(self.windows, 0), [], 0
        for band in self.bands:
            parts = []
            for window, bins in band.windows:
                own = magnitude[window][..., used[window] : used[window] + bins]
                parts.append((own + band.floor).log10())
                used[window] += bins
            last = first + band.side_bins
            features.append(torch.cat([*parts, level[..., first:last], PAN_WEIGHT * share[..., first:last]], dim=-1))
            first = last
        return features

    def _side(self, mid: torch.Tensor, side: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """log10 of side / mid and the share in phase, each `(batch, frames, side bins of all bands)`."""
        matrix = self.side
        floor = torch.cat([torch.full((band.side_bins,), band.floor) for band in self.bands]).to(matrix.device)
        mid_power = (mid.real.square() + mid.imag.square()) @ matrix
        side_power = (side.real.square() + side.imag.square()) @ matrix
        common = (mid.real * side.real + mid.imag * side.imag) @ matrix
        reference = (mid_power + _TINY).sqrt() + floor
        level = ((side_power + _TINY).sqrt() / reference + RATIO_FLOOR).log10()
        return level, common / (mid_power + side_power + floor.square())


def to_patches(features: torch.Tensor, stride: int) -> torch.Tensor:
    """Patches `(batch, frames / stride, stride * features)` of a band's features `(batch, frames, features)`."""
    return features.unflatten(1, (-1, stride)).flatten(2)


def from_patches(patches: torch.Tensor, stride: int) -> torch.Tensor:
    """Features `(batch, frames, features)` of patches `(batch, frames / stride, stride * features)`."""
    return patches.unflatten(2, (stride, -1)).flatten(1, 2)


def principal_components(covariance: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Components `(count, n)`, their deviations `(count,)` and the share of variance kept, strongest first.

    Args:
        covariance: `(n, n)`, float64.
        count: components wanted, at most n.

    Raises:
        ValueError: more components than dimensions.
    """
    if count > len(covariance):
        raise ValueError(f"count: expected at most {len(covariance)} components, got {count}")
    values, vectors = torch.linalg.eigh(covariance)
    kept = values.flip(0)[:count].clamp_min(0.0)
    return vectors.flip(1)[:, :count].T, kept.sqrt(), float(kept.sum() / values.sum().clamp_min(math.ulp(1.0)))
