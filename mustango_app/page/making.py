"""The work of one press of a button: clips, each kept as soon as it is there, then listened to.

A long piece can be heard while it is made. Of several candidates all are kept, and the one that keeps to the plan best
is marked.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from munet.errors import RequestError
from munet.guidance_weights import Guidance, Interval
from munet.music import MusicPlan
from mustango_app.clip import Clip
from mustango_app.page.results import Results
from mustango_app.page.runs import Run
from mustango_app.request import COMPOSED, Request

if TYPE_CHECKING:
    from mustango_app.engine import Mustango

DENOISING, DECODING, LISTENING = "denoising", "decoding", "listening"

Play = Callable[[Callable[[int, int], None], threading.Event, Callable[[np.ndarray], None]], Clip]


@dataclass(frozen=True)
class Job:
    """One clip to be made.

    Args:
        play: makes it; takes a callback of (steps done, steps in all), an event that stops it, and who hears its
            chunks `(channels, samples)` while it is made.
        seconds: of sound that is made.
        steps: denoising steps.
        sample_rate: of the clip, Hz.
        title: its words.
        notes: plain values for its card.
        rivals: how many candidates it is one of; those with the same `number` are compared.
        number: of the variation.
    """

    play: Play
    seconds: float
    steps: int
    sample_rate: int
    title: str
    notes: dict[str, Any] = field(default_factory=dict)
    rivals: int = 1
    number: int = 0


@dataclass(frozen=True)
class Making:
    """What to make of a plan.

    Args:
        prompt: the words.
        plan: complete.
        seed: of the first variation; drawn if None.
        steps, guidance, best_of, guidance_interval: as in `Request`.
        variations: clips of the same plan with seeds of their own.
        listen: whether to hear the results and compare them with the plan; candidates are heard in any case.
        composed: whether the composer writes what everybody plays.
    """

    prompt: str
    plan: MusicPlan
    seed: int | None
    steps: int
    guidance: Guidance
    best_of: int = 1
    variations: int = 1
    listen: bool = True
    guidance_interval: Interval | None = None
    composed: bool = False

    def jobs(self, engine: Mustango) -> list[Job]:
        """Return a job for each candidate of each variation; each has a seed of its own.

        Raises:
            RequestError: naming what cannot be made.
        """
        first = secrets.randbelow(2**32) if self.seed is None else self.seed
        made_with = {"steps": self.steps, "guidance": self.guidance, "guidance_interval": self.guidance_interval}
        made_with["parts"] = COMPOSED if self.composed else None
        whole = Request(self.prompt, plan=self.plan, seed=first, **made_with)
        jobs = []
        for index in range(self.variations * self.best_of):
            number, rival = divmod(index, self.best_of)
            notes: dict[str, Any] = {}
            if self.variations > 1:
                notes["variation"] = [number + 1, self.variations]
            if self.best_of > 1:
                notes["candidate"] = [rival + 1, self.best_of]
            play = _played(engine, whole.at(first + index), self.plan)
            seconds, rate = self.plan.duration or 0.0, engine.sample_rate
            jobs.append(Job(play, seconds, self.steps, rate, self.prompt, notes, self.best_of, number))
        return jobs


def _played(engine: Mustango, request: Request, plan: MusicPlan) -> Play:
    def play(
        callback: Callable[[int, int], None], stop: threading.Event, on_audio: Callable[[np.ndarray], None]
    ) -> Clip:
        (clip,) = engine.play(request, [plan], callback=callback, stop=stop, on_audio=on_audio)
        return clip

    return play


def make_clips(results: Results, jobs: Sequence[Job], listen: bool, run: Run) -> None:
    """Make the clips and note their tokens in `run.made`.

    Raises:
        RequestError: naming what cannot be made.
        Stopped: somebody stopped the run; what is in `run.made` is whole.
    """
    ahead = list(_phases(jobs, listen))
    scores: dict[int, dict[str, float]] = {}
    for job in jobs:
        token = _make(results, job, run, ahead)
        if listen or job.rivals > 1:
            run.begin(ahead[0][0], ahead.pop(0)[1], rest=tuple(ahead))
            score = _listen(results, token, compared=job.rivals > 1)
            results.note(token, {"score": score})
            scores.setdefault(job.number, {})[token] = score or 0.0
        else:
            results.note(token, {"unheard": True})
        rivals = scores.get(job.number, {})
        if job.rivals > 1 and len(rivals) == job.rivals:
            best = max(rivals, key=rivals.__getitem__)
            results.note(best, {"best": job.rivals})
            run.best.append(best)
        run.changed()


def _phases(jobs: Sequence[Job], listen: bool) -> Iterator[tuple[str, float]]:
    """Yield the phases of all jobs and their work."""
    for job in jobs:
        yield DENOISING, job.seconds * job.steps
        yield DECODING, job.seconds
        if listen or job.rivals > 1:
            yield LISTENING, job.seconds


def _make(results: Results, job: Job, run: Run, ahead: list[tuple[str, float]]) -> str:
    """Make one clip, telling its phases, of which those that begin are taken from `ahead`; return its token."""
    token = results.new_token()

    def enter(total: int = 0) -> None:
        name, units = ahead.pop(0)
        run.begin(name, units, total=total, rest=tuple(ahead))

    def after_step(done: int, total: int) -> None:
        run.step(done)
        if done == total:
            enter()

    def on_audio(chunk: np.ndarray) -> None:
        live = results.live(token)
        if live is None:
            live = results.go_live(token, job.sample_rate, job.seconds, job.title)
            run.live = token
            run.changed()
        live.add(chunk)

    enter(total=job.steps)
    try:
        clip = job.play(after_step, run.stop, on_audio)
        results.save(clip, job.notes, token)
    finally:
        run.live = None
        results.end_live(token)
    run.add(token)
    return token


def _listen(results: Results, token: str, compared: bool) -> float | None:
    """Hear a clip, note what was heard and return how well it keeps to its plan, 0 to 1; None if that is unknown.

    Raises:
        RequestError: it is to be compared with others, and nothing can be measured.
    """
    clip = results.clip(token)
    # They load slowly, and a page is to be there before.
    from mustango_app.evaluation.adherence import adherence, overall_adherence
    from mustango_app.evaluation.measure import hear

    heard = hear(clip.audio, clip.sample_rate)
    score = overall_adherence(adherence(clip.plan, heard))
    if score is None and compared:
        raise RequestError(f"best_of: expected extractors to compare clips with, got none ({'; '.join(heard.missing)})")
    results.note(token, {"heard": heard.to_dict()})
    return score
