"""Conversion of the published layout: every tensor arrives, all faults are named, interruptions do no harm."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import ByT5Tokenizer, DebertaV2Config, T5Config, T5EncoderModel, T5ForConditionalGeneration

from munet.beat_predictor import BeatPredictor
from munet.convert import MANIFEST, convert
from munet.mel_autoencoder import MelAutoencoder
from munet.pipeline import MustangoPipeline
from munet.published import WEIGHTS, build, check_tensors, homes
from munet.published_bases import BEAT_BASE, SCHEDULER_BASE, base_scheduler
from munet.published_vae import tensor_of
from munet.unet import MuNetModel
from tests import published_layout
from tests.golden import golden_weight, parity_json, parity_tensors
from tests.published_layout import CHORD_BASE

LDM, VAE, STFT = "ldm/pytorch_model_ldm.bin", "vae/pytorch_model_vae.bin", "stft/pytorch_model_stft.bin"
BEATS, CHORDS = "beats/microsoft-deberta-v3-large.pt", "chords/flan-t5-large.bin"
# Children that are killed or measured: forked from a server that has imported this module and nothing else.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.munet.test_convert"])


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published_layout.build(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def target(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed conversion, with a UNet in several files."""
    return convert(source, tmp_path_factory.mktemp("target") / "mustango", max_shard_size="5MB")


