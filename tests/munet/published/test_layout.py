"""The published layout: all real names have a home, all faults are named, base models are found."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import torch
from transformers import ByT5Tokenizer, DebertaV2Config, T5Config

from munet.published.bases import BEAT_BASE, SCHEDULER_BASE, base_scheduler, base_tokenizer
from munet.published.convert import MANIFEST, convert
from munet.published.layout import build, check_tensors, homes
from munet.published.vae_names import tensor_of
from tests import published_layout
from tests.golden import parity_json, parity_tensors
from tests.published_layout import BEATS, CHORD_BASE, CHORDS, LDM, STFT, VAE, digests, edit

# Real names


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.nn.Module]:
    """Empty modules of the published sizes."""
    root = tmp_path_factory.mktemp("real")
    published_layout.write_configs(root)
    sizes = ("attention_head_dim", "block_out_channels", "cross_attention_dim", "norm_num_groups")
    edit(root / "configs/music_diffusion_model_config.json", lambda config: [config.pop(name) for name in sizes])
    (root / "configs/vae_config.json").write_text(json.dumps(parity_json("vae_hifigan.json")["config"]))
    (root / "vae").mkdir()
    torch.save({"vocoder.conv_pre.weight": torch.zeros(1024, 64, 7)}, root / VAE)
    large = {"vocab_size": 32128, "d_model": 1024, "d_kv": 64, "d_ff": 2816, "num_layers": 24, "num_heads": 16}
    bases = {CHORD_BASE: T5Config(**published_layout.T5_CONFIG | large)}
    bases[BEAT_BASE] = DebertaV2Config(**parity_json("names_beats_deberta_v3_large.json")["config"])
    for name, config in bases.items():
        config.save_pretrained(root / "bases" / name)
        ByT5Tokenizer(extra_ids=0).save_pretrained(root / "bases" / name)
    return build(root, {name: root / "bases" / name for name in bases}).modules


@pytest.mark.parametrize(
    ("file", "names", "count"),
    [
        (LDM, "names_MusicAudioDiffusion_real.json", 1747),
        (VAE, "vae_hifigan.json", 398),
        (BEATS, "names_beats_deberta_v3_large.json", 399),
        (CHORDS, "names_chords_flan_t5_large.json", 560),
    ],
)
def test_all_published_names_and_shapes_have_a_home(
    real: dict[str, torch.nn.Module], file: str, names: str, count: int
) -> None:
    listed = parity_json(names)["tensors"]
    assert len(listed) == count
    # One number seen under the published shape: as much of a tensor as checking needs.
    tensors = {entry["name"]: torch.zeros(()).expand(entry["shape"]) for entry in listed}
    if file == VAE:
        tensors = {name: tensor_of(name, tensor) for name, tensor in tensors.items()}
    expected = homes(file, real)
    check_tensors(file, tensors, expected)
    aliases = {entry["name"] for entry in listed if "alias_of" in entry}
    unread = {"FME.translation_bias", "PE.pe", "deberta.embeddings.position_ids"}
    assert set(tensors) - set(expected) <= aliases | unread


# What is refused


BIAS, EMBEDDING = "unet.mid_block.resnets.1.conv2.bias", "text_encoder.encoder.embed_tokens.weight"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda tensors: tensors.pop(BIAS), f"{BIAS} (missing)"),
        (lambda tensors: tensors.update({"unet.conv.bias": torch.zeros(3)}), "unet.conv.bias (unknown)"),
        (
            lambda tensors: tensors.update({BIAS: torch.zeros(65)}),
            f"{BIAS} (expected shape (64,), got (65,))",
        ),
        (
            lambda tensors: tensors.update({EMBEDDING: tensors[EMBEDDING] + 1e-6}),
            f"{EMBEDDING} (differs from text_encoder.shared.weight)",
        ),
        (
            lambda tensors: tensors.update({"chord_embedding_layer.PE.pe": tensors["PE.pe"][:4000]}),
            "chord_embedding_layer.PE.pe (differs from PE.pe)",
        ),
        (
            lambda tensors: tensors.update({"FME.translation_bias": tensors["FME.translation_bias"] * 2}),
            "FME.translation_bias (differs from chord_embedding_layer.FME.translation_bias)",
        ),
    ],
)
def test_wrong_tensors_are_named_before_anything_of_their_file_is_written(
    copy: Path, tmp_path: Path, change: Callable[[dict[str, Any]], Any], complaint: str
) -> None:
    edit(copy / LDM, change)
    with pytest.raises(ValueError) as refused:
        convert(copy, tmp_path / "target")
    assert str(refused.value) == f"source: expected the tensors of {LDM}, got {complaint}"
    assert not (tmp_path / "target").exists()
    assert {path.name for path in (tmp_path / "target.partial").iterdir()} == {MANIFEST, "vae"}


def test_duplicates_and_unread_tables_may_be_absent(copy: Path, target: Path, tmp_path: Path) -> None:
    redundant = (
        "PE.pe",
        "beat_embedding_layer.PE.pe",
        "chord_embedding_layer.PE.pe",
        "FME.translation_bias",
        EMBEDDING,
    )
    edit(copy / LDM, lambda tensors: [tensors.pop(name) for name in redundant])
    ours, theirs = digests(convert(copy, tmp_path / "target", max_shard_size="5MB")), digests(target)
    assert {name for name in theirs if ours[name] != theirs[name]} == {MANIFEST}


def test_many_wrong_tensors_are_counted(copy: Path, tmp_path: Path) -> None:
    edit(copy / CHORDS, lambda tensors: tensors.clear())
    with pytest.raises(ValueError, match=r"shared\.weight \(missing\), .* and 42 more$"):
        convert(copy, tmp_path / "target")


@pytest.mark.parametrize("table", ["mel_basis", "stft_fn.forward_basis"])
def test_another_front_end_is_refused(copy: Path, tmp_path: Path, table: str) -> None:
    edit(copy / STFT, lambda tensors: tensors[table][..., 40].mul_(1.01))
    with pytest.raises(ValueError, match=f"expected {table} "):
        convert(copy, tmp_path / "target")
    edit(copy / STFT, lambda tensors: tensors.pop(table))
    with pytest.raises(ValueError, match=f"expected {table} "):
        convert(copy, tmp_path / "another")


def test_values_that_are_not_finite_are_refused(copy: Path, tmp_path: Path) -> None:
    edit(copy / LDM, lambda tensors: tensors[BIAS].fill_(70000.0))
    with pytest.raises(ValueError, match=r"finite values in torch.float16, got others in unet: mid_block.resnets.1"):
        convert(copy, tmp_path / "half", dtype=torch.float16)
    assert convert(copy, tmp_path / "whole").is_dir()


class Surprise:
    """What a pickle may hold besides tensors."""


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [(Surprise(), "a whole file of tensors"), ([1, 2], "a dict of tensors"), ({"x": 1}, "a dict of tensors")],
)
def test_files_of_something_else_are_refused(copy: Path, tmp_path: Path, contents: object, complaint: str) -> None:
    torch.save(contents, copy / BEATS)
    with pytest.raises(ValueError, match=f"source: expected {complaint}.*{BEATS}"):
        convert(copy, tmp_path / "target")


@pytest.mark.filterwarnings("ignore:.*before torch 1.6")
@pytest.mark.parametrize("kept", [0, 1000, 20_000_000])
def test_truncated_files_are_refused(copy: Path, tmp_path: Path, kept: int) -> None:
    os.truncate(copy / LDM, kept)
    with pytest.raises(ValueError, match=f"source: expected a whole file of tensors.*{LDM}"):
        convert(copy, tmp_path / "target")


@pytest.mark.parametrize(
    ("file", "change", "complaint"),
    [
        ("main", lambda config: config.pop("scheduler_name"), "expected scheduler_name in"),
        ("stft", lambda config: config.update(win_length=512), "win_length: expected filter_length"),
        ("stft", lambda config: config.pop("mel_fmax"), "expected mel_fmax in"),
        ("vae", lambda config: config.update(subband=4), "subband: expected 1, got 4"),
        ("music_diffusion_model", lambda config: config.update(dual_cross_attention=True), "dual_cross_attention: "),
        ("music_diffusion_model", lambda config: config.update(encoder_hid_dim=1), "encoder_hid_dim: "),
    ],
)
def test_configurations_that_cannot_be_kept_are_refused(
    copy: Path, tmp_path: Path, file: str, change: Callable[[dict[str, Any]], Any], complaint: str
) -> None:
    edit(copy / f"configs/{file}_config.json", change)
    with pytest.raises(ValueError, match=complaint):
        convert(copy, tmp_path / "target")
    assert not (tmp_path / "target.partial").exists()


def test_arguments_are_checked(copy: Path, source: Path, target: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"dtype: expected one of .*, got torch.int8"):
        convert(source, tmp_path / "target", dtype=torch.int8)
    with pytest.raises(ValueError, match="target: expected a folder that is not there yet"):
        convert(source, target)
    (copy / LDM).unlink()
    (copy / STFT).unlink()
    with pytest.raises(ValueError, match=f"without {STFT}, {LDM}$"):
        convert(copy, tmp_path / "target")


# Base models


def test_bases_are_taken_from_the_named_folders(copy: Path, target: Path, tmp_path: Path) -> None:
    shutil.move(copy / "bases", tmp_path / "bases")
    bases = {name: tmp_path / "bases" / name for name in (CHORD_BASE, BEAT_BASE)}
    assert digests(convert(copy, tmp_path / "target", bases=bases, max_shard_size="5MB")) == digests(target)


def test_bases_that_are_nowhere_are_named(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"bases: expected names out of .*got \['google/t5'\]"):
        convert(copy, tmp_path / "target", bases={"google/t5": copy})
    with pytest.raises(ValueError, match=r"bases: expected a folder for google/flan-t5-large, got .*nowhere"):
        convert(copy, tmp_path / "target", bases={CHORD_BASE: "nowhere"})
    shutil.rmtree(copy / "bases" / BEAT_BASE)
    with pytest.raises(ValueError, match=r"bases: expected microsoft/deberta-v3-large .* in a folder or on the Hub"):
        convert(copy, tmp_path / "target")


def test_a_base_of_another_size_is_noticed(copy: Path, tmp_path: Path) -> None:
    T5Config(**published_layout.T5_CONFIG | {"d_ff": 48}).save_pretrained(copy / "bases" / CHORD_BASE)
    with pytest.raises(ValueError, match=r"DenseReluDense.wi_0.weight \(expected shape \(48, 32\), got \(64, 32\)\)"):
        convert(copy, tmp_path / "target")


def test_a_base_with_nothing_but_a_sentencepiece_model(tmp_path: Path) -> None:
    """As the repository of DeBERTa-v3 has it."""
    (tmp_path / "text.txt").write_text("slow blues with guitar\nfast techno with drums\n" * 50)
    pieces = {"bos_piece": "[CLS]", "eos_piece": "[SEP]", "pad_piece": "[PAD]", "unk_piece": "[UNK]"}
    ids = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}
    trained = {"input": str(tmp_path / "text.txt"), "model_prefix": str(tmp_path / "spm"), "vocab_size": 40}
    sentencepiece.SentencePieceTrainer.train(**trained, **pieces, **ids, hard_vocab_limit=False, minloglevel=2)
    DebertaV2Config(vocab_size=64, hidden_size=8, num_hidden_layers=1, num_attention_heads=2).save_pretrained(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false, "vocab_type": "spm"}')
    tokenizer = base_tokenizer(tmp_path)
    tokens = tokenizer.convert_ids_to_tokens(tokenizer("slow techno").input_ids)
    assert tokens[0] == "[CLS]" and tokens[-1] == "[SEP]"
    assert "".join(tokens[1:-1]) == "▁slow▁techno" and "[UNK]" not in tokens


def test_a_base_without_its_vocabulary_is_named(copy: Path, tmp_path: Path) -> None:
    for path in (copy / "bases" / BEAT_BASE).glob("*token*"):
        path.unlink()
    with pytest.raises(ValueError, match=r"bases: expected a tokenizer with its vocabulary in .*deberta"):
        convert(copy, tmp_path / "target")


def test_the_scheduler_steps_as_the_published_one(target: Path, tmp_path: Path) -> None:
    facts = parity_json("diffusion_tiny.json")
    (tmp_path / "scheduler").mkdir()
    (tmp_path / "scheduler/scheduler_config.json").write_text(json.dumps(facts["scheduler_config"]))
    known, given = base_scheduler(None), base_scheduler(tmp_path)
    assert known.config == given.config  # although the file has an offset, which the reference ignores
    recorded = {int(n): steps for n, steps in facts["timesteps_by_num_steps"].items() if "..." not in steps}
    assert len(recorded) >= 6
    for steps, timesteps in recorded.items():
        known.set_timesteps(steps)
        assert known.timesteps.tolist() == timesteps
    alphas = parity_tensors("ddpm_scheduler.safetensors")["alphas_cumprod"]
    assert torch.allclose(known.alphas_cumprod, alphas, atol=1e-7)
    assert json.loads((target / "scheduler/scheduler_config.json").read_text())["steps_offset"] == 0


def test_an_unknown_scheduler_is_looked_for(copy: Path, tmp_path: Path) -> None:
    edit(copy / "configs/main_config.json", lambda config: config.update(scheduler_name="someone/schedule"))
    with pytest.raises(ValueError, match="bases: expected someone/schedule"):
        convert(copy, tmp_path / "target")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"expected scheduler/scheduler_config.json in"):
        convert(copy, tmp_path / "target", bases={"someone/schedule": tmp_path / "empty"})
    config = parity_json("diffusion_tiny.json")["scheduler_config"] | {"beta_end": 0.02}
    (tmp_path / "empty/scheduler_config.json").write_text(json.dumps(config))
    folder = convert(copy, tmp_path / "target", bases={"someone/schedule": tmp_path / "empty"})
    assert json.loads((folder / "scheduler/scheduler_config.json").read_text())["beta_end"] == 0.02
    assert SCHEDULER_BASE not in json.loads((folder / MANIFEST).read_text())["bases"]
