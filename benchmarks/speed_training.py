"""(e) Training of pocket's MuNet: samples a second, and their share of the measured peak.

    python -m benchmarks.speed_training [--rounds 3 --batch 32 --device cpu --save]

A step is loss, gradients and the optimizer's step, on rows whose latents are noise: what they hold costs nothing else.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import MappingProxyType

import torch

from benchmarks.timing import PEAK, Task, in_turn, options_of, peak_task, rows_of, tell
from munet.files import shipped
from munet.music import MusicPlan
from munet.processor import keep_memory, usable_cores
from munet.training.loop import Budget
from munet.training.munet import MuNetTrainer
from munet.training.settings import MuNetTraining

SECONDS = 10.24
MODEL = MappingProxyType({"sample_size": (128, 8), "known_latents": True, "frames": {}})


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__, 3)
    parser.add_argument("--batch", type=int, default=32, help="samples of a step (%(default)s)")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads or usable_cores())
    keep_memory()
    with tempfile.TemporaryDirectory() as folder:
        settings = MuNetTraining(
            out=str(Path(folder) / "run"), autoencoder=str(shipped("pocket") / "vae"), budget=Budget(1000, warmup=0),
            model=dict(MODEL), max_beats=96, max_chords=48, batch_size=options.batch, device=options.device,
        )  # fmt: skip
        trainer = MuNetTrainer(settings, SECONDS)
        plan = MusicPlan(bpm=100, duration=SECONDS).complete()
        row = trainer.clip_tokens(plan, ["a calm waltz for piano and strings"])
        config = trainer.pipeline.unet.config
        shape = (options.batch, config.in_channels, trainer.frames, trainer.pipeline.vae.latent_bins)
        rows = {name: value[None].expand(options.batch, *value.shape).to(trainer.device) for name, value in row.items()}
        rows["latents"] = torch.randn(shape).to(trainer.device)

        def step() -> None:
            trainer.step(trainer.loss(rows))
            if trainer.device.type == "cuda":
                torch.cuda.synchronize()

        dtype = str(trainer.dtype).removeprefix("torch.")
        tasks = {
            f"step of {options.batch} samples": Task(step, trainer.flops * options.batch, options.batch),
            PEAK: peak_task(options.device, dtype),
        }
        in_turn(tasks, options.rounds)
    tell("speed_training", rows_of(tasks), options.save, batch=options.batch, precision=trainer.why)


if __name__ == "__main__":
    main()
