"""The base models that the published checkpoint refers to by name: FLAN-T5, DeBERTa-v3 and a noise schedule.

Their weights are in the checkpoint; only configurations and tokenizers are read, never a base model's own weights.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from diffusers import DDPMScheduler
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError
from transformers import AutoConfig, AutoTokenizer, PretrainedConfig, PreTrainedTokenizerBase

from munet.errors import RequestError

# The other two names are in the checkpoint's configuration; this one is not.
BEAT_BASE = "microsoft/deberta-v3-large"
# Stable Diffusion 2.1's noise schedule. Its repository may be gone from the Hub, and the reference's scheduler ignores
# the rest of its configuration (an offset of one step among it).
SCHEDULER_BASE = "stabilityai/stable-diffusion-2-1"
SCHEDULE = MappingProxyType(
    {
        "num_train_timesteps": 1000,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "trained_betas": None,
        "prediction_type": "v_prediction",
        "clip_sample": False,
    }
)
BASE_FILES = ("config.json", "*token*.json", "*.model", "scheduler/*.json")


def base_folders(source: Path, names: Iterable[str], bases: Mapping[str, str | Path]) -> dict[str, Path]:
    """Folder of each base model: given in `bases`, else below `source/bases`, else of that name, else from the Hub.

    The scheduler's is left out where its constants are known and no folder is at hand.

    Args:
        source: folder of the published checkpoint.
        names: the base models that it refers to.
        bases: folders by name.

    Raises:
        RequestError: a name that the checkpoint does not use, or a base model that is nowhere to be had.
    """
    names = sorted(set(names))
    if unknown := sorted(set(bases) - set(names)):
        raise RequestError(f"bases: expected names out of {names}, got {unknown}")
    found = {}
    for name in names:
        places = (Path(bases[name]),) if name in bases else (source / "bases" / name, Path(name))
        folder = next((place for place in places if place.is_dir()), None)
        if folder is None and name in bases:
            raise RequestError(f"bases: expected a folder for {name}, got {str(bases[name])!r}")
        if folder is not None or name != SCHEDULER_BASE:
            found[name] = folder or _download(name, source)
    return found


def base_config(folder: Path) -> PretrainedConfig:
    """Configuration of a transformers model.

    Raises:
        RequestError: there is none that can be read.
    """
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise RequestError(
            f"bases: expected a config.json that transformers reads in {str(folder)!r}, got none"
        ) from error


def base_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Tokenizer of a transformers model.

    Raises:
        RequestError: there is none that can be read.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise RequestError(f"bases: expected a tokenizer of transformers in {str(folder)!r}, got none") from error
    # Without its vocabulary transformers makes a tokenizer that knows nothing, and says nothing.
    if set(tokenizer("a slow song", add_special_tokens=False).input_ids) <= {tokenizer.unk_token_id}:
        raise RequestError(f"bases: expected a tokenizer with its vocabulary in {str(folder)!r}, got one without")
    return tokenizer


def base_scheduler(folder: Path | None) -> DDPMScheduler:
    """The reference's scheduler: of a base model's configuration it takes the noise schedule only.

    Args:
        folder: of the base model or of its `scheduler/`; None for the published constants.

    Raises:
        RequestError: there is no configuration.
    """
    if folder is None:
        return DDPMScheduler(**SCHEDULE)
    path = next((path for path in (folder / "scheduler", folder) if (path / "scheduler_config.json").is_file()), None)
    if path is None:
        raise RequestError(f"bases: expected scheduler/scheduler_config.json in {str(folder)!r}, got none")
    config = json.loads((path / "scheduler_config.json").read_text(encoding="utf-8"))
    return DDPMScheduler(**{name: config[name] for name in SCHEDULE if name in config})


def _download(name: str, source: Path) -> Path:
    try:
        return Path(snapshot_download(name, allow_patterns=list(BASE_FILES)))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise RequestError(
            f"bases: expected {name} (configuration and tokenizer) in a folder or on the Hub, got neither; "
            f"put them into {str(source / 'bases' / name)!r}"
        ) from error
