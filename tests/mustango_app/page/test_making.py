"""The work behind a press of the button: candidates, pieces that are heard while they are made, and what goes wrong."""

from __future__ import annotations

import resource
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augmentation.hearing import beats
from munet.errors import RequestError
from munet.music import MusicPlan
from mustango_app import Mustango
from mustango_app.page import cards, making
from mustango_app.page.live import Live
from mustango_app.page.making import Making, make_clips
from mustango_app.page.results import Results
from mustango_app.page.runs import Desk, Run
from mustango_app.page.words import words_for
from mustango_app.request import Request

PROMPT = "calm piano"


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "results")


def made(engine: Mustango, results: Results, listen: bool = False, seconds: float = 2, **more: Any) -> Run:
    plan = engine.plan(Request(PROMPT, seconds=seconds, seed=1)).plan
    jobs = Making(PROMPT, plan, 5, 2, 2.0, listen=listen, **more).jobs(engine)
    run = Run(Desk(), lambda run: make_clips(results, jobs, listen, run))
    assert run.start()
    assert run.wait(60)
    return run


def test_all_candidates_stay_and_the_best_is_marked(
    engine: Mustango, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.2, 0.9, 0.5, 0.1, 0.3, 0.2])
    # The extractors take half a minute to load; which candidate wins is not at stake here.
    monkeypatch.setattr(making, "_listen", lambda *_arguments, **_named: next(scores))
    run = made(engine, results, variations=2, best_of=3)
    assert run.error is None
    cards = [results.card(token) for token in run.made]
    assert [card["clip"]["seed"] for card in cards] == [5, 6, 7, 8, 9, 10]
    assert [card.get("best") for card in cards] == [None, 3, None, None, 3, None]
    assert [card["candidate"] for card in cards] == [[1, 3], [2, 3], [3, 3]] * 2
    assert [card["variation"] for card in cards] == [[1, 2]] * 3 + [[2, 2]] * 3
    assert run.best == [run.made[1], run.made[4]]


def test_each_candidate_is_the_clip_that_its_recipe_makes(
    engine: Mustango, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "_listen", lambda *_arguments, **_named: 0.5)
    run = made(engine, results, best_of=2)
    recipe = results.card(run.made[1])["recipe"]
    plan = engine.plan(Request(PROMPT, seconds=2, seed=1)).plan
    alone = engine.generate(PROMPT, plan=plan, seed=recipe["seed"], steps=recipe["steps"], guidance=recipe["guidance"])
    assert np.abs(results.clip(run.made[1]).audio - alone.audio).max() < 1e-4


def test_an_interval_of_guidance_is_in_the_recipe(engine: Mustango, results: Results) -> None:
    token = made(engine, results, guidance_interval=(0.3, 0.95)).made[0]
    recipe = results.card(token)["recipe"]
    assert recipe["guidance_interval"] == [0.3, 0.95]
    again = engine.generate(recipe.pop("prompt"), **recipe | {"plan": MusicPlan.from_dict(recipe["plan"])})
    assert np.abs(results.clip(token).audio - again.audio).max() < 1e-4  # the card's sound is a file


def test_without_madmom_a_clip_is_made_and_its_card_says_what_is_missing(
    engine: Mustango, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "madmom", None)
    beats._madmom_processors.cache_clear()  # an earlier test may have built them
    run = made(engine, results, listen=True)
    assert run.error is None
    card = results.card(run.made[0])
    assert any("madmom" in reason for reason in card["heard"]["missing"])
    html = cards.card_html(run.made[0], card, words_for(None))
    assert "madmom cannot be imported" in html


class TestDisk:
    """A disk without room: no file may grow beyond a few thousand bytes."""

    @pytest.fixture(autouse=True)
    def _full(self) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)

    def test_a_full_disk_is_told_and_leaves_nothing_behind(self, engine: Mustango, results: Results) -> None:
        run = made(engine, results)
        assert isinstance(run.error, OSError)
        assert run.made == []
        assert [path for path in results.folder.rglob("*") if path.is_file()] == []


def test_a_queue_that_is_full_is_told(engine: Mustango, results: Results) -> None:
    from mustango_app.page import runs

    desk = Desk()
    for _ in range(runs.LONGEST_QUEUE):
        assert desk.enter(Run(desk, print))
    plan = engine.plan(Request(PROMPT, seconds=2, seed=1)).plan
    jobs = Making(PROMPT, plan, 5, 2, 2.0).jobs(engine)
    assert not Run(desk, lambda run: make_clips(results, jobs, False, run)).start()


def test_a_long_piece_is_heard_while_it_is_made(
    engine: Mustango, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tiny model has no windows; what its pipeline would tell is told here by hand, the rest is real."""
    plan = engine.plan(Request(PROMPT, seconds=2, seed=1)).plan
    (job,) = Making(PROMPT, plan, 5, 2, 2.0).jobs(engine)
    seen: list[tuple[bool, int]] = []

    def play(callback: Any, stop: Any, on_audio: Any) -> Any:
        for chunk in np.split(np.zeros((2, 88200), np.float32), 4, axis=1):
            on_audio(chunk)
            assert run.live is not None
            seen.append((results.live(run.live) is not None, len(results.live(run.live).after(0)[0])))
        return job.play(callback, stop, on_audio)

    run = Run(Desk(), lambda run: make_clips(results, [replace(job, play=play, sample_rate=44100)], False, run))
    run.start()
    assert run.wait(60) and run.error is None
    assert [there for there, _ in seen] == [True] * 4
    assert seen[0][1] < seen[-1][1]
    assert run.live is None and results.live(run.made[0]) is None


def test_what_is_streamed_is_the_sound_as_mp3() -> None:
    live, second = Live(44100, 3.0, "x"), np.sin(2 * np.pi * 440 * np.arange(44100) / 44100).astype(np.float32)
    sent, parts = 0, []
    for _ in range(3):
        live.add(np.stack([second, second]) * 2)  # too loud: cut, not wrapped round
        part, ended = live.after(sent)
        assert part and not ended
        sent += len(part)
        parts.append(part)
    live.end()
    rest, ended = live.after(sent)
    assert ended
    assert 2.9 < frames_of(b"".join([*parts, rest])) * 1152 / 44100 < 3.1


def frames_of(mp3: bytes) -> int:
    """Number of frames of an MP3 (MPEG 1 layer 3, 44.1 kHz) of nothing but whole frames."""
    place = count = 0
    kilobits = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    while place < len(mp3):
        assert mp3[place] == 0xFF and mp3[place + 1] & 0xE0 == 0xE0
        place += 144_000 * kilobits[mp3[place + 2] >> 4] // 44100 + (mp3[place + 2] >> 1 & 1)
        count += 1
    return count


def test_nothing_is_made_of_what_the_model_cannot_take(engine: Mustango) -> None:
    plan = engine.plan(Request(PROMPT, seconds=2, seed=1)).plan
    with pytest.raises(RequestError, match="steps: expected an integer"):
        Making(PROMPT, plan, 5, 0, 2.0).jobs(engine)
