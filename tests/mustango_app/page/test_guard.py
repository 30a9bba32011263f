"""What stands before the page: hosts, bounded bodies, whole calls, a budget."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from munet.errors import RequestError
from mustango_app.page.guard import LOCAL_NAMES, MOST_BODY, HostCheck, WholeCalls, check_work


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
    client = TestClient(WholeCalls(APP, {"plan": (None, 1)}))
    assert client.post(CALL, json=body).json()["data"] == data
    assert client.post("/elsewhere", json=body).json() == body


@pytest.mark.parametrize(
    ("body", "status"),
    [("{", 400), ("[]", 400), ('{"data": 1}', 400), ('{"data": [1, 2, 3]}', 400), ("[" * 100_000, 400),
     (json.dumps({"data": ["x" * MOST_BODY]}), 413), ("\xff", 400)],
)  # fmt: skip
def test_other_bodies_are_refused_in_a_sentence(body: str, status: int) -> None:
    response = TestClient(WholeCalls(APP, {"plan": (None, 1)})).post(CALL, content=body.encode("latin-1"))
    assert response.status_code == status
    assert "expected" in response.json()["error"]


def test_the_budget_names_what_would_fit() -> None:
    check_work(50, 30.0, 4)
    with pytest.raises(RequestError, match="steps: expected at most 100 for 8 clips of 30 s, got 200"):
        check_work(200, 30.0, 8)
