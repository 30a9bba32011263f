"""Serving the page: where, for whom, and how it ends.

Gradio's own environment is honoured (GRADIO_SERVER_NAME, GRADIO_SERVER_PORT, GRADIO_ROOT_PATH, GRADIO_SHARE,
GRADIO_MCP_SERVER, GRADIO_TEMP_DIR, ...); what is given as an argument wins.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import gradio as gr
from starlette.middleware import Middleware
from starlette.requests import Request as HttpRequest
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from munet.errors import RequestError
from mustango_app.page.api import Api
from mustango_app.page.blocks import build_demo
from mustango_app.page.endpoints import defaults_of
from mustango_app.page.fields import NAMES
from mustango_app.page.guard import LOCAL_NAMES, Departures, HostCheck, Rate, Sentences, WholeCalls
from mustango_app.page.layout import HERE
from mustango_app.page.live import Live
from mustango_app.page.loading import Loading
from mustango_app.page.results import FORMS
from mustango_app.page.words import FIRST, languages
from mustango_app.request import Request

if TYPE_CHECKING:
    from mustango_app.engine import Mustango

MAX_UPLOAD = "50mb"
# Visitors whose state Gradio keeps, half a megabyte each. Who comes back after as many others is taken at what their
# fields show.
MOST_SESSIONS = 64
PATIENCE = 1.5  # seconds that a run is given to stop when the server ends
STREAM_POLL = 0.2  # seconds between looks at a piece that is being made
RATE_FOR_OTHERS = 60  # requests a minute and client, where others than this machine are answered
ACCOUNT = "MUSTANGO_AUTH"  # environment: name:password


@dataclass(frozen=True)
class Serving:
    """Where and for whom the page is served.

    Args:
        host: address to listen at; None leaves it to GRADIO_SERVER_NAME, and without it to this machine only.
        port: None leaves it to GRADIO_SERVER_PORT, and without it to the first free one from 7860.
        rate: requests for work a minute and client, 0 for any number; None for 60 where others than this machine are
            answered, and any number else.
        accounts: file with a line name:password for each person who may enter; None leaves it to MUSTANGO_AUTH
            (name:password), and without it everybody may.
        mcp: whether the endpoints are tools for language models, too; None leaves it to GRADIO_MCP_SERVER.
    """

    host: str | None = None
    port: int | None = None
    rate: int | None = None
    accounts: str | None = None
    mcp: bool | None = None

    def check(self) -> None:
        """Refuse what cannot be served, before a model is loaded for it.

        Raises:
            RequestError: naming the argument.
        """
        if self.rate is not None and self.rate < 0:
            raise RequestError(f"rate: expected requests a minute, 0 or more, got {self.rate}")
        self.read_accounts()
        if self.wants_mcp and importlib.util.find_spec("mcp") is None:
            raise RequestError("mcp: expected the package mcp (pip install 'gradio[mcp]'), got none")
        host, port = self.address
        if port is not None and not 1 <= port <= 65535:
            raise RequestError(f"port: expected an integer from 1 to 65535, got {port}")
        try:
            family, *_, address = socket.getaddrinfo(host.strip("[]"), port or 0, type=socket.SOCK_STREAM)[0]
        except OSError as error:
            raise RequestError(f"host: expected an address of this machine, got {host!r} ({error.strerror})") from None
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                name, value = ("port", port) if port else ("host", host)
                raise RequestError(f"{name}: expected a free one, got {value} ({error.strerror})") from None

    @property
    def address(self) -> tuple[str, int | None]:
        """Host and port as they are asked for; no port where any free one will do.

        Raises:
            RequestError: GRADIO_SERVER_PORT is no number.
        """
        host = self.host or os.environ.get("GRADIO_SERVER_NAME") or LOCAL_NAMES[1]
        told = os.environ.get("GRADIO_SERVER_PORT")
        if self.port is not None or not told:
            return host, self.port
        if not told.isdecimal():
            raise RequestError(f"port: expected an integer from 1 to 65535, got GRADIO_SERVER_PORT={told!r}")
        return host, int(told)

    @property
    def is_local(self) -> bool:
        """Whether only this machine is answered."""
        host, _ = self.address
        return host.startswith("127.") or host in LOCAL_NAMES

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which this machine is asked; none where every name may be."""
        if not self.is_local:
            return ()
        proxy = urlsplit(os.environ.get("GRADIO_ROOT_PATH", "")).hostname
        return (*LOCAL_NAMES, self.address[0], *([proxy] if proxy else ()))

    @property
    def most(self) -> int:
        """Requests for work a minute and client; 0 for any number."""
        return self.rate if self.rate is not None else 0 if self.is_local else RATE_FOR_OTHERS

    @property
    def wants_mcp(self) -> bool:
        """Whether the endpoints are tools for language models."""
        return _told("GRADIO_MCP_SERVER") if self.mcp is None else self.mcp

    def read_accounts(self) -> list[tuple[str, str]] | None:
        """Return (name, password) of who may enter, None for everybody.

        Raises:
            RequestError: the file cannot be read, or a line is not name:password.
        """
        source = self.accounts or ACCOUNT
        if self.accounts is not None:
            try:
                text = Path(self.accounts).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise RequestError(f"auth: expected a file that can be read, got {self.accounts!r} ({error})") from None
        else:
            text = os.environ.get(ACCOUNT, "")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines:
            if self.accounts is not None:
                raise RequestError(f"auth: expected lines name:password, got none in {source!r}")
            return None
        pairs = [(name, password) for name, colon, password in (line.partition(":") for line in lines) if colon]
        if len(pairs) < len(lines) or not all(name and password for name, password in pairs):
            raise RequestError(f"auth: expected lines name:password, got another in {source!r}")
        return pairs


