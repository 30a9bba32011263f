"""What a plan leaves open, filled so that all of it agrees (`MusicPlan.complete`).

Times are seconds, tempo is beats per minute (BPM).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from munet.music.checks import (
    BARS_RANGE,
    BPM_RANGE,
    DEFAULT_BPM,
    DEFAULT_DURATION,
    DEFAULT_KEY,
    DEFAULT_METER,
    PlanError,
    check_integer,
)
from munet.music.grid import beat_grid, spread_chords, without_repeats
from munet.music.keys import Key, estimate_key
from munet.music.layout import TOLERANCE, Laid

if TYPE_CHECKING:
    from munet.music.plan import MusicPlan


def complete(plan: MusicPlan, chord_symbols: Sequence[str] | None = None, bars: int | None = None) -> MusicPlan:
    """Fill what is not given; see `MusicPlan.complete`."""
    if chord_symbols is not None and plan.chords is not None:
        raise PlanError("chord_symbols", "None, as the plan has chords", tuple(chord_symbols))
    if bars is not None and (plan.duration is not None or plan.sections):
        raise PlanError("bars", "None, as duration or sections give the length", bars)
    plan = _with_sections_in_time(plan) if plan.sections else _with_beats(plan, bars)
    if plan.chords is None:
        plan = plan.with_(chords=_chords(plan, chord_symbols))
    return plan if plan.key else plan.with_(key=_key_of(plan))


def check_loop(plan: MusicPlan) -> None:
    """Refuse a loop of which it is known that it has no whole bars.

    Raises:
        PlanError: naming `loop`.
    """
    meter = plan.sections[-1].meter if plan.sections and plan.sections[-1].meter else plan.meter
    if plan.duration is None or meter is None:
        return
    if plan.beats:
        begins = plan.beats[0][0] <= TOLERANCE and plan.beats[0][1] == 1
        if not begins or plan.beats[-1][1] != meter:
            raise PlanError("loop", f"whole bars of {meter} beats from 0 s", plan.beats)
        beats = len(plan.beats) * (1 - TOLERANCE)  # the last beat must have time to sound
    elif plan.bpm and not plan.sections:
        beats = plan.duration * plan.bpm / 60
        if abs(beats / meter - round(beats / meter)) > TOLERANCE or beats < meter * (1 - TOLERANCE):
            raise PlanError("loop", f"whole bars of {meter} beats at {plan.bpm:g} BPM", plan.duration)


def _with_sections_in_time(plan: MusicPlan) -> MusicPlan:
    """Derive beats and duration from the sections, which get their starts."""
    laid = plan.laid()
    beats = plan.beats or tuple(beat for part in laid for beat in part.beats())
    sections = [part.section.with_(start=part.start) for part in laid]
    return plan.with_(
        bpm=plan.bpm or laid[0].ramp[0],
        meter=plan.meter or laid[0].meter,
        key=plan.key or sections[0].key,
        beats=beats,
        duration=plan.duration or laid[-1].end,
        sections=sections,
    )


def _with_beats(plan: MusicPlan, bars: int | None) -> MusicPlan:
    """Derive tempo, metre, beats and duration of a plan without sections."""
    meter = plan.meter or max((position for _, position in plan.beats or ()), default=DEFAULT_METER)
    bpm = plan.bpm or _inferred_bpm(plan, meter)
    if bars is not None:
        duration = round(check_integer("bars", bars, BARS_RANGE) * meter * 60 / bpm, 9)
    elif plan.duration is not None:
        duration = plan.duration
    else:
        duration = max(DEFAULT_DURATION, plan.length + 60 / bpm)
    if plan.loop and not plan.beats:
        whole = max(1, round(duration * bpm / 60 / meter))
        if plan.bpm is None and plan.duration is not None:
            bpm = min(BPM_RANGE[1], max(BPM_RANGE[0], whole * meter * 60 / duration))
        elif plan.duration is None and bars is None:
            duration = round(whole * meter * 60 / bpm, 9)
    return plan.with_(bpm=bpm, meter=meter, beats=plan.beats or beat_grid(bpm, meter, duration), duration=duration)


def _inferred_bpm(plan: MusicPlan, meter: int) -> float:
    gaps = [later - earlier for earlier, later in pairwise(plan.beat_times() or [t for _, t in plan.chords or ()])]
    if not gaps or plan.beats:
        return 60 / median(gaps) if gaps else DEFAULT_BPM
    # The shortest chord is a bar, halved or doubled to a usual tempo, so that even chords sit on beats.
    bpm = 60 * meter / min(gaps)
    return bpm * 2.0 ** math.ceil(math.log2(70 / bpm))


def _chords(plan: MusicPlan, chord_symbols: Sequence[str] | None) -> tuple[tuple[str, float], ...]:
    """Spread the chords of each section, or of the whole, over its beats."""
    home = plan.key or _key_of_sections(plan)
    if not plan.sections:
        symbols = chord_symbols if chord_symbols is not None else _cycle(home, plan.beats or ())
        return spread_chords(symbols, plan.beats or (), plan.meter or DEFAULT_METER, plan.duration or 0.0)
    placed: list[tuple[str, float]] = []
    for laid in plan.laid():
        beats = [beat for beat in plan.beats or () if laid.start - TOLERANCE <= beat[0] < laid.end - TOLERANCE]
        symbols = laid.section.chords or chord_symbols or _cycle(laid.section.key or home, beats)
        placed += _placed_in(laid, symbols, beats)
    return without_repeats(placed)


def _placed_in(laid: Laid, symbols: Sequence[str], beats: Sequence[tuple[float, int]]) -> list[tuple[str, float]]:
    local = [(max(0.0, t - laid.start), position) for t, position in beats]
    spread = spread_chords(symbols, local, laid.meter, laid.end - laid.start, laid.section.name)
    return [(symbol, round(laid.start + t, 9)) for symbol, t in spread]


def _cycle(key: str, beats: Sequence[tuple[float, int]]) -> list[str]:
    bars = max(1, sum(position == 1 for _, position in beats))
    return [str(chord) for chord in Key.parse(key).progression()[:bars]]


def _key_of_sections(plan: MusicPlan) -> str:
    """Return the key that the chords of sections without a key of their own suggest."""
    stated = [section.chords for section in plan.sections or () if section.chords and not section.key]
    spans = [(symbol, 1.0) for symbols in stated for symbol in symbols if symbol != "N"]
    return str(estimate_key(spans)) if spans else DEFAULT_KEY


def _key_of(plan: MusicPlan) -> str:
    spans = [(chord, end - start) for start, end, chord in plan.chord_intervals()]
    sounds = any(seconds > 0 and not chord.is_none for chord, seconds in spans)
    return str(estimate_key(spans)) if sounds else DEFAULT_KEY
