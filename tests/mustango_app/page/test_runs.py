"""Turns with the model: in order, watched, stopped at any time, and free again whatever happens."""

from __future__ import annotations

import threading
import time

from munet.errors import RequestError
from mustango_app.page import runs
from mustango_app.page.runs import Desk, Pace, Run
from mustango_app.page.words import words_for
from mustango_app.stopped import Stopped

ENGLISH = words_for(None)


def test_turns_are_taken_in_order_of_arrival() -> None:
    desk, order, gate = Desk(), [], threading.Event()
    first = Run(desk, lambda _run: (gate.wait(5), order.append(1)))
    others = [Run(desk, lambda _run, number=number: order.append(number)) for number in (2, 3)]
    for run in (first, *others):
        assert run.start()
    assert others[1].describe(ENGLISH) == "Waiting: place 2 of 2 in the queue …"
    gate.set()
    assert all(run.wait(5) for run in (first, *others))
    assert order == [1, 2, 3]
    assert desk.length == 0


def test_who_waits_can_stop_and_holds_nobody_up() -> None:
    desk, gate = Desk(), threading.Event()
    first, waiting, last = (Run(desk, lambda _run: gate.wait(5)) for _ in range(3))
    for run in (first, waiting, last):
        run.start()
    waiting.stop.set()
    assert waiting.wait(2)
    assert isinstance(waiting.error, Stopped)
    assert desk.ahead(last) == 1
    gate.set()
    assert last.wait(5)


def test_any_error_frees_the_model_and_is_kept() -> None:
    desk = Desk()
    for error in (RequestError("x: expected y"), ZeroDivisionError("bug"), KeyboardInterrupt()):

        def fail(_run: Run, error: BaseException = error) -> None:
            raise error

        run = Run(desk, fail)
        run.start()
        assert run.wait(5)
        assert run.error is error
        assert desk.length == 0


def test_a_full_line_is_told_at_once() -> None:
    desk, gate = Desk(), threading.Event()
    held = [Run(desk, lambda _run: gate.wait(5)) for _ in range(runs.LONGEST_QUEUE)]
    assert all(run.start() for run in held)
    assert not Run(desk, lambda _run: None).start()
    gate.set()
    assert all(run.wait(5) for run in held)


def test_phases_are_told_with_the_time_left_once_the_pace_is_known() -> None:
    desk, gate = Desk(), threading.Event()
    desk.pace.learn("decoding", 1.0, 4.0)

    def work(run: Run) -> None:
        run.begin("denoising", 10.0, total=4, rest=(("decoding", 2.0),))
        run.phase.since = time.monotonic() - 6.0
        run.step(2)
        gate.wait(5)

    run = Run(desk, work)
    run.start()
    while run.phase.done != 2:
        time.sleep(0.01)
    assert run.describe(ENGLISH) == "Denoising 2 of 4 … · about 14 s left"
    gate.set()
    run.wait(5)


def test_the_pace_is_learned_from_what_was_done() -> None:
    pace = Pace()
    assert pace.expect("decoding", 3.0) is None
    pace.learn("decoding", 2.0, 4.0)
    assert pace.expect("decoding", 3.0) == 6.0
    pace.learn("decoding", 2.0, 8.0)
    assert pace.expect("decoding", 1.0) == 3.0


def test_everybody_is_stopped_when_the_server_ends() -> None:
    desk = Desk()
    held = [Run(desk, lambda run: run.stop.wait(5)) for _ in range(3)]
    for run in held:
        run.start()
    assert desk.stop_all(5.0)
    assert all(run.stop.is_set() for run in held)
