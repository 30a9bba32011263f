"""A chosen form of which the text says when some sections begin: "3 minutes of techno, the drop comes at 1:00".

The sections of a form are lengthened or shortened until those that are named begin at their bars; the others keep
their share of what lies between, in phrases of four bars as far as that goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

_PHRASE = 4  # bars


@dataclass(frozen=True)
class Moment:
    """A section that begins at a bar, from 0 on."""

    name: str
    bar: int


def distance(names: Sequence[str], bars: Sequence[int], moments: Sequence[Moment]) -> float:
    """Return by how many bars the sections that are named lie elsewhere; infinite if the form lacks one, or its order.

    Args:
        names, bars: the sections and their lengths.
        moments: in their order in time.
    """
    starts, fixed = list(accumulate(bars, initial=0)), _fixed(names, moments)
    if fixed is None:
        return float("inf")
    return float(sum(abs(starts[at] - moment.bar) for at, moment in zip(fixed, moments, strict=True)))


def moved(names: Sequence[str], bars: Sequence[int], moments: Sequence[Moment]) -> tuple[int, ...] | None:
    """Return the lengths of the sections with which those that are named begin at their bars; None if one would have
    no bar left."""
    fixed = _fixed(names, moments)
    if fixed is None:
        return None
    points = [(0, 0), *zip(fixed, (moment.bar for moment in moments), strict=True), (len(names), sum(bars))]
    edges = [0]
    for (first, start), (last, end) in pairwise(points):
        if end - start < last - first:
            return None
        edges += _shared(bars[first:last], start, end)
    return tuple(end - start for start, end in pairwise(edges))


def _fixed(names: Sequence[str], moments: Sequence[Moment]) -> list[int] | None:
    """Return for each moment the first section of its name behind that of the moment before; None if there is none."""
    found: list[int] = []
    for moment in moments:
        first = found[-1] + 1 if found else int(moment.bar > 0)
        at = next((at for at in range(first, len(names)) if names[at] == moment.name), None)
        if at is None:
            return None
        found.append(at)
    return found


def _shared(bars: Sequence[int], start: int, end: int) -> list[int]:
    """Return where the sections between two bars end, each with its share of what lies between, and a bar at least."""
    phrase = _PHRASE if end - start >= _PHRASE * len(bars) else 1
    edges: list[int] = []
    for number, reached in enumerate(accumulate(bars), 1):
        edge = start + phrase * round((end - start) * reached / sum(bars) / phrase)
        lowest = (edges[-1] if edges else start) + 1
        edges.append(min(max(edge, lowest), end - (len(bars) - number)))
    return [*edges[:-1], end] if edges else []
