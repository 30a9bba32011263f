"""MuNet: symbolic music, the denoiser and its conditions, the autoencoder, the pipeline and their training.

The public names are loaded when they are first used, so that `munet.music` stays importable in milliseconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from munet.deferred import defer
from munet.processor import sleep_while_waiting

# Both here, because they have to be said before torch is imported.
sleep_while_waiting()
defer()
_HOMES = (
    ("MusicPlan", "munet.music"),
    ("MusicAutoencoder", "munet.codec.pocket"),
    ("BeatEncoder", "munet.conditions.beat_encoder"),
    ("ChordEncoder", "munet.conditions.chord_encoder"),
    ("MelAutoencoder", "munet.codec.audioldm"),
    ("MuNetModel", "munet.unet"),
    ("MustangoPipeline", "munet.diffusers_pipeline"),
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
