"""Changes carried out: the plan of the result, the sound with its hole, and the model that fills it.

What is around the hole is encoded and held fixed while the model makes the rest (`munet.long_form.Known`). Latent
frames near the hole's edges have heard what is taken out, so they are made anew as well; their sound is not used.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.signal import resample

from munet.dynamics import gains_of
from munet.long_form import Known
from munet.music import MusicPlan
from munet.music.events import Parts, stretched
from mustango_app.best_of import most_adherent
from mustango_app.clip import Clip
from mustango_app.parts import parts_of
from mustango_app.planning.translate import to_english
from mustango_app.shaping.canvas import Canvas, Faders, level_factor, peaks_limited, sounding_span
from mustango_app.shaping.changes import Change, Edit, Extension, Variation
from mustango_app.shaping.continuation import Shaped, extended, spliced
from mustango_app.shaping.loops import turned, turned_back
from mustango_app.shaping.region import edited
from mustango_app.shaping.source import Piece, Source, sounding, source_of
from mustango_app.together import Sampling, sampling_of

if TYPE_CHECKING:
    from mustango_app.engine import Mustango

MARGIN = 2  # latent frames around a hole that have heard what is taken out
LEAD = 25  # latent frames decoded before and after, so that phases have settled and levels can be compared

AfterStep = Callable[[int], None]


def shape(
    model: Mustango,
    piece: Piece,
    change: Change,
    plan: MusicPlan | None,
    callback: Callable[[int, int], None] | None,
    stop: threading.Event | None,
) -> Clip:
    """Carry a change out; see `Mustango.shape`."""
    source = source_of(piece, model.sample_rate, model.pipeline.vae.audio_channels, plan)
    strength = getattr(change, "strength", 1.0)
    sampling = sampling_of(model, change)
    per_candidate = max(1, round(sampling.steps * strength))
    settings = sampling.settings(model)
    done = 0

    def make(seed: int) -> Clip:
        nonlocal done
        before = done

        def after_step(step: int) -> None:
            if callback is not None:
                callback(before + step, per_candidate * change.best_of)

        run = _Run(model, seed, sampling, strength, after_step, stop)
        audio, played, region, parts = _carried_out(run, source, change)
        done += per_candidate
        model.check_finite(audio)
        facts = {"change": change.name, "of": source.name, **replace(change, seed=seed).given(), "region": region}
        return Clip(audio, model.sample_rate, played, source.prompt, seed, settings | {"shaped": facts}, parts)

    if change.best_of > 1:
        return most_adherent(make(change.seed + k) for k in range(change.best_of))
    return make(change.seed)


def _carried_out(run: _Run, source: Source, change: Change) -> tuple[np.ndarray, MusicPlan, list[float], Parts | None]:
    """Return sound and plan of the result, the seconds of what is new in it, and its parts as far as all are known."""
    rate = run.model.sample_rate
    if isinstance(change, Variation):
        audio = run.vary(source)
        return audio, source.plan, [0.0, audio.shape[1] / rate], source.parts
    if isinstance(change, Edit) and source.plan.loop:
        around, turn = turned(source, change, rate)
        shaped = edited(around.plan, turn.change)
        filled = run.fill(around, shaped, run.parts(around, shaped.plan))
        return *turned_back(filled, shaped, turn, source.audio.shape[1]), None
    if isinstance(change, Edit):
        shaped = edited(source.plan, change)
    elif isinstance(change, Extension):
        source = replace(source, plan=source.plan.with_(loop=False))
        span = sounding(source, rate, sounding_span(source.audio, rate))
        shaped = extended(source.plan, change, span)
    else:
        raise TypeError(f"change: expected an Extension, Edit or Variation, got {type(change).__name__}")
    region = [round(shaped.start, 9), round(shaped.start + shaped.length, 9)]
    parts = run.parts(source, shaped.plan)
    return run.fill(source, shaped, parts), shaped.plan, region, spliced(source.parts, parts, shaped)


class _Run:
    """One run of the model.

    Args:
        model: that fills holes.
        seed, sampling, strength: of the run.
        after_step, stop: see `Mustango.sample`.
    """

    def __init__(
        self,
        model: Mustango,
        seed: int,
        sampling: Sampling,
        strength: float,
        after_step: AfterStep,
        stop: threading.Event | None,
    ) -> None:
        self.model, self.settings = model, ([seed], sampling, after_step, stop)
        self.strength, self.codec = strength, model.pipeline.vae

    def fill(self, source: Source, shaped: Shaped, parts: Parts | None) -> np.ndarray:
        """Return the sound `(channels, samples)` of a source with a stretch of it made anew, from `parts` if any."""
        rate, audio = self.model.sample_rate, source.audio
        first, last = (min(audio.shape[1], round(second * rate)) for second in (shaped.start, shaped.end))
        if shaped.end >= (source.plan.duration or 0.0) - 1e-6:
            last = audio.shape[1]  # what goes on to the end takes the last, partial sample too
        length = round((shaped.start + shaped.length) * rate) - first  # as its ends are rounded, so that it fits again
        canvas = Canvas.open(audio, first, last, length, rate)
        step = self.codec.samples_per_latent_frame
        frames = self.codec.num_latent_frames(canvas.audio.shape[1])
        low, high = canvas.first // step - MARGIN, math.ceil(canvas.last / step) + MARGIN
        wanted = torch.zeros(frames, dtype=torch.bool)
        wanted[max(0, low if canvas.first > 0 else 0) : high] = True
        faders = Faders.of(source.plan, shaped.plan, canvas, last, rate)
        flat = replace(canvas, audio=canvas.audio / faders.old)
        latents = self._sample(source.prompt, shaped.plan, flat.audio, ~wanted, parts)
        begin, end = max(0, low - LEAD), min(frames, high + LEAD)
        sound = self._decode(latents[:, :, begin:end])
        return canvas.joined(self._levelled(sound, flat, begin * step, wanted[begin:end]) * faders.new)

    def vary(self, source: Source) -> np.ndarray:
        """Return the sound `(channels, samples)` of a source made again from itself."""
        plan, audio, count, parts = source.plan, source.audio, source.audio.shape[1], source.parts
        step, loop = self.codec.samples_per_latent_frame, source.plan.loop
        if loop:
            frames = max(1, round(count / step))
            plan = plan.stretch(count / (frames * step))
            parts = parts and stretched(parts, count / (frames * step))
            audio = resample(audio, frames * step, axis=1).astype(np.float32)
        gains = gains_of(plan, self.model.sample_rate, 0, audio.shape[1])
        audio = audio / gains
        nothing = torch.zeros(self.codec.num_latent_frames(audio.shape[1]), dtype=torch.bool)
        latents = self._sample(source.prompt, plan, audio, nothing, parts, circular=loop)
        made = self._decode(latents, circular=loop)[:, : audio.shape[1]] * gains
        made = resample(made, count, axis=1).astype(np.float32) if made.shape[1] != count else made
        made = peaks_limited(made * level_factor(source.audio, made))
        return np.broadcast_to(made, source.audio.shape).astype(np.float32)

    def parts(self, source: Source, plan: MusicPlan) -> Parts | None:
        """Return what is played in a new stretch of a plan: notes, where those around it were told too."""
        told = self.model.takes_notes and source.parts is not None
        return parts_of(plan, self.settings[0][0]) if told else None

    def _sample(
        self,
        prompt: str,
        plan: MusicPlan,
        audio: np.ndarray,
        known: torch.Tensor,
        parts: Parts | None,
        circular: bool = False,
    ) -> torch.Tensor:
        """Return latents `(1, channels, frames, bins)` of a piece of which the `known` frames `(frames,)` stay."""
        circle = {"circular": True} if circular and hasattr(self.codec, "decode_stream") else {}
        with self.model.alone(), torch.no_grad():
            sound = torch.from_numpy(audio)[None]
            sound = sound.mean(dim=1) if self.codec.audio_channels == 1 else sound
            held = self.codec.encode(sound.to(self.model.device), **circle)
        latents = self.model.sample(
            [to_english(prompt).english],
            [plan],
            audio.shape[1] / self.model.sample_rate,
            *self.settings,
            output_type="latent",
            known=Known(held, known),
            strength=self.strength,
            circular=circular,
            **({"notes": [parts]} if self.model.takes_notes else {}),
        )
        return latents

    def _decode(self, latents: torch.Tensor, circular: bool = False) -> np.ndarray:
        """Return the sound `(channels, samples)` of latents, at its own level."""
        circle = {"circular": True} if circular and hasattr(self.codec, "decode_stream") else {}
        with self.model.alone(), torch.no_grad():
            made = self.codec.decode(latents.to(self.codec.dtype), **circle)[0]
        return np.atleast_2d(made.float().cpu().numpy())

    def _levelled(self, sound: np.ndarray, canvas: Canvas, begin: int, wanted: torch.Tensor) -> np.ndarray:
        """Return what is new of a decoded stretch, at the level of what is around it.

        Args:
            sound: `(channels, samples)`, from sample `begin` of the canvas on.
            canvas: to be filled.
            begin: see above.
            wanted: which latent frames of the stretch are new.
        """
        step = self.codec.samples_per_latent_frame
        old = canvas.audio[:, begin : begin + sound.shape[1]]
        kept = np.repeat(~wanted.numpy(), step)[: old.shape[1]]
        factor = level_factor(old[:, kept].mean(axis=0), sound[:, : old.shape[1]][:, kept].mean(axis=0))
        inside = sound[:, canvas.first - begin : canvas.last - begin] * factor
        return np.broadcast_to(inside, (len(canvas.audio), inside.shape[1]))
