"""Clips that trainers read from a dataset folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile

from augmentation.dataset.records import METADATA
from augmentation.training_data import LONGEST_SECONDS, CorpusClips

RATE = 4000  # Hz


def test_a_file_that_is_cut_has_the_plan_of_what_is_left(tmp_path: Path) -> None:
    rows = []
    for seconds in (2.0, LONGEST_SECONDS + 2):
        name = f"{seconds:g}.wav"
        soundfile.write(tmp_path / name, np.full(round(seconds * RATE), 0.1), RATE)
        chords = {"chords": ["C", "G"], "chords_time": [0.0, seconds - 1], "duration": seconds}
        rows.append({"file_name": name, "main_caption": "a drone", "key": ["C", "major"], **chords})
    (tmp_path / METADATA).write_text("".join(json.dumps(row) + "\n" for row in rows))
    whole, cut = (CorpusClips(str(tmp_path)).read(index, RATE, 1.0) for index in range(2))
    assert whole.plan.duration == 2.0 and whole.plan.chords == (("C", 0.0), ("G", 1.0))
    assert cut.audio.shape == (2, round(LONGEST_SECONDS * RATE))
    assert (cut.plan.duration, cut.plan.chords) == (LONGEST_SECONDS, (("C", 0.0),))
