"""The speed benchmarks: what they make of timings, and dry runs of those that need a large model or a GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import timing
from benchmarks.timing import PEAK, Task, busy, in_turn, rows_of, table, tell

ROOT = Path(__file__).resolve().parents[1]


def test_ratios_are_taken_round_by_round_and_limits_from_the_peak_of_the_round() -> None:
    tasks = {
        "plain": Task(lambda: None, 40.0, 1.0, wall=[4.0, 8.0, 6.0], cpu=[4.0, 4.0, 4.0]),
        "ours": Task(lambda: None, 20.0, 8.0, wall=[2.0, 2.0, 2.0], cpu=[1.0, 2.0, 4.0]),
        PEAK: Task(lambda: None, 10.0, 1.0, wall=[0.5, 1.0, 0.5], cpu=[0.5, 0.5, 0.5]),
    }
    plain, ours, peak = rows_of(tasks, "plain")
    assert (plain["wall_s"], plain["cpu_s"], plain["rounds"]) == (6.0, 4.0, 3)
    assert plain["limit_s"] == 2.0 and plain["times_limit"] == 2.0  # limits 2, 4, 2; ratios 2, 2, 3
    assert ours["faster"] == 3.0 and ours["faster_cpu"] == 2.0  # 2, 4, 3 and 4, 2, 1
    assert ours["per_second"] == 4.0 and "faster" not in peak and "limit_s" not in peak


def test_attention_of_processors_is_counted() -> None:
    states = torch.randn(1, 2, 8, 4)
    with torch.no_grad():
        flops = timing.counted(lambda: torch.nn.functional.scaled_dot_product_attention(states, states, states))
    assert flops == 2 * 2 * (2 * 8 * 8 * 4)  # two products of 8 x 4 by 4 x 8 in two heads


def test_tasks_take_turns_and_the_first_rounds_do_not_count() -> None:
    order: list[str] = []
    tasks = {name: Task(lambda name=name: order.append(name)) for name in ("a", "b")}
    in_turn(tasks, rounds=2, warm=1)
    assert order == ["a", "b"] * 3 and len(tasks["a"].wall) == len(tasks["b"].cpu) == 2


def test_a_table_has_all_columns_and_the_file_names_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"task": "a", "wall_s": 0.12345}, {"task": "b", "faster": 2.0}]
    lines = table(rows).splitlines()
    assert lines[0].split() == ["|", "task", "|", "wall_s", "|", "faster", "|"] and "0.123" in lines[2]
    monkeypatch.setattr(timing, "RESULTS", tmp_path)
    tell("speed_test", rows, save=True, batch=4)
    report = json.loads((tmp_path / "speed_test.json").read_text())
    assert report["rows"] == rows and report["batch"] == 4 and report["machine"]["cores"] == os.cpu_count()
    assert lines[0] in capsys.readouterr().out


def test_busy_processes_run_meanwhile_and_no_longer() -> None:
    with busy(2) as processes:
        assert len(processes) == 2 and all(process.poll() is None for process in processes)
    assert all(process.poll() is not None for process in processes)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["speed_step", "speed_clip"])
def test_a_dry_run_at_toy_size(name: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{name}", "--small", "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "plain" in done.stdout and "ours" in done.stdout
