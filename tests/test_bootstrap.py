"""The README's first command, without its network: what it installs, when it does so again, and with which Python."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import bootstrap

Calls = list[list[str]]


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """An empty environment below a folder of the test, and the commands that would have been run."""
    made: Calls = []

    def record(command: list[str | Path]) -> int:
        made.append([str(part) for part in command])
        return 0

    monkeypatch.setattr(bootstrap, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "run", record)
    monkeypatch.setattr(bootstrap, "MADMOM", tmp_path / "none")
    (tmp_path / ".venv").mkdir()
    return made


def installed(calls: Calls) -> list[str]:
    """The arguments of pip's commands that name something to install, joined."""
    return [" ".join(call[call.index("--disable-pip-version-check") + 1 :]) for call in calls if "pip" in call]


def test_everything_is_installed_once_and_the_project_itself_too(calls: Calls) -> None:
    assert bootstrap.install(Path("python"), with_tests=True)
    lines = installed(calls)
    root = bootstrap.ROOT
    core = f"-r {root / bootstrap.CORE} {bootstrap.TINYSOUNDFONT}"
    wanted = [core, f"-r {root / bootstrap.DEVELOPMENT}", f"--no-deps --editable {root}"]
    assert [line for line in lines if not line.startswith("torch==")] == wanted
    calls.clear()
    assert bootstrap.install(Path("python"), with_tests=True)
    assert calls == []


def test_what_has_changed_is_installed_again(calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (bootstrap.CORE, "pyproject.toml"):
        (tmp_path / name).write_text("first")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    assert bootstrap.install(Path("python"), with_tests=False)
    calls.clear()
    (tmp_path / "pyproject.toml").write_text("second")
    assert bootstrap.install(Path("python"), with_tests=False)
    assert installed(calls) == [f"--no-deps --editable {tmp_path}"]


def test_a_failure_is_told_and_tried_again(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "run", lambda command: 1)
    assert not bootstrap.install(Path("python"), with_tests=False)
    assert "requirements-core.txt could not be installed" in capsys.readouterr().err
    assert not bootstrap.is_stamped(bootstrap.CORE, "") and list(bootstrap.ENVIRONMENT.iterdir()) == []


def test_a_stamp_tells_this_content_from_another(calls: Calls) -> None:
    assert not bootstrap.is_stamped("a", "first")
    bootstrap.stamp("a", "first")
    assert bootstrap.is_stamped("a", "first") and not bootstrap.is_stamped("a", "second")
    assert bootstrap.digest(b"a") != bootstrap.digest(b"b")


def test_the_page_is_started_with_the_rest_of_the_line(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "make_environment", lambda: Path("python"))
    assert bootstrap.main(["page", "--port", "7000"]) == 0
    assert calls[-1] == ["python", "-m", "mustango_app", "serve", "--port", "7000"]
    assert bootstrap.main(["test", "-k", "plan"]) == 0
    assert [call[2] for call in calls[-3:]] == ["ruff", "ruff", "pytest"]
    assert calls[-1][-2:] == ["-k", "plan"]
    assert calls[-1][3:7] == ["-n", str(bootstrap.cores()), "--dist", "loadfile"]


def test_unknown_commands_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main([]) == bootstrap.main(["sing"]) == 2
    assert "usage: python bootstrap.py" in capsys.readouterr().err


def test_another_python_is_looked_for_from_the_newest_down(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 0))
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: name if name in ("python3.11", "python3.12") else None)
    assert bootstrap.main(["page"]) == 0
    assert calls == [["python3.12", str(bootstrap.ROOT / "bootstrap.py"), "page"]]


def test_no_fitting_python_is_said(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 0))
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    assert bootstrap.main(["test"]) == 1
    assert "expected Python 3.11 to 3.13, got" in capsys.readouterr().err
    assert calls == []
