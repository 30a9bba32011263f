"""The published chord predictor against the recorded reference, and the plan made of both predictors."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import ByT5Tokenizer, DebertaV2Config, T5Config, T5ForConditionalGeneration

from munet.music import MusicPlan
from munet.published.beat_predictor import BeatPredictor, RawBeats, predict_beats
from munet.published.chord_predictor import (
    GENERATION,
    ChordPredictor,
    RawChords,
    chord_prompt,
    parse_chords,
    predict_chords,
)
from munet.published.predictor import MAX_CHORDS, Prediction, predict_plan, valid_plan
from tests.golden import fill, parity_json

PROMPT, TIMES = "A slow song.", (0.46, 0.96, 1.5)
TOKENIZER = ByT5Tokenizer(extra_ids=0)
T5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 1, "num_heads": 4, "feed_forward_proj": "gated-gelu"}


def vectors() -> dict[str, Any]:
    return parity_json("music_feature_predictor.json")


def tiny(**changes: Any) -> ChordPredictor:
    config = T5Config(**T5, vocab_size=262, decoder_start_token_id=0, tie_word_embeddings=False, **changes)
    return fill(ChordPredictor(config))


def tiny_beats() -> BeatPredictor:
    """A beat predictor that reads bytes and makes beats about half a second apart."""
    config = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    relative = {"relative_attention": True, "position_buckets": 8, "pos_att_type": "p2c|c2p", "share_att_key": True}
    model = fill(BeatPredictor(DebertaV2Config(vocab_size=262, norm_rel_ebd="layer_norm", **config, **relative)))
    torch.nn.init.constant_(model.regressor.bias, 0.5)
    return model


def writing(text: str) -> ChordPredictor:
    """A tiny model whose beam search is bound to write `text`; it keeps the arguments of its calls in `calls`."""

    class Writer(ChordPredictor):
        calls: ClassVar[list[dict[str, Any]]] = []

        def generate(self, **arguments: Any) -> torch.Tensor:
            self.calls.append(arguments)
            tokens = TOKENIZER(text).input_ids
            return super().generate(**arguments, prefix_allowed_tokens_fn=lambda _, ids: [tokens[len(ids) - 1]])

    return fill(Writer(tiny().config))


def test_prompt_equals_the_reference() -> None:
    recorded = vectors()
    assert chord_prompt(PROMPT, TIMES, 4) == recorded["generate_prompt_and_kwargs"][0]
    assert chord_prompt(PROMPT, (), 4) == recorded["generate_with_no_beats"]["chords_prompt"]
    assert chord_prompt("p", [1, 2.0, 2.5], 4) == recorded["timestamps_text_of_1.0_2.0_2.5"]
    # Rounded as numpy does: Python gives 1.11.
    assert "Timestamps: 1.12 , -0.3 \\n" in chord_prompt("p", [1.115, -0.3], 4)


def test_generation_equals_the_reference() -> None:
    prompt, tokenizer_arguments, generation, decoding = vectors()["generate_prompt_and_kwargs"]
    model = writing("C at 0.46 n G at 2.1")
    predict_chords(model, TOKENIZER, PROMPT, TIMES, 4)
    (call,) = model.calls
    ids = call.pop("input_ids")
    assert ids.tolist() == [[byte + 3 for byte in prompt.encode()] + [1]]
    assert call.pop("attention_mask").tolist() == torch.ones_like(ids).tolist()
    assert call == generation == dict(GENERATION)
    assert decoding["decode_kwargs"] == {"skip_special_tokens": True, "clean_up_tokenization_spaces": True}
    predict_chords(model, TOKENIZER, PROMPT * 50, TIMES, 4)
    assert model.calls[1]["input_ids"].shape == (1, tokenizer_arguments["max_length"])


def test_what_the_model_writes_is_read() -> None:
    _, chords, times = vectors()["generate_output"]
    written = predict_chords(writing("C at 0.46 n G at 2.1"), TOKENIZER, PROMPT, TIMES, 4)
    assert written == RawChords(tuple(zip(chords, times, strict=True)))
    _, chords, times = vectors()["generate_with_no_beats"]["output"]
    assert predict_chords(writing("C at 0.46"), TOKENIZER, PROMPT, (), 4) == RawChords(((chords[0], times[0]),))


def test_generation_keeps_to_its_lengths() -> None:
    """An end that always wins waits for the eighth token and is the ninth; without one, 128 tokens are written."""
    model, ids = tiny(), torch.tensor([[70, 71, 1]])
    for score, length in ((100.0, 9), (-100.0, 128)):
        hook = model.lm_head.register_forward_hook(
            lambda _, __, logits, score=score: logits.index_fill(-1, torch.tensor([1]), score)
        )
        assert model.generate(input_ids=ids, **GENERATION).shape == (1, length)
        hook.remove()


def test_parsing_equals_the_reference_where_it_raises_nothing() -> None:
    accepted = [case for case in vectors()["chord_texts"] if "error" not in case]
    assert len(accepted) == 14
    for case in accepted:
        result = parse_chords(case["text"])
        assert [symbol for symbol, _ in result.chords] == case["chords"], case["text"]
        assert np.array_equal([t for _, t in result.chords], list(map(float, case["times"])), equal_nan=True)
        assert result.rejected == ()


NOT_AN_ITEM = "expected a symbol, one ' at ' and seconds"
MALFORMED = {
    "": ((), {"": NOT_AN_ITEM}),
    "C": ((), {"C": NOT_AN_ITEM}),
    "C at": ((), {"C at": NOT_AN_ITEM}),
    "C at ": ((), {"C at ": "expected seconds after ' at ', got ''"}),
    "C at x": ((), {"C at x": "expected seconds after ' at ', got 'x'"}),
    "C at 0.46 n": ((), {"C at 0.46 n": "expected seconds after ' at ', got '0.46 n'"}),
    "C at 0.46 n ": ((("C", 0.46),), {"": NOT_AN_ITEM}),
    " n C at 0.46": ((("C", 0.46),), {"": NOT_AN_ITEM}),
    "C at 0.46n G at 2.1": ((), {"C at 0.46n G at 2.1": NOT_AN_ITEM}),
    "C at 0.46 at 2.1": ((), {"C at 0.46 at 2.1": NOT_AN_ITEM}),
    "C at 0.46, n G at 2.1": ((("G", 2.1),), {"C at 0.46,": "expected seconds after ' at ', got '0.46,'"}),
    "C at 0.46\nG at 2.1": ((), {"C at 0.46\nG at 2.1": NOT_AN_ITEM}),
    "C at 0.46 N G at 2.1": ((), {"C at 0.46 N G at 2.1": NOT_AN_ITEM}),
}


def test_parsing_keeps_the_good_items_where_the_reference_raises() -> None:
    assert [case["text"] for case in vectors()["chord_texts"] if "error" in case] == list(MALFORMED)
    for text, (chords, rejected) in MALFORMED.items():
        assert parse_chords(text) == RawChords(chords, tuple(rejected.items())), text


@given(
    st.lists(st.sampled_from(["C", "Am7", " at ", " n ", "0.5", "nan", " ", "at"]) | st.text(max_size=3)).map("".join)
)
def test_parsing_loses_nothing(text: str) -> None:
    result = parse_chords(text)
    assert len(result.chords) + len(result.rejected) == text.count(" n ") + 1
    assert all(item in text for item, _ in result.rejected)


def test_names_and_shapes_are_the_published_ones() -> None:
    expected = parity_json("names_chords_flan_t5_large.json")
    large = {"d_model": 1024, "d_kv": 64, "d_ff": 2816, "num_layers": 24, "num_heads": 16}
    with torch.device("meta"):
        model = ChordPredictor(T5Config(**T5 | large, vocab_size=32128, tie_word_embeddings=False))
    names = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    assert names == {row["name"]: row["shape"] for row in expected["tensors"]}
    assert sum(parameter.numel() for parameter in model.parameters()) == expected["total_parameters"]


@torch.no_grad()
def test_a_state_dict_keeps_embeddings_and_output_layer_apart(tmp_path: Path) -> None:
    """The library's own class would read with the output layer's weights."""
    embeddings, output = torch.randn(2, 262, 32, generator=torch.Generator().manual_seed(0))
    names = ("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
    tied = dict.fromkeys(names, embeddings)
    weights = tiny().state_dict() | tied | {"lm_head.weight": output}
    model = ChordPredictor(tiny().config).eval()
    model.load_state_dict(weights)
    model.save_pretrained(tmp_path)
    for held in (model, ChordPredictor.from_pretrained(tmp_path), T5ForConditionalGeneration.from_pretrained(tmp_path)):
        assert torch.equal(held.shared.weight, embeddings)
        assert torch.equal(held.decoder.embed_tokens.weight, embeddings)
        assert torch.equal(held.lm_head.weight, output)
        ids = torch.tensor([[70, 71, 1]])
        result = held(input_ids=ids, decoder_input_ids=ids, output_hidden_states=True)
        # FLAN-T5's features go into the output layer as they are; the first T5's are scaled by d_model ** -0.5.
        torch.testing.assert_close(result.logits, result.decoder_hidden_states[-1] @ output.T)


def test_plan_of_a_clean_prediction() -> None:
    beats = RawBeats(3, (0.5, 1.0, 1.5, 2.0), (1, 2, 3, 1))
    chords = RawChords((("Am7/G", 0.37), ("F#m7b5", 1.58), ("N", 3.25)))
    plan = MusicPlan(
        meter=3,
        beats=((0.5, 1), (1.0, 2), (1.5, 3), (2.0, 1)),
        chords=(("Am7/G", 0.37), ("F#m7b5", 1.58), ("N", 3.25)),
        duration=4.0,
    )
    assert valid_plan(beats, chords, 4.0) == Prediction(plan)
    assert plan.complete().bpm == 120


def test_everything_that_a_plan_cannot_hold_is_named() -> None:
    beats = RawBeats(4, (-0.25, 1.0, 0.7, 1.0, 1.2, -math.inf, 10.0), (1, 2, 3, 4, 1, 2, 3))
    chords = RawChords(
        (("C ", 0.0), ("n G", 1.0), ("H", 2.0), ("Em", math.nan), ("F", 3.0), ("G", 3.0), ("Am", 12.5), ("D", -1.5)),
        (("C at x", "expected seconds after ' at ', got 'x'"),),
    )
    plan, notes = (
        MusicPlan(meter=4, beats=((1.0, 2), (1.2, 1)), chords=(("C", 0.0), ("F", 3.0)), duration=10.0),
        (
            "beat 1 at -0.25: expected seconds from 0 to before 10.0",
            "beat 3 at 0.7: expected seconds after 1.0",
            "beat 4 at 1.0: expected seconds after 1.0",
            "beat 2 at -inf: expected seconds from 0 to before 10.0",
            "beat 3 at 10.0: expected seconds from 0 to before 10.0",
            "chord 'C at x': expected seconds after ' at ', got 'x'",
            "chord 'n G' at 1.0: expected a chord symbol such as Am7, F#dim, Bb/F or N",
            "chord 'H' at 2.0: expected a chord symbol such as Am7, F#dim, Bb/F or N",
            "chord 'Em' at nan: expected seconds from 0 to before 10.0",
            "chord 'G' at 3.0: expected seconds after 3.0",
            "chord 'Am' at 12.5: expected seconds from 0 to before 10.0",
            "chord 'D' at -1.5: expected seconds from 0 to before 10.0",
        ),
    )
    assert valid_plan(beats, chords, 10.0) == Prediction(plan, notes)


def test_an_empty_prediction_leaves_the_fields_open() -> None:
    prediction = valid_plan(RawBeats(2, (), ()), RawChords(), 10.0)
    assert prediction == Prediction(MusicPlan(meter=2, duration=10.0))
    assert prediction.plan.beats is None and prediction.plan.chords is None


def test_more_chords_than_the_published_encoder_takes() -> None:
    chords = RawChords(tuple(("C", float(second)) for second in range(MAX_CHORDS + 1)))
    prediction = valid_plan(RawBeats(4, (), ()), chords, 60.0)
    assert prediction.plan.chords == chords.chords[:20]
    assert prediction.notes == ("chord 'C' at 20.0: expected at most 20",)


def test_an_impossible_duration_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^duration: expected a number from 0.5 to 600, got 0.2"):
        valid_plan(RawBeats(4, (), ()), RawChords(), 0.2)


seconds = st.floats() | st.floats(-1, 12)


@given(
    st.lists(seconds, max_size=50),
    st.lists(st.tuples(st.sampled_from(["C", "Bb/F", "N", "H", ""]) | st.text(max_size=4), seconds), max_size=30),
    st.integers(1, 4),
)
def test_each_item_is_in_the_plan_or_in_a_note(
    times: list[float], written: list[tuple[str, float]], max_beat: int
) -> None:
    beats = RawBeats(max_beat, tuple(times), tuple(1 + index % max_beat for index in range(len(times))))
    plan, notes = vars(valid_plan(beats, RawChords(tuple(written)), 10.0)).values()
    assert len(plan.beats or ()) + len(plan.chords or ()) + len(notes) == len(times) + len(written)
    assert set(plan.beats or ()) <= set(zip(times, beats.positions, strict=True))
    assert {t for _, t in plan.chords or ()} <= {t for _, t in written}
    assert MusicPlan.from_json(plan.to_json()) == plan


def test_both_predictors_make_a_plan() -> None:
    model = writing("Am at 0.5 n H at 1 n F/C at 1.5 n G at 99")
    prediction = predict_plan(tiny_beats(), TOKENIZER, model, TOKENIZER, PROMPT, 5.0)
    raw = predict_beats(tiny_beats(), TOKENIZER, PROMPT, 5.0)
    assert len(raw.times) >= 5
    assert prediction.plan == MusicPlan(
        meter=raw.max_beat,
        beats=tuple(zip(raw.times, raw.positions, strict=True)),
        chords=(("Am", 0.5), ("F/C", 1.5)),
        duration=5.0,
    )
    assert [note.split(":")[0] for note in prediction.notes] == ["chord 'H' at 1.0", "chord 'G' at 99.0"]
    text = chord_prompt(PROMPT, raw.times, raw.max_beat)
    assert model.calls[0]["input_ids"].tolist() == [TOKENIZER(text).input_ids]


def test_untrained_predictors_make_the_same_plan_again_and_change_nothing() -> None:
    models = tiny_beats(), TOKENIZER, tiny(), TOKENIZER
    before = [(copy.deepcopy(model.state_dict()), model.config.to_dict()) for model in models[::2]]
    generation = models[2].generation_config.to_dict()
    first = predict_plan(*models, PROMPT)
    assert first == predict_plan(*models, PROMPT)
    assert first.plan.beats and first.plan.duration == 10.0
    assert first.plan.chords is None and first.notes
    assert first.plan.complete().is_complete
    for model, (weights, config) in zip(models[::2], before, strict=True):
        assert model.config.to_dict() == config
        assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())
    assert models[2].generation_config.to_dict() == generation
