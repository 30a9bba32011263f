"""PEP 517 build backend that hands out a wheel of the unmodified madmom source release.

Called by ``pip install ./third_party/madmom``. The isolated environment pip made for this folder already holds
Cython and numpy, so the inner build runs without an isolation of its own. Needs a C compiler and Python's headers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

REQUIREMENT = "madmom==0.16.1"
# The outer pip tells its hooks where the backend lies through such variables. An inner pip that inherited them would
# look for setuptools inside this folder.
OUTER_HOOK_PREFIXES = ("_PYPROJECT_HOOKS_", "PEP517_")


def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, object] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the wheel into `wheel_directory` and return its file name.

    Raises:
        subprocess.CalledProcessError: the source release could not be fetched or compiled.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OUTER_HOOK_PREFIXES)}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-binary", "madmom"]
        subprocess.run([*command, "--wheel-dir", folder, REQUIREMENT], env=environment, check=True)
        (wheel,) = Path(folder).glob("madmom-*.whl")
        shutil.copy(wheel, wheel_directory)
        return wheel.name
