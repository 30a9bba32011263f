"""Training of the stereo codec's decoder, in windows of time: `python -m munet.training.decoder --help`.

A run lives in one folder (`munet.training.loop`); `latest/codec` is the codec with averaged weights, ready for use.
Whatever the device, the batch size or the time, a new window goes on from what the folder holds. Learning rate and
critics follow the share of the window that is over, not the steps of all windows.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from diffusers.training_utils import EMAModel
from torch.utils.flop_counter import FlopCounterMode

from munet.codec import load_codec
from munet.codec.analysis import frames_of
from munet.codec.phasors import Carry, PhasorRecursion, Recursion, phasor_tracks, recursion_on
from munet.codec.stereo import TIME_STRIDE, StereoAutoencoder
from munet.training.critics import Critics, adversarial_loss, critic_loss, matching_loss
from munet.training.excerpts import ExcerptPool, audio_files, excerpts
from munet.training.hardware import matmul_peak, training_precision
from munet.training.loop import (
    Log,
    Progress,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
    set_learning_rate,
)
from munet.training.spectra import RESOLUTIONS, bin_weights, envelope_loss, four_views, phase_losses, spectral_losses
from munet.training.stopping import Stopping

MARGIN = 1  # latent frames of context on either side of a crop that the loss does not see

SPECTRAL_WEIGHTS = MappingProxyType({"log_l1": 0.5, "loud": 1.0, "bands": 2.0})  # of `spectral_losses`
HEAD_WEIGHTS = MappingProxyType({"level": 0.5, "asked": 2.0, "advance": 1.0, "delay": 1.0})  # of `phase_losses`


@dataclass(frozen=True)
class DecoderTraining:
    """Settings of one window of training.

    Attributes:
        out: folder of the run.
        minutes: wall minutes of this window, all of it: loading, training, the last save.
        start: folder of a codec to go on from where the run's folder is empty; None for a fresh one.
        device: "cpu", "cuda" or None for the best there is.
        batch_size: crops per step.
        crop_frames: latent frames per crop (80 ms each) that the loss sees.
        learning_rate: peak, for decoder and critics alike.
        warmup: steps until it is reached; decay: last share of the window in which it falls to zero.
        critic_start: share of the window after which the critics take part; 1 leaves them out.
        resolutions, views: how many of the spectral losses' windows and of mid, side, left and right a step looks at,
        drawn
            at random: on a CPU the losses cost more than the decoder.
        envelope_weight, phase_weight, critic_weight, matching_weight: of the losses beside the spectral ones.
        critic_windows: samples, one critic each.
        ema_decay: of the averaged weights.
        pool_clips: excerpts in memory; clip_frames: latent frames of each; refresh_steps: steps until one is replaced.
        fit_clips: excerpts that the encoder is fitted to, if it is not yet.
        save_seconds: wall seconds from checkpoint to checkpoint; log_steps: steps from line to line of the log.
        seed: of initialisation and sampling.
    """

    out: str
    minutes: float
    start: str | None = None
    device: str | None = None
    batch_size: int = 8
    crop_frames: int = 8
    learning_rate: float = 5e-4
    warmup: int = 200
    decay: float = 0.2
    critic_start: float = 1.0
    resolutions: int = 5
    views: int = 4
    envelope_weight: float = 0.2
    phase_weight: float = 0.2
    critic_weight: float = 0.05
    matching_weight: float = 0.5
    critic_windows: tuple[int, ...] = (2048, 1024, 512)
    ema_decay: float = 0.999
    pool_clips: int = 400
    clip_frames: int = 64
    refresh_steps: int = 8
    fit_clips: int = 400
    save_seconds: float = 300.0
    log_steps: int = 100
    seed: int = 0


class DecoderTrainer:
    """Codec, critics, optimizers and progress of one run; goes on from what the run's folder holds."""

    def __init__(self, settings: DecoderTraining, model: Mapping[str, object] | None = None) -> None:
        self.settings, self.out, self.began = settings, Path(settings.out), time.monotonic()
        self.out.mkdir(parents=True, exist_ok=True)
        self.device = torch.device(settings.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.dtype, _ = training_precision(self.device)
        torch.manual_seed(settings.seed)
        found = load_checkpoint(self.out)
        self.progress = found[1] if found else Progress()
        folder = found[0] / "codec" if found else settings.start
        self.codec = load_codec(folder, dtype=torch.float32) if folder else StereoAutoencoder(**(model or {}))
        self.codec.to(self.device).requires_grad_(True)
        self.critics = Critics(settings.critic_windows).to(self.device)
        options = {"lr": settings.learning_rate, "betas": (0.8, 0.99), "weight_decay": 1e-3, "fused": True}
        self.optimizer = torch.optim.AdamW(self.codec.parameters(), **options)
        self.critic_optimizer = torch.optim.AdamW(self.critics.parameters(), **options)
        if found is not None:
            self._restore(found[2])
        self.ema = EMAModel(
            self.codec.parameters(), decay=settings.ema_decay, use_ema_warmup=True, power=0.75, foreach=True
        )
        self.ema.optimization_step = self.progress.step
        if found is not None:
            self._restore_average(found[2])
        self.generator = torch.Generator(self.device).manual_seed(settings.seed + self.progress.step)
        self.recursion: Recursion = PhasorRecursion.apply
        self.taken = 0  # steps of this window
        self.choice = random.Random(settings.seed + self.progress.step)

    def _restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Put back raw weights and optimizers; beside a published codec there are none."""
        for name, parameter in self.codec.named_parameters():
            if f"raw.{name}" in tensors:
                parameter.data.copy_(tensors[f"raw.{name}"])
        restore_optimizer("optimizer", self.optimizer, tensors)
        prefix = "critics."
        critics = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        if critics:
            self.critics.load_state_dict(critics)
            restore_optimizer("critic_optimizer", self.critic_optimizer, tensors)

    def _restore_average(self, tensors: Mapping[str, torch.Tensor]) -> None:
        for (name, _), shadow in zip(self.codec.named_parameters(), self.ema.shadow_params, strict=True):
            if f"average.{name}" in tensors:
                shadow.copy_(tensors[f"average.{name}"])

    def autocast(self) -> AbstractContextManager[None]:
        """Return the context in which the networks run: bfloat16 where the device multiplies it fast."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def fraction(self) -> float:
        """Share of this window that is over; the last tenth (at most a minute) is kept for saving."""
        seconds = 60 * self.settings.minutes
        return (time.monotonic() - self.began) / (seconds - min(60.0, 0.1 * seconds))

    def save(self) -> None:
        """Write the run's checkpoint; weights that are not finite are refused.

        Raises:
            FloatingPointError: a weight is not finite; the checkpoint before stays.
        """
        names = [name for name, _ in self.codec.named_parameters()]
        if not all(bool(torch.isfinite(parameter).all()) for parameter in self.codec.parameters()):
            raise FloatingPointError(f"weights: expected finite numbers at step {self.progress.step}")
        tensors = {f"raw.{name}": parameter.detach().cpu().clone() for name, parameter in self.codec.named_parameters()}
        tensors |= {f"average.{name}": shadow.cpu() for name, shadow in zip(names, self.ema.shadow_params, strict=True)}
        tensors |= optimizer_tensors("optimizer", self.optimizer)
        if self.critic_optimizer.state:
            tensors |= {f"critics.{name}": value.cpu() for name, value in self.critics.state_dict().items()}
            tensors |= optimizer_tensors("critic_optimizer", self.critic_optimizer)
        self.ema.store(self.codec.parameters())
        self.ema.copy_to(self.codec.parameters())
        save_checkpoint(self.out, self.progress, tensors, lambda folder: self.codec.save_pretrained(folder / "codec"))
        self.ema.restore(self.codec.parameters())

    def fit_encoder(self, source: Iterator[torch.Tensor]) -> None:
        """Fit the encoder to excerpts `(2, samples)` in closed form and save it, unless the run's folder holds a
        fit."""
        if not self.codec.feature_mean.any():
            kept = self.codec.fit(next(source) for _ in range(self.settings.fit_clips))
            print(f"encoder: variance kept per band {[round(share, 3) for share in kept]}", flush=True)
            self.save()

    def decoded(
        self, latents: torch.Tensor, target: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
        """Mid and side waveforms of the crops' inner frames and the heads' own losses."""
        codec, hop = self.codec, self.codec.config.hop_length
        inner = slice(MARGIN * TIME_STRIDE, -MARGIN * TIME_STRIDE)
        with torch.no_grad():
            features = codec.features(latents)
        with self.autocast():
            hidden_states = codec.hidden(features)[:, inner]
            frames = hidden_states.shape[1]
            noise = [head.drawn(len(latents), frames, self.generator) for head in codec.heads]
            steps, gains = codec.steps(features[:, inner], hidden_states, noise), codec.swell(hidden_states)
        carries = [Carry(each[2, :, 0], asked.mid[:, 0]) for each, asked in zip(noise, steps, strict=True)]
        tracks = phasor_tracks(steps, carries, self.recursion)
        mid, side = target.mean(dim=1), (target[:, 0] - target[:, 1]) / 2
        early, total, losses = codec.reach * hop, 0.0, []
        for head, asked, phasors, gain in zip(codec.heads, steps, tracks, gains, strict=True):
            spectra = torch.cat(head.spectra(asked, phasors))
            sound = (head.overlapped(spectra) / head.envelope(frames).clamp_min(1e-6))[:, early:-early]
            total = total + sound * codec.swell.curve(gain, gain[:, :1]).repeat(2, 1)
            band = slice(head.band.first, head.band.last)
            with torch.no_grad():
                wanted = [frames_of(each, head.band.window, hop)[:, inner, band] for each in (mid, side)]
                wanted = [each * 10**head.fade for each in wanted]
            weights = bin_weights(head.frequencies.to(self.device) * codec.config.sample_rate)
            losses.append(phase_losses(asked, phasors, *wanted, weights))
        means = {name: torch.stack([each[name] for each in losses]).mean() for name in losses[0]}
        given_mid, given_side = total.chunk(2)
        return given_mid, given_side, means

    def step(self) -> dict[str, torch.Tensor]:
        """One optimizer step; returns the losses."""
        settings, margin = self.settings, MARGIN * self.codec.samples_per_latent_frame
        latents, audio = self.pool.crops(settings.batch_size, settings.crop_frames + 2 * MARGIN, self.generator)
        mid, side, parts = self.decoded(latents, audio)
        inner = audio[..., margin:-margin]
        target = (inner.mean(dim=1), (inner[:, 0] - inner[:, 1]) / 2)
        fitting = [window for window in RESOLUTIONS if window <= inner.shape[-1]]
        chosen = self.choice.sample(fitting, min(settings.resolutions, len(fitting)))
        views = self.choice.sample(range(4), settings.views)
        pairs = [[four_views(*each)[view] for view in views] for each in ((mid, side), target)]
        parts |= spectral_losses(*pairs, self.codec.config.sample_rate, chosen)
        parts["envelope"] = envelope_loss((mid, side), target, self.codec.config.hop_length // self.codec.config.parts)
        total = sum(weight * parts[name] for name, weight in SPECTRAL_WEIGHTS.items())
        total = total + settings.envelope_weight * parts["envelope"]
        total = total + settings.phase_weight * sum(weight * parts[name] for name, weight in HEAD_WEIGHTS.items())
        parts |= dict.fromkeys(("critic", "adversarial", "matching"), torch.zeros((), device=self.device))
        if settings.critic_start <= min(self.fraction(), 0.999):
            total = total + self._criticised((mid, side), target, parts)
        self._update(self.optimizer, self.codec, total)
        self.ema.step(self.codec.parameters())
        self.taken += 1
        self.progress.step += 1
        return {name: value.detach() for name, value in parts.items()}

    def _criticised(
        self,
        given: tuple[torch.Tensor, torch.Tensor],
        target: tuple[torch.Tensor, torch.Tensor],
        parts: dict[str, torch.Tensor],
    ) -> torch.Tensor:
        """Train the critics on the pair, note their losses in `parts` and return what the decoder pays."""
        with self.autocast():
            real = self.critics(*target)
            fake = self.critics(*(each.detach() for each in given))
        parts["critic"] = critic_loss([scores for scores, _ in real], [scores for scores, _ in fake])
        self._update(self.critic_optimizer, self.critics, parts["critic"])
        self.critics.requires_grad_(False)
        with self.autocast():
            fake = self.critics(*given)
        self.critics.requires_grad_(True)
        parts["adversarial"] = adversarial_loss([scores for scores, _ in fake])
        parts["matching"] = matching_loss(
            [[feature.detach() for feature in features] for _, features in real], [features for _, features in fake]
        )
        return self.settings.critic_weight * parts["adversarial"] + self.settings.matching_weight * parts["matching"]

    def _update(self, optimizer: torch.optim.Optimizer, module: torch.nn.Module, loss: torch.Tensor) -> None:
        settings = self.settings
        rate = min(1.0, (self.taken + 1) / settings.warmup, max(0.0, 1.0 - self.fraction()) / max(settings.decay, 1e-6))
        set_learning_rate(optimizer, settings.learning_rate * rate)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0, foreach=True)
        # One bad crop must not spoil the weights. The fused optimizer looks by itself: asking would wait for a GPU.
        optimizer.found_inf = (~torch.isfinite(norm)).float()
        optimizer.step()

    def train(self, source: Iterator[torch.Tensor]) -> Path:
        """Train on excerpts `(2, samples)` until the window is over; returns the folder of the newest checkpoint.

        Raises:
            KeyboardInterrupt: it was told to stop, and saved what it had.
        """
        settings = self.settings
        self.fit_encoder(source)
        self.pool = ExcerptPool(source, self.codec.encode, settings.pool_clips, self.device)
        print(f"pool: {settings.pool_clips} excerpts after {time.monotonic() - self.began:.0f} s", flush=True)
        log, peak = Log(self.out / "log.csv"), matmul_peak(self.device, self.dtype)
        bins = sum(len(head.frequencies) for head in self.codec.heads)
        self.recursion = recursion_on(self.device, settings.batch_size, settings.crop_frames * TIME_STRIDE, bins)
        with FlopCounterMode(display=False) as counter:
            self.step()
        before, started = self.progress.seconds, time.monotonic()
        saved = marked = started
        with Stopping() as stopping:
            while self.fraction() < 1 and not stopping.asked:
                parts = self.step()
                now = time.monotonic()
                self.progress.seconds = before + now - started
                if self.taken % settings.refresh_steps == 0:
                    self.pool.replace()
                if self.taken % settings.log_steps == 0:
                    values = {name: value.item() for name, value in parts.items()}
                    values["steps_per_second"] = settings.log_steps / (now - marked)
                    values["share_of_peak"] = values["steps_per_second"] * counter.get_total_flops() / peak
                    marked = now
                    log.write(self.progress.step, values)
                    print(self.progress.step, {name: round(value, 4) for name, value in values.items()}, flush=True)
                if now - saved > settings.save_seconds:
                    self.save()
                    saved = now
        self.save()
        stopping.end("decoder", self.progress.step)
        return self.out / "latest"


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: train a window on folders of audio files."""
    parser = argparse.ArgumentParser(description="Train the stereo codec's decoder for some minutes and save it.")
    parser.add_argument("--out", required=True, help="folder of the run; what it holds is gone on from")
    parser.add_argument("--audio", required=True, action="append", nargs="+", help="folders of one kind (repeatable)")
    parser.add_argument("--minutes", type=float, required=True)
    for name, kind in DecoderTraining.__annotations__.items():
        if name not in ("out", "minutes", "critic_windows"):
            parser.add_argument(f"--{name.replace('_', '-')}", type={"int": int, "float": float}.get(kind, str))
    parser.add_argument("--skip", nargs="*", default=[], help="parts of paths that are held back")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    groups, skipped = given.pop("audio"), given.pop("skip")
    trainer = DecoderTrainer(DecoderTraining(**given))
    files = [audio_files(folders, skipped) for folders in groups]
    samples = trainer.settings.clip_frames * trainer.codec.samples_per_latent_frame
    seed = trainer.settings.seed + trainer.progress.step
    print(f"saved: {trainer.train(excerpts(files, samples, trainer.codec.config.sample_rate, seed))}")


if __name__ == "__main__":
    main()
