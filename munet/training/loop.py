"""What the trainings share: schedule, loss weights, checkpoints that can be resumed, the log.

Conventions: a run lives in one folder: `latest/` (model folders and `training_state.safetensors` + `.json`),
`previous/` (the checkpoint before it), `log.csv`. A checkpoint is written under a temporary name and renamed, so that a
killed run always leaves a whole one; it is refused where a number in it is not finite, so that no good one is lost.
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
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tqdm.auto import tqdm

from munet.errors import RequestError
from munet.training.stopping import Stopping
from munet.training.watch import LossWatch

LAST_SAVE_SECONDS = 10.0  # kept for the last save of a run with a time limit, until a save has been measured


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
        decay: last share of the training in which the learning rate falls to zero; 0 keeps it.
        begin: wall seconds of earlier runs that this budget does not count.

    Raises:
        RequestError: a value out of range, by name.
    """

    steps: int
    seconds: float | None = None
    warmup: int = 200
    decay: float = 0.3
    begin: float = 0.0

    def __post_init__(self) -> None:
        whole = not isinstance(self.steps, bool) and isinstance(self.steps, int)
        if not whole or self.steps < 1:
            raise RequestError(f"budget.steps: expected an integer of at least 1, got {self.steps!r}")
        if self.seconds is not None and not self.seconds > 0:
            raise RequestError(f"budget.seconds: expected seconds above 0 or null, got {self.seconds!r}")
        if self.warmup < 0:
            raise RequestError(f"budget.warmup: expected steps of at least 0, got {self.warmup!r}")
        if not 0 <= self.decay <= 1:
            raise RequestError(f"budget.decay: expected a share from 0 to 1, got {self.decay!r}")

    def fraction(self, progress: Progress) -> float:
        """Share of the training that is done, in [0, 1]."""
        by_time = (progress.seconds - self.begin) / self.seconds if self.seconds else 0.0
        return min(1.0, max(progress.step / self.steps, by_time))

    def learning_rate(self, progress: Progress, peak: float) -> float:
        """Learning rate for the next step: linear warm-up, constant, linear decay (Hägele et al., 2024)."""
        warmup = min(1.0, (progress.step + 1) / max(self.warmup, 1))
        left = 1.0 - self.fraction(progress)
        return peak * warmup * (min(1.0, left / self.decay) if self.decay else 1.0)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Write `learning_rate` into every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def signal_to_noise(alphas_cumprod: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
    """Signal-to-noise ratio `(batch,)` at `timesteps` `(batch,)`."""
    alpha = alphas_cumprod.to(timesteps.device)[timesteps].float()
    return alpha / (1 - alpha)


def min_snr_weights(
    snr: torch.Tensor, gamma: float | None, prediction_type: str = "v_prediction", least: float = 0.0
) -> torch.Tensor:
    """Loss weights `(batch,)` of Hang et al. 2023 (Min-SNR), all ones for gamma None.

    `v_prediction` divides min(SNR, gamma) by SNR + 1, as the paper derives; `epsilon` divides by SNR, which is what the
    published Mustango training does although its target is the velocity.

    Args:
        snr: signal-to-noise ratios, `(batch,)`.
        gamma: ratio above which the weight no longer rises.
        prediction_type: "v_prediction" or "epsilon".
        least: ratio that velocities count with at least. Their weights vanish with the ratio, so that a schedule which
            ends in pure noise would never learn the step that sampling begins with.

    Raises:
        RequestError: an unknown prediction type.
    """
    if gamma is None:
        return torch.ones_like(snr)
    if prediction_type not in ("v_prediction", "epsilon"):
        raise RequestError(f"prediction_type: expected 'v_prediction' or 'epsilon', got {prediction_type!r}")
    if prediction_type == "epsilon":
        return snr.clamp_max(gamma) / snr
    return snr.clamp(least, gamma) / (snr + 1)


def check_weighting(alphas_cumprod: torch.Tensor, gamma: float | None, prediction_type: str) -> None:
    """Refuse weights that are 0 / 0 where the schedule ends in pure noise.

    Raises:
        RequestError: `epsilon` weights with a schedule whose last signal-to-noise ratio is zero; or see
            `min_snr_weights`.
    """
    last = min_snr_weights(signal_to_noise(alphas_cumprod.cpu(), torch.tensor([-1])), gamma, prediction_type)
    if not torch.isfinite(last).all():
        raise RequestError(
            f"snr_weighting: expected 'v_prediction' with a schedule that ends in pure noise, got {prediction_type!r}"
        )


def drawn_timesteps(uniform: torch.Tensor, count: int, shift: float = 1.0) -> torch.Tensor:
    """Timesteps `(batch,)` out of `count` from uniform draws in [0, 1), more of them late the larger the shift.

    A draw u becomes s u / (1 + (s - 1) u) of the schedule (Esser et al., 2024, section 5.3.2): a shift of 1 leaves it,
    and with 4 half of the draws lie in the noisiest fifth.
    """
    return (count * shift * uniform / (1 + (shift - 1) * uniform)).long().clamp_max(count - 1)


def weighted_mse(
    prediction: torch.Tensor, target: torch.Tensor, weights: torch.Tensor, counted: torch.Tensor | None = None
) -> torch.Tensor:
    """Squared error averaged over each row, times `weights` `(batch,)`, averaged over the batch.

    Args:
        prediction, target: `(batch, ...)`; with `counted` `(batch, channels, frames, ...)`.
        weights: `(batch,)`.
        counted: which frames count, `(batch, frames)`; None for all.
    """
    error = (prediction.float() - target.float()).pow(2)
    if counted is None:
        return (error.flatten(1).mean(dim=1) * weights).mean()
    frames = error.transpose(1, 2).flatten(2).mean(dim=2) * counted
    return (frames.sum(dim=1) / counted.sum(dim=1).clamp_min(1) * weights).mean()


def velocity_loss(
    predict: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    latents: torch.Tensor,
    noise: torch.Tensor,
    timesteps: torch.Tensor,
    alphas_cumprod: torch.Tensor,
    snr_gamma: float | None = 5.0,
    snr_weighting: str = "v_prediction",
    counted: torch.Tensor | None = None,
    least_snr: float = 0.0,
) -> torch.Tensor:
    """Weighted squared error against the velocity (Salimans and Ho, 2022), a number.

    Args:
        predict: noisy latents and timesteps -> the predicted velocity, shaped as the latents.
        latents: `(batch, ...)`, clean.
        noise: the noise to add, shaped as the latents.
        timesteps: `(batch,)`.
        alphas_cumprod: of the noise schedule, `(timesteps in all,)`.
        snr_gamma, snr_weighting, least_snr: see `min_snr_weights`; "epsilon" is the published training.
        counted: which frames count, see `weighted_mse`.
    """
    shape = (-1, *[1] * (latents.ndim - 1))
    signal = alphas_cumprod.to(timesteps.device)[timesteps]
    alpha, sigma = signal.sqrt().view(shape), (1 - signal).sqrt().view(shape)
    prediction = predict(alpha * latents + sigma * noise, timesteps)
    weights = min_snr_weights(signal_to_noise(alphas_cumprod, timesteps), snr_gamma, snr_weighting, least_snr)
    return weighted_mse(prediction, alpha * noise - sigma * latents, weights, counted)


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
    """Write `run/latest` whole or not at all; what it was becomes `run/previous`.

    Args:
        run: the run's folder.
        progress: steps and seconds so far.
        tensors: optimizer, average and similar state, flat names.
        save_models: writes the model folders below the path that it is given.

    Raises:
        FloatingPointError: a number is not finite; nothing is written.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise FloatingPointError(
                f"checkpoint: expected finite numbers, got others in {name} at step {progress.step}"
            )
    fresh, latest, previous = run / "latest.new", run / "latest", run / "previous"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    save_models(fresh)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, fresh / "training_state.safetensors")
    (fresh / "training_state.json").write_text(json.dumps(asdict(progress)))
    if latest.exists():
        shutil.rmtree(previous, ignore_errors=True)
        latest.rename(previous)
    fresh.rename(latest)
    return latest


def load_checkpoint(run: Path) -> tuple[Path, Progress, dict[str, torch.Tensor]] | None:
    """The newest whole checkpoint of a run: its folder, progress and tensors; None where there is none.

    A damaged one is named on the way to the one before it.

    Raises:
        RequestError: there are checkpoints, and all of them are damaged.
    """
    damaged = ""
    for folder in (run / "latest", run / "previous", run / "latest.new"):
        if not (folder / "training_state.json").is_file():
            continue
        try:
            progress = Progress(**json.loads((folder / "training_state.json").read_text()))
            return folder, progress, load_file(folder / "training_state.safetensors")
        except (SafetensorError, OSError, ValueError, TypeError) as error:
            damaged = f"expected a whole training state, got {str(folder / 'training_state.safetensors')!r} ({error})"
            print(f"run: {damaged}; trying the checkpoint before it")
    if damaged:
        raise RequestError(f"run: {damaged} and no whole one before it; remove {str(run)!r} to begin anew")
    return None


class Log:
    """A CSV of numbers per step, with the rate since the last line; a resumed run goes on in the same file.

    Args:
        path: of the file; None for a process that only checks the numbers.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.fields: list[str] | None = None
        self.clock = time.monotonic()

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Append one line; tensors are not accepted, so that logging never hides a device synchronisation."""
        now = time.monotonic()
        row = {"step": step, "seconds": round(now - self.clock, 2), **{k: float(f"{v:.5g}") for k, v in values.items()}}
        self.clock = now
        if self.path is not None:
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
    report: Callable[[int, float], str] | None = None,
    agree: Callable[[float], float] | None = None,
    report_seconds: float = 30.0,
    closing_seconds: float = 0.0,
) -> None:
    """Repeat `step` until the budget or this run's time is used up; checkpoints on the way and at the end.

    Ctrl-C or SIGTERM ends it after the step that runs, with a checkpoint.

    Args:
        name: shown at the progress bar.
        budget: when the training ends.
        progress: counted on from where it stands.
        log: gets what `step` returns, every 100 steps.
        step: does one optimizer step; what it returns must be finite.
        save: writes a checkpoint.
        checkpoint_seconds: wall seconds from checkpoint to checkpoint.
        run_seconds: wall seconds after which this run has stopped, its last checkpoint written; None for no limit.
        report: (steps since the last report, seconds since) -> what to say beside step and loss.
        agree: makes the clocks of several processes one.
        report_seconds: wall seconds from report to report; the first comes after the first step.
        closing_seconds: what `save` takes beside writing, as far as is known before the first time.

    Raises:
        FloatingPointError: a loss that is not finite; the last checkpoint stays.
        KeyboardInterrupt: it was told to stop.
    """
    started = time.monotonic()
    before, saved, said, said_step, slowest = progress.seconds, started, started - report_seconds, progress.step, 0.0
    reserve = closing_seconds + (
        LAST_SAVE_SECONDS if run_seconds is None else min(LAST_SAVE_SECONDS, 0.1 * run_seconds)
    )
    watch = LossWatch()
    bar = tqdm(total=budget.steps, initial=progress.step, desc=name, unit="step", mininterval=5, disable=None)
    with Stopping() as stopping:
        while budget.fraction(progress) < 1:
            begun = time.monotonic()
            values = step()
            progress.step += 1
            elapsed = time.monotonic() - started
            slowest = max(slowest, started + elapsed - begun)
            elapsed = elapsed if agree is None else agree(elapsed)
            progress.seconds = before + elapsed
            watch.check(progress.step, values)
            bar.update()
            if progress.step % 100 == 0:
                log.write(progress.step, {key: value.item() for key, value in values.items()})
            if report is not None and elapsed - (said - started) > report_seconds:
                left = _seconds_left(budget, progress, run_seconds, elapsed)
                rate = report(progress.step - said_step, min(elapsed, elapsed - (said - started)))
                loss = f" loss {values['loss'].item():.4f}" if "loss" in values else ""
                bar.write(f"{name}: step {progress.step}{loss}, {rate}, {left}")
                said, said_step = started + elapsed, progress.step
            if elapsed - (saved - started) > checkpoint_seconds:
                watch.close()
                begun = time.monotonic()
                save()
                reserve = 2 * (time.monotonic() - begun) + 1
                saved = started + elapsed
            if run_seconds is not None and elapsed + slowest + reserve > run_seconds:
                break
            if stopping.asked if agree is None else agree(float(stopping.asked)):
                break
    bar.close()
    watch.close()
    save()
    stopping.end(name, progress.step)


def _seconds_left(budget: Budget, progress: Progress, run_seconds: float | None, elapsed: float) -> str:
    limits = [] if run_seconds is None else [run_seconds - elapsed]
    if budget.seconds:
        limits.append(budget.seconds + budget.begin - progress.seconds)
    if not limits:
        return f"{budget.steps - progress.step} steps left"
    left = max(0, round(min(limits)))
    return f"{left // 60}:{left % 60:02d} left"
