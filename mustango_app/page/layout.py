"""What stands where on the page. Events are connected in `blocks`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import gradio as gr

from augmentation.compose.styles import STYLES
from munet.music.checks import ENERGIES
from munet.music.instruments import INSTRUMENT_NAMES
from mustango_app.page.fields import FIELDS, LABELS, Field
from mustango_app.request import PROMPT_LENGTH

HERE = Path(__file__).parent
EXAMPLES = MappingProxyType(
    {
        "Waltz": "A calm waltz for piano and strings in G major, 90 bpm",
        "Funk": "Energetic funk with slap bass, brass stabs and tight drums, E minor, 112 bpm",
        "Ballad": "A melancholic ballad for acoustic guitar with the chords Am, F, C, G, Adagio",
        "Synth pop": "Bright 80s synth pop with a driving beat and arpeggios, Vivace, in A major",
        "Jazz trio": "Late night jazz trio: brushed drums, upright bass and piano, Dm7 G7 Cmaj7 A7",
    }
)
CHOICES = MappingProxyType(
    {"style": ("", *sorted(STYLES)), "energy": ("", *ENERGIES), "instruments": tuple(sorted(INSTRUMENT_NAMES))}
)
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
    steps: gr.Slider
    guidance: gr.Slider
    best_of: gr.Slider
    listen: gr.Checkbox
    cards: gr.HTML
    runs: gr.BrowserState
    choice: gr.State
    focus: gr.Textbox
    last: gr.JSON  # on the page, so that it comes with the values that were shown together with it
    examples: list[gr.Button] = field(default_factory=list)

    @property
    def plan_inputs(self) -> list[Any]:
        """What a draft is read from, in the order of `Handlers.draft`."""
        return [self.prompt, self.choice, self.last, self.focus, *self.fields.values(), *self.locks.values()]

    @property
    def plan_outputs(self) -> list[Any]:
        """What a draft fills."""
        return [*self.fields.values(), *self.locks.values(), self.timeline, self.notes, self.last]


def build_studio(steps: int, guidance: float) -> Studio:
    """Lay out the tab where music is made: words and plan on the left, results on the right."""
    parts: dict[str, Any] = {"choice": gr.State(0), "last": gr.JSON({}, visible="hidden")}
    parts["runs"] = gr.BrowserState([], storage_key="mustango-runs", secret="mustango-runs")
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            _build_prompt(parts)
            _build_plan(parts)
            _build_quality(parts, steps, guidance)
        with gr.Column(scale=6, min_width=320):
            gr.HTML('<h2 id="results-title">Results</h2><div id="shelf"></div>')
            parts["cards"] = gr.HTML(
                [], html_template="", js_on_load=(HERE / "cards.js").read_text(encoding="utf-8"), elem_id="cards"
            )
    parts["focus"] = gr.Textbox("", visible="hidden")  # filled by the script of the event
    return Studio(**parts)


def _build_prompt(parts: dict[str, Any]) -> None:
    parts["prompt"] = gr.Textbox(
        label=LABELS["prompt"], lines=3, max_lines=8, max_length=PROMPT_LENGTH, autofocus=True,
        placeholder=EXAMPLES["Waltz"], elem_id="prompt",
    )  # fmt: skip
    with gr.Row(elem_id="buttons"):
        parts["generate"] = gr.Button(
            "Generate", variant="primary", size="lg", scale=4, min_width=180, elem_id="generate"
        )
        parts["stop"] = gr.Button("Stop", variant="secondary", size="lg", scale=1, min_width=90, elem_id="stop")
    parts["status"] = gr.HTML("<p>Ready.</p>", elem_id="status", js_on_load=ANNOUNCE)
    with gr.Row(elem_id="examples"):
        parts["examples"] = [gr.Button(name, size="sm", min_width=70, elem_classes="example") for name in EXAMPLES]


def _build_plan(parts: dict[str, Any]) -> None:
    parts["fields"], parts["locks"] = {}, {}
    by_name = {one.name: one for one in FIELDS}
    with gr.Column(elem_id="plan"):
        gr.HTML("<h2>Musical plan</h2>")
        parts["timeline"] = gr.HTML("", elem_id="timeline")
        for row in (("bpm", "meter"), ("key", "duration"), ("chords",), ("instruments",), ("style", "energy")):
            with gr.Row(elem_classes="fields"):
                for name in row:
                    with gr.Column(min_width=130, elem_classes="field"):
                        parts["fields"][name] = _component(by_name[name])
                        parts["locks"][name] = gr.Checkbox(
                            False, label=f"Lock {by_name[name].word}", container=False, elem_classes="lock",
                            elem_id=f"lock-{name}",
                        )  # fmt: skip
        for kind in ("fields", "locks"):  # in the order of `FIELDS`, whatever their places are
            parts[kind] = {one.name: parts[kind][one.name] for one in FIELDS}
        parts["notes"] = gr.HTML("", elem_id="notes", js_on_load=ANNOUNCE)
        with gr.Row():
            parts["reroll"] = gr.Button("Other choices", size="sm", elem_id="reroll")
            parts["unlock"] = gr.Button("Unlock all", size="sm", elem_id="unlock")


def _component(one: Field) -> Any:
    common = {"label": one.label, "elem_id": f"field-{one.name}", "info": " "}
    if one.name in CHOICES:
        several = one.name == "instruments"
        return gr.Dropdown(list(CHOICES[one.name]), value=[] if several else "", multiselect=several, **common)
    lines = 2 if one.name == "chords" else 1
    return gr.Textbox(placeholder=one.placeholder, lines=1, max_lines=lines, max_length=2000, **common)


def _build_quality(parts: dict[str, Any], steps: int, guidance: float) -> None:
    with gr.Accordion("How it is made", open=False, elem_id="quality"):
        with gr.Row():
            parts["variations"] = gr.Slider(1, 4, value=1, step=1, label="Variations", info="Side by side")
            parts["seed"] = gr.Textbox(
                label="Seed", placeholder="a new one", max_lines=1, max_length=20, min_width=120, elem_id="seed"
            )
        with gr.Row():
            parts["steps"] = gr.Slider(1, 200, value=steps, step=1, label="Steps", info="More: slower, finer")
            parts["guidance"] = gr.Slider(
                1.0, 10.0, value=guidance, step=0.1, label="Guidance", info="More: closer to the request"
            )
        with gr.Row():
            parts["best_of"] = gr.Slider(
                1, 8, value=1, step=1, label="Best of", info="Makes several, keeps the one nearest to the plan"
            )
            parts["listen"] = gr.Checkbox(True, label="Listen to the result and compare", elem_id="listen")


@dataclass
class Analysis:
    """The components of the tab where recordings are heard."""

    audio: gr.Audio
    listen: gr.Button
    use: gr.Button
    status: gr.HTML
    timeline: gr.HTML
    sheet: gr.Code
    heard: gr.JSON
    plan: gr.State


def build_analysis() -> Analysis:
    """Lay out the tab where recordings are heard."""
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            audio = gr.Audio(label="Recording", type="filepath", sources=["upload", "microphone"], elem_id="recording")
            with gr.Row():
                listen = gr.Button("Hear it", variant="primary", elem_id="hear")
                use = gr.Button("Use as plan", elem_id="use-as-plan")
            status = gr.HTML("<p>Upload or record one second to ten minutes.</p>", elem_id="heard", js_on_load=ANNOUNCE)
        with gr.Column(scale=6, min_width=320):
            timeline = gr.HTML("", elem_id="heard-timeline")
            sheet = gr.Code(label="Chord sheet", language=None, interactive=False, lines=6, wrap_lines=True)
            with gr.Accordion("All that was heard (JSON)", open=False):
                heard = gr.JSON(label="JSON", show_label=False)
    return Analysis(audio, listen, use, status, timeline, sheet, heard, gr.State(None))
