"""The page in a real browser: every theme, width and language, the keyboard, two tabs, a password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mustango_app import Mustango
from mustango_app.page.blocks import build_demo
from mustango_app.page.server import Serving, launch_options
from tests.mustango_app.page.browsing import (
    IN_A_BROWSER,
    PROMPT,
    expect,
    generate,
    make_quick,
    opened,
    value,
    write,
)

pytestmark = [*IN_A_BROWSER, pytest.mark.slow]


def test_the_page_speaks_chinese_to_a_chinese_browser(browser: Any, page_url: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
    page = context.new_page()
    page.goto(page_url)
    expect(page.get_by_label("描述音乐")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="圆舞曲").click()
    expect(value(page, "bpm")).to_have_value("90", timeout=30_000)
    expect(page.locator("#field-bpm")).to_contain_text("来自你的描述")
    expect(page.locator("#field-instruments")).to_contain_text("钢琴")  # a chip
    page.locator("#field-style input").click()
    page.get_by_role("option", name="放克").click()
    expect(page.locator("#field-style input")).to_have_value("放克")
    expect(page.locator("#lock-style input")).to_be_checked(timeout=20_000)
    expect(page.locator("#notes")).not_to_contain_text("风格")  # the value that is sent is the English one
    write(page, "field-bpm", "9000")
    expect(page.locator("#notes")).to_contain_text("30 到 300 之间的数字", timeout=20_000)
    page.goto(f"{page_url}?prompt=x&style=waltz&instruments=piano,drums")
    expect(page.locator("#field-style input")).to_have_value("圆舞曲", timeout=30_000)
    expect(page.locator("#field-instruments")).to_contain_text("鼓")
    context.close()


def test_two_tabs_do_not_disturb_each_other(browser: Any, page_url: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tabs = [context.new_page(), context.new_page()]
    for tab, prompt in zip(tabs, (PROMPT, "funk in E minor, 112 bpm"), strict=True):
        opened(tab, page_url)
        write(tab, "prompt", prompt)
        make_quick(tab)
    for tab in tabs:
        tab.get_by_role("button", name="Generate").click()
    for tab, words in zip(tabs, ("waltz", "funk"), strict=True):
        expect(tab.locator("#status")).to_contain_text("Done", timeout=60_000)
        expect(tab.locator("#shelf .card")).to_have_count(1)
        expect(tab.locator("#shelf .card h3")).to_contain_text(words)
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser: Any, page_url: str, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    opened(page, f"{page_url}?__theme={theme}")
    write(page, "prompt", PROMPT)
    make_quick(page)
    generate(page)
    page.locator("#shelf summary").first.click()
    write(page, "field-bpm", "fast as")
    expect(page.locator("#notes")).to_contain_text("expected", timeout=20_000)
    found = serious(axe, page)
    page.get_by_role("tab", name="Analyse").click()
    expect(page.locator("#hear")).to_be_visible()
    assert [*found, *serious(axe, page)] == []
    page.close()


def serious(axe: Any, page: Any) -> list[str]:
    """Faults that axe-core calls serious or critical, with where they are."""
    violations = axe.Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in violations
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_narrow_page_has_everything_within_its_width(browser: Any, page_url: str, theme: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    opened(page, f"{page_url}?__theme={theme}")
    write(page, "prompt", PROMPT)
    expect(page.locator("#timeline svg.timeline")).to_be_visible(timeout=20_000)
    make_quick(page)
    generate(page)
    card = page.locator("#shelf .card").first
    expect(card).to_be_in_viewport()
    card.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_it_works_by_keyboard_alone(page: Any) -> None:
    make_quick(page)
    page.get_by_label("Describe the music").focus()
    page.keyboard.type(PROMPT)
    expect(value(page, "bpm")).to_have_value("90", timeout=20_000)
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA", "an answer must not take the focus"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "generate"
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("Done", timeout=60_000)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "stop"
    reached = set()
    for _ in range(120):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.dataset.action || document.activeElement.closest('[id]')?.id")
        )
    wanted = {"field-bpm", "lock-bpm", "field-sections", "reroll", "unlock", "loop", "use", "delete"}
    assert wanted <= reached, wanted - reached


def test_the_password_page_lets_in_who_knows_it(browser: Any, engine: Mustango, tmp_path: Path) -> None:
    file = tmp_path / "accounts"
    file.write_text("anna:secret", encoding="utf-8")
    demo = build_demo(engine)
    options = launch_options(demo, Serving(accounts=str(file)))
    _, url, _ = demo.launch(**options, prevent_thread_lock=True, quiet=True)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    try:
        page.goto(url)
        name, password = page.get_by_label("username"), page.get_by_label("password")
        expect(name).to_be_visible(timeout=30_000)
        expect(page.get_by_label("Describe the music")).to_have_count(0)
        name.fill("anna")
        password.fill("wrong")
        page.get_by_role("button", name="Login").click()
        expect(page.get_by_text("Incorrect Credentials")).to_be_visible(timeout=20_000)
        name.fill("anna")  # the form forgets both
        password.fill("secret")
        page.get_by_role("button", name="Login").click()
        expect(page.get_by_label("Describe the music")).to_be_visible(timeout=30_000)
        write(page, "prompt", PROMPT)
        make_quick(page)
        generate(page)
        page.wait_for_function("document.querySelector('#shelf audio').duration > 1.9")
    finally:
        page.close()
        demo.close()
