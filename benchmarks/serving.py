"""Whether a server that many use stays right and small: equal clips for all clients, and flat memory.

    python benchmarks/serving.py [--clients 8] [--requests 200] [--page 500] [--out FILE.json]

The server runs in a process of its own (`mustango serve`). First one client alone makes a clip for each seed; then many
clients make them at once, by `/generate`, and every file is compared byte for byte. Then the page is used: each request
is an event of the page that makes a clip and gets its card with the timeline. Memory is what the server's process holds
(resident, MB), in the middle of the requests' work; figures are told against that after 20 requests.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import psutil
from gradio_client import Client

SEEDS = 10
QUICK = MappingProxyType({"prompt": "calm piano in G major, 120 bpm", "seconds": 1, "steps": 1, "guidance": 1})
EARLY = 20  # requests after which memory should not grow any more


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(port: int, model: str | None) -> subprocess.Popen[bytes]:
    """Start a server and wait until it answers."""
    command = [
        sys.executable,
        "-m",
        "mustango_app",
        "serve",
        "--port",
        str(port),
        *(["--model", model] if model else []),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        try:
            httpx.get(f"http://127.0.0.1:{port}/config", timeout=60).raise_for_status()
            return process
        except httpx.HTTPError:
            if process.poll() is not None:
                raise SystemExit("the server did not start") from None
            time.sleep(0.5)
    raise SystemExit("the server did not answer within five minutes")


def megabytes(process: subprocess.Popen[bytes]) -> float:
    """Return the resident memory of the server."""
    return psutil.Process(process.pid).memory_info().rss / 1e6


def made(client: Client, seed: int) -> bytes:
    """Return the file that `/generate` makes of a seed."""
    path, _ = client.predict(**QUICK, seed=seed, api_name="/generate")
    return Path(path).read_bytes()


def by_many(url: str, clients: int, requests: int, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Let many clients make clips at once; return how many differ from those of one client, and the memory."""
    alone = Client(url, verbose=False, httpx_kwargs={"timeout": 120})
    expected = {seed: made(alone, seed) for seed in range(SEEDS)}
    people = [Client(url, verbose=False, httpx_kwargs={"timeout": 120}) for _ in range(clients)]
    memory: list[float] = []
    start = time.perf_counter()

    def one(number: int) -> bool:
        same = made(people[number % clients], number % SEEDS) == expected[number % SEEDS]
        memory.append(megabytes(process))
        return same

    def all_of(client: int) -> list[bool]:
        return [one(number) for number in range(client, requests, clients)]

    with ThreadPoolExecutor(clients) as pool:
        same = [answer for answers in pool.map(all_of, range(clients)) for answer in answers]
    return {"requests": len(same), "different": same.count(False), "seconds": round(time.perf_counter() - start, 1)} | (
        growth(memory)
    )


def growth(memory: list[float]) -> dict[str, float]:
    """Return the memory after `EARLY` requests and at the end (medians of five), and by how much it grew."""
    early, late = (sorted(memory[at : at + 5])[2] for at in (EARLY - 5, len(memory) - 5))
    return {"early_mb": round(early, 1), "late_mb": round(late, 1), "growth": round(late / early - 1, 4)}


def by_page(url: str, requests: int, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Use the page as many times as `requests`, a visitor each time; return the memory."""
    config = httpx.get(f"{url}/config", timeout=120).json()
    (event,) = [one for one in config["dependencies"] if one["api_name"] == "page_generate"]
    values = {one["id"]: one.get("props", {}).get("value") for one in config["components"]}
    labels = {one["id"]: one.get("props", {}).get("elem_id") for one in config["components"]}
    typed = {"prompt": QUICK["prompt"], "field-duration": "1 s", "steps": 1, "guidance": 1, "listen": False}
    data = [typed.get(labels[one] or "", values[one]) for one in event["inputs"]]
    memory, start = [], time.perf_counter()
    for number in range(requests):
        session = f"visitor{number}"
        body = {"data": data, "fn_index": event["id"], "session_hash": session}
        httpx.get(url, timeout=120).raise_for_status()
        httpx.post(f"{url}/gradio_api/queue/join", json=body, timeout=120).raise_for_status()
        with httpx.stream("GET", f"{url}/gradio_api/queue/data?session_hash={session}", timeout=120) as stream:
            messages = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
        (ending,) = [one for one in messages if one["msg"] == "process_completed"]
        assert ending["success"], ending
        assert any("svg" in json.dumps(one) for one in messages), "no card came"
        memory.append(megabytes(process))
    return {"requests": requests, "seconds": round(time.perf_counter() - start, 1)} | growth(memory)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="equal clips for all, and flat memory")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests", type=int, default=200, help="of all clients together")
    parser.add_argument("--page", type=int, default=500, help="events of the page")
    parser.add_argument("--model", help="folder (the shipped model)")
    parser.add_argument("--out", type=Path, help="also write the figures there")
    arguments = parser.parse_args()
    port = free_port()
    process = started(port, arguments.model)
    url = f"http://127.0.0.1:{port}"
    try:
        figures = {"clients": {"clients": arguments.clients}}
        figures["clients"] |= by_many(url, arguments.clients, arguments.requests, process)
        print(json.dumps(figures), flush=True)
        figures["page"] = by_page(url, arguments.page, process)
    finally:
        process.terminate()
        process.wait(10)
    print(json.dumps(figures, indent=1))
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
