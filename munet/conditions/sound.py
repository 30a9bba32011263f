"""The sound code: a few numbers that say how a piece sounds as a whole.

They are principal components of the means over time of latents, which are a piece's balance of bass and treble, its
width and its level, and of how much they vary. That balance is decided in the first steps of sampling, where there is
nothing to go by but noise: a network that must guess it takes the middle of all that could be, and many pieces sound
alike. So the network is told. What a plan makes likely, and how far pieces lie from it, is fitted in closed form: a
piece has what its players, harmony, energy and style lead one to expect, and a deviation from it of its own.

The deviation of a new piece comes from the seed's noise. Where some of the piece is known already it is that of what is
known, so that what is added sounds like what was there.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from munet.conditions.aligned import ROWS, rows_of
from munet.music.instruments import CLASS_NAMES

WHO_PLAYS = 73  # aligned row that is 1 where it is said
DRUMS = ROWS["instruments"][CLASS_NAMES.index("drums")]
FEWEST_FRAMES = 12  # that say how a piece sounds; a second
RIDGE = 0.03  # of regressions on aligned rows, per window; the best of .001 to .1 on 80 pieces held back from 250
LEAST_VARIANCE = 1e-6  # of a code around what is expected, and of an axis; keeps matrices invertible
QUIET = 0.05  # deviation of a component over time that counts as none


class SoundCode(nn.Module):
    """Maps latents to codes, and plans to codes that are likely.

    Args:
        features: components of a latent frame, channels times bins.
        aligned_channels: rows of the time-aligned condition.
        codes: numbers of a code, about 1 in size and uncorrelated.
    """

    middle: torch.Tensor
    axes: torch.Tensor
    expecting: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, features: int, aligned_channels: int, codes: int) -> None:
        super().__init__()
        self.register_buffer("middle", torch.zeros(2 * features))
        self.register_buffer("axes", torch.zeros(codes, 2 * features))
        self.register_buffer("expecting", torch.zeros(codes, 1 + aligned_channels))
        self.register_buffer("deviation", torch.zeros(codes, codes))

    @property
    def fitted(self) -> bool:
        """Whether it is fitted to music; before, all codes are zeros."""
        return bool(self.axes.any())

    def of(self, latents: torch.Tensor, frames: torch.Tensor | None = None) -> torch.Tensor:
        """Return the code `(clips, codes)` of latents.

        Args:
            latents: clean, `(clips, channels, frames, bins)`.
            frames: which of them count, `(frames,)`; None for all.
        """
        counted = latents if frames is None else latents[:, :, frames]
        return (sound_features(counted) - self.middle.float()) @ self.axes.float().T

    def expected(self, aligned: torch.Tensor) -> torch.Tensor:
        """Return the code `(clips, codes)` that `(clips, rows, frames)` of the aligned condition lead one to expect."""
        told = aligned.float().mean(dim=2)
        return told @ self.expecting[:, 1:].float().T + self.expecting[:, 0].float()

    def asked(self, aligned: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
        """Return the code `(clips, codes)` that a window of a piece is to have.

        Where a plan leaves open who plays there is nothing to expect but the middle of all music, and words may say
        what the plan does not: zeros, which ask for nothing (see `shift`).

        Args:
            aligned: `(clips, rows, frames)` of the window; deviation: of the piece, `(clips, codes)`.
        """
        return torch.where(who_is_said(aligned)[:, None], self.expected(aligned) + deviation, 0.0)

    def drawn(self, noise: torch.Tensor) -> torch.Tensor:
        """Return a deviation `(clips, codes)` of a clip's own, decided by its initial noise.

        Args:
            noise: `(clips, channels, frames, bins)`, of deviation 1. Its fastest changes over time are taken, of
                which least is left in music.
        """
        signs = torch.ones(noise.shape[2], device=noise.device)
        signs[1::2] = -1
        seen = torch.einsum("bcft,f->bct", noise.float(), signs) / noise.shape[2] ** 0.5
        return seen.flatten(1)[:, : len(self.deviation)] @ self.deviation.float().T

    def kept(
        self,
        drawn: torch.Tensor,
        latents: torch.Tensor,
        frames: torch.Tensor,
        strength: float,
        aligned: torch.Tensor,
    ) -> torch.Tensor:
        """Return the deviation `(clips, codes)` of a piece that is there in part, or that is made anew in part.

        Args:
            drawn: the deviation that a new piece would have.
            latents: what is there, clean, `(clips, channels, frames, bins)`; below strength 1 all of them.
            frames: which frames stay, `(frames,)`.
            strength: of the change of latents that do not stay: 1 makes them anew.
            aligned: `(clips, rows, frames)` of all of the piece.
        """
        frames = frames if strength == 1 else torch.ones_like(frames)
        if int(frames.sum()) < FEWEST_FRAMES:
            return drawn
        found = self.of(latents.to(drawn), frames) - self.expected(aligned[:, :, frames].to(drawn))
        return found if strength == 1 else found.lerp(drawn, strength)

    def shift(self, latents: torch.Tensor, codes: torch.Tensor, drumless: torch.Tensor | None = None) -> torch.Tensor:
        """Return the least change `(clips, channels, 1, bins)` of latents' means after which they tell `codes`.

        How much they vary is left as it is: stretched to what is asked for, pieces without drums seem to have some.
        For the same reason nothing moves where no drums play in the direction in which they move a code: what is
        expected is linear in style and players, and in styles that hardly ever lack drums it brings some back.

        Args:
            latents: clean, `(clips, channels, frames, bins)`.
            codes: `(clips, codes)`; zeros for clips that are left alone.
            drumless: in which clips no drums play, `(clips,)`; None for none of them.
        """
        means = latents.float().mean(dim=2).flatten(1)
        axes = self.axes[:, : means.shape[1]].float()  # those of spreads are zeros there
        told = (means - self.middle[: means.shape[1]].float()) @ axes.T
        least = LEAST_VARIANCE * torch.eye(len(axes), device=axes.device)
        way = codes.float() - told
        if drumless is not None:
            drums = F.normalize(self.expecting[:, 1 + DRUMS].float(), dim=0)
            way = way - torch.where(drumless, (way @ drums).clamp_min(0), 0.0)[:, None] * drums
        lacking = torch.linalg.solve(axes @ axes.T + least, way.T)
        return (axes.T @ (lacking * codes.any(dim=1))).T.unflatten(1, latents.shape[1::2])[:, :, None]

    @torch.no_grad()
    def fit(self, features: torch.Tensor, told: torch.Tensor, spreads: int) -> None:
        """Fit everything to windows of music, in closed form.

        Some components say which notes sound, which is the plan's to say: each counts as far as its means do not
        follow from the harmony.

        Args:
            features: of the windows, `(windows, 2 * features)`, see `sound_features`.
            told: means over time of their aligned rows, `(windows, aligned_channels)`.
            spreads: how many of the codes, the last ones, say how much latents vary; the others tell their means.
        """
        features, told = features.double(), told.double()
        middle, half, codes = features.mean(dim=0), features.shape[1] // 2, len(self.axes)
        centred = features - middle
        harmony = regression(told[:, list(rows_of("harmony", told.shape[1]))], centred)[1]
        own = centred - harmony
        counts = own.var(dim=0) / centred.var(dim=0).clamp_min(1e-12)
        axes = torch.zeros(codes, features.shape[1], dtype=torch.double)
        means = codes - spreads
        for taken, columns in ((slice(0, means), slice(0, half)), (slice(means, codes), slice(half, None))):
            part = (own * counts)[:, columns]
            _, sizes, directions = torch.linalg.svd(part, full_matrices=False)
            sizes = sizes.clamp_min(LEAST_VARIANCE * sizes[0])  # windows fewer than codes leave some without a size
            kept = taken.stop - taken.start
            axes[taken, columns] = directions[:kept] * counts[columns] * (len(part) ** 0.5 / sizes[:kept, None])
        found = centred @ axes.T
        weights, expected = regression(told, found)
        left = found - expected
        self.middle.copy_(middle)
        self.axes.copy_(axes)
        self.expecting.copy_(weights.T)
        least = LEAST_VARIANCE * torch.eye(codes, dtype=torch.double)
        self.deviation.copy_(torch.linalg.cholesky(left.T @ left / len(left) + least))


def is_drumless(aligned: torch.Tensor) -> torch.Tensor:
    """Return for each clip whether drums play nowhere in its aligned condition `(clips, rows, frames)`, `(clips,)`."""
    return aligned[:, DRUMS].amax(dim=1) == 0


def who_is_said(aligned: torch.Tensor) -> torch.Tensor:
    """Return for each clip whether its aligned condition `(clips, rows, frames)` says who plays, `(clips,)`."""
    return aligned[:, WHO_PLAYS].amax(dim=1) > 0


def regression(told: torch.Tensor, found: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weights `(1 + rows, numbers)` of a constant and of what is told, and what they foretell.

    Args:
        told: `(windows, rows)`; found: `(windows, numbers)`.
    """
    entering = torch.cat([told.new_ones(len(told), 1), told], dim=1)
    ridge = torch.eye(entering.shape[1], dtype=told.dtype) * RIDGE * len(told)
    ridge[0, 0] = 0  # the constant is free
    weights = torch.linalg.solve(entering.T @ entering + ridge, entering.T @ found)
    return weights, entering @ weights


def sound_features(latents: torch.Tensor) -> torch.Tensor:
    """Return the means over time of latents' components and the logarithms of their deviations, `(clips, 2 * n)`.

    Args:
        latents: `(clips, channels, frames, bins)`.
    """
    latents = latents.float()
    spread = latents.std(dim=2, correction=0)
    return torch.cat([latents.mean(dim=2).flatten(1), (spread + QUIET).log().flatten(1)], dim=1)
