"""Clips that trainers read from a dataset folder."""

from __future__ import annotations

from pathlib import Path

from augmentation.dataset.corpus import CorpusConfig, build_corpus
from augmentation.training_data import CorpusClips


def test_a_clip_that_is_cut_has_the_plan_of_what_is_left(tmp_path: Path) -> None:
    build_corpus(CorpusConfig(count=1, seed=3, duration=2.56, sample_rate=8000, format="wav"), tmp_path, workers=1)
    folder = CorpusClips(str(tmp_path))
    whole, cut = (folder.read(0, 8000, seconds) for seconds in (2.56, 1.28))
    assert len(cut[0]) == 10240 and (cut[0] == whole[0][:10240]).all()
    assert whole[1].duration == 2.56 and cut[1] == whole[1].crop(0.0, 1.28)
    assert folder.read(0, 8000, 4.0)[1] == whole[1]  # the silence added at the end is no music
