"""`MustangoPipeline`, an ordinary diffusers pipeline: `from_pretrained` and `save_pretrained` work, and offloading."""

from __future__ import annotations

import os
from typing import Any

from diffusers import DiffusionPipeline, SchedulerMixin
from transformers import PreTrainedModel, PreTrainedTokenizerBase, T5ForConditionalGeneration

from munet.codec.audioldm import MelAutoencoder
from munet.codec.pocket import MusicAutoencoder
from munet.codec.stereo import StereoAutoencoder
from munet.conditions.beat_encoder import BeatEncoder
from munet.conditions.chord_encoder import ChordEncoder
from munet.conditions.text import load_text_encoder
from munet.guidance import Guidance, Interval
from munet.model_index import DEFAULTS
from munet.pipeline import Sampler
from munet.published.beat_predictor import BeatPredictor
from munet.unet import MuNetModel


class MustangoPipeline(Sampler, DiffusionPipeline):
    """Text-to-music with MuNet.

    Args:
        vae: waveform <-> latents.
        unet: the denoiser.
        beat_encoder, chord_encoder: plan -> embeddings.
        scheduler: any diffusers scheduler with the prediction type that MuNet was trained for.
        text_encoder, tokenizer: frozen text encoder; None loads the packaged one.
        beat_predictor, beat_tokenizer: prompt -> beats; None for a model that leaves the planning to others.
        chord_predictor: prompt and beats -> chords, a FLAN-T5 that reads with `tokenizer`.
        max_text_length: tokens of a prompt that are read.
        default_steps, default_guidance_scale, default_guidance_interval, default_guidance_rescale: what a call uses
            that names none; part of the model, since the best values are found by measuring it.
        sharpening: how much more latents change from frame to frame than the last prediction has them, see
            `munet.predictions.sharpened`.
        native_precision: whether the denoiser may run in bfloat16 where the device has it (`munet.precision`), since
            measurements say that nothing is lost; `mustango_app.checkpoint` asks for it.
        window_frames: latent frames that the denoiser sees at once; longer pieces are made in overlapping windows. None
            for all of a piece, whatever its length.
    """

    model_cpu_offload_seq = "beat_predictor->chord_predictor->text_encoder->beat_encoder->chord_encoder->unet->vae"
    _optional_components = [  # noqa: RUF012 - diffusers adds a list to it
        "text_encoder",
        "tokenizer",
        "beat_predictor",
        "beat_tokenizer",
        "chord_predictor",
    ]

    def __init__(
        self,
        vae: StereoAutoencoder | MusicAutoencoder | MelAutoencoder,
        unet: MuNetModel,
        beat_encoder: BeatEncoder,
        chord_encoder: ChordEncoder,
        scheduler: SchedulerMixin,
        text_encoder: PreTrainedModel | None = None,
        tokenizer: PreTrainedTokenizerBase | None = None,
        beat_predictor: BeatPredictor | None = None,
        beat_tokenizer: PreTrainedTokenizerBase | None = None,
        chord_predictor: T5ForConditionalGeneration | None = None,
        max_text_length: int = DEFAULTS["max_text_length"],
        default_steps: int = DEFAULTS["default_steps"],
        default_guidance_scale: Guidance = DEFAULTS["default_guidance_scale"],
        window_frames: int | None = DEFAULTS["window_frames"],
        default_guidance_interval: Interval | None = DEFAULTS["default_guidance_interval"],
        default_guidance_rescale: float = DEFAULTS["default_guidance_rescale"],
        sharpening: float = DEFAULTS["sharpening"],
        native_precision: bool = DEFAULTS["native_precision"],
    ) -> None:
        super().__init__()
        self._packaged_text_encoder = text_encoder is None or tokenizer is None
        if text_encoder is None or tokenizer is None:
            tokenizer, text_encoder = load_text_encoder()
        self.register_modules(
            vae=vae,
            unet=unet,
            beat_encoder=beat_encoder,
            chord_encoder=chord_encoder,
            scheduler=scheduler,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            beat_predictor=beat_predictor,
            beat_tokenizer=beat_tokenizer,
            chord_predictor=chord_predictor,
        )
        self.register_to_config(
            max_text_length=max_text_length,
            default_steps=default_steps,
            default_guidance_scale=default_guidance_scale,
            default_guidance_interval=default_guidance_interval,
            default_guidance_rescale=default_guidance_rescale,
            sharpening=sharpening,
            native_precision=native_precision,
            window_frames=window_frames,
        )
        self.begin()

    def save_pretrained(self, save_directory: str | os.PathLike[str], **kwargs: Any) -> None:
        """Write a diffusers folder; a packaged text encoder is left out, because every installation has it."""
        text = {"text_encoder": self.text_encoder, "tokenizer": self.tokenizer}
        if self._packaged_text_encoder:
            self.register_modules(text_encoder=None, tokenizer=None)
        try:
            super().save_pretrained(save_directory, **kwargs)
        finally:
            self.register_modules(**text)
