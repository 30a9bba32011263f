"""The published checkpoint (`declare-lab/mustango`): its files, the names of its tensors, its empty modules.

The layout, relative to the checkpoint's folder:

| file | holds |
| --- | --- |
| `configs/*_config.json` | sizes of the denoiser, autoencoder and mel front end; names of the base models |
| `ldm/pytorch_model_ldm.bin` | denoiser `unet.`, `text_encoder.`, `beat_embedding_layer.`, `chord_embedding_layer.` |
| `vae/pytorch_model_vae.bin` | AudioLDM's autoencoder and its HiFi-GAN `vocoder.` |
| `stft/pytorch_model_stft.bin` | fixed tables of the mel front end |
| `beats/microsoft-deberta-v3-large.pt` | beat predictor |
| `chords/flan-t5-large.bin` | chord predictor |

Sizes and tokenizers of FLAN-T5 and DeBERTa are not in it: they come from the folders of these base models, of which
only configurations and tokenizers are read. Modules are built on the meta device, so that they cost no memory; the
tensors that a file must hold are read off them, there is no second list.
"""

from __future__ import annotations

import inspect
import json
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from diffusers import DDPMScheduler
from torch import nn
from torch.serialization import pickle as torch_pickle
from transformers import PreTrainedTokenizerBase, T5EncoderModel

from munet.codec.audioldm import MelAutoencoder
from munet.codec.mel import MelFrontEnd
from munet.conditions.beat_encoder import BeatEncoder
from munet.conditions.chord_encoder import ChordEncoder
from munet.errors import RequestError
from munet.published.bases import BEAT_BASE, base_config, base_scheduler, base_tokenizer
from munet.published.beat_predictor import BeatPredictor
from munet.published.chord_predictor import ChordPredictor
from munet.published.vae_names import config_of, published_name, tensor_of
from munet.unet import MuNetModel

CONFIGS = MappingProxyType(
    {
        "main": "configs/main_config.json",
        "vae": "configs/vae_config.json",
        "stft": "configs/stft_config.json",
        "unet": "configs/music_diffusion_model_config.json",
    }
)
TABLES, VAE = "stft/pytorch_model_stft.bin", "vae/pytorch_model_vae.bin"
# File -> (prefix of the published names, component of the pipeline).
WEIGHTS = MappingProxyType(
    {
        TABLES: (),
        VAE: (("", "vae"),),
        "ldm/pytorch_model_ldm.bin": (
            ("unet.", "unet"),
            ("text_encoder.", "text_encoder"),
            ("beat_embedding_layer.", "beat_encoder"),
            ("chord_embedding_layer.", "chord_encoder"),
        ),
        "beats/microsoft-deberta-v3-large.pt": (("", "beat_predictor"),),
        "chords/flan-t5-large.bin": (("", "chord_predictor"),),
    }
)
# The third turns magnitudes back into sound; a vocoder does that here.
TABLE_NAMES = ("mel_basis", "stft_fn.forward_basis", "stft_fn.inverse_basis")
# The same tensor under a second name: it may be absent, and must agree with the first if it is there.
DUPLICATES = MappingProxyType(
    {
        "FME.translation_bias": "chord_embedding_layer.FME.translation_bias",
        "beat_embedding_layer.PE.pe": "PE.pe",
        "chord_embedding_layer.PE.pe": "PE.pe",
        "text_encoder.encoder.embed_tokens.weight": "text_encoder.shared.weight",
        "encoder.embed_tokens.weight": "shared.weight",
        "decoder.embed_tokens.weight": "shared.weight",
    }
)
# Tables that neither the reference nor this project reads: both compute the time embedding from the formula, and
# DeBERTa-v3 knows relative positions only.
UNREAD = frozenset({"PE.pe", "deberta.embeddings.position_ids"})

# Field of the mel front end's configuration -> argument of the autoencoder.
STFT_FIELDS = MappingProxyType(
    {
        "sampling_rate": "sample_rate",
        "filter_length": "n_fft",
        "hop_length": "hop_length",
        "n_mel_channels": "num_mels",
        "mel_fmin": "min_frequency",
        "mel_fmax": "max_frequency",
    }
)
# Fields of the denoiser's configuration that are no arguments here: without effect, and with one possible value.
UNET_NOTES = frozenset({"_class_name", "_diffusers_version", "upcast_attention"})
UNET_BUILT_IN = MappingProxyType(
    {
        "center_input_sample": False,
        "dual_cross_attention": False,
        "mid_block_scale_factor": 1,
        "mid_block_type": "UNetMidBlock2DCrossAttnMusic",
        "num_class_embeds": None,
        "only_cross_attention": False,
    }
)


