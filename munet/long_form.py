"""A piece in windows: the conditions of each, known latents between which to play, sound as soon as it is ready."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from munet.attended import Conditions
from munet.codec.limiter import limited_chunks
from munet.conditions.aligned import aligned_features
from munet.conditions.batch import BEATS, CHORDS, TEXT, beats_within, chords_within, text_tokens
from munet.conditions.roll import note_roll
from munet.dynamics import Dynamics
from munet.errors import RequestError
from munet.guidance import without_groups
from munet.music import MusicPlan
from munet.music.events import NoteEvent
from munet.side_by_side import SideBySide
from munet.windows import Windows, denoise

if TYPE_CHECKING:
    from munet.pipeline import Sampler

OVERLAP = 0.25  # share of a window that the next one covers too


@dataclass(frozen=True)
class Known:
    """Latents that are there already.

    Attributes:
        latents: clean, `(clips, channels, frames, bins)`, read where `mask` says.
        mask: `(frames,)`, True where a frame is known.
    """

    latents: torch.Tensor
    mask: torch.Tensor

    def at(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return latents `(clips, channels, n, bins)` and mask `(clips, n)` of some frames `(n,)`."""
        return self.latents[:, :, frames], self.mask[frames].expand(len(self.latents), -1)

    def check(self, shape: Sequence[int]) -> None:
        """Refuse what does not fit latents of `shape`.

        Raises:
            RequestError: another shape, or no frame is left to make.
        """
        if tuple(self.latents.shape) != tuple(shape) or tuple(self.mask.shape) != (shape[2],):
            raise RequestError(
                f"known: expected latents {tuple(shape)} and a mask of {shape[2]} frames, got "
                f"{tuple(self.latents.shape)} and {tuple(self.mask.shape)}"
            )
        if bool(self.mask.all()):
            raise RequestError("known: expected at least one frame to make, got none")


def windows_over(frames: int, length: int | None, circular: bool, known: Known | None = None) -> Windows:
    """Lay windows over a piece; one over all of it if the model knows no `length` of its own.

    Where much is `known`, windows lie only where something is to be made. A circle is always covered.
    """
    length = min(length or frames, frames)
    hop = max(1, round(length * (1 - OVERLAP)))
    if known is None or circular:
        return Windows.over(frames, length, hop, circular)
    return Windows.where(~known.mask, length, hop)


