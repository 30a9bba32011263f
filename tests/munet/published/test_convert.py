"""Conversion of the published layout: every tensor arrives, interruptions do no harm, memory stays small."""

from __future__ import annotations

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
from transformers import T5EncoderModel

from munet.codec.audioldm import MelAutoencoder
from munet.diffusers_pipeline import MustangoPipeline
from munet.music import MusicPlan
from munet.published.beat_predictor import BeatPredictor
from munet.published.chord_predictor import ChordPredictor
from munet.published.convert import MANIFEST, convert
from munet.published.layout import WEIGHTS, build
from munet.unet import MuNetModel
from tests import published_layout
from tests.golden import golden_weight, parity_json, parity_tensors
from tests.published_layout import LDM, digests, edit

# Children that are killed or measured: forked from a server that has imported this module and nothing else.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.munet.test_convert"])


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
    chords = ChordPredictor.from_pretrained(target / "chord_predictor")
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


def test_the_pipeline_ends_at_the_recorded_latents(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = parity_tensors("diffusion_tiny_loop.safetensors")
    noises = iter([golden[f"A4.noise{step}"] for step in range(3)])
    monkeypatch.setattr("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_arguments, **_named: next(noises))
    pipeline = MustangoPipeline.from_pretrained(target, local_files_only=True, use_safetensors=True)
    pipeline.set_progress_bar_config(disable=True)
    beats = tuple((round(0.46 + 0.56 * index, 2), index % 4 + 1) for index in range(8))
    plan = MusicPlan(beats=beats, chords=(("C", 0.46), ("F7", 2.7), ("Gm7/Bb", 4.38)))
    latents = pipeline(
        "A slow blues in C.", plan, num_inference_steps=4, latents=golden["A4.init_latents"], output_type="latent"
    ).audios
    assert (latents - golden["A4.final_latents"]).abs().max() < 1e-4


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


@pytest.mark.slow  # a minute; killed at any one time is tested as well
def test_a_conversion_killed_again_and_again_ends_with_the_same_bytes(
    source: Path, target: Path, tmp_path: Path
) -> None:
    ours = tmp_path / "mustango"
    # The first tensor of all, within the autoencoder, the denoiser's first and some of its later ones, twice in a row.
    for after in (1, 50, 150, 1, 1400):
        assert run(convert_and_die, source, ours, after) == -signal.SIGKILL
        assert not ours.exists()
    done = {path.name for path in (tmp_path / "mustango.partial").iterdir()}
    assert {"vae", MANIFEST, "unet.tmp"} <= done and "text_encoder" not in done
    assert run(convert_and_die, source, ours, 10**9) == 0
    assert not (tmp_path / "mustango.partial").exists()
    assert digests(ours) == digests(target)


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_two_at_once_do_not_disturb_each_other(source: Path, tmp_path: Path) -> None:
    ready, go_on = FORKS.Event(), FORKS.Event()
    first = FORKS.Process(target=convert_when_told, args=(source, tmp_path / "mustango", ready, go_on))
    first.start()
    assert ready.wait(60)
    with pytest.raises(ValueError, match="target: expected nobody else at work on "):
        convert(source, tmp_path / "mustango")
    go_on.set()
    first.join()
    assert first.exitcode == 0 and (tmp_path / "mustango").is_dir()


def convert_on_a_small_disk(source: Path, target: Path) -> None:
    """Convert where no file can be larger than 4 MB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))
    with pytest.raises(OSError, match="File too large"):
        convert(source, target, max_shard_size="5MB")


@pytest.mark.slow
def test_a_full_disk_leaves_no_half_model(source: Path, target: Path, tmp_path: Path) -> None:
    assert run(convert_on_a_small_disk, source, tmp_path / "mustango") == 0
    assert not (tmp_path / "mustango").exists()
    assert digests(convert(source, tmp_path / "mustango", max_shard_size="5MB")) == digests(target)


# What it costs


def convert_and_measure(small: Path, large: Path, folder: Path, dtype: torch.dtype, bytes_used: Any) -> None:
    """By how many bytes the peak of a process that has converted `small` grows when it converts `large`.

    The first conversion is for the interpreter, the libraries that are loaded late and their caches. Pages of mapped
    files count.
    """
    convert(small, folder / "small", dtype=dtype)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    convert(large, folder / "large", dtype=dtype)
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


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_memory_is_that_of_the_largest_file(source: Path, large: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    size = (large / LDM).stat().st_size
    assert size > 150_000_000
    used = FORKS.Value("d", -1.0)
    assert run(convert_and_measure, source, large, tmp_path, dtype, used) == 0
    assert 0 < used.value < 1.3 * size


def test_what_another_process_finished_meanwhile_is_taken(
    source: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = tmp_path / "late"

    def build_slowly(*arguments: Any) -> Any:
        parts = build(*arguments)
        shutil.copytree(target, late)
        return parts

    monkeypatch.setattr("munet.published.convert.build", build_slowly)
    assert convert(source, late) == late
    assert digests(late) == digests(target)
    assert [path.name for path in tmp_path.iterdir()] == ["late"]  # nothing half done beside it
