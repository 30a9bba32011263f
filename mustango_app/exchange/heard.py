"""What was heard in a recording, as a plan."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from munet.music import Chord, MusicPlan, Note, PlanError
from munet.music.checks import BPM_RANGE
from munet.music.grid import without_repeats

if TYPE_CHECKING:
    from augmentation.hearing.listen import Heard

SNAP = 0.2  # of a beat: a chord that starts so near to one starts on it
UNSURE = 0.3  # confidence of beats below which tempi are often wrong
AUDIBLE = 10.0  # cents beside A = 440 Hz that are worth a word


def plan_from_heard(heard: Heard) -> MusicPlan:
    """Return the plan of a recording; what was not found is None, and the notes say what is doubtful.

    Chords that start near a beat are set on it; chords that a plan cannot name become N.
    """
    notes = [Note("recording", None, reason, False) for reason in heard.missing]
    counted = bool(heard.beats) and all(position > 0 for _, position in heard.beats or ())
    beats = [(round(second, 4), position) for second, position in heard.beats or () if second < heard.duration]
    if heard.bpm is not None and (heard.beat_confidence or 0.0) < UNSURE:
        notes.append(Note("recording", "bpm", f"{heard.bpm:.0f} BPM is doubtful: the beat is weak", True))
    if heard.tuning is not None and abs(heard.tuning) >= AUDIBLE:
        notes.append(Note("recording", None, f"tuned to A = {heard.concert_pitch:.1f} Hz; the plan is at 440", True))
    in_range = heard.bpm is not None and BPM_RANGE[0] <= heard.bpm <= BPM_RANGE[1]
    return MusicPlan(
        bpm=round(heard.bpm, 2) if in_range and heard.bpm is not None else None,
        meter=heard.meter if counted else None,
        key=heard.key,
        chords=_chords(heard.chords or (), [second for second, _ in beats], heard.duration),
        beats=tuple(beats) if counted else None,
        instruments=heard.playing or None,
        duration=round(heard.duration, 6),
        notes=tuple(notes),
    )


def _chords(
    segments: Sequence[tuple[str, float, float]], beats: Sequence[float], duration: float
) -> tuple[tuple[str, float], ...]:
    reach = SNAP * min((b - a for a, b in itertools.pairwise(beats)), default=0.0)
    placed: dict[float, str] = {}
    for label, start, _ in segments:
        nearest = min(beats, key=lambda beat: abs(beat - start), default=start)
        second = nearest if 0 < abs(nearest - start) <= reach and start > 0 else round(start, 4)
        if second < duration:
            placed[second] = _symbol(label)  # of two on one beat the later lasts longer
    return without_repeats([(symbol, second) for second, symbol in sorted(placed.items())])


def _symbol(label: str) -> str:
    try:
        return str(Chord.from_harte(label))
    except PlanError:
        return "N"
