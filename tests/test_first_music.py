"""The measurement of the first release: its seeds, its rows, and that a run continues where it stopped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augmentation.training_data import HELD_BACK_SEEDS
from benchmarks import clips, first_music
from benchmarks.first_music import Case, hear_row
from mustango_app.evaluation.measure import Audio, Listener

FIRST = HELD_BACK_SEEDS[0]


def test_only_held_back_seeds_are_measured() -> None:
    with pytest.raises(ValueError, match="seed: expected one from 990000 to 999999, got 1"):
        Case.of(1)
    case = Case.of(FIRST)
    assert case == Case.of(FIRST)
    assert case.piece.plan.is_complete and case.piece.plan.duration == first_music.SECONDS


def test_a_run_continues_where_it_stopped(tmp_path: Path) -> None:
    cases = [Case.of(FIRST), Case.of(FIRST + 1)]
    made: list[int] = []

    def silence(case: Case) -> Audio:
        made.append(case.piece.seed)
        return np.zeros((1, 44100), np.float32), 44100

    with Listener(tmp_path, 1) as listener:
        heard = hear_row(silence, cases, "first model", listener)
        assert made == [FIRST, FIRST + 1]
        assert [clip.beats for clip in heard] == [(), ()]
        key = listener.key("hear_only", "first model", repr(cases[0]))

    (tmp_path / f"{key}.json").unlink()
    with Listener(tmp_path, 1) as listener:
        assert hear_row(silence, cases, "first model", listener) == heard
        assert made == [FIRST, FIRST + 1, FIRST]
        hear_row(silence, cases, "second model", listener)
    assert made[3:] == [FIRST, FIRST + 1]


def test_chance_is_the_next_plan_against_generated_audio(tmp_path: Path) -> None:
    cases = [Case.of(FIRST), Case.of(FIRST + 1), Case.of(FIRST + 2)]

    def silence(case: Case) -> Audio:
        return np.zeros((1, 44100), np.float32), 44100

    rows = first_music.measure(cases, {"generated": ("model", silence)}, tmp_path, workers=1)
    assert list(rows) == ["generated", "chance"]
    assert rows["chance"]["summary"]["beat_f"]["mean"] == 0.0
    assert json.dumps(rows)


def test_clips_are_written_once_for_other_ears(tmp_path: Path) -> None:
    clips.main(["original", "--out", str(tmp_path), "--count", "1", "--seed", str(FIRST + 3)])
    [path] = tmp_path.iterdir()
    assert path.name == f"{FIRST + 3}.flac"
    sound, rate = soundfile.read(path)
    rendered, rendered_rate = first_music.original(Case.of(FIRST + 3))
    assert rate == rendered_rate and np.abs(sound.T - rendered).max() < 2**-14  # 16 bits
    written = path.stat().st_mtime_ns
    clips.main(["original", "--out", str(tmp_path), "--count", "1", "--seed", str(FIRST + 3)])
    assert path.stat().st_mtime_ns == written
    with pytest.raises(SystemExit):
        clips.main(["original", "--out", str(tmp_path), "--count", "0"])
