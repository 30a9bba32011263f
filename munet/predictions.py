"""What a prediction says of the clean latents, and a last touch to these.

A network predicts a velocity, the noise, or the clean latents themselves. All of them foretell clean latents: sample
and prediction, each times a number, added up.

With few steps the latents that come out are what the network expects on average where it is not sure, and what changes
from frame to frame is smaller than in music: attacks are soft, repeated notes run together. `sharpened` gives some of
that back, as an unsharp mask does to the edges of a picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

Shift = Callable[[torch.Tensor], torch.Tensor]


def clean_terms(level: float, prediction_type: str) -> tuple[float, float]:
    """Factors of the sample and of the prediction whose sum is the clean latents that they foretell.

    Args:
        level: noise level of the sample, see `munet.guidance.noise_level`.
        prediction_type: "v_prediction", "epsilon", "sample" or "flow_prediction", as schedulers name them.

    Raises:
        ValueError: another prediction type.
    """
    signal = math.sqrt(1 - level**2)
    terms = {
        "v_prediction": (signal, -level),
        "epsilon": (1 / max(signal, 1e-6), -level / max(signal, 1e-6)),
        "sample": (0.0, 1.0),
        "flow_prediction": (1.0, -level),
    }
    if prediction_type not in terms:
        raise ValueError(f"prediction_type: expected one of {sorted(terms)}, got {prediction_type!r}")
    return terms[prediction_type]


def shifted(
    prediction: torch.Tensor, sample: torch.Tensor, level: float, prediction_type: str, shift: Shift
) -> torch.Tensor:
    """A prediction to whose clean latents is added what `shift` returns for them.

    Args:
        prediction: `(batch, channels, frames, bins)`.
        sample: the noisy latents, same shape.
        level, prediction_type: see `clean_terms`.
        shift: clean latents -> what is added, of a shape that can be.

    Raises:
        ValueError: another prediction type.
    """
    noisy, own = clean_terms(level, prediction_type)
    return prediction + shift(noisy * sample + own * prediction) / own


def sharpened(
    prediction: torch.Tensor, sample: torch.Tensor, level: float, prediction_type: str, amount: float
) -> torch.Tensor:
    """A prediction whose clean latents change more from frame to frame.

    Each frame moves away from the mean of itself (weight 1/2) and its neighbours (1/4 each) by `amount` of the
    difference. What stays the same over three frames, or rises evenly, stays as it is.

    Args:
        prediction: `(batch, channels, frames, bins)`.
        sample: the noisy latents, same shape.
        level, prediction_type: see `clean_terms`.
        amount: 0 changes nothing.

    Raises:
        ValueError: another prediction type.
    """

    def edges(clean: torch.Tensor) -> torch.Tensor:
        padded = F.pad(clean, (0, 0, 1, 1), "replicate")
        return amount * (clean / 2 - padded[:, :, :-2] / 4 - padded[:, :, 2:] / 4)

    return shifted(prediction, sample, level, prediction_type, edges)
