"""A model made of our own parts, without diffusers' pipeline and without `transformers`: it starts in half the time.

diffusers' pipeline can load parts of every kind and imports for it what can be imported. A model such as `pocket` has a
MuNet, two encoders, a codec, a scheduler and the packaged text encoder; for it this much is enough. `MustangoPipeline`
does all that this one does, from the same folder and with the same numbers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers.configuration_utils import ConfigMixin
from diffusers.models.modeling_utils import ModelMixin
from safetensors.torch import load_file
from torch import nn
from tqdm import tqdm

from munet.conditions.minilm import MiniLM, MiniLMTokenizer, load_minilm
from munet.conditions.text import minilm_folder
from munet.model_index import DEFAULTS, INDEX, OWN_PARTS, own_index
from munet.pipeline import Sampler

if TYPE_CHECKING:
    from munet.diffusers_pipeline import MustangoPipeline


class LightPipeline(Sampler, ConfigMixin):
    """Text-to-music with MuNet from parts of our own, with the packaged text encoder and without predictors.

    Args:
        parts: by name, all of `munet.model_index.OWN_PARTS`.
        text: tokenizer and text encoder.
        settings: for the names in `munet.model_index.DEFAULTS`.
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
        return MustangoPipeline(**{name: self.components[name] for name in OWN_PARTS}, **settings)

    def save_pretrained(self, save_directory: str | os.PathLike[str], **options: Any) -> None:
        """Write a diffusers folder, see `MustangoPipeline.save_pretrained`."""
        self.whole().save_pretrained(save_directory, **options)

    @classmethod
    def load(
        cls, folder: Path, dtypes: Mapping[str, torch.dtype], index: Mapping[str, Any] | None = None
    ) -> LightPipeline:
        """Load a folder that fits.

        Args:
            folder: as `MustangoPipeline.save_pretrained` writes it.
            dtypes: of the weights, by part; "default" for the rest. The text encoder keeps float32.
            index: what `own_index` has read of the folder; None to read it.

        Raises:
            OSError, ValueError, KeyError, TypeError, RuntimeError: files are missing or damaged.
        """
        index = own_index(folder) if index is None else index
        if index is None:
            raise ValueError(f"{INDEX}: expected a model of our own parts, got another")
        with ThreadPoolExecutor(1) as beside:
            folder_of_text = beside.submit(minilm_folder)
            parts = {}
            for name in OWN_PARTS:
                module, kind = index[name]
                part = getattr(import_module(module), kind)
                if name == "scheduler":
                    parts[name] = part.from_pretrained(str(folder / name))
                else:
                    parts[name] = load_part(part, folder / name, dtypes.get(name, dtypes["default"]))
            text = load_minilm(folder_of_text.result())
        return cls(parts, text, {name: index[name] for name in DEFAULTS})


def load_part(part: type[ModelMixin], folder: Path, dtype: torch.dtype) -> ModelMixin:
    """Load a model of ours.

    diffusers' own way changes how modules are made everywhere in the process for as long as it takes; a page that loads
    its model may make others meanwhile.

    Raises:
        OSError, ValueError, RuntimeError: files are missing or damaged, or hold other weights.
    """
    model = part.from_config(part.load_config(str(folder), local_files_only=True))
    weights: dict[str, torch.Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        weights |= load_file(file)
    # Only what is stored takes the type: tables that a model makes for itself keep theirs.
    typed = {name: value.to(dtype) if value.is_floating_point() else value for name, value in weights.items()}
    model.load_state_dict(typed, assign=True)
    return model.eval()
