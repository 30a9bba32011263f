"""The tab where recordings are heard: beats, chords, key and tuning, as a picture, a chord sheet and a plan."""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any

import gradio as gr

from augmentation.audio import read_audio
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.chordpro import write_chordpro
from mustango_app.exchange.heard import plan_from_heard
from mustango_app.page.fields import NAMES, refusal
from mustango_app.page.held import shown_values
from mustango_app.page.timeline import timeline
from mustango_app.page.words import words_of
from mustango_app.request import SECONDS_RANGE


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
        return (f'<p class="wrong">{escape(refusal(without_folders(error), words)[1])}</p>', *[gr.skip()] * 4)
    facts = [
        words("seconds", seconds=f"{heard.duration:.1f}"),
        words("heard_bpm", bpm=f"{heard.bpm:.0f}") if heard.bpm else words("no_tempo"),
        words("beats_a_bar", meter=heard.meter) if heard.meter else "",
        heard.key or words("no_key"),
        words("concert_pitch", hertz=f"{heard.concert_pitch:.1f}") if heard.concert_pitch else "",
    ]
    notes = "".join(f"<li>{escape(words.sentence(note.outcome))}</li>" for note in plan.notes)
    status = f"<p>{escape(' · '.join(filter(None, facts)))}</p>" + (f"<ul>{notes}</ul>" if notes else "")
    return (
        status,
        timeline(whole, words),
        write_chordpro(whole, "Heard"),
        json.dumps(heard.to_dict(), indent=1),
        whole.to_dict(),
    )


def without_folders(error: RequestError) -> RequestError:
    """Return a refusal that names an uploaded file, not where this server keeps it."""
    return RequestError(re.sub(r"'[^']*[/\\\\]([^'/\\\\]*)'", r"'\1'", str(error)))


def use_as_plan(request: gr.Request, plan: dict[str, Any] | None) -> tuple[Any, ...]:
    """Put a plan that was heard into the fields, locked; return (status, held plan, fields ..., locks ...)."""
    words, count = words_of(request), len(NAMES)
    if not plan:
        return (f"<p>{escape(words('hear_first'))}</p>", *[gr.skip()] * (2 * count + 1))
    whole = MusicPlan.from_dict(plan)
    longest = SECONDS_RANGE[1]
    if (whole.duration or 0.0) > longest:
        whole = whole.crop(0.0, longest)
    fields, locks = shown_values(whole)
    return (f"<p>{escape(words('heard_in_fields'))}</p>", whole.to_dict(), *fields, *locks)
