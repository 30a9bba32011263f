"""Worker processes that start at once: what they import is imported once, in the process that they are forked from."""

from __future__ import annotations

import io
import pickle
from multiprocessing import get_context
from typing import Any


class _Modules(pickle.Unpickler):
    """Notes the modules of all that a pickle names."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.found: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.found.add(module)
        return super().find_class(module, name)


def modules_of(task: object) -> list[str]:
    """Return the names of the modules that a process needs to receive `task`, sorted."""
    modules = _Modules(io.BytesIO(pickle.dumps(task)))
    modules.load()
    return sorted(modules.found)


def import_once(task: object) -> None:
    """Have the server that workers are forked from import what `task` is made of, before the first of them starts.

    The workers of a loader start one after the other, each once the one before has received its task: without this each
    imports diffusers and transformers for itself, ten seconds a worker.
    """
    get_context("forkserver").set_forkserver_preload(modules_of(task))
