"""The body over frames, and what MuNet takes with it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from munet.frame_blocks import rotate, rotation
from munet.unet import MuNetModel

FRAMES = {"width": 16, "layers": 2, "passes": 2, "heads": 2, "cross_heads": (1, 1, 1), "inner": 16, "aligned_hidden": 8}


@pytest.fixture(scope="module")
def model() -> MuNetModel:
    """A toy model whose zero weights have been moved, so that everything in it counts."""
    torch.manual_seed(0)
    made = MuNetModel(
        in_channels=3, out_channels=3, cross_attention_dim=8, aligned_channels=5, latent_bins=2,
        pooled_projection_dim=8, known_latents=True, frames=FRAMES,
    )  # fmt: skip
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return made.eval()


def inputs(frames: int = 12) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(1)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    return {
        "sample": random(2, 3, frames, 2),
        "timestep": torch.tensor([10, 500]),
        "encoder_hidden_states": random(2, 4, 8),
        "beat_hidden_states": random(2, 6, 8),
        "chord_hidden_states": random(2, 3, 8),
        "aligned_condition": random(2, 5, frames),
        "pooled_projections": random(2, 8),
    }


@pytest.mark.parametrize("frames", [1, 12, 17])
def test_any_number_of_frames_gives_as_many(model: MuNetModel, frames: int) -> None:
    assert model(**inputs(frames)).sample.shape == (2, 3, frames, 2)


@pytest.mark.parametrize(
    "name",
    ["encoder_hidden_states", "beat_hidden_states", "chord_hidden_states", "aligned_condition", "pooled_projections"],
)
def test_every_condition_matters(model: MuNetModel, name: str) -> None:
    given = inputs()
    other = {**given, name: given[name] + 1}
    assert not torch.allclose(model(**given).sample, model(**other).sample, atol=1e-4)


def test_masked_tokens_do_not_matter(model: MuNetModel) -> None:
    given = inputs() | {"beat_attention_mask": torch.tensor([[True] * 4 + [False] * 2] * 2)}
    other = {**given, "beat_hidden_states": given["beat_hidden_states"].clone()}
    other["beat_hidden_states"][:, 4:] = 9.0
    assert torch.allclose(model(**given).sample, model(**other).sample, atol=1e-5)


def test_known_latents_count_where_the_mask_says_and_nothing_known_is_the_null_form(model: MuNetModel) -> None:
    given = inputs()
    known = torch.randn(2, 3, 12, 2, generator=torch.Generator().manual_seed(2))
    nothing = model(**given).sample
    assert torch.equal(nothing, model(**given, known_latents=known, known_mask=torch.zeros(2, 12)).sample)
    mask = torch.zeros(2, 12)
    mask[:, :4] = 1
    part = model(**given, known_latents=known, known_mask=mask).sample
    other = known.clone()
    other[:, :, 4:] = 0
    assert torch.equal(part, model(**given, known_latents=other, known_mask=mask).sample)
    assert not torch.allclose(part, nothing, atol=1e-4)
    with pytest.raises(ValueError, match="known_mask: expected it together with known_latents, got None"):
        model(**given, known_latents=known)


def test_attention_knows_only_how_far_frames_are_apart() -> None:
    states = torch.randn(1, 1, 1, 8, generator=torch.Generator().manual_seed(3)).expand(1, 1, 6, 8)
    turned = rotate(states, *rotation(6, 8))[0, 0]
    products = turned @ turned.T
    assert torch.allclose(products.diagonal(1), products[0, 1].expand(5), atol=1e-5)
    assert torch.allclose(turned[0], states[0, 0, 0])


def test_it_starts_from_predicting_nothing_and_fits_pocket() -> None:
    fresh = MuNetModel(in_channels=40, out_channels=40, latent_bins=8, cross_attention_dim=384, frames={})
    assert not fresh.frame_net.proj_out.weight.any()
    whole = MuNetModel(
        in_channels=40, out_channels=40, latent_bins=8, cross_attention_dim=384, aligned_channels=150,
        pooled_projection_dim=384, known_latents=True, frames={},
    )  # fmt: skip
    assert 10.5e6 < sum(parameter.numel() for parameter in whole.parameters()) < 11.5e6
    with pytest.raises(ValueError, match="latent_bins: expected an int because frames is given"):
        MuNetModel(frames={})
