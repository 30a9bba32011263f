"""From a model's name to a loaded pipeline; whatever is wrong with the files is said in one line.

Only safetensors files are loaded: a pickle can run code when it is opened. A checkpoint in the published layout (see
`munet.published.layout`) is converted first, once, with a reader that takes nothing but tensors from its pickles.

What has to do with that layout, and diffusers' pipeline, is imported where it is needed: a model of our own parts
starts without (`munet.light_pipeline`).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError
from safetensors import SafetensorError, safe_open
from tqdm import tqdm

from munet.errors import RequestError
from munet.files import digest, shipped
from munet.light_pipeline import LightPipeline
from munet.model_index import own_index
from munet.pipeline import FULL_PRECISION, Sampler
from munet.precision import native_precision

if TYPE_CHECKING:
    from munet.diffusers_pipeline import MustangoPipeline

SHIPPED = shipped("pocket")
DTYPES = ("float32", "float16", "bfloat16")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def load_pipeline(
    name: str | Path | None, device: torch.device, dtype: torch.dtype | None = None, offload: bool = False
) -> tuple[str, Sampler]:
    """Load a pipeline; return its short name and itself, on `device`.

    Args:
        name: None or "pocket" (the shipped model), a folder, or a Hub id. A folder or a repository in the published
            layout is converted into `cache_folder()` when it is seen for the first time.
        device: where to run.
        dtype: of the weights; the autoencoder's stay float32, see `munet.pipeline.FULL_PRECISION`. None for float32,
            with a denoiser in bfloat16 where the model says that it loses nothing and the device has it.
        offload: whether the parts are to wait in main memory, which diffusers' own pipeline can arrange.

    Raises:
        RequestError: if there is no such model, its files are damaged, or there is no room to convert it.
    """
    if name is None or str(name) == "pocket":
        if not SHIPPED.is_dir():
            raise RequestError(f"model: expected the shipped checkpoint in {str(SHIPPED)!r}, got no such folder")
        return "pocket", _load_folder(SHIPPED, device, dtype, offload).to(device)
    if not str(name):
        raise RequestError(f"model: expected a folder or a Hub id, got {name!r}")
    folder = Path(name).expanduser()
    if folder.is_dir():
        index = own_index(folder)
        if index is None:
            from munet.published.layout import is_published

            if is_published(folder):
                folder = converted(folder, folder.resolve().name, str(folder.resolve()))
        return str(name), _load_folder(folder, device, dtype, offload, index).to(device)
    if HUB_ID.fullmatch(str(name)):
        return str(name), _load_hub(str(name), device, dtype).to(device)
    raise RequestError(f"model: expected an existing folder or a Hub id such as name/model, got {str(name)!r}")


def check_folder(folder: Path) -> None:
    """Check the files of a checkpoint without loading them.

    Raises:
        RequestError: naming the file that is missing, truncated or a pickle.
    """
    if not (folder / "model_index.json").is_file():
        raise RequestError(
            f"model: expected a folder with model_index.json, as save_pretrained writes, got {str(folder)!r}"
        )
    for path in sorted(folder.rglob("*")):
        if path.suffix in PICKLES:
            raise RequestError(f"model: expected safetensors files only, got the pickle {str(path)!r}")
        if path.suffix == ".safetensors":
            try:
                with safe_open(path, framework="pt"):
                    pass
            except (SafetensorError, OSError) as error:
                raise RequestError(f"model: expected a whole safetensors file, got {str(path)!r} ({error})") from None


def cache_folder() -> Path:
    """Where converted checkpoints are kept: `$MUSTANGO_CACHE`, else `mustango` in `$XDG_CACHE_HOME` or `~/.cache`."""
    if own := os.environ.get("MUSTANGO_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "mustango"


def converted(source: Path, name: str, identity: str) -> Path:
    """The cached conversion of a folder in the published layout, made now if there is none of exactly these files.

    It keeps float32: which precision to run in is decided at every start. Conversions of what `identity` was before
    are removed; of two processes that need the same one, the second waits for the first.

    Args:
        source: folder in the published layout.
        name: readable part of the cached folder's name.
        identity: what tells one model from another, however its files change: a path, or a name on the Hub.

    Raises:
        RequestError: the source is not as it should be, or there is no room for its conversion.
    """
    from munet.published.convert import VERSION, convert, fingerprint
    from munet.published.layout import layout_files

    readable = re.sub(r"[^\w.-]+", "--", name)
    family = f"{readable}-{digest(identity)[:8]}"
    target = cache_folder() / f"{family}-v{VERSION}-{fingerprint(layout_files(source))}"
    if not target.is_dir():
        try:
            convert(source, target, progress=ProgressBars(), wait=True)
            _forget(readable, family, target)
        except OSError as error:
            raise RequestError(f"model: expected room to convert {name!r} in {str(target)!r}, got {error}") from error
    return target


def _forget(readable: str, family: str, kept: Path) -> None:
    """Remove what the cache holds of older states of a model, and of it by names that are used no more."""
    first_edition = re.compile(rf"{re.escape(readable)}-[0-9a-f]{{16}}(\.partial)?")
    for folder in kept.parent.iterdir():
        older = folder.name.startswith(f"{family}-") or first_edition.fullmatch(folder.name)
        at_work = kept.parent / f"{folder.name.removesuffix('.partial')}.lock"
        if folder != kept and older and folder.is_dir() and not at_work.exists():
            shutil.rmtree(folder, ignore_errors=True)


class ProgressBars:
    """Progress of a conversion on stderr, a bar per component; called as `munet.published.convert.convert` asks."""

    def __init__(self) -> None:
        self.bar: tqdm | None = None

    def __call__(self, component: str, done: int, total: int) -> None:
        """Show that `done` of the component's `total` values are written."""
        if self.bar is None:
            self.bar = tqdm(total=total, desc=f"converting {component}", unit=" values", unit_scale=True)
        self.bar.update(done - self.bar.n)
        if done == total:
            self.bar.close()
            self.bar = None


