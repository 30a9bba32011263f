"""(f) Cold start: whole processes until they have answered.

    python -m benchmarks.speed_start [--rounds 3 --save]

`--help`, `plan`, `generate` up to the first step, the page up to its first answer, and up to a loaded model; beside
them the limit, a process that imports PyTorch and reads the weights once.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence

from benchmarks.timing import Task, in_turn, options_of, rows_of, tell

FIRST_STEP = """
import os
from mustango_app import Mustango

def first(done, total):
    os._exit(0)

Mustango.from_pretrained().generate("a calm waltz", seconds=10, seed=1, callback=first)
"""
LIMIT = """
import torch
from munet.files import shipped
from munet.model_index import packaged_text_encoder
for folder in (shipped("pocket"), packaged_text_encoder()):
    for file in folder.rglob("*.safetensors"):
        file.read_bytes()
"""
PATIENCE = 300  # seconds


def process(arguments: Sequence[str]) -> Task:
    """The task of a Python process with some arguments."""

    def run() -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True, timeout=PATIENCE)

    return Task(run)


def page(model: str) -> None:
    """Start the page, wait for an answer that says of its model at least `model`, loading or ready, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mustango_app", "serve", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                    if json.load(answer)["model"] in (model, "ready"):
                        return
                time.sleep(0.05)
            except OSError:
                if server.poll() is not None:
                    raise RuntimeError(f"serve: expected it to answer, got exit status {server.returncode}") from None
                time.sleep(0.05)
        raise TimeoutError(f"serve: expected an answer within {PATIENCE} s, got none")
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Measure and print."""
    options = options_of(__doc__, 3).parse_args()
    tasks = {
        "--help": process(["-m", "mustango_app", "--help"]),
        "plan": process(["-m", "mustango_app", "plan", "a calm waltz in G major"]),
        "limit: PyTorch and weights": process(["-c", LIMIT]),
        "generate to the first step": process(["-c", FIRST_STEP]),
        "the page": Task(lambda: page("loading")),
        "the page, model loaded": Task(lambda: page("ready")),
    }
    in_turn(tasks, options.rounds)
    tell("speed_start", rows_of(tasks), options.save)


if __name__ == "__main__":
    main()
