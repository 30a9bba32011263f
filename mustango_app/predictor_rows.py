"""Rows for the predictors of beats and chords: captions and plans of a dataset folder, without its sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from augmentation.training_data import CorpusClips
from munet.errors import RequestError
from munet.training.predictors import SECONDS, PredictorTrainer, PredictorTraining, Row, usable
from mustango_app.folder_rows import held_back
from mustango_app.training_rows import FAULTS, Faults, Places


def predictor_rows(clips: CorpusClips, kind: str, faults: Faults) -> list[Row]:
    """A row for each caption of each clip that can be learnt from; says how many clips cannot, and why.

    Args:
        clips: of the folder; the first ten seconds of a clip count.
        kind: "beat_predictor" or "chord_predictor".
        faults: gets the rows that are malformed.
    """
    rows: list[Row] = []
    without: Counter[str] = Counter()
    for index in range(len(clips)):
        try:
            plan, captions = clips.words(index)
            plan = plan.crop(0.0, SECONDS) if (plan.duration or 0.0) > SECONDS else plan
            reason = usable(kind, plan)
        except FAULTS as error:
            faults.add(clips.name(index), f"{type(error).__name__}: {error}")
            continue
        if reason is not None:
            without[reason] += 1
            continue
        rows += [(caption, plan) for caption in dict.fromkeys(captions)]
    for reason, count in without.items():
        print(f"data: {count} of {len(clips)} clips have {reason} and are left out", flush=True)
    return rows


def train_predictor(
    kind: str, clips: CorpusClips, settings: PredictorTraining, validation: str | None, faults: Faults
) -> Path:
    """Train a predictor on a dataset folder; returns the newest checkpoint.

    Args:
        kind: "beat_predictor" or "chord_predictor".
        clips: to train on.
        settings: of the run.
        validation: folder to measure on, None for the split `validation` beside `train`.
        faults: gets the rows that are malformed.

    Raises:
        RequestError: no row can be learnt from.
    """
    rows = predictor_rows(clips, kind, faults)
    if not rows:
        raise RequestError(f"data: expected clips with beats and chords, got {len(clips)} without")
    others = held_back(clips, validation)
    measured = [] if others is None else predictor_rows(others, kind, faults)
    trainer = PredictorTrainer(kind, settings)
    print(f"{kind}: {len(rows)} rows to train on, {len(measured)} to measure on; {trainer.why}", flush=True)
    return trainer.train(_batches(rows, settings.batch_size, trainer.progress.step), measured)


def _batches(rows: Sequence[Row], size: int, steps: int) -> Iterator[list[Row]]:
    """Endless batches, every row once in each round, from where a run of so many steps stopped."""
    places = iter(Places(len(rows), True, (0, 1), steps * size))
    while True:
        yield [rows[next(places)[0]] for _ in range(size)]
