"""The time-aligned condition, by hand: frames of a tenth of a second."""

from __future__ import annotations

import numpy as np
import pytest

from munet.conditions.aligned import ALIGNED_FEATURES, aligned_features
from munet.music import MusicPlan

PLAN = MusicPlan(
    bpm=120,
    meter=4,
    chords=(("C", 0.0), ("Am/E", 0.55)),
    beats=((0.125, 4), (0.625, 1), (1.125, 2)),
    duration=1.2,
)


def test_chords_fill_their_frames_in_proportion() -> None:
    features = aligned_features(PLAN, 12, 10.0)
    assert features.shape == (ALIGNED_FEATURES, 12)
    root, bass, chroma = features[:12], features[12:24], features[24:36]
    assert root[0, 4] == 1 and root[9, 4] == 0  # C
    assert root[0, 5] == 0.5 and root[9, 5] == 0.5  # the change comes in the middle of frame 5
    assert root[9, 11] == 1 and bass[4, 11] == 1  # A minor over E
    assert set(np.flatnonzero(chroma[:, 11])) == {0, 4, 9}
    assert not features[36].any()
    assert (features[51] == 1).all()


def test_no_chord_sounds_after_the_end() -> None:
    features = aligned_features(PLAN, 20, 10.0)  # eight frames longer than the plan
    assert features[9, 11] == 1 and not features[:37, 12:].any()
    part = aligned_features(PLAN.crop(0.0, 0.75), 12, 10.0)
    assert part[9, 7] == 0.5 and not part[:37, 8:].any()


def test_beats_and_downbeats_stand_in_their_quarter_frames() -> None:
    features = aligned_features(PLAN, 12, 10.0)
    # 0.125 s is the second quarter of frame 1, 0.625 s that of frame 6, 1.125 s that of frame 11.
    beats = {(row - 37, frame) for row, frame in zip(*np.nonzero(features[37:41]), strict=True)}
    assert {(row + 37, frame) for row, frame in beats} == {(1, 1), (1, 6), (1, 11)}
    assert list(zip(*np.nonzero(features[41:45]), strict=True)) == [(1, 6)]


def test_phases_run_on_before_the_first_beat() -> None:
    plan = MusicPlan(bpm=60, meter=2, beats=((0.55, 2), (1.55, 1)))
    features = aligned_features(plan, 20, 10.0)
    # At 0.55 s (centre of frame 5) the beat's phase is 0; half a beat earlier (centre of frame 0) it is a half.
    assert features[45, 5] == pytest.approx(1, abs=1e-5) and features[45, 0] == pytest.approx(-1, abs=1e-5)
    # Beat 2 of 2 is half a bar: cosine -1; the downbeat at 1.55 s: cosine 1.
    assert features[47, 5] == pytest.approx(-1, abs=1e-5) and features[47, 15] == pytest.approx(1, abs=1e-5)
    assert (features[49] == -1).all()  # half of 120 BPM


def test_what_is_not_given_stays_zero() -> None:
    assert not aligned_features(MusicPlan(), 5, 10.0).any()
    chords_only = aligned_features(MusicPlan(chords=(("N", 0.0),)), 5, 10.0)
    assert (chords_only[36] == 1).all() and not chords_only[:36].any() and not chords_only[37:51].any()
