"""The measurement of the first release: its sums, its seeds, and that a run continues where it stopped."""

from __future__ import annotations

import json
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import first_music
from benchmarks.first_music import Audio, Case, hear_row, interval, summarise, table
from mustango_app.adherence import MEASURES
from mustango_app.training import HELD_BACK_SEEDS

FIRST = HELD_BACK_SEEDS[0]


class InThisProcess(Executor):
    """Runs a task when it is handed in."""

    def submit(self, task: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(task(*arguments, **named))
        return done


def test_interval_by_hand() -> None:
    assert interval([0.5, 0.5, 0.5]) == (0.5, 0.5, 0.5)
    mean, low, high = interval([0.0, 1.0] * 50)
    assert mean == 0.5
    assert (low, high) == (pytest.approx(0.40, abs=0.02), pytest.approx(0.60, abs=0.02))  # 0.5 -+ 1.96 * 0.05


def test_summary_counts_what_was_measured() -> None:
    scores = [dict.fromkeys(MEASURES) | {"beat_f": value} for value in (1.0, None, 0.0)]
    summary = summarise(scores)
    assert summary["beat_f"]["mean"] == 0.5
    assert summary["beat_f"]["clips"] == 2
    assert summary["key"] is None
    lines = table({"original": summary}).splitlines()
    assert len(lines) == 1 + len(MEASURES)
    assert "0.50 [0.00, 1.00]" in lines[1]
    assert lines[-1].split() == ["key", "-"]


def test_only_held_back_seeds_are_measured() -> None:
    with pytest.raises(ValueError, match="seed: expected one from 990000 to 999999, got 1"):
        Case.of(1)
    case = Case.of(FIRST)
    assert case == Case.of(FIRST)
    assert case.piece.plan.is_complete and case.piece.plan.duration == first_music.SECONDS


def test_a_run_continues_where_it_stopped(tmp_path: Path) -> None:
    cases = [Case.of(FIRST), Case.of(FIRST + 1)]
    made: list[int] = []

    def silence(case: Case) -> Audio:
        made.append(case.piece.seed)
        return np.zeros((1, 44100), np.float32), 44100

    heard = hear_row(silence, cases, tmp_path, "first model", InThisProcess())
    assert made == [FIRST, FIRST + 1]
    assert [clip.beats for clip in heard] == [(), ()]

    (tmp_path / f"{FIRST}.json").unlink()
    assert hear_row(silence, cases, tmp_path, "first model", InThisProcess()) == heard
    assert made == [FIRST, FIRST + 1, FIRST]

    hear_row(silence, cases, tmp_path, "second model", InThisProcess())
    assert made[3:] == [FIRST, FIRST + 1]
    assert not list(tmp_path.glob("*.partial"))


def test_chance_is_the_next_plan_against_generated_audio(tmp_path: Path) -> None:
    cases = [Case.of(FIRST), Case.of(FIRST + 1), Case.of(FIRST + 2)]

    def silence(case: Case) -> Audio:
        return np.zeros((1, 44100), np.float32), 44100

    rows = first_music.measure(cases, {"generated": ("model", silence)}, tmp_path, workers=1)
    assert list(rows) == ["generated", "chance"]
    assert rows["chance"]["summary"]["beat_f"]["mean"] == 0.0
    assert json.dumps(rows)
