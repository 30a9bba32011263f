"""Clips that are made together: one batch through the networks instead of one clip after the other.

A GPU does several clips in little more time than one. A processor does not, it is busy with one clip already, and there
a clip that is made alone is the same bit for bit; so an engine makes them together only where it is told to
(`Mustango(batch=...)`) or has a GPU. The noise of each clip comes from its own seed: in a batch it is the same clip, to
rounding.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from munet.errors import RequestError
from munet.guidance_weights import Guidance, Interval
from munet.music import MusicPlan
from munet.music.events import Parts
from mustango_app.best_of import most_adherent
from mustango_app.clip import Clip
from mustango_app.parts import parts_of
from mustango_app.request import COMPOSED, Request

if TYPE_CHECKING:
    from mustango_app.engine import Mustango
    from mustango_app.shaping.changes import Change

ON_GPU = 16  # clips of 10 seconds that a GPU makes at once, if nobody says how many
# Guided, in half precision, at the published model's size: its widest activations are 42 MB a row and layer.
CLIP_BYTES = 3 * 2**29
SECONDS = 160.0  # of sound at once on a GPU: longer clips, fewer of them


class Job(NamedTuple):
    """One clip to make; `number` tells it from others."""

    prompt: str
    english: str
    plan: MusicPlan
    seed: int
    number: int = 0
    parts: Parts | None = None
    composed: bool = False  # whether they are the composer's


Outcome = Clip | RequestError | OSError


class Alike(NamedTuple):
    """What the clips of a batch have in common."""

    duration: float
    loop: bool
    steps: int
    guidance: str
    interval: Interval | None = None


class Sampling(NamedTuple):
    """How clips are made: steps, guidance and its interval of noise levels, None for all of them."""

    steps: int
    guidance: Guidance
    interval: Interval | None

    def alike(self, plan: MusicPlan) -> Alike:
        """What a clip of `plan` has in common with others."""
        return Alike(plan.duration or 0.0, bool(plan.loop), self.steps, repr(self.guidance), self.interval)

    def settings(self, engine: Mustango) -> dict[str, Any]:
        """Return the settings of a clip: plain values, the interval only where there is one."""
        settings = {"model": engine.name, "steps": self.steps, "guidance": self.guidance, "device": str(engine.device)}
        return settings if self.interval is None else settings | {"guidance_interval": list(self.interval)}


def clips_at_once(device: torch.device, asked: int | None) -> int:
    """Return how many clips an engine on `device` makes together, once its weights are there.

    That is as many as asked for; else 1, or on a GPU as many as its free memory holds, 16 at most.
    """
    if asked is not None or device.type != "cuda":
        return asked or 1
    free, _ = torch.cuda.mem_get_info(device)
    return held_by(free)


def held_by(free: int) -> int:
    """Return how many clips of 10 seconds fit into `free` bytes, 1 to 16."""
    return max(1, min(ON_GPU, free // CLIP_BYTES))


def job_of(engine: Mustango, request: Request, plan: MusicPlan, seed: int, number: int = 0) -> Job:
    """Return a clip of a request to make; its parts are those asked for, as far as the network is told notes."""
    composed = request.parts == COMPOSED
    parts = None
    if engine.takes_notes:
        parts = parts_of(plan, seed) if composed else request.played
    return Job(request.prompt, request.english, plan, seed, number, parts, composed and parts is not None)


def batches(jobs: Sequence[Job], alike: Callable[[Job], Alike], at_once: int) -> Iterator[list[Job]]:
    """Group jobs of one kind, in their order, at most `at_once` in a batch and not more than `SECONDS` of sound."""
    kinds: dict[Alike, list[Job]] = {}
    for job in jobs:
        kinds.setdefault(alike(job), []).append(job)
    for kind, members in kinds.items():
        size = max(1, min(at_once, int(SECONDS / kind.duration)))
        yield from (members[first : first + size] for first in range(0, len(members), size))


def sampling_of(engine: Mustango, asked: Request | Change) -> Sampling:
    """Return how a request or a change is made, the model's own where it states nothing."""
    guidance = engine.default_guidance if asked.guidance is None else asked.guidance
    interval = engine.default_guidance_interval if asked.guidance_interval is None else asked.guidance_interval
    return Sampling(asked.steps or engine.default_steps, guidance, interval)


