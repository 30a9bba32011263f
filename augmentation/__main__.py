"""Command line of the data package: `python -m augmentation COMMAND`.

Exit status: 0 done, 1 done in part (failed items, disk full), 2 bad arguments, 130 interrupted. Results go to standard
output (`--json` for machines), progress and errors to standard error, one line each.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from augmentation.compose.programs import INSTRUMENTS
from augmentation.compose.soundfont_subset import reduce_soundfont
from augmentation.compose.sources import KITS_TO_KEEP, SOURCES, fetch_sources, make_travel_set
from augmentation.dataset.builder import build_dataset
from augmentation.dataset.clips import CUTS, PARAPHRASERS, BuildConfig
from augmentation.dataset.corpus import ENCODINGS, CorpusConfig, build_corpus
from augmentation.dataset.extract import extract_files
from augmentation.dataset.records import count_rows, read_rows
from augmentation.dataset.tables import PARQUET
from augmentation.hearing.listen import PARTS
from augmentation.workers import ENGINES
from munet.errors import RequestError, expect

PROGRAM = "python -m augmentation"


def _conclude(arguments: argparse.Namespace, report: Mapping[str, Any], summary: str, failed: str) -> int:
    """Print a report, as JSON or in words, and the number of failures; return the exit status."""
    print(json.dumps(report) if arguments.json else summary)
    if report["failures"]:
        print(f"{report['failures']} {failed}", file=sys.stderr)
    return 1 if report["failures"] else 0


def _compose_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, required=True, help="number of clips")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the dataset; run again to continue")
    parser.add_argument("--seed", type=int, default=0, help="decides every clip (default 0)")
    parser.add_argument("--duration", type=float, default=10.24, metavar="SECONDS", help="length (default 10.24)")
    parser.add_argument("--sample-rate", type=int, default=44100, metavar="HZ", help="default 44100")
    parser.add_argument("--format", choices=ENCODINGS, default=ENCODINGS[0], help="16-bit audio files (default flac)")
    parser.add_argument("--soundfont", metavar="FILE", help="soundfont, or folder of them (default: pretty_midi's)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes (default 2)")


def _compose(arguments: argparse.Namespace) -> int:
    config = CorpusConfig(
        count=arguments.count,
        seed=arguments.seed,
        duration=arguments.duration,
        sample_rate=arguments.sample_rate,
        format=arguments.format,
        soundfont=arguments.soundfont,
    )
    report = build_corpus(config, arguments.out, arguments.workers)
    summary = f"{report['rows']} clips in {report['out']}, {report['made']} of them made now"
    return _conclude(arguments, report, summary, f"clips failed, see failures.jsonl in {report['out']}")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part)


def _words(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


def _shard(text: str) -> tuple[int, int]:
    index, _, count = text.partition("/")
    return int(index), int(count)


def _extract_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("audio", nargs="+", metavar="AUDIO", help="audio files, and folders of them")
    parser.add_argument("--out", required=True, metavar="FILE", help="JSON lines; run again to continue")
    parser.add_argument("--labels", type=_words, default=PARTS, help=f"default {','.join(PARTS)}")
    parser.add_argument("--seed", type=int, default=0, help="decides the sentences (default 0)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes (default 1)")


def _extract(arguments: argparse.Namespace) -> int:
    report = extract_files(arguments.audio, arguments.out, arguments.labels, arguments.seed, arguments.workers)
    summary = f"{report['rows']} of {report['files']} files in {report['out']}, {report['made']} of them heard now"
    return _conclude(arguments, report, summary, f"files failed, see {report['out']}.failures.jsonl")


def _build_arguments(parser: argparse.ArgumentParser) -> None:
    given = {field.name: field.default for field in fields(BuildConfig)}
    words = "table of files and captions (CSV, JSON, JSON lines), or a folder of audio with or without sidecar files"
    parser.add_argument("metadata", metavar="METADATA", help=words)
    parser.add_argument("--audio-dir", metavar="DIR", help="folder of the audio (default: METADATA, if a folder)")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the dataset; run again to continue")
    for name, kind, words in (
        ("seed", int, "decides every choice"),
        ("limit", int, "take the first lines of METADATA only"),
        ("sample-rate", int, "Hz of the audio written"),
        ("clip-seconds", float, "length of a clip"),
        ("tempo-versions", int, "versions at another tempo"),
        ("volume-versions", int, "versions with a change of volume"),
        ("validation", float, "share of the recordings in that split"),
        ("test", float, "share of the recordings in that split"),
    ):
        default = given[name.replace("-", "_")]
        parser.add_argument(f"--{name}", type=kind, default=default, metavar="N", help=f"{words} (default {default})")
    steps = ",".join(map(str, given["pitch"]))
    parser.add_argument("--pitch", type=_numbers, default=given["pitch"], help=f"semitones (default --pitch={steps})")
    words = "clips of a whole song: its start only, or all of it, cut on its bars (default start)"
    parser.add_argument("--cut", choices=CUTS, default=given["cut"], help=words)
    labels = f"what to extract (default {','.join(PARTS)}), or 'metadata': take the labels given there"
    parser.add_argument("--labels", type=_words, default=given["labels"], help=labels)
    words = "what rewords captions: chat is the model that MUSTANGO_CHAT_URL and _MODEL name (default offline)"
    parser.add_argument("--paraphraser", choices=PARAPHRASERS, default=given["paraphraser"], help=words)
    parser.add_argument("--keep-low-quality", action="store_true", help="keep clips whose caption speaks of it")
    words = "write Parquet files as well: with the audio in them, or naming the FLAC files (default reference)"
    parser.add_argument("--parquet", nargs="?", const="reference", default="", choices=PARQUET[1:], help=words)
    parser.add_argument("--webdataset", action="store_true", help="write tar archives for webdataset as well")
    words = "column of METADATA that decides: train, validation, test, or a flag for test, such as is_audioset_eval"
    parser.add_argument("--split-by", metavar="COLUMN", help=words)
    words = "let recordings that sound the same fall into different splits"
    parser.add_argument("--no-fingerprints", dest="fingerprints", action="store_false", help=words)
    words = "make every N-th clip only, from the I-th (0 to N - 1) on; the last of N jobs ends the folder"
    parser.add_argument("--shard", type=_shard, default=(0, 1), metavar="I/N", help=words)
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="clips at work at a time (default 1)")
    parser.add_argument("--engine", choices=tuple(ENGINES), default="process", help="where they work (default process)")


def _build(arguments: argparse.Namespace) -> int:
    if arguments.audio_dir is None:
        expect("audio-dir", Path(arguments.metadata).is_dir(), "a folder, as METADATA is none", arguments.audio_dir)
        arguments.audio_dir = arguments.metadata
    config = BuildConfig(**{field.name: getattr(arguments, field.name) for field in fields(BuildConfig)})
    report = build_dataset(config, arguments.out, arguments.workers, arguments.engine, shard=arguments.shard)
    for remark in report["remarks"]:
        print(f"splits: {remark}", file=sys.stderr)
    made = f"{report['made']} of {report['clips']} clips made now"
    summary = f"{report['rows']} rows in {report['out']}, {made}, {report['dropped']} left out for low quality"
    if report["missing"]:
        summary += f"; {report['missing']} clips are left to other jobs, and the last one writes the tables"
    return _conclude(arguments, report, summary, f"clips failed, see failures.jsonl in {report['out']}")


def _judge_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the run; run again to go on")
    parser.add_argument("--minutes", type=float, default=10.0, help="wall minutes of this run (default 10)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    parser.add_argument("--start", metavar="DIR", help="judge whose weights to start from")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes that render (default 1)")
    parser.add_argument("--validation", type=int, default=200, metavar="N", help="pieces to measure on (default 200)")
    parser.add_argument("--replays", type=int, default=0, metavar="N", help="steps on earlier batches a new one (0)")
    parser.add_argument("--rate", type=float, default=2e-3, help="learning rate at its peak (default 0.002)")
    parser.add_argument("--any-players", type=float, default=0.0, metavar="SHARE", help="pieces with drawn players (0)")
    parser.add_argument("--fewer-players", type=float, default=0.0, metavar="SHARE", help="with some left out (0)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and pieces (default 0)")


def _judge(arguments: argparse.Namespace) -> int:
    from augmentation.hearing.judge_training import JudgeTraining, train_judge  # torch loads slowly

    settings = JudgeTraining(
        arguments.out,
        arguments.minutes,
        learning_rate=arguments.rate,
        workers=arguments.workers,
        seed=arguments.seed,
        validation=arguments.validation,
        replays=arguments.replays,
        any_players=arguments.any_players,
        fewer_players=arguments.fewer_players,
    )
    figures = train_judge(settings, arguments.device, None if arguments.start is None else Path(arguments.start))
    if arguments.json:
        print(json.dumps(figures))
        return 0
    for name, threshold in zip(figures["recall"], figures["thresholds"], strict=True):
        print(f"{name:18} {figures['recall'][name]:.3f} heard, {figures['false_alarms'][name]:.3f} false, {threshold}")
    print(f"style {figures['style']:.3f} of {figures['pieces']} pieces")
    return 0


def _sources_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="folder of the soundfonts; run again to continue")
    names = ",".join(source.name for source in SOURCES)
    parser.add_argument("--only", type=_words, default=(), metavar="NAMES", help=f"default {names}")
    parser.add_argument("--travel", metavar="OUT", help="write small editions for a machine without a network as well")


def _sources(arguments: argparse.Namespace) -> int:
    found = fetch_sources(arguments.folder, arguments.only)
    sizes = make_travel_set(arguments.folder, arguments.travel) if arguments.travel else {}
    lines = [f"{row['status']:<8} {row['name']:<12} {row['licence']}. {row['credit']}" for row in found]
    lines += [f"{arguments.travel}/{name}: {size / 1e6:.1f} MB" for name, size in sizes.items()]
    missing = [row for row in found if row["status"] == "missing"]
    for row in missing:
        print(f"{row['name']}: {row['reason']}", file=sys.stderr)
    report = {"sources": found, "travel": sizes, "failures": len(missing)}
    return _conclude(arguments, report, "\n".join(lines), "sources missing; the same command tries again")


def _reduce_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="IN", help=".sf2 or .sf3 file")
    parser.add_argument("target", metavar="OUT", help="file to write; compressed if its name ends in .sf3")
    everything = ",".join(map(str, sorted(set(INSTRUMENTS.values()))))
    parser.add_argument("--presets", type=_numbers, default=_numbers(everything), help=f"default {everything}")
    kits = ",".join(map(str, KITS_TO_KEEP))
    parser.add_argument("--kits", type=_numbers, default=KITS_TO_KEEP, help=f"drum kits (default {kits})")
    parser.add_argument("--limit", type=int, metavar="KB", help="thin instruments with more samples than that")
    parser.add_argument("--mono", type=_numbers, default=(), metavar="PRESETS", help="keep their left channel only")


def _reduce(arguments: argparse.Namespace) -> int:
    limit = arguments.limit * 1000 if arguments.limit else None
    size = reduce_soundfont(
        arguments.source, arguments.target, arguments.presets, arguments.kits, limit, arguments.mono
    )
    report = {"out": arguments.target, "bytes": size, "failures": 0}
    return _conclude(arguments, report, f"{arguments.target}: {size / 1e6:.1f} MB", "")


def _stats_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="dataset folder, or a .jsonl file of rows")


def _stats(arguments: argparse.Namespace) -> int:
    rows = read_rows(arguments.folder)
    counts = count_rows(rows)
    if arguments.json:
        print(json.dumps({"rows": len(rows), **counts}))
        return 0
    print(f"{len(rows)} rows")
    for name, found in counts.items():
        print(f"\n{name}")
        total = sum(found.values())
        for value, count in found.items():
            print(f"  {value:<24}{count:>8}{100 * count / total:>7.1f} %")
    return 0


@dataclass(frozen=True)
class Command:
    """A subcommand: its help line, what it adds to its parser, and what it does (returning the exit status)."""

    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


COMMANDS: tuple[tuple[str, Command], ...] = (
    ("compose", Command("compose, render and caption a dataset with exact labels", _compose_arguments, _compose)),
    ("extract", Command("hear beats, tempo, metre, chords and key of audio files", _extract_arguments, _extract)),
    ("build", Command("build a captioned, augmented dataset from audio and captions", _build_arguments, _build)),
    ("train-judge", Command("train the judge of instruments and styles on renders", _judge_arguments, _judge)),
    ("sources", Command("fetch the sound sources, with their licences", _sources_arguments, _sources)),
    ("reduce-soundfont", Command("cut a soundfont down to some presets", _reduce_arguments, _reduce)),
    ("stats", Command("count the rows of a dataset per style, metre, key, tempo, chord", _stats_arguments, _stats)),
)


def build_parser() -> argparse.ArgumentParser:
    """Parser of the whole command line, one subparser per row of `COMMANDS`."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Music data with exact labels.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", dest="name")
    for name, command in COMMANDS:
        subparser = subparsers.add_parser(name, help=command.help, description=command.help)
        command.add_arguments(subparser)
        subparser.add_argument("--json", action="store_true", help="print the result as one JSON object")
        subparser.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    arguments = build_parser().parse_args(argv)
    label = f"{PROGRAM} {arguments.name}: error:"
    if threading.current_thread() is threading.main_thread():  # a scheduler's end is an end like any other
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return arguments.run(arguments)
    except RequestError as error:
        print(label, error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has seen enough (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"{label} {error}; what is done stays, the same command continues", file=sys.stderr)
        return 1
    except BrokenProcessPool:
        print(f"{label} a worker process was killed (memory?); the same command continues", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{PROGRAM} {arguments.name}: interrupted; the same command continues", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
