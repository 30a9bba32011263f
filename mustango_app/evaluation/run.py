"""`mustango evaluate`: score a model, or a folder of anybody's clips, on rows of MusicBench's form.

For each row: plan -> generate (or find the clip) -> hear -> score (see `evaluation_cases` and `evaluation_report`). The
same is done to the ceiling: the asked plans played by this project's own composer and renderer, which is what the
extractors can hear at best. Everything made is kept in the output folder, and a run that was stopped goes on from there
to the same report.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from augmentation.audio import FORMATS
from augmentation.compose.composer import compose
from augmentation.compose.renderer import identity, render
from augmentation.hearing.backends import refuse_missing
from augmentation.hearing.listen import PARTS, Heard
from augmentation.training_data import HELD_BACK_SEEDS
from munet.errors import RequestError
from munet.files import digest
from munet.music import MusicPlan
from mustango_app.evaluation.cases import SECONDS, Case, EvaluateSettings, failure, read_cases
from mustango_app.evaluation.measure import (
    Audio,
    Listener,
    Measure,
    clap_identity,
    examine,
    read_clip,
    sound_of,
    write_json,
)
from mustango_app.evaluation.report import Take, build_report, report_table, write_report

if TYPE_CHECKING:
    from mustango_app.engine import Mustango

__all__ = ["EvaluateSettings", "evaluate", "fingerprint", "report_table"]

RENDER_RATE = 44100  # Hz


def play(seed: int, plan: str) -> Audio:
    """The ceiling's clip, made in a worker: the plan (as JSON) composed and rendered."""
    return render(compose(seed, plan=MusicPlan.from_json(plan)), RENDER_RATE), RENDER_RATE


def ask(
    listener: Listener,
    settings: EvaluateSettings,
    measure: Measure,
    clip: str,
    make: Callable[..., Audio],
    *arguments: Any,
) -> str:
    """Have a clip measured; return the name of the result. `clip` is all that decides what `make(*arguments)` makes."""
    key = listener.key(measure.__name__, clap_identity(settings.clap), clip)
    listener.ask(key, partial(measure, clap=settings.clap), make, *arguments)
    return key


def ask_file(listener: Listener, settings: EvaluateSettings, measure: Measure, path: Path) -> str:
    """`ask` for the first ten seconds of a file."""
    return ask(listener, settings, measure, f"{digest(path.read_bytes())} {SECONDS}", read_clip, str(path), SECONDS)


def ask_ceiling(cases: Sequence[Case], settings: EvaluateSettings, listener: Listener) -> dict[int, str]:
    """Have the asked plans played and heard; return the name of each case's result. Equal plans are played once."""
    sound = identity()
    keys = {}
    for case in cases:
        plan = case.asked.to_json()
        seed = HELD_BACK_SEEDS[zlib.crc32(f"{settings.seed} {plan}".encode()) % len(HELD_BACK_SEEDS)]
        keys[case.index] = ask(listener, settings, examine, f"play {seed} {sound} {plan}", play, seed, plan)
    return keys


def fingerprint(model: Mustango) -> str:
    """Digest of all the model's weights."""
    whole = hashlib.sha256()
    for name, part in sorted(model.pipeline.components.items()):
        for key, value in part.state_dict().items() if hasattr(part, "state_dict") else ():
            whole.update(f"{name}.{key}".encode() + value.detach().float().cpu().numpy().tobytes())
    return whole.hexdigest()


class Generator:
    """Makes the clips of a model, or finds those made before.

    `clips/NNNN.flac` counts as made when `clips/NNNN.json` beside it names the same request and the digest of the file.

    Args:
        settings: what to evaluate.
    """

    def __init__(self, settings: EvaluateSettings) -> None:
        from mustango_app.engine import Mustango  # torch loads slowly

        self.settings = settings
        options = {"dtype": settings.dtype, "offload": settings.offload}
        self.model = Mustango.from_pretrained(settings.model, settings.device, **options)
        self.steps = settings.steps or self.model.default_steps
        self.facts = {"name": self.model.name, "fingerprint": fingerprint(self.model), "steps": self.steps}
        self.facts |= {"guidance": self.model.default_guidance, "device": str(self.model.device)}
        self.seconds = 0.0

    def __call__(self, case: Case) -> Path:
        """Return the clip of a case.

        Raises:
            RequestError: the model cannot play what is asked.
        """
        path = self.settings.out / "clips" / f"{case.index:04d}.flac"
        note, seed = path.with_suffix(".json"), self.settings.seed + case.index
        request = digest(*map(str, (*self.facts.values(), case.prompt, case.asked.to_json(), seed)))
        made = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else {}
        if made.get("request") != request or not path.is_file() or made.get("file") != digest(path.read_bytes()):
            start = time.perf_counter()
            clip = self.model.generate(case.prompt, plan=case.asked, seed=seed, steps=self.steps)
            clip.save(path)
            made = {"request": request, "file": digest(path.read_bytes())}
            made |= {"seconds": round(time.perf_counter() - start, 3), **clip.to_dict()}
            write_json(note, made)
        self.seconds += made["seconds"]
        return path


