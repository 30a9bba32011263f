"""How strongly a clip is held to what was asked: one weight for everything, or one for each group of conditions.

There is no torch here, so that requests can be checked before a model is loaded; `munet.guidance` applies the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from types import MappingProxyType

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


def read_guidance(text: str) -> float | dict[str, float]:
    """Read guidance as people write it: "4", or "chords=2, text=6".

    Raises:
        RequestError: neither.
    """
    try:
        if "=" not in text:
            return float(text)
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        return {name.strip(): float(value) for name, _, value in pairs}
    except ValueError:
        raise RequestError(f"guidance: expected a number, or weights such as chords=2,text=6, got {text!r}") from None


def _weight(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not LIMITS[0] <= value <= LIMITS[1]:
        raise RequestError(f"{name}: expected a number from {LIMITS[0]:g} to {LIMITS[1]:g}, got {value!r}")
    return float(value)
