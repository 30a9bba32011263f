"""From a finished training to the folder that is shipped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

from munet.codec import load_codec
from munet.conditions.text import load_text_encoder
from munet.diffusers_pipeline import MustangoPipeline
from munet.errors import RequestError
from munet.training.settings import other_latents


def pack(
    munet: Path,
    autoencoder: Path,
    out: Path,
    shard_size: str = "15MB",
    text_encoder: str | None = None,
    with_codec: bool = True,
) -> None:
    """Join a trained MuNet and a trained codec into a pipeline folder to ship: half precision, safetensors.

    Args:
        munet: pipeline folder of a MuNet run.
        autoencoder: folder of the codec whose latents it was trained on.
        out: folder to write; it appears whole or not at all.
        shard_size: of the weight files.
        text_encoder: a light copy that stands in for the packaged encoder where there is none; it is not written.
        with_codec: whether the codec is written; without it the folder is something to `start` from.

    Raises:
        RequestError: the codec has another projection than the one MuNet was trained with, a weight is not finite, or
            `out` exists.
    """
    if out.exists():
        raise RequestError(f"out: expected a folder that does not exist yet, got {str(out)!r}")
    tokenizer, encoder = load_text_encoder(text_encoder)
    pipeline = MustangoPipeline.from_pretrained(munet, dtype=torch.float32, text_encoder=encoder, tokenizer=tokenizer)
    pipeline._packaged_text_encoder = True
    decoder = load_codec(autoencoder, dtype=torch.float32)
    if difference := other_latents(decoder, pipeline.vae):
        raise RequestError(f"autoencoder: expected the projection that MuNet was trained with, {difference} differs")
    pipeline.register_modules(vae=decoder)
    for module in (pipeline.unet, pipeline.beat_encoder, pipeline.chord_encoder, pipeline.vae):
        for name, parameter in module.named_parameters():
            # Buffers, the projection among them, stay in single precision: half would cost more than it saves.
            parameter.data = parameter.data.half()
            if not torch.isfinite(parameter).all():
                raise RequestError(f"munet: expected weights that are finite in half precision, got others in {name}")
    temporary = out.with_name(f"{out.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    pipeline.save_pretrained(temporary, max_shard_size=shard_size)
    if not with_codec:
        shutil.rmtree(temporary / "vae")
    for path in (temporary / "model_index.json", *temporary.glob("*/config.json")):
        config = json.loads(path.read_text())
        config.pop("_name_or_path", None)  # a path of the machine that trained
        path.write_text(json.dumps(config, indent=2) + "\n")
    temporary.rename(out)
