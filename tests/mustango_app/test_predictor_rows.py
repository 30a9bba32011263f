"""The predictors' training at toy size: targets by hand, learning, resuming, and the plan that comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from munet.errors import RequestError
from munet.music import MusicPlan
from munet.published.beat_predictor import predict_beats
from munet.published.chord_predictor import parse_chords
from munet.published.predictor import predict_plan
from munet.training.loop import Budget
from munet.training.predictors import PredictorTrainer, PredictorTraining, beat_targets, chord_target, usable
from mustango_app.train import main

BEATS = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
         "type_vocab_size": 0, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}  # fmt: skip
CHORDS = {"d_model": 32, "d_kv": 16, "d_ff": 32, "num_layers": 1, "num_heads": 2, "decoder_start_token_id": 0,
          "dropout_rate": 0.0}  # fmt: skip
CLIPS = (("a slow waltz in three for the piano", 3, 1.0), ("a fast march in four for the brass band", 4, 0.5))


def plan_of(meter: int, step: float) -> MusicPlan:
    beats = [(0.2 + step * beat, 1 + beat % meter) for beat in range(int(9.7 / step))]
    return MusicPlan(meter=meter, beats=beats, chords=[("C", 0.2), ("G7", 4.0)], duration=10.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split, count in (("train", 8), ("validation", 2)):
        rows = []
        for number in range(count):
            caption, meter, step = CLIPS[number % 2]
            plan = plan_of(meter, step)
            beats = [[second for second, _ in plan.beats], [float(position) for _, position in plan.beats]]
            row = {"file_name": f"{number}.flac", "main_caption": caption, "alt_caption": caption, "meter": meter}
            rows.append(row | {"beats": beats, "chords": ["C", "G7"], "chords_time": [0.2, 4.0], "duration": 10.0})
        rows.append({"file_name": "still.flac", "main_caption": "A still sound", "duration": 10.0})
        (tmp_path / split).mkdir()
        (tmp_path / split / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def config_of(folder: Path, stage: str, steps: int, **changes: Any) -> str:
    model = BEATS if stage == "beat_predictor" else CHORDS
    training = {"out": str(folder / stage), "budget": {"steps": steps, "warmup": 1, "decay": 0}, "model": model,
                "batch_size": 4, "learning_rate": 3e-3, "device": "cpu", "precision": "float32", **changes}  # fmt: skip
    path = folder / f"{stage}.json"
    path.write_text(json.dumps({"stage": stage, "data": {"folder": "x"}, "training": training}))
    return str(path)


def test_targets_by_hand() -> None:
    plan = MusicPlan(meter=3, beats=[(0.5, 1), (1.5, 2), (2.5, 3)], duration=3.0, chords=[("Am", 0.456), ("F/C", 2.0)])
    assert beat_targets(plan, 9) == (2, [0.5, 1.0, 1.0, 1.0])  # out of the clip at 3.5 s
    assert beat_targets(plan, 2) == (2, [0.5, 1.0])  # two tokens say no more
    assert beat_targets(plan.with_(duration=6.0), 9)[1][-1] == 3.5  # a rest at the end
    assert chord_target(plan) == "Am at 0.46 n F/C at 2.0"
    assert parse_chords(chord_target(plan)).chords == (("Am", 0.46), ("F/C", 2.0))
    assert usable("beat_predictor", MusicPlan(duration=1.0)) == "no beats"
    assert usable("beat_predictor", plan.with_(chords=None)) is None
    assert usable("chord_predictor", plan.with_(chords=None)) == "no chords"
    assert usable("beat_predictor", plan.with_(meter=6)) == "more than 4 beats in a bar"


def test_beats_are_learnt_and_a_run_goes_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(config_of(folder, "beat_predictor", 60), str(folder)) == 0
    said = capsys.readouterr().out
    assert "1 of 9 clips have no beats and are left out" in said and "8 rows to train on, 2 to measure on" in said
    losses = [float(line.split()[3]) for line in said.splitlines() if "validation loss" in line]
    assert len(losses) == 2 and losses[1] < losses[0] / 2
    assert main(config_of(folder, "beat_predictor", 200), str(folder)) == 0
    assert "at step 60\n" in capsys.readouterr().out  # measured again where the first run ended
    settings = PredictorTraining(str(folder / "beat_predictor"), Budget(1), model=BEATS, device="cpu")
    resumed = PredictorTrainer("beat_predictor", settings)
    assert resumed.progress.step == 200
    for caption, meter, step in CLIPS:
        raw = predict_beats(resumed.model.eval(), resumed.tokenizer, caption)
        assert raw.max_beat == meter
        steps = [later - earlier for earlier, later in zip(raw.times, raw.times[1:], strict=False)]
        assert sum(steps) / len(steps) == pytest.approx(step, abs=0.15 * step)


def test_chords_are_learnt_and_a_plan_comes_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(config_of(folder, "chord_predictor", 150, learning_rate=1e-2), str(folder)) == 0
    losses = [float(line.split()[3]) for line in capsys.readouterr().out.splitlines() if "validation loss" in line]
    assert losses[1] < losses[0] / 4
    trainers = []
    for name, model in (("beat_predictor", BEATS), ("chord_predictor", CHORDS)):
        settings = PredictorTraining(str(folder / name), Budget(1), model=model, device="cpu")
        trainers.append(PredictorTrainer(name, settings))
    with torch.no_grad():
        models = [(trainer.model.eval(), trainer.tokenizer) for trainer in trainers]
        plan = predict_plan(*models[0], *models[1], CLIPS[0][0]).plan
    assert plan.duration == 10.0 and plan.meter in (1, 2, 3, 4)


def test_what_cannot_be_learnt_from_is_said(folder: Path) -> None:
    (folder / "train" / "metadata.jsonl").write_text('{"file_name": "a.flac", "main_caption": "A.", "duration": 5.0}\n')
    with pytest.raises(RequestError, match="data: expected clips with beats and chords, got 1 without"):
        main(config_of(folder, "chord_predictor", 1), str(folder))
    with pytest.raises(RequestError, match=r"start: expected a folder or a reachable Hub id, got '.*none'"):
        PredictorTrainer("beat_predictor", PredictorTraining(str(folder / "x"), Budget(1), start=str(folder / "none")))
    with pytest.raises(RequestError, match="model: expected nothing beside start"):
        PredictorTraining("x", Budget(1), start="y", model={"hidden_size": 4})
