"""Composed clips beside the rows of a folder, so that a fine-tune on recordings keeps what the model obeys.

What is heard in recordings is uncertain, chords most of all, and nothing in such rows reminds the model of clear ones.
Composed clips have exact labels: a share of every batch is made of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from augmentation.training_data import ComposedClips
from munet.errors import RequestError
from munet.training.munet import MuNetTrainer
from munet.training.pool import RowSource
from mustango_app.training_rows import Faults, WindowSettings, batches

MANY = 1_000_000  # clips of one seed
CAPTIONS = 2  # of a clip, as many as a row of a folder has
CLIPS = 4  # composed at a time


def share_of(data: Mapping[str, Any]) -> float:
    """`composed_share` of the `data` part of a configuration: of the rows that are composed, from 0 to below 1.

    Raises:
        RequestError: another value, or clips that are all composed beside it.
    """
    share = data.get("composed_share", 0.0)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
        raise RequestError(f"data.composed_share: expected a share from 0 to below 1, got {share!r}")
    if share and "folder" not in data:
        raise RequestError("data.composed_share: expected 'folder' with it, got clips that are all composed")
    return float(share)


def composed_of(drawn: int, share: float) -> int:
    """How many of the first `drawn` rows are composed."""
    return int(drawn * share)


class MixedRows:
    """Rows of a folder and of composed clips, in every stretch of the training as many of each as `share` says.

    Args:
        folder: the rows of the folder.
        composed: endless batches of composed rows with the same columns, encoded.
        share: of the rows that are composed.
        drawn: rows that earlier runs have drawn of both.
    """

    def __init__(
        self, folder: RowSource, composed: Iterator[Mapping[str, torch.Tensor]], share: float, drawn: int = 0
    ) -> None:
        self.folder, self.composed, self.share, self.drawn = folder, composed, share, drawn
        self.size = folder.size
        self._kept: dict[str, torch.Tensor] = {}

    @property
    def seen(self) -> int:
        """Rows drawn of both kinds."""
        return self.drawn

    def draw(self, count: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """The next `count` rows, those of the folder first."""
        own = composed_of(self.drawn + count, self.share) - composed_of(self.drawn, self.share)
        self.drawn += count
        if own == count:
            return self._take(own)
        rows = self.folder.draw(count - own, generator)
        if not own:
            return rows
        taken = self._take(own)
        return {name: torch.cat([tensor, taken[name].to(tensor.dtype)]) for name, tensor in rows.items()}

    def _take(self, count: int) -> dict[str, torch.Tensor]:
        """The next composed rows."""
        while len(self._kept.get("latents", ())) < count:
            rows = next(self.composed)
            self._kept = {name: torch.cat([self._kept[name], rows[name]]) for name in rows} if self._kept else rows
        taken = {name: tensor[:count] for name, tensor in self._kept.items()}
        self._kept = {name: tensor[count:] for name, tensor in self._kept.items()}
        return taken

    def check(self) -> None:
        """Raise what went wrong while rows were made."""
        self.folder.check()

    def close(self) -> None:
        """End whatever makes the rows."""
        self.folder.close()
        self.composed = iter(())


def with_composed(
    trainer: MuNetTrainer, folder: RowSource, data: Mapping[str, Any], cut: WindowSettings, workers: int, faults: Faults
) -> RowSource:
    """Rows of a folder with the composed ones that the configuration asks for among them.

    Args:
        trainer: of the run.
        folder: the rows of the folder.
        data: this part of the configuration; `composed_share`, `seed` and `soundfont` count.
        cut: how composed clips are cut.
        workers: processes that compose; 0 for this one.
        faults: gets the clips that could not be composed.

    Raises:
        RequestError: see `share_of`.
    """
    share = share_of(data)
    if not share:
        return folder
    drawn = trainer.progress.step * trainer.settings.batch_size
    clips = ComposedClips(MANY, data.get("seed", 0), data.get("soundfont"), CAPTIONS)
    first = composed_of(drawn, share) * trainer.processes.share[1] // cut.windows
    workers = 0 if trainer.device.type == "cpu" else workers  # a process would take a core from the training
    rows = batches(clips, cut, workers, trainer.clip_tokens, CLIPS, trainer.processes.share, faults, first)
    return MixedRows(folder, _prepared(trainer, rows), share, drawn)


def _prepared(
    trainer: MuNetTrainer, batches: Iterator[Mapping[str, torch.Tensor]]
) -> Iterator[dict[str, torch.Tensor]]:
    """Encoded batches on the training device."""
    for batch in batches:
        yield {name: tensor.to(trainer.device) for name, tensor in trainer.prepare(batch).items()}
