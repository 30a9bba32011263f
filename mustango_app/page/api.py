"""The HTTP API of the page: `/plan`, `/generate`, `/analyze` and `/export`, for `gradio_client`, plain HTTP and MCP.

Plans go in and out as JSON. The recipe that `/generate` returns holds its own arguments: given back, they make the same
clip, byte for byte on the same machine. Every refusal is a sentence that names the argument.
"""

from __future__ import annotations

import contextlib
import functools
import html
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from augmentation.audio import read_audio
from augmentation.hearing.listen import listen
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.checks import BPM_RANGE, ENERGIES
from mustango_app.engine import Mustango, Stopped
from mustango_app.exchange.heard import plan_from_heard
from mustango_app.page.analysis import without_folders
from mustango_app.page.guard import FAILED, check_work, is_below
from mustango_app.page.making import Job, Making, make_clips
from mustango_app.page.results import EXPORTS, Results
from mustango_app.page.runs import LONGEST_QUEUE, Desk, Run
from mustango_app.request import GUIDANCE_RANGE, MAX_BARS, SECONDS_RANGE, STEPS_RANGE, Request

FORMATS = ("wav", "flac", "mp3", "ogg")
MOST_CHORDS, MOST_TITLE, LONGEST_ECHO = 4000, 200, 160  # characters
# What the types of the arguments do not say, for the published schema.
_RANGES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        name: {"minimum": low, "maximum": high}
        for name, (low, high) in {
            "bpm": BPM_RANGE, "meter": (1, 15), "seconds": SECONDS_RANGE, "bars": (1, MAX_BARS), "steps": STEPS_RANGE,
            "guidance": GUIDANCE_RANGE, "best_of": (1, 64), "seed": (0, 2**63 - 65),
        }.items()
    }
    | {"energy": {"enum": list(ENERGIES)}, "prompt": {"maxLength": 2000}}
)  # fmt: skip


class Api:
    """The endpoints.

    Attributes:
        LIMITS: how many of each are answered at once.

    Args:
        engine: the loaded model.
        desk: gives turns with it.
        results: where clips are kept.
    """

    LIMITS: Mapping[str, int] = MappingProxyType({"plan": 4, "generate": LONGEST_QUEUE, "analyze": 1, "export": 4})

    def __init__(self, engine: Mustango, desk: Desk, results: Results) -> None:
        self._engine, self._desk, self._results = engine, desk, results
        self._running: dict[str, set[Run]] = {}  # by session, or event of a call over plain HTTP

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
            if request.plan is not None and request.plan.is_complete and not any(fields.values()):
                whole = request.plan  # as it is: what it leaves open stays open
            elif request.plan is not None and request.plan.notes:
                whole = whole.with_(notes=request.plan.notes)  # on the words that the plan was read from
            making = Making(
                request.prompt, whole, request.seed, request.steps or self._engine.default_steps,
                self._engine.default_guidance if request.guidance is None else request.guidance, request.best_of,
                listen=False,
            )  # fmt: skip
            check_work(making.steps, whole.duration or 0.0, making.best_of)
            return self._answer(self._run(making.jobs(self._engine)), format)

    def _run(self, jobs: list[Job]) -> str:
        """Wait for a turn and make clips, of which one is wanted; return its token. Who leaves stops it."""
        run = Run(self._desk, lambda run: make_clips(self._results, jobs, False, run))
        caller = LocalContext.request.get(None)
        key = getattr(caller, "session_hash", None) or ""
        self._running.setdefault(key, set()).add(run)
        try:
            if not run.start():
                raise RequestError("queue: expected a free place, got a full queue; try again in a minute")
            run.wait(None)
        finally:
            run.stop.set()
            self._running[key].discard(run)
            if not self._running[key]:
                self._running.pop(key, None)
        if run.error is not None:
            raise run.error
        return (run.best or run.made)[0]

    def gone(self, key: str) -> None:
        """Stop what a client that has left waits for."""
        for run in list(self._running.get(key, ())):
            run.stop.set()

    def _answer(self, token: str, format: str) -> tuple[gr.FileData, dict]:
        """Return a clip's file and its record."""
        file, card = self._results.form(token, f"sound.{format}"), self._results.card(token) or {}
        clip = card["clip"]
        if card.get("best"):
            best = {"best_of": card["best"], "adherence": round(card["score"], 4)}
            clip = clip | {"settings": clip["settings"] | best}
        return gr.FileData(path=str(file)), clip | {"recipe": card["recipe"]}

    def analyze(self, audio: gr.FileData | None = None) -> dict:
        """Hear a recording: tempo, beats, metre, key, chords and tuning.

        Args:
            audio: an uploaded audio file of 1 to 600 seconds.

        Returns:
            bpm, meter, beats [[second, position]], key, chords [[Harte label, start, end]], tuning, what is missing,
            and under "plan" all of it as a plan for /generate.
        """
        with plain_errors():
            heard = listen(*read_audio(uploaded("audio", audio)))
            return heard.to_dict() | {"plan": plan_from_heard(heard).to_dict()}

    def export(self, plan: dict | None = None, title: str | None = None, format: str | None = None) -> gr.FileData:
        """Write a plan in the formats of other programs.

        Args:
            plan: such as the answer of /plan, in parts or whole.
            title: of the chord sheet, at most 200 characters.
            format: "zip" (all of them), "mid" (MIDI), "cho" (ChordPro chord sheet), "wav" (click track) or "json" (the
                completed plan); null: "zip".

        Returns:
            The file.
        """
        with plain_errors():
            if plan is None:
                raise RequestError("plan: expected an object as /plan returns it, got none")
            if title is not None and (not isinstance(title, str) or len(title) > MOST_TITLE):
                raise RequestError(f"title: expected at most {MOST_TITLE} characters, got another value")
            return gr.FileData(path=str(self._results.export(_plan(plan), title, format or "zip")))


