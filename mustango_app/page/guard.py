"""What stands before the page: who may ask, how much at once, and answers in sentences.

The middleware speaks plain ASGI, so that nothing of a stream is held back.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

from munet.errors import RequestError

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")
MOST_WORK = 24_000.0  # steps x seconds x clips of one request
MOST_BODY = 2**21  # bytes of a call to the API; files are uploaded on another way

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


def check_work(steps: int, seconds: float, clips: int) -> None:
    """Refuse a request that would hold the model for too long.

    Raises:
        RequestError: the product of steps, seconds and clips is more than `MOST_WORK`.
    """
    if steps * seconds * clips > MOST_WORK:
        most = max(1, int(MOST_WORK / (seconds * clips)))
        asked = f"{clips} clip{'s' if clips > 1 else ''} of {seconds:g} s"
        raise RequestError(f"steps: expected at most {most} for {asked}, got {steps}")


class HostCheck:
    """Answers only requests to a name of this machine, against pages that rebind their own name to it.

    Args:
        app: what to guard.
        names: allowed hosts, without ports; none: every host is.
    """

    def __init__(self, app: App, names: Sequence[str] = ()) -> None:
        self._app, self._names = app, frozenset(names)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass a request on or refuse it with status 421."""
        if scope["type"] in ("http", "websocket") and self._names and self._host(scope) not in self._names:
            await _answer(send, 421, "host: expected a name of this machine, got another")
            return
        await self._app(scope, receive, send)

    @staticmethod
    def _host(scope: Scope) -> str:
        host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1").lower()
        name, _, port = host.rpartition(":")
        return name if port.isdecimal() and port.isascii() and (":" not in name or name.endswith("]")) else host


class WholeCalls:
    """Fills a call to the API up with the endpoint's defaults, so that what is missing is refused by name.

    Args:
        app: what to guard.
        defaults: of each endpoint, in the order of its parameters.
    """

    def __init__(self, app: App, defaults: Mapping[str, Sequence[Any]]) -> None:
        self._app, self._defaults = app, defaults

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass a request on, its body bounded and filled up where it calls an endpoint."""
        name = scope.get("path", "").rstrip("/").rpartition("/gradio_api/call/")[2]
        if scope["type"] != "http" or scope["method"] != "POST" or name not in self._defaults:
            await self._app(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > MOST_BODY:
                await _answer(send, 413, f"body: expected at most {MOST_BODY} bytes, got more")
                return
            if not message.get("more_body"):
                break
        body, error = self._filled(body, self._defaults[name])
        if error:
            await _answer(send, 400, error)
            return
        headers = [(key, value) for key, value in scope["headers"] if key != b"content-length"]
        scope = {**scope, "headers": [*headers, (b"content-length", str(len(body)).encode())]}
        sent = False

        async def replay() -> Any:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    @staticmethod
    def _filled(body: bytes, defaults: Sequence[Any]) -> tuple[bytes, str]:
        try:
            call = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            return b"", "body: expected JSON, got something else"
        data = call.get("data", []) if isinstance(call, dict) else None
        if not isinstance(data, list) or len(data) > len(defaults):
            return b"", f"data: expected a list of at most {len(defaults)} arguments, got something else"
        call["data"] = [*data, *defaults[len(data) :]]
        return json.dumps(call).encode(), ""


async def _answer(send: Any, status: int, error: str) -> None:
    body = json.dumps({"error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
