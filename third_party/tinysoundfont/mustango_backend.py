"""PEP 517 build backend of the project itself: setuptools' wheel, and in it what pip could not fetch by itself.

That is the shipped checkpoint, as data of `mustango_app`, and the unmodified release of tinysoundfont, whose dependency
PyAudio needs a compiler and PortAudio's headers and is not used here. So `pip install .` alone makes music. An editable
installation finds the checkpoint in the checkout, and takes tinysoundfont from this folder (see requirements.txt).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)
from tinysoundfont_backend import fetch
from wheel.wheelfile import WheelFile

__all__ = [
    "assemble", "build_editable", "build_sdist", "build_wheel", "get_requires_for_build_editable",
    "get_requires_for_build_sdist", "get_requires_for_build_wheel", "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]  # fmt: skip

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINTS = "mustango_app/checkpoints"


def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, object] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the wheel into `wheel_directory` and return its file name.

    Raises:
        subprocess.CalledProcessError: the release of tinysoundfont could not be fetched.
    """
    shutil.rmtree(ROOT / "build", ignore_errors=True)  # what an older build has left would be packed again
    with tempfile.TemporaryDirectory() as folder:
        name = build_meta.build_wheel(folder, config_settings, metadata_directory)
        shutil.rmtree(ROOT / "build", ignore_errors=True)
        return assemble(Path(folder, name), fetch(Path(folder)), Path(wheel_directory)).name


def assemble(pure: Path, tinysoundfont: Path, folder: Path) -> Path:
    """Add checkpoint and tinysoundfont to a wheel.

    Args:
        pure: the wheel that setuptools made.
        tinysoundfont: a wheel of tinysoundfont, whose platform becomes that of the result.
        folder: where to write.
    """
    tags = "-".join(tinysoundfont.stem.split("-")[2:])
    target = folder / f"{'-'.join(pure.stem.split('-')[:2])}-{tags}.whl"
    with tempfile.TemporaryDirectory() as scratch:
        content, other = Path(scratch, "content"), Path(scratch, "tinysoundfont")
        for wheel, place in ((pure, content), (tinysoundfont, other)):
            with WheelFile(wheel) as archive:
                archive.extractall(place)
        shutil.copytree(ROOT / "checkpoints", content / CHECKPOINTS)
        shutil.copytree(other / "tinysoundfont", content / "tinysoundfont", ignore=shutil.ignore_patterns("*.pyc"))
        (info,) = content.glob("*.dist-info")
        for licence in other.glob("*.dist-info/licenses/*"):
            (info / "licenses" / "tinysoundfont").mkdir(parents=True, exist_ok=True)
            shutil.copy(licence, info / "licenses" / "tinysoundfont" / licence.name)
        _retag(info / "WHEEL", tags)
        with WheelFile(target, "w") as archive:
            archive.write_files(content)
    return target


def _retag(path: Path, tags: str) -> None:
    """Write the platform into a wheel's own description."""
    python, abi, platforms = tags.split("-")
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(("Tag:", "Root-Is"))]
    lines = [*filter(None, kept), "Root-Is-Purelib: false"]
    lines += [f"Tag: {python}-{abi}-{platform}" for platform in platforms.split(".")]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
