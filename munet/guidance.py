"""Classifier-free guidance, of all conditions together or with a weight for each group.

With one weight w the guided prediction is `null + w (given - null)` (Ho and Salimans, 2022). With a weight for each
group it is `given + sum_g (w_g - 1) (given - without g)`, where "without g" lacks that group alone (in the manner of
InstructPix2Pix, Brooks et al., 2023). A group that is not named has weight 1. All forms of the condition go through the
network in one batch. Outside a given interval of noise levels only the given condition does, and its prediction is
taken (Kynkäänniemi et al., 2024).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from munet.conditions.batch import null_like, replace_group
from munet.guidance_weights import Guidance, Interval, check_interval, guidance_weights, is_guided

if TYPE_CHECKING:
    from diffusers import SchedulerMixin

__all__ = [
    "Guidance",
    "Interval",
    "check_interval",
    "guidance_weights",
    "guided",
    "is_guided",
    "noise_level",
    "without_groups",
]


def noise_level(scheduler: SchedulerMixin, timestep: torch.Tensor | float) -> float:
    """Return the deviation of the noise in a latent at a timestep, of latents whose own deviation is 1.

    That is sqrt(1 - alpha_bar), from 0 to 1 for noise alone; a noise level sigma as Karras et al. (2022) count it is
    sigma / sqrt(1 + sigma^2) here. Models of flow matching mix noise and data linearly: there it is the share of noise.

    Args:
        scheduler: with the noise schedule of the model.
        timestep: in the scheduler's scale, 0 to its number of training steps.
    """
    kept = getattr(scheduler, "alphas_cumprod", None)
    if kept is None:
        return float(timestep) / scheduler.config.num_train_timesteps
    return math.sqrt(1 - float(kept[round(float(timestep))]))


def without_groups(
    given: Mapping[str, torch.Tensor], null: Mapping[str, torch.Tensor], weights: float | Mapping[str, float]
) -> dict[str, torch.Tensor]:
    """Condition tokens that guidance starts from: all null, or for each weighted group the given ones without it.

    Args:
        given: tokens, `batch` rows.
        null: the null condition, one row.
        weights: see `guidance_weights`.

    Returns:
        Tokens of `batch` rows, or of groups times `batch`, group by group.
    """
    if not isinstance(weights, Mapping):
        return null_like(given, null)
    everywhere = torch.ones(len(given["aligned"]), dtype=torch.bool, device=given["aligned"].device)
    variants = [replace_group(given, null, group, everywhere) for group in weights]
    return {name: torch.cat([variant[name] for variant in variants]) for name in given}


def guided(given: torch.Tensor, without: torch.Tensor, weights: float | Mapping[str, float]) -> torch.Tensor:
    """Combine predictions `(batch, ...)` under the given conditions with those of `without_groups`."""
    if not isinstance(weights, Mapping):
        return without + weights * (given - without)
    moved = given
    for weight, part in zip(weights.values(), without.chunk(len(weights)), strict=True):
        moved = moved + (weight - 1) * (given - part)
    return moved
