"""The page in a real browser: what a person does, from the first word to the last download.

Needs Playwright (`pip install playwright`) and Chromium (Debian's `chromium`); skipped without them.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from mustango_app import Mustango
from mustango_app.page.blocks import build_demo
from mustango_app.page.server import launch_options

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
expect = sync_api.expect
PROMPT = "A calm waltz for piano in G major, 90 bpm"


@pytest.fixture(scope="module")
def url(engine: Mustango) -> Iterator[str]:
    demo = build_demo(engine)
    _, url, _ = demo.launch(**launch_options(demo), prevent_thread_lock=True, quiet=True)
    yield url
    demo.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])


@pytest.fixture
def page(browser: Any, url: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened(page, url)
    yield page
    context.close()
    assert not errors


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
    # All of the words must have been read: a draft on its way would come over what is typed next.
    expect(value(page, "bpm")).to_have_value(re.compile("^(90|112|120)$"), timeout=30_000)
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


def test_words_become_a_plan_and_only_locks_survive_new_words(page: Any) -> None:
    write(page, "prompt", PROMPT)
    expect(value(page, "bpm")).to_have_value("90", timeout=20_000)
    expect(value(page, "meter")).to_have_value("3/4")
    expect(page.locator("#timeline svg.timeline")).to_be_visible()
    write(page, "field-key", "d moll")
    expect(page.locator("#lock-key input")).to_be_checked(timeout=20_000)
    write(page, "prompt", "Energetic funk in E minor, 112 bpm")
    expect(value(page, "bpm")).to_have_value("112", timeout=20_000)
    expect(value(page, "key")).to_have_value("d moll")
    page.locator("#lock-key input").uncheck()
    expect(value(page, "key")).to_have_value("E minor", timeout=20_000)


def test_a_typist_is_answered_once_they_pause(page: Any) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    write(page, "prompt", PROMPT)
    expect(value(page, "bpm")).to_have_value("90", timeout=20_000)
    page.wait_for_timeout(500)
    assert 1 <= len(asked) < len(PROMPT) / 4


def test_an_error_stands_at_its_field_and_goes_when_mended(page: Any) -> None:
    write(page, "prompt", PROMPT)
    expect(value(page, "bpm")).to_have_value("90", timeout=20_000)  # a draft on its way would overwrite what is typed
    write(page, "field-bpm", "fast as")
    notes = page.locator("#notes")
    expect(notes).to_contain_text("got 'fast as'", timeout=20_000)
    expect(page.locator("#field-bpm")).to_contain_text("Tempo (BPM): expected")
    generate(page, "Tempo .BPM.: expected")
    write(page, "field-bpm", "90,5")
    expect(notes).not_to_contain_text("expected", timeout=20_000)


def test_results_stay_play_loop_download_come_back_and_go(page: Any, url: str) -> None:
    write(page, "prompt", PROMPT)
    make_quick(page, variations=2)
    generate(page)
    cards = page.locator("#shelf .card")
    expect(cards).to_have_count(2)
    page.evaluate("document.querySelector('#shelf audio').play()")
    generate(page)
    expect(cards).to_have_count(4)
    first = page.locator("#shelf audio").nth(2)
    assert first.evaluate("audio => audio.currentTime > 0"), "a new result must not stop what plays"
    cards.first.get_by_role("button", name="Loop").click()
    assert cards.first.locator("audio").evaluate("audio => audio.loop")
    for link in cards.first.locator("nav a").all():
        response = page.request.get(f"{url}{link.get_attribute('href')}")
        assert response.ok and len(response.body()) > 100, link.inner_text()
    page.reload()
    expect(cards).to_have_count(4, timeout=30_000)
    titles = page.locator("#shelf .card header p").all_inner_texts()
    assert [title[:11] for title in titles] == ["variation 1", "variation 2"] * 2
    cards.first.get_by_role("button", name="Use these settings").click()
    expect(page.locator("#status")).to_contain_text("The settings of that clip are back", timeout=20_000)
    expect(value(page, "bpm")).to_have_value("90")
    cards.first.get_by_role("button", name="Delete", exact=True).click()
    expect(cards).to_have_count(3, timeout=20_000)


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


def test_a_link_makes_the_same_clip_and_a_hand_written_one_fills_the_fields(page: Any, url: str) -> None:
    page.goto(f"{url}?prompt=calm+piano&bpm=80&key=E+minor&seconds=2&seed=7&steps=1")
    expect(value(page, "bpm")).to_have_value("80", timeout=30_000)
    expect(page.locator("#lock-key input")).to_be_checked()
    expect(value(page, "chords")).not_to_have_value("", timeout=30_000)
    page.get_by_text("How it is made").click()
    expect(page.locator("#seed").get_by_role("textbox")).to_have_value("7")
    page.get_by_label("Listen to the result and compare").uncheck()
    generate(page)
    first = sound(page, url)
    expect(page).to_have_url(re.compile("make="))
    page.goto(page.url)
    expect(page.locator("#status")).to_contain_text("The settings of the link are here", timeout=30_000)
    expect(value(page, "key")).to_have_value("E minor")
    page.get_by_text("How it is made").click()
    page.get_by_label("Listen to the result and compare").uncheck()
    expect(page.locator("#shelf .card")).to_have_count(1)
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#shelf .card")).to_have_count(2, timeout=60_000)
    assert sound(page, url) == first


def sound(page: Any, url: str) -> bytes:
    return page.request.get(f"{url}{page.locator('#shelf nav a').first.get_attribute('href')}").body()


def test_a_dragged_region_is_repainted_and_the_clip_goes_on_and_varies(page: Any) -> None:
    write(page, "prompt", "calm piano, 120 bpm, 4/4")
    make_quick(page)
    write(page, "field-duration", "4 s")
    generate(page)
    card = page.locator("#shelf .card").first
    card.locator("svg.timeline").scroll_into_view_if_needed()
    box = card.locator("svg.timeline").bounding_box()
    page.mouse.move(box["x"] + 0.26 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 20, steps=4)
    page.mouse.move(box["x"] + 0.74 * box["width"], box["y"] + 20, steps=4)
    page.mouse.up()
    expect(card.locator("[data-field=start]")).to_have_value("1")  # on the beats
    expect(card.locator("[data-field=end]")).to_have_value("3")
    for count, (action, words) in enumerate(
        (("Repaint", "repainted"), ("Continue", "continued"), ("Begin earlier", "continued"), ("Vary", "varied")), 2
    ):
        card = page.locator("#shelf > div", has=page.locator(".card")).last
        card.get_by_role("button", name=action, exact=True).click()
        expect(page.locator("#shelf .card")).to_have_count(count, timeout=120_000)
        expect(page.locator("#shelf .card").first).to_contain_text(words)
        expect(page.locator("#status")).to_contain_text("Done", timeout=120_000)


def test_a_form_without_a_region_is_refused_in_a_sentence(page: Any) -> None:
    write(page, "prompt", PROMPT)
    make_quick(page)
    generate(page)
    card = page.locator("#shelf .card").first
    card.locator("summary").click()
    card.get_by_role("button", name="Repaint").click()
    expect(page.locator("#status")).to_contain_text("Region: expected the seconds of a region, got none")


def test_the_page_speaks_chinese_to_a_chinese_browser(browser: Any, url: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_label("描述音乐")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="圆舞曲").click()
    expect(value(page, "bpm")).to_have_value("90", timeout=30_000)
    expect(page.locator("#field-bpm")).to_contain_text("来自你的描述")
    write(page, "field-bpm", "9000")
    expect(page.locator("#notes")).to_contain_text("30 到 300 之间的数字", timeout=20_000)
    context.close()


def test_an_error_is_marked_for_those_who_listen(page: Any) -> None:
    write(page, "prompt", PROMPT)
    expect(value(page, "bpm")).to_have_value("90", timeout=20_000)
    write(page, "field-bpm", "fast as")
    expect(value(page, "bpm")).to_have_attribute("aria-invalid", "true", timeout=20_000)
    write(page, "field-bpm", "90")
    expect(value(page, "bpm")).to_have_attribute("aria-invalid", "false", timeout=20_000)


def test_two_tabs_do_not_disturb_each_other(browser: Any, url: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tabs = [context.new_page(), context.new_page()]
    for tab, prompt in zip(tabs, (PROMPT, "funk in E minor, 112 bpm"), strict=True):
        opened(tab, url)
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
def test_axe_finds_no_serious_fault(browser: Any, url: str, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    opened(page, f"{url}?__theme={theme}")
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
def test_a_narrow_page_has_everything_within_its_width(browser: Any, url: str, theme: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    opened(page, f"{url}?__theme={theme}")
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
    page.get_by_label("Describe the music").focus()
    page.keyboard.type(PROMPT)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "generate"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "stop"
