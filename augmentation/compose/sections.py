"""The form of a piece: passages of bars with a name, an energy and the players that play in them.

A short clip is a window that holds one passage or the change from one to the next; a long one is a whole song, from
the intro to an ending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from augmentation.compose.band import Player, draw_cast
from augmentation.compose.form import SONG, Timeline
from munet.music import ENERGIES, Part

Rng = np.random.Generator
_CHANGES = 0.55  # share of short clips that hold a change
_PAIRS = (
    ("intro", "verse"), ("intro", "verse"), ("intro", "chorus"), ("verse", "chorus"), ("verse", "chorus"),
    ("chorus", "verse"), ("verse", "bridge"), ("bridge", "chorus"), ("break", "chorus"), ("verse", "break"),
    ("chorus", "outro"), ("verse", "solo"),
)  # fmt: skip
_SINGLE = ("verse", "verse", "verse", "chorus", "chorus", "chorus", "bridge", "solo")
_SONGS = (
    ("verse", "chorus"),
    ("intro", "verse", "chorus"),
    ("intro", "verse", "chorus", "outro"),
    ("intro", "verse", "chorus", "verse", "chorus"),
    ("intro", "verse", "chorus", "verse", "chorus", "outro"),
    ("intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus"),
    ("intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus", "outro"),
    ("intro", "verse", "chorus", "verse", "chorus", "solo", "break", "chorus", "outro"),
)
_SHORT = frozenset({"intro", "outro", "bridge", "break"})  # half as long as the others
# How much livelier than the piece a section may be, and how often it is.
_LIFT = MappingProxyType(
    {
        "intro": (-1, 0.6), "outro": (-1, 0.6), "bridge": (-1, 0.5), "break": (-1, 0.5), "verse": (-1, 0.35),
        "chorus": (1, 0.5), "solo": (1, 0.4),
    }
)  # fmt: skip


@dataclass(frozen=True)
class Passage:
    """Beats `start` to `end` (beat coordinates), the energy, and the players by their index in the band.

    `swell` are factors on the loudness at its start and end, `stop` the beats of silence before the next passage.
    """

    name: str
    start: float
    end: float
    energy: str
    cast: frozenset[int]
    swell: tuple[float, float] = (1.0, 1.0)
    stop: int = 0


def lifted(energy: str, steps: int) -> str:
    """An energy some steps up or down, within the three there are."""
    return ENERGIES[min(2, max(0, ENERGIES.index(energy) + steps))]


def draw_form(
    rng: Rng, energy: str, band: Sequence[Player], timeline: Timeline, duration: float, exact: bool
) -> tuple[Passage, ...]:
    """Passages over all bars of the timeline.

    Args:
        rng: source of every choice.
        energy: of the piece.
        band: its players.
        timeline: its beats.
        duration: of the clip in seconds.
        exact: the band was asked for: in a short clip everyone plays throughout, in a song everyone sooner or later.
    """
    starts = timeline.bar_starts()
    times = timeline.seconds[starts]
    inside = [i for i, t in enumerate(times[:-1]) if 0.2 * duration <= t <= 0.8 * duration]
    if duration >= SONG and len(inside) >= 6:
        return _song(rng, energy, band, timeline, duration)
    whole = (0.0, float(len(timeline.positions)))
    if exact or not inside or rng.random() >= _CHANGES:
        name = _SINGLE[int(rng.random() * len(_SINGLE))]
        cast = frozenset(range(len(band))) if exact else draw_cast(rng, band, name)
        return (Passage(name, *whole, energy, cast),)
    names = _PAIRS[int(rng.random() * len(_PAIRS))]
    at = float(starts[inside[int(rng.random() * len(inside))]])
    passages = [
        _passage(rng, names[0], whole[0], at, energy, band),
        _passage(rng, names[1], at, whole[1], energy, band),
    ]
    return tuple(_made_different(rng, passages, band))


def _passage(rng: Rng, name: str, start: float, end: float, energy: str, band: Sequence[Player]) -> Passage:
    steps, odds = _LIFT[name]
    own = lifted(energy, steps) if rng.random() < odds else energy
    swell = (0.8, 1.05) if name in ("intro", "bridge", "break") and rng.random() < 0.4 else (1.0, 1.0)
    if name == "outro" and rng.random() < 0.5:
        swell = (1.0, 0.75)
    stop = 1 + int(rng.random() * 2) if rng.random() < 0.12 else 0
    return Passage(name, start, end, own, draw_cast(rng, band, name), swell, stop)


def _made_different(rng: Rng, passages: Sequence[Passage], band: Sequence[Player]) -> list[Passage]:
    """Two passages with the same players mostly lose some in one of them, so that a change can be heard."""
    first, second = passages
    names = sorted({player.instrument for player in band})
    if first.cast != second.cast or len(names) < 2 or rng.random() < 0.25:
        return [first, second]
    kept = set(rng.permutation(names)[: 1 + int(rng.random() * (len(names) - 1))].tolist())
    fewer = frozenset(i for i in first.cast if band[i].instrument in kept)
    if rng.random() < 0.65:
        return [replace(first, cast=fewer or first.cast), second]
    return [first, replace(second, cast=fewer or second.cast)]


def _song(rng: Rng, energy: str, band: Sequence[Player], timeline: Timeline, duration: float) -> tuple[Passage, ...]:
    """A whole song laid on the bars of the clip, its sections in even numbers of bars where they can be."""
    starts = timeline.bar_starts()
    times = timeline.seconds[starts]
    begin = int(np.searchsorted(times, -1e-6))
    bars = int(np.searchsorted(times, duration - 0.4)) - begin
    unit = 2 if float(np.median(np.diff(times))) > 3.0 else 4
    names = _SONGS[min(len(_SONGS) - 1, max(0, round(bars / (1.6 * unit)) - 2))]
    weights = np.array([1.0 if name in _SHORT else 2.0 for name in names])
    lengths = np.round(np.cumsum(weights) / weights.sum() * bars / 2) * 2
    edges = [0.0, *(float(starts[begin + int(bar)]) for bar in lengths[:-1]), float(len(timeline.positions))]
    drawn: dict[str, Passage] = {}
    passages: list[Passage] = []
    for name, start, end in zip(names, edges[:-1], edges[1:], strict=True):
        if name not in drawn:
            drawn[name] = _passage(rng, name, start, end, energy, band)
        if end > start:
            passages.append(replace(drawn[name], start=start, end=end))
    return tuple(_with_everyone(passages, band))


def _with_everyone(passages: Sequence[Passage], band: Sequence[Player]) -> list[Passage]:
    """Passages in which whoever plays nowhere joins the liveliest one."""
    missing = frozenset(range(len(band))) - frozenset[int]().union(*(passage.cast for passage in passages))
    fullest = max(range(len(passages)), key=lambda i: len(passages[i].cast))
    joined = replace(passages[fullest], cast=passages[fullest].cast | missing)
    return [*passages[:fullest], joined, *passages[fullest + 1 :]]


def given_form(parts: Sequence[Part], energy: str, band: Sequence[Player], timeline: Timeline) -> tuple[Passage, ...]:
    """Passages for the parts of a plan: exactly the players that each names, from its start to its end."""
    edges = [0.0, *timeline.to_beats(np.array([part.start for part in parts[1:]])).tolist()]
    edges = [round(edge) if abs(edge - round(edge)) < 1e-6 else edge for edge in edges]
    passages = []
    for part, start, end in zip(parts, edges, [*edges[1:], float(len(timeline.positions))], strict=True):
        asked = None if part.instruments is None else set(part.instruments)
        cast = frozenset(i for i, player in enumerate(band) if asked is None or player.asked in asked)
        passages.append(Passage(part.name or "verse", start, end, part.energy or energy, cast))
    return tuple(passages)