@pytest.fixture
def copy(source: Path, tmp_path: Path) -> Path:
    """The source, to be spoiled."""
    return shutil.copytree(source, tmp_path / "copy")


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the contents of a weights file or of a JSON file in place."""
    if path.suffix == ".json":
        contents = json.loads(path.read_text())
        change(contents)
        path.write_text(json.dumps(contents))
    else:
        contents = torch.load(path, weights_only=True)
        change(contents)
        torch.save(contents, path)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# What arrives


def test_the_network_gives_the_recorded_outputs(target: Path) -> None:
    golden = parity_tensors("unet_tiny.safetensors")
    unet = MuNetModel.from_pretrained(target / "unet")
    assert len(list((target / "unet").glob("*.safetensors"))) == 5
    with torch.no_grad():
        prediction = unet(
            golden["in.sample"],
            981,
            encoder_hidden_states=golden["in.text"],
            beat_hidden_states=golden["in.beats"],
            chord_hidden_states=golden["in.chords"],
            encoder_attention_mask=golden["in.text_mask"],
            beat_attention_mask=golden["in.beat_mask"],
            chord_attention_mask=golden["in.chord_mask"],
        ).sample
    assert (prediction - golden["out.t981"]).abs().max() < 1e-5


def test_the_text_encoder_gives_the_recorded_embeddings(target: Path) -> None:
    recorded = parity_tensors("diffusion_tiny_loop.safetensors")
    encoder = T5EncoderModel.from_pretrained(target / "text_encoder")
    with torch.no_grad():
        states = encoder(recorded["A4.tokens"]).last_hidden_state
    assert (states[0] - recorded["A4.cond.encoder_hidden_states"][1]).abs().max() < 1e-5
    assert encoder.encoder.embed_tokens.weight is encoder.shared.weight


def test_beat_and_chord_encoders_have_the_published_weights(target: Path) -> None:
    beats = load_file(target / "beat_encoder/diffusion_pytorch_model.safetensors")
    chords = load_file(target / "chord_encoder/diffusion_pytorch_model.safetensors")
    assert set(beats) == {"beat_ffn.weight", "beat_ffn.bias"}
    assert set(chords) == {"FME.translation_bias", "chord_ffn.weight", "chord_ffn.bias"}
    assert torch.equal(beats["beat_ffn.weight"], golden_weight("beat_embedding_layer.beat_ffn.weight", (32, 39)))
    assert torch.equal(chords["FME.translation_bias"], golden_weight("FME.translation_bias", (1, 32)))
    assert json.loads((target / "chord_encoder/config.json").read_text())["fme_base"] == 1.0


def test_the_autoencoder_keeps_its_attention_and_its_order_of_levels(target: Path) -> None:
    state = MelAutoencoder.from_pretrained(target / "vae").state_dict()
    query = golden_weight("decoder.mid.attn_1.q.weight", (64, 64, 1, 1))
    assert torch.equal(state["autoencoder.decoder.mid_block.attentions.0.to_q.weight"], query.flatten(1))
    lowest = golden_weight("decoder.up.2.block.0.conv1.weight", (64, 64, 3, 3))
    assert torch.equal(state["autoencoder.decoder.up_blocks.0.resnets.0.conv1.weight"], lowest)


def test_the_predictors_have_the_published_weights(target: Path) -> None:
    beats = BeatPredictor.from_pretrained(target / "beat_predictor")
    assert torch.equal(beats.regressor.weight, golden_weight("regressor.weight", (1, 32)))
    chords = T5ForConditionalGeneration.from_pretrained(target / "chord_predictor")
    assert torch.equal(chords.shared.weight, golden_weight("shared.weight", (262, 32)))
    assert chords.decoder.embed_tokens.weight is chords.shared.weight
    assert torch.equal(chords.lm_head.weight, golden_weight("lm_head.weight", (262, 32)))
    assert chords.config.scale_decoder_outputs is False  # what FLAN-T5's tie_word_embeddings=False stands for


def test_the_folder_is_a_pipeline(target: Path) -> None:
    pipeline = MustangoPipeline.from_pretrained(target, local_files_only=True, use_safetensors=True)
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.can_predict
    assert (pipeline.config.default_steps, pipeline.config.default_guidance_scale) == (100, 3.0)
    assert pipeline.config.max_text_length == 512
    generator = torch.Generator().manual_seed(0)
    audio = pipeline("A slow blues in C.", num_inference_steps=1, audio_length_in_s=0.5, generator=generator).audios
    assert audio.shape == (1, 8000) and audio.std() > 0


def test_no_files_but_those_that_loading_needs(target: Path) -> None:
    written = {path.name for path in target.rglob("*") if path.is_file() and path.suffix != ".safetensors"}
    assert written == {
        "config.json",
        "conversion.json",
        "diffusion_pytorch_model.safetensors.index.json",
        "generation_config.json",
        "model_index.json",
        "scheduler_config.json",
        "tokenizer_config.json",
    }


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_for_all_but_two_parts(source: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    folder = convert(source, tmp_path / "half", dtype=dtype)
    found = {}
    for path in folder.rglob("*.safetensors"):
        found.setdefault(path.parent.name, set()).update(tensor.dtype for tensor in load_file(path).values())
    assert {name for name, dtypes in found.items() if dtypes == {torch.float32}} == {"vae", "beat_predictor"}
    assert {name for name, dtypes in found.items() if dtypes == {dtype}} == {
        "unet",
        "text_encoder",
        "beat_encoder",
        "chord_encoder",
        "chord_predictor",
    }
    weight = golden_weight("conv_in.weight", (32, 8, 3, 3))
    assert torch.equal(MuNetModel.from_pretrained(folder / "unet", torch_dtype=dtype).conv_in.weight, weight.to(dtype))


def test_files_before_torch_1_6_give_the_same_and_say_what_they_cost(target: Path, tmp_path: Path) -> None:
    old = published_layout.build(tmp_path, legacy_format=True)
    with pytest.warns(UserWarning, match="all of it is read into memory"):
        folder = convert(old, tmp_path / "old", max_shard_size="5MB")
    ours, theirs = digests(folder), digests(target)
    assert ours.pop(MANIFEST) != theirs.pop(MANIFEST)
    assert ours == theirs


def test_progress_counts_every_value_of_every_part(source: Path, tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    convert(source, tmp_path / "target", progress=lambda *call: calls.append(call))
    last = {component: (done, total) for component, done, total in calls}
    assert set(last) == {component for parts in WEIGHTS.values() for _, component in parts}
    assert all(done == total for done, total in last.values())
    assert last["unet"][1] == parity_json("fingerprints.json")["unet_tiny.json"]["total_parameters"]


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
    bases = {CHORD_BASE: T5Config(**published_layout.T5 | large)}
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
    with pytest.raises(ValueError, match=r"shared\.weight \(missing\), .* and 39 more$"):
        convert(copy, tmp_path / "target")


@pytest.mark.parametrize("table", ["mel_basis", "stft_fn.forward_basis"])
def test_another_front_end_is_refused(copy: Path, tmp_path: Path, table: str) -> None:
    edit(copy / STFT, lambda tensors: tensors[table][..., 40].mul_(1.01))
    with pytest.raises(ValueError, match=f"expected {table} "):
        convert(copy, tmp_path / "target")
    edit(copy / STFT, lambda tensors: tensors.pop(table))
    with pytest.raises(ValueError, match=f"expected {table} "):
        convert(copy, tmp_path / "target")


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
    ours, theirs = digests(convert(copy, tmp_path / "target", bases=bases, max_shard_size="5MB")), digests(target)
    assert {name for name in theirs if ours[name] != theirs[name]} == {MANIFEST}


def test_bases_that_are_nowhere_are_named(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"bases: expected names out of .*got \['google/t5'\]"):
        convert(copy, tmp_path / "target", bases={"google/t5": copy})
    with pytest.raises(ValueError, match=r"bases: expected a folder for google/flan-t5-large, got .*nowhere"):
        convert(copy, tmp_path / "target", bases={CHORD_BASE: "nowhere"})
    shutil.rmtree(copy / "bases" / BEAT_BASE)
    with pytest.raises(ValueError, match=r"bases: expected microsoft/deberta-v3-large .* in a folder or on the Hub"):
        convert(copy, tmp_path / "target")


def test_a_base_of_another_size_is_noticed(copy: Path, tmp_path: Path) -> None:
    T5Config(**published_layout.T5 | {"d_ff": 48}).save_pretrained(copy / "bases" / CHORD_BASE)
    with pytest.raises(ValueError, match=r"DenseReluDense.wi_0.weight \(expected shape \(48, 32\), got \(64, 32\)\)"):
        convert(copy, tmp_path / "target")


def test_a_base_with_a_tokenizer_that_needs_other_packages_says_so(copy: Path, tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    (copy / "bases" / BEAT_BASE / "spm.model").write_bytes(b"")
    with pytest.raises(ValueError, match="pip install sentencepiece protobuf"):
        convert(copy, tmp_path / "target")


def test_the_scheduler_steps_as_the_published_one(target: Path, tmp_path: Path) -> None:
    facts = parity_json("diffusion_tiny.json")
    (tmp_path / "scheduler").mkdir()
    (tmp_path / "scheduler/scheduler_config.json").write_text(json.dumps(facts["scheduler_config"]))
    known, given = base_scheduler(None), base_scheduler(tmp_path)
    assert known.config == given.config  # although the file has an offset, which the reference ignores
    for steps, timesteps in facts["timesteps_by_num_steps"].items():
        known.set_timesteps(int(steps))
        assert known.timesteps.tolist() == timesteps
    recorded = parity_tensors("ddpm_scheduler.safetensors")
    assert torch.allclose(known.alphas_cumprod, recorded["alphas_cumprod"], atol=1e-7)
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


# What interrupts it


def run(target: Callable[..., None], *arguments: object, seconds: float | None = None) -> int:
    """Exit code of `target` in a process of its own, killed after `seconds`."""
    process = FORKS.Process(target=target, args=arguments)
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode


def convert_and_die(source: Path, target: Path, after: int) -> None:
    """Convert until `after` tensors are written, then be killed."""
    written = 0

    def count(component: str, done: int, total: int) -> None:
        nonlocal written
        written += 1
        if written == after:
            os.kill(os.getpid(), signal.SIGKILL)

    torch.set_num_threads(1)
    convert(source, target, max_shard_size="5MB", progress=count)


def test_a_conversion_killed_again_and_again_ends_with_the_same_bytes(
    source: Path, target: Path, tmp_path: Path
) -> None:
    ours = tmp_path / "mustango"
    # The first tensor of all, within the autoencoder, the denoiser's first and some of its later ones, twice in a row.
    for after in (1, 50, 100, 1, 700, 700, 1500):
        assert run(convert_and_die, source, ours, after) == -signal.SIGKILL
        assert not ours.exists()
    done = {path.name for path in (tmp_path / "mustango.partial").iterdir()}
    assert {"vae", MANIFEST, "unet.tmp"} <= done and "text_encoder" not in done
    assert run(convert_and_die, source, ours, 10**9) == 0
    assert not (tmp_path / "mustango.partial").exists()
    assert digests(ours) == digests(target)


def test_a_conversion_killed_at_any_time_ends_with_the_same_bytes(source: Path, target: Path, tmp_path: Path) -> None:
    ours, seconds, kills = tmp_path / "mustango", 0.02, 0
    while run(convert_and_die, source, ours, 10**9, seconds=seconds) != 0:
        assert not ours.exists()
        kills += 1
        seconds *= 1.3  # longer each time, so that it comes to an end on any machine
    assert kills >= 3
    assert digests(ours) == digests(target)


def test_what_is_done_is_not_done_again(source: Path, tmp_path: Path) -> None:
    ours = tmp_path / "mustango"
    assert run(convert_and_die, source, ours, 1600) == -signal.SIGKILL
    weights = tmp_path / "mustango.partial/vae/diffusion_pytorch_model.safetensors"
    before = weights.stat().st_ino, weights.stat().st_mtime_ns
    convert(source, ours, max_shard_size="5MB")
    after = (ours / "vae/diffusion_pytorch_model.safetensors").stat()
    assert before == (after.st_ino, after.st_mtime_ns)


def test_parts_of_another_conversion_are_not_mixed_in(source: Path, copy: Path, tmp_path: Path) -> None:
    ours = tmp_path / "mustango"
    assert run(convert_and_die, source, ours, 100) == -signal.SIGKILL
    with pytest.raises(ValueError, match=r"conversion of the same source .* another dtype, max_shard_size; "):
        convert(source, ours, dtype=torch.float16)
    time.sleep(0.01)
    (copy / LDM).touch()
    with pytest.raises(ValueError, match="another source; delete it to start afresh"):
        convert(copy, ours, max_shard_size="5MB")


def convert_when_told(source: Path, target: Path, ready: Any, go_on: Any) -> None:
    """Convert, and wait at the first tensor."""

    def wait(component: str, done: int, total: int) -> None:
        ready.set()
        go_on.wait(60)

    convert(source, target, progress=wait)


def test_two_at_once_do_not_disturb_each_other(source: Path, tmp_path: Path) -> None:
    ready, go_on = FORKS.Event(), FORKS.Event()
    first = FORKS.Process(target=convert_when_told, args=(source, tmp_path / "mustango", ready, go_on))
    first.start()
    assert ready.wait(60)
    with pytest.raises(ValueError, match=r"target: expected no other conversion into .* got one at work"):
        convert(source, tmp_path / "mustango")
    go_on.set()
    first.join()
    assert first.exitcode == 0 and (tmp_path / "mustango").is_dir()


def convert_on_a_small_disk(source: Path, target: Path) -> None:
    """Convert where no file can be larger than 4 MB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))
    with pytest.raises(OSError, match="File too large"):
        convert(source, target, max_shard_size="5MB")


