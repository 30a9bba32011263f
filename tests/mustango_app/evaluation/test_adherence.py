"""Scores computed by hand, and equal to mir_eval called directly."""

from __future__ import annotations

import dataclasses
import itertools

import mir_eval
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from augmentation.hearing.listen import Heard
from munet.music import Chord, MusicPlan, Section
from munet.music.keys import MAJOR_NAMES, MINOR_NAMES
from mustango_app.evaluation.adherence import (
    ADHERENCE_WEIGHTS,
    CHORD_MEASURES,
    MEASURES,
    TEMPO_FACTORS,
    Segment,
    adherence,
    beat_f_measure,
    chord_iou,
    chord_scores,
    downbeats_measured,
    key_score,
    overall_adherence,
    same_duple_or_triple,
    tempo_accuracy,
)

PLAN = MusicPlan(
    bpm=120,
    meter=4,
    key="C major",
    chords=(("C", 0.0), ("Am", 4.0)),
    beats=tuple((i * 0.5, i % 4 + 1) for i in range(16)),
    duration=8.0,
    instruments=("drums", "electric bass", "upright bass", "piano"),
    style="rock",
)


def perfect(**changes: object) -> Heard:
    fields = {"duration": 8.0, "bpm": 120.0, "meter": 4, "beats": PLAN.beats, "beat_confidence": 0.9}
    fields |= {"key": "C major", "key_confidence": 1.0, "chords": (("C:maj", 0.0, 4.0), ("A:min", 4.0, 8.0))}
    fields |= {
        "players": {"drums": 0.9, "bass": 0.8, "piano": 0.7},
        "playing": ("drums", "bass", "piano"),
        "style": "rock",
    }
    return Heard(**(fields | changes))


def test_a_perfect_clip_scores_one_everywhere() -> None:
    second = (("C:maj", 0.0, 4.0), ("A:min", 4.0, 8.0))
    assert adherence(PLAN, perfect(), second) == dict.fromkeys(MEASURES, 1.0)


def test_the_second_judge_has_scores_of_its_own() -> None:
    second = (("C:maj", 0.0, 2.0), ("C:min", 2.0, 4.0), ("A:min", 4.0, 6.0), ("N", 6.0, 8.0))
    scores = adherence(PLAN, perfect(), second)
    assert (scores["chord_root_2"], scores["chord_majmin_2"]) == (6 / 8, 4 / 8)
    assert (scores["chord_root"], scores["chord_majmin"]) == (1.0, 1.0)
    assert adherence(PLAN, perfect(chords=None), second)["chord_root_2"] == 6 / 8
    first_only = adherence(PLAN, perfect())
    assert (first_only["chord_root_2"], first_only["chord_majmin_2"]) == (None, None)
    assert adherence(PLAN, perfect(), ())["chord_root_2"] == 0.0
    assert adherence(MusicPlan(), perfect(), second)["chord_root_2"] is None


@pytest.mark.parametrize(("confidence", "confident"), [(0.9, 1.0), (0.3, 1.0), (0.29, 0.0), (None, None)])
def test_confidence_of_the_rhythm(confidence: float | None, confident: float | None) -> None:
    assert adherence(PLAN, perfect(beat_confidence=confidence))["confident"] == confident


def test_beat_f_measure_by_hand() -> None:
    # Heard 5 beats, 3 of them within 70 ms of 4 asked: precision 3/5, recall 3/4, F = 2/3. The first 5 s count too.
    assert beat_f_measure([0, 1, 2, 3], [0.06, 1.0, 1.95, 2.5, 3.2]) == pytest.approx(2 * 0.6 * 0.75 / 1.35)
    assert beat_f_measure([0, 1], []) == 0.0
    assert beat_f_measure([], [1.0]) == 0.0


TIMES = st.lists(st.integers(0, 1000), min_size=1, max_size=20, unique=True).map(
    lambda hundredths: [time / 100 for time in sorted(hundredths)]
)


@given(TIMES, TIMES)
def test_beat_f_measure_is_mir_eval_without_trimming(asked: list[float], heard: list[float]) -> None:
    assert beat_f_measure(asked, heard) == mir_eval.beat.f_measure(np.array(asked), np.array(heard))


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


