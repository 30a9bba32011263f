"""The page: its tabs, which event calls which handler, and how it is served.

Nothing is fetched from elsewhere: fonts are the system's, analytics are off, and results live in one temporary folder
from which they are deleted after a day.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import sys
import threading
from types import MappingProxyType
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.requests import Request as HttpRequest
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from mustango_app.engine import Mustango
from mustango_app.page.analysis import hear, use_as_plan
from mustango_app.page.api import Api, defaults_of, typed
from mustango_app.page.fields import NAMES
from mustango_app.page.guard import LOCAL_NAMES, HostCheck, WholeCalls
from mustango_app.page.handlers import Handlers
from mustango_app.page.layout import EXAMPLES, HERE, Analysis, Studio, build_analysis, build_studio
from mustango_app.page.results import FORMS, Results
from mustango_app.page.runs import LONGEST_QUEUE, Desk

INTRODUCTION = """# Mustango
Describe the music you want. The plan shows how your words were understood; change and lock what matters to you."""
MAX_UPLOAD = "50mb"
PATIENCE = 1.5  # seconds that a run is given to stop when the server ends
PRIVATE = MappingProxyType({"api_visibility": "private", "show_progress": "hidden"})
# An event that waits a moment, so that a typist is not answered at every letter, and says which field they are in.
DEBOUNCE = """async (...values) => {
    await new Promise((done) => setTimeout(done, 120));
    const field = document.activeElement?.closest("[id^=field-]");
    values[3] = field ? field.id.slice("field-".length) : "";
    return values;
}"""


def build_demo(engine: Mustango) -> gr.Blocks:
    """Return the page around a loaded model, not yet launched (see `launch_options`)."""
    desk, results = Desk(), Results()
    handlers, api = Handlers(engine, desk, results), Api(engine, desk, results)
    with gr.Blocks(title="Mustango", analytics_enabled=False, delete_cache=(3600, 86400)) as demo:
        gr.Markdown(INTRODUCTION)
        with gr.Tabs() as tabs:
            with gr.Tab("Make", id="make"):
                studio = build_studio(engine.default_steps, engine.default_guidance)
            with gr.Tab("Analyse", id="analyse"):
                analysis = build_analysis()
        _connect_plan(handlers, studio)
        _connect_making(handlers, studio)
        _connect_analysis(api, analysis, studio, tabs)
        demo.load(handlers.remember, studio.runs, [studio.cards, studio.runs], queue=False, **PRIVATE)
        demo.unload(handlers.leave)
        for name, limit in (("plan", 4), ("generate", LONGEST_QUEUE)):
            gr.api(typed(getattr(api, name)), api_name=name, concurrency_limit=limit)
    demo.desk, demo.results = desk, results
    return demo.queue(default_concurrency_limit=4, max_size=64)


def launch_options(demo: gr.Blocks, host: str | None = None, port: int | None = None) -> dict[str, Any]:
    """Return the arguments for `demo.launch`: no tunnel, no fonts from elsewhere, guarded.

    Args:
        demo: what `build_demo` made.
        host: address to listen at; None leaves it to GRADIO_SERVER_NAME, and without it to this machine only.
        port: None leaves it to GRADIO_SERVER_PORT, and without it to the first free one from 7860.
    """
    system = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    theme = gr.themes.Soft(primary_hue="orange", font=system, font_mono=("ui-monospace", "Consolas", "monospace"))
    # The theme's own greys and oranges are too pale for small letters (WCAG AA asks for 4.5 to 1).
    theme.set(
        body_background_fill="*neutral_50", body_background_fill_dark="*neutral_950",
        body_text_color_subdued="#4b5563", body_text_color_subdued_dark="#d1d5db",
        block_label_text_color="#1f2937", block_label_text_color_dark="#f3f4f6",
        block_title_text_color="#1f2937", block_title_text_color_dark="#f3f4f6",
        block_label_background_fill="transparent", block_label_background_fill_dark="transparent",
        button_primary_background_fill="#9a3412", button_primary_background_fill_dark="#9a3412",
        button_primary_background_fill_hover="#7c2d12", button_primary_background_fill_hover_dark="#7c2d12",
    )  # fmt: skip
    local = host or os.environ.get("GRADIO_SERVER_NAME") or LOCAL_NAMES[0]
    names = (*LOCAL_NAMES, local) if local.startswith("127.") or local in LOCAL_NAMES else ()
    endpoints = {name: defaults_of(getattr(Api, name))[1:] for name in ("plan", "generate", "analyze")}
    guards = [Middleware(HostCheck, names=names), Middleware(WholeCalls, defaults=endpoints)]
    return {
        "server_name": host,
        "server_port": port,
        "share": False,
        "theme": theme,
        "css": (HERE / "page.css").read_text(encoding="utf-8"),
        "footer_links": ["api"],
        "run_history": False,
        "max_file_size": MAX_UPLOAD,
        "app_kwargs": {"middleware": guards, "routes": [_route(demo.results), _health(demo.desk)]},
    }


def serve(engine: Mustango, host: str | None = None, port: int | None = None) -> None:
    """Open the page and wait until the process is interrupted or asked to end; then leave within three seconds.

    What is being made is stopped, and the results of this server are deleted.
    """
    demo, ended = build_demo(engine), threading.Event()
    demo.launch(**launch_options(demo, host, port), prevent_thread_lock=True)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
    try:
        while not ended.wait(0.5):  # a wait without end would let no signal through on every system
            pass
    finally:
        demo.desk.stop_all(PATIENCE)
        demo.results.clear()
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(
            0
        )  # open connections and a decoder at work would hold the process for longer, and nobody waits for them


def _route(results: Results) -> Route:
    """Return the way to the files of results."""

    def download(request: HttpRequest) -> Response:
        name = request.path_params["name"]
        path = results.form(request.path_params["token"], name)
        if path is None:
            return JSONResponse({"error": "result: expected one that is still kept, got another"}, 404)
        return FileResponse(path, media_type=FORMS[name])

    return Route("/results/{token}/{name}", download)


def _health(desk: Desk) -> Route:
    def health(_request: HttpRequest) -> Response:
        return JSONResponse({"status": "ok", "waiting": desk.length})

    return Route("/health", health)


def _connect_plan(handlers: Handlers, studio: Studio) -> None:
    """Draft a plan whenever words, fields or locks change; one draft at a time, the last one with the last values."""
    inputs, outputs = studio.plan_inputs, studio.plan_outputs
    typed = [one.input for one in (*studio.fields.values(), *studio.locks.values())]
    gr.on(
        [studio.prompt.change, studio.choice.change, *typed], handlers.draft, inputs, outputs,
        trigger_mode="always_last", queue=False, js=DEBOUNCE, **PRIVATE,
    )  # fmt: skip
    studio.reroll.click(handlers.reroll, None, studio.choice, queue=False, **PRIVATE)
    unlocked = studio.unlock.click(lambda: [False] * len(NAMES), None, [*studio.locks.values()], queue=False, **PRIVATE)
    unlocked.then(handlers.draft, inputs, outputs, queue=False, **PRIVATE)
    for button, text in zip(studio.examples, EXAMPLES.values(), strict=True):
        button.click(functools.partial(str, text), None, studio.prompt, queue=False, **PRIVATE)


def _connect_making(handlers: Handlers, studio: Studio) -> None:
    """Make clips, stop, and do what the cards' buttons say."""
    made_with = [studio.seed, studio.steps, studio.guidance, studio.best_of]
    inputs = [*studio.plan_inputs, *made_with, studio.variations, studio.listen, studio.runs]
    shown = [studio.status, studio.cards, studio.runs]
    gr.on(
        [studio.generate.click, studio.prompt.submit],
        handlers.generate,
        inputs,
        shown,
        concurrency_limit=LONGEST_QUEUE,
        api_name="page_generate",
        **PRIVATE,
    )
    studio.stop.click(handlers.stop, None, studio.status, queue=False, **PRIVATE)
    put_back = [studio.prompt, *studio.fields.values(), *studio.locks.values(), *made_with]
    studio.cards.click(handlers.act, studio.runs, [*shown, *put_back], queue=False, **PRIVATE)


def _connect_analysis(api: Api, analysis: Analysis, studio: Studio, tabs: gr.Tabs) -> None:
    """Hear recordings, and take what was heard as the plan."""
    # A button that nobody sees: its component checks that a file was uploaded, which an endpoint without one does not.
    hidden = gr.Button(visible=False)
    hidden.click(api.analyze, analysis.audio, analysis.heard, api_name="analyze", concurrency_limit=1)
    heard = [analysis.status, analysis.timeline, analysis.sheet, analysis.heard, analysis.plan]
    analysis.listen.click(
        hear, analysis.audio, heard, concurrency_limit=1, api_visibility="private", show_progress_on=analysis.status
    )
    fields = [*studio.fields.values(), *studio.locks.values()]
    used = analysis.use.click(use_as_plan, analysis.plan, [studio.status, *fields], queue=False, **PRIVATE)
    used.then(lambda: gr.Tabs(selected="make"), None, tabs, queue=False, **PRIVATE)


__all__ = ["build_demo", "launch_options", "serve"]
