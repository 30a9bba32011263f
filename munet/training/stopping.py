"""Ends a training that is told to stop, without losing what it learned."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Notices Ctrl-C and SIGTERM, by which machines that are lent are taken back, while its block runs.

    The first of them is only noted in `asked`, so that the step that runs can end and be saved; a second one has its
    usual effect at once. Signals reach the main thread alone: in another thread nothing is ever asked.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, signal.Handlers | int | None] = {}

    def __enter__(self) -> Stopping:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        self._give_back()

    def _give_back(self) -> None:
        while self._before:
            signal.signal(*self._before.popitem())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()

    def end(self, name: str, step: int) -> None:
        """End the program, if that was asked; what was learned is saved.

        Args:
            name: of the training.
            step: that it reached.

        Raises:
            KeyboardInterrupt: it was.
        """
        if self.asked:
            print(f"{name}: stopped and saved at step {step}; the same command goes on", flush=True)
            raise KeyboardInterrupt
