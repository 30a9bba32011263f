"""Which labels of a row can be relied on: what sentences state and what a model is handed in training.

Every label has a confidence of its own kind, and a gate below which it is more often wrong than it is worth
(`docs/dataset.md` has the figures). Labels below their gate stay in the row; they are only not told. A row that gives
no confidence, like one whose labels are exact, is taken at its word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from munet.music import MusicPlan

BEATS = 0.3  # activation at the beats: below, most of the wrong tempi are found
PHASE = 0.5  # below, the pulse halfway between the beats is nearly as strong as theirs
KEY = 0.6  # share of the methods: two of three
CHORDS = 0.5  # probability of roots and triads
SINGING = 0.7  # share of the time


def _below(value: float | None, gate: float) -> bool:
    return value is not None and value < gate


def reliable(plan: MusicPlan, row: Mapping[str, Any]) -> MusicPlan:
    """The plan of a row without what is below its gate; where no chord sounds, chords say nothing either.

    Args:
        plan: What the row says of the music (`records.plan_of`).
        row: `beat_confidence`, `beat_phase`, `keyprob` and `chord_confidence` are looked at where they are given.
    """
    hidden: dict[str, Any] = {}
    if _below(row.get("beat_confidence"), BEATS) or _below(row.get("beat_phase"), PHASE):
        hidden |= {"beats": None, "bpm": None, "meter": None}
    if _below((row.get("keyprob") or [None])[0], KEY):
        hidden |= {"key": None}
    if _below(row.get("chord_confidence"), CHORDS):
        hidden |= {"chords": None}
    elif any(symbol == "N" for symbol, _ in plan.chords or ()):
        hidden |= {"chords": [pair for pair in plan.chords or () if pair[0] != "N"] or None}
    return plan.with_(**hidden) if hidden else plan
