"""Convert the published checkpoint into a diffusers folder, tensor by tensor, in safetensors.

Weights files are mapped into memory, not read, and each tensor goes to disk by itself: the memory needed is that of the
largest file's pages plus one tensor. Every component is written below `TARGET.partial` under a temporary name and
renamed when it is whole; at the end the folder gets its name. A conversion that was killed goes on where it stopped and
ends with the same bytes. `conversion.json` in the folder says what it was made of.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial as bind
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import torch
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from huggingface_hub.serialization import split_state_dict_into_shards_factory
from torch import nn
from transformers import PreTrainedModel
from transformers.utils import SAFE_WEIGHTS_NAME

from munet.diffusers_pipeline import MustangoPipeline
from munet.errors import RequestError
from munet.files import alone
from munet.pipeline import FULL_PRECISION
from munet.precision import name_of
from munet.published.bases import base_folders
from munet.published.layout import (
    WEIGHTS,
    Parts,
    base_names,
    build,
    layout_files,
    read_weights,
)

MANIFEST = "conversion.json"
VERSION = 2  # raised when the same source is written otherwise, such as with other module paths in model_index.json
SAFETENSORS_DTYPES = MappingProxyType({torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"})
# What a call of the published model uses; the reference's own defaults.
DEFAULTS = MappingProxyType({"max_text_length": 512, "default_steps": 100, "default_guidance_scale": 3.0})

Progress = Callable[[str, int, int], None]


def convert(
    source: str | Path,
    target: str | Path,
    *,
    dtype: torch.dtype = torch.float32,
    bases: Mapping[str, str | Path] | None = None,
    max_shard_size: int | str = "2GB",
    progress: Progress | None = None,
    wait: bool = False,
) -> Path:
    """Convert a folder in the published layout into one that `MustangoPipeline.from_pretrained` loads.

    Args:
        source: folder in the published layout, see `munet.published.layout`.
        target: folder to make; a conversion of the same source that was interrupted is taken up again.
        dtype: of the weights, except those that need full precision (the autoencoder's).
        bases: folders of the base models by name ("google/flan-t5-large", ...), where they are not below
            `source/bases`, in a folder of their own name or in the Hub's cache.
        max_shard_size: largest weights file, bytes or a string such as "2GB".
        progress: called as `(component, values written, values of the component)` after each tensor.
        wait: whether to wait where another process is converting into `target`, and to take what it makes.

    Returns:
        `target`.

    Raises:
        RequestError: the source is incomplete, has other tensors than it should, or `target` is taken.
        OSError: the disk is full or cannot be written to.
    """
    source, target = Path(source), Path(target)
    if dtype not in SAFETENSORS_DTYPES:
        raise RequestError(f"dtype: expected one of {[str(known) for known in SAFETENSORS_DTYPES]}, got {dtype}")
    if target.exists() and not wait:
        raise RequestError(f"target: expected a folder that is not there yet, got {str(target)!r}")
    files = layout_files(source)
    folders = base_folders(source, base_names(source), bases or {})
    manifest = {
        "version": VERSION,
        "dtype": name_of(dtype),
        "source": fingerprint(files),
        "bases": {name: fingerprint(folder.rglob("*.json")) for name, folder in folders.items()},
        "max_shard_size": max_shard_size,
    }
    parts = build(source, folders)
    working = target.with_name(f"{target.name}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    with alone(target, "target", wait):
        if target.exists():  # another process has just finished it
            return target
        working.mkdir(exist_ok=True)
        _claim(working, manifest)
        for file in WEIGHTS:
            _convert_file(source, file, working, parts.modules, _Settings(dtype, max_shard_size, progress))
        _write_rest(working, parts)
        working.rename(target)
    return target


def fingerprint(files: Iterable[Path]) -> str:
    """Hash of the files' names, sizes and times of change: cheap, and another one after every download or edit."""
    stats = sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files)
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()[:16]


def _claim(working: Path, manifest: Mapping[str, object]) -> None:
    """Write down what the folder is made of, or check that an earlier conversion was of the same.

    Raises:
        RequestError: the folder holds parts of another conversion.
    """
    path = working / MANIFEST
    if path.is_file():
        if (found := json.loads(path.read_text(encoding="utf-8"))) != manifest:
            changed = ", ".join(name for name in manifest if found.get(name) != manifest[name])
            raise RequestError(
                f"target: expected an unfinished conversion of the same source in {str(working)!r}, got one with "
                f"another {changed}; delete it to start afresh"
            )
        return
    temporary = working / f"{MANIFEST}.tmp"
    temporary.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    temporary.rename(path)


