"""A tune from a file made to fit what else is asked of the music."""

from __future__ import annotations

from munet.music import Key, MusicPlan
from munet.music.checks import BPM_RANGE, check_number


def fit_tune(tune: MusicPlan, bpm: float | None, key: str | None, seconds: float) -> MusicPlan:
    """Return a tune at another tempo and in another key, as far as they are asked for, cut to `seconds`.

    A key of the other mode moves the tune to its tonic. The nearer way, up or down, is taken.

    Raises:
        PlanError: the tempo or key cannot be read or reached.
    """
    if bpm is not None and tune.bpm is not None and bpm != tune.bpm:
        tune = tune.stretch(check_number("bpm", bpm, BPM_RANGE) / tune.bpm).with_(bpm=bpm)
    if key is not None and tune.key is not None:
        steps = (Key.parse(key).tonic_pc - Key.parse(tune.key).tonic_pc) % 12
        tune = tune.transpose(steps if steps <= 6 else steps - 12).with_(key=key)
    return tune if tune.length <= seconds else tune.crop(0.0, seconds)
