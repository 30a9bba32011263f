"""MuNet's training and its distillation at toy size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler

from munet.conditions.batch import ConditionDropout
from munet.errors import RequestError
from munet.training.distill import (
    Distillation,
    DistillTrainer,
    ddim_step,
    single_step_velocity,
    student_timesteps,
)
from munet.training.loop import Budget
from munet.training.munet import MuNetTrainer
from munet.training.settings import NOISE_SCHEDULE, MuNetTraining
from tests.munet.training.toys import SECONDS, toy_files, toy_rows, toy_settings

PLAIN = ConditionDropout(*[0.0] * 11)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("munet")
    toy_files(made)
    return made


@pytest.fixture(scope="module")
def teacher(folder: Path) -> MuNetTrainer:
    """A MuNet that has learnt from the rows alone who plays."""
    budget = Budget(10**6, warmup=0, decay=0)
    settings = MuNetTraining(
        **toy_settings(folder, "teacher", budget=budget, learning_rate=3e-3, ema_decay=0.9, dropout=PLAIN)
    )
    trainer = MuNetTrainer(settings, SECONDS)
    rows = toy_rows(trainer)
    for _ in range(150):
        trainer.step(trainer.loss(rows))
        trainer.progress.step += 1
    trainer.save()
    return trainer


def loss_of(trainer: MuNetTrainer, rows: dict[str, torch.Tensor]) -> float:
    trainer.generator.manual_seed(0)
    with torch.no_grad():
        return trainer.loss(rows).item()


@pytest.mark.slow
def test_who_plays_is_learnt_from_the_aligned_rows(teacher: MuNetTrainer) -> None:
    rows = toy_rows(teacher)
    swapped = {**rows, "aligned": rows["aligned"].roll(1, dims=0)}  # everybody has the other's instruments
    assert loss_of(teacher, swapped) > 3 * loss_of(teacher, rows)


def test_a_light_checkpoint_is_gone_on_from(folder: Path, teacher: MuNetTrainer) -> None:
    settings = MuNetTraining(**toy_settings(folder, "teacher", budget=Budget(10**6), light=True))
    resumed = MuNetTrainer(settings, SECONDS)
    assert resumed.progress.step == 150
    for own, other in zip(resumed.parameters, teacher.parameters, strict=True):
        assert torch.equal(own, other)


def test_a_start_decides_the_model(folder: Path, teacher: MuNetTrainer) -> None:
    start = str(folder / "teacher" / "latest" / "pipeline")
    with pytest.raises(RequestError, match="model: expected nothing beside start, which decides it"):
        MuNetTrainer(MuNetTraining(**toy_settings(folder, "more", budget=Budget(1), start=start)), SECONDS)
    fresh = MuNetTrainer(
        MuNetTraining(**toy_settings(folder, "more", budget=Budget(1), start=start, model={})), SECONDS
    )
    averaged = teacher.average.shadow_params
    assert all(torch.equal(own, other) for own, other in zip(fresh.parameters, averaged, strict=True))
    assert tuple(fresh.pipeline.unet.config.aligned_styles) == ("pop", "rock")


def test_a_step_to_where_it_should_land_lands_there() -> None:
    generator = torch.Generator().manual_seed(0)
    sample, velocity = torch.randn(2, 4, 3, 2, 2, generator=generator)
    now, then = ((torch.tensor(a), torch.tensor(s)) for a, s in ((0.6, 0.8), (0.8, 0.6)))
    landed = ddim_step(sample, velocity, now, then)
    # By hand: clean = .6 x - .8 v, noise = .8 x + .6 v, landed = .8 clean + .6 noise = .96 x - .28 v.
    assert torch.allclose(landed, 0.96 * sample - 0.28 * velocity, atol=1e-6)
    assert torch.allclose(single_step_velocity(sample, landed, now, then), velocity, atol=1e-5)


def test_a_ddim_step_is_the_step_of_the_student_s_scheduler() -> None:
    scheduler = DPMSolverMultistepScheduler(**NOISE_SCHEDULE, solver_order=1)
    timesteps = student_timesteps(scheduler, 4)
    assert timesteps.tolist() == [999, 749, 499, 249]
    alphas = DDPMScheduler(**NOISE_SCHEDULE).alphas_cumprod
    generator = torch.Generator().manual_seed(1)
    sample, velocity = torch.randn(2, 1, 3, 2, 2, generator=generator)
    scheduler.set_timesteps(4)
    scheduler.step(velocity, scheduler.timesteps[0], sample)
    given = scheduler.step(velocity, scheduler.timesteps[1], sample, return_dict=False)[0]
    levels = [(alphas[t].sqrt(), (1 - alphas[t]).sqrt()) for t in (749, 499)]
    assert torch.allclose(given, ddim_step(sample, velocity, *levels), atol=1e-4)


@pytest.mark.slow
def test_a_student_comes_nearer_to_its_guided_teacher(folder: Path, teacher: MuNetTrainer) -> None:
    start = str(folder / "teacher" / "latest" / "pipeline")
    settings = Distillation(
        **toy_settings(
            folder, "student", budget=Budget(10**6, warmup=0, decay=0), start=start, model={}, dropout=PLAIN
        ),
        **{
            "steps": 2,
            "default_steps": 2,
            "substeps": 2,
            "guidance": {"arrangement": 2.0},
            "unknown": 1.0,
            "learning_rate": 1e-3,
        },
    )
    student = DistillTrainer(settings, SECONDS)
    rows = toy_rows(student)
    before = loss_of(student, rows)
    for _ in range(30):
        student.step(student.loss(rows))
    assert loss_of(student, rows) < 0.7 * before
    student.save()
    assert student.pipeline.config.default_steps == 2 and student.pipeline.config.default_guidance_scale == 1.0
    assert student.pipeline.scheduler.config.solver_order == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"snr_weighting": "epsilon"},
            "snr_weighting: expected 'v_prediction' with a schedule that ends in pure noise",
        ),
        ({"batch_size": 0}, "batch_size: expected an integer of at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate: expected a number above 0, got 0.0"),
        ({"ema_decay": 1.0}, "ema_decay: expected a number from 0 to below 1, got 1.0"),
        ({"window": True}, "window: expected run_seconds with it, got None"),
    ],
)
def test_settings_that_cannot_work_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        MuNetTraining(out="x", autoencoder="x", budget=Budget(1), **changes)


def test_distillations_that_cannot_work_are_named() -> None:
    with pytest.raises(RequestError, match="start: expected the folder of the teacher, got None"):
        Distillation(out="x", autoencoder="x", budget=Budget(1))
    with pytest.raises(RequestError, match="default_steps: expected the student's 4, got 8"):
        Distillation(out="x", autoencoder="x", budget=Budget(1), start="x", steps=4)
