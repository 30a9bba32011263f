"""The published chord predictor: a FLAN-T5 that writes chords for a prompt and its beats.

It reads "Caption: A slow song. \\n Timestamps: 0.46 , 0.96 \\n Max Beat: 4", where `\\n` is a backslash and an n, and
writes "C at 0.46 n G at 2.1" (Mustango, Melechovsky et al., NAACL 2024). Chords are raw here: symbols and seconds as
written. `munet.published.predictor` makes a plan of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from transformers import (
    PreTrainedModel,  # noqa: F401 - a pipeline's loader looks here for the class that says how to load ours
    PreTrainedTokenizerBase,
    T5ForConditionalGeneration,
)

from munet.conditions.text import tokenize
from munet.published.beat_predictor import MAX_PROMPT_TOKENS

GENERATION: Mapping[str, int | bool] = MappingProxyType(
    {"min_length": 8, "max_length": 128, "num_beams": 5, "early_stopping": True, "num_return_sequences": 1}
)


@dataclass(frozen=True)
class RawChords:
    """Chords as written: `chords` (symbol, second) and the `rejected` (item, reason) that do not read as a chord."""

    chords: tuple[tuple[str, float], ...] = ()
    rejected: tuple[tuple[str, str], ...] = ()


class ChordPredictor(T5ForConditionalGeneration):
    """A T5 whose output layer has weights of its own, as FLAN-T5's has.

    transformers 5 ties `lm_head` to the embeddings of every new T5, so that loading a state dict into one would
    overwrite the embeddings. Its configuration needs `tie_word_embeddings=False`, which leaves the logits unscaled.
    """

    _tied_weights_keys = {  # noqa: RUF012 - transformers asks for a dict
        "encoder.embed_tokens.weight": "shared.weight",
        "decoder.embed_tokens.weight": "shared.weight",
    }


def chord_prompt(prompt: str, times: Sequence[float], max_beat: int) -> str:
    """Return the text that the model reads for a prompt, beats at `times` (seconds) and the highest beat number."""
    # numpy's rounding, as published: it differs from Python's where the third decimal is a 5.
    timestamps = " , ".join(str(float(np.round(second, 2))) for second in times)
    return rf"Caption: {prompt} \n Timestamps: {timestamps} \n Max Beat: {max_beat}"


def parse_chords(text: str) -> RawChords:
    """Read "C at 0.46 n G at 2.1".

    Where the published reading raises nothing, this returns the same chords, whatever their symbols and seconds (a
    number of any kind, even nan). An item at which it would raise is left out and reported.
    """
    chords, rejected = [], []
    for item in text.split(" n "):
        symbol, *seconds = item.split(" at ")
        if len(seconds) != 1:
            rejected.append((item, "expected a symbol, one ' at ' and seconds"))
            continue
        try:
            chords.append((symbol, float(seconds[0])))
        except ValueError:
            rejected.append((item, f"expected seconds after ' at ', got {seconds[0]!r}"))
    return RawChords(tuple(chords), tuple(rejected))


@torch.no_grad()
def predict_chords(
    model: T5ForConditionalGeneration,
    tokenizer: PreTrainedTokenizerBase,
    prompt: str,
    times: Sequence[float],
    max_beat: int,
) -> RawChords:
    """Predict the raw chords of a prompt with beats at `times` (seconds); 512 tokens of the whole text are read."""
    if hasattr(model, "_hf_hook"):
        model._hf_hook.pre_forward(model)  # an offloaded model comes for `forward`, and `generate` begins elsewhere
    text = chord_prompt(prompt, times, max_beat)
    input_ids, mask = tokenize(tokenizer, [text], MAX_PROMPT_TOKENS, pad_to_longest=True)
    written = model.generate(
        input_ids=input_ids.to(model.device), attention_mask=mask.long().to(model.device), **GENERATION
    )
    return parse_chords(tokenizer.decode(written[0], skip_special_tokens=True, clean_up_tokenization_spaces=True))
