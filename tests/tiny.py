"""A random pipeline of the real classes at toy size, for tests: 8 kHz, 80 ms latent frames, two bands."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import DPMSolverMultistepScheduler
from transformers import ByT5Tokenizer, DebertaV2Config, T5Config

from munet.codec.pocket import MusicAutoencoder
from munet.conditions.aligned import ALIGNED_FEATURES, num_features
from munet.conditions.beat_encoder import BeatEncoder
from munet.conditions.chord_encoder import ChordEncoder
from munet.conditions.text import load_text_encoder
from munet.diffusers_pipeline import MustangoPipeline
from munet.music import QUALITIES
from munet.published.beat_predictor import BeatPredictor
from munet.published.chord_predictor import ChordPredictor
from munet.training.settings import NOISE_SCHEDULE
from munet.unet import MuNetModel

AUTOENCODER = {
    "sample_rate": 8000,
    "n_fft": 256,
    "hop_length": 80,
    "mel_bins": 24,
    "min_frequency": 50.0,
    "max_frequency": 3900.0,
    "latent_channels": 4,
    "latent_bins": 2,
    "refiner_channels": (4, 4, 8),
    "blocks": 1,
    "frame_width": 8,
    "griffin_lim_iterations": 2,
}
MUNET = {
    "sample_size": (16, 2),
    "block_out_channels": (8, 16),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2DMusic"),
    "layers_per_block": 1,
    "attention_head_dim": (1, 2),
    "norm_num_groups": 4,
    "aligned_hidden": 8,
}


def tiny_autoencoder(seed: int = 0) -> MusicAutoencoder:
    """An autoencoder fitted to 3.2 seconds of noise."""
    torch.manual_seed(seed)
    autoencoder = MusicAutoencoder(**AUTOENCODER)
    autoencoder.fit(torch.randn(1, 25600) * 0.1)
    return autoencoder.eval()


def tiny_pipeline(seed: int = 0) -> MustangoPipeline:
    """A pipeline with random weights and the packaged text encoder."""
    autoencoder = tiny_autoencoder(seed)
    unet = MuNetModel(
        in_channels=4,
        out_channels=4,
        cross_attention_dim=384,
        aligned_channels=ALIGNED_FEATURES,
        latent_bins=2,
        pooled_projection_dim=384,
        **MUNET,
    )
    pipeline = MustangoPipeline(
        vae=autoencoder,
        unet=unet.eval(),
        beat_encoder=BeatEncoder(384, max_beats=96, num_beat_types=14).eval(),
        chord_encoder=ChordEncoder(384, 48, tuple(QUALITIES), fme_base=10000.0).eval(),
        scheduler=DPMSolverMultistepScheduler(**NOISE_SCHEDULE),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def tiny_frames_pipeline(styles: tuple[str, ...], **parts: int) -> MustangoPipeline:
    """The same with a MuNet over frames that tells `styles` apart and has more `parts`: sound codes, notes.

    All of its weights say something.
    """
    sizes = {"width": 16, "layers": 1, "passes": 1, "heads": 2, "cross_heads": (1, 1, 1), "inner": 16}
    torch.manual_seed(0)
    unet = MuNetModel(
        in_channels=4, out_channels=4, cross_attention_dim=384, latent_bins=2, pooled_projection_dim=384,
        aligned_channels=num_features(styles), aligned_styles=styles, known_latents=True, frames=sizes, **parts,
    )  # fmt: skip
    for parameter in unet.parameters():
        parameter.data.normal_(std=0.1)
    pipeline = MustangoPipeline(**tiny_pipeline().components | {"unet": unet.eval()})
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def add_predictors(pipeline: MustangoPipeline, interval: float = 0.5, max_beat: int = 3) -> None:
    """Give a pipeline toy predictors: beats every `interval` seconds in bars of `max_beat`; chords are noise."""
    tokenizer, text_encoder = load_text_encoder()  # as transformers has them: predictors read with that tokenizer
    torch.manual_seed(0)
    sizes = {"vocab_size": 300, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    beats = BeatPredictor(DebertaV2Config(**sizes, intermediate_size=8, type_vocab_size=0)).eval()
    chords = ChordPredictor(
        T5Config(
            vocab_size=len(tokenizer), d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2,
            decoder_start_token_id=0, tie_word_embeddings=False,
        )
    ).eval()  # fmt: skip
    with torch.no_grad():
        beats.regressor.weight.zero_()
        beats.regressor.bias.fill_(interval)
        beats.classifier.weight.zero_()
        beats.classifier.bias.copy_(torch.arange(1, 5) == max_beat)
        chords.lm_head.weight.zero_()  # all scores equal: it writes the same letter again and again
    predictors = {"beat_predictor": beats, "beat_tokenizer": ByT5Tokenizer(extra_ids=0), "chord_predictor": chords}
    pipeline.register_modules(tokenizer=tokenizer, text_encoder=text_encoder, **predictors)


def tiny_pipeline_folder(folder: Path, seed: int = 0) -> Path:
    """Save `tiny_pipeline` below `folder` and return where."""
    path = folder / "tiny"
    tiny_pipeline(seed).save_pretrained(path)
    return path
