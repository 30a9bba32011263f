"""What `pip install .` installs: shipped model, data files and tinysoundfont are in the wheel, and it makes music."""

from __future__ import annotations

import email
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[1]
BACKEND = ROOT / "third_party" / "tinysoundfont"
ASSEMBLE = """
import sys
from pathlib import Path
_, folder, tinysoundfont, out = sys.argv
sys.path.insert(0, folder)
import mustango_backend as backend
pure = backend.build_meta.build_wheel(f"{out}/pure")  # setuptools changes sys.argv
print(backend.assemble(Path(out, "pure", pure), Path(tinysoundfont), Path(out)))
"""


def installed_tinysoundfont(folder: Path) -> Path:
    """The installed release as a wheel again, since a test fetches nothing."""
    wheels = pytest.importorskip("wheel.wheelfile")
    distribution = importlib.metadata.distribution("tinysoundfont")
    tag = email.message_from_string(distribution.read_text("WHEEL"))["Tag"]
    path = folder / f"tinysoundfont-{distribution.version}-{tag}.whl"
    with wheels.WheelFile(path, "w") as archive:
        for file in distribution.files:
            if file.parts[0].startswith("tinysoundfont") and "__pycache__" not in file.parts and file.name != "RECORD":
                archive.write(distribution.locate_file(file), file.as_posix())
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources by the project's own backend."""
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / "source" / name)
    (folder / "pure").mkdir()
    backend = folder / "source" / BACKEND.relative_to(ROOT)
    command = [sys.executable, "-c", ASSEMBLE, str(backend), str(installed_tinysoundfont(folder)), str(folder)]
    done = subprocess.run(command, cwd=folder / "source", capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.splitlines()[-1])


def test_all_that_is_needed_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        info = next(name.split("/")[0] for name in names if ".dist-info/" in name)
        metadata = email.message_from_bytes(archive.read(f"{info}/METADATA"))
        tags = email.message_from_bytes(archive.read(f"{info}/WHEEL"))
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    packaged = {name for name in tracked if name.split("/")[0] in ("munet", "augmentation", "mustango_app")}
    assert {name for name in packaged if name.endswith((".py", ".toml"))} <= names
    assert {f"mustango_app/{name}" for name in tracked if name.startswith("checkpoints/pocket/")} <= names
    assert any(name.startswith("tinysoundfont/_tinysoundfont") for name in names)
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)
    required = {re.split(r"[<>=\[]", line)[0] for line in metadata.get_all("Requires-Dist") if "extra" not in line}
    assert {"torch", "diffusers", "gradio", "filelock"} <= required
    assert not required & {"tinysoundfont", "pyaudio", "madmom"}
    assert tags["Root-Is-Purelib"] == "false" and f"{sys.version_info[1]}" in tags["Tag"]


@pytest.mark.slow
def test_the_unpacked_wheel_makes_music_by_itself(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import mustango_app.cli, tinysoundfont, augmentation.compose.renderer as renderer\n"
        "assert all(part.__file__.startswith(sys.argv[1]) for part in (mustango_app.cli, tinysoundfont, renderer))\n"
        "raise SystemExit(mustango_app.cli.main(sys.argv[2:]))"
    )
    arguments = ["generate", "A calm waltz", "-o", "a.wav", "--seconds", "1", "--steps", "1", "--seed", "3"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "installed"), *arguments],
        cwd=tmp_path,
        env=environment | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert soundfile.info(tmp_path / "a.wav").duration == 1.0


@pytest.mark.slow
def test_pip_install_of_this_folder_makes_music(tmp_path: Path) -> None:
    """In a fresh environment, with the requirements of this one: fetching them again would say nothing new."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", str(ROOT)], check=True)
    (place,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    others = Path(next(path for path in sys.path if path.endswith("site-packages")))
    (place / "others.pth").write_text(str(others), encoding="utf-8")
    mustango = tmp_path / "venv" / "bin" / "mustango"
    command = [mustango, "generate", "A calm waltz", "-o", "a.wav", "--seconds", "1", "--steps", "1"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert soundfile.info(tmp_path / "a.wav").duration == 1.0
    command = [python, "-m", "augmentation", "compose", "--count", "1", "--duration", "2", "--out", "corpus"]
    subprocess.run([*command, "--workers", "1"], cwd=tmp_path, check=True)
