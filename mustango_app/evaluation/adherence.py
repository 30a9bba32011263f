"""Asked against heard: how well a recording keeps to its plan, in the standard measures of the field (mir_eval).

All scores lie between 0 and 1, higher is better. None: the plan did not ask for it, or it could not be heard. Times are
seconds. Beats are scored over the whole clip: mir_eval's usual cut of the first five seconds, meant for songs, is not
applied to clips of ten. The measures of the Mustango paper, which look at no times, are in `control_metrics`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import mir_eval
import numpy as np

from augmentation.hearing.listen import Heard
from munet.music import Chord, Key, MusicPlan
from munet.music.instruments import recall_and_intrusion

BEAT_TOLERANCE = 0.07  # seconds, mir_eval's own
TEMPO_TOLERANCE = 0.04  # of the asked tempo (Gouyon et al., IEEE TASLP 2006)
TEMPO_FACTORS = (1.0, 2.0, 1 / 2, 3.0, 1 / 3)  # readings that Acc2 forgives
# A bar of 6 or 12 is heard as duple or triple, depending on which beat the tracker follows: neither holds them.
DUPLE_METERS, TRIPLE_METERS = frozenset({2, 4, 8}), frozenset({3, 9})
CONFIDENT = 0.3  # beat confidence below which the tempo is often wrong (see `augmentation.hearing.beats`)
CHORD_MEASURES = ("root", "majmin", "triads", "sevenths")
SECOND_JUDGE_MEASURES = ("root", "majmin")  # it knows no other chords
MEASURES = (
    "beat_f",
    "downbeat_f",
    "tempo_acc1",
    "tempo_acc2",
    "meter",
    "meter_duple",
    "confident",
    "chord_root",
    "chord_majmin",
    "chord_triads",
    "chord_sevenths",
    "chord_iou",
    "chord_root_2",
    "chord_majmin_2",
    "key",
    "players_heard",
    "players_absent",
    "style",
)
# Beats, chords and who plays count 4 each. Tempo and metre repeat what the beats say, and trackers misread the metre
# most often (3 clips of 10); the key repeats what the chords say, the style what the players do: 1 each.
ADHERENCE_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"beat_f": 3, "downbeat_f": 1, "tempo_acc1": 1, "meter": 1}
    | {"chord_root": 2, "chord_majmin": 1, "chord_sevenths": 1, "key": 1}
    | {"players_heard": 3, "players_absent": 1, "style": 1}
)

Segment = tuple[str, float, float]  # Harte label, start, end


def beat_f_measure(asked: Sequence[float], heard: Sequence[float]) -> float:
    """F-measure of beat times with a window of 70 ms, none trimmed; 0 where either side has no beats."""
    reference, estimate = np.asarray(asked, dtype=float), np.asarray(heard, dtype=float)
    if len(reference) == 0 or len(estimate) == 0:
        return 0.0
    return float(mir_eval.beat.f_measure(reference, estimate, f_measure_threshold=BEAT_TOLERANCE))


def tempo_accuracy(asked: float, heard: float, factors: Sequence[float] = (1.0,)) -> float:
    """Return 1 if `heard` lies within 4 % of `asked` (both BPM) times one of `factors`, else 0."""
    return float(any(abs(heard - asked * factor) <= TEMPO_TOLERANCE * asked * factor for factor in factors))


def same_duple_or_triple(asked: int, heard: int | None) -> float | None:
    """Return 1 if both metres (beats per bar) are duple or both triple, else 0, as it is when none was heard.

    Kinder than equality: trackers hear 2 beats a bar as 4 in most clips. None for an asked metre that is neither.
    """
    kind = next((meters for meters in (DUPLE_METERS, TRIPLE_METERS) if asked in meters), None)
    return None if kind is None else float(heard in kind)


def _common_spans(asked: Sequence[Segment], heard: Sequence[Segment]) -> tuple[list[str], list[str], np.ndarray]:
    """Cut the asked span where either chord changes: (asked labels, heard labels, seconds), one of each per piece.

    What was heard is cut or filled with N to the asked span.
    """
    labels, starts, ends = zip(*asked, strict=True)
    reference = np.column_stack([starts, ends]).astype(float)
    heard_labels = [label for label, _, _ in heard]
    heard_spans = np.asarray([(start, end) for _, start, end in heard], dtype=float).reshape(-1, 2)
    if not heard_labels:
        heard_labels, heard_spans = ["N"], np.asarray([[starts[0], ends[-1]]], dtype=float)
    fitted, fitted_labels = mir_eval.util.adjust_intervals(
        heard_spans, heard_labels, reference.min(), reference.max(), "N", "N"
    )
    spans, wanted, got = mir_eval.util.merge_labeled_intervals(reference, list(labels), fitted, fitted_labels)
    return wanted, got, mir_eval.util.intervals_to_durations(spans)


def chord_scores(
    asked: Sequence[Segment], heard: Sequence[Segment], measures: Sequence[str] = CHORD_MEASURES
) -> dict[str, float | None]:
    """Share of the time in which the chords agree, by root, major/minor, triad and seventh.

    What was heard is cut or filled with N to the asked span. Time whose asked chord a measure does not know (majmin
    knows no diminished chords, for one) is left out of that measure; None when nothing is left.

    Args:
        asked: (Harte label, start, end), without gaps.
        heard: the same.
        measures: names of comparisons in `mir_eval.chord`.

    Returns:
        A score for each measure, by its name with "chord_" before it.
    """
    wanted, got, lengths = _common_spans(asked, heard)
    scores: dict[str, float | None] = {}
    for measure in measures:
        comparisons = getattr(mir_eval.chord, measure)(wanted, got)
        known = comparisons >= 0
        weight = float(lengths[known].sum())
        scores[f"chord_{measure}"] = float((comparisons[known] * lengths[known]).sum()) / weight if weight > 0 else None
    return scores


def chord_iou(asked: Sequence[Segment], heard: Sequence[Segment]) -> float | None:
    """Intersection over union of the chords' time spans, after JASCO (Tal et al., arXiv 2406.10970).

    Each side is the set of (moment, chord) pairs at which a chord sounds; N is no chord. The intersection is the time
    in which both have the same chord, the union the chord time of both sides together less that: two clips full of
    chords that agree half of the time have 1/3.

    The descriptions at hand (JASCO's model card; arXiv 2506.08570, 4.3) say that the labels and switch times of two
    recordings are compared, and give no formula. Here chords are the same if their roots sound the same and their
    qualities, reduced to Mustango's ten (nearly those of JASCO's recogniser, Chordino), are equal. The bass is left
    out, as the default recogniser does not hear it.

    Args:
        asked: (Harte label, start, end), without gaps.
        heard: the same; cut or filled with N to the asked span.

    Returns:
        0 to 1; None when neither side has a chord.

    Raises:
        ValueError: a label is not one that `munet.music.Chord` reads.
    """
    wanted, got, lengths = _common_spans(asked, heard)
    pairs = [(_sounding(first), _sounding(second)) for first, second in zip(wanted, got, strict=True)]
    # A piece counts once if the chords are equal, else once for each side that has a chord.
    union = sum(
        len({first, second} - {None}) * seconds for (first, second), seconds in zip(pairs, lengths, strict=True)
    )
    same = [first is not None and first == second for first, second in pairs]
    return float(lengths[same].sum() / union) if union > 0 else None


def _sounding(label: str) -> tuple[int, str] | None:
    """Pitch class of the root and quality among Mustango's ten; None for N."""
    chord = Chord.from_harte(label).reduce()
    return None if chord.is_none else (chord.root_pc, chord.quality)


