"""The time-aligned condition, by hand: frames of a tenth of a second."""

from __future__ import annotations

import numpy as np
import pytest

from munet.conditions.aligned import ALIGNED_FEATURES, aligned_features, num_features
from munet.music import MusicPlan
from munet.music.instruments import CLASS_NAMES

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


STYLES = ("pop", "rock")
ARRANGED = MusicPlan(
    bpm=120, meter=4, duration=1.0, style="rock", instruments="piano, drums", energy="calm",
    melody=((60, 0.1, 0.25), (73, 0.3, 0.5)),
)  # fmt: skip


def row_of(name: str) -> int:
    return 52 + CLASS_NAMES.index(name)


def test_the_first_edition_is_what_it_was_and_the_second_begins_with_it() -> None:
    second = aligned_features(PLAN, 12, 10.0, STYLES)
    assert second.shape == (num_features(STYLES), 12) == (106, 12)
    assert np.array_equal(second[:52], aligned_features(PLAN, 12, 10.0))


def test_players_energy_and_style_stand_in_their_rows() -> None:
    features = aligned_features(ARRANGED, 12, 10.0, STYLES)
    assert (features[row_of("piano"), :10] == 1).all() and (features[row_of("drums"), :10] == 1).all()
    assert not features[row_of("bass")].any() and not features[row_of("piano"), 10:].any()  # the piece is over
    assert (features[73, :10] == 1).all()
    assert (features[74, :10] == 1).all() and not features[75:77].any()  # calm
    assert not features[104].any() and (features[105] == 1).all()  # rock
    assert not aligned_features(ARRANGED.with_(style=None), 12, 10.0, STYLES)[104:].any()
    assert not aligned_features(ARRANGED.with_(style="polka"), 12, 10.0, STYLES)[104:].any()  # unknown: not said


def test_sections_bring_their_own_players() -> None:
    plan = MusicPlan(
        bpm=120, meter=4, duration=4.0, instruments="piano, drums",
        sections=[{"name": "verse", "start": 0.0}, {"name": "break", "start": 2.0, "instruments": "piano"}],
    )  # fmt: skip
    features = aligned_features(plan, 40, 10.0, STYLES)
    assert (features[row_of("drums"), :20] == 1).all() and not features[row_of("drums"), 20:].any()
    assert (features[row_of("piano")] == 1).all()


def test_a_melody_has_pitch_class_octave_and_onset() -> None:
    features = aligned_features(ARRANGED, 12, 10.0, STYLES)
    assert features[77, 1] == 1 and features[77, 2] == 0.5 and features[77, 3] == 0  # C from 0.1 to 0.25 s
    assert features[78, 3] == 1 and features[91, 1] == 1 and features[92, 3] == 1  # C4 and C#5
    onsets = list(zip(*np.nonzero(features[95:99]), strict=True))
    assert onsets == [(0, 1), (0, 3)] and (features[99] == 1).all()


def test_edges_of_the_piece_and_loops() -> None:
    long = MusicPlan(duration=20.0)
    features = aligned_features(long, 200, 10.0, STYLES)
    assert features[100, 0] == pytest.approx(1 - 0.05 / 4) and features[100, 40] == 0
    assert features[101, 199] == pytest.approx(1 - 0.05 / 4) and features[101, 159] == 0
    assert (features[102] == 1).all() and not features[103].any()
    loop = aligned_features(MusicPlan(bpm=120, meter=4, duration=8.0, loop=True), 80, 10.0, STYLES)
    assert not loop[100:102].any() and (loop[103] == 1).all()
    assert not aligned_features(MusicPlan(), 8, 10.0, STYLES).any()


def test_the_last_chord_ends_with_the_piece() -> None:
    features = aligned_features(MusicPlan(chords=(("C", 0.0),), duration=0.5), 10, 10.0)
    assert features[0, 4] == 1 and not features[0, 5:].any()


def test_tempo_and_metre_may_change_within_a_piece() -> None:
    plan = MusicPlan(
        sections=[
            {"name": "a", "bars": 1, "bpm": 60, "meter": 4},
            {"name": "b", "bars": 2, "bpm": 120, "meter": 3},
        ]
    ).complete()
    features = aligned_features(plan, 70, 10.0, STYLES)
    assert features[49, 5] == pytest.approx(-1) and features[49, 55] == pytest.approx(0)
    for beat in (0.0, 4.0, 5.5):  # downbeats: the bar's phase is 0 there, whatever the metre
        assert features[47, round(beat * 10)] > 0.9
    assert features[47, 20] == pytest.approx(-1, abs=0.1)  # the middle of four beats