def launch_options(demo: gr.Blocks, serving: Serving | None = None) -> dict[str, Any]:
    """Return the arguments for `demo.launch`: no tunnel unless GRADIO_SHARE asks, no fonts from elsewhere, guarded.

    Args:
        demo: what `build_demo` made.
        serving: where and for whom.
    """
    serving = serving or Serving()
    endpoints = {name: defaults_of(Api, name) for name in Api.LIMITS}
    guards = [
        Middleware(HostCheck, names=serving.names),
        Middleware(Sentences),
        Middleware(Rate, most=serving.most),
        Middleware(Departures, gone=demo.gone),
        Middleware(WholeCalls, defaults=endpoints, folder=gr.utils.get_upload_folder()),
    ]
    return {
        "server_name": serving.host,
        "server_port": serving.port,
        "share": _told("GRADIO_SHARE"),
        "auth": serving.read_accounts(),
        "mcp_server": serving.wants_mcp,
        "theme": _theme(),
        "i18n": demo.say,
        "js": _script(),
        "css": (HERE / "page.css").read_text(encoding="utf-8"),
        "footer_links": ["api"],
        "run_history": _told("GRADIO_RUN_HISTORY"),
        "max_file_size": MAX_UPLOAD,
        "state_session_capacity": MOST_SESSIONS,
        "app_kwargs": {"middleware": guards, "routes": _routes(demo)},
    }


def _script() -> str:
    """Return what the browser does once the page is there: the parts of the script, one after the other."""
    toasts = {code: dict(words.toasts) for code, words in languages().items()}
    values = {"$NAMES": json.dumps(NAMES), "$FIRST": FIRST, "$TOASTS": json.dumps(toasts)}
    parts = [(HERE / name).read_text(encoding="utf-8") for name in ("draft.js", "toasts.js")]
    for name, value in values.items():
        parts = [part.replace(name, value) for part in parts]
    return f"() => {{\n{''.join(f'({part})();' for part in parts)}\n}}"


