"""MuNet against the reference network, and its optional conditions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor
from torch import nn

from munet.unet import MuNetModel
from tests.golden import fill, parity_folder, parity_json, parity_tensors

SMALL = {
    "block_out_channels": (8, 16),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2DMusic"),
    "layers_per_block": 1,
    "attention_head_dim": (1, 2),
    "cross_attention_dim": 12,
    "norm_num_groups": 4,
    "in_channels": 3,
    "out_channels": 3,
}


def fingerprint(shapes: Iterable[tuple[str, Iterable[int]]]) -> str:
    lines = sorted(f"{name} {list(shape)}" for name, shape in shapes)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def state_shapes(model: nn.Module) -> list[tuple[str, Iterable[int]]]:
    return [(name, tensor.shape) for name, tensor in model.state_dict().items()]


@pytest.fixture(scope="module")
def golden() -> dict[str, torch.Tensor]:
    return parity_tensors("unet_tiny.safetensors")


@pytest.fixture(scope="module")
def tiny() -> MuNetModel:
    # The published configuration file's own keys, read as they are.
    return fill(MuNetModel.from_config(parity_json("fingerprints.json")["unet_tiny.json"]["config"]))


@pytest.fixture
def small() -> MuNetModel:
    torch.manual_seed(0)
    return MuNetModel(**SMALL).eval()


def inputs(golden: dict[str, torch.Tensor], masks: bool = True) -> dict[str, torch.Tensor]:
    conditions = {
        "encoder_hidden_states": golden["in.text"],
        "beat_hidden_states": golden["in.beats"],
        "chord_hidden_states": golden["in.chords"],
    }
    if masks:
        conditions["encoder_attention_mask"] = golden["in.text_mask"]
        conditions["beat_attention_mask"] = golden["in.beat_mask"]
        conditions["chord_attention_mask"] = golden["in.chord_mask"]
    return conditions


def small_inputs(batch: int = 2, **changes: Any) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(1)
    arguments = {
        "sample": torch.randn(batch, 3, 8, 4, generator=generator),
        "timestep": 500,
        "encoder_hidden_states": torch.randn(batch, 5, 12, generator=generator),
        "beat_hidden_states": torch.randn(batch, 7, 12, generator=generator),
        "chord_hidden_states": torch.randn(batch, 4, 12, generator=generator),
    }
    return arguments | changes


def test_names_and_shapes_of_the_tiny_network(tiny: MuNetModel) -> None:
    expected = parity_json("fingerprints.json")["unet_tiny.json"]
    assert len(tiny.state_dict()) == expected["count"]
    assert fingerprint(state_shapes(tiny)) == expected["sha256_of_sorted_names_and_shapes"]


def test_names_and_shapes_of_the_published_network() -> None:
    expected = parity_json("fingerprints.json")["names_unet_real.json"]
    with torch.device("meta"):
        model = MuNetModel()
    assert model.num_parameters() == expected["total_parameters"] == 1_413_192_008
    assert fingerprint(state_shapes(model)) == expected["sha256_of_sorted_names_and_shapes"]
    if parity_folder() is not None:
        tensors = parity_json("names_unet_real.json")["tensors"]
        assert {tensor["name"]: tuple(tensor["shape"]) for tensor in tensors} == dict(state_shapes(model))


def test_golden_output_and_activations(tiny: MuNetModel, golden: dict[str, torch.Tensor]) -> None:
    names = [name.removeprefix("act.t981.") for name in golden if name.startswith("act.t981.")]
    assert "mid_block" in names
    activations: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            activations[name] = output[0] if isinstance(output, tuple) else output

        return hook

    hooks = [tiny.get_submodule(name).register_forward_hook(keep(name)) for name in names]
    with torch.no_grad():
        output = tiny(golden["in.sample"], torch.tensor(981), **inputs(golden)).sample
    for hook in hooks:
        hook.remove()
    torch.testing.assert_close(output, golden["out.t981"], atol=1e-4, rtol=0)
    for name in names:
        torch.testing.assert_close(activations[name], golden[f"act.t981.{name}"], atol=1e-4, rtol=0, msg=name)


def golden_case(name: str, golden: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Arguments of the recorded call `name`."""
    arguments = {"sample": golden["in.sample"], "timestep": 500, **inputs(golden, masks=name != "out.t500.no_masks")}
    if name == "out.t10":
        arguments["timestep"] = torch.tensor(10)
    if name == "out.t_batch":
        arguments["timestep"] = golden["in.t_batch"]
    if name == "out.t500.height36":
        arguments["sample"] = golden["in.sample"][:, :, :36]
    if name == "out.t500.beat_mask_row0_all_false":
        arguments["beat_attention_mask"] = golden["in.beat_mask_row0_all_false"]
    if name == "out.t500.beat_mask_row0_all_true":
        arguments["beat_attention_mask"] = golden["in.beat_mask"] | torch.tensor([[True], [False]])
    return arguments


