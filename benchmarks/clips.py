"""The clips that `benchmarks/first_music.py` scores, as files, for ears that are not ours.

    python -m benchmarks.clips ROW --out DIR [--count 24 --seed 990000 --model NAME --steps N --guidance W]

ROW is original, codec or generated: a render of each held-back piece, its round trip through the model's autoencoder,
or what the model makes of its caption and plan. Clips that are there already are left; they are FLAC files named after
the piece's seed. Two folders are compared by an embedding's kernel distance, for instance musicnn's.
"""

from __future__ import annotations

from collections.abc import Sequence

from augmentation.audio import write_audio
from benchmarks.first_music import AUDIO_ROWS, Case, makers, original, parsed, parser_of
from mustango_app import Mustango


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the clips."""
    parser = parser_of(__doc__, 24)
    parser.add_argument("row", choices=AUDIO_ROWS)
    parser.add_argument("--guidance", type=float, help="the model's own default if not given")
    options = parsed(parser, arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    make = original
    if options.row != "original":
        made_with = {"steps": options.steps, "guidance": options.guidance, "parts": options.parts}
        make = makers(Mustango.from_pretrained(options.model), made_with)[options.row]
    for seed in range(options.seed, options.seed + options.count):
        path = options.out / f"{seed}.flac"
        if not path.exists():
            print(write_audio(path, *make(Case.of(seed))))


if __name__ == "__main__":
    main()
