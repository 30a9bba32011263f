"""How fast pieces are made: milliseconds of processor time to compose one, and to caption it.

    python benchmarks/composing.py [--count 200 --save]

Windows of 10.24 s and songs of 120 s. `--save` also writes benchmarks/results/composing.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from augmentation.captions.caption import caption
from augmentation.compose.composer import compose
from munet.files import write_atomically

RESULTS = Path(__file__).parent / "results" / "composing.json"


def milliseconds(work: Callable[[int], object], count: int) -> float:
    """Mean processor time of `work(0)` to `work(count - 1)`, the first one done before as well."""
    work(0)
    start = time.process_time()
    for index in range(count):
        work(index)
    return 1000 * (time.process_time() - start) / count


def measure(count: int) -> dict[str, float]:
    """Milliseconds a piece by what is made."""
    pieces = [compose(seed) for seed in range(count)]
    return {
        "compose 10.24 s": milliseconds(compose, count),
        "compose 120 s": milliseconds(lambda seed: compose(seed, duration=120.0), max(1, count // 10)),
        "caption": milliseconds(lambda seed: caption(pieces[seed], np.random.default_rng(seed)), count),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print, and write if asked."""
    parser = argparse.ArgumentParser(description="How fast pieces are made.")
    parser.add_argument("--count", type=int, default=200, help="pieces (default 200)")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.parent.name}/{RESULTS.name}")
    options = parser.parse_args(arguments)
    if options.count < 1:
        parser.error(f"count: expected at least 1, got {options.count}")
    result = measure(options.count)
    for name, value in result.items():
        print(f"{name:<18}{value:>8.2f} ms a piece")
    if options.save:
        write_atomically(RESULTS, (json.dumps(result, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
