"""MuNet: symbolic music, the denoiser and its conditions, the autoencoder, the pipeline and their training.

The public names are loaded when they are first used, so that `munet.music` stays importable in milliseconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from munet.processor import sleep_while_waiting

sleep_while_waiting()  # here, because it has to be said before torch is imported
_HOMES = (
    ("MusicPlan", "munet.music"),
    ("MusicAutoencoder", "munet.codec.pocket"),
    ("BeatEncoder", "munet.conditions.beat_encoder"),
    ("ChordEncoder", "munet.conditions.chord_encoder"),
    ("MelAutoencoder", "munet.codec.audioldm"),
    ("MuNetModel", "munet.unet"),
    ("MustangoPipeline", "munet.pipeline"),
)
__all__ = [
    "BeatEncoder",
    "ChordEncoder",
    "MelAutoencoder",
    "MuNetModel",
    "MusicAutoencoder",
    "MusicPlan",
    "MustangoPipeline",
]


def __getattr__(name: str) -> Any:
    for public, home in _HOMES:
        if public == name:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'munet' has no attribute {name!r}")