@pytest.mark.parametrize(
    "name",
    [
        "out.t10",
        "out.t_batch",
        "out.t500",
        "out.t500.no_masks",
        "out.t500.height36",
        "out.t500.beat_mask_row0_all_false",
        "out.t500.beat_mask_row0_all_true",
    ],
)
def test_golden_outputs(name: str, tiny: MuNetModel, golden: dict[str, torch.Tensor]) -> None:
    if name not in golden:
        pytest.skip("only in the full golden set")
    with torch.no_grad():
        output = tiny(**golden_case(name, golden)).sample
    torch.testing.assert_close(output, golden[name], atol=1e-4, rtol=0)


@pytest.mark.slow
def test_golden_output_of_the_published_size() -> None:
    golden = parity_tensors("unet_real_forward.safetensors")
    with torch.device("meta"):
        model = MuNetModel()
    model = fill(model.to_empty(device="cpu"))
    conditions = {"beat_attention_mask": golden["in.beat_mask"], "chord_attention_mask": golden["in.chord_mask"]}
    with torch.no_grad():
        output = model(
            golden["in.sample"],
            torch.tensor(981),
            golden["in.text"],
            golden["in.beats"],
            golden["in.chords"],
            golden["in.text_mask"],
            **conditions,
        ).sample
    torch.testing.assert_close(output, golden["out.t981"], atol=1e-4, rtol=0)


def test_masks_as_bool_int_and_bias_mean_the_same(small: MuNetModel) -> None:
    mask = torch.tensor([[True] * 3 + [False] * 4, [True] * 7])
    with torch.no_grad():
        forms = (mask, mask.long(), (~mask) * -10000.0)
        outputs = [small(**small_inputs(beat_attention_mask=form)).sample for form in forms]
        cut = small(**small_inputs(beat_attention_mask=mask) | {"beat_hidden_states": torch.zeros(2, 7, 12)}).sample
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[0], outputs[2])
    assert not torch.allclose(outputs[0], cut)


def test_masked_tokens_do_not_matter(small: MuNetModel) -> None:
    arguments = small_inputs(chord_attention_mask=torch.tensor([[True, True, False, False]] * 2))
    with torch.no_grad():
        before = small(**arguments).sample
        arguments["chord_hidden_states"] = arguments["chord_hidden_states"].clone()
        arguments["chord_hidden_states"][:, 2:] += 5
        torch.testing.assert_close(small(**arguments).sample, before)
        arguments["chord_hidden_states"][:, 0] += 5
        assert not torch.allclose(small(**arguments).sample, before)


@pytest.mark.parametrize("size", [(8, 4), (9, 5), (7, 3), (1, 1)])
def test_any_size_works(small: MuNetModel, size: tuple[int, int]) -> None:
    with torch.no_grad():
        output = small(**small_inputs(sample=torch.randn(2, 3, *size)), return_dict=False)
    assert output[0].shape == (2, 3, *size)


def test_aligned_condition_acts_on_its_own_frames_and_none_means_zeros() -> None:
    torch.manual_seed(0)
    model = MuNetModel(**SMALL, aligned_channels=6, aligned_hidden=10, latent_bins=4).eval()
    shape = model.aligned_embedding[2].weight.shape
    assert shape == (8 * 4, 10, 1)
    zeros, pulse = torch.zeros(2, 6, 8), torch.zeros(2, 6, 8)
    pulse[:, :, 5] = 1
    with torch.no_grad():
        none = model(**small_inputs()).sample
        assert torch.equal(none, model(**small_inputs(aligned_condition=zeros)).sample)
        assert not torch.allclose(none, model(**small_inputs(aligned_condition=pulse)).sample)
        change = model._embed_aligned(pulse, 4) - model._embed_aligned(zeros, 4)
    assert change.shape == (2, 8, 8, 4)
    # A kernel of 3 frames reaches one frame to each side.
    assert change.abs().sum(dim=(0, 1, 3)).nonzero().flatten().tolist() == [4, 5, 6]
    # Every frequency bin has its own weights.
    assert not torch.allclose(change[..., 0], change[..., 1])


