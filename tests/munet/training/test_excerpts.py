"""Excerpts of files and the pool that they fill."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from munet.training.excerpts import ExcerptPool, audio_files, excerpts
from munet.training.hardware import matmul_peak


def write(path: Path, value: float, seconds: float = 1.0, rate: int = 8000, channels: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full((round(seconds * rate), channels), value, np.float32), rate)


def test_files_are_found_sorted_and_skipped(tmp_path: Path) -> None:
    for name in ("b/2.flac", "a/1.wav", "a/notes.txt", "b/held.flac"):
        write(tmp_path / name, 0.1) if not name.endswith("txt") else (tmp_path / name).write_text("x")
    found = audio_files([tmp_path], skipped=["held"])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a/1.wav", "b/2.flac"]
    with pytest.raises(FileNotFoundError, match="audio: expected"):
        audio_files([tmp_path / "none"])


def test_groups_take_turns_and_levels_vary(tmp_path: Path) -> None:
    write(tmp_path / "loud" / "1.flac", 0.9)
    for index in range(5):
        write(tmp_path / "quiet" / f"{index}.flac", 0.01)
    groups = [audio_files([tmp_path / name]) for name in ("loud", "quiet")]
    drawn = list(islice(excerpts(groups, 400, 8000, seed=0), 12))
    assert all(each.shape == (2, 400) for each in drawn)
    levels = [float(each.max()) for each in drawn]
    assert min(levels[0::2]) > 0.9 * 10 ** (-14 / 20) - 0.01 and max(levels[1::2]) < 0.011
    assert len({round(level, 4) for level in levels}) > 6
    again = list(islice(excerpts(groups, 400, 8000, seed=0), 12))
    assert all(torch.equal(a, b) for a, b in zip(drawn, again, strict=True))


def test_other_rates_mono_and_short_files_fit(tmp_path: Path) -> None:
    write(tmp_path / "x.wav", 0.5, seconds=0.02, rate=16000, channels=1)
    (excerpt,) = islice(excerpts([[tmp_path / "x.wav"]], 800, 8000, seed=1), 1)
    assert excerpt.shape == (2, 800) and torch.equal(excerpt[0], excerpt[1])
    assert excerpt[:, 40:120].abs().min() > 0 and not excerpt[:, 200:].any()


def test_the_pool_replaces_its_oldest_and_crops_keep_step() -> None:
    counter = iter(range(1, 100))
    source = (torch.arange(50.0).repeat(2, 1) / 1000 + next(counter) / 10 for _ in range(9))
    pool = ExcerptPool(source, lambda audio: audio[:, :1, ::10, None] * 2, rows=3, device=torch.device("cpu"))
    assert torch.allclose(pool.audio[:, 0, 0] / 32767, torch.tensor([0.2, 0.3, 0.4]), atol=1e-4)
    pool.replace()
    assert torch.allclose(pool.audio[:, 0, 0] / 32767, torch.tensor([0.5, 0.3, 0.4]), atol=1e-4)
    latents, audio = pool.crops(6, 2, torch.Generator().manual_seed(0))
    assert latents.shape == (6, 1, 2, 1) and audio.shape == (6, 2, 20)
    assert torch.allclose(latents[:, 0, :, 0], 2 * audio[:, 0, ::10], atol=1e-3)


def test_speed_is_positive_and_finite() -> None:
    assert 1e6 < matmul_peak(torch.device("cpu"), torch.float32) < 1e16
