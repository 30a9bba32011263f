"""`mustango train CONFIG`: one JSON file describes the data and the training; the run resumes from its own folder.

    {"stage": "autoencoder", "data": {...}, "training": {...}}
    {"stage": "munet",       "data": {...}, "training": {...}}
    {"stage": "pack",        "munet": PIPELINE_FOLDER, "autoencoder": FOLDER, "out": FOLDER}

`training` holds the fields of `AutoencoderTraining` or `MuNetTraining`. `data` is either `{"folder": DIR}`, a dataset
as `python -m augmentation compose` or `build` writes it, or `{"composed": COUNT, "seed": S, "soundfont": FILE or
null}`, clips composed and rendered on the fly; both take `workers` and `seconds` (length of the clips that the model
sees).
`mustango train CONFIG --data DIR` puts a folder in the place of the configuration's clips.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from augmentation.training_data import ComposedClips, CorpusClips
from munet.conditions.batch import ConditionDropout
from munet.errors import RequestError
from munet.training.codec import AutoencoderTrainer, AutoencoderTraining, train_autoencoder
from munet.training.loop import Budget
from munet.training.munet import ClipTokens, MuNetTrainer, MuNetTraining, pack, train_munet


def batches(
    source: ComposedClips | CorpusClips,
    sample_rate: int,
    seconds: float,
    workers: int,
    tokens: ClipTokens | None = None,
    batch_size: int = 16,
) -> Iterator[Mapping[str, torch.Tensor]]:
    """Batches of `{"audio": int16 (clips, samples)}` plus, with `tokens`, the condition tokens of each clip."""
    return iter(
        DataLoader(
            _Examples(source, sample_rate, seconds, tokens),
            batch_size=batch_size,
            shuffle=isinstance(source, CorpusClips),
            generator=torch.Generator().manual_seed(0),
            num_workers=workers,
            worker_init_fn=_single_thread,
            prefetch_factor=4 if workers else None,
            multiprocessing_context="forkserver" if workers else None,
        )
    )


class _Examples(Dataset[dict[str, torch.Tensor]]):
    """Clips as tensors, ready to be collated."""

    def __init__(
        self, source: ComposedClips | CorpusClips, sample_rate: int, seconds: float, tokens: ClipTokens | None
    ) -> None:
        self.source, self.tokens = source, tokens
        self.read = partial(source.read, sample_rate=sample_rate, seconds=seconds)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        audio, plan, captions = self.read(index)
        peak = max(float(np.abs(audio).max()), 1e-4)
        pcm = torch.from_numpy(np.round(audio * (0.9 * 32767 / peak)).astype(np.int16))
        return {"audio": pcm, **(self.tokens(plan, captions) if self.tokens else {})}


def _single_thread(_: int) -> None:
    torch.set_num_threads(1)


def settings_from(kind: type, values: Mapping[str, Any]) -> Any:
    """A settings object from JSON.

    Raises:
        RequestError: an unknown field, or a missing one.
    """
    known = {item.name for item in fields(kind)}
    if unknown := sorted(set(values) - known):
        raise RequestError(f"training: expected fields among {sorted(known)}, got {unknown}")
    nested = {"budget": Budget, "dropout": ConditionDropout}
    built = {name: settings_from(nested[name], value) if name in nested else value for name, value in values.items()}
    try:
        return kind(**built)
    except TypeError as error:
        raise RequestError(
            f"training: expected all fields of {kind.__name__}, got {sorted(values)}: {error}"
        ) from error


def source_of(data: Mapping[str, Any]) -> ComposedClips | CorpusClips:
    """The clips that the `data` part of a configuration describes.

    Raises:
        RequestError: not exactly one of `folder` and `composed`.
    """
    if ("folder" in data) == ("composed" in data):
        raise RequestError(f"data: expected either 'folder' or 'composed', got {sorted(data)}")
    if "folder" in data:
        return CorpusClips(data["folder"])
    return ComposedClips(data["composed"], data.get("seed", 0), data.get("soundfont"))


def train(config: Mapping[str, Any]) -> Path:
    """Run the training that `config` describes and return the folder of its newest checkpoint.

    Raises:
        RequestError: the configuration is wrong; the message names the field.
    """
    if config.get("stage") == "pack":
        if missing := sorted({"munet", "autoencoder", "out"} - set(config)):
            raise RequestError(f"config: expected the fields munet, autoencoder and out, missing {missing}")
        pack(Path(config["munet"]), Path(config["autoencoder"]), Path(config["out"]))
        return Path(config["out"])
    if config.get("stage") not in ("autoencoder", "munet"):
        raise RequestError(f"stage: expected 'autoencoder', 'munet' or 'pack', got {config.get('stage')!r}")
    data = config.get("data", {})
    source, seconds, workers = source_of(data), data.get("seconds", 10.24), data.get("workers", 1)
    if config["stage"] == "autoencoder":
        trainer = AutoencoderTrainer(settings_from(AutoencoderTraining, config.get("training", {})))
        sample_rate = trainer.model.config.sample_rate
        return train_autoencoder(trainer, batches(source, sample_rate, seconds, workers))
    trainer = MuNetTrainer(settings_from(MuNetTraining, config.get("training", {})), seconds)
    sample_rate = trainer.pipeline.sample_rate
    return train_munet(trainer, batches(source, sample_rate, seconds, workers, trainer.clip_tokens))


def main(path: str, data: str | None = None) -> Path:
    """Train as the JSON file at `path` says, on the dataset folder `data` if one is given.

    Raises:
        RequestError: the file is missing or no JSON object, or see `train`.
    """
    file = Path(path)
    if not file.is_file():
        raise RequestError(f"config: expected a JSON file, got {path!r}")
    try:
        config = json.loads(file.read_text())
    except json.JSONDecodeError as error:
        raise RequestError(f"config: expected JSON, got {path!r}: {error}") from error
    if data is not None:
        kept = {name: value for name, value in config.get("data", {}).items() if name in ("workers", "seconds")}
        config = {**config, "data": {"folder": data, **kept}}
    return train(config)
