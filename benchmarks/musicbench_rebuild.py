"""MusicBench rebuilt from composed clips, whose exact labels are known: are the labels right, and how fast is it?

    python benchmarks/musicbench_rebuild.py [--clips 60 --recheck 240 --workers 1 2 --save]

Composes the clips, builds the dataset with every number of workers in a process of its own (the same bytes are
demanded), and compares, with the measures of `mustango_app.evaluation.adherence`:

    originals          labels extracted from the clips, with the exact ones
    versions           what is heard in the audio of changed versions, with their rows
    versions, exact    the same, with the exact labels changed likewise

`--recheck` is how many changed versions are listened to again. `--save` also writes
benchmarks/results/musicbench_rebuild.json. Seconds per clip are processor time, which other work on the machine hardly
makes longer; the times of the whole command are wall clock, and each begins with loading and compiling ("once at
work": without).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from augmentation.dataset.corpus import CorpusConfig, build_corpus
from augmentation.dataset.labels import crop_row, stretch_row, transpose_row
from augmentation.dataset.records import plan_of, read_rows
from augmentation.dataset.tables import SPLITS
from augmentation.hearing.listen import Heard, listen
from munet.files import write_atomically
from munet.music import MusicPlan
from mustango_app.evaluation.adherence import adherence

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results" / "musicbench_rebuild.json"
SECONDS = 10.0
MEASURES = ("beat_f", "downbeat_f", "tempo_acc1", "tempo_acc2", "meter", "meter_duple", "chord_root", "chord_majmin",
            "chord_sevenths", "key")  # fmt: skip
Scores = Mapping[str, float | None]


def heard_of(row: Mapping[str, Any]) -> Heard:
    """Labels of a row in the form in which extractors answer."""
    plan = plan_of(row)
    chords = tuple((chord.harte(), start, end) for start, end, chord in plan.chord_intervals())
    confidence, agreement = row["beat_confidence"], row["keyprob"][0] if row["keyprob"] else None
    return Heard(row["duration"], plan.bpm, plan.meter, plan.beats or (), confidence, plan.key, agreement, chords)


def changed(exact: Mapping[str, Any], change: Mapping[str, Any] | None) -> MusicPlan:
    """Exact labels of a version of a clip."""
    row: Mapping[str, Any] = crop_row(exact, SECONDS)
    if change and change["kind"] == "pitch":
        row = transpose_row(row, change["semitones"])
    if change and change["kind"] == "tempo":
        row = crop_row(stretch_row(row, change["factor"]), SECONDS)
    return plan_of(row)


def mean_scores(scores: Sequence[Scores]) -> dict[str, float]:
    """Mean of every measure over the clips for which it is known."""
    known = {name: [row[name] for row in scores if row[name] is not None] for name in MEASURES}
    return {name: float(np.mean(values)) for name, values in known.items() if values}


def build(corpus: Path, out: Path, workers: int) -> dict[str, Any]:
    """Build the dataset in a process of its own; returns its report with the `wall` seconds of the command."""
    command = [sys.executable, "-m", "augmentation", "build", str(corpus), "--audio-dir", str(corpus)]
    started = time.perf_counter()
    done = subprocess.run(
        [*command, "--out", str(out), "--workers", str(workers), "--json"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    wall = time.perf_counter() - started
    return {**json.loads(done.stdout), "workers": workers, "wall": wall, "rate": rate(out, workers)}


def rate(out: Path, workers: int) -> float:
    """Clips a second of wall clock from when each worker has finished one, so that loading is not counted."""
    times = sorted(path.stat().st_mtime for path in (out / "shards").iterdir())
    return (len(times) - workers) / (times[-1] - times[workers - 1])


def digest(folder: Path) -> str:
    """One digest of all files of a dataset."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole.update(f"{path.relative_to(folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def score(out: Path, corpus: Path, recheck: int) -> dict[str, Any]:
    """Compare the labels of a dataset with the exact ones, and with what is heard in `recheck` changed versions."""
    exact = {row["file_name"]: row for row in read_rows(corpus)}
    rows = [row for split in SPLITS if (out / split / "metadata.jsonl").is_file() for row in read_rows(out / split)]
    originals = [row for row in rows if row["augmentation"] is None]
    versions = [row for row in rows if row["augmentation"] is not None]
    drawn = np.random.default_rng(0).permutation(len(versions))[:recheck]
    against_rows, against_exact, kinds = [], [], []
    for number, place in enumerate(drawn, start=1):
        row = versions[place]
        audio, rate = soundfile.read(out / row["location"], dtype="float32", always_2d=True)
        heard = listen(audio.T, rate)
        against_rows.append(adherence(plan_of(row), heard))
        against_exact.append(adherence(changed(exact[row["source"]], row["augmentation"]), heard))
        kinds.append(row["augmentation"]["kind"])
        print(f"\rheard again: {number} of {len(drawn)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    own = [adherence(changed(exact[row["source"]], None), heard_of(row)) for row in originals]
    result = {"originals": mean_scores(own), "versions": mean_scores(against_rows)}
    result["versions, exact"] = mean_scores(against_exact)
    for kind in sorted(set(kinds)):
        chosen = [scores for scores, found in zip(against_rows, kinds, strict=True) if found == kind]
        result[f"versions, {kind}"] = mean_scores(chosen)
    return result


def report(builds: Sequence[Mapping[str, Any]], scores: Mapping[str, Mapping[str, float]]) -> str:
    """Lay the results out for reading."""
    lines = []
    for found in builds:
        share = found["listening"] / found["seconds"]
        lines.append(
            f"{found['workers']} workers: {found['clips']} clips, {found['rows']} rows in {found['wall']:.0f} s, "
            f"{found['rate']:.3f} clips/s once at work; "
            f"{found['clips'] / found['seconds']:.3f} clips/s/core (processor time), {100 * share:.0f} % in extractors"
        )
    if len(builds) > 1:
        lines.append(
            f"last to first: {builds[0]['wall'] / builds[-1]['wall']:.2f} times as fast, "
            f"{builds[-1]['rate'] / builds[0]['rate']:.2f} times once at work; the same bytes"
        )
    lines.append(f"{'':<18}" + "".join(f"{name:>15}" for name in MEASURES))
    for name, values in scores.items():
        cells = (f"{100 * values[measure]:>15.1f}" if measure in values else f"{'-':>15}" for measure in MEASURES)
        lines.append(f"{name:<18}" + "".join(cells))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Build, compare and print, and write if asked."""
    parser = argparse.ArgumentParser(description="MusicBench rebuilt from composed clips.")
    parser.add_argument("--clips", type=int, default=60, help="clips to compose (default 60)")
    parser.add_argument("--recheck", type=int, default=240, help="changed versions to listen to again (default 240)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="processes to try (default 1 2)")
    parser.add_argument("--seed", type=int, default=1000, help="of the composed clips (default 1000)")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.parent.name}/{RESULTS.name}")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        build_corpus(CorpusConfig(count=options.clips, seed=options.seed), folder / "corpus")
        outs = [folder / f"out{workers}" for workers in options.workers]
        builds = [build(folder / "corpus", out, count) for out, count in zip(outs, options.workers, strict=True)]
        if len({digest(out) for out in outs}) != 1:
            raise SystemExit("the number of workers changed the bytes")
        scores = score(outs[0], folder / "corpus", options.recheck)
    print(report(builds, scores))
    if options.save:
        kept = [{name: value for name, value in found.items() if name != "out"} for found in builds]
        result = {"clips": options.clips, "recheck": options.recheck, "builds": kept, "scores": scores}
        write_atomically(RESULTS, (json.dumps(result, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
