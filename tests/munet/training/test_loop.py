"""What the trainings share: schedule, loss weights, checkpoints, log, pool."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from munet.training.discriminator import SpectrogramDiscriminator, critic_loss, feature_matching_loss
from munet.training.loop import (
    Budget,
    Log,
    Progress,
    load_checkpoint,
    min_snr_weights,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
    signal_to_noise,
    weighted_mse,
)
from munet.training.pool import Pool


def test_learning_rate_by_hand() -> None:
    budget = Budget(steps=100, warmup=10, decay=0.5)
    assert budget.learning_rate(Progress(step=0), 1.0) == pytest.approx(0.1)
    assert budget.learning_rate(Progress(step=9), 1.0) == 1.0
    assert budget.learning_rate(Progress(step=50), 1.0) == 1.0
    assert budget.learning_rate(Progress(step=75), 1.0) == pytest.approx(0.5)
    assert budget.fraction(Progress(step=100)) == 1.0


def test_time_can_end_a_training_before_the_steps_do() -> None:
    budget = Budget(steps=1000, seconds=60.0)
    assert budget.fraction(Progress(step=10, seconds=30.0)) == 0.5
    assert budget.fraction(Progress(step=900, seconds=30.0)) == 0.9


def test_signal_to_noise_and_min_snr_weights() -> None:
    alphas = torch.tensor([0.9, 0.5, 0.0])
    snr = signal_to_noise(alphas, torch.tensor([0, 1, 2]))
    assert torch.allclose(snr, torch.tensor([9.0, 1.0, 0.0]))
    # min(SNR, 5) / (SNR + 1): 5/10, 1/2, 0; the published form divides by SNR: 5/9, 1.
    assert torch.allclose(min_snr_weights(snr, 5.0), torch.tensor([0.5, 0.5, 0.0]))
    assert torch.allclose(min_snr_weights(snr[:2], 5.0, "epsilon"), torch.tensor([5 / 9, 1.0]))
    assert torch.equal(min_snr_weights(snr, None), torch.ones(3))
    with pytest.raises(ValueError, match="prediction_type: expected 'v_prediction' or 'epsilon', got 'x'"):
        min_snr_weights(snr, 5.0, "x")


def test_weighted_mse_by_hand() -> None:
    prediction, target = torch.tensor([[1.0, 3.0], [2.0, 2.0]]), torch.tensor([[0.0, 0.0], [0.0, 0.0]])
    # Rows: (1 + 9) / 2 = 5 and 4; weighted 0.5 * 5 and 1 * 4; mean 3.25.
    assert weighted_mse(prediction, target, torch.tensor([0.5, 1.0])).item() == 3.25


def stepped(seed: int) -> tuple[torch.nn.Linear, torch.optim.AdamW]:
    torch.manual_seed(seed)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return model, optimizer


def test_a_checkpoint_restores_model_and_optimizer(tmp_path: Path) -> None:
    model, optimizer = stepped(0)
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= optimizer_tensors("optimizer", optimizer)
    save_checkpoint(tmp_path, Progress(7, 1.5), tensors, lambda folder: (folder / "model").mkdir())
    other, other_optimizer = stepped(1)
    folder, progress, loaded = load_checkpoint(tmp_path)
    assert folder == tmp_path / "latest" and (folder / "model").is_dir() and progress == Progress(7, 1.5)
    other.load_state_dict({name[6:]: value for name, value in loaded.items() if name.startswith("model.")})
    restore_optimizer("optimizer", other_optimizer, loaded)
    for net, stepper in ((model, optimizer), (other, other_optimizer)):
        net(torch.full((1, 3), 2.0)).sum().backward()
        stepper.step()
    assert torch.equal(model.weight, other.weight)


def test_a_run_killed_while_saving_still_has_a_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, Progress(1), {"x": torch.ones(1)}, lambda folder: None)

    def die(folder: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path, Progress(2), {"x": torch.zeros(1)}, die)
    assert load_checkpoint(tmp_path)[1].step == 1
    # Killed between the two renames: the fresh one has not arrived, the old one has moved away.
    (tmp_path / "latest").rename(tmp_path / "previous")
    assert load_checkpoint(tmp_path)[1].step == 1
    save_checkpoint(tmp_path, Progress(3), {"x": torch.zeros(1)}, lambda folder: None)
    assert load_checkpoint(tmp_path)[1].step == 3


def test_the_log_goes_on_in_the_same_file_and_refuses_nan(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    Log(path).write(1, {"loss": 0.5})
    Log(path).write(2, {"loss": 0.25})
    rows = list(csv.DictReader(path.open()))
    assert [(row["step"], row["loss"]) for row in rows] == [("1", "0.5"), ("2", "0.25")]
    with pytest.raises(FloatingPointError, match="loss: expected finite numbers at step 3"):
        Log(path).write(3, {"loss": float("nan")})


def test_pool_fills_to_its_capacity_and_draws_reproducibly() -> None:
    pool = Pool(5, torch.device("cpu"))
    batches = ({"x": torch.arange(start, start + 2)} for start in range(0, 100, 2))
    pool.fill(batches, prefill=5, prepare=lambda rows: {"x": rows["x"] * 10})
    pool.close()
    assert pool.size == 5 and pool.columns["x"].tolist() == [0, 10, 20, 30, 40]
    draws = [pool.draw(4, torch.Generator().manual_seed(3))["x"].tolist() for _ in range(2)]
    assert draws[0] == draws[1] and set(draws[0]) <= {0, 10, 20, 30, 40}


def test_pool_reports_a_failing_or_empty_source() -> None:
    def broken() -> None:
        yield {"x": torch.ones(1)}
        raise OSError("disk gone")

    with pytest.raises(RuntimeError, match="filling the pool failed after 1 rows: disk gone"):
        Pool(5, torch.device("cpu")).fill(broken(), prefill=5)
    with pytest.raises(RuntimeError, match="expected at least one clip, got none"):
        Pool(5, torch.device("cpu")).fill(iter(()), prefill=5)


def test_critic_losses_by_hand() -> None:
    # Hinge: relu(1 - 2) = 0 and relu(1 - 0) = 1, mean 0.5; relu(1 - 3) = 0 and relu(1 + 0) = 1, mean 0.5.
    assert critic_loss(torch.tensor([2.0, 0.0]), torch.tensor([-3.0, 0.0])).item() == 1.0
    # |1 - 2| over a mean magnitude of 2.
    assert feature_matching_loss([torch.tensor([2.0, 2.0])], [torch.tensor([1.0, 3.0])]).item() == 0.5
    scores, features = SpectrogramDiscriminator((4, 4, 4, 4))(torch.randn(2, 16, 129))
    assert scores.shape[:2] == (2, 1) and len(features) == 4