LABELS = st.sampled_from(
    [
        *("N", "C:maj", "C:min", "B#:maj", "C:maj/3", "C:dim", "C:aug", "C:7", "C:maj7", "C:min7", "C:hdim7", "C:maj6"),
        *("C:sus4", "A:min", "A:min7", "Db:maj", "C#:maj", "F:9", "G:7/b7"),
    ]
)


@st.composite
def segments(draw: st.DrawFn, start: float | None = None) -> list[Segment]:
    """Chords without gaps on a grid of 0.25 s, from `start` or somewhere before 1 s."""
    first = draw(st.integers(0, 4)) / 4 if start is None else start
    lengths = draw(st.lists(st.integers(1, 12), min_size=1, max_size=8))
    edges = [first + quarters / 4 for quarters in itertools.accumulate(lengths, initial=0)]
    return [(draw(LABELS), left, right) for left, right in itertools.pairwise(edges)]


def columns(chords: list[Segment]) -> tuple[np.ndarray, list[str]]:
    return np.array([[start, end] for _, start, end in chords]), [label for label, _, _ in chords]


@pytest.mark.filterwarnings("ignore:No reference chords were comparable")
@given(segments(), segments(start=0.1))
def test_chord_scores_are_those_of_mir_eval(asked: list[Segment], heard: list[Segment]) -> None:
    # mir_eval's segmentation scores fail on sides that do not meet, or on an edge that is the other side's end.
    assume(asked[0][1] < heard[-1][2])
    direct = mir_eval.chord.evaluate(*columns(asked), *columns(heard))
    for name, score in chord_scores(asked, heard).items():
        # mir_eval says 0 where a measure knows none of the asked chords.
        assert (0.0 if score is None else score) == pytest.approx(direct[name.removeprefix("chord_")], abs=1e-9)


def test_only_the_named_chord_measures_are_taken() -> None:
    asked = [("C:maj", 0.0, 1.0)]
    assert list(chord_scores(asked, asked)) == [f"chord_{measure}" for measure in CHORD_MEASURES]
    assert chord_scores(asked, asked, ("thirds",)) == {"chord_thirds": 1.0}


@pytest.mark.parametrize(
    ("heard", "score"),
    [
        ([("C:maj", 0.0, 4.0), ("A:min", 4.0, 8.0)], 1.0),
        ([("C:maj", 0.0, 8.0)], 4 / 12),  # 4 s in both; 8 + 8 - 4 s in either
        ([("C:maj", 0.0, 3.0), ("A:maj", 3.0, 6.0), ("A:min", 6.0, 8.0)], 5 / 11),
        ([("C:maj", 0.0, 4.0), ("N", 4.0, 8.0)], 4 / 8),  # N adds nothing to the union
        ([("C:maj", 0.0, 4.0)], 4 / 8),
        ([("B#:maj/3", 0.0, 4.0), ("A:min9", 4.0, 8.0)], 4 / 12),  # sounds like C, its bass ignored; Am7 is not Am
        ([("C:maj", 0.0, 4.0), ("A:min", 4.0, 20.0)], 1.0),  # what comes after the asked span does not count
        ([("F:maj", 0.0, 8.0)], 0.0),
        ([], 0.0),
    ],
)
def test_chord_iou_by_hand(heard: list[Segment], score: float) -> None:
    asked = [("C:maj", 0.0, 4.0), ("A:min", 4.0, 8.0)]
    assert chord_iou(asked, heard) == pytest.approx(score)


def test_chord_iou_of_silence() -> None:
    asked = [("C:maj", 0.0, 2.0), ("N", 2.0, 8.0)]
    assert chord_iou(asked, [("C:maj", 0.0, 2.0), ("N", 2.0, 8.0)]) == 1.0
    assert chord_iou(asked, [("C:maj", 0.0, 8.0)]) == 2 / 8
    assert chord_iou([("N", 0.0, 8.0)], [("C:maj", 0.0, 8.0)]) == 0.0
    assert chord_iou([("N", 0.0, 8.0)], [("N", 0.0, 8.0)]) is None


