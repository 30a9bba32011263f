"""Scores computed by hand, and equal to mir_eval called directly."""

from __future__ import annotations

import mir_eval
import numpy as np
import pytest

from augmentation.listen import Heard
from munet.music import Chord, MusicPlan
from mustango_app.adherence import (
    MEASURES,
    TEMPO_FACTORS,
    adherence,
    beat_f_measure,
    chord_scores,
    key_score,
    tempo_accuracy,
)

PLAN = MusicPlan(
    bpm=120,
    meter=4,
    key="C major",
    chords=(("C", 0.0), ("Am", 4.0)),
    beats=tuple((i * 0.5, i % 4 + 1) for i in range(16)),
    duration=8.0,
)


def perfect(**changes: object) -> Heard:
    fields = {"duration": 8.0, "bpm": 120.0, "meter": 4, "beats": PLAN.beats, "beat_confidence": 0.9}
    fields |= {"key": "C major", "key_confidence": 1.0, "chords": (("C:maj", 0.0, 4.0), ("A:min", 4.0, 8.0))}
    return Heard(**(fields | changes))


def test_a_perfect_clip_scores_one_everywhere() -> None:
    assert adherence(PLAN, perfect()) == dict.fromkeys(MEASURES, 1.0)


def test_beat_f_measure_by_hand() -> None:
    # Heard 5 beats, 3 of them within 70 ms of 4 asked: precision 3/5, recall 3/4, F = 2/3. The first 5 s count too.
    assert beat_f_measure([0, 1, 2, 3], [0.06, 1.0, 1.95, 2.5, 3.2]) == pytest.approx(2 * 0.6 * 0.75 / 1.35)
    assert beat_f_measure([0, 1], []) == 0.0
    assert beat_f_measure([], [1.0]) == 0.0


def test_beat_f_measure_is_mir_eval_without_trimming() -> None:
    rng = np.random.default_rng(3)
    asked = np.sort(rng.uniform(0, 10, 20))
    heard = np.sort(asked + rng.normal(0, 0.08, 20).clip(-0.2, 0.2)).clip(0)
    assert beat_f_measure(asked, heard) == mir_eval.beat.f_measure(asked, heard)


@pytest.mark.parametrize(
    ("heard", "first", "second"),
    [
        *((100, 1, 1), (104, 1, 1), (96, 1, 1)),
        *((50, 0, 1), (51.9, 0, 1), (200, 0, 1), (300, 0, 1), (33, 0, 1)),
        *((104.1, 0, 0), (150, 0, 0), (25, 0, 0)),
    ],
)
def test_tempo_accuracies_of_100_bpm(heard: float, first: int, second: int) -> None:
    assert tempo_accuracy(100, heard) == first
    assert tempo_accuracy(100, heard, TEMPO_FACTORS) == second


def test_chord_scores_by_hand() -> None:
    asked = [("C:maj7", 0.0, 4.0), ("A:min", 4.0, 8.0)]
    heard = [("C:maj", 0.0, 3.0), ("A:maj", 3.0, 6.0), ("A:min", 6.0, 8.0)]
    scores = chord_scores(asked, heard)
    assert scores["chord_root"] == pytest.approx(7 / 8)  # all but 3..4 s
    assert scores["chord_majmin"] == pytest.approx(5 / 8)  # C 3 s, Am 2 s
    assert scores["chord_triads"] == pytest.approx(5 / 8)
    assert scores["chord_sevenths"] == pytest.approx(2 / 8)  # C is not Cmaj7


def test_chord_scores_cut_and_fill_to_the_asked_span() -> None:
    asked = [("C:maj", 0.0, 8.0)]
    assert chord_scores(asked, [("C:maj", 0.0, 10.0)])["chord_root"] == 1.0
    assert chord_scores(asked, [("C:maj", 0.0, 6.0)])["chord_root"] == pytest.approx(0.75)
    assert chord_scores(asked, [])["chord_root"] == 0.0


