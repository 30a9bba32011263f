"""Training of the autoencoder: the projection in closed form, then the refiner by gradient descent.

The refiner's loss is the L1 distance of log-magnitudes, an emphasis on the loud, and a patch critic in the second part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from accelerate import Accelerator

from munet.codec.pocket import TIME_STRIDE, MusicAutoencoder, expand
from munet.training.discriminator import SpectrogramDiscriminator, critic_loss, feature_matching_loss
from munet.training.loop import (
    Budget,
    Log,
    Progress,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    run_training,
    save_checkpoint,
    set_learning_rate,
)
from munet.training.pool import Pool


@dataclass(frozen=True)
class AutoencoderTraining:
    """Settings of one autoencoder training.

    Attributes:
        out: folder of the run.
        budget: steps or seconds, warm-up, decay.
        model: constructor arguments of `MusicAutoencoder`.
        batch_size: crops per step.
        crop_frames: latent frames per crop (80 ms each in pocket).
        learning_rate: peak, for model and critic alike.
        loud_weight: weight of the relative L1 distance of square-rooted magnitudes.
        critic_start: share of the training after which the critic takes part; 1 leaves it out.
        critic_weight, matching_weight: weights of the adversarial and the feature matching loss.
        pool_clips: clips held in memory; prefill: clips to wait for before the first step.
        checkpoint_seconds: wall seconds from checkpoint to checkpoint.
        run_seconds: wall seconds after which this run stops with a checkpoint, None for none.
        start: folder of an autoencoder whose projection and refiner to go on from, None for a fresh one.
        seed: of initialisation and sampling.
        compile: whether to run the model through torch.compile.
    """

    out: str
    budget: Budget
    model: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int = 32
    crop_frames: int = 32
    learning_rate: float = 5e-4
    loud_weight: float = 0.5
    critic_start: float = 0.3
    critic_weight: float = 0.05
    matching_weight: float = 0.5
    pool_clips: int = 1000
    prefill: int = 100
    checkpoint_seconds: float = 300.0
    run_seconds: float | None = None
    start: str | None = None
    seed: int = 0
    compile: bool = False


class AutoencoderTrainer:
    """Model, critic, optimizers and progress of one run; resumes from the run's folder."""

    def __init__(self, settings: AutoencoderTraining) -> None:
        self.settings, self.out = settings, Path(settings.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.accelerator = Accelerator(mixed_precision="bf16")
        self.device = self.accelerator.device
        torch.manual_seed(settings.seed)
        found = load_checkpoint(self.out)
        if found is None:
            self.progress = Progress()
            self.model = self._fresh_model().to(self.device)
        else:
            folder, self.progress, _ = found
            self.model = MusicAutoencoder.from_pretrained(folder / "vae", dtype=torch.float32).to(self.device)
        self.critic = SpectrogramDiscriminator().to(self.device)
        options = {"lr": settings.learning_rate, "betas": (0.8, 0.99), "weight_decay": 1e-2}
        self.optimizer = torch.optim.AdamW(self.model.parameters(), **options)
        self.critic_optimizer = torch.optim.AdamW(self.critic.parameters(), **options)
        if found is not None:
            self._restore(found[2])
        self.generator = torch.Generator(self.device).manual_seed(settings.seed + self.progress.step)
        if self.device.type == "cuda":
            self.model.to(memory_format=torch.channels_last)
            self.critic.to(memory_format=torch.channels_last)
        self.refiner, self.judge = self.model.refiner, self.critic
        if settings.compile:
            self.refiner, self.judge = torch.compile(self.refiner), torch.compile(self.critic)

    def _fresh_model(self) -> MusicAutoencoder:
        if self.settings.start is not None:
            return MusicAutoencoder.from_pretrained(self.settings.start, dtype=torch.float32)
        return MusicAutoencoder(**self.settings.model)

    def _restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        critic = {name[len("critic.") :]: value for name, value in tensors.items() if name.startswith("critic.")}
        if critic:  # a committed checkpoint carries the weights only: optimizers and critic then start afresh
            self.critic.load_state_dict(critic)
            restore_optimizer("optimizer", self.optimizer, tensors)
            restore_optimizer("critic_optimizer", self.critic_optimizer, tensors)

    def save(self) -> None:
        """Write the run's checkpoint."""
        tensors = {f"critic.{name}": value.cpu() for name, value in self.critic.state_dict().items()}
        tensors |= optimizer_tensors("optimizer", self.optimizer)
        tensors |= optimizer_tensors("critic_optimizer", self.critic_optimizer)
        save_checkpoint(self.out, self.progress, tensors, lambda folder: self.model.save_pretrained(folder / "vae"))

    def crops(self, pool: Pool) -> torch.Tensor:
        """Random crops `(batch_size, samples)` of the pool's clips, at random levels between -9 and 0 dB."""
        settings = self.settings
        length = settings.crop_frames * TIME_STRIDE * self.model.config.hop_length
        audio = pool.columns["audio"]
        count = settings.batch_size
        row = torch.randint(pool.size, (count, 1), generator=self.generator, device=self.device)
        last = audio.shape[1] - length
        start = torch.randint(last + 1, (count, 1), generator=self.generator, device=self.device)
        crop = audio[row, start + torch.arange(length, device=self.device)].float() / 32768
        level = torch.rand(count, 1, generator=self.generator, device=self.device) * -9
        return crop * 10 ** (level / 20)

    def losses(self, waveform: torch.Tensor, adversarial: bool) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Total loss of the model and its parts; the critic is trained on the way when `adversarial`."""
        settings = self.settings
        with torch.no_grad():
            latents, target = self.model.encode(waveform), self.model.target(waveform)
            blurred = self.model.blurred(latents)
        with self.accelerator.autocast():
            decoded = self.refiner(blurred).float()
        loud, loud_target = expand(decoded).add(1e-8).sqrt(), expand(target).add(1e-8).sqrt()
        parts = {
            "log_l1": F.l1_loss(decoded, target),
            "loud": (loud - loud_target).abs().mean() / loud_target.mean(),
        }
        parts |= dict.fromkeys(("critic", "adversarial", "matching"), torch.zeros((), device=self.device))
        total = parts["log_l1"] + settings.loud_weight * parts["loud"]
        if adversarial:
            with self.accelerator.autocast():
                real_scores, _ = self.judge(target)
                fake_scores, _ = self.judge(decoded.detach())
            parts["critic"] = critic_loss(real_scores, fake_scores)
            self._step(self.critic_optimizer, self.critic, parts["critic"])
            with self.accelerator.autocast():
                scores, fake_features = self.judge(decoded)
                with torch.no_grad():
                    _, real_features = self.judge(target)
            parts["adversarial"] = -scores.float().mean()
            parts["matching"] = feature_matching_loss(real_features, fake_features)
            total = total + settings.critic_weight * parts["adversarial"]
            total = total + settings.matching_weight * parts["matching"]
        return total, parts

    def _step(self, optimizer: torch.optim.Optimizer, module: torch.nn.Module, loss: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        set_learning_rate(optimizer, self.settings.budget.learning_rate(self.progress, self.settings.learning_rate))
        optimizer.step()

    def train(self, pool: Pool) -> None:
        """Train until the budget or this run's time is used up; leaves a checkpoint."""
        settings, budget = self.settings, self.settings.budget
        if not self.model.components.any():
            clips = pool.columns["audio"][: min(pool.size, settings.prefill)].float() / 32768
            kept = self.model.fit(clips)
            print(f"projection: variance kept per band {[round(share, 3) for share in kept.tolist()]}")
            self.save()

        def step() -> dict[str, torch.Tensor]:
            pool.check()
            adversarial = budget.fraction(self.progress) >= settings.critic_start
            total, parts = self.losses(self.crops(pool), adversarial)
            self._step(self.optimizer, self.model, total)
            return {"clips": torch.tensor(pool.size), **parts}

        limits = (settings.checkpoint_seconds, settings.run_seconds)
        run_training("autoencoder", budget, self.progress, Log(self.out / "log.csv"), step, self.save, *limits)


def train_autoencoder(trainer: AutoencoderTrainer, batches: Iterable[Mapping[str, torch.Tensor]]) -> Path:
    """Train on `batches` of `{"audio": int16 (clips, samples)}` and return the folder of the newest checkpoint."""
    pool = Pool(trainer.settings.pool_clips, trainer.device)
    pool.fill(batches, trainer.settings.prefill)
    trainer.train(pool)
    pool.close()
    return trainer.out / "latest"
