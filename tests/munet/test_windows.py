"""Windows over long pieces: shares that sum to one, the same result in any order, flat circles."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler
from hypothesis import given
from hypothesis import strategies as st

from munet.windows import Windows, denoise


@given(st.integers(1, 400), st.integers(1, 60), st.data(), st.booleans())
def test_every_frame_is_covered_and_its_shares_sum_to_one(frames: int, length: int, data, circular: bool) -> None:
    windows = Windows.over(frames, length, data.draw(st.integers(1, length)), circular)
    total = torch.zeros(frames)
    for window, weights in enumerate(windows.weights()):
        total.index_add_(0, windows.frames_of(window), weights)
    assert torch.allclose(total, torch.ones(frames), atol=1e-5)
    assert sorted(int(f) for part, _ in windows.segments() for f in part) == list(range(frames))


def test_a_segment_knows_its_windows() -> None:
    windows = Windows.over(10, 6, 4)
    assert windows.starts == (0, 4)
    assert [(part.tolist(), covering) for part, covering in windows.segments()] == [
        ([0, 1, 2, 3], (0,)),
        ([4, 5], (0, 1)),
        ([6, 7, 8, 9], (1,)),
    ]


def test_a_short_loop_has_its_seam_in_the_middle_of_a_window() -> None:
    windows = Windows.over(8, 20, 15, circular=True)
    assert (windows.length, windows.starts) == (8, (0, 4))
    assert windows.frames_of(1).tolist() == [4, 5, 6, 7, 0, 1, 2, 3]


def lockstep(latents: torch.Tensor, windows: Windows, scheduler, predict) -> torch.Tensor:
    """All windows at every step: what `denoise` must equal."""
    weights = windows.weights()
    for timestep in scheduler.timesteps:
        mixed = torch.zeros_like(latents)
        for window in range(len(windows.starts)):
            frames = windows.frames_of(window)
            part = predict(window, latents[:, :, frames], timestep)
            mixed.index_add_(2, frames, part * weights[window][:, None])
        latents = scheduler.step(mixed, timestep, latents, return_dict=False)[0]
    return latents


def prediction(window: int, sample: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
    """Depends on all frames of a window, on the window and on the time."""
    return torch.tanh(sample.cumsum(dim=2) * 0.1 + window) + timestep / 1000


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize("kind", [DDIMScheduler, DPMSolverMultistepScheduler])
@pytest.mark.parametrize("at_once", [1, 3])
def test_running_ahead_changes_nothing(kind: type, circular: bool, at_once: int) -> None:
    windows = Windows.over(50, 12, 9, circular)
    noise = torch.randn(2, 3, 50, 2, generator=torch.Generator().manual_seed(0))
    schedulers = [kind(prediction_type="v_prediction") for _ in range(2)]
    for scheduler in schedulers:
        scheduler.set_timesteps(5)
    expected = lockstep(noise.clone(), windows, schedulers[0], prediction)
    latents = noise.clone()
    reports = list(denoise(latents, windows, schedulers[1], prediction, at_once=at_once))
    assert torch.allclose(latents, expected, atol=1e-5)
    assert reports[-1][0] == reports[-1][1] == 5 * len(windows.starts)
    assert sorted(int(frame) for _, _, frames in reports for frame in frames) == list(range(50))


def test_the_first_frames_come_early() -> None:
    windows = Windows.over(1200, 12, 9)
    scheduler = DDIMScheduler(prediction_type="v_prediction")
    scheduler.set_timesteps(4)
    reports = denoise(torch.zeros(1, 1, 1200, 1), windows, scheduler, prediction)
    evaluations, frames = next((count, frames) for count, _, frames in reports if len(frames))
    assert evaluations <= 4 + 3 + 2 + 1
    assert frames[0] == 0


def test_known_frames_are_put_back() -> None:
    windows = Windows.over(20, 12, 8)
    scheduler = DDIMScheduler(prediction_type="v_prediction")
    scheduler.set_timesteps(3)
    known = torch.arange(20) < 5

    def keep(segment: torch.Tensor, frames: torch.Tensor, _done: int) -> torch.Tensor:
        return torch.where(known[frames][:, None], torch.full_like(segment, 7.0), segment)

    latents = torch.zeros(1, 1, 20, 1)
    list(denoise(latents, windows, scheduler, prediction, keep=keep))
    assert (latents[0, 0, :5] == 7).all()
    assert not (latents[0, 0, 5:] == 7).any()


@given(st.lists(st.booleans(), min_size=1, max_size=300).filter(any), st.integers(1, 60), st.data())
def test_windows_where_something_is_wanted(wanted: list[bool], length: int, data) -> None:
    mask = torch.tensor(wanted)
    windows = Windows.where(mask, length, data.draw(st.integers(1, length)))
    covered = windows.covered()
    assert bool(covered[mask].all())
    total = torch.zeros(len(mask))
    for window, weights in enumerate(windows.weights()):
        assert 0 <= windows.starts[window] <= len(mask) - windows.length
        total.index_add_(0, windows.frames_of(window), weights)
    assert torch.allclose(total, covered.float(), atol=1e-5)
    assert sorted(int(f) for part, _ in windows.segments() for f in part) == covered.nonzero()[:, 0].tolist()


def test_a_hole_lies_in_the_middle_of_its_window() -> None:
    def starts(*holes: tuple[int, int]) -> tuple[int, ...]:
        wanted = torch.zeros(100, dtype=torch.bool)
        for first, last in holes:
            wanted[first:last] = True
        return Windows.where(wanted, 20, 15).starts

    assert starts((50, 56)) == (43,)
    assert starts((0, 4)) == (0,)
    assert starts((97, 100)) == (80,)
    assert starts((0, 100)) == Windows.over(100, 20, 15).starts
    assert starts((40, 70)) == (35, 45, 55)  # five frames of context at both ends
    assert starts((10, 14), (60, 64)) == (2, 52)
    assert starts((10, 14), (24, 28)) == (5, 13)  # near enough to be one stretch


def test_windows_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="hop"):
        Windows.over(10, 4, 5)
    with pytest.raises(ValueError, match="frames"):
        Windows.over(0, 4, 2)
    with pytest.raises(ValueError, match="hop"):
        Windows.where(torch.ones(10), 4, 0)
    with pytest.raises(ValueError, match="wanted"):
        Windows.where(torch.zeros(10), 4, 2)
