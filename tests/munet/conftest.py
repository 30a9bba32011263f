"""A checkpoint in the published layout at toy size, and its conversion, shared by the tests of both."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from munet.published.convert import convert
from tests import published_layout


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published_layout.build(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="session")
def target(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed conversion, with a UNet in several files."""
    return convert(source, tmp_path_factory.mktemp("target") / "mustango", max_shard_size="5MB")


@pytest.fixture
def copy(source: Path, tmp_path: Path) -> Path:
    """The source, to be spoiled."""
    return shutil.copytree(source, tmp_path / "copy")
