"""Runs: one model, many people. Turns are taken in order of arrival; every run can be watched and stopped at any time.

A run works in a thread of its own. Who watches it asks `describe`, and may leave: a stopped run frees the model at its
next step, or when the decoder is done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mustango_app.page.words import Words
from mustango_app.stopped import Stopped

LONGEST_QUEUE = 32
POLL = 0.1  # seconds


@dataclass
class Phase:
    """What a run does now: `done` of `total` steps, `units` of work in all, begun at `since` (monotonic seconds)."""

    name: str
    units: float = 0.0
    total: int = 0
    done: int = 0
    since: float = 0.0


class Pace:
    """How long this machine takes, learned from what it did: seconds for a unit of work of each phase."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def learn(self, phase: str, units: float, seconds: float) -> None:
        """Take in a measurement; the newest counts for half."""
        if units > 0:
            value = seconds / units
            self._seconds[phase] = (self._seconds.get(phase, value) + value) / 2

    def expect(self, phase: str, units: float) -> float | None:
        """Return the seconds that `units` of a phase will take; None before the first measurement."""
        value = self._seconds.get(phase)
        return None if value is None else value * units


class Desk:
    """Gives the model to one run after the other."""

    def __init__(self) -> None:
        self._line: list[Run] = []
        # One thread for all work: each new one would keep memory of its own for what the model has passed through it.
        self._worker = ThreadPoolExecutor(1, "mustango-model")
        self._change = threading.Condition()
        self.pace = Pace()

    def enter(self, run: Run) -> bool:
        """Stand in line; False if the line is too long."""
        with self._change:
            if len(self._line) >= LONGEST_QUEUE:
                return False
            self._line.append(run)
            return True

    @property
    def length(self) -> int:
        """How many runs there are, the working one among them."""
        return len(self._line)

    def ahead(self, run: Run) -> int:
        """Return how many are before a run."""
        with self._change:
            return self._line.index(run) if run in self._line else 0

    def wait(self, run: Run) -> None:
        """Wait for the turn of a run.

        Raises:
            Stopped: it was stopped before.
        """
        with self._change:
            while self._line[0] is not run:
                if run.stop.is_set():
                    raise Stopped("stopped while waiting")
                self._change.wait(POLL)

    def work(self, run: Run, work: Callable[[Run], None]) -> None:
        """Do the work of a run whose turn it is."""
        self._worker.submit(work, run).result()

    def leave(self, run: Run) -> None:
        """Let the next one have its turn."""
        with self._change:
            if run in self._line:
                self._line.remove(run)
            self._change.notify_all()

    def stop_all(self, patience: float) -> bool:
        """Stop everybody; return whether the model came to rest within `patience` seconds."""
        with self._change:
            for run in self._line:
                run.stop.set()
            return self._change.wait_for(lambda: not self._line, patience)


class Run:
    """A piece of work with the model.

    Args:
        desk: whose turn to wait for.
        work: called with this run when its turn has come; it calls `begin` and `step`, and checks `stop`.
    """

    def __init__(self, desk: Desk, work: Callable[[Run], None]) -> None:
        self._desk, self._work = desk, work
        self.stop = threading.Event()
        self.phase = Phase("waiting")
        self.rest: Sequence[tuple[str, float]] = ()  # (phase, units) of what comes after this phase
        self.made: list[str] = []  # tokens of what is finished
        self.best: list[str] = []  # of several candidates
        self.live: str | None = None  # token of what can be heard already
        self.version = 0  # counts changes of what is finished
        self.error: BaseException | None = None
        self._done = threading.Event()

    def start(self) -> bool:
        """Begin; False if too many are waiting."""
        if not self._desk.enter(self):
            return False
        threading.Thread(target=self._run, daemon=True, name="mustango-run").start()
        return True

    def _run(self) -> None:
        try:
            self._desk.wait(self)
            self._desk.work(self, self._work)
            self._learn()
        except BaseException as error:  # handed to whoever watches, who tells and logs it
            self.error = error
        finally:
            self._desk.leave(self)
            self._done.set()

    def begin(self, name: str, units: float, total: int = 0, rest: Sequence[tuple[str, float]] = ()) -> None:
        """Enter a phase, and learn from the one that ends.

        Args:
            name: of the phase.
            units: its work, in any measure that its duration is proportional to.
            total: its steps, 0 if it has none.
            rest: (phase, units) of what will come after it.

        Raises:
            Stopped: somebody wants it.
        """
        self._learn()
        self.phase, self.rest = Phase(name, units, total, since=time.monotonic()), rest
        if self.stop.is_set():
            raise Stopped(f"stopped before {name}")

    def _learn(self) -> None:
        if self.phase.since:
            self._desk.pace.learn(self.phase.name, self.phase.units, time.monotonic() - self.phase.since)

    def step(self, done: int) -> None:
        """Say how many steps of the phase are done."""
        self.phase.done = done

    def add(self, token: str) -> None:
        """Say that something is finished."""
        self.made.append(token)
        self.changed()

    def changed(self) -> None:
        """Say that what is finished looks different now."""
        self.version += 1

    def wait(self, seconds: float | None) -> bool:
        """Wait for the end or `seconds` (None: however long), whichever is first; return whether it has ended."""
        return self._done.wait(seconds)

    def describe(self, words: Words) -> str:
        """Return what happens now and, as far as this machine's pace is known, how long it will take."""
        phase = self.phase
        if phase.name == "waiting":
            ahead = self._desk.ahead(self)
            count = max(ahead, self._desk.length - 1)  # the one at work does not wait
            return words("waiting", place=ahead, count=count) if ahead else words("starting")
        name = words(f"phase_{phase.name}")
        told = words("phase_step", phase=name, done=phase.done, total=phase.total)
        left = self._left(phase)
        told = told if phase.total else words("phase", phase=name)
        return told if left is None else told + words("left", seconds=max(1, round(left)))

    def _left(self, phase: Phase) -> float | None:
        spent = time.monotonic() - phase.since
        own: float | None = None
        if phase.done:
            own = spent / phase.done * (phase.total - phase.done)
        elif (expected := self._desk.pace.expect(phase.name, phase.units)) is not None:
            own = max(0.0, expected - spent)
        parts = [own, *(self._desk.pace.expect(*one) for one in self.rest)]
        return None if None in parts else sum(part or 0.0 for part in parts)
