"""Worker processes that start at once: what they import is imported once, in the process that they are forked from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from multiprocessing import get_context
from typing import Any

import torch

from augmentation.workers import end_with_parent

SAMPLED = 100  # members of a container that are looked at: its rows are alike


def modules_of(task: object) -> list[str]:
    """Return the names of the modules that `task` and all that it holds are made of, sorted."""
    found, seen, waiting = set(), set(), [task]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        found.add(getattr(each, "__module__", None) or type(each).__module__)
        waiting.extend(_held(each))
    return sorted(found - {"builtins"})


def _held(task: object) -> Iterator[object]:
    """Yield what an object holds."""
    if isinstance(task, type):
        return
    members = task.values() if isinstance(task, Mapping) else task if isinstance(task, list | tuple | set) else ()
    yield from (member for member, _ in zip(members, range(SAMPLED), strict=False))
    yield from getattr(task, "__dict__", {}).values()


def import_once(task: object) -> None:
    """Have the server that workers are forked from import what `task` is made of, before the first of them starts.

    The workers of a loader start one after the other, each once the one before has received its task: without this each
    imports diffusers and transformers for itself, ten seconds a worker.
    """
    get_context("forkserver").set_forkserver_preload(modules_of(task))


def loader_settings(workers: int, task: object) -> dict[str, Any]:
    """Return the keywords of a `DataLoader` with so many processes, which are made of `task`; none of them for 0."""
    if not workers:
        return {}
    import_once(task)
    start = {"multiprocessing_context": "forkserver", "worker_init_fn": _begin}
    return {"num_workers": workers, "prefetch_factor": 2, **start}


def _begin(_: int) -> None:
    """Keep a worker process to one thread, and to the life of the training."""
    torch.set_num_threads(1)
    end_with_parent()
