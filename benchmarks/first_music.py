"""How well the music keeps to its plan: generated audio between the ceiling and chance.

    python benchmarks/first_music.py --out DIR [--count 40 --seed 990000 --model NAME --rows original codec ...]
        [--steps N --guidance-interval 0.2,0.95]

Pieces are composed from seeds that training never uses (`HELD_BACK_SEEDS`), so their plans and captions are new to the
model. The same extractors then hear four kinds of audio, scored against the same plans
(`mustango_app.evaluation.adherence`):

    original   the pieces as rendered: the ceiling of the extractors
    codec      the originals through the model's autoencoder and back: the ceiling of the model
    generated  what the model makes of caption and plan
    chance     the generated clips scored against the plan of the next piece: what a model that ignores plans gets

Prints means with bootstrap 95 % intervals and writes DIR/report.json. What was heard is kept in DIR/heard: a run that
was interrupted continues where it stopped (see `mustango_app.evaluation.measure`).
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from augmentation.captions.caption import describe
from augmentation.compose.composer import Piece, compose
from augmentation.compose.renderer import default_soundfont, render
from augmentation.hearing.listen import Heard
from augmentation.training_data import HELD_BACK_SEEDS
from munet.guidance_weights import read_interval
from mustango_app.evaluation.adherence import MEASURES, adherence
from mustango_app.evaluation.bootstrap import summarise, table
from mustango_app.evaluation.measure import Audio, Listener, as_made, hear_only, write_json
from mustango_app.evaluation.run import fingerprint
from mustango_app.request import COMPOSED

if TYPE_CHECKING:
    from mustango_app import Mustango

RENDER_RATE = 44100  # Hz
SECONDS = 10.0
AUDIO_ROWS = ("original", "codec", "generated")


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
    """Send the rendered piece through the model's autoencoder, at its own rate and in as many channels."""
    import soxr
    import torch

    pipe = model.pipeline
    stereo = soxr.resample(render(case.piece, RENDER_RATE).T, RENDER_RATE, pipe.sample_rate).T
    sound = stereo if pipe.vae.audio_channels == 2 else stereo.mean(axis=0)
    with torch.inference_mode():
        waveform = torch.from_numpy(np.ascontiguousarray(sound, dtype=np.float32))[None].to(pipe.device)
        decoded = pipe.vae.decode(pipe.vae.encode(waveform), waveform.shape[-1])
    channels = decoded[0] if decoded.ndim == 3 else decoded
    return channels.float().cpu().numpy(), pipe.sample_rate


def generated(model: Mustango, made_with: Mapping[str, Any], case: Case) -> Audio:
    """Ask the model for the piece's caption and plan."""
    clip = model.generate(case.caption, plan=case.piece.plan, seed=case.piece.seed, **made_with)
    return clip.audio, clip.sample_rate


def hear_row(source: Callable[[Case], Audio], cases: Sequence[Case], maker: str, listener: Listener) -> list[Heard]:
    """Make and hear one clip a case, except those heard before; clips are made while others are heard.

    Args:
        source: makes the clip of a case.
        cases: what to make.
        maker: names everything else that decides the sound.
        listener: hears and keeps.
    """
    keys = [listener.key("hear_only", maker, repr(case)) for case in cases]
    for key, case in zip(keys, cases, strict=True):
        if not listener.has(key):
            listener.ask(key, hear_only, as_made, *source(case))
    return [Heard.from_dict(listener.result(key)["heard"]) for key in keys]


def measure(cases: Sequence[Case], sources: Mapping[str, Source], out: Path, workers: int) -> dict[str, Any]:
    """Score every row, and chance where the generated row is among them; returns {row: {"summary", "scores"}}."""
    rows: dict[str, Any] = {}
    with Listener(out / "heard", workers) as listener:
        heard = {
            name: hear_row(source, cases, f"{name} {maker}", listener) for name, (maker, source) in sources.items()
        }
    asked = [case.piece.plan for case in cases]
    pairs = {name: list(zip(asked, clips, strict=True)) for name, clips in heard.items()}
    if "generated" in heard and len(cases) > 1:
        pairs["chance"] = list(zip([*asked[1:], asked[0]], heard["generated"], strict=True))
    for name, row in pairs.items():
        scores = [adherence(plan, clip) for plan, clip in row]
        rows[name] = {"summary": summarise(scores, MEASURES), "scores": scores}
    return rows


def makers(model: Mustango, made_with: Mapping[str, Any]) -> dict[str, Callable[[Case], Audio]]:
    """What makes the clip of a case in the rows that need a model; `made_with` goes to `generate`."""
    return {"codec": functools.partial(codec, model), "generated": functools.partial(generated, model, made_with)}


def parser_of(description: str | None, count: int) -> argparse.ArgumentParser:
    """Return a parser with the flags that say which pieces are made and with which model."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=count, help="pieces (%(default)s)")
    parser.add_argument("--seed", type=int, default=HELD_BACK_SEEDS[0], help="of the first piece (%(default)s)")
    parser.add_argument("--model", help="checkpoint folder or Hub id; the shipped model if not given")
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own default if not given")
    parser.add_argument("--parts", choices=[COMPOSED], help="have the composer write what everybody plays")
    return parser


def parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options; a count below 1 ends the program."""
    options = parser.parse_args(arguments)
    if options.count < 1:
        parser.error(f"--count: expected 1 or more, got {options.count}")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the measurement from the command line."""
    parser = parser_of(__doc__, 40)
    parser.add_argument("--guidance-interval", type=read_interval, help="noise levels, such as 0.2,0.95 (all)")
    parser.add_argument("--rows", nargs="+", choices=AUDIO_ROWS, default=list(AUDIO_ROWS))
    parser.add_argument("--workers", type=int, default=2, help="listening processes (%(default)s)")
    options = parsed(parser, arguments)
    cases = [Case.of(options.seed + i) for i in range(options.count)]
    maker = default_soundfont().name
    sources: dict[str, Source] = {"original": (maker, original)}
    if set(options.rows) - {"original"}:
        from mustango_app import Mustango

        model = Mustango.from_pretrained(options.model)
        maker = f"{maker} {fingerprint(model)} {options.steps} {options.guidance_interval} {options.parts}"
        names = ("steps", "guidance_interval", "parts")
        made_with = {name: getattr(options, name) for name in names}
        sources |= {name: (maker, make) for name, make in makers(model, made_with).items()}
    rows = measure(cases, {name: sources[name] for name in options.rows}, options.out, options.workers)
    pieces = [{"seed": c.piece.seed, "style": c.piece.style, "caption": c.caption} for c in cases]
    settings = {name: value for name, value in vars(options).items() if name != "out"}
    write_json(options.out / "report.json", {"settings": settings, "pieces": pieces, "rows": rows})
    print(table({name: row["summary"] for name, row in rows.items()}, MEASURES))


if __name__ == "__main__":
    main()
