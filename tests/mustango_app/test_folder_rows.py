"""Training on a dataset folder at toy size: every row, latents kept on disk, windows on beats, validation, time."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from augmentation.training_data import CorpusClips
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.training.latents import LatentFolder, codec_key, starts_on_beats
from mustango_app.folder_rows import spread
from mustango_app.train import main
from mustango_app.training_words import with_stated
from tests.munet.training.toys import toy_files, toy_settings

RATE, SECONDS = 8000, 4.0
CAPTIONS = ("calm piano", "an upbeat rock song")


def write_split(folder: Path, names: list[str], seed: int) -> None:
    """Clips of four seconds at 120 BPM whose frames tell where they come from."""
    folder.mkdir(parents=True)
    rng, rows = np.random.default_rng(seed), []
    for name in names:
        sound = 0.1 * rng.standard_normal((2, round(RATE * SECONDS)))
        soundfile.write(folder / f"{name}.flac", sound.T, RATE)
        beats = [[0.25 + 0.5 * beat for beat in range(7)], [1.0 + beat % 4 for beat in range(7)]]
        rows.append({"file_name": f"{name}.flac", "recording": name.split("_")[0], "main_caption": CAPTIONS[0],
                     "alt_caption": CAPTIONS[1], "beats": beats, "bpm": 120.0, "duration": SECONDS,
                     "augmentation": {"kind": "pitch"} if "_" in name else None})  # fmt: skip
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    toy_files(tmp_path)
    write_split(tmp_path / "data" / "train", [f"song{number}" for number in range(5)], 0)
    write_split(tmp_path / "data" / "validation", ["a", "a_2", "b", "b_2"], 1)
    training = toy_settings(tmp_path, "run", budget={"steps": 5, "warmup": 1}, batch_size=2, validation_rows=3)
    training["sample_prompts"] = ()
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"stage": "munet", "data": {"folder": "x", "seconds": 1.28}, "training": training}))
    return path


def run(config: Path, **changes: Any) -> int:
    given = json.loads(config.read_text())
    given["training"] |= changes
    config.write_text(json.dumps(given))
    return main(str(config), str(config.parent / "data"))


def test_a_folder_is_trained_on_measured_and_encoded_once(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = config.parent
    assert run(config) == 0
    said = capsys.readouterr().out
    assert "0 of 5 rows are encoded, 5 to go" in said and "munet: 5 rows after" in said
    assert re.search(r"step 1 loss [\d.]+, .* samples/s, .* 2 rows seen, 5 held, 4 steps left", said)
    losses = [json.loads(line) for line in (folder / "run" / "validation.jsonl").read_text().splitlines()]
    assert [line["step"] for line in losses] == [0, 5] and {line["rows"] for line in losses} == {3}
    assert losses[1]["loss"] != losses[0]["loss"] and (folder / "run" / "best" / "pipeline" / "unet").is_dir()
    latents = {path: path.stat().st_mtime_ns for path in (folder / "data" / "latents").rglob("*.npy")}
    assert len(latents) == 8  # five to train on, three to measure on
    assert run(config, budget={"steps": 7, "warmup": 1}) == 0
    assert "to go" not in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in (folder / "data" / "latents").rglob("*.npy")} == latents
    assert json.loads((folder / "run" / "latest" / "training_state.json").read_text())["step"] == 7


def test_the_kept_latents_are_the_codec_s(config: Path) -> None:
    from munet.codec import load_codec

    assert run(config) == 0
    codec = load_codec(config.parent / "codec", dtype=torch.float32)
    clips = CorpusClips(str(config.parent / "data"))
    folder = LatentFolder(config.parent / "data" / "latents", codec_key(codec))
    path = folder.path(clips.path(0), 16)
    audio, _ = soundfile.read(clips.path(0), dtype="float32", always_2d=True)
    mono = audio.mean(axis=1)
    pcm = np.round(mono * (0.9 * 32767 / np.abs(mono).max())).astype(np.int16)
    with torch.no_grad():
        whole = codec.encode(torch.from_numpy(pcm)[None].float() / 32768)[0]
    assert torch.allclose(folder.window(path, 7, 16).float(), whole[:, 7:23], atol=2e-2)
    assert folder.frames(path) == whole.shape[1] == 50
    with pytest.raises(ValueError, match="latents: expected 52 frames, got 50"):
        folder.window(path, 36, 16)


def test_a_bad_file_is_named_and_the_rest_is_used(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = config.parent / "data" / "train"
    (train / "song1.flac").write_bytes(b"fLaC" + bytes(90))
    (train / "song3.flac").unlink()
    assert run(config) == 1
    said = capsys.readouterr().out
    assert "left out song1.flac" in said and "left out song3.flac" in said and "munet: 3 rows after" in said
    faults = (config.parent / "run" / "faults.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["file_name"] for line in faults) == ["song1.flac", "song3.flac"]
    for path in train.glob("*.flac"):
        path.unlink()
    shutil.rmtree(config.parent / "data" / "latents")
    with pytest.raises(RequestError, match="data: expected clips that can be used, got 5 of which none can"):
        run(config, budget={"steps": 9, "warmup": 1})


def test_every_row_comes_once_in_each_round(config: Path) -> None:
    from munet.training.loop import Budget
    from munet.training.munet import MuNetTrainer
    from munet.training.settings import MuNetTraining
    from mustango_app.folder_rows import folder_pool
    from mustango_app.training_rows import Faults

    settings = MuNetTraining(**toy_settings(config.parent, "rounds", budget=Budget(9), batch_size=5))
    trainer = MuNetTrainer(settings, 1.28)
    clips = CorpusClips(str(config.parent / "data"))
    data = {"folder": str(config.parent / "data")}
    pool = folder_pool(trainer, clips, data, 0, Faults())
    generator = torch.Generator()
    rounds = [pool.draw(5, generator)["latents"][:, 0, 0, 0].tolist() for _ in range(3)]
    assert all(len(set(each)) == 5 for each in rounds) and pool.seen == 15
    pool.close()
    trainer.progress.step = 2  # a run that goes on begins where it was
    again = folder_pool(trainer, clips, data, 0, Faults())
    assert again.draw(5, generator)["latents"][:, 0, 0, 0].tolist() == rounds[2]
    assert trainer.validation is not None and len(trainer.validation) == 4


def test_windows_begin_in_frames_of_beats() -> None:
    beats = [(0.3, 4), (0.9, 1), (1.5, 2), (2.1, 3)]
    assert starts_on_beats(beats, 20, 12.5) == ((0, 3, 11, 18), (11,))  # by hand: 0.3 * 12.5 = 3.75, ...
    assert starts_on_beats(beats, 2, 12.5) == ((0,), ())
    assert starts_on_beats(None, 3, 12.5) == ((0, 1, 2, 3), (0, 1, 2, 3))


def test_clips_to_measure_on_come_from_many_recordings_unchanged_first(config: Path) -> None:
    clips = CorpusClips(str(config.parent / "data"), "validation")
    assert spread(clips, 3) == [0, 2, 1] and spread(clips, 9) == [0, 2, 1, 3]


def test_what_a_long_caption_states_reaches_the_model_as_fields() -> None:
    words = " ".join(["The guitars are warm and the room is wide."] * 12)
    caption = f"A rock song with electric guitar and drums. {words} The bpm is 132. The key is E minor."
    plan = with_stated(MusicPlan(duration=10.0), {}, [caption, "x"])
    assert (plan.bpm, plan.key, plan.style) == (132, "E minor", "rock")
    assert {"drums", "electric guitar"} <= set(plan.instruments)
    heard = MusicPlan(duration=10.0, beats=[(0.0, 1), (0.5, 2)], bpm=120.0, key="A minor")
    kept = with_stated(heard, {}, [caption])
    assert (kept.bpm, kept.key, kept.meter) == (120, "A minor", heard.meter)
    assert with_stated(heard, {"plan": heard.to_dict()}, [caption]) == heard
    assert with_stated(heard, {"instruments": ["piano"], "style": "no such"}, [caption]).instruments == ("piano",)


def test_a_run_keeps_its_time_and_says_when_steps_are_too_long() -> None:
    import time

    from munet.training.loop import Budget, Log, Progress, run_training

    said, saved = [], []

    def step() -> dict[str, torch.Tensor]:
        time.sleep(0.3)
        return {"loss": torch.tensor(1.0)}

    began = time.monotonic()
    run_training("toy", Budget(100), Progress(), Log(None), step, lambda: saved.append(time.monotonic() - began), 60.0,
                 1.0, lambda steps, seconds: said.append((steps, seconds)) or "", closing_seconds=0.05)  # fmt: skip
    assert len(saved) == 1 and saved[0] <= 1.0 and said[0][0] == 1


def test_from_a_build_to_a_model_that_plays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from augmentation.dataset.builder import build_dataset
    from augmentation.dataset.clips import BuildConfig
    from augmentation.dataset.corpus import CorpusConfig, build_corpus
    from mustango_app import Mustango

    toy_files(tmp_path)
    build_corpus(CorpusConfig(count=5, seed=3, duration=3.0, sample_rate=RATE), tmp_path / "corpus")
    build = BuildConfig(
        str(tmp_path / "corpus"), str(tmp_path / "corpus"), sample_rate=RATE, clip_seconds=3.0, labels=("metadata",),
        pitch=(2,), tempo_versions=2, volume_versions=0, validation=0.2, test=0.0,
    )  # fmt: skip
    assert build_dataset(build, tmp_path / "data")["rows"] == 20
    training = toy_settings(tmp_path, "run", budget={"steps": 8, "warmup": 1}, batch_size=2, text_encoder=None)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"stage": "munet", "data": {"seconds": 1.28}, "training": training}))
    assert main(str(path), str(tmp_path / "data"), minutes=5) == 0
    said = capsys.readouterr().out
    assert "munet: 16 rows after" in said and said.count("munet: validation loss") == 2
    clip = Mustango.from_pretrained(str(tmp_path / "run" / "best" / "pipeline")).generate(
        "calm piano", seconds=1, steps=2
    )
    assert clip.audio.shape[1] == RATE and np.isfinite(clip.audio).all()
