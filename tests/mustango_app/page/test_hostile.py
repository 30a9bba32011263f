"""What people with bad luck or bad will send: each is refused in one sentence, and the server serves on.

The table is over plain HTTP, which checks least before our own code is reached.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from mustango_app import Mustango
from mustango_app.page.api import Api
from mustango_app.page.blocks import build_demo
from mustango_app.page.endpoints import defaults_of
from mustango_app.page.server import launch_options

NESTED: Any = "x"
for _ in range(60):
    NESTED = [NESTED]
PLAN = {"bpm": 120, "meter": 4, "key": "C major", "duration": 4.0, "chords": [["C", 0.0]]}
NAN, INFINITE = float("nan"), float("inf")

# (endpoint, arguments, what the sentence is about)
ARGUMENTS: list[tuple[str, dict[str, Any], str]] = [
    *[("plan", {"prompt": words}, "prompt") for words in (None, "", "  \n\t ", 7, 7.5, True, [], NESTED, "x" * 2001)],
    *[("generate", {"prompt": prompt}, "prompt") for prompt in (None, "", ["x"], {"a": "b"}, "é" * 5000)],
    *[("plan", {"bpm": bpm}, "bpm") for bpm in (0, -1, 29, 301, 1e308, "fast<script>", [90], {"bpm": 90}, "9" * 500)],
    *[("generate", {"bpm": bpm}, "bpm") for bpm in (NAN, INFINITE, -INFINITE, False)],
    *[("plan", {"meter": meter}, "meter") for meter in (0, -3, 99, 2.5, "0/0", "3/", "x/y", [3], 1e30)],
    *[("plan", {"key": key}, "key") for key in ("Q lydianish", "", "\x00", 7, ["C"], "C" * 500, "<b>G</b> major")],
    *[
        ("plan", {"chords": chords}, "chords")
        for chords in ("| G | Xyz |", "C@", "C@-1", "C@1e999", "@0", "C " * 20_000, "(" * 3000, "|" * 3000, 7, {"a": 1},
                       [[1, 2, 3]], [["C"]], [["C", "x"]], "C x999999999", "C@nan", "💥")
    ],
    *[("plan", {"seconds": seconds}, "seconds") for seconds in (0, 0.5, -1, 601, 1e9, "long", [3], True, NAN)],
    *[("generate", {"seconds": seconds}, "seconds") for seconds in (31, 599.9)],  # the tiny model takes 30
    *[("plan", {"bars": bars}, "bars") for bars in (0, -1, 401, 1.5, "many", [1])],
    ("plan", {"bars": 4, "seconds": 4}, "bars"),
    *[("plan", {"style": style}, "style") for style in (7, ["waltz"], "x" * 4001)],
    *[("plan", {"instruments": names}, "instruments") for names in ("kazoo choir", 7, [7], "piano, " * 2000, {"a": 1})],
    *[("plan", {"energy": energy}, "energy") for energy in ("wild", 7, [])],
    *[("plan", {"seed": seed}, "seed") for seed in (-1, 2**63, 1.5, "x", [1], NAN)],
    *[
        ("plan", {"plan": plan}, "")
        for plan in (7, "x", [], {"nonsense": 1}, {"bpm": "fast"}, {"beats": [[0, 0]]}, {"beats": [[2, 1], [1, 2]]},
                     {"chords": [["C", -1]]}, {"duration": -4}, {"duration": 1e12}, {"sections": [{"bars": 10**9}]},
                     {"sections": "intro"}, {"melody": [[999, 0, 1]]}, {"beats": [[i * 1e-9, 1] for i in range(9999)]},
                     {"notes": 7}, {"loop": "yes"})
    ],
    *[
        ("plan", {"sections": sections}, "sections")
        for sections in (7, {"a": 1}, "", "|||", "x" * 41, "x" * 4001, [7], [[1]], [{}], [{"nonsense": 1}],
                         [{"name": "a", "start": 5}],
                         [{"name": "a", "bars": 1}] * 401, "intro 4 |" * 400, "intro 9999")
    ],
    *[("plan", {"sections": [{"name": "a", "bars": bars}]}, "sections.bars") for bars in (0, -1, 10**9, "many", 1.5)],
    ("generate", {"sections": [{"name": "x" * 4001, "bars": 1}]}, "name"),
    ("generate", {"sections": "intro 99"}, "seconds"),  # the tiny model takes 30
    ("generate", {"sections": [{"name": "a", "bars": 2, "chords": ["Xyz"]}]}, "chords"),
    ("generate", {"sections": [{"name": "a", "bars": 1, "chords": ["C"] * 20_000}]}, "chords"),
    *[("generate", {"steps": steps}, "steps") for steps in (0, -1, 1001, 1.5, "many", [1])],
    *[("generate", {"guidance": guidance}, "guidance") for guidance in (-1, 31, "strong", NAN, [1])],
    *[
        ("generate", {"guidance_interval": interval}, "guidance_interval")
        for interval in ([0.9, 0.2], [0], [0, 1, 2], "01", 7, {"low": 0}, [[0], [1]], ["a", 1], [NAN, 1], [0] * 9_999)
    ],
    *[("generate", {"best_of": best_of}, "best_of") for best_of in (0, -1, 65, 1.5, "all")],
    ("generate", {"steps": 1000, "seconds": 30}, "steps"),
    ("generate", {"steps": 100, "seconds": 30, "best_of": 64}, "steps"),
    *[("generate", {"format": form}, "format") for form in ("exe", "../wav", 7, ["wav"], "WAV\x00")],
    *[
        ("analyze", {"audio": audio}, "audio")
        for audio in (None, 7, "", "/etc/hostname", [], {}, {"path": None}, {"path": "/etc/hostname"},
                      {"path": "../../../etc/passwd"}, {"path": "x\x00.wav"}, {"path": "https://example.com/a.wav"},
                      {"path": "/proc/self/environ", "meta": {"_type": "gradio.FileData"}},
                      {"path": "", "url": "http://127.0.0.1:1/x.wav", "meta": {"_type": "gradio.FileData"}})
    ],
    *[("export", {"plan": plan}, "") for plan in (None, 7, {"nonsense": 1}, {"duration": 1e12})],
    *[("export", {"plan": PLAN, "format": form}, "format") for form in ("exe", "..", 7, ["mid"])],
    *[("export", {"plan": PLAN, "title": title}, "title") for title in (7, "x" * 201, ["x"])],
]  # fmt: skip


@pytest.fixture(scope="module")
def url(engine: Mustango) -> Iterator[str]:
    demo = build_demo(engine)
    _, url, _ = demo.launch(**launch_options(demo), prevent_thread_lock=True, quiet=True)
    yield url.rstrip("/")
    demo.close()


def answer(url: str, endpoint: str, data: Any) -> dict[str, Any]:
    """What a call over plain HTTP gives: {"error": sentence} of the refusal, or {"data": ...}."""
    body = json.dumps({"data": data}).encode()  # with NaN and Infinity, which are no JSON, as sloppy clients do
    posted = httpx.post(f"{url}/gradio_api/call/{endpoint}", content=body, headers={"content-type": "application/json"})
    if posted.status_code != 200:
        return posted.json()
    got = httpx.get(f"{url}/gradio_api/call/{endpoint}/{posted.json()['event_id']}", timeout=60).text
    *_, last = [block for block in got.split("\n\n") if block.startswith(("event: error", "event: complete"))]
    event, _, said = last.partition("\ndata: ")
    value = json.loads(said)
    return value if event == "event: error" else {"data": value}


def positional(endpoint: str, arguments: dict[str, Any]) -> list[Any]:
    given = {"prompt": "calm piano", **arguments} if endpoint in ("plan", "generate") else arguments
    return [given.get(name) for name in defaults_of(Api, endpoint)]


def test_the_table_is_long() -> None:
    assert len(ARGUMENTS) >= 80


@pytest.mark.parametrize(("endpoint", "arguments", "about"), ARGUMENTS, ids=lambda value: repr(value)[:60])
def test_arguments_are_refused_in_a_sentence(url: str, endpoint: str, arguments: dict[str, Any], about: str) -> None:
    start = time.perf_counter()
    said = answer(url, endpoint, positional(endpoint, arguments))
    assert "error" in said, said
    assert isinstance(said["error"], str) and "expected" in said["error"] and ", got " in said["error"]
    assert said["error"].startswith(f"{about}: " if about else said["error"][:1])
    assert "an error of its own" not in said["error"]
    assert len(said["error"].rpartition(", got ")[2]) < 200, "echoes are cut"
    assert time.perf_counter() - start < 20
    assert httpx.get(f"{url}/health").json()["waiting"] == 0


def wav(rate: int, channels: int, data: bytes, claimed: int | None = None, bits: int = 16, kind: int = 1) -> bytes:
    """A WAV file that claims what it likes."""
    size, frame = len(data) if claimed is None else claimed, channels * bits // 8
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, channels, rate, rate * frame % 2**32, frame % 2**16, bits)
    return (
        struct.pack("<4sI4s", b"RIFF", (36 + size) % 2**32, b"WAVE") + form + struct.pack("<4sI", b"data", size) + data
    )


def long_flac(folder: Path) -> bytes:
    path = folder / "long.flac"
    soundfile.write(path, np.zeros((15 * 60 * 8000, 2), np.int16), 8000)
    return path.read_bytes()


FILES = {
    "nothing": b"",
    "text": b"this is no sound",
    "zeros": bytes(5000),
    "page": b"<html><script>alert(1)</script></html>",
    "header only": wav(44100, 1, b""),
    "one Hertz, 524 bytes": wav(1, 1, bytes(480)),
    "a thousand MHz": wav(10**9, 1, bytes(4000)),
    "many channels": wav(44100, 64, bytes(64 * 200)),
    "no channels": wav(44100, 0, bytes(200)),
    "four gigabytes in 200 bytes": wav(44100, 2, bytes(200), claimed=2**32 - 1),
    "too short": wav(44100, 1, bytes(200)),
    "silence": wav(44100, 1, bytes(2 * 44100 * 2)),
    "not numbers": wav(44100, 1, struct.pack("<f", NAN) * 88200, bits=32, kind=3),
    "infinite": wav(44100, 1, struct.pack("<f", INFINITE) * 88200, bits=32, kind=3),
    "broken mp3": b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(range(256)) * 20,
    "broken ogg": b"OggS" + bytes(range(256)) * 20,
    "broken flac": b"fLaC" + b"\xff" * 4000,
}


@pytest.mark.parametrize("name", [*FILES, "fifteen minutes of FLAC"])
def test_files_are_refused_in_a_sentence(url: str, name: str, tmp_path: Path) -> None:
    data = FILES.get(name) or (long_flac(tmp_path) if name not in FILES else b"")
    uploaded = httpx.post(f"{url}/gradio_api/upload", files={"files": ("sound.wav", data)}).json()
    start = time.perf_counter()
    said = answer(url, "analyze", [{"path": uploaded[0], "meta": {"_type": "gradio.FileData"}}])
    assert "error" in said, said
    assert "expected" in said["error"] and "an error of its own" not in said["error"]
    assert "/gradio/" not in said["error"], "where this server keeps files is nobody's business"
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/gradio_api/call/nonsense", b'{"data": []}', 404),
        ("POST", "/gradio_api/call/plan", b"{", 400),
        ("POST", "/gradio_api/call/plan", b"\xff\xfe", 400),
        ("POST", "/gradio_api/call/plan", b'{"data": 7}', 400),
        ("POST", "/gradio_api/call/plan", b"[" * 50_000, 400),
        ("POST", "/gradio_api/call/plan", b'{"data": [' + b'"x",' * 100 + b'"x"]}', 400),
        ("POST", "/gradio_api/call/plan", b'{"data": ["' + b"x" * 3_000_000 + b'"]}', 413),
        ("GET", "/gradio_api/call/plan", b"", 405),
        ("GET", "/results/x/sound.wav", b"", 404),
        ("GET", "/results/..%2f..%2fetc/passwd", b"", 404),
        ("GET", "/results/aaaaaaaaaaaaaaaa/card.json", b"", 404),
        ("GET", "/gradio_api/file=/etc/passwd", b"", 403),
        ("GET", "/gradio_api/file=..%2f..%2fetc%2fpasswd", b"", 403),
        ("POST", "/gradio_api/queue/join", b"{}", 422),
        ("POST", "/gradio_api/queue/join", b'{"fn_index": 99999, "data": [], "session_hash": "x"}', 0),
        ("POST", "/gradio_api/run/predict", b'{"fn_index": 99999, "data": []}', 0),
        ("POST", "/gradio_api/upload", b"not a form", 0),
        ("DELETE", "/results/aaaaaaaaaaaaaaaa/sound.wav", b"", 405),
    ],
)
def test_addresses_and_bodies_are_refused_in_a_sentence(
    url: str, method: str, path: str, body: bytes, status: int
) -> None:
    response = httpx.request(method, f"{url}{path}", content=body, headers={"content-type": "application/json"})
    assert response.status_code == status if status else response.status_code >= 400
    assert "expected" in response.json()["error"]
    assert httpx.get(f"{url}/health").json()["status"] == "ok"


def test_an_upload_from_another_sites_page_is_refused(url: str) -> None:
    headers = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    response = httpx.post(f"{url}/gradio_api/upload", files={"files": ("a.wav", b"x")}, headers=headers)
    assert response.status_code == 403
    assert response.json()["error"].startswith("origin: expected")


def test_too_large_an_upload_is_refused(url: str) -> None:
    response = httpx.post(f"{url}/gradio_api/upload", files={"files": ("a.wav", bytes(51 * 2**20))}, timeout=60)
    assert response.status_code == 413
    assert "expected" in response.json()["error"]


@pytest.mark.parametrize("over", ["http", "client"])
def test_a_client_that_leaves_frees_the_model(engine: Mustango, over: str) -> None:
    demo = build_demo(engine)
    _, url, _ = demo.launch(**launch_options(demo), prevent_thread_lock=True, quiet=True)
    url = url.rstrip("/")
    data = positional("generate", {"seconds": 20, "steps": 1000})
    try:
        if over == "http":
            event = httpx.post(f"{url}/gradio_api/call/generate", json={"data": data}).json()["event_id"]
            address = f"{url}/gradio_api/call/generate/{event}"
        else:
            config = httpx.get(f"{url}/config").json()
            index = next(one["id"] for one in config["dependencies"] if one["api_name"] == "generate")
            body = {"data": data, "fn_index": index, "session_hash": "leaver"}
            httpx.post(f"{url}/gradio_api/queue/join", json=body).raise_for_status()
            address = f"{url}/gradio_api/queue/data?session_hash=leaver"
        with httpx.stream("GET", address) as stream:
            assert stream.status_code == 200
            wait_until(lambda: demo.desk.length == 1, 30)
        start = time.perf_counter()
        wait_until(lambda: demo.desk.length == 0, 30)
        assert time.perf_counter() - start < 3.0  # a third of it on an idle machine
        assert not [path for path in demo.results.folder.rglob("*") if path.is_file()]  # stopped, not finished
    finally:
        demo.desk.stop_all(10.0)
        demo.close()


def wait_until(true: Any, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while not true():
        assert time.perf_counter() < end
        time.sleep(0.01)
