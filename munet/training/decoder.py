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

import numpy as np
import soundfile
import soxr
import torch
from diffusers.training_utils import EMAModel
from torch.utils.flop_counter import FlopCounterMode

from munet.codec.analysis import frames_of
from munet.codec.decoder import phasor_tracks
from munet.codec.stereo import TIME_STRIDE, StereoAutoencoder
from munet.training.critics import Critics, adversarial_loss, critic_loss, matching_loss
from munet.training.loop import (
    Log,
    Progress,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
    set_learning_rate,
)
from munet.training.spectra import RESOLUTIONS, four_views, phase_losses, spectral_losses

AUDIO_ENDINGS = (".flac", ".ogg", ".opus", ".wav", ".mp3")


@dataclass(frozen=True)
class DecoderTraining:
    """Settings of one window of training.

    Attributes:
        out: folder of the run.
        minutes: wall minutes of this window, all of it: loading, training, the last save.
        device: "cpu", "cuda" or None for the best there is.
        batch_size: crops per step.
        crop_frames: latent frames per crop (80 ms each) that the loss sees.
        learning_rate: peak, for decoder and critics alike.
        warmup: steps until it is reached; decay: last share of the window in which it falls to zero.
        critic_start: share of the window after which the critics take part; 1 leaves them out.
        resolutions, views: how many of the spectral losses' windows and of mid, side, left and right a step looks at, drawn
            at random: on a CPU the losses cost more than the decoder.
        phase_weight, critic_weight, matching_weight: of the losses beside the spectral ones.
        ema_decay: of the averaged weights.
        pool_clips: excerpts in memory; clip_frames: latent frames of each; refresh_steps: steps until one is replaced.
        fit_clips: excerpts that the encoder is fitted to, if it is not yet.
        save_seconds: wall seconds from checkpoint to checkpoint; log_steps: steps from line to line of the log.
        seed: of initialisation and sampling.
    """

    out: str
    minutes: float
    device: str | None = None
    batch_size: int = 8
    crop_frames: int = 8
    learning_rate: float = 5e-4
    warmup: int = 200
    decay: float = 0.2
    critic_start: float = 1.0
    resolutions: int = 5
    views: int = 4
    phase_weight: float = 0.2
    critic_weight: float = 0.05
    matching_weight: float = 0.5
    ema_decay: float = 0.999
    pool_clips: int = 400
    clip_frames: int = 64
    refresh_steps: int = 8
    fit_clips: int = 400
    save_seconds: float = 300.0
    log_steps: int = 100
    seed: int = 0


def audio_files(folders: Sequence[str | Path]) -> list[Path]:
    """All audio files below `folders`, sorted.

    Raises:
        FileNotFoundError: there is none.
    """
    found = sorted(path for folder in folders for path in Path(folder).rglob("*") if path.suffix in AUDIO_ENDINGS)
    if not found:
        raise FileNotFoundError(f"audio: expected files ({', '.join(AUDIO_ENDINGS)}) below {list(map(str, folders))}")
    return found


