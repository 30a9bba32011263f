"""Training of MuNet and the beat and chord encoders on latents of a frozen autoencoder.

The loss is the weighted squared error against the velocity (Salimans and Ho, 2022) with Min-SNR weights (Hang et al.,
2023); conditions are dropped as in Mustango, so that guidance has a null branch to start from. The weights that are
kept are an exponential moving average.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import soundfile
import torch
from accelerate import Accelerator
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler
from diffusers.models.attention_processor import AttnProcessor
from torch import nn

from munet.codec.pocket import MusicAutoencoder
from munet.conditions.aligned import ALIGNED_FEATURES
from munet.conditions.batch import ConditionDropout, plan_tokens, text_tokens
from munet.conditions.beat_encoder import BeatEncoder
from munet.conditions.chord_encoder import ChordEncoder
from munet.conditions.text import load_text_encoder
from munet.music import QUALITIES, MusicPlan
from munet.pipeline import MustangoPipeline
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
    velocity_loss,
)
from munet.training.pool import Pool
from munet.unet import MuNetModel

NOISE_SCHEDULE: Mapping[str, Any] = MappingProxyType(
    {
        "num_train_timesteps": 1000,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "prediction_type": "v_prediction",
        # The last timestep is pure noise, as sampling starts from it (Lin et al., 2024).
        "rescale_betas_zero_snr": True,
        "timestep_spacing": "trailing",
    }
)


@dataclass(frozen=True)
class MuNetTraining:
    """Settings of one MuNet training.

    Attributes:
        out: folder of the run; autoencoder: folder of the trained autoencoder.
        budget: steps or seconds, warm-up, decay.
        model: constructor arguments of `MuNetModel`; max_beats, max_chords: lengths of the encoders.
        text_encoder: folder or Hub id, None for the packaged one; max_text_length: tokens read of a caption.
        batch_size, learning_rate: per optimizer step.
        ema_decay: of the weights' moving average, reached after a warm-up.
        snr_gamma, snr_weighting: of the loss weights, see `munet.training.loop.min_snr_weights`; gamma None for equal
        ones. dropout: of conditions.
        pool_clips: clips held in memory; prefill: clips to wait for before the first step.
        checkpoint_seconds: wall seconds from checkpoint to checkpoint.
        run_seconds: wall seconds after which this run stops with a checkpoint, None for none.
        sample_prompts: prompts that every checkpoint is heard with, written to `samples/`.
        start: folder of a pipeline whose weights to start from, None for fresh ones.
        seed: of initialisation and sampling.
        compile: whether to run the model through torch.compile.
    """

    out: str
    autoencoder: str
    budget: Budget
    model: Mapping[str, Any] = field(default_factory=dict)
    max_beats: int = 128
    max_chords: int = 64
    text_encoder: str | None = None
    max_text_length: int = 64
    batch_size: int = 64
    learning_rate: float = 4e-4
    ema_decay: float = 0.9995
    snr_gamma: float | None = 5.0
    snr_weighting: str = "v_prediction"
    dropout: ConditionDropout = field(default_factory=ConditionDropout)
    pool_clips: int = 2000
    prefill: int = 200
    checkpoint_seconds: float = 300.0
    run_seconds: float | None = None
    sample_prompts: Sequence[str] = ()
    start: str | None = None
    seed: int = 0
    compile: bool = False


def new_pipeline(settings: MuNetTraining) -> MustangoPipeline:
    """A pipeline with the trained autoencoder and fresh encoders and denoiser; the sampler is DPM-Solver++."""
    vae = MusicAutoencoder.from_pretrained(settings.autoencoder, dtype=torch.float32)
    tokenizer, text_encoder = load_text_encoder(settings.text_encoder)
    width = text_encoder.config.hidden_size
    latents = {"in_channels": vae.config.latent_channels, "out_channels": vae.config.latent_channels}
    conditions = {"aligned_channels": ALIGNED_FEATURES, "latent_bins": vae.latent_bins, "pooled_projection_dim": width}
    pipeline = MustangoPipeline(
        vae=vae,
        unet=MuNetModel(**{**latents, **conditions, "cross_attention_dim": width, **settings.model}),
        beat_encoder=BeatEncoder(embed_dim=width, max_beats=settings.max_beats, num_beat_types=14),
        chord_encoder=ChordEncoder(width, settings.max_chords, tuple(QUALITIES), fme_base=10000.0),
        scheduler=DPMSolverMultistepScheduler(**NOISE_SCHEDULE),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        max_text_length=settings.max_text_length,
    )
    pipeline._packaged_text_encoder = settings.text_encoder is None
    return pipeline


class ClipTokens:
    """Turns a row (plan, captions) into condition tokens; runs in the data loader's workers.

    Args:
        pipeline: whose tokenizer and encoders' vocabularies count.
        frames: latent frames per clip.
    """

    def __init__(self, pipeline: MustangoPipeline, frames: int) -> None:
        self.tokenizer, self.max_text_length = pipeline.tokenizer, pipeline.config.max_text_length
        # Copies: the pipeline's own move to the accelerator, which the workers must not touch.
        self.beat_encoder = copy.deepcopy(pipeline.beat_encoder).cpu()
        self.chord_encoder = copy.deepcopy(pipeline.chord_encoder).cpu()
        self.frames, self.frame_rate = frames, pipeline.frame_rate

    def __call__(self, plan: MusicPlan, captions: list[str]) -> dict[str, torch.Tensor]:
        """Tokens of one clip without a batch dimension; `input_ids` and `text_mask` are `(captions, tokens)`."""
        tokens = plan_tokens([plan], self.beat_encoder, self.chord_encoder, self.frames, self.frame_rate)
        small = {name: tensor[0] for name, tensor in tokens.items()}
        return {**small, **text_tokens(self.tokenizer, captions, self.max_text_length)}


class MuNetTrainer:
    """Pipeline, optimizer, moving average and progress of one run; resumes from the run's folder.

    Args:
        settings: of the run.
        seconds: length of the clips.
    """

    def __init__(self, settings: MuNetTraining, seconds: float) -> None:
        self.settings, self.out = settings, Path(settings.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.accelerator = Accelerator(mixed_precision="bf16")
        self.device = self.accelerator.device
        torch.manual_seed(settings.seed)
        self.pipeline = new_pipeline(settings)
        if settings.start is not None:
            self._start_from(Path(settings.start))
        self.modules = nn.ModuleDict(
            {name: getattr(self.pipeline, name) for name in ("unet", "beat_encoder", "chord_encoder")}
        )
        found = load_checkpoint(self.out)
        self.progress = Progress() if found is None else found[1]
        if found is not None:
            prefix = "weights."
            self.modules.load_state_dict({k[len(prefix) :]: v for k, v in found[2].items() if k.startswith(prefix)})
        vae = self.pipeline.vae
        self.clip_tokens = ClipTokens(self.pipeline, vae.num_latent_frames(round(seconds * vae.config.sample_rate)))
        self.pipeline.to(self.device)
        if self.device.type == "cuda":
            self.modules.to(memory_format=torch.channels_last)
        else:  # on a CPU the backward pass of the fused attention is slower than plain matrix products
            self.pipeline.unet.set_attn_processor(AttnProcessor())
        self.modules.train().requires_grad_(True)
        self.parameters = [parameter for parameter in self.modules.parameters() if parameter.requires_grad]
        self.average = [parameter.detach().clone() for parameter in self.parameters]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=settings.learning_rate, betas=(0.9, 0.99), weight_decay=1e-2
        )
        if found is not None:
            self.average = [found[2][f"average.{index}"].to(self.device) for index in range(len(self.average))]
            restore_optimizer("optimizer", self.optimizer, found[2])
        self.generator = torch.Generator(self.device).manual_seed(settings.seed + self.progress.step)
        self.alphas_cumprod = DDPMScheduler(**NOISE_SCHEDULE).alphas_cumprod.to(self.device)
        self.unet = torch.compile(self.pipeline.unet) if settings.compile else self.pipeline.unet

    def _start_from(self, folder: Path) -> None:
        start = MustangoPipeline.from_pretrained(folder, dtype=torch.float32)
        for name in ("unet", "beat_encoder", "chord_encoder"):
            getattr(self.pipeline, name).load_state_dict(getattr(start, name).state_dict())

    def null_tokens(self) -> dict[str, torch.Tensor]:
        """The null condition `(1, ...)` on the training device."""
        null = self.clip_tokens(MusicPlan(), [""])
        return {
            name: (t if name in ("input_ids", "text_mask") else t[None]).to(self.device) for name, t in null.items()
        }

    @torch.no_grad()
    def prepare(self, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Rows for the pool: audio `(clips, samples)` int16 becomes half precision latents."""
        waveform = batch["audio"].to(self.device).float() / 32768
        with self.accelerator.autocast():
            latents = self.pipeline.vae.encode(waveform)
        rows = {name: tensor for name, tensor in batch.items() if name != "audio"}
        return {**rows, "latents": latents.half(), "aligned": batch["aligned"].half()}

    def loss(self, rows: Mapping[str, torch.Tensor], null: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Weighted velocity loss of rows from the pool, each with one of its captions."""
        latents = rows["latents"].float()
        count, captions = rows["input_ids"].shape[:2]
        chosen = torch.randint(captions, (count,), generator=self.generator, device=self.device)
        tokens = {name: tensor for name, tensor in rows.items() if name != "latents"}
        each = torch.arange(count, device=self.device)
        tokens |= {name: rows[name][each, chosen].to(null[name].dtype) for name in ("input_ids", "text_mask")}
        tokens = self.settings.dropout(tokens, null, self.generator)
        timesteps = torch.randint(1000, (count,), generator=self.generator, device=self.device)
        noise = torch.randn(latents.shape, generator=self.generator, device=self.device)
        settings = (self.alphas_cumprod, self.settings.snr_gamma, self.settings.snr_weighting)

        def predict(noisy: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
            with self.accelerator.autocast():
                return self.unet(noisy, timesteps, **self.pipeline.embed(tokens)).sample

        return velocity_loss(predict, latents, noise, timesteps, *settings)

    def step(self, loss: torch.Tensor) -> torch.Tensor:
        """One optimizer step; returns the gradient's norm."""
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        set_learning_rate(
            self.optimizer, self.settings.budget.learning_rate(self.progress, self.settings.learning_rate)
        )
        self.optimizer.step()
        decay = min(self.settings.ema_decay, (1 + self.progress.step) / (10 + self.progress.step))
        torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1 - decay)
        return norm

    def train(self, pool: Pool) -> None:
        """Train until the budget or this run's time is used up; leaves a checkpoint."""
        settings, budget = self.settings, self.settings.budget
        null = self.null_tokens()
        smooth: torch.Tensor | None = None

        def step() -> dict[str, torch.Tensor]:
            nonlocal smooth
            pool.check()
            loss = self.loss(pool.draw(settings.batch_size, self.generator), null)
            norm = self.step(loss)
            smooth = loss.detach() if smooth is None else 0.98 * smooth + 0.02 * loss.detach()
            return {"clips": torch.tensor(pool.size), "loss": smooth, "norm": norm}

        limits = (settings.checkpoint_seconds, settings.run_seconds)
        run_training("munet", budget, self.progress, Log(self.out / "log.csv"), step, self.save, *limits)

    def save(self) -> None:
        """Write the run's checkpoint: a pipeline folder with the averaged weights, and what resuming needs."""
        tensors = {f"weights.{name}": value.cpu().clone() for name, value in self.modules.state_dict().items()}
        tensors |= {f"average.{index}": value.cpu() for index, value in enumerate(self.average)}
        tensors |= optimizer_tensors("optimizer", self.optimizer)
        current = [parameter.detach().clone() for parameter in self.parameters]
        with torch.no_grad():
            torch._foreach_copy_(self.parameters, self.average)
            save_checkpoint(
                self.out, self.progress, tensors, lambda folder: self.pipeline.save_pretrained(folder / "pipeline")
            )
            self.write_samples()
            torch._foreach_copy_(self.parameters, current)

    def write_samples(self) -> None:
        """Let the averaged weights play every sample prompt over a plan of 120 BPM in C major."""
        plan = MusicPlan(bpm=120, meter=4, key="C major", duration=10.0).complete()
        for index, prompt in enumerate(self.settings.sample_prompts):
            generator = torch.Generator(self.device).manual_seed(index)
            audio = self.pipeline(prompt, plan, plan.duration, num_inference_steps=20, generator=generator).audios[0]
            path = self.out / "samples" / f"{self.progress.step:07d}_{index}.flac"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, audio, self.pipeline.sample_rate)


