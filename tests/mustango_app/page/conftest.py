"""A page of the tiny model, and a browser in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mustango_app import Mustango
from mustango_app.page.blocks import build_demo
from mustango_app.page.server import Serving, launch_options


@pytest.fixture(scope="module")
def demo(engine: Mustango) -> Iterator[Any]:
    demo = build_demo(engine)
    demo.launch(**launch_options(demo, Serving()), prevent_thread_lock=True, quiet=True)
    yield demo
    demo.close()


@pytest.fixture(scope="module")
def page_url(demo: Any) -> str:
    return str(demo.local_url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from tests.mustango_app.page.browsing import CHROMIUM, sync_api

    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])


@pytest.fixture
def page(browser: Any, page_url: str) -> Iterator[Any]:
    from tests.mustango_app.page.browsing import opened

    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened(page, page_url)
    yield page
    context.close()
    assert not errors
