"""A tune from a file, or all parts of it, made to fit what else is asked of the music."""

from __future__ import annotations

from munet.music import Key, MusicPlan
from munet.music.checks import BPM_RANGE, check_number
from munet.music.events import Parts, begun_within, stretched, transposed


def fit_tune(tune: MusicPlan, bpm: float | None, key: str | None, seconds: float) -> MusicPlan:
    """Return a tune at another tempo and in another key, as far as they are asked for, cut to `seconds`.

    A key of the other mode moves the tune to its tonic. The nearer way, up or down, is taken.

    Raises:
        PlanError: the tempo or key cannot be read or reached.
    """
    pace, steps = _pace(tune, bpm), _steps(tune, key)
    if pace is not None:
        tune = tune.stretch(pace).with_(bpm=bpm)
    if steps is not None:
        tune = tune.transpose(steps).with_(key=key)
    return tune if tune.length <= seconds else tune.crop(0.0, seconds)


def fit_parts(parts: Parts, tune: MusicPlan, bpm: float | None, key: str | None, seconds: float) -> Parts:
    """Return what is played in a file of which `tune` is the plan as `fit_tune` does the plan.

    Raises:
        PlanError: the tempo or key cannot be read or reached.
    """
    pace, steps = _pace(tune, bpm), _steps(tune, key)
    parts = parts if pace is None else stretched(parts, pace)
    parts = parts if steps is None else transposed(parts, steps)
    return begun_within(parts, 0.0, seconds)


def _pace(tune: MusicPlan, bpm: float | None) -> float | None:
    """How many times as fast a tune is to be played; None as it is."""
    if bpm is None or tune.bpm is None or bpm == tune.bpm:
        return None
    return check_number("bpm", bpm, BPM_RANGE) / tune.bpm


def _steps(tune: MusicPlan, key: str | None) -> int | None:
    """By how many semitones a tune is to be moved; None where no key is asked for."""
    if key is None or tune.key is None:
        return None
    steps = (Key.parse(key).tonic_pc - Key.parse(tune.key).tonic_pc) % 12
    return steps if steps <= 6 else steps - 12