def pack(munet: Path, autoencoder: Path, out: Path, shard_size: str = "16MB") -> None:
    """Join a trained MuNet and a trained autoencoder into a pipeline folder to ship: half precision, safetensors.

    Args:
        munet: pipeline folder of a MuNet run; autoencoder: folder of the autoencoder whose latents it was trained on.
        out: folder to write; it appears whole or not at all.
        shard_size: of the weight files.

    Raises:
        ValueError: the autoencoder has another projection than the one MuNet was trained with, or `out` exists.
    """
    if out.exists():
        raise ValueError(f"out: expected a folder that does not exist yet, got {str(out)!r}")
    pipeline = MustangoPipeline.from_pretrained(munet, dtype=torch.float32)
    refined = MusicAutoencoder.from_pretrained(autoencoder, dtype=torch.float32)
    for name in ("patch_mean", "components", "latent_std"):
        if not torch.allclose(getattr(refined, name), getattr(pipeline.vae, name), atol=1e-5):
            raise ValueError(f"autoencoder: expected the projection that MuNet was trained with, {name} differs")
    pipeline.register_modules(vae=refined)
    # The projection stays in single precision: half of it would cost more accuracy than it saves bytes.
    for module in (pipeline.unet, pipeline.beat_encoder, pipeline.chord_encoder, pipeline.vae.refiner):
        module.half()
    temporary = out.with_name(f"{out.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    pipeline.save_pretrained(temporary, max_shard_size=shard_size)
    for path in (temporary / "model_index.json", *temporary.glob("*/config.json")):
        config = json.loads(path.read_text())
        config.pop("_name_or_path", None)  # a path of the machine that trained
        path.write_text(json.dumps(config, indent=2) + "\n")
    temporary.rename(out)


def train_munet(trainer: MuNetTrainer, batches: Iterable[Mapping[str, torch.Tensor]]) -> Path:
    """Train on `batches` of `{"audio": int16 (clips, samples), ...ClipTokens}`; returns the newest checkpoint."""
    pool = Pool(trainer.settings.pool_clips, trainer.device)
    pool.fill(batches, trainer.settings.prefill, trainer.prepare)
    trainer.train(pool)
    pool.close()
    return trainer.out / "latest"
