"""Plans moved, stretched, cut and joined; every field follows (`MusicPlan.transpose` and its neighbours).

Times are seconds, tempo is beats per minute (BPM).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from munet.music.checks import DURATION_RANGE, PlanError, check_integer, check_number
from munet.music.chords import Chord
from munet.music.grid import EPSILON
from munet.music.keys import Key
from munet.music.layout import Laid
from munet.music.sections import Part, Section, Tempo

if TYPE_CHECKING:
    from munet.music.plan import MusicPlan

_DIGITS = 9  # decimals of seconds that are kept


def transpose(plan: MusicPlan, semitones: int) -> MusicPlan:
    """Move keys, chords and melody; see `MusicPlan.transpose`."""
    semitones = check_integer("semitones", semitones, (-127, 127))
    parts = plan.parts()
    return plan.with_(
        key=plan.key and str(Key.parse(plan.key).transpose(semitones)),
        chords=[(_moved(symbol, _key_at(parts, t), semitones), t) for symbol, t in plan.chords or ()],
        melody=[(pitch + semitones, start, end) for pitch, start, end in plan.melody or ()],
        sections=[_transposed(section, plan.key, semitones) for section in plan.sections or ()],
    )


def _moved(symbol: str, key: str | None, semitones: int) -> str:
    """Move a chord as its key moves, which keeps the spelling of degrees; without a key by itself."""
    chord = Chord.parse(symbol)
    if key is None:
        return str(chord.transpose(semitones))
    old = Key.parse(key)
    return str(chord.shift(old, old.transpose(semitones)))


def _key_at(parts: Sequence[Part], second: float) -> str | None:
    return next((part.key for part in reversed(parts) if part.start <= second + EPSILON), parts[0].key)


def _transposed(section: Section, key: str | None, semitones: int) -> Section:
    home = section.key or key
    chords = tuple(_moved(symbol, home, semitones) for symbol in section.chords or ())
    moved = section.key and str(Key.parse(section.key).transpose(semitones))
    return section.with_(key=moved, chords=chords or None)


def stretch(plan: MusicPlan, factor: float) -> MusicPlan:
    """Play a plan `factor` times as fast; see `MusicPlan.stretch`."""
    factor = check_number("factor", factor, (0.01, 100.0))
    return plan.with_(
        bpm=plan.bpm and plan.bpm * factor,
        chords=[(symbol, t / factor) for symbol, t in plan.chords or ()],
        beats=[(t / factor, position) for t, position in plan.beats or ()],
        duration=plan.duration and plan.duration / factor,
        melody=[(pitch, start / factor, end / factor) for pitch, start, end in plan.melody or ()],
        sections=[
            section.with_(
                start=None if section.start is None else section.start / factor,
                bpm=_faster(section.bpm, factor),
            )
            for section in plan.sections or ()
        ],
    )


def _faster(tempo: Tempo | None, factor: float) -> Tempo | None:
    if isinstance(tempo, tuple):
        return tempo[0] * factor, tempo[1] * factor
    return tempo and tempo * factor


def crop(plan: MusicPlan, start: float, end: float) -> MusicPlan:
    """Cut a window out of a plan; see `MusicPlan.crop`."""
    start = check_number("start", start, (0.0, DURATION_RANGE[1]))
    end = check_number("end", end, (start, plan.duration or DURATION_RANGE[1]))
    chords = [(symbol, max(0.0, round(t - start, _DIGITS))) for symbol, t in plan.chords or () if t < end]
    begun = [symbol for symbol, t in chords if t == 0] or (["N"] if plan.chords else [])
    beats = [(round(t - start, _DIGITS), position) for t, position in plan.beats or () if t < end]
    changes: dict[str, Any] = {
        "chords": [(symbol, 0.0) for symbol in begun[-1:]] + [(symbol, t) for symbol, t in chords if t > 0],
        "beats": [(abs(t), position) for t, position in beats if t >= 0],
        "duration": round(end - start, _DIGITS),
        "melody": _notes_within(plan.melody or (), start, end),
        "loop": plan.loop and start == 0 and end == plan.duration,
    }
    laid = [part for part in plan.laid() if part.start < end - EPSILON and part.end > start + EPSILON]
    if laid:
        first = laid[0]
        home = {"bpm": first.tempo_at(start), "meter": first.meter, "key": first.section.key or plan.key}
        if start == 0:  # what is inherited then stays what it is
            home |= {name: getattr(plan, name) for name in home if getattr(plan, name) is not None}
        changes |= home | {"sections": _cut_all(laid, start, end, plan, home)}
    return plan.with_(**changes)


def _notes_within(
    melody: Sequence[tuple[int, float, float]], start: float, end: float
) -> list[tuple[int, float, float]]:
    moved = [
        (pitch, max(0.0, round(a - start, _DIGITS)), round(min(b, end) - start, _DIGITS))
        for pitch, a, b in melody
        if a < end and b > start
    ]
    return [note for note in moved if note[2] > note[1]]


def _cut_all(laid: Sequence[Laid], start: float, end: float, plan: MusicPlan, home: dict[str, Any]) -> list[Section]:
    """Return the sections of a window; a tempo that is inherited, from the plan or a ramp, is not stated."""
    sections, inherited = [], home["bpm"]
    for part in laid:
        section = _cut(part, start, end, plan, home)
        if part.section.bpm is None and section.bpm == inherited:
            section = section.with_(bpm=None)
        elif isinstance(section.bpm, tuple):
            inherited = section.bpm[1]
        sections.append(section)
    return sections


def _cut(laid: Laid, start: float, end: float, plan: MusicPlan, home: dict[str, Any]) -> Section:
    """Return a section within a window, stating what it can no longer inherit from `home`."""
    first, last = max(start, laid.start), min(end, laid.end)
    whole = abs(first - laid.start) < EPSILON and abs(last - laid.end) < EPSILON
    ramp = laid.tempo_at(first), laid.tempo_at(last)
    key = laid.section.key or plan.key
    kept = {} if whole else {"bars": None, "chords": None}
    return laid.section.with_(
        start=round(first - start, _DIGITS),
        bpm=ramp if ramp[0] != ramp[1] else ramp[0],
        meter=laid.section.meter or (None if laid.meter == home["meter"] else laid.meter),
        key=laid.section.key or (None if key == home["key"] else key),
        **kept,
    )


def concatenate(first: MusicPlan, second: MusicPlan) -> MusicPlan:
    """Join two plans; see `MusicPlan.concatenate`."""
    if first.duration is None:
        raise PlanError("duration", "a duration of the plan that comes first", None)
    if (first.chords is None) != (second.chords is None):
        raise PlanError("chords", "chords in both plans or in neither", first.chords or second.chords)
    seam = first.duration
    later = [(symbol, round(t + seam, _DIGITS)) for symbol, t in second.chords or ()]
    if first.chords and later and later[0] == (first.chords[-1][0], seam):
        del later[0]
    return first.with_(
        chords=[*(first.chords or ()), *later],
        beats=[*(first.beats or ()), *((round(t + seam, _DIGITS), position) for t, position in second.beats or ())],
        duration=second.duration and round(seam + second.duration, _DIGITS),
        melody=_joined_melody(first, second, seam),
        sections=_joined_sections(first, second, seam),
        loop=first.loop and second.loop,
        notes=(*first.notes, *second.notes),
        **{name: getattr(first, name) or getattr(second, name) for name in ("bpm", "meter", "key")},
    )


def _joined_melody(first: MusicPlan, second: MusicPlan, seam: float) -> list[tuple[int, float, float]]:
    before = list(first.melody or ())
    after = [(p, round(a + seam, _DIGITS), round(b + seam, _DIGITS)) for p, a, b in second.melody or ()]
    if before and after and before[-1][0] == after[0][0] and after[0][1] - before[-1][2] < EPSILON:
        pitch, start, _ = before.pop()
        after[0] = pitch, start, after[0][2]
    return before + after


def _joined_sections(first: MusicPlan, second: MusicPlan, seam: float) -> list[Section]:
    """Return no sections where nothing differs, else those of both; a plan without any counts as one."""
    shared = ("bpm", "meter", "key", "instruments", "energy")
    if not first.sections and not second.sections and all(
        getattr(second, name) in (None, getattr(first, name)) for name in shared
    ):  # fmt: skip
        return []
    return [*_own_sections(first, first, 0.0, "first"), *_own_sections(second, first, seam, "second")]


def _own_sections(plan: MusicPlan, home: MusicPlan, seam: float, name: str) -> list[Section]:
    """Return the sections of a plan from `seam` on, stating what they would inherit otherwise from `home`."""
    if not plan.sections:
        rows = [(Section(name), 0.0, plan.bpm)]
    else:
        rows = [(laid.section, laid.start, _tempo(laid)) for laid in plan.laid()]
    found = []
    for section, start, tempo in rows:
        own = {
            field: getattr(plan, field)
            for field in ("meter", "key", "instruments", "energy")
            if getattr(section, field) is None and getattr(plan, field) != getattr(home, field)
        }
        found.append(section.with_(start=round(seam + start, _DIGITS), bpm=section.bpm or tempo, **own))
    return found


def _tempo(laid: Laid) -> Tempo:
    return laid.ramp if laid.ramp[0] != laid.ramp[1] else laid.ramp[0]
