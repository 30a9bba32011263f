"""How soon the page can be used, and how soon a plan is on the screen after somebody stops typing.

    python benchmarks/page_speed.py [--visits 5] [--out FILE.json]

A server with the shipped model (`mustango serve`) and Chromium, driven by Playwright, each visit with an empty cache.
The first warms the server up and is left out. A page can be used once its prompt takes letters; a plan is there once
the tempo of the words stands in its field. Medians and the slowest, in seconds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.serving import free_port, started

PROMPT = "A calm waltz for piano and strings in G major, 93 bpm"


def visit(browser: Any, url: str) -> tuple[float, float]:
    """Return the seconds until the page can be used, and from the last letter to the plan."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    try:
        start = time.perf_counter()
        page.goto(url, wait_until="commit")
        prompt = page.locator("#prompt textarea")
        prompt.wait_for(state="visible", timeout=120_000)
        prompt.press_sequentially("A")
        page.wait_for_function("document.querySelector('#prompt textarea').value === 'A'")
        usable = time.perf_counter() - start
        page.wait_for_timeout(1000)
        prompt.press_sequentially(PROMPT[1:], delay=20)
        start = time.perf_counter()
        page.wait_for_function(
            "[...document.querySelectorAll('#field-bpm input, #field-bpm textarea')].some((one) => one.value === '93')"
        )
        return usable, time.perf_counter() - start
    finally:
        page.close()


def told(seconds: Sequence[float]) -> dict[str, float]:
    """Return median and the slowest."""
    return {"median": round(statistics.median(seconds), 2), "slowest": round(max(seconds), 2)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="how soon the page can be used and shows a plan")
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--model", help="folder (the shipped model)")
    parser.add_argument("--out", type=Path, help="also write the figures there")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    port = free_port()
    process = started(port, arguments.model)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            visits = [visit(browser, f"http://127.0.0.1:{port}") for _ in range(arguments.visits + 1)][1:]
    finally:
        process.terminate()
        process.wait(10)
    usable, planned = zip(*visits, strict=True)
    figures = {"usable_s": told(usable), "plan_after_typing_s": told(planned), "visits": len(visits)}
    print(json.dumps(figures, indent=1))
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
