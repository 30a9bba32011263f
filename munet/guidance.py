"""Classifier-free guidance, of all conditions together or with a weight for each group.

With one weight w the guided prediction is `null + w (given - null)` (Ho and Salimans, 2022). With a weight for each
group it is `given + sum_g (w_g - 1) (given - without g)`, where "without g" lacks that group alone (in the manner of
InstructPix2Pix, Brooks et al., 2023). A group that is not named has weight 1. All forms of the condition go through the
network in one batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from types import MappingProxyType

import torch

from munet.conditions.batch import null_like, replace_group
from munet.errors import RequestError

GROUPS = ("text", "harmony", "rhythm", "arrangement", "melody")
ALIASES: Mapping[str, str] = MappingProxyType({"chords": "harmony", "beats": "rhythm", "instruments": "arrangement"})
LIMITS = (0.0, 30.0)
Guidance = float | Mapping[str, float]


def guidance_weights(guidance: Guidance) -> float | dict[str, float]:
    """Return guidance in its checked form: a number, or the weights other than 1 by group.

    Args:
        guidance: one weight for everything, or weights by name: `GROUPS`, or "chords", "beats", "instruments".

    Raises:
        RequestError: an unknown group, one that is named twice, or a weight that is no number from 0 to 30.
    """
    if not isinstance(guidance, Mapping):
        return _weight("guidance", guidance)
    weights: dict[str, float] = {}
    for name, value in guidance.items():
        group = ALIASES.get(name, name)
        if group not in GROUPS:
            raise RequestError(f"guidance: expected groups among {', '.join((*GROUPS, *ALIASES))}, got {name!r}")
        if group in weights:
            raise RequestError(f"guidance: expected each group once, got {group} twice")
        weights[group] = _weight(f"guidance.{name}", value)
    return {group: weight for group, weight in weights.items() if weight != 1}


def is_guided(weights: float | Mapping[str, float]) -> bool:
    """Return whether anything but the given condition is needed."""
    return bool(weights) if isinstance(weights, Mapping) else weights != 1


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


def _weight(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not LIMITS[0] <= value <= LIMITS[1]:
        raise RequestError(f"{name}: expected a number from {LIMITS[0]:g} to {LIMITS[1]:g}, got {value!r}")
    return float(value)
