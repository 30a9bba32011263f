"""The published diffusion model, number for number: conditions, scheduler, guided loop, training loss and gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler
from transformers import ByT5Tokenizer, T5Config, T5EncoderModel

from munet.codec.audioldm import MelAutoencoder
from munet.conditions.batch import plan_tokens, text_tokens
from munet.conditions.beat_encoder import BeatEncoder
from munet.conditions.chord_encoder import ChordEncoder
from munet.diffusers_pipeline import MustangoPipeline
from munet.music import MusicPlan
from munet.training.loop import signal_to_noise, velocity_loss
from munet.unet import MuNetModel
from tests.golden import fill, parity_json, parity_tensors

BEATS = tuple((round(0.46 + 0.56 * index, 2), index % 4 + 1) for index in range(8))
PLANS = {
    "A": MusicPlan(beats=BEATS, chords=(("C", 0.46), ("F7", 2.7), ("Gm7/Bb", 4.38))),
    "B": MusicPlan(chords=(("N", 0.37),)),
}


@pytest.fixture(scope="module")
def pipeline() -> MustangoPipeline:
    """The recorded model at toy size; the loop leaves its autoencoder out."""
    facts = parity_json("diffusion_tiny.json")
    scheduler = {name: value for name, value in facts["scheduler_config"].items() if name.startswith(("beta", "num"))}
    pipeline = MustangoPipeline(
        vae=MelAutoencoder(block_out_channels=(32, 32, 32), layers_per_block=1, upsample_initial_channel=32),
        unet=fill(MuNetModel.from_config(facts["unet_config"])),
        beat_encoder=fill(BeatEncoder(32), "beat_embedding_layer."),
        chord_encoder=fill_chord_encoder(ChordEncoder(32)),
        scheduler=DDPMScheduler(**scheduler, prediction_type="v_prediction", clip_sample=False),
        text_encoder=fill(T5EncoderModel(T5Config(**facts["t5_config"])), "text_encoder."),
        tokenizer=ByT5Tokenizer(extra_ids=0),
        max_text_length=512,
        default_steps=100,
        default_guidance_scale=3.0,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def fill_chord_encoder(encoder: ChordEncoder) -> ChordEncoder:
    """The published names of its parts have different prefixes."""
    fill(encoder.FME, "FME.")
    fill(encoder.chord_ffn, "chord_embedding_layer.chord_ffn.")
    return encoder.eval()


def difference(ours: torch.Tensor, recorded: torch.Tensor) -> float:
    assert ours.shape == recorded.shape
    return (ours.double() - recorded.double()).abs().max().item()


@pytest.mark.parametrize("steps", [1, 3, 4, 7, 20, 100, 200, 999, 1000])
def test_timesteps(pipeline: MustangoPipeline, steps: int) -> None:
    recorded = parity_json("diffusion_tiny.json")["timesteps_by_num_steps"][str(steps)]
    scheduler = DDPMScheduler.from_config(pipeline.scheduler.config)
    scheduler.set_timesteps(steps)
    timesteps = scheduler.timesteps.tolist()
    assert len(timesteps) == steps
    if "..." in recorded:  # long lists are recorded by their ends
        timesteps = [*timesteps[:3], "...", *timesteps[-3:]]
    assert timesteps == recorded


@pytest.mark.parametrize("steps", [4, 7, 100, 1000])
def test_scheduler_step(pipeline: MustangoPipeline, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = parity_tensors("ddpm_scheduler.safetensors")
    scheduler = DDPMScheduler.from_config(pipeline.scheduler.config)
    play(monkeypatch, [golden["step.in.noise"]] * 4)
    scheduler.set_timesteps(steps)
    recorded = sorted({name.split(".")[2] for name in golden if name.startswith(f"step.n{steps}.")})
    assert recorded
    for timestep in recorded:
        step = scheduler.step(golden["step.in.model_output"], int(timestep[1:]), golden["step.in.sample"])
        assert difference(step.prev_sample, golden[f"step.n{steps}.{timestep}.prev_sample"]) < 1e-5
        assert difference(step.pred_original_sample, golden[f"step.n{steps}.{timestep}.pred_original_sample"]) < 1e-4


def test_noise_schedule(pipeline: MustangoPipeline) -> None:
    golden = parity_tensors("ddpm_scheduler.safetensors")
    assert difference(pipeline.scheduler.betas, golden["betas"]) < 1e-7
    assert difference(pipeline.scheduler.alphas_cumprod, golden["alphas_cumprod"]) < 1e-6
    sample, noise = golden["step.in.sample"], golden["step.in.noise"]
    noisy = pipeline.scheduler.add_noise(sample, noise, golden["train.timesteps"])
    velocity = pipeline.scheduler.get_velocity(sample, noise, golden["train.timesteps"])
    assert difference(noisy, golden["train.noisy"]) < 1e-6
    assert difference(velocity, golden["train.velocity"]) < 1e-6


def test_text_tokens_and_their_empty_counterpart(pipeline: MustangoPipeline) -> None:
    golden = parity_tensors("diffusion_tiny_loop.safetensors")
    prompt = parity_json("diffusion_tiny.json")["prompts"]["A"]
    given = text_tokens(pipeline.tokenizer, [prompt], 512, pad_to_longest=True)
    assert torch.equal(given["input_ids"], golden["A4.tokens"])
    empty = text_tokens(pipeline.tokenizer, [""], given["input_ids"].shape[1])
    assert torch.equal(empty["input_ids"], golden["A4.uncond_tokens"])
    assert torch.equal(empty["text_mask"], golden["A4.uncond_token_mask"].bool())


RECORDED_NAMES = {
    "encoder_hidden_states": "encoder_hidden_states",
    "encoder_attention_mask": "encoder_attention_mask",
    "beat_hidden_states": "beat_features",
    "beat_attention_mask": "beat_attention_mask",
    "chord_hidden_states": "chord_features",
    "chord_attention_mask": "chord_attention_mask",
}


@pytest.mark.parametrize(("run", "guidance_scale"), [("A4", 3.0), ("A2_noguid", 1.0)])
def test_conditions(pipeline: MustangoPipeline, run: str, guidance_scale: float) -> None:
    golden = parity_tensors("diffusion_tiny_loop.safetensors")
    pipeline._guidance_scale = guidance_scale
    with torch.no_grad():
        given, null = pipeline.encode_conditions(["A slow blues in C."], [PLANS["A"]], 256)
    assert set(given) == set(RECORDED_NAMES)
    for name, recorded in RECORDED_NAMES.items():
        both = given[name] if null is None else torch.cat([null[name], given[name]])
        assert difference(both, golden[f"{run}.cond.{recorded}"]) < 1e-5


def play(monkeypatch: pytest.MonkeyPatch, recorded: list[torch.Tensor]) -> None:
    """Have the scheduler draw the recorded noises, one after the other."""
    noises = iter(recorded)
    monkeypatch.setattr("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_arguments, **_named: next(noises))


@pytest.mark.parametrize(("run", "steps", "guidance_scale"), [("A4", 4, 3.0), ("A2_noguid", 2, 1.0)])
def test_guided_loop(
    pipeline: MustangoPipeline, run: str, steps: int, guidance_scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = parity_tensors("diffusion_tiny_loop.safetensors")
    play(monkeypatch, [golden[f"{run}.noise{step}"] for step in range(steps - 1)])
    seen: list[torch.Tensor] = []

    def remember(_: Any, step: int, _timestep: int, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        seen.append(tensors["latents"])
        return {}

    final = pipeline(
        "A slow blues in C.",
        PLANS["A"],
        num_inference_steps=steps,
        guidance_scale=guidance_scale,
        latents=golden[f"{run}.init_latents"],
        output_type="latent",
        callback_on_step_end=remember,
    ).audios
    for step in range(steps - 1):
        assert difference(seen[step], golden[f"{run}.step{step}.latents"]) < 1e-3
    assert difference(final, golden[f"{run}.final_latents"]) < 1e-3


def conditions(pipeline: MustangoPipeline) -> dict[str, torch.Tensor]:
    """MuNet's arguments for the rows A and B of the recorded training step."""
    prompts = parity_json("diffusion_tiny.json")["prompts"]
    tokens = text_tokens(pipeline.tokenizer, [prompts["A"], prompts["B"]], 512, pad_to_longest=True)
    tokens |= plan_tokens([PLANS["A"], PLANS["B"]], pipeline.beat_encoder, pipeline.chord_encoder, 256, 25.0)
    return pipeline.embed(tokens)


