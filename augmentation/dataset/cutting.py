"""Whole songs cut on bars: every clip begins and ends on a downbeat and is as long as fits.

The beats of the song are tracked at once, so that all of its clips agree on the bar. Where they are unsure the song is
cut into even lengths. What was found is kept in the dataset's folder, one small file a song, so that a run that was
interrupted goes on with the same clips. Times are seconds.

    OUT/cuts/SONG-HASH.json    [[start, end], ...] of one song
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from augmentation.audio import LONGEST, read_audio, seconds_of
from augmentation.dataset.sources import Source
from augmentation.dataset.trust import BEATS, PHASE
from augmentation.hearing.listen import Heard, listen
from munet.errors import RequestError
from munet.files import write_atomically

CUTS = "cuts"
LEAST = 0.5  # share of a clip's length below which what is left of a song is no clip
Span = tuple[float, float]
Run = Callable[[Callable[[Any], Any], Sequence[Any], int], AbstractContextManager]


def spans_on_bars(heard: Heard, clip_seconds: float) -> list[Span]:
    """Spans of at most `clip_seconds` that begin and end on downbeats, one behind the other; even ones without bars.

    Args:
        heard: beats of the whole song, with their confidence, and its duration.
        clip_seconds: what a clip may have at most; a bar that is longer is cut.
    """
    downbeats = [time for time, position in heard.beats or () if position == 1]
    unsure = (heard.beat_confidence or 0.0) < BEATS or (heard.beat_phase or 0.0) < PHASE
    if unsure or not heard.counted or len(downbeats) < 2:
        edges = [clip_seconds * number for number in range(int(heard.duration // clip_seconds) + 1)]
        spans = [(start, min(start + clip_seconds, heard.duration)) for start in edges]
    else:
        spans, start = [], downbeats[0]
        while start < heard.duration:
            ends = [time for time in downbeats if start < time <= start + clip_seconds + 1e-6]
            end = ends[-1] if ends else min(start + clip_seconds, heard.duration)
            spans.append((start, end))
            start = end
    return [(round(start, 4), round(end, 4)) for start, end in spans if end - start >= LEAST * clip_seconds]


def _hear_spans(clip_seconds: float, cache: Path, path: str) -> None:
    """Cut one song, and keep what was found; a song that cannot be heard is one clip, which will say why."""
    spans: list[Span] | None = None
    try:
        audio, rate = read_audio(path, None, 0.0, LONGEST)
        spans = spans_on_bars(listen(audio, rate, ("beats",)), clip_seconds)
    except RequestError:
        spans = []
    write_atomically(_place(cache, path, clip_seconds), json.dumps(spans).encode())


def _place(cache: Path, path: str, clip_seconds: float) -> Path:
    stat = Path(path).stat()
    known = f"{Path(path).name}:{stat.st_size}:{clip_seconds}"
    return cache / f"{Path(path).stem[:40]}-{hashlib.sha256(known.encode()).hexdigest()[:16]}.json"


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
    cache = folder / CUTS
    cache.mkdir(parents=True, exist_ok=True)
    whole = {source.index: str(source.path) for source in sources if _is_song(source, clip_seconds)}
    missing = [path for path in dict.fromkeys(whole.values()) if not _place(cache, path, clip_seconds).is_file()]
    with run(partial(_hear_spans, clip_seconds, cache), missing, max(1, min(workers, len(missing)))) as results:
        for _ in results:
            pass
    numbers, found = count(), []
    for source in sources:
        spans: list[list[float]] = []
        if source.index in whole:
            spans = json.loads(_place(cache, whole[source.index], clip_seconds).read_text(encoding="utf-8"))
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