def test_a_full_disk_leaves_no_half_model(source: Path, target: Path, tmp_path: Path) -> None:
    assert run(convert_on_a_small_disk, source, tmp_path / "mustango") == 0
    assert not (tmp_path / "mustango").exists()
    assert digests(convert(source, tmp_path / "mustango", max_shard_size="5MB")) == digests(target)


# What it costs


def convert_and_measure(source: Path, target: Path, dtype: torch.dtype, bytes_used: Any) -> None:
    """Convert and report by how many bytes the process grew, the mapped files' pages included."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    convert(source, target, dtype=dtype)
    bytes_used.value = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy layout with a UNet of 190 MB."""
    root = published_layout.build(tmp_path_factory.mktemp("large"))
    wider = {"block_out_channels": [96, 192, 192, 192]}
    edit(root / "configs/music_diffusion_model_config.json", lambda config: config.update(wider))
    with torch.device("meta"):
        unet = MuNetModel(**{"norm_num_groups": 8, "cross_attention_dim": 32, "attention_head_dim": 4, **wider})
    weights = {f"unet.{name}": torch.zeros(tensor.shape) for name, tensor in unet.state_dict().items()}
    edit(root / LDM, lambda tensors: tensors.update(weights))
    return root


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_memory_is_that_of_the_largest_file(large: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    size = (large / LDM).stat().st_size
    assert size > 150_000_000
    used = FORKS.Value("d", -1.0)
    assert run(convert_and_measure, large, tmp_path / "target", dtype, used) == 0
    assert 0 < used.value < 1.3 * size
