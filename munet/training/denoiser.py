"""What a MuNet training learns with: the tokens of a window, and the trained modules as one."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from munet.conditions.batch import CHORDS, plan_tokens, text_tokens
from munet.conditions.beat_encoder import BeatEncoder
from munet.conditions.chord_encoder import ChordEncoder
from munet.diffusers_pipeline import MustangoPipeline
from munet.music import MusicPlan
from munet.music.events import NoteEvent
from munet.unet import MuNetModel

OVER_TIME = ("aligned", "notes")  # tokens with a feature for every latent frame, which take half precision


class ClipTokens:
    """Turns a row (plan, captions) into condition tokens; runs in the data loader's workers.

    Args:
        pipeline: whose tokenizer and encoders' vocabularies count.
        frames: latent frames of the window that the model sees.
    """

    def __init__(self, pipeline: MustangoPipeline, frames: int) -> None:
        self.tokenizer, self.max_text_length = pipeline.tokenizer, pipeline.config.max_text_length
        # Copies: the pipeline's own move to the accelerator, which the workers must not touch.
        self.beat_encoder = copy.deepcopy(pipeline.beat_encoder).cpu()
        self.chord_encoder = copy.deepcopy(pipeline.chord_encoder).cpu()
        self.styles = pipeline.unet.config.aligned_styles
        self.takes_notes = pipeline.unet.config.note_channels is not None
        self.frames, self.frame_rate = frames, pipeline.frame_rate

    def __call__(
        self, plan: MusicPlan, captions: list[str], start: int = 0, notes: Sequence[NoteEvent] | None = None
    ) -> dict[str, torch.Tensor]:
        """Tokens of one window without a batch dimension; `input_ids` and `text_mask` are `(captions, tokens)`.

        Args:
            plan: of the whole piece.
            captions: of the piece.
            start: latent frame at which the window begins.
            notes: of the whole piece, None where they are not known.
        """
        window = (self.frames, self.frame_rate, self.styles, start)
        played = [notes] if self.takes_notes else None
        tokens = plan_tokens([plan], self.beat_encoder, self.chord_encoder, *window, played)
        small = {name: tensor[0] for name, tensor in tokens.items()}
        return {**small, **text_tokens(self.tokenizer, captions, self.max_text_length)}


class Denoiser(nn.Module):
    """The trained modules as one: noisy latents, time and condition tokens -> velocity."""

    def __init__(self, unet: MuNetModel, beat_encoder: BeatEncoder, chord_encoder: ChordEncoder) -> None:
        super().__init__()
        self.unet, self.beat_encoder, self.chord_encoder = unet, beat_encoder, chord_encoder

    def forward(self, noisy: torch.Tensor, timesteps: torch.Tensor, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Predict `(batch, channels, frames, bins)`; `inputs` are tokens, embedded text, known latents and sound."""
        taken = {name: inputs[name] for name in ("known_latents", "known_mask", "sound") if name in inputs}
        config = self.unet.config
        if config.aligned_channels is not None:
            taken["aligned_condition"] = inputs["aligned"].to(noisy.dtype)
        if config.note_channels is not None:
            taken["note_condition"] = inputs["notes"].to(noisy.dtype)
        if config.pooled_projection_dim is not None:
            taken["pooled_projections"] = inputs["pooled"]
        return self.unet(
            noisy,
            timesteps,
            encoder_hidden_states=inputs["text"],
            beat_hidden_states=self.beat_encoder(inputs["beat_ids"], inputs["beat_times"]),
            chord_hidden_states=self.chord_encoder(*(inputs[name] for name in CHORDS[:-1])),
            encoder_attention_mask=inputs["text_mask"],
            beat_attention_mask=inputs["beat_mask"],
            chord_attention_mask=inputs["chord_mask"],
            return_dict=False,
            **taken,
        )[0]


def notes_to_make(tokens: Mapping[str, torch.Tensor], told: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return tokens without the notes of frames that are known: what sounds there was perhaps never written down.

    Args:
        tokens: condition tokens, with or without notes; told: see `told_of`.
    """
    if "notes" not in tokens or "known_mask" not in told:
        return dict(tokens)
    return {**tokens, "notes": tokens["notes"].masked_fill(told["known_mask"][:, None], 0)}


def told_of(unet: MuNetModel, latents: torch.Tensor, known: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
    """What a model is told of the latents that it learns to make: those of known frames, and their sound.

    Args:
        unet: takes sound codes or not.
        latents: clean, `(batch, channels, frames, bins)`.
        known: which frames are known, `(batch, frames)`; None for a model that takes none.
    """
    told = {} if known is None else {"known_latents": latents, "known_mask": known}
    return told if unet.sound_code is None else told | {"sound": unet.sound_code.of(latents)}
