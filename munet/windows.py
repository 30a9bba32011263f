"""Pieces of any length: windows over the latents that are denoised together.

A long piece is one noise field on which overlapping windows lie. At every step each window is predicted by itself, with
the conditions of its own stretch, and where windows overlap their predictions are averaged with weights that fall off
towards a window's ends (MultiDiffusion, Bar-Tal et al., 2023). Windows that share no frame do not know each other, so
the first ones may run ahead: a window is predicted as soon as all its frames have reached its step. The result is that
of all windows in lockstep, but the first frames are finished after the first windows, and memory stays flat.

A circle of windows has no ends: the last one runs into the first, and so does the music.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch


@dataclass(frozen=True)
class Windows:
    """Overlapping windows over `frames` frames.

    Args:
        frames: length of the piece.
        length: frames of a window.
        starts: first frame of each window, ascending.
        circular: whether frame `frames` is frame 0 again.
    """

    frames: int
    length: int
    starts: tuple[int, ...]
    circular: bool = False

    @classmethod
    def over(cls, frames: int, length: int, hop: int, circular: bool = False) -> Windows:
        """Lay windows of at most `length` frames and about `hop` frames apart over a piece.

        A piece that fits into one window gets one; a circle gets at least two, so that the seam of each lies in the
        middle of another.

        Raises:
            ValueError: `hop` outside 1 to `length`, or no frames.
        """
        if not 1 <= hop <= length:
            raise ValueError(f"hop: expected frames from 1 to {length}, got {hop!r}")
        if frames < 1:
            raise ValueError(f"frames: expected at least 1, got {frames!r}")
        if circular:
            count = max(2, math.ceil(frames / hop))
            starts = tuple(dict.fromkeys(round(i * frames / count) for i in range(count)))
            return cls(frames, min(length, frames), starts, True)
        if frames <= length:
            return cls(frames, frames, (0,))
        return cls(frames, length, _spaced(0, frames, length, hop))

    @classmethod
    def where(cls, wanted: torch.Tensor, length: int, hop: int) -> Windows:
        """Lay windows of at most `length` frames over the wanted frames and what is around them, and nowhere else.

        A stretch of wanted frames that leaves room in one window lies in its middle; a longer one has `length - hop`
        frames, the overlap, before its beginning and after its end.

        Args:
            wanted: `(frames,)`, True for at least one frame of the piece.
            length, hop: see `over`.

        Raises:
            ValueError: `hop` outside 1 to `length`, or nothing is wanted.
        """
        if not 1 <= hop <= length:
            raise ValueError(f"hop: expected frames from 1 to {length}, got {hop!r}")
        places = wanted.nonzero()[:, 0].tolist()
        if not places:
            raise ValueError("wanted: expected at least one frame, got none")
        frames, context = len(wanted), length - hop
        length = min(length, frames)
        stretches = [[places[0], places[0] + 1]]
        for place in places[1:]:
            if place - stretches[-1][1] < length:  # so near that windows over both would meet
                stretches[-1][1] = place + 1
            else:
                stretches.append([place, place + 1])
        starts: set[int] = set()
        for first, last in stretches:
            if last - first + 2 * context <= length:
                starts.add(min(max(0, (first + last - length) // 2), frames - length))
            else:
                low = max(0, min(first - context, frames - length))
                starts |= set(_spaced(low, max(low + length, min(frames, last + context)), length, hop))
        return cls(frames, length, tuple(sorted(starts)))

    def frames_of(self, window: int) -> torch.Tensor:
        """Return the frames `(length,)` under one window."""
        return (self.starts[window] + torch.arange(self.length)) % self.frames

    def weights(self) -> torch.Tensor:
        """Return the share `(windows, length)` that each window has in its frames; over all windows they sum to 1.

        A window's share falls off linearly towards its ends, where another window takes over.
        """
        ramp = torch.minimum(torch.arange(self.length) + 1, self.length - torch.arange(self.length)).float()
        total = torch.zeros(self.frames)
        for window in range(len(self.starts)):
            total.index_add_(0, self.frames_of(window), ramp)
        return torch.stack([ramp / total[self.frames_of(window)] for window in range(len(self.starts))])

    def segments(self) -> list[tuple[torch.Tensor, tuple[int, ...]]]:
        """Return the stretches of frames under windows, each with the windows that lie over all of it."""
        edges = {0, self.frames}
        for start in self.starts:
            edges |= {start, (start + self.length) % self.frames if self.circular else start + self.length}
        found = []
        for start, end in pairwise(sorted(edges)):
            covering = tuple(
                window
                for window in range(len(self.starts))
                if (start - self.starts[window]) % self.frames < self.length
            )
            if covering:
                found.append((torch.arange(start, end), covering))
        return found

    def covered(self) -> torch.Tensor:
        """Return which frames `(frames,)` lie under a window."""
        mask = torch.zeros(self.frames, dtype=torch.bool)
        for window in range(len(self.starts)):
            mask[self.frames_of(window)] = True
        return mask


def _spaced(low: int, high: int, length: int, hop: int) -> tuple[int, ...]:
    """Return starts of windows of `length`, about `hop` apart, the first at `low` and the last ending at `high`."""
    room = high - low - length
    count = 1 + math.ceil(room / hop)
    return tuple(low + round(i * room / max(1, count - 1)) for i in range(count))


Predict = Callable[[int, torch.Tensor, torch.Tensor], torch.Tensor]
Together = Callable[[Sequence[Callable[[], torch.Tensor]]], Sequence[torch.Tensor]]


def in_turn(functions: Sequence[Callable[[], torch.Tensor]]) -> list[torch.Tensor]:
    """Call functions one after the other."""
    return [function() for function in functions]


def denoise(
    latents: torch.Tensor,
    windows: Windows,
    scheduler: Any,
    predict: Predict,
    *,
    timesteps: torch.Tensor | None = None,
    at_once: int = 1,
    together: Together = in_turn,
    keep: Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor] | None = None,
    **step_options: Any,
) -> Iterator[tuple[int, int, torch.Tensor]]:
    """Denoise a piece window by window.

    Args:
        latents: initial noise `(batch, channels, frames, bins)`; changed in place.
        windows: over its frames.
        scheduler: a diffusers scheduler with timesteps set; every segment gets a copy, since solvers keep state.
        predict: `(window, sample (batch, channels, length, bins), timestep)` -> prediction of that shape; the sample is
            in the scale that the network takes.
        timesteps: those of the scheduler's that are gone through, its last ones; None for all.
        at_once: windows predicted before the next step is taken; they may be at different steps.
        together: calls functions that do not need each other, and returns what they return.
        keep: `(segment (batch, channels, n, bins), frames (n,), steps done)` -> segment, after every step: where known
            frames are put back.
        step_options: passed to `scheduler.step`.

    Yields:
        (evaluations done, evaluations in all, finished frames `(n,)`): the frames are finished from now on, none at
        most evaluations.
    """
    timesteps = scheduler.timesteps if timesteps is None else timesteps
    steps = len(timesteps)
    segments, weights = windows.segments(), windows.weights().to(latents.device)
    solvers = [copy.deepcopy(scheduler) for _ in segments]
    done = [0] * len(segments)  # steps of each segment
    asked = [0] * len(windows.starts)  # steps predicted of each window
    under = [[i for i, (_, covering) in enumerate(segments) if window in covering] for window in range(len(asked))]
    shares: dict[tuple[int, int], torch.Tensor] = {}  # (segment, window) -> weighted prediction, until it is used
    total, count = steps * len(asked), 0

    def position(segment: int, window: int) -> torch.Tensor:
        return (segments[segment][0] - windows.starts[window]) % windows.frames

    while count < total:
        ready = [w for w in range(len(asked)) if asked[w] < steps and all(done[s] == asked[w] for s in under[w])]
        chosen = ready[:at_once]
        evaluations = []
        for window in chosen:
            timestep = timesteps[asked[window]]
            # By the solver of a segment, since some know only from their own steps where they are.
            solver = solvers[under[window][0]]
            sample = solver.scale_model_input(latents[:, :, windows.frames_of(window)], timestep)
            evaluations.append(functools.partial(predict, window, sample, timestep))
        for window, part in zip(chosen, together(evaluations), strict=True):
            asked[window] += 1
            for segment in under[window]:
                place = position(segment, window)
                shares[segment, window] = part[:, :, place] * weights[window, place][:, None].to(part.dtype)
        finished: list[torch.Tensor] = []
        for segment in dict.fromkeys(s for window in chosen for s in under[window]):
            (frames, covering), step = segments[segment], done[segment]
            if any(asked[window] <= step for window in covering):
                continue
            mixed = torch.stack([shares.pop((segment, window)) for window in covering]).sum(dim=0)
            moved = solvers[segment].step(
                mixed, timesteps[step], latents[:, :, frames], return_dict=False, **step_options
            )[0]
            done[segment] += 1
            latents[:, :, frames] = keep(moved, frames, done[segment]) if keep is not None else moved
            if done[segment] == steps:
                finished.append(frames)
        count += len(chosen)
        yield count, total, torch.cat(finished) if finished else torch.arange(0)
