"""What the server that workers are forked from has to import."""

from __future__ import annotations

from collections import Counter

from augmentation.training_data import ComposedClips
from mustango_app.training_rows import Rows, WindowSettings
from mustango_app.workers import modules_of


def test_all_that_a_task_is_made_of_is_named() -> None:
    rows = Rows(ComposedClips(3, 5, None), WindowSettings(0.64, 1.28, 3, 8000, 1, 640), Counter)
    assert {"augmentation.training_data", "collections", "mustango_app.training_rows"} <= set(modules_of(rows))
    assert "collections" not in modules_of(Rows(rows.source, rows.settings, None))


def test_what_lies_deep_inside_counts() -> None:
    assert modules_of([{"deep": (WindowSettings(1.0, 2.0, 1, 8000, 1, 640),)}]) == ["mustango_app.training_rows"]
