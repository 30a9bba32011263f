"""The form of a long piece that states none: sections after its style, with players, energy and chords of their own.

A pop song has verses and choruses, a house track build-ups and drops, a jazz standard a theme and solos. Sections of
one name have the same length in bars, the same players, energy and chords, so that they are recognised when they
return. What is open is chosen by seed, field by field, as everything else in a plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

from augmentation.compose.styles import FORMS, STYLES, Form
from augmentation.reading.readers.arrangement import Word
from munet.music import Key, MusicPlan, Section, theme_of
from munet.music.checks import PITCH_RANGE
from munet.music.degrees import degree_chord
from munet.music.instruments import CLASS_OF
from munet.music.notation import ChordLine
from mustango_app.planning.asked import Asked
from mustango_app.planning.band import DEFAULT_STYLE
from mustango_app.planning.choices import progressions
from mustango_app.planning.form import Frame, allows_sections, energy_within
from mustango_app.planning.form_moments import Moment, distance, moved
from mustango_app.planning.rhythm import in_rhythm
from mustango_app.planning.turns import moment_of
from mustango_app.planning.within import cast, sections_spoken_of

SHORTEST = 40.0  # seconds from which a piece has a form
_SECTION, _ANY = (8.0, 40.0), (4.0, 120.0)  # seconds that a verse or chorus lasts, and where nothing else fits
_USUAL = (14.0, 30.0)  # what is usual in short pieces and in long ones,
_SHARE = 1 / 8  # and as a share of the piece
_MULTIPLES = (1, 2, 4, 8)  # bars of a verse, in turns of its chords
_TURNS = (1, 2, 4, 8, 16)  # bars of chords that fit into any verse
_MOST_ROUNDS = 16
_GROUP = 3  # rounds after which the middle comes in between
_ALIKE = 0.25  # how much worse than the best a form may fit and still be chosen
_LACKING = 0.6  # how much worse a piece is without an intro or outro,
_LONG_INTRO = 0.2  # or with an intro as long as a verse
_FOUNDATION = ("drums", "bass", "synth bass")
_THEMES = ("verse", "pre-chorus", "chorus", "bridge", "hook", "drop", "breakdown", "theme", "episode")
# Whose chords a section plays if not its own.
_CHORDS_OF = MappingProxyType({"build-up": "drop", "solo": "theme"})


@dataclass(frozen=True)
class _Layout:
    """Names and bars of sections, and how badly they fit, from 0 on."""

    names: tuple[str, ...]
    bars: tuple[int, ...]
    misfit: float


def has_form(asked: Asked, duration: float) -> bool:
    """Whether a piece of `duration` seconds gets sections that nobody asked for."""
    free = "sections" not in asked.given and not asked.plan.loop and allows_sections(asked)
    return free and duration >= SHORTEST


def chosen_sections(asked: Asked, frame: Frame, style: Word | None, line: ChordLine | None) -> tuple[Section, ...]:
    """Return the sections of a long piece, the last of which lasts to its end; none if it has too few bars.

    Args:
        asked: the request; what it fixes of players and energy leaves sections none of their own.
        frame: what holds for the whole piece.
        style: the word for it.
        line: the chords that are stated; without any each theme gets a progression of its own.
    """
    form = FORMS[STYLES[frame.style if frame.style in STYLES else DEFAULT_STYLE].form]
    moments, spoken = stated_moments(asked, frame), sections_spoken_of(asked)
    asked_for = {*spoken, *(one.name for one in asked.reading.tagged if one.text), *(moment.name for moment in moments)}
    if not all(_has(form, name) for name in asked_for):  # "the drop comes at 1:00", of no dance
        form = next((one for one in FORMS.values() if all(_has(one, name) for name in asked_for)), form)
    themes = _themes(asked, frame, style, form)
    turn = _bars(themes[form.rounds[0]] if line is None else line)
    turn = turn if turn < max(_TURNS) and turn not in _TURNS else 4
    layouts = list(_layouts(form, frame, turn, _SECTION)) or list(_layouts(form, frame, turn, _ANY))
    layouts = list(_put_at(layouts, moments)) if moments else layouts
    layouts = [layout for layout in layouts if asked_for.issubset(layout.names)]
    if not layouts:
        return ()
    layouts.sort(key=lambda layout: layout.misfit)
    layout = asked.pick("form", [one for one in layouts if one.misfit <= layouts[0].misfit + _ALIKE])
    casts = _casts(asked, frame.band, form)
    sections = []
    for number, (name, bars) in enumerate(zip(layout.names, layout.bars, strict=True)):
        players = cast(asked.reading, frame, casts[name] or frame.band, layout.names, number) if spoken else casts[name]
        sections.append(
            Section(
                name,
                bars,
                chords=_chords(themes[name], bars, frame, name == "outro") if line is None else None,
                instruments=None if "instruments" in asked.given else players,
                energy=None if "energy" in asked.given else energy_within(frame.energy, name),
            )
        )
    return (*sections[:-1], sections[-1].with_(bars=None))


def theme_lines(sections: Sequence[Section]) -> list[int]:
    """Return for each section which of several progressions it has: verse, chorus and the like have their own."""
    own = [name for name in dict.fromkeys(theme_of(section.name) for section in sections) if name in _THEMES]
    return [own.index(name) if (name := theme_of(section.name)) in own else 0 for section in sections]


def with_tune_again(plan: MusicPlan) -> MusicPlan:
    """Return a plan whose melody comes back with its section, in the key and tempo there.

    Only where a section that returns has no notes of its own.
    """
    notes, first = list(plan.melody or ()), {}
    for part in plan.parts() if plan.melody and plan.sections else ():
        origin = first.setdefault(theme_of(part.name), part)
        if origin is part or any(part.start <= start < part.end for _, start, _ in notes):
            continue
        keys = [Key.parse(one.key).tonic_pc if one.key else 0 for one in (origin, part)]
        steps = (keys[1] - keys[0] + 6) % 12 - 6
        slower = (origin.bpm or 1.0) / (part.bpm or 1.0)
        for pitch, start, end in plan.melody or ():
            if origin.start <= start < origin.end:
                moved = [part.start + (second - origin.start) * slower for second in (start, min(end, origin.end))]
                if moved[0] < part.end:
                    notes.append((_playable(pitch + steps), round(moved[0], 9), round(min(moved[1], part.end), 9)))
    return plan.with_(melody=sorted(notes, key=lambda note: note[1])) if len(notes) > len(plan.melody or ()) else plan


def _playable(pitch: int) -> int:
    return pitch - 12 if pitch > PITCH_RANGE[1] else pitch + 12 if pitch < PITCH_RANGE[0] else pitch


# --- which sections, and how long


def stated_moments(asked: Asked, frame: Frame) -> list[Moment]:
    """Return the sections of which the text says when they begin, in their order; none if it speaks of other changes,
    or no form has them all."""
    whole = round(frame.duration * frame.bpm / 60 / frame.meter)
    changes = [change for change in asked.reading.changes if change.kind == "section"]
    if any(change not in changes and not change.section for change in asked.reading.changes):
        return []
    found = [Moment(change.section or "", moment_of(change, frame, whole) or 0) for change in changes]
    formed = any(all(_has(form, moment.name) for moment in found) for form in FORMS.values())
    return sorted(found, key=lambda moment: moment.bar) if formed else []


def _has(form: Form, name: str) -> bool:
    return name in (*form.rounds, form.middle, form.closing, "intro", "outro")


def _put_at(layouts: Sequence[_Layout], moments: Sequence[Moment]) -> Iterator[_Layout]:
    """Yield layouts in which the sections that are named begin at their bars; the farther they move, the worse."""
    for layout in layouts:
        bars = moved(layout.names, layout.bars, moments)
        if bars is not None:
            far = distance(layout.names, layout.bars, moments) / max(layout.bars)
            yield _Layout(layout.names, bars, layout.misfit + far)


def _layouts(form: Form, frame: Frame, turn: int, seconds: tuple[float, float]) -> Iterator[_Layout]:
    """Yield ways to fill a piece: verses of one length in turns of so many bars, others half as long, an ending."""
    bar = 60 * frame.meter / frame.bpm
    total, usual = int(frame.duration / bar + 1e-6), min(_USUAL[1], max(_USUAL[0], _SHARE * frame.duration))
    lengths = [turn * n for n in _MULTIPLES if seconds[0] <= turn * n * bar <= seconds[1]]
    for long in lengths or [max(2, round(usual / bar))]:
        half = max(1, long // 2)
        for names, intro, middle in product(_orders(form), (half, long), (half, long)):
            own = {"intro": intro, form.middle: middle, "outro": half}
            bars = [own.get(name, long) for name in names]
            rest = total - sum(bars[:-1])
            if not max(1, half // 2) <= rest <= bars[-1] + half:
                continue
            misfit = abs(rest - bars[-1]) / long + abs(long * bar - usual) / usual + _LONG_INTRO * (intro == long)
            misfit += _LACKING * ((names[0] != "intro") + (names[-1] != "outro"))
            yield _Layout(names, (*bars[:-1], rest), misfit)


def _orders(form: Form) -> Iterator[tuple[str, ...]]:
    """Yield orders of sections, of every number of rounds with and without a last return, an intro and an outro."""
    middle = (form.middle,) if form.middle else ()
    body: tuple[str, ...] = ()
    for rounds in range(1, _MOST_ROUNDS + 1):
        body = (*body, *(middle if rounds % _GROUP == 1 and rounds > 1 else ()), *form.rounds)
        for whole in (body, (*body, *middle, form.closing)) if middle else ((*body, form.closing),):
            yield whole
            yield ("intro", *whole)
            yield ("intro", *whole, "outro")


# --- what each plays


def _themes(asked: Asked, frame: Frame, style: Word | None, form: Form) -> Mapping[str, ChordLine]:
    """Return the chords of every kind of section, each theme with a progression of its own as far as there are any."""
    lines = [in_rhythm(asked.reading, line, frame.meter) for line in progressions(asked, frame.key, style)]
    fits = [line for line in lines if _bars(line) == _bars(lines[0]) or _bars(line) in (2, 4, 8)] or lines
    own: dict[str, ChordLine] = {}
    for name in dict.fromkeys((*form.rounds, *([form.middle] if form.middle else []))):
        shared = own.get(_CHORDS_OF.get(name, ""))
        own[name] = shared or fits[len(set(own.values())) % len(fits)]
    if "build-up" in own:
        own["build-up"] = own["drop"]
    return MappingProxyType({**own, "intro": own[form.rounds[0]], "outro": own[form.closing]})


def _bars(line: ChordLine) -> int:
    """Return the bars of a line, a bar a chord where it has none of its own."""
    return len(line.bars or line.symbols)


def _chords(theme: ChordLine, bars: int, frame: Frame, ends: bool) -> tuple[str, ...]:
    """Return the chords of so many bars; an ending arrives at the tonic."""
    symbols, key = list(theme.over(bars, frame.meter)), frame.key
    if ends:
        symbols[-1] = str(degree_chord("i" if key.is_minor else "I", key))
    return tuple(symbols)


def _casts(asked: Asked, band: tuple[str, ...], form: Form) -> Mapping[str, tuple[str, ...] | None]:
    """Return who plays in each kind of section: everyone where a piece is fullest, fewer before and after."""
    tonal = [name for name in band if CLASS_OF.get(name, name) not in _FOUNDATION]
    drums = [name for name in band if CLASS_OF.get(name, name) == "drums"]

    def without(*names: str) -> tuple[str, ...]:
        return tuple(name for name in band if name not in names) or band

    alone = asked.pick("form intro", [(name,) for name in tonal or band])
    fewer = without(asked.pick("form verse", tonal[1:])) if len(tonal) > 1 else band
    quiet = without(*drums) if drums and len(band) > 1 else fewer
    opening = (*drums, *alone) if form.middle == "breakdown" and drums else alone
    beatless = tuple(name for name in tonal if name in quiet) or quiet
    casts = {"verse": fewer, "chorus": band, "bridge": quiet, "build-up": quiet, "drop": band, "breakdown": beatless,
             "theme": band, "solo": fewer, "episode": quiet, "intro": opening, "outro": opening}  # fmt: skip
    return MappingProxyType(dict(casts))
