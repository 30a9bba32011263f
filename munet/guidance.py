"""Classifier-free guidance, of all conditions together or with a weight for each group.

With one weight w the guided prediction is `null + w (given - null)` (Ho and Salimans, 2022). With a weight for each
group it is `given + sum_g (w_g - 1) (given - without g)`, where "without g" lacks that group alone (in the manner of
InstructPix2Pix, Brooks et al., 2023). A group that is not named has weight 1. All forms of the condition go through the
network in one batch. Outside a given interval of noise levels only the given condition does, and its prediction is
taken (Kynkäänniemi et al., 2024).

Guidance overshoots: what it predicts varies more from frame to frame than music does, and is heard as drums that stick
out; and its means over time differ more from clip to clip. `rescaled` gives it the spread of what the given condition
alone predicts, and while there is little but noise the means (after Lin et al., 2024, section 3.4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from munet.conditions.batch import null_like, replace_group
from munet.guidance_weights import Guidance, Interval, check_interval, check_rescale, guidance_weights, is_guided
from munet.predictions import clean_terms

if TYPE_CHECKING:
    from diffusers import SchedulerMixin

__all__ = [
    "Guidance",
    "Interval",
    "check_interval",
    "check_rescale",
    "guidance_weights",
    "guided",
    "is_guided",
    "noise_level",
    "rescaled",
    "without_groups",
]

NOISE_ALONE = 0.99  # noise level above which a latent says next to nothing of the means of what will be


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


def rescaled(
    overshot: torch.Tensor, given: torch.Tensor, sample: torch.Tensor, level: float, prediction_type: str, share: float
) -> torch.Tensor:
    """Give a guided prediction the spread over time that the given condition's has; in noise alone, its means too.

    The means over a clip are its balance of bass and treble, its width and its level. Guided from the first step on,
    those of clips lie twice as far apart as music's do; never guided, a piece without drums has some.
    Both are looked at as the clean latents that they foretell, each channel and bin of a clip by itself. Lin et al.
    take one factor for a whole prediction, in the network's own terms.

    Args:
        overshot, given: the guided prediction and the given condition's, `(batch, channels, frames, bins)`.
        sample: the noisy latents, same shape.
        level: their noise level, see `noise_level`.
        prediction_type: see `munet.predictions.clean_terms`.
        share: 0 leaves the guided prediction, 1 takes all of the other's spread, and means.

    Raises:
        ValueError: another prediction type.
    """
    noisy, own = clean_terms(level, prediction_type)
    clean, wanted = (noisy * sample + own * prediction for prediction in (overshot, given))
    middle, goal = (latents.mean(dim=2, keepdim=True) for latents in (clean, wanted))
    spreads = [latents.std(dim=2, keepdim=True, correction=0) for latents in (wanted, clean)]
    kept = middle.lerp(goal, share) if level > NOISE_ALONE else middle
    factor = 1 + share * (spreads[0] / spreads[1].clamp_min(1e-6) - 1)
    return ((clean - middle) * factor + kept - noisy * sample) / own
