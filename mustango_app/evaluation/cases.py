"""What is evaluated: the settings, and rows of MusicBench's form turned into cases that can be scored.

A row has three plans: `reference`, its own labels within the first ten seconds; `asked`, the complete plan that is
played (the reference completed, or read from the caption); `target`, what is scored over time (`asked` for a model that
was given it, the reference for a folder of clips). Times are seconds.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from augmentation.dataset.records import plan_of, read_rows
from augmentation.dataset.trust import reliable
from munet.errors import RequestError
from munet.music import MusicPlan
from mustango_app.planning.planner import plan_from_text
from mustango_app.request import check_prompt

SECONDS = 10.0  # of a clip that count
PLAN_SOURCES = ("row", "text")
# MusicBench names a variation after its recording: an 11-letter id, an underscore, a number.
VARIATION = re.compile(r"([\w-]{11})_\d+")


@dataclass(frozen=True)
class EvaluateSettings:
    """What to evaluate.

    Args:
        rows: JSON-lines file (or dataset folder) of MusicBench's fields.
        out: folder for all results; made if need be.
        model: folder or Hub id; the shipped model if None.
        clips: folder of finished clips to score instead of a model.
        plan_from: "row" (its labels, completed) or "text" (read from the caption).
        limit: number of rows, drawn evenly over the file; all if None.
        seed: row i is generated with seed + i.
        workers: processes that listen.
        steps: denoising steps; the model's own if None.
        reference: folder of audio that the sound is compared with; the ceiling if None.
        clap: folder or Hub id of a CLAP model, for three more figures of the sound.
        plots: whether to draw what was asked and heard.
        device, dtype, offload: as in `Mustango`.

    Raises:
        RequestError: naming the setting that cannot be used.
    """

    rows: Path
    out: Path
    model: str | None = None
    clips: Path | None = None
    plan_from: str = "row"
    limit: int | None = None
    seed: int = 0
    workers: int = 2
    steps: int | None = None
    reference: Path | None = None
    clap: str | None = None
    plots: bool = True
    device: str | None = None
    dtype: str | None = None
    offload: bool = False

    def __post_init__(self) -> None:
        if self.plan_from not in PLAN_SOURCES:
            raise RequestError(f"plan_from: expected one of {PLAN_SOURCES}, got {self.plan_from!r}")
        for name, lowest in (("limit", 1), ("workers", 1), ("steps", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise RequestError(f"{name}: expected {lowest} or more, got {value!r}")
        if self.clips is not None and (self.model, self.steps, self.plan_from) != (None, None, "row"):
            raise RequestError("clips: expected no model, steps or plan_from beside it, for nothing is generated")
        for name in ("clips", "reference"):
            folder = getattr(self, name)
            if folder is not None and not Path(folder).is_dir():
                raise RequestError(f"{name}: expected a folder of audio, got {str(folder)!r}")


@dataclass(frozen=True)
class Case:
    """One row that can be scored; its three plans are explained at the top of the module."""

    index: int
    name: str
    source: str
    prompt: str
    asked: MusicPlan
    target: MusicPlan
    reference: MusicPlan

    @classmethod
    def of(cls, index: int, row: Mapping[str, Any], settings: EvaluateSettings) -> Case:
        """Read row `index`.

        Raises:
            RequestError: it has no caption, or labels that make no plan.
        """
        name = row_name(index, row)
        prompt, reference = check_prompt(row.get("main_caption")), reference_plan(row)
        if settings.plan_from == "text":
            asked = plan_from_text(prompt, seed=settings.seed + index, seconds=reference.duration)
        else:
            asked = asked_plan(reference)
        named = VARIATION.fullmatch(name)
        target = asked if settings.clips is None else reference
        return cls(index, name, named[1] if named else name, prompt, asked, target, reference)


def row_name(index: int, row: Mapping[str, Any]) -> str:
    """Stem of the row's `location`, or its `id`, or its number."""
    return Path(str(row.get("location") or row.get("id") or f"{index:04d}")).stem


def reference_plan(row: Mapping[str, Any]) -> MusicPlan:
    """The labels of a row that lie within the first ten seconds, which is also the plan's length if the row names none.

    Raises:
        RequestError: the labels make no plan.
    """
    plan = reliable(plan_of(row), row)
    seconds = min(plan.duration or SECONDS, SECONDS)
    chords = [(symbol, second) for symbol, second in plan.chords or () if second < seconds]
    beats = [(second, position) for second, position in plan.beats or () if second < seconds]
    return plan.with_(chords=chords, beats=beats, duration=seconds)


def asked_plan(reference: MusicPlan) -> MusicPlan:
    """Complete the labels of a row, so that they say what to play from the first moment to the last.

    Recognisers leave the start open until they are sure, and rows made faster than their recording end early: the first
    chord reaches back to 0, and the beats go on to the end at the plan's tempo.

    Raises:
        RequestError: the labels cannot be completed.
    """
    plan = reference.complete()
    beats, step = list(plan.beats), 60 / plan.bpm
    while (second := round(beats[-1][0] + step, 9)) < plan.duration:
        beats.append((second, beats[-1][1] % plan.meter + 1))
    (first, _), *later = plan.chords
    return plan.with_(chords=[(first, 0.0), *later], beats=beats)


def spread(count: int, limit: int | None) -> list[int]:
    """Choose `limit` of `count` rows: one, drawn with a fixed seed, of each of `limit` equal stretches of the file.

    The variations of a recording lie side by side in MusicBench: so many recordings are met, each in another variation.
    """
    if limit is None or limit >= count:
        return list(range(count))
    edges = [i * count // limit for i in range(limit + 1)]
    # CRC-32 as the draw: the same rows for everybody, whatever becomes of numpy's generators.
    return [low + zlib.crc32(f"row {low}".encode()) % (high - low) for low, high in pairwise(edges)]


def read_cases(settings: EvaluateSettings) -> tuple[list[Case], list[dict[str, Any]]]:
    """Read the rows; return those that can be scored, and what is wrong with each of the others.

    Raises:
        RequestError: there is no such file, it has no row, or a line of it is no JSON object.
    """
    rows = read_rows(settings.rows)
    if not rows:
        raise RequestError(f"rows: expected at least one row, got none in {str(settings.rows)!r}")
    cases, failures = [], []
    for index in spread(len(rows), settings.limit):
        try:
            cases.append(Case.of(index, rows[index], settings))
        except RequestError as error:
            failures.append(failure(index, row_name(index, rows[index]), error))
    return cases, failures


def failure(index: int, name: str, error: Exception) -> dict[str, Any]:
    """What the report says of a row that could not be scored."""
    return {"row": index, "name": name, "reason": " ".join(str(error).split())}
