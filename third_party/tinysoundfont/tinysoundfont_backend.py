"""PEP 517 build backend that hands out the unmodified tinysoundfont wheel, less its dependency on PyAudio.

Called by ``pip install ./third_party/tinysoundfont``. pip has no other way to leave out a single dependency from within
a requirements file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from wheel.wheelfile import WheelFile

REQUIREMENT = "tinysoundfont==0.3.7"
LEFT_OUT = "requires-dist: pyaudio"
# See third_party/madmom: an inner pip that inherited them would look for its backend inside this folder.
OUTER_HOOK_PREFIXES = ("_PYPROJECT_HOOKS_", "PEP517_")


def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, object] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Write the wheel into `wheel_directory` and return its file name.

    Raises:
        subprocess.CalledProcessError: the release could not be fetched.
    """
    with tempfile.TemporaryDirectory() as folder:
        wheel = fetch(Path(folder))
        content = Path(folder, "content")
        with WheelFile(wheel) as archive:
            archive.extractall(content)
        (metadata,) = content.glob("*.dist-info/METADATA")
        lines = metadata.read_text(encoding="utf-8").splitlines(keepends=True)
        metadata.write_text("".join(line for line in lines if line.strip().lower() != LEFT_OUT), encoding="utf-8")
        with WheelFile(Path(wheel_directory, wheel.name), "w") as archive:
            archive.write_files(content)
        return wheel.name


def fetch(folder: Path) -> Path:
    """Download the released wheel into `folder`, or build it from its source release where there is none.

    Raises:
        subprocess.CalledProcessError: neither can be had.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OUTER_HOOK_PREFIXES)}
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(folder), REQUIREMENT]
    subprocess.run(command, env=environment, check=True)
    (wheel,) = folder.glob("tinysoundfont-*.whl")
    return wheel
