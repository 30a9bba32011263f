"""Themes that come back: a section that returns starts from the noise of its first appearance."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from munet.music import MusicPlan, Part, theme_of


def with_themes(noise: torch.Tensor, plans: Sequence[MusicPlan], frame_rate: float) -> torch.Tensor:
    """Return initial noise in which sections that return have that of their first appearance.

    Given the same noise and the same conditions the denoiser makes the same music, so a chorus is recognised when it
    comes back, and still fits into what stands around it. The noise is moved by whole frames, so that it may lie up to
    half a frame beside its bars; the beats are where the plan says.

    Args:
        noise: `(clips, channels, frames, bins)`; not changed.
        plans: one per clip; those without sections keep their noise.
        frame_rate: latent frames per second, Hz.
    """
    noise, frames = noise.clone(), noise.shape[2]
    for clip, plan in zip(noise, plans, strict=True):
        first: dict[str, Part] = {}
        for part in plan.parts() if plan.sections else ():
            origin = first.setdefault(theme_of(part.name), part)
            if origin is not part:
                shift = round((part.start - origin.start) * frame_rate)
                seconds = min(part.end - part.start, origin.end - origin.start)
                start, end = (round(second * frame_rate) for second in (part.start, part.start + seconds))
                end = min(end, frames)
                clip[:, start:end] = clip[:, start - shift : end - shift].clone()
    return noise
