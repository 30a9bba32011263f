"""Phases that move on: one unit phasor per bin of a spectrum, led from frame to frame by a network.

A network that is blind to absolute time gives a steady note the same phase in every frame, which only fits multiples of
the frame rate. So it does not say phases but how they move on: each bin's phasor is turned by a frequency, drawn
towards its neighbours' (the bins of a partial stay together), and pushed towards a phase of the network's choice or a
random one (attacks, noise). This is the phase vocoder's recursion (Laroche and Dolson, 1999) with learned
coefficients. What it needs to go on is the last frame's phasors, nothing else, so that sound of any length comes out
in windows.

Axes: `(batch, frames, bins)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.autograd.function import FunctionCtx

LOCKING = 0.5  # power of the magnitude by which a source weighs, relative to the strongest of the three
FORGETTING = 2.0  # power of a bin's growth in magnitude by which it lets go of its phase
STEADY = 0.3  # growth in magnitude (log10) that is no new sound yet
NOTHING = -20.0  # log10 magnitude beyond the ends of the axis


@dataclass
class Steps:
    """What a head asks of its bins, each `(batch, frames, bins)`.

    Attributes:
        mid, side: log10 magnitudes.
        rotation: complex of length 1, turns what a bin takes over from the frame before: the phase's advance.
        own, below, above: how much of its own phasor, and of those of the bins below and above, a bin takes over; the
            magnitudes of these sources come on top, see `locked_gains`.
        push: complex, added: the phase of the network's choice and the random one.
        turn: complex, the side's phasor relative to the mid's, any length.
        tonal: whether pushes act on growing bins only. Where partials can be told apart, a network soon finds that the
            same push in every frame keeps the bins of a frame together, and steady notes fall apart.
    """

    mid: torch.Tensor
    side: torch.Tensor
    rotation: torch.Tensor
    own: torch.Tensor
    below: torch.Tensor
    above: torch.Tensor
    push: torch.Tensor
    turn: torch.Tensor
    tonal: bool = False


@dataclass(frozen=True)
class Carry:
    """What a frame needs of the one before, each `(batch, bins)`.

    Attributes:
        phasors: complex, of length 1.
        level: log10 magnitudes of the mid.
    """

    phasors: torch.Tensor
    level: torch.Tensor


class PhasorRecursion(torch.autograd.Function):
    """Phasors `(batch, frames, bins)` of all frames, from the frame before them `(batch, bins)` on.

    z = unit(rotation * (own * z + below * z[bin - 1] + above * z[bin + 1]) + push). The derivative is written out: the
    recursion is many small operations, of which only these few need to run frame by frame.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        rotation: torch.Tensor,
        own: torch.Tensor,
        below: torch.Tensor,
        above: torch.Tensor,
        push: torch.Tensor,
        start: torch.Tensor,
    ) -> torch.Tensor:
        # One silent bin at either end and the start as frame 0, so that neighbours are slices.
        track = F.pad(torch.zeros_like(rotation), (1, 1, 1, 0))
        track[:, 0, 1:-1] = start
        lengths = torch.empty_like(own)
        library, arrays = arrays_of(rotation, own, below, above, push, track, lengths)
        turns, kept, low, high, added, phasors, sizes = arrays
        for frame in range(rotation.shape[1]):
            z = phasors[:, frame]
            taken = kept[:, frame] * z[:, 1:-1] + low[:, frame] * z[:, :-2] + high[:, frame] * z[:, 2:]
            moved = turns[:, frame] * taken + added[:, frame]
            size = 1 / library.sqrt(moved.real**2 + moved.imag**2 + 1e-6)
            phasors[:, frame + 1, 1:-1] = moved * size
            sizes[:, frame] = size
        ctx.save_for_backward(rotation, own, below, above, track, lengths)
        return track[:, 1:, 1:-1].clone()

    @staticmethod
    def backward(ctx: FunctionCtx, grad: torch.Tensor) -> tuple[torch.Tensor, ...]:
        rotation, own, below, above, track, lengths = ctx.saved_tensors
        back = rotation.conj().resolve_conj()
        moved, taken = torch.empty_like(rotation), F.pad(torch.zeros_like(rotation), (1, 1))
        grad, low, high = grad.resolve_conj().contiguous(), F.pad(below, (1, 1)), F.pad(above, (1, 1))
        _, arrays = arrays_of(grad, back, own, low, high, track, lengths, moved, taken)
        given, turns, kept, lows, highs, phasors, sizes, moved_grads, taken_grads = arrays
        chain = 0.0
        for frame in reversed(range(rotation.shape[1])):
            total, z = given[:, frame] + chain, phasors[:, frame + 1, 1:-1]
            along = total.real * z.real + total.imag * z.imag
            moved_grads[:, frame] = (total - z * along) * sizes[:, frame]
            taken_grads[:, frame, 1:-1] = turns[:, frame] * moved_grads[:, frame]
            wide = taken_grads[:, frame]
            chain = kept[:, frame] * wide[:, 1:-1]
            chain = chain + lows[:, frame, 2:] * wide[:, 2:] + highs[:, frame, :-2] * wide[:, :-2]
        before, taken = track[:, :-1], taken[..., 1:-1]
        sources = before[..., 1:-1], before[..., :-2], before[..., 2:]
        inner = sum(gain * source for gain, source in zip((own, below, above), sources, strict=True))
        gains = [taken.real * source.real + taken.imag * source.imag for source in sources]
        return moved * inner.conj(), *gains, moved, torch.as_tensor(chain)


