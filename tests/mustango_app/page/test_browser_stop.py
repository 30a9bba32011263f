"""The page in a real browser: Stop works at each stage, and what goes wrong leaves the page usable."""

from __future__ import annotations

import errno
import threading
import time
from typing import Any

import pytest

from augmentation.hearing.listen import Heard
from mustango_app import Mustango
from mustango_app.page.runs import Run
from tests.mustango_app.page.browsing import (
    IN_A_BROWSER,
    PROMPT,
    expect,
    generate,
    make_quick,
    number,
    write,
)

pytestmark = [*IN_A_BROWSER, pytest.mark.slow]


def test_stop_leaves_the_page_usable(page: Any) -> None:
    write(page, "prompt", PROMPT)
    make_quick(page)
    steps = number(page, "Steps")
    steps.fill("200")
    steps.press("Tab")
    generate(page, "Denoising|Starting")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#status")).to_contain_text("Stopped", timeout=20_000)
    steps.fill("1")
    steps.press("Tab")
    generate(page)


def stopped(page: Any, at: str, ending: str = "Stopped") -> None:
    """Wait for a phase, press Stop and be answered at once."""
    expect(page.locator("#status")).to_contain_text(at, timeout=60_000)
    start = time.perf_counter()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#status")).to_contain_text(ending, timeout=10_000)
    assert time.perf_counter() - start < 5.0  # a tenth of it on an idle machine


def test_stop_works_while_waiting_for_a_turn(page: Any, demo: Any) -> None:
    write(page, "prompt", PROMPT)
    make_quick(page)
    gate = threading.Event()
    other = Run(demo.desk, lambda _run: gate.wait(60))
    assert other.start()
    try:
        page.get_by_role("button", name="Generate").click()
        stopped(page, "Waiting: place 1 of 1")
    finally:
        gate.set()
    assert other.wait(10)
    generate(page)


def test_stop_works_while_decoding_and_while_listening(
    page: Any, engine: Mustango, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(page, "prompt", PROMPT)
    make_quick(page)
    gate = threading.Event()

    def slowly(work: Any) -> Any:
        return lambda *arguments, **named: (gate.wait(60), work(*arguments, **named))[1]

    try:
        with monkeypatch.context() as slow:
            slow.setattr(engine.pipeline.vae, "decode", slowly(engine.pipeline.vae.decode))
            page.get_by_role("button", name="Generate").click()
            stopped(page, "Decoding")
            gate.set()
        page.get_by_label("Listen to the result and compare").check()
        gate.clear()
        monkeypatch.setattr("mustango_app.evaluation.measure.hear", slowly(lambda *_arguments: Heard(duration=2.0)))
        page.get_by_role("button", name="Generate").click()
        stopped(page, "Listening", "what was finished is kept")
        expect(page.locator("#shelf .card")).to_have_count(1)
    finally:
        gate.set()


def test_what_goes_wrong_is_told_and_the_page_goes_on(page: Any, demo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write(page, "prompt", PROMPT)
    make_quick(page)
    generate(page)
    with monkeypatch.context() as broken:
        broken.setattr(demo.results, "save", full_disk)
        generate(page, "The result could not be kept: No space left on device")
    with monkeypatch.context() as broken:
        broken.setattr("mustango_app.page.runs.LONGEST_QUEUE", 0)
        generate(page, "Too many people are waiting")
    generate(page)
    expect(page.locator("#shelf .card")).to_have_count(2)


def full_disk(*_arguments: Any) -> str:
    raise OSError(errno.ENOSPC, "No space left on device")
