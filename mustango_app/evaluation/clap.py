"""CLAP embeddings of sound and text in one space, and their cosine, the CLAP score (Wu et al., ICASSP 2023).

The weights are not part of this project: give a folder or a Hub id, laion/clap-htsat-unfused for one. The embeddings of
sound also serve `mustango_app.evaluation.distances`; mind that 512 dimensions ask for far more clips than a hundred.

Every embedding is `(dims,)` float32 of length 1 and depends on nothing but its own clip or prompt: no dropout, no batch
mates, and none of the random crops that the feature extractor takes of clips longer than its window. Such clips are
covered by windows at even distances instead, and their embeddings are averaged.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import AutoConfig, ClapConfig, ClapModel, ClapProcessor

from munet.errors import RequestError
from mustango_app.checkpoint import first_line
from mustango_app.evaluation.sound import mono_at

MAX_TOKENS = 77  # of a prompt; the training of CLAP cut its captions here


class ClapEmbedder:
    """Embeds clips and prompts.

    Args:
        model: in evaluation mode, on the device it is to run on.
        processor: its feature extractor and tokenizer.
    """

    def __init__(self, model: ClapModel, processor: ClapProcessor) -> None:
        self.model = model
        self.processor = processor

    @classmethod
    def from_pretrained(cls, name: str | os.PathLike[str], device: str | torch.device = "cpu") -> ClapEmbedder:
        """Load a model and its processor; of the weights only safetensors are read.

        Args:
            name: a folder as `save_pretrained` writes it, or a Hub id.
            device: where to run.

        Raises:
            RequestError: if the files are not at hand, damaged, or do not hold a whole CLAP model.
        """
        source = os.fspath(name)
        local = Path(source).is_dir()
        try:
            # ClapModel itself would take a folder without a configuration, or with another model's, for its defaults.
            config = AutoConfig.from_pretrained(source, local_files_only=local)
            if not isinstance(config, ClapConfig):
                raise ValueError(f"a {config.model_type} model")
            model, report = ClapModel.from_pretrained(
                source,
                config=config,
                use_safetensors=True,
                local_files_only=local,
                output_loading_info=True,
                dtype=torch.float32,
            )
            processor = ClapProcessor.from_pretrained(source, local_files_only=local)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise RequestError(
                f"name: expected a CLAP model that is at hand, got {source!r} ({first_line(error)})"
            ) from error
        # Transformers fills what a file does not hold with random numbers, and only logs it.
        if report["missing_keys"]:
            missing = sorted(report["missing_keys"])
            raise RequestError(f"name: expected every weight of a CLAP model, got {source!r} without {missing[0]!r}")
        # And where the vocabulary is missing, it goes on with an empty one.
        words, known = model.config.text_config.vocab_size, len(processor.tokenizer)
        if known != words:
            raise RequestError(f"name: expected a tokenizer of {words} tokens, got {known} in {source!r}")
        return cls(model.eval().to(device), processor)

    @torch.inference_mode()
    def embed_audio(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Embed one clip, `(dims,)`.

        Args:
            audio: float `(channels, samples)` in [-1, 1], one or two channels; their mean is heard.
            sample_rate: Hz; resampled to the model's, 48 kHz.

        Raises:
            RequestError: if the audio is not finite or has another shape or type.
        """
        extractor = self.processor.feature_extractor
        mono = mono_at(audio, sample_rate, extractor.sampling_rate)
        length = extractor.nb_max_samples
        windows = math.ceil(len(mono) / length)
        starts = np.linspace(0, max(0, len(mono) - length), windows).round().astype(int)
        # One window at a time: in a batch a fusing model would treat one window, drawn at random, unlike the others.
        embeddings = [self._embed_window(mono[start : start + length]) for start in starts]
        return _normalized(np.mean(embeddings, axis=0))

    def _embed_window(self, window: np.ndarray) -> np.ndarray:
        """Embed mono sound `(samples,)` no longer than the window of the feature extractor."""
        extractor = self.processor.feature_extractor
        features = extractor(window, sampling_rate=extractor.sampling_rate, return_tensors="pt")
        return self.model.get_audio_features(**features.to(self.model.device)).pooler_output[0].cpu().numpy()

    @torch.inference_mode()
    def embed_text(self, prompts: Sequence[str]) -> np.ndarray:
        """Embed prompts, `(prompts, dims)`; what lies beyond 77 tokens is not read.

        Raises:
            RequestError: if there are no prompts or they are one string.
        """
        if isinstance(prompts, str) or not prompts:
            raise RequestError(f"prompts: expected a sequence of at least one string, got {prompts!r}")
        embeddings = []
        for prompt in prompts:
            tokens = self.processor.tokenizer(prompt, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
            features = self.model.get_text_features(**tokens.to(self.model.device))
            embeddings.append(_normalized(features.pooler_output[0].cpu().numpy()))
        return np.stack(embeddings)


def _normalized(embedding: np.ndarray) -> np.ndarray:
    return (embedding / np.linalg.norm(embedding)).astype(np.float32)


def clap_score(audio_embeddings: np.ndarray, text_embeddings: np.ndarray) -> np.ndarray:
    """Cosine between each clip and its own prompt, -1 to 1.

    Args:
        audio_embeddings: `(clips, dims)`.
        text_embeddings: the same shape, row by row the prompt of the clip.

    Returns:
        `(clips,)`; the score of a system is their mean.

    Raises:
        RequestError: if the shapes differ or are not of that kind.
    """
    sound, text = np.asarray(audio_embeddings, dtype=np.float64), np.asarray(text_embeddings, dtype=np.float64)
    if sound.ndim != 2 or sound.shape != text.shape:
        raise RequestError(f"text_embeddings: expected shape (clips, dims) as {sound.shape}, got {text.shape}")
    return (sound * text).sum(axis=1) / (np.linalg.norm(sound, axis=1) * np.linalg.norm(text, axis=1))
