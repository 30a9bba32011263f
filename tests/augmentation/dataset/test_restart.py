"""Killed and run again, on the ways that hear: songs cut on bars, no captions, shards side by side, tar archives."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augmentation.compose.composer import compose
from augmentation.compose.renderer import render

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("madmom") is None, reason="madmom is optional: it needs a C compiler"),
]
ROOT = Path(__file__).resolve().parents[3]
RATE = 22050
FLAGS = (
    "--seed", "5", "--cut", "bars", "--sample-rate", "8000", "--clip-seconds", "5", "--pitch=2",
    "--tempo-versions", "1", "--volume-versions", "1", "--webdataset", "--validation", "0.5", "--test", "0",
)  # fmt: skip
Moment = Callable[[Path], bool]


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two songs of 15 and 20 seconds, and nothing said about them."""
    folder = tmp_path_factory.mktemp("songs")
    for number, seconds in ((11, 15.0), (12, 20.0)):
        sound = render(compose(number, duration=seconds), RATE)
        soundfile.write(folder / f"song {number}.flac", np.asarray(sound).T, RATE)
    return folder


def command(songs: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "augmentation", "build", str(songs), "--out", str(out), *FLAGS, *more]


def finish(songs: Path, out: Path, *more: str) -> None:
    done = subprocess.run(command(songs, out, *more), cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def kill_at(moment: Moment, songs: Path, out: Path, *more: str) -> None:
    """Start a build, and end it by SIGKILL as soon as `moment` has come."""
    process = subprocess.Popen(
        command(songs, out, *more), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=dict(os.environ)
    )
    while not moment(out):
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.002)
    process.kill()
    process.communicate()


def digests(folder: Path) -> dict[str, str]:
    """Of all files but those whose bytes hold when they were made."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "fingerprints" not in path.parts)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def has(pattern: str, count: int) -> Moment:
    return lambda out: len(list(out.glob(pattern))) >= count


@pytest.fixture(scope="module")
def whole(songs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What comes out without an interruption."""
    out = tmp_path_factory.mktemp("whole") / "set"
    finish(songs, out)
    found = digests(out)
    assert sum(name.endswith(".flac") for name in found) >= 4 * 5 and any(name.endswith(".tar") for name in found)
    return found


def test_killed_while_beats_are_tracked_clips_made_and_archives_written(
    songs: Path, whole: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    for moment in (has("beats/*.npz", 1), has("*/*.flac", 2), has("shards/0*.jsonl", 3), has("webdataset/*", 1)):
        kill_at(moment, songs, out)
    finish(songs, out)
    assert digests(out) == whole


def test_shards_of_which_one_is_killed(songs: Path, whole: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "shards"
    kill_at(has("shards/0*.jsonl", 1), songs, out, "--shard", "1/2")
    finish(songs, out, "--shard", "0/2")
    kill_at(has("shards/0*.jsonl", 4), songs, out, "--shard", "1/2")
    finish(songs, out, "--shard", "1/2")
    assert digests(out) == whole
