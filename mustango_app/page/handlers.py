"""What the events of the page do: draft a plan while somebody types, make clips, look after the cards.

No handler changes what another visitor sees. Whatever goes wrong ends in the status line; results stay.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import gradio as gr

from munet.errors import RequestError
from munet.music import MusicPlan
from mustango_app.engine import Mustango, Stopped
from mustango_app.page import cards
from mustango_app.page.cards import Runs
from mustango_app.page.fields import NAMES, read_locked, read_number, refusal, shown, source_line, unused
from mustango_app.page.guard import check_work
from mustango_app.page.making import Making, make_clips
from mustango_app.page.results import Results
from mustango_app.page.runs import Desk, Run
from mustango_app.page.timeline import timeline
from mustango_app.request import Draft, Request

POLL = 0.15  # seconds between looks at a run
WRONG = "Something went wrong on this side; the details are in the server's log. Your results are still here."
Last = dict[str, Any] | None
FULL = "Too many people are waiting for the model; please try again in a minute."


class Handlers:
    """The events of the page.

    Args:
        engine: the loaded model.
        desk: gives turns with it.
        results: where clips are kept.
    """

    def __init__(self, engine: Mustango, desk: Desk, results: Results) -> None:
        self._engine, self._desk, self._results = engine, desk, results
        self._running: dict[str, Run] = {}  # by session

    # --- the plan under the prompt

    def draft(self, prompt: str, choice: int, last: Last, focus: str, *values: Any) -> list[Any]:
        """Read the plan from the words and the locked fields, and fill the others.

        A field whose value is not the one that was shown last has been typed into: it is locked, unless it is empty.

        Args:
            prompt: as typed so far.
            choice: seed of what nobody says.
            last: what the fields showed last, by name.
            focus: the field that somebody is in, which is not overwritten under their fingers.
            values: of all fields, then their locks.
        """
        fields = [_plain(value) for value in values[: len(NAMES)]]
        locks = locks_of(last, fields, values[len(NAMES) :])
        try:
            asked = read_locked(fields, locks)
            if not (prompt or "").strip() and not asked:
                return _empty(locks)
            plan, sources = self._plan(prompt, asked, choice)
        except RequestError as error:
            return _refused(error, locks)
        return _filled(plan, sources, locks, fields, last, focus)

    def _plan(self, prompt: str, asked: dict[str, Any], choice: int) -> Draft:
        request = Request(prompt if (prompt or "").strip() else "music", **asked, seed=choice)
        return request.draft if self._engine.pipeline.can_predict else self._engine.plan(request)

    @staticmethod
    def reroll() -> int:
        """Choose anew what nobody says."""
        return secrets.randbelow(2**31)

    # --- making

    def generate(
        self, request: gr.Request, prompt: str, choice: int, last: Last, _focus: str, *inputs: Any
    ) -> Iterator[tuple[Any, ...]]:
        """Make clips of the plan on the page; yield (status, cards, runs) while it goes on.

        Args:
            request: tells the session.
            prompt: the words.
            choice: seed of what nobody says.
            last: what the fields showed last, by name.
            inputs: all fields, their locks, seed, steps, guidance, best of, variations, whether to listen, the runs.
        """
        count = 2 * len(NAMES)
        seed, steps, guidance, best_of, variations, listen, runs = inputs[count:]
        runs = list(runs or [])
        try:
            fields = [_plain(value) for value in inputs[: len(NAMES)]]
            asked = read_locked(fields, locks_of(last, fields, inputs[len(NAMES) : count]))
            draft = self._engine.plan(Request(prompt, **asked, seed=choice))
            making = Making(prompt, draft.plan, read_number("seed", seed), int(steps), guidance, int(best_of),
                            int(variations), bool(listen))  # fmt: skip
            check_work(making.steps, draft.plan.duration or 0.0, making.best_of * making.variations)
        except RequestError as error:
            yield _status(refusal(error)[1], "wrong"), gr.skip(), gr.skip()
            return
        run = Run(self._desk, lambda run: make_clips(self._engine, self._results, making, run))
        yield from self._watch(run, runs, request.session_hash or "")

    def _watch(self, run: Run, runs: Runs, session: str) -> Iterator[tuple[Any, ...]]:
        """Follow a run to its end; a visitor who leaves stops it."""
        if not run.start():
            yield _status(FULL, "wrong"), gr.skip(), gr.skip()
            return
        self._running[session] = run
        told, version, kept = "", 0, runs
        try:
            while not run.wait(POLL) and not run.stop.is_set():
                line = run.describe()
                if run.version != version:
                    version, kept = run.version, _with_made(runs, run.made)
                    yield _status(line), cards.shown_cards(self._results, kept), kept
                elif line != told:
                    yield _status(line), gr.skip(), gr.skip()
                told = line
            kept = _with_made(runs, run.made)
            yield _status(*self._ending(run)), cards.shown_cards(self._results, kept), kept
        finally:
            run.stop.set()
            if self._running.get(session) is run:
                del self._running[session]

    @staticmethod
    def _ending(run: Run) -> tuple[str, str]:
        """Return the last status of a run and its kind."""
        if run.error is None and not run.stop.is_set():
            return f"Done: {len(run.made)} clip{'s' if len(run.made) != 1 else ''}.", "done"
        if isinstance(run.error, RequestError):
            return refusal(run.error)[1], "wrong"
        if run.error is None or isinstance(run.error, Stopped):
            return f"Stopped{'; what was finished is kept' if run.made else ''}.", "done"
        if isinstance(run.error, OSError):
            return f"The result could not be kept: {run.error.strerror or run.error}.", "wrong"
        logging.getLogger(__name__).error("a run failed", exc_info=run.error)
        return WRONG, "wrong"

    def stop(self, request: gr.Request) -> Any:
        """Stop the run of this session."""
        run = self._running.get(request.session_hash or "")
        if run is None:
            return _status("Nothing is running.")
        run.stop.set()
        return gr.skip()  # whoever watches the run tells how it ended

    def leave(self, request: gr.Request) -> None:
        """Free the model when a visitor closes the page."""
        run = self._running.pop(request.session_hash or "", None)
        if run is not None:
            run.stop.set()

    # --- cards

    def remember(self, runs: Runs) -> tuple[Any, ...]:
        """Show what this browser made before, as far as it is still there."""
        kept = cards.latest(runs or [], self._results)
        return cards.shown_cards(self._results, kept), kept

    def act(self, runs: Runs, event: gr.EventData) -> tuple[Any, ...]:
        """Do what a button of a card says: delete it, or put its settings back into the page.

        Returns:
            (status, cards, runs, prompt, fields ..., locks ..., seed, steps, guidance, best of).
        """
        action, token = str(event._data.get("action")), str(event._data.get("id"))
        runs, card = runs or [], self._results.card(token)
        rest = 2 * len(NAMES) + 5
        if card is None or not any(token in run for run in runs):
            return _status("This clip is no longer there."), gr.skip(), gr.skip(), *[gr.skip()] * rest
        if action == "delete":
            self._results.delete(token)
            kept = cards.without(runs, token)
            return _status("Deleted."), cards.shown_cards(self._results, kept), kept, *[gr.skip()] * rest
        recipe = card["recipe"]
        values = shown(MusicPlan.from_dict(recipe["plan"]))
        fields = [gr.update(value=values[name] if values[name] is not None else "") for name in NAMES]
        locks = [values[name] not in (None, "", []) for name in NAMES]
        made = [str(recipe["seed"]), recipe["steps"], recipe["guidance"], 1]
        status = _status("The settings of that clip are back; its fields are locked.")
        return status, gr.skip(), gr.skip(), recipe["prompt"], *fields, *locks, *made


def _with_made(runs: Runs, made: Sequence[str]) -> Runs:
    for index, token in enumerate(list(made)):
        runs = cards.add_clip(runs, token, first=index == 0)
    return runs


def _status(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>'


def locks_of(last: Last, fields: Sequence[Any], locks: Sequence[Any]) -> list[bool]:
    """Return which fields belong to the person: the locked ones, and those that were typed into."""
    shown_last = [(last or {}).get(name, "") for name in NAMES]
    return [
        bool(lock) or (value != shown and value not in ("", []))
        for value, shown, lock in zip(fields, shown_last, locks, strict=True)
    ]


def _plain(value: Any) -> Any:
    """Return the value of a field as `shown` has it: text without the space around it, "" for nothing."""
    return value.strip() if isinstance(value, str) else value or ""


def _empty(locks: Sequence[bool]) -> list[Any]:
    """Return the outputs of a page that asks for nothing."""
    fields = [gr.update(value=[] if name == "instruments" else "", info=" ", elem_classes=[]) for name in NAMES]
    hint = '<p class="hint">The plan of your music appears here while you type.</p>'
    return [*fields, *locks, hint, "", {}]


def _refused(error: RequestError, locks: Sequence[bool]) -> list[Any]:
    """Return the outputs that mark the field at fault and leave all else as it is."""
    at, sentence = refusal(error)
    fields = [
        gr.update(info=f"⚠ {escape(sentence, quote=False)}", elem_classes=["wrong"])
        if name == at
        else gr.update(elem_classes=[])
        for name in NAMES
    ]
    return [*fields, *locks, gr.skip(), f'<p class="wrong">{escape(sentence)}</p>', gr.skip()]


def _filled(
    plan: MusicPlan, sources: dict[str, Any], locks: Sequence[bool], fields: Sequence[Any], last: Last, focus: str
) -> list[Any]:
    """Return the outputs that show a plan; what a person typed or has just emptied stays as it is."""
    values, updates, now = shown(plan), [], {}
    for name, locked, held in zip(NAMES, locks, fields, strict=True):
        change: dict[str, Any] = {"info": source_line(name, plan, sources.get(name, "default")), "elem_classes": []}
        stays = locked or name == focus or (not held and (last or {}).get(name))
        now[name] = held if stays else values[name] or ""
        if now[name] != held:
            change["value"] = now[name]
        updates.append(gr.update(**change))
    rows = "".join(f"<li><b>{escape(said)}</b>: {escape(why)}</li>" for said, why in unused(plan))
    notes = f"<p>Said, but not used as said:</p><ul>{rows}</ul>" if rows else ""
    return [*updates, *locks, timeline(plan), notes, now]