class Home(NamedTuple):
    """Where a published tensor goes: component of the pipeline, name and shape there."""

    component: str
    name: str
    shape: tuple[int, ...]


class Parts(NamedTuple):
    """What becomes of a published checkpoint: modules on the meta device, and the parts without weights."""

    modules: dict[str, nn.Module]
    tokenizers: dict[str, PreTrainedTokenizerBase]
    scheduler: DDPMScheduler


def is_published(folder: Path) -> bool:
    """Whether `folder` is in the published layout."""
    return (folder / CONFIGS["main"]).is_file()


def layout_files(source: Path) -> tuple[Path, ...]:
    """All files of the layout.

    Raises:
        RequestError: names those that are missing.
    """
    names = (*CONFIGS.values(), *WEIGHTS)
    missing = [name for name in names if not (source / name).is_file()]
    if missing:
        raise RequestError(f"source: expected the published layout, got {str(source)!r} without {', '.join(missing)}")
    return tuple(source / name for name in names)


def base_names(source: Path) -> tuple[str, str, str]:
    """Names of the base models of text encoder and chord predictor, of the beat predictor, and of the scheduler.

    Raises:
        RequestError: the configuration does not name them.
    """
    main = _read(source, "main", "text_encoder_name", "scheduler_name")
    return main["text_encoder_name"], BEAT_BASE, main["scheduler_name"]


def build(source: Path, bases: Mapping[str, Path]) -> Parts:
    """Empty modules of the sizes that the configurations state, tokenizers and scheduler.

    Args:
        source: folder in the published layout.
        bases: folders of the base models, see `munet.published.bases`.

    Raises:
        RequestError: a configuration or tokenizer cannot be used.
    """
    text, beats, scheduler = (bases.get(name) for name in base_names(source))
    with torch.device("meta"):
        unet = MuNetModel(**_unet_config(source))
        width = unet.config.cross_attention_dim
        modules = {
            "vae": MelAutoencoder(**_vae_config(source)),
            "unet": unet,
            "beat_encoder": BeatEncoder(width),
            "chord_encoder": ChordEncoder(width),
            "text_encoder": T5EncoderModel(base_config(text)),
            "beat_predictor": BeatPredictor(base_config(beats)),
            "chord_predictor": ChordPredictor(base_config(text)),
        }
    tokenizers = {"tokenizer": base_tokenizer(text), "beat_tokenizer": base_tokenizer(beats)}
    return Parts(modules, tokenizers, base_scheduler(scheduler))