def key_score(asked: str, heard: str) -> float:
    """MIREX weighted key score: 1 the same, 0.5 a fifth above, 0.3 relative, 0.2 parallel, else 0.

    Other modes count as major or minor by their third.
    """
    # Spelled anew: mir_eval does not know rare spellings such as Cb.
    reference, estimate = (Key.parse(name).as_major_or_minor() for name in (asked, heard))
    usual = (str(Key.usual(key.tonic_pc, key.mode)) for key in (reference, estimate))
    return float(mir_eval.key.weighted_score(*usual))


def asked_chords(plan: MusicPlan, duration: float) -> list[Segment]:
    """Return the plan's chords as Harte segments; without a duration of its own it ends with the clip's, in seconds."""
    symbols, starts = zip(*(plan.chords or ()), strict=True)
    ends = (*starts[1:], plan.duration or duration)
    segments = zip(symbols, starts, ends, strict=True)
    return [(Chord.parse(symbol).harte(), start, end) for symbol, start, end in segments if start < end]


def adherence(plan: MusicPlan, heard: Heard, second_chords: Sequence[Segment] | None = None) -> dict[str, float | None]:
    """Score what was heard against what was asked, by the names in `MEASURES`.

    One tempo, metre and key is heard in a clip: where sections have several, any of them is as asked.

    A plan that asks for nothing, or an extractor that is missing, gives None; a clip in which no tempo, no downbeat or
    no chord was found although its extractor ran gives 0, and so does a key that was listened for and not found.
    "confident" is no agreement: it is 1 where the rhythm was heard clearly enough (`CONFIDENT`) for its scores to be
    trusted, so that a summary can also give the figures of those clips alone.

    Args:
        plan: what was asked, complete or not; beats and chords count only where the plan states them.
        heard: what was heard.
        second_chords: (Harte label, start, end) by another recogniser (`augmentation.hearing.chords.SECOND_JUDGE`),
            scored as "chord_root_2" and "chord_majmin_2".
    """
    scores: dict[str, float | None] = dict.fromkeys(MEASURES)
    if heard.beats is not None:
        scores |= _rhythm_scores(plan, heard)
    if heard.beat_confidence is not None:
        scores["confident"] = float(heard.beat_confidence >= CONFIDENT)
    asked = asked_chords(plan, heard.duration) if plan.chords else []
    if asked and heard.chords is not None:
        scores |= chord_scores(asked, heard.chords)
        scores["chord_iou"] = chord_iou(asked, heard.chords)
    if asked and second_chords is not None:
        second = chord_scores(asked, second_chords, SECOND_JUDGE_MEASURES)
        scores |= {f"{name}_2": score for name, score in second.items()}
    if plan.key is not None and heard.key_confidence is not None:
        keys = plan.anywhere("key")
        scores["key"] = 0.0 if heard.key is None else max(key_score(key, heard.key) for key in keys)
    return scores | player_scores(plan, heard)


