"""`mustango train CONFIG`: one JSON file describes the data and the training; the run resumes from its own folder.

    {"stage": "autoencoder", "data": {...}, "training": {...}}
    {"stage": "munet",       "data": {...}, "training": {...}, "distill": {...}}
    {"stage": "distill",     "data": {...}, "training": {...}}
    {"stage": "decoder",     "data": {...}, "training": {...}}
    {"stage": "beat_predictor", "data": {...}, "training": {...}}, likewise "chord_predictor"
    {"stage": "pack",        "munet": PIPELINE_FOLDER, "autoencoder": FOLDER, "out": FOLDER,
     "mixed_with": PIPELINE_FOLDER, "share": 0.15}, the last two if wanted, see `munet.training.pack`
    {"stage": "chain",       ...}, see `mustango_app.train_chain`

`training` holds the fields of `AutoencoderTraining`, `MuNetTraining`, `Distillation`, `DecoderTraining` or
`PredictorTraining`. MuNet's
`distill`, which may be left out, goes on from the trained MuNet with the rows that are there, in the time that is left:
it holds the fields of `Distillation` and `munet_share`, MuNet's own share of the time. `data` is either `{"folder":
DIR}`, a dataset as `python -m augmentation compose` or `build` writes it, or `{"composed": COUNT, "seed": S,
"soundfont": FILE or null}`, clips composed and rendered on the fly; both take `workers`, `seconds` (length of what the
model sees), `piece_seconds` (length of the composed pieces that it is cut from), `windows` (how many are cut from
each), for composed clips `any_players` (share whose players are drawn whatever the style) and, for the decoder,
`recordings` (folders of real music that are mixed in). MuNet sees every row of a folder
once in each round, in windows that begin on beats, encoded once into `cache` (`latents` in the dataset), and measures
itself on the split `validation` or the folder `validation`; `composed_share` of its rows are composed clips, whose
labels are exact. `mustango train CONFIG --data DIR`
puts a folder in the place of the configuration's clips. `--minutes N` gives this run a schedule and a limit of N
minutes, the last checkpoint included.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import torch

from augmentation.compose.styles import STYLES
from augmentation.training_data import ComposedClips, CorpusClips
from munet.conditions.batch import ConditionDropout
from munet.errors import RequestError
from munet.training.codec import AutoencoderTrainer, AutoencoderTraining, train_autoencoder
from munet.training.decoder import DecoderTrainer, DecoderTraining
from munet.training.distill import Distillation, DistillTrainer
from munet.training.excerpts import audio_files, excerpts, turned_down
from munet.training.loop import Budget
from munet.training.munet import MuNetTrainer, filled_pool, train_munet
from munet.training.pack import pack
from munet.training.pool import RowSource
from munet.training.predictors import PredictorTraining
from munet.training.settings import MuNetTraining
from mustango_app.composed_rows import share_of, with_composed
from mustango_app.folder_rows import folder_pool
from mustango_app.predictor_rows import train_predictor
from mustango_app.train_chain import Chain
from mustango_app.training_rows import Faults, WindowSettings, batches

PREDICTORS = ("beat_predictor", "chord_predictor")
STAGES = ("autoencoder", "munet", "distill", "decoder", *PREDICTORS, "pack", "chain")
DATA_FIELDS = (
    "folder", "composed", "seed", "soundfont", "workers", "seconds", "piece_seconds", "windows", "recordings",
    "cache", "validation", "composed_share", "any_players",
)  # fmt: skip
EXCERPT_PIECE_SECONDS = 10.24  # of the composed pieces that the decoder's excerpts are cut from
EVERY_STYLE = "all"  # in place of a list of styles: those that the composer knows now


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
        RequestError: an unknown field, or not exactly one of `folder` and `composed`.
    """
    if unknown := sorted(set(data) - set(DATA_FIELDS)):
        raise RequestError(f"data: expected fields among {', '.join(DATA_FIELDS)}, got {unknown}")
    if ("folder" in data) == ("composed" in data):
        raise RequestError(f"data: expected either 'folder' or 'composed', got {sorted(data)}")
    if "folder" in data:
        return CorpusClips(data["folder"])
    count = data["composed"]
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise RequestError(f"data.composed: expected an integer of at least 1, got {count!r}")
    share = data.get("any_players", 0.0)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise RequestError(f"data.any_players: expected a share from 0 to 1, got {share!r}")
    return ComposedClips(count, data.get("seed", 0), data.get("soundfont"), any_players=share)


