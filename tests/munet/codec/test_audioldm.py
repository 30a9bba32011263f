"""The published autoencoder and vocoder: number for number against the reference, and the rest at toy size."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.hooks import ModelHook, add_hook_to_module
from torch import nn

from munet.codec.audioldm import MelAutoencoder
from munet.codec.mel import MelFrontEnd, normalize_waveform
from munet.published.vae_names import config_of, published_names, tensor_of
from tests.golden import fill, golden_weight, parity_json, parity_tensors

TOLERANCE = 1e-4
TOY = {"block_out_channels": (8, 16, 16), "layers_per_block": 1, "norm_num_groups": 4, "upsample_initial_channel": 32}


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def published() -> MelAutoencoder:
    """The published sizes, read from the published configuration, with the recorded model's weights."""
    facts = parity_json("vae_hifigan.json")
    shapes = {tensor["name"]: tuple(tensor["shape"]) for tensor in facts["tensors"]}
    with torch.device("meta"):
        model = MelAutoencoder(**config_of(facts["config"], shapes["vocoder.conv_pre.weight"][0]))
    names = published_names(model.state_dict(), num_levels=3)
    weights = {names[name]: tensor_of(name, golden_weight(name, shape)) for name, shape in shapes.items()}
    model.load_state_dict(weights, assign=True)  # strict: no name missing, none unknown, no other shape
    return model.eval()


@pytest.fixture(scope="module")
def vae() -> dict[str, torch.Tensor]:
    return parity_tensors("vae.safetensors")


@pytest.fixture(scope="module")
def hifigan() -> dict[str, torch.Tensor]:
    return parity_tensors("hifigan.safetensors")


@pytest.fixture
def toy() -> MelAutoencoder:
    # Weights of the recorded kind: a fresh vocoder's are so small that its audio is below 1e-9.
    torch.manual_seed(0)
    return fill(MelAutoencoder(**TOY))


def noise(tag: str, shape: tuple[int, ...]) -> torch.Tensor:
    """The part of the recorded inputs that is not stored (rule 1.2 of the golden set)."""
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(tag.encode())))
    return torch.from_numpy(generator.standard_normal(shape, dtype=np.float32))


def difference(ours: torch.Tensor, recorded: torch.Tensor) -> float:
    assert ours.shape == recorded.shape
    return (ours.double() - recorded.double()).abs().max().item()


def int16_with_wrap(waveform: torch.Tensor) -> torch.Tensor:
    """The reference's conversion as integers: truncation toward zero, then only the lowest 16 bits count."""
    return (waveform.double() * 32768).trunc().long().add(32768).remainder(65536).sub(32768)


# Parity at full size


def test_every_published_tensor_has_one_home(published: MelAutoencoder) -> None:
    recorded = {tensor["name"]: tensor["shape"] for tensor in parity_json("vae_hifigan.json")["tensors"]}
    names = published_names(published.state_dict(), num_levels=3)
    assert len(recorded) == len(names) == len(set(names.values())) == 398
    assert names.keys() == recorded.keys()
    assert names["decoder.up.2.block.0.conv1.weight"] == "autoencoder.decoder.up_blocks.0.resnets.0.conv1.weight"
    assert sum(parameter.numel() for parameter in published.parameters()) == 110_641_770


def test_golden_posterior_and_latents(published: MelAutoencoder, vae: dict[str, torch.Tensor]) -> None:
    log_mel = vae["in.mel_256"][:, 0]
    posterior = published.posterior(log_mel)
    assert difference(posterior.parameters, vae["encode.moments_256"]) < TOLERANCE
    for name in ("mean", "logvar", "std"):
        assert difference(getattr(posterior, name), vae[f"encode.{name}_256"]) < TOLERANCE
    # The reference takes the mean over the latents.
    assert difference(posterior.kl() / posterior.mean.numel(), vae["encode.kl_256"]) < TOLERANCE
    latents = vae["latents.get_first_stage_encoding_256"]
    assert difference(published.encode_mel(log_mel, vae["in.eps_256"]), latents) < TOLERANCE


def test_golden_decoder(published: MelAutoencoder, vae: dict[str, torch.Tensor]) -> None:
    latents = vae["in.latent_64"]
    assert difference(published.decode_mel(latents), vae["decode.mel_from_latent_64"][:, 0]) < TOLERANCE
    unscaled = latents * published.config.scaling_factor
    assert difference(published.decode_mel(unscaled), vae["decode.raw_decode_64"][:, 0]) < TOLERANCE


def test_golden_vocoder(published: MelAutoencoder, hifigan: dict[str, torch.Tensor]) -> None:
    wave = published.vocode(hifigan["in.mel"].transpose(1, 2))
    assert difference(wave, hifigan["wave.float"][:, 0]) < TOLERANCE
    assert (int16_with_wrap(wave) - hifigan["wave.int16"]).abs().max() <= 1
    assert torch.equal(hifigan["decode_to_waveform.in_mel"][:, 0], hifigan["in.mel"].transpose(1, 2))
    assert torch.equal(hifigan["decode_to_waveform.int16"], hifigan["wave.int16"])
    assert difference(published.vocode(hifigan["in.mel2"].transpose(1, 2)), hifigan["wave2.float"][:, 0]) < TOLERANCE


