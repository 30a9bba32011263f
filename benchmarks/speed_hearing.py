"""(d) Hearing and augmentation: clips of 10 seconds per second and core, with one to N workers.

    python -m benchmarks.speed_hearing [--clips 4 --workers 1 2 --save]

Hearing is all that a dataset row is labelled by (`listen`); augmentation is a change of pitch and one of tempo, as the
dataset builder makes them. Every worker does one clip before the clock starts. The limit of N workers is N times one,
where the machine gives N cores: what it gives is the row "control", a second of matrix products that fit into a core's
cache.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from augmentation.compose.composer import compose
from augmentation.compose.renderer import render
from augmentation.dataset.transforms import change_pitch, change_tempo
from augmentation.hearing.listen import PARTS, listen
from benchmarks.timing import options_of, tell

RATE, SECONDS = 44100, 10.0
CONTROL_SIZE, CONTROL_PRODUCTS = 128, 15000  # some 60 GFLOP


@functools.cache
def clip(seed: int) -> np.ndarray:
    """A rendered piece."""
    return render(compose(seed, duration=SECONDS), RATE)


def work(what: str, seed: int) -> float:
    """Do it with a clip; return the processor seconds."""
    audio, before = clip(seed), time.process_time()
    if what == "hearing":
        listen(audio, RATE, PARTS)  # what a dataset has labels of
    elif what == "control":
        matrix = np.eye(CONTROL_SIZE, dtype=np.float32)
        for _ in range(CONTROL_PRODUCTS):
            matrix = matrix @ matrix
    else:
        change_pitch(audio, RATE, 1.0)
        change_tempo(audio, RATE, 1.1)
    return time.process_time() - before


def measure(what: str, clips: int, workers: int) -> dict[str, Any]:
    """Clips a second, altogether and per processor second."""
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), work, (what, 0)) as pool:
        list(pool.map(work, [what] * workers, range(workers)))
        begin = time.perf_counter()
        cpu = list(pool.map(work, [what] * clips, [seed % workers for seed in range(clips)]))
        wall = time.perf_counter() - begin
    return {"task": f"{what}, {workers} workers", "per_second": clips / wall, "per_cpu_second": clips / sum(cpu)}


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__, 1)
    parser.add_argument("--clips", type=int, default=4, help="for each worker (%(default)s)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="processes (1 2)")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads or 1)  # inherited by the workers
    rows: list[dict[str, Any]] = []
    for what in ("control", "hearing", "augmentation"):
        one = None
        for workers in options.workers:
            row = measure(what, options.clips * workers, workers)
            one = row if one is None else one
            rows.append(row | {"times_one": row["per_second"] / one["per_second"]})
    tell("speed_hearing", rows, options.save)


if __name__ == "__main__":
    main()
