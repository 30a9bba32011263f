"""CLAP through its real classes at toy size: random weights, an alphabet for a tokenizer, saved and loaded again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, ClapProcessor, RobertaConfig, RobertaTokenizer

from mustango_app.evaluation.clap import MAX_TOKENS, ClapEmbedder, clap_score

RATE = 48000
DIMS = 8
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
VOCABULARY = (*SPECIAL, *"abcdefghijklmnopqrstuvwxyz", "Ġ")  # Ġ stands for the blank


def save_toy(folder: Path, fusing: bool) -> Path:
    """Save a random CLAP model that hears windows of one second."""
    tokenizer = RobertaTokenizer(vocab={token: i for i, token in enumerate(VOCABULARY)}, merges=[])
    extractor = ClapFeatureExtractor(max_length_s=1, truncation="fusion" if fusing else "rand_trunc")
    text = {
        "vocab_size": len(VOCABULARY),
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": MAX_TOKENS + 2,
    }
    sound = {
        "spec_size": 128,
        "hidden_size": 16,
        "depths": [1, 1],
        "num_attention_heads": [1, 2],
        "patch_embeds_hidden_size": 8,
        "window_size": 4,
        "num_hidden_layers": 2,
        "enable_fusion": fusing,
        "fusion_type": "aff_2d" if fusing else None,
    }
    torch.manual_seed(0)
    ClapModel(ClapConfig(text_config=text, audio_config=sound, projection_dim=DIMS)).save_pretrained(folder)
    ClapProcessor(extractor, tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy(tmp_path_factory.mktemp("clap"), fusing=False)


@pytest.fixture(scope="module")
def embedder(toy: Path) -> ClapEmbedder:
    return ClapEmbedder.from_pretrained(toy)


def noise(seed: int, seconds: float, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 0.1, (channels, round(seconds * RATE))) * np.linspace(0, 1, round(seconds * RATE))).astype(
        "f4"
    )


def unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values)


def test_embeddings_are_unit_vectors(embedder: ClapEmbedder) -> None:
    sound, text = embedder.embed_audio(noise(1, 0.7), RATE), embedder.embed_text(["calm piano", "loud drums"])
    assert (sound.shape, text.shape) == ((DIMS,), (2, DIMS))
    assert sound.dtype == text.dtype == np.float32
    assert np.linalg.norm([sound, *text], axis=1) == pytest.approx(1, abs=1e-6)
    assert not np.allclose(text[0], text[1], atol=1e-3)


def test_embeddings_are_those_of_the_model(embedder: ClapEmbedder, toy: Path) -> None:
    model, processor = ClapModel.from_pretrained(toy).eval(), ClapProcessor.from_pretrained(toy)
    window = noise(1, 1.0)
    sound = processor.feature_extractor(window[0], sampling_rate=RATE, return_tensors="pt")
    words = processor.tokenizer(["calm piano", "a"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        output = model(**sound, **words)
    assert embedder.embed_audio(window, RATE) == pytest.approx(output.audio_embeds[0].numpy(), abs=1e-5)
    # One at a time or padded in a batch: the same, because the mask hides the padding.
    assert embedder.embed_text(["calm piano", "a"]) == pytest.approx(output.text_embeds.numpy(), abs=1e-5)


@pytest.mark.parametrize("fusing", [False, True])
def test_nothing_is_left_to_chance(tmp_path: Path, fusing: bool) -> None:
    embedder = ClapEmbedder.from_pretrained(save_toy(tmp_path, fusing))
    clip, results = noise(2, 2.6), []
    for seed in (1, 2):
        np.random.seed(seed)  # the feature extractor draws its crops from here
        torch.manual_seed(seed)
        results.append((embedder.embed_audio(clip, RATE), embedder.embed_text(["calm piano"])))
    assert np.array_equal(results[0][0], results[1][0])
    assert np.array_equal(results[0][1], results[1][1])


def test_long_clips_are_covered_by_even_windows(embedder: ClapEmbedder) -> None:
    clip = noise(3, 2.5)
    # 2.5 s in windows of 1 s: three of them, at 0, 0.75 and 1.5 s.
    starts = [0, 36000, 72000]
    parts = [embedder.embed_audio(clip[:, start : start + RATE], RATE) for start in starts]
    assert embedder.embed_audio(clip, RATE) == pytest.approx(unit(np.mean(parts, axis=0)), abs=1e-5)
    assert not np.allclose(parts[0], parts[2], atol=1e-4)


def test_channels_are_averaged_and_rates_changed(embedder: ClapEmbedder) -> None:
    stereo = noise(4, 1.0, channels=2)
    middle = embedder.embed_audio(stereo.mean(axis=0, keepdims=True), RATE)
    assert embedder.embed_audio(stereo, RATE) == pytest.approx(middle, abs=1e-5)
    times = [np.arange(rate) / rate for rate in (RATE, 16000)]
    high, low = (0.3 * np.sin(2 * np.pi * 440 * time)[None] for time in times)
    assert embedder.embed_audio(low, 16000) == pytest.approx(embedder.embed_audio(high, RATE), abs=0.02)


def test_long_prompts_are_cut(embedder: ClapEmbedder) -> None:
    # Two of the tokens are the marks of beginning and end.
    longest = "a" * (MAX_TOKENS - 2)
    longer, longest, shorter = embedder.embed_text([longest + "bcd", longest, longest[:-1]])
    assert np.array_equal(longer, longest)
    assert not np.array_equal(longest, shorter)


@pytest.mark.parametrize("prompts", [[], "calm piano"])
def test_prompts_are_a_sequence(embedder: ClapEmbedder, prompts: object) -> None:
    with pytest.raises(ValueError, match="prompts: expected a sequence of at least one string"):
        embedder.embed_text(prompts)


def test_audio_is_checked(embedder: ClapEmbedder) -> None:
    with pytest.raises(ValueError, match="audio: expected shape"):
        embedder.embed_audio(np.zeros(RATE), RATE)
    with pytest.raises(ValueError, match="audio: expected finite samples"):
        embedder.embed_audio(np.full((1, RATE), np.nan), RATE)


def test_clap_score_is_the_cosine_row_by_row() -> None:
    score = clap_score(np.array([[1.0, 0.0], [3.0, 4.0], [0.0, 2.0]]), np.array([[5.0, 0.0], [4.0, 3.0], [0.0, -1.0]]))
    assert score == pytest.approx([1.0, 24 / 25, -1.0])
    with pytest.raises(ValueError, match=r"text_embeddings: expected shape \(clips, dims\) as \(2, 3\), got \(1, 3\)"):
        clap_score(np.ones((2, 3)), np.ones((1, 3)))


def test_weights_that_are_not_at_hand_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"name: expected a CLAP model that is at hand, got .*nowhere"):
        ClapEmbedder.from_pretrained(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="name: expected a CLAP model that is at hand"):
        ClapEmbedder.from_pretrained(tmp_path)


@pytest.mark.parametrize("missing", ["model.safetensors", "config.json", "processor_config.json"])
def test_a_folder_without_one_of_its_files_is_refused(toy: Path, tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "toy"
    shutil.copytree(toy, folder)
    (folder / missing).unlink()
    with pytest.raises(ValueError, match="name: expected a CLAP model that is at hand"):
        ClapEmbedder.from_pretrained(folder)


def test_a_missing_vocabulary_is_noticed(toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    shutil.copytree(toy, folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match=r"name: expected a tokenizer of 32 tokens, got \d+ in"):
        ClapEmbedder.from_pretrained(folder)


def test_pickled_weights_are_not_read(toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    shutil.copytree(toy, folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="name: expected a CLAP model that is at hand"):
        ClapEmbedder.from_pretrained(folder)


def test_a_damaged_or_incomplete_file_is_refused(toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    shutil.copytree(toy, folder)
    weights = load_file(folder / "model.safetensors")
    weights.pop("text_projection.linear1.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ValueError, match=r"every weight of a CLAP model, got .* without 'text_projection\.linear1\.weight'"
    ):
        ClapEmbedder.from_pretrained(folder)
    (folder / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(ValueError, match="name: expected a CLAP model that is at hand"):
        ClapEmbedder.from_pretrained(folder)


def test_weights_of_another_shape_are_refused(toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    shutil.copytree(toy, folder)
    config = json.loads((folder / "config.json").read_text())
    config["audio_config"]["patch_embeds_hidden_size"] = 12
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="name: expected a CLAP model that is at hand"):
        ClapEmbedder.from_pretrained(folder)


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    RobertaConfig().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"name: expected a CLAP model that is at hand, got .*\(a roberta model\)"):
        ClapEmbedder.from_pretrained(tmp_path)


def test_a_hub_model_is_not_to_be_had_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="name: expected a CLAP model that is at hand, got 'nobody/no-such-clap'"):
        ClapEmbedder.from_pretrained("nobody/no-such-clap")
