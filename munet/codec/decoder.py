"""The learned half of the stereo codec: features of the fine grid -> spectra -> mid and side waveforms.

ConvNeXt blocks at the frame rate and heads that end in an inverse STFT (Vocos, Siuzdak 2023), with two differences.

Two heads share the frequency axis as the analysis does: a long window below, a short one above, so that notes are
parted and attacks stay sharp.

They do not give phases but how phases move on, see `munet.codec.phasors`. Magnitudes start from those of the features,
interpolated, so that an untrained decoder already gives the right level everywhere and silence for silence.

Axes: `(batch, frames, bins)`; frames are centred in the middle of their hop; time runs from frame to frame by `hop`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from munet.codec.phasors import Carry, Steps

NOISE_FRAMES = 1021  # length of the table of random phases, then it repeats
SWELL = (-7.0, 1.5)  # bounds of the logarithm of the gain within a frame
LOWEST, HIGHEST = -7.0, 1.5  # log10 of the magnitudes that a head can give
_PER_BIN = 12  # numbers that a head's layer gives per bin, in the order of `SpectrumHead.steps`


@dataclass(frozen=True)
class HeadBand:
    """The part of the frequency axis that a head covers.

    Attributes:
        window: samples of the inverse transform.
        first, last: bins of it, `last` excluded.
        fade_in, fade_out: bins over which the magnitudes rise at the low end and fall at the high one; 0 for none.
    """

    window: int
    first: int
    last: int
    fade_in: int
    fade_out: int

    @property
    def bins(self) -> int:
        """Number of bins."""
        return self.last - self.first


def head_bands(
    windows: Sequence[int], crossover: Sequence[float], top: float, sample_rate: int
) -> tuple[HeadBand, ...]:
    """Heads with `windows` samples, the first up to `crossover` (low and high end in Hz of the overlap), the second on
    to `top` Hz."""
    long, short = windows
    low, high = (round(edge * long / sample_rate) for edge in crossover)
    first, second = (round(edge * short / sample_rate) for edge in crossover)
    last = min(short // 2, round(top * short / sample_rate)) + 1
    return HeadBand(long, 0, high + 1, 0, high - low), HeadBand(short, first, last, second - first, 0)


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, norm over channels, two linear layers around GELU, scaled skip: `(B, T, C)`."""

    def __init__(self, width: int, expansion: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, expansion * width)
        self.contract = nn.Linear(expansion * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.2))

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        inner = self.depthwise(hidden_states.transpose(1, 2)).transpose(1, 2)
        inner = self.contract(F.gelu(self.expand(self.norm(inner)), approximate="tanh"))
        return hidden_states + self.scale.to(inner.dtype) * inner