def training_loss(
    pipeline: MustangoPipeline, gamma: float | None, given: dict[str, torch.Tensor], timesteps: torch.Tensor
) -> torch.Tensor:
    golden = parity_tensors("diffusion_tiny_train.safetensors")

    def predict(noisy: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        return pipeline.unet(noisy, timesteps, **given).sample

    alphas = pipeline.scheduler.alphas_cumprod
    return velocity_loss(predict, golden["latents"], golden["noise"], timesteps, alphas, gamma, "epsilon")


@pytest.mark.parametrize(("name", "gamma"), [("snr5", 5.0), ("nosnr", None), ("snr1", 1.0), ("snr5_validation", 5.0)])
def test_training_loss(pipeline: MustangoPipeline, name: str, gamma: float | None) -> None:
    golden = parity_tensors("diffusion_tiny_train.safetensors")
    timesteps = torch.full((2,), 500) if name.endswith("validation") else golden["timesteps"]
    with torch.no_grad():
        loss = training_loss(pipeline, gamma, conditions(pipeline), timesteps)
    assert difference(loss, golden[f"{name}.loss"]) < 1e-5


def test_training_loss_of_a_row_without_conditions(pipeline: MustangoPipeline) -> None:
    """The reference's `uncondition` zeroes the embeddings of a row and leaves its masks."""
    golden = parity_tensors("diffusion_tiny_train.safetensors")
    with torch.no_grad():
        given = conditions(pipeline)
        for name in given:
            if name.endswith("hidden_states"):
                given[name][0] = 0
        loss = training_loss(pipeline, 5.0, given, golden["timesteps"])
    assert difference(loss, golden["uncond_row0.loss"]) < 1e-5


def test_training_does_not_change_its_plans(pipeline: MustangoPipeline) -> None:
    """The reference pads its caller's lists, so that a second epoch attends to the padding; its loss is recorded."""
    golden = parity_tensors("diffusion_tiny_train.safetensors")
    with torch.no_grad():
        first = training_loss(pipeline, 5.0, conditions(pipeline), golden["timesteps"])
        second = training_loss(pipeline, 5.0, conditions(pipeline), golden["timesteps"])
        padded = conditions(pipeline) | {"chord_attention_mask": torch.ones(2, 20, dtype=torch.bool)}
        as_published = training_loss(pipeline, 5.0, padded, golden["timesteps"])
    assert torch.equal(first, second)
    assert difference(first, golden["same_lists.first_loss"]) < 1e-5
    assert difference(as_published, golden["same_lists.second_loss"]) < 1e-5


def test_gradients_of_the_training_loss(pipeline: MustangoPipeline) -> None:
    golden = parity_tensors("diffusion_tiny_train.safetensors")
    norms = parity_json("diffusion_tiny_train.json")["snr5"]["grad_l2"]
    parts = {
        "unet.": pipeline.unet,
        "beat_embedding_layer.": pipeline.beat_encoder,
        "chord_embedding_layer.": pipeline.chord_encoder,
    }
    for part in parts.values():
        part.requires_grad_(True)
    training_loss(pipeline, 5.0, conditions(pipeline), golden["timesteps"]).backward()
    named = {prefix + name: p for prefix, part in parts.items() for name, p in part.named_parameters()}
    named["FME.translation_bias"] = pipeline.chord_encoder.FME.translation_bias
    for name, norm in norms.items():
        assert named[name].grad.norm().item() == pytest.approx(norm, rel=1e-3, abs=1e-9)
    for name in ("unet.conv_in.weight", "FME.translation_bias", "beat_embedding_layer.beat_ffn.bias",
                 "chord_embedding_layer.chord_ffn.weight"):  # fmt: skip
        assert difference(named[name].grad, golden[f"snr5.grad.{name}"]) < 1e-5
    for part in parts.values():
        part.requires_grad_(False).zero_grad(set_to_none=True)


def test_signal_to_noise(pipeline: MustangoPipeline) -> None:
    golden = parity_tensors("diffusion_tiny_train.safetensors")
    alphas = pipeline.scheduler.alphas_cumprod
    at_timesteps = signal_to_noise(alphas, golden["timesteps"])
    assert torch.allclose(at_timesteps, golden["snr_at_timesteps"], rtol=1e-5)
    table = signal_to_noise(alphas, torch.tensor([0, 1, 10, 100, 500, 999]))
    assert torch.allclose(table, golden["snr_table_t0_1_10_100_500_999"], rtol=1e-4)