def play_together(
    engine: Mustango,
    request: Request,
    plans: Sequence[MusicPlan],
    callback: Callable[[int, int], None] | None = None,
    stop: threading.Event | None = None,
    on_audio: Callable[[np.ndarray], None] | None = None,
) -> list[Clip]:
    """Make the clips of `request` as `Mustango.play` does, in batches.

    Raises:
        RequestError: the weights give samples that are not finite, or there is too little memory.
        Stopped: if `stop` was set.
    """
    sampling = sampling_of(engine, request)
    steps = sampling.steps
    total, made = steps * request.num_clips * request.best_of, 0

    def make(jobs: Sequence[Job]) -> Iterator[Clip]:
        nonlocal made
        for batch in batches(jobs, lambda job: sampling.alike(job.plan), engine.batch):

            def after_step(step: int, before: int = made, count: int = len(batch)) -> None:
                if callback is not None:
                    callback(before + step * count, total)

            yield from make_batch(engine, batch, sampling, after_step, stop, on_audio)
            made += steps * len(batch)

    def jobs_of(plan: MusicPlan, seed: int) -> list[Job]:
        return [job_of(engine, request, plan, seed + k) for k in range(request.best_of)]

    planned = list(zip(plans, request.seeds, strict=True))
    if request.best_of > 1:
        return [most_adherent(make(jobs_of(*one))) for one in planned]
    clips = {clip.seed: clip for clip in make([job for one in planned for job in jobs_of(*one)])}
    return [clips[seed] for seed in request.seeds]


def make_requests(engine: Mustango, requests: Sequence[Request]) -> Iterator[tuple[int, Outcome]]:
    """Make a clip of each request, those of one kind together; yield its place and the clip, or why there is none."""
    jobs = []
    for number, request in enumerate(requests):
        try:
            if request.best_of > 1:
                yield number, engine.generate(request.at(request.seed))
                continue
            plan = engine.plan(request).plan
            jobs.append(job_of(engine, request, plan, request.seed, number))
        except (RequestError, OSError) as error:
            yield number, error

    def alike(job: Job) -> Alike:
        return sampling_of(engine, requests[job.number]).alike(job.plan)

    for batch in batches(jobs, alike, engine.batch):
        try:
            sampling = sampling_of(engine, requests[batch[0].number])
            clips = list(make_batch(engine, batch, sampling, lambda step: None, None))
        except (RequestError, OSError) as error:
            yield from ((job.number, error) for job in batch)
        else:
            yield from zip((job.number for job in batch), clips, strict=True)


def make_batch(
    engine: Mustango,
    jobs: Sequence[Job],
    sampling: Sampling,
    after_step: Callable[[int], None],
    stop: threading.Event | None,
    on_audio: Callable[[np.ndarray], None] | None = None,
) -> Iterator[Clip]:
    """Make clips of equal length in one run of the pipeline, see `play_together`."""
    settings = sampling.settings(engine)
    prompts, plans, seeds = ([getattr(job, name) for job in jobs] for name in ("english", "plan", "seed"))
    parts = [job.parts for job in jobs]
    sounds = engine.samples_of(prompts, plans, parts, seeds, sampling, after_step, stop, on_audio)
    for job, audio, notes in zip(jobs, sounds, parts, strict=True):
        made_with = settings | {"parts": COMPOSED} if job.composed else settings
        yield Clip(audio, engine.sample_rate, job.plan, job.prompt, job.seed, made_with, notes)
