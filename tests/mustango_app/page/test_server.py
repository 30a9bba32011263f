"""Where and for whom the page is served: checked before a model is loaded, and honoured afterwards."""

from __future__ import annotations

import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client

from munet.errors import RequestError
from mustango_app import Mustango
from mustango_app.page.blocks import build_demo
from mustango_app.page.server import ACCOUNT, Serving, launch_options
from mustango_app.page.zero import LONGEST_LOAN, Lent, loan
from mustango_app.request import Request

ROOT = Path(__file__).resolve().parents[3]
VARIABLES = ("GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "GRADIO_ROOT_PATH", "GRADIO_MCP_SERVER", ACCOUNT)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_a_port_that_is_taken_and_hosts_that_are_none_are_refused_at_once(taken: int) -> None:
    Serving().check()
    for serving, sentence in (
        (Serving(port=taken), f"port: expected a free one, got {taken}"),
        (Serving(port=0), "port: expected an integer from 1 to 65535, got 0"),
        (Serving(port=70_000), "port: expected an integer from 1 to 65535, got 70000"),
        (Serving(host="203.0.113.7"), "host: expected a free one, got 203.0.113.7"),
        (Serving(host="no such host"), "host: expected an address of this machine, got 'no such host'"),
        (Serving(rate=-1), "rate: expected requests a minute, 0 or more, got -1"),
        (Serving(accounts="/no/such/file"), "auth: expected a file that can be read"),
    ):
        with pytest.raises(RequestError, match=re.escape(sentence)):
            serving.check()


def test_gradios_environment_is_honoured_and_arguments_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7999")
    assert Serving().address == ("0.0.0.0", 7999)
    assert Serving("127.0.0.1", 8001).address == ("127.0.0.1", 8001)
    assert (Serving().most, Serving("127.0.0.1").most, Serving(rate=5).most, Serving(rate=0).most) == (60, 0, 5, 0)
    assert Serving().names == ()
    monkeypatch.setenv("GRADIO_ROOT_PATH", "https://music.example/app")
    assert "music.example" in Serving("127.0.0.1").names
    monkeypatch.setenv("GRADIO_SERVER_PORT", "many")
    with pytest.raises(RequestError, match="port: expected an integer"):
        Serving().check()


def test_accounts_come_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "accounts"
    assert Serving().read_accounts() is None
    file.write_text("anna:a:b\n\nbert: c \n", encoding="utf-8")
    assert Serving(accounts=str(file)).read_accounts() == [("anna", "a:b"), ("bert", " c")]
    monkeypatch.setenv(ACCOUNT, "carla:d")
    assert Serving().read_accounts() == [("carla", "d")]
    for text in ("", "anna", "anna:", ":b"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(RequestError, match="auth: expected lines name:password"):
            Serving(accounts=str(file)).read_accounts()


def test_mcp_without_its_package_is_refused_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mustango_app.page.server.importlib.util.find_spec", lambda _name: None)
    with pytest.raises(RequestError, match=r"mcp: expected the package mcp \(pip install 'gradio\[mcp\]'\)"):
        Serving(mcp=True).check()
    monkeypatch.setenv("GRADIO_MCP_SERVER", "True")
    assert Serving().wants_mcp and not Serving(mcp=False).wants_mcp


def test_who_has_no_password_gets_neither_page_nor_results(engine: Mustango, tmp_path: Path) -> None:
    file = tmp_path / "accounts"
    file.write_text("anna:secret", encoding="utf-8")
    demo = build_demo(engine)
    _, url, _ = demo.launch(**launch_options(demo, Serving(accounts=str(file))), prevent_thread_lock=True, quiet=True)
    try:
        client = Client(url, auth=("anna", "secret"), verbose=False)
        client.predict(prompt="calm", seconds=1, steps=1, api_name="/generate")
        (token,) = [home.name for home in demo.results.folder.iterdir()]
        address = f"{url}results/{token}/sound.wav"
        assert httpx.get(address).status_code == 404
        cookies = httpx.post(f"{url}login", data={"username": "anna", "password": "secret"}).cookies
        assert httpx.get(address, cookies=cookies).content == demo.results.form(token, "sound.wav").read_bytes()
        refused = httpx.post(f"{url}gradio_api/call/plan", json={"data": ["calm"]})
        assert refused.status_code == 401
        assert refused.json()["error"] == "login: expected a name and its password, got none"
        assert httpx.get(f"{url}health").json()["status"] == "ok"
        assert httpx.post(f"{url}login", data={"username": "anna", "password": "x"}).status_code == 400
    finally:
        demo.close()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_generating_ends_the_server_within_three_seconds(
    tiny_folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mustango_app", "serve", "--port", str(port), "--model", str(tiny_folder)]
    environment = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path / "gradio")}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: httpx.get(f"{url}/health", timeout=5).status_code == 200, 180)
        data = ["calm", *[None] * 4, 20, None, 1000]
        httpx.post(f"{url}/gradio_api/call/generate", json={"data": data}, timeout=30).raise_for_status()
        wait_for(lambda: httpx.get(f"{url}/health", timeout=5).json()["waiting"] == 1, 30)
        start = time.perf_counter()
        process.send_signal(number)
        assert process.wait(30) in (0, 130)
        assert time.perf_counter() - start < 3.0
    finally:
        process.kill()
    assert [path for path in (tmp_path / "gradio").rglob("*") if path.is_file()] == []


def wait_for(true: Any, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while True:
        try:
            if true():
                return
        except httpx.HTTPError:
            pass
        assert time.perf_counter() < end
        time.sleep(0.1)


def test_a_lent_gpu_makes_the_same_clip(engine: Mustango) -> None:
    """The decorator of `spaces` sends its arguments to another process: here by pickling them, in this one."""
    lent: list[float] = []

    def lend(task: Any, duration: Any) -> Any:
        def call(arguments: Any) -> Any:
            lent.append(duration(arguments))
            return pickle.loads(pickle.dumps(task(pickle.loads(pickle.dumps(arguments)))))

        return call

    request = Request("calm piano", seconds=2, steps=2, seed=3)
    plan, steps = engine.plan(request).plan, []
    (here,) = engine.play(request, [plan])
    pipeline = engine.pipeline
    engine.pipeline = Lent(pipeline, lend)
    try:
        (there,) = engine.play(request, [plan], callback=lambda done, total: steps.append((done, total)))
    finally:
        engine.pipeline = pipeline
    assert (there.audio == here.audio).all()
    assert steps == [(2, 2)]
    assert lent == [loan({"num_inference_steps": 2, "audio_length_in_s": 2.0})]
    assert loan({"num_inference_steps": 1000, "audio_length_in_s": 600.0}) == LONGEST_LOAN
