"""Pieces shaped on the page and over its API: continued, repainted, varied (see `mustango_app.shaping`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from munet.errors import RequestError
from munet.music import MusicPlan
from mustango_app.clip import Clip
from mustango_app.page.endpoints import check_short
from mustango_app.page.fields import read_number
from mustango_app.page.making import Job
from mustango_app.request import SECONDS_RANGE
from mustango_app.shaping.changes import Change, Edit, Extension, Variation
from mustango_app.shaping.source import source_of

if TYPE_CHECKING:
    from mustango_app.engine import Mustango

SHAPED = {Extension: "extended", Edit: "edited", Variation: "varied"}.get  # what a card calls the result
EXTENDED_BARS = 4  # by how much a piece goes on if nobody says
LONGEST_BAR = 8.0  # seconds, of four beats at 30 BPM


def clip_of(engine: Mustango, audio: tuple[np.ndarray, int], plan: MusicPlan | None, prompt: str | None) -> Clip:
    """Return a recording as a clip that can be shaped; without a plan it is heard.

    Args:
        engine: whose sample rate and channels it gets.
        audio: float32 `(channels, samples)` and its rate in Hz.
        plan: of it.
        prompt: what it was made from; what plays in it if None.

    Raises:
        RequestError: it is too short or too long, or nothing is installed to hear it with.
    """
    source = source_of(audio, engine.sample_rate, engine.pipeline.vae.audio_channels, plan)
    return Clip(source.audio, engine.sample_rate, source.plan, prompt or source.prompt, 0, {"recording": True})


def job_of(engine: Mustango, piece: Clip | Callable[[], Clip], seconds: float, change: Change, title: str) -> Job:
    """Return the job of shaping a piece.

    Args:
        engine: the model.
        piece: what is there, or what finds it when its turn has come.
        seconds: of the piece.
        change: what is wanted.
        title: words for it.
    """

    def play(
        callback: Callable[[int, int], None], stop: threading.Event, _on_audio: Callable[[np.ndarray], None]
    ) -> Clip:
        return engine.shape(piece() if callable(piece) else piece, change, callback=callback, stop=stop)

    steps = max(1, round((change.steps or engine.default_steps) * getattr(change, "strength", 1.0)))
    return Job(
        play,
        seconds + added(change, piece.plan if isinstance(piece, Clip) else None),
        steps * change.best_of,
        engine.sample_rate,
        title,
        {"shaped": SHAPED(type(change))},
    )


def added(change: Change, plan: MusicPlan | None) -> float:
    """Return by how many seconds a change makes a piece longer; without its plan the most that it can be."""
    if not isinstance(change, Extension):
        return 0.0
    if change.seconds is not None:
        return change.seconds
    bar = LONGEST_BAR if plan is None else 60.0 * (plan.meter or 4) / (plan.bpm or 120.0)
    return min(SECONDS_RANGE[1], bar * (change.bars or 0))


def asked_on_card(action: str, said: Mapping[str, Any]) -> Change:
    """Return what a card's form asks for.

    Args:
        action: "extend", "begin", "edit" or "vary".
        said: its fields as typed: prompt, chords, start, end, bars, strength.

    Raises:
        RequestError: naming the field that cannot be used.
    """
    typed = {name: str(said.get(name) or "").strip() for name in ("prompt", "chords")}
    music = {name: text for name, text in typed.items() if text}
    check_short({"chords": typed["chords"]})
    numbers = {name: read_number(name, _plain(said.get(name))) for name in ("start", "end", "bars", "strength")}
    if action == "vary":
        return Variation(**({} if numbers["strength"] is None else {"strength": numbers["strength"]}))
    if action == "edit":
        if numbers["start"] is None and numbers["end"] is None:
            raise RequestError("start: expected the seconds of a region, got none")
        return Edit(start=numbers["start"], end=numbers["end"], **music)
    bars = EXTENDED_BARS if numbers["bars"] is None else numbers["bars"]
    return Extension(bars=bars, before=action == "begin", **music)


def asked_of_api(kind: type[Change], arguments: Mapping[str, Any]) -> Change:
    """Return the change that arguments of the API ask for; those that are None are left to it.

    Raises:
        RequestError: naming the argument that cannot be used.
    """
    known = {item.name for item in fields(kind)}
    given = {name: value for name, value in arguments.items() if name in known and value is not None}
    if isinstance(given.get("instruments"), str):
        given["instruments"] = tuple(name.strip() for name in given["instruments"].split(",") if name.strip())
    return kind(**given)


def _plain(value: Any) -> str:
    return "" if value is None else str(value).strip().replace(",", ".")
