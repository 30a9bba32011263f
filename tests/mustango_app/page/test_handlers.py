"""The events of the page, called as the page calls them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from mustango_app import Mustango
from mustango_app.page.analysis import use_as_plan
from mustango_app.page.fields import NAMES
from mustango_app.page.handlers import Handlers
from mustango_app.page.results import Results
from mustango_app.page.runs import Desk
from mustango_app.page.words import words_for

EMPTY: dict[str, Any] = {"instruments": []}


@pytest.fixture
def handlers(engine: Mustango, tmp_path: Path) -> Handlers:
    return Handlers(engine, Desk(), Results(tmp_path / "results"))


def state(**locked: Any) -> tuple[list[Any], list[bool]]:
    return [locked.get(name, EMPTY.get(name, "")) for name in NAMES], [name in locked for name in NAMES]


def drafted(handlers: Handlers, prompt: str, last: dict[str, Any] | None = None, **typed: Any) -> dict[str, Any]:
    """Draft with locked fields or, after a draft that showed `last`, with fields that were typed into."""
    values, locks = state(**typed)
    if last is not None:
        values = [typed.get(name, last[name]) for name in NAMES]
        locks = [False] * len(NAMES)
    answer, timeline = handlers.draft(session(), prompt, 0, last, None, *values, *locks)
    return dict(zip(NAMES, answer["fields"], strict=True)) | answer | {"timeline": timeline}


def session(name: str = "a") -> Any:
    return SimpleNamespace(session_hash=name, headers={}, query_params={})


def run(
    handlers: Handlers,
    prompt: str = "calm piano",
    name: str = "a",
    runs: Any = (),
    steps: int = 2,
    variations: int = 1,
    listen: bool = False,
    seed: str = "4",
    interval: str = "",
    composed: bool = False,
    **locked: Any,
) -> Iterator[tuple[Any, ...]]:
    values, locks = state(**{"duration": "2 s", **locked})
    made_with = (seed, steps, "2", interval, composed, 1, variations, listen)
    return handlers.generate(session(name), prompt, 0, None, None, *values, *locks, *made_with, [*runs])


def test_the_plan_is_filled_from_the_words_with_its_sources(handlers: Handlers) -> None:
    draft = drafted(handlers, "A calm waltz for piano in G major, 90 bpm")
    assert (draft["bpm"]["value"], draft["meter"]["value"], draft["key"]["value"]) == ("90", "3/4", "G major")
    assert draft["instruments"]["value"] == ["piano"]
    assert draft["bpm"]["info"] == "from your words · Andante"
    assert draft["timeline"].startswith("<svg")


def test_only_locked_values_survive_a_new_description(handlers: Handlers) -> None:
    draft = drafted(handlers, "funk in E minor, 112 bpm", bpm="90,5")
    assert "value" not in draft["bpm"]
    assert draft["bpm"]["info"] == "yours · Moderato"
    assert draft["key"]["value"] == "E minor"


def test_typing_into_a_field_locks_it_and_emptying_it_does_not(handlers: Handlers) -> None:
    first = drafted(handlers, "music in C at 100 bpm")
    assert not any(first["locks"])
    typed = drafted(handlers, "music in C at 100 bpm", first["last"], key="d moll")
    assert typed["locks"] == [name == "key" for name in NAMES]
    assert "value" not in typed["key"] and "value" not in typed["bpm"]
    assert typed["last"]["key"] == "d moll"
    emptied = drafted(handlers, "music in C at 100 bpm", first["last"], key=" ")
    assert not any(emptied["locks"])
    assert "value" not in emptied["key"]  # somebody is about to type there
    assert drafted(handlers, "music in C", emptied["last"])["key"]["value"] == "C major"


def test_unlocking_lets_go_of_what_was_refused(handlers: Handlers) -> None:
    first = drafted(handlers, "music in C at 100 bpm")
    wrong = drafted(handlers, "music in C at 100 bpm", first["last"], sections="||||")
    assert "expected names with bars" in wrong["notes"] and wrong["locks"][NAMES.index("sections")]
    assert wrong["last"] == first["last"] | {"sections": "||||"}
    unlocked = drafted(handlers, "music in C at 100 bpm", wrong["last"])  # the same values, no lock
    assert not any(unlocked["locks"]) and unlocked["notes"] == ""
    assert unlocked["sections"]["value"] == ""


def test_what_was_typed_counts_even_before_it_is_drafted(handlers: Handlers) -> None:
    last = drafted(handlers, "calm piano")["last"]
    values = [{"duration": "2 s", "bpm": "9000"}.get(name, last[name]) for name in NAMES]
    inputs = [*values, *[False] * len(NAMES), "1", 1, "2", "", False, 1, 1, False, []]
    ((status, *_),) = handlers.generate(session(), "calm piano", 0, last, None, *inputs)
    assert "Tempo (BPM): expected" in status


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("bpm", "fast<b>", "Tempo (BPM): expected"), ("chords", "| G | Xyz |", "Chords: expected"),
     ("duration", "long", "Length: expected"), ("duration", "900", "Length: expected"), ("meter", "99", "Metre: exp"),
     ("style", "polka", "Style: expected one of afrobeat,"), ("energy", "wild", "Energy: expected one of calm,"),
     ("instruments", ["piano", "kazoo"], "Instruments: expected names of instruments among drums")],
)  # fmt: skip
def test_what_is_wrong_stands_at_its_field(handlers: Handlers, field: str, value: str, words: str) -> None:
    draft = drafted(handlers, "music", drafted(handlers, "music")["last"], **{field: value})
    assert words in draft[field]["info"]
    assert draft[field]["elem_classes"] == ["wrong"]
    assert "<b>" not in draft[field]["info"]
    assert words in draft["notes"]
    assert "value" not in draft["key"]


def test_what_was_said_but_not_used_is_told(handlers: Handlers) -> None:
    assert "ukulele" in drafted(handlers, "a waltz for ukulele")["notes"]


def test_an_empty_page_asks_for_nothing(handlers: Handlers) -> None:
    draft = drafted(handlers, "  ")
    assert draft["bpm"]["value"] == ""
    assert draft["timeline"] == ""


def test_a_draft_takes_less_than_a_tenth_of_a_second(handlers: Handlers) -> None:
    drafted(handlers, "warm up")
    start = time.process_time()
    drafted(handlers, "A melancholic ballad for acoustic guitar with the chords Am, F, C, G, Adagio, 12 bars")
    assert time.process_time() - start < 0.1


def test_each_run_adds_cards_and_keeps_the_others(handlers: Handlers) -> None:
    *_, (status, shown, runs) = run(handlers)
    assert "Done: 1 clip." in status
    *_, (_, both, more) = run(handlers, runs=runs, variations=2, seed="9")
    assert [len(one) for one in more] == [2, 1]
    assert [row["id"] for row in both][-1] == shown[0]["id"]
    assert "variation 2 of 2" in both[1]["html"]


def test_a_card_that_is_deleted_during_a_run_stays_away(handlers: Handlers) -> None:
    *_, (_, _, runs) = run(handlers)
    going = run(handlers, runs=runs, steps=200)  # long enough to be under way at its first sign of life
    next(going)
    handlers._results.delete(runs[0][0]["id"])
    *_, (_, shown, after) = going
    assert [len(one) for one in after] == [1] and len(shown) == 1
    assert after[0][0]["id"] != runs[0][0]["id"]


def test_the_clip_has_the_plan_of_the_page(handlers: Handlers) -> None:
    values, locks = state(duration="2 s")
    handlers.draft(session(), "calm piano", 0, None, None, *values, *locks)
    *_, (_, _, runs) = run(handlers)
    recipe = handlers._results.card(runs[0][0]["id"])["recipe"]
    assert recipe["plan"]["duration"] == 2.0
    assert recipe["seed"] == 4


def test_a_refusal_keeps_the_results(handlers: Handlers) -> None:
    ((status, shown, runs),) = run(handlers, bpm="9000")
    assert 'class="wrong"' in status and "Tempo (BPM): expected" in status
    assert shown["__type__"] == runs["__type__"] == "update"
    ((status, *_),) = run(handlers, seed="x")
    assert "Seed: expected a number" in status
    ((status, *_),) = run(handlers, prompt="")
    assert "Describe the music: expected" in status


def test_any_exception_leaves_the_page_usable(handlers: Handlers, caplog: pytest.LogCaptureFixture) -> None:
    handlers._results.folder.write_text("in the way")  # a folder cannot be made here: as a full disk
    *_, (status, *_) = run(handlers)
    assert "The result could not be kept" in status
    handlers._results.folder.unlink()
    handlers._results.folder = None  # type: ignore[assignment]
    *_, (status, *_) = run(handlers)
    assert escape(words_for(None)("wrong")) in status
    assert "a request of the page failed" in caplog.text
    assert handlers._desk.length == 0


def test_stop_ends_only_the_run_of_its_session_at_once(handlers: Handlers) -> None:
    results: dict[str, tuple[Any, ...]] = {}

    def work(name: str, steps: int) -> None:
        *_, results[name] = run(handlers, name=name, steps=steps)

    threads = [threading.Thread(target=work, args=one) for one in (("long", 200), ("short", 1))]
    threads[0].start()
    while "long" not in handlers._running:
        time.sleep(0.01)
    threads[1].start()
    assert "Nothing is running" in handlers.stop(session("elsewhere"))
    handlers.stop(session("long"))
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    assert time.perf_counter() - start < 5
    assert "Stopped." in results["long"][0]
    assert "Done" in results["short"][0]


def test_a_visitor_who_leaves_frees_the_model(handlers: Handlers) -> None:
    watched = run(handlers, steps=200)
    next(watched)
    watched.close()
    assert handlers._desk.stop_all(5.0)
    assert not handlers._running


def test_settings_come_back_and_clips_are_deleted(handlers: Handlers) -> None:
    *_, (_, _, runs) = run(handlers, key="D minor", interval="0.2,0.9")
    token = runs[0][0]["id"]
    event = SimpleNamespace(_data={"action": "use", "id": token})
    status, _, _, (prompt, *rest), held = handlers.act(session(), event, runs)
    assert (prompt, rest[2], rest[-6:]) == ("calm piano", "D minor", ["4", 2, "2", "0.2, 0.9", False, 1])
    assert held["key"] == "D minor"
    event = SimpleNamespace(_data={"action": "delete", "id": token})
    status, shown, left, settings, _ = handlers.act(session(), event, runs)
    assert (shown, left, settings) == ([], [], None)
    assert "Deleted" in status
    assert "no longer there" in handlers.act(session(), event, left)[0]


def test_a_reload_shows_what_was_made_and_keeps_the_recipes_of_what_is_gone(handlers: Handlers) -> None:
    *_, (_, shown, runs) = run(handlers)
    kept_runs = [*runs, [{"id": "gone" * 4, "make": runs[0][0]["make"]}], 7]
    status, again, kept, settings, _held = handlers.arrive(session(), kept_runs)
    assert [row["id"] for row in again] == [shown[0]["id"], "gone" * 4]
    assert "no longer on the server" in again[1]["html"]
    assert "Ready" in status and settings is None, "nothing is put over what somebody may be typing already"
    event = SimpleNamespace(_data={"action": "use", "id": "gone" * 4})
    assert handlers.act(session(), event, kept)[3][0] == "calm piano"


@pytest.mark.parametrize(
    ("action", "fields", "kind"),
    [
        ("edit", {"start": "0,5", "end": "1.5", "prompt": "with a trumpet", "chords": ""}, "edited"),
        ("extend", {"bars": "1"}, "extended"),
        ("begin", {"bars": 1}, "extended"),
        ("vary", {"strength": "0.5"}, "varied"),
    ],
)
def test_a_card_is_shaped_into_another(handlers: Handlers, action: str, fields: dict[str, Any], kind: str) -> None:
    *_, (_, _, runs) = run(handlers, prompt="calm piano, 120 bpm, 4/4", duration="4 s")
    event = SimpleNamespace(_data={"action": action, "id": runs[0][0]["id"], "fields": fields})
    *_, (status, shown, more) = handlers.shape(session(), runs, event)
    assert "Done: 1 clip." in status
    assert [len(one) for one in more] == [1, 1] and more[1] == runs[0]
    card = handlers._results.card(more[0][0]["id"])
    assert card["shaped"] == kind
    assert card["recipe"] == {} and shown[0]["link"] == ""  # its settings alone do not make it again


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"action": "edit", "fields": {}}, "Region: expected the seconds of a region, got none"),
        ({"action": "edit", "fields": {"start": "3", "end": "1"}}, "Region: expected a second after the start"),
        ({"action": "edit", "fields": {"start": "soon"}}, "Region: expected a number"),
        ({"action": "vary", "fields": {"strength": "2"}}, "Change: expected a number"),
        ({"action": "extend", "fields": {"bars": "9999"}}, "Length: expected an integer"),
        ({"action": "vary", "fields": 7, "id": "a" * 16}, "expected one that is still kept"),
    ],
)
def test_what_a_form_cannot_mean_is_refused(handlers: Handlers, data: dict[str, Any], sentence: str) -> None:
    *_, (_, _, runs) = run(handlers)
    event = SimpleNamespace(_data={"id": runs[0][0]["id"], **data})
    *_, (status, *_) = handlers.shape(session(), runs, event)
    assert sentence in status
    assert handlers._results.card(runs[0][0]["id"])  # what there is stays


def test_what_needs_a_heard_recording_is_refused_where_its_button_is(handlers: Handlers) -> None:
    for answer in (use_as_plan(session(), None), handlers.keep_recording(session(), None, None, [])):
        at_button, *others = answer
        assert "Hear a recording first." in at_button and "wrong" in at_button
        assert all(one in (None, gr.skip()) for one in others), (
            "the tab with the refusal stays open, and so does all else"
        )


def test_a_link_with_numbers_out_of_range_fills_the_other_fields(handlers: Handlers) -> None:
    query = {"prompt": "calm", "style": "polka", "seed": "5", "steps": "2", "best_of": "99"}
    visit = SimpleNamespace(session_hash="a", headers={}, query_params=query)
    status, _, _, (prompt, *rest), held = handlers.arrive(visit, [])
    assert "Best of: expected a number from 1 to 8, got 99" in status
    assert (prompt, rest[NAMES.index("style")], rest[-6:]) == ("calm", "polka", ["5", 2.0, None, None, None, None])
    assert held is None
