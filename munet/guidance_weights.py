"""How strongly a clip is held to what was asked, and at which noise levels.

The strength is one weight for everything, or one for each group of conditions. The levels are an interval (Kynkäänniemi
et al., 2024): outside of it the network sees the conditions and is not pushed beyond them, which costs half as much.

There is no torch here, so that requests can be checked before a model is loaded; `munet.guidance` applies both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from types import MappingProxyType

from munet.errors import RequestError
from munet.music.checks import check_number

GROUPS = ("text", "harmony", "rhythm", "arrangement", "melody")
ALIASES: Mapping[str, str] = MappingProxyType({"chords": "harmony", "beats": "rhythm", "instruments": "arrangement"})
LIMITS = (0.0, 30.0)
Guidance = float | Mapping[str, float]
Interval = tuple[float, float]


def guidance_weights(guidance: Guidance) -> float | dict[str, float]:
    """Return guidance in its checked form: a number, or the weights other than 1 by group.

    Args:
        guidance: one weight for everything, or weights by name: `GROUPS`, or "chords", "beats", "instruments".

    Raises:
        RequestError: an unknown group, one that is named twice, or a weight that is no number from 0 to 30.
    """
    if not isinstance(guidance, Mapping):
        return check_number("guidance", guidance, LIMITS)
    weights: dict[str, float] = {}
    for name, value in guidance.items():
        group = ALIASES.get(name, name)
        if group not in GROUPS:
            raise RequestError(f"guidance: expected groups among {', '.join((*GROUPS, *ALIASES))}, got {name!r}")
        if group in weights:
            raise RequestError(f"guidance: expected each group once, got {group} twice")
        weights[group] = check_number(f"guidance.{name}", value, LIMITS)
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


def check_interval(interval: Sequence[float]) -> Interval:
    """Return an interval of noise levels in its checked form.

    Args:
        interval: (low, high), from 0 to 1. Guidance acts where low < level <= high; the noise level of a latent is the
            deviation of the noise in it, 0 for clean ones and 1 for noise alone (see `munet.guidance.noise_level`).

    Raises:
        RequestError: it is none.
    """
    numbers = interval if isinstance(interval, Sequence) and not isinstance(interval, str) else ()
    real = [value for value in numbers if isinstance(value, Real) and not isinstance(value, bool)]
    if len(numbers) != 2 or len(real) != 2 or not 0 <= real[0] < real[1] <= 1:
        expected = "two noise levels from 0 to 1, the lower one first"
        raise RequestError(f"guidance_interval: expected {expected}, got {interval!r}")
    return float(real[0]), float(real[1])


def read_interval(text: str) -> Interval:
    """Read an interval of noise levels as people write it: "0.2,0.9".

    Raises:
        RequestError: it is none.
    """
    try:
        return check_interval([float(part) for part in text.split(",")])
    except ValueError:
        raise RequestError(f"guidance_interval: expected noise levels such as 0.2,0.9, got {text!r}") from None


def check_rescale(share: float) -> float:
    """Return the share of its spread that guidance gives back (see `munet.guidance.rescaled`).

    Raises:
        RequestError: it is no number from 0 to 1.
    """
    return check_number("guidance_rescale", share, (0.0, 1.0))
