"""The work of one press of the button: clips of one plan, each kept as soon as it is there, then listened to."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from munet.music import MusicPlan
from mustango_app.clip import Clip
from mustango_app.engine import Mustango
from mustango_app.evaluation.adherence import adherence, overall_adherence
from mustango_app.page.results import Results
from mustango_app.page.runs import Run
from mustango_app.request import Request

DENOISING, DECODING, COMPARING, LISTENING = "Denoising", "Decoding", "Decoding and comparing", "Listening"


@dataclass(frozen=True)
class Making:
    """What to make.

    Args:
        prompt: the words.
        plan: complete.
        seed: of the first variation; drawn if None.
        steps, guidance, best_of: as in `Request`.
        variations: clips of the same plan with seeds of their own.
        listen: whether to hear the results and compare them with the plan.
    """

    prompt: str
    plan: MusicPlan
    seed: int | None
    steps: int
    guidance: float
    best_of: int = 1
    variations: int = 1
    listen: bool = True

    def requests(self) -> list[Request]:
        """Return a request for each variation, whose candidates have seeds of their own."""
        first = secrets.randbelow(2**32) if self.seed is None else self.seed
        made_with = {"steps": self.steps, "guidance": self.guidance, "best_of": self.best_of}
        whole = Request(self.prompt, plan=self.plan, seed=first, **made_with)
        return [whole.at(first + i * self.best_of) for i in range(self.variations)]


def make_clips(engine: Mustango, results: Results, making: Making, run: Run) -> None:
    """Make the clips and note their tokens in `run.made`.

    Raises:
        RequestError: naming what cannot be made.
        Stopped: somebody stopped the run; what is in `run.made` is whole.
    """
    seconds, phases = making.plan.duration or 0.0, _phases(making)
    requests = making.requests()
    for number, request in enumerate(requests, 1):
        after = phases * (len(requests) - number)
        part = f"variation {number} of {len(requests)}" if len(requests) > 1 else ""
        clip = _make(engine, request, making.plan, run, [*phases, *after])
        token = results.save(clip, {"part": part})
        run.add(token)
        if not making.listen:
            results.note(token, {"unheard": "Not listened to, as asked."})
        else:
            run.begin(LISTENING, seconds, rest=after)
            try:
                heard = clip.analyze()
            except ValueError as error:  # silence, or too short to hear anything in
                results.note(token, {"unheard": str(error)})
            else:
                results.note(token, {"heard": heard.to_dict(), "score": overall_adherence(adherence(clip.plan, heard))})
        run.changed()


def _phases(making: Making) -> list[tuple[str, float]]:
    """Return the phases of one variation and their work."""
    seconds = making.plan.duration or 0.0
    work = [(DENOISING, seconds * making.steps), (DECODING if making.best_of == 1 else COMPARING, seconds)]
    return [*work * making.best_of, *([(LISTENING, seconds)] if making.listen else [])]


def _make(engine: Mustango, request: Request, plan: MusicPlan, run: Run, phases: list[tuple[str, float]]) -> Clip:
    """Make one clip, telling its phases; `phases` are those ahead and is used up."""

    def enter() -> None:
        name, units = phases.pop(0)
        run.begin(name, units, total=request.steps if name == DENOISING else 0, rest=tuple(phases))

    def after_step(done: int, _total: int) -> None:
        if run.phase.name != DENOISING:
            enter()  # the next candidate
        step = (done - 1) % request.steps + 1
        run.step(step)
        if step == request.steps:
            enter()

    enter()
    (clip,) = engine.play(request, [plan], callback=after_step, stop=run.stop)
    return clip
