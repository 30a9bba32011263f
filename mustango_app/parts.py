"""The parts that the players of a plan play, written by the composer for a network that is told notes."""

from __future__ import annotations

import numpy as np

from augmentation.compose.composer import compose
from augmentation.compose.styles import STYLES
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.events import Parts

PARTS = 12  # tells what is drawn here from what else comes of a seed


def parts_of(plan: MusicPlan, seed: int) -> Parts | None:
    """Return what is played, so that every field of a complete plan is kept; another seed, other figures.

    None where the plan says neither who plays nor in which style, so that the words decide, and where it is too short
    for a note.
    """
    if plan.instruments is None and plan.style not in STYLES:
        return None
    # Of a composed piece's own seed and plan would come that very piece, whose figures nobody asked for.
    drawn = int(np.random.SeedSequence([seed, PARTS]).generate_state(1)[0])
    try:
        return compose(drawn, plan=plan).events or None
    except RequestError:
        return None
