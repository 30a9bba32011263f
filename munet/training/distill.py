"""Distillation: a student that needs few steps and no guidance.

The teacher's guided trajectory from one of the student's timesteps to the next is followed in `substeps` DDIM steps;
the student learns the velocity with which a single DDIM step lands at the same point (progressive distillation,
Salimans and Ho, 2022, straight to the number of steps that is wanted, with the guided teacher of Meng et al., 2023).
Guidance weights are those of the settings and become part of the weights. The student is then sampled with exactly
these timesteps.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from diffusers import DPMSolverMultistepScheduler

from munet.errors import RequestError
from munet.guidance import guidance_weights, guided, is_guided, without_groups
from munet.training.denoiser import notes_to_make
from munet.training.loop import min_snr_weights, signal_to_noise, weighted_mse
from munet.training.munet import MuNetTrainer
from munet.training.settings import NOISE_SCHEDULE, MuNetTraining


@dataclass(frozen=True)
class Distillation(MuNetTraining):
    """Settings of a distillation; `start` is the teacher.

    Attributes:
        steps: of the student.
        substeps: of the teacher for each of them.
        guidance: of the teacher, a number or weights by group, see `munet.guidance`.
    """

    steps: int = 8
    substeps: int = 4
    guidance: float | Mapping[str, float] = 2.0
    learning_rate: float = 1e-4
    ema_decay: float = 0.999
    least_snr: float = 0.2  # the noisiest step has no signal, but all else grows from it
    default_steps: int = field(default=8)
    default_guidance_scale: float = field(default=1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.start is None:
            raise RequestError("start: expected the folder of the teacher, got None")
        for name in ("steps", "substeps"):
            if not 1 <= getattr(self, name) <= 100:
                raise RequestError(f"{name}: expected an integer from 1 to 100, got {getattr(self, name)!r}")
        if self.default_steps != self.steps:
            raise RequestError(f"default_steps: expected the student's {self.steps}, got {self.default_steps!r}")
        guidance_weights(self.guidance)


def student_timesteps(scheduler: DPMSolverMultistepScheduler, steps: int) -> torch.Tensor:
    """The timesteps `(steps,)` at which a student of so many steps is evaluated, the noisiest first."""
    scheduler.set_timesteps(steps)
    return scheduler.timesteps.long()


def ddim_step(
    sample: torch.Tensor,
    velocity: torch.Tensor,
    now: tuple[torch.Tensor, torch.Tensor],
    then: tuple[torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """Move a sample from one (signal, noise) level to another along its velocity; levels as in `levels`."""
    clean = now[0] * sample - now[1] * velocity
    noise = now[1] * sample + now[0] * velocity
    return then[0] * clean + then[1] * noise


def single_step_velocity(
    sample: torch.Tensor,
    target: torch.Tensor,
    now: tuple[torch.Tensor, torch.Tensor],
    then: tuple[torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """The velocity with which one `ddim_step` takes `sample` to `target`.

    With signal a and noise s that step is `(a' a + s' s) sample + (s' a - a' s) velocity`.
    """
    kept = then[0] * now[0] + then[1] * now[1]
    return (target - kept * sample) / (then[1] * now[0] - then[0] * now[1])


class DistillTrainer(MuNetTrainer):
    """Trains the student; the teacher is the model that the run starts from."""

    settings: Distillation

    def __init__(self, settings: Distillation, seconds: float) -> None:
        super().__init__(settings, seconds)
        self.weights = guidance_weights(settings.guidance)
        self.pipeline.register_modules(scheduler=DPMSolverMultistepScheduler(**NOISE_SCHEDULE, solver_order=1))
        timesteps = student_timesteps(copy.deepcopy(self.pipeline.scheduler), settings.steps).to(self.device)
        # Behind the last timestep comes the clean latent, at level (1, 0).
        self.edges = torch.cat([timesteps, timesteps.new_full((1,), -1)])
        self.teacher = self._teacher()

    def _teacher(self) -> torch.nn.Module:
        teacher = copy.deepcopy(self.modules)
        if self.progress.step:  # a resumed run has a student in its folder
            start = type(self.pipeline).from_pretrained(self.settings.start, dtype=torch.float32)
            for name in ("unet", "beat_encoder", "chord_encoder"):
                getattr(teacher, name).load_state_dict(getattr(start, name).state_dict())
        teacher.to(self.device).eval().requires_grad_(False)
        self._compile(teacher)
        return teacher

    def models(self) -> tuple[torch.nn.Module, ...]:
        """Student and teacher."""
        return self.modules, self.teacher

    def levels(self, timesteps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Signal and noise `(batch, 1, 1, 1)` at `timesteps` `(batch,)`; -1 is the clean latent."""
        kept = torch.where(timesteps < 0, 1.0, self.alphas_cumprod[timesteps.clamp_min(0)]).view(-1, 1, 1, 1)
        return kept.sqrt(), (1 - kept).sqrt()

    @torch.no_grad()
    def guided_velocity(
        self,
        noisy: torch.Tensor,
        timesteps: torch.Tensor,
        given: Mapping[str, torch.Tensor],
        without: Mapping[str, torch.Tensor] | None,
    ) -> torch.Tensor:
        """The teacher's velocity under guidance; `without` holds the forms that it starts from."""
        velocity = self.predict(self.teacher, noisy, timesteps, given)
        if without is None:
            return velocity
        forms = len(without["text"]) // len(noisy)
        repeated = noisy.repeat(forms, 1, 1, 1)
        other = self.predict(self.teacher, repeated, timesteps.repeat(forms), without)
        return guided(velocity, other, self.weights)

    def loss(self, rows: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Weighted squared error against the velocity that lands where the guided teacher does."""
        settings, tokens = self.settings, self.shown(rows)
        told = self.told_of(latents := tokens.pop("latents"), tokens["aligned"])
        tokens = notes_to_make(tokens, told)
        given = self.inputs(tokens) | told
        without = None
        if is_guided(self.weights):
            without = self.inputs(without_groups(tokens, self.null, self.weights))
            forms = len(without["text"]) // len(latents)
            without |= {name: value.repeat(forms, *[1] * (value.ndim - 1)) for name, value in told.items()}
        place = (self.random(torch.rand, len(latents)) * settings.steps).long()
        first, last = self.edges[place], self.edges[place + 1]
        now, then = self.levels(first), self.levels(last)
        noisy = now[0] * latents + now[1] * self.random(torch.randn, *latents.shape)
        sample, at = noisy, first
        for index in range(settings.substeps):
            share = (index + 1) / settings.substeps
            following = last if share == 1 else (first + (last - first) * share).round().long().clamp_min(0)
            velocity = self.guided_velocity(sample, at, given, without)
            sample = ddim_step(sample, velocity, self.levels(at), self.levels(following))
            at = following
        wanted = single_step_velocity(noisy, sample, now, then)
        prediction = self.predict(self.denoise, noisy, first, given)
        snr = signal_to_noise(self.alphas_cumprod, first)
        weights = min_snr_weights(snr, settings.snr_gamma, least=settings.least_snr)
        counted = None if "known_mask" not in told else ~told["known_mask"]
        return weighted_mse(prediction, wanted, weights, counted)
