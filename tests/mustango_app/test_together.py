"""Clips of a batch are those that are made alone, to rounding; best of several hears while it makes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from munet.music import MusicPlan
from mustango_app import Mustango
from mustango_app.best_of import most_adherent
from mustango_app.clip import Clip
from mustango_app.together import Alike, Job, batches, clips_at_once, held_by
from tests.tiny import tiny_pipeline_folder

PROMPT = "A calm waltz for piano in G major"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pipeline_folder(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_a_batch_holds_the_clips_that_are_made_alone(folder: Path, guidance: float) -> None:
    fields = {"seconds": 2, "steps": 2, "seed": 10, "num_clips": 3, "guidance": guidance}
    seen: list[tuple[int, int]] = []
    together = Mustango(folder, batch=2).generate(PROMPT, **fields, callback=lambda *step: seen.append(step))
    alone = Mustango(folder).generate(PROMPT, **fields)
    assert [clip.seed for clip in together] == [clip.seed for clip in alone] == [10, 11, 12]
    for one, other in zip(together, alone, strict=True):
        assert one.plan == other.plan and one.settings == other.settings
        # The toy's Griffin-Lim makes much of rounding, at single samples most of all; another clip differs by 1.4.
        assert np.std(one.audio - other.audio) < 0.05 * np.std(other.audio)
    assert seen == [(2, 6), (4, 6), (5, 6), (6, 6)]


def test_several_generators_give_the_latents_of_each_alone(folder: Path) -> None:
    pipeline, plan = Mustango(folder).pipeline, MusicPlan(bpm=90, meter=3, duration=2.0).complete()

    def latents(*seeds: int) -> torch.Tensor:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        prompts, plans = [PROMPT] * len(seeds), [plan] * len(seeds)
        return pipeline(prompts, plans, 2.0, 3, 3.0, generator=generators, output_type="latent").audios

    assert torch.allclose(latents(1, 2, 3), torch.cat([latents(1), latents(2), latents(3)]), atol=1e-4)


def test_clips_of_different_lengths_and_kinds_are_made_apart_and_come_in_order(folder: Path) -> None:
    jobs = [Job("", "", MusicPlan(duration=seconds), number) for number, seconds in enumerate((4, 2, 4, 4, 2, 90, 90))]
    kinds = batches(jobs, lambda job: Alike(job.plan.duration, False, 1, 1.0), 2)
    assert [[job.seed for job in batch] for batch in kinds] == [[0, 2], [3], [1, 4], [5], [6]]


def test_a_processor_makes_clips_together_only_if_asked_and_a_gpu_as_many_as_it_holds() -> None:
    assert clips_at_once(torch.device("cpu"), None) == 1
    assert clips_at_once(torch.device("cpu"), 3) == clips_at_once(torch.device("cuda"), 3) == 3
    assert [held_by(gigabytes * 2**30) for gigabytes in (0, 2, 8, 80)] == [1, 1, 5, 16]


def test_a_batch_that_cannot_be_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="batch: expected an integer from 1 to 64, got 0"):
        Mustango(folder, batch=0)


def test_a_candidate_is_heard_while_the_next_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, hearing, made = MusicPlan(bpm=120).complete(), threading.Event(), []
    monkeypatch.setattr("mustango_app.best_of.adherence_of", lambda clip: hearing.set() or clip.seed / 10)

    def clips() -> Iterator[Clip]:
        for seed in (1, 3, 2):
            if made:
                assert hearing.wait(10), "the one before is not heard"
            made.append(seed)
            yield Clip(np.zeros((1, 8), np.float32), 8000, plan, "", seed, {})

    assert most_adherent(clips()).seed == 3 and made == [1, 3, 2]
