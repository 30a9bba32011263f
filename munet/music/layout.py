"""Sections laid out in time: where each begins and ends, and in which tempo and metre.

Times are seconds, tempo is beats per minute (BPM).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from munet.music.checks import BPM_RANGE, DEFAULT_BPM, DEFAULT_METER, DURATION_RANGE, PlanError
from munet.music.grid import EPSILON, bar_starts, ramp_beats, ramp_grid, ramp_seconds
from munet.music.sections import Section

TOLERANCE = 0.01  # seconds by which stated lengths may miss each other
OPEN_BARS = 4  # of a section whose length nothing tells

Ramp = tuple[float, float]


@dataclass(frozen=True)
class Laid:
    """A section in time: from `start` to before `end`, the tempo going evenly from `ramp[0]` to `ramp[1]`."""

    section: Section
    start: float
    end: float
    ramp: Ramp
    meter: int

    def beats(self) -> tuple[tuple[float, int], ...]:
        """Return the beats: (second, position in the bar), the first a downbeat at `start`."""
        return ramp_grid(self.ramp, self.meter, self.start, self.end)

    def tempo_at(self, second: float) -> float:
        """Return the tempo at a second of the section."""
        first, last = self.ramp
        return first + (last - first) * (second - self.start) / (self.end - self.start)


def lay_out(
    sections: Sequence[Section],
    bpm: float | None,
    meter: int | None,
    duration: float | None,
    beats: Sequence[tuple[float, int]] | None = None,
) -> tuple[Laid, ...]:
    """Lay out sections one after the other.

    A section of so many bars lasts as long as its tempo and metre say; one without lasts to the next `start`. Where
    neither is stated, sections share the time that `duration` leaves, in whole bars but for the last of them; without
    a duration they take a bar a chord, or four bars. If nothing states a tempo, the one that fills `duration` is taken.

    Args:
        sections: at least one.
        bpm: tempo of sections that name none; None: that of the first section.
        meter: the same for the metre.
        duration: of the whole.
        beats: of the whole, where they are known: bars are then counted on them.

    Raises:
        PlanError: naming `sections` or `duration`, if lengths and starts contradict each other.
    """
    meters = [section.meter or meter or sections[0].meter or DEFAULT_METER for section in sections]
    ramps = _ramps(sections, meters, bpm, duration if beats is None else None)
    if beats is None:
        starts = _starts(sections, meters, ramps, duration)
    else:
        starts = _starts_on(beats, sections, meters, duration)
    rows = zip(sections, starts[:-1], starts[1:], ramps, meters, strict=True)
    return tuple(Laid(section, start, end, ramp, meter) for section, start, end, ramp, meter in rows)


def _ramps(sections: Sequence[Section], meters: Sequence[int], bpm: float | None, duration: float | None) -> list[Ramp]:
    """Return the tempo of each section; a free one fills the duration, or is the usual one."""
    first = _as_ramp(sections[0].bpm)
    base = bpm or (first and first[0])
    found: list[Ramp | None] = []
    for section in sections:
        own = _as_ramp(section.bpm)
        found.append(own or (base and (base, base)) or None)
        if own and own[0] != own[1]:
            base = own[1]  # a ramp leads somewhere: what follows stays there
    if None in found:
        free = _free_tempo(sections, meters, found, duration)
        return [ramp or (free, free) for ramp in found]
    return [ramp for ramp in found if ramp]


def _as_ramp(tempo: float | tuple[float, float] | None) -> Ramp | None:
    return tempo if tempo is None or isinstance(tempo, tuple) else (tempo, tempo)


def _free_tempo(
    sections: Sequence[Section], meters: Sequence[int], ramps: Sequence[Ramp | None], duration: float | None
) -> float:
    if duration is None or any(section.bars is None for section in sections):
        return DEFAULT_BPM
    beats = [(section.bars or 0) * meter for section, meter in zip(sections, meters, strict=True)]
    taken = sum(ramp_seconds(n, ramp) for n, ramp in zip(beats, ramps, strict=True) if ramp)
    free = sum(n for n, ramp in zip(beats, ramps, strict=True) if not ramp)
    tempo = 60 * free / (duration - taken) if duration > taken else 0.0
    if not BPM_RANGE[0] <= tempo <= BPM_RANGE[1]:
        low, high = (taken + 60 * free / bound for bound in reversed(BPM_RANGE))
        raise PlanError("duration", f"{low:.4g} to {high:.4g} s for sections of {sum(beats)} beats", duration)
    return tempo


def _starts(
    sections: Sequence[Section], meters: Sequence[int], ramps: Sequence[Ramp], duration: float | None
) -> list[float]:
    """Return the start of each section and the end of the last."""
    anchors = [i for i, section in enumerate(sections) if i == 0 or section.start is not None] + [len(sections)]
    starts: list[float] = []
    for i, j in pairwise(anchors):
        begin = sections[i].start or 0.0
        end = duration if j == len(sections) else sections[j].start
        lengths = _lengths(sections[i:j], meters[i:j], ramps[i:j], None if end is None else end - begin)
        for length in lengths:
            starts.append(round(begin, 9))
            begin += length
        wrong = end is not None and abs(begin - end) > TOLERANCE
        if wrong and j == len(sections):
            raise PlanError("duration", f"{begin:.6g} s, the length of the sections", duration)
        if wrong:
            raise PlanError("sections", f"{sections[j].name!r} to start where {sections[j - 1].name!r} ends, "
                                        f"at {begin:.6g} s", end)  # fmt: skip
    last = duration if duration is not None else round(begin, 9)
    if last > DURATION_RANGE[1]:
        raise PlanError("sections", f"a whole of at most {DURATION_RANGE[1]:g} s", last)
    return [*starts, last]


def _lengths(
    sections: Sequence[Section], meters: Sequence[int], ramps: Sequence[Ramp], total: float | None
) -> list[float]:
    """Return seconds for each of some sections that `total` seconds (None: free) are for."""
    bars = [section.bars for section in sections]
    if total is None:
        bars = [n or len(section.chords or ()) or OPEN_BARS for n, section in zip(bars, sections, strict=True)]
    rows = list(zip(bars, meters, ramps, strict=True))
    lengths = [None if n is None else ramp_seconds(n * meter, ramp) for n, meter, ramp in rows]
    opened = [i for i, length in enumerate(lengths) if length is None]
    if total is None or not opened:
        return [length for length in lengths if length is not None]
    left = total - sum(length or 0.0 for length in lengths)
    for place, i in enumerate(opened):
        share = left / (len(opened) - place)
        if i != opened[-1]:
            beats = max(1, round(ramp_beats(share, ramps[i]) / meters[i])) * meters[i]
            share = ramp_seconds(beats, ramps[i])
        if left <= EPSILON or share <= EPSILON:
            names = tuple(section.name for section in sections)
            raise PlanError(
                "sections", f"time for {sections[i].name!r} in {total:.6g} s for {len(names)} sections", names
            )
        lengths[i] = share
        left -= share
    return [length or 0.0 for length in lengths]


def _starts_on(
    beats: Sequence[tuple[float, int]], sections: Sequence[Section], meters: Sequence[int], duration: float | None
) -> list[float]:
    """Return the start of each section and the end of the last, bars counted on the beats."""
    downbeats = [beats[i][0] for i in bar_starts(beats, meters[0])]
    end = duration if duration is not None else 2 * beats[-1][0] - beats[-2][0] if len(beats) > 1 else beats[-1][0]
    starts = [0.0]
    bar = 0  # number of the downbeat at the last start
    for section, following in zip(sections, [*sections[1:], None], strict=True):
        bar += section.bars or 0
        if following is None:
            break
        if following.start is not None:
            starts.append(following.start)
            bar = sum(t < following.start - TOLERANCE for t in downbeats)
        elif section.bars is None or bar >= len(downbeats):
            raise PlanError("sections", f"the bars of {section.name!r}, at most the {len(downbeats)} of the beats",
                            section.bars)  # fmt: skip
        else:
            starts.append(downbeats[bar])
    if any(later <= earlier for earlier, later in zip(starts, [*starts[1:], end], strict=True)):
        raise PlanError("sections", "ascending starts, before the duration", tuple(starts))
    return [*starts, end]
