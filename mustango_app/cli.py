"""The command `mustango`.

Results go to stdout, as text for people or, with `--json`, as one JSON object; progress and errors go to stderr. What a
person can mend is said in one line with exit status 2. Torch is imported only by what runs a model.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from augmentation.audio import check_output, read_audio
from munet.errors import RequestError
from munet.guidance_weights import read_guidance, read_interval
from munet.music import MusicPlan
from mustango_app.exchange.commands import add_export, add_sources, export_all, plan_of_source, source_plan
from mustango_app.page.command import add_serve
from mustango_app.printed import heard_text, plan_text
from mustango_app.request import Request
from mustango_app.serving.commands import add_batch
from mustango_app.shaping.commands import add_shaping, typed

if TYPE_CHECKING:
    from mustango_app.clip import Clip
    from mustango_app.engine import Mustango

Made = TypeVar("Made")

# Flags that are fields of a `Request`.
FLAGS = (
    "prompt", "bpm", "meter", "key", "chords", "melody", "parts", "seconds", "bars", "style", "instruments", "energy",
    "loop", "sections", "seed", "steps", "guidance", "guidance_interval", "num_clips", "best_of",
)  # fmt: skip


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others."""

    def error(self, message: str) -> NoReturn:
        _complain(message.removeprefix("argument "))
        raise SystemExit(2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, 1 done in part, 2 for input that cannot be used, 130 if stopped."""
    parsed = build_parser().parse_args(arguments)
    try:
        return parsed.run(parsed) or 0
    except (RequestError, OSError) as error:
        _complain(str(error))
        return 2
    except KeyboardInterrupt:
        _complain("stopped")
        return 130


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands."""
    parser = _Parser(prog="mustango", description="Text-to-music that keeps to a plan: tempo, metre, key and chords.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    generate = _add(commands, "generate", _generate, "make music from a sentence")
    generate.add_argument("prompt", help="what to play")
    generate.add_argument(
        "-o", "--output", default="mustango.wav", help="audio file: .wav .flac .ogg .mp3 (%(default)s)"
    )
    _add_plan_flags(generate)
    add_sources(generate)
    generate.add_argument("--export", metavar="DIR", help="write sound, plan, MIDI, chord sheet and click there, too")
    generate.add_argument("--steps", type=_number(int), help="denoising steps: more is slower and finer")
    generate.add_argument(
        "--guidance", type=typed(read_guidance), help="weight of guidance, or of groups: chords=2,text=6"
    )
    generate.add_argument(
        "--guidance-interval",
        type=typed(read_interval),
        metavar="LOW,HIGH",
        help="noise levels from 0 to 1 between which guidance acts, such as 0.2,0.9 (all); elsewhere steps cost half",
    )
    generate.add_argument("--num-clips", type=_number(int), default=1, help="how many, with seeds SEED, SEED+1, ...")
    generate.add_argument("--best-of", type=_number(int), default=1, help="candidates per clip; the best is kept (1)")
    _add_model_flags(generate)
    _add_json_flag(generate)

    for shaper in add_shaping(commands, _add, _shape):
        _add_model_flags(shaper)
        _add_json_flag(shaper)

    plan = _add(commands, "plan", _plan, "print the musical plan read from a sentence or a file")
    plan.add_argument("prompt", nargs="?", help="what to play (not needed with --from)")
    _add_plan_flags(plan)
    add_sources(plan, with_from=True)
    _add_json_flag(plan)

    analyze = _add(commands, "analyze", _analyze, "print tempo, metre, key and chords heard in a file")
    analyze.add_argument("file", help="audio file")
    analyze.add_argument("--plan", metavar="FILE", help="a plan as JSON: score what is heard against it")
    _add_json_flag(analyze)

    _add_evaluate(commands)
    add_export(commands, _add)
    _add_model_flags(add_batch(commands, _add))

    _add_convert(commands)

    train = _add(commands, "train", _train, "train a model as a configuration file says")
    train.add_argument("config", help="configuration file")
    train.add_argument("--data", metavar="DIR", help="dataset folder to train on instead of the configuration's clips")
    train.add_argument("--minutes", type=float, metavar="N", help="limit of this run, its last checkpoint included")
    train.add_argument("--device", help="auto, cpu, cuda or cuda:N, instead of the configuration's")

    _add_model_flags(add_serve(commands, _add, _load_model))
    return parser


def _add_convert(commands: Any) -> None:
    convert = _add(commands, "convert", _convert, "turn the published Mustango into a folder that loads at once")
    convert.add_argument("source", help="folder or Hub id in the published layout, such as declare-lab/mustango")
    convert.add_argument("target", help="folder to make; the same command goes on where it was stopped")
    convert.add_argument("--dtype", help="float32, float16 or bfloat16 (float32)")
    convert.add_argument(
        "--base",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="configuration and tokenizer of a base model, such as google/flan-t5-large (downloaded)",
    )
    _add_json_flag(convert)


def _add_evaluate(commands: Any) -> None:
    text = "score a model, or a folder of clips, on rows that say what to play"
    evaluate = _add(commands, "evaluate", _evaluate, text)
    evaluate.add_argument("rows", help="JSON-lines file of MusicBench's fields")
    evaluate.add_argument("--out", required=True, metavar="DIR", help="all results; run again to continue")
    evaluate.add_argument("--clips", metavar="DIR", help="score these audio files (0000.wav, ...) instead of a model")
    evaluate.add_argument("--plan-from", choices=("row", "text"), default="row", help="where plans come from (row)")
    evaluate.add_argument("--limit", type=_number(int), metavar="N", help="so many rows, evenly over the file")
    evaluate.add_argument("--seed", type=_number(int), default=0, help="row i is made with SEED + i (0)")
    evaluate.add_argument("--workers", type=_number(int), default=2, help="processes that listen (2)")
    evaluate.add_argument("--steps", type=_number(int), help="denoising steps (the model's own)")
    evaluate.add_argument("--reference", metavar="DIR", help="audio that the sound is compared with (the ceiling)")
    evaluate.add_argument("--clap", metavar="FOLDER", help="a CLAP model, for three more figures of the sound")
    evaluate.add_argument("--no-plots", action="store_false", dest="plots", help="draw no pictures")
    _add_model_flags(evaluate)
    _add_json_flag(evaluate)


def _add(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int | None], text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(run=run)
    return parser


def _add_plan_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bpm", help="tempo in beats per minute")
    parser.add_argument("--key", help='such as "G major", "D dorian" or "F#m"')
    parser.add_argument("--chords", help='"G D/F# Em C" (spread), "| Am | F C |" (bars) or "G@0 Em@2.5" (seconds)')
    parser.add_argument("--meter", help="beats per bar, or a time signature")
    parser.add_argument("--seconds", type=_number(float), help="length, 1 to 600 (10)")
    parser.add_argument("--seed", type=_number(int), help="equal seeds make equal music (drawn and printed)")
    parser.add_argument("--plan", metavar="FILE", help="a plan as JSON, in parts or whole; the other flags win over it")
    parser.add_argument("--bars", type=_number(int), help="length in bars, instead of seconds")
    parser.add_argument("--style", help='such as "waltz" or "jazz swing"')
    parser.add_argument("--instruments", type=_names, metavar="NAMES", help='who plays, such as "piano, strings"')
    parser.add_argument("--energy", help="calm, moderate or energetic")
    parser.add_argument("--sections", type=_sections, metavar="FILE", help="a JSON list of sections, see MusicPlan")
    parser.add_argument("--loop", action="store_true", default=None, help="the end runs into the beginning")


def _names(text: str) -> tuple[str, ...]:
    """The names in a list with commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _sections(file: str) -> list[Any]:
    """The sections in a file."""
    try:
        found = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"expected a JSON file, got {file!r} ({error})") from None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise argparse.ArgumentTypeError(f"expected a list of sections in {file!r}, got {type(found).__name__}")
    return found


def _add_model_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="folder or Hub id (the shipped model)")
    parser.add_argument("--device", help="cpu, cuda, cuda:1 (cuda where there is one)")
    types = "float32, float16 or bfloat16: precision of the weights"
    parser.add_argument("--dtype", help=f"{types} (float32; pocket's denoiser: bfloat16 where the device has it)")
    parser.add_argument("--offload", action="store_true", help="keep the parts in main memory: for small GPUs, slower")


def _add_json_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _number(kind: type[int] | type[float]) -> Callable[[str], float]:
    """Return a converter whose complaint reads like all others."""

    def convert(text: str) -> float:
        try:
            return kind(text)
        except ValueError:
            expected = "an integer" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}") from None

    return convert


def _generate(arguments: argparse.Namespace) -> None:
    request = _request(arguments)  # complains before the model is loaded
    files = _output_files(arguments.output, request.num_clips)
    model = _load_model(arguments)
    made, taken = _with_progress("generating", lambda progress: model.generate(request, callback=progress))
    clips = made if isinstance(made, list) else [made]
    for clip, path in zip(clips, files, strict=True):
        clip.save(path)
    if arguments.export is not None:
        export_all(clips, arguments.export)
    if arguments.json:
        print(json.dumps(_report(clips, files, taken)))
        return
    for clip, path in zip(clips, files, strict=True):
        print(f"{path}: {clip.duration:g} s, seed {clip.seed}")
        print(plan_text(clip.plan))
    print(f"{taken:.1f} s of computing")


def _with_progress(title: str, make: Callable[[Callable[[int, int], None]], Made]) -> tuple[Made, float]:
    """Show a bar while something is made; return it and the seconds that it took."""
    from tqdm import tqdm

    with tqdm(desc=title, unit="step", file=sys.stderr, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        start = time.perf_counter()
        made = make(progress)
        return made, time.perf_counter() - start


def _shape(arguments: argparse.Namespace) -> None:
    """Carry out `mustango extend`, `edit` and `variation`."""
    change = arguments.change(arguments)  # complains before the model is loaded
    file, plan = check_output(arguments.output, "output"), _read_plan(arguments.plan)
    model = _load_model(arguments)
    clip, taken = _with_progress(
        change.name, lambda progress: model.shape(arguments.piece, change, plan=plan, callback=progress)
    )
    clip.save(file)
    if arguments.export is not None:
        clip.export(arguments.export)
    if arguments.json:
        print(json.dumps(_report([clip], [file], taken)))
        return
    first, last = clip.settings["shaped"]["region"]
    print(f"{file}: {clip.duration:g} s, new from {first:g} to {last:g} s, seed {clip.seed}")
    print(plan_text(clip.plan))
    print(f"{taken:.1f} s of computing")


def _report(clips: Sequence[Clip], files: Sequence[Path], taken: float) -> dict[str, Any]:
    """Facts of the first clip, the loudest peak and all files; of several, `clips` has the facts of each."""
    facts = [clip.to_dict() | {"file": str(path)} for clip, path in zip(clips, files, strict=True)]
    totals = {"peak": max(fact["peak"] for fact in facts), "seconds_taken": round(taken, 3)}
    report = {name: value for name, value in facts[0].items() if name != "file"} | totals
    report |= {"files": [fact["file"] for fact in facts]}
    return report | {"clips": facts} if len(facts) > 1 else report


def _output_files(output: str, count: int) -> list[Path]:
    """Return OUT.wav, or OUT-1.wav, OUT-2.wav, ... for several clips, all fit to be written."""
    path = check_output(output, "output")
    if count == 1:
        return [path]
    return [check_output(path.with_stem(f"{path.stem}-{i}"), "output") for i in range(1, count + 1)]


def _plan(arguments: argparse.Namespace) -> None:
    if arguments.seed is None:
        arguments.seed = 0
    plan, sources = _request(arguments).draft if arguments.prompt is not None else (plan_of_source(arguments), None)
    print(plan.to_json() if arguments.json else plan_text(plan, sources))


def _analyze(arguments: argparse.Namespace) -> None:
    asked = _read_plan(arguments.plan)
    audio, sample_rate = read_audio(arguments.file)
    from augmentation.hearing.listen import listen

    heard, scores = listen(audio, sample_rate), None
    if asked is not None:
        from mustango_app.evaluation.adherence import adherence, overall_adherence

        scores = adherence(asked, heard)
        scores["overall"] = overall_adherence(scores)
    if arguments.json:
        print(json.dumps(heard.to_dict() | ({} if scores is None else {"scores": scores})))
        return
    print(heard_text(heard))
    for name, score in (scores or {}).items():
        if name.endswith("_2"):  # of the second judge, which only an evaluation asks
            continue
        print(f"  {name:<16}{'not asked or not measured' if score is None else f'{100 * score:.0f} %'}")


def _evaluate(arguments: argparse.Namespace) -> int:
    from mustango_app.evaluation.run import EvaluateSettings, evaluate, report_table

    _silence_libraries()
    settings = {field.name: getattr(arguments, field.name) for field in fields(EvaluateSettings)}
    for name in ("rows", "out", "clips", "reference"):
        settings[name] = None if settings[name] is None else Path(settings[name])
    report = evaluate(EvaluateSettings(**settings))
    print(json.dumps(report) if arguments.json else report_table(report))
    failed = len(report["failures"])
    if failed:
        print(f"{failed} rows could not be scored: see report.json in {arguments.out}", file=sys.stderr)
    return int(failed > 0)


def _convert(arguments: argparse.Namespace) -> None:
    if wrong := next((pair for pair in arguments.base if not all(pair.partition("="))), None):
        raise RequestError(f"base: expected NAME=FOLDER, got {wrong!r}")
    bases = dict(pair.partition("=")[::2] for pair in arguments.base)
    from mustango_app.checkpoint import ProgressBars, parse_dtype, published_folder

    dtype, source = parse_dtype(arguments.dtype or "float32"), published_folder(arguments.source)
    from munet.published.convert import convert

    target = convert(source, arguments.target, dtype=dtype, bases=bases, progress=ProgressBars())
    print(json.dumps({"folder": str(target)}) if arguments.json else f"{target}: mustango generate --model {target}")


def _train(arguments: argparse.Namespace) -> int:
    import psutil

    from mustango_app.train import main as train

    spent = time.time() - psutil.Process().create_time()  # imports take their time of the minutes too
    return train(arguments.config, arguments.data, arguments.minutes, arguments.device, spent)


def _load_model(arguments: argparse.Namespace) -> Mustango:
    _silence_libraries()
    from mustango_app.engine import Mustango

    return Mustango.from_pretrained(arguments.model, arguments.device, dtype=arguments.dtype, offload=arguments.offload)


def _silence_libraries() -> None:
    """Keep the bars and remarks of diffusers off stderr, where a person reads progress and errors.

    Those of transformers follow, if it is needed at all (see `mustango_app.checkpoint`).
    """
    from diffusers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()


def _request(arguments: argparse.Namespace) -> Request:
    """The request that the flags of a command describe."""
    given = {name: getattr(arguments, name) for name in FLAGS if hasattr(arguments, name)}
    return Request(**given, plan=_read_plan(arguments.plan) or source_plan(arguments))


def _read_plan(file: str | None) -> MusicPlan | None:
    if file is None:
        return None
    path = Path(file)
    if not path.is_file():
        raise RequestError(f"plan: expected an existing JSON file, got {file!r}")
    try:
        return MusicPlan.from_json(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise RequestError(f"plan: expected a JSON file in UTF-8, got {file!r}") from None


def _complain(message: str) -> None:
    print(f"mustango: error: {' '.join(message.split())}", file=sys.stderr)
