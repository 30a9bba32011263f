"""The published beat predictor against the recorded reference: tensors, names and the decoding of beats."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from transformers import ByT5Tokenizer, DebertaV2Config
from transformers.models.deberta_v2.modeling_deberta_v2 import build_relative_position

from munet.published.beat_predictor import MAX_BEATS, BeatPredictor, decode_beats, predict_beats
from tests.golden import fill, parity_json, parity_tensors

TOLERANCE = 1e-5
# The only tensor that today's DeBERTa computes and does not store.
NOT_STORED = {"deberta.embeddings.position_ids"}


def tiny(**changes: Any) -> BeatPredictor:
    """The recorded model, or one with another configuration, filled by the golden rule."""
    return fill(BeatPredictor(DebertaV2Config(**parity_json("deberta_tiny.json")["config"] | changes)))


@pytest.fixture(scope="module")
def recorded() -> dict[str, torch.Tensor]:
    return parity_tensors("deberta_tiny.safetensors")


@pytest.fixture(scope="module")
def model() -> BeatPredictor:
    return tiny()


@pytest.fixture(scope="module")
def reader() -> BeatPredictor:
    """The tiny model with a vocabulary that holds every byte, and beats half a second apart."""
    model = tiny(vocab_size=262)
    torch.nn.init.constant_(model.regressor.bias, 0.5)
    return model


def difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    assert ours.shape == theirs.shape
    return (ours - theirs).abs().max().item()


@torch.no_grad()
def test_every_tensor_of_a_padded_batch_equals_the_reference(
    model: BeatPredictor, recorded: dict[str, torch.Tensor]
) -> None:
    mask = recorded["in.attention_mask"]
    assert mask.sum(dim=1).tolist() == [40, 17]
    output = model(recorded["in.input_ids"], mask, output_hidden_states=True)
    assert difference(output.logits, recorded["out.logits"]) < TOLERANCE
    assert difference(output.values, recorded["out.values"]) < TOLERANCE
    assert len(output.hidden_states) == 4
    for layer, hidden_states in enumerate(output.hidden_states):
        assert difference(hidden_states, recorded[f"hidden_state_{layer}"]) < TOLERANCE


@torch.no_grad()
def test_a_row_alone_equals_the_reference_and_itself_in_a_batch(
    model: BeatPredictor, recorded: dict[str, torch.Tensor]
) -> None:
    output = model(recorded["in.input_ids"][1:, :17])
    assert output.hidden_states is None
    assert difference(output.logits, recorded["out.row1_alone.logits"]) < TOLERANCE
    assert difference(output.values, recorded["out.row1_alone.values"]) < TOLERANCE
    assert difference(output.values, recorded["out.values"][1:, :17]) < TOLERANCE


def test_bool_masks_and_token_types_change_nothing(model: BeatPredictor, recorded: dict[str, torch.Tensor]) -> None:
    ids, mask = recorded["in.input_ids"], recorded["in.attention_mask"]
    given, other = model(ids, mask), model(ids, mask.bool(), token_type_ids=torch.zeros_like(ids))
    assert torch.equal(given.values, other.values)


def test_relative_positions_fall_into_the_reference_buckets(recorded: dict[str, torch.Tensor]) -> None:
    small, large = torch.empty(1, 40, 1), torch.empty(1, 512, 1)
    assert torch.equal(build_relative_position(small, small, 8, 64), recorded["relative_position_40x40_buckets8_max64"])
    positions = build_relative_position(large, large, 256, 512)[0]
    for row in (0, 511):
        assert torch.equal(positions[row], recorded[f"relative_position_row{row}_buckets256_max512"])


@pytest.mark.parametrize("facts", ["deberta_tiny.json", "names_beats_deberta_v3_large.json"])
def test_names_and_shapes_are_the_published_ones(facts: str) -> None:
    expected = parity_json(facts)
    with torch.device("meta"):
        model = BeatPredictor(DebertaV2Config(**expected["config"]))
    names = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    assert names == {row["name"]: row["shape"] for row in expected["tensors"] if row["name"] not in NOT_STORED}
    assert sum(math.prod(shape) for shape in names.values()) == expected["total_parameters"]


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_saving_and_loading_keeps_the_numbers_and_their_type(
    dtype: torch.dtype, tmp_path: Path, recorded: dict[str, torch.Tensor]
) -> None:
    model = tiny().to(dtype)
    model.save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.glob("*") if path.suffix != ".json"] == ["model.safetensors"]
    loaded, report = BeatPredictor.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values())
    assert not loaded.training
    assert loaded.dtype == dtype
    ids, mask = recorded["in.input_ids"], recorded["in.attention_mask"]
    ours, theirs = loaded(ids, mask), model(ids, mask)
    assert torch.equal(ours.logits, theirs.logits)
    assert torch.equal(ours.values, theirs.values)
    # Half precision moves the values, but not into nothing: the mask does not overflow.
    assert difference(ours.values.float(), recorded["out.values"]) < (TOLERANCE if dtype == torch.float32 else 0.02)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert set(file.keys()) == {row["name"] for row in parity_json("deberta_tiny.json")["tensors"]} - NOT_STORED


def test_it_trains(model: BeatPredictor, recorded: dict[str, torch.Tensor]) -> None:
    output = model(recorded["in.input_ids"], recorded["in.attention_mask"])
    (output.logits.square().mean() + output.values.square().mean()).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    model.zero_grad()


def test_decoding_equals_the_reference() -> None:
    cases = parity_json("music_feature_predictor.json")["cases"]
    assert len(cases) == 15
    for name, case in cases.items():
        values = torch.tensor([float(value) for value in case["values"]])
        beats = decode_beats(torch.tensor(case["logits0"], dtype=torch.float32), values)
        predicted = case["predicted_beats"][0] or [[], []]
        assert beats.max_beat == case["max_beat"], name
        assert [list(beats.times), list(beats.positions)] == predicted == [case["times"], predicted[1]], name
        assert {type(second) for second in beats.times} <= {float}, name


def test_decoding_sums_to_the_end_of_the_clip() -> None:
    logits, values = torch.tensor([0.0, 1.0, 0.0, 0.0]), torch.full((7, 1), 2.5)
    assert decode_beats(logits, values).times == (2.5, 5.0, 7.5)
    assert decode_beats(logits, values, duration=13).times == (2.5, 5.0, 7.5, 10.0, 12.5)
    assert decode_beats(logits, values, 13).positions == (1, 2, 1, 2, 1)
    assert decode_beats(logits, values, duration=2) == (2, (), ())


values = st.floats(width=32) | st.floats(0, 1, width=32)


@given(
    st.lists(st.floats(width=32) | st.floats(0, 1, width=32), max_size=80),
    st.lists(st.floats(-5, 5, width=32), min_size=4, max_size=4),
)
def test_decoding_never_fails(values: list[float], logits: list[float]) -> None:
    max_beat, times, positions = decode_beats(torch.tensor(logits), torch.tensor(values))
    assert max_beat == 1 + logits.index(max(logits))
    assert len(times) <= min(MAX_BEATS, len(values))
    assert all(second <= 10 for second in times)
    assert list(positions) == [1 + index % max_beat for index, _ in enumerate(times)]


def test_a_prompt_becomes_beats(reader: BeatPredictor) -> None:
    prompt, tokenizer = "slow waltz", ByT5Tokenizer(extra_ids=0)
    beats = predict_beats(reader, tokenizer, prompt)
    # By hand: id = byte + 3, then 1 for the end; eleven tokens, one beat each.
    output = reader(torch.tensor([[*(byte + 3 for byte in prompt.encode()), 1]]))
    assert beats == decode_beats(output.logits[0, 0], output.values[0])
    assert len(beats.times) == len(prompt) + 1
    assert beats == predict_beats(reader, tokenizer, prompt)
    assert predict_beats(reader, tokenizer, prompt, 2.0).times == tuple(t for t in beats.times if t < 2)


def test_512_tokens_of_a_prompt_are_read(reader: BeatPredictor) -> None:
    seen: list[torch.Tensor] = []
    hook = reader.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    predict_beats(reader, ByT5Tokenizer(extra_ids=0), "walking bass " * 50)
    hook.remove()
    assert [tuple(ids.shape) for ids in seen] == [(1, 512)]
    assert seen[0][0, -1] == 1


def test_dense_beats_are_cut_to_fifty() -> None:
    model = tiny(vocab_size=262)
    torch.nn.init.zeros_(model.regressor.weight)
    torch.nn.init.constant_(model.regressor.bias, 0.01)
    beats = predict_beats(model, ByT5Tokenizer(extra_ids=0), "walking bass " * 6)
    assert beats.times == tuple(index / 100 for index in range(1, MAX_BEATS + 1))