def excerpts(groups: Sequence[Sequence[Path]], samples: int, sample_rate: int, seed: int) -> Iterator[torch.Tensor]:
    """Endless random excerpts `(2, samples)` of the files, the groups taking turns; levels and sides vary.

    Args:
        groups: files by kind, so that each kind has an equal share whatever its size.
        samples: length at `sample_rate` (Hz); shorter files are padded with silence.
        sample_rate: Hz.
        seed: of the choices.
    """
    draw = random.Random(seed)
    while True:
        for files in groups:
            path = draw.choice(files)
            info = soundfile.info(path)
            length = -(-samples * info.samplerate // sample_rate)
            start = draw.randrange(max(1, info.frames - length))
            audio, rate = soundfile.read(path, length, start, dtype="float32", always_2d=True)
            if rate != sample_rate:
                audio = soxr.resample(audio, rate, sample_rate)
            audio = np.pad(audio[:samples], ((0, max(0, samples - len(audio))), (0, 0)))
            audio = audio[:, [0, -1]] if draw.random() < 0.5 else audio[:, [-1, 0]]
            yield torch.from_numpy(audio.T * np.float32(10 ** (draw.uniform(-14, 0) / 20)))


class DecoderTrainer:
    """Codec, critics, optimizers and progress of one run; goes on from what the run's folder holds."""

    def __init__(self, settings: DecoderTraining, model: Mapping[str, object] | None = None) -> None:
        self.settings, self.out, self.began = settings, Path(settings.out), time.monotonic()
        self.out.mkdir(parents=True, exist_ok=True)
        self.device = torch.device(settings.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.manual_seed(settings.seed)
        found = load_checkpoint(self.out)
        if found is None:
            self.progress, self.codec = Progress(), StereoAutoencoder(**(model or {}))
        else:
            self.progress, self.codec = found[1], StereoAutoencoder.from_pretrained(found[0] / "codec")
        self.codec.to(self.device).requires_grad_(True)
        self.critics = Critics().to(self.device)
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
        self.choice = random.Random(settings.seed + self.progress.step)

    def _restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Put back raw weights and optimizers; a published codec has none, then the averaged weights are the raw ones."""
        for name, parameter in self.codec.named_parameters():
            if f"raw.{name}" in tensors:
                parameter.data.copy_(tensors[f"raw.{name}"])
        restore_optimizer("optimizer", self.optimizer, tensors)
        critics = {name.removeprefix("critics."): value for name, value in tensors.items() if name.startswith("critics.")}
        if critics:
            self.critics.load_state_dict(critics)
            restore_optimizer("critic_optimizer", self.critic_optimizer, tensors)

    def _restore_average(self, tensors: Mapping[str, torch.Tensor]) -> None:
        for (name, _), shadow in zip(self.codec.named_parameters(), self.ema.shadow_params, strict=True):
            if f"average.{name}" in tensors:
                shadow.copy_(tensors[f"average.{name}"])

    def autocast(self) -> AbstractContextManager[None]:
        """bfloat16 where the device multiplies it fast, else nothing (a CPU without it is a hundred times slower)."""
        fast = self.device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
        return torch.autocast(self.device.type, torch.bfloat16, enabled=fast)

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

    def fill(self, source: Iterator[torch.Tensor]) -> None:
        """Fill the pool from `source` (excerpts `(2, samples)`) and fit the encoder first, if it is not yet."""
        if not self.codec.feature_mean.any():
            kept = self.codec.fit(next(source) for _ in range(self.settings.fit_clips))
            print(f"encoder: variance kept per band {[round(share, 3) for share in kept]}", flush=True)
            self.save()
        self.source = source
        first = next(source)
        latents = self.codec.encode(first[None].to(self.device))
        count = self.settings.pool_clips
        self.audio = torch.zeros(count, *first.shape, dtype=torch.float16, device=self.device)
        self.latents = torch.zeros(count, *latents.shape[1:], dtype=torch.float16, device=self.device)
        for row in range(count):
            self.replace(row)

    def replace(self, row: int) -> None:
        """Put the source's next excerpt into a row of the pool."""
        audio = next(self.source).to(self.device)
        self.audio[row], self.latents[row] = audio.half(), self.codec.encode(audio[None])[0].half()

    def crops(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Random crops with one frame of context on either side: latents `(batch, channels, frames + 2, bins)`, audio
        `(batch, 2, samples)` of the same frames."""
        settings, step = self.settings, self.codec.samples_per_latent_frame
        frames = settings.crop_frames + 2
        options = {"generator": self.generator, "device": self.device}
        rows = torch.randint(settings.pool_clips, (settings.batch_size,), **options)
        starts = torch.randint(settings.clip_frames - frames + 1, (settings.batch_size,), **options)
        time_index = starts[:, None] + torch.arange(frames, device=self.device)
        latents = self.latents[rows[:, None], :, time_index].permute(0, 2, 1, 3)
        samples = starts[:, None] * step + torch.arange(frames * step, device=self.device)
        return latents.float(), self.audio[rows[:, None], :, samples].transpose(1, 2).float()

    def decoded(
        self, latents: torch.Tensor, target: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
        """Mid and side waveforms of the crops' inner frames and the heads' own losses."""
        codec, hop = self.codec, self.codec.config.hop_length
        inner = slice(TIME_STRIDE, -TIME_STRIDE)
        with torch.no_grad():
            features = codec.features(latents)
        with self.autocast():
            hidden_states = codec.hidden(features)[:, inner]
            frames = hidden_states.shape[1]
            noise = [head.drawn(len(latents), frames, self.generator) for head in codec.heads]
            steps = codec.steps(features[:, inner], hidden_states, noise)
        tracks = phasor_tracks(steps, [each[2, :, 0] for each in noise])
        mid, side = target.mean(dim=1), (target[:, 0] - target[:, 1]) / 2
        early, total, losses = codec.reach * hop, 0.0, []
        for head, asked, phasors in zip(codec.heads, steps, tracks, strict=True):
            spectra = torch.cat(head.spectra(asked, phasors))
            total = total + (head.overlapped(spectra) / head.envelope(frames).clamp_min(1e-6))[:, early:-early]
            band = slice(head.band.first, head.band.last)
            with torch.no_grad():
                wanted = [frames_of(each, head.band.window, hop)[:, inner, band] for each in (mid, side)]
                wanted = [each * 10**head.fade for each in wanted]
            losses.append(phase_losses(asked, phasors, *wanted))
        means = {name: torch.stack([each[name] for each in losses]).mean() for name in losses[0]}
        given_mid, given_side = total.chunk(2)
        return given_mid, given_side, means

    def step(self) -> dict[str, torch.Tensor]:
        """One optimizer step; returns the losses."""
        settings, margin = self.settings, self.codec.samples_per_latent_frame
        latents, audio = self.crops()
        mid, side, parts = self.decoded(latents, audio)
        inner = audio[..., margin:-margin]
        target = (inner.mean(dim=1), (inner[:, 0] - inner[:, 1]) / 2)
        chosen = self.choice.sample(RESOLUTIONS, settings.resolutions)
        views = self.choice.sample(range(4), settings.views)
        pairs = [[four_views(*each)[view] for view in views] for each in ((mid, side), target)]
        parts |= spectral_losses(*pairs, self.codec.config.sample_rate, chosen)
        total = parts["log_l1"] + parts["loud"]
        total = total + settings.phase_weight * sum(parts[name] for name in ("level", "asked", "advance", "delay"))
        parts |= dict.fromkeys(("critic", "adversarial", "matching"), torch.zeros((), device=self.device))
        if self.fraction() >= settings.critic_start:
            total = total + self._criticised((mid, side), target, parts)
        self._update(self.optimizer, self.codec, total)
        self.ema.step(self.codec.parameters())
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
        settings, taken = self.settings, self.steps_taken
        rate = min(1.0, (taken + 1) / settings.warmup, max(0.0, 1.0 - self.fraction()) / max(settings.decay, 1e-6))
        set_learning_rate(optimizer, settings.learning_rate * rate)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0, foreach=True)
        if bool(torch.isfinite(norm)):  # one bad crop must not spoil the weights
            optimizer.step()

    steps_taken = 0  # in this window

    def train(self, source: Iterator[torch.Tensor]) -> Path:
        """Train until the window is over; returns the folder of the newest checkpoint."""
        settings = self.settings
        self.fill(source)
        print(f"pool: {settings.pool_clips} excerpts after {time.monotonic() - self.began:.0f} s", flush=True)
        log, before = Log(self.out / "log.csv"), self.progress.seconds
        started = saved = marked = time.monotonic()
        peak, operations = peak_flops(self.device), 0.0
        while self.fraction() < 1:
            if self.steps_taken == 0:
                with FlopCounterMode(display=False) as counter:
                    parts = self.step()
                operations = counter.get_total_flops()
            else:
                parts = self.step()
            self.steps_taken += 1
            self.progress.step += 1
            now = time.monotonic()
            self.progress.seconds = before + now - started
            if self.steps_taken % settings.refresh_steps == 0:
                self.replace(self.steps_taken // settings.refresh_steps % settings.pool_clips)
            if self.steps_taken % settings.log_steps == 0:
                values = {name: value.item() for name, value in parts.items()}
                rate = settings.log_steps / (now - marked)
                values |= {"steps_per_second": rate, "share_of_peak": rate * operations / peak}
                marked = now
                log.write(self.progress.step, values)
                print(self.progress.step, {name: round(value, 4) for name, value in values.items()}, flush=True)
            if now - saved > settings.save_seconds:
                self.save()
                saved = now
        self.save()
        return self.out / "latest"


def peak_flops(device: torch.device, size: int = 2048, seconds: float = 0.5) -> float:
    """Operations a second of a bfloat16 (or where that is slow, float32) matrix product on `device`, measured."""
    fast = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
    matrix = torch.randn(size, size, device=device, dtype=torch.bfloat16 if fast else torch.float32)
    done, started = 0, 0.0
    for round_number in range(10_000):
        matrix @ matrix
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if round_number == 2:
            started = time.monotonic()
        done += round_number > 2
        if started and time.monotonic() - started > seconds and done:
            break
    return done * 2 * size**3 / (time.monotonic() - started)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: train a window on folders of audio files."""
    parser = argparse.ArgumentParser(description="Train the stereo codec's decoder for some minutes and save it.")
    parser.add_argument("--out", required=True, help="folder of the run; what it holds is gone on from")
    parser.add_argument("--audio", required=True, action="append", nargs="+", help="folders of one kind (repeatable)")
    parser.add_argument("--minutes", type=float, required=True)
    for name, kind in DecoderTraining.__annotations__.items():
        if name not in ("out", "minutes"):
            parser.add_argument(f"--{name.replace('_', '-')}", type={"int": int, "float": float}.get(kind, str))
    parser.add_argument("--skip", nargs="*", default=[], help="parts of paths that are held back")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    groups, skipped = given.pop("audio"), given.pop("skip")
    trainer = DecoderTrainer(DecoderTraining(**given))
    files = [
        [path for path in audio_files(folders) if not any(part in str(path) for part in skipped)] for folders in groups
    ]
    samples = trainer.settings.clip_frames * trainer.codec.samples_per_latent_frame
    seed = trainer.settings.seed + trainer.progress.step
    print(f"saved: {trainer.train(excerpts(files, samples, trainer.codec.config.sample_rate, seed))}")


if __name__ == "__main__":
    main()