def publish(api: Api) -> None:
    """Add the endpoints to the page that is being built, with ranges in their schema."""
    for name, limit in api.LIMITS.items():
        function = getattr(api, name)
        gr.api(typed(function), api_name=name, concurrency_limit=limit)
        inputs = list(gr.context.Context.root_block.fns.values())[-1].inputs
        for argument, component in zip(inspect.signature(function).parameters, inputs, strict=True):
            more = {"enum": [*FORMATS] if name != "export" else [*EXPORTS]} if argument == "format" else {}
            more = more or _RANGES.get(argument, {})
            schema = component._api_info
            schema = {"oneOf": [{"type": "null"}, schema["oneOf"][1] | more]} if more and "oneOf" in schema else schema
            component._api_info = schema


def typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return an endpoint whose signature holds types, as Gradio expects, and not their names."""

    @functools.wraps(function)
    def endpoint(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    endpoint.__signature__ = inspect.signature(function, eval_str=True)
    return endpoint


def defaults_of(name: str) -> Mapping[str, Any]:
    """Return the defaults of the parameters of an endpoint by name, in order."""
    parameters = list(inspect.signature(getattr(Api, name)).parameters.values())
    return {one.name: one.default for one in parameters[1:]}


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Make a sentence of whatever goes wrong; what is a fault of this side is logged.

    Raises:
        gr.Error: always, instead of the error.
    """
    try:
        yield
    except RequestError as error:
        # A browser would take a person's own text for HTML.
        said = html.escape(cut(str(without_folders(error))), quote=False)
    except Stopped:
        said = "request: expected to be waited for, got stopped"
    except OSError as error:
        said = f"result: expected room to keep it, got {error.strerror or error}"
    except BaseException as error:  # a thread of the server goes on in any case
        logging.getLogger(__name__).error("a request failed", exc_info=error)
        said = FAILED
    else:
        return
    raise gr.Error(said, print_exception=False)


def cut(sentence: str) -> str:
    """Return a refusal whose echo of what came is short."""
    said, got, echo = sentence.rpartition(", got ")
    return f"{said}{got}{echo[:LONGEST_ECHO]}…" if len(echo) > LONGEST_ECHO else sentence


def uploaded(name: str, file: Any) -> str:
    """Return the path of a file that was uploaded to this server, and to nowhere else.

    Args:
        name: of the argument.
        file: as Gradio passes it: {"path": ...}.

    Raises:
        RequestError: it is none.
    """
    if file is None:
        raise RequestError(f"{name}: expected a recording, got none")
    path = file.get("path") if isinstance(file, dict) else getattr(file, "path", file)
    if not isinstance(path, str) or not is_below(path, Path(gr.utils.get_upload_folder()).resolve()):
        raise RequestError(f"{name}: expected an uploaded file, got another value")
    return path


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
