"""Training of the judge on composed pieces: `python -m augmentation train-judge --out DIR --minutes 10`.

Pieces are composed and rendered by worker processes while the network learns. Rendering is what costs, so batches can
be learned again: disturbed anew, and two pieces played at once in place of one. The run is resumed from its folder.
Thresholds are set on pieces that training does not see, for what `Arrangement.presence` tells of a whole clip, where
each class has nearly the best F1.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from augmentation.compose.composer import Piece, compose
from augmentation.compose.renderer import render
from augmentation.compose.styles import STYLES
from augmentation.hearing.judge import Arrangement, Judge, resampled
from augmentation.training_data import drawn_players
from augmentation.workers import end_with_parent
from munet.files import atomic_path
from munet.music.instruments import CLASS_OF
from munet.precision import native_precision

SECONDS = 10
RENDER_RATE = 44100  # Hz
FIRST_TRAINING_SEED = 2_000_000  # far from the seeds that are held back for measuring
SEEDS_OF_A_RUN = 100_000  # runs of another seed see other pieces
SAVE_SECONDS = 300  # of training that a run which is cut off loses at most
STYLE_WEIGHT, SMOOTHING = 0.1, 0.1  # of the style's cross-entropy: players share theirs, styles are alike
LOUDER, TOGETHER = 4.0, 0.4  # decibels by which one of two pieces at once may be louder, and how many rows are two
NEARLY = 0.02  # of F1 that a surer threshold may cost
VALIDATION_SEEDS = range(985_000, 985_400)
CLEARLY, HARDLY = 0.15 - 1e-6, 0.02  # seconds of sound within a second: a class that plays, and one that does not
DILATIONS = (1, 2, 4)  # of a new judge's layers over time: five seconds of context, in which bars repeat
Example = tuple[torch.Tensor, torch.Tensor, torch.Tensor, int]


@dataclass(frozen=True)
class JudgeTraining:
    """Settings of a run.

    Attributes:
        out: folder of the run.
        minutes: wall minutes of this run.
        batch_size, learning_rate: per step, the rate at its peak.
        workers: processes that render; seed: of pieces and weights.
        validation: pieces that the thresholds are set on.
        replays: steps on earlier batches after each new one.
        memory: batches to draw them from.
        any_players: share of the pieces whose players are drawn whatever the style: classes that no style has often
            become as common as the others, and no style gives its players away.
        fewer_players: share of the pieces in which only some of the players play, so that none gives others away.
    """

    out: str
    minutes: float
    batch_size: int = 32
    learning_rate: float = 2e-3
    workers: int = 1
    seed: int = 0
    validation: int = 200
    replays: int = 0
    memory: int = 200
    any_players: float = 0.0
    fewer_players: float = 0.0


def players(piece: Piece, instruments: Sequence[str], seconds: int = SECONDS) -> tuple[np.ndarray, np.ndarray]:
    """Return who plays `(classes, seconds)`, 0 or 1, and whether that is clear enough to be learned, of the same shape.

    A class plays in a second that holds 0.15 s of its notes, or a stroke of its drums; between 0.02 and 0.15 s is left
    open.
    """
    sounding = np.zeros((len(instruments), seconds))
    for track in piece.tracks:
        kind = "drums" if track.is_drum else CLASS_OF.get(track.name)
        if kind not in instruments:
            continue
        row = sounding[list(instruments).index(kind)]
        for note in track.notes:
            length = max(note.duration, 0.15) if track.is_drum else note.duration
            for second in range(int(note.start), min(seconds, int(note.start + length) + 1)):
                row[second] += max(0.0, min(note.start + length, second + 1) - max(note.start, second))
    return (sounding >= CLEARLY).astype(np.float32), ((sounding >= CLEARLY) | (sounding <= HARDLY)).astype(np.float32)


def example(seed: int, judge_config: Any, any_players: float = 0.0, fewer_players: float = 0.0) -> Example:
    """Return mono sound `(samples,)`, who plays, how clear that is, and the index of the style, of one piece.

    With the probabilities `any_players` and `fewer_players` the players are drawn, or some are left out, see
    `JudgeTraining`.
    """
    rng = np.random.default_rng((seed, 6))
    drawn, fewer = rng.random() < any_players, rng.random() < fewer_players
    piece = compose(seed, plan=drawn_players(seed) if drawn else None, duration=float(SECONDS))
    if fewer and len(piece.tracks) > 1:
        kept = rng.permutation(len(piece.tracks))[: rng.integers(1, len(piece.tracks))]
        piece = replace(piece, tracks=tuple(piece.tracks[index] for index in sorted(kept)))
    audio = render(piece, RENDER_RATE).mean(axis=0)
    sound = resampled(audio, RENDER_RATE, judge_config.sample_rate)[: SECONDS * judge_config.sample_rate]
    present, clear = players(piece, judge_config.instruments)
    style = list(judge_config.styles).index(piece.style)
    return torch.from_numpy(sound), torch.from_numpy(present), torch.from_numpy(clear), style


class Pieces(IterableDataset[Example]):
    """Examples without end, each seed once over all workers; for the shares see `JudgeTraining`."""

    def __init__(
        self, judge_config: Any, first_seed: int, any_players: float = 0.0, fewer_players: float = 0.0
    ) -> None:
        self.config, self.first, self.shares = judge_config, first_seed, (any_players, fewer_players)

    def __iter__(self) -> Iterator[Example]:
        worker = get_worker_info()
        start, step = (worker.id, worker.num_workers) if worker else (0, 1)
        torch.set_num_threads(1)
        seed = self.first + start
        while True:
            yield example(seed, self.config, *self.shares)
            seed += step


def _begin(_: int) -> None:
    """Keep a worker process to the life of the training."""
    end_with_parent()


def together(batch: Sequence[torch.Tensor], generator: torch.Generator) -> list[torch.Tensor]:
    """Return a batch in which `TOGETHER` of the rows are two pieces at once; the style stays the first one's.

    A class that is clear to play in one of them is clear; one that is not there must be clear to be missing in both.
    """
    sound, present, clear, style = batch
    device, count = sound.device, len(sound)
    other = torch.randperm(count, generator=generator, device=device)
    taken = torch.rand(count, generator=generator, device=device) < TOGETHER
    decibels = LOUDER * (2 * torch.rand(count, 1, generator=generator, device=device) - 1)
    mixed = sound + 10 ** (decibels / 20) * sound[other]
    plays = torch.maximum(present, present[other])
    sure = torch.maximum(torch.minimum(clear, clear[other]), torch.maximum(present * clear, (present * clear)[other]))
    pick = taken[:, None, None]
    return [
        torch.where(taken[:, None], mixed, sound),
        torch.where(pick, plays, present),
        torch.where(pick, sure, clear),
        style,
    ]


def disturbed(spectrum: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return spectra as other rooms, codecs and microphones would give them: tilted, shifted, noisy, blurred."""
    batch, _, bins = spectrum.shape

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, device=spectrum.device)

    tilt = draw(batch, 1, 1) * 0.5 * torch.linspace(-1, 1, bins, device=spectrum.device) + 0.2 * draw(batch, 1, 1)
    noisy = torch.logaddexp(spectrum + tilt, spectrum.amin(dim=(1, 2), keepdim=True) + 0.5 * draw(batch, 1, 1).abs())
    blurred = F.avg_pool1d(noisy.transpose(1, 2), 3, 1, 1).transpose(1, 2)
    mixed = torch.where(draw(batch, 1, 1) > 0.5, blurred, noisy)
    return mixed + 0.1 * draw(*spectrum.shape)


