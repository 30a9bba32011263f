"""The clips that `benchmarks/first_music.py` scores, as files, for ears that are not ours.

    python -m benchmarks.clips ROW --out DIR [--count 24 --seed 990000 --model NAME --steps N --guidance W]

ROW is original, codec or generated: a render of each held-back piece, its round trip through the model's autoencoder,
or what the model makes of its caption and plan. Clips that are there already are left; they are FLAC files named after
the piece's seed. Two folders are compared by an embedding's kernel distance, for instance musicnn's.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from augmentation.training_data import HELD_BACK_SEEDS
from benchmarks.first_music import AUDIO_ROWS, Case, codec, generated, original
from mustango_app import Mustango


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the clips."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", choices=AUDIO_ROWS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=24, help="pieces (%(default)s)")
    parser.add_argument("--seed", type=int, default=HELD_BACK_SEEDS[0], help="of the first piece (%(default)s)")
    parser.add_argument("--model", help="checkpoint folder or Hub id; the shipped model if not given")
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own default if not given")
    parser.add_argument("--guidance", type=float, help="the model's own default if not given")
    options = parser.parse_args(arguments)
    if options.count < 1:
        parser.error(f"--count: expected 1 or more, got {options.count}")
    options.out.mkdir(parents=True, exist_ok=True)
    model = None if options.row == "original" else Mustango.from_pretrained(options.model)
    asked = {name: getattr(options, name) for name in ("steps", "guidance") if getattr(options, name) is not None}
    for seed in range(options.seed, options.seed + options.count):
        path = options.out / f"{seed}.flac"
        if path.exists():
            continue
        case = Case.of(seed)
        if model is None:
            audio, rate = original(case)
        else:
            audio, rate = codec(model, case) if options.row == "codec" else generated(model, asked, case)
        unfinished = path.with_name(f"{seed}.unfinished")
        soundfile.write(unfinished, np.clip(np.atleast_2d(audio), -1, 1).T, rate, format="FLAC")
        unfinished.rename(path)
        print(path)


if __name__ == "__main__":
    main()
