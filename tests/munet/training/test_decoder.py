"""Training the stereo codec's decoder: it learns, goes on where it stopped, never saves what is broken."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import torch

from munet.codec.stereo import StereoAutoencoder
from munet.training.decoder import DecoderTrainer, DecoderTraining, main
from munet.training.excerpts import ExcerptPool
from tests.munet.codec.stereo_toys import CONFIG, RATE, STEP, noise

FRAMES = 12  # latent frames of an excerpt


def source() -> Iterator[torch.Tensor]:
    seed = 0
    while True:
        seed += 1
        yield noise(FRAMES * STEP, seed, level=0.02 + 0.1 * (seed % 3))


def settings(folder: Path, **changed: object) -> DecoderTraining:
    toy = DecoderTraining(
        out=str(folder),
        minutes=10,
        device="cpu",
        batch_size=2,
        crop_frames=2,
        pool_clips=4,
        clip_frames=FRAMES,
        fit_clips=8,
        warmup=1,
        critic_windows=(128,),
    )
    return replace(toy, **changed)


def ready(folder: Path, **changed: object) -> DecoderTrainer:
    trainer = DecoderTrainer(settings(folder, **changed), CONFIG)
    trainer.fit_encoder(source())
    trainer.pool = ExcerptPool(source(), trainer.codec.encode, trainer.settings.pool_clips, trainer.device)
    return trainer


def chords() -> Iterator[torch.Tensor]:
    time = torch.arange(FRAMES * STEP) / RATE
    for seed in itertools.count():
        low = 200.0 + 10 * (seed % 20)
        yield 0.1 * sum(torch.cos(2 * math.pi * low * part * time) for part in (1.0, 1.5, 4.0)).expand(2, -1)


def test_steps_lower_the_loss(tmp_path: Path) -> None:
    trainer = DecoderTrainer(settings(tmp_path, learning_rate=3e-3), CONFIG)
    trainer.fit_encoder(chords())
    trainer.pool = ExcerptPool(chords(), trainer.codec.encode, 4, trainer.device)
    losses = [float(trainer.step()["log_l1"]) for _ in range(24)]
    assert sum(losses[-6:]) < 0.9 * sum(losses[:6])


def test_latents_never_move(tmp_path: Path) -> None:
    trainer = ready(tmp_path)
    clip = noise(3 * STEP)[None]
    before = trainer.codec.encode(clip)
    trainer.step()
    assert torch.equal(trainer.codec.encode(clip), before)


def test_a_new_window_goes_on_with_another_batch_and_critics(tmp_path: Path) -> None:
    first = ready(tmp_path)
    for _ in range(3):
        first.step()
    first.save()
    second = DecoderTrainer(settings(tmp_path, batch_size=3, critic_start=0.0))
    assert second.progress.step == 3
    for name, parameter in second.codec.named_parameters():
        assert torch.equal(parameter, first.codec.get_parameter(name)), name
    for ours, theirs in zip(second.ema.shadow_params, first.ema.shadow_params, strict=True):
        assert torch.equal(ours, theirs)
    second.pool = first.pool
    parts = second.step()
    assert float(parts["critic"]) > 0 and float(parts["matching"]) > 0
    second.save()
    third = DecoderTrainer(settings(tmp_path))
    for name, parameter in third.critics.named_parameters():
        assert torch.equal(parameter, second.critics.get_parameter(name)), name


def test_a_published_codec_is_trained_further(tmp_path: Path) -> None:
    """Where only the codec is there, its weights are the start of everything."""
    trainer = ready(tmp_path)
    trainer.step()
    trainer.save()
    published = StereoAutoencoder.from_pretrained(tmp_path / "latest" / "codec")
    again = DecoderTrainer(settings(tmp_path / "again", start=str(tmp_path / "latest" / "codec")))
    assert again.progress.step == 0
    for name, parameter in again.codec.named_parameters():
        assert torch.equal(parameter, published.get_parameter(name)), name


def test_a_bad_crop_leaves_the_weights_alone(tmp_path: Path) -> None:
    trainer = ready(tmp_path)
    weight = trainer.codec.trunk.conv_in.weight
    before = weight.detach().clone()
    trainer._update(trainer.optimizer, trainer.codec, weight.sum() * float("nan"))
    assert torch.equal(weight, before) and trainer.optimizer.state[weight]["step"] == 0
    trainer._update(trainer.optimizer, trainer.codec, weight.sum())
    assert not torch.equal(weight, before) and trainer.optimizer.state[weight]["step"] == 1


def test_what_is_not_finite_is_not_saved(tmp_path: Path) -> None:
    trainer = ready(tmp_path)
    trainer.save()
    kept = StereoAutoencoder.from_pretrained(tmp_path / "latest" / "codec").trunk.conv_in.weight
    trainer.codec.trunk.conv_in.weight.data[0] = float("nan")
    with pytest.raises(FloatingPointError, match="weights: expected finite numbers"):
        trainer.save()
    assert torch.equal(StereoAutoencoder.from_pretrained(tmp_path / "latest" / "codec").trunk.conv_in.weight, kept)


def test_the_command_trains_on_folders_and_ends_in_time(tmp_path: Path) -> None:
    """The whole command at full size would take minutes: here the toy codec is already in the run's folder."""
    DecoderTrainer(settings(tmp_path / "run"), CONFIG).save()
    (tmp_path / "sounds").mkdir()
    for index in range(3):
        soundfile.write(tmp_path / "sounds" / f"{index}.flac", noise(20 * STEP, index).T.numpy(), 8000)
    options = f"--out {tmp_path / 'run'} --audio {tmp_path / 'sounds'} --minutes 0.1 --device cpu --log-steps 1"
    options += " --batch-size 2 --crop-frames 2 --pool-clips 3 --clip-frames 12 --fit-clips 6 --skip 2.flac"
    main(options.split())
    log = tmp_path / "run" / "log.csv"
    rows = list(csv.DictReader(log.open())) if log.exists() else []  # a slow machine ends before the first line
    assert all(float(row["share_of_peak"]) > 0 for row in rows)
    assert (tmp_path / "run" / "latest" / "codec" / "config.json").is_file()
