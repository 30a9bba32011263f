"""The engine: one model, loaded once, that makes clips from text and plan.

What a person may get wrong is checked by `mustango_app.request` before the model runs. On a processor clips are made
one after the other, so that clip i of several is, bit for bit, the clip that seed + i makes alone; on a GPU they are
made together (`mustango_app.together`).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from munet.errors import RequestError
from munet.guidance_weights import Interval, check_interval
from munet.music import MusicPlan
from munet.music.events import Parts, stretched
from munet.precision import name_of
from munet.processor import keep_memory, usable_cores
from munet.solver import FEW_STEPS, GUIDED_LEVELS, few_step_solver
from mustango_app.checkpoint import load_pipeline, parse_dtype
from mustango_app.clip import Clip
from mustango_app.planning.model_planner import ModelPlanner
from mustango_app.planning.spoken import spoken
from mustango_app.request import MAX_CLIPS, Draft, Request, check_integer
from mustango_app.shaping.changes import Change, Edit, Extension, Variation
from mustango_app.stopped import Stopped
from mustango_app.together import Sampling, clips_at_once, play_together

if TYPE_CHECKING:
    from mustango_app.shaping.source import Piece


class Mustango:
    """Text-to-music with a plan.

    Args:
        name: None or "pocket" for the shipped model, a folder that `save_pretrained` made, or a Hub id.
            A checkpoint in the published layout of `declare-lab/mustango` is converted once and kept.
        device: "cpu", "cuda", "cuda:1", ...; None or "auto" takes a CUDA device where there is one.
        dtype: "float32", "float16" or "bfloat16" of the weights; the halves are for GPUs and save memory. None for
            float32, where `pocket` denoises in bfloat16 on a device that has it.
        offload: whether the parts wait in main memory and visit the GPU in turn: slower, for small GPUs.
        batch: clips made together where several are asked for; None for 1 on a processor, and on a GPU what
            its memory holds, 16 at most.

    Raises:
        RequestError: if there is no such model, device or dtype, or the checkpoint is damaged.
    """

    def __init__(
        self,
        name: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
        offload: bool = False,
        batch: int | None = None,
    ) -> None:
        self.device = _device(device)
        batch = batch if batch is None else check_integer("batch", batch, 1, MAX_CLIPS)
        if self.device.type == "cpu":
            torch.set_num_threads(min(torch.get_num_threads(), usable_cores()))
            keep_memory()
        if offload and self.device.type != "cuda":
            raise RequestError(f"offload: expected a CUDA device to spare, got {str(self.device)!r}")
        held = torch.device("cpu") if offload else self.device
        with _enough_memory():
            self.name, self.pipeline = load_pipeline(name, held, None if dtype is None else parse_dtype(dtype), offload)
        if offload:
            self.pipeline.enable_model_cpu_offload(device=self.device)
        self.batch = clips_at_once(self.device, batch)
        self.pipeline.set_progress_bar_config(disable=True)
        self._few_steps = few_step_solver(self.pipeline.scheduler)
        if self._few_steps is not None:
            self.pipeline.register_modules(scheduler=self._few_steps)
        self._lock = threading.Lock()  # a pipeline keeps the state of one run
        # Offloaded parts take turns on the GPU: then not even the predictors may run beside a generation.
        self._planner = ModelPlanner(self.pipeline, self._lock if offload else None)

    @classmethod
    def from_pretrained(cls, name: str | Path | None = None, device: str | None = None, **options: Any) -> Mustango:
        """Load a model; the same as `Mustango(name, device, **options)`."""
        return cls(name, device, **options)

    @property
    def sample_rate(self) -> int:
        """Sample rate of the clips in Hz."""
        return int(self.pipeline.sample_rate)

    @property
    def default_steps(self) -> int:
        """Denoising steps when a request names none."""
        return int(self.pipeline.config.default_steps) if self._few_steps is None else FEW_STEPS

    @property
    def default_guidance(self) -> float:
        """Weight of classifier-free guidance when a request names none."""
        return float(self.pipeline.config.default_guidance_scale)

    @property
    def default_guidance_interval(self) -> Interval | None:
        """Noise levels at which guidance acts when a request names none; None for all of them."""
        interval = self.pipeline.config.default_guidance_interval
        if interval is None:
            return None if self._few_steps is None else GUIDED_LEVELS
        return check_interval(interval)

    @property
    def can_predict(self) -> bool:
        """Whether the model makes beats and chords from the words itself."""
        return self.pipeline.can_predict

    def plan(self, request: Request) -> Draft:
        """What would be played for the first seed, and where each field of it comes from (see `model_planner`).

        Raises:
            RequestError: what is asked is more than the model takes.
        """
        return self._planner(request)

    def generate(
        self,
        prompt: str | Request,
        *,
        callback: Callable[[int, int], None] | None = None,
        stop: threading.Event | None = None,
        **fields: Any,
    ) -> Clip | list[Clip]:
        """Make music for `prompt`. What is not given is read from the text, and what it leaves open is chosen.

        Args:
            prompt: what to play, at most 2000 characters; or a whole `Request`.
            callback: called with (steps done, steps in all) after every step.
            stop: set it from another thread to stop at the next step.
            **fields: of the `Request`: bpm, meter, key, chords, seconds, ..., plan, seed, steps, guidance,
                guidance_interval, num_clips, best_of.

        Returns:
            A clip, or a list of them when `num_clips` is more than 1.

        Raises:
            RequestError: naming the field that cannot be used.
            TypeError: there is no such field.
            Stopped: if `stop` was set.
        """
        request = prompt if isinstance(prompt, Request) else Request(prompt, **fields)
        plans = [self.plan(request.at(seed)).plan for seed in request.seeds]
        clips = self.play(request, plans, callback, stop)
        return clips if request.num_clips > 1 else clips[0]

    def play(
        self,
        request: Request,
        plans: Sequence[MusicPlan],
        callback: Callable[[int, int], None] | None = None,
        stop: threading.Event | None = None,
        on_audio: Callable[[np.ndarray], None] | None = None,
    ) -> list[Clip]:
        """Make the clips of `request` for plans that are there already, complete ones, one a clip.

        Args:
            request: words, seeds, steps and guidance.
            plans: complete, one a clip.
            callback, stop: as in `generate`.
            on_audio: called with every chunk `(channels, samples)` of a long piece as soon as it is decoded; a piece
                of one window has none, nor have clips that are made together.

        Raises:
            RequestError: the weights give samples that are not finite, or there is too little memory.
            Stopped: if `stop` was set.
        """
        return play_together(self, request, plans, callback, stop, on_audio)

    def shape(
        self,
        piece: Piece,
        change: Change,
        *,
        plan: MusicPlan | None = None,
        callback: Callable[[int, int], None] | None = None,
        stop: threading.Event | None = None,
    ) -> Clip:
        """Change a piece that is there: see `extend`, `edit`, `variation`, and `mustango_app.shaping.changes`.

        Args:
            piece: a clip; an audio file; the folder of an exported clip; or samples `(channels, samples)` and their
                rate in Hz. Of a recording the plan is heard first.
            change: what is wanted.
            plan: of the piece, where it is known.
            callback, stop: as in `generate`.

        Raises:
            RequestError: naming what cannot be used.
            Stopped: if `stop` was set.
        """
        from mustango_app.shaping.shaper import shape

        return shape(self, piece, change, plan, callback, stop)

    def extend(self, piece: Piece, *, plan: MusicPlan | None = None, callback: Any = None, stop: Any = None,
               **fields: Any) -> Clip:  # fmt: skip
        """Let a piece go on by `seconds` or `bars`, or with `before` begin earlier: fields of an `Extension`."""
        return self.shape(piece, Extension(**fields), plan=plan, callback=callback, stop=stop)

    def edit(self, piece: Piece, *, plan: MusicPlan | None = None, callback: Any = None, stop: Any = None,
             **fields: Any) -> Clip:  # fmt: skip
        """Play a region anew, `start` to `end` or `bars`; outside of it not a sample changes: fields of an `Edit`."""
        return self.shape(piece, Edit(**fields), plan=plan, callback=callback, stop=stop)

    def variation(self, piece: Piece, strength: float = 0.5, *, plan: MusicPlan | None = None, callback: Any = None,
                  stop: Any = None, **fields: Any) -> Clip:  # fmt: skip
        """Play a piece's plan again from the sound that is there: fields of a `Variation`."""
        return self.shape(piece, Variation(strength=strength, **fields), plan=plan, callback=callback, stop=stop)

    @property
    def takes_notes(self) -> bool:
        """Whether the network is told what everybody plays, note by note."""
        return self.pipeline.unet.config.note_channels is not None

    def samples_of(
        self,
        prompts: Sequence[str],
        plans: Sequence[MusicPlan],
        parts: Sequence[Parts | None],
        seeds: Sequence[int],
        sampling: Sampling,
        after_step: Callable[[int], None],
        stop: threading.Event | None,
        on_audio: Callable[[np.ndarray], None] | None = None,
    ) -> list[np.ndarray]:
        """Make clips of one length together; return float32 `(channels, samples)` of each."""
        loop, rate = bool(plans[0].loop), self.pipeline.frame_rate
        played = [on_whole_frames(plan, rate) if loop else plan for plan in plans]
        run = (seeds, sampling, after_step, stop)
        options: dict[str, Any] = {"circular": loop}
        if self.takes_notes:
            paces = [plan.duration / fitted.duration for plan, fitted in zip(plans, played, strict=True)]
            options["notes"] = [notes and stretched(notes, pace) for notes, pace in zip(parts, paces, strict=True)]
        if on_audio is not None and len(plans) == 1:
            options["callback_on_audio"] = lambda chunk: on_audio(chunk[0].cpu().float().numpy())
        sounds = []
        for plan, made in zip(plans, self.sample(prompts, played, played[0].duration, *run, **options), strict=True):
            samples = round(plan.duration * self.sample_rate)
            audio = np.atleast_2d(np.asarray(made, dtype=np.float32))
            sounds.append(closed(audio, samples) if loop else audio[:, :samples])
            self.check_finite(sounds[-1])
        return sounds

    def sample(
        self,
        prompts: Sequence[str],
        plans: Sequence[MusicPlan],
        seconds: float,
        seeds: Sequence[int],
        sampling: Sampling,
        after_step: Callable[[int], None],
        stop: threading.Event | None,
        output_type: str = "np",
        **options: Any,
    ) -> Any:
        """Run the pipeline once; return the clips' sounds, or their latents `(clips, channels, frames, bins)`.

        Raises:
            RequestError: there is too little memory.
            Stopped: if `stop` was set.
        """

        words = list(prompts)
        if self.pipeline.unet.config.aligned_styles is not None:  # the plan's players reach the network
            words = [spoken(*each) for each in zip(prompts, plans, strict=True)]

        def on_step_end(pipeline: Any, step: int, _timestep: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
            if stop is not None and stop.is_set():
                pipeline._interrupt = True
                raise Stopped(f"stopped after step {step + 1}")  # else the pipeline would decode what there is
            after_step(step + 1)
            return kwargs

        with self.alone():
            if stop is not None and stop.is_set():
                raise Stopped("stopped before the first step")
            return self.pipeline(
                prompt=words,
                plans=list(plans),
                audio_length_in_s=seconds,
                num_inference_steps=sampling.steps,
                guidance_scale=sampling.guidance,
                guidance_interval=sampling.interval,
                generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
                output_type=output_type,
                callback_on_step_end=on_step_end,
                **options,
            ).audios

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the model while one run uses it; say in one line if there is too little memory."""
        with self._lock, self._parts_put_back(), _enough_memory():
            yield

    def check_finite(self, audio: np.ndarray) -> None:
        """Refuse sound that is none.

        Raises:
            RequestError: samples that are not finite, which half precision can give.
        """
        if not np.isfinite(audio).all():
            held = name_of(self.pipeline.unet.dtype)
            raise RequestError(f"dtype: expected finite samples, got others from {self.name!r} in {held}; try another")

    @contextlib.contextmanager
    def _parts_put_back(self) -> Iterator[None]:
        """After a run that was stopped or failed, bring offloaded parts back to main memory, as after a whole one."""
        try:
            yield
        except BaseException:
            self.pipeline.maybe_free_model_hooks()
            raise


def on_whole_frames(plan: MusicPlan, frame_rate: float) -> MusicPlan:
    """Return a loop's plan played so much faster or slower that it fills whole latent frames (`frame_rate` Hz).

    That is by half a frame at most, half a percent of eight seconds; `closed` brings the sound back to its length.
    """
    frames = max(1, round(plan.duration * frame_rate))
    return plan.stretch(plan.duration * frame_rate / frames)


def closed(audio: np.ndarray, samples: int) -> np.ndarray:
    """Return a loop `(channels, samples)` of another length; its end still runs into its beginning.

    Resampled by its Fourier series, which takes a loop for what it is, periodic.
    """
    if audio.shape[1] == samples:
        return audio
    from scipy.signal import resample  # takes a second to import, and most pieces are no loops

    return np.clip(resample(audio, samples, axis=1), -1.0, 1.0).astype(np.float32)


@contextlib.contextmanager
def _enough_memory() -> Iterator[None]:
    """Say in one line that a GPU has too little memory.

    Raises:
        RequestError: it has.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        advice = "try dtype float16, offload or fewer seconds"
        raise RequestError(f"device: expected a GPU with more free memory, got too little; {advice}") from error


def _device(name: str | None) -> torch.device:
    if name in (None, "auto"):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise RequestError(f"device: expected auto, cpu, cuda or cuda:N, got {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise RequestError(
            f"device: expected one of this machine's {torch.cuda.device_count()} CUDA devices, got {name!r}"
        )
    return device
