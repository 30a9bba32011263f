"""The packaged text encoder without the library `transformers`, which takes longer to import than a clip to begin.

all-MiniLM-L6-v2 is a BERT (Devlin et al., 2019) of six layers. The parts bear the names of its checkpoint, and the
numbers are those that `transformers` gives (`tests/munet/conditions/test_minilm.py`). `munet.conditions.text` loads the
same model as `transformers` has it, for training and for pipelines that are to be saved.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn

UNUSED = ("embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias")


class Encoded(NamedTuple):
    """What the encoder gives: hidden states `(batch, length, width)`."""

    last_hidden_state: torch.Tensor


class Tokens(NamedTuple):
    """What the tokenizer gives, both `(batch, length)`, int64."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor


class MiniLM(nn.Module):
    """The encoder.

    Args:
        config: of the checkpoint, `config.json`.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = nn.ModuleDict(
            {"layer": nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))}
        )

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Encoded:
        """Encode tokens `(batch, length)`; the mask is 1 where there is one."""
        states = self.embeddings(input_ids)
        mask = attention_mask.bool()[:, None, None].expand(-1, 1, input_ids.shape[1], -1)
        for layer in self.encoder["layer"]:
            states = layer(states, mask)
        return Encoded(states)


class Embeddings(nn.Module):
    """Of words and positions; there is one sentence, so one type of token."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width = config["hidden_size"]
        self.word_embeddings = table(config["vocab_size"], width)
        self.position_embeddings = table(config["max_position_embeddings"], width)
        self.token_type_embeddings = table(config["type_vocab_size"], width)
        self.LayerNorm = nn.LayerNorm(width, eps=config["layer_norm_eps"])

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        words = self.word_embeddings(input_ids) + self.token_type_embeddings.weight[0]
        return self.LayerNorm(words + self.position_embeddings.weight[: input_ids.shape[1]])


def table(rows: int, width: int) -> nn.Embedding:
    """An embedding whose weights are not drawn; on the meta device that would import the compiler's shapes."""
    return nn.Embedding.from_pretrained(torch.empty(rows, width))


class Layer(nn.Module):
    """Self-attention and feed-forward, each added to its input and then normalised."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, inner = config["hidden_size"], config["intermediate_size"]
        self.heads = config["num_attention_heads"]
        projections = nn.ModuleDict({name: nn.Linear(width, width) for name in ("query", "key", "value")})
        self.attention = nn.ModuleDict({"self": projections, "output": Added(width, width, config["layer_norm_eps"])})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, inner)})
        self.output = Added(inner, width, config["layer_norm_eps"])

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        projections = self.attention["self"]
        query, key, value = (
            projections[name](states).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        attended = F.scaled_dot_product_attention(query, key, value, mask).transpose(1, 2).flatten(2)
        states = self.attention["output"](attended, states)
        return self.output(F.gelu(self.intermediate["dense"](states)), states)


class Added(nn.Module):
    """A projection that is added to what went in, and normalised."""

    def __init__(self, entering: int, width: int, eps: float) -> None:
        super().__init__()
        self.dense, self.LayerNorm = nn.Linear(entering, width), nn.LayerNorm(width, eps=eps)

    def forward(self, states: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        return self.LayerNorm(self.dense(states) + before)


class MiniLMTokenizer:
    """The checkpoint's tokenizer, called as one of `transformers` is by `munet.conditions.text.tokenize`.

    Args:
        file: `tokenizer.json`.
    """

    def __init__(self, file: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(file))

    def __call__(self, prompts: Sequence[str], *, padding: str, max_length: int, **_options: Any) -> Tokens:
        """Tokens of the prompts, cut to `max_length`, and padded to it or with "longest" to the longest prompt."""
        tokenizer = self._tokenizer
        tokenizer.enable_truncation(max_length)
        tokenizer.enable_padding(length=None if padding == "longest" else max_length)
        encoded = tokenizer.encode_batch(list(prompts))
        return Tokens(torch.tensor([e.ids for e in encoded]), torch.tensor([e.attention_mask for e in encoded]))


def load_minilm(folder: Path) -> tuple[MiniLMTokenizer, MiniLM]:
    """Tokenizer and frozen encoder of the checkpoint in a folder."""
    with torch.device("meta"):
        encoder = MiniLM(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    weights = {name: value for name, value in load_file(folder / "model.safetensors").items() if name not in UNUSED}
    encoder.load_state_dict(weights, assign=True)
    return MiniLMTokenizer(folder / "tokenizer.json"), encoder.eval().requires_grad_(False)
