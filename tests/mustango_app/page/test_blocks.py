"""The page as a program meets it: launched for real, called through its API, on a tiny random model."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file

from munet.music import MusicPlan
from mustango_app import Mustango
from mustango_app.page.blocks import EXAMPLES, Handlers, build_demo, launch_options
from mustango_app.page.text import read_fields, read_number
from mustango_app.request import Request

PROMPT = "A calm waltz for piano in G major"


@pytest.fixture(scope="module")
def client(engine: Mustango) -> Iterator[Client]:
    demo = build_demo(engine)
    _, url, _ = demo.launch(**launch_options(), prevent_thread_lock=True, quiet=True)
    client = Client(url, verbose=False)
    yield client
    client.close()
    demo.close()


def generated(client: Client, **arguments: Any) -> tuple[np.ndarray, dict[str, Any]]:
    path, record = client.predict(
        **{"prompt": PROMPT, "seconds": 2, "steps": 2, "seed": 3, **arguments}, api_name="/generate"
    )
    audio, _ = soundfile.read(path)
    return audio, record


def test_the_api_has_three_documented_endpoints(client: Client) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/plan", "/generate", "/analyze"}
    generate = endpoints["/generate"]
    required = [item["parameter_name"] for item in generate["parameters"] if not item["parameter_has_default"]]
    assert required == ["prompt"]
    assert [item["python_type"]["type"] for item in generate["returns"]] == ["filepath", "dict(str, Any)"]


def test_plan_endpoint(client: Client) -> None:
    plan = MusicPlan.from_dict(client.predict(prompt=PROMPT, bpm=90, api_name="/plan"))
    assert plan.is_complete
    assert (plan.bpm, plan.meter, plan.key) == (90, 3, "G major")


def test_generate_endpoint_is_the_engine(client: Client, engine: Mustango) -> None:
    audio, record = generated(client)
    clip = engine.generate(PROMPT, seconds=2, steps=2, seed=3)
    assert np.abs(audio - clip.audio[0]).max() < 1e-4
    assert MusicPlan.from_dict(record["plan"]) == clip.plan
    assert (record["seed"], record["settings"]["steps"]) == (3, 2)


def test_people_at_once_do_not_disturb_each_other(client: Client) -> None:
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda seed: generated(client, seed=seed)[0], range(3)))
    for seed, audio in enumerate(together):
        assert np.array_equal(audio, generated(client, seed=seed)[0])


def test_analyze_endpoint(client: Client, tmp_path: Path) -> None:
    rate = 22050
    seconds = np.arange(2 * rate) / rate
    soundfile.write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 440 * seconds), rate)
    heard = client.predict(audio=handle_file(tmp_path / "tone.wav"), api_name="/analyze")
    assert heard["duration"] == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": ""}, "prompt: expected a description"),
        ({"prompt": PROMPT, "bpm": 5000}, "bpm: expected a number from 30 to 300, got 5000"),
        ({"prompt": PROMPT, "chords": "<b>"}, "got '&lt;b'"),
        ({"prompt": PROMPT, "seconds": 31}, "seconds: expected a number from 1 to 30, got 31"),
    ],
)
def test_errors_are_plain(client: Client, arguments: dict[str, Any], message: str) -> None:
    for endpoint in ("/plan", "/generate"):
        with pytest.raises(Exception, match=message):
            client.predict(**arguments, api_name=endpoint)


def test_files_of_the_machine_are_not_served(client: Client) -> None:
    response = httpx.get(f"{client.src}gradio_api/file=/etc/hostname")
    assert response.status_code in (403, 404)
    body = {"data": [{"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}]}
    event = httpx.post(f"{client.src}gradio_api/call/analyze", json=body).json()["event_id"]
    assert "event: error" in httpx.get(f"{client.src}gradio_api/call/analyze/{event}", timeout=60).text


def test_nothing_is_fetched_from_elsewhere(client: Client) -> None:
    page = httpx.get(client.src).text
    config = httpx.get(f"{client.src}config").json()
    assert "fonts.googleapis" not in page
    assert not [sheet for sheet in config.get("stylesheets") or () if sheet.startswith("http")]
    assert config["analytics_enabled"] is False
    assert client.src.startswith("http://127.0.0.1:")
    assert launch_options()["share"] is False


LAUNCH = """
import gradio as gr
from mustango_app.page.blocks import launch_options
for host in (None, "127.0.0.1"):
    with gr.Blocks() as demo:
        gr.Markdown("A page.")
    demo.launch(**launch_options(host), prevent_thread_lock=True, quiet=True)
    print("served at", demo.server_name)
    demo.close()
