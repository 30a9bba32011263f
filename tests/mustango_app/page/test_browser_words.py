"""The page in Chinese in a real browser: what Gradio and what faults of the server say is in the visitor's language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mustango_app.page.handlers import Handlers
from tests.mustango_app.page.browsing import IN_A_BROWSER, expect

pytestmark = [*IN_A_BROWSER, pytest.mark.slow]


@pytest.fixture
def chinese(browser: Any, page_url: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
    page = context.new_page()
    page.goto(page_url)
    expect(page.get_by_label("描述音乐")).to_be_visible(timeout=60_000)
    yield page
    context.close()


def told(page: Any, text: str) -> None:
    toast = page.get_by_test_id("toast-body").filter(has_text=text)
    expect(toast).to_be_visible(timeout=20_000)
    toast.get_by_test_id("toast-close").click()
    expect(toast).to_have_count(0)


def test_files_that_cannot_be_taken(chinese: Any, tmp_path: Path) -> None:
    chinese.get_by_role("tab", name="分析").click()
    upload = chinese.locator("#recording input[type=file]")
    large, text = tmp_path / "large.wav", tmp_path / "note.txt"
    with large.open("wb") as file:
        file.truncate(51 * 2**20)
    text.write_text("hello", encoding="utf-8")
    upload.set_input_files(large)
    told(chinese, "文件超过允许的最大大小")
    upload.set_input_files(text)
    told(chinese, "note.txt 不是音频文件")
    broken = tmp_path / "broken.wav"
    broken.write_text("hello", encoding="utf-8")
    upload.set_input_files(broken)
    expect(chinese.locator("#recording audio, #recording .waveform-container").first).to_be_attached(timeout=20_000)
    chinese.get_by_role("button", name="开始听").click()
    expect(chinese.locator("#heard .wrong")).to_contain_text("应为libsndfile 能读取的音频", timeout=60_000)


def test_a_full_queue(chinese: Any, demo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo._queue, "max_size", 0)
    chinese.get_by_role("button", name="开始生成").click()
    told(chinese, "等待的人太多")


def test_faults_of_the_server(chinese: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a fault of the program")

    monkeypatch.setattr(Handlers, "_plan", broken)
    monkeypatch.setattr(Handlers, "_asked", broken)
    chinese.get_by_label("描述音乐").fill("一首圆舞曲")
    expect(chinese.locator("#notes .wrong")).to_contain_text("服务器出错", timeout=20_000)
    chinese.get_by_role("button", name="开始生成").click()
    expect(chinese.locator("#status .wrong")).to_contain_text("服务器出错", timeout=20_000)
    assert "fault of the program" not in chinese.locator("body").inner_text()


def test_a_draft_that_is_not_answered(chinese: Any) -> None:
    chinese.route("**/gradio_api/run/predict*", lambda route: route.fulfill(status=429, json={"error": "rate: ..."}))
    chinese.get_by_label("描述音乐").fill("一首圆舞曲")
    expect(chinese.locator("#notes .wrong")).to_contain_text("服务器没有应答", timeout=20_000)
    chinese.unroute("**/gradio_api/run/predict*")
    chinese.get_by_label("描述音乐").fill("一首圆舞曲,每分钟90拍")
    expect(chinese.locator("#field-bpm").get_by_role("textbox")).to_have_value("90", timeout=20_000)
    expect(chinese.locator("#notes .wrong")).to_have_count(0)
