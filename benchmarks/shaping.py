"""How well pieces can be shaped: songs, changes inside a piece, loops, repaints, continuations, ten minutes.

    python -m benchmarks.shaping --out DIR [--parts songs loops ...] [--count 4 | --full] [--workers 1] [--save]

Every piece is kept as DIR/PART-NUMBER.json as soon as it is measured, so that a run that was stopped goes on where it
was; what was made by other code or weights is measured anew. `--full` takes the counts of the project's aims: 20 songs,
20 of each change, 50 loops, repaints and continuations. Prints a table with the aim beside each figure and writes
DIR/report.json; `--save` writes benchmarks/results/shaping.json too.
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from augmentation.workers import run_in_processes
from benchmarks.shaping_measures import seams_found
from benchmarks.shaping_parts import LENGTHS, PARTS
from munet.files import digest, write_atomically
from mustango_app.evaluation.measure import write_json

RESULTS = Path(__file__).parent / "results" / "shaping.json"
FULL: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(PARTS, 20) | dict.fromkeys(("loops", "repaints", "continuations"), 50)
)
SECTIONS = ("verse", "chorus", "bridge", "chorus again")
Row = tuple[str, str, str]  # measure, figure, aim
Results = Sequence[Mapping[str, Any]]


@functools.cache
def _model() -> Any:
    from mustango_app import Mustango  # once in every worker

    return Mustango.from_pretrained()


@functools.cache
def version() -> str:
    """Return a digest of all code and weights that decide what is measured."""
    root = Path(__file__).resolve().parents[1]
    code = [path for name in ("munet", "mustango_app", "augmentation") for path in (root / name).rglob("*.py")]
    code += sorted((root / "benchmarks").glob("shaping_*.py"))
    weights = (root / "checkpoints").rglob("*.safetensors")
    return digest(*(path.read_bytes() for path in (*sorted(code), *sorted(weights))))[:16]


def measure(task: tuple[str, int, Path]) -> tuple[str, int, str | None]:
    """Measure one piece of a part and keep it; return what failed, if anything."""
    part, number, folder = task
    path = folder / f"{part}-{number:03}.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if kept.get("version") == version() and "failed" not in kept:
        return part, number, None
    try:
        values = PARTS[part](None if part == "minutes" else _model(), number)
    except (ValueError, RuntimeError, OSError, subprocess.SubprocessError) as error:  # recorded, and the run goes on
        values = {"failed": f"{type(error).__name__}: {error}"}
    write_json(path, {"version": version(), "number": number, **values})
    return part, number, values.get("failed")


# --- what is reported


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else float("nan")


def songs_rows(results: Results) -> Iterator[Row]:
    """Yield the rows of the long pieces beside their ten-second clips."""
    for name, words, sign in (("beat_f", "beats", 1), ("chord_root", "roots", 1), ("chord_majmin", "majmin", 1),
                              ("recall", "players heard", 1), ("intrusion", "others heard", -1)):  # fmt: skip
        clip = _mean([result["clip"][name] for result in results])
        each = [_mean([result["sections"][i][name] for result in results]) for i in range(len(SECTIONS))]
        worst = min(sign * (one - clip) for one in each)
        shown = ", ".join(f"{where} {value:.3f}" for where, value in zip(SECTIONS, each, strict=True))
        aim = "each within .03 of clips" if name[:2] in ("be", "ch") else "as in clips"
        yield f"{words}: clips {clip:.3f}", f"{shown} (worst {100 * worst:+.1f} points)", aim
    for name in ("chroma", "embedding"):
        rows = [result["return"][name] for result in results]
        nearest = np.mean([row[1] < min(row[0], row[2]) for row in rows])
        means = ", ".join(f"{where} {value:.3f}" for where, value in zip(SECTIONS, np.mean(rows, axis=0), strict=False))
        yield f"last chorus nearest to the first, {name}", f"{nearest:.2f} (mean distances: {means})", "1.00"


def changes_rows(kind: str, results: Results) -> Iterator[Row]:
    """Yield the rows of one kind of change."""
    wholes = [result["whole"] for result in results]
    yield f"{kind}: beats F", f"{_mean([one['beat_f'] for one in wholes]):.3f}", ">= .90"
    yield f"{kind}: chord roots", f"{_mean([one['chord_root'] for one in wholes]):.3f}", ">= .85"
    parts = [[result["parts"][i] for result in results] for i in range(len(results[0]["parts"]))]
    shown = "; ".join(
        f"{rows[0]['name']} {_mean([r['beat_f'] for r in rows]):.2f} {_mean([r['chord_root'] for r in rows]):.2f}"
        for rows in parts
    )
    yield f"{kind}: beats and roots by part", shown, ""
    if kind == "meter":
        yield "meter: downbeats F", f"{_mean([one['downbeat_f'] for one in wholes]):.3f}", ""
    if kind == "players":
        rows = list(chain(*parts))
        drums = [np.mean([(row["drums"] >= 0.5) == asked for row in rows if row["drums_asked"] is asked])
                 for asked in (True, False)]  # fmt: skip
        yield "drums heard where they play, not where they do not", f"{drums[0]:.2f}, {drums[1]:.2f}", "1.00"
        players = [_mean([row[name] for row in rows]) for name in ("recall", "intrusion")]
        yield "players heard, others heard", f"{players[0]:.2f}, {players[1]:.2f}", ""
        louder = [result["parts"][1]["level"] - result["parts"][0]["level"] for result in results]
        yield "energetic against calm", f"{np.mean(louder):+.1f} dB (least {min(louder):+.1f})", "> 0"


def loops_rows(results: Results) -> Iterator[Row]:
    """Yield the rows of the loops."""
    yield "length exact to the sample", f"{np.mean([not result['samples_off'] for result in results]):.2f}", "1.00"
    for name in ("level", "spectrum"):
        seam = np.mean([result[name] for result in results])
        inner = np.mean(list(chain(*(result[f"inner_{name}"] for result in results))))
        yield f"seam's jump in {name} below 95 % of the beats'", f"{seam:.2f} (other downbeats: {inner:.2f})", "1.00"
    steps = [result["click"] / max(result["usual_step"], 1e-9) for result in results]
    yield "largest sample step at the seam against other beats", f"{np.median(steps):.2f} (most {max(steps):.1f})", "1"
    yield "beats F of two repeats", f"{_mean([result['beat_f'] for result in results]):.3f}", ""
    yield "beats tracked across the seam", f"{_mean([result['across'] for result in results]):.3f}", "1.00"


def seams_rows(results: Results) -> Iterator[Row]:
    """Yield the rows of repaints or continuations."""
    yield "samples outside identical", f"{np.mean([result['outside_identical'] for result in results]):.2f}", "1.00"
    yield "roots in the region", f"{_mean([result['chord_root'] for result in results]):.3f}", ">= .85"
    yield "beats F in the region", f"{_mean([result['beat_f'] for result in results]):.3f}", ""
    steps = np.array([step for result in results for step in result["phase"] if step is not None])
    if len(steps):
        within = f"{np.mean(np.abs(steps) <= 0.020):.2f} (median {1000 * np.median(np.abs(steps)):.0f} ms)"
        yield "beat phase across seams within 20 ms", within, "1.00"
    jumps, others = ([row for result in results for row in result[name]] for name in ("jumps", "unseamed"))
    found = seams_found(jumps, others)
    yield "seams told from places a bar away", "too few" if found is None else f"{found:.2f}", "<= .55 (chance .50)"


def minutes_rows(results: Results) -> Iterator[Row]:
    """Yield the rows of memory and time."""
    by_length = {round(result["asked"]): result for result in results}
    base = by_length.get(LENGTHS[0])
    for length, result in sorted(by_length.items()):
        made = "made" if result["finite"] and result["duration"] == length else "NOT made"
        yield f"{length} s: {made}", f"{result['wall']:.0f} s, peak {result['peak_mib']:.0f} MiB", "600 s within 8 GB"
        if base and length != LENGTHS[0]:
            memory, cost = (result[name] / base[name] for name in ("peak_mib", "processor"))
            linear = cost / (length / LENGTHS[0])
            yield (
                f"{length} s against {LENGTHS[0]} s",
                f"memory x {memory:.2f}, time x {linear:.2f} of linear",
                "1.3, 1.2",
            )


REPORTS: Mapping[str, Callable[[Results], Iterator[Row]]] = MappingProxyType(
    {"songs": songs_rows, "loops": loops_rows, "repaints": seams_rows, "continuations": seams_rows}
    | {"minutes": minutes_rows}
    | {name: functools.partial(changes_rows, name.removeprefix("changes-")) for name in PARTS if "changes" in name}
)


def report(folder: Path, counts: Mapping[str, int]) -> dict[str, Any]:
    """Collect what was measured into rows by part (measure, figure, aim), and the versions of code that made it."""
    collected: dict[str, Any] = {}
    versions: set[str] = set()
    for part, count in counts.items():
        files = [folder / f"{part}-{number:03}.json" for number in range(count)]
        results = [json.loads(path.read_text(encoding="utf-8")) for path in files]
        versions |= {result["version"] for result in results}
        good = [result for result in results if "failed" not in result]
        failed = [f"{result['number']}: {result['failed']}" for result in results if "failed" in result]
        rows = [list(row) for row in REPORTS[part](good)] if good else []
        collected[part] = {"pieces": len(good), "failed": failed, "rows": rows}
    return {"versions": sorted(versions), "parts": collected}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return how many pieces failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for results")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="PART")
    parser.add_argument("--count", type=int, default=4, help="pieces of every part (%(default)s)")
    parser.add_argument("--full", action="store_true", help="the counts of the project's aims")
    parser.add_argument("--workers", type=int, default=1, help="processes (%(default)s)")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.parent.name}/{RESULTS.name}")
    options = parser.parse_args(arguments)
    if min(options.count, options.workers) < 1:
        parser.error("expected a count and workers of 1 or more")
    options.out.mkdir(parents=True, exist_ok=True)
    counts = {part: FULL[part] if options.full else options.count for part in options.parts}
    counts |= {"minutes": len(LENGTHS)} if "minutes" in counts else {}
    tasks = [(part, number, options.out) for part, count in counts.items() for number in range(count)]
    with run_in_processes(measure, tasks, options.workers) as finished:
        for part, number, failed in finished:
            print(f"{part} {number}: {failed or 'measured'}", flush=True)
    found = report(options.out, counts)
    for part, content in found["parts"].items():
        print(f"\n{part} ({content['pieces']} pieces, {len(content['failed'])} failed)")
        for name, figure, aim in content["rows"]:
            print(f"  {name:<52} {figure}" + (f"   [{aim}]" if aim else ""))
    text = (json.dumps(found, indent=2) + "\n").encode()
    for path in (options.out / "report.json", *([RESULTS] if options.save else [])):
        write_atomically(path, text)
    return sum(len(content["failed"]) for content in found["parts"].values())


if __name__ == "__main__":
    raise SystemExit(main())
