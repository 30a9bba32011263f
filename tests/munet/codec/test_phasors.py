"""The recursion of phasors: its derivative, what it does, loops."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from munet.codec.phasors import (
    Carry,
    PhasorRecursion,
    Steps,
    closed_tracks,
    growth,
    last_frames,
    locked_gains,
    phasor_tracks,
)


def steady(frames: int, advance: torch.Tensor, coupling: float = 0.0) -> Steps:
    """Steps of bins that turn by `advance` a frame, drawn to their neighbours by `coupling`."""
    angle = advance.expand(1, frames, -1)
    ones = torch.ones_like(angle)
    return Steps(
        mid=0 * ones,
        side=ones,
        rotation=torch.polar(ones, angle),
        own=ones,
        below=coupling * ones,
        above=coupling * ones,
        push=torch.zeros_like(angle).to(torch.complex64),
        turn=ones.to(torch.complex64),
    )


def carry(phasors: torch.Tensor) -> Carry:
    """The frame before, as loud as all the others."""
    return Carry(phasors.to(torch.complex64), torch.zeros(phasors.shape))


def test_the_written_derivative_is_the_true_one() -> None:
    generator = torch.Generator().manual_seed(0)

    def number(*shape: int, kind: torch.dtype = torch.float64) -> torch.Tensor:
        return torch.randn(*shape, dtype=kind, generator=generator).requires_grad_(True)

    sizes = (2, 4, 5)
    inputs = (
        number(*sizes, kind=torch.complex128),
        *(number(*sizes) for _ in range(3)),
        number(*sizes, kind=torch.complex128),
        number(2, 5, kind=torch.complex128),
    )
    assert torch.autograd.gradcheck(PhasorRecursion.apply, inputs)


def test_a_bin_turns_at_its_frequency_for_as_long_as_it_is_left_alone() -> None:
    advance = torch.tensor([0.3, -1.1])
    (track,) = phasor_tracks([steady(500, advance)], [carry(torch.ones(1, 2))])
    expected = torch.polar(torch.ones(500, 2), advance * torch.arange(1, 501)[:, None])
    assert torch.allclose(track[0], expected, atol=1e-3)


def test_neighbours_of_one_frequency_end_in_one_phase() -> None:
    start = torch.polar(torch.ones(1, 3), torch.tensor([[0.0, 1.0, 2.0]]))
    (track,) = phasor_tracks([steady(60, torch.full((3,), 0.4), coupling=0.3)], [carry(start)])
    assert torch.allclose(track[0, -1, 0], track[0, -1, 2], atol=1e-3)


def test_a_push_sets_the_phase() -> None:
    steps = steady(3, torch.tensor([0.3]))
    steps.push[0, 1] = 100j
    (track,) = phasor_tracks([steps], [carry(torch.ones(1, 1))])
    assert torch.allclose(track[0, 1, 0].angle(), torch.tensor(math.pi / 2), atol=0.02)


def test_sources_weigh_by_their_magnitudes_and_what_grows_forgets() -> None:
    """A bin 20 dB below its upper neighbour takes a third of its own; one that grew by 20 dB a hundredth of that."""
    steps = steady(2, torch.zeros(2), coupling=1.0)
    steps.mid[0, :, 1] = 1.0
    own, below, above = locked_gains(steps, growth(steps, torch.tensor([[-1.0, 1.0]])))
    assert torch.allclose(own[0, 1], torch.tensor([10**-0.5, 1.0])) and torch.allclose(
        above[0, 1, 0], torch.tensor(1.0)
    )
    assert torch.allclose(own[0, 0], torch.tensor([10**-2.5, 1.0]))
    assert below[0, 0, 0] < 1e-9 and above[0, 0, 1] < 1e-9  # beyond the ends


def test_a_tonal_head_is_pushed_only_where_it_grows() -> None:
    steps = replace(steady(2, torch.zeros(2)), tonal=True)
    steps.push[:] = 100j
    steps.mid[0, 1, 1] = 1.0  # ten times as loud in the second frame
    (track,) = phasor_tracks([steps], [carry(torch.ones(1, 2))])
    assert torch.allclose(track[0, :, 0], torch.ones(2, dtype=torch.complex64), atol=1e-3)
    assert torch.allclose(track[0, 1, 1], torch.tensor(1j, dtype=torch.complex64), atol=0.01)


def test_heads_do_not_touch() -> None:
    both = [steady(10, torch.tensor([0.1, 0.2]), 0.5), steady(10, torch.tensor([2.0, 2.5, 3.0]), 0.5)]
    starts = [carry(torch.ones(1, 2)), carry(torch.ones(1, 3))]
    together = phasor_tracks(both, starts)
    for steps, start, track in zip(both, starts, together, strict=True):
        assert torch.allclose(phasor_tracks([steps], [start])[0], track, atol=1e-6)


def test_tracks_carry_on_from_the_last_frame() -> None:
    start, steps = carry(torch.ones(1, 2)), steady(10, torch.tensor([0.3, 0.5]), 0.2)
    steps.mid[0, 5:] += 0.1
    (whole,) = phasor_tracks([steps], [start])
    parts = []
    for piece in (slice(0, 4), slice(4, 10)):
        cut = replace(steps, **{name: value[:, piece] for name, value in vars(steps).items() if name != "tonal"})
        (track,) = phasor_tracks([cut], [start])
        parts.append(track)
        (start,) = last_frames([cut], [track])
    assert torch.allclose(torch.cat(parts, dim=1), whole, atol=1e-6)


def test_a_loop_closes() -> None:
    """After the last frame, one more turn must give the first frame's phase: nothing left over."""
    advance = torch.tensor([0.7, 1.3])
    steps = steady(40, advance)
    (track,) = closed_tracks([steps], [carry(torch.ones(1, 2))])
    onward = track[0, 1:] * track[0, :-1].conj()
    seam = track[0, 0] * track[0, -1].conj()
    assert torch.allclose(onward.angle().std(dim=0), torch.zeros(2), atol=1e-3)
    assert torch.allclose(seam.angle(), onward[0].angle(), atol=1e-3)
    assert ((onward[0].angle() - advance).abs() <= math.pi / 40 + 1e-4).all()
