"""How well the music keeps to its plan: generated audio between the ceiling and chance.

    python benchmarks/first_music.py --out DIR [--count 40 --seed 990000 --model NAME --rows original codec ...]

Pieces are composed from seeds that training never uses (`HELD_BACK_SEEDS`), so their plans and captions are new to the
model. The same extractors then hear four kinds of audio, scored against the same plans (`mustango_app.adherence`):

    original   the pieces as rendered: the ceiling of the extractors
    codec      the originals through the model's autoencoder and back: the ceiling of the model
    generated  what the model makes of caption and plan
    chance     the generated clips scored against the plan of the next piece: what a model that ignores plans gets

Prints means with bootstrap 95 % intervals and writes DIR/report.json. What was heard is kept in DIR/<row>/<seed>.json:
a run that was interrupted continues where it stopped. A clip whose piece, words, soundfont
or model have changed is made again; after a change to the renderer or the extractors remove the folder.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from augmentation.captions import describe
from augmentation.composer import Piece, compose
from augmentation.listen import Heard, listen
from augmentation.renderer import default_soundfont, render
from mustango_app.adherence import MEASURES, adherence
from mustango_app.audio_io import atomic_path
from mustango_app.training import HELD_BACK_SEEDS

if TYPE_CHECKING:
    from mustango_app import Mustango

RENDER_RATE = 44100  # Hz
SECONDS = 10.0
RESAMPLES = 2000
AUDIO_ROWS = ("original", "codec", "generated")

Audio = tuple[np.ndarray, int]  # float32 (channels, samples), Hz
Score = dict[str, float | None]


@dataclass(frozen=True)
class Case:
    """One held-back piece and the words to ask for it."""

    piece: Piece
    caption: str

    @classmethod
    def of(cls, seed: int) -> Case:
        """Compose the piece of `seed` and describe it without stating its plan.

        Raises:
            ValueError: `seed` is one that a training may use.
        """
        if seed not in HELD_BACK_SEEDS:
            raise ValueError(f"seed: expected one from {HELD_BACK_SEEDS[0]} to {HELD_BACK_SEEDS[-1]}, got {seed}")
        piece = compose(seed, duration=SECONDS)
        return cls(piece, describe(piece, np.random.default_rng([seed, 1])))


Source = tuple[str, Callable[[Case], Audio]]  # what decides the sound besides the case, and the maker of a clip


def original(case: Case) -> Audio:
    """Render the piece."""
    return render(case.piece, RENDER_RATE), RENDER_RATE


def codec(model: Mustango, case: Case) -> Audio:
    """Send the rendered piece through the model's autoencoder, at its own rate and in mono."""
    import soxr
    import torch

    pipe = model.pipeline
    mono = soxr.resample(render(case.piece, RENDER_RATE).mean(axis=0), RENDER_RATE, pipe.sample_rate)
    with torch.inference_mode():
        waveform = torch.from_numpy(mono.astype(np.float32))[None].to(pipe.device)
        decoded = pipe.vae.decode(pipe.vae.encode(waveform), waveform.shape[-1])
    return decoded.float().cpu().numpy(), pipe.sample_rate


def generated(model: Mustango, steps: int | None, case: Case) -> Audio:
    """Ask the model for the piece's caption and plan."""
    clip = model.generate(case.caption, plan=case.piece.plan, seed=case.piece.seed, steps=steps)
    return clip.audio, clip.sample_rate


def hear(audio: np.ndarray, sample_rate: int) -> dict[str, Any]:
    """Listen to one clip in a worker process; a clip too quiet to be heard counts as one without music."""
    try:
        return listen(audio, sample_rate).to_dict()
    except ValueError as error:
        print(f"not heard: {error}")
        nothing = {"beats": (), "beat_confidence": 0.0, "chords": (), "key_confidence": 0.0}
        return Heard(duration=audio.shape[-1] / sample_rate, **nothing).to_dict()


