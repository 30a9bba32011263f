"""Conditions that are prepared once a clip give what the whole batch gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor

from munet.attended import Condition, Conditions, repeated, rows_of, without_padding
from munet.unet import MuNetModel
from tests.munet.test_frame_blocks import FRAMES
from tests.munet.test_unet import SMALL

FRAME_MODEL = {
    "in_channels": 3, "out_channels": 3, "cross_attention_dim": 12, "latent_bins": 4, "aligned_channels": 5,
    "pooled_projection_dim": 6, "known_latents": True, "frames": FRAMES,
}  # fmt: skip
CONDITIONED_UNET = {**SMALL, "latent_bins": 4, "aligned_channels": 5, "pooled_projection_dim": 6}


def filled(**config: Any) -> MuNetModel:
    """A toy model in which everything counts."""
    torch.manual_seed(0)
    model = MuNetModel(**config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model.eval()


def forms(model: MuNetModel, clips: int) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Null and given conditions of some clips, padded: the null form has no beats at all."""
    generator = torch.Generator().manual_seed(1)
    given: dict[str, torch.Tensor] = {}
    null: dict[str, torch.Tensor] = {}
    for name, length, held in (("encoder", 5, 4), ("beat", 7, 3), ("chord", 6, 2)):
        states = torch.randn(clips, length, 12, generator=generator)
        mask = (torch.arange(length) < held).expand(clips, -1).clone()
        mask[0, held - 1] = False  # clips of different lengths
        given |= {f"{name}_hidden_states": states, f"{name}_attention_mask": mask}
        alike = torch.randn(1, 1, 12, generator=generator).expand(clips, length, -1)
        empty = torch.zeros(clips, length, dtype=torch.bool)
        null |= {f"{name}_hidden_states": alike, f"{name}_attention_mask": empty}
    if model.config.aligned_channels:
        given["aligned_condition"] = torch.randn(clips, 5, 8, generator=generator)
        given["pooled_projections"] = torch.randn(clips, 6, generator=generator)
        null["aligned_condition"], null["pooled_projections"] = torch.zeros(clips, 5, 8), torch.zeros(clips, 6)
    return null, given


@pytest.mark.parametrize("config", [SMALL, CONDITIONED_UNET, FRAME_MODEL], ids=["unet", "conditioned", "frames"])
@pytest.mark.parametrize("clips", [1, 2])
def test_forms_of_one_sample_equal_a_batch_of_copies(config: dict[str, Any], clips: int) -> None:
    model = filled(**config)
    null, given = forms(model, clips)
    sample = torch.randn(clips, 3, 8, 4, generator=torch.Generator().manual_seed(2))
    both = {name: torch.cat([null[name], given[name]]) for name in given}
    plain = model(torch.cat([sample] * 2), 500, **both).sample.detach()  # with gradients: diffusers' own modules
    conditions = Conditions.of_forms(null, given)
    with torch.no_grad():
        for _ in range(2):  # the second time with what the first has computed
            assert torch.allclose(model(sample, 500, conditions).sample, plain, atol=1e-5)
    assert not torch.allclose(plain[:clips], plain[clips:], atol=1e-2)


def test_attention_processors_that_somebody_put_in_are_used() -> None:
    model = filled(**SMALL)
    null, given = forms(model, 1)
    sample = torch.randn(1, 3, 8, 4)
    with torch.no_grad():
        before = model(sample, 5, Conditions.of_forms(null, given)).sample

        class Silent(AttnProcessor):
            def __call__(self, attn: Any, hidden_states: torch.Tensor, *arguments: Any, **named: Any) -> torch.Tensor:
                return torch.zeros_like(hidden_states)

        model.set_attn_processor(AttnProcessor())
        assert torch.allclose(model(sample, 5, Conditions.of_forms(null, given)).sample, before, atol=1e-5)
        model.set_attn_processor(Silent())
        assert not torch.allclose(model(sample, 5, Conditions.of_forms(null, given)).sample, before, atol=1e-3)