class JudgeTrainer:
    """Network, optimizer and how far they are; resumes from the folder of the run.

    Args:
        settings: of the run.
        judge: the network to train, or to go on with.
        device: where.
    """

    def __init__(self, settings: JudgeTraining, judge: Judge, device: str = "cpu") -> None:
        self.settings, self.out = settings, Path(settings.out)
        self.device = torch.device(device)
        self.dtype = native_precision(self.device)[0]
        self.judge = judge.to(self.device, memory_format=torch.channels_last).train()
        self.optimizer = torch.optim.AdamW(self.judge.parameters(), lr=settings.learning_rate, weight_decay=1e-2)
        self.generator = torch.Generator(self.device).manual_seed(settings.seed)
        self.seen = 0
        state = self.out / "training_state.safetensors"
        if state.is_file():
            tensors = load_file(state)
            self.seen = int(tensors.pop("seen"))
            self.judge.load_state_dict(tensors)

    def loss(self, batch: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the loss of one batch: cross-entropy of players that are clear, and a little of that of the style."""
        sound, present, clear, style = (part.to(self.device) for part in batch)
        with torch.no_grad():
            spectrum = disturbed(self.judge.spectrum(sound), self.generator)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            logits, styles = self.judge(spectrum, present.shape[-1])
        each = F.binary_cross_entropy_with_logits(logits.float(), present, reduction="none")
        players_loss = (each * clear).sum() / clear.sum().clamp_min(1)
        return players_loss + STYLE_WEIGHT * F.cross_entropy(styles.float(), style, label_smoothing=SMOOTHING)

    def step(self, batch: Sequence[torch.Tensor]) -> float:
        """Do one optimizer step; return the loss."""
        loss = self.loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.judge.parameters(), 1.0)
        self.optimizer.step()
        return loss.item()

    def train(self, say: Callable[[str], None] = print) -> None:
        """Learn until this run's minutes are over; a tenth of them is kept for saving and setting thresholds."""
        settings, started = self.settings, time.monotonic()
        torch.manual_seed(settings.seed + self.seen)
        budget = settings.minutes * 60 * 0.9
        first = FIRST_TRAINING_SEED + SEEDS_OF_A_RUN * settings.seed + self.seen
        pieces = Pieces(self.judge.config, first, settings.any_players, settings.fewer_players)
        start = {"multiprocessing_context": "forkserver", "worker_init_fn": _begin} if settings.workers else {}
        loader = DataLoader(pieces, settings.batch_size, num_workers=settings.workers, **start)
        memory: deque[list[torch.Tensor]] = deque(maxlen=settings.memory)
        choice = np.random.default_rng(settings.seed + self.seen)
        smooth, told, saved, before = None, started, started, self.seen
        for batch in loader:
            share = min(1.0, (time.monotonic() - started) / budget)
            for group in self.optimizer.param_groups:
                group["lr"] = settings.learning_rate * min(1.0, 1.05 - share)
            loss = self.step(batch)
            self.seen += len(batch[0])
            smooth = loss if smooth is None else 0.95 * smooth + 0.05 * loss
            memory.append([part.to(self.device) for part in batch])
            for index in choice.choice(len(memory), min(settings.replays, len(memory)), replace=False):
                self.step(together(memory[index], self.generator))
            if time.monotonic() - told > 20:
                told = time.monotonic()
                rate = (self.seen - before) / (told - started)
                say(f"judge: {self.seen} pieces, loss {smooth:.4f}, {rate:.1f} pieces/s")
            if time.monotonic() - saved > SAVE_SECONDS:
                self.save()
                saved = time.monotonic()
            if share >= 1.0:
                break
        self.save()

    def save(self) -> None:
        """Write the network and what resuming needs, whole or not at all.

        Raises:
            FloatingPointError: a weight is not finite; what was saved before stays.
        """
        tensors = {name: tensor.cpu().contiguous() for name, tensor in self.judge.state_dict().items()}
        if not all(tensor.isfinite().all() for tensor in tensors.values()):
            raise FloatingPointError("judge: a weight is not finite, nothing was saved")
        self.out.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.out / "training_state.safetensors") as partial:
            save_file({**tensors, "seen": torch.tensor(self.seen)}, partial)
        with atomic_path(self.out / "judge") as partial:
            self.judge.save_pretrained(partial)


