"""What the events of the page do: draft a plan while somebody types, make clips, look after the cards.

No handler changes what another visitor sees. Whatever goes wrong ends in the status line; results stay.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from augmentation.audio import read_audio
from munet.errors import RequestError
from munet.guidance_weights import Guidance
from munet.music import MusicPlan
from mustango_app.page import cards
from mustango_app.page.analysis import hear_first
from mustango_app.page.cards import Runs
from mustango_app.page.fields import NAMES, read_number, refusal, shown, source_line, unused
from mustango_app.page.guard import check_work
from mustango_app.page.held import asked_of, exact_plan
from mustango_app.page.link import typed_in, unpack
from mustango_app.page.making import Job, Making, make_clips
from mustango_app.page.results import Results
from mustango_app.page.runs import Desk, Run
from mustango_app.page.settings import (
    MOST_CANDIDATES,
    guidance_of,
    interval_of,
    recipe_of_card,
    settings_of,
    typed_settings,
)
from mustango_app.page.shaping import asked_on_card, clip_of, job_of
from mustango_app.page.status import STAYS, fault, refused, status, tells_faults
from mustango_app.page.timeline import timeline
from mustango_app.page.words import Words, words_of
from mustango_app.request import STEPS_RANGE, Draft, Request, check_integer
from mustango_app.stopped import Stopped

if TYPE_CHECKING:
    from mustango_app.engine import Mustango

POLL = 0.15  # seconds between looks at a run
MOST_VARIATIONS = 4
Last = dict[str, Any] | None
Held = dict[str, Any] | None


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

    def draft(
        self, request: gr.Request, prompt: str, choice: int, last: Last, held: Held, *values: Any
    ) -> tuple[dict[str, Any], Any]:
        """Read the plan from the words and the locked fields, and fill the others.

        A field whose value is not the one that was shown last has been typed into: it is locked, unless it is empty.

        Args:
            request: tells the language.
            prompt: as typed so far.
            choice: seed of what nobody says.
            last: what the fields showed last, by name.
            held: see `held`.
            values: of all fields, then their locks.

        Returns:
            (what `draft.js` fills in: how each field looks and, where it is not the person's, its value; locks, notes,
            and what the fields show now, None where nothing changes; then the timeline).
        """
        words = words_of(request)
        fields = [_plain(value) for value in values[: len(NAMES)]]
        locks = locks_of(last, fields, values[len(NAMES) :])
        try:
            asked = asked_of(held, fields, locks)
            if not (prompt or "").strip() and not asked:
                return _empty(locks, words)
            plan, sources = self._plan(prompt, asked, choice)
            plan = exact_plan(held, fields, locks) or plan
        except RequestError as error:
            return _refused(error, locks, held_now(last, fields, locks), words)
        except BaseException as error:  # whoever types goes on typing
            return _refused(fault(error, words), locks, held_now(last, fields, locks), words)
        return _filled(plan, sources, locks, fields, last, words), timeline(plan, words)

    def _plan(self, prompt: str, asked: dict[str, Any], choice: int) -> Draft:
        request = Request(prompt if (prompt or "").strip() else "music", **asked, seed=choice)
        # A draft waits neither for predictors nor for a model that is still being loaded.
        if not getattr(self._engine, "ready", True) or self._engine.can_predict:
            return request.draft
        return self._engine.plan(request)

    @staticmethod
    def reroll() -> int:
        """Choose anew what nobody says."""
        return secrets.randbelow(2**31)

    # --- making

    @tells_faults(STAYS, STAYS)
    def generate(
        self, request: gr.Request, prompt: str, choice: int, last: Last, held: Held, *inputs: Any
    ) -> Iterator[tuple[Any, ...]]:
        """Make clips of the plan on the page; yield (status, cards, runs) while it goes on.

        Args:
            request: tells session and language.
            prompt: the words.
            choice: seed of what nobody says.
            last: what the fields showed last, by name.
            held: see `held`.
            inputs: all fields, their locks, seed, steps, guidance and its interval, whether parts are composed, best
                of, variations, whether to listen, the runs.
        """
        if not getattr(self._engine, "ready", True):
            yield status(words_of(request)("loading_model")), gr.skip(), gr.skip()
        try:
            jobs, listen, runs = self._asked(prompt, choice, last, held, *inputs)
        except RequestError as error:
            yield refused(error, words_of(request)), gr.skip(), gr.skip()
            return
        yield from self.follow(jobs, listen, runs, request)

    def _asked(self, prompt: str, choice: int, last: Last, held: Held, *inputs: Any) -> tuple[list[Job], bool, Runs]:
        """Return the jobs that the page asks for, whether to listen, and the runs so far.

        Raises:
            RequestError: naming the field that cannot be used.
        """
        count = 2 * len(NAMES)
        seed, steps, guidance, interval, composed, best_of, variations, listen, runs = inputs[count:]
        fields = [_plain(value) for value in inputs[: len(NAMES)]]
        locks = locks_of(last, fields, inputs[len(NAMES) : count])
        draft = self._engine.plan(Request(prompt, **asked_of(held, fields, locks), seed=choice))
        plan = exact_plan(held, fields, locks) or draft.plan
        making = Making(
            prompt, plan, read_number("seed", seed), *self._quality(steps, guidance),
            check_integer("best_of", best_of, 1, MOST_CANDIDATES),
            check_integer("num_clips", variations, 1, MOST_VARIATIONS), bool(listen), interval_of(interval),
            bool(composed),
        )  # fmt: skip
        check_work(making.steps, plan.duration or 0.0, making.best_of * making.variations)
        return making.jobs(self._engine), making.listen, cards.latest(runs)

    def _quality(self, steps: float | None, guidance: str | None) -> tuple[int, Guidance]:
        """Return steps and guidance as asked, the model's own where the field is empty.

        Raises:
            RequestError: one is out of its range.
        """
        asked = self._engine.default_steps if steps is None else check_integer("steps", steps, *STEPS_RANGE)
        weight = guidance_of(guidance)
        return asked, self._engine.default_guidance if weight is None else weight

    def follow(self, jobs: list[Job], listen: bool, runs: Runs, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """Make clips; yield (status, cards, runs) until the end. A visitor who leaves stops it."""
        words, session = words_of(request), request.session_hash or ""
        run = Run(self._desk, lambda run: make_clips(self._results, jobs, listen, run))
        if not run.start():
            yield status(words("full"), "wrong"), gr.skip(), gr.skip()
            return
        self._running[session] = run
        told, version, known = "", 0, cards.known(runs, self._results)

        def kept() -> Runs:
            left = cards.without_deleted(runs, known, self._results)  # somebody may delete a card meanwhile
            return cards.with_made(left, run.made, self._results)

        try:
            while not run.wait(POLL) and not run.stop.is_set():
                line = run.describe(words)
                if run.version != version:
                    version, now = run.version, kept()
                    yield status(line), cards.shown_cards(self._results, now, words, run.live, bool(run.made)), now
                elif line != told:
                    yield status(line), gr.skip(), gr.skip()
                told = line
            now = kept()
            shown = cards.shown_cards(self._results, now, words, fresh=bool(run.made))
            yield status(*self._ending(run, words)), shown, now
        finally:
            run.stop.set()
            if self._running.get(session) is run:
                del self._running[session]

    @staticmethod
    def _ending(run: Run, words: Words) -> tuple[str, str]:
        """Return the last status of a run and its kind."""
        if run.error is None and not run.stop.is_set():
            return words.count("done", len(run.made)), "done"
        if isinstance(run.error, RequestError):
            return refusal(run.error, words)[1], "wrong"
        if run.error is None or isinstance(run.error, Stopped):
            return words("stopped_kept" if run.made else "stopped"), "done"
        if isinstance(run.error, OSError):
            return words("not_kept", reason=run.error.strerror or run.error), "wrong"
        return fault(run.error, words), "wrong"

    def stop(self, request: gr.Request) -> Any:
        """Stop the run of this session."""
        run = self._running.get(request.session_hash or "")
        if run is None:
            return status(words_of(request)("nothing_running"))
        run.stop.set()
        return gr.skip()  # whoever watches the run tells how it ended

    def leave(self, request: gr.Request) -> None:
        """Free the model when a visitor closes the page."""
        self.gone(request.session_hash or "")

    def gone(self, session: str) -> None:
        """Free the model of the run of a session that has left."""
        run = self._running.pop(session, None)
        if run is not None:
            run.stop.set()

    # --- cards

    @tells_faults(STAYS, STAYS, None, STAYS)
    def arrive(self, request: gr.Request, runs: Any, *_shown: Any) -> tuple[Any, ...]:
        """Show what this browser made before, and put the settings of the page's address into it.

        Returns:
            (status, cards, runs, settings (None for none), held plan).
        """
        words, kept = words_of(request), cards.latest(runs)
        shown = (cards.shown_cards(self._results, kept, words), kept)
        query = dict(request.query_params or {})
        try:
            if query.get("make"):
                recipe = unpack(query["make"])
                return status(words("link_back")), *shown, settings_of(recipe), recipe["plan"]
            said = typed_in(query)
            error, typed = typed_settings(said)
            told = status(words("ready")) if error is None else refused(error, words)
            return told, *shown, typed if said else None, None
        except RequestError as error:
            return refused(error, words), *shown, None, gr.skip()

    @tells_faults(STAYS, STAYS, None, STAYS)
    def act(self, request: gr.Request, event: gr.EventData, runs: Any, *_shown: Any) -> tuple[Any, ...]:
        """Do what a button of a card says: delete it, tell of its link, or put its settings back into the page.

        Returns:
            (status, cards, runs, settings (None for none), held plan).
        """
        action, token = str(event._data.get("action")), str(event._data.get("id"))
        words, runs = words_of(request), cards.latest(runs)
        entry = next((one for run in runs for one in run if one["id"] == token), None)
        stays = (gr.skip(), gr.skip())
        nothing = (None, gr.skip())
        card = self._results.card(token) if entry else None
        try:
            recipe = recipe_of_card(card) if card else unpack(entry["make"]) if entry and entry["make"] else None
        except RequestError:
            recipe = None
        if entry is None or (recipe is None and card is None):
            return status(words("gone")), *stays, *nothing
        if action == "delete":
            self._results.delete(token)
            kept = cards.without(runs, token)
            return status(words("deleted")), cards.shown_cards(self._results, kept, words), kept, *nothing
        if action == "use" and recipe is not None:
            return status(words("settings_back")), *stays, settings_of(recipe), recipe["plan"]
        return status(words("linked")), *stays, *nothing

    @tells_faults(STAYS, STAYS)
    def shape(self, request: gr.Request, runs: Any, event: gr.EventData) -> Iterator[tuple[Any, ...]]:
        """Continue, repaint or vary the clip of a card; yield (status, cards, runs) while it goes on."""
        words, runs = words_of(request), cards.latest(runs)
        try:
            said = event._data.get("fields") or {}
            change = asked_on_card(str(event._data.get("action")), said if isinstance(said, dict) else {})
            clip = self._results.clip(str(event._data.get("id")))
            job = job_of(self._engine, clip, clip.duration, change, clip.prompt)
            check_work(job.steps, job.seconds, 1)
        except RequestError as error:
            yield refused(error, words), gr.skip(), gr.skip()
            return
        yield from self.follow([job], True, runs, request)

    @tells_faults(STAYS, STAYS, STAYS, STAYS)
    def keep_recording(self, request: gr.Request, audio: str | None, plan: Held, runs: Any) -> tuple[Any, ...]:
        """Put a recording that was heard onto a card; return (status of the recording, tab, status, cards, runs)."""
        words, runs = words_of(request), cards.latest(runs)
        if not plan or not audio:
            return hear_first(words, 4)
        try:
            sound = read_audio(audio)
            token = self._results.save(clip_of(self._engine, sound, MusicPlan.from_dict(plan), None), {"unheard": True})
        except (RequestError, OSError) as error:
            return refused(RequestError(str(error)), words), *[gr.skip()] * 4
        kept = cards.with_made(runs, [token], self._results)
        shown = cards.shown_cards(self._results, kept, words)
        return gr.skip(), gr.Tabs(selected="make"), status(words("recording_on_card")), shown, kept


def locks_of(last: Last, fields: Sequence[Any], locks: Sequence[Any]) -> list[bool]:
    """Return which fields belong to the person: the locked ones, and those that were typed into."""
    shown_last = [(last or {}).get(name, "") for name in NAMES]
    return [
        bool(lock) or (value != shown and value not in ("", []))
        for value, shown, lock in zip(fields, shown_last, locks, strict=True)
    ]


def held_now(last: Last, fields: Sequence[Any], locks: Sequence[bool]) -> dict[str, Any]:
    """Return what the fields show after a refusal: a locked one counts as seen, so that its lock alone holds it."""
    return (last or {}) | {name: value for name, value, lock in zip(NAMES, fields, locks, strict=True) if lock}


def _plain(value: Any) -> Any:
    """Return the value of a field as `shown` has it: text without the space around it, "" for nothing."""
    return value.strip() if isinstance(value, str) else value or ""


def _empty(locks: Sequence[bool], words: Words) -> tuple[dict[str, Any], str]:
    """Return the answer for a page that asks for nothing."""
    fields = [{"value": [] if name == "instruments" else "", "info": " ", "elem_classes": []} for name in NAMES]
    return {"fields": fields, "locks": locks, "notes": "", "last": {}}, ""


def _refused(
    error: RequestError | str, locks: Sequence[bool], last: dict[str, Any], words: Words
) -> tuple[dict[str, Any], Any]:
    """Return the answer that marks the field at fault and leaves all else as it is."""
    at, sentence = refusal(error, words)
    wrong = {"info": f"⚠ {escape(sentence, quote=False)}", "elem_classes": ["wrong"]}
    fields = [wrong if name == at else {"elem_classes": []} for name in NAMES]
    notes = f'<p class="wrong">{escape(sentence)}</p>'
    return {"fields": fields, "locks": locks, "notes": notes, "last": last}, gr.skip()


def _filled(
    plan: MusicPlan, sources: dict[str, Any], locks: Sequence[bool], fields: Sequence[Any], last: Last, words: Words
) -> dict[str, Any]:
    """Return the answer that shows a plan; what a person typed or has just emptied stays as it is."""
    values, changes, now = shown(plan), [], {}
    for name, locked, held in zip(NAMES, locks, fields, strict=True):
        source = sources.get(name, "default") if locked or values[name] else "open"
        change: dict[str, Any] = {"info": source_line(name, plan, source, words), "elem_classes": []}
        stays = locked or (not held and (last or {}).get(name))
        now[name] = held if stays else values[name] or ""
        if now[name] != held:
            change["value"] = now[name]
        changes.append(change)
    told = [(escape(words.phrase(said)), escape(words.sentence(why))) for said, why in unused(plan)]
    rows = "".join(f"<li><b>{said}</b>: {why}</li>" for said, why in told)
    notes = f"<p>{escape(words('said_unused'))}</p><ul>{rows}</ul>" if rows else ""
    return {"fields": changes, "locks": locks, "notes": notes, "last": now}
