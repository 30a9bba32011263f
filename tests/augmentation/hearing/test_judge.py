"""The judge at toy size: labels by hand, silence and length, learning, saving and going on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from augmentation.compose.composer import Note, Piece, Track
from augmentation.compose.renderer import render
from augmentation.compose.styles import STYLES as STYLES_OF_CORPUS
from augmentation.hearing.judge import Arrangement, Judge, agreement, mel_matrix, resampled, shipped_judge
from augmentation.hearing.judge_training import (
    VALIDATION_SEEDS,
    JudgeTrainer,
    JudgeTraining,
    best_threshold,
    disturbed,
    example,
    measure,
    players,
    together,
)
from augmentation.training_data import drawn_players
from munet.music import MusicPlan
from munet.music.instruments import CLASS_NAMES, classes_of

STYLES = ("rock", "waltz")


@pytest.fixture
def judge() -> Judge:
    torch.manual_seed(0)
    return Judge(STYLES, mel_bins=16, channels=(4, 4, 4), width=8).eval()


def piece(*tracks: Track) -> Piece:
    return Piece(0, "rock", MusicPlan(duration=3.0), "happy", "calm", tracks)


def test_who_plays_is_read_off_the_notes() -> None:
    piano = Track("piano", 0, False, (Note(0.5, 1.0, 60, 90), Note(2.0, 0.1, 60, 90)))
    drums = Track("drums", 0, True, (Note(1.0, 0.03, 36, 90),))
    present, clear = players(piece(piano, drums), ("drums", "piano", "choir"), seconds=3)
    assert present.tolist() == [[0, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert clear.tolist() == [[1, 1, 1], [1, 1, 0], [1, 1, 1]], "a tenth of a second is neither"


def test_classes_keep_their_order_and_know_their_instruments() -> None:
    assert classes_of(["Rhodes piano", "drums", "electric piano"]) == ("drums", "electric piano")
    assert len(set(CLASS_NAMES)) == len(CLASS_NAMES) == 21


def test_filters_hear_a_tone_in_its_band() -> None:
    filters = mel_matrix(32, 1024, 22050, 40.0, 10000.0)
    assert torch.allclose(filters.sum(dim=0), torch.ones(32), atol=1e-4)
    frequency = (filters * torch.linspace(0, 11025, 513)[:, None]).sum(dim=0)
    assert (frequency.diff() > 0).all()


def test_loudness_does_not_count(judge: Judge) -> None:
    sound = torch.randn(1, 22050, generator=torch.Generator().manual_seed(0)) * 0.1
    assert torch.allclose(judge.spectrum(sound), judge.spectrum(sound * 0.05), atol=1e-3)


def test_every_second_is_heard_at_any_rate_and_length(judge: Judge) -> None:
    rng = np.random.default_rng(0)
    for rate, seconds in ((44100, 2.0), (22050, 65.4), (48000, 1.0)):
        heard = judge.hear(rng.normal(0, 0.1, (2, round(seconds * rate))), rate)
        assert set(heard.instruments) == set(CLASS_NAMES)
        assert {len(row) for row in heard.instruments.values()} == {round(seconds)}
        assert sum(heard.styles.values()) == pytest.approx(1.0, abs=1e-5)
    with pytest.raises(ValueError, match="one second"):
        judge.hear(np.zeros(1000), 44100)


def test_presence_needs_more_than_one_second() -> None:
    row = np.array([0.9, 0.0, 0.0, 0.6, 0.9, 0.9])
    heard = Arrangement({"drums": row}, {"rock": 0.6, "waltz": 0.4})
    assert heard.presence()["drums"] == pytest.approx(0.9)
    assert heard.presence(0, 3)["drums"] == pytest.approx(0.3)
    assert heard.style == "rock"


def test_agreement_counts_what_was_asked_and_what_was_not(judge: Judge) -> None:
    heard = Arrangement(
        {name: np.full(4, 0.0) for name in CLASS_NAMES} | {"piano": np.ones(4), "choir": np.ones(4)}, {}
    )
    assert agreement(judge, heard, ["piano", "drums"]) == {"recall": 0.5, "intrusion": pytest.approx(1 / 19)}
    assert agreement(judge, heard, [])["recall"] is None


def test_resampling_keeps_the_length() -> None:
    assert len(resampled(np.zeros(44100, np.float32), 44100, 22050)) == 22050


def test_it_learns_and_goes_on_where_it_stopped(judge: Judge, tmp_path: Path) -> None:
    settings = JudgeTraining(str(tmp_path), minutes=0.02, batch_size=2, workers=0, learning_rate=1e-2)
    trainer = JudgeTrainer(settings, judge.train())
    generator = torch.Generator().manual_seed(1)
    sound = torch.randn(2, 22050, generator=generator) * torch.tensor([[0.1], [0.1]])
    sound[1] = torch.sin(torch.arange(22050) * 0.2)
    present = torch.zeros(2, 21, 1)
    present[0, 0], present[1, 3] = 1, 1
    batch = (sound, present, torch.ones_like(present), torch.tensor([0, 1]))
    first = trainer.loss(batch).item()
    for _ in range(15):
        loss = trainer.loss(batch)
        trainer.optimizer.zero_grad()
        loss.backward()
        trainer.optimizer.step()
    assert trainer.loss(batch).item() < 0.7 * first
    trainer.seen = 30
    trainer.save()
    again = JudgeTrainer(settings, Judge(STYLES, mel_bins=16, channels=(4, 4, 4), width=8))
    assert again.seen == 30
    assert all(torch.equal(a, b) for a, b in zip(again.judge.parameters(), trainer.judge.parameters(), strict=True))
    restored = Judge.from_pretrained(tmp_path / "judge")
    assert restored.config.styles == list(STYLES)


def test_weights_that_are_not_finite_are_not_saved(judge: Judge, tmp_path: Path) -> None:
    trainer = JudgeTrainer(JudgeTraining(str(tmp_path), minutes=1.0), judge)
    with torch.no_grad():
        next(judge.parameters()).fill_(float("nan"))
    with pytest.raises(FloatingPointError):
        trainer.save()
    assert not (tmp_path / "judge").exists()


def test_disturbed_spectra_keep_their_shape_and_stay_near() -> None:
    generator = torch.Generator().manual_seed(0)
    spectrum = torch.randn(8, 30, 16, generator=generator)
    changed = disturbed(spectrum, generator)
    assert changed.shape == spectrum.shape
    assert 0.05 < (changed - spectrum).pow(2).mean() < 4


def test_two_pieces_at_once_have_the_players_of_both() -> None:
    count = 64
    sound = torch.eye(count)  # each row's own sample says which pieces it holds
    present = torch.zeros(count, 2, 1)
    present[::2, 0], present[1::2, 1] = 1, 1  # even pieces have the first class, odd ones the second
    clear = torch.ones(count, 2, 1)
    clear[0, 1] = 0  # whether piece 0 has the second is not clear
    style = torch.arange(count)
    mixed, plays, sure, styles = together((sound, present, clear, style), torch.Generator().manual_seed(3))
    assert styles.equal(style)
    assert 0.2 < (mixed != sound).any(dim=1).float().mean() < 0.6
    for row in range(count):
        parts = mixed[row].nonzero()[:, 0].tolist()
        assert row in parts
        assert plays[row, 0] == any(part % 2 == 0 for part in parts)
        assert plays[row, 1] == any(part % 2 == 1 for part in parts)
        assert sure[row, 1] == (0 not in parts or any(part % 2 == 1 for part in parts))
        assert mixed[row][parts].min() >= 10 ** (-4 / 20) - 1e-6 and mixed[row][parts].max() <= 10 ** (4 / 20) + 1e-6


def test_a_threshold_is_where_f1_is_best() -> None:
    heard = np.array([0.9, 0.7, 0.3, 0.6, 0.2, 0.1, 0.05, 0.8])
    truth = np.array([1, 1, 1, 0, 0, 0, 0, np.nan])
    # above .2: 3 hits, 1 alarm, F1 6/7; above .6: 2 hits, none, F1 4/5; what is not clear does not count
    found = best_threshold(heard, truth)
    assert 0.2 < found["threshold"] <= 0.3
    assert (found["recall"], found["false_alarms"], found["precision"]) == (1.0, 0.25, 0.75)
    assert best_threshold(heard, np.zeros(8))["recall"] == 0


def test_of_thresholds_that_are_nearly_as_good_the_surest_is_taken() -> None:
    # from .5 on: 50 hits, F1 1; from .9 on: 49 hits, F1 98/99, within .02; above there are none
    heard = np.array([0.9] * 49 + [0.5] + [0.4] * 30)
    found = best_threshold(heard, np.array([1] * 50 + [0] * 30))
    assert (found["threshold"], found["recall"], found["false_alarms"]) == (0.9, 0.98, 0.0)


def test_it_is_measured_on_whole_clips() -> None:
    """Whatever a toy judge hears, each piece of the validation counts once for its style and once for each class."""
    torch.manual_seed(0)
    judge = Judge(sorted(STYLES_OF_CORPUS), mel_bins=16, channels=(4, 4, 4), width=8)
    figures = measure(judge, VALIDATION_SEEDS[:2])
    assert figures["pieces"] == 2
    assert figures["style"] in (0.0, 0.5, 1.0)
    assert set(figures["recall"]) == set(CLASS_NAMES)
    assert len(figures["thresholds"]) == len(CLASS_NAMES)


def test_the_shipped_judge_hears_a_band() -> None:
    """Drums of the packaged soundfont are heard as drums, and a held piano is heard without them."""
    judge = shipped_judge()
    kick = tuple(Note(0.25 * i, 0.1, (36, 42, 38, 42)[i % 4], 100) for i in range(24))
    held = tuple(Note(float(i), 0.95, 48 + 4 * (i % 3), 80) for i in range(6))
    plan = MusicPlan(duration=6.0)
    drums = Piece(1, "rock", plan, "happy", "energetic", (Track("drums", 0, True, kick),))
    piano = Piece(1, "rock", plan, "happy", "calm", (Track("piano", 0, False, held),))
    with_drums, without = (judge.hear(render(piece, 44100), 44100).presence()["drums"] for piece in (drums, piano))
    assert with_drums > judge.threshold("drums") > without


def test_a_share_of_the_pieces_has_any_players() -> None:
    """With a share of 1 the classes are those drawn for the seed; with 0 the piece is the composer's own."""
    judge = Judge(sorted(STYLES_OF_CORPUS), mel_bins=16, channels=(4, 4, 4), width=8)
    for seed in (2_000_001, 2_000_002):
        own, drawn = (example(seed, judge.config, share)[1] for share in (0.0, 1.0))
        rows = list(judge.config.instruments)
        asked = {rows.index(name) for name in classes_of(drawn_players(seed).instruments or ())}
        heard = set(drawn.amax(dim=1).nonzero()[:, 0].tolist())
        assert heard and heard <= asked
        assert not torch.equal(own, drawn)


