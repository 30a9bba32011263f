"""The page in a real browser: a recording is heard, becomes a plan, and is played on; the extractors are real."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.mustango_app.page.browsing import (
    IN_A_BROWSER,
    PROMPT,
    expect,
    make_quick,
    value,
    write,
)

pytestmark = [*IN_A_BROWSER, pytest.mark.slow]  # half a minute to load the extractors


RATE = 22050


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six bars at 120 BPM: a click on each beat, a higher one on the first, over C major and G major."""
    seconds = np.arange(12 * RATE) / RATE
    tones = {0: (261.63, 329.63, 392.0), 1: (196.0, 246.94, 293.66)}
    sound = np.zeros_like(seconds)
    for bar in range(6):
        inside = (seconds >= 2 * bar) & (seconds < 2 * bar + 2)
        sound[inside] += sum(0.1 * np.sin(2 * np.pi * tone * seconds[inside]) for tone in tones[bar % 2])
    for beat in range(24):
        since = np.maximum(seconds - beat / 2, 0)
        sound += 0.5 * np.exp(-since * 60) * np.sin(2 * np.pi * (1600 if beat % 4 == 0 else 800) * since)
    path = tmp_path_factory.mktemp("recording") / "clicks.wav"
    soundfile.write(path, sound, RATE)
    return path


def test_a_recording_is_heard_used_as_plan_repainted_and_continued(page: Any, recording: Path) -> None:
    page.get_by_role("tab", name="Analyse").click()
    for button in ("Use as plan", "Continue or repaint"):
        expect(page.locator("#heard")).not_to_contain_text("Hear a recording first.")
        page.get_by_role("button", name=button).click()
        expect(page.locator("#heard p.wrong")).to_contain_text("Hear a recording first.", timeout=20_000)
        page.get_by_role("button", name="Hear it").click()
        expect(page.locator("#heard")).to_contain_text("expected an upload or a recording, got none", timeout=20_000)
    page.locator("#recording input[type=file]").set_input_files(recording)
    page.get_by_role("button", name="Hear it").click()
    expect(page.locator("#heard")).to_contain_text("12.0 s · 120 BPM", timeout=180_000)
    expect(page.locator("#heard-timeline svg.timeline")).to_be_visible()
    expect(page.get_by_label("Chord sheet")).to_have_value(re.compile("C.*G", re.S))
    page.get_by_role("button", name="Use as plan").click()
    expect(page.get_by_label("Describe the music")).to_be_visible(timeout=20_000)
    expect(value(page, "bpm")).to_have_value(re.compile(r"119\.9\d?|120(\.0\d)?"))
    expect(page.locator("#lock-chords input")).to_be_checked()
    expect(page.locator("#status")).to_contain_text("The fields hold what was heard")
    page.get_by_role("tab", name="Analyse").click()
    page.get_by_role("button", name="Continue or repaint").click()
    card = page.locator("#shelf .card")
    expect(card).to_have_count(1, timeout=20_000)
    expect(card.locator("header p")).to_contain_text("recording")
    card.locator("summary").click()
    card.locator("[data-field=start]").fill("2")
    card.locator("[data-field=end]").fill("4")
    card.get_by_role("button", name="Repaint").click()
    expect(page.locator("#status")).to_contain_text("Done", timeout=180_000)
    expect(page.locator("#shelf .card").first).to_contain_text("repainted")
    expect(page.locator("#shelf .card").first.locator(".verdict")).to_contain_text("heard")
    last = page.locator("#shelf .card").last
    last.locator("[data-field=bars]").fill("1")
    last.get_by_role("button", name="Continue", exact=True).click()
    expect(page.locator("#shelf .card")).to_have_count(3, timeout=180_000)
    expect(page.locator("#shelf .card").first).to_contain_text("continued")


def test_what_cannot_be_heard_is_told(page: Any, tmp_path: Path) -> None:
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(2 * RATE), RATE)
    page.get_by_role("tab", name="Analyse").click()
    page.locator("#recording input[type=file]").set_input_files(silence)
    page.get_by_role("button", name="Hear it").click()
    expect(page.locator("#heard p.wrong")).to_contain_text("Recording: expected", timeout=60_000)


def test_the_best_of_two_is_found_by_listening(page: Any) -> None:
    write(page, "prompt", PROMPT)
    make_quick(page)
    page.locator("#best-of input[type=number]").fill("2")
    page.locator("#best-of input[type=number]").press("Tab")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#status")).to_contain_text("Done: 2 clips", timeout=180_000)
    expect(page.locator("#shelf .card.best")).to_have_count(1)
    expect(page.locator("#shelf .card.best .verdict")).to_contain_text("Tempo")
