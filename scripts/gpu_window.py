"""Pack what a bare GPU machine needs for one window of training: `python scripts/gpu_window.py --help`.

A machine that nothing reaches has PyTorch, transformers and accelerate, but not diffusers, TinySoundFont, soundfonts or
the text encoder, and little may be sent there. This writes a folder with wheels for its Python, a light copy of the
text encoder, the codec in half precision, soundfonts and the chain's configuration, says how large it is, and prints
the command to run there from the root of this repository.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import load_file, save_file

from augmentation.captions.caption import caption, describe
from augmentation.compose.composer import compose
from augmentation.compose.styles import STYLES, style_words
from munet.codec import load_codec
from munet.conditions.light_text import save_light_copy
from munet.conditions.text import load_text_encoder
from munet.music.instruments import CLASS_NAMES, INSTRUMENT_NAMES

WHEELS = ("diffusers==0.42.1", "tinysoundfont==0.3.7", "soundfile", "soxr", "cffi", "pycparser", "importlib_metadata")
TAGS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
COMMAND = (
    "python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target /tmp/site "
    "{folder}/wheels/*.whl && export PYTHONPATH=/tmp/site PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1 "
    "MUSTANGO_SOUNDFONT=$PWD/{folder}/sounds || exit; ulimit -n 65536; mount -o remount,size=48G /dev/shm; "
    "df -h /dev/shm | tail -1; "
    "python3 -m mustango_app train {folder}/chain.json --minutes {minutes} --device cuda; "
    "cp /tmp/window/export/*.tar.* $OUT/ || cp /tmp/window/*.log $OUT/; ls -l $OUT"
)


def texts(count: int) -> Iterator[str]:
    """Captions of composed pieces, and every name that one may hold."""
    yield " ".join((*STYLES, *(" ".join(word.split()) for word in style_words()), *CLASS_NAMES, *INSTRUMENT_NAMES))
    for seed in range(count):
        piece, rng = compose(10_000_000 + seed, duration=10.24 if seed % 2 else 24.0), np.random.default_rng(seed)
        yield caption(piece, rng)
        yield describe(piece, rng)


def save_codec(source: str, folder: Path, encoder_only: bool) -> None:
    """Write a codec in half precision, its projection in single; `encoder_only` leaves the decoder to be made anew."""
    codec = load_codec(source, dtype=torch.float32)
    for parameter in codec.parameters():
        parameter.data = parameter.data.half()
    codec.save_pretrained(folder)
    if encoder_only:
        weights = folder / SAFETENSORS_WEIGHTS_NAME
        learned = {name for name, _ in codec.named_parameters()}
        kept = {name: tensor for name, tensor in load_file(weights).items() if name not in learned}
        save_file(kept, weights, metadata={"format": "pt"})


def slim_diffusers(wheel: Path) -> None:
    """Leave out of a wheel of diffusers the pipelines that nothing here needs: half of it."""
    slim = wheel.with_suffix(".slim")
    with zipfile.ZipFile(wheel) as full, zipfile.ZipFile(slim, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as kept:
        for item in full.infolist():
            parts = item.filename.split("/")
            if parts[:2] != ["diffusers", "pipelines"] or len(parts) == 3:
                kept.writestr(item.filename, full.read(item))
    slim.replace(wheel)


def main() -> None:
    """Write the folder and print the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", default=".window", help="what to write (%(default)s)")
    parser.add_argument("--codec", required=True, help="folder of the codec whose encoder is fitted")
    parser.add_argument("--encoder-only", action="store_true", help="leave the codec's decoder to be made anew there")
    parser.add_argument("--recordings", help="folder of real music to train the decoder with")
    parser.add_argument("--sounds", required=True, help="folder of soundfonts")
    parser.add_argument("--config", default="configs/pocket_chain.json", help="the chain (%(default)s)")
    parser.add_argument("--captions", type=int, default=3000, help="pieces whose words the text encoder keeps")
    parser.add_argument("--minutes", type=float, default=8.5)
    given = parser.parse_args()
    folder = Path(given.folder)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "wheels").mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    target = ["--python-version", "3.12", "--implementation", "cp"]
    target += [option for tag in TAGS for option in ("--platform", tag)]
    subprocess.run([*pip, *target, "-d", str(folder / "wheels"), *WHEELS], check=True)
    slim_diffusers(next((folder / "wheels").glob("diffusers-*.whl")))
    words = save_light_copy(*load_text_encoder(), texts(given.captions), folder / "text")
    save_codec(given.codec, folder / "codec", given.encoder_only)
    shutil.copytree(given.sounds, folder / "sounds")
    config = json.loads(Path(given.config).read_text())
    if given.recordings is not None:
        shutil.copytree(given.recordings, folder / "recordings")
        config["decoder"]["data"]["recordings"] = [str(folder / "recordings")]
    config |= {"out": "/tmp/window", "codec": str(folder / "codec"), "text_encoder": str(folder / "text")}
    (folder / "chain.json").write_text(json.dumps(config, indent=2))
    tracked = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True).stdout.split("\0")
    sizes = {"tracked": sum(Path(name).stat().st_size for name in tracked if name and Path(name).is_file())}
    for part in sorted(folder.iterdir()):
        sizes[part.name] = sum(path.stat().st_size for path in (part, *part.rglob("*")) if path.is_file())
    print({name: f"{size / 2**20:.1f} MiB" for name, size in sizes.items()}, f"{words} words")
    print(f"in all: {sum(sizes.values()) / 2**20:.1f} MiB")
    print(COMMAND.format(folder=given.folder, minutes=given.minutes))


if __name__ == "__main__":
    main()
