"""The page in a real browser: clips on their cards play, are taken home, come back and are shaped."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from munet.music import MusicPlan
from mustango_app.exchange.midi_read import read_midi
from tests.mustango_app.page.browsing import (
    IN_A_BROWSER,
    PROMPT,
    Held,
    expect,
    generate,
    make_quick,
    opened,
    sound,
    value,
    write,
)

pytestmark = IN_A_BROWSER


@pytest.mark.slow
def test_results_stay_play_on_come_back_after_a_reload_and_go(page: Any) -> None:
    write(page, "prompt", PROMPT)
    make_quick(page, variations=2)
    generate(page)
    cards = page.locator("#shelf .card")
    expect(cards).to_have_count(2, timeout=30_000)
    page.evaluate("document.querySelector('#shelf audio').play()")
    generate(page)
    expect(cards).to_have_count(4, timeout=30_000)
    first = page.locator("#shelf audio").nth(2)
    assert first.evaluate("audio => audio.currentTime > 0"), "a new result must not stop what plays"
    page.reload()
    expect(cards).to_have_count(4, timeout=30_000)
    titles = page.locator("#shelf .card header p").all_inner_texts()
    assert [title[:11] for title in titles] == ["variation 1", "variation 2"] * 2
    cards.first.get_by_role("button", name="Use these settings").click()
    expect(page.locator("#status")).to_contain_text("The settings of that clip are back", timeout=20_000)
    expect(value(page, "bpm")).to_have_value("90")
    cards.first.get_by_role("button", name="Delete", exact=True).click()
    expect(cards).to_have_count(3, timeout=20_000)


@pytest.mark.slow
def test_a_link_makes_the_same_clip_and_a_hand_written_one_fills_the_fields(page: Any, page_url: str) -> None:
    page.goto(f"{page_url}?prompt=calm+piano&bpm=80&key=E+minor&seconds=2&seed=7&steps=1")
    expect(value(page, "bpm")).to_have_value("80", timeout=30_000)
    expect(page.locator("#lock-key input")).to_be_checked()
    expect(value(page, "chords")).not_to_have_value("", timeout=30_000)
    page.get_by_text("How it is made").click()
    expect(page.locator("#seed").get_by_role("textbox")).to_have_value("7")
    page.get_by_label("Listen to the result and compare").uncheck()
    generate(page)
    first = sound(page, page_url)
    expect(page).to_have_url(re.compile("make="))
    page.goto(page.url)
    expect(page.locator("#status")).to_contain_text("The settings of the link are here", timeout=30_000)
    expect(value(page, "key")).to_have_value("E minor")
    page.get_by_text("How it is made").click()
    page.get_by_label("Listen to the result and compare").uncheck()
    expect(page.locator("#shelf .card")).to_have_count(1)
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#shelf .card")).to_have_count(2, timeout=60_000)
    assert sound(page, page_url) == first


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_refusal_of_a_cards_button_stands_on_the_card_too_and_again_on_the_next(page: Any) -> None:
    write(page, "prompt", PROMPT)
    make_quick(page, variations=2)
    generate(page)
    page.set_viewport_size({"width": 390, "height": 844})  # the status is far above the cards there
    refusal = "Region: expected the seconds of a region, got none"
    for number in (0, 1, 1):
        card = page.locator("#shelf .card").nth(number)
        card.locator("details").evaluate("details => { details.open = true; }")
        card.get_by_role("button", name="Repaint").click()
        expect(card.locator(".said.wrong")).to_have_text(refusal, timeout=20_000)
        expect(card.locator(".said")).to_be_in_viewport()
        expect(page.locator("#shelf .said", has_text="Region")).to_have_count(1)
    expect(page.locator("#status")).to_contain_text(refusal)
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#shelf .card")).to_have_count(4, timeout=60_000)
    expect(page.locator("#shelf .said:not(:empty)")).to_have_count(0)


@pytest.mark.slow
def test_what_a_link_says_and_no_field_takes_is_refused_at_the_field(page: Any, page_url: str) -> None:
    for field, said in (("style", "polka"), ("instruments", "kazoo"), ("energy", "wild")):
        page.goto(f"{page_url}?prompt=calm&{field}={said}")
        expect(page.locator(f"#field-{field}")).to_contain_text(f"got '{said}'", timeout=30_000)
        generate(page, f"got '{said}'")


def test_a_clip_plays_with_a_moving_playhead_and_loops(page: Any) -> None:
    write(page, "prompt", PROMPT)
    make_quick(page)
    generate(page)
    card = page.locator("#shelf .card").first
    audio, head = card.locator("audio"), card.locator("svg .head")
    audio.evaluate("audio => audio.play()")
    page.wait_for_function("document.querySelector('#shelf audio').currentTime > 0.2")
    first = float(head.get_attribute("x1").rstrip("%"))
    page.wait_for_function("document.querySelector('#shelf audio').currentTime > 0.6")
    assert 0 < first < float(head.get_attribute("x1").rstrip("%"))
    card.get_by_role("button", name="Loop").click()
    expect(card.get_by_role("button", name="Loop")).to_have_attribute("aria-pressed", "true")
    audio.evaluate("audio => { audio.currentTime = audio.duration - 0.2; }")
    page.wait_for_function("document.querySelector('#shelf audio').currentTime < 1")
    assert audio.evaluate("audio => !audio.paused && !audio.ended")
    card.get_by_role("button", name="Loop").click()
    audio.evaluate("audio => { audio.currentTime = audio.duration - 0.2; }")
    page.wait_for_function("document.querySelector('#shelf audio').ended")


def test_each_download_is_what_it_says(page: Any, tmp_path: Path) -> None:
    write(page, "prompt", "calm piano in C major, 120 bpm, 4/4")
    make_quick(page)
    generate(page)
    files = {}
    for link in page.locator("#shelf .card nav a").all():
        with page.expect_download() as started:
            link.click()
        file = tmp_path / started.value.suggested_filename
        started.value.save_as(file)
        files[link.inner_text()] = file
    assert list(files) == ["WAV", "FLAC", "MP3", "OGG", "MIDI", "Chord sheet", "Click", "Plan", "ZIP"]
    for kind in ("WAV", "FLAC", "MP3", "OGG", "Click"):
        assert soundfile.info(files[kind]).duration == pytest.approx(2.0, abs=0.15), kind
    assert np.array_equal(*(soundfile.read(files[kind], dtype="int16")[0] for kind in ("WAV", "FLAC")))
    plan = MusicPlan.from_dict(json.loads(files["Plan"].read_text(encoding="utf-8")))
    assert (plan.bpm, plan.key, plan.duration) == (120, "C major", 2.0)
    assert read_midi(files["MIDI"]).bpm == pytest.approx(120)
    assert "{tempo: 120}" in files["Chord sheet"].read_text(encoding="utf-8")
    with zipfile.ZipFile(files["ZIP"]) as archive:
        assert archive.read("sound.wav") == files["WAV"].read_bytes()
        assert {"plan.json", "recipe.json", "music.mid", "chords.cho", "click.wav"} <= set(archive.namelist())


@pytest.mark.slow
def test_the_candidates_of_the_best_stand_side_by_side(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.4, 0.8])
    # The extractors take half a minute to load; `test_browser_analyse` hears for real.
    monkeypatch.setattr("mustango_app.page.making._listen", lambda *_arguments, **_named: next(scores))
    write(page, "prompt", PROMPT)
    make_quick(page)
    page.locator("#best-of input[type=number]").fill("2")
    page.locator("#best-of input[type=number]").press("Tab")
    generate(page)
    cards = page.locator("#shelf .card")
    expect(cards).to_have_count(2)
    expect(cards.nth(0).locator("header p")).to_contain_text("candidate 1 of 2")
    expect(cards.nth(0).locator("header p")).to_contain_text("keeps to its plan: 40 %")
    expect(cards.nth(1).locator("header p")).to_contain_text("★ best of 2")
    expect(page.locator("#shelf .card.best")).to_have_count(1)
    cards.nth(1).get_by_role("button", name="Use these settings").click()
    expect(page.locator("#status")).to_contain_text("settings of that clip are back", timeout=20_000)
    expect(page.locator("#best-of input[type=number]")).to_have_value("1")
    seed = page.locator("#seed").get_by_role("textbox").input_value()
    assert f"seed {seed}" in cards.nth(1).locator("header p").inner_text()


@pytest.mark.slow
def test_a_link_to_the_second_variation_makes_that_one(page: Any, page_url: str) -> None:
    write(page, "prompt", PROMPT)
    make_quick(page, variations=2)
    generate(page)
    second = page.locator("#shelf .card").nth(1)
    made = page.request.get(f"{page_url}{second.locator('nav a').first.get_attribute('href')}").body()
    second.get_by_role("button", name="Link").click()
    expect(page.locator("#status")).to_contain_text("The address of this page makes this clip again")
    page.goto(page.url)
    expect(page.locator("#status")).to_contain_text("The settings of the link are here", timeout=30_000)
    page.get_by_text("How it is made").click()
    page.get_by_label("Listen to the result and compare").uncheck()
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#shelf .card")).to_have_count(3, timeout=60_000)
    assert sound(page, page_url) == made


def held_after_another_description(page: Any) -> Held:
    """Make a clip, describe another piece, and hold back what the server answers from then on."""
    write(page, "prompt", PROMPT)
    make_quick(page)
    generate(page)
    write(page, "prompt", "Energetic funk in E minor, 112 bpm, 4/4")
    expect(value(page, "bpm")).to_have_value("112", timeout=20_000)
    return Held(page)


def test_settings_that_come_late_leave_what_was_typed_and_locked_meanwhile(page: Any) -> None:
    held = held_after_another_description(page)
    page.get_by_role("button", name="Use these settings").click()
    held.wait()
    write(page, "field-key", "d moll")
    page.locator("#lock-chords input").check()
    chords = value(page, "chords").input_value()
    page.locator("#seed").get_by_role("textbox").fill("77")
    held.release()
    expect(page.locator("#status")).to_contain_text("The settings of that clip are back", timeout=20_000)
    expect(page.get_by_label("Describe the music")).to_have_value(PROMPT)
    expect(value(page, "bpm")).to_have_value("90")
    expect(page.locator("#lock-key input")).to_be_checked(timeout=20_000)  # by the draft of what is there now
    expect(value(page, "key")).to_have_value("d moll")
    expect(value(page, "chords")).to_have_value(chords)
    expect(page.locator("#seed").get_by_role("textbox")).to_have_value("77")


def test_settings_overtake_a_draft_and_their_plan_is_drawn(page: Any) -> None:
    held = held_after_another_description(page)
    write(page, "field-key", "C major")
    held.wait()
    page.get_by_role("button", name="Use these settings").click()
    held.wait(2)
    held.release()
    expect(page.locator("#field-bpm")).to_contain_text("yours", timeout=20_000)
    expect(page.get_by_label("Describe the music")).to_have_value(PROMPT)
    expect(value(page, "bpm")).to_have_value("90")
    expect(value(page, "key")).to_have_value("G major")
    expect(page.locator("#timeline svg.timeline")).to_have_attribute("aria-label", re.compile("of 3 beats"))


def test_what_is_typed_before_the_page_has_arrived_stays(browser: Any, page_url: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    held = Held(page)
    opened(page, f"{page_url}?prompt=calm+piano&bpm=80&key=E+minor")
    held.wait()
    write(page, "prompt", "funk")
    write(page, "field-key", "d moll")
    held.release()
    expect(value(page, "bpm")).to_have_value("80", timeout=30_000)
    expect(page.locator("#lock-key input")).to_be_checked(timeout=20_000)
    expect(value(page, "key")).to_have_value("d moll")
    expect(page.get_by_label("Describe the music")).to_have_value("funk")
    page.close()
