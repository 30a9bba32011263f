"""Files written whole, by one at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from munet.errors import RequestError
from munet.files import alone, atomic_path, digest, sweep, write_atomically

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from munet.files import alone
with alone(sys.argv[1], "out"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(target: Path, seconds: float) -> subprocess.Popen[str]:
    """Another process that holds the lock for some seconds."""
    command = [sys.executable, "-c", HOLD, str(target), str(seconds)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_a_file_is_whole_or_as_before(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_atomically(path, b"first")
    with pytest.raises(KeyError), atomic_path(path) as partial:
        assert partial.suffix == ".json"
        partial.write_bytes(b"half")
        raise KeyError
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / ".a.123.partial.flac").write_bytes(b"half")
    (tmp_path / "data" / "a.flac").write_bytes(b"whole")
    sweep(tmp_path)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["a.flac"]


def test_a_second_process_is_refused_in_a_line(tmp_path: Path) -> None:
    with hold(tmp_path / "out", 20) as other:
        expected = "out: expected nobody else at work on "
        with pytest.raises(RequestError, match=expected), alone(tmp_path / "out", "out"):
            pytest.fail("two at a time")
        other.kill()
    with alone(tmp_path / "out", "out"):  # a lock ends with its process
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_second_process_may_wait(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    start = time.monotonic()
    with hold(tmp_path / "out", 1.0), alone(tmp_path / "out", "out", wait=True):
        assert time.monotonic() - start > 0.5
    assert "waiting for another process that makes" in caplog.text


def test_threads_take_turns_too(tmp_path: Path) -> None:
    inside: list[int] = []

    def work() -> None:
        with alone(tmp_path / "out", "out", wait=True):
            inside.append(1)
            assert sum(inside) == 1
            time.sleep(0.05)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not inside


def test_digests_keep_parts_apart() -> None:
    assert digest("a", "bc") != digest("ab", "c")
    assert digest("a", b"b") == digest(b"a", "b")


def test_who_has_waited_keeps_newcomers_out(tmp_path: Path) -> None:
    """Who held the lock takes its file away; the process that waited must not hold one that nobody sees."""
    refused = pytest.raises(RequestError, match="expected nobody else at work")
    out = tmp_path / "out"
    with hold(out, 1.0), alone(out, "out", wait=True), refused, alone(out, "out"):
        pytest.fail("two at a time")
