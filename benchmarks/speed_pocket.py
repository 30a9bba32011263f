"""(c) Pocket from prompt to WAV: by stage, by length, in batches, by cores, and with two other busy processes.

    python -m benchmarks.speed_pocket [--rounds 3 --lengths 10 60 300 --batches 1 8 64 --cores 1 2 --busy 2 --save]
        [--dtype float32]

The stages of a clip: plan, conditions, sampling, decoding, the WAV file. The limit of sampling is its FLOPs (counted)
over the peak of the same rounds. Batches are clips of 10 seconds made in one run of the pipeline, per clip. Where the
model denoises in bfloat16 unasked, it is compared with itself in float32; the peak is that of its own type.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch

from benchmarks.timing import PEAK, Task, busy, counted, in_turn, options_of, peak_task, rows_of, tell
from munet.attended import Conditions
from munet.precision import name_of
from munet.processor import usable_cores
from mustango_app import Mustango
from mustango_app.request import Request

PROMPT = "A calm waltz for piano and strings in G major, 90 bpm"
SEED = 7


def stages(model: Mustango, seconds: float, folder: Path) -> dict[str, Task]:
    """Tasks of the stages of one clip that fits into one window, and of the whole."""
    pipeline, steps = model.pipeline, model.default_steps
    plan = model.plan(Request(PROMPT, seconds=seconds, seed=SEED)).plan
    frames = pipeline.vae.num_latent_frames(round(seconds * model.sample_rate))
    pipeline._guidance_scale = model.default_guidance
    clip = model.generate(PROMPT, plan=plan, seed=SEED)
    held: dict[str, Any] = {}

    @torch.no_grad()
    def conditions() -> None:
        given, null = pipeline.encode_conditions([PROMPT], [plan], frames)
        held["conditions"] = Conditions.of_forms(null, given)

    @torch.no_grad()
    def sampling() -> None:
        pipeline.scheduler.set_timesteps(steps)
        latents = pipeline.prepare_latents(1, frames, torch.Generator().manual_seed(SEED), None)
        held["latents"] = pipeline._denoise_whole(latents, held["conditions"], None, ())

    @torch.no_grad()
    def decoding() -> None:
        pipeline.decode_latents(held["latents"], round(seconds * model.sample_rate))

    conditions()
    with threads(1):  # a counter sees what runs in its own thread; with one thread nothing runs side by side
        flops = counted(sampling)
    return {
        "plan": Task(lambda: model.plan(Request(PROMPT, seconds=seconds, seed=SEED))),
        "conditions": Task(conditions),
        "sampling": Task(sampling, flops),
        "decoding": Task(decoding),
        "WAV file": Task(lambda: clip.save(folder / "clip.wav")),
        PEAK: peak_task(str(pipeline.device), name_of(pipeline.unet.dtype)),
    }


def whole(model: Mustango, seconds: float, folder: Path) -> Task:
    """The task from prompt to WAV."""

    def run() -> None:
        model.generate(PROMPT, seconds=seconds, seed=SEED).save(folder / "clip.wav")

    return Task(run, amount=seconds)


def batch(model: Mustango, count: int) -> Task:
    """The task of `count` clips in one run of the pipeline."""
    plan = model.plan(Request(PROMPT, seconds=10, seed=SEED)).plan

    def run() -> None:
        generators = [torch.Generator().manual_seed(SEED + i) for i in range(count)]
        model.pipeline([PROMPT] * count, [plan] * count, 10.0, generator=generators)

    return Task(run, amount=count)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with so many threads meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def with_threads(task: Task, count: int) -> Task:
    """The same task on so many threads."""

    def run() -> None:
        with threads(count):
            task.run()

    return Task(run, task.flops, task.amount)


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__, 3)
    parser.add_argument("--model", help="folder (the shipped model)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", help="float32, bfloat16, ... of the weights (what the model takes unasked)")
    parser.add_argument("--lengths", type=float, nargs="*", default=[10, 60, 300], help="seconds (10 60 300)")
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 8, 64], help="clips at once (1 8 64)")
    parser.add_argument("--cores", type=int, nargs="*", default=[1, usable_cores()], help="threads (1 and all)")
    parser.add_argument("--busy", type=int, default=2, help="other processes for the last table (2)")
    options = parser.parse_args()
    model, rows = Mustango.from_pretrained(options.model, options.device, dtype=options.dtype), []
    own = name_of(model.pipeline.unet.dtype)
    torch.set_num_threads(options.threads or usable_cores())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = stages(model, 10.0, folder)
        in_turn(parts, options.rounds)
        rows += rows_of(parts)
        if options.dtype is None and own != "float32":
            exact = Mustango.from_pretrained(options.model, options.device, dtype="float32")
            types = {f"10 s in {name}": whole(each, 10.0, folder) for name, each in (("float32", exact), (own, model))}
            in_turn(types, options.rounds)
            rows += rows_of(types, "10 s in float32")
        lengths = {f"{seconds:g} s": whole(model, seconds, folder) for seconds in options.lengths}
        for seconds in options.lengths:
            in_turn({f"{seconds:g} s": lengths[f"{seconds:g} s"]}, 1 if seconds > 60 else options.rounds, warm=0)
        rows += rows_of(lengths)
        short = whole(model, 10.0, folder)
        cores = {f"10 s, {count} threads": with_threads(short, count) for count in dict.fromkeys(options.cores)}
        in_turn(cores, options.rounds)
        rows += rows_of(cores, next(iter(cores), None))
        batches = {f"batch of {count}": batch(model, count) for count in options.batches}
        in_turn(batches, max(1, options.rounds // 2), warm=0)
        rows += [row | {"clips": task.amount} for row, task in zip(rows_of(batches), batches.values(), strict=True)]
        alone, loaded = whole(model, 10.0, folder), whole(model, 10.0, folder)
        for _ in range(options.rounds):
            for task, others in ((alone, 0), (loaded, options.busy)):
                with busy(others) if others else nullcontext():
                    in_turn({f"with {others} others": task}, 1, warm=0)
        others = {"alone": alone, f"with {options.busy} busy processes": loaded}
        rows += rows_of(others, "alone")
    tell(f"speed_pocket_{own}", rows, options.save, steps=model.default_steps, dtype=own)


if __name__ == "__main__":
    main()
