"""What a MuNet training is told, and the pipeline that it begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler

from munet.codec import load_codec
from munet.conditions.aligned import num_features
from munet.conditions.batch import ConditionDropout
from munet.conditions.beat_encoder import BeatEncoder
from munet.conditions.chord_encoder import ChordEncoder
from munet.conditions.light_text import is_light_copy
from munet.conditions.text import load_text_encoder
from munet.diffusers_pipeline import MustangoPipeline
from munet.errors import RequestError
from munet.music import QUALITIES
from munet.music.plan import METER_RANGE
from munet.training.grow import grown
from munet.training.loop import Budget, check_weighting
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
        out: folder of the run; autoencoder: folder of the trained codec.
        budget: steps or seconds, warm-up, decay.
        model: constructor arguments of `MuNetModel`; max_beats, max_chords: lengths of the encoders.
        styles: names of the styles that the model tells apart; None for the first edition of the aligned condition.
        text_encoder: folder or Hub id, None for the packaged one; max_text_length: tokens read of a caption, None for
        as many as `start` reads, or 64.
        batch_size, learning_rate: per optimizer step and process.
        ema_decay: of the weights' moving average, reached after a warm-up.
        snr_gamma, snr_weighting: of the loss weights, see `munet.training.loop.min_snr_weights`; gamma None for equal
        ones; least_snr: that velocities count with at least. timestep_shift: see `munet.training.loop.drawn_timesteps`.
        dropout: of conditions; unknown: how often no latents are known, in a model that takes them; untold_sound: how
            often a model that takes a sound code is told none where nothing says who plays: with the code it need not
            read the text.
        pool_clips: rows held in memory; prefill: rows to wait for before the first step.
        draws_per_row: see `munet.training.pool.Pool`.
        checkpoint_seconds: wall seconds from checkpoint to checkpoint.
        run_seconds: wall seconds after which this run has stopped with a checkpoint, None for none; window: whether
            the schedule of the learning rate is this run's, and not the budget's.
        sample_prompts: prompts that every checkpoint is heard with, written to `samples/`.
        start: folder of a pipeline whose weights to start from, None for fresh ones; grow: parts that it gets in
        addition, `layers`, `sound_codes` and `notes`, see `munet.training.grow.grown`.
        seed: of initialisation and sampling.
        device: "auto", "cpu", "cuda" or "cuda:N"; precision: "auto", "float32" or "bfloat16".
        compile: whether to run the model through torch.compile; None: on a GPU.
        default_steps, default_guidance_scale: what the saved pipeline uses when a call names none; None for what
        `start` does, or 25 and 2.
        validation_rows: at most, that the loss is measured on where there are clips to measure on.
        light: whether checkpoints leave out what only resuming needs.

    Raises:
        RequestError: a value out of range, by name.
    """

    out: str
    autoencoder: str
    budget: Budget
    model: Mapping[str, Any] = field(default_factory=dict)
    max_beats: int = 128
    max_chords: int = 64
    styles: Sequence[str] | None = None
    text_encoder: str | None = None
    max_text_length: int | None = None
    batch_size: int = 64
    learning_rate: float = 4e-4
    ema_decay: float = 0.9995
    snr_gamma: float | None = 5.0
    snr_weighting: str = "v_prediction"
    least_snr: float = 0.1
    timestep_shift: float = 1.0
    dropout: ConditionDropout = field(default_factory=ConditionDropout)
    unknown: float = 0.5
    untold_sound: float = 0.7
    pool_clips: int = 2000
    prefill: int = 200
    draws_per_row: float = 4.0
    checkpoint_seconds: float = 300.0
    run_seconds: float | None = None
    window: bool = False
    sample_prompts: Sequence[str] = ()
    start: str | None = None
    grow: Mapping[str, int | bool] = field(default_factory=dict)
    seed: int = 0
    device: str | None = None
    precision: str = "auto"
    compile: bool | None = None
    default_steps: int | None = None
    default_guidance_scale: float | None = None
    validation_rows: int = 32
    light: bool = False

    def __post_init__(self) -> None:
        for name in ("batch_size", "pool_clips", "prefill", "max_text_length", "default_steps", "validation_rows"):
            value = getattr(self, name)
            if value is None and name in ("max_text_length", "default_steps"):
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise RequestError(f"{name}: expected an integer of at least 1, got {value!r}")
        for name in ("learning_rate", "checkpoint_seconds", "timestep_shift"):
            if not getattr(self, name) > 0:
                raise RequestError(f"{name}: expected a number above 0, got {getattr(self, name)!r}")
        if unknown := sorted(set(self.grow) - {"layers", "sound_codes", "notes"}):
            raise RequestError(f"grow: expected layers, sound_codes and notes, got {unknown}")
        if self.grow and self.start is None:
            raise RequestError("grow: expected start with it, got None; a fresh model has its parts from model")
        if self.window and self.run_seconds is None:
            raise RequestError("window: expected run_seconds with it, got None")
        if not 0 <= self.ema_decay < 1:
            raise RequestError(f"ema_decay: expected a number from 0 to below 1, got {self.ema_decay!r}")
        alphas = DDPMScheduler(**NOISE_SCHEDULE).alphas_cumprod
        check_weighting(alphas, self.snr_gamma, self.snr_weighting)