def arrays_of(*tensors: torch.Tensor) -> tuple[ModuleType, list[Any]]:
    """Tensors as their device runs small operations fastest, and the library for them: NumPy's arrays on a CPU.

    The arrays share the tensors' memory.
    """
    if tensors[0].device.type != "cpu":
        return torch, list(tensors)
    return np, [tensor.detach().numpy() for tensor in tensors]


def growth(steps: Steps, before: torch.Tensor) -> torch.Tensor:
    """How much louder each bin is than a frame ago, log10 of the magnitudes, 0 or more, `(batch, frames, bins)`.

    Args:
        steps: of one head.
        before: log10 magnitudes of the frame before the first, `(batch, bins)`.
    """
    level = steps.mid.detach()
    return (level - torch.cat([before.expand(len(level), -1)[:, None], level[:, :-1]], dim=1)).clamp_min(0.0)


def locked_gains(steps: Steps, grown: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`own`, `below`, `above` of the steps, weighed by the magnitudes of what is taken over; `grown`: see `growth`."""
    level = steps.mid.detach()
    low, high = (F.pad(level, edge, value=NOTHING) for edge in ((1, -1), (-1, 1)))
    top = torch.maximum(level, torch.maximum(low, high))
    fresh = (grown, F.pad(grown, (1, -1)), F.pad(grown, (-1, 1)))
    own, below, above = (
        10 ** (LOCKING * (source - top) - FORGETTING * new)
        for source, new in zip((level, low, high), fresh, strict=True)
    )
    return steps.own * own, steps.below * below, steps.above * above


Recursion = Callable[..., torch.Tensor]


def recursion_on(device: torch.device, batch: int, frames: int, bins: int) -> Recursion:
    """`PhasorRecursion` for training: on a GPU as one CUDA graph each way, in place of thousands of small kernels.

    A graph that cannot be captured, or that gives other numbers than the recursion itself, is not used, and the reason
    is printed.

    Args:
        device: of the tensors.
        batch, frames, bins: their shape, which a graph keeps to.
    """
    if device.type != "cuda":
        return PhasorRecursion.apply
    generator = torch.Generator(device).manual_seed(0)

    def inputs() -> tuple[torch.Tensor, ...]:
        complex_parts = torch.randn(2, batch, frames, bins, 2, generator=generator, device=device)
        gains = torch.rand(3, batch, frames, bins, generator=generator, device=device)
        rotation, push = torch.view_as_complex(complex_parts)
        start = torch.view_as_complex(torch.randn(batch, bins, 2, generator=generator, device=device))
        taken = [each.clone().requires_grad_() for each in (rotation / rotation.abs(), *gains, push)]
        return *taken, start / start.abs()

    try:
        graphed = torch.cuda.make_graphed_callables(PhasorRecursion.apply, inputs())
        given = inputs()
        tracks = [each(*given) for each in (PhasorRecursion.apply, graphed)]
        slopes = [torch.autograd.grad(track.real.square().sum() + track.imag.sum(), given[:-1]) for track in tracks]
        for plain, replayed in zip((tracks[0], *slopes[0]), (tracks[1], *slopes[1]), strict=True):
            torch.testing.assert_close(replayed, plain, rtol=1e-3, atol=1e-4)
    except (RuntimeError, AssertionError) as error:
        print(f"phasors: no CUDA graph ({str(error).strip().splitlines()[0][:120]})", flush=True)
        return PhasorRecursion.apply
    return graphed


def phasor_tracks(
    steps: Sequence[Steps], carries: Sequence[Carry], recursion: Recursion = PhasorRecursion.apply
) -> list[torch.Tensor]:
    """Unit phasors of the mid of each head, complex `(batch, frames, bins)`, all heads in one recursion.

    Args:
        steps: of each head.
        carries: of each head, from the frame before the first.
        recursion: see `recursion_on`.
    """
    gains, pushes = [], []
    for each, carry in zip(steps, carries, strict=True):
        grown = growth(each, carry.level)
        gains.append(locked_gains(each, grown))
        pushes.append(each.push * (1 - 10 ** -(grown - STEADY).clamp_min(0.0)) if each.tonal else each.push)
    joined = [torch.cat(parts, dim=-1) for parts in zip(*gains, strict=True)]
    rotation = torch.cat([each.rotation for each in steps], dim=-1)
    push = torch.cat(pushes, dim=-1)
    start = torch.cat([carry.phasors.expand(len(push), -1) for carry in carries], dim=-1)
    sizes = [each.own.shape[-1] for each in steps]
    return list(recursion(rotation, *joined, push, start).split(sizes, dim=-1))


def last_frames(steps: Sequence[Steps], tracks: Sequence[torch.Tensor]) -> list[Carry]:
    """What the next window needs of this one."""
    return [Carry(track[:, -1], each.mid[:, -1]) for each, track in zip(steps, tracks, strict=True)]


def closed_tracks(steps: Sequence[Steps], carries: Sequence[Carry]) -> list[torch.Tensor]:
    """Phasors of a loop as `phasor_tracks` gives them: each bin's phase at the end leads into that at the beginning.

    The phase that is left over after one round is spread evenly over the frames, which detunes a bin by less than half
    a turn per loop.
    """
    tracks = phasor_tracks(steps, carries)
    for _ in range(2):
        carries = last_frames(steps, tracks)
        again = phasor_tracks(steps, carries)
        turned = []
        for each, carry, track in zip(steps, carries, again, strict=True):
            left = torch.angle(carry.phasors * track[:, -1].conj()) / each.own.shape[1]
            turn = torch.polar(torch.ones_like(left), left)[:, None]
            turned.append(replace(each, rotation=each.rotation * turn))
        tracks = phasor_tracks(turned, carries)
    return tracks