def parse_dtype(name: str) -> torch.dtype:
    """The type of that name.

    Raises:
        RequestError: a name that is none of `DTYPES`.
    """
    if name not in DTYPES:
        raise RequestError(f"dtype: expected one of {', '.join(DTYPES)}, got {name!r}")
    return getattr(torch, name)


def published_folder(name: str) -> Path:
    """A checkpoint in the published layout: the folder of that name, or a snapshot of the Hub's repository.

    Raises:
        RequestError: there is none, or it has another layout.
    """
    from munet.published.layout import CONFIGS, is_published

    folder = Path(name).expanduser()
    if not folder.is_dir():
        if not HUB_ID.fullmatch(name):
            raise RequestError(f"source: expected an existing folder or a Hub id such as name/model, got {name!r}")
        folder = _snapshot(name)
    if not is_published(folder):
        raise RequestError(f"source: expected a checkpoint with {CONFIGS['main']}, got {name!r}")
    return folder


def _load_folder(
    folder: Path,
    device: torch.device,
    dtype: torch.dtype | None,
    offload: bool = False,
    index: Mapping[str, Any] | None = None,
) -> Sampler:
    """Load a diffusers folder; `index` is what `own_index` has read of it, if it has been asked."""
    check_folder(folder)
    try:
        index = None if offload else index or own_index(folder)
        if index is not None:
            native = dtype is None and index["native_precision"]
            unet = {"unet": native_precision(device)[0]} if native else {}
            return LightPipeline.load(folder, _dtypes(dtype) | unet, index)
        return _diffusers_pipeline().from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, dtype=_dtypes(dtype)
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise RequestError(f"model: expected a MustangoPipeline, got {str(folder)!r} ({first_line(error)})") from error


def _diffusers_pipeline() -> type[MustangoPipeline]:
    """Import the pipeline for every kind of model; what diffusers is not to show, transformers does not show either."""
    from diffusers.utils import logging
    from transformers.utils import logging as transformers_logging

    from munet.diffusers_pipeline import MustangoPipeline

    if not logging.is_progress_bar_enabled():
        transformers_logging.disable_progress_bar()
        transformers_logging.set_verbosity(logging.get_verbosity())
    return MustangoPipeline


def _load_hub(name: str, device: torch.device, dtype: torch.dtype | None) -> Sampler:
    from munet.published.layout import is_published

    snapshot = _snapshot(name)
    if is_published(snapshot):
        return _load_folder(converted(snapshot, name, name), device, dtype)
    try:
        return _diffusers_pipeline().from_pretrained(name, use_safetensors=True, dtype=_dtypes(dtype))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise _unreachable(name) from error


def _snapshot(name: str) -> Path:
    """The published layout's files of a repository, from the Hub's cache or the Hub."""
    from munet.published.layout import CONFIGS, WEIGHTS

    try:
        return Path(snapshot_download(name, allow_patterns=[*CONFIGS.values(), *WEIGHTS]))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise _unreachable(name) from error


def _unreachable(name: str) -> ValueError:
    advice = "no such folder here and not to be had from the Hub; download it and give its folder"
    return ValueError(f"model: expected a model that can be reached, got {name!r} ({advice})")


def _dtypes(dtype: torch.dtype | None) -> dict[str, torch.dtype]:
    """The type of each component's weights, in the form that diffusers takes; float32 for None."""
    return {"default": dtype or torch.float32, **dict.fromkeys(FULL_PRECISION, torch.float32)}


def first_line(error: BaseException) -> str:
    """The first line of an error's message, at most 200 characters; its type if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
