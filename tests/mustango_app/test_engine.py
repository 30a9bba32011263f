"""The engine with a tiny random model: seeds, plans, stopping, and one clear line for whatever is wrong."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

from munet.music import MusicPlan
from munet.published.bases import SCHEDULE
from mustango_app import Clip, Mustango, Stopped
from mustango_app.engine import closed, on_whole_frames
from mustango_app.request import Request, check_integer
from tests.tiny import tiny_pipeline

PROMPT = "A calm waltz for piano in G major"


def test_a_clip_holds_what_was_asked(engine: Mustango) -> None:
    clip = engine.generate(PROMPT, bpm=90, chords="G D/F# Em C", seconds=4, seed=7, steps=2, guidance=2.0)
    assert isinstance(clip, Clip)
    assert clip.audio.dtype == np.float32
    assert clip.audio.shape == (1, 4 * engine.sample_rate)
    assert 0 < clip.peak <= 1
    assert (clip.plan.bpm, clip.plan.meter, clip.plan.key, clip.plan.duration) == (90, 3, "G major", 4)
    assert clip.plan.is_complete
    assert [symbol for symbol, _ in clip.plan.chords] == ["G", "D/F#", "Em", "C"]
    assert (clip.seed, clip.prompt) == (7, PROMPT)
    assert clip.settings == {"model": engine.name, "steps": 2, "guidance": 2.0, "device": "cpu"}


def test_equal_seeds_make_equal_clips(engine: Mustango) -> None:
    first, again, other = (engine.generate(PROMPT, seconds=2, steps=2, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_guidance_within_an_interval_is_a_setting_of_the_clip(engine: Mustango) -> None:
    fields = {"seconds": 2, "steps": 4, "seed": 3, "guidance": 3.0}
    clip, plain = (engine.generate(PROMPT, **fields, guidance_interval=one) for one in ((0.3, 0.95), None))
    assert clip.settings["guidance_interval"] == [0.3, 0.95] and "guidance_interval" not in plain.settings
    assert not np.array_equal(clip.audio, plain.audio)
    settings = {name: clip.settings[name] for name in ("steps", "guidance", "guidance_interval")}
    assert np.array_equal(engine.generate(PROMPT, plan=clip.plan, seed=clip.seed, **settings).audio, clip.audio)
    assert np.array_equal(engine.generate(PROMPT, **fields, guidance_interval=[0, 1]).audio, plain.audio)
    shaped = engine.variation(clip, seed=1, steps=4, guidance_interval=(0.3, 0.95))
    assert shaped.settings["guidance_interval"] == [0.3, 0.95]


def test_a_model_of_many_steps_gets_few_and_guides_fourteen_of_them(tmp_path: Path) -> None:
    pipeline = tiny_pipeline()
    pipeline.register_modules(scheduler=DDPMScheduler(**SCHEDULE))
    pipeline.register_to_config(default_steps=100)
    pipeline.save_pretrained(tmp_path / "many")
    engine, rows = Mustango(tmp_path / "many"), []
    engine.pipeline.unet.conv_out.register_forward_hook(lambda _module, _given, made: rows.append(len(made)))
    clip = engine.generate(PROMPT, seconds=2, seed=3)
    assert (clip.settings["steps"], clip.settings["guidance_interval"]) == (20, [0.3, 1.0])
    assert rows == [2] * 14 + [1] * 6
    everywhere = engine.generate(PROMPT, seconds=2, seed=3, guidance_interval=(0, 1))
    assert rows[20:] == [2] * 20 and not np.array_equal(clip, everywhere)


def test_guidance_has_a_weight_for_each_group(engine: Mustango) -> None:
    weights = {"chords": 3, "text": 2}
    clip, plain = (engine.generate(PROMPT, seconds=2, steps=2, seed=3, guidance=one) for one in (weights, 1.0))
    assert clip.settings["guidance"] == {"harmony": 3.0, "text": 2.0}
    assert not np.array_equal(clip, plain)
    with pytest.raises(ValueError, match="guidance: expected groups among"):
        engine.generate(PROMPT, guidance={"tempo": 2})


def test_a_drawn_seed_is_reported_and_makes_the_clip_again(engine: Mustango) -> None:
    first, second = (engine.generate(PROMPT, seconds=2, steps=1) for _ in range(2))
    assert first.seed != second.seed
    assert np.array_equal(first, engine.generate(PROMPT, seconds=2, steps=1, seed=first.seed))


def test_clips_of_a_batch_are_those_made_alone(engine: Mustango) -> None:
    batch = engine.generate(PROMPT, seconds=2, steps=2, seed=10, num_clips=3)
    assert [clip.seed for clip in batch] == [10, 11, 12]
    for clip in batch:
        assert np.array_equal(clip, engine.generate(PROMPT, seconds=2, steps=2, seed=clip.seed))


def test_progress_counts_every_step_of_every_clip(engine: Mustango) -> None:
    seen: list[tuple[int, int]] = []
    engine.generate(PROMPT, seconds=1, steps=2, num_clips=2, callback=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_words_of_the_reference_interface_work(engine: Mustango) -> None:
    clip = engine.generate(PROMPT, steps=3, guidance=3)
    assert clip.settings["steps"] == 3
    assert clip.duration == 10.0


def test_stop_stops_at_the_next_step_and_the_engine_goes_on(engine: Mustango) -> None:
    stop, seen = threading.Event(), []

    def callback(done: int, total: int) -> None:
        seen.append(done)
        if done == 2:
            stop.set()

    with pytest.raises(Stopped):
        engine.generate(PROMPT, seconds=2, steps=50, callback=callback, stop=stop)
    assert seen == [1, 2]
    with pytest.raises(Stopped):
        engine.generate(PROMPT, seconds=2, steps=50, stop=stop)
    assert isinstance(engine.generate(PROMPT, seconds=1, steps=1, stop=threading.Event()), Clip)


def test_threads_take_turns(engine: Mustango) -> None:
    clips: dict[int, Clip] = {}

    def work(seed: int) -> None:
        clips[seed] = engine.generate(PROMPT, seconds=2, steps=3, seed=seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, clip in clips.items():
        assert np.array_equal(clip, engine.generate(PROMPT, seconds=2, steps=3, seed=seed))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": ""}, "prompt: expected a description of the music, got ''"),
        ({"prompt": " \n"}, "prompt: expected"),
        ({"prompt": None}, "prompt: expected"),
        ({"prompt": "x" * 2001}, "prompt: expected at most 2000 characters, got 2001"),
        ({"bpm": 5000}, "bpm: expected a number from 30 to 300, got 5000"),
        ({"bpm": float("nan")}, "bpm: expected"),
        ({"chords": "H#q"}, "chords: expected .*, got 'H#q'"),
        ({"key": "X minor"}, "key: expected .*, got 'X minor'"),
        ({"meter": 0}, "meter: expected"),
        ({"seconds": -1}, "seconds: expected a number from 1 to 600, got -1"),
        ({"seconds": 601}, "seconds: expected a number from 1 to 600, got 601"),
        ({"seconds": 31}, "seconds: expected at most 30 with this model, got 31"),
        ({"seconds": True}, "seconds: expected"),
        ({"seed": -1}, "seed: expected an integer from 0"),
        ({"seed": 1.5}, "seed: expected an integer"),
        ({"steps": 0}, "steps: expected an integer from 1 to 1000, got 0"),
        ({"guidance": -1}, "guidance: expected a number from 0 to 30, got -1"),
        ({"num_clips": 0}, "num_clips: expected"),
        ({"plan": {"bpm": 90}}, "plan: expected a MusicPlan"),
    ],
)
def test_bad_input_is_named(engine: Mustango, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        engine.generate(**{"prompt": PROMPT, "steps": 1, **arguments})


def test_arguments_win_over_the_plan_and_the_plan_over_the_text() -> None:
    plan = MusicPlan(bpm=100, key="A minor", duration=6.0)
    made = Request("fast rock, 160 bpm, in C major, in 3/4", bpm=80, plan=plan).draft.plan
    assert (made.bpm, made.key, made.meter, made.duration) == (80, "A minor", 3, 6.0)
    assert Request("rock", plan=made).draft.plan == made


def test_a_whole_plan_is_cut_and_never_stretched_in_silence() -> None:
    plan = MusicPlan(bpm=120, meter=4, duration=8.0, key="C major").complete(["C", "F", "G", "C"])
    short = Request("x", seconds=3.0, plan=plan).draft.plan
    assert short.duration == 3.0
    assert short.chords == (("C", 0.0), ("F", 2.0))
    with pytest.raises(ValueError, match="seconds: expected at most the plan's 8, got 9"):
        Request("x", seconds=9.0, plan=plan)
    assert Request("x", bpm=60.0, plan=plan).draft.plan.beat_times() == tuple(float(second) for second in range(8))


def test_explanations_name_the_source() -> None:
    sources = Request("a waltz in G major", bpm=90).draft.sources
    assert (sources["bpm"], sources["key"]) == ("given", "stated")


def test_whole_floats_are_integers() -> None:
    assert check_integer("steps", 25.0, 1, 1000) == 25
    with pytest.raises(ValueError, match="steps"):
        check_integer("steps", float("inf"), 1, 1000)


def test_devices(tiny_folder: Path) -> None:
    with pytest.raises(ValueError, match="device: expected auto, cpu, cuda or cuda:N, got 'tpu9'"):
        Mustango(tiny_folder, "tpu9")
    with pytest.raises(ValueError, match="device: expected one of this machine's"):
        Mustango(tiny_folder, f"cuda:{torch.cuda.device_count()}")


def test_unknown_models_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="model: expected an existing folder or a Hub id"):
        Mustango.from_pretrained(tmp_path / "none")
    with pytest.raises(ValueError, match=r"model: expected a folder with model_index\.json"):
        Mustango.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="model: expected"):
        Mustango.from_pretrained("")


def weights(folder: Path) -> Path:
    return next((folder / "unet").glob("*.safetensors"))


def test_damaged_checkpoints_are_named(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"

    def fresh() -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        return Path(shutil.copytree(tiny_folder, folder))

    path = weights(fresh())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=f"model: expected a whole safetensors file, got .*{path.name}"):
        Mustango(folder)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=path.name):
        Mustango(folder)
    path.unlink()
    (path.parent / "diffusion_pytorch_model.bin").write_bytes(b"anything")
    with pytest.raises(ValueError, match=r"got the pickle .*\.bin"):
        Mustango(folder)
    weights(fresh()).unlink()
    with pytest.raises(ValueError, match="model: expected a MustangoPipeline"):
        Mustango(folder)
    (fresh() / "model_index.json").write_text("{")
    with pytest.raises(ValueError, match="model: expected a MustangoPipeline"):
        Mustango(folder)


def test_public_names_are_listed_and_unknown_ones_refused() -> None:
    import mustango_app

    assert {"Mustango", "MusicPlan", "Clip"} <= set(dir(mustango_app))
    with pytest.raises(AttributeError, match="nonsense"):
        _ = mustango_app.nonsense


def test_a_loop_has_its_length_to_the_sample(engine: Mustango) -> None:
    clip = engine.generate("a waltz", bpm=133, meter=3, bars=2, loop=True, seed=1, steps=1)
    assert clip.plan.loop and clip.audio.shape[1] == round(2 * 3 * 60 / 133 * engine.sample_rate)


def test_a_loop_is_played_on_whole_frames_and_closed_again() -> None:
    plan = MusicPlan(bpm=133, meter=3, loop=True).complete(bars=2)
    played = on_whole_frames(plan, 12.5)
    assert played.duration * 12.5 == pytest.approx(round(plan.duration * 12.5))
    turn = np.sin(2 * np.pi * 3 * np.arange(200) / 200)[None].astype(np.float32)  # three whole periods
    assert np.abs(closed(turn, 190) - np.sin(2 * np.pi * 3 * np.arange(190) / 190)).max() < 1e-5
