"""A model that is loaded while the page is there already; whoever needs it waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from munet.files import shipped
from munet.model_index import own_index

if TYPE_CHECKING:
    from mustango_app.engine import Mustango

SETTINGS = ("default_steps", "default_guidance", "can_predict")  # what the page shows of a model before it is loaded


class Loading:
    """Stands for a model: its settings are there at once if its folder tells them, all else once it is loaded.

    Args:
        load: loads it, called once, in a thread that `begin` starts or by the first who needs it.
        name: of the model, as the command has it.
    """

    def __init__(self, load: Callable[[], Mustango], name: str | None = None) -> None:
        self._load, self._told = load, told_by(name)
        self._lock, self._engine, self.error = threading.Lock(), None, None

    def begin(self) -> None:
        """Load it beside."""
        threading.Thread(target=self._quietly, name="loading", daemon=True).start()

    @property
    def ready(self) -> bool:
        """Whether nobody has to wait any more."""
        return self._engine is not None

    def _quietly(self) -> None:
        try:
            self.loaded()
        except BaseException as error:  # whoever serves the page looks at it and ends
            self.error = error

    def loaded(self) -> Mustango:
        """Return the model, after waiting for it."""
        with self._lock:
            if self._engine is None:
                self._engine = self._load()
            return self._engine

    def __getattr__(self, name: str) -> Any:
        if name in SETTINGS and not self.ready and self._told is not None:
            return self._told[name]
        return getattr(self.loaded(), name)


def told_by(name: str | None) -> dict[str, Any] | None:
    """Return `SETTINGS` of a model by its folder, None where only the loaded model tells them."""
    folder = shipped("pocket") if name in (None, "pocket") else Path(name).expanduser()
    index = own_index(folder)
    if index is None or index["scheduler"][1] == "DDPMScheduler":  # an engine takes another solver, and fewer steps
        return None
    steps, guidance = int(index["default_steps"]), float(index["default_guidance_scale"])
    return dict(zip(SETTINGS, (steps, guidance, False), strict=True))  # parts of our own are no predictors
