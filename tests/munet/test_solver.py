"""The solver of few steps on data whose perfect model is known."""

from __future__ import annotations

import torch
from diffusers import DDPMScheduler

from munet.published.bases import SCHEDULE
from munet.solver import FEW_STEPS, few_step_solver

MEAN, SPREAD = 0.7, 0.2


def velocity(scheduler: DDPMScheduler, latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
    """What a perfect model of Gaussian data predicts, in closed form."""
    kept = scheduler.alphas_cumprod[int(timestep)]
    signal, noise = kept.sqrt(), (1 - kept).sqrt()
    gain = signal * SPREAD**2 / (kept * SPREAD**2 + noise**2)
    clean = MEAN + gain * (latents - signal * MEAN)
    return signal * (latents - signal * clean) / noise - noise * clean


def solved(scheduler: DDPMScheduler, steps: int) -> torch.Tensor:
    scheduler.set_timesteps(steps)
    latents = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    for timestep in scheduler.timesteps:
        prediction = velocity(scheduler, latents, timestep)
        latents = scheduler.step(prediction, timestep, latents, return_dict=False)[0]
    return latents


def test_twenty_steps_keep_the_spread_of_the_data_better_than_two_hundred_of_ddpm() -> None:
    ddpm = DDPMScheduler(**SCHEDULE)
    few = solved(few_step_solver(ddpm), FEW_STEPS)
    assert abs(few.mean() - MEAN) < 0.02 and abs(few.std() - SPREAD) < 0.005
    torch.manual_seed(0)
    many = solved(ddpm, 200)
    assert abs(many.mean() - MEAN) < 0.02 and 0.01 < abs(many.std() - SPREAD) < 0.05
    # The same noise leads to the same data as in fifty times as many steps.
    assert (few - solved(few_step_solver(ddpm), 50 * FEW_STEPS)).abs().max() < 0.05


def test_other_schedulers_stay() -> None:
    assert few_step_solver(few_step_solver(DDPMScheduler(**SCHEDULE))) is None
