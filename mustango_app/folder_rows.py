"""Training rows of a dataset folder: latents encoded once and kept on disk, windows that begin on beats.

Every row of the folder comes once in each round, in an order of its own; a run that goes on takes the rows that its
earlier part did not come to. A file that cannot be used is named, recorded and left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from augmentation.dataset.records import METADATA
from augmentation.training_data import CorpusClips
from munet.errors import RequestError
from munet.training.denoiser import ClipTokens
from munet.training.latents import LatentFolder, codec_key, starts_on_beats
from munet.training.munet import MuNetTrainer
from mustango_app.composed_rows import composed_of, share_of
from mustango_app.training_rows import FAULTS, PEAK, Faults, Places, joined
from mustango_app.training_words import with_stated
from mustango_app.workers import loader_settings

DOWNBEATS = 0.5  # how often a window begins on a downbeat, where there are any
SAID_EVERY = 10.0  # seconds
ENCODING_SHARE = 0.4  # of a run's time, after which it trains on what is encoded


class Sounds(Dataset[dict[str, Any]]):
    """The sound of clips as int16 tensors of their own lengths, at the level that the codec is used to."""

    def __init__(self, clips: CorpusClips, chosen: Sequence[int], sample_rate: int, channels: int, least: int) -> None:
        self.clips, self.chosen, self.least = clips, chosen, least
        self.sample_rate, self.channels = sample_rate, channels

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, place: int) -> dict[str, Any]:
        """Return `index` and `audio`, or `index` and why there is none."""
        index = self.chosen[place]
        try:
            audio = self.clips.read(index, self.sample_rate, 0.0).audio
        except FAULTS as error:
            return {"index": index, "fault": f"{type(error).__name__}: {error}"}
        audio = audio if self.channels == 2 else audio.mean(axis=0, keepdims=True)
        audio = np.pad(audio, ((0, 0), (0, max(0, self.least - audio.shape[1]))))
        pcm = np.round(audio * (PEAK * 32767 / max(float(np.abs(audio).max()), 1e-4))).astype(np.int16)
        return {"index": index, "audio": torch.from_numpy(pcm if self.channels == 2 else pcm[0])}


class FolderRows(Dataset[dict[str, Any]]):
    """Windows of encoded clips: `latents` half precision and condition tokens.

    Args:
        clips: of the folder.
        chosen: those of them that are encoded.
        latents: where.
        tokens: of the model.
        seed: of the windows' places.
    """

    def __init__(
        self, clips: CorpusClips, chosen: Sequence[int], latents: LatentFolder, tokens: ClipTokens, seed: int
    ) -> None:
        self.clips, self.chosen, self.latents, self.tokens, self.seed = clips, list(chosen), latents, tokens, seed

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, place: tuple[int, int | None]) -> dict[str, Any]:
        """Row `place[0]` in round `place[1]` (None: its beginning), or {"fault": why there is none}."""
        index, number = self.chosen[place[0]], place[1]
        try:
            return self._row(index, number)
        except FAULTS as error:
            return {"fault": (self.clips.name(index), f"{type(error).__name__}: {error}")}

    def _row(self, index: int, number: int | None) -> dict[str, torch.Tensor]:
        plan, captions = self.clips.words(index)
        plan = with_stated(plan, self.clips.rows[index], captions)
        frames = self.tokens.frames
        path = self.latents.path(self.clips.path(index), frames)
        start = 0
        if number is not None:
            rng = np.random.default_rng((self.seed, index, number))
            every, bars = starts_on_beats(plan.beats, self.latents.frames(path) - frames, self.tokens.frame_rate)
            choices = bars if bars and rng.random() < DOWNBEATS else every
            start = choices[int(rng.integers(len(choices)))]
        tokens = self.tokens(plan, captions, start)
        row = {**tokens, "aligned": tokens["aligned"].half(), "latents": self.latents.window(path, start, frames)}
        return {name: tensor[None] for name, tensor in row.items()}


def encoded(
    trainer: MuNetTrainer, clips: CorpusClips, chosen: Sequence[int], latents: LatentFolder, workers: int,
    faults: Faults, seconds: float | None = None,
) -> list[int]:  # fmt: skip
    """Encode those of the chosen clips that are not encoded yet; returns the clips that are.

    Args:
        trainer: whose codec and device count.
        clips: of the folder.
        chosen: which of them.
        latents: where to.
        workers: processes that read the files; 0 for this one.
        faults: gets the files that cannot be used.
        seconds: after which the rest is left for another run; None for no limit.
    """
    frames, codec, began = trainer.frames, trainer.pipeline.vae, time.monotonic()
    have, missing = [], []
    for index in chosen:
        try:
            (have if latents.path(clips.path(index), frames).is_file() else missing).append(index)
        except FAULTS as error:
            faults.add(clips.name(index), f"{type(error).__name__}: {error}")
    if not missing:
        return have
    print(f"data: {len(have)} of {len(chosen)} rows are encoded, {len(missing)} to go", flush=True)
    length = frames * codec.samples_per_latent_frame
    sounds = Sounds(clips, missing, codec.config.sample_rate, codec.audio_channels, length)
    later = trainer.clip_tokens  # what the workers of the training itself need, which are forked from the same server
    loader = DataLoader(sounds, batch_size=None, **loader_settings(workers, (sounds, later)))
    said, made = began, 0
    for sound in loader:
        index = int(sound["index"])
        if "fault" in sound:
            faults.add(clips.name(index), sound["fault"])
            continue
        with torch.no_grad():
            found = codec.encode(sound["audio"][None].to(trainer.device).float() / 32768)[0]
        latents.write(latents.path(clips.path(index), frames), found)
        have.append(index)
        made, now = made + 1, time.monotonic()
        if now - said > SAID_EVERY or made == len(missing):
            left = (len(missing) - made) * (now - began) / made
            print(f"data: {made} of {len(missing)} rows encoded, {made / (now - began):.1f} a second, "
                  f"{left // 60:.0f}:{left % 60:02.0f} left", flush=True)  # fmt: skip
            said = now
        if seconds is not None and now - began > seconds and made < len(missing):
            print(f"data: time to train, {len(missing) - made} rows are left for the next run to encode", flush=True)
            break
    return sorted(have)


class FolderPool:
    """Rows of a folder as a training draws them: every row once in each round.

    Args:
        rows: of the folder.
        device: that trains.
        workers: processes that make rows; 0 for this one.
        share: (i, n): this is the i-th of n processes that share the rows.
        first: draws of earlier runs.
        faults: gets the rows that cannot be used.
    """

    def __init__(
        self, rows: FolderRows, device: torch.device, workers: int, share: tuple[int, int], first: int, faults: Faults
    ) -> None:
        self.rows, self.device, self.faults = rows, device, faults
        self.size, self.seen, self._kept = len(rows), first, {}
        loader = DataLoader(
            rows, batch_size=8, sampler=Places(len(rows), True, share, first),
            collate_fn=joined, persistent_workers=workers > 0, **loader_settings(workers, rows),
        )  # fmt: skip
        self._batches: Iterator[tuple[dict[str, torch.Tensor], list[tuple[str, str]]]] | None = iter(loader)

    def draw(self, count: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """The next `count` rows; the generator is not needed, as their order is the folder's own.

        Raises:
            RequestError: no row can be used.
        """
        while len(self._kept.get("latents", ())) < count:
            rows, failed = next(self._batches)
            for name, reason in failed:
                self.faults.add(name, reason)
            self.check()
            if rows:
                self._kept = {name: torch.cat([self._kept[name], rows[name]]) for name in rows} if self._kept else rows
        taken = {name: tensor[:count].to(self.device) for name, tensor in self._kept.items()}
        self._kept = {name: tensor[count:] for name, tensor in self._kept.items()}
        self.seen += count
        return taken

    def check(self) -> None:
        """Refuse to go on without a single row.

        Raises:
            RequestError: no row can be used.
        """
        bad = sum(self.rows.clips.name(index) in self.faults.found for index in self.rows.chosen)
        if bad >= self.size:
            raise RequestError(f"data: expected clips that can be used, got {self.size} of which none can")

    def close(self) -> None:
        """End the processes that make rows."""
        self._batches = None


def folder_pool(
    trainer: MuNetTrainer, clips: CorpusClips, data: Mapping[str, Any], workers: int, faults: Faults
) -> FolderPool:
    """Encode a folder, give the trainer what it measures itself on, and return the rows to train on.

    Args:
        trainer: of the run.
        clips: to train on.
        data: this part of the configuration: `folder`, and if given `cache`, `validation`, `composed_share` and `seed`.
        workers: processes.
        faults: gets the files that cannot be used.

    Raises:
        RequestError: no clip can be used.
    """
    latents = LatentFolder(_cache(trainer, clips, data), codec_key(trainer.pipeline.vae))
    if trainer.device.type == "cpu":  # reading is little beside encoding, and a process takes a core from the training
        workers = 0
    share, seed = trainer.processes.share, data.get("seed", 0)
    left = trainer.left()
    limit = None if left is None else ENCODING_SHARE * left
    others = held_back(clips, data.get("validation"))
    if trainer.processes.writes:
        if others is None:
            print("data: no split `validation`, so nothing is measured while the training runs", flush=True)
        else:
            chosen = spread(others, trainer.settings.validation_rows)
            quarter = None if limit is None else limit / 4
            chosen = encoded(trainer, others, chosen, latents, workers, faults, quarter)
            rows = FolderRows(others, chosen, latents, trainer.clip_tokens, seed)
            trainer.measure_on([rows[place, None] for place in range(len(rows))])
    own = [index for index in range(len(clips)) if index % share[1] == share[0]]
    limit = None if limit is None else limit - (left - trainer.left())
    encoded(trainer, clips, own, latents, workers, faults, limit)
    trainer.processes.wait()
    usable = [index for index in range(len(clips)) if _is_encoded(latents, clips, index, trainer.frames)]
    if not usable:
        raise RequestError(f"data: expected clips that can be used, got {len(clips)} of which none can")
    rows = FolderRows(clips, usable, latents, trainer.clip_tokens, seed)
    drawn = trainer.progress.step * trainer.settings.batch_size
    first = (drawn - composed_of(drawn, share_of(data))) * share[1]
    return FolderPool(rows, trainer.device, workers, share, first, faults)


def spread(clips: CorpusClips, most: int) -> list[int]:
    """At most so many clips, from as many recordings as there are, unchanged ones first."""
    turns: dict[str, int] = {}
    places = []
    for index in sorted(range(len(clips)), key=lambda index: clips.rows[index].get("augmentation") is not None):
        recording = clips.recording(index)
        turns[recording] = turns.get(recording, -1) + 1
        places.append((turns[recording], index))
    return [index for _, index in sorted(places)[:most]]


def held_back(clips: CorpusClips, folder: str | None) -> CorpusClips | None:
    """The clips to measure on: of the folder given, or the split `validation` beside `train`."""
    if folder is not None:
        return CorpusClips(folder, "validation")
    beside = clips.folder.parent / "validation"
    is_split = clips.folder.name == "train" and (beside / METADATA).is_file()
    return CorpusClips(str(beside)) if is_split else None


def _cache(trainer: MuNetTrainer, clips: CorpusClips, data: Mapping[str, Any]) -> Path:
    """Folder of the latents: the one given, else in the dataset, else, where that is read-only, in the run."""
    if data.get("cache") is not None:
        return Path(data["cache"])
    inside = (clips.folder.parent if clips.folder.name == "train" else clips.folder) / "latents"
    try:
        inside.mkdir(exist_ok=True)
        (inside / ".writable").touch()
        (inside / ".writable").unlink()
    except OSError:
        return trainer.out / "latents"
    return inside


def _is_encoded(latents: LatentFolder, clips: CorpusClips, index: int, frames: int) -> bool:
    try:
        return latents.path(clips.path(index), frames).is_file()
    except FAULTS:
        return False
