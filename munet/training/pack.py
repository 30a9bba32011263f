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

LARGE = 4096  # numbers of a buffer that is a matrix


def pack(
    munet: Path,
    autoencoder: Path,
    out: Path,
    shard_size: str = "15MB",
    text_encoder: str | None = None,
    with_codec: bool = True,
    mixed_with: Path | None = None,
    share: float = 0.15,
) -> None:
    """Join a trained MuNet and a trained codec into a pipeline folder to ship: half precision, safetensors.

    Args:
        munet: pipeline folder of a MuNet run.
        autoencoder: folder of the codec whose latents it was trained on.
        out: folder to write; it appears whole or not at all.
        shard_size: of the weight files.
        text_encoder: a light copy that stands in for the packaged encoder where there is none; it is not written.
        with_codec: whether the codec is written; without it the folder is something to `start` from.
        mixed_with: pipeline folder that `munet` was trained on from; its weights get `share` of the mean, which keeps
            what a short window let go of (WiSE-FT, Wortsman et al., 2022).

    Raises:
        RequestError: the codec has another projection than the one MuNet was trained with, a weight is not finite,
            `out` exists, or `mixed_with` has other weights.
    """
    if out.exists():
        raise RequestError(f"out: expected a folder that does not exist yet, got {str(out)!r}")
    tokenizer, encoder = load_text_encoder(text_encoder)
    pipeline = MustangoPipeline.from_pretrained(munet, dtype=torch.float32, text_encoder=encoder, tokenizer=tokenizer)
    pipeline._packaged_text_encoder = True
    if mixed_with is not None:
        text = {"text_encoder": encoder, "tokenizer": tokenizer}
        mix(pipeline, MustangoPipeline.from_pretrained(mixed_with, dtype=torch.float32, **text), share)
    decoder = load_codec(autoencoder, dtype=torch.float32)
    if difference := other_latents(decoder, pipeline.vae):
        raise RequestError(f"autoencoder: expected the projection that MuNet was trained with, {difference} differs")
    pipeline.register_modules(vae=decoder)
    for module in (pipeline.unet, pipeline.beat_encoder, pipeline.chord_encoder, pipeline.vae):
        # Small buffers, means and deviations among them, stay in single precision: half would cost more than it saves.
        saved = module.state_dict()
        matrices = [
            (name, buffer) for name, buffer in module.named_buffers() if name in saved and buffer.numel() >= LARGE
        ]
        for name, tensor in (*module.named_parameters(), *matrices):
            tensor.data = tensor.data.half()
            if not torch.isfinite(tensor).all():
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


def mix(pipeline: MustangoPipeline, other: MustangoPipeline, share: float) -> None:
    """Move the weights of `pipeline` towards those of `other` by `share` of the way, in place.

    Raises:
        RequestError: a share outside 0 to 1, or weights that do not match.
    """
    if not 0 <= share <= 1:
        raise RequestError(f"share: expected a number from 0 to 1, got {share!r}")
    for name in ("unet", "beat_encoder", "chord_encoder"):
        theirs = dict(getattr(other, name).named_parameters())
        for key, weight in getattr(pipeline, name).named_parameters():
            if key not in theirs or theirs[key].shape != weight.shape:
                raise RequestError(f"mixed_with: expected the weights of the same model, {name}.{key} differs")
            weight.data.lerp_(theirs[key].data, share)
