"""The plan of a piece that goes on, or gets a beginning: beats, harmony and players follow from what is there.

Times are seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.events import Parts, begun_within, moved
from munet.music.grid import EPSILON, without_repeats
from munet.music.splice import tempo_at_end
from mustango_app.request import SECONDS_RANGE
from mustango_app.shaping.changes import Extension
from mustango_app.shaping.wishes import Wishes, carry_out, wishes_of

SHORTEST = 0.5  # seconds, of a stretch that has a plan of its own
LEAST_TAIL = 0.1  # seconds of sound after the seam that the new stretch takes the place of
EARLY = 0.02  # by which a beat may miss the place that it is due at
LONGEST_PERIOD = 8  # bars of a progression that comes again


@dataclass(frozen=True)
class Shaped:
    """A plan to be played, and where.

    Args:
        plan: of the whole result.
        start, end: of the stretch in the source that is taken out, seconds; equal: nothing is.
        length: seconds of the new stretch that begins at `start`.
    """

    plan: MusicPlan
    start: float
    end: float
    length: float


def spliced(around: Parts | None, new: Parts | None, shaped: Shaped) -> Parts | None:
    """Return the parts of a piece with a new stretch; None where those of either are not known.

    Args:
        around: of the source.
        new: for the plan of the whole result, of which those of the stretch count.
        shaped: where it lies.
    """
    if around is None or new is None:
        return None
    stop = shaped.start + shaped.length
    later = moved((note for note in around if note.start >= shaped.end), stop - shaped.end)
    return (*(note for note in around if note.start < shaped.start), *begun_within(new, shaped.start, stop), *later)


def extended(plan: MusicPlan, change: Extension, sounding: tuple[float, float]) -> Shaped:
    """Return the plan of a longer piece.

    The seam lies on a beat: at the end where one is due there, else on the last one that has sound after it; for a
    beginning on the first. The bar that is under way is completed as it is; from there on the wishes hold.

    Args:
        plan: complete, of what is there.
        change: what is wanted.
        sounding: the first and the last second that are not silent.

    Raises:
        RequestError: the result would be too long, or the seconds too few for what is asked.
    """
    wishes = wishes_of(change)
    shaped = _with_beginning(plan, wishes, sounding[0]) if change.before else _continued(plan, wishes, sounding[1])
    if shaped.plan.duration is None or shaped.plan.duration > SECONDS_RANGE[1] + EPSILON:
        raise RequestError(f"seconds: expected at most {SECONDS_RANGE[1]:g} in all, got {shaped.plan.duration:g}")
    return Shaped(shaped.plan.with_(notes=wishes.notes), shaped.start, shaped.end, shaped.length)


def _continued(plan: MusicPlan, wishes: Wishes, last: float) -> Shaped:
    change = wishes.change
    source = plan.prolong(last) if last > (plan.duration or 0.0) else plan.crop(0.0, last)
    # Room for a bar of any metre: the next downbeat lies in it.
    room = source.prolong(min(SECONDS_RANGE[1], last + 60 / tempo_at_end(source.beats or ()) * 16))
    entry = next((t for t in room.downbeat_times() if t >= last - EARLY), last)
    seam = max((t for t in room.beat_times() if t <= last - LEAST_TAIL), default=0.0)
    if any(abs(t - last) <= EARLY for t in room.beat_times()):
        seam = last  # the piece ends where a beat is due: all of it stays
    if change.seconds is not None and last + change.seconds - entry < SHORTEST:
        if change.asks:
            least = entry + SHORTEST - last
            raise RequestError(f"seconds: expected at least {least:.2f}, to reach the next bar, got {change.seconds:g}")
        whole = source.prolong(last + change.seconds)
        return Shaped(whole, seam, plan.duration or last, last + change.seconds - seam)
    first = source.prolong(entry) if entry > last else source.crop(0.0, entry)
    bars = whole_bars(source, last=True)
    index = len(bars) + (entry > last + EARLY)
    more = _stretch(first, wishes, bars, index, change, last + (change.seconds or 0.0) - entry, at_end=True)
    result = first.splice(entry, entry, carry_out(wishes, more, "extension"), "extension")
    return Shaped(result, seam, plan.duration or last, (result.duration or 0.0) - seam)


def _with_beginning(plan: MusicPlan, wishes: Wishes, first: float) -> Shaped:
    change = wishes.change
    seam, position = next(((t, at) for t, at in plan.beats or () if t >= first - EARLY), (0.0, 1))
    bars = whole_bars(plan, last=False)
    index = 0 if position == 1 else -1  # a bar that is not whole comes before those that are
    more = _stretch(plan, wishes, bars, index, change, (change.seconds or 0.0) + seam, at_end=False, position=position)
    new = carry_out(wishes, more, "introduction")
    return Shaped(plan.splice(0.0, seam, new, "introduction"), 0.0, seam, new.duration or 0.0)


def _stretch(
    plan: MusicPlan,
    wishes: Wishes,
    bars: Sequence[Sequence[str]],
    index: int,
    change: Extension,
    seconds: float,
    at_end: bool,
    position: int = 1,
) -> MusicPlan:
    """Return the plan of a new stretch before its wishes, at the tempo that they name.

    Args:
        plan: what it joins.
        wishes: whose tempo counts.
        bars: chords of each bar of the piece near the seam, one a beat.
        index: number of the stretch's first bar, or of the bar before which a beginning ends, counted as `bars` are;
            what is after or before them repeats them.
        change: whose bars count.
        seconds: length if it names none.
        at_end: whether it comes after the piece.
        position: in its bar, of the beat that follows a beginning.
    """
    part = plan.parts()[-1 if at_end else 0]
    meter = part.meter or plan.meter or 4
    tempo = wishes.bpm or tempo_at_end(plan.beats or (), first=not at_end)
    gap = 60 / tempo
    if change.bars is not None:
        seconds = (change.bars * meter + (0 if at_end else position - 1)) * gap
    if seconds < SHORTEST:
        raise RequestError(f"seconds: expected a stretch of at least {SHORTEST:g}, got {seconds:g}")
    count = int(seconds / gap - EPSILON) + 1 if at_end else int(seconds / gap + EPSILON)
    if at_end:
        beats = [(round(k * gap, 9), k % meter + 1) for k in range(count)]
    else:
        ends = range(count, 0, -1)
        beats = [(max(0.0, round(seconds - k * gap, 9)), (position - 1 - k) % meter + 1) for k in ends]
    offset = 0 if at_end else position - 1 - count
    sounding = plan.chords[-1 if at_end else 0][0] if plan.chords else "N"
    chords = [(_symbol(bars, index, offset + k, meter) or sounding, t) for k, (t, _) in enumerate(beats)]
    chords = [(chords[0][0] if chords else sounding, 0.0), *chords[1:]]
    return MusicPlan(
        bpm=tempo if wishes.bpm or part.bpm is None or abs(part.bpm - tempo) > 0.01 * tempo else part.bpm,
        meter=meter, key=part.key or plan.key, chords=without_repeats(chords), beats=tuple(beats),
        duration=round(seconds, 9), beat_unit=plan.beat_unit, style=plan.style,
        instruments=part.instruments or plan.instruments, energy=part.energy or plan.energy,
    )  # fmt: skip


def whole_bars(plan: MusicPlan, last: bool) -> list[tuple[str, ...]]:
    """Return the chords of the whole bars of the last (or first) section, one chord a beat."""
    part = plan.parts()[-1 if last else 0]
    end = plan.duration or 0.0 if part.end is None else part.end
    beats = [(t, at) for t, at in plan.beats or () if part.start - EARLY <= t < end - EARLY]
    starts = [i for i, (_, at) in enumerate(beats) if at == 1]
    chords = plan.chords or ()
    bars: list[tuple[str, ...]] = []
    for number, i in enumerate(starts):
        j = starts[number + 1] if number + 1 < len(starts) else i + (part.meter or plan.meter or len(beats))
        if j <= len(beats):
            symbols = [[symbol for symbol, start in chords if start <= t + EARLY][-1:] for t, _ in beats[i:j]]
            bars.append(tuple(symbol[0] if symbol else "N" for symbol in symbols))
    return bars


def period_of(bars: Sequence[Sequence[str]], last: bool) -> int:
    """Return after how many bars a progression comes again, so that it explains all of `bars`; at most eight."""
    rows = list(bars) if last else list(bars)[::-1]
    found = next(p for p in range(1, len(rows) + 1) if all(rows[i] == rows[i - p] for i in range(p, len(rows))))
    return min(found, LONGEST_PERIOD)


def _symbol(bars: Sequence[Sequence[str]], bar: int, beat: int, meter: int) -> str | None:
    """Return the chord of a beat, counted from a bar's first one, of bars that come again after their end or before
    their beginning."""
    if not bars:
        return None
    bar, beat = bar + beat // meter, beat % meter
    if bar >= len(bars):
        period = period_of(bars, last=True)
        bar = len(bars) - period + (bar - len(bars)) % period
    elif bar < 0:
        bar %= period_of(bars, last=False)
    return bars[bar][min(beat, len(bars[bar]) - 1)]