def test_pooled_text_moves_the_output() -> None:
    torch.manual_seed(0)
    model = MuNetModel(**SMALL, pooled_projection_dim=5).eval()
    with torch.no_grad():
        one = model(**small_inputs(pooled_projections=torch.zeros(2, 5))).sample
        two = model(**small_inputs(pooled_projections=torch.ones(2, 5))).sample
    assert not torch.allclose(one, two)
    with pytest.raises(ValueError, match=r"^pooled_projections: expected \(batch, 5\), got None"):
        model(**small_inputs())


@pytest.mark.parametrize(
    ("changes", "argument"),
    [
        ({"aligned_condition": torch.zeros(2, 6, 8)}, "aligned_condition"),
        ({"pooled_projections": torch.zeros(2, 6)}, "pooled_projections"),
        ({"timestep": torch.zeros(3)}, "timestep"),
    ],
)
def test_conditions_that_do_not_fit_are_named(small: MuNetModel, changes: dict[str, Any], argument: str) -> None:
    with pytest.raises(ValueError, match=rf"^{argument}: expected"):
        small(**small_inputs(**changes))


def test_aligned_condition_of_another_length_is_named() -> None:
    model = MuNetModel(**SMALL, aligned_channels=6, latent_bins=4)
    with pytest.raises(ValueError, match=r"^aligned_condition: expected shape \(2, 6, 8\)"):
        model(**small_inputs(aligned_condition=torch.zeros(2, 6, 9)))
    with pytest.raises(ValueError, match=r"^sample: expected 4 frequency bins"):
        model(**small_inputs(sample=torch.zeros(2, 3, 8, 5)))


@pytest.mark.parametrize(
    ("changes", "argument"),
    [
        ({"down_block_types": ("DownBlock2D",)}, "down_block_types"),
        ({"up_block_types": ("UpBlock2D", "AttnUpBlock2D")}, "up_block_types"),
        ({"attention_head_dim": (1, 3)}, "attention_head_dim"),
        ({"attention_head_dim": (1, 2, 2)}, "attention_head_dim"),
        ({"norm_num_groups": 3}, "norm_num_groups"),
        ({"aligned_channels": 6}, "latent_bins"),
        ({"act_fn": "tanhish"}, "act_fn"),
    ],
)
def test_contradictory_configurations_are_named(changes: dict[str, Any], argument: str) -> None:
    with pytest.raises(ValueError, match=rf"^{argument}: expected"):
        MuNetModel(**SMALL | changes)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_weights(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = MuNetModel(**SMALL, aligned_channels=6, latent_bins=4, pooled_projection_dim=5).eval()
    conditions = {"aligned_condition": torch.ones(2, 6, 8), "pooled_projections": torch.ones(2, 5)}
    arguments = small_inputs(beat_attention_mask=torch.zeros(2, 7, dtype=torch.bool), **conditions)
    with torch.no_grad():
        exact = model(**arguments).sample
        halves = {
            name: value.to(dtype) if isinstance(value, torch.Tensor) and value.is_floating_point() else value
            for name, value in arguments.items()
        }
        output = model.to(dtype)(**halves).sample
    assert output.dtype == dtype
    torch.testing.assert_close(output.float(), exact, atol=0.05, rtol=0)


def test_bfloat16_autocast_trains_every_parameter_with_and_without_checkpointing(small: MuNetModel) -> None:
    gradients = []
    for checkpointing in (False, True):
        if checkpointing:
            small.enable_gradient_checkpointing()
        small.zero_grad()
        mask = torch.tensor([[True, True, False, False]] * 2)
        with torch.autocast("cpu", torch.bfloat16):
            output = small(**small_inputs(chord_attention_mask=mask)).sample
        output.float().square().mean().backward()
        assert all(parameter.grad is not None for parameter in small.parameters())
        gradients.append([parameter.grad.clone() for parameter in small.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


def test_explicit_attention_gives_the_same(small: MuNetModel) -> None:
    with torch.no_grad():
        before = small(**small_inputs()).sample
        small.set_attn_processor(AttnProcessor())
        torch.testing.assert_close(small(**small_inputs()).sample, before, atol=1e-5, rtol=1e-5)


def test_save_and_load(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = MuNetModel(**SMALL, aligned_channels=6, latent_bins=4).eval()
    model.save_pretrained(tmp_path)
    loaded = MuNetModel.from_pretrained(tmp_path)
    with torch.no_grad():
        assert torch.equal(loaded(**small_inputs()).sample, model(**small_inputs()).sample)