def windows_of(data: Mapping[str, Any], codec: Any) -> WindowSettings:
    """How the `data` part of a configuration cuts clips for a codec.

    Raises:
        RequestError: a length or a number that cannot be used.
    """
    seconds, windows = data.get("seconds", 10.24), data.get("windows", 1)
    piece = data.get("piece_seconds", seconds)
    for name, value in (("seconds", seconds), ("piece_seconds", piece)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0.5 <= value <= 600:
            raise RequestError(f"data.{name}: expected seconds from 0.5 to 600, got {value!r}")
    if piece < seconds or not isinstance(windows, int) or windows < 1:
        raise RequestError(
            f"data: expected piece_seconds from seconds on and windows from 1 on, got {piece}, {windows}"
        )
    rate, step = codec.config.sample_rate, codec.samples_per_latent_frame
    return WindowSettings(seconds, piece, windows, rate, codec.audio_channels, step, data.get("seed", 0))


def train(config: Mapping[str, Any]) -> Path:
    """Run the training that `config` describes and return the folder of its newest checkpoint.

    Raises:
        RequestError: the configuration is wrong; the message names the field.
    """
    return run(config, Faults())


def run(config: Mapping[str, Any], faults: Faults) -> Path:
    """`train`, noting in `faults` the clips that could not be used."""
    stage = config.get("stage")
    if stage == "pack":
        if missing := sorted({"munet", "autoencoder", "out"} - set(config)):
            raise RequestError(f"config: expected the fields munet, autoencoder and out, missing {missing}")
        mixed = {"mixed_with": Path(config["mixed_with"])} if "mixed_with" in config else {}
        mixed |= {"share": config["share"]} if "share" in config else {}
        pack(Path(config["munet"]), Path(config["autoencoder"]), Path(config["out"]), **mixed)
        return Path(config["out"])
    if stage == "chain":
        return Chain(config, config.get("minutes"), config.get("device")).run()
    if stage not in STAGES:
        raise RequestError(f"stage: expected one of {', '.join(STAGES)}, got {stage!r}")
    data, values = config.get("data", {}), dict(config.get("training", {}))
    source, workers = source_of(data), data.get("workers", 1)
    if share_of(data) and stage not in ("munet", "distill"):
        raise RequestError(f"data.composed_share: expected the stage munet or distill with it, got {stage}")
    if "distill" in config and "run_seconds" in values:
        values["run_seconds"] *= config["distill"].get("munet_share", 0.7)
    try:
        if stage == "autoencoder":
            settings = settings_from(AutoencoderTraining, values)
            faults.path = Path(settings.out) / "faults.jsonl"
            autoencoder = AutoencoderTrainer(settings)
            rows = batches(source, windows_of(data, autoencoder.model), workers, faults=faults)
            return train_autoencoder(autoencoder, rows)
        if stage == "decoder":
            recordings = data.get("recordings", ())
            return _train_decoder(settings_from(DecoderTraining, values), source, workers, faults, recordings)
        if stage in PREDICTORS:
            if not isinstance(source, CorpusClips):
                raise RequestError(f"data: expected 'folder' for the stage {stage}, got {sorted(data)}")
            predictor = settings_from(PredictorTraining, values)
            faults.path = Path(predictor.out) / "faults.jsonl"
            return train_predictor(stage, source, predictor, data.get("validation"), faults)
        if values.get("styles") == EVERY_STYLE:
            values["styles"] = tuple(STYLES)
        settings = settings_from(MuNetTraining if stage == "munet" else Distillation, values)
        faults.path = Path(settings.out) / "faults.jsonl"
        trainer = (MuNetTrainer if stage == "munet" else DistillTrainer)(settings, data.get("seconds", 10.24))
        pool = _pool(trainer, source, data, workers, faults)
        if "distill" not in config:
            return train_munet(trainer, pool)
        return train_munet(trainer, pool, partial(_distill, config["distill"], trainer, data.get("seconds", 10.24)))
    except FloatingPointError as error:
        raise RequestError(f"{error}; the checkpoint before it stays: try a lower learning_rate") from error


def _pool(
    trainer: MuNetTrainer, source: ComposedClips | CorpusClips, data: Mapping[str, Any], workers: int, faults: Faults
) -> RowSource:
    """The rows to train on: all of a folder's in turn, or those of clips composed while the training runs."""
    cut, share = windows_of(data, trainer.pipeline.vae), trainer.processes.share
    if isinstance(source, CorpusClips):
        folder = folder_pool(trainer, source, data, workers, faults)
        return with_composed(trainer, folder, data, cut, workers, faults)
    first = trainer.progress.step * trainer.settings.batch_size  # what an earlier run has probably not come to
    rows = batches(source, cut, workers, trainer.clip_tokens, share=share, faults=faults, first=first)
    return filled_pool(trainer, rows)


def _train_decoder(
    settings: DecoderTraining,
    source: ComposedClips | CorpusClips,
    workers: int,
    faults: Faults,
    recordings: Sequence[str] = (),
) -> Path:
    """Train the stereo codec's decoder on excerpts of clips, every third one of the folders of recordings if any."""
    trainer = DecoderTrainer(settings)
    step, rate = trainer.codec.samples_per_latent_frame, trainer.codec.config.sample_rate
    seconds = settings.clip_frames * step / rate
    cut = WindowSettings(seconds, max(seconds, EXCERPT_PIECE_SECONDS), 2, rate, 2, step, settings.seed)
    rows = batches(source, cut, workers, faults=faults, first=trainer.progress.step)
    clips = (clip.to(torch.float32) / 32768 for batch in rows for clip in batch["audio"])
    sounds = turned_down(clips, settings.seed)
    if recordings:
        files = [audio_files([folder]) for folder in recordings]
        sounds = taking_turns(sounds, excerpts(files, settings.clip_frames * step, rate, settings.seed))
    return trainer.train(sounds)


def taking_turns(clips: Iterator[torch.Tensor], recordings: Iterator[torch.Tensor]) -> Iterator[torch.Tensor]:
    """Yield two clips, then a recording, and so on."""
    for first, second, recording in zip(clips, clips, recordings, strict=False):
        yield from (first, second, recording)


def _distill(values: Mapping[str, Any], teacher: MuNetTrainer, seconds: float, pool: RowSource) -> Path:
    """Distil a MuNet that was trained a moment ago, on the rows that its pool holds."""
    settings, share = teacher.settings, values.get("munet_share", 0.7)
    training = {name: value for name, value in values.items() if name != "munet_share"}
    training |= {"autoencoder": settings.autoencoder, "start": str(teacher.out / "latest" / "pipeline")}
    training |= {"text_encoder": settings.text_encoder, "device": settings.device, "precision": settings.precision}
    if settings.run_seconds is not None:
        left = settings.run_seconds / share - (time.monotonic() - teacher.began)
        training |= {"run_seconds": max(left, 1.0), "window": True}
    student = DistillTrainer(settings_from(Distillation, training), seconds)
    student.train(pool)
    return student.out / "latest"


def main(
    path: str, data: str | None = None, minutes: float | None = None, device: str | None = None, spent: float = 0.0
) -> int:
    """Train as the JSON file at `path` says and print the newest checkpoint's folder.

    Args:
        path: of the configuration.
        data: dataset folder in place of the configuration's clips.
        minutes: of this run, all in all: its schedule and its limit.
        device: in place of the configuration's.
        spent: seconds of the minutes that are over already.

    Returns:
        0, or 1 if some clips could not be used.

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
    if not isinstance(config, dict):
        raise RequestError(f"config: expected a JSON object, got {path!r}")
    if data is not None:
        replaced = ("folder", "composed", "seed", "soundfont")
        kept = {name: value for name, value in config.get("data", {}).items() if name not in replaced}
        config = {**config, "data": {"folder": data, **kept}}
    if minutes is not None:
        if not 0 < minutes < float("inf"):
            raise RequestError(f"minutes: expected a number above 0, got {minutes!r}")
        minutes = max(minutes - spent / 60, 1 / 60)
    if config.get("stage") == "chain":
        config = {**config, "minutes": minutes, "device": device}
    elif config.get("stage") == "decoder":
        training = dict(config.get("training", {}))
        limits = [limit for limit in (minutes, training.get("minutes")) if limit is not None]
        training |= {"minutes": min(limits)} if limits else {}
        config["training"] = training | ({} if device is None else {"device": device})
    elif config.get("stage") in ("munet", "distill", *PREDICTORS):
        config = {**config, "training": in_minutes(config.get("training", {}), minutes, device)}
    faults = Faults()
    print(run(config, faults))
    if faults.found:
        print(f"data: {len(faults.found)} clips left out, listed in {faults.path}")
    return 1 if faults.found else 0


def in_minutes(training: Mapping[str, Any], minutes: float | None, device: str | None) -> dict[str, Any]:
    """The `training` part of a configuration for a run of so many minutes on a device."""
    values = dict(training) if device is None else {**training, "device": device}
    return values if minutes is None else {**values, "run_seconds": 60.0 * minutes, "window": True}
