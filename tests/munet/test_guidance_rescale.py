"""Guidance that gives back the spread it adds, and in noise alone the means."""

from __future__ import annotations

import math

import pytest
import torch

from munet.diffusers_pipeline import MustangoPipeline
from munet.errors import RequestError
from munet.guidance import rescaled
from munet.music import MusicPlan
from tests.tiny import tiny_pipeline

PLAN = MusicPlan(bpm=120, meter=4, key="C major", duration=2.0).complete()


def drawn(seed: int) -> torch.Tensor:
    return torch.randn(2, 3, 40, 2, generator=torch.Generator().manual_seed(seed))


def clean(kind: str, sample: torch.Tensor, prediction: torch.Tensor, level: float) -> torch.Tensor:
    """Clean latents that a prediction foretells, from the definitions of the prediction types."""
    signal = math.sqrt(1 - level**2)
    if kind == "sample":
        return prediction
    if kind == "epsilon":
        return (sample - level * prediction) / signal
    if kind == "flow_prediction":
        return sample - level * prediction
    return signal * sample - level * prediction


@pytest.mark.parametrize("level", [0.8, 0.995])
@pytest.mark.parametrize("kind", ["v_prediction", "epsilon", "sample", "flow_prediction"])
def test_the_spread_is_the_given_conditions_and_in_noise_alone_the_mean(kind: str, level: float) -> None:
    sample, given = drawn(0), drawn(1)
    overshot = 3 * drawn(2) + 1
    results = (rescaled(overshot, given, sample, level, kind, share) for share in (1.0, 0.5, 0.0))
    full, half, none = (clean(kind, sample, each, level) for each in results)
    before, wanted = (clean(kind, sample, each, level) for each in (overshot, given))
    assert torch.allclose(none, before, atol=1e-3)
    assert torch.allclose(full.std(dim=2), wanted.std(dim=2), atol=1e-3)
    for result, share in ((full, 1.0), (half, 0.5)):
        mean = torch.lerp(before, wanted, share if level > 0.99 else 0.0).mean(dim=2)
        assert torch.allclose(result.mean(dim=2), mean, atol=1e-3)
    shape, guided = (each - each.mean(dim=2, keepdim=True) for each in (full, before))
    assert torch.allclose(shape / shape.norm(dim=2, keepdim=True), guided / guided.norm(dim=2, keepdim=True), atol=1e-3)


def test_pure_noise_and_a_single_frame_stay_finite() -> None:
    one = drawn(0)[:, :, :1]
    assert torch.allclose(rescaled(one, 2 * one, one, 1.0, "v_prediction", 1.0), 2 * one, atol=1e-6)


def test_an_unknown_prediction_type_is_named() -> None:
    with pytest.raises(ValueError, match="prediction_type: expected one of"):
        rescaled(drawn(0), drawn(1), drawn(2), 0.5, "score", 1.0)


def latents(pipeline: MustangoPipeline, **options: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    call = {"num_inference_steps": 3, "guidance_scale": 4.0, "output_type": "latent", "generator": generator}
    return pipeline("x", PLAN, 2.0, **{**call, **options}).audios


def test_the_configured_share_counts_unless_another_is_named() -> None:
    pipeline = tiny_pipeline()
    pipeline.set_progress_bar_config(disable=True)
    plain, back = latents(pipeline), latents(pipeline, guidance_rescale=1.0)
    assert not torch.allclose(plain, back, atol=1e-3)
    pipeline.register_to_config(default_guidance_rescale=1.0)
    assert torch.equal(latents(pipeline), back) and torch.equal(latents(pipeline, guidance_rescale=0.0), plain)
    unguided = latents(pipeline, guidance_scale=1.0)
    assert torch.equal(latents(pipeline, guidance_scale=1.0, guidance_rescale=0.0), unguided)


@pytest.mark.parametrize("share", [-0.1, 1.1, "1", True])
def test_a_share_out_of_range_is_refused(share: object) -> None:
    with pytest.raises(RequestError, match="guidance_rescale: expected a number from 0 to 1"):
        latents(tiny_pipeline(), guidance_rescale=share)