def test_padding_goes_where_nothing_attends_to_it() -> None:
    states = torch.arange(2 * 4 * 1).reshape(2, 4, 1).float()
    mask = torch.tensor([[True, True, False, False], [True, False, False, False]])
    shorter, kept = without_padding(states, mask)
    assert shorter.tolist() == [[[0], [1]], [[4], [5]]] and kept.tolist() == [[True, True], [True, False]]
    # A row without tokens attends to its padding: that may go if all of it is the same.
    nothing = torch.tensor([[True, True, False, False], [False] * 4])
    assert without_padding(states, nothing)[0] is states
    states[1] = 7
    shorter, kept = without_padding(states, nothing)
    assert shorter.tolist() == [[[0], [1]], [[7], [7]]] and kept is None
    alone, kept = without_padding(states[1:], nothing[1:])
    assert alone.tolist() == [[[7]]] and kept is None


def test_rows_are_repeated_form_by_form() -> None:
    assert repeated(torch.tensor([[1], [2]]), 4).flatten().tolist() == [1, 2, 1, 2]


def test_what_is_made_once_is_made_once() -> None:
    conditions, made = Conditions((Condition(torch.zeros(3, 2, 1), None),)), []
    for _ in range(2):
        assert conditions.once("key", lambda _: made.append(1) or len(made)) == 1
    assert conditions.once("other", lambda _: made.append(1) or len(made)) == 2


@pytest.mark.parametrize("config", [SMALL, CONDITIONED_UNET, FRAME_MODEL], ids=["unet", "conditioned", "frames"])
@pytest.mark.parametrize("first", ["whole", "last"])
def test_the_given_form_alone_gives_what_it_gives_among_all(config: dict[str, Any], first: str) -> None:
    model, clips = filled(**config), 2
    null, given = forms(model, clips)
    sample = torch.randn(clips, 3, 8, 4, generator=torch.Generator().manual_seed(2))
    conditions = Conditions.of_forms(null, given)
    with torch.no_grad():
        alone = model(sample, 500, conditions.last(clips)).sample if first == "last" else None
        whole = model(sample, 500, conditions).sample
        alone = model(sample, 500, conditions.last(clips)).sample if alone is None else alone
    assert len(whole) == 4 and len(alone) == 2
    assert torch.allclose(alone, whole[2:], atol=1e-5) and not torch.allclose(alone, whole[:2], atol=1e-2)


def test_the_last_rows_share_what_is_made_of_all() -> None:
    conditions, made = Conditions((Condition(torch.arange(6.0).reshape(3, 2, 1), None),)), []
    last = conditions.last(2)
    assert len(last) == 2 and last.sequences[0].states.flatten().tolist() == [2, 3, 4, 5]
    assert last.once("key", lambda whole: made.append(len(whole)) or 10 * whole.sequences[0].states[:, 0]).tolist() == [
        [20], [40],
    ]  # fmt: skip
    assert conditions.once("key", lambda whole: made.append(0)).tolist() == [[0], [20], [40]] and made == [3]
    assert conditions.last(3) is conditions
    assert [form.sequences[0].states[0, 0, 0].item() for form in conditions.forms(1)] == [0, 2, 4]


def test_rows_are_taken_of_every_part_of_a_structure() -> None:
    rows = torch.arange(3)
    taken = rows_of((None, [Condition(rows, None), True]), slice(2, 3))
    assert taken[0] is None and taken[1][1] is True
    assert isinstance(taken[1][0], Condition) and taken[1][0].states.tolist() == [2] and taken[1][0].bias is None


def test_conditions_of_other_clips_are_refused() -> None:
    model = filled(**SMALL)
    null, given = forms(model, 2)
    with pytest.raises(ValueError, match="conditions: expected rows for each of 3 samples, got 4"):
        model(torch.randn(3, 3, 8, 4), 5, Conditions.of_forms(null, given))