@torch.no_grad()
def measure(judge: Judge, seeds: Sequence[int]) -> dict[str, Any]:
    """Return how well a judge knows the pieces of some seeds, and thresholds of nearly the best F1 for each class.

    What counts is `Arrangement.presence`: whether a class is heard anywhere in a clip. Pieces in which it plays
    for less than a clear second are left out for that class.

    Returns:
        thresholds: one per class; recall, false_alarms, precision: class -> share at these thresholds; style: share of
        the pieces whose style is found; pieces: their number.
    """
    judge.eval()
    heard, truth, right = [], [], []
    for seed in seeds:
        sound, present, clear, style = example(seed, judge.config)
        logits, styles = judge(judge.spectrum(sound[None].to(judge.device)), present.shape[-1])
        rows = dict(zip(judge.config.instruments, logits[0].float().sigmoid().cpu().numpy(), strict=True))
        heard.append(list(Arrangement(rows, {}).presence().values()))
        plays = (present * clear).amax(dim=1)
        truth.append(torch.where(plays > 0, 1.0, torch.where(clear.amin(dim=1) > 0, 0.0, torch.nan)).numpy())
        right.append(int(styles[0].argmax()) == style)
    figures = [best_threshold(*columns) for columns in zip(np.array(heard).T, np.array(truth).T, strict=True)]
    named = dict(zip(judge.config.instruments, figures, strict=True))
    return {
        "thresholds": [row["threshold"] for row in figures],
        **{kind: {name: row[kind] for name, row in named.items()} for kind in ("recall", "false_alarms", "precision")},
        "style": float(np.mean(right)),
        "pieces": len(seeds),
    }


