"""What stands before the page: who may ask, how much at once, and answers in sentences.

The middleware speaks plain ASGI, so that nothing of a stream is held back.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from munet.errors import RequestError

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")
MOST_WORK = 24_000.0  # steps x seconds x clips of one request
MOST_BODY = 2**21  # bytes of a call to the API; files are uploaded on another way
MINUTE = 60.0  # seconds
ERROR = b"event: error\ndata: "
FAILED = "server: expected to answer, got an error of its own; its log tells more"

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
    """Answers only requests to a name of this machine, against pages that rebind their own name to it, and nothing
    that another site's page sends.

    Args:
        app: what to guard.
        names: allowed hosts, without ports; none: every host is.
    """

    def __init__(self, app: App, names: Sequence[str] = ()) -> None:
        self._app, self._names = app, frozenset(names)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass a request on or refuse it with status 421 or 403."""
        if scope["type"] in ("http", "websocket") and self._names and self._host(scope) not in self._names:
            await _answer(send, 421, "host: expected a name of this machine, got another")
            return
        if (
            scope["type"] == "http"
            and scope["method"] == "POST"
            and (b"sec-fetch-site", b"cross-site") in [(name, value) for name, value in scope["headers"]]
        ):
            await _answer(send, 403, "origin: expected a page of this server, got another site's")
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
        defaults: of the parameters of each endpoint, by name, in order.
        folder: where uploads are; other files cannot be named.
    """

    def __init__(self, app: App, defaults: Mapping[str, Mapping[str, Any]], folder: str) -> None:
        self._app, self._defaults, self._folder = app, defaults, Path(folder).resolve()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass a request on, its body bounded and filled up where it calls an endpoint."""
        _, call, name = scope.get("path", "").rstrip("/").rpartition("/gradio_api/call/")
        if scope["type"] != "http" or scope["method"] != "POST" or not call or name.startswith("v2/"):
            await self._app(scope, receive, send)
            return
        if name not in self._defaults:
            await _answer(send, 404, f"address: expected one of {', '.join(self._defaults)}, got another")
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

    def _filled(self, body: bytes, defaults: Mapping[str, Any]) -> tuple[bytes, str]:
        try:
            call = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            return b"", "body: expected JSON, got something else"
        data = call.get("data", []) if isinstance(call, dict) else None
        if not isinstance(data, list) or len(data) > len(defaults):
            return b"", f"data: expected a list of at most {len(defaults)} arguments, got something else"
        for name, value in zip(defaults, data, strict=False):
            path = value.get("path") if isinstance(value, dict) and "meta" in value else None
            if isinstance(path, str) and not is_below(path, self._folder):
                return b"", f"{name}: expected an uploaded file, got another value"
        call["data"] = [*data, *[*defaults.values()][len(data) :]]
        return json.dumps(call).encode(), ""


def is_below(path: str, folder: Path) -> bool:
    """Whether a path, links followed, leads into a folder."""
    return "\0" not in path and Path(path).resolve().is_relative_to(folder)


class Rate:
    """Answers each client only so often, where work is asked for: calls, events of the page, uploads.

    Args:
        app: what to guard.
        most: requests a minute; 0 for any number. Drafts of a plan, which are cheap and asked for while somebody
            types, count for a tenth.
    """

    def __init__(self, app: App, most: int) -> None:
        self._app, self._most = app, most
        self._asked: dict[str, deque[tuple[float, float]]] = {}  # client -> (monotonic second, weight)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass a request on or refuse it with status 429."""
        weight = self._weight(scope) if self._most else 0.0
        wait = self._wait(scope, weight) if weight else 0.0
        if wait:
            sentence = f"rate: expected at most {self._most} requests a minute, got more; try again in {wait:.0f} s"
            await _answer(send, 429, sentence, ((b"retry-after", b"%d" % wait),))
            return
        await self._app(scope, receive, send)

    @staticmethod
    def _weight(scope: Scope) -> float:
        if scope["type"] != "http" or scope["method"] != "POST" or "/gradio_api/" not in scope.get("path", ""):
            return 0.0
        kind = scope["path"].partition("/gradio_api/")[2].partition("/")[0]
        return {"call": 1.0, "queue": 1.0, "upload": 1.0, "api": 1.0, "mcp": 1.0, "run": 0.1}.get(kind, 0.0)

    def _wait(self, scope: Scope, weight: float) -> float:
        """Count a request; return the whole seconds to wait before it would be answered, 0 if it is."""
        now = time.monotonic()
        for client in [one for one, asked in self._asked.items() if asked[-1][0] < now - MINUTE]:
            del self._asked[client]
        asked = self._asked.setdefault((scope.get("client") or ("",))[0], deque())
        while asked and asked[0][0] < now - MINUTE:
            asked.popleft()
        if sum(one for _, one in asked) + weight > self._most:
            return math.ceil(asked[0][0] + MINUTE - now) or 1
        asked.append((now, weight))
        return 0.0


