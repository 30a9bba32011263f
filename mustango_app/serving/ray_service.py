"""The answers of `answering` on Ray Serve: replicas behind one address, a model each, on one machine or many.

serve run mustango_app.serving.ray_service:application replicas=2
serve run mustango_app.serving.ray_service:application replicas=4 device=cuda dtype=float16
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from munet.errors import RequestError
from mustango_app.engine import Mustango
from mustango_app.request import check_integer
from mustango_app.serving.answering import LONGEST_LINE, Answering

OPTIONS = ("replicas", "cores", "model", "device", "dtype", "batch")


class Replica:
    """One model of the service.

    Args:
        cores: threads of a model on processors.
        options: of `Mustango`.
    """

    def __init__(self, cores: int, **options: Any) -> None:
        engine = Mustango(**options)
        torch.set_num_threads(cores)
        self.answering = Answering(engine)

    async def __call__(self, http: Any) -> Any:
        """Answer a request of `starlette.requests.Request`."""
        return await self.answering.answer(http)


def application(given: Mapping[str, Any]) -> Any:
    """Return the Ray Serve application, for `serve run` or `ray.serve.run`.

    Args:
        given: replicas (1), cores of each on processors (1), and model, device, dtype and batch as in `Mustango`. A
            replica on "cuda" gets a GPU of its own.

    Raises:
        RequestError: another name or value, or Ray Serve is not installed.
    """
    try:
        from ray import serve
    except ImportError as error:
        raise RequestError("ray: expected Ray Serve to be installed (pip install 'ray[serve]'), got none") from error
    if unknown := sorted(set(given) - set(OPTIONS)):
        raise RequestError(f"arguments: expected names among {', '.join(OPTIONS)}, got {', '.join(unknown)}")
    counts = {name: check_integer(name, int(given.get(name, 1)), 1, 1024) for name in ("replicas", "cores")}
    options = {"name": given.get("model"), "device": given.get("device", "cpu"), "dtype": given.get("dtype")}
    if given.get("batch") is not None:
        options["batch"] = int(given["batch"])
    gpus = int(str(options["device"]).startswith("cuda"))
    deployment = serve.deployment(
        num_replicas=counts["replicas"],
        max_ongoing_requests=LONGEST_LINE,
        ray_actor_options={"num_cpus": counts["cores"], "num_gpus": gpus},
    )(Replica)
    return deployment.options(name="mustango").bind(counts["cores"], **options)
