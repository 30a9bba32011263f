"""(b) A whole clip of the published model, 10.24 seconds: the reference's 200 DDPM steps against our default.

    python -m benchmarks.speed_clip [--rounds 1 --plain-steps 3 --guidance-interval 0.3,1 --small --save]

A step of DDPM costs the same whenever it is taken, so of the plain loop `--plain-steps` steps are timed and their
median times 200 is what the table tells; ours is run from noise to latents, guided in all steps and then at the noise
levels of `--guidance-interval`, by default those of `Mustango` (Kynkäänniemi et al., 2024).
Told on both clocks: other work makes the wall's seconds longer, processor time hardly. Decoding is the same for both
and stands apart. `--small` is a dry run at toy size.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from operator import truediv
from typing import Any

import torch
from diffusers import DDPMScheduler
from diffusers.models.attention_processor import AttnProcessor2_0

from benchmarks.speed_step import SMALL, StockProcessor, inputs, load_unet
from benchmarks.timing import options_of, tell
from munet.attended import Conditions
from munet.guidance import Interval, guided, noise_level
from munet.guidance_weights import read_interval
from munet.processor import keep_memory, usable_cores
from munet.published.bases import SCHEDULE
from munet.published.convert import DEFAULTS
from munet.solver import FEW_STEPS, GUIDED_LEVELS, few_step_solver

REFERENCE_STEPS = 200


Taken = tuple[float, float]  # seconds on the wall and of processor time


def in_rounds(tasks: Mapping[str, Callable[[], Taken]], rounds: int) -> list[dict[str, Any]]:
    """Run all tasks in every round; return their median seconds and how much faster each is than the first."""
    taken = [[run() for run in tasks.values()] for _ in range(rounds)]
    rows: list[dict[str, Any]] = [{"task": name} for name in tasks]
    for clock, (seconds_name, ratio_name) in enumerate((("wall_s", "faster"), ("cpu_s", "faster_cpu"))):
        first = [times[0][clock] for times in taken]
        for row, times in zip(rows, zip(*taken, strict=True), strict=True):
            seconds = [time[clock] for time in times]
            row[seconds_name] = statistics.median(seconds)
            row[ratio_name] = statistics.median(map(truediv, first, seconds))
    return rows


def since(begin: Taken, end: Taken) -> Taken:
    """Seconds between two readings of both clocks."""
    return end[0] - begin[0], end[1] - begin[1]


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__, 1)
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--plain-steps", type=int, default=3, help="steps of the plain loop that are timed")
    parser.add_argument("--guidance-interval", type=read_interval, default=GUIDED_LEVELS, help="noise levels")
    parser.add_argument("--small", action="store_true", help="toy size: a dry run")
    options = parser.parse_args()
    torch.set_num_threads(options.threads or usable_cores())
    keep_memory()
    dtype, device = getattr(torch, options.dtype), options.device
    unet = load_unet(SMALL if options.small else {}, dtype, device)
    null, given = inputs(1, dtype, device)
    both = {name: torch.cat([null[name], given[name]]) for name in given}
    noise = torch.randn(1, 8, 32 if options.small else 256, 16, generator=torch.Generator().manual_seed(2))
    weight = float(DEFAULTS["default_guidance_scale"])

    def finished() -> Taken:
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        return time.perf_counter(), time.process_time()

    @torch.inference_mode()
    def plain() -> Taken:
        """Seconds of 200 steps."""
        unet.set_attn_processor(StockProcessor())
        scheduler, latents, taken = DDPMScheduler(**SCHEDULE), noise.to(device, dtype), []
        scheduler.set_timesteps(REFERENCE_STEPS)
        for timestep in scheduler.timesteps[: options.plain_steps]:
            begin = finished()
            without, conditional = unet(torch.cat([latents] * 2), timestep, **both).sample.chunk(2)
            latents = scheduler.step(guided(conditional, without, weight), timestep, latents).prev_sample
            taken.append(since(begin, finished()))
        wall, cpu = (statistics.median(seconds) * REFERENCE_STEPS for seconds in zip(*taken, strict=True))
        return wall, cpu

    @torch.inference_mode()
    def ours(interval: Interval) -> Taken:
        """Seconds of the loop of few steps with guidance in an interval, conditions prepared within."""
        unet.set_attn_processor(AttnProcessor2_0())
        begin = finished()
        scheduler: Any = few_step_solver(DDPMScheduler(**SCHEDULE))
        scheduler.set_timesteps(FEW_STEPS)
        latents, conditions = noise.to(device, dtype), Conditions.of_forms(null, given)
        for timestep in scheduler.timesteps:
            inside = interval[0] < noise_level(scheduler, timestep) <= interval[1]
            prediction = unet(latents, timestep, conditions if inside else conditions.last(1)).sample
            if inside:
                without, conditional = prediction.chunk(2)
                prediction = guided(conditional, without, weight)
            latents = scheduler.step(prediction, timestep, latents).prev_sample
        return since(begin, finished())

    low, high = options.guidance_interval
    tasks = {
        f"plain, {REFERENCE_STEPS} DDPM steps": plain,
        f"ours, {FEW_STEPS} steps": lambda: ours((0.0, 1.0)),
        f"ours, {FEW_STEPS} steps, guided from {low:g} to {high:g}": lambda: ours((low, high)),
    }
    rows = in_rounds(tasks, options.rounds)
    tell("speed_clip", rows, options.save, dtype=options.dtype, small=options.small, timed=options.plain_steps)


if __name__ == "__main__":
    main()
