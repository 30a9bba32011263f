"""What a call of a pipeline refuses before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.checks import DURATION_RANGE
from munet.music.events import NoteEvent

if TYPE_CHECKING:
    from munet.long_form import Known


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


def check_known(known: Known | None, shape: Sequence[int], strength: float) -> None:
    """Refuse known latents that do not fit latents of `shape`, and a strength without any.

    Raises:
        RequestError: names the argument, what was expected and what came.
    """
    if known is not None:
        known.check(shape)
    elif strength != 1:
        raise RequestError(f"strength: expected 1 without known latents, got {strength!r}")


def notes_of_clips(
    notes: Sequence[Sequence[NoteEvent] | None] | None, prompts: int, each: int, taken: bool
) -> list[Sequence[NoteEvent] | None] | None:
    """Return the notes of every clip, None for a model that takes none.

    Args:
        notes: one for each prompt, None for none at all.
        prompts: how many; each: clips of a prompt.
        taken: whether the model takes notes.

    Raises:
        RequestError: another number of them, or a model that takes none.
    """
    if notes is not None and (not taken or len(notes) != prompts):
        expected = f"one per prompt ({prompts})" if taken else "None, as the model takes none"
        raise RequestError(f"notes: expected {expected}, got {len(notes)}")
    return [part for part in notes or [None] * prompts for _ in range(each)] if taken else None


def check_tensor_inputs(names: Sequence[str], there: Sequence[str]) -> None:
    """Refuse tensors that a callback cannot have.

    Raises:
        RequestError: a name is not among `there`.
    """
    if unknown := sorted(set(names) - set(there)):
        raise RequestError(f"callback_on_step_end_tensor_inputs: expected names out of {there}, got {unknown}")
