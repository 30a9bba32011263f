"""The picture of what was asked and heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from augmentation.hearing.listen import Heard
from munet.music import MusicPlan, beat_grid
from mustango_app.page.plots import plot_asked_and_heard, save_picture, shows

ASKED = MusicPlan(120, 4, "G major", [("G", 0.0), ("D/F#", 1.0)], beat_grid(120, 4, 2.0), 2.0)
HEARD = Heard(2.0, 60.0, 4, ((0.5, 1), (1.5, 2)), 1.0, "G major", 1.0, (("G:maj", 0.0, 1.5), ("N", 1.5, 2.0)))
NOISE = np.random.default_rng(0).normal(0, 0.1, (2, 16000)).astype(np.float32)


def test_both_are_drawn() -> None:
    above, below, sound = plot_asked_and_heard(NOISE, 8000, ASKED, HEARD).axes
    assert [text.get_text() for text in above.texts] == ["G", "D/F#"]
    assert [text.get_text() for text in below.texts] == ["G", "N"]
    drawn = [(line.get_xdata()[0], *line.get_ydata()) for line in sound.lines]
    assert drawn[:4] == [(pytest.approx(0.5 * i), 0.5, 1.0) for i in range(4)]  # asked, in the upper half
    assert drawn[4:] == [(0.5, 0.0, 0.5), (1.5, 0.0, 0.5)]
    assert sound.get_xlim() == (0.0, 2.0)


def test_nothing_asked_or_heard_leaves_the_bands_empty() -> None:
    above, below, sound = plot_asked_and_heard(NOISE, 8000, MusicPlan(duration=2.0), Heard(2.0)).axes
    assert not above.texts and not below.texts and not sound.lines


def test_a_picture_says_what_it_shows(tmp_path: Path) -> None:
    path = tmp_path / "clip.png"
    assert not shows(path, "first")
    save_picture(plot_asked_and_heard(NOISE, 8000, ASKED, HEARD), path, "first")
    assert shows(path, "first") and not shows(path, "second")
    assert list(tmp_path.iterdir()) == [path]
