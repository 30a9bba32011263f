"""The service's answers, as an ASGI application and on Ray Serve with two replicas."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from munet.errors import RequestError
from mustango_app import Mustango
from mustango_app.request import Request
from mustango_app.serving.answering import Answering, Line, request_of
from mustango_app.serving.ray_service import application
from tests.tiny import tiny_pipeline_folder

WALTZ = {"prompt": "a waltz in G major", "seconds": 2, "steps": 2, "seed": 7}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pipeline_folder(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def model(folder: Path) -> Mustango:
    return Mustango(folder)


def ask(model: Mustango, method: str, path: str, content: bytes = b"") -> httpx.Response:
    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(app=Answering(model).application)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.request(method, path, content=content)

    return asyncio.run(call())


def test_a_clip_over_http_is_the_clip(model: Mustango) -> None:
    answer = ask(model, "POST", "/generate", json.dumps(WALTZ).encode())
    assert answer.status_code == 200 and answer.headers["content-type"] == "audio/wav"
    sound, rate = soundfile.read(io.BytesIO(answer.content))
    clip = model.generate(**WALTZ)
    assert rate == model.sample_rate and np.allclose(sound, clip.audio[0], atol=1e-4)
    assert json.loads(answer.headers["X-Mustango-Clip"]) == clip.to_dict()


def test_plans_go_out_and_in(model: Mustango) -> None:
    plan = ask(model, "POST", "/plan", json.dumps(WALTZ).encode()).json()
    assert (plan["meter"], plan["key"], plan["duration"]) == (3, "G major", 2)
    body = json.dumps(WALTZ | {"plan": plan | {"bpm": 77}, "format": "flac"}).encode()
    answer = ask(model, "POST", "/generate", body)
    assert json.loads(answer.headers["X-Mustango-Clip"])["plan"]["bpm"] == 77
    assert soundfile.info(io.BytesIO(answer.content)).format == "FLAC"
    assert ask(model, "GET", "/health").json() == {"status": "ok", "waiting": 0}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"nonsense", "body: expected a JSON object, got b'nonsense'"),
        (b"[1]", "body: expected a JSON object, got list"),
        (b'{"promt": "rock"}', "body: expected fields among prompt"),
        (b'{"prompt": "rock", "bpm": 5000}', "bpm: expected a number from 30 to 300, got 5000"),
        (b'{"prompt": "rock", "format": "exe"}', "format: expected one of wav, flac, got 'exe'"),
        (b'{"prompt": "rock", "plan": 3}', "plan: expected an object"),
        (b'{"prompt": "rock", "melody": "/etc/passwd"}', "melody: expected notes"),
        (b'{"prompt": "rock", "seconds": 31}', "seconds: expected at most 30 with this model, got 31"),
        (b'{"prompt": "' + b"x" * 1_000_000 + b'"}', "body: expected at most 1000000 bytes"),
    ],
)
def test_what_is_wrong_is_said(model: Mustango, body: bytes, message: str) -> None:
    answer = ask(model, "POST", "/generate", body)
    assert answer.status_code == 400 and answer.json()["error"].startswith(message)


def test_those_who_waited_are_served_together_and_errors_are_their_own(folder: Path) -> None:
    engine = Mustango(folder, batch=4)
    sizes: list[int] = []
    samples_of = engine.samples_of

    def counted(prompts: Any, *arguments: Any) -> Any:
        sizes.append(len(prompts))
        return samples_of(prompts, *arguments)

    engine.samples_of = counted

    async def crowd() -> list[Any]:
        line = Line(engine, longest=4)
        requests = [Request("rock", seconds=1 if seed < 4 else 31, steps=1, seed=seed) for seed in range(5)]
        first = asyncio.create_task(line.make(requests[0]))
        await asyncio.sleep(0.01)  # the model is busy from now on
        return await asyncio.gather(first, *map(line.make, requests[1:]), return_exceptions=True)

    *clips, refused = asyncio.run(crowd())
    assert [clip.seed for clip in clips] == [0, 1, 2, 3] and sizes == [1, 3]
    assert isinstance(refused, RequestError) and "seconds: expected at most 30" in str(refused)


def test_a_line_has_an_end(model: Mustango) -> None:
    async def crowd() -> None:
        line = Line(model, longest=0)
        with pytest.raises(RequestError, match="queue: expected a free place"):
            await line.make(Request("rock", seconds=1, steps=1))

    asyncio.run(crowd())


def test_arguments_of_the_service_are_checked() -> None:
    pytest.importorskip("ray.serve")
    with pytest.raises(RequestError, match=r"arguments: expected names among .*, got replica"):
        application({"replica": 2})
    with pytest.raises(RequestError, match="replicas: expected an integer from 1 to 1024, got 0"):
        application({"replicas": "0"})


@pytest.fixture
def service(folder: Path) -> Iterator[str]:
    """Two replicas on processors."""
    ray, serve = pytest.importorskip("ray"), pytest.importorskip("ray.serve")
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
    try:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(application({"replicas": "2", "model": str(folder)}))
        yield f"http://127.0.0.1:{port}"
    finally:
        serve.shutdown()
        ray.shutdown()


@pytest.mark.slow
def test_two_replicas_answer_behind_one_address(service: str, model: Mustango) -> None:
    async def crowd() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=service, timeout=120) as client:
            bodies = [WALTZ | {"seed": seed} for seed in range(4)] + [{"prompt": "rock", "bpm": 1}]
            return await asyncio.gather(*(client.post("/generate", json=body) for body in bodies))

    *answers, refused = asyncio.run(crowd())
    for seed, answer in enumerate(answers):
        assert answer.status_code == 200
        sound, _ = soundfile.read(io.BytesIO(answer.content))
        assert np.allclose(sound, model.generate(**WALTZ | {"seed": seed}).audio[0], atol=1e-2)
    assert refused.status_code == 400 and refused.json()["error"].startswith("bpm: expected")
    assert httpx.get(f"{service}/nothing").status_code == 404


@pytest.mark.parametrize("field", [{"melody": "tune.mid"}, {"melody": "composed"}, {"parts": "song.mid"}])
def test_no_file_of_the_server_is_read(field: dict[str, str]) -> None:
    with pytest.raises(RequestError, match=r"expected notes .* got the path of a file"):
        request_of({"prompt": "calm", **field})


def test_parts_may_be_composed() -> None:
    assert request_of({"prompt": "calm", "parts": "composed"}).parts == "composed"
