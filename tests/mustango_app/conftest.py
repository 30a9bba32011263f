"""One tiny random model for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from mustango_app import Mustango
from tests.tiny import tiny_pipeline_folder


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pipeline_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def engine(tiny_folder: Path) -> Mustango:
    return Mustango.from_pretrained(tiny_folder, device="cpu")
