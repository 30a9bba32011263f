"""Classifier-free guidance, of all conditions together or with a weight for each group.

With one weight w the guided prediction is `null + w (given - null)` (Ho and Salimans, 2022). With a weight for each
group it is `given + sum_g (w_g - 1) (given - without g)`, where "without g" lacks that group alone (in the manner of
InstructPix2Pix, Brooks et al., 2023). A group that is not named has weight 1. All forms of the condition go through the
network in one batch.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from munet.conditions.batch import null_like, replace_group
from munet.guidance_weights import Guidance, guidance_weights, is_guided

__all__ = ["Guidance", "guidance_weights", "guided", "is_guided", "without_groups"]


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
