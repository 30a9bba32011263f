"""The Gradio page and its HTTP API (`/plan`, `/generate`, `/analyze`).

One model serves one request at a time; the others wait in the queue. Nothing is fetched from elsewhere: fonts are the
system's, analytics are off, and files live in one temporary folder from which they are deleted after a day.
"""

from __future__ import annotations

import contextlib
import functools
import html
import inspect
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from augmentation.audio import read_audio
from augmentation.hearing.listen import Heard, listen
from munet.errors import RequestError
from munet.music import MusicPlan
from mustango_app.clip import Clip
from mustango_app.engine import Mustango, Stopped
from mustango_app.page.plots import plot_clip
from mustango_app.page.text import INTRODUCTION, chord_line, plan_table, read_fields, read_number, subtitles
from mustango_app.request import DEFAULT_SECONDS, PROMPT_LENGTH, Request

EXAMPLES = (
    "A calm waltz for piano and strings in G major, 90 bpm",
    "Energetic funk with slap bass, brass stabs and tight drums, E minor, 112 bpm",
    "A melancholic ballad for acoustic guitar with the chords Am, F, C, G, Adagio",
    "Bright 80s synth pop with a driving beat and arpeggios, Vivace, in A major",
    "Late night jazz trio: brushed drums, upright bass and piano, Dm7 G7 Cmaj7 A7",
)
CSS = """
.gradio-container { max-width: 1240px !important; margin: 0 auto !important; }
#generate, #stop { min-height: 3.2rem; font-size: 1.1rem; }
#status { min-height: 1.5rem; }
#plan table { width: 100%; }
#plan table, #plan thead, #plan tbody, #plan tr { border: 0 !important; }
#plan th, #plan td { border-color: var(--border-color-primary); border-width: 0 0 1px 0; padding: 6px 8px; }
#plan th, #plan td:first-child { white-space: nowrap; }
"""
MODEL_QUEUE = "model"


def build_demo(engine: Mustango) -> gr.Blocks:
    """Return the page around a loaded model, not yet launched (see `launch_options`)."""
    handlers = Handlers(engine)
    with gr.Blocks(title="Mustango", analytics_enabled=False, delete_cache=(3600, 86400)) as demo:
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column(scale=5, min_width=320):
                inputs, buttons = _build_inputs(engine)
            with gr.Column(scale=6, min_width=320):
                outputs = _build_outputs()
        _connect(handlers, inputs, buttons, outputs)
        gr.api(_typed(handlers.api_plan), api_name="plan", concurrency_limit=4)
        gr.api(_typed(handlers.api_generate), api_name="generate", concurrency_id=MODEL_QUEUE, concurrency_limit=1)
    return demo.queue(default_concurrency_limit=1, max_size=64)


def launch_options(host: str | None = None, port: int | None = None) -> dict[str, Any]:
    """Return the arguments for `demo.launch`: no tunnel, no fonts from elsewhere.

    Args:
        host: address to listen at; None leaves it to GRADIO_SERVER_NAME, and without it to this machine only.
        port: None leaves it to GRADIO_SERVER_PORT, and without it to the first free one from 7860.
    """
    system = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    theme = gr.themes.Soft(primary_hue="orange", font=system, font_mono=("ui-monospace", "Consolas", "monospace"))
    address = {"server_name": host, "server_port": port, "share": False}
    return address | {
        "theme": theme,
        "css": CSS,
        "footer_links": ["api"],
        "run_history": False,
        "max_file_size": "50mb",
    }


def serve(engine: Mustango, host: str | None = None, port: int | None = None) -> None:
    """Open the page and wait until the process is interrupted."""
    build_demo(engine).launch(**launch_options(host, port))