class Trunk(nn.Module):
    """Features `(B, T, features)` -> hidden states `(B, T, width)`; sees `reach` frames on either side."""

    def __init__(self, features: int, width: int, blocks: int, expansion: int, kernel: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv1d(features, width, 5, padding=2)
        self.norm_in = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(ConvNeXtBlock(width, expansion, kernel) for _ in range(blocks))
        self.norm_out = nn.LayerNorm(width)
        self.reach = 2 + blocks * (kernel // 2)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        hidden_states = self.norm_in(self.conv_in(features.transpose(1, 2)).transpose(1, 2))
        for block in self.blocks:
            hidden_states = block(hidden_states)
        return self.norm_out(hidden_states)


class SpectrumHead(nn.Module):
    """Hidden states -> the steps of one band's phasors, and phasors -> waveform pieces."""

    def __init__(self, width: int, band: HeadBand, hop: int, reach: int) -> None:
        super().__init__()
        self.band, self.hop = band, hop
        self.linear = nn.Linear(width, _PER_BIN * band.bins)
        nn.init.normal_(self.linear.weight, std=0.02)
        bias = torch.zeros(_PER_BIN, band.bins)
        bias[3], bias[4:6] = 0.55, -0.4 if band.first else 0.55  # softplus: 1; .5 or 1
        bias[6] = 0.1  # a new sound starts with phase 0 in all bins: as an impulse in the middle of the frame
        bias[8], bias[11] = -3.0, -3.0  # softplus: .05
        with torch.no_grad():
            self.linear.bias.copy_(bias.flatten())
        index = torch.arange(band.first, band.last)
        self.register_buffer("advance", 2 * math.pi * hop / band.window * index, persistent=False)
        fade = torch.ones(band.bins)
        if band.fade_in:
            fade[: band.fade_in] = torch.sin(math.pi / 2 * (torch.arange(band.fade_in) + 0.5) / band.fade_in) ** 2
        if band.fade_out:
            fade[-band.fade_out :] = torch.cos(math.pi / 2 * (torch.arange(band.fade_out) + 0.5) / band.fade_out) ** 2
        self.register_buffer("fade", fade.log10(), persistent=False)
        self.register_buffer("signs", (1 - 2 * (index % 2)).float(), persistent=False)
        noise = torch.randn(3, NOISE_FRAMES, band.bins, 2, generator=torch.Generator().manual_seed(band.window))
        self.register_buffer("noise", torch.view_as_complex(noise), persistent=False)
        self.left = (
            reach * hop + hop // 2 - band.window // 2
        )  # a frame's pieces: `reach` hops to either side of its own
        hann = F.pad(torch.hann_window(band.window), (self.left, (2 * reach + 1) * hop - self.left - band.window))
        self.register_buffer("window", hann, persistent=False)

    @property
    def frequencies(self) -> torch.Tensor:
        """Frequencies of the bins in cycles a sample, `(bins,)`."""
        return torch.arange(self.band.first, self.band.last) / self.band.window

    @property
    def start(self) -> Carry:
        """What the first frame of a piece of audio follows: silence."""
        return Carry(self.noise[2, :1], torch.full((1, self.band.bins), LOWEST, device=self.noise.device))

    def steps(
        self,
        hidden_states: torch.Tensor,
        mid: torch.Tensor,
        side: torch.Tensor,
        share: torch.Tensor,
        offset: torch.Tensor,
        noise: torch.Tensor,
    ) -> Steps:
        """The steps of every frame.

        Args:
            hidden_states: `(batch, frames, width)`.
            mid, side: log10 magnitudes to start from, `(batch, frames, bins)`.
            share: how much of the side is in phase with the mid, about -1 to 1, `(batch, frames, bins)`.
            offset: where the nearest partial lies, in bins from the bin's own middle, `(batch, frames, bins)`.
            noise: complex random phasors `(2, batch or 1, frames, bins)`.
        """
        given = self.linear(hidden_states).float().unflatten(-1, (_PER_BIN, -1)).unbind(-2)
        own, below, above, chance, side_chance = (F.softplus(given[index]) for index in (3, 4, 5, 8, 11))
        angle = self.advance + 2 * math.pi * self.hop / self.band.window * (offset + 0.2 * given[2])
        return Steps(
            mid=(mid + self.fade + 0.5 * given[0]).clamp(LOWEST, HIGHEST),
            side=(side + self.fade + 0.5 * given[1]).clamp(LOWEST, HIGHEST),
            rotation=torch.complex(angle.cos(), angle.sin()),
            own=own,
            below=below,
            above=above,
            push=torch.complex(given[6] + chance * noise[0].real, given[7] + chance * noise[0].imag),
            turn=torch.complex(given[9] + share + side_chance * noise[1].real, given[10] + side_chance * noise[1].imag),
        )

    def random(self, first: int, frames: int, period: int | None = None) -> torch.Tensor:
        """Random phasors `(2, 1, frames, bins)` of the frames from `first` on, the same in every call.

        Args:
            first: absolute number of the first frame.
            frames: how many.
            period: frames after which the table starts again (a loop), None for the table's own length.
        """
        index = torch.arange(first, first + frames, device=self.noise.device)
        index = index % period if period else index
        return self.noise[:2, None, index % NOISE_FRAMES]

    def drawn(self, count: int, frames: int, generator: torch.Generator) -> torch.Tensor:
        """Random phasors `(3, count, frames, bins)` from random places of the table, for training."""
        options = {"generator": generator, "device": self.noise.device}
        starts = torch.randint(NOISE_FRAMES, (3, count, 1), **options)
        index = (starts + torch.arange(frames, device=self.noise.device)) % NOISE_FRAMES
        return self.noise[torch.arange(3, device=index.device)[:, None, None], index]

    def spectra(self, steps: Steps, phasors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Complex mid and side `(batch, frames, bins)`, scaled as `munet.codec.analysis.frames_of` does."""
        turn = steps.turn * (steps.turn.real.square() + steps.turn.imag.square() + 1e-6).rsqrt()
        return 10**steps.mid * phasors, 10**steps.side * phasors * turn

    def overlapped(self, spectrum: torch.Tensor) -> torch.Tensor:
        """Windowed frames added up, `(batch, (frames + 2 * reach) * hop)`; starts `reach` hops early."""
        full = F.pad(
            spectrum * self.signs * (self.band.window / 2),  # the analysis divides by the Hann window's sum
            (self.band.first, self.band.window // 2 + 1 - self.band.last),
        )
        frames = torch.fft.irfft(full, n=self.band.window)
        frames = F.pad(frames, (self.left, len(self.window) - self.left - self.band.window)) * self.window
        return overlap_add(frames, self.hop)

    def envelope(self, frames: int) -> torch.Tensor:
        """What `overlapped` multiplies a signal by: squared windows added up, `((frames + 2 * reach) * hop,)`."""
        return overlap_add(self.window.square().expand(1, frames, -1), self.hop)[0]


class Swell(nn.Module):
    """How loud each head is within a frame: hidden states -> gains at several points of every hop.

    Frames of an inverse transform spread an attack over their whole window; this puts it back to the millisecond.

    Args:
        width: of the hidden states.
        heads: number of heads.
        parts: points per hop, which they must divide.
        hop: samples.
    """

    def __init__(self, width: int, heads: int, parts: int, hop: int) -> None:
        super().__init__()
        if hop % parts:
            raise ValueError(f"parts: expected a divisor of the hop, {hop}, got {parts}")
        self.heads, self.parts, self.hop = heads, parts, hop
        self.linear = nn.Linear(width, heads * parts)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.register_buffer("ramp", torch.arange(1, hop // parts + 1) / (hop // parts), persistent=False)

    def forward(self, hidden_states: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Gains `(batch, frames * parts)` of each head, 1 before training."""
        gains = self.linear(hidden_states).float().clamp(*SWELL).exp()
        return gains.unflatten(-1, (self.heads, self.parts)).transpose(1, 2).flatten(2).unbind(1)

    def curve(self, gains: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        """Gain of every sample `(batch, frames * hop)`, straight lines between the points.

        Args:
            gains: `(batch, frames * parts)`.
            before: the point before the first, `(batch, 1)`.
        """
        points = torch.cat([before, gains], dim=1)
        start, end = points[:, :-1, None], points[:, 1:, None]
        return (start + (end - start) * self.ramp).flatten(1)


def overlap_add(frames: torch.Tensor, hop: int) -> torch.Tensor:
    """Sum `(batch, (frames + pieces - 1) * hop)` of frames `(batch, frames, pieces * hop)`, each `hop` after the
    last."""
    parts = frames.unflatten(2, (-1, hop)).unbind(2)
    total = sum(F.pad(part, (0, 0, index, len(parts) - 1 - index)) for index, part in enumerate(parts))
    return total.flatten(1)