@given(segments(start=0.0), segments(start=0.0))
def test_chord_iou_is_time_in_both_over_time_in_either(asked: list[Segment], heard: list[Segment]) -> None:
    # Counted on the grid of 0.25 s.
    def sets(chords: list[Segment]) -> set[tuple[int, str]]:
        end = 4 * asked[-1][2]
        moments = [(int(4 * start) + i, label) for label, start, stop in chords for i in range(int(4 * (stop - start)))]
        plain = [(moment, Chord.from_harte(label).reduce()) for moment, label in moments if moment < end]
        return {(moment, f"{chord.root_pc}{chord.quality}") for moment, chord in plain if not chord.is_none}

    first, second = sets(asked), sets(heard)
    expected = len(first & second) / len(first | second) if first | second else None
    assert chord_iou(asked, heard) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("asked", "heard", "score"),
    [
        *((2, 4, 1), (4, 2, 1), (8, 4, 1), (4, 3, 0), (4, None, 0)),
        *((3, 3, 1), (9, 3, 1), (3, 4, 0), (3, None, 0)),
        *((6, 3, None), (12, 4, None), (5, 4, None), (1, 2, None)),
    ],
)
def test_duple_and_triple_metres(asked: int, heard: int | None, score: float | None) -> None:
    assert same_duple_or_triple(asked, heard) == score
    assert adherence(MusicPlan(meter=asked), perfect(meter=heard))["meter_duple"] == score


def test_overall_adherence_by_hand() -> None:
    # Of a weight of 16 the downbeats (1), the metre (1) and half of the key (1) are lost.
    scores = dict.fromkeys(MEASURES, 1.0) | {"downbeat_f": 0.0, "meter": 0.0, "key": 0.5}
    assert sum(ADHERENCE_WEIGHTS.values()) == 16
    assert overall_adherence(scores) == pytest.approx(13.5 / 16)
    # Of what was measured (beats 3, roots 2) the beats are half right.
    assert overall_adherence(dict.fromkeys(MEASURES) | {"beat_f": 0.5, "chord_root": 1.0}) == pytest.approx(3.5 / 5)
    assert overall_adherence(dict.fromkeys(MEASURES, 0.0)) == 0.0
    assert overall_adherence(adherence(PLAN, perfect())) == 1.0


def test_overall_adherence_needs_something_measured() -> None:
    assert overall_adherence(dict.fromkeys(MEASURES)) is None
    assert overall_adherence(adherence(MusicPlan(), perfect())) is None  # "confident" is no agreement
    assert set(ADHERENCE_WEIGHTS) <= set(MEASURES)


@pytest.mark.parametrize(
    ("heard", "score"),
    [("C major", 1.0), ("G major", 0.5), ("F major", 0.0), ("A minor", 0.3), ("C minor", 0.2), ("E major", 0.0)],
)
def test_key_score_against_c_major(heard: str, score: float) -> None:
    assert key_score("C major", heard) == score


@given(*[st.sampled_from([f"{n} major" for n in MAJOR_NAMES] + [f"{n} minor" for n in MINOR_NAMES])] * 2)
def test_key_score_is_that_of_mir_eval(asked: str, heard: str) -> None:
    assert key_score(asked, heard) == mir_eval.key.weighted_score(asked, heard)


def test_key_score_knows_rare_spellings() -> None:
    assert key_score("Cb major", "B major") == 1.0


def test_what_was_not_asked_or_not_heard_has_no_score() -> None:
    assert adherence(MusicPlan(), perfect()) == dict.fromkeys(MEASURES) | {"confident": 1.0}
    assert adherence(PLAN, Heard(duration=8.0)) == dict.fromkeys(MEASURES)
    only_tempo = adherence(MusicPlan(bpm=60), perfect())
    assert only_tempo == dict.fromkeys(MEASURES) | {"tempo_acc1": 0.0, "tempo_acc2": 1.0, "confident": 1.0}


