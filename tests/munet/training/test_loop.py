"""What the trainings share: schedule, loss weights, checkpoints, log, pool."""

from __future__ import annotations

import csv
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from munet.errors import RequestError
from munet.training.discriminator import SpectrogramDiscriminator, critic_loss, feature_matching_loss
from munet.training.loop import (
    Budget,
    Log,
    Progress,
    check_weighting,
    drawn_timesteps,
    load_checkpoint,
    min_snr_weights,
    optimizer_tensors,
    restore_optimizer,
    run_training,
    save_checkpoint,
    signal_to_noise,
    velocity_loss,
    weighted_mse,
)
from munet.training.masks import known_frames
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


def test_a_budget_without_decay_keeps_its_learning_rate() -> None:
    budget = Budget(steps=10, warmup=0, decay=0)
    assert budget.learning_rate(Progress(step=9), 2.0) == 2.0 and budget.learning_rate(Progress(step=10), 2.0) == 2.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 0}, "budget.steps: expected an integer of at least 1, got 0"),
        ({"steps": 1.5}, "budget.steps: expected an integer"),
        ({"steps": 1, "seconds": 0}, "budget.seconds: expected seconds above 0"),
        ({"steps": 1, "decay": 2}, "budget.decay: expected a share from 0 to 1"),
        ({"steps": 1, "warmup": -1}, "budget.warmup: expected steps"),
    ],
)
def test_a_budget_that_ends_before_it_begins_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Budget(**values)


def test_weights_that_divide_zero_by_zero_are_refused() -> None:
    check_weighting(torch.tensor([0.9, 0.0]), 5.0, "v_prediction")
    check_weighting(torch.tensor([0.9, 0.1]), 5.0, "epsilon")
    with pytest.raises(RequestError, match="snr_weighting: expected 'v_prediction' with a schedule that ends in pure"):
        check_weighting(torch.tensor([0.9, 0.0]), 5.0, "epsilon")


def test_pure_noise_counts_where_sampling_begins() -> None:
    snr = torch.tensor([0.0, 0.01, 1.0, 9.0])
    assert torch.allclose(min_snr_weights(snr, 5.0), torch.tensor([0.0, 0.01 / 1.01, 0.5, 0.5]))
    assert torch.allclose(min_snr_weights(snr, 5.0, least=0.2), torch.tensor([0.2, 0.2 / 1.01, 0.5, 0.5]))
    # The published training is left as it is.
    published = min_snr_weights(snr[1:], 5.0, "epsilon", 0.2)
    assert torch.allclose(published, torch.tensor([1.0, 1.0, 5 / 9]))


def test_the_last_timestep_is_learned() -> None:
    alphas = torch.tensor([0.9, 0.0])
    latents, noise = torch.randn(2, 1, 3, 4, 2, generator=torch.Generator().manual_seed(0))
    guess = torch.zeros(1, 3, 4, 2, requires_grad=True)
    options = {"snr_gamma": 5.0, "least_snr": 0.1}
    loss = velocity_loss(lambda _noisy, _times: guess, latents, noise, torch.tensor([1]), alphas, **options)
    loss.backward()
    assert loss.item() == pytest.approx(0.1 * latents.square().mean().item(), rel=1e-5)  # the velocity is -latents
    assert torch.allclose(guess.grad, 0.1 * 2 / latents.numel() * latents)


def test_timesteps_shifted_towards_noise_by_hand() -> None:
    uniform = torch.tensor([0.0, 0.25, 0.5, 0.9999999])
    assert drawn_timesteps(uniform, 1000).tolist() == [0, 250, 500, 999]
    # s u / (1 + (s - 1) u) with s = 4: 1 / 1.75 and 2 / 2.5.
    assert drawn_timesteps(uniform, 1000, 4.0).tolist() == [0, 571, 800, 999]


def test_a_checkpoint_that_is_not_finite_is_refused_and_the_good_one_stays(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, Progress(1), {"x": torch.ones(1)}, lambda folder: None)
    with pytest.raises(FloatingPointError, match="got others in x at step 2"):
        save_checkpoint(tmp_path, Progress(2), {"x": torch.tensor([float("inf")])}, lambda folder: None)
    assert load_checkpoint(tmp_path)[1].step == 1


def test_a_cut_off_state_falls_back_to_the_checkpoint_before_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in (1, 2):
        save_checkpoint(tmp_path, Progress(step), {"x": torch.ones(100)}, lambda folder: None)
    state = tmp_path / "latest" / "training_state.safetensors"
    state.write_bytes(state.read_bytes()[:200])
    assert load_checkpoint(tmp_path)[1].step == 1
    assert "latest/training_state.safetensors" in capsys.readouterr().out
    state = tmp_path / "previous" / "training_state.safetensors"
    state.write_bytes(b"")
    with pytest.raises(RequestError, match="run: expected a whole training state"):
        load_checkpoint(tmp_path)


