"""A toy MuNet training: a light text encoder, a toy codec, rows made by hand."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from munet.conditions.light_text import save_light_copy
from munet.conditions.text import load_text_encoder
from munet.music import MusicPlan
from munet.training.munet import MuNetTrainer
from tests.tiny import tiny_autoencoder

CAPTIONS = ("calm piano", "an upbeat rock song", "piano in C major")
FRAMES = MappingProxyType(
    {"width": 32, "layers": 1, "passes": 1, "heads": 2, "cross_heads": (1, 1, 1), "inner": 32, "aligned_hidden": 16}
)
SECONDS = 1.28


def toy_files(folder: Path) -> None:
    """Write `folder/codec` and `folder/text`."""
    tiny_autoencoder().save_pretrained(folder / "codec")
    save_light_copy(*load_text_encoder(), CAPTIONS, folder / "text")


def toy_settings(folder: Path, name: str, **changes: Any) -> dict[str, Any]:
    """Settings of a training in `folder/name` on the files of `toy_files`."""
    given = {
        "out": str(folder / name),
        "autoencoder": str(folder / "codec"),
        "text_encoder": str(folder / "text"),
        "styles": ("pop", "rock"),
        "model": {"known_latents": True, "frames": dict(FRAMES)},
        "max_text_length": 8,
        "device": "cpu",
        "precision": "float32",
    }
    return {**given, **changes}


def toy_rows(trainer: MuNetTrainer, count: int = 12) -> dict[str, torch.Tensor]:
    """Rows whose latents say who plays: 1 where the piano does, -1 where the drums do."""
    rows: list[dict[str, torch.Tensor]] = []
    for index in range(count):
        piano = index % 2 == 0
        plan = MusicPlan(bpm=120, duration=SECONDS, style="pop", instruments="piano" if piano else "drums").complete()
        latents = torch.full((4, trainer.frames, 2), 1.0 if piano else -1.0)
        rows.append({**trainer.clip_tokens(plan, [CAPTIONS[2]]), "latents": latents})
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
