"""Set up and start, with nothing but Python: `python bootstrap.py page` or `python bootstrap.py test`.

Makes a virtual environment in `.venv`, installs what is missing there and starts the page or the tests in it. A second
start installs nothing unless a requirements file has changed. Only the standard library is used.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
OLDEST, NEWEST = (3, 11), (3, 13)
TORCH = "torch==2.13.0"
# requirements.txt part by part: a machine without a C compiler runs everything but what madmom measures.
CORE, DEVELOPMENT = "requirements-core.txt", "requirements-dev.txt"
TINYSOUNDFONT, MADMOM = (ROOT / "third_party" / name for name in ("tinysoundfont", "madmom"))
USAGE = "usage: python bootstrap.py page [--host H] [--port P] | test [pytest arguments]"


def main(arguments: list[str]) -> int:
    """Run one of the two commands; return its exit status."""
    if not arguments or arguments[0] not in ("page", "test"):
        print(USAGE, file=sys.stderr)
        return 2
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return run_with_another_python(arguments)
    command, rest = arguments[0], arguments[1:]
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    python = make_environment()
    if not install(python, with_tests=command == "test"):
        return 1
    if command == "page":
        return run([python, "-m", "mustango_app", "serve", *rest])
    return test(python, rest)


def run(command: list[str | Path]) -> int:
    """Run a command in the project's folder; return its exit status."""
    return subprocess.call([str(part) for part in command], cwd=ROOT)


def run_with_another_python(arguments: list[str]) -> int:
    """Start again with a Python that fits, if there is one on the path."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return run([found, ROOT / "bootstrap.py", *arguments])
    wanted = f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
    print(f"bootstrap: expected Python {wanted}, got {platform.python_version()}, and found no other", file=sys.stderr)
    return 1


def make_environment() -> Path:
    """Return the Python of the virtual environment, made if there is none."""
    python = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print(f"bootstrap: making {ENVIRONMENT}", flush=True)
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
    return python


def install(python: Path, with_tests: bool) -> bool:
    """Install what is not yet installed; return whether all but the optional parts is there."""
    for name in (CORE, DEVELOPMENT) if with_tests else (CORE,):
        wanted = digest((ROOT / name).read_bytes() + sources(TINYSOUNDFONT))
        if is_stamped(name, wanted):
            continue
        print(f"bootstrap: installing {name} (some minutes the first time)", flush=True)
        if name == CORE and sys.platform == "linux" and not has_nvidia():
            # A torch that is asked for by its version can be the small build without CUDA; if there is none, the
            # range in requirements-core.txt decides.
            pip_install(python, TORCH)
        extras = [str(TINYSOUNDFONT)] if name == CORE else []
        if pip_install(python, "-r", str(ROOT / name), *extras) != 0:
            print(f"bootstrap: {name} could not be installed; the lines above say why", file=sys.stderr)
            return False
        stamp(name, wanted)
    if not install_itself(python):
        return False
    install_madmom(python)
    return True


def install_itself(python: Path) -> bool:
    """Put the command `mustango` into the environment; the code stays in this folder."""
    wanted = digest((ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode())
    if is_stamped("mustango", wanted):
        return True
    if pip_install(python, "--no-deps", "--editable", str(ROOT)) != 0:
        print("bootstrap: the command mustango could not be installed; the lines above say why", file=sys.stderr)
        return False
    stamp("mustango", wanted)
    return True


def install_madmom(python: Path) -> None:
    """Try the optional beat and chord networks; they need a C compiler, and analysis says what is missing without."""
    if not MADMOM.is_dir():
        return
    wanted = digest(sources(MADMOM) + str(shutil.which("cc")).encode())
    if is_stamped("madmom", wanted):
        return
    print("bootstrap: building madmom (optional)", flush=True)
    log = ENVIRONMENT / "madmom.log"
    with log.open("w", encoding="utf-8") as output:
        command = [str(python), "-m", "pip", "install", str(MADMOM)]
        failed = subprocess.call(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT) != 0
    if failed:
        print(f"bootstrap: madmom was not installed (see {log}); analysis will say what it misses", flush=True)
    stamp("madmom", wanted)


def sources(folder: Path) -> bytes:
    """Return all that a folder of `third_party` is built from."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("*.*")))


def pip_install(python: Path, *packages: str) -> int:
    """Run pip quietly; return its exit status."""
    return run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])


def has_nvidia() -> bool:
    """Whether there is an NVIDIA GPU with its driver."""
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia").exists()


def cores() -> int:
    """Number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def digest(content: bytes) -> str:
    """Return a fingerprint of what an installation depends on."""
    return hashlib.sha256(content + sys.version.encode()).hexdigest()


def is_stamped(name: str, wanted: str) -> bool:
    """Whether `name` was installed from this very content."""
    path = ENVIRONMENT / f"{name}.stamp"
    return path.is_file() and path.read_text(encoding="ascii") == wanted


def stamp(name: str, content: str) -> None:
    """Remember what `name` was installed from."""
    (ENVIRONMENT / f"{name}.stamp").write_text(content, encoding="ascii")


def test(python: Path, arguments: list[str]) -> int:
    """Run ruff and pytest, all three whatever the others say; return the first status that is not 0."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    ruff = ("--extend-exclude", ENVIRONMENT.name, ".")
    # By file, so that what a module's tests share is made once; as many processes as there are cores. A process that
    # crashes ends the run: pytest-xdist can wait for ever for what it left undone.
    spread = ["-n", str(cores()), "--dist", "loadfile", "--max-worker-restart", "0"]
    commands = (["ruff", "check", *ruff], ["ruff", "format", "--check", *ruff], ["pytest", *spread, *arguments])
    results = [run([python, "-m", *command]) for command in commands]
    return next((status for status in results if status != 0), 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