def player_scores(plan: MusicPlan, heard: Heard) -> dict[str, float | None]:
    """Score who is heard: "players_heard", the share of the classes of instruments in the plan that are heard,
    "players_absent", the share of the others that are not, and "style", 1 where the likeliest one is the plan's.

    Of a clip in which nobody is heard, silence above all, nothing speaks for it: both are 0.
    """
    scores: dict[str, float | None] = {}
    if plan.instruments is not None and heard.playing is not None:
        scores["players_heard"], intrusion = recall_and_intrusion(plan.instruments, heard.playing)
        scores["players_absent"] = None if intrusion is None else 1 - intrusion if heard.playing else 0.0
    if plan.style is not None and heard.playing is not None:
        scores["style"] = float(heard.style == plan.style)
    return scores


def overall_adherence(scores: Mapping[str, float | None]) -> float | None:
    """Return one number in [0, 1] for a clip: the mean of the measures in `ADHERENCE_WEIGHTS` that are not None.

    It ranks clips of the same plan. Clips of different plans are averages over different measures.

    Args:
        scores: as `adherence` returns them.

    Returns:
        The weighted mean; None when none of the measures could be taken.
    """
    taken = {name: weight for name, weight in ADHERENCE_WEIGHTS.items() if scores[name] is not None}
    total = sum(taken.values())
    return sum(weight * scores[name] for name, weight in taken.items()) / total if total else None


def downbeats_measured(heard: Heard) -> bool:
    """Whether the beats were counted, so that their positions in the bar and the metre mean something."""
    return heard.beats is not None and heard.counted


def _rhythm_scores(plan: MusicPlan, heard: Heard) -> dict[str, float | None]:
    """Score beats, downbeats, tempo and metre."""
    scores: dict[str, float | None] = {}
    times = [time for time, _ in heard.beats or ()]
    if plan.beats:
        scores["beat_f"] = beat_f_measure(plan.beat_times(), times)
        if downbeats_measured(heard):
            downbeats = [time for time, position in heard.beats or () if position == 1]
            scores["downbeat_f"] = beat_f_measure(plan.downbeat_times(), downbeats)
    if plan.bpm is not None:
        tempi = plan.anywhere("bpm")
        scores["tempo_acc1"] = max((tempo_accuracy(bpm, heard.bpm) for bpm in tempi if heard.bpm), default=0.0)
        octaves = (tempo_accuracy(bpm, heard.bpm, TEMPO_FACTORS) for bpm in tempi if heard.bpm)
        scores["tempo_acc2"] = max(octaves, default=0.0)
    if plan.meter is not None and downbeats_measured(heard):
        meters = plan.anywhere("meter")
        scores["meter"] = float(heard.meter in meters)
        alike = [same_duple_or_triple(meter, heard.meter) for meter in meters]
        scores["meter_duple"] = max((score for score in alike if score is not None), default=None)
    return scores
