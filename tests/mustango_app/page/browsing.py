"""What the tests in a browser share: how a page is opened, filled and asked to make something.

They need Playwright (`requirements-dev.txt`) and Chromium (Debian's `chromium`), and are skipped without them. What
must work at least runs with all tests; the rest is `slow`: `pytest -m browser` runs both.
"""

from __future__ import annotations

import re
import shutil
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
IN_A_BROWSER = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]
expect = sync_api.expect
PROMPT = "A calm waltz for piano in G major, 90 bpm"
DRAFTS = "**/gradio_api/run/predict*"  # where drafts go


def opened(page: Any, url: str) -> None:
    page.goto(url)
    expect(page.get_by_label("Describe the music")).to_be_visible(timeout=60_000)


def write(page: Any, field: str, text: str) -> None:
    page.locator(f"#{field}").get_by_role("textbox").click()
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def value(page: Any, field: str) -> Any:
    return page.locator(f"#field-{field}").get_by_role("textbox")


def number(page: Any, name: str) -> Any:
    """The field of a number, a slider's or its own."""
    return page.locator({"Steps": "#steps input", "Variations": "#num-clips input[type=number]"}[name])


def make_quick(page: Any, variations: int = 1) -> None:
    """Ask for one step of two seconds, and do not listen: the recognisers are tested elsewhere."""
    write(page, "field-duration", "2 s")
    expect(page.locator("#lock-duration input")).to_be_checked(timeout=20_000)
    page.get_by_text("How it is made").click()
    for name, count in (("Steps", 1), ("Variations", variations)):
        box = number(page, name)
        box.fill(str(count))
        box.press("Tab")
    page.get_by_label("Listen to the result and compare").uncheck()


def generate(page: Any, ending: str = "Done") -> None:
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#status")).to_contain_text(re.compile(ending), timeout=60_000)


def sound(page: Any, url: str) -> bytes:
    """The WAV file of the first card."""
    return page.request.get(f"{url}{page.locator('#shelf nav a').first.get_attribute('href')}").body()


class Held:
    """Requests for drafts that stay on their way until they are let through, as on a slow line."""

    def __init__(self, page: Any) -> None:
        self._page, self._routes, self._open = page, [], False
        page.route(DRAFTS, self._meet)

    def _meet(self, route: Any) -> None:
        if self._open:
            route.continue_()
        else:
            self._routes.append(route)

    def wait(self, count: int = 1) -> None:
        """Wait until so many are on their way."""
        for _ in range(200):
            if len(self._routes) >= count:
                return
            self._page.wait_for_timeout(50)
        raise AssertionError(f"{len(self._routes)} drafts were sent, expected {count}")

    def release(self) -> None:
        """Let all through, and those to come."""
        self._open = True
        for route in self._routes:
            route.continue_()
