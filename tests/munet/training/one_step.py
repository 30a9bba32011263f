"""Two optimizer steps of a toy MuNet on four given rows, or this process' share of them: `python -m ... FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from munet.music import MusicPlan
from munet.training.loop import Budget
from munet.training.munet import MuNetTrainer
from munet.training.settings import MuNetTraining

FRAMES = {"width": 16, "layers": 1, "passes": 1, "heads": 2, "cross_heads": [1, 1, 1], "inner": 16, "aligned_hidden": 8}
ROWS = 4


def main(folder: Path) -> None:
    """Train and write the weights to `FOLDER/<number of processes>.pt`."""
    settings = MuNetTraining(
        out=str(folder / "run"), autoencoder=str(folder / "codec"), text_encoder=str(folder / "text"),
        budget=Budget(100, warmup=0), model={"known_latents": True, "frames": FRAMES}, styles=("rock", "pop"),
        max_text_length=8, device="cpu", precision="float32",
    )  # fmt: skip
    trainer = MuNetTrainer(settings, 1.28)
    plan = MusicPlan(bpm=120, key="E minor", duration=1.28, style="rock", instruments="piano, drums").complete()
    captions = ["calm piano", "rock", "an upbeat rock song", "piano in C major"]
    tokens = [trainer.clip_tokens(plan.transpose(index), captions[: index + 1][-1:]) for index in range(ROWS)]
    rows = {name: torch.stack([each[name] for each in tokens]) for name in tokens[0]}
    rows["latents"] = torch.randn(ROWS, 4, 16, 2, generator=torch.Generator().manual_seed(5))
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
