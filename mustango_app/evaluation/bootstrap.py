"""Means with bootstrap intervals, chance pairings and the tables that show them.

A score is `{measure: value or None}` for one clip; None does not count. Clips made from one source recording are not
independent: they carry the same group name, and the bootstrap draws groups, not clips (the cluster bootstrap; Davison
and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). Without groups every clip is its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from munet.errors import RequestError

RESAMPLES = 2000
LEVEL = (2.5, 97.5)  # percentiles of the 95 % interval
NOT_MEASURED = "-"

Score = Mapping[str, float | None]
Cell = dict[str, float | int]  # "mean", "low", "high", "count"; without "low" and "high" where there is no interval
Summary = dict[str, Cell | None]


def interval(values: Sequence[float], groups: Sequence[str] | None = None) -> tuple[float, float, float]:
    """Mean and its 95 % interval by the percentile bootstrap (seeded).

    Args:
        values: one number a clip, at least one.
        groups: the source of each clip, all different if None.

    Returns:
        (mean, low, high).

    Raises:
        RequestError: no values, or not one group a value.
    """
    sample = np.asarray(values, dtype=float)
    if sample.size == 0:
        raise RequestError("values: expected at least one, got none")
    if groups is not None and len(groups) != len(sample):
        raise RequestError(f"groups: expected one a value ({len(sample)}), got {len(groups)}")
    place = np.unique(groups, return_inverse=True)[1] if groups is not None else np.arange(len(sample))
    sums, counts = np.bincount(place, weights=sample), np.bincount(place)
    draws = np.random.default_rng(0).integers(len(sums), size=(RESAMPLES, len(sums)))
    low, high = np.percentile(sums[draws].sum(axis=1) / counts[draws].sum(axis=1), LEVEL)
    return float(sample.mean()), float(low), float(high)


def summarise(scores: Sequence[Score], measures: Sequence[str], groups: Sequence[str] | None = None) -> Summary:
    """For each measure the mean, its interval and the number of clips that count; None where none does.

    Args:
        scores: one a clip.
        measures: the names to summarise.
        groups: the source of each clip, all different if None.
    """
    summary: Summary = {}
    for measure in measures:
        counted = [i for i, score in enumerate(scores) if score.get(measure) is not None]
        if not counted:
            summary[measure] = None
            continue
        values = [scores[i][measure] for i in counted]
        mean, low, high = interval(values, groups and [groups[i] for i in counted])
        summary[measure] = {"mean": mean, "low": low, "high": high, "count": len(counted)}
    return summary


def derangement(groups: Sequence[str], seed: int) -> list[int] | None:
    """Draw for every clip another one of another group, each once: what a model that ignores its input would get.

    The clips are laid out group by group, groups and clips in drawn order, and turned by the size of the largest group.

    Args:
        groups: the source of each clip.
        seed: decides the drawn order.

    Returns:
        The partner's index for each clip; None if no such pairing exists (one group has more than half of the clips).
    """
    rng = np.random.default_rng(seed)
    names = sorted(set(groups))
    members = {name: [i for i, group in enumerate(groups) if group == name] for name in names}
    largest = max((len(clips) for clips in members.values()), default=0)
    if not groups or 2 * largest > len(groups):
        return None
    order = [i for k in rng.permutation(len(names)) for i in rng.permutation(members[names[k]]).tolist()]
    partners = dict(zip(order, [*order[largest:], *order[:largest]], strict=True))
    return [partners[i] for i in range(len(groups))]


def table(summaries: Mapping[str, Summary], measures: Sequence[str], heading: str = "measure") -> str:
    """Lay summaries out as a Markdown table that is aligned for reading as it is: measures down, rows across.

    Args:
        summaries: summary of each row by its name.
        measures: the names to show, in this order.
        heading: of the first column.
    """
    lines = [[heading, *summaries]]
    for measure in measures:
        cells = [summary.get(measure) for summary in summaries.values()]
        lines.append([measure, *(_cell(cell) for cell in cells)])
    return markdown(lines)


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Lay text cells out as an aligned Markdown table; the first line is the heading, its first column is words."""
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(lines[0]))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    laid = [
        [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        for line in lines
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in [laid[0], rule, *laid[1:]])


def _cell(cell: Mapping[str, float | int] | None) -> str:
    if not cell:
        return NOT_MEASURED
    span = f" [{_number(cell['low'])}, {_number(cell['high'])}]" if "low" in cell else ""
    return _number(cell["mean"]) + span


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"
