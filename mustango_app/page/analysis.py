"""The tab where recordings are heard: beats, chords, key, tuning, players, as a picture, a chord sheet and a plan."""

from __future__ import annotations

import json
from html import escape
from typing import Any

import gradio as gr

from augmentation.audio import read_audio
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.chordpro import write_chordpro
from mustango_app.exchange.heard import plan_from_heard
from mustango_app.page.settings import plan_settings
from mustango_app.page.status import STAYS, refused, status, tells_faults
from mustango_app.page.timeline import timeline
from mustango_app.page.words import Words, words_of
from mustango_app.request import SECONDS_RANGE


@tells_faults(STAYS, STAYS, STAYS, STAYS)
def hear(request: gr.Request, audio: str | None) -> tuple[Any, ...]:
    """Hear a recording; return (status, timeline, chord sheet, all that was heard as JSON, plan).

    What cannot be heard stands in the status; what was heard before stays then.
    """
    words = words_of(request)
    try:
        if not audio:
            raise RequestError("audio: expected an upload or a recording, got none")
        from augmentation.hearing.listen import listen  # its recognisers load slowly

        heard = listen(*read_audio(audio))
        plan = plan_from_heard(heard)
        whole = plan.complete()
    except RequestError as error:
        return refused(error, words), *[gr.skip()] * 4
    facts = [
        words("seconds", seconds=f"{heard.duration:.1f}"),
        words("heard_bpm", bpm=f"{heard.bpm:.0f}") if heard.bpm else words("no_tempo"),
        words("beats_a_bar", meter=heard.meter) if heard.meter else "",
        words.sentence(heard.key) if heard.key else words("no_key"),
        words("concert_pitch", hertz=f"{heard.concert_pitch:.1f}") if heard.concert_pitch else "",
        ", ".join(words.names.get(name, name) for name in heard.playing or ()),
    ]
    notes = "".join(f"<li>{escape(words.sentence(note.outcome))}</li>" for note in plan.notes)
    return (
        status(" · ".join(filter(None, facts))) + (f"<ul>{notes}</ul>" if notes else ""),
        timeline(whole, words),
        write_chordpro(whole, words("label_audio")),
        json.dumps(heard.to_dict(), indent=1),
        whole.to_dict(),
    )


@tells_faults(STAYS, STAYS, None, STAYS)
def use_as_plan(request: gr.Request, plan: dict[str, Any] | None, *_shown: Any) -> tuple[Any, ...]:
    """Put a plan that was heard into the fields, locked.

    Returns:
        (status of the recording, tab, status, settings, held plan); without a plan only the first.
    """
    words = words_of(request)
    if not plan:
        return *hear_first(words, 2), None, gr.skip()
    whole = MusicPlan.from_dict(plan)
    longest = SECONDS_RANGE[1]
    if (whole.duration or 0.0) > longest:
        whole = whole.crop(0.0, longest)
    said = status(words("heard_in_fields"))
    return gr.skip(), gr.Tabs(selected="make"), said, plan_settings(whole), whole.to_dict()


def hear_first(words: Words, more: int) -> tuple[Any, ...]:
    """Return the refusal of what needs a recording that was heard, for where its button is; `more` outputs stay."""
    return status(words("hear_first"), "wrong"), *[gr.skip()] * more