def test_what_a_measure_does_not_know_is_left_out() -> None:
    scores = chord_scores([("C:dim", 0.0, 4.0), ("G:maj", 4.0, 8.0)], [("C:dim", 0.0, 4.0), ("G:maj", 4.0, 6.0)])
    assert scores["chord_majmin"] == pytest.approx(0.5)  # of the G only
    assert scores["chord_triads"] == pytest.approx(0.75)
    assert chord_scores([("C:dim", 0.0, 4.0)], [("C:dim", 0.0, 4.0)])["chord_majmin"] is None


@pytest.mark.parametrize("measure", ["root", "majmin", "triads", "sevenths"])
def test_chord_scores_are_those_of_mir_eval(measure: str) -> None:
    asked = [("C:maj", 0.0, 2.1), ("A:min7", 2.1, 4.4), ("F:sus4", 4.4, 6.0), ("Bb:maj/5", 6.0, 8.0)]
    heard = [("C:maj", 0.1, 2.6), ("C:maj6", 2.6, 4.0), ("F:maj", 4.0, 6.5), ("Bb:maj", 6.5, 9.0)]
    spans = [np.array([[start, end] for _, start, end in side]) for side in (asked, heard)]
    labels = [[label for label, _, _ in side] for side in (asked, heard)]
    direct = mir_eval.chord.evaluate(spans[0], labels[0], spans[1], labels[1])
    assert chord_scores(asked, heard)[f"chord_{measure}"] == pytest.approx(direct[measure])


@pytest.mark.parametrize(
    ("heard", "score"),
    [("C major", 1.0), ("G major", 0.5), ("F major", 0.0), ("A minor", 0.3), ("C minor", 0.2), ("E major", 0.0)],
)
def test_key_score_against_c_major(heard: str, score: float) -> None:
    assert key_score("C major", heard) == score


def test_key_score_knows_rare_spellings() -> None:
    assert key_score("Cb major", "B major") == 1.0


def test_what_was_not_asked_or_not_heard_has_no_score() -> None:
    assert adherence(MusicPlan(), perfect()) == dict.fromkeys(MEASURES)
    assert adherence(PLAN, Heard(duration=8.0)) == dict.fromkeys(MEASURES)
    only_tempo = adherence(MusicPlan(bpm=60), perfect())
    assert only_tempo == dict.fromkeys(MEASURES) | {"tempo_acc1": 0.0, "tempo_acc2": 1.0}


def test_nothing_found_scores_zero() -> None:
    silent = Heard(duration=8.0, beats=(), beat_confidence=0.0, chords=(), key_confidence=0.0)
    assert adherence(PLAN, silent) == dict.fromkeys(MEASURES, 0.0)


def test_downbeats_and_metre_have_no_score_without_their_extractor() -> None:
    line = "downbeats and metre: librosa finds beats only"
    beats_only = perfect(
        beats=tuple((t, 0) for t, _ in PLAN.beats),
        meter=None,
        missing=(line,),
    )
    scores = adherence(PLAN, beats_only)
    assert (scores["beat_f"], scores["downbeat_f"], scores["meter"]) == (1.0, None, None)


def test_chords_of_a_plan_without_duration_end_with_the_clip() -> None:
    plan = MusicPlan(chords=(("C", 0.0), ("Am", 4.0)))
    heard = perfect(duration=6.0, chords=(("C:maj", 0.0, 4.0), ("A:min", 4.0, 5.0), ("N", 5.0, 6.0)))
    assert adherence(plan, heard)["chord_root"] == pytest.approx(5 / 6)


@pytest.mark.parametrize("symbol", ["Am7", "F#m7b5", "Bb/F", "Gsus4", "C6", "Ebmaj9", "D13", "Cdim7", "Eaug", "G7sus4"])
def test_every_plan_chord_can_be_scored(symbol: str) -> None:
    label = Chord.parse(symbol).harte()
    assert chord_scores([(label, 0.0, 1.0)], [(label, 0.0, 1.0)])["chord_root"] == 1.0
