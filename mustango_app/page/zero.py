"""The page on a Hugging Face Space: on one with ZeroGPU, the model's work is lent a GPU clip by clip.

The package `spaces` is on every such Space and must be imported before torch. Elsewhere this is the ordinary page.
A lent GPU works in a process of its own, so that progress is told, and Stop obeyed, between clips only.
"""

from __future__ import annotations

import os
from typing import Any

WITH_ZERO = bool(os.environ.get("SPACES_ZERO_GPU"))
if WITH_ZERO:
    import spaces

LOADING, PER_STEP_SECOND = 10.0, 0.02  # seconds that a loan takes at least, and more for a step of a second of sound
LONGEST_LOAN = 120.0  # seconds


def main() -> None:
    """Serve the page as the environment says."""
    from mustango_app.page.server import Serving, serve

    if os.environ.get("SPACE_ID"):  # who asks stands in a header of the Space's proxy
        os.environ.setdefault("FORWARDED_ALLOW_IPS", "*")
    serving = Serving()
    serving.check()
    serve(load(), serving)


def load() -> Any:
    """Return the shipped model, on a lent GPU where this Space lends one."""
    from mustango_app.engine import Mustango

    if not WITH_ZERO:
        return Mustango.from_pretrained()
    engine = Mustango.from_pretrained(device="cuda")
    engine.pipeline = Lent(engine.pipeline, spaces.GPU)
    return engine


class Lent:
    """A pipeline that is called on a lent GPU, and is the pipeline itself in everything else.

    Args:
        pipeline: a `MustangoPipeline`.
        lend: the decorator `spaces.GPU`.
    """

    def __init__(self, pipeline: Any, lend: Any) -> None:
        def play(arguments: dict[str, Any]) -> Any:
            return pipeline(**arguments).audios

        self._pipeline = pipeline
        self._play = lend(play, duration=loan)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipeline, name)

    def __call__(self, *, callback_on_step_end: Any = None, callback_on_audio: Any = None, **arguments: Any) -> Any:
        """Make clips; the callback hears of the last step only, and nobody of chunks."""
        from munet.pipeline import AudioOutput

        audios = self._play(arguments)
        if callback_on_step_end is not None:
            callback_on_step_end(self._pipeline, arguments["num_inference_steps"] - 1, None, {})
        return AudioOutput(audios=audios)


def loan(arguments: dict[str, Any]) -> float:
    """Return the seconds for which a GPU is asked."""
    work = arguments["num_inference_steps"] * arguments["audio_length_in_s"]
    return min(LONGEST_LOAN, LOADING + PER_STEP_SECOND * work)