def test_loud_audio_wraps_in_the_reference_but_not_here(
    published: MelAutoencoder, hifigan: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Recorded with the last convolution's weights, not its bias, 4000 times as large (read off the two recorded waves).
    loud = nn.Parameter(published.vocoder.conv_post.weight * 4000)
    monkeypatch.setattr(published.vocoder.conv_post, "weight", loud)
    wave = published.vocode(hifigan["in.mel"].transpose(1, 2))
    recorded_wave, recorded_int16 = hifigan["wave_loud.float"][:, 0], hifigan["wave_loud.int16"].long()
    # 4000 times the rounding error of float32 where the slope of tanh is 1.
    assert difference(wave, recorded_wave) < 10 * TOLERANCE
    steps = (int16_with_wrap(wave) - recorded_int16).remainder(65536)
    assert torch.minimum(steps, 65536 - steps).max() <= 10 * TOLERANCE * 32768
    wrapped = (recorded_int16 == -32768) & (recorded_wave > 0)
    assert wrapped.sum() == 5046
    assert wave[wrapped].min() > 0.999


def test_recorded_int16_conversion() -> None:
    recorded = parity_json("hifigan.json")["int16_conversion"]
    assert int16_with_wrap(torch.tensor(recorded["float"])).tolist() == recorded["int16"]


def test_golden_encode_reads_the_published_front_end(published: MelAutoencoder) -> None:
    golden = parity_tensors("stft_mel.safetensors")
    front_end = published.front_end()
    waveform = golden["in.pcm16"].float()[None] / 32768
    if "audioldm_tools.fbank.one_second" in golden:
        assert difference(front_end.fbank(waveform)[0], golden["audioldm_tools.fbank.one_second"]) < TOLERANCE
        normalised = normalize_waveform(waveform)[0]
        assert difference(normalised, golden["wave_normalised.one_second"][:16000]) < TOLERANCE
        normalised = normalize_waveform(waveform.repeat(1, 11))[0, :1000]
        assert difference(normalised, golden["wave_normalised.long_first_1000"]) < TOLERANCE
    # One second is 25 latent frames, rounded up to 32, that is 128 mel frames.
    latents = published.encode(waveform)
    assert latents.shape == (1, 8, 32, 16)
    assert difference(latents, published.encode_mel(MelFrontEnd().fbank(waveform, 128))) < TOLERANCE


@pytest.mark.slow
def test_golden_ten_seconds(published: MelAutoencoder, vae: dict[str, torch.Tensor]) -> None:
    log_mel = (noise("vae.mel_full", (1, 1, 1024, 64)) * 2 - 5).clamp(min=np.log(1e-5))
    assert difference(published.posterior(log_mel[:, 0]).parameters, vae["encode.moments_1024"]) < TOLERANCE
    decoded = published.decode_mel(noise("vae.latent_full", (1, 8, 256, 16)))
    assert difference(decoded, vae["decode.mel_from_latent_256"][:, 0]) < TOLERANCE


# Toy size


def test_the_interface_of_the_pipeline(toy: MelAutoencoder) -> None:
    assert (toy.config.sample_rate, toy.samples_per_latent_frame, toy.latent_bins) == (16000, 640, 16)
    # 10 s are 250 frames of 40 ms; the published model makes 256.
    assert [toy.num_latent_frames(samples) for samples in (1, 5120, 5121, 160000)] == [8, 8, 16, 256]
    latents = toy.encode(torch.randn(2, 6000))
    assert latents.shape == (2, 8, 16, 16)
    assert toy.decode_mel(latents).shape == (2, 64, 64)
    for num_samples in (6000, 10240, 10300):  # 10240 samples are in 16 frames, 10272 come from the vocoder
        assert toy.decode(latents, num_samples).shape == (2, num_samples)
    whole = toy.decode(latents)
    assert whole.shape == (2, 10240) and whole.dtype == torch.float32
    assert torch.equal(toy.decode(latents, 6000), whole[:, :6000])
    assert not toy.decode(latents, 10300)[:, 10272:].any()


def test_lengths_of_the_vocoder(toy: MelAutoencoder) -> None:
    recorded = parity_json("hifigan.json")["samples_by_frames"]
    for frames, samples in recorded.items():
        assert toy.vocode(torch.zeros(1, int(frames), 64)).shape == (1, samples)


def test_noise_moves_the_latents_by_the_deviation(toy: MelAutoencoder) -> None:
    log_mel = torch.randn(1, 32, 64)
    mean, moved = toy.encode_mel(log_mel), toy.encode_mel(log_mel, torch.ones(1, 8, 8, 16))
    posterior = toy.posterior(log_mel)
    assert torch.allclose(mean, posterior.mean * 0.9227914214134216)
    assert torch.allclose(moved - mean, posterior.std * 0.9227914214134216, atol=1e-6)


def test_the_level_of_a_waveform_does_not_matter(toy: MelAutoencoder) -> None:
    waveform = torch.randn(1, 5000)
    assert difference(toy.encode(waveform), toy.encode(0.01 * waveform)) < TOLERANCE


def test_save_and_load_keep_every_bit(toy: MelAutoencoder, tmp_path: Path) -> None:
    toy.save_pretrained(tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".safetensors"]
    loaded = MelAutoencoder.from_pretrained(tmp_path)
    latents = torch.randn(1, 8, 8, 16)
    assert loaded.config["block_out_channels"] == [8, 16, 16]
    assert torch.equal(loaded.decode(latents), toy.decode(latents))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_float32_audio(toy: MelAutoencoder, tmp_path: Path, dtype: torch.dtype) -> None:
    latents, waveform = torch.randn(1, 8, 8, 16), torch.randn(1, 5000)
    half = deepcopy(toy).to(dtype)
    decoded, encoded = half.decode(latents), half.encode(waveform)
    assert decoded.dtype == torch.float32 and encoded.dtype == dtype
    # bfloat16 has 8 bits: about 1 % of the largest value after these many layers.
    assert difference(decoded, toy.decode(latents)) < 0.05 * toy.decode(latents).abs().max()
    assert difference(encoded, toy.encode(waveform)) < 0.05 * toy.encode(waveform).abs().max()
    toy.save_pretrained(tmp_path)
    loaded = MelAutoencoder.from_pretrained(tmp_path, torch_dtype=dtype)
    assert torch.equal(loaded.decode(latents), decoded)


def test_an_offloaded_model_is_fetched_before_use(toy: MelAutoencoder) -> None:
    class Fetch(ModelHook):
        calls = 0

        def pre_forward(self, module: nn.Module, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
            self.calls += 1
            return args, kwargs

    hook = Fetch()
    add_hook_to_module(toy, hook)
    toy.decode(toy.encode(torch.randn(1, 600)))
    assert hook.calls == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_mels": 66}, "num_mels: expected a multiple of 4, got 66"),
        ({"hop_length": 200}, r"upsample_rates: expected the product 200 \(hop_length\), got 160"),
    ],
)
def test_sizes_that_do_not_fit_are_named(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MelAutoencoder(**{**TOY, **changes})


def test_bad_tensors_are_named(toy: MelAutoencoder) -> None:
    with pytest.raises(ValueError, match=r"waveform: expected shape \(batch, samples\), got \(100,\)"):
        toy.encode(torch.zeros(100))
    for shape in ((1, 30, 64), (1, 32, 60), (1, 1, 32, 64)):
        with pytest.raises(ValueError, match=r"log_mel: expected shape \(batch, multiple of 4, 64\)"):
            toy.encode_mel(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"noise: expected shape \(1, 8, 8, 16\), got \(1, 8, 1, 1\)"):
        toy.encode(torch.randn(1, 600), torch.zeros(1, 8, 1, 1))
    for shape in ((1, 4, 8, 16), (1, 8, 8, 12), (8, 8, 16)):
        with pytest.raises(ValueError, match=r"latents: expected shape \(batch, 8, frames, 16\)"):
            toy.decode(torch.zeros(shape))


# The published configuration

PUBLISHED_CONFIG = {
    "image_key": "fbank",
    "subband": 1,
    "embed_dim": 4,
    "time_shuffle": 1,
    "ddconfig": {"z_channels": 4, "resolution": 64, "ch": 8, "ch_mult": [1, 3], "num_res_blocks": 1, "dropout": 0.1},
    "scale_factor": 0.5,
}


def test_published_configuration() -> None:
    assert config_of(PUBLISHED_CONFIG, 32) == {
        "latent_channels": 4,
        "block_out_channels": (8, 24),
        "layers_per_block": 1,
        "scaling_factor": 0.5,
        "upsample_initial_channel": 32,
    }


def test_the_published_configuration_is_the_default() -> None:
    published = config_of(parity_json("vae_hifigan.json")["config"], 1024)
    with torch.device("meta"):
        default = MelAutoencoder().config
    assert {name: default[name] for name in published} == published


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embed_dim": 8}, r"embed_dim: expected ddconfig.z_channels \(4\), got 8"),
        ({"subband": 2}, "subband: expected 1, got 2"),
        ({"scale_factor": ...}, "scale_factor: expected a value, got none"),
        ({"ddconfig": ...}, "ddconfig: expected a value, got none"),
        ({"ddconfig.ch": ...}, r"ddconfig\.ch: expected a value, got none"),
        ({"ddconfig.attn_resolutions": [16]}, r"ddconfig\.attn_resolutions: expected \[\], got \[16\]"),
        ({"ddconfig.double_z": False}, r"ddconfig\.double_z: expected True, got False"),
    ],
)
def test_unsupported_fields_are_named(changes: dict[str, Any], message: str) -> None:
    config = deepcopy(PUBLISHED_CONFIG)
    for path, value in changes.items():
        *parents, name = path.split(".")
        fields = config[parents[0]] if parents else config
        if value is ...:
            del fields[name]
        else:
            fields[name] = value
    with pytest.raises(ValueError, match=message):
        config_of(config, 32)
