"""Pieces shaped by a tiny random model: not a sample changes outside, lengths are exact, files work as clips do."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from munet.errors import RequestError
from munet.music import MusicPlan
from munet.published.convert import convert
from mustango_app import Clip, Mustango, Stopped
from mustango_app.cli import main
from mustango_app.shaping.canvas import Canvas, foretold, level_factor, sounding_span
from mustango_app.shaping.source import source_of
from tests.published_layout import build

RATE = 8000


@pytest.fixture(scope="module")
def clip(engine: Mustango) -> Clip:
    """Eight seconds: four bars at 120 BPM."""
    return engine.generate("rock in C major", bpm=120, chords="C F G Am", seconds=8, seed=1, steps=2)


def region(clip: Clip) -> tuple[int, int]:
    first, last = clip.settings["shaped"]["region"]
    return round(first * RATE), round(last * RATE)


def test_an_edit_leaves_all_else_as_it_is(engine: Mustango, clip: Clip) -> None:
    other = engine.edit(clip, bars=(2, 3), chords="Dm E", seed=5, steps=2)
    assert region(other) == (2 * RATE, 6 * RATE)
    assert other.audio.shape == clip.audio.shape
    assert np.array_equal(other.audio[:, : 2 * RATE], clip.audio[:, : 2 * RATE])
    assert np.array_equal(other.audio[:, 6 * RATE :], clip.audio[:, 6 * RATE :])
    assert not np.isclose(other.audio[:, 2 * RATE : 6 * RATE], clip.audio[:, 2 * RATE : 6 * RATE]).all()
    assert other.plan.chords == (("C", 0.0), ("Dm", 2.0), ("E", 4.0), ("Am", 6.0))
    assert other.settings["shaped"] == {
        "change": "edit", "of": "clip", "seed": 5, "steps": 2, "chords": "Dm E", "bars": (2, 3), "region": [2.0, 6.0]
    }  # fmt: skip
    json.dumps(other.to_dict())
    again = engine.edit(clip, bars=(2, 3), chords="Dm E", seed=5, steps=2)
    assert np.array_equal(other, again)
    assert not np.array_equal(other, engine.edit(clip, bars=(2, 3), chords="Dm E", seed=6, steps=2))


def test_a_region_between_two_samples_leaves_the_length_as_it_is(engine: Mustango) -> None:
    odd = engine.generate("rock", bpm=94, chords="C F", bars=3, seed=1, steps=1)
    other = engine.edit(odd, bars=2, chords="Dm", seed=5, steps=1)
    assert other.audio.shape == odd.audio.shape  # a bar has 20425.53 samples, from 20425.53 to 40851.06
    assert np.array_equal(other.audio[:, 40851:], odd.audio[:, 40851:])
    # Exactly enough that whoever counts samples from the seconds finds the same ones, at any rate.
    assert other.settings["shaped"]["region"] == pytest.approx([240 / 94, 480 / 94], abs=1e-8)


def test_another_tempo_moves_what_follows(engine: Mustango, clip: Clip) -> None:
    other = engine.edit(clip, bars=2, bpm=80, seed=5, steps=1)
    assert region(other) == (2 * RATE, 5 * RATE)
    assert other.audio.shape[1] == 9 * RATE
    assert np.array_equal(other.audio[:, 5 * RATE :], clip.audio[:, 4 * RATE :])


@pytest.mark.parametrize("bars", [1, 4])
def test_an_edit_at_an_end(engine: Mustango, clip: Clip, bars: int) -> None:
    other = engine.edit(clip, bars=bars, chords="Dm", seed=5, steps=1)
    first, last = region(other)
    assert np.array_equal(other.audio[:, last:], clip.audio[:, last:])
    assert np.array_equal(other.audio[:, :first], clip.audio[:, :first])


def test_a_continuation_and_a_beginning(engine: Mustango, clip: Clip) -> None:
    after = engine.extend(clip, bars=2, seed=5, steps=1)
    assert after.audio.shape[1] == 12 * RATE and after.plan.duration == pytest.approx(12.0)
    first, last = region(after)
    assert (first, last) == (8 * RATE, 12 * RATE)
    assert np.array_equal(after.audio[:, :first], clip.audio)
    before = engine.extend(clip, seconds=3, before=True, seed=5, steps=1)
    assert before.audio.shape[1] == 11 * RATE
    assert np.array_equal(before.audio[:, 3 * RATE :], clip.audio)


def test_a_weak_variation_is_nearer_than_a_strong_one(engine: Mustango, clip: Clip) -> None:
    def distance(strength: float) -> float:
        codec = engine.pipeline.vae
        import torch

        first, second = (
            codec.encode(torch.from_numpy(np.ascontiguousarray(sound)))
            for sound in (clip.audio, engine.variation(clip, strength, seed=5, steps=6).audio)
        )
        return float((first - second).square().mean())

    assert distance(0.2) < distance(1.0)
    assert engine.variation(clip, 0.2, seed=5, steps=2).plan == clip.plan


@pytest.mark.parametrize("bars", [1, 2, 4])
def test_a_loop_stays_a_loop(engine: Mustango, bars: int) -> None:
    loop = engine.generate("rock in C major", bpm=120, chords="C F G Am", bars=4, loop=True, seed=1, steps=1)
    other = engine.edit(loop, bars=bars, chords="Dm", seed=5, steps=1)
    assert other.plan.loop and other.audio.shape == loop.audio.shape
    first, last = region(other)
    assert (first, last) == (2 * (bars - 1) * RATE, 2 * bars * RATE)
    assert np.array_equal(other.audio[:, :first], loop.audio[:, :first])
    assert np.array_equal(other.audio[:, last:], loop.audio[:, last:])
    assert [symbol for symbol, _ in other.plan.chords][bars - 1] == "Dm"
    slower = engine.edit(loop, bars=bars, bpm=60, seed=5, steps=1)
    assert slower.audio.shape[1] == 10 * RATE
    first, last = region(slower)
    assert np.array_equal(slower.audio[:, :first], loop.audio[:, :first])
    assert np.array_equal(slower.audio[:, last:], loop.audio[:, last - 2 * RATE :])
    assert slower.plan.beat_times()[-1] < 10 and slower.plan.loop
    with pytest.raises(RequestError, match="bars: expected a part of the loop"):
        engine.edit(loop, bars=(1, 4))
    assert engine.variation(loop, 0.5, seed=5, steps=2).audio.shape == loop.audio.shape
    assert not engine.extend(loop, bars=1, seed=5, steps=1).plan.loop


def test_files_and_folders_work_as_clips_do(engine: Mustango, clip: Clip, tmp_path: Path) -> None:
    exported = engine.edit(clip.export(tmp_path / "piece"), bars=2, chords="Dm", seed=5, steps=1)
    assert exported.prompt == clip.prompt and exported.settings["shaped"]["of"] == "piece"
    assert exported.plan.chords[1] == ("Dm", 2.0)
    stereo = np.repeat(clip.audio, 2, axis=0) * np.array([[1.0], [0.5]], dtype=np.float32)
    soundfile.write(tmp_path / "song.wav", stereo.T, RATE)
    edited = engine.edit(tmp_path / "song.wav", plan=clip.plan, bars=2, chords="Dm", seed=5, steps=1)
    read, _ = soundfile.read(tmp_path / "song.wav", dtype="float32", always_2d=True)
    assert np.array_equal(edited.audio[:, : 2 * RATE], read.T[:, : 2 * RATE]), "both channels are kept"
    assert edited.prompt == "rock with drums, electric bass, distorted guitar" or edited.prompt.startswith("rock")
    resampled = source_of((stereo, 4000), RATE, 1, clip.plan)
    assert resampled.audio.shape == (2, 16 * RATE) and resampled.plan.duration == pytest.approx(16.0)


def test_a_recording_is_heard_first(engine: Mustango) -> None:
    seconds = np.arange(12 * RATE) / RATE
    click = np.sin(2 * np.pi * 440 * seconds) * np.exp(-20 * (seconds % 0.5))
    other = engine.extend((click[None].astype(np.float32), RATE), bars=1, seed=5, steps=1)
    assert other.plan.bpm == pytest.approx(120, abs=2)
    first, _ = region(other)
    assert first / RATE % 0.5 == pytest.approx(0, abs=0.06) or first / RATE % 0.5 == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    ("piece", "message"),
    [
        ("nothing.wav", "nothing.wav"),
        (".", "piece: expected an audio file or the folder of an exported clip"),
        ((np.zeros((1, 4000), np.float32), RATE), "piece: expected 1 to 600 seconds, got 0.50"),
        ((np.full((1, 16000), np.nan, np.float32), RATE), "piece: expected finite samples"),
    ],
)
def test_pieces_that_are_none(engine: Mustango, piece: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        engine.extend(piece, bars=1, plan=MusicPlan(bpm=120, meter=4))


def test_progress_stop_and_the_best_of_several(engine: Mustango, clip: Clip) -> None:
    seen: list[tuple[int, int]] = []
    best = engine.edit(clip, bars=2, best_of=2, seed=5, steps=2, callback=lambda *pair: seen.append(pair))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert best.settings["best_of"] == 2 and best.seed in (5, 6)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        engine.extend(clip, bars=1, stop=stop)


def test_cross_fades_lie_inside_the_hole() -> None:
    old = np.ones((2, 1000), dtype=np.float32) * 0.5
    canvas = Canvas.open(old, 200, 600, 300, 10_000)
    assert canvas.audio.shape == (2, 900) and not canvas.audio[:, 200:500].any()
    whole = canvas.joined(np.full((2, 300), -0.5, np.float32))
    assert np.array_equal(whole[:, :200], old[:, :200]) and np.array_equal(whole[:, 500:], old[:, 600:])
    assert whole[0, 201] > 0.4 and np.allclose(whole[:, 300:350], -0.5) and whole[0, 498] > 0.4
    loud = canvas.joined(np.full((2, 300), 3.0, np.float32))
    assert np.abs(loud).max() <= 1
    same = Canvas.open(old, 200, 600, 400, 10_000)
    assert np.array_equal(same.audio, old), "what is as long stays as a starting point"


def test_a_sound_that_ends_goes_on_under_the_cross_fade() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 441 * np.arange(12_000) / 10_000)
    both = np.stack([tone, np.zeros(12_000)]).astype(np.float32)
    made = foretold(both[:, :10_000], 100)
    assert np.abs(made[0] - tone[10_000:10_100]).max() < 0.02
    assert not made[1].any()
    canvas = Canvas.open(both[:, :10_000], 10_000, 10_000, 2_000, 10_000)
    whole = canvas.joined(np.zeros((2, 2_000), np.float32))
    assert np.array_equal(whole[:, :10_000], both[:, :10_000])
    assert np.abs(np.diff(whole[0])).max() < 1.1 * np.abs(np.diff(tone)).max(), "no step where the sound ends"


def test_levels_and_silence() -> None:
    sound = np.sin(np.arange(1000, dtype=np.float32))
    assert level_factor(sound, sound / 1.5) == pytest.approx(1.5)
    assert level_factor(sound, sound / 100) == 2.0
    assert level_factor(np.zeros(10), sound) == 1.0
    silent = np.concatenate([np.zeros(500), sound, np.zeros(500)])[None]
    assert sounding_span(silent, 1000) == pytest.approx((0.5, 1.5), abs=0.002)
    assert sounding_span(silent * 0, 1000) == (0.0, 2.0)


def test_the_commands(tiny_folder: Path, clip: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip.export(tmp_path / "piece")
    flags = ["--model", str(tiny_folder), "--device", "cpu", "--steps", "1", "--seed", "5"]
    out = tmp_path / "out.wav"
    assert main(["edit", str(tmp_path / "piece"), "--bars", "2-3", "--chords", "Dm E", "-o", str(out), *flags]) == 0
    assert "new from 2 to 6 s, seed 5" in capsys.readouterr().out
    assert main(["extend", str(tmp_path / "piece"), "--bars", "2", "-o", str(out), "--json", *flags]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["duration"] == 12.0 and report["settings"]["shaped"]["change"] == "extension"
    more = ["--export", str(tmp_path / "varied"), "--strength", "0.5"]
    assert main(["variation", str(tmp_path / "piece"), "-o", str(out), *flags, *more]) == 0
    assert (tmp_path / "varied" / "plan.json").is_file()
    capsys.readouterr()
    for wrong, message in (
        (["extend", str(out)], "seconds: expected either seconds or bars"),
        (["edit", str(out), "--bars", "a-b"], "expected bars such as 3-4, got 'a-b'"),
        (["edit", str(out), "--start", "2", "--strength", "7"], "strength: expected"),
        (["edit", "nowhere.wav", "--start", "2", *flags], "nowhere.wav"),
    ):
        try:
            status = main(wrong)
        except SystemExit as stopped:
            status = stopped.code
        assert status == 2
        assert message in capsys.readouterr().err


def test_the_published_model_is_held_to_what_it_cannot_be_told(tmp_path: Path) -> None:
    """It takes no known latents: they are put back after every step."""
    convert(build(tmp_path / "published"), tmp_path / "converted")
    model = Mustango.from_pretrained(tmp_path / "converted", device="cpu")
    assert not model.pipeline.unet.config.known_latents
    clip = model.generate("rock", bpm=120, meter=4, key="C major", chords="C F", seconds=4, seed=1, steps=2)
    other = model.edit(clip, bars=1, chords="Dm", seed=5, steps=2)
    assert np.array_equal(other.audio[:, 2 * clip.sample_rate :], clip.audio[:, 2 * clip.sample_rate :])
    assert not np.allclose(other.audio[:, : 2 * clip.sample_rate], clip.audio[:, : 2 * clip.sample_rate])
