"""What a training is worth on clips that it does not see: the loss of the averaged weights on fixed rows.

Noise, timesteps and captions of a row are always the same, nothing is dropped and nothing is known, so that two figures
of one run differ by the weights alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from munet.training.denoiser import told_of
from munet.training.loop import velocity_loss

if TYPE_CHECKING:
    from munet.training.munet import MuNetTrainer

PASSES = 4  # timesteps at which each row is measured, spread over the schedule
BATCH = 8
FEWEST_ROWS = 4


class Validation:
    """The validation of one run.

    Args:
        rows: as a pool holds them, `(rows, ...)`; the first caption counts.
        path: JSON lines that get the figures.
    """

    def __init__(self, rows: Mapping[str, torch.Tensor], path: Path) -> None:
        self.rows, self.path = dict(rows), path
        self.seconds = 0.0  # that the last measurement took
        self.best: float | None = None
        self.first: float | None = None

    def __len__(self) -> int:
        return len(self.rows["latents"])

    def keep(self, rows: int) -> None:
        """Leave out the rows behind the first `rows`, but for `FEWEST_ROWS`."""
        self.rows = {name: tensor[: max(rows, FEWEST_ROWS)] for name, tensor in self.rows.items()}

    def measure(self, trainer: MuNetTrainer) -> float:
        """Loss of the weights that the trainer's modules hold now."""
        began = time.monotonic()
        trainer.modules.eval()
        try:
            parts = (slice(start, start + BATCH) for start in range(0, len(self), BATCH))
            total = sum(self._loss(trainer, part) for part in parts)
        finally:
            trainer.modules.train()
        self.seconds = time.monotonic() - began
        return total / len(self)

    @torch.no_grad()
    def _loss(self, trainer: MuNetTrainer, part: slice) -> float:
        """Sum over some rows of their mean loss."""
        rows = {name: tensor[part].to(trainer.device) for name, tensor in self.rows.items()}
        latents, count = rows.pop("latents").float(), len(rows["aligned"])
        rows |= {name: rows[name][:, 0].to(trainer.null[name].dtype) for name in ("input_ids", "text_mask")}
        inputs = trainer.inputs(rows)
        nothing = torch.zeros(count, latents.shape[2], dtype=torch.bool, device=trainer.device)
        unet = trainer.pipeline.unet
        inputs |= told_of(unet, latents, nothing if unet.config.known_latents else None)
        total = 0.0
        for number in range(PASSES):
            generator = torch.Generator().manual_seed(1000 * part.start + number)
            noise = torch.randn(latents.shape, generator=generator).to(trainer.device)
            place = (torch.rand(count, generator=generator) + number) / PASSES
            timesteps = (place * len(trainer.alphas_cumprod)).long().to(trainer.device)
            loss = velocity_loss(
                lambda noisy, times: trainer.predict(trainer.modules, noisy, times, inputs),
                latents, noise, timesteps, trainer.alphas_cumprod, trainer.settings.snr_gamma,
                trainer.settings.snr_weighting, None, trainer.settings.least_snr,
            )  # fmt: skip
            total += loss.item() * count / PASSES
        return total

    def note(self, step: int, seconds: float, loss: float) -> bool:
        """Write a figure down; says whether it is the best so far.

        Args:
            step: of the training.
            seconds: spent training, all runs together.
            loss: see `measure`.
        """
        better = self.best is None or loss < self.best
        self.best = loss if better else self.best
        self.first = loss if self.first is None else self.first
        line = {"step": step, "seconds": round(seconds, 1), "loss": round(loss, 6), "rows": len(self)}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return better
