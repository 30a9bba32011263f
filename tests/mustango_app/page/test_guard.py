"""What stands before the page: hosts, bounded bodies, whole calls, a budget."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from munet.errors import RequestError
from mustango_app.page.guard import (
    FAILED,
    LOCAL_NAMES,
    MOST_BODY,
    Departures,
    HostCheck,
    Rate,
    Sentences,
    WholeCalls,
    check_work,
)


async def echo(request: Request) -> JSONResponse:
    return JSONResponse(await request.json() if request.method == "POST" else {"ok": True})


APP = Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST"])])
CALL = "/gradio_api/call/plan"


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:7860", 200), ("127.0.0.1", 200), ("[::1]:7860", 200), ("LOCALHOST", 200), ("evil.example", 421),
     ("127.0.0.1.evil.example:7860", 421), ("localhost:1@evil.example", 421), ("", 421)],
)  # fmt: skip
def test_only_names_of_this_machine_are_answered(host: str, status: int) -> None:
    client = TestClient(HostCheck(APP, LOCAL_NAMES))
    assert client.get("/", headers={"host": host}).status_code == status


def test_without_names_every_host_is_answered() -> None:
    assert TestClient(HostCheck(APP)).get("/", headers={"host": "music.example"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "data"),
    [({"data": []}, [None, 1]), ({"data": ["x"]}, ["x", 1]), ({}, [None, 1]), ({"data": [2, 3]}, [2, 3])],
)
def test_calls_are_filled_up_with_defaults(body: dict[str, Any], data: list[Any]) -> None:
    client = TestClient(WholeCalls(APP, {"plan": {"a": None, "b": 1}}, "/tmp/uploads"))
    assert client.post(CALL, json=body).json()["data"] == data
    assert client.post("/elsewhere", json=body).json() == body


@pytest.mark.parametrize(
    ("body", "status"),
    [("{", 400), ("[]", 400), ('{"data": 1}', 400), ('{"data": [1, 2, 3]}', 400), ("[" * 100_000, 400),
     (json.dumps({"data": ["x" * MOST_BODY]}), 413), ("\xff", 400)],
)  # fmt: skip
def test_other_bodies_are_refused_in_a_sentence(body: str, status: int) -> None:
    response = TestClient(WholeCalls(APP, {"plan": {"a": None, "b": 1}}, "/tmp/uploads")).post(
        CALL, content=body.encode("latin-1")
    )
    assert response.status_code == status
    assert "expected" in response.json()["error"]


def test_the_budget_names_what_would_fit() -> None:
    check_work(50, 30.0, 4)
    with pytest.raises(RequestError, match="steps: expected at most 100 for 8 clips of 30 s, got 200"):
        check_work(200, 30.0, 8)


def test_only_uploaded_files_can_be_named() -> None:
    client = TestClient(WholeCalls(APP, {"plan": {"a": None, "b": 1}}, "/tmp/uploads"))
    for path in ("/etc/passwd", "../x", "", "/tmp/uploads/../x", "/tmp/uploads2/x", "x\0"):
        response = client.post(CALL, json={"data": [{"path": path, "meta": {}}]})
        assert response.json() == {"error": "a: expected an uploaded file, got another value"}
    assert client.post(CALL, json={"data": [{"path": "/tmp/uploads/x", "meta": {}}]}).status_code == 200


def test_each_client_is_answered_only_so_often() -> None:
    rate = Rate(APP, 3)
    client, other = TestClient(rate), TestClient(rate, client=("10.0.0.2", 1))
    assert [client.post(CALL, json={}).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = client.post("/gradio_api/queue/join", json={})
    assert refused.json()["error"].startswith("rate: expected at most 3 requests a minute, got more; try again in ")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert other.post(CALL, json={}).status_code == 200
    assert client.get("/").status_code == client.post("/elsewhere", json={}).status_code == 200
    assert all(TestClient(Rate(APP, 0)).post(CALL, json={}).status_code == 200 for _ in range(9))


def test_drafts_count_for_a_tenth_and_a_minute_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("mustango_app.page.guard.time.monotonic", lambda: now[0])
    client = TestClient(Rate(APP, 1))
    answers = [client.post("/gradio_api/run/predict", json={}).status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]
    now[0] += 61
    assert client.post(CALL, json={}).status_code == 200


def test_every_refusal_gets_a_sentence() -> None:
    async def fails(_request: Request) -> JSONResponse:
        raise ZeroDivisionError("bug")

    async def refuses(_request: Request) -> JSONResponse:
        return JSONResponse({"error": None, "detail": "no"}, 418)

    async def says(_request: Request) -> JSONResponse:
        return JSONResponse({"error": "x: expected y, got z"}, 400)

    app = Starlette(routes=[Route("/fails", fails), Route("/refuses", refuses), Route("/says", says)])
    client = TestClient(Sentences(app), raise_server_exceptions=False)
    assert client.get("/fails").json()["error"] == FAILED
    assert client.get("/refuses").json()["error"] == "request: expected another, got one that is refused (no)"
    assert client.get("/says").json() == {"error": "x: expected y, got z"}
    assert client.get("/nowhere").json()["error"].startswith("address: expected")
    assert client.post("/says").json()["error"].startswith("method: expected")


def test_a_page_of_another_site_cannot_send_anything() -> None:
    client = TestClient(HostCheck(APP))
    assert client.post("/", json={}, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.post("/", json={}, headers={"sec-fetch-site": "same-origin"}).status_code == 200
    assert client.get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 200  # a link


class Client:
    """An open connection: `receive` answers as uvicorn's does, for as many as ask."""

    def __init__(self) -> None:
        self.here, self.change = True, asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if self.here:
            await self.change.wait()
        return {"type": "http.disconnect"}

    def leave(self) -> None:
        self.here = False
        self.change.set()


EVENT = {"type": "http", "method": "GET", "path": "/gradio_api/call/generate/abc"}
LAST = {"type": "http.response.body", "body": b"", "more_body": False}


async def gone_after(answer: Callable[[Client, Any], Awaitable[None]]) -> list[str]:
    """Return who is said to have left while an app answers as told."""
    client, said = Client(), []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(client, send)

    async def send(message: Any) -> None:
        return None

    with contextlib.suppress(OSError):
        await Departures(app, said.append)(EVENT, client.receive, send)
    return said


async def noticed_first(client: Client, send: Any) -> None:
    await asyncio.sleep(0.01)  # the watcher waits by now
    client.leave()
    await send(LAST)  # at once, as by a poll in the same turn of the loop


async def noticed_by_the_watcher(client: Client, send: Any) -> None:
    await asyncio.sleep(0.01)
    client.leave()
    await asyncio.sleep(0.01)
    await send(LAST)


async def broken_off(client: Client, send: Any) -> None:
    raise OSError("the connection is closed")


async def answered(client: Client, send: Any) -> None:
    await send(LAST)
    client.leave()
    await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("answer", "left"), [(noticed_first, True), (noticed_by_the_watcher, True), (broken_off, True), (answered, False)]
)
def test_who_leaves_is_noticed_whoever_sees_it_first(answer: Any, left: bool) -> None:
    assert set(asyncio.run(gone_after(answer))) == ({"abc"} if left else set())
