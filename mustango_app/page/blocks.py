"""The page: its tabs, and which event calls which handler. `server` serves it.

Nothing is fetched from elsewhere: fonts are the system's, analytics are off, and results live in one temporary folder
from which they are deleted after a day.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING

import gradio as gr

from mustango_app.page.analysis import hear, use_as_plan
from mustango_app.page.api import Api
from mustango_app.page.endpoints import publish
from mustango_app.page.fields import NAMES
from mustango_app.page.handlers import Handlers
from mustango_app.page.layout import CHOICES, EXAMPLES, Analysis, Studio, build_analysis, build_studio
from mustango_app.page.results import Results
from mustango_app.page.runs import LONGEST_QUEUE, Desk
from mustango_app.page.words import languages, translations

if TYPE_CHECKING:
    from mustango_app.engine import Mustango

PRIVATE = MappingProxyType({"api_visibility": "private", "show_progress": "hidden"})
# The steps that the browser does itself, in `draft.js`.
ASK, SEND, FILL, DONE, HOLD, PUT, AGAIN, DROP = (
    f"(...values) => window.mustango.{step}(...values)"
    for step in ("ask", "send", "fill", "done", "hold", "put", "again", "drop")
)


def build_demo(engine: Mustango) -> gr.Blocks:
    """Return the page around a loaded model, not yet launched (see `server.launch_options`)."""
    desk, results, say = Desk(), Results(), gr.I18n(**translations())
    handlers, api = Handlers(engine, desk, results), Api(engine, desk, results)
    with gr.Blocks(title="Mustango", analytics_enabled=False, delete_cache=(3600, 86400)) as demo:
        gr.Markdown(say("introduction"))
        with gr.Tabs() as tabs:
            with gr.Tab(say("make"), id="make"):
                studio = build_studio(engine.default_steps, engine.default_guidance, engine.can_predict, say)
            with gr.Tab(say("analyse"), id="analyse"):
                analysis = build_analysis(say)
        _connect_plan(handlers, studio)
        _connect_making(handlers, studio)
        _connect_analysis(handlers, analysis, studio, tabs)
        here = [studio.status, studio.cards, studio.runs, studio.settings, studio.held]
        arrived = demo.load(handlers.arrive, [studio.runs, *studio.shown], here, js=HOLD, queue=False, **PRIVATE)
        _settings_after(arrived, handlers, studio)
        names = {code: dict(words.names) for code, words in languages().items()}
        js = f"() => window.mustango.choices({json.dumps(names)}, {json.dumps([*CHOICES.values()])})"
        demo.load(None, None, [studio.fields[name] for name in CHOICES], js=js, **PRIVATE)
        demo.unload(handlers.leave)
        publish(api)
    demo.engine, demo.desk, demo.results, demo.say = engine, desk, results, say
    demo.gone = lambda key: (handlers.gone(key), api.gone(key))  # who waited for something has left
    return demo.queue(default_concurrency_limit=4, max_size=64)


def _connect_plan(handlers: Handlers, studio: Studio) -> None:
    """Draft a plan whenever words, fields or locks change; one draft at a time, the last one with the last values."""
    typed = [one.input for one in (*studio.fields.values(), *studio.locks.values())]
    changed = gr.on([studio.prompt.change, studio.choice.change, *typed], None, js=ASK, **PRIVATE)
    _draft_after(changed, handlers, studio)
    studio.reroll.click(handlers.reroll, None, studio.choice, queue=False, **PRIVATE)
    none = f"() => {[False] * len(NAMES)}".lower()
    unlocked = studio.unlock.click(None, None, [*studio.locks.values()], js=none, **PRIVATE)
    _draft_after(unlocked.then(None, js=ASK, **PRIVATE), handlers, studio)
    for button, name in zip(studio.examples, EXAMPLES, strict=True):
        texts = {code: words(f"text_{name}") for code, words in languages().items()}
        js = f"() => window.mustango.say({json.dumps(texts)})"
        button.click(None, None, studio.prompt, js=js, **PRIVATE)


def _draft_after(asked: gr.events.Dependency, handlers: Handlers, studio: Studio) -> None:
    """Send a draft and let the browser take its answer in, where nobody has typed in the meantime."""
    outputs = [studio.answer, studio.timeline]
    drafted = asked.then(handlers.draft, studio.plan_inputs, outputs, js=SEND, queue=False, **PRIVATE)
    answer = [studio.answer, studio.last, *studio.fields.values(), *studio.locks.values()]
    drafted.success(None, answer, studio.plan_outputs, js=FILL, **PRIVATE).then(None, js=DONE, **PRIVATE)
    texts = {code: words("not_drafted") for code, words in languages().items()}
    failed = f"() => window.mustango.failed({json.dumps(texts)})"
    drafted.failure(None, None, studio.notes, js=failed, **PRIVATE)


def _settings_after(answered: gr.events.Dependency, handlers: Handlers, studio: Studio) -> None:
    """Let the browser put settings in, where nobody has typed since they were asked for, and draft their plan."""
    put = answered.success(None, [studio.settings, *studio.shown], studio.shown, js=PUT, **PRIVATE)
    answered.failure(None, js=DROP, **PRIVATE)
    _draft_after(put.then(None, js=AGAIN, **PRIVATE), handlers, studio)


def _connect_making(handlers: Handlers, studio: Studio) -> None:
    """Make clips, stop, and do what the cards' buttons say."""
    inputs = [*studio.plan_inputs, *studio.made_with, studio.variations, studio.listen, studio.runs]
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
    here = [*shown, studio.settings, studio.held]
    acted = studio.cards.click(handlers.act, [studio.runs, *studio.shown], here, js=HOLD, queue=False, **PRIVATE)
    _settings_after(acted, handlers, studio)
    studio.cards.submit(handlers.shape, studio.runs, shown, concurrency_limit=LONGEST_QUEUE, **PRIVATE)


def _connect_analysis(handlers: Handlers, analysis: Analysis, studio: Studio, tabs: gr.Tabs) -> None:
    """Hear recordings, and take what was heard as the plan."""
    heard = [analysis.status, analysis.timeline, analysis.sheet, analysis.heard, analysis.plan]
    analysis.listen.click(
        hear, analysis.audio, heard, concurrency_limit=1, api_visibility="private", show_progress_on=analysis.status
    )
    said = [analysis.status, tabs, studio.status]  # a refusal stands at its button, what was done where it leads
    there = [*said, studio.settings, studio.held]
    used = analysis.use.click(use_as_plan, [analysis.plan, *studio.shown], there, js=HOLD, queue=False, **PRIVATE)
    _settings_after(used, handlers, studio)
    recording = [analysis.audio, analysis.plan, studio.runs]
    shown = [*said, studio.cards, studio.runs]
    analysis.keep.click(handlers.keep_recording, recording, shown, queue=False, **PRIVATE)


__all__ = ["build_demo"]
