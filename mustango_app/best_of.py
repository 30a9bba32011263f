"""Best of several: of clips made for one plan, the one that keeps to it best."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace

from munet.errors import RequestError
from mustango_app.clip import Clip


def adherence_of(clip: Clip) -> float:
    """How well a clip keeps to its plan, 0 to 1: `adherence.overall_adherence` of what is heard; 0 for silence.

    Raises:
        RequestError: the extractors are not installed, so that nothing can be measured.
    """
    from mustango_app.evaluation.adherence import (  # the recognisers behind these modules load slowly
        adherence,
        overall_adherence,
    )
    from mustango_app.evaluation.measure import hear

    heard = hear(clip.audio, clip.sample_rate)
    score = overall_adherence(adherence(clip.plan, heard))
    if score is None:
        raise RequestError(f"best_of: expected extractors to compare clips with, got none ({'; '.join(heard.missing)})")
    return score


def most_adherent(clips: Iterable[Clip]) -> Clip:
    """The clip with the highest `adherence_of`, the first of equals; `settings` tells the score and of how many.

    A clip is heard while `clips` makes the next one.
    """
    best, best_score, count = None, -1.0, 0
    with ThreadPoolExecutor(1, "mustango-hearing") as pool:
        for clip, heard in heard_meanwhile(clips, pool):
            score = heard.result()
            count += 1
            if score > best_score:
                best, best_score = clip, score
    if best is None:
        raise ValueError("clips: expected at least one, got none")
    return replace(best, settings={**best.settings, "best_of": count, "adherence": round(best_score, 4)})


def heard_meanwhile(clips: Iterable[Clip], pool: Executor) -> Iterator[tuple[Clip, Future[float]]]:
    """Yield each clip with its score to come, one behind what is made: more are never held."""
    last: tuple[Clip, Future[float]] | None = None
    for clip in clips:
        if last is not None:
            yield last
        last = clip, pool.submit(adherence_of, clip)
    if last is not None:
        yield last
