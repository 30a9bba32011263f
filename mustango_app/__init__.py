"""What a person touches: the engine, the planner, the command line and the page.

The public names are loaded on first use, so that `mustango plan` and error messages need no torch.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import munet  # noqa: F401 - before torch, whoever imports that first, see `munet.processor`

if TYPE_CHECKING:
    from munet.music import MusicPlan
    from mustango_app.clip import Clip
    from mustango_app.engine import Mustango
    from mustango_app.planning.planner import plan_from_text
    from mustango_app.stopped import Stopped

_HOMES = MappingProxyType(
    {
        "Clip": "mustango_app.clip",
        "Mustango": "mustango_app.engine",
        "MusicPlan": "munet.music",
        "Stopped": "mustango_app.stopped",
        "plan_from_text": "mustango_app.planning.planner",
    }
)
__all__ = ["Clip", "MusicPlan", "Mustango", "Stopped", "plan_from_text"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
