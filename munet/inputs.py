"""What a call of a pipeline refuses before it begins."""

from __future__ import annotations

from collections.abc import Sequence

from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.checks import DURATION_RANGE


def check_inputs(
    prompt: Sequence[str],
    plans: Sequence[MusicPlan],
    audio_length_in_s: float,
    num_inference_steps: int,
    output_type: str,
    strength: float,
) -> None:
    """Refuse what cannot be generated; arguments as a pipeline takes them.

    Raises:
        RequestError: names the argument, what was expected and what came.
    """
    if not prompt or any(not isinstance(text, str) for text in prompt):
        raise RequestError(f"prompt: expected a string or a list of strings, got {prompt!r}")
    if len(plans) != len(prompt):
        raise RequestError(f"plans: expected one per prompt ({len(prompt)}), got {len(plans)}")
    longest = DURATION_RANGE[1]
    if not 0 < audio_length_in_s <= longest:
        raise RequestError(f"audio_length_in_s: expected seconds in (0, {longest:g}], got {audio_length_in_s!r}")
    if num_inference_steps < 1:
        raise RequestError(f"num_inference_steps: expected at least 1, got {num_inference_steps!r}")
    if not 0 < strength <= 1:
        raise RequestError(f"strength: expected a number in (0, 1], got {strength!r}")
    if output_type not in ("np", "pt", "latent"):
        raise RequestError(f"output_type: expected 'np', 'pt' or 'latent', got {output_type!r}")


def check_tensor_inputs(names: Sequence[str], there: Sequence[str]) -> None:
    """Refuse tensors that a callback cannot have.

    Raises:
        RequestError: a name is not among `there`.
    """
    if unknown := sorted(set(names) - set(there)):
        raise RequestError(f"callback_on_step_end_tensor_inputs: expected names out of {there}, got {unknown}")
