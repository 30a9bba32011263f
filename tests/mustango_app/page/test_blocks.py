"""The page as a program meets it: launched for real, called through its API, on a tiny random model."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file

from munet.music import MusicPlan
from mustango_app import Mustango
from mustango_app.page.blocks import build_demo
from mustango_app.page.layout import EXAMPLES, example_text
from mustango_app.page.server import launch_options
from mustango_app.request import Request

PROMPT = "A calm waltz for piano in G major"
LAUNCH = """
import gradio as gr
from mustango_app.page.server import Serving, launch_options
from mustango_app.page.results import Results
from mustango_app.page.runs import Desk
for host in (None, "127.0.0.1"):
    with gr.Blocks() as demo:
        gr.Markdown("A page.")
    demo.desk, demo.results, demo.say, demo.gone = Desk(), Results(), gr.I18n(), print
    demo.launch(**launch_options(demo, Serving(host)), prevent_thread_lock=True, quiet=True)
    print("served at", demo.server_name)
    demo.close()
"""


@pytest.fixture(scope="module")
def client(engine: Mustango) -> Iterator[Client]:
    demo = build_demo(engine)
    _, url, _ = demo.launch(**launch_options(demo), prevent_thread_lock=True, quiet=True)
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


def test_the_api_has_documented_endpoints(client: Client) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/plan", "/generate", "/analyze", "/export", "/extend", "/edit"}
    generate = endpoints["/generate"]
    assert [item["parameter_name"] for item in generate["parameters"]][:3] == ["prompt", "bpm", "meter"]
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


@pytest.mark.parametrize("best_of", [1, 2])
def test_a_returned_recipe_makes_the_clip_again_byte_for_byte(
    client: Client, best_of: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.2, 0.9])
    # The extractors take half a minute to load; which candidate wins is not at stake here.
    monkeypatch.setattr("mustango_app.page.making._listen", lambda *_a, **_k: next(scores))
    arguments = {"prompt": "calm piano", "seconds": 2, "steps": 2, "seed": 3, "best_of": best_of}
    path, record = client.predict(**arguments, api_name="/generate")
    assert record["seed"] == 3 + (best_of - 1)
    again, repeated = client.predict(**record["recipe"], api_name="/generate")
    assert Path(path).read_bytes() == Path(again).read_bytes()
    assert repeated["recipe"] == record["recipe"]


@pytest.mark.parametrize(
    "sections",
    [
        "intro 1 | verse 1",
        [{"name": "intro", "bars": 1}, {"name": "verse", "bars": 1, "key": "D major", "chords": ["D", "A"]}],
        [{"name": "intro", "bars": 1}, {"name": "verse", "key": "D major", "chords": "| D A |"}],
    ],
)
def test_sections_are_kept_and_their_recipe_makes_the_clip_again_byte_for_byte(
    client: Client, engine: Mustango, sections: Any
) -> None:
    given = {"prompt": "calm piano, 120 bpm, 4/4", "sections": sections, "steps": 1, "seed": 3}
    path, record = client.predict(**given, api_name="/generate")
    plan = MusicPlan.from_dict(record["plan"])
    assert [(part.name, part.end - part.start) for part in plan.parts()] == [("intro", 2.0), ("verse", 2.0)]
    assert plan.parts()[1].key == ("D major" if isinstance(sections, list) else plan.key)
    again, _ = client.predict(**record["recipe"], api_name="/generate")
    assert Path(again).read_bytes() == Path(path).read_bytes()
    drafted = client.predict(prompt=given["prompt"], sections=sections, seed=3, api_name="/plan")
    assert MusicPlan.from_dict(drafted).parts() == plan.parts()
    if isinstance(sections, list):
        clip = engine.generate(given["prompt"], sections=sections, steps=1, seed=3)
        assert np.abs(soundfile.read(path)[0] - clip.audio[0]).max() < 1e-4


def test_loop_melody_and_chords_as_a_list_are_arguments(client: Client, engine: Mustango) -> None:
    given = {"bpm": 120, "chords": ["Em", "C"], "loop": True, "melody": [[64, 0.0, 0.5], [67, 1.0, 2.0]], "seconds": 4}
    plan = client.predict(prompt=PROMPT, seed=3, **given, meter=4, api_name="/plan")
    assert plan["loop"] is True and plan["melody"] == given["melody"]
    assert plan["chords"] == [["Em", 0.0], ["C", 2.0]]
    _, record = generated(client, **given, meter=4)
    assert record["plan"] == plan == engine.plan(Request(PROMPT, seed=3, **given, meter=4)).plan.to_dict()
    assert record["recipe"]["plan"]["loop"] is True
    _, unlooped = generated(client, plan=plan, loop=False, seconds=None)
    assert not unlooped["plan"].get("loop")


def test_a_plan_goes_in_and_out(client: Client) -> None:
    plan = client.predict(prompt=PROMPT, seed=5, bars=2, instruments="piano, drums", style="waltz", api_name="/plan")
    assert plan["instruments"] == ["piano", "drums"]
    _, record = generated(client, plan=plan, seconds=None)
    assert record["plan"] == plan  # the notes on its words too


@pytest.mark.parametrize(
    ("endpoint", "arguments"),
    [
        ("/edit", {"start": 1, "end": 2, "chords": "Am"}),
        ("/extend", {"bars": 1}),
        ("/extend", {"seconds": 2, "before": True}),
    ],
)
def test_a_clip_is_shaped_and_its_recipe_does_it_again_byte_for_byte(
    client: Client, endpoint: str, arguments: dict[str, Any]
) -> None:
    before, record = client.predict(prompt="calm piano, 120 bpm, 4/4", seconds=4, steps=1, seed=3, api_name="/generate")
    given = {**arguments, "plan": record["plan"], "words": record["prompt"], "seed": 5, "steps": 1}
    path, shaped = client.predict(audio=handle_file(before), **given, api_name=endpoint)
    old, new = soundfile.read(before, dtype="int16")[0], soundfile.read(path, dtype="int16")[0]
    rate = soundfile.info(path).samplerate
    first, last = (round(second * rate) for second in shaped["settings"]["shaped"]["region"])
    assert first < last
    assert np.array_equal(new[:first], old[:first])
    assert np.array_equal(new[last:], old[len(old) - (len(new) - last) :])
    again, _ = client.predict(audio=handle_file(before), **shaped["recipe"], api_name=endpoint)
    assert Path(again).read_bytes() == Path(path).read_bytes()


def test_a_plan_is_written_for_other_programs(client: Client) -> None:
    plan = client.predict(prompt=PROMPT, seed=5, bars=2, api_name="/plan")
    with zipfile.ZipFile(client.predict(plan=plan, title="A waltz", api_name="/export")) as archive:
        assert {"plan.json", "music.mid", "chords.cho", "click.wav"} <= set(archive.namelist())
        assert "A waltz" in archive.read("chords.cho").decode()
    midi = client.predict(plan=plan, format="mid", api_name="/export")
    assert Path(midi).read_bytes().startswith(b"MThd")


@pytest.mark.parametrize("form", ["flac", "mp3", "ogg"])
def test_other_formats(client: Client, form: str) -> None:
    path, _ = client.predict(prompt=PROMPT, seconds=2, steps=1, format=form, api_name="/generate")
    assert Path(path).suffix == f".{form}"
    assert soundfile.info(path).frames > 0


def called(client: Client, endpoint: str, body: dict[str, Any]) -> str:
    """What plain HTTP answers to a call."""
    response = httpx.post(f"{client.src}gradio_api/call/{endpoint}", json=body)
    if response.status_code != 200:
        return response.text
    event = response.json()["event_id"]
    return httpx.get(f"{client.src}gradio_api/call/{endpoint}/{event}", timeout=60).text


@pytest.mark.parametrize(
    ("endpoint", "body", "sentence"),
    [
        ("plan", {"data": []}, "prompt: expected a description of the music, got none"),
        ("generate", {}, "prompt: expected a description of the music, got none"),
        ("analyze", {"data": []}, "audio: expected a recording, got none"),
        ("plan", {"data": ["x", *[None] * 10, {"bpm": "fast"}]}, "bpm: expected"),
        ("plan", {"data": ["x", *[None] * 10, 7]}, "plan: expected an object"),
        ("plan", {"data": ["x", *[None] * 10, {"nonsense": 1}]}, "expected"),
        ("plan", {"data": ["x", None, None, None, "C " * 5000]}, "chords: expected at most 4000 characters"),
        ("plan", {"data": [{"a": 1}]}, "prompt: expected a description"),
        ("generate", {"data": ["x", *[None] * 4, 30, None, 1000]}, "steps: expected at most 800 for 1 clip of 30 s"),
        ("generate", {"data": ["x", *[None] * 14, "exe"]}, "format: expected one of wav"),
    ],
)
def test_every_refusal_is_a_sentence(client: Client, endpoint: str, body: dict[str, Any], sentence: str) -> None:
    answer = called(client, endpoint, body)
    assert sentence in answer
    assert "null}" not in answer


def test_results_are_served_in_every_form_and_nothing_else(client: Client, engine: Mustango) -> None:
    _, record = generated(client)
    token = Path(client.predict(**record["recipe"], api_name="/generate")[0]).parent.name
    assert token
    for path in ("results/x/sound.wav", f"results/{'a' * 16}/sound.wav", "results/..%2f..%2fetc/passwd"):
        assert httpx.get(f"{client.src}{path}").status_code == 404
    assert httpx.get(f"{client.src}health").json() == {"status": "ok", "waiting": 0, "model": "ready"}


def test_other_hosts_are_refused(client: Client) -> None:
    assert httpx.get(client.src, headers={"host": "evil.example"}).status_code == 421


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
        ({"prompt": PROMPT, "chords": "<b>"}, "got '&lt;b"),
        ({"prompt": PROMPT, "seconds": 31}, "seconds: expected .*, got 31"),
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
    refused = httpx.post(f"{client.src}gradio_api/call/analyze", json=body)
    assert refused.json() == {"error": "audio: expected an uploaded file, got another value"}


def test_nothing_is_fetched_from_elsewhere(client: Client, engine: Mustango) -> None:
    page = httpx.get(client.src).text
    config = httpx.get(f"{client.src}config").json()
    assert "fonts.googleapis" not in page
    assert not [sheet for sheet in config.get("stylesheets") or () if sheet.startswith("http")]
    assert config["analytics_enabled"] is False
    assert client.src.startswith("http://127.0.0.1:")
    assert launch_options(build_demo(engine))["share"] is False


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


def test_examples_state_plans_that_can_be_made() -> None:
    assert len(EXAMPLES) == 5
    for name in EXAMPLES:
        assert Request(example_text(name), seed=0).draft.plan.is_complete
