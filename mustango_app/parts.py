"""The parts that the players of a plan play, written by the composer for a network that is told notes."""

from __future__ import annotations

import math

import numpy as np

from augmentation.compose.composer import compose
from augmentation.compose.moods import MOODS
from augmentation.compose.styles import STYLES, Style
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.events import Parts
from munet.music.instruments import classes_of

PARTS = 12  # tells what is drawn here from what else comes of a seed
NEAR = 0.2  # of the score of the style that suits a plan best: those so near are drawn from
# What a style that is not named is chosen by, and how much each counts.
WEIGHTS = (("players", 2.0), ("drums", 1.0), ("tempo", 1.0), ("meter", 1.0), ("energy", 0.5))


def parts_of(plan: MusicPlan, seed: int) -> Parts | None:
    """Return what is played, so that every field of a complete plan is kept; another seed, other figures.

    None where the plan says neither who plays nor in which style, so that the words decide, and where it is too short
    for a note.
    """
    if plan.instruments is None and plan.style not in STYLES:
        return None
    # Of a composed piece's own seed and plan would come that very piece, whose figures nobody asked for.
    rng = np.random.default_rng([seed, PARTS])
    style = plan.style if plan.style in STYLES else str(rng.choice(suiting_styles(plan)))
    try:
        return compose(int(rng.integers(2**32)), style=style, plan=plan.with_(style=None)).events or None
    except RequestError:
        return None


def suiting_styles(plan: MusicPlan) -> list[str]:
    """Return the styles that suit a plan's players, tempo, metre and energy best, in the order of `STYLES`."""
    scores = {name: _score(style, plan) for name, style in STYLES.items()}
    best = max(scores.values())
    return [name for name, score in scores.items() if score >= best - NEAR]


def _score(style: Style, plan: MusicPlan) -> float:
    """How well a style suits a plan, higher for better."""
    players = set(classes_of(plan.instruments or ()))
    pitched = players - {"drums"}
    own = set(classes_of((*style.solos, *(name for names in style.palette.values() for name in names))))
    drums = style.odds.get("drums", 0.0)
    low, _, high = style.tempo
    away = 0.0 if plan.bpm is None else max(0.0, math.log2(low / plan.bpm), math.log2(plan.bpm / high))
    energies = {energy for mood in style.moods for energy in MOODS[mood].energies}
    found = {
        "players": len(pitched & own) / len(pitched) if pitched else 0.0,
        "drums": drums if "drums" in players else 1 - drums,
        "tempo": -2 * away,
        "meter": float(plan.meter is None or plan.meter in {meter for meter, _ in style.meters}),
        "energy": float(plan.energy is None or plan.energy in energies),
    }
    return sum(weight * found[name] for name, weight in WEIGHTS)
