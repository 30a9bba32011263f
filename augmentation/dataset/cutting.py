"""Whole songs cut on bars: every clip begins and ends on a downbeat and is as long as fits.

The beats of the song are tracked at once and kept (see `augmentation.dataset.pulses`), so that all of its clips agree
on the bar, and a run that was interrupted goes on with the same clips. Where the beats are unsure the song is cut into
even lengths. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from augmentation.audio import seconds_of
from augmentation.dataset.pulses import FOLDER, keep_pulse, kept_pulse, length_of, place_of
from augmentation.dataset.sources import Source
from augmentation.dataset.trust import BEATS, PHASE
from augmentation.hearing.beats import BeatTrack
from munet.errors import RequestError

LEAST = 0.5  # share of a clip's length below which what is left of a song is no clip
Span = tuple[float, float]
Run = Callable[[Callable[[Any], Any], Sequence[Any], int], AbstractContextManager]


def spans_on_bars(track: BeatTrack, duration: float, clip_seconds: float) -> list[Span]:
    """Spans of at most `clip_seconds` that begin and end on downbeats, one behind the other; even ones without bars.

    Args:
        track: beats of the whole song, with their confidence.
        duration: of the song.
        clip_seconds: what a clip may have at most; a bar that is longer is cut.
    """
    downbeats = [time for time, position in track.beats or () if position == 1]
    unsure = (track.confidence or 0.0) < BEATS or (track.phase or 0.0) < PHASE
    if unsure or not track.counted or len(downbeats) < 2:
        edges = [clip_seconds * number for number in range(int(duration // clip_seconds) + 1)]
        spans = [(start, min(start + clip_seconds, duration)) for start in edges]
    else:
        spans, start = [], downbeats[0]
        while start < duration:
            ends = [time for time in downbeats if start < time <= start + clip_seconds + 1e-6]
            end = ends[-1] if ends else min(start + clip_seconds, duration)
            spans.append((start, end))
            start = end
    return [(round(start, 4), round(end, 4)) for start, end in spans if end - start >= LEAST * clip_seconds]


def cut_on_bars(
    sources: Sequence[Source], clip_seconds: float, folder: Path, run: Run, workers: int = 1
) -> list[Source]:
    """Sources with every whole song that is longer than a clip cut on its bars; numbered anew.

    Args:
        sources: Those that name a part of a file stay as they are.
        clip_seconds: Length of a clip at most.
        folder: Folder of the dataset.
        run: What runs a function over paths (`augmentation.workers.ENGINES`).
        workers: How many at a time.
    """
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    whole = {source.index: str(source.path) for source in sources if _is_song(source, clip_seconds)}
    missing = [path for path in dict.fromkeys(whole.values()) if not place_of(folder, path).is_file()]
    with run(partial(keep_pulse, folder), missing, max(1, min(workers, len(missing)))) as results:
        for _ in results:
            pass
    numbers, found = count(), []
    for source in sources:
        spans: list[Span] = []
        pulse = kept_pulse(folder, whole[source.index]) if source.index in whole else None
        if pulse is not None:
            spans = spans_on_bars(pulse.track(), length_of(pulse), clip_seconds)
        for start, end in spans or [(source.start, source.end)]:
            found.append(replace(source, index=next(numbers), start=start, end=end))
    return found


def _is_song(source: Source, clip_seconds: float) -> bool:
    if source.path is None or source.problem or source.start or source.end is not None:
        return False
    try:
        return seconds_of(source.path) > (1 + LEAST) * clip_seconds
    except RequestError:
        return False