"""


def test_the_environment_of_gradio_is_honoured_unless_an_address_is_given() -> None:
    """In a fresh process: Gradio reads its environment when it is first used."""
    environment = os.environ | {"GRADIO_SERVER_NAME": "127.0.0.2", "GRADIO_ANALYTICS_ENABLED": "False"}
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", LAUNCH]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)
    served = [line.split()[-1] for line in done.stdout.splitlines() if line.startswith("served at")]
    assert served == ["127.0.0.2", "127.0.0.1"], done.stderr


def test_an_upload_that_claims_too_much_is_refused_in_a_sentence(client: Client, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "slow.wav", np.zeros(1000), 1)
    with pytest.raises(Exception, match="expected from 4000 to 384000 Hz, got 1"):
        client.predict(audio=handle_file(tmp_path / "slow.wav"), api_name="/analyze")


def session(name: str) -> Any:
    return SimpleNamespace(session_hash=name)


def run(
    handlers: Handlers, name: str, prompt: str = PROMPT, steps: int = 2, best_of: int = 1, **fields: str
) -> Iterator[tuple[Any, ...]]:
    plan = [fields.get(field) for field in ("bpm", "meter", "key", "chords", "seconds", "seed")]
    return handlers.generate(prompt, *plan, steps, 3.0, best_of, session(name), lambda *_, **__: None)


def test_the_page_shows_plan_then_clip(engine: Mustango) -> None:
    handlers = Handlers(engine)
    handlers.begin(session("a"))
    first, last = run(handlers, "a", seconds="2", seed="4", bpm="90")
    assert first[0] == "Making 2 seconds …"
    assert "| Tempo | 90 BPM (Andante) | given |" in first[3]
    assert first[1] is None
    status, audio, figure, table, record, heard = last
    assert status == "Done: 2 seconds, seed 4."
    assert table == first[3]
    assert Path(audio.value["path"]).is_file()
    assert audio.subtitles[0]["text"] == record["plan"]["chords"][0][0]
    assert len(figure.axes) == 2
    assert heard is None
    compared = handlers.compare(record, {"duration": 2.0, "bpm": 90.0, "beats": record["plan"]["beats"]})
    assert "| Tempo | 90 BPM (Andante) | 90.0 BPM | beats 100 % |" in compared


def test_what_is_wrong_stands_in_the_status_line(engine: Mustango) -> None:
    (only,) = run(Handlers(engine), "a", key="<img>")
    assert only[0].startswith("**key: expected")
    assert "&lt;img&gt;" in only[0]
    assert only[1] is None


def test_stop_ends_only_the_session_that_asked(engine: Mustango) -> None:
    handlers = Handlers(engine)
    for name in ("a", "b"):
        handlers.begin(session(name))
    results: dict[str, tuple[Any, ...]] = {}

    def work(name: str, steps: int) -> None:
        *_, results[name] = run(handlers, name, steps=steps, seconds="2")

    long = threading.Thread(target=work, args=("a", 1000))
    long.start()
    time.sleep(0.3)
    start = time.perf_counter()
    handlers.stop(session("a"))
    long.join()
    assert time.perf_counter() - start < 5
    work("b", 2)
    assert results["a"][0].startswith("Stopped.")
    assert results["b"][0].startswith("Done:")
    handlers.end(None, session("a"))
    handlers.stop(session("a"))


def test_fill_shows_what_the_description_says(engine: Mustango) -> None:
    handlers = Handlers(engine)
    bpm, meter, key, chords = handlers.fill("A waltz in G major at 90 bpm", "", "", "", "G D/F# Em C", "8")
    assert (bpm, meter, key, chords) == ("90", "3", "G major", "G D/F# Em C")


def test_fields() -> None:
    empty = dict.fromkeys(("bpm", "meter", "key", "chords", "seconds"))
    assert read_fields("", None, " ", "", None) == empty
    assert read_fields("92.5", "4", "Am", "", "8") == {**empty, "bpm": 92.5, "meter": 4, "key": "Am", "seconds": 8}
    with pytest.raises(ValueError, match="seed: expected a number, got 'x'"):
        read_number("seed", "x")


def test_examples_state_plans_that_can_be_made() -> None:
    assert len(EXAMPLES) == 5
    for text in EXAMPLES:
        assert Request(text, seed=0).draft.plan.is_complete