def _told(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() in ("1", "true", "yes", "on")


def _theme() -> gr.themes.Base:
    system = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    theme = gr.themes.Soft(primary_hue="orange", font=system, font_mono=("ui-monospace", "Consolas", "monospace"))
    # The theme's own greys and oranges are too pale for small letters (WCAG AA asks for 4.5 to 1).
    theme.set(
        body_background_fill="*neutral_50", body_background_fill_dark="*neutral_950",
        body_text_color_subdued="#4b5563", body_text_color_subdued_dark="#d1d5db",
        block_label_text_color="#1f2937", block_label_text_color_dark="#f3f4f6",
        block_title_text_color="#1f2937", block_title_text_color_dark="#f3f4f6",
        block_label_background_fill="transparent", block_label_background_fill_dark="transparent",
        button_primary_background_fill="#9a3412", button_primary_background_fill_dark="#9a3412",
        button_primary_background_fill_hover="#7c2d12", button_primary_background_fill_hover_dark="#7c2d12",
    )  # fmt: skip
    return theme


def serve(engine: Mustango | Loading, serving: Serving | None = None) -> None:
    """Open the page and wait until the process is interrupted or asked to end; then leave within three seconds.

    What is being made is stopped, and the results of this server are deleted.

    Args:
        engine: the model; one that is to be loaded is loaded once the page is there.
        serving: where and for whom.

    Raises:
        RequestError: the model cannot be loaded.
    """
    demo, ended, failed = build_demo(engine), threading.Event(), None
    try:
        demo.launch(**launch_options(demo, serving), prevent_thread_lock=True)
    except ValueError:  # Gradio looks at its own page at last; a busy machine is too slow for that, but serves
        if not demo.is_running:
            raise
        logging.getLogger(__name__).warning("this machine is slow to answer; serving at %s", demo.local_url)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
    if isinstance(engine, Loading):
        Request("music", seed=0)  # what drafts read is at hand before the model takes the processor
        engine.begin()
    try:
        while not ended.wait(0.5):  # a wait without end would let no signal through on every system
            failed = engine.error if isinstance(engine, Loading) else None
            if failed is not None:
                raise failed
    finally:
        demo.desk.stop_all(PATIENCE)
        demo.results.clear()
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        # Open connections and a decoder at work would hold the process for longer, and nobody waits for them.
        if failed is None:
            os._exit(0)


def _routes(demo: gr.Blocks) -> list[Route]:
    """Return the ways to the files of results, to what is being made, and to how the server is."""
    results, desk = demo.results, demo.desk

    def download(request: HttpRequest) -> Response:
        name, token = request.path_params["name"], request.path_params["token"]
        live = results.live(token) if name == "live.mp3" else None
        path = results.form(token, name) if live is None else None
        if not _may_enter(request) or (live is None and path is None):
            return JSONResponse({"error": "result: expected one that is still kept, got another"}, 404)
        if live is not None:
            return StreamingResponse(_followed(live), media_type="audio/mpeg", headers={"cache-control": "no-store"})
        return FileResponse(path, media_type=FORMS[name])

    def health(_request: HttpRequest) -> Response:
        model = "ready" if getattr(demo.engine, "ready", True) else "loading"
        return JSONResponse({"status": "ok", "waiting": desk.length, "model": model})

    return [Route("/results/{token}/{name}", download), Route("/health", health)]


async def _followed(live: Live) -> AsyncIterator[bytes]:
    """Yield a piece that is being made from its beginning, until it ends."""
    sent = 0
    while True:
        part, ended = live.after(sent)
        sent += len(part)
        if part:
            yield part
        elif ended:
            return
        else:
            await asyncio.sleep(STREAM_POLL)


def _may_enter(request: HttpRequest) -> bool:
    """Whether a request comes from somebody who has given the password, where there is one."""
    app = request.app
    if not getattr(app, "auth", None):
        return True
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return any(request.cookies.get(name) in app.tokens for name in names)


__all__ = ["Serving", "launch_options", "serve"]
