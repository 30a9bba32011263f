"""Paraphrases by a language model: a real HTTP server that answers well, badly, late or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from augmentation.captions.chat import ChatParaphraser
from augmentation.captions.paraphrase import Paraphrase, Paraphraser, missing_facts, paraphrase_row
from augmentation.dataset.sentences import state_row
from tests.augmentation.captions.test_paraphrase import ALL, CAPTIONS, FACTS, ROW

GOOD = "A merry jam in C# minor, 3/4 at 97.5 bpm, over C, Am7/G, F#dim."
Reply = tuple[int, Any]  # status, and the answer's text or its raw body


class Server:
    """A chat-completions server that gives prepared replies in turn (the last one for ever) and keeps the requests."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.requests: list[tuple[str, str | None, dict[str, Any]]] = []
        self.retry_after: str | None = None
        self.delay = 0.0  # seconds
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append((self.path, self.headers["Authorization"], body))
                status, text = outer.replies.pop(0) if len(outer.replies) > 1 else outer.replies[0]
                answer = text if isinstance(text, bytes) else completion(text)
                threading.Event().wait(outer.delay)
                self.send_response(status)
                if outer.retry_after is not None:
                    self.send_header("Retry-After", outer.retry_after)
                if status == 302:
                    self.send_header("Location", text)
                with suppress(ConnectionError):  # the client may have lost patience
                    self.end_headers()
                    self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}/v1"


def completion(text: object) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


def ask(server: Server, *replies: Reply, seed: int = 0, **options: Any) -> Paraphrase:
    server.replies = list(replies)
    chat: Paraphraser = ChatParaphraser(server.address, "toy", **{"backoff": 0.001, "timeout": 5.0, **options})
    return chat.paraphrase(CAPTIONS[1], FACTS, np.random.default_rng(seed))


def test_a_good_answer_is_taken(server: Server) -> None:
    assert ask(server, (200, f'"{GOOD}"\n'), key="secret") == Paraphrase(GOOD, "toy", "")
    [(path, authorization, body)] = server.requests
    assert (path, authorization) == ("/v1/chat/completions", "Bearer secret")
    assert body["model"] == "toy" and isinstance(body["seed"], int)
    assert body["messages"][-1] == {"role": "user", "content": " ".join([CAPTIONS[1], *FACTS])}
    assert "secret" not in repr(ChatParaphraser(server.address, "toy", "secret"))


def test_the_key_does_not_follow_a_redirect(server: Server) -> None:
    with pytest.raises(ValueError, match=r"endpoint: expected an answer of .* got HTTP 302"):
        ask(server, (302, f"{server.address}/elsewhere"), key="secret")
    assert len(server.requests) == 1


def test_no_key_no_header(server: Server) -> None:
    ask(server, (200, GOOD))
    assert server.requests[0][1] is None


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the client would have slept."""
    slept: list[float] = []
    monkeypatch.setattr("augmentation.captions.chat.time.sleep", slept.append)
    return slept


def test_a_busy_server_is_asked_again_ever_later(server: Server, waits: list[float]) -> None:
    assert ask(server, (429, ""), (503, ""), (500, ""), (200, GOOD), backoff=2.0).text == GOOD
    assert len(server.requests) == 4 and waits == [2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("1", 2.0), ("3600", 60.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 2.0)]
)
def test_the_server_may_say_how_long_to_wait(server: Server, waits: list[float], value: str, seconds: float) -> None:
    server.retry_after = value
    assert ask(server, (429, ""), (200, GOOD), backoff=2.0).by == "toy"
    assert waits == [seconds]


def test_no_wait_after_the_last_attempt(server: Server, waits: list[float]) -> None:
    assert ask(server, (503, ""), attempts=1).by == "offline"
    assert waits == []


@pytest.mark.parametrize(
    ("reply", "note"),
    [
        ((503, ""), "toy: HTTP 503 in 2 attempts"),
        ((200, "A merry jam in C# minor over C, Am7/G, F#dim, 3/4."), f"toy: lost {FACTS[2]}"),
        ((200, ""), "toy: an empty answer: ''"),
        ((200, None), "toy: an empty answer: None"),
        ((200, b"not json"), "toy: no chat completion: b'not json'"),
        ((200, b'{"choices": []}'), "toy: no chat completion: b'{\"choices\": []}'"),
        ((200, b"[1]"), "toy: no chat completion: b'[1]'"),
        ((200, GOOD + " la" * 1000), f"toy: {len(GOOD) + 3000} characters are too many"),
    ],
)
def test_otherwise_the_offline_wording_stands_and_the_note_says_why(server: Server, reply: Reply, note: str) -> None:
    result = ask(server, reply, attempts=2)
    assert (result.by, result.note) == ("offline", note)
    assert missing_facts(result.text, FACTS) == []


def test_a_slow_or_dead_server_does_not_stop_the_run(server: Server) -> None:
    server.delay = 0.2
    slow = ask(server, (200, GOOD), attempts=2, timeout=0.05)
    assert slow.by == "offline" and "timed out in 2 attempts" in slow.note
    closed = ChatParaphraser("http://127.0.0.1:9/v1", "toy", attempts=2, backoff=0.001, timeout=1.0)
    result = closed.paraphrase(CAPTIONS[0], FACTS, np.random.default_rng(0))
    assert result.by == "offline" and "in 2 attempts" in result.note and "refused" in result.note


def test_a_refused_request_is_an_error_at_once(server: Server) -> None:
    with pytest.raises(ValueError, match=r"endpoint: expected an answer of .*401"):
        ask(server, (401, ""))
    assert len(server.requests) == 1


def test_what_is_drawn_next_does_not_depend_on_the_network(server: Server) -> None:
    states: list[Any] = []
    for reply in ((200, GOOD), (503, "")):
        server.replies = [reply]
        rng = np.random.default_rng(0)
        ChatParaphraser(server.address, "toy", attempts=1).paraphrase(CAPTIONS[0], FACTS, rng)
        states.append(rng.bit_generator.state)
    assert states[0] == states[1]


def test_the_row_says_what_wrote_it(server: Server) -> None:
    server.replies = [(200, GOOD), (200, "Lost everything.")]
    chat = ChatParaphraser(server.address, "toy")
    row = state_row(ROW, np.random.default_rng(5), ALL)
    assert paraphrase_row(row, chat, np.random.default_rng(0))["paraphrase"] == {"by": "toy", "note": ""}
    told = paraphrase_row(row, chat, np.random.default_rng(0))
    assert told["paraphrase"]["by"] == "offline" and told["paraphrase"]["note"].startswith("toy: lost The ")


def test_environment() -> None:
    names = {"MUSTANGO_CHAT_URL": "http://localhost:1/v1", "MUSTANGO_CHAT_MODEL": "toy", "MUSTANGO_CHAT_KEY": "k"}
    assert ChatParaphraser.from_environment(names, timeout=3.0) == ChatParaphraser(
        "http://localhost:1/v1", "toy", "k", 3.0
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ChatParaphraser("file:///etc/passwd", "toy"), "endpoint: expected an address with http"),
        (lambda: ChatParaphraser.from_environment({}), "endpoint: expected"),
        (lambda: ChatParaphraser("http://localhost", ""), "model: expected the name of a model, got ''"),
        (lambda: ChatParaphraser("http://localhost", "toy", attempts=0), "attempts: expected at least 1, got 0"),
    ],
)
def test_malformed_settings_are_named(make: Callable[[], ChatParaphraser], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
