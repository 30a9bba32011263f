"""The page in a real browser: words become a plan, which a person edits, locks and corrects."""

from __future__ import annotations

import re
from typing import Any

from tests.mustango_app.page.browsing import (
    IN_A_BROWSER,
    PROMPT,
    Held,
    expect,
    generate,
    value,
    write,
)

pytestmark = IN_A_BROWSER


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


def test_an_error_is_marked_for_those_who_listen(page: Any) -> None:
    write(page, "prompt", PROMPT)
    expect(value(page, "bpm")).to_have_value("90", timeout=20_000)
    write(page, "field-bpm", "fast as")
    expect(value(page, "bpm")).to_have_attribute("aria-invalid", "true", timeout=20_000)
    write(page, "field-bpm", "90")
    expect(value(page, "bpm")).to_have_attribute("aria-invalid", "false", timeout=20_000)


def test_an_answer_that_comes_late_leaves_what_was_typed_and_locked_meanwhile(page: Any) -> None:
    write(page, "prompt", PROMPT)
    expect(value(page, "bpm")).to_have_value("90", timeout=20_000)
    held = Held(page)
    write(page, "prompt", "Energetic funk in E minor, 112 bpm, 4/4")
    held.wait()
    write(page, "field-key", "d moll")
    page.locator("#lock-meter input").check()
    value(page, "chords").click()  # out of the field of the key
    held.release()
    expect(value(page, "bpm")).to_have_value("112", timeout=20_000)
    expect(page.locator("#lock-key input")).to_be_checked(timeout=20_000)
    expect(value(page, "key")).to_have_value("d moll")
    expect(value(page, "meter")).to_have_value("3/4")
    expect(page.locator("#lock-meter input")).to_be_checked()


def test_words_typed_on_a_slow_line_are_all_read_and_unlocking_counts(page: Any) -> None:
    write(page, "field-bpm", "100")
    expect(page.locator("#lock-bpm input")).to_be_checked(timeout=20_000)
    held = Held(page)
    write(page, "prompt", "A waltz")
    held.wait()
    page.keyboard.type(" in G major, 90 bpm")
    page.locator("#lock-bpm input").uncheck()
    held.release()
    expect(value(page, "bpm")).to_have_value("90", timeout=20_000)
    expect(value(page, "key")).to_have_value("G major")
    expect(page.locator("#lock-bpm input")).not_to_be_checked()


def test_chords_and_sections_are_edited_and_all_is_unlocked_again(page: Any) -> None:
    write(page, "prompt", "calm piano in C major, 120 bpm, 4/4")
    expect(value(page, "bpm")).to_have_value("120", timeout=20_000)
    write(page, "field-sections", "intro 2 | verse 4")
    expect(value(page, "duration")).to_have_value("12 s", timeout=20_000)
    write(page, "field-chords", "| Am | F | C G |")
    timeline = page.locator("#timeline svg.timeline")
    told = re.compile("Sections: intro, verse.*Chords: Am at 0.0, F at 2.0")
    expect(timeline).to_have_attribute("aria-label", told, timeout=20_000)
    page.get_by_role("button", name="Unlock all").click()
    expect(value(page, "sections")).to_have_value("", timeout=20_000)
    expect(page.locator("#plan .lock input:checked")).to_have_count(0)


def test_where_the_model_predicts_nothing_the_page_says_so(page: Any) -> None:
    expect(page.locator("#predictors")).to_contain_text("this model has no predictors for beats and chords")
