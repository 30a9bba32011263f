"""Asked against heard: how well a recording keeps to its plan, in the standard measures of the field (mir_eval).

All scores lie between 0 and 1, higher is better. None: the plan did not ask for it, or it could not be heard. Times are
seconds. Beats are scored over the whole clip: mir_eval's usual cut of the first five seconds, meant for songs, is not
applied to clips of ten.
"""

from __future__ import annotations

from collections.abc import Sequence

import mir_eval
import numpy as np

from augmentation.key import name_key
from augmentation.listen import Heard
from munet.music import Chord, Key, MusicPlan

BEAT_TOLERANCE = 0.07  # seconds, mir_eval's own
TEMPO_TOLERANCE = 0.04  # of the asked tempo (Gouyon et al., IEEE TASLP 2006)
TEMPO_FACTORS = (1.0, 2.0, 1 / 2, 3.0, 1 / 3)  # readings that Acc2 forgives
CHORD_MEASURES = ("root", "majmin", "triads", "sevenths")
MEASURES = (
    "beat_f",
    "downbeat_f",
    "tempo_acc1",
    "tempo_acc2",
    "meter",
    "chord_root",
    "chord_majmin",
    "chord_triads",
    "chord_sevenths",
    "key",
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


def chord_scores(asked: Sequence[Segment], heard: Sequence[Segment]) -> dict[str, float | None]:
    """Share of the time in which the chords agree, by root, major/minor, triad and seventh.

    What was heard is cut or filled with N to the asked span. Time whose asked chord a measure does not know (majmin
    knows no diminished chords, for one) is left out of that measure; None when nothing is left.

    Args:
        asked: (Harte label, start, end), without gaps.
        heard: the same.
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
    lengths = mir_eval.util.intervals_to_durations(spans)
    scores: dict[str, float | None] = {}
    for measure in CHORD_MEASURES:
        comparisons = getattr(mir_eval.chord, measure)(wanted, got)
        known = comparisons >= 0
        weight = float(lengths[known].sum())
        scores[f"chord_{measure}"] = float((comparisons[known] * lengths[known]).sum()) / weight if weight > 0 else None
    return scores


def key_score(asked: str, heard: str) -> float:
    """MIREX weighted key score: 1 the same, 0.5 a fifth above, 0.3 relative, 0.2 parallel, else 0."""
    # Spelled anew: mir_eval does not know rare spellings such as Cb.
    reference, estimate = (name_key(key.tonic_pc, key.mode) for key in (Key.parse(asked), Key.parse(heard)))
    return float(mir_eval.key.weighted_score(reference, estimate))


def asked_chords(plan: MusicPlan, duration: float) -> list[Segment]:
    """Return the plan's chords as Harte segments; without a duration of its own it ends with the clip's, in seconds."""
    symbols, starts = zip(*(plan.chords or ()), strict=True)
    ends = (*starts[1:], plan.duration or duration)
    segments = zip(symbols, starts, ends, strict=True)
    return [(Chord.parse(symbol).harte(), start, end) for symbol, start, end in segments if start < end]


def adherence(plan: MusicPlan, heard: Heard) -> dict[str, float | None]:
    """Score what was heard against what was asked, by the names in `MEASURES`.

    A plan that asks for nothing, or an extractor that is missing, gives None; a clip in which no tempo, no downbeat or
    no chord was found although its extractor ran gives 0, and so does a key that was listened for and not found.

    Args:
        plan: what was asked, complete or not; beats and chords count only where the plan states them.
        heard: what was heard.
    """
    scores: dict[str, float | None] = dict.fromkeys(MEASURES)
    if heard.beats is not None:
        scores |= _rhythm_scores(plan, heard)
    if plan.chords and heard.chords is not None:
        asked = asked_chords(plan, heard.duration)
        scores |= chord_scores(asked, heard.chords) if asked else {}
    if plan.key is not None and heard.key_confidence is not None:
        scores["key"] = 0.0 if heard.key is None else key_score(plan.key, heard.key)
    return scores


def _rhythm_scores(plan: MusicPlan, heard: Heard) -> dict[str, float | None]:
    """Score beats, downbeats, tempo and metre."""
    scores: dict[str, float | None] = {}
    times = [time for time, _ in heard.beats or ()]
    positions_known = not any(line.startswith("downbeats") for line in heard.missing)
    if plan.beats:
        scores["beat_f"] = beat_f_measure(plan.beat_times(), times)
        if positions_known:
            downbeats = [time for time, position in heard.beats or () if position == 1]
            scores["downbeat_f"] = beat_f_measure(plan.downbeat_times(), downbeats)
    if plan.bpm is not None:
        scores["tempo_acc1"] = 0.0 if heard.bpm is None else tempo_accuracy(plan.bpm, heard.bpm)
        scores["tempo_acc2"] = 0.0 if heard.bpm is None else tempo_accuracy(plan.bpm, heard.bpm, TEMPO_FACTORS)
    if plan.meter is not None and positions_known:
        scores["meter"] = float(plan.meter == heard.meter)
    return scores
