"""Larger models that begin where trained ones are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from munet.conditions.batch import ConditionDropout
from munet.conditions.roll import NOTE_ROWS
from munet.conditions.sound import WHO_PLAYS
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.events import NoteEvent
from munet.training.denoiser import notes_to_make
from munet.training.grow import grown
from munet.training.loop import Budget
from munet.training.munet import MuNetTrainer, train_munet
from munet.training.pool import Pool
from munet.training.settings import MuNetTraining
from munet.unet import MuNetModel
from tests.munet.training.toys import SECONDS, toy_files, toy_rows, toy_settings


def trained_at_random(**changes: object) -> MuNetModel:
    """A small model over frames, all of whose weights say something."""
    sizes = {"width": 16, "layers": 2, "passes": 2, "heads": 2, "cross_heads": (1, 1, 1), "inner": 16}
    given = {"in_channels": 3, "out_channels": 3, "latent_bins": 2, "cross_attention_dim": 16, "aligned_channels": 106,
             "aligned_styles": ("pop", "rock"), "known_latents": True, "frames": sizes, **changes}  # fmt: skip
    torch.manual_seed(0)
    model = MuNetModel(**given)
    for parameter in model.parameters():
        parameter.data.normal_(std=0.2)
    return model.eval()


def prediction(model: MuNetModel, **more: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    with torch.no_grad():
        sequences = (drawn(2, 3, 16), drawn(2, 4, 16), drawn(2, 2, 16))
        return model(drawn(2, 3, 8, 2), 500, *sequences, aligned_condition=drawn(2, 106, 8), **more).sample


def test_a_grown_model_predicts_the_same_and_can_learn_more() -> None:
    small = trained_at_random()
    large = grown(small, layers=4, sound_codes=4)
    assert len(large.frame_net.blocks) == 4 and large.config.sound_codes == 4
    assert torch.allclose(prediction(large), prediction(small), atol=1e-5)
    assert torch.allclose(prediction(large, sound=torch.ones(2, 4)), prediction(small), atol=1e-5)
    large.frame_net.sound_embedding.weight.data.normal_()
    assert not torch.allclose(prediction(large, sound=torch.ones(2, 4)), prediction(small), atol=1e-2)
    large.frame_net.blocks[3].attention.to_out.weight.data.normal_()
    assert not torch.allclose(prediction(large), prediction(small), atol=1e-2)


def test_a_model_that_has_grown_ears_for_notes_predicts_the_same_until_it_has_learnt_from_them() -> None:
    small = trained_at_random()
    large = grown(small, notes=True)
    played = torch.rand(2, NOTE_ROWS, 8, generator=torch.Generator().manual_seed(4))
    assert large.config.note_channels == NOTE_ROWS
    assert torch.equal(prediction(large, note_condition=played), prediction(small))
    large.frame_net.note_embedding[2].weight.data.normal_()
    assert not torch.allclose(prediction(large, note_condition=played), prediction(large), atol=1e-2)
    again = grown(large)
    assert again.config.note_channels == NOTE_ROWS
    assert torch.equal(prediction(again, note_condition=played), prediction(large, note_condition=played))


def test_growing_by_nothing_is_a_copy() -> None:
    small = trained_at_random()
    same = grown(small)
    assert torch.equal(prediction(same), prediction(small))
    assert same.config.sound_codes is None


def test_what_cannot_grow_is_named() -> None:
    with pytest.raises(RequestError, match="layers: expected at least the 2"):
        grown(trained_at_random(), layers=1)
    with pytest.raises(RequestError, match="sound_codes: expected the 4 that there are, got 8"):
        grown(grown(trained_at_random(), sound_codes=4), sound_codes=8)


def test_a_code_of_the_wrong_shape_is_named() -> None:
    with pytest.raises(ValueError, match=r"sound: expected \(2, 4\), got \(2, 3\)"):
        prediction(grown(trained_at_random(), sound_codes=4), sound=torch.ones(2, 3))
    with pytest.raises(ValueError, match=r"sound: expected None, got \(2, 3\)"):
        prediction(trained_at_random(), sound=torch.ones(2, 3))
    with pytest.raises(ValueError, match="sound_codes: expected None without frames"):
        MuNetModel(sound_codes=4)


def test_a_training_grows_what_it_starts_from_and_is_gone_on_from(tmp_path: Path) -> None:
    toy_files(tmp_path)
    start = MuNetTrainer(MuNetTraining(**toy_settings(tmp_path, "small", budget=Budget(1))), SECONDS)
    start.pipeline.save_pretrained(tmp_path / "start")
    given = toy_settings(tmp_path, "large", budget=Budget(2), start=str(tmp_path / "start"), batch_size=4)
    for name in ("model", "max_text_length"):
        del given[name]
    settings = MuNetTraining(**given, grow={"layers": 2, "sound_codes": 4})

    def pool(trainer: MuNetTrainer) -> Pool:
        rows = Pool(64, torch.device("cpu"))
        made = toy_rows(trainer, 32)
        made["latents"] = made["latents"] + torch.randn(
            made["latents"].shape, generator=torch.Generator().manual_seed(0)
        )
        rows.append(made)
        return rows

    trainer = MuNetTrainer(settings, SECONDS)
    assert not trainer.pipeline.unet.sound_code.fitted
    train_munet(trainer, pool(trainer))
    code = trainer.pipeline.unet.sound_code
    assert code.fitted and trainer.progress.step == 2
    assert trainer.modules.unet.frame_net.sound_embedding.weight.abs().sum() > 0  # it is heard
    again = MuNetTrainer(settings, SECONDS)
    assert again.progress.step == 2
    assert torch.equal(again.pipeline.unet.sound_code.axes, code.axes)
    made = [_played(again, seed) for seed in (0, 0, 1)]
    assert torch.equal(made[0], made[1]) and not torch.allclose(made[0], made[2])
    _check_untold(again)


def test_a_training_learns_from_notes_but_for_those_of_known_frames(tmp_path: Path) -> None:
    toy_files(tmp_path)
    start = MuNetTrainer(MuNetTraining(**toy_settings(tmp_path, "small", budget=Budget(1))), SECONDS)
    start.pipeline.save_pretrained(tmp_path / "start")
    given = toy_settings(tmp_path, "noted", budget=Budget(10**6, warmup=0, decay=0), start=str(tmp_path / "start"))
    for name in ("model", "max_text_length"):
        del given[name]
    plain = ConditionDropout(*[0.0] * 11)
    settings = MuNetTraining(**given, grow={"notes": True}, learning_rate=3e-3, dropout=plain, unknown=1.0)
    trainer = MuNetTrainer(settings, SECONDS)
    plan = MusicPlan(bpm=120, duration=SECONDS, style="pop", instruments="drums").complete()
    rows = []
    for index in range(12):  # the sound is decided by what is struck, which nothing else says
        stroke = NoteEvent("drums", 36 if index % 2 else 38, 0.0, 0.1, 127)
        tokens = trainer.clip_tokens(plan, ["rock"], 0, [stroke])
        rows.append({**tokens, "latents": torch.full((4, trainer.frames, 2), 1.0 if index % 2 else -1.0)})
    batch = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
    for _ in range(100):
        trainer.step(trainer.loss(batch))
    with torch.no_grad():
        losses = []
        for notes in (batch["notes"], batch["notes"].roll(1, dims=0)):
            trainer.generator.manual_seed(0)
            losses.append(trainer.loss({**batch, "notes": notes}).item())
    assert losses[1] > 2 * losses[0]
    told = {"known_mask": torch.zeros(12, trainer.frames, dtype=torch.bool)}
    told["known_mask"][:, :3] = True
    masked = notes_to_make(batch, told)["notes"]
    assert not masked[:, :, :3].any() and torch.equal(masked[:, :, 3:], batch["notes"][:, :, 3:])


def _check_untold(trainer: MuNetTrainer) -> None:
    """Where nothing says who plays most are told no sound; where something does, all are told."""
    latents = torch.randn(400, *toy_rows(trainer, 2)["latents"].shape[1:], generator=torch.Generator().manual_seed(2))
    aligned = torch.zeros(400, trainer.null["aligned"].shape[1], latents.shape[2])
    aligned[:200, WHO_PLAYS] = 1
    told = trainer.told_of(latents, aligned)["sound"].any(dim=1)
    assert told[:200].all()
    assert 0.2 < told[200:].float().mean() < 0.4


def _played(trainer: MuNetTrainer, seed: int) -> torch.Tensor:
    pipeline = type(trainer.pipeline).from_pretrained(trainer.out / "latest" / "pipeline", **_text(trainer))
    pipeline.set_progress_bar_config(disable=True)
    plan = MusicPlan(bpm=120, duration=SECONDS, style="pop", instruments="piano").complete()
    generator = torch.Generator().manual_seed(seed)
    return pipeline("calm piano", plan, SECONDS, 2, generator=generator, output_type="latent").audios


def _text(trainer: MuNetTrainer) -> dict[str, object]:
    return {"text_encoder": trainer.pipeline.text_encoder, "tokenizer": trainer.pipeline.tokenizer}


def test_growth_that_cannot_be_is_named() -> None:
    given = {"out": "out", "autoencoder": "codec", "budget": Budget(1)}
    with pytest.raises(RequestError, match="grow: expected layers, sound_codes and notes, got \\['width'\\]"):
        MuNetTraining(**given, start="x", grow={"width": 3})
    with pytest.raises(RequestError, match="grow: expected start with it"):
        MuNetTraining(**given, grow={"layers": 3})