def load_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a weights file, mapped into memory where its format allows.

    Raises:
        RequestError: the file is damaged or holds something else than tensors.
    """
    mapped = zipfile.is_zipfile(path)
    if not mapped:
        warnings.warn(f"{path.name} is in the format before torch 1.6: all of it is read into memory", stacklevel=2)
    try:
        tensors = torch.load(path, weights_only=True, mmap=mapped, map_location="cpu")
    except (RuntimeError, EOFError, LookupError, torch_pickle.UnpicklingError) as error:
        raise RequestError(f"source: expected a whole file of tensors, got {str(path)!r} ({error})") from error
    if not isinstance(tensors, Mapping) or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise RequestError(f"source: expected a dict of tensors in {str(path)!r}, got {type(tensors).__name__}")
    return dict(tensors)


def read_weights(source: Path, file: str, modules: Mapping[str, nn.Module]) -> dict[str, dict[str, torch.Tensor]]:
    """Tensors of a weights file by component and name there, still in the file's memory map, all of them checked.

    Raises:
        RequestError: names the tensors that are missing, unknown, of another shape, or differ from their duplicate.
    """
    tensors = load_tensors(source / file)
    if file == TABLES:
        _check_tables(tensors, modules["vae"].front_end())
    if file == VAE:
        tensors = {name: tensor_of(name, tensor) for name, tensor in tensors.items()}
    expected = homes(file, modules)
    check_tensors(file, tensors, expected)
    by_component = {component: {} for _, component in WEIGHTS[file]}
    for published, home in expected.items():
        by_component[home.component][home.name] = tensors[published]
    return by_component


def homes(file: str, modules: Mapping[str, nn.Module]) -> dict[str, Home]:
    """Where each tensor that the weights file `file` (a key of `WEIGHTS`) must hold goes, by its published name."""
    found = {}
    for prefix, component in WEIGHTS[file]:
        module = modules[component]
        for name, tensor in module.state_dict().items():
            published = prefix + name
            if component == "vae":
                published = published_name(name, len(module.config.block_out_channels))
            if published not in DUPLICATES and published not in UNREAD:
                found[published] = Home(component, name, tuple(tensor.shape))
    return found


def check_tensors(file: str, tensors: Mapping[str, torch.Tensor], expected: Mapping[str, Home]) -> None:
    """Check that a weights file holds exactly what its modules need, and that duplicates agree.

    Raises:
        RequestError: names the tensors that are missing, unknown, of another shape, or differ from their duplicate.
    """
    faults = [f"{name} (missing)" for name in expected if name not in tensors]
    for name, tensor in tensors.items():
        shape, first = tuple(tensor.shape), DUPLICATES.get(name)
        if name in expected:
            if shape != expected[name].shape:
                faults.append(f"{name} (expected shape {expected[name].shape}, got {shape})")
        elif first in tensors:
            if not torch.equal(tensor, tensors[first]):
                faults.append(f"{name} (differs from {first})")
        elif name not in UNREAD and not (file == TABLES and name in TABLE_NAMES):
            faults.append(f"{name} (unknown)")
    if faults:
        shown = ", ".join(faults[:10]) + (f" and {len(faults) - 10} more" if len(faults) > 10 else "")
        raise RequestError(f"source: expected the tensors of {file}, got {shown}")


def _check_tables(tensors: Mapping[str, torch.Tensor], front_end: MelFrontEnd) -> None:
    """Check that the published mel front end is ours: the Fourier basis times the window, and the mel basis.

    Raises:
        RequestError: names the table that is missing or differs.
    """
    fourier = torch.fft.rfft(torch.eye(front_end.settings.n_fft)).T * front_end.window
    own = (front_end.mel_basis, torch.cat([fourier.real, fourier.imag])[:, None])
    for name, table in zip(TABLE_NAMES, own, strict=False):
        got = tensors.get(name)
        if got is None or got.shape != table.shape or not torch.allclose(got, table, rtol=0, atol=1e-5):
            raise RequestError(f"source: expected {name} as configs/stft_config.json describes it, got another or none")


def _unet_config(source: Path) -> dict[str, Any]:
    """Constructor arguments of the denoiser.

    Raises:
        RequestError: names the field that has another value than the one that `MuNetModel` has built in.
    """
    known = inspect.signature(MuNetModel).parameters
    config = {name: value for name, value in _read(source, "unet").items() if name not in UNET_NOTES}
    for name, value in config.items():
        if name not in known and (name not in UNET_BUILT_IN or value != UNET_BUILT_IN[name]):
            raise RequestError(f"{name}: expected {UNET_BUILT_IN.get(name, 'no such field')!r}, got {value!r}")
    return {name: value for name, value in config.items() if name in known}


def _vae_config(source: Path) -> dict[str, Any]:
    """Constructor arguments of the autoencoder: three files have a part of them each."""
    stft = _read(source, "stft", "win_length", *STFT_FIELDS)
    if stft["win_length"] != stft["filter_length"]:
        raise RequestError(f"win_length: expected filter_length ({stft['filter_length']}), got {stft['win_length']}")
    vocoder = load_tensors(source / VAE).get("vocoder.conv_pre.weight")
    if vocoder is None:
        raise RequestError(f"source: expected vocoder.conv_pre.weight in {VAE}, got none")
    front_end = {ours: stft[published] for published, ours in STFT_FIELDS.items()}
    return config_of(_read(source, "vae"), upsample_initial_channel=vocoder.shape[0]) | front_end


def _read(source: Path, name: str, *fields: str) -> dict[str, Any]:
    """One of the configurations, with `fields` that must be there."""
    path = source / CONFIGS[name]
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise RequestError(f"source: expected JSON in {str(path)!r}, got {error}") from error
    if missing := [field for field in fields if field not in config]:
        raise RequestError(f"source: expected {', '.join(missing)} in {str(path)!r}, got none")
    return config
