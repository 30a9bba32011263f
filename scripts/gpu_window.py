"""Pack what a bare GPU machine needs for one window of training: `python scripts/gpu_window.py --help`.

A machine that nothing reaches has PyTorch, transformers and accelerate, but not diffusers, TinySoundFont, soundfonts or
the text encoder, and little may be sent there at a time. This writes two folders that are sent one after the other:
`first` with wheels for its Python, a light copy of the text encoder and soundfonts, `second` with the model to go on
from, excerpts of recordings and the chain's configuration. It says how large they are, and prints the two commands to
run there from the root of this repository; what they need of the repository is its Python code alone, so `tests` and
`checkpoints` may stay at home. The second command has to follow at once, before the machine is given back.
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
import soundfile

from augmentation.captions.caption import caption, describe
from augmentation.compose.composer import compose
from augmentation.compose.styles import STYLES, style_words
from benchmarks.codec import ENDINGS, held_back
from munet.conditions.light_text import save_light_copy
from munet.conditions.text import load_text_encoder
from munet.music.instruments import CLASS_NAMES, INSTRUMENT_NAMES

WHEELS = ("diffusers==0.42.1", "tinysoundfont==0.3.7", "soundfile", "soxr", "cffi", "pycparser", "importlib_metadata")
TAGS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
FIRST = (
    "mkdir -p /tmp/first && cp -a {folder}/first/. /tmp/first/ && mount -o remount,size=48G /dev/shm; "
    "python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target /tmp/site "
    "/tmp/first/wheels/*.whl"
)
SECOND = (
    "mkdir -p /tmp/second && cp -a {folder}/second/. /tmp/second/ && export PYTHONPATH=$PWD:/tmp/site "
    "PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1 MUSTANGO_SOUNDFONT=/tmp/first/sounds || exit; "
    "python3 -m mustango_app train /tmp/second/chain.json --minutes {minutes} --device cuda; "
    "cp /tmp/window/export/*.tar.* $OUT/ || cp /tmp/window/*.log $OUT/; ls -l $OUT"
)
EXCERPTS, EXCERPT_SECONDS = 2, 8.0  # of each recording
VORBIS_QUALITY = 0.15  # soundfile's compression level: a second coding must not be heard


def texts(count: int) -> Iterator[str]:
    """Captions of composed pieces, and every name that one may hold."""
    yield " ".join((*STYLES, *(" ".join(word.split()) for word in style_words()), *CLASS_NAMES, *INSTRUMENT_NAMES))
    for seed in range(count):
        piece, rng = compose(10_000_000 + seed, duration=10.24 if seed % 2 else 24.0), np.random.default_rng(seed)
        yield caption(piece, rng)
        yield describe(piece, rng)


def save_excerpts(recordings: Path, folder: Path) -> None:
    """Cut excerpts from those recordings that are not held back (`benchmarks.codec.held_back`), from all over them."""
    held, rng = set(held_back(recordings)), np.random.default_rng(5)
    files = [path for path in sorted(recordings.rglob("*")) if path.suffix in ENDINGS and path not in held]
    folder.mkdir(parents=True)
    for number, path in enumerate(files):
        info = soundfile.info(path)
        count, part = round(EXCERPT_SECONDS * info.samplerate), int(0.45 * info.frames)
        for index in range(EXCERPTS):
            low = int(0.1 * info.frames) + index * part
            audio, _ = soundfile.read(path, count, int(rng.integers(low, max(low + part - count, low + 1))))
            target = folder / f"{path.parent.name}_{number:03d}_{index}.ogg"
            with soundfile.SoundFile(
                target, "w", info.samplerate, info.channels, compression_level=VORBIS_QUALITY
            ) as file:
                for first in range(0, len(audio), 4096):  # libsndfile's Vorbis encoder fails on long blocks
                    file.write(audio[first : first + 4096])


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
    parser.add_argument("--start", default="checkpoints/pocket", help="pipeline to go on from (%(default)s)")
    parser.add_argument("--recordings", help="folder of real music to train the decoder with")
    parser.add_argument("--sounds", required=True, help="folder of soundfonts")
    parser.add_argument("--config", default="configs/pocket_window.json", help="the chain (%(default)s)")
    parser.add_argument("--captions", type=int, default=3000, help="pieces whose words the text encoder keeps")
    parser.add_argument("--minutes", type=float, default=8.5)
    given = parser.parse_args()
    folder = Path(given.folder)
    shutil.rmtree(folder, ignore_errors=True)
    first, second = folder / "first", folder / "second"
    (first / "wheels").mkdir(parents=True)
    second.mkdir()
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    target = ["--python-version", "3.12", "--implementation", "cp"]
    target += [option for tag in TAGS for option in ("--platform", tag)]
    subprocess.run([*pip, *target, "-d", str(first / "wheels"), *WHEELS], check=True)
    slim_diffusers(next((first / "wheels").glob("diffusers-*.whl")))
    words = save_light_copy(*load_text_encoder(), texts(given.captions), first / "text")
    shutil.copytree(given.sounds, first / "sounds")
    shutil.copytree(given.start, second / "start", ignore=shutil.ignore_patterns("*.md"))
    config = json.loads(Path(given.config).read_text())
    if given.recordings is not None:
        save_excerpts(Path(given.recordings), second / "recordings")
        config["decoder"]["data"]["recordings"] = ["/tmp/second/recordings"]
    config["munet"]["training"]["start"] = "/tmp/second/start"
    config |= {"out": "/tmp/window", "codec": "/tmp/second/start/vae", "text_encoder": "/tmp/first/text"}
    (second / "chain.json").write_text(json.dumps(config, indent=2))
    for part in sorted(folder.glob("*/*")):
        size = sum(path.stat().st_size for path in (part, *part.rglob("*")) if path.is_file())
        print(f"{part.relative_to(folder)}: {size / 2**20:.1f} MiB")
    print(f"{words} words", FIRST.format(folder=given.folder), SECOND.format(**vars(given)), sep="\n\n")


if __name__ == "__main__":
    main()
