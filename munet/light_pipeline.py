"""A model made of our own parts, without diffusers' pipeline and without `transformers`: it starts in half the time.

diffusers' pipeline can load parts of every kind and imports for it what can be imported. A model such as `pocket` has a
MuNet, two encoders, a codec, a scheduler and the packaged text encoder; for it this much is enough. `MustangoPipeline`
does all that this one does, from the same folder and with the same numbers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from diffusers.configuration_utils import ConfigMixin
from torch import nn
from tqdm import tqdm

from munet.conditions.minilm import MiniLM, MiniLMTokenizer, load_minilm
from munet.conditions.text import minilm_folder
from munet.pipeline import DEFAULTS, Sampler

if TYPE_CHECKING:
    from munet.diffusers_pipeline import MustangoPipeline

INDEX = "model_index.json"
PARTS = ("vae", "unet", "beat_encoder", "chord_encoder", "scheduler")
OURS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "vae": ("munet.codec.stereo", "munet.codec.pocket"),
        "unet": ("munet.unet",),
        "beat_encoder": ("munet.conditions.beat_encoder",),
        "chord_encoder": ("munet.conditions.chord_encoder",),
        "scheduler": ("diffusers",),
    }
)


class LightPipeline(Sampler, ConfigMixin):
    """Text-to-music with MuNet from parts of our own, with the packaged text encoder and without predictors.

    Args:
        parts: by name, all of `PARTS`.
        text: tokenizer and text encoder.
        settings: `munet.pipeline.DEFAULTS`, or others.
    """

    config_name = INDEX

    def __init__(
        self, parts: Mapping[str, Any], text: tuple[MiniLMTokenizer, MiniLM], settings: Mapping[str, Any]
    ) -> None:
        self.components = dict(parts, tokenizer=text[0], text_encoder=text[1])
        self.beat_predictor = self.beat_tokenizer = self.chord_predictor = None
        self._progress_bar_config: dict[str, Any] = {}
        self.register_modules(**self.components)
        self.register_to_config(**settings)
        self.begin()

    def register_modules(self, **modules: Any) -> None:
        """Put other parts into the places of those that bear their names."""
        self.components |= modules
        for name, module in modules.items():
            setattr(self, name, module)

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.unet.device

    _execution_device = device

    def to(self, device: torch.device) -> LightPipeline:
        """Move all parts to a device."""
        for part in self.components.values():
            if isinstance(part, nn.Module):
                part.to(device)
        return self

    def set_progress_bar_config(self, **options: Any) -> None:
        """Take arguments of `tqdm` for the bar of a run."""
        self._progress_bar_config = options

    def progress_bar(self, total: int) -> tqdm:
        """Return the bar of a run."""
        return tqdm(total=total, **self._progress_bar_config)

    def maybe_free_model_hooks(self) -> None:
        """Do nothing: no part waits elsewhere while another runs."""

    def whole(self) -> MustangoPipeline:
        """Return the same parts as a diffusers pipeline; the text encoder is loaded once more."""
        from munet.diffusers_pipeline import MustangoPipeline

        settings = {name: self.config[name] for name in DEFAULTS}
        return MustangoPipeline(**{name: self.components[name] for name in PARTS}, **settings)

    def save_pretrained(self, save_directory: str | os.PathLike[str], **options: Any) -> None:
        """Write a diffusers folder, see `MustangoPipeline.save_pretrained`."""
        self.whole().save_pretrained(save_directory, **options)

    @classmethod
    def fits(cls, folder: Path) -> bool:
        """Return whether a folder holds such a model, and the text encoder is installed."""
        try:
            index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        if not isinstance(index, dict) or index.get("_class_name") != "MustangoPipeline":
            return False
        held = {name: value for name, value in index.items() if isinstance(value, list) and value != [None, None]}
        ours = all(len(value) == 2 and value[0] in OURS.get(name, ()) for name, value in held.items())
        return ours and held.keys() == set(PARTS) and minilm_folder(checked=False) is not None

    @classmethod
    def load(cls, folder: Path, dtypes: Mapping[str, torch.dtype]) -> LightPipeline:
        """Load a folder that fits.

        Args:
            folder: as `MustangoPipeline.save_pretrained` writes it.
            dtypes: of the weights, by part; "default" for the rest. The text encoder keeps float32.

        Raises:
            OSError, ValueError, KeyError, TypeError, RuntimeError: files are missing or damaged.
        """
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        with ThreadPoolExecutor(1) as beside:
            text = beside.submit(lambda: load_minilm(minilm_folder()))
            parts = {}
            for name in PARTS:
                module, kind = index[name]
                options = {} if name == "scheduler" else {"use_safetensors": True, "local_files_only": True}
                if name != "scheduler":
                    options["torch_dtype"] = dtypes.get(name, dtypes["default"])
                parts[name] = getattr(import_module(module), kind).from_pretrained(str(folder / name), **options)
            settings = {name: index.get(name, value) for name, value in DEFAULTS.items()}
            return cls(parts, text.result(), settings)
