"""The HTTP API of the page: `/plan`, `/generate` and `/analyze`, for `gradio_client` and for plain HTTP.

Plans go in and out as JSON. The recipe that `/generate` returns holds its own arguments: given back, they make the same
clip, byte for byte on the same machine. Every refusal is a sentence that names the argument.
"""

from __future__ import annotations

import contextlib
import functools
import html
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from augmentation.audio import read_audio
from augmentation.hearing.listen import listen
from munet.errors import RequestError
from munet.music import MusicPlan
from mustango_app.engine import Mustango
from mustango_app.exchange.heard import plan_from_heard
from mustango_app.page.guard import check_work
from mustango_app.page.making import Making, make_clips
from mustango_app.page.results import Results
from mustango_app.page.runs import Desk, Run
from mustango_app.request import Request

FORMATS = ("wav", "flac", "mp3", "ogg")
MOST_CHORDS = 4000  # characters


class Api:
    """The endpoints.

    Args:
        engine: the loaded model.
        desk: gives turns with it.
        results: where clips are kept.
    """

    def __init__(self, engine: Mustango, desk: Desk, results: Results) -> None:
        self._engine, self._desk, self._results = engine, desk, results

    def plan(
        self,
        prompt: str | None = None,
        bpm: float | None = None,
        meter: int | None = None,
        key: str | None = None,
        chords: str | None = None,
        seconds: float | None = None,
        seed: int | None = None,
        bars: int | None = None,
        style: str | None = None,
        instruments: str | None = None,
        energy: str | None = None,
        plan: dict | None = None,
    ) -> dict:
        """Read the musical plan from a description.

        Args:
            prompt: description of the music, at most 2000 characters.
            bpm: tempo, 30 to 300 BPM; null: from the description.
            meter: beats per bar, 1 to 15; null: from the description.
            key: such as "G major"; null: from the description.
            chords: such as "G D/F# Em C", "| G | Em C |" or "G@0 Em@2.5"; null: from the description.
            seconds: length; null: from the description, else 10.
            seed: decides what the description leaves open.
            bars: length in bars instead of seconds.
            style: one of the styles.
            instruments: who plays, such as "piano, strings".
            energy: "calm", "moderate" or "energetic".
            plan: what is fixed already, a plan in parts or whole.

        Returns:
            The plan: bpm, meter, key, chords [[symbol, second]], beats [[second, position in the bar]], duration, and
            what else was asked for; its notes say what became of the words.
        """
        with plain_errors():
            fields = _fields(bpm, meter, key, chords, seconds, bars, style, instruments, energy)
            request = Request(_words(prompt), **fields, plan=_plan(plan), seed=0 if seed is None else seed)
            return self._engine.plan(request).plan.to_dict()

    def generate(
        self,
        prompt: str | None = None,
        bpm: float | None = None,
        meter: int | None = None,
        key: str | None = None,
        chords: str | None = None,
        seconds: float | None = None,
        seed: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        best_of: int | None = None,
        bars: int | None = None,
        style: str | None = None,
        instruments: str | None = None,
        energy: str | None = None,
        plan: dict | None = None,
        format: str | None = None,
    ) -> tuple[gr.FileData, dict]:
        """Make music.

        Args:
            prompt: description of the music, at most 2000 characters.
            bpm: tempo, 30 to 300 BPM; null: from the description.
            meter: beats per bar, 1 to 15; null: from the description.
            key: such as "G major"; null: from the description.
            chords: such as "G D/F# Em C", "| G | Em C |" or "G@0 Em@2.5"; null: from the description.
            seconds: length; null: from the description, else 10.
            seed: equal seeds make equal clips; null: drawn.
            steps: denoising steps, 1 to 1000; null: the model's own.
            guidance: weight of the request, 0 to 30; null: the model's own.
            best_of: candidates, of which the one that keeps to its plan best is returned; null: 1.
            bars: length in bars instead of seconds.
            style: one of the styles.
            instruments: who plays, such as "piano, strings".
            energy: "calm", "moderate" or "energetic".
            plan: what is fixed already, such as the answer of /plan.
            format: "wav", "flac", "mp3" or "ogg"; null: "wav".

        Returns:
            A sound file, and what it is: prompt, seed, plan, settings, and under "recipe" the arguments of this
            endpoint that make it again.
        """
        with plain_errors():
            format = format or FORMATS[0]
            if format not in FORMATS:
                raise RequestError(f"format: expected one of {', '.join(FORMATS)}, got {format!r}")
            fields = _fields(bpm, meter, key, chords, seconds, bars, style, instruments, energy)
            made_with = {
                "seed": seed,
                "steps": steps,
                "guidance": guidance,
                "best_of": 1 if best_of is None else best_of,
            }
            request = Request(_words(prompt), **fields, plan=_plan(plan), **made_with)
            whole = self._engine.plan(request).plan
            if request.plan is not None and request.plan.notes:
                whole = whole.with_(notes=request.plan.notes)  # on the words that the plan was read from
            making = Making(
                request.prompt, whole, request.seed, request.steps or self._engine.default_steps,
                self._engine.default_guidance if request.guidance is None else request.guidance, request.best_of,
                listen=False,
            )  # fmt: skip
            check_work(making.steps, whole.duration or 0.0, making.best_of)
            token = self._run(making)
            file, card = self._results.form(token, f"sound.{format}"), self._results.card(token) or {}
        return gr.FileData(path=str(file)), card["clip"] | {"recipe": card["recipe"]}

    def _run(self, making: Making) -> str:
        """Wait for a turn and make one clip; return its token."""
        run = Run(self._desk, lambda run: make_clips(self._engine, self._results, making, run))
        if not run.start():
            raise RequestError("queue: expected a free place, got a full queue; try again in a minute")
        try:
            run.wait(None)
        finally:
            run.stop.set()
        if run.error is not None:
            raise run.error
        return run.made[0]

    def analyze(self, audio: str | None = None) -> dict:
        """Hear a recording: tempo, beats, metre, key, chords and tuning.

        Args:
            audio: an audio file of 1 to 600 seconds.

        Returns:
            bpm, meter, beats [[second, position]], key, chords [[Harte label, start, end]], tuning, what is missing,
            and under "plan" all of it as a plan for /generate.
        """
        with plain_errors():
            if not audio:
                raise RequestError("audio: expected a recording, got none")
            heard = listen(*read_audio(audio))
            return heard.to_dict() | {"plan": plan_from_heard(heard).to_dict()}


def typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return an endpoint whose signature holds types, as Gradio expects, and not their names."""

    @functools.wraps(function)
    def endpoint(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    endpoint.__signature__ = inspect.signature(function, eval_str=True)
    return endpoint


def defaults_of(function: Callable[..., Any]) -> Sequence[Any]:
    """Return the defaults of all parameters of an endpoint, in order."""
    return [one.default for one in inspect.signature(function).parameters.values()]


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Show what a person can mend as a message instead of "Error"."""
    try:
        yield
    except RequestError as error:
        # A browser would take a person's own text for HTML.
        raise gr.Error(html.escape(str(error), quote=False), print_exception=False) from None


def _words(prompt: str | None) -> str:
    if prompt is None:
        raise RequestError("prompt: expected a description of the music, got none")
    return prompt


def _plan(plan: Any) -> MusicPlan | None:
    if plan is None:
        return None
    if not isinstance(plan, dict):
        raise RequestError(f"plan: expected an object as /plan returns it, got {type(plan).__name__}")
    return MusicPlan.from_dict(plan)


def _fields(*values: Any) -> dict[str, Any]:
    """Return the fields by name; those that are read as text must be short text."""
    names = ("bpm", "meter", "key", "chords", "seconds", "bars", "style", "instruments", "energy")
    fields = dict(zip(names, values, strict=True))
    for name, value in fields.items():
        if isinstance(value, str) and len(value) > MOST_CHORDS:
            raise RequestError(f"{name}: expected at most {MOST_CHORDS} characters, got {len(value)}")
    return fields