def audio_files(folder: Path) -> list[Path]:
    """The audio files of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in FORMATS)


def ask_reference(settings: EvaluateSettings, listener: Listener) -> list[str]:
    """Have the sound of the reference set measured; return the names of the results, none without such a set.

    Raises:
        RequestError: the folder holds no audio.
    """
    if settings.reference is None:
        return []
    files = audio_files(settings.reference)
    if not files:
        raise RequestError(f"reference: expected a folder with audio files, got {str(settings.reference)!r}")
    return [ask_file(listener, settings, sound_of, path) for path in files]


class Finder:
    """Finds the clips of others: named by the row's number, as `0000.wav`, or by the stem of its `location`.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.files = {path.stem: path for path in audio_files(folder)}
        self.facts = {"clips": str(folder)}
        self.seconds = 0.0

    def __call__(self, case: Case) -> Path:
        """Return the clip of a case.

        Raises:
            RequestError: it is not there.
        """
        names = (f"{case.index:04d}", case.name)
        found = [self.files[name] for name in names if name in self.files]
        if not found:
            raise RequestError(f"clips: expected an audio file named {names[0]} or {names[1]}, got neither")
        return found[0]


def make_clips(
    maker: Generator | Finder,
    cases: Sequence[Case],
    settings: EvaluateSettings,
    listener: Listener,
    failures: list[dict[str, Any]],
) -> list[tuple[Case, Path, str]]:
    """Make the clips one after the other, each being heard while the next is made; add those that fail to `failures`.

    Returns:
        Case, file and name of the result of each clip.
    """
    made = []
    for case in tqdm(cases, desc="making", unit="clip", disable=None):
        try:
            path = maker(case)
        except RequestError as error:
            failures.append(failure(case.index, case.name, error))
        else:
            made.append((case, path, ask_file(listener, settings, examine, path)))
    return made


def draw(path: Path, clip: Path, asked: str, heard: dict[str, Any], request: str) -> None:
    """Draw a clip, in a worker, with what was asked (a plan as JSON) and heard."""
    from mustango_app.page.plots import plot_asked_and_heard, save_picture

    audio, rate = read_clip(str(clip), SECONDS)
    figure = plot_asked_and_heard(audio, rate, MusicPlan.from_json(asked), Heard.from_dict(heard))
    save_picture(figure, path, request)


def draw_all(takes: Sequence[Take], folder: Path, listener: Listener) -> list[Future[None]]:
    """Have the workers draw each clip against its target, except where just that picture is there already."""
    from mustango_app.page.plots import shows

    tasks = []
    for take in takes:
        path, asked, heard = folder / f"{take.case.index:04d}.png", take.case.target.to_json(), take.measured["heard"]
        request = digest(take.path.read_bytes(), asked, json.dumps(heard))
        if not shows(path, request):
            tasks.append(listener.run(draw, path, take.path, asked, heard, request))
    return tasks


@contextlib.contextmanager
def _spared_cores(workers: int) -> Iterator[None]:
    """Leave the workers their cores: threads of torch that wait for a busy core cost more than they bring."""
    import torch  # loads slowly

    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, min(threads, (os.cpu_count() or 1) - workers)))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def evaluate(settings: EvaluateSettings) -> dict[str, Any]:
    """Evaluate as `settings` says; write `report.json`, `table.md`, `clips.jsonl`, `clips/` and `plots/`.

    Returns:
        The report (see docs/benchmark.md); `failures` lists the rows that could not be scored.

    Raises:
        RequestError: a setting, the rows as a whole, or the model cannot be used.
    """
    start = time.perf_counter()
    refuse_missing(PARTS)
    cases, failures = read_cases(settings)
    for folder in ("clips", "plots"):
        (settings.out / folder).mkdir(parents=True, exist_ok=True)
    spared = contextlib.nullcontext() if settings.clips else _spared_cores(settings.workers)
    with Listener(settings.out / "heard", settings.workers) as listener, spared:
        ceiling = ask_ceiling(cases, settings, listener)
        others = ask_reference(settings, listener)
        maker = Generator(settings) if settings.clips is None else Finder(settings.clips)
        takes: list[Take] = []
        made = make_clips(maker, cases, settings, listener, failures)
        for case, path, key in tqdm(made, desc="hearing", unit="clip", disable=None):
            try:
                takes.append(Take(case, path, listener.result(key), listener.result(ceiling[case.index])))
            except RequestError as error:
                failures.append(failure(case.index, case.name, error))
        compared = [listener.result(key) for key in others]
        heard = time.perf_counter()
        pictures = draw_all(takes, settings.out / "plots", listener) if settings.plots else []
        report, clips = build_report(settings, takes, failures, maker.facts, compared)
        for picture in pictures:
            picture.result()
    now = time.perf_counter()
    timings = {"generate": maker.seconds, "hear": listener.seconds, "rest": now - heard, "run": now - start}
    report["timings"] = {name: round(seconds, 3) for name, seconds in timings.items()}
    write_report(settings.out, report, clips)
    return report
