"""The published beat predictor: a DeBERTa-v3 that reads beats from a prompt (Mustango, Melechovsky et al., NAACL 2024).

Two heads sit on every token. The first token's class is the highest beat number of a bar; the tokens' values are the
seconds from one beat to the next, so there are at most as many beats as tokens. Tensor names are those of the published
checkpoint. Beats are raw here, just as the published decoding gives them; `munet.published.predictor` makes a plan of
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from transformers import (
    DebertaV2Config,
    DebertaV2Model,
    DebertaV2PreTrainedModel,
    PreTrainedModel,  # noqa: F401 - a pipeline's loader looks here for the class that says how to load ours
    PreTrainedTokenizerBase,
)
from transformers.models.deberta_v2.modeling_deberta_v2 import DisentangledSelfAttention
from transformers.utils import ModelOutput

from munet.conditions.text import tokenize

NUM_METERS = 4
MAX_PROMPT_TOKENS = 512
MAX_BEATS = 50


@dataclass
class BeatPredictorOutput(ModelOutput):
    """Class scores `logits` `(batch, tokens, 4)`, `values` `(batch, tokens, 1)` in seconds, all `hidden_states`."""

    logits: torch.Tensor | None = None
    values: torch.Tensor | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None


class RawBeats(NamedTuple):
    """The highest beat number, each beat's seconds (rounded to 0.01, in any order) and its position in the bar."""

    max_beat: int
    times: tuple[float, ...]
    positions: tuple[int, ...]


class _PaddedSelfAttention(DisentangledSelfAttention):
    """DeBERTa's attention where padding attends to nothing, as in the published model.

    The library's own softmax lets padding attend to every token alike. No valid token sees the difference.
    """

    def forward(
        self, hidden_states: torch.Tensor, attention_mask: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Attend under a mask `(batch, 1, queries, keys)`; returns `(batch, queries, width)` and the probabilities."""
        context, probabilities = super().forward(hidden_states, attention_mask, *args, **kwargs)
        attends = attention_mask.bool().any(dim=-1).transpose(1, 2)
        return context * attends, probabilities


class BeatPredictor(DebertaV2PreTrainedModel):
    """DeBERTa-v2 or v3 with a classifier of the metre and a regressor of the intervals between beats.

    Args:
        config: the encoder's sizes; the published ones are those of `microsoft/deberta-v3-large`.
    """

    def __init__(self, config: DebertaV2Config) -> None:
        super().__init__(config)
        width = config.hidden_size
        self.deberta = DebertaV2Model(config)
        for layer in self.deberta.encoder.layer:
            layer.attention.self = _PaddedSelfAttention(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.hidden1, self.classifier = nn.Linear(width, width), nn.Linear(width, NUM_METERS)
        self.hidden2, self.regressor = nn.Linear(width, width), nn.Linear(width, 1)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        output_hidden_states: bool = False,
    ) -> BeatPredictorOutput:
        """Score token ids `(batch, tokens)` under a mask of the same shape (True or 1 = a token, None = all are)."""
        encoded = self.deberta(
            input_ids,
            attention_mask=attention_mask,
            token_type_ids=token_type_ids,
            output_hidden_states=output_hidden_states,
            return_dict=True,
        )
        features = self.dropout(encoded.last_hidden_state)
        return BeatPredictorOutput(
            logits=self.classifier(self.hidden1(features)),
            values=self.regressor(self.hidden2(features)),
            hidden_states=encoded.hidden_states,
        )


def decode_beats(logits_of_first_token: torch.Tensor, values: torch.Tensor, duration: float = 10.0) -> RawBeats:
    """Read beats off the two heads, to the last bit as the published decoding does.

    Args:
        logits_of_first_token: `(4,)`, scores of 1 to 4 beats in a bar; of equal scores the first wins.
        values: `(tokens,)` or `(tokens, 1)`, the intervals in seconds of all tokens, special ones included.
        duration: seconds; the first beat at or after it, or at no number, ends the reading.

    Returns:
        At most 50 beats. Negative intervals pass: times may be negative or not ascending; rounding may lift the last to
        `duration`.
    """
    max_beat = 1 + int(logits_of_first_token.argmax())
    # Two roundings, the first in float32, and the sum in float64: other orders move beats by 0.01 s.
    intervals = values.detach().float().flatten().cpu().numpy().round(4).tolist()
    seconds = takewhile(lambda second: second < duration, accumulate(intervals))
    times = tuple(float(np.round(second, 2)) for second in seconds)[:MAX_BEATS]
    return RawBeats(max_beat, times, tuple(1 + index % max_beat for index in range(len(times))))


@torch.no_grad()
def predict_beats(
    model: BeatPredictor, tokenizer: PreTrainedTokenizerBase, prompt: str, duration: float = 10.0
) -> RawBeats:
    """Predict the raw beats of a prompt, of which 512 tokens are read, up to `duration` seconds."""
    input_ids, mask = tokenize(tokenizer, [prompt], MAX_PROMPT_TOKENS, pad_to_longest=True)
    output = model(input_ids.to(model.device), attention_mask=mask.to(model.device))
    return decode_beats(output.logits[0, 0], output.values[0], duration)
