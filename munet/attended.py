"""What MuNet is told of a batch of clips, and what its layers make of that once and for all steps.

Text, beats and chords do not change from step to step, so neither do the keys and values that attention takes from
them, nor the hidden states of the time-aligned condition. `Conditions` is made once a clip and remembers them.

Guidance asks for several forms of the same clips (without conditions, with all of them). They lie form by form in one
batch of conditions; the noisy latents are then given once, and what does not depend on the conditions is computed once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import torch

# Finite on purpose: a row whose tokens are all masked attends to all of them alike instead of turning into NaN.
MASK_BIAS = -10000.0
Computed = TypeVar("Computed")
SEQUENCES = ("encoder", "beat", "chord")


class Condition(NamedTuple):
    """A sequence to attend to: `states` `(batch, length, dim)` and the additive `bias` `(batch, 1, length)` or None."""

    states: torch.Tensor
    bias: torch.Tensor | None


class Conditions:
    """Text, beats, chords and the rest of what MuNet is told.

    Args:
        sequences: text, beats and chords.
        aligned: time-aligned condition `(batch, aligned_channels, time)` or None.
        pooled: pooled text `(batch, pooled_projection_dim)` or None.
        notes: notes of the piece `(batch, note_channels, time)` or None.
    """

    def __init__(
        self,
        sequences: tuple[Condition, ...],
        aligned: torch.Tensor | None = None,
        pooled: torch.Tensor | None = None,
        notes: torch.Tensor | None = None,
    ) -> None:
        self.sequences, self.aligned, self.pooled, self.notes = sequences, aligned, pooled, notes
        self._made: dict[Any, Any] = {}
        self._making = threading.Lock()

    @classmethod
    def of(
        cls,
        states: Sequence[torch.Tensor],
        masks: Sequence[torch.Tensor | None],
        aligned: torch.Tensor | None = None,
        pooled: torch.Tensor | None = None,
        notes: torch.Tensor | None = None,
        trim: bool = False,
    ) -> Conditions:
        """Take hidden states and masks of text, beats and chords, see `MuNetModel.forward`.

        Args:
            states: `(batch, length, dim)` each.
            masks: `(batch, length)` each, or None.
            aligned, pooled, notes: see the class.
            trim: whether padding is left out where nothing attends to it, and masks that then change nothing. It reads
                the masks on the host, so it is for conditions that are used more than once.
        """
        sequences = []
        for sequence, mask in zip(states, masks, strict=True):
            if trim and mask is not None and not mask.is_floating_point():
                sequence, mask = without_padding(sequence, mask.bool())
            sequences.append(Condition(sequence, attention_bias(mask, sequence.dtype)))
        return cls(tuple(sequences), aligned, pooled, notes)

    @classmethod
    def of_forms(cls, null: Mapping[str, torch.Tensor] | None, given: Mapping[str, torch.Tensor]) -> Conditions:
        """Take what guidance starts from, if there is guidance, and the given form, each as MuNet's keyword arguments.

        Padding is left out.
        """
        joined = given if null is None else {name: torch.cat([null[name], given[name]]) for name in given}
        states = [joined[f"{name}_hidden_states"] for name in SEQUENCES]
        masks = [joined.get(f"{name}_attention_mask") for name in SEQUENCES]
        others = (joined.get(name) for name in ("aligned_condition", "pooled_projections", "note_condition"))
        return cls.of(states, masks, *others, trim=True)

    def __len__(self) -> int:
        return len(self.sequences[0].states)

    def once(self, key: Any, make: Callable[[Conditions], Computed]) -> Computed:
        """Return what `make`, given all rows, returned when it was first called under this key."""
        with self._making:  # forms may be evaluated side by side
            if key not in self._made:
                self._made[key] = make(self)
        return self._made[key]

    def last(self, rows: int) -> Conditions:
        """Return the conditions of the last rows, which of several forms is the given one.

        What is made of them once is made of all rows and shared.
        """
        return self if rows == len(self) else _Rows(self, slice(len(self) - rows, len(self)))

    def forms(self, rows: int) -> list[Conditions]:
        """Return the conditions of each form of `rows` rows, see `last`."""
        count = len(self) // rows
        return [self] if count == 1 else [_Rows(self, slice(i * rows, (i + 1) * rows)) for i in range(count)]


class _Rows(Conditions):
    """Some rows of other conditions."""

    def __init__(self, whole: Conditions, rows: slice) -> None:
        super().__init__(*rows_of((whole.sequences, whole.aligned, whole.pooled, whole.notes), rows))
        self._whole, self._rows = whole, rows

    def once(self, key: Any, make: Callable[[Conditions], Computed]) -> Computed:
        """Return these rows of what `make` returned for all of them."""
        return rows_of(self._whole.once(key, make), self._rows)


def rows_of(value: Any, rows: slice) -> Any:
    """Return some rows of a tensor `(batch, ...)`, or of each in a structure of tuples and lists."""
    if isinstance(value, torch.Tensor):
        return value[rows]
    if not isinstance(value, tuple | list):
        return value
    parts = [rows_of(part, rows) for part in value]
    return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)


def without_padding(states: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return states `(batch, shorter, dim)` and mask, or None for the mask, that give the same attention.

    Tokens behind every row's last one go. A row without any token attends to all its padding alike; it allows that if
    its padding is all the same. If then each row has all tokens or none, the mask shifts a row's scores alike, which
    softmax does not see.

    Args:
        states: `(batch, length, dim)`.
        mask: `(batch, length)`, bool.
    """
    empty = ~mask.any(dim=1)
    if bool(empty.any()) and not bool((states[empty] == states[empty][:, :1]).all()):
        return states, mask
    length = max(1, int((mask * torch.arange(1, mask.shape[1] + 1, device=mask.device)).max()))
    states, mask = states[:, :length], mask[:, :length]
    return states, None if bool((mask.all(dim=1) | empty).all()) else mask


def attention_bias(mask: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor | None:
    """Additive attention bias `(batch, 1, length)` of a mask `(batch, length)`: 0 keeps, -10000 discards.

    A floating point mask is a bias already.
    """
    if mask is None:
        return None
    if not mask.is_floating_point():
        mask = (1 - mask.to(dtype)) * MASK_BIAS
    return mask.to(dtype).unsqueeze(1)


def repeated(tensor: torch.Tensor, rows: int) -> torch.Tensor:
    """Return `tensor` `(batch, ...)` as often as `rows` holds it, one after the other: the same for every form."""
    return tensor if len(tensor) == rows else tensor.repeat(rows // len(tensor), *[1] * (tensor.ndim - 1))
