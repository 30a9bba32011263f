"""What the speed benchmarks share: tasks timed in turn, the machine's peak measured between them, tables and JSON.

Timings are noisy and machines are shared, so tasks that are compared run one after the other in every round, and what
is told of two tasks is the median of their ratio round by round. Two clocks: seconds on the wall, which other work
makes longer, and seconds of processor time of all threads, which it hardly does. The limit is work over peak: FLOPs of
the task (counted by PyTorch on its operations) over the rate of a large matrix product in the same rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from munet.files import write_atomically

RESULTS = Path(__file__).parent / "results"
PEAK = "peak"


@dataclass
class Task:
    """Something to time.

    Attributes:
        run: does it once.
        flops: what it computes, None if that was not counted.
        amount: how much it makes (clips, samples, ...), for rates.
        wall, cpu: seconds of each round.
    """

    run: Callable[[], object]
    flops: float | None = None
    amount: float = 1.0
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def in_turn(tasks: Mapping[str, Task], rounds: int, warm: int = 1) -> None:
    """Run all tasks in every round, after `warm` rounds that are not counted."""
    for turn in range(warm + rounds):
        for name, task in tasks.items():
            wall, cpu = time.perf_counter(), cpu_seconds()
            task.run()
            if turn >= warm:
                task.wall.append(time.perf_counter() - wall)
                task.cpu.append(cpu_seconds() - cpu)
            print(f"{name}: {time.perf_counter() - wall:.2f} s", file=sys.stderr)


def cpu_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def peak_task(device: str = "cpu", dtype: str = "float32") -> Task:
    """Return the matrix product that the machine's peak is measured by."""
    import torch

    size = 8192 if device.startswith("cuda") else 1536
    first, second = (torch.randn(size, size).to(device, getattr(torch, dtype)) for _ in range(2))

    def run() -> None:
        for _ in range(4):
            first @ second
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    return Task(run, flops=8.0 * size**3)


def counted(run: Callable[[], object]) -> float:
    """Return the FLOPs of matrix products, convolutions and attention in a run."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

    def attention(query: Any, key: Any, value: Any, *_arguments: Any, **_named: Any) -> int:
        return sdpa_flop_count(query, key, value)

    # PyTorch's own table lacks the fused attention of processors.
    fused = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attention}
    with FlopCounterMode(display=False, custom_mapping=fused) as counter:
        run()
    return float(counter.get_total_flops())


def rows_of(tasks: Mapping[str, Task], base: str | None = None) -> list[dict[str, Any]]:
    """Facts of each task: medians, rate, limit by the peak of the same rounds, ratio to the task `base`."""
    peak = tasks.get(PEAK)
    rows = []
    for name, task in tasks.items():
        row: dict[str, Any] = {"task": name, "rounds": len(task.wall)}
        row |= {"wall_s": statistics.median(task.wall), "cpu_s": statistics.median(task.cpu)}
        if task.amount != 1:
            row["per_second"] = task.amount / row["wall_s"]
            row["per_cpu_second"] = task.amount / max(row["cpu_s"], 1e-9)
        if task.flops is not None:
            row["gflops"] = task.flops / 1e9
            row["gflops_per_s"] = task.flops / 1e9 / row["wall_s"]
        if peak is not None and task.flops is not None and task is not peak:
            limits = [seconds * task.flops / peak.flops for seconds in peak.wall]
            row["limit_s"] = statistics.median(limits)
            row["times_limit"] = ratio(task.wall, limits)
            row["times_limit_cpu"] = ratio(task.cpu, [seconds * task.flops / peak.flops for seconds in peak.cpu])
        if base is not None and name != base and task is not peak:
            row |= {"faster": ratio(tasks[base].wall, task.wall), "faster_cpu": ratio(tasks[base].cpu, task.cpu)}
        rows.append({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()})
    return rows


def ratio(first: Sequence[float], second: Sequence[float]) -> float:
    """Median of the ratio round by round."""
    return statistics.median(a / max(b, 1e-9) for a, b in zip(first, second, strict=True))


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Lay rows out as a Markdown table; columns in order of appearance."""
    names = list(dict.fromkeys(name for row in rows for name in row))

    def cell(value: Any) -> str:
        return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)

    cells = [names, ["---"] * len(names), *([cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(names))]
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells)


def machine() -> dict[str, Any]:
    """Facts of the machine that the figures depend on."""
    import torch

    name = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    facts = {"processor": name, "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    facts |= {"instructions": torch.backends.cpu.get_cpu_capability(), "torch": torch.__version__}
    facts |= {"gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None}
    return facts | {"load": [round(value, 1) for value in os.getloadavg()], "python": platform.python_version()}


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


@contextmanager
def busy(count: int) -> Iterator[list[subprocess.Popen]]:
    """Keep `count` other processes busy meanwhile."""
    with ExitStack() as stack:
        processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
        for process in processes:
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield processes


def options_of(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """Return a parser with the flags that all speed benchmarks have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help="counted rounds (%(default)s)")
    parser.add_argument("--save", action="store_true", help="write the figures to benchmarks/results, too")
    parser.add_argument("--threads", type=int, help="of PyTorch (all cores)")
    return parser


def tell(name: str, rows: Sequence[Mapping[str, Any]], save: bool, **facts: Any) -> None:
    """Print the table; with `save` write `benchmarks/results/NAME.json`."""
    print(table(rows))
    if save:
        report = {"machine": machine(), **facts, "rows": list(rows)}
        write_atomically(RESULTS / f"{name}.json", (json.dumps(report, indent=2) + "\n").encode())
