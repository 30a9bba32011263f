"""How near music lies to a render of the notes that it was told.

    python -m benchmarks.parts_followed [--count 24 --model NAME]

Of held-back pieces (`HELD_BACK_SEEDS`) the model gets caption and plan, and in the row `told` the notes as well. Both
rows are compared with the render of these notes; `chance` is `told` against the render of the piece before. The figure
is the correlation of mel spectrograms (64 bands up to 10 kHz, decibels, 25 ms), each band about its own mean: how what
sounds changes over time, whatever its balance.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import soxr

from augmentation.compose.renderer import render
from augmentation.training_data import HELD_BACK_SEEDS
from benchmarks.first_music import RENDER_RATE, Case
from munet.compiled import load_librosa
from mustango_app import Mustango
from mustango_app.evaluation.bootstrap import summarise, table

ROWS = ("told", "not_told", "chance")
FIRST = 100  # behind the pieces of the other benchmarks
HOP, BANDS, HIGHEST = RENDER_RATE // 40, 64, 10_000.0
FLOOR = 1e-4  # of the loudest


def spectrogram(audio: np.ndarray) -> np.ndarray:
    """Return the mel spectrogram `(BANDS, frames)` of sound `(channels, samples)` at `RENDER_RATE`, logarithmic."""
    power = load_librosa().feature.melspectrogram(
        y=audio.mean(axis=0), sr=RENDER_RATE, n_fft=2048, hop_length=HOP, n_mels=BANDS, fmax=HIGHEST
    )
    return np.log(power + FLOOR * power.max())


def followed(made: np.ndarray, rendered: np.ndarray) -> float:
    """Return the correlation of two spectrograms `(bands, frames)`, each band about its own mean; 1 is the same."""
    frames = min(made.shape[1], rendered.shape[1])
    one, other = (each[:, :frames] - each[:, :frames].mean(axis=1, keepdims=True) for each in (made, rendered))
    size = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / size if size else 0.0


def measure(model: Mustango, count: int) -> dict[str, list[dict[str, float]]]:
    """Make and compare `count` pieces; returns row -> a score for each."""
    scores: dict[str, list[dict[str, float]]] = {row: [] for row in ROWS}
    before: np.ndarray | None = None
    for seed in range(HELD_BACK_SEEDS[FIRST], HELD_BACK_SEEDS[FIRST] + count):
        case = Case.of(seed)
        piece = case.piece
        notes = [list(note) for note in piece.events if 0 <= note.start < piece.plan.duration]
        rendered = spectrogram(render(piece, RENDER_RATE))
        made = {}
        for row, parts in (("told", notes), ("not_told", None)):
            clip = model.generate(case.caption, plan=piece.plan, seed=seed, parts=parts)
            made[row] = spectrogram(soxr.resample(clip.audio.T, clip.sample_rate, RENDER_RATE).T)
            scores[row].append({"followed": followed(made[row], rendered)})
        if before is not None:
            scores["chance"].append({"followed": followed(made["told"], before)})
        before = rendered
    return scores


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the measurement from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=24, help="pieces (%(default)s)")
    parser.add_argument("--model", help="checkpoint folder or Hub id; the shipped model if not given")
    options = parser.parse_args(arguments)
    if options.count < 2:
        parser.error(f"--count: expected 2 or more, got {options.count}")
    scores = measure(Mustango.from_pretrained(options.model), options.count)
    print(table({row: summarise(each, ("followed",)) for row, each in scores.items()}, ("followed",)))


if __name__ == "__main__":
    main()