class Departures:
    """Tells when a client leaves before it has been answered.

    Args:
        app: what to guard.
        gone: called with the session, or the event of a call over plain HTTP.
    """

    def __init__(self, app: App, gone: Callable[[str], Any]) -> None:
        self._app, self._gone = app, gone

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass a request on and, where it waits for results, watch its client."""
        key = self._key(scope)
        if not key:
            await self._app(scope, receive, send)
            return
        ended = False

        async def watched(message: Any) -> None:
            nonlocal ended
            if message["type"] == "http.response.body" and not message.get("more_body"):
                # Gradio asks now and then whether the client is there, may notice before the watcher that it has left,
                # and then ends its answer as if all were well: let the watcher have its turn first.
                await asyncio.sleep(0)
                ended = True
            await send(message)

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            if not ended:
                self._gone(key)

        watcher = asyncio.create_task(watch())
        try:
            await self._app(scope, receive, watched)
        finally:
            if not ended:
                self._gone(key)  # broken off
            ended = True
            watcher.cancel()

    @staticmethod
    def _key(scope: Scope) -> str:
        path = scope.get("path", "")
        if scope["type"] != "http" or scope["method"] != "GET":
            return ""
        if path.endswith("/gradio_api/queue/data"):
            return parse_qs(scope.get("query_string", b"").decode("latin-1")).get("session_hash", [""])[0]
        return path.rpartition("/")[2] if "/gradio_api/call/" in path else ""


class Sentences:
    """Makes a sentence of every refusal that has none: `{"error": "name: expected X, got Y"}`.

    Args:
        app: what to guard.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass a request on, and its answer back with a sentence."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start: dict[str, Any] = {}
        body, begun = b"", False
        events = "/gradio_api/call/" in scope.get("path", "") and scope["method"] == "GET"

        async def told(message: Any) -> None:
            nonlocal start, body, begun
            begun = True
            if message["type"] == "http.response.start" and message["status"] >= 400:
                start = message
            elif start and message["type"] == "http.response.body":
                body += message.get("body", b"")
                if not message.get("more_body"):
                    await _say(send, start, body)
            elif events and message["type"] == "http.response.body" and message.get("body", b"").startswith(ERROR):
                await send({**message, "body": _sentence_of_event(message["body"])})
            else:
                await send(message)

        try:
            await self._app(scope, receive, told)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # of one request; the server serves on
            if begun:
                raise
            logging.getLogger(__name__).error("a request failed", exc_info=error)
            await _answer(send, 500, FAILED)


async def _say(send: Any, start: Mapping[str, Any], body: bytes) -> None:
    """Send a refusal, with a sentence if it is JSON or plain text without one."""
    kind = next((value for name, value in start["headers"] if name.lower() == b"content-type"), b"")
    if kind.startswith((b"application/json", b"text/plain")):
        try:
            values = json.loads(body)
        except ValueError:
            values = body.decode(errors="replace")
        held = values if isinstance(values, dict) else {"detail": values}
        if not isinstance(held.get("error"), str):
            held = {**held, "error": _sentence(start["status"], held.get("detail"))}
        body = json.dumps(held).encode()
        dropped = (b"content-length", b"content-type")
        headers = [(name, value) for name, value in start["headers"] if name.lower() not in dropped]
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        start = {**start, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body})


def _sentence(status: int, detail: Any) -> str:
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):  # what FastAPI's checks say
        at = ".".join(str(part) for part in detail[0].get("loc", ("body",)))
        return f"{at}: expected another value, got one that is refused ({detail[0].get('msg', 'not valid')})"
    known = {
        401: "login: expected a name and its password, got none",
        404: "address: expected one that this server has, got another",
        405: "method: expected another for this address, got this one",
        413: "body: expected fewer bytes, got too many",
        500: FAILED,
        503: "queue: expected a free place, got a full queue; try again in a minute",
    }
    return known.get(status, f"request: expected another, got one that is refused ({detail or status})")


def _sentence_of_event(event: bytes) -> bytes:
    """Return an event that tells of an error, with a sentence if it has none."""
    try:
        values = json.loads(event[len(ERROR) :])
    except ValueError:
        return event
    said = values.get("error") if isinstance(values, dict) else values
    held = values if isinstance(values, dict) else {}
    return ERROR + json.dumps({**held, "error": said if isinstance(said, str) else FAILED}).encode() + b"\n\n"


async def _answer(send: Any, status: int, error: str, more: Sequence[tuple[bytes, bytes]] = ()) -> None:
    body = json.dumps({"error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
