"""From clips to batches of rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from augmentation.dataset.corpus import CorpusConfig, build_corpus
from augmentation.training_data import Clip, ComposedClips, CorpusClips, drawn_players
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.instruments import CLASS_NAMES, classes_of
from mustango_app.training_rows import Faults, Places, Rows, WindowSettings, batches

CUT = WindowSettings(0.64, 1.28, 3, 8000, 1, 640)


class Ramp:
    """A clip whose samples count up, so that a window tells where it was cut."""

    def __len__(self) -> int:
        return 4

    def name(self, index: int) -> str:
        return f"ramp {index}"

    def read(self, index: int, sample_rate: int, seconds: float) -> Clip:
        ramp = np.arange(round(sample_rate * seconds)) / (sample_rate * seconds)
        return Clip(np.stack([ramp, ramp]), MusicPlan(), ["ramp"])


def test_windows_lie_on_latent_frames_and_tokens_know_where() -> None:
    rows = Rows(Ramp(), CUT, lambda plan, captions, start, notes: {"start": torch.tensor(start)})
    found = [rows[0, number] for number in range(20)]
    audio = torch.cat([each["audio"] for each in found])
    starts = torch.cat([each["start"] for each in found])
    assert audio.shape == (60, 5120) and audio.dtype == torch.int16
    assert set(starts.tolist()) <= set(range(9)) and {0, 8} <= set(starts.tolist())  # 8 frames are left over
    scale = 0.9 * 32767 / (10239 / 10240) / 10240
    assert torch.allclose(audio[:, 0].float(), starts * 640 * scale, atol=1)
    assert torch.equal(rows[0, 3]["audio"], rows[0, 3]["audio"])


def test_a_clip_shorter_than_the_window_ends_in_silence() -> None:
    rows = Rows(Ramp(), WindowSettings(2.56, 1.28, 1, 8000, 2, 640), None)
    audio = rows[1, 0]["audio"]
    assert audio.shape == (1, 2, 20480) and audio[0, 0, :10240].any() and not audio[0, :, 10240:].any()


def test_processes_share_the_clips() -> None:
    shares = [iter(Places(10, True, (rank, 2))) for rank in range(2)]
    first = [[next(share) for _ in range(5)] for share in shares]
    assert sorted(index for part in first for index, _ in part) == list(range(10))
    again = [next(shares[0]) for _ in range(5)]
    assert all(number == 1 for _, number in again) and again != first[0]
    assert [next(iter(Places(10, False, (0, 1), first=7)))] == [(7, 0)]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_missing_and_a_broken_file_are_named_and_left_out(
    tmp_path: Path, workers: int, capsys: pytest.CaptureFixture[str]
) -> None:
    build_corpus(CorpusConfig(count=4, seed=3, duration=1.28, sample_rate=8000, format="wav"), tmp_path / "c", 1)
    files = sorted((tmp_path / "c" / "data").iterdir())
    files[1].unlink()
    files[2].write_bytes(b"RIFF" + bytes(40))
    faults = Faults(tmp_path / "faults.jsonl")
    stream = batches(CorpusClips(str(tmp_path / "c")), CUT, workers, clips=4, faults=faults)
    counts = [len(next(stream)["audio"]) for _ in range(2)]
    assert counts == [6, 6]  # two clips of three windows each
    named = [json.loads(line)["file_name"] for line in (tmp_path / "faults.jsonl").read_text().splitlines()]
    assert sorted(named) == sorted(f"data/{path.name}" for path in files[1:3]) == sorted(faults.found)
    assert files[1].name in capsys.readouterr().out


def test_a_folder_without_a_usable_clip_is_refused(tmp_path: Path) -> None:
    build_corpus(CorpusConfig(count=2, seed=3, duration=1.28, sample_rate=8000, format="wav"), tmp_path, 1)
    for path in (tmp_path / "data").iterdir():
        path.unlink()
    with pytest.raises(RequestError, match="data: expected clips that can be used, got 2 of which none can"):
        next(batches(CorpusClips(str(tmp_path)), CUT, 0, clips=2))


def test_some_composed_clips_have_players_of_any_kind() -> None:
    usual, any_players = (ComposedClips(1000, 5, None, any_players=share) for share in (0.0, 1.0))
    first = any_players.read(0, 8000, 2.0)
    assert first.plan.instruments != usual.read(0, 8000, 2.0).plan.instruments
    plans = [drawn_players(seed) for seed in range(400)]
    counts = [len(plan.instruments) for plan in plans]
    assert min(counts) == 1 and max(counts) == 5
    assert 0.4 < sum("drums" in plan.instruments for plan in plans) / 400 < 0.6
    assert {kind for plan in plans for kind in classes_of(plan.instruments)} == set(CLASS_NAMES)


def test_composed_clips_are_rows_too() -> None:
    rows = next(batches(ComposedClips(3, 5, None), CUT, 0, clips=2))
    assert rows["audio"].shape == (6, 5120) and rows["audio"].any()
