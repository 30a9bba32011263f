"""HTTP answers of one model, for any server of ASGI applications: plans and clips.

    POST /plan       {"prompt": ..., fields of a Request}                -> the plan as JSON
    POST /generate   {"prompt": ..., fields of a Request, "format": ...} -> a sound file; its facts in X-Mustango-Clip
    GET  /health                                                         -> {"status": "ok", "waiting": requests}

What a person can mend comes back as {"error": ...} with status 400. Requests that wait while the model is busy and ask
for clips of one kind are made together where the model makes clips together (`mustango_app.together`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from augmentation.audio import encode
from munet.errors import RequestError
from munet.music import MusicPlan
from mustango_app.clip import Clip
from mustango_app.request import COMPOSED, Request
from mustango_app.serving.requests_file import FIELDS
from mustango_app.together import Outcome, make_requests

if TYPE_CHECKING:
    from mustango_app.engine import Mustango

MEDIA: Mapping[str, str] = MappingProxyType({"wav": "audio/wav", "flac": "audio/flac"})
LONGEST_LINE = 64  # requests that wait
LARGEST_BODY = 1_000_000  # bytes


class Line:
    """Requests that wait for one model; those that came while it was busy are handed to it together.

    Args:
        engine: the model.
        longest: requests that may wait.
    """

    def __init__(self, engine: Mustango, longest: int = LONGEST_LINE) -> None:
        self._engine, self._longest = engine, longest
        self._waiting: list[tuple[Request, asyncio.Future[Clip]]] = []
        self._work: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    async def make(self, request: Request) -> Clip:
        """Make the clip of a request when its turn has come.

        Raises:
            RequestError: what cannot be made, or too many are waiting.
        """
        if len(self._waiting) >= self._longest:
            raise RequestError("queue: expected a free place, got a full queue; try again in a minute")
        done: asyncio.Future[Clip] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, done))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._run())
        return await done

    async def _run(self) -> None:
        while self._waiting:
            size = self._engine.batch
            turn, self._waiting = self._waiting[:size], self._waiting[size:]
            turn = [(request, done) for request, done in turn if not done.done()]  # whoever left needs no clip
            outcomes = await asyncio.to_thread(self._outcomes, [request for request, _ in turn])
            for place, (_, done) in enumerate(turn):
                if done.done():
                    continue
                made = outcomes[place]
                if isinstance(made, Clip):
                    done.set_result(made)
                else:
                    done.set_exception(made)

    def _outcomes(self, requests: list[Request]) -> dict[int, Outcome | BaseException]:
        """Clips or errors by place; a fault of the program is everybody's of this turn, and does not stop the line."""
        made: dict[int, Outcome | BaseException] = {}
        try:
            made.update(make_requests(self._engine, requests))
        except (RuntimeError, ValueError, TypeError, KeyError, IndexError, ArithmeticError) as error:
            made = {place: made.get(place, error) for place in range(len(requests))}
        return made


class Answering:
    """The ASGI application around a loaded model; `application` is the attribute to serve.

    Args:
        engine: the model.
    """

    def __init__(self, engine: Mustango) -> None:
        self.engine, self.line = engine, Line(engine)
        self.application = Starlette(
            routes=[
                Route("/plan", self.plan, methods=["POST"]),
                Route("/generate", self.generate, methods=["POST"]),
                Route("/health", self.health, methods=["GET"]),
            ],
            exception_handlers={RequestError: refused},
        )

    async def answer(self, http: HttpRequest) -> Response:
        """Answer any of the requests, for servers that hand them over one by one."""
        known = {route.path: route for route in self.application.routes if isinstance(route, Route)}
        route = known.get(http.url.path)
        if route is None or http.method not in (route.methods or ()):
            return JSONResponse(
                {"error": f"path: expected POST or GET of {', '.join(known)}, got {http.url.path}"}, 404
            )
        try:
            return await route.endpoint(http)
        except RequestError as error:
            return await refused(http, error)

    async def plan(self, http: HttpRequest) -> Response:
        """Answer `/plan`."""
        request = request_of(await fields_of(http))
        plan = await asyncio.to_thread(lambda: self.engine.plan(request).plan.to_dict())
        return JSONResponse(plan)

    async def generate(self, http: HttpRequest) -> Response:
        """Answer `/generate`."""
        given = await fields_of(http)
        form = given.pop("format", "wav")
        if form not in MEDIA:
            raise RequestError(f"format: expected one of {', '.join(MEDIA)}, got {form!r}")
        clip = await self.line.make(request_of(given))
        body = await asyncio.to_thread(encode, clip.audio, clip.sample_rate, form)
        return Response(body, media_type=MEDIA[form], headers={"X-Mustango-Clip": json.dumps(clip.to_dict())})

    async def health(self, _http: HttpRequest) -> Response:
        """Answer `/health`."""
        return JSONResponse({"status": "ok", "waiting": len(self.line)})


async def fields_of(http: HttpRequest) -> dict[str, Any]:
    """Return the JSON object of a request's body.

    Raises:
        RequestError: another body, or one of more than a megabyte.
    """
    body = b""
    async for part in http.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise RequestError(f"body: expected at most {LARGEST_BODY} bytes, got more")
    try:
        given = json.loads(body)
    except ValueError:
        raise RequestError(f"body: expected a JSON object, got {body[:60]!r}") from None
    if not isinstance(given, dict):
        raise RequestError(f"body: expected a JSON object, got {type(given).__name__}")
    return given


def request_of(given: Mapping[str, Any]) -> Request:
    """Return the request for one clip that some fields describe.

    Raises:
        RequestError: a field that there is not, or one that cannot be used.
    """
    if unknown := sorted(set(given) - set(FIELDS)):
        raise RequestError(f"body: expected fields among {', '.join(FIELDS)}, got {', '.join(unknown)}")
    for name, form in (("melody", "[pitch, start, end]"), ("parts", "[instrument, pitch, start, end, velocity]")):
        if isinstance(given.get(name), str) and (name, given[name]) != ("parts", COMPOSED):
            raise RequestError(f"{name}: expected notes [{form}, ...], got the path of a file")
    plan = given.get("plan")
    if plan is not None and not isinstance(plan, Mapping):
        raise RequestError(f"plan: expected an object as /plan returns it, got {type(plan).__name__}")
    return Request(**{"prompt": None} | dict(given) | {"plan": plan and MusicPlan.from_dict(plan)})


async def refused(_http: HttpRequest, error: Exception) -> Response:
    """Say what a person can mend."""
    return JSONResponse({"error": str(error)}, 400)
