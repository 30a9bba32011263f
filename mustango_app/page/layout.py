"""What stands where on the page. Events are connected in `blocks`; the words are in `languages/`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import gradio as gr

from augmentation.compose.styles import STYLES
from munet.music.checks import ENERGIES
from munet.music.instruments import INSTRUMENT_NAMES
from mustango_app.page.fields import NAMES
from mustango_app.page.words import FIRST, languages
from mustango_app.request import PROMPT_LENGTH

HERE = Path(__file__).parent
EXAMPLES = ("waltz", "funk", "ballad", "synth_pop", "jazz_trio")
CHOICES = MappingProxyType(
    {"style": ("", *sorted(STYLES)), "energy": ("", *ENERGIES), "instruments": tuple(sorted(INSTRUMENT_NAMES))}
)
ROWS = (("bpm", "meter"), ("key", "duration"), ("chords",), ("sections",), ("instruments",), ("style", "energy"))
ANNOUNCE = "element.setAttribute('role', 'status'); element.setAttribute('aria-live', 'polite');"


@dataclass
class Studio:
    """The components of the tab where music is made, by name."""

    prompt: gr.Textbox
    generate: gr.Button
    stop: gr.Button
    status: gr.HTML
    fields: dict[str, Any]
    locks: dict[str, gr.Checkbox]
    timeline: gr.HTML
    notes: gr.HTML
    reroll: gr.Button
    unlock: gr.Button
    seed: gr.Textbox
    variations: gr.Slider
    steps: gr.Number
    guidance: gr.Textbox
    interval: gr.Textbox
    composed: gr.Checkbox
    best_of: gr.Slider
    listen: gr.Checkbox
    cards: gr.HTML
    runs: gr.BrowserState
    choice: gr.State
    held: gr.State
    answer: gr.HTML  # of a draft, which the browser takes in
    settings: gr.HTML  # from elsewhere, see `settings`
    last: gr.HTML  # on the page, so that it comes with the values that were shown together with it
    examples: list[gr.Button] = field(default_factory=list)

    @property
    def plan_inputs(self) -> list[Any]:
        """What a draft is read from, in the order of `Handlers.draft`."""
        hidden = [self.choice, self.last, self.held]
        return [self.prompt, *hidden, *self.fields.values(), *self.locks.values()]

    @property
    def plan_outputs(self) -> list[Any]:
        """What the answer of a draft fills."""
        return [*self.fields.values(), *self.locks.values(), self.notes, self.last]

    @property
    def made_with(self) -> list[Any]:
        """How clips are made, in the order of `settings`."""
        return [self.seed, self.steps, self.guidance, self.interval, self.composed, self.best_of]

    @property
    def shown(self) -> list[Any]:
        """What settings from elsewhere are put into, in their order."""
        return [self.prompt, *self.fields.values(), *self.locks.values(), *self.made_with]


def build_studio(steps: int, guidance: float, predicts: bool, say: gr.I18n) -> Studio:
    """Lay out the tab where music is made: words and plan on the left, results on the right.

    Args:
        steps, guidance: the model's own.
        predicts: whether the model predicts beats and chords itself.
        say: words that the browser's language decides.
    """
    parts: dict[str, Any] = {"choice": gr.State(0), "held": gr.State(None)}
    # Values that the browser holds and nobody sees; Gradio's own component for these would draw each as a tree.
    parts |= {name: gr.HTML({}, html_template="", visible="hidden") for name in ("answer", "last", "settings")}
    parts["runs"] = gr.BrowserState([], storage_key="mustango-clips", secret="mustango-clips")
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            _build_prompt(parts, say)
            _build_plan(parts, predicts, say)
            _build_quality(parts, steps, guidance, say)
        with gr.Column(scale=7, min_width=320, elem_id="results"):
            gr.Markdown(say("results"), elem_id="results-title", elem_classes="title")
            gr.Markdown(say("no_results"), elem_id="no-results")  # gives way to the first card, see `page.css`
            gr.HTML('<div id="shelf"></div>')
            parts["cards"] = gr.HTML(
                [], html_template="", js_on_load=(HERE / "cards.js").read_text(encoding="utf-8"), elem_id="cards"
            )
    return Studio(**parts)


def _build_prompt(parts: dict[str, Any], say: gr.I18n) -> None:
    parts["prompt"] = gr.Textbox(
        label=say("label_prompt"), lines=3, max_lines=8, max_length=PROMPT_LENGTH, autofocus=True,
        placeholder=say("text_waltz"), elem_id="prompt",
    )  # fmt: skip
    with gr.Row(elem_id="buttons"):
        parts["generate"] = gr.Button(
            say("generate"), variant="primary", size="lg", scale=4, min_width=180, elem_id="generate"
        )
        parts["stop"] = gr.Button(say("stop"), variant="secondary", size="lg", scale=1, min_width=90, elem_id="stop")
    parts["status"] = gr.HTML("<p></p>", elem_id="status", js_on_load=ANNOUNCE)
    with gr.Row(elem_id="examples"):
        parts["examples"] = [
            gr.Button(say(f"example_{name}"), size="sm", min_width=50, elem_classes="example") for name in EXAMPLES
        ]


def _build_plan(parts: dict[str, Any], predicts: bool, say: gr.I18n) -> None:
    parts["fields"], parts["locks"] = {}, {}
    with gr.Column(elem_id="plan"):
        gr.Markdown(say("plan_title"), elem_classes="title")
        gr.Markdown(say("hint"), elem_id="hint")  # gives way to the timeline
        parts["timeline"] = gr.HTML("", elem_id="timeline")
        for row in ROWS:
            with gr.Row(elem_classes="fields"):
                for name in row:
                    with gr.Column(min_width=130, elem_classes="field"):
                        parts["fields"][name] = _component(name, say)
                        parts["locks"][name] = gr.Checkbox(
                            False, label=say(f"lock_{name}"), container=False, elem_classes="lock",
                            elem_id=f"lock-{name}",
                        )  # fmt: skip
        for kind in ("fields", "locks"):  # in the order of `NAMES`, whatever their places are
            parts[kind] = {name: parts[kind][name] for name in NAMES}
        parts["notes"] = gr.HTML("", elem_id="notes", js_on_load=ANNOUNCE)
        with gr.Row():
            parts["reroll"] = gr.Button(say("other_choices"), size="sm", min_width=90, elem_id="reroll")
            parts["unlock"] = gr.Button(say("unlock_all"), size="sm", min_width=90, elem_id="unlock")
        gr.Markdown(say("predictors" if predicts else "no_predictors"), elem_id="predictors")


def _component(name: str, say: gr.I18n) -> Any:
    common = {"label": say(f"label_{name}"), "elem_id": f"field-{name}", "info": " "}
    if name in CHOICES:
        several = name == "instruments"
        # Other values, of a link or a plan from elsewhere, are refused at the field and not by Gradio.
        common |= {"value": [] if several else "", "multiselect": several, "allow_custom_value": True}
        return gr.Dropdown(list(CHOICES[name]), **common)
    lines, example = 2 if name == "chords" else 1, say(f"placeholder_{name}")
    return gr.Textbox(placeholder=example, lines=1, max_lines=lines, max_length=2000, **common)


def _build_quality(parts: dict[str, Any], steps: int, guidance: float, say: gr.I18n) -> None:
    def called(name: str) -> dict[str, Any]:
        return {"label": say(f"label_{name}"), "info": say(f"info_{name}"), "elem_id": name.replace("_", "-")}

    with gr.Accordion(say("how_it_is_made"), open=False, elem_id="quality"):
        with gr.Row():
            parts["variations"] = gr.Slider(1, 4, value=1, step=1, **called("num_clips"))
            parts["best_of"] = gr.Slider(1, 8, value=1, step=1, **called("best_of"))
        with gr.Row():
            parts["steps"] = gr.Number(steps, precision=0, min_width=120, **called("steps"))
            parts["guidance"] = gr.Textbox(
                f"{guidance:g}", max_lines=1, max_length=200, min_width=120, **called("guidance")
            )
        with gr.Row():
            parts["interval"] = gr.Textbox(
                placeholder="0, 1", max_lines=1, max_length=60, min_width=120, **called("guidance_interval")
            )
            parts["seed"] = gr.Textbox(
                placeholder=say("placeholder_seed"), max_lines=1, max_length=20, min_width=120, **called("seed")
            )
        parts["composed"] = gr.Checkbox(False, **called("parts"))
        parts["listen"] = gr.Checkbox(True, label=say("label_listen"), elem_id="listen")


@dataclass
class Analysis:
    """The components of the tab where recordings are heard."""

    audio: gr.Audio
    listen: gr.Button
    use: gr.Button
    keep: gr.Button
    status: gr.HTML
    timeline: gr.HTML
    sheet: gr.Textbox
    heard: gr.Textbox
    plan: gr.State


def build_analysis(say: gr.I18n) -> Analysis:
    """Lay out the tab where recordings are heard."""
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            audio = gr.Audio(
                label=say("label_audio"), type="filepath", sources=["upload", "microphone"], elem_id="recording"
            )
            gr.Markdown(say("upload_or_record"), elem_id="upload-hint")
            with gr.Row(equal_height=True, elem_id="recording-buttons"):
                listen = gr.Button(say("hear_it"), variant="primary", size="md", min_width=90, elem_id="hear")
                use = gr.Button(say("use_as_plan"), size="md", min_width=90, elem_id="use-as-plan")
                keep = gr.Button(say("continue_or_repaint"), size="md", min_width=90, elem_id="keep-recording")
            status = gr.HTML("<p></p>", elem_id="heard", js_on_load=ANNOUNCE)
        with gr.Column(scale=6, min_width=320):
            gr.Markdown(say("nothing_heard"), elem_id="nothing-heard")  # gives way to the timeline
            timeline = gr.HTML("", elem_id="heard-timeline")
            # Gradio's copy button stands in the label and takes the field's name from who listens instead of looking.
            sheet = gr.Textbox(label=say("chord_sheet"), interactive=False, lines=6, max_lines=20)
            with gr.Accordion(say("all_heard"), open=False):
                heard = gr.Textbox(label="JSON", interactive=False, lines=6, max_lines=20)
    return Analysis(audio, listen, use, keep, status, timeline, sheet, heard, gr.State(None))


def example_text(name: str) -> str:
    """Return the words of an example in English."""
    return languages()[FIRST](f"text_{name}")
