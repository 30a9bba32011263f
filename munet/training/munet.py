"""Training of MuNet and the beat and chord encoders on latents of a frozen codec.

The loss is the weighted squared error against the velocity (Salimans and Ho, 2022) with Min-SNR weights (Hang et al.,
2023); conditions are dropped as in Mustango, so that guidance has a null branch to start from, and some frames are
known, so that a clip can be gone on with. The weights that are kept are an exponential moving average. Several
processes (`accelerate launch`, `torchrun`) train one model: each has its own share of the data, gradients are averaged,
the first one writes.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from subprocess import SubprocessError
from typing import Any

import torch
from diffusers import DDPMScheduler
from diffusers.models.attention_processor import AttnProcessor
from diffusers.training_utils import EMAModel
from torch import nn

from munet.conditions.sound import who_is_said
from munet.conditions.text import encode_tokens
from munet.music import MusicPlan
from munet.training.denoiser import OVER_TIME, ClipTokens, Denoiser, notes_to_make, told_of
from munet.training.grow import fit_new_sound
from munet.training.hardware import counted_flops, matmul_peak, training_precision
from munet.training.loop import (
    LAST_SAVE_SECONDS,
    Log,
    Progress,
    drawn_timesteps,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    run_training,
    save_checkpoint,
    set_learning_rate,
    velocity_loss,
)
from munet.training.masks import known_frames
from munet.training.pool import Pool, RowSource
from munet.training.processes import Processes
from munet.training.settings import NOISE_SCHEDULE, MuNetTraining, new_pipeline
from munet.training.validation import PASSES, Validation

VALIDATION_SHARE = 0.04  # of a run's time that one measurement may take
USUAL_SHARE = 0.5  # of the peak that a forward pass reaches on a CPU; less on a GPU, where a measurement is soon done
FEWEST_STEPS = 8  # that a run with little time is cut into
SAMPLE_STEPS = 20
TEXT_STEP = 64  # tokens by which a batch's text is as long as it must be


class MuNetTrainer:
    """Pipeline, optimizer, moving average and progress of one run; resumes from the run's folder.

    Args:
        settings: of the run.
        seconds: length of the windows.
    """

    def __init__(self, settings: MuNetTraining, seconds: float) -> None:
        self.settings, self.out, self.began = settings, Path(settings.out), time.monotonic()
        self.budget = settings.budget
        self.out.mkdir(parents=True, exist_ok=True)
        self.processes = Processes(settings.device)
        self.device = self.processes.device
        self.dtype, self.why = training_precision(self.device, settings.precision)
        torch.manual_seed(settings.seed)
        self.pipeline = new_pipeline(settings)
        parts = (self.pipeline.unet, self.pipeline.beat_encoder, self.pipeline.chord_encoder)
        self.modules = Denoiser(*parts)
        found = load_checkpoint(self.out)
        self.progress = Progress() if found is None else found[1]
        if found is not None:
            prefix = "weights."
            self.modules.load_state_dict({k[len(prefix) :]: v for k, v in found[2].items() if k.startswith(prefix)})
        vae = self.pipeline.vae
        self.frames = vae.num_latent_frames(round(seconds * vae.config.sample_rate))
        self.clip_tokens = ClipTokens(self.pipeline, self.frames)
        self.pipeline.to(self.device)
        if self.pipeline.unet.frame_net is None:
            if self.device.type == "cuda":
                self.modules.to(memory_format=torch.channels_last)
            else:  # on a CPU the backward pass of the fused attention is slower than plain matrix products
                self.pipeline.unet.set_attn_processor(AttnProcessor())
        self.modules.train().requires_grad_(True)
        self.parameters = [parameter for parameter in self.modules.parameters() if parameter.requires_grad]
        self.processes.share_weights(self.parameters)
        self.average = EMAModel(self.parameters, decay=settings.ema_decay, foreach=True)
        self.optimizer = torch.optim.AdamW(
            self.parameters, settings.learning_rate, (0.9, 0.99), weight_decay=1e-2, fused=True
        )
        if found is not None:
            shadow = (found[2][f"average.{index}"] for index in range(len(self.parameters)))
            self.average.shadow_params = [tensor.to(self.device) for tensor in shadow]
            self.average.optimization_step = self.progress.step
            restore_optimizer("optimizer", self.optimizer, found[2])
        self.generator = torch.Generator(self.device).manual_seed(settings.seed + self.progress.step)
        self.alphas_cumprod = DDPMScheduler(**NOISE_SCHEDULE).alphas_cumprod.to(self.device)
        self.denoise = self.modules
        self.null = self.null_tokens()
        self.flops = 3 * self.forward_flops()  # of a sample: forward, and twice as much backward
        self.compiled = self._compile(self.modules)
        self.validation: Validation | None = None
        self.slowest = 0.0  # seconds of a step

    def _compile(self, modules: Denoiser) -> bool:
        """Compile the blocks of a model, where this is wanted and works; says whether it was done.

        The blocks are alike, so that one compilation serves all of them.
        """
        wanted = self.device.type == "cuda" if self.settings.compile is None else self.settings.compile
        if not wanted or modules.unet.frame_net is None:
            return False
        modules.unet.compile_repeated_blocks()
        return True

    def null_tokens(self) -> dict[str, torch.Tensor]:
        """The null condition `(1, ...)` on the training device."""
        null = self.clip_tokens(MusicPlan(), [""])
        return {
            name: (t if name in ("input_ids", "text_mask") else t[None]).to(self.device) for name, t in null.items()
        }

    @torch.no_grad()
    def prepare(self, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Rows for the pool: audio `(clips, samples)` or `(clips, 2, samples)` int16 becomes half precision latents."""
        latents = self.pipeline.vae.encode(batch["audio"].to(self.device).float() / 32768)
        rows = {name: tensor for name, tensor in batch.items() if name != "audio"}
        return {**rows, "latents": latents.half(), **{name: rows[name].half() for name in OVER_TIME if name in rows}}

    def random(self, kind: Any, *shape: int) -> torch.Tensor:
        """This process' share of numbers `kind` draws (`torch.rand`, `torch.randn`) for the batch of all processes."""
        rank, world = self.processes.share
        drawn = kind(shape[0] * world, *shape[1:], generator=self.generator, device=self.device)
        return drawn[rank * shape[0] : (rank + 1) * shape[0]]

    @torch.no_grad()
    def conditions(self, rows: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Tokens of rows from the pool, each with one of its captions."""
        count, captions = rows["input_ids"].shape[:2]
        chosen = (self.random(torch.rand, count) * captions).long()
        each = torch.arange(count, device=self.device)
        tokens = {name: tensor for name, tensor in rows.items() if name != "latents"}
        return tokens | {
            name: rows[name][each, chosen].to(self.null[name].dtype) for name in ("input_ids", "text_mask")
        }

    @torch.no_grad()
    def inputs(self, tokens: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What `Denoiser` takes of tokens: the text embedded, about as long as the longest of these captions."""
        ids, mask = tokens["input_ids"], tokens["text_mask"]
        if mask.shape[1] > TEXT_STEP:  # asking how long it is waits for a GPU
            length = TEXT_STEP * (int(mask.any(dim=0).nonzero().max()) // TEXT_STEP + 1)
            ids, mask = ids[:, :length], mask[:, :length]
        with self.autocast():
            text, pooled = encode_tokens(self.pipeline.text_encoder, ids, mask)
        return {**tokens, "input_ids": ids, "text_mask": mask, "text": text.float(), "pooled": pooled.float()}

    def shown(self, rows: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Tokens of rows from the pool, some of them left out, beside their latents."""
        tokens = self.settings.dropout(self.conditions(rows), self.null, self.generator, self.processes.share)
        return tokens | {"latents": rows["latents"].float()}

    def told_of(self, latents: torch.Tensor, aligned: torch.Tensor) -> dict[str, torch.Tensor]:
        """What a model that takes it is told of the latents themselves: some frames and their mask, and their sound."""
        unet = self.pipeline.unet
        size = (len(latents), latents.shape[2], self.generator, self.settings.unknown, self.processes.share)
        told = told_of(unet, latents, known_frames(*size) if unet.config.known_latents else None)
        if "sound" in told:
            untold = self.random(torch.rand, len(latents)) < self.settings.untold_sound
            told["sound"] = told["sound"].masked_fill((untold & ~who_is_said(aligned))[:, None], 0.0)
        return told

    def autocast(self) -> torch.autocast:
        """Reduced precision where the hardware has it."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def predict(
        self, model: nn.Module, noisy: torch.Tensor, timesteps: torch.Tensor, inputs: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """Velocity `(batch, channels, frames, bins)` float32."""
        with self.autocast():
            return model(noisy, timesteps, dict(inputs)).float()

    def loss(self, rows: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Weighted velocity loss of rows from the pool, over the frames that are not known."""
        settings, tokens = self.settings, self.shown(rows)
        told = self.told_of(latents := tokens.pop("latents"), tokens["aligned"])
        inputs = told | self.inputs(notes_to_make(tokens, told))
        uniform, noise = self.random(torch.rand, len(latents)), self.random(torch.randn, *latents.shape)
        timesteps = drawn_timesteps(uniform, len(self.alphas_cumprod), settings.timestep_shift)
        counted = ~inputs["known_mask"] if "known_mask" in inputs else None
        return velocity_loss(
            lambda noisy, times: self.predict(self.denoise, noisy, times, inputs),
            latents, noise, timesteps, self.alphas_cumprod,
            settings.snr_gamma, settings.snr_weighting, counted, settings.least_snr,
        )  # fmt: skip

    def step(self, loss: torch.Tensor) -> torch.Tensor:
        """One optimizer step; returns the gradient's norm."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.processes.average_gradients(self.parameters)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        set_learning_rate(self.optimizer, self.budget.learning_rate(self.progress, self.settings.learning_rate))
        self.optimizer.step()
        self.average.step(self.parameters)
        return norm

    def train(self, pool: RowSource) -> None:
        """Train until the budget or this run's time is used up; leaves a checkpoint."""
        settings = self.settings
        smooth: torch.Tensor | None = None
        if fit_new_sound(self.pipeline.unet, lambda count: self.shown(pool.draw(count, self.generator))):
            self.processes.share_weights(list(self.pipeline.unet.sound_code.buffers()))
        self._try_compiled(pool)
        peak = matmul_peak(self.device, self.dtype)
        if self.validation is not None and self.left() is not None:
            row = PASSES * self.flops / 3 / (USUAL_SHARE * peak)
            self.validation.keep(int(VALIDATION_SHARE * self.left() / row))
        self.validate()
        batch = self._batch(peak)
        report = self._report(pool, peak, batch)

        def step() -> dict[str, torch.Tensor]:
            nonlocal smooth
            began = time.monotonic()
            pool.check()
            loss = self.loss(pool.draw(batch, self.generator))
            norm = self.step(loss)
            smooth = loss.detach() if smooth is None else 0.98 * smooth + 0.02 * loss.detach()
            self.slowest = max(self.slowest, time.monotonic() - began)
            return {"loss": smooth, "norm": norm}

        def save() -> None:
            self.save()
            if self.validate():
                self._keep_best()

        left, closing = self.left(), 0.0 if self.validation is None else 1.2 * self.validation.seconds
        if settings.window and left is not None:
            reserve = min(LAST_SAVE_SECONDS, 0.1 * left) + closing
            self.budget = replace(settings.budget, seconds=max(left - reserve, 1e-3), begin=self.progress.seconds)
        log = Log(self.out / "log.csv") if self.processes.writes else Log(None)
        run_training(
            "munet", self.budget, self.progress, log, step, save, settings.checkpoint_seconds, left,
            report if self.processes.writes else None, self.processes.agree, closing_seconds=closing,
        )  # fmt: skip
        self.processes.wait()

    def measure_on(self, rows: Sequence[Mapping[str, torch.Tensor]]) -> None:
        """Take rows `(1, ...)` that the run does not train on to measure itself on."""
        whole = [row for row in rows if "fault" not in row]
        if whole:
            stacked = {name: torch.cat([row[name] for row in whole]) for name in whole[0]}
            self.validation = Validation(stacked, self.out / "validation.jsonl")

    def left(self) -> float | None:
        """Seconds left of this run; None without a limit."""
        run = self.settings.run_seconds
        return None if run is None else run - (time.monotonic() - self.began)

    def validate(self) -> bool:
        """Measure the averaged weights, if there is something to measure on; says whether they are the best so far."""
        if self.validation is None or not self.processes.writes:
            return False
        self.average.store(self.parameters)
        self.average.copy_to(self.parameters)
        try:
            loss = self.validation.measure(self)
        finally:
            self.average.restore(self.parameters)
        better = self.validation.note(self.progress.step, self.progress.seconds, loss)
        before = "" if loss == self.validation.first else f" ({self.validation.first:.4f} at the start of this run)"
        print(f"munet: validation loss {loss:.4f} at step {self.progress.step}{before}", flush=True)
        return better

    def _keep_best(self) -> None:
        """Keep a copy of the newest checkpoint's pipeline as the best one."""
        fresh, best = self.out / "best.new", self.out / "best"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(self.out / "latest" / "pipeline", fresh / "pipeline")
        shutil.rmtree(best, ignore_errors=True)
        fresh.rename(best)

    def _try_compiled(self, pool: RowSource) -> None:
        """Fall back to the plain model where the compiler fails on this machine."""
        if not self.compiled:
            return
        try:
            self.loss(pool.draw(self.settings.batch_size, self.generator)).backward()
        except (RuntimeError, OSError, SubprocessError) as error:  # dynamo's and inductor's errors are RuntimeErrors
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
            print(f"compile: not on this machine ({reason}); training goes on without")
            for model in self.models():
                for block in model.modules():
                    block._compiled_call_impl = None
        self.optimizer.zero_grad(set_to_none=True)

    def models(self) -> tuple[nn.Module, ...]:
        """All networks that a step evaluates."""
        return (self.modules,)

    def _batch(self, peak: float) -> int:
        """Rows of a step: those of the settings, or as few as it takes for several steps in the time that is left."""
        batch, left = self.settings.batch_size, self.left()
        seconds = self.flops / (USUAL_SHARE * peak)  # of a row
        if left is None or self.processes.share[1] > 1 or batch * seconds < left / FEWEST_STEPS:
            return batch
        fewer = max(1, min(batch, int(left / FEWEST_STEPS / seconds)))
        print(f"munet: steps of {fewer} rows instead of {batch}, which would take {batch * seconds:.0f} s each of the "
              f"{left:.0f} s left", flush=True)  # fmt: skip
        return fewer

    def _report(self, pool: RowSource, peak: float, each: int) -> Any:
        """Rate, share of the measured peak (FLOP/s), and how much of the data was seen."""
        print(f"munet: {self.why}; matrix products {peak / 1e12:.2f} TFLOP/s, a sample {self.flops / 1e9:.1f} GFLOP")

        def report(steps: int, seconds: float) -> str:
            rate, rows = steps * each / seconds, f"{pool.seen} rows seen, {pool.size} held"
            return f"{rate:,.0f} samples/s, {rate * self.flops / peak:.0%} of the peak, {rows}"

        return report

    def forward_flops(self) -> float:
        """Floating point operations of one evaluation of one row."""
        config, vae = self.pipeline.unet.config, self.pipeline.vae
        noisy = torch.zeros(1, config.in_channels, self.frames, vae.latent_bins, device=self.device)
        inputs, when = self.inputs(self.null), torch.zeros(1, device=self.device).long()
        return counted_flops(lambda: self.predict(self.modules, noisy, when, inputs))

    def save(self) -> None:
        """Write the run's checkpoint: a pipeline folder with the averaged weights, and what resuming needs."""
        if not self.processes.writes:
            return
        tensors = {f"average.{index}": value.cpu() for index, value in enumerate(self.average.shadow_params)}
        tensors |= {f"weights.{name}": value.cpu().clone() for name, value in self.modules.state_dict().items()}
        if not self.settings.light:
            tensors |= optimizer_tensors("optimizer", self.optimizer)
        self.average.store(self.parameters)
        self.average.copy_to(self.parameters)
        try:
            save_checkpoint(
                self.out, self.progress, tensors, lambda folder: self.pipeline.save_pretrained(folder / "pipeline")
            )
            self.write_samples()
        finally:
            self.average.restore(self.parameters)

    def write_samples(self) -> None:
        """Let the averaged weights play every sample prompt over a plan of 120 BPM in C major."""
        left, prompts = self.left(), len(self.settings.sample_prompts)
        # A forward pass is a third of a step, and a sampling step under guidance takes two.
        cost = prompts * (SAMPLE_STEPS * self.slowest / self.settings.batch_size + 2)
        if prompts and left is not None and cost > left / 2:
            print(f"munet: no time for the {prompts} sample prompts at step {self.progress.step}", flush=True)
            return
        plan = MusicPlan(bpm=120, meter=4, key="C major", duration=10.0).complete()
        for index, prompt in enumerate(self.settings.sample_prompts):
            import soundfile  # a machine that only trains may lack it

            generator = torch.Generator(self.device).manual_seed(index)
            audio = self.pipeline(prompt, plan, plan.duration, SAMPLE_STEPS, generator=generator).audios[0]
            path = self.out / "samples" / f"{self.progress.step:07d}_{index}.flac"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, audio.T, self.pipeline.sample_rate)


def train_munet(trainer: MuNetTrainer, pool: RowSource, then: Callable[[RowSource], Path] | None = None) -> Path:
    """Train on the rows of a pool, which is closed in the end; returns the newest checkpoint.

    Args:
        trainer: with its settings.
        pool: of `{"latents", ...ClipTokens}`.
        then: goes on with the pool, such as a distillation, and returns its own checkpoint.
    """
    print(f"munet: {pool.size} rows after {time.monotonic() - trainer.began:.0f} s", flush=True)
    try:
        trainer.train(pool)
        return trainer.out / "latest" if then is None else then(pool)
    finally:
        pool.close()


def filled_pool(trainer: MuNetTrainer, batches: Iterable[Mapping[str, torch.Tensor]]) -> Pool:
    """A pool that goes on taking `batches` of `{"audio": int16, ...ClipTokens}`, encoded as they come.

    Half of a run's time is the most that it waits for the rows asked for; then it makes do with those that are there.
    """
    settings, left = trainer.settings, trainer.left()
    pool = Pool(settings.pool_clips, trainer.device, settings.draws_per_row)
    print(f"munet: model on {trainer.device} after {time.monotonic() - trainer.began:.0f} s", flush=True)
    pool.fill(batches, settings.prefill, trainer.prepare, None if left is None else left / 2)
    return pool