def test_some_players_are_left_out() -> None:
    """With a share of 1 some of a piece's players play, and nobody else; the style stays."""
    judge = Judge(sorted(STYLES_OF_CORPUS), mel_bins=16, channels=(4, 4, 4), width=8)
    fewer = 0
    for seed in (2_000_001, 2_000_002, 2_000_003):
        (_, all_of_them, _, style), (_, some, _, same) = (
            example(seed, judge.config, 0.0, share) for share in (0.0, 1.0)
        )
        whole, kept = (set(part.amax(dim=1).nonzero()[:, 0].tolist()) for part in (all_of_them, some))
        assert kept <= whole and style == same
        fewer += len(kept) < len(whole)
    assert fewer > 0


def test_layers_over_time_reach_as_far_as_their_dilations() -> None:
    torch.manual_seed(0)
    reach = []
    for dilations in ((1,), (1, 2, 4)):
        judge = Judge(STYLES, mel_bins=16, channels=(4, 4, 4), width=8, dilations=dilations).eval()
        spectrum = torch.zeros(1, 800, 16, requires_grad=True)
        judge(spectrum, 16)[0][0, :, 8].sum().backward()
        heard = spectrum.grad.abs().amax(dim=2)[0].nonzero()[:, 0]
        reach.append(int(heard.max() - heard.min()))
    assert reach[1] - reach[0] == 2 * 2 * (2 + 4) * 8, "two more to each side, each dilation of 8 frames a step"