def best_threshold(heard: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return the highest threshold whose F1 is nearly the best, and recall, false alarms and precision there.

    F1 hardly changes over a wide range, for what plays often above all; there who is not surely heard is not heard.

    Args:
        heard: probabilities `(pieces,)`.
        truth: 1, 0, or NaN where it is not clear, `(pieces,)`.
    """
    yes, no = heard[truth == 1], heard[truth == 0]
    grid = np.linspace(0.02, 0.98, 97)
    hits, alarms = (np.array([(part >= t).sum() for t in grid]) for part in (yes, no))
    scores = 2 * hits / np.maximum(1, hits + alarms + len(yes))
    best = int(np.flatnonzero(scores >= scores.max() - NEARLY)[-1]) if len(yes) else len(grid) // 2
    return {
        "threshold": round(float(grid[best]), 3),
        "recall": float(hits[best] / max(1, len(yes))),
        "false_alarms": float(alarms[best] / max(1, len(no))),
        "precision": float(hits[best] / max(1, hits[best] + alarms[best])),
    }


def train_judge(settings: JudgeTraining, device: str = "cpu", start: Path | None = None) -> dict[str, Any]:
    """Train a judge, set its thresholds and write it to `settings.out / "judge"`; return its figures (see `measure`).

    Args:
        settings: of the run.
        device: where the network learns.
        start: folder of a judge to go on from, None for a fresh one.
    """
    torch.manual_seed(settings.seed)
    if start is None:
        judge = Judge(sorted(STYLES), dilations=DILATIONS)
    else:
        judge = Judge.from_pretrained(start, torch_dtype=torch.float32)
    trainer = JudgeTrainer(settings, judge, device)
    trainer.train()
    figures = measure(trainer.judge, VALIDATION_SEEDS[: settings.validation])
    trainer.judge.register_to_config(thresholds=figures["thresholds"])
    trainer.save()
    return figures
