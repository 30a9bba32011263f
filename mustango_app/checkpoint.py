"""From a model's name to a loaded pipeline; whatever is wrong with the files is said in one line.

Only safetensors files are read: a pickle can run code when it is opened.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from huggingface_hub.errors import HfHubHTTPError
from safetensors import SafetensorError, safe_open

from munet import MustangoPipeline

SHIPPED = Path(__file__).resolve().parents[1] / "checkpoints" / "pocket"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def load_pipeline(name: str | Path | None, device: torch.device) -> tuple[str, MustangoPipeline]:
    """Load a pipeline; return its short name and itself, on `device`.

    Args:
        name: None or "pocket" (the shipped model), a folder, or a Hub id.
        device: where to run.

    Raises:
        ValueError: if there is no such model or its files are damaged.
    """
    if name is None or str(name) == "pocket":
        if not SHIPPED.is_dir():
            raise ValueError(f"model: expected the shipped checkpoint in {str(SHIPPED)!r}, got no such folder")
        return "pocket", _load_folder(SHIPPED).to(device)
    if not str(name):
        raise ValueError(f"model: expected a folder or a Hub id, got {name!r}")
    folder = Path(name).expanduser()
    if folder.is_dir():
        return str(name), _load_folder(folder).to(device)
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", str(name)):
        return str(name), _load_hub(str(name)).to(device)
    raise ValueError(f"model: expected an existing folder or a Hub id such as name/model, got {str(name)!r}")


def check_folder(folder: Path) -> None:
    """Check the files of a checkpoint without loading them.

    Raises:
        ValueError: naming the file that is missing, truncated or a pickle.
    """
    if not (folder / "model_index.json").is_file():
        raise ValueError(
            f"model: expected a folder with model_index.json, as save_pretrained writes, got {str(folder)!r}"
        )
    for path in sorted(folder.rglob("*")):
        if path.suffix in PICKLES:
            raise ValueError(f"model: expected safetensors files only, got the pickle {str(path)!r}")
        if path.suffix == ".safetensors":
            try:
                with safe_open(path, framework="pt"):
                    pass
            except (SafetensorError, OSError) as error:
                raise ValueError(f"model: expected a whole safetensors file, got {str(path)!r} ({error})") from None


def _load_folder(folder: Path) -> MustangoPipeline:
    check_folder(folder)
    try:
        return MustangoPipeline.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise ValueError(f"model: expected a MustangoPipeline, got {str(folder)!r} ({_brief(error)})") from error


def _load_hub(name: str) -> MustangoPipeline:
    try:
        return MustangoPipeline.from_pretrained(name, use_safetensors=True, dtype=torch.float32)
    except (OSError, ValueError, HfHubHTTPError) as error:
        advice = "no such folder here and not to be had from the Hub; download it and give its folder"
        raise ValueError(f"model: expected a model that can be reached, got {name!r} ({advice})") from error


def _brief(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
