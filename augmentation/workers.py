"""Where the clips of a dataset are made: processes of this machine, or a Ray cluster.

An engine is called with a pure function, its arguments and how many of them may be at work at a time, and gives an
iterator over the results in order of completion. Ray must reach audio and dataset under the same paths everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import MappingProxyType
from typing import Any

from augmentation.dataset.corpus import Result, Task, run_in_processes
from munet.errors import RequestError


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
