"""Threads that sleep, and as many as there are cores."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from munet.processor import sleep_while_waiting, usable_cores


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", cores()), ("50000 100000", 1), ("150000 100000", min(2, cores())), ("6400000 100000", cores())],
)
def test_a_container_may_have_fewer_cores_than_the_machine(tmp_path: Path, quota: str, expected: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(f"{quota}\n")
    assert usable_cores(file) == expected


def test_without_a_container_affinity_counts(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "missing") == cores()


def test_what_the_environment_says_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    monkeypatch.delenv("KMP_BLOCKTIME", raising=False)
    sleep_while_waiting()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE" and os.environ["KMP_BLOCKTIME"] == "0"


@pytest.mark.parametrize("program", ["import mustango_app", "import munet", "import mustango_app.request"])
def test_it_is_said_before_torch_is_imported(program: str) -> None:
    told = "import os, sys; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    command = [sys.executable, "-c", f"{program}; {told}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["PASSIVE", "False"]


FAULTS = """
import resource
import torch
from munet.processor import keep_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(4_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

before, kept = faults(), keep_memory()
faults()
print(kept, before, faults())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the C library of Linux")
def test_memory_that_is_kept_is_not_cleared_by_the_system_again() -> None:
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True, timeout=120)
    kept, before, after = done.stdout.split()
    if kept == "False":
        pytest.skip("another C library")
    assert int(after) < 0.1 * int(before)
