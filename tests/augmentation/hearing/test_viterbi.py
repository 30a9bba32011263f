"""The search for bars against madmom's own."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from augmentation.hearing.madmom.compat import load_madmom
from augmentation.hearing.madmom.viterbi import viterbi

pytestmark = pytest.mark.skipif(find_spec("madmom") is None, reason="madmom is optional: it needs a C compiler")


@pytest.fixture(scope="module")
def models() -> list[Any]:
    load_madmom()
    from madmom.features.downbeats import DBNDownBeatTrackingProcessor

    return DBNDownBeatTrackingProcessor(beats_per_bar=[2, 3, 4], transition_lambda=300, fps=100).hmms


def bars(bpm: float, meter: int, frames: int, noise: float, seed: int) -> np.ndarray:
    """Activations of a pulse with noise, its tempo drifting by a tenth."""
    rng = np.random.default_rng(seed)
    curves = noise * rng.random((frames, 2))
    time, beat = 0.1, 0
    while time < frames / 100:
        curves[int(100 * time), 1 if beat % meter == 0 else 0] = 0.3 + 0.4 * rng.random()
        time, beat = time + 60 / bpm * (1 + 0.1 * time / (frames / 100)), beat + 1
    return curves


@pytest.mark.parametrize(
    ("bpm", "meter", "frames", "noise"),
    [(60, 4, 1100, 0.01), (97, 3, 1300, 0.05), (140, 4, 1000, 0.2), (205, 2, 700, 1e-6), (120, 4, 60, 0.1),
     (120, 4, 1, 0.1), (120, 3, 109, 0.1), (90, 2, 2500, 0.4)],
)  # fmt: skip
def test_the_path_is_madmom_s_own(models: list[Any], bpm: float, meter: int, frames: int, noise: float) -> None:
    observations = bars(bpm, meter, frames, noise, frames)
    for model in models:
        theirs, ours = model.viterbi(observations), viterbi(model, observations)
        assert np.array_equal(ours[0], theirs[0])
        assert ours[1] == pytest.approx(theirs[1], rel=1e-9)


def test_frames_that_no_beat_can_be_in_do_not_end_the_search(models: list[Any]) -> None:
    observations = bars(120, 4, 900, 0.0, 3)
    with np.errstate(divide="ignore"):
        path, likely = viterbi(models[2], observations)
    positions = models[2].transition_model.state_space.state_positions[path]
    first = np.flatnonzero(np.diff(positions) < 0) + 1  # where bars begin
    assert np.isfinite(likely) and all(observations[frame - 2 : frame + 6, 1].max() > 0 for frame in first)
