"""Training of the published model's predictors: DeBERTa, which reads beats from a prompt, and T5, which writes chords
(`munet.published`; Mustango, Melechovsky et al., NAACL 2024, trains both on MusicBench's captions and labels).

A row is a prompt and the plan of its clip. Beats: the first token's class is the metre, the tokens' values are the
seconds from beat to beat; one interval behind the last beat leads out of the clip, so that the decoding ends there.
Chords: the text that the predictor reads holds the prompt and the beats, the text that it learns to write the chords.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import (
    AutoTokenizer,
    ByT5Tokenizer,
    DebertaV2Config,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    T5Config,
)

from munet.conditions.text import tokenize
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.published.beat_predictor import MAX_PROMPT_TOKENS, NUM_METERS, BeatPredictor
from munet.published.chord_predictor import ChordPredictor, chord_prompt
from munet.published.predictor import MAX_CHORDS
from munet.training.hardware import training_device, training_precision
from munet.training.loop import (
    LAST_SAVE_SECONDS,
    Budget,
    Log,
    Progress,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    run_training,
    save_checkpoint,
    set_learning_rate,
)

SECONDS = 10.0  # of the clips that the published predictors know
MAX_CHORD_TOKENS = 128  # that the published decoding writes
IGNORED = -100  # of a target that does not count

Row = tuple[str, MusicPlan]


@dataclass(frozen=True)
class PredictorTraining:
    """Settings of one training of a predictor.

    Attributes:
        out: folder of the run.
        budget: steps or seconds, warm-up, decay.
        start: folder or Hub id of the weights to start from, None for fresh ones.
        tokenizer: folder or Hub id, None for that of `start`, or bytes where there is none.
        model: fields of the `DebertaV2Config` or `T5Config` of fresh weights.
        batch_size, learning_rate: per optimizer step.
        checkpoint_seconds, run_seconds, window: see `munet.training.settings.MuNetTraining`.
        validation_rows: at most, that the loss is measured on.
        seed: of initialisation and dropout; device, precision: see `munet.training.hardware`.

    Raises:
        RequestError: a value out of range, by name.
    """

    out: str
    budget: Budget
    start: str | None = None
    tokenizer: str | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int = 8
    learning_rate: float = 1e-5
    checkpoint_seconds: float = 300.0
    run_seconds: float | None = None
    window: bool = False
    validation_rows: int = 64
    seed: int = 0
    device: str | None = None
    precision: str = "auto"

    def __post_init__(self) -> None:
        for name in ("batch_size", "validation_rows"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise RequestError(f"{name}: expected an integer of at least 1, got {value!r}")
        if not self.learning_rate > 0:
            raise RequestError(f"learning_rate: expected a number above 0, got {self.learning_rate!r}")
        if self.start is not None and self.model:
            raise RequestError(f"model: expected nothing beside start, which decides it, got {sorted(self.model)}")
        if self.window and self.run_seconds is None:
            raise RequestError("window: expected run_seconds with it, got None")


def usable(kind: str, plan: MusicPlan) -> str | None:
    """Why a plan is nothing to learn from, None where it is.

    Args:
        kind: "beat_predictor" or "chord_predictor".
        plan: of the clip.
    """
    if not plan.beats:
        return "no beats"
    if _meter(plan) > NUM_METERS:
        return f"more than {NUM_METERS} beats in a bar"
    return "no chords" if kind == "chord_predictor" and not plan.chords else None


def _meter(plan: MusicPlan) -> int:
    return plan.meter or max(position for _, position in plan.beats)


def beat_targets(plan: MusicPlan, tokens: int) -> tuple[int, list[float]]:
    """Metre class (0 for one beat in a bar) and intervals in seconds that the first tokens of a prompt should say.

    The intervals lead to the first beat, from beat to beat, and out of the clip; those that no token is left for are
    cut.
    """
    times = [second for second, _ in plan.beats]
    steps = np.diff(times)
    usual = float(np.median(steps)) if len(steps) else 60.0 / (plan.bpm or 120.0)
    beyond = max(usual, (plan.duration or times[-1]) - times[-1])
    return _meter(plan) - 1, [times[0], *map(float, steps), beyond][:tokens]


def chord_target(plan: MusicPlan) -> str:
    """What the chord predictor should write: "C at 0.46 n G at 2.1", at most as many chords as a published plan has."""
    chords = (plan.chords or ())[:MAX_CHORDS]
    return " n ".join(f"{symbol} at {float(np.round(second, 2))}" for symbol, second in chords)


def beat_loss(model: BeatPredictor, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Row]) -> torch.Tensor:
    """Cross entropy of the metre plus the mean absolute error of the intervals (in tenths of a second)."""
    ids, mask = tokenize(tokenizer, [prompt for prompt, _ in rows], MAX_PROMPT_TOKENS, pad_to_longest=True)
    targets = [beat_targets(plan, int(length)) for (_, plan), length in zip(rows, mask.sum(dim=1), strict=True)]
    intervals = torch.full(ids.shape, torch.nan)
    for row, (_, seconds) in enumerate(targets):
        intervals[row, : len(seconds)] = torch.tensor(seconds)
    output = model(ids.to(model.device), attention_mask=mask.to(model.device))
    classes = torch.tensor([meter for meter, _ in targets], device=model.device)
    intervals = intervals.to(model.device)
    counted = ~intervals.isnan()
    error = (output.values.squeeze(-1).float()[counted] - intervals[counted]).abs().mean()
    return functional.cross_entropy(output.logits[:, 0].float(), classes) + 10 * error


def chord_loss(model: ChordPredictor, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Row]) -> torch.Tensor:
    """Cross entropy of the text that says the chords."""
    asked = [chord_prompt(prompt, [second for second, _ in plan.beats], _meter(plan)) for prompt, plan in rows]
    ids, mask = tokenize(tokenizer, asked, MAX_PROMPT_TOKENS, pad_to_longest=True)
    wanted, counted = tokenize(tokenizer, [chord_target(plan) for _, plan in rows], MAX_CHORD_TOKENS, True)
    labels = wanted.masked_fill(~counted, IGNORED).to(model.device)
    return model(
        input_ids=ids.to(model.device), attention_mask=mask.long().to(model.device), labels=labels, use_cache=False
    ).loss.float()


@dataclass(frozen=True)
class _Kind:
    """What differs between the two: the class, its configuration, its loss, the folder of its tokenizer."""

    model: type[PreTrainedModel]
    config: Callable[..., Any]
    loss: Callable[..., torch.Tensor]
    tokenizer: str


KINDS: tuple[tuple[str, _Kind], ...] = (
    ("beat_predictor", _Kind(BeatPredictor, DebertaV2Config, beat_loss, "beat_tokenizer")),
    ("chord_predictor", _Kind(ChordPredictor, T5Config, chord_loss, "tokenizer")),
)


class PredictorTrainer:
    """Model, tokenizer, optimizer and progress of one run; resumes from the run's folder.

    Args:
        name: "beat_predictor" or "chord_predictor"; the checkpoint holds folders of the names that the pipeline has.
        settings: of the run.

    Raises:
        RequestError: there are no such weights, or no such tokenizer.
    """

    def __init__(self, name: str, settings: PredictorTraining) -> None:
        self.name, self.settings, self.kind = name, settings, dict(KINDS)[name]
        self.out, self.began, self.budget = Path(settings.out), time.monotonic(), settings.budget
        self.out.mkdir(parents=True, exist_ok=True)
        self.device = training_device(settings.device)
        self.dtype, self.why = training_precision(self.device, settings.precision)
        torch.manual_seed(settings.seed)
        found = load_checkpoint(self.out)
        self.progress = Progress() if found is None else found[1]
        self.model, self.tokenizer = self._load(None if found is None else found[0])
        self.model.to(self.device).train()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), settings.learning_rate, weight_decay=1e-2)
        if found is not None:
            restore_optimizer("optimizer", self.optimizer, found[2])
        self.first: float | None = None

    def _load(self, checkpoint: Path | None) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        settings, extra = self.settings, {"tie_word_embeddings": False} if self.name == "chord_predictor" else {}
        start = settings.start if checkpoint is None else str(checkpoint / self.name)
        words = settings.tokenizer or settings.start
        words = words if checkpoint is None else str(checkpoint / self.kind.tokenizer)
        try:
            tokenizer = ByT5Tokenizer(extra_ids=0) if words is None else AutoTokenizer.from_pretrained(words)
            if start is None:
                return self.kind.model(
                    self.kind.config(**{"vocab_size": len(tokenizer)} | dict(settings.model) | extra)
                ), tokenizer
            return self.kind.model.from_pretrained(start, dtype=torch.float32, **extra), tokenizer
        except OSError as error:
            raise RequestError(
                f"start: expected a folder or a reachable Hub id, got {start or words!r}: {error}"
            ) from error

    def loss(self, rows: Sequence[Row]) -> torch.Tensor:
        """Loss of some rows."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            return self.kind.loss(self.model, self.tokenizer, rows)

    @torch.no_grad()
    def measure(self, rows: Sequence[Row]) -> float:
        """Mean loss of rows that the training does not see."""
        size = self.settings.batch_size
        self.model.eval()
        total = sum(
            self.loss(rows[at : at + size]).item() * len(rows[at : at + size]) for at in range(0, len(rows), size)
        )
        self.model.train()
        return total / len(rows)

    def train(self, batches: Iterator[Sequence[Row]], held_back: Sequence[Row] = ()) -> Path:
        """Train on batches of rows until the budget or this run's time is used up; returns the newest checkpoint.

        Args:
            batches: endless.
            held_back: rows to measure on.
        """
        settings, held_back = self.settings, held_back[: self.settings.validation_rows]
        began = time.monotonic()
        self._say(held_back)
        closing = 1.2 * (time.monotonic() - began) if held_back else 0.0
        left = None if settings.run_seconds is None else settings.run_seconds - (time.monotonic() - self.began)
        if settings.window and left is not None:
            reserve = min(LAST_SAVE_SECONDS, 0.1 * left) + closing
            self.budget = replace(self.budget, seconds=max(left - reserve, 1e-3), begin=self.progress.seconds)

        def step() -> dict[str, torch.Tensor]:
            loss = self.loss(next(batches))
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            set_learning_rate(self.optimizer, self.budget.learning_rate(self.progress, settings.learning_rate))
            self.optimizer.step()
            return {"loss": loss.detach(), "norm": norm}

        def save() -> None:
            self.save()
            self._say(held_back)

        def report(steps: int, seconds: float) -> str:
            return f"{steps * settings.batch_size / seconds:,.1f} rows/s"

        run_training(
            self.name, self.budget, self.progress, Log(self.out / "log.csv"), step, save, settings.checkpoint_seconds,
            left, report, closing_seconds=closing,
        )  # fmt: skip
        return self.out / "latest"

    def _say(self, held_back: Sequence[Row]) -> None:
        if not held_back:
            return
        loss = self.measure(held_back)
        before = "" if self.first is None else f" ({self.first:.4f} at the start of this run)"
        self.first = loss if self.first is None else self.first
        print(f"{self.name}: validation loss {loss:.4f} at step {self.progress.step}{before}", flush=True)

    def save(self) -> None:
        """Write the run's checkpoint: the predictor's and its tokenizer's folders, and what resuming needs."""

        def models(folder: Path) -> None:
            self.model.save_pretrained(folder / self.name)
            self.tokenizer.save_pretrained(folder / self.kind.tokenizer)

        save_checkpoint(self.out, self.progress, optimizer_tensors("optimizer", self.optimizer), models)