def new_pipeline(settings: MuNetTraining) -> MustangoPipeline:
    """A pipeline to train: with the weights of `settings.start`, or with fresh encoders and denoiser.

    Raises:
        RequestError: `model` beside `start`, which decides it, or a codec whose latents `start` was not trained on.
    """
    vae = load_codec(settings.autoencoder, dtype=torch.float32)
    tokenizer, text_encoder = load_text_encoder(settings.text_encoder)
    text = {"text_encoder": text_encoder, "tokenizer": tokenizer}
    if settings.start is None:
        pipeline = _fresh_pipeline(settings, vae, text)
    elif settings.model:
        raise RequestError(f"model: expected nothing beside start, which decides it, got {sorted(settings.model)}")
    else:
        pipeline = MustangoPipeline.from_pretrained(settings.start, dtype=torch.float32, **text)
        if difference := other_latents(vae, pipeline.vae):
            raise RequestError(
                f"autoencoder: expected the projection that start was trained with, {difference} differs"
            )
        pipeline.register_modules(vae=vae)
        if settings.grow:
            pipeline.register_modules(unet=grown(pipeline.unet, **settings.grow))
    own = ("max_text_length", "default_steps", "default_guidance_scale")
    given = {name: getattr(settings, name) for name in own if getattr(settings, name) is not None}
    pipeline.register_to_config(**given)
    pipeline.set_progress_bar_config(disable=True)
    # A lighter copy of the packaged encoder stands in for it in training only.
    pipeline._packaged_text_encoder = settings.text_encoder is None or is_light_copy(settings.text_encoder)
    return pipeline


def _fresh_pipeline(settings: MuNetTraining, vae: Any, text: Mapping[str, Any]) -> MustangoPipeline:
    """Fresh weights; the sampler is DPM-Solver++."""
    width = text["text_encoder"].config.hidden_size
    styles = None if settings.styles is None else tuple(settings.styles)
    model = {
        "in_channels": vae.config.latent_channels,
        "out_channels": vae.config.latent_channels,
        "aligned_channels": num_features(styles),
        "aligned_styles": styles,
        "latent_bins": vae.latent_bins,
        "pooled_projection_dim": width,
        "cross_attention_dim": width,
        **settings.model,
    }
    return MustangoPipeline(
        vae=vae,
        unet=MuNetModel(**model),
        beat_encoder=BeatEncoder(embed_dim=width, max_beats=settings.max_beats, num_beat_types=METER_RANGE[1] + 2),
        chord_encoder=ChordEncoder(width, settings.max_chords, tuple(QUALITIES), fme_base=10000.0),
        scheduler=DPMSolverMultistepScheduler(**NOISE_SCHEDULE),
        **text,
    )


def other_latents(codec: torch.nn.Module, trained_with: torch.nn.Module) -> str | None:
    """Name a buffer in which two codecs differ; None where both have the same latents."""
    known = dict(trained_with.named_buffers())
    for name, value in codec.named_buffers():
        other = known.get(name)
        if other is None or other.shape != value.shape or not torch.allclose(value, other, atol=1e-5):
            return name
    return None
