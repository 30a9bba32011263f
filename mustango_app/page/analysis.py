"""The tab where recordings are heard: beats, chords, key and tuning, as a picture, a chord sheet and a plan."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from augmentation.audio import read_audio
from augmentation.hearing.listen import listen
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.chordpro import write_chordpro
from mustango_app.exchange.heard import plan_from_heard
from mustango_app.page.fields import NAMES, refusal, shown
from mustango_app.page.timeline import timeline
from mustango_app.request import SECONDS_RANGE


def hear(audio: str | None) -> tuple[Any, ...]:
    """Hear a recording; return (status, timeline, chord sheet, all that was heard, plan as JSON).

    What cannot be heard stands in the status; what was heard before stays then.
    """
    try:
        if not audio:
            raise RequestError("audio: expected an upload or a recording, got none")
        heard = listen(*read_audio(audio))
        plan = plan_from_heard(heard)
        whole = plan.complete()
    except RequestError as error:
        return (f'<p class="wrong">{escape(refusal(error)[1])}</p>', *[gr.skip()] * 4)
    facts = [
        f"{heard.duration:.1f} s",
        f"{heard.bpm:.0f} BPM" if heard.bpm else "no tempo found",
        f"{heard.meter} beats a bar" if heard.meter else "",
        heard.key or "no key found",
        f"A = {heard.concert_pitch:.1f} Hz" if heard.concert_pitch else "",
    ]
    notes = "".join(f"<li>{escape(note.outcome)}</li>" for note in plan.notes)
    status = f"<p>{escape(' · '.join(filter(None, facts)))}</p>" + (f"<ul>{notes}</ul>" if notes else "")
    sheet = write_chordpro(whole, "Heard")
    return status, timeline(whole), sheet, heard.to_dict(), whole.to_dict()


def use_as_plan(plan: dict[str, Any] | None) -> tuple[Any, ...]:
    """Put a plan that was heard into the fields, locked; return (status, fields ..., locks ...)."""
    count = len(NAMES)
    if not plan:
        return ("<p>Hear a recording first.</p>", *[gr.skip()] * (2 * count))
    whole = MusicPlan.from_dict(plan)
    longest = SECONDS_RANGE[1]
    if (whole.duration or 0.0) > longest:
        whole = whole.crop(0.0, longest)
    values = {name: value for name, value in shown(whole).items() if value not in (None, "", [])}
    fields = [values.get(name, [] if name == "instruments" else "") for name in NAMES]
    return ("<p>The fields hold what was heard. Describe the sound and press Generate.</p>", *fields,
            *[name in values for name in NAMES])  # fmt: skip
