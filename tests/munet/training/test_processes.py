"""Several processes train one model."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.munet.training.toys import toy_files

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_from_twice_the_batch(tmp_path: Path) -> None:
    toy_files(tmp_path)
    command = [sys.executable, "-m", "tests.munet.training.one_step", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    common = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    workers = [
        subprocess.Popen(command, cwd=ROOT, env=common | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(2)
    ]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    alone, together = (torch.load(tmp_path / name, weights_only=True) for name in ("1.pt", "2.pt"))
    for one, other in zip(alone, together, strict=True):
        assert torch.allclose(one, other, atol=1e-6)
