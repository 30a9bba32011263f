"""Two optimizer steps of a toy MuNet on four given rows, or this process' share of them: `python -m ... FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from munet.training.loop import Budget
from munet.training.munet import MuNetTrainer
from munet.training.settings import MuNetTraining
from tests.munet.training.toys import SECONDS, toy_rows, toy_settings

ROWS = 4


def main(folder: Path) -> None:
    """Train and write the weights to `FOLDER/<number of processes>.pt`."""
    settings = MuNetTraining(**toy_settings(folder, "run", budget=Budget(100, warmup=0)))
    trainer = MuNetTrainer(settings, SECONDS)
    rows = toy_rows(trainer, ROWS)
    rows["latents"] = torch.randn(rows["latents"].shape, generator=torch.Generator().manual_seed(5))
    rank, world = trainer.processes.share
    own = slice(rank * ROWS // world, (rank + 1) * ROWS // world)
    for _ in range(2):
        trainer.step(trainer.loss({name: value[own] for name, value in rows.items()}))
        trainer.progress.step += 1
    trainer.processes.wait()
    if trainer.processes.writes:
        torch.save([parameter.detach() for parameter in trainer.parameters], folder / f"{world}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
