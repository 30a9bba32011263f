"""Clean latents that a prediction foretells, and sharpening them."""

from __future__ import annotations

import math

import pytest
import torch

from munet.errors import RequestError
from munet.music import MusicPlan
from munet.predictions import clean_terms, sharpened
from tests.tiny import tiny_pipeline

PLAN = MusicPlan(bpm=120, meter=4, key="C major", duration=2.0).complete()


def along_time(*values: float) -> torch.Tensor:
    return torch.tensor(values)[None, None, :, None]


def test_terms_undo_the_noise() -> None:
    clean, noise, level = torch.randn(3, 5), torch.randn(3, 5), 0.6
    signal = math.sqrt(1 - level**2)
    noisy = signal * clean + level * noise
    predictions = {"v_prediction": signal * noise - level * clean, "epsilon": noise, "sample": clean}
    for kind, prediction in predictions.items():
        of_sample, of_prediction = clean_terms(level, kind)
        assert torch.allclose(of_sample * noisy + of_prediction * prediction, clean, atol=1e-5)
    of_sample, of_prediction = clean_terms(level, "flow_prediction")
    mixed = (1 - level) * clean + level * noise
    assert torch.allclose(of_sample * mixed + of_prediction * (noise - clean), clean, atol=1e-5)


def test_a_jump_gets_steeper_and_a_slope_stays() -> None:
    nothing = along_time(*[0.0] * 6)
    jump = sharpened(along_time(0.0, 0.0, 0.0, 1.0, 1.0, 1.0), nothing, 0.3, "sample", 0.5)
    assert torch.allclose(jump, along_time(0.0, 0.0, -0.125, 1.125, 1.0, 1.0))
    slope = sharpened(along_time(0.0, 1.0, 2.0, 3.0, 4.0, 5.0), nothing, 0.3, "sample", 0.5)
    assert torch.allclose(slope[:, :, 1:-1], along_time(1.0, 2.0, 3.0, 4.0))
    held = along_time(*[2.5] * 6)
    assert torch.equal(sharpened(held, nothing, 0.3, "sample", 0.5), held)


@pytest.mark.parametrize("kind", ["v_prediction", "epsilon", "flow_prediction"])
def test_whatever_is_predicted_the_clean_latents_are_sharpened(kind: str) -> None:
    sample, prediction = torch.randn(2, 3, 9, 2), torch.randn(2, 3, 9, 2)
    noisy, own = clean_terms(0.4, kind)
    clean = noisy * sample + own * prediction
    wanted = sharpened(clean, sample, 0.4, "sample", 0.7)
    result = sharpened(prediction, sample, 0.4, kind, 0.7)
    assert torch.allclose(noisy * sample + own * result, wanted, atol=1e-5)


def test_an_unknown_prediction_type_is_named() -> None:
    with pytest.raises(ValueError, match="prediction_type: expected one of"):
        clean_terms(0.5, "score")


def test_the_last_step_alone_is_sharpened() -> None:
    pipeline = tiny_pipeline()
    pipeline.set_progress_bar_config(disable=True)

    def trace() -> list[torch.Tensor]:
        kept: list[torch.Tensor] = []

        def keep(_: object, step: int, timestep: object, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            kept.append(tensors["latents"].clone())
            return {}

        generator = torch.Generator().manual_seed(5)
        pipeline("x", PLAN, 2.0, 3, 4.0, generator=generator, output_type="latent", callback_on_step_end=keep)
        return kept

    plain = trace()
    pipeline.register_to_config(sharpening=0.5)
    crisp = trace()
    assert torch.equal(plain[0], crisp[0]) and torch.equal(plain[1], crisp[1])
    wanted = sharpened(plain[2], plain[2], 0.0, "sample", 0.5)
    assert torch.allclose(crisp[2], wanted, atol=1e-4) and not torch.allclose(plain[2], wanted, atol=1e-3)


@pytest.mark.parametrize("amount", [-0.1, 2.5, "1", True, None])
def test_an_amount_out_of_range_is_refused(amount: object) -> None:
    pipeline = tiny_pipeline()
    pipeline.register_to_config(sharpening=amount)
    with pytest.raises(RequestError, match="sharpening: expected a number from 0 to 2"):
        pipeline.begin()
