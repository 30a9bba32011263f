"""From clips to batches of training rows, made by worker processes.

A clip gives one or several windows at random latent frames, so that a model sees beginnings, middles and ends. A clip
that cannot be read is named, recorded and left out; the training goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from augmentation.training_data import ComposedClips, CorpusClips
from munet.errors import RequestError
from mustango_app.workers import loader_settings

Source = ComposedClips | CorpusClips
FAULTS = (OSError, ValueError, LookupError, ArithmeticError, RuntimeError, TypeError)  # of one clip, not of the machine
MOST_NAMED = 20
PEAK = 0.9


@dataclass(frozen=True)
class WindowSettings:
    """How clips are cut.

    Attributes:
        seconds: of a window; piece_seconds: of the composed piece that it is cut from, at least as long.
        windows: drawn from a clip.
        sample_rate: Hz; channels: 1 or 2.
        frame_samples: samples of a latent frame, on which windows begin.
        seed: of the windows' places.
    """

    seconds: float
    piece_seconds: float
    windows: int
    sample_rate: int
    channels: int
    frame_samples: int
    seed: int = 0


Tokens = Callable[..., Mapping[str, torch.Tensor]]


class Rows(Dataset[dict[str, Any]]):
    """Windows of clips as tensors `(windows, ...)`: `audio` int16, and with `tokens` the condition tokens."""

    def __init__(self, source: Source, settings: WindowSettings, tokens: Tokens | None) -> None:
        self.source, self.settings, self.tokens = source, settings, tokens

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, place: tuple[int, int]) -> dict[str, Any]:
        """Rows of clip `place[0]`, with the windows of round `place[1]`, or {"fault": why there are none}."""
        index, number = place
        try:
            return self._rows(index, np.random.default_rng((self.settings.seed, index, number)))
        except FAULTS as error:
            return {"fault": (self.source.name(index), f"{type(error).__name__}: {error}")}

    def _rows(self, index: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        settings = self.settings
        clip = self.source.read(index, settings.sample_rate, settings.piece_seconds)
        peak = max(float(np.abs(clip.audio).max()), 1e-4)
        audio = clip.audio if settings.channels == 2 else clip.audio.mean(axis=0, keepdims=True)
        length = round(settings.seconds * settings.sample_rate)
        last = max(0, -(-(audio.shape[1] - length) // settings.frame_samples))
        rows = []
        for start in self._starts(last, rng):
            part = audio[:, start * settings.frame_samples :][:, :length]
            part = np.pad(part, ((0, 0), (0, length - part.shape[1]))) * (PEAK * 32767 / peak)
            pcm = torch.from_numpy(np.round(part if settings.channels == 2 else part[0]).astype(np.int16))
            extra = self.tokens(clip.plan, clip.captions, start, clip.notes) if self.tokens else {}
            rows.append({"audio": pcm, **extra})
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

    def _starts(self, last: int, rng: np.random.Generator) -> list[int]:
        """First latent frames of the windows: one of two is anywhere, the others share beginnings and ends."""
        starts = []
        for _ in range(self.settings.windows):
            draw = rng.random()
            starts.append(0 if draw < 0.25 else last if draw < 0.5 else int(rng.integers(last + 1)))
        return starts


class Places(Sampler[tuple[int, int]]):
    """Endless (clip, round) pairs of one process' share of the clips; a folder is shuffled anew every round.

    `first` is the clip to begin with, or of a folder how many pairs all processes have had already.
    """

    def __init__(self, count: int, shuffle: bool, share: tuple[int, int], first: int = 0) -> None:
        self.count, self.shuffle, self.share, self.first = count, shuffle, share, first

    def __iter__(self) -> Iterator[tuple[int, int]]:
        number, done = divmod(self.first, self.count) if self.shuffle else (0, 0)
        while True:
            order = np.random.default_rng((7, number)).permutation(self.count) if self.shuffle else range(self.count)
            for position, index in enumerate(order):
                if position >= done and position % self.share[1] == self.share[0]:
                    yield (int(index) + (0 if self.shuffle else self.first)) % self.count, number
            number, done = number + 1, 0


@dataclass
class Faults:
    """Clips that could not be used, by name, with the reason.

    Attributes:
        path: file that gets a JSON line for each, None for none.
    """

    path: Path | None = None
    found: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, reason: str) -> None:
        """Note a clip, once, and say so."""
        if name in self.found:
            return
        self.found[name] = reason
        if len(self.found) <= MOST_NAMED:
            print(f"data: left out {name} ({reason})")
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                file.write(json.dumps({"file_name": name, "error": reason}) + "\n")


def batches(
    source: Source,
    settings: WindowSettings,
    workers: int,
    tokens: Tokens | None = None,
    clips: int = 8,
    share: tuple[int, int] = (0, 1),
    faults: Faults | None = None,
    first: int = 0,
) -> Iterator[dict[str, torch.Tensor]]:
    """Endless batches of rows from `clips` clips each.

    Args:
        source: of the clips.
        settings: of the windows.
        workers: processes; 0 for this one.
        tokens: (plan, captions, first latent frame, notes) -> condition tokens of a window.
        clips: of a batch.
        share: (i, n): this is the i-th of n processes that share the clips.
        faults: gets the clips that cannot be used.
        first: see `Places`.

    Raises:
        RequestError: no clip can be used.
    """
    faults = Faults() if faults is None else faults
    dataset = Rows(source, settings, tokens)
    loader = DataLoader(
        dataset,
        batch_size=clips,
        sampler=Places(len(source), isinstance(source, CorpusClips), share, first),
        collate_fn=joined,
        **loader_settings(workers, dataset),
    )
    for rows, failed in loader:
        for name, reason in failed:
            faults.add(name, reason)
        if len(faults.found) >= len(source):
            raise RequestError(f"data: expected clips that can be used, got {len(source)} of which none can")
        if rows:
            yield rows


def joined(examples: Sequence[Mapping[str, Any]]) -> tuple[dict[str, torch.Tensor], list[tuple[str, str]]]:
    """Rows of several clips one after the other, and the faults of those that have none."""
    faults = [example["fault"] for example in examples if "fault" in example]
    whole = [example for example in examples if "fault" not in example]
    return {name: torch.cat([example[name] for example in whole]) for name in (whole[0] if whole else ())}, faults
