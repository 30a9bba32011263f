"""Where the clips of a dataset are made: processes of this machine, or a Ray cluster.

An engine is called with a pure function, its arguments and how many of them may be at work at a time, and gives an
iterator over the results in order of completion. Ray must reach audio and dataset under the same paths everywhere.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import wait
from types import MappingProxyType
from typing import Any, TypeVar

from munet.errors import RequestError

Task, Result = TypeVar("Task"), TypeVar("Result")


def end_with_parent() -> None:
    """Worker initialiser: end when the process that asked for the worker does, even by SIGKILL or for want of memory.

    A worker of a forkserver is not told: its parent in the system's eyes is the server, which lives as long as it does.
    Ctrl-C, which reaches all processes of a terminal, is left to the process that asked.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def leave_with_parent() -> None:
    """Worker initialiser: `end_with_parent`, and leave SIGTERM to the parent as well."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_with_parent()


@contextmanager
def run_in_processes(work: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> Iterator[Iterator[Result]]:
    """Iterator over the results of `work`, in order of completion; on an error what has not started yet is dropped.

    Args:
        work: A function that can be pickled.
        tasks: Its arguments.
        workers: Number of processes (1: this one).
    """
    if workers == 1:
        yield (work(task) for task in tasks)
        return
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), leave_with_parent)
    try:
        futures = [pool.submit(work, task) for task in tasks]
        yield (future.result() for future in as_completed(futures))
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def run_on_ray(work: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> Iterator[Iterator[Result]]:
    """Run on the cluster that `RAY_ADDRESS` names, or on a Ray of this machine that is started for it.

    Raises:
        RequestError: Ray is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise RequestError("engine: expected 'process', or Ray to be installed (pip install ray), got 'ray'") from error
    ray.init(log_to_driver=False)
    remote = ray.remote(num_cpus=1)(lambda task: work(task))

    def results() -> Iterator[Result]:
        waiting, running = iter(tasks[workers:]), [remote.remote(task) for task in tasks[:workers]]
        while running:
            finished, running = ray.wait(running)
            running += [remote.remote(task) for _, task in zip(finished, waiting, strict=False)]
            yield ray.get(finished[0])

    try:
        yield results()
    finally:
        ray.shutdown()


Engine = Callable[[Callable[[Any], Any], Sequence[Any], int], AbstractContextManager[Iterator[Any]]]
ENGINES: Mapping[str, Engine] = MappingProxyType({"process": run_in_processes, "ray": run_on_ray})
