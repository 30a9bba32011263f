"""What both trainings share: schedule, loss weights, checkpoints that can be resumed, the log.

Conventions: a run lives in one folder: `latest/` (model folders and `training_state.safetensors` + `.json`), `log.csv`.
A checkpoint is written under a temporary name and renamed, so that a killed run always leaves a whole one.
"""

from __future__ import annotations

import csv
import json
import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tqdm.auto import tqdm


@dataclass
class Progress:
    """How far a training is; survives in the checkpoint.

    Attributes:
        step: optimizer steps done.
        seconds: wall seconds spent training, all runs together.
    """

    step: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Budget:
    """When a training ends and how its learning rate moves.

    Attributes:
        steps: optimizer steps in all.
        seconds: wall seconds in all (all runs together), or None for no such limit.
        warmup: steps of linear warm-up.
        decay: last share of the training in which the learning rate falls to zero.
    """

    steps: int
    seconds: float | None = None
    warmup: int = 200
    decay: float = 0.3

    def fraction(self, progress: Progress) -> float:
        """Share of the training that is done, in [0, 1]."""
        by_time = progress.seconds / self.seconds if self.seconds else 0.0
        return min(1.0, max(progress.step / self.steps, by_time))

    def learning_rate(self, progress: Progress, peak: float) -> float:
        """Learning rate for the next step: linear warm-up, constant, linear decay (Hägele et al., 2024)."""
        warmup = min(1.0, (progress.step + 1) / max(self.warmup, 1))
        return peak * warmup * min(1.0, (1.0 - self.fraction(progress)) / self.decay)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Write `learning_rate` into every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def signal_to_noise(alphas_cumprod: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
    """Signal-to-noise ratio `(batch,)` at `timesteps` `(batch,)`."""
    alpha = alphas_cumprod.to(timesteps.device)[timesteps].float()
    return alpha / (1 - alpha)


def min_snr_weights(snr: torch.Tensor, gamma: float | None, prediction_type: str = "v_prediction") -> torch.Tensor:
    """Loss weights `(batch,)` of Hang et al. 2023 (Min-SNR), all ones for gamma None.

    `v_prediction` divides min(SNR, gamma) by SNR + 1, as the paper derives; `epsilon` divides by SNR, which is what the
    published Mustango training does although its target is the velocity.

    Raises:
        ValueError: an unknown prediction type.
    """
    if gamma is None:
        return torch.ones_like(snr)
    if prediction_type not in ("v_prediction", "epsilon"):
        raise ValueError(f"prediction_type: expected 'v_prediction' or 'epsilon', got {prediction_type!r}")
    return snr.clamp_max(gamma) / (snr + 1 if prediction_type == "v_prediction" else snr)


def weighted_mse(prediction: torch.Tensor, target: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Squared error averaged over each row, times `weights` `(batch,)`, averaged over the batch."""
    error = (prediction.float() - target.float()).pow(2).flatten(1).mean(dim=1)
    return (error * weights).mean()


def velocity_loss(
    predict: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    latents: torch.Tensor,
    noise: torch.Tensor,
    timesteps: torch.Tensor,
    alphas_cumprod: torch.Tensor,
    snr_gamma: float | None = 5.0,
    snr_weighting: str = "v_prediction",
) -> torch.Tensor:
    """Weighted squared error against the velocity (Salimans and Ho, 2022), a number.

    Args:
        predict: noisy latents and timesteps -> the predicted velocity, shaped as the latents.
        latents: `(batch, ...)`, clean.
        noise: the noise to add, shaped as the latents.
        timesteps: `(batch,)`.
        alphas_cumprod: of the noise schedule, `(timesteps in all,)`.
        snr_gamma, snr_weighting: see `min_snr_weights`; "epsilon" is the published training.
    """
    shape = (-1, *[1] * (latents.ndim - 1))
    signal = alphas_cumprod.to(timesteps.device)[timesteps]
    alpha, sigma = signal.sqrt().view(shape), (1 - signal).sqrt().view(shape)
    prediction = predict(alpha * latents + sigma * noise, timesteps)
    weights = min_snr_weights(signal_to_noise(alphas_cumprod, timesteps), snr_gamma, snr_weighting)
    return weighted_mse(prediction, alpha * noise - sigma * latents, weights)


def optimizer_tensors(name: str, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """An optimizer's per-parameter state as flat names, so that it fits into safetensors."""
    state = optimizer.state_dict()["state"]
    return {f"{name}.{index}.{key}": value.cpu() for index, entry in state.items() for key, value in entry.items()}


def restore_optimizer(name: str, optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put back what `optimizer_tensors` took; hyperparameters stay those of `optimizer`."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for full_name, value in tensors.items():
        if full_name.startswith(f"{name}."):
            index, key = full_name[len(name) + 1 :].split(".", 1)
            state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def save_checkpoint(
    run: Path, progress: Progress, tensors: Mapping[str, torch.Tensor], save_models: Callable[[Path], None]
) -> Path:
    """Write `run/latest` whole or not at all.

    Args:
        run: the run's folder.
        progress: steps and seconds so far.
        tensors: optimizer, EMA and similar state, flat names.
        save_models: writes the model folders below the path that it is given.
    """
    fresh, latest, old = run / "latest.new", run / "latest", run / "latest.old"
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir(parents=True)
    save_models(fresh)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, fresh / "training_state.safetensors")
    (fresh / "training_state.json").write_text(json.dumps(asdict(progress)))
    if latest.exists():
        latest.rename(old)
    fresh.rename(latest)
    shutil.rmtree(old, ignore_errors=True)
    return latest


def load_checkpoint(run: Path) -> tuple[Path, Progress, dict[str, torch.Tensor]] | None:
    """The newest whole checkpoint of a run: its folder, progress and tensors; None where there is none."""
    for folder in (run / "latest", run / "latest.old", run / "latest.new"):
        if (folder / "training_state.json").is_file():
            progress = Progress(**json.loads((folder / "training_state.json").read_text()))
            return folder, progress, load_file(folder / "training_state.safetensors")
    return None


class Log:
    """A CSV of numbers per step, with the rate since the last line; a resumed run goes on in the same file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fields: list[str] | None = None
        self.clock = time.monotonic()

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Append one line; tensors are not accepted, so that logging never hides a device synchronisation."""
        now = time.monotonic()
        row = {"step": step, "seconds": round(now - self.clock, 2), **{k: float(f"{v:.5g}") for k, v in values.items()}}
        self.clock = now
        fresh = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=self.fields or list(row))
            self.fields = list(row)
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        if not all(math.isfinite(value) for value in values.values()):
            raise FloatingPointError(f"loss: expected finite numbers at step {step}, got {dict(values)}")


def run_training(
    name: str,
    budget: Budget,
    progress: Progress,
    log: Log,
    step: Callable[[], Mapping[str, torch.Tensor]],
    save: Callable[[], None],
    checkpoint_seconds: float,
    run_seconds: float | None,
) -> None:
    """Repeat `step` until the budget or this run's time is used up; checkpoints on the way and at the end.

    Args:
        name: shown at the progress bar.
        budget: when the training ends.
        progress: counted on from where it stands.
        log: gets what `step` returns, every 100 steps.
        step: does one optimizer step.
        save: writes a checkpoint.
        checkpoint_seconds: wall seconds from checkpoint to checkpoint.
        run_seconds: wall seconds after which this run stops, None for no limit.
    """
    started = time.monotonic()
    before, saved = progress.seconds, started
    bar = tqdm(total=budget.steps, initial=progress.step, desc=name, unit="step", mininterval=5)
    while budget.fraction(progress) < 1:
        values = step()
        progress.step += 1
        progress.seconds = before + time.monotonic() - started
        bar.update()
        if progress.step % 100 == 0:
            log.write(progress.step, {key: value.item() for key, value in values.items()})
        if time.monotonic() - saved > checkpoint_seconds:
            save()
            saved = time.monotonic()
        if run_seconds is not None and time.monotonic() - started > run_seconds:
            break
    bar.close()
    save()