def _write_part(working: Path, name: str, write: Callable[[Path], object]) -> None:
    """Have `write` fill a folder under a temporary name; a part that has its name already is whole."""
    if (working / name).is_dir():
        return
    temporary = working / f"{name}.tmp"
    if temporary.is_dir():
        shutil.rmtree(temporary)
    temporary.mkdir()
    write(temporary)
    temporary.rename(working / name)


class _Settings(NamedTuple):
    """How weights are to be written."""

    dtype: torch.dtype
    max_shard_size: int | str
    progress: Progress | None


def _convert_file(
    source: Path, file: str, working: Path, modules: Mapping[str, nn.Module], settings: _Settings
) -> None:
    """Check one weights file and write the components that it holds, unless all of them are there."""
    components = [component for _, component in WEIGHTS[file]]
    if components and all((working / component).is_dir() for component in components):
        return
    for component, tensors in read_weights(source, file, modules).items():
        dtype = torch.float32 if component in FULL_PRECISION else settings.dtype
        weights = _Weights(component, tensors, dtype)
        _write_part(working, component, bind(_write_module, modules[component], weights, settings))


def _write_rest(working: Path, parts: Parts) -> None:
    """Write what has no weights, and the index of the pipeline."""
    for name, tokenizer in parts.tokenizers.items():
        _write_part(working, name, tokenizer.save_pretrained)
    _write_part(working, "scheduler", parts.scheduler.save_pretrained)
    pipeline = MustangoPipeline(**parts.modules, **parts.tokenizers, scheduler=parts.scheduler, **DEFAULTS)
    pipeline.save_config(working)


class _Weights(NamedTuple):
    """Tensors of a component, and the type in which they are to be written."""

    component: str
    tensors: dict[str, torch.Tensor]
    dtype: torch.dtype

    def size(self, tensor: torch.Tensor) -> int:
        """Bytes of a tensor on disk."""
        return tensor.numel() * self.dtype.itemsize

    def converted(self, name: str) -> torch.Tensor:
        """A tensor in the type in which it is to be written; without a copy if it is already.

        Raises:
            RequestError: it is not finite, or no longer.
        """
        tensor = self.tensors[name].detach().to(self.dtype).contiguous()
        if not tensor.isfinite().all():
            raise RequestError(
                f"source: expected finite values in {self.dtype}, got others in {self.component}: {name}"
            )
        return tensor


def _write_module(module: nn.Module, weights: _Weights, settings: _Settings, folder: Path) -> None:
    """Write configuration and weights into `folder`, in the form that the class of `module` loads."""
    if isinstance(module, PreTrainedModel):
        file_name = SAFE_WEIGHTS_NAME
        module.config.architectures = [type(module).__name__]
        module.config.dtype = weights.dtype
        module.config.save_pretrained(folder)
        if module.can_generate():
            module.generation_config.save_pretrained(folder)
    else:
        file_name = SAFETENSORS_WEIGHTS_NAME
        module.save_config(folder)
    stem = file_name.removesuffix(".safetensors")
    split = split_state_dict_into_shards_factory(
        weights.tensors,
        get_storage_size=weights.size,
        filename_pattern=stem + "{suffix}.safetensors",
        max_shard_size=settings.max_shard_size,
    )
    done, total = 0, sum(tensor.numel() for tensor in weights.tensors.values())
    for shard, names in split.filename_to_tensors.items():
        for name in _write_shard(folder / shard, names, weights):
            done += weights.tensors[name].numel()
            if settings.progress is not None:
                settings.progress(weights.component, done, total)
    if split.is_sharded:
        index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
        (folder / f"{file_name}.index.json").write_text(json.dumps(index, indent=2), encoding="utf-8")


def _write_shard(path: Path, names: Sequence[str], weights: _Weights) -> Iterator[str]:
    """Write a safetensors file (length of the header, header, tensors) and yield each name when its tensor is written.

    The library's own writer takes the whole file's tensors at once.
    """
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in names:
        start, end = end, end + weights.size(weights.tensors[name])
        entry = {"dtype": SAFETENSORS_DTYPES[weights.dtype], "shape": list(weights.tensors[name].shape)}
        header[name] = {**entry, "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            file.write(weights.converted(name).reshape(-1).view(torch.uint8).numpy().data)
            yield name
