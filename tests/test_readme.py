"""Every command and program in README.md and docs/ runs as it is written.

A block that cannot run here (it installs, downloads, or waits for a person) has an HTML comment right above it that
begins with "not run:" and says why.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(
    r"(?:<!--\s*(?P<comment>.*?)\s*-->\s*\n)?^```(?P<language>bash|python)\n(?P<code>.*?)^```", re.M | re.S
)
NEEDS_MODEL = re.compile(r"mustango generate|from_pretrained\(\)|Mustango\(\)")
POCKET = ROOT / "checkpoints" / "pocket" / "model_index.json"


class Block(NamedTuple):
    place: str
    language: str
    code: str
    reason: str  # for which it is not run; empty if it is


def blocks() -> list[Block]:
    found = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start("code"))
            comment = match["comment"] or ""
            reason = comment.removeprefix("not run:").strip() if comment.startswith("not run:") else ""
            found.append(Block(f"{path.name}:{line}", match["language"], match["code"], reason))
    return found


BLOCKS = tuple(blocks())


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A PATH on which `mustango` and `python` are those of this project."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, arguments in (("mustango", "-m mustango_app"), ("python", "")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    paths = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return {**os.environ, **paths, "HF_HUB_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False"}


# Those of docs/ take minutes together: `python bootstrap.py test -m slow`.
@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, id=block.place, marks=[] if block.place.startswith("README") else pytest.mark.slow)
        for block in BLOCKS
        if not block.reason
    ],
)
def test_block_runs(block: Block, environment: dict[str, str], tmp_path: Path) -> None:
    if NEEDS_MODEL.search(block.code) and not POCKET.is_file():
        pytest.skip("the shipped checkpoint is not there")
    command = ["bash", "-euo", "pipefail", "-c"] if block.language == "bash" else [sys.executable, "-c"]
    done = subprocess.run(
        [*command, block.code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{block.code}\n{done.stdout}\n{done.stderr}"


def test_blocks_that_do_not_run_say_why() -> None:
    assert BLOCKS
    for block in BLOCKS:
        assert not block.reason or len(block.reason.split()) >= 3, block.place


def test_links_within_the_project_lead_somewhere() -> None:
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
