"""From the published predictors' raw beats and chords to a valid `MusicPlan`.

The predictors may write anything: times that run backwards or out of the clip, symbols that are no chords. What a plan
cannot hold is dropped, and every drop is named in a note. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from transformers import PreTrainedTokenizerBase, T5ForConditionalGeneration

from munet.music import Chord, MusicPlan, PlanError
from munet.published.beat_predictor import MAX_BEATS, BeatPredictor, RawBeats, predict_beats
from munet.published.chord_predictor import RawChords, predict_chords

# The length of the published chord encoder's sequence.
MAX_CHORDS = 20

Label = TypeVar("Label", str, int)


@dataclass(frozen=True)
class Prediction:
    """A valid `plan` with the predicted metre, beats and chords, and `notes`, one on each item that was dropped."""

    plan: MusicPlan
    notes: tuple[str, ...] = ()


def predict_plan(
    beat_model: BeatPredictor,
    beat_tokenizer: PreTrainedTokenizerBase,
    chord_model: T5ForConditionalGeneration,
    chord_tokenizer: PreTrainedTokenizerBase,
    prompt: str,
    duration: float = 10.0,
) -> Prediction:
    """Predict the plan of a clip of `duration` seconds from a prompt; the models must be in eval mode.

    The published models were trained on clips of 10 seconds.

    Raises:
        ValueError: a duration that no plan can have.
    """
    beats = predict_beats(beat_model, beat_tokenizer, prompt, duration)
    chords = predict_chords(chord_model, chord_tokenizer, prompt, beats.times, beats.max_beat)
    return valid_plan(beats, chords, duration)


def valid_plan(beats: RawBeats, chords: RawChords, duration: float) -> Prediction:
    """Make a plan of `duration` seconds of raw beats and chords.

    The metre is the highest beat number, and beats keep their positions in the bar when others are dropped. Without a
    beat or a chord left, that field is None.

    Raises:
        ValueError: a duration that no plan can have.
    """
    known, unknown = [], [f"chord {item!r}: {reason}" for item, reason in chords.rejected]
    for symbol, second in chords.chords:
        try:
            known.append((second, str(Chord.parse(symbol))))
        except PlanError as error:
            unknown.append(f"chord {symbol!r} at {second}: expected {error.expected}")
    kept_beats, dropped_beats = _fitting("beat", zip(beats.times, beats.positions, strict=True), duration, MAX_BEATS)
    kept_chords, dropped_chords = _fitting("chord", known, duration, MAX_CHORDS)
    plan = MusicPlan(
        meter=beats.max_beat,
        beats=tuple(kept_beats),
        chords=tuple((symbol, second) for second, symbol in kept_chords),
        duration=duration,
    )
    return Prediction(plan, (*dropped_beats, *unknown, *dropped_chords))


def _fitting(
    kind: str, events: Iterable[tuple[float, Label]], duration: float, most: int
) -> tuple[list[tuple[float, Label]], list[str]]:
    """Split (second, label) into the first `most` that ascend within [0, duration) and notes on all others."""
    kept: list[tuple[float, Label]] = []
    notes: list[str] = []
    for second, label in events:
        if not 0 <= second < duration:
            notes.append(f"{kind} {label!r} at {second}: expected seconds from 0 to before {duration}")
        elif kept and second <= kept[-1][0]:
            notes.append(f"{kind} {label!r} at {second}: expected seconds after {kept[-1][0]}")
        elif len(kept) == most:
            notes.append(f"{kind} {label!r} at {second}: expected at most {most}")
        else:
            kept.append((second, label))
    return kept, notes