class WindowPredictor:
    """Predicts windows of clips, each under the conditions of its own stretch of the plans.

    Conditions are embedded when a window is first asked for and forgotten after its last step, so that memory does not
    grow with the piece.

    Args:
        pipeline: whose networks and guidance count.
        prompts, plans: one per clip.
        windows: over the piece.
        known: latents that are there already, None for none.
        timesteps: that are gone through.
        deviation: of a new piece's sound, see `munet.conditions.sound`; None for a model without sound codes.
        strength: of the change of known latents.
        notes: of each piece, for a model that takes them; of what is known already they are left out.
    """

    def __init__(
        self,
        pipeline: Sampler,
        prompts: Sequence[str],
        plans: Sequence[MusicPlan],
        windows: Windows,
        known: Known | None,
        timesteps: torch.Tensor,
        deviation: torch.Tensor | None = None,
        strength: float = 1.0,
        notes: Sequence[Sequence[NoteEvent] | None] | None = None,
    ) -> None:
        self.pipeline, self.plans, self.windows, self.known = pipeline, plans, windows, known
        self.timesteps = timesteps
        self.device = pipeline._execution_device  # looked up once: it walks through all modules
        styles = pipeline.unet.config.aligned_styles
        rows = [aligned_features(plan, windows.frames, pipeline.frame_rate, styles) for plan in plans]
        self.over_time = {"aligned": torch.from_numpy(np.stack(rows))}
        if notes is not None:
            rolls = np.stack([note_roll(part, windows.frames, pipeline.frame_rate) for part in notes])
            unknown = np.ones(windows.frames, np.float32) if known is None else (~known.mask).float().cpu().numpy()
            self.over_time["notes"] = torch.from_numpy(rolls * unknown)
        if deviation is not None and known is not None:
            deviation = pipeline.unet.sound_code.kept(
                deviation, known.latents, known.mask, strength, self.over_time["aligned"].to(self.device)
            )
        self.deviation = deviation
        # A circle is played round twice, so that a window may run over its end.
        self.rounds = [(plan.beats, plan.chords) for plan in plans]
        if windows.circular:
            seconds = windows.frames / pipeline.frame_rate
            self.rounds = [
                (
                    beats and (*beats, *((second + seconds, position) for second, position in beats)),
                    chords and (*chords, *((symbol, second + seconds) for symbol, second in chords)),
                )
                for beats, chords in self.rounds
            ]
        clips = list(zip(prompts, plans, strict=True))
        texts = [self._prompt(*clip, window) for window in range(len(windows.starts)) for clip in clips]
        self.text = text_tokens(pipeline.tokenizer, texts, pipeline.config.max_text_length, pad_to_longest=True)
        self.beside: SideBySide | None = None  # for the forms of a window, where windows are not evaluated at once
        self.held: dict[int, tuple[Conditions, torch.Tensor | None]] = {}  # with the sound codes
        self.left = [len(timesteps)] * len(windows.starts)

    def __call__(self, window: int, sample: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """Return the guided prediction `(clips, channels, length, bins)` of a window for `munet.windows.denoise`."""
        if window not in self.held:
            self.held[window] = self._conditions(window)
        known = None if self.known is None else self.known.at(self.windows.frames_of(window))
        conditions, sound = self.held[window]
        prediction = self.pipeline.denoise(sample, timestep, conditions, known, self.beside, sound)
        self.left[window] -= 1
        if not self.left[window]:
            del self.held[window]
        return prediction

    def _span(self, window: int) -> tuple[float, float]:
        rate = self.pipeline.frame_rate
        return self.windows.starts[window] / rate, (self.windows.starts[window] + self.windows.length) / rate

    def _prompt(self, prompt: str, plan: MusicPlan, window: int) -> str:
        """The prompt, and that of the section that fills most of the window."""
        start, end = self._span(window)
        parts = [part for part in plan.parts() if part.prompt] if plan.sections else []
        shares = [(min(part.end, end) - max(part.start, start), part.prompt) for part in parts]
        share, words = max(shares, default=(0.0, None), key=lambda pair: pair[0])
        return f"{prompt}. {words}" if words and share > 0 else prompt

    def _conditions(self, window: int) -> tuple[Conditions, torch.Tensor | None]:
        pipeline, clips = self.pipeline, len(self.plans)
        own = slice(window * clips, (window + 1) * clips)
        span = self._span(window)
        music = [(beats_within(beats, *span), chords_within(chords, *span)) for beats, chords in self.rounds]
        given = {name: self.text[name][own] for name in TEXT} | self._tokens(music)
        frames = self.windows.frames_of(window)
        given |= {name: features[:, :, frames] for name, features in self.over_time.items()}
        given = {name: tensor.to(self.device) for name, tensor in given.items()}
        code, embedded = pipeline.unet.sound_code, pipeline.embed(given)
        sound = None if self.deviation is None else code.asked(embedded["aligned_condition"], self.deviation)
        if not pipeline.do_classifier_free_guidance:
            return Conditions.of_forms(None, embedded), sound
        nothing = text_tokens(pipeline.tokenizer, [""], given["input_ids"].shape[1]) | self._tokens([(None, None)])
        nothing |= {
            name: torch.zeros_like(features[:1, :, : self.windows.length]) for name, features in self.over_time.items()
        }
        nothing = {name: tensor.to(self.device) for name, tensor in nothing.items()}
        null = pipeline.embed(without_groups(given, nothing, pipeline.guidance_scale))
        return Conditions.of_forms(null, embedded), sound

    def _tokens(self, music: Sequence[tuple[Any, Any]]) -> dict[str, torch.Tensor]:
        pipeline = self.pipeline
        tokens = dict(zip(BEATS, pipeline.beat_encoder.tokenize([beats for beats, _ in music]), strict=True))
        return tokens | dict(zip(CHORDS, pipeline.chord_encoder.tokenize([chords for _, chords in music]), strict=True))


class StreamedSound:
    """Decodes a piece chunk by chunk while its latents are still being made.

    Args:
        decoder: a codec with `decode_stream`, which reads the latents when a chunk is asked for.
        latents: of the piece, written in place as they are finished.
        dynamics: how loud its sections are.
        listener: called with every chunk `(clips, channels, samples)` of float32, in order: the sound as it stays.
        window_frames: latent frames per chunk.
    """

    def __init__(
        self,
        decoder: Any,
        latents: torch.Tensor,
        dynamics: Dynamics,
        listener: Callable[[torch.Tensor], None] | None,
        window_frames: int = 64,
    ) -> None:
        self.listener, self.window, self.margin = listener, window_frames, decoder.context
        self.done = torch.zeros(latents.shape[2], dtype=torch.bool)
        self.chunks: Iterator[torch.Tensor] = limited_chunks(
            _at_levels(decoder.decode_stream(latents, window_frames), dynamics)
        )
        self.decoded = 0  # frames
        self.parts: list[torch.Tensor] = []

    def finished(self, frames: torch.Tensor) -> None:
        """Take note that some frames are finished, and decode what that allows."""
        self.done[frames] = True
        total = len(self.done)
        ready = total if bool(self.done.all()) else int(self.done.long().argmin())
        while self.decoded < total and min(total, self.decoded + self.window + self.margin) <= ready:
            self._take(next(self.chunks))
            self.decoded += self.window
        if self.decoded >= total:
            for chunk in self.chunks:
                self._take(chunk)

    def _take(self, chunk: torch.Tensor) -> None:
        self.parts.append(chunk)
        if self.listener is not None:
            self.listener(chunk)

    def whole(self, num_samples: int) -> torch.Tensor:
        """Return the sound of the whole piece `(clips, channels, num_samples)`."""
        return torch.cat(self.parts, dim=-1)[..., :num_samples]


def _at_levels(chunks: Iterable[torch.Tensor], dynamics: Dynamics) -> Iterator[torch.Tensor]:
    first = 0
    for chunk in chunks:
        yield dynamics(chunk, first)
        first += chunk.shape[-1]


def first_latents(
    scheduler: Any, noise: torch.Tensor, known: Known | None, strength: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the timesteps to go through, and the latents `(clips, channels, frames, bins)` at the first of them.

    Args:
        scheduler: with timesteps set.
        noise: in the scheduler's scale.
        known: latents that are there already.
        strength: share of the timesteps, at least one of them; below 1 the latents start from the known ones (SDEdit,
            Meng et al., 2022).
    """
    timesteps = scheduler.timesteps
    if known is None or strength == 1:
        return timesteps, noise.clone()  # windows are denoised in place
    timesteps = timesteps[-max(1, round(len(timesteps) * strength)) :]
    unscaled = noise / scheduler.init_noise_sigma
    return timesteps, scheduler.add_noise(known.latents.to(unscaled), unscaled, timesteps[:1])


def put_back(
    known: Known | None, noise: torch.Tensor, scheduler: Any, timesteps: torch.Tensor
) -> Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor] | None:
    """Return what `munet.windows.denoise` does after each step: known frames are set to what they are at that time.

    That is the known latents with the piece's own noise at the next timestep's level, and nothing but themselves after
    the last step (RePaint, Lugmayr et al., 2022, without resampling).

    Args:
        known: latents that are there already; None for none.
        noise: the piece's initial noise, `(clips, channels, frames, bins)`, unscaled.
        scheduler: whose `add_noise` counts.
        timesteps: that are gone through.
    """
    if known is None:
        return None

    def keep(segment: torch.Tensor, frames: torch.Tensor, done: int) -> torch.Tensor:
        latents, mask = known.at(frames)
        latents = latents.to(segment)
        if done < len(timesteps):
            when = timesteps[done].reshape(1)
            latents = scheduler.add_noise(latents, noise[:, :, frames].to(segment), when)
        return torch.where(mask[:, None, :, None].to(segment.device), latents, segment)

    return keep


def denoise_windows(
    latents: torch.Tensor,
    predictor: WindowPredictor,
    noise: torch.Tensor,
    sound: StreamedSound | None = None,
    callback: Callable[..., Any] | None = None,
    **step_options: Any,
) -> torch.Tensor:
    """Denoise a piece in windows; return its latents `(clips, channels, frames, bins)`.

    Args:
        latents: at the first timestep's level of noise, in the scheduler's scale; changed in place.
        predictor: of the windows.
        noise: the piece's noise in that shape, unscaled.
        sound: is told which frames are finished.
        callback: called as `(pipeline, step, timestep, {})` as often as there are steps, evenly spread over the work.
        step_options: passed to the scheduler's `step`.
    """
    pipeline = predictor.pipeline
    scheduler, timesteps = pipeline.scheduler, predictor.timesteps
    steps = len(timesteps)
    keep = put_back(predictor.known, noise, scheduler, timesteps)
    told = 0
    apart = (~predictor.windows.covered()).nonzero()[:, 0]
    if predictor.known is not None and len(apart):
        latents[:, :, apart] = predictor.known.at(apart)[0].to(latents)
        if sound is not None:
            sound.finished(apart)
    # Solvers that draw noise draw it in one order, however many threads there are.
    at_once = 1 if step_options else len(predictor.windows.starts) // 2
    with pipeline.progress_bar(total=steps) as progress_bar, pipeline.side_by_side(at_once) as beside:
        predictor.beside = beside if at_once <= 1 else None
        together = {} if at_once <= 1 else {"at_once": beside.width, "together": beside}
        evaluations = denoise(
            latents, predictor.windows, scheduler, predictor, timesteps=timesteps, keep=keep, **together, **step_options
        )
        for count, total, frames in evaluations:
            if pipeline.interrupt:
                break
            if sound is not None and len(frames):
                sound.finished(frames)
            step = count * steps // total
            if step > told and callback is not None:
                callback(pipeline, step - 1, timesteps[step - 1], {})
            progress_bar.update(step - told)
            told = step
    return latents