def test_nothing_found_scores_zero() -> None:
    silent = Heard(duration=8.0, beats=(), beat_confidence=0.0, chords=(), key_confidence=0.0, players={}, playing=())
    assert adherence(PLAN, silent, ()) == dict.fromkeys(MEASURES, 0.0)


def test_downbeats_and_metre_have_no_score_without_their_extractor() -> None:
    beats_only = perfect(
        beats=tuple((t, 0) for t, _ in PLAN.beats),
        meter=None,
        counted=False,
    )
    scores = adherence(PLAN, beats_only)
    assert (scores["beat_f"], scores["downbeat_f"], scores["meter"]) == (1.0, None, None)
    assert scores["meter_duple"] is None
    assert downbeats_measured(perfect())
    assert not downbeats_measured(beats_only)
    assert not downbeats_measured(Heard(duration=8.0))


def test_chords_of_a_plan_without_duration_end_with_the_clip() -> None:
    plan = MusicPlan(chords=(("C", 0.0), ("Am", 4.0)))
    heard = perfect(duration=6.0, chords=(("C:maj", 0.0, 4.0), ("A:min", 4.0, 5.0), ("N", 5.0, 6.0)))
    assert adherence(plan, heard)["chord_root"] == pytest.approx(5 / 6)


@pytest.mark.parametrize("symbol", ["Am7", "F#m7b5", "Bb/F", "Gsus4", "C6", "Ebmaj9", "D13", "Cdim7", "Eaug", "G7sus4"])
def test_every_plan_chord_can_be_scored(symbol: str) -> None:
    label = Chord.parse(symbol).harte()
    assert chord_scores([(label, 0.0, 1.0)], [(label, 0.0, 1.0)])["chord_root"] == 1.0


def test_of_several_keys_metres_and_tempi_any_is_as_asked() -> None:
    sections = (Section("verse", 4, key="C major"), Section("chorus", 4, key="Eb major", meter=3, bpm=90.0))
    plan = MusicPlan(bpm=120.0, meter=4, key="C major", sections=sections).complete()
    assert (plan.anywhere("key"), plan.anywhere("meter"), plan.anywhere("bpm")) == (
        ("C major", "Eb major"), (4, 3), (120.0, 90.0))  # fmt: skip
    heard = Heard(duration=16.0, beats=((0.0, 1), (0.5, 2)), bpm=90.0, meter=3, key="Eb major", key_confidence=1.0)
    scores = adherence(plan, heard)
    assert scores["key"] == scores["meter"] == scores["tempo_acc1"] == scores["meter_duple"] == 1.0
    assert adherence(plan, dataclasses.replace(heard, key="A major", bpm=200.0))["key"] == 0.0


@pytest.mark.parametrize(
    ("playing", "heard", "absent"),
    [
        (("drums", "bass", "piano"), 1.0, 1.0),
        (("bass", "drums", "organ"), 2 / 3, 17 / 18),  # of 21 classes 18 are not in the plan
        (("strings", "organ"), 0.0, 16 / 18),
        ((), 0.0, 0.0),
    ],
)
def test_players_by_hand(playing: tuple[str, ...], heard: float, absent: float) -> None:
    scores = adherence(PLAN, perfect(playing=playing))
    assert (scores["players_heard"], scores["players_absent"]) == pytest.approx((heard, absent))


def test_players_and_style_count_only_where_a_plan_says_them() -> None:
    plan = PLAN.with_(instruments=None, style=None)
    scores = adherence(plan, perfect())
    assert (scores["players_heard"], scores["players_absent"], scores["style"]) == (None, None, None)
    assert adherence(PLAN, perfect(style="jazz swing"))["style"] == 0.0
    unheard = adherence(PLAN, perfect(playing=None, players=None, style=None))
    assert (unheard["players_heard"], unheard["style"]) == (None, None)


def test_of_two_clips_that_keep_time_the_one_with_the_right_players_is_nearer_to_its_plan() -> None:
    right, wrong = (
        overall_adherence(adherence(PLAN, perfect(playing=names))) for names in (("drums", "bass"), ("organ",))
    )
    assert right is not None and wrong is not None and right > wrong