def test_a_loss_that_is_not_finite_ends_the_run_at_once_and_saves_nothing(tmp_path: Path) -> None:
    saved, losses = [], iter([1.0, float("nan"), 1.0, 1.0])
    with pytest.raises(FloatingPointError, match="at step 2"):
        run_training(
            "toy", Budget(steps=4), Progress(), Log(None), lambda: {"loss": torch.tensor(next(losses))},
            lambda: saved.append(1), 1e9, None,
        )  # fmt: skip
    assert not saved and len(list(losses)) == 1  # one step late, so that nobody waits for the accelerator


def test_a_run_ends_before_its_time_is_over() -> None:
    progress, saves = Progress(), []

    def step() -> dict[str, torch.Tensor]:
        time.sleep(0.01)
        return {"loss": torch.ones(())}

    began = time.monotonic()
    run_training("toy", Budget(steps=10**6), progress, Log(None), step, lambda: saves.append(1), 1e9, 0.5)
    assert time.monotonic() - began < 0.5 and len(saves) == 1 and progress.step > 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_told_to_stop_ends_its_step_and_is_saved(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    progress, saves, before = Progress(), [], signal.getsignal(number)

    def step() -> dict[str, torch.Tensor]:
        if progress.step == 2:
            signal.raise_signal(number)
        return {"loss": torch.ones(())}

    with pytest.raises(KeyboardInterrupt):
        run_training("toy", Budget(9), progress, Log(None), step, lambda: saves.append(progress.step), 1e9, None)
    assert saves == [3] and signal.getsignal(number) is before
    assert "toy: stopped and saved at step 3" in capsys.readouterr().out


def test_a_second_signal_does_not_wait() -> None:
    saves = []

    def step() -> dict[str, torch.Tensor]:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("expected the second one to end the step")

    with pytest.raises(KeyboardInterrupt):
        run_training("toy", Budget(9), Progress(), Log(None), step, lambda: saves.append(1), 1e9, None)
    assert not saves and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_in_another_thread_leaves_signals_alone() -> None:
    progress, before = Progress(), signal.getsignal(signal.SIGTERM)
    seen = []

    def step() -> dict[str, torch.Tensor]:
        seen.append(signal.getsignal(signal.SIGTERM))
        return {"loss": torch.ones(())}

    run = (Budget(2), progress, Log(None), step, lambda: None, 1e9, None)
    thread = threading.Thread(target=run_training, args=("toy", *run))
    thread.start()
    thread.join()
    assert progress.step == 2 and seen == [before, before]


def test_known_frames_are_there_as_often_as_asked_for_and_never_everywhere() -> None:
    masks = known_frames(4000, 32, torch.Generator().manual_seed(0), nothing=0.5)
    assert abs((~masks.any(dim=1)).float().mean().item() - 0.5) < 0.05  # a seam may also leave nothing known
    assert not masks.all(dim=1).any()
    edges = masks[:, 0].float().mean().item(), masks[:, -1].float().mean().item()
    assert all(0.2 < share < 0.45 for share in edges)
    halves = [known_frames(2, 8, torch.Generator().manual_seed(1), share=(i, 2)) for i in range(2)]
    assert torch.equal(torch.cat(halves), known_frames(4, 8, torch.Generator().manual_seed(1)))


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


def test_a_full_pool_waits_for_draws_and_then_replaces_its_oldest_rows() -> None:
    pool = Pool(4, torch.device("cpu"), draws_per_row=2.0)
    batches = ({"x": torch.arange(start, start + 2)} for start in range(0, 100, 2))
    pool.fill(batches, prefill=4, prepare=lambda rows: {"x": rows["x"] * 10})
    wait_until(lambda: pool.seen == 6)  # two rows more than it holds: not drawn once, so nothing else comes in
    assert pool.size == 4 and pool.columns["x"].tolist() == [40, 50, 20, 30]
    pool.draw(4, torch.Generator().manual_seed(0))  # two draws for each row beyond the four: two more may come
    wait_until(lambda: pool.seen == 8)
    assert pool.columns["x"].tolist() == [40, 50, 60, 70]
    draws = [pool.draw(4, torch.Generator().manual_seed(3))["x"].tolist() for _ in range(2)]
    assert draws[0] == draws[1] or pool.seen > 8
    pool.close()


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


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
