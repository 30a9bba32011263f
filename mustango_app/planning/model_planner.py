"""What a model is going to play: the planner's plan, the model's own predictions where it makes any, its limits.

The order is: arguments, a given plan, what the text states, what the model's predictors make of the text, what the
planner chooses. So the published Mustango predicts beats and chords as the reference does, but only where nobody has
said otherwise.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from munet.errors import RequestError
from munet.music import MusicPlan, Note, PlanError
from mustango_app.planning.source import PREDICTED, Source
from mustango_app.request import Draft, Request

if TYPE_CHECKING:
    from munet.pipeline import Sampler

PREDICTABLE = (("beats", ("bpm", "meter")), ("chords", ("key", "chords")))  # and what it decides
FEWEST_BEATS = 2  # that have a tempo
OWN_NOTES = "this model finds its own notes: tempo, chords, players and sections of the parts are kept"
LONGEST_WHOLE = 30.0  # seconds that a model without windows makes


def most_within(times: Sequence[float], span: float) -> int:
    """Return how many of some ascending times (seconds) lie within `span` seconds at most."""
    return max((bisect_left(times, start + span) - index for index, start in enumerate(times)), default=0)


class ModelPlanner:
    """Plans for one model.

    Args:
        pipeline: the model.
        lock: held while its predictors run.
    """

    def __init__(self, pipeline: Sampler, lock: AbstractContextManager[Any] | None = None) -> None:
        self._pipeline = pipeline
        self._lock = lock or threading.Lock()
        self._last: tuple[tuple[str, float] | None, MusicPlan] = (None, MusicPlan())

    def __call__(self, request: Request) -> Draft:
        """A complete plan that the model can play, and where its fields come from (`planner.explain`, "predicted").

        Raises:
            RequestError: naming what cannot be used, or what is more than the model takes.
        """
        whole, sources = self._within_meters(request)
        if self._pipeline.can_predict:
            open_fields = [name for name, group in PREDICTABLE if not any(sources[field].is_fixed for field in group)]
            predicted = self._predict(request.prompt, whole.duration) if open_fields else MusicPlan()
            found = {name: getattr(predicted, name) for name in open_fields if getattr(predicted, name) is not None}
            if "beats" in found:
                found["meter"] = predicted.meter
            if found:
                whole, sources = replace(request, plan=(request.plan or MusicPlan()).with_(**found)).draft
                sources = sources | {
                    field: PREDICTED for name, group in PREDICTABLE if name in found for field in group
                }
        self._check(whole)
        if request.parts is not None and self._pipeline.unet.config.note_channels is None:
            whole = whole.with_(notes=(*whole.notes, Note("parts", None, OWN_NOTES, used=False)))
        return Draft(whole, sources)

    def _within_meters(self, request: Request) -> Draft:
        """The planner's plan; a metre that it chose itself and the model does not know is counted in parts (6 as 3)."""
        whole, sources = request.draft
        most = self._pipeline.beat_encoder.max_position
        if whole.meter <= most or sources["meter"].is_fixed:
            return request.draft
        parts = max(part for part in range(1, most + 1) if whole.meter % part == 0)
        chosen = Source(sources["meter"].origin, f"{sources['meter']}, {whole.meter} beats counted as {parts}")
        whole, sources = replace(request, meter=parts).draft
        return Draft(whole, sources | {"meter": chosen})

    def _check(self, plan: MusicPlan) -> None:
        """Refuse what the model's encoders do not take, in the words of the request.

        Raises:
            RequestError: too many beats in a bar, beats or chords.
        """
        beats, chords = self._pipeline.beat_encoder.config.max_beats, self._pipeline.chord_encoder.config.max_chords
        most = self._pipeline.beat_encoder.max_position
        if plan.meter > most:
            raise RequestError(f"meter: expected at most {most} with this model, got {plan.meter}")
        window = self._window
        if window is None and plan.duration > LONGEST_WHOLE:
            raise RequestError(f"seconds: expected at most {LONGEST_WHOLE:g} with this model, got {plan.duration:g}")
        span = min(plan.duration, window or plan.duration)
        if (found := most_within(plan.beat_times(), span)) > beats:
            asked = f"{found} in {span:g} s at {plan.bpm:g} BPM"
            raise RequestError(f"seconds: expected at most {beats} beats with this model, got {asked}")
        if (found := most_within([second for _, second in plan.chords], span)) > chords:
            raise RequestError(f"chords: expected at most {chords} with this model, got {found} in {span:g} s")

    @property
    def _window(self) -> float | None:
        """Seconds that the model sees at once, None for all of a piece."""
        frames = self._pipeline.config.window_frames
        return frames and frames / self._pipeline.frame_rate

    def _predict(self, prompt: str, duration: float) -> MusicPlan:
        """The predictors' plan; the last one is kept, because several clips of one request share it.

        A single beat, and beats at a tempo that no plan can have (30 to 300 BPM), count as not predicted.
        """
        with self._lock:
            if self._last[0] != (prompt, duration):
                prediction = self._pipeline.predict_plan(prompt, duration)
                plan, notes = prediction.plan, list(prediction.notes)
                try:
                    plan.complete()
                except PlanError as error:
                    notes.append(f"beats: {error}")
                    plan = plan.with_(beats=None, meter=None)
                if len(plan.beats or ()) < FEWEST_BEATS:
                    plan = plan.with_(beats=None, meter=None)
                for note in notes:
                    logging.getLogger(__name__).warning("left out of the prediction: %s", note)
                self._last = (prompt, duration), plan
            return self._last[1]