def hear_row(
    source: Callable[[Case], Audio], cases: Sequence[Case], folder: Path, maker: str, pool: ProcessPoolExecutor
) -> list[Heard]:
    """Make and hear one clip a case, except those `folder` holds already; clips are made while others are heard.

    Args:
        source: makes the clip of a case.
        cases: what to make.
        folder: where the results are kept.
        maker: names everything else that decides the sound; a kept result counts only for the same maker and case.
        pool: processes to hear in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pending: dict[Path, tuple[str, Future[dict[str, Any]]]] = {}

    def keep(path: Path) -> None:
        made_by, task = pending.pop(path)
        _write(path, {"made_by": made_by, "heard": task.result()})

    paths = [folder / f"{case.piece.seed}.json" for case in cases]
    for path, case in zip(paths, cases, strict=True):
        made_by = hashlib.sha256(f"{maker}\n{case}".encode()).hexdigest()
        if not path.is_file() or json.loads(path.read_text())["made_by"] != made_by:
            pending[path] = made_by, pool.submit(hear, *source(case))
            for done in [name for name, (_, task) in pending.items() if task.done()]:
                keep(done)
    for path in list(pending):
        keep(path)
    return [Heard.from_dict(json.loads(path.read_text())["heard"]) for path in paths]


def fingerprint(model: Mustango) -> str:
    """Digest of all the model's weights."""
    digest = hashlib.sha256()
    for name, part in sorted(model.pipeline.components.items()):
        for key, value in part.state_dict().items() if hasattr(part, "state_dict") else ():
            digest.update(f"{name}.{key}".encode() + value.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()


def _write(path: Path, content: object) -> None:
    """Write JSON whole or not at all."""
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(content))


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and its 95 % interval by the percentile bootstrap over clips (seeded)."""
    sample = np.asarray(values, dtype=float)
    draws = np.random.default_rng(0).integers(len(sample), size=(RESAMPLES, len(sample)))
    low, high = np.percentile(sample[draws].mean(axis=1), (2.5, 97.5))
    return float(sample.mean()), float(low), float(high)


def summarise(scores: Sequence[Score]) -> dict[str, dict[str, float | int] | None]:
    """For each measure the mean, its interval and the number of clips that count; None where none does."""
    summary: dict[str, dict[str, float | int] | None] = {}
    for measure in MEASURES:
        values = [score[measure] for score in scores if score[measure] is not None]
        names = ("mean", "low", "high", "clips")
        summary[measure] = dict(zip(names, (*interval(values), len(values)), strict=True)) if values else None
    return summary


def table(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """Lay the summaries out, measures downwards and rows across."""
    lines = [" " * 15 + "".join(f"{name:>22}" for name in summaries)]
    for measure in MEASURES:
        cells = [summary[measure] for summary in summaries.values()]
        texts = [f"{c['mean']:.2f} [{c['low']:.2f}, {c['high']:.2f}]" if c else "-" for c in cells]
        lines.append(f"{measure:15}" + "".join(f"{text:>22}" for text in texts))
    return "\n".join(lines)


def measure(cases: Sequence[Case], sources: Mapping[str, Source], out: Path, workers: int) -> dict[str, Any]:
    """Score every row, and chance where the generated row is among them; returns {row: {"summary", "scores"}}."""
    os.environ["OMP_NUM_THREADS"] = "1"  # inherited by the workers: threads that wait for a busy core cost more
    rows: dict[str, Any] = {}
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        heard = {name: hear_row(source, cases, out / name, maker, pool) for name, (maker, source) in sources.items()}
    asked = [case.piece.plan for case in cases]
    pairs = {name: list(zip(asked, clips, strict=True)) for name, clips in heard.items()}
    if "generated" in heard and len(cases) > 1:
        pairs["chance"] = list(zip([*asked[1:], asked[0]], heard["generated"], strict=True))
    for name, row in pairs.items():
        scores = [adherence(plan, clip) for plan, clip in row]
        rows[name] = {"summary": summarise(scores), "scores": scores}
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the measurement from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=40, help="pieces (%(default)s)")
    parser.add_argument("--seed", type=int, default=HELD_BACK_SEEDS[0], help="of the first piece (%(default)s)")
    parser.add_argument("--model", help="checkpoint folder or Hub id; the shipped model if not given")
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own default if not given")
    parser.add_argument("--rows", nargs="+", choices=AUDIO_ROWS, default=list(AUDIO_ROWS))
    parser.add_argument("--workers", type=int, default=2, help="listening processes (%(default)s)")
    options = parser.parse_args(arguments)
    if options.count < 1:
        parser.error(f"--count: expected 1 or more, got {options.count}")
    cases = [Case.of(options.seed + i) for i in range(options.count)]
    maker = default_soundfont().name
    sources: dict[str, Source] = {"original": (maker, original)}
    if set(options.rows) - {"original"}:
        from mustango_app import Mustango

        model = Mustango.from_pretrained(options.model)
        maker = f"{maker} {fingerprint(model)} {options.steps}"
        sources["codec"] = maker, functools.partial(codec, model)
        sources["generated"] = maker, functools.partial(generated, model, options.steps)
    rows = measure(cases, {name: sources[name] for name in options.rows}, options.out, options.workers)
    pieces = [{"seed": c.piece.seed, "style": c.piece.style, "caption": c.caption} for c in cases]
    settings = {name: value for name, value in vars(options).items() if name != "out"}
    _write(options.out / "report.json", {"settings": settings, "pieces": pieces, "rows": rows})
    print(table({name: row["summary"] for name, row in rows.items()}))


if __name__ == "__main__":
    main()
