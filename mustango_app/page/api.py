"""The HTTP API of the page: `/plan /generate /analyze /edit /extend /export`, for `gradio_client`, plain HTTP and MCP.

Plans go in and out as JSON. The recipe that `/generate` returns holds its own arguments: given back, they make the same
clip, byte for byte on the same machine. Every refusal is a sentence that names the argument.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.context import LocalContext

from augmentation.audio import read_audio
from munet.errors import RequestError
from munet.music.checks import check_choice
from mustango_app.exchange.heard import plan_from_heard
from mustango_app.page.endpoints import (
    MOST_TITLE,
    check_short,
    fields_given,
    format_given,
    plain_errors,
    plan_given,
    uploaded,
    words_given,
)
from mustango_app.page.guard import check_work
from mustango_app.page.making import Job, Making, make_clips
from mustango_app.page.results import Results
from mustango_app.page.runs import LONGEST_QUEUE, Desk, Run
from mustango_app.page.shaping import asked_of_api, clip_of, job_of
from mustango_app.request import COMPOSED, Request, check_prompt
from mustango_app.shaping.changes import Change, Edit, Extension

if TYPE_CHECKING:
    from mustango_app.engine import Mustango


class Api:
    """The endpoints.

    Attributes:
        LIMITS: how many of each are answered at once.

    Args:
        engine: the loaded model.
        desk: gives turns with it.
        results: where clips are kept.
    """

    LIMITS: Mapping[str, int] = MappingProxyType(
        {
            "plan": 4,
            "generate": LONGEST_QUEUE,
            "analyze": 1,
            "export": 4,
            "extend": LONGEST_QUEUE,
            "edit": LONGEST_QUEUE,
        }
    )

    def __init__(self, engine: Mustango, desk: Desk, results: Results) -> None:
        self._engine, self._desk, self._results = engine, desk, results
        self._running: dict[str, set[Run]] = {}  # by session, or event of a call over plain HTTP

    def plan(
        self,
        prompt: str | None = None,
        bpm: float | None = None,
        meter: int | None = None,
        key: str | None = None,
        chords: list | str | None = None,
        seconds: float | None = None,
        seed: int | None = None,
        bars: int | None = None,
        style: str | None = None,
        instruments: str | None = None,
        energy: str | None = None,
        plan: dict | None = None,
        sections: list | str | None = None,
        loop: bool | None = None,
        melody: list | None = None,
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
            sections: as a list such as [{"name": "intro", "bars": 4}, {"name": "verse", "bars": 8, "key": "D major"}],
                or as text, "intro 4 | verse 8"; null: from the description. A section's chords are a list of symbols
                or a line such as "| Em7 | % | Am7 D7 |".
            loop: true for a piece whose end leads into its beginning; null: from the description.
            melody: notes [[MIDI pitch, start, end], ...] in seconds.

        Returns:
            The plan: bpm, meter, key, chords [[symbol, second]], beats [[second, position in the bar]], duration, and
            what else was asked for; its notes say what became of the words.
        """
        with plain_errors():
            fields = fields_given(
                bpm, meter, key, chords, seconds, bars, style, instruments, energy, sections, loop, melody
            )
            request = Request(words_given(prompt), **fields, plan=plan_given(plan), seed=0 if seed is None else seed)
            return self._engine.plan(request).plan.to_dict()

    def generate(
        self,
        prompt: str | None = None,
        bpm: float | None = None,
        meter: int | None = None,
        key: str | None = None,
        chords: list | str | None = None,
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
        sections: list | str | None = None,
        guidance_interval: list | None = None,
        loop: bool | None = None,
        melody: list | None = None,
        parts: str | None = None,
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
            sections: as a list such as [{"name": "intro", "bars": 4}, {"name": "verse", "bars": 8, "key": "D major"}],
                or as text, "intro 4 | verse 8"; null: from the description. A section's chords are a list of symbols
                or a line such as "| Em7 | % | Am7 D7 |".
            guidance_interval: [low, high], noise levels from 0 to 1 between which guidance acts; null: the model's own.
            loop: true for a piece whose end leads into its beginning; null: from the description.
            melody: notes [[MIDI pitch, start, end], ...] in seconds.
            parts: "composed": the composer writes what everybody plays; null: the model finds its own notes.

        Returns:
            A sound file, and what it is: prompt, seed, plan, settings, and under "recipe" the arguments of this
            endpoint that make it again.
        """
        with plain_errors():
            format = format_given(format)
            fields = fields_given(
                bpm, meter, key, chords, seconds, bars, style, instruments, energy, sections, loop, melody
            )
            made_with = {
                "seed": seed,
                "steps": steps,
                "guidance": guidance,
                "guidance_interval": guidance_interval,
                "best_of": 1 if best_of is None else best_of,
                "parts": None if parts is None else check_choice("parts", parts, (COMPOSED,)),
            }
            request = Request(words_given(prompt), **fields, plan=plan_given(plan), **made_with)
            whole = self._engine.plan(request).plan
            if request.plan is not None and request.plan.is_complete and not any(map(_asks, fields.values())):
                whole = request.plan  # as it is: what it leaves open stays open
            elif request.plan is not None and request.plan.notes:
                whole = whole.with_(notes=request.plan.notes)  # on the words that the plan was read from
            making = Making(
                request.prompt, whole, request.seed, request.steps or self._engine.default_steps,
                self._engine.default_guidance if request.guidance is None else request.guidance, request.best_of,
                listen=False, guidance_interval=request.guidance_interval, composed=parts is not None,
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
            from augmentation.hearing.listen import listen  # its recognisers load slowly

            heard = listen(*read_audio(uploaded("audio", audio)))
            return heard.to_dict() | {"plan": plan_from_heard(heard).to_dict()}

    def extend(
        self,
        audio: gr.FileData | None = None,
        seconds: float | None = None,
        bars: int | None = None,
        before: bool | None = None,
        prompt: str | None = None,
        bpm: float | None = None,
        key: str | None = None,
        chords: str | None = None,
        instruments: str | None = None,
        energy: str | None = None,
        plan: dict | None = None,
        words: str | None = None,
        seed: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        best_of: int | None = None,
        format: str | None = None,
        guidance_interval: list | None = None,
    ) -> tuple[gr.FileData, dict]:
        """Let a piece go on, or begin earlier.

        Args:
            audio: an uploaded audio file of 1 to 600 seconds, such as the answer of /generate.
            seconds: by how much it gets longer.
            bars: the same in bars.
            before: true for a beginning instead of a continuation.
            prompt: words about the new stretch; what they do not speak of stays as it is.
            bpm: tempo of the new stretch; null: the piece's.
            key: of the new stretch; null: the piece's.
            chords: of the new stretch, such as "Am D7"; null: those of the piece go on.
            instruments: of the new stretch, such as "piano, strings"; null: the piece's.
            energy: "calm", "moderate" or "energetic"; null: the piece's.
            plan: of the piece; null: what is heard in it.
            words: what the piece was made from; null: what plays in it.
            seed: equal seeds make equal sound; null: drawn.
            steps: denoising steps; null: the model's own.
            guidance: weight of the request; null: the model's own.
            best_of: candidates, of which the one that keeps to its plan best is returned; null: 1.
            format: "wav", "flac", "mp3" or "ogg"; null: "wav".
            guidance_interval: [low, high], noise levels from 0 to 1 between which guidance acts; null: the model's own.

        Returns:
            A sound file, and what it is; under "recipe" the arguments beside audio that make it again of it.
        """
        return self._shape(Extension, locals())

    def edit(
        self,
        audio: gr.FileData | None = None,
        start: float | None = None,
        end: float | None = None,
        bars: list | None = None,
        strength: float | None = None,
        prompt: str | None = None,
        bpm: float | None = None,
        key: str | None = None,
        chords: str | None = None,
        instruments: str | None = None,
        energy: str | None = None,
        plan: dict | None = None,
        words: str | None = None,
        seed: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        best_of: int | None = None,
        format: str | None = None,
        guidance_interval: list | None = None,
    ) -> tuple[gr.FileData, dict]:
        """Play a region of a piece anew; outside of it not a sample changes.

        Args:
            audio: an uploaded audio file of 1 to 600 seconds, such as the answer of /generate.
            start: first second of the region; null: the beginning.
            end: last second of the region; null: the end.
            bars: [first, last] bar of the region, counted from 1, instead of seconds.
            strength: 1 makes the region anew, less keeps something of what is there; null: 1.
            prompt: words about the region; what they do not speak of stays as it is.
            bpm: tempo of the region; null: as it is.
            key: of the region; null: as it is.
            chords: of the region, such as "Am D7"; null: as they are.
            instruments: of the region, such as "piano, strings"; null: as they are.
            energy: "calm", "moderate" or "energetic"; null: as it is.
            plan: of the piece; null: what is heard in it.
            words: what the piece was made from; null: what plays in it.
            seed: equal seeds make equal sound; null: drawn.
            steps: denoising steps; null: the model's own.
            guidance: weight of the request; null: the model's own.
            best_of: candidates, of which the one that keeps to its plan best is returned; null: 1.
            format: "wav", "flac", "mp3" or "ogg"; null: "wav".
            guidance_interval: [low, high], noise levels from 0 to 1 between which guidance acts; null: the model's own.

        Returns:
            A sound file, and what it is; under "recipe" the arguments beside audio that make it again of it.
        """
        return self._shape(Edit, locals())

    def _shape(self, kind: type[Change], said: Mapping[str, Any]) -> tuple[gr.FileData, dict]:
        """Shape a piece as the arguments of an endpoint say."""
        with plain_errors():
            given = {name: value for name, value in said.items() if name not in ("self", "audio") and value is not None}
            format = format_given(given.pop("format", None))
            check_short(given)
            change = asked_of_api(kind, given)
            plan, words = plan_given(given.get("plan")), given.get("words")
            sound = read_audio(uploaded("audio", said["audio"]))
            seconds = sound[0].shape[1] / sound[1]
            piece = functools.partial(clip_of, self._engine, sound, plan, words and check_prompt(words))
            job = job_of(self._engine, piece, seconds, change, words or "")
            check_work(job.steps, job.seconds, 1)
            file, record = self._answer(self._run([job]), format)
            recipe = {name: value for name, value in given.items() if name != "best_of"}
            return file, record | {"recipe": recipe | {"seed": record["seed"]}}

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
            return gr.FileData(path=str(self._results.export(plan_given(plan), title, format or "zip")))


def _asks(value: Any) -> bool:
    """Whether an argument says something; an empty text or list says nothing."""
    return value is not None and value not in ("", [], ())
