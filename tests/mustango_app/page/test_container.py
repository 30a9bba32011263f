"""The Dockerfile and the Space's settings, as far as they can be run without building them."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import gradio
import httpx
import pytest
from packaging.requirements import Requirement

import bootstrap

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
FRONT = dict(
    line.split(": ", 1) for line in (ROOT / "README.md").read_text(encoding="utf-8").split("---")[1].split("\n") if line
)
ENVIRONMENT = dict(pair.split("=", 1) for line in re.findall(r"^ENV (.+)$", DOCKERFILE, re.M) for pair in line.split())
HEALTH = shlex.split(re.findall(r"^HEALTHCHECK .* CMD (.+)$", DOCKERFILE, re.M)[0])


def is_ignored(path: str) -> bool:
    """Whether a path of this folder does not reach the container."""
    parts = path.split("/")
    prefixes = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return any(
        fnmatch.fnmatch(prefix, pattern) or (pattern.startswith("**/") and fnmatch.fnmatch(part, pattern[3:]))
        for pattern in IGNORED
        for prefix, part in zip(prefixes, parts, strict=True)
    )


def test_what_is_copied_is_there_and_is_not_left_out() -> None:
    copied = [name for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.M) for name in line.split()]
    installed = re.findall(r"(?:-r |\./)(\S+)", " ".join(re.findall(r"^RUN pip .+$", DOCKERFILE, re.M)))
    assert {"requirements-core.txt", "third_party", "."} <= set(copied) and "third_party/madmom" in installed
    for name in [*copied, *installed]:
        assert (ROOT / name).exists() and not is_ignored(name), name
    needed = ["app.py", "mustango_app/page/languages/zh.toml", "checkpoints", "munet", "augmentation"]
    assert not any(map(is_ignored, needed))
    assert all(map(is_ignored, ["tests/conftest.py", "out/clip.wav", ".git/HEAD", "munet/music/__pycache__/plan.pyc"]))


def test_versions_and_ports_agree_everywhere() -> None:
    port = ENVIRONMENT["GRADIO_SERVER_PORT"]
    assert re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.M) == [port]
    assert f"127.0.0.1:{port}/health" in HEALTH[-1] and ENVIRONMENT["GRADIO_SERVER_NAME"] == "0.0.0.0"
    assert bootstrap.TORCH in DOCKERFILE
    wanted = Requirement(next(line for line in _lines("requirements-core.txt") if line.startswith("gradio")))
    assert FRONT["sdk_version"] in wanted.specifier and gradio.__version__ in wanted.specifier
    assert (FRONT["sdk"], FRONT["app_file"]) == ("gradio", "app.py") and (ROOT / FRONT["app_file"]).is_file()
    versions = [FRONT["python_version"].strip('"'), *re.findall(r"^FROM python:([\d.]+)-", DOCKERFILE, re.M)]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert len(versions) == 2 and all(version in Requirement(f"python{project}").specifier for version in versions)


def _lines(name: str) -> list[str]:
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


def checked(port: int) -> int:
    """Run the container's health check against a port of this machine; return its exit status."""
    command = [part.replace(f":{ENVIRONMENT['GRADIO_SERVER_PORT']}/", f":{port}/") for part in HEALTH]
    assert command[0] == "python"
    return subprocess.run([sys.executable, *command[1:]], capture_output=True, timeout=60).returncode


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_health_check_tells_a_page_from_none(demo: Any) -> None:
    assert checked(demo.server_port) == 0
    assert checked(free_port()) != 0


@pytest.mark.slow
def test_the_command_serves_from_what_is_copied_and_ends_at_the_stop_signal(tmp_path: Path) -> None:
    """Nothing but what the container holds is there, and its own environment."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    for name in filter(None, listed):
        if not is_ignored(name) and (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    command = [part.strip('" ') for part in re.findall(r"^CMD \[(.+)\]$", DOCKERFILE, re.M)[0].split(",")]
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | ENVIRONMENT
    environment["GRADIO_SERVER_PORT"] = str(port)
    assert command[0] == "python"
    page = subprocess.Popen([sys.executable, *command[1:]], cwd=tmp_path, env=environment)
    try:
        for _ in range(120):
            if checked(port) == 0:
                break
            assert page.poll() is None
        told = httpx.get(f"http://127.0.0.1:{port}/health", timeout=10).json()
        assert told["status"] == "ok"
        page.send_signal(getattr(signal, re.findall(r"^STOPSIGNAL (\w+)$", DOCKERFILE, re.M)[0]))
        assert page.wait(10) == 0
    finally:
        page.kill()
