"""What the server that workers are forked from has to import."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest
from torch.utils.data import DataLoader, IterableDataset

from augmentation.training_data import ComposedClips
from mustango_app.training_rows import Rows, WindowSettings
from mustango_app.workers import loader_settings, modules_of


class Names(IterableDataset[int]):
    """Rows that tell which process makes them, without end."""

    def __iter__(self) -> Iterator[int]:
        while True:
            yield os.getpid()


def tell_worker() -> None:
    """Print the worker of a loader, then go on for ever."""
    for worker in DataLoader(Names(), None, **loader_settings(1, Names())):
        print(int(worker), flush=True)
        sys.stdin.read()


def test_all_that_a_task_is_made_of_is_named() -> None:
    rows = Rows(ComposedClips(3, 5, None), WindowSettings(0.64, 1.28, 3, 8000, 1, 640), Counter)
    assert {"augmentation.training_data", "collections", "mustango_app.training_rows"} <= set(modules_of(rows))
    assert "collections" not in modules_of(Rows(rows.source, rows.settings, None))


def test_what_lies_deep_inside_counts() -> None:
    assert modules_of([{"deep": (WindowSettings(1.0, 2.0, 1, 8000, 1, 640),)}]) == ["mustango_app.training_rows"]


@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_no_worker_outlives_a_training_that_is_killed(end: str) -> None:
    code = "from tests.mustango_app.test_workers import tell_worker; tell_worker()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as training:
        worker = psutil.Process(int(training.stdout.readline()))
        assert worker.ppid() != training.pid
        getattr(training, end)()
    worker.wait(timeout=20)
