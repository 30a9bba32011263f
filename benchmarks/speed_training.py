"""(e) Training of pocket's MuNet: samples a second, and their share of the measured peak.

    python -m benchmarks.speed_training [--rounds 3 --batch 32 --device cpu --compile --save]

A step is loss, gradients and the optimizer's step, on rows whose latents are noise: what they hold costs nothing else.
Where the device has bfloat16, a step in it is compared with one in float32.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import MappingProxyType

import torch

from benchmarks.timing import PEAK, Task, in_turn, options_of, peak_task, rows_of, tell
from munet.files import shipped
from munet.music import MusicPlan
from munet.precision import name_of, native_precision
from munet.processor import keep_memory, usable_cores
from munet.training.loop import Budget
from munet.training.munet import MuNetTrainer
from munet.training.settings import MuNetTraining

SECONDS = 10.24
MODEL = MappingProxyType({"sample_size": (128, 8), "known_latents": True, "frames": {}})


def trainer_of(folder: Path, batch: int, device: str, precision: str, compiled: bool) -> MuNetTrainer:
    """A training of pocket from fresh weights."""
    settings = MuNetTraining(
        out=str(folder), autoencoder=str(shipped("pocket") / "vae"), budget=Budget(1000, warmup=0), model=dict(MODEL),
        max_beats=96, max_chords=48, batch_size=batch, device=device, precision=precision, compile=compiled,
    )  # fmt: skip
    return MuNetTrainer(settings, SECONDS)


def step_of(trainer: MuNetTrainer) -> Task:
    """One optimizer step."""
    batch = trainer.settings.batch_size
    plan = MusicPlan(bpm=100, duration=SECONDS).complete()
    row = trainer.clip_tokens(plan, ["a calm waltz for piano and strings"])
    shape = (batch, trainer.pipeline.unet.config.in_channels, trainer.frames, trainer.pipeline.vae.latent_bins)
    rows = {name: value[None].expand(batch, *value.shape).to(trainer.device) for name, value in row.items()}
    rows["latents"] = torch.randn(shape).to(trainer.device)

    def step() -> None:
        trainer.step(trainer.loss(rows))
        if trainer.device.type == "cuda":
            torch.cuda.synchronize()

    return Task(step, trainer.flops * batch, batch)


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__, 3)
    parser.add_argument("--batch", type=int, default=32, help="samples of a step (%(default)s)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", action="store_true", help="compiled as well, which takes a minute")
    options = parser.parse_args()
    torch.set_num_threads(options.threads or usable_cores())
    keep_memory()
    own, why = native_precision(torch.device(options.device))
    precisions = dict.fromkeys(("float32", name_of(own)))
    with tempfile.TemporaryDirectory() as folder:
        tasks: dict[str, Task] = {}
        for precision in precisions:
            for compiled in (False, True) if options.compile else (False,):
                name = f"{precision}, compiled" if compiled else precision
                trainer = trainer_of(Path(folder) / name, options.batch, options.device, precision, compiled)
                tasks[name] = step_of(trainer)
        tasks[PEAK] = peak_task(options.device, list(precisions)[-1])
        in_turn(tasks, options.rounds)
    tell("speed_training", rows_of(tasks, "float32"), options.save, batch=options.batch, precision=why)


if __name__ == "__main__":
    main()
