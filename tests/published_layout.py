"""The published checkpoint's layout at toy size, filled by the weight rule of the golden set.

UNet and conditions are exactly those of `unet_tiny` and `diffusion_tiny`; the base models (configuration, byte
tokenizer, schedule) lie in `bases/` beside the weights, where the conversion looks first.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import ByT5Tokenizer, DebertaV2Config, T5Config, T5EncoderModel

from munet.codec.audioldm import MelAutoencoder
from munet.codec.mel import MelFrontEnd
from munet.conditions.beat_encoder import BeatEncoder
from munet.conditions.chord_encoder import ChordEncoder
from munet.published.bases import BEAT_BASE, SCHEDULER_BASE
from munet.published.beat_predictor import BeatPredictor
from munet.published.chord_predictor import ChordPredictor
from munet.unet import MuNetModel
from tests.golden import golden_weight, parity_json

LDM, VAE, STFT = "ldm/pytorch_model_ldm.bin", "vae/pytorch_model_vae.bin", "stft/pytorch_model_stft.bin"
BEATS, CHORDS = "beats/microsoft-deberta-v3-large.pt", "chords/flan-t5-large.bin"
# The golden set's T5, with the decoder that the chord predictor needs; a FLAN-T5 does not tie its output layer.
T5_CONFIG = {
    "vocab_size": 262,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 64,
    "num_layers": 2,
    "num_heads": 4,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
    "decoder_start_token_id": 0,
}
DEBERTA_CONFIG = {
    "vocab_size": 262,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "max_position_embeddings": 64,
    "position_buckets": 8,
    "relative_attention": True,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": "p2c|c2p",
    "position_biased_input": False,
    "type_vocab_size": 0,
}
VAE_CONFIG = {
    "image_key": "fbank",
    "subband": 1,
    "embed_dim": 8,
    "time_shuffle": 1,
    "ddconfig": {
        "double_z": True,
        "z_channels": 8,
        "resolution": 256,
        "downsample_time": False,
        "in_channels": 1,
        "out_ch": 1,
        "ch": 32,
        "ch_mult": [1, 1, 2],
        "num_res_blocks": 1,
        "attn_resolutions": [],
        "dropout": 0.0,
    },
    "scale_factor": 0.9227914214134216,
}
STFT_CONFIG = {
    "filter_length": 1024,
    "hop_length": 160,
    "win_length": 1024,
    "n_mel_channels": 64,
    "sampling_rate": 16000,
    "mel_fmin": 0,
    "mel_fmax": 8000,
}
CHORD_BASE = "google/flan-t5-large"
MAIN_CONFIG = {"text_encoder_name": CHORD_BASE, "scheduler_name": SCHEDULER_BASE}
# Our names of the autoencoder's tensors -> the published ones, the way back of
# `munet.published.vae_names.published_name`.
VAE_PARTS = (
    (r"^autoencoder\.", ""),
    (r"down_blocks\.(\d+)", r"down.\1"),
    (r"up_blocks\.(\d+)", lambda level: f"up.{len(VAE_CONFIG['ddconfig']['ch_mult']) - 1 - int(level[1])}"),
    (r"mid_block\.resnets\.0", "mid.block_1"),
    (r"mid_block\.resnets\.1", "mid.block_2"),
    (r"mid_block\.attentions\.0", "mid.attn_1"),
    (r"resnets", "block"),
    (r"(down|up)samplers\.0", r"\1sample"),
    (r"group_norm", "norm"),
    (r"to_([qkv])\.", r"\1."),
    (r"to_out\.0", "proj_out"),
    (r"conv_shortcut", "nin_shortcut"),
    (r"conv_norm_out", "norm_out"),
    (r"^vocoder\.upsampler", "vocoder.ups"),
)


def build(folder: Path, legacy_format: bool = False) -> Path:
    """Write the layout below `folder` and return where; `legacy_format` writes the files as before torch 1.6."""
    root = folder / "published"
    write_configs(root)
    write_bases(root / "bases")
    for file, tensors in weights().items():
        (root / file).parent.mkdir(parents=True)
        torch.save(tensors, root / file, _use_new_zipfile_serialization=not legacy_format)
    return root


def write_configs(root: Path) -> None:
    (root / "configs").mkdir(parents=True)
    unet = parity_json("fingerprints.json")["unet_tiny.json"]["config"]
    for name, config in {
        "main": MAIN_CONFIG,
        "vae": VAE_CONFIG,
        "stft": STFT_CONFIG,
        "music_diffusion_model": unet,
    }.items():
        (root / f"configs/{name}_config.json").write_text(json.dumps(config))


def write_bases(bases: Path) -> None:
    for name, config in ((CHORD_BASE, T5Config(**T5_CONFIG)), (BEAT_BASE, DebertaV2Config(**DEBERTA_CONFIG))):
        config.save_pretrained(bases / name)
        ByT5Tokenizer(extra_ids=0).save_pretrained(bases / name)


def weights() -> dict[str, dict[str, torch.Tensor]]:
    """Published tensors by file."""
    unet = MuNetModel.from_config(parity_json("fingerprints.json")["unet_tiny.json"]["config"])
    width = unet.config.cross_attention_dim
    vae = MelAutoencoder(block_out_channels=(32, 32, 64), layers_per_block=1, upsample_initial_channel=32)
    fme, pe = golden_weight("FME.translation_bias", (1, width)), golden_weight("PE.pe", (5000, 1, width))
    ldm = filled(unet, "unet.", fill_prefix="") | filled(T5EncoderModel(T5Config(**T5_CONFIG)), "text_encoder.")
    ldm |= {"FME.translation_bias": fme, "PE.pe": pe, "beat_embedding_layer.PE.pe": pe}
    ldm |= filled(BeatEncoder(width), "beat_embedding_layer.") | filled(ChordEncoder(width), "chord_embedding_layer.")
    ldm |= {"chord_embedding_layer.FME.translation_bias": fme, "chord_embedding_layer.PE.pe": pe}
    ldm["text_encoder.encoder.embed_tokens.weight"] = ldm["text_encoder.shared.weight"]
    beats = filled(BeatPredictor(DebertaV2Config(**DEBERTA_CONFIG)))
    beats["deberta.embeddings.position_ids"] = torch.arange(DEBERTA_CONFIG["max_position_embeddings"])[None]
    chords = filled(ChordPredictor(T5Config(**T5_CONFIG)))
    chords |= {f"{half}.embed_tokens.weight": chords["shared.weight"] for half in ("encoder", "decoder")}
    return {
        LDM: ldm,
        VAE: dict(published_vae(vae)),
        STFT: tables(),
        BEATS: beats,
        CHORDS: chords,
    }


def filled(module: nn.Module, prefix: str = "", fill_prefix: str | None = None) -> dict[str, torch.Tensor]:
    """State dict of `module` under published names, each tensor by the weight rule of its name."""
    fill_prefix = prefix if fill_prefix is None else fill_prefix
    return {
        prefix + name: golden_weight(fill_prefix + name, tuple(tensor.shape))
        for name, tensor in module.state_dict().items()
    }


def published_vae(vae: MelAutoencoder) -> Iterator[tuple[str, torch.Tensor]]:
    for name, tensor in vae.state_dict().items():
        published, shape = name, tuple(tensor.shape)
        for part, replacement in VAE_PARTS:
            published = re.sub(part, replacement, published)
        if ".attn_1." in published and len(shape) == 2:
            shape = (*shape, 1, 1)  # the attention's projections are 1x1 convolutions
        yield published, golden_weight(published, shape)


def tables() -> dict[str, torch.Tensor]:
    """The mel front end's tables, with its Fourier basis written as sums of cosines and sines."""
    size, front_end = STFT_CONFIG["filter_length"], MelFrontEnd()
    phase = 2 * torch.pi * torch.outer(torch.arange(size // 2 + 1), torch.arange(size)).double() / size
    basis = (torch.cat([phase.cos(), -phase.sin()]) * torch.hann_window(size, dtype=torch.float64)).float()[:, None]
    return {"mel_basis": front_end.mel_basis, "stft_fn.forward_basis": basis, "stft_fn.inverse_basis": basis / size}


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the contents of a weights file or of a JSON file in place."""
    if path.suffix == ".json":
        contents = json.loads(path.read_text())
        change(contents)
        path.write_text(json.dumps(contents))
    else:
        contents = torch.load(path, weights_only=True)
        change(contents)
        torch.save(contents, path)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