def _typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return an endpoint whose signature holds types, as Gradio expects, and not their names."""

    @functools.wraps(function)
    def endpoint(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    endpoint.__signature__ = inspect.signature(function, eval_str=True)
    return endpoint


def _build_inputs(engine: Mustango) -> tuple[list[gr.components.Component], dict[str, gr.Button]]:
    """Lay out the left column; the inputs come in the order of `Handlers.generate`."""
    prompt = gr.Textbox(
        label="Describe the music",
        lines=3,
        max_lines=8,
        max_length=PROMPT_LENGTH,
        autofocus=True,
        placeholder=EXAMPLES[0],
    )
    with gr.Row():
        generate = gr.Button("Generate", variant="primary", size="lg", scale=4, min_width=200, elem_id="generate")
        stop = gr.Button("Stop", variant="stop", size="lg", scale=1, min_width=90, interactive=False, elem_id="stop")
    with gr.Accordion("Musical plan", open=False):
        gr.Markdown("What you leave empty is read from your description; what that leaves open is chosen for you.")
        with gr.Row():
            # Text fields: an empty number field turns into 0 in the browser.
            bpm = gr.Textbox(label="Tempo (BPM)", placeholder="90", max_lines=1, min_width=100)
            meter = gr.Textbox(label="Beats per bar", placeholder="4", max_lines=1, min_width=100)
            key = gr.Textbox(label="Key", placeholder="G major", max_lines=1, min_width=100)
        chords = gr.Textbox(
            label="Chords",
            placeholder="G D/F# Em C",
            max_lines=2,
            info="Spread over the bars, or at seconds: G@0 Em@2.5",
        )
        with gr.Row():
            seconds = gr.Textbox(label="Seconds", placeholder=f"{DEFAULT_SECONDS:g}", max_lines=1, min_width=100)
            seed = gr.Textbox(label="Seed", placeholder="a new one", max_lines=1, min_width=120)
        with gr.Row():
            fill = gr.Button("Fill in from the description", size="sm")
            clear = gr.Button("Empty the fields", size="sm")
    with gr.Accordion("Quality", open=False), gr.Row():
        steps = gr.Slider(1, 200, value=engine.default_steps, step=1, label="Steps", info="More: slower, finer")
        guidance = gr.Slider(
            1.0, 10.0, value=engine.default_guidance, step=0.1, label="Guidance", info="More: closer to the request"
        )
        best_of = gr.Slider(1, 8, value=1, step=1, label="Best of", info="Makes several, keeps the most obedient")
    gr.Examples([[text] for text in EXAMPLES], inputs=[prompt], label="Examples", api_name=False)
    buttons = {"generate": generate, "stop": stop, "fill": fill, "clear": clear}
    return [prompt, bpm, meter, key, chords, seconds, seed, steps, guidance, best_of], buttons


def _build_outputs() -> dict[str, Any]:
    """Lay out the right column."""
    outputs: dict[str, Any] = {"status": gr.Markdown("Ready.", elem_id="status")}
    outputs["audio"] = gr.Audio(label="Result", type="filepath", interactive=False, buttons=["download"])
    outputs["plot"] = gr.Plot(label="Spectrogram, with the chords and beats asked for", show_label=False, format="png")
    outputs["plan"] = gr.Markdown(plan_table(None), elem_id="plan", container=True)
    outputs["analyze"] = gr.Button("Analyse what I hear", size="sm", interactive=False)
    with gr.Accordion("Exact settings (JSON)", open=False):
        outputs["record"] = gr.JSON(label="Request", show_label=False)
        outputs["heard"] = gr.JSON(label="Heard")
    return outputs


def _connect(handlers: Handlers, inputs: list[Any], buttons: dict[str, gr.Button], outputs: dict[str, Any]) -> None:
    """Say which event calls which handler. What only the page needs stays out of the API."""
    prompt, fields = inputs[0], inputs[1:7]
    generate, stop, analyze = buttons["generate"], buttons["stop"], outputs["analyze"]
    results = [outputs[name] for name in ("status", "audio", "plot", "plan", "record", "heard")]
    private = {"api_visibility": "private", "show_progress": "hidden"}
    running = {"outputs": [generate, stop, analyze], "queue": False, **private}

    begin = gr.on([generate.click, prompt.submit], handlers.begin, None, **running)
    run = begin.success(
        handlers.generate,
        inputs,
        results,
        api_name="page_generate",
        api_visibility="private",
        show_progress_on=outputs["audio"],
        scroll_to_output=True,
        concurrency_id=MODEL_QUEUE,
        concurrency_limit=1,
    )
    run.then(handlers.end, outputs["record"], **running)
    stop.click(handlers.stop, None, outputs["status"], queue=False, **private)
    buttons["fill"].click(handlers.fill, [prompt, *fields[:5]], fields[:4], **private)
    buttons["clear"].click(lambda: ("",) * len(fields), None, fields, queue=False, **private)
    heard = analyze.click(handlers.analyze, outputs["audio"], outputs["heard"], api_name="analyze")
    heard.success(handlers.compare, [outputs["record"], outputs["heard"]], outputs["plan"], **private)


class Handlers:
    """What the page's events and its API call.

    Args:
        engine: the loaded model.
    """

    def __init__(self, engine: Mustango) -> None:
        self._engine = engine
        self._stops: dict[str, threading.Event] = {}  # of the running request of each session

    def begin(self, request: gr.Request) -> tuple[Any, Any, Any]:
        """Get ready for a request: its Stop button works from now on, also while it waits in the queue."""
        self._stops[request.session_hash] = threading.Event()
        return gr.update(interactive=False), gr.update(interactive=True), gr.update(interactive=False)

    def end(self, record: dict[str, Any] | None, request: gr.Request) -> tuple[Any, Any, Any]:
        """Get ready for the next request."""
        self._stops.pop(request.session_hash, None)
        return gr.update(interactive=True), gr.update(interactive=False), gr.update(interactive=bool(record))

    def stop(self, request: gr.Request) -> str:
        """Stop the request of this session at the model's next step."""
        event = self._stops.get(request.session_hash)
        if event is not None:
            event.set()
        return "Stopping …"

    def generate(
        self,
        prompt: str,
        bpm: str | None,
        meter: str | None,
        key: str | None,
        chords: str | None,
        seconds: str | None,
        seed: str | None,
        steps: int,
        guidance: float,
        best_of: int,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - gradio finds it by its default
    ) -> Iterator[tuple[Any, ...]]:
        """Show the plan, then the clip; what is wrong with the request stands in the status line."""
        stop = self._stops.get(request.session_hash)
        try:
            asked = read_fields(bpm, meter, key, chords, seconds) | {"seed": read_number("seed", seed)}
            made_with = {"steps": steps, "guidance": guidance, "best_of": best_of}
            asked_for = Request(prompt, **asked, **made_with)
            plan, sources = self._engine.plan(asked_for)
            table = plan_table(plan, sources)
            yield _results(f"Making {plan.duration:g} seconds …", table)
            (clip,) = self._engine.play(
                asked_for,
                [plan],
                callback=lambda done, total: progress((done, total), desc="Denoising", unit="steps"),
                stop=stop,
            )
        except RequestError as error:
            gr.Warning(_escaped(error), title="Please change the request")
            yield _results(f"**{_escaped(error)}**", plan_table(None))
        except Stopped:
            yield _results("Stopped. The plan below is what would have been played.", table)
        else:
            audio = gr.Audio(value=str(_save(clip)), subtitles=subtitles(clip.plan))
            status = f"Done: {clip.duration:g} seconds, seed {clip.seed}."
            yield _results(status, table, audio, plot_clip(clip), clip.to_dict())

    def fill(self, prompt: str, *fields: Any) -> tuple[str, ...]:
        """Fill the empty fields of the plan with what the description says or leaves to be chosen."""
        with _plain_errors():
            plan, _ = self._engine.plan(Request(prompt, **read_fields(*fields), seed=0))
        return f"{plan.bpm:g}", str(plan.meter), plan.key, chord_line(plan)

    def analyze(self, audio: str | None) -> dict[str, Any]:
        """Hear a recording: tempo, beats, metre, key and chords.

        Args:
            audio: an audio file of 1 to 600 seconds.

        Returns:
            bpm, meter, beats [[second, position]], key, chords [[Harte label, start, end]], and what is missing.
        """
        with _plain_errors():
            if audio is None:
                raise RequestError("audio: expected a clip, got none; generate one first")
            return listen(*read_audio(audio)).to_dict()

    def compare(self, record: dict[str, Any], heard: dict[str, Any]) -> str:
        """Set what was heard beside what was asked."""
        with _plain_errors():
            return plan_table(MusicPlan.from_dict(record["plan"]), heard=Heard.from_dict(heard))

    def api_plan(
        self,
        prompt: str,
        bpm: float | None = None,
        meter: int | None = None,
        key: str | None = None,
        chords: str | None = None,
        seconds: float | None = None,
        seed: int | None = None,
    ) -> dict:
        """Read the musical plan from a description.

        Args:
            prompt: description of the music, at most 2000 characters.
            bpm: tempo, 30 to 300 BPM; null: from the description.
            meter: beats per bar, 1 to 12; null: from the description.
            key: such as "G major"; null: from the description.
            chords: such as "G D/F# Em C" or "G@0 Em@2.5"; null: from the description.
            seconds: length, 1 to 30; null: from the description, else 10.
            seed: decides what the description leaves open.

        Returns:
            The plan: bpm, meter, key, chords [[symbol, second]], beats [[second, position in the bar]], duration.
        """
        with _plain_errors():
            request = Request(prompt, bpm, meter, key, chords, seconds, seed=0 if seed is None else seed)
            return self._engine.plan(request).plan.to_dict()

    def api_generate(
        self,
        prompt: str,
        bpm: float | None = None,
        meter: int | None = None,
        key: str | None = None,
        chords: str | None = None,
        seconds: float | None = None,
        seed: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        best_of: int = 1,
    ) -> tuple[gr.FileData, dict]:
        """Make music.

        Args:
            prompt: description of the music, at most 2000 characters.
            bpm: tempo, 30 to 300 BPM; null: from the description.
            meter: beats per bar, 1 to 12; null: from the description.
            key: such as "G major"; null: from the description.
            chords: such as "G D/F# Em C" or "G@0 Em@2.5"; null: from the description.
            seconds: length, 1 to 30; null: from the description, else 10.
            seed: equal seeds make equal clips; null: drawn.
            steps: denoising steps, 1 to 1000; null: the model's own.
            guidance: weight of the request, 0 to 30; null: the model's own.
            best_of: candidates, of which the one that obeys best is returned; each takes as long as one clip.

        Returns:
            A WAV file, and the request it can be made again from: prompt, seed, plan, settings.
        """
        with _plain_errors():
            made_with = {"seed": seed, "steps": steps, "guidance": guidance, "best_of": best_of}
            clip = self._engine.generate(Request(prompt, bpm, meter, key, chords, seconds, **made_with))
        return gr.FileData(path=str(_save(clip))), clip.to_dict()


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Show what a person can mend as a message instead of "Error"."""
    try:
        yield
    except RequestError as error:
        raise gr.Error(_escaped(error), print_exception=False) from None


def _escaped(error: RequestError) -> str:
    """Return the message for a browser, which would take a person's own text for HTML."""
    return html.escape(str(error), quote=False)


def _results(
    status: str, table: str, audio: Any = None, plot: Any = None, record: dict[str, Any] | None = None
) -> tuple[Any, ...]:
    """Return values in the order of the right column; a result that is not there is emptied."""
    return status, audio, plot, table, record, None


def _save(clip: Clip) -> Path:
    """Write a clip into Gradio's temporary folder, where it is deleted after a day."""
    folder = Path(gr.utils.get_upload_folder()) / "mustango"
    folder.mkdir(parents=True, exist_ok=True)
    return clip.save(folder / f"mustango-{clip.seed}-{secrets.token_hex(4)}.wav")
