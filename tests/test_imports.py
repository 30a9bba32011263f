"""What loads what: nobody waits for a library that is not needed, and every program at least imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "diffusers", "accelerate", "transformers", "gradio")


def loaded_by(program: str) -> set[str]:
    """Names of all modules that a program loads in a fresh process."""
    command = [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "augmentation.training_data",
        "augmentation.dataset.builder",
        "mustango_app.request",
        "mustango_app.evaluation.run",
    ],
)
def test_torch_is_left_alone(module: str) -> None:
    assert not loaded_by(f"import {module}") & set(HEAVY)


def test_the_page_is_there_before_the_model() -> None:
    assert not loaded_by("import mustango_app.page.server") & {"torch", "diffusers", "transformers"}


def test_changing_audio_needs_no_renderer() -> None:
    loaded = loaded_by("import augmentation.dataset.transforms, augmentation.dataset.sources")
    assert not loaded & {"augmentation.compose.renderer", "tinysoundfont", *HEAVY}


@pytest.mark.slow
def test_every_benchmark_imports() -> None:
    names = {f"benchmarks.{path.stem}" for path in (ROOT / "benchmarks").glob("[!_]*.py")}
    assert names and names <= loaded_by(f"import {', '.join(sorted(names))}")
