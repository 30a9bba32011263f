"""The `MusicPlan`: everything that the music is asked to be, as one typed value, JSON in and out.

Times are seconds, tempo is beats per minute (BPM). Plans are immutable: methods return new ones. Whatever is not
understood raises `PlanError`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any

from munet.music import completion, edits, splice
from munet.music.checks import (
    BEAT_UNITS,
    BPM_RANGE,
    DURATION_RANGE,
    ENERGIES,
    METER_RANGE,
    PITCH_RANGE,
    PlanError,
    check_choice,
    check_instruments,
    check_integer,
    check_number,
    check_rows,
    check_text,
)
from munet.music.chords import Chord
from munet.music.layout import Laid, lay_out
from munet.music.notes import Note
from munet.music.sections import Part, Section, check_key

CORE = ("bpm", "meter", "key", "chords", "beats", "duration")  # what a complete plan states


@dataclass(frozen=True)
class MusicPlan:
    """The typed request about the music; None is "not asked for". Checked and put in canonical form when made.

    Args:
        bpm: tempo in beats per minute, 30 to 300.
        meter: beats per bar, 1 to 15.
        key: what `Key.parse` reads, held as "C minor" or "D dorian".
        chords: (symbol, start second), ascending, symbols held in canonical form; an empty sequence is held as None.
        beats: (second, position in the bar, 1 = downbeat), ascending; an empty sequence is held as None.
        duration: seconds, 0.5 to 600; no chord or beat comes later.
        beat_unit: the note that a beat is and `bpm` counts, one of `BEAT_UNITS`; None is a quarter.
        style: one of the composer's styles.
        instruments: who plays, names of instruments or of their classes; an empty sequence is held as None.
        energy: "calm", "moderate" or "energetic".
        melody: the top line as (MIDI pitch, start, end), ascending and in one voice: a note that lasts into the next
            one or past the duration is held as ending there.
        sections: what differs from place to place; the first starts at 0. What they say of tempo, metre and chords is
            folded into `beats` and `chords` by `complete`, and those stay the truth.
        loop: the end leads into the beginning; takes whole bars.
        notes: what became of the words that the plan was read from; not compared.
    """

    bpm: float | None = None
    meter: int | None = None
    key: str | None = None
    chords: tuple[tuple[str, float], ...] | None = None
    beats: tuple[tuple[float, int], ...] | None = None
    duration: float | None = None
    beat_unit: str | None = None
    style: str | None = None
    instruments: tuple[str, ...] | None = None
    energy: str | None = None
    melody: tuple[tuple[int, float, float], ...] | None = None
    sections: tuple[Section, ...] | None = None
    loop: bool = False
    notes: tuple[Note, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        self._hold("bpm", lambda value: check_number("bpm", value, BPM_RANGE))
        self._hold("meter", lambda value: check_integer("meter", value, METER_RANGE))
        self._hold("key", lambda value: check_key("key", value))
        self._hold("duration", lambda value: check_number("duration", value, DURATION_RANGE))
        self._hold("beat_unit", lambda value: check_choice("beat_unit", value, BEAT_UNITS))
        self._hold("style", lambda value: check_text("style", value))
        self._hold("instruments", lambda value: check_instruments("instruments", value))
        self._hold("energy", lambda value: check_choice("energy", value, ENERGIES))
        self._hold("sections", lambda value: _sections(value, self.duration))
        self._hold("chords", self._checked_chords)
        self._hold("beats", self._checked_beats)
        self._hold("melody", self._checked_melody)
        self._hold("notes", _notes)
        if not isinstance(self.loop, bool):
            raise PlanError("loop", "true or false", self.loop)
        if self.loop:
            completion.check_loop(self)

    def _hold(self, name: str, check: Any) -> None:
        value = getattr(self, name)
        object.__setattr__(self, name, None if value is None else check(value))

    def _checked_chords(self, value: object) -> tuple[tuple[str, float], ...] | None:
        span, rows = self._span(), check_rows("chords", value, "symbol, start second")
        chords = [(str(Chord.parse(symbol)), check_number("chords", t, span)) for symbol, t in rows]
        _check_ascending("chords", [t for _, t in chords])
        return tuple(chords) or None

    def _checked_beats(self, value: object) -> tuple[tuple[float, int], ...] | None:
        # Sections may have longer bars than the plan's metre.
        highest = max([section.meter or 0 for section in self.sections or ()], default=0)
        places = (1, max(self.meter, highest) if self.meter else METER_RANGE[1])
        rows = check_rows("beats", value, "second, position in the bar")
        beats = [(check_number("beats", t, self._span()), check_integer("beats", at, places)) for t, at in rows]
        _check_ascending("beats", [t for t, _ in beats])
        return tuple(beats) or None

    def _checked_melody(self, value: object) -> tuple[tuple[int, float, float], ...] | None:
        rows, low_high = check_rows("melody", value, "MIDI pitch, start second, end second"), (0.0, DURATION_RANGE[1])
        notes = [
            (check_integer("melody", p, PITCH_RANGE), check_number("melody", a, self._span()),
             check_number("melody", b, low_high))
            for p, a, b in rows
        ]  # fmt: skip
        starts = [start for _, start, _ in notes]
        _check_ascending("melody", starts)
        if any(end <= start for _, start, end in notes):
            raise PlanError("melody", "notes that end after they start", tuple(notes))
        limits = [*starts, self._span()[1]][1:]
        held = [(pitch, start, min(end, limit)) for (pitch, start, end), limit in zip(notes, limits, strict=True)]
        return tuple(note for note in held if note[2] > note[1]) or None

    def _span(self) -> tuple[float, float]:
        return 0.0, self.duration or DURATION_RANGE[1]

    @property
    def is_complete(self) -> bool:
        """Whether tempo, metre, key, chords, beats and duration are all given."""
        return all(getattr(self, name) is not None for name in CORE)

    @property
    def length(self) -> float:
        """Seconds: the duration, or without one the last time that is stated."""
        melody = [end for _, _, end in self.melody or ()]
        return self.duration or max([*self.beat_times(), *(t for _, t in self.chords or ()), *melody], default=0.0)

    def complete(self, chord_symbols: Sequence[str] | None = None, bars: int | None = None) -> MusicPlan:
        """Fill what is not given of tempo, metre, key, chords, beats and duration; what is given stays as it is.

        Tempo and metre come from the sections or the beats, beats from tempo and metre (first downbeat at 0), chords
        from the sections, from `chord_symbols` (for a plan without chords) or the key (I V vi IV; i VI III VII), the
        key from the chords, the duration from the sections or `bars`. Sections get their start seconds.

        Args:
            chord_symbols: one a bar, cycled, from the start of every section that names no chords.
            bars: length in bars, for a plan that has neither duration nor sections.

        Raises:
            PlanError: what is given contradicts itself; the message names the field.
        """
        return completion.complete(self, chord_symbols, bars)

    def parts(self) -> tuple[Part, ...]:
        """Return what holds when, inheritance resolved; one part for a plan without sections."""
        if not self.sections:
            whole = (self.bpm, self.meter, self.key, self.instruments, self.energy, None)
            return (Part(0.0, self.length, "", *whole),)
        return tuple(
            Part(
                laid.start,
                laid.end,
                laid.section.name,
                laid.ramp[0],
                laid.meter,
                laid.section.key or self.key,
                laid.section.instruments or self.instruments,
                laid.section.energy or self.energy,
                laid.section.prompt,
            )
            for laid in self.laid()
        )

    def anywhere(self, field: str) -> tuple[Any, ...]:
        """Return the values that "bpm", "meter" or "key" has anywhere: the plan's own, or those of its sections."""
        own = [getattr(part, field) for part in self.parts()] if self.sections else [getattr(self, field)]
        return tuple(value for value in dict.fromkeys(own) if value is not None)

    def laid(self) -> tuple[Laid, ...]:
        """Return the sections in time, with their tempo ramps; none for a plan without sections."""
        return lay_out(self.sections, self.bpm, self.meter, self.duration, self.beats) if self.sections else ()

    def with_(self, **changes: Any) -> MusicPlan:
        """Return a copy with some fields changed."""
        return MusicPlan.from_dict({**vars(self), **changes})

    def transpose(self, semitones: int) -> MusicPlan:
        """Return the plan with keys, chords and melody moved by `semitones`; a new key, if given, spells the chords."""
        return edits.transpose(self, semitones)

    def stretch(self, factor: float) -> MusicPlan:
        """Return the plan played `factor` times as fast: times divided by it, tempi multiplied."""
        return edits.stretch(self, factor)

    def crop(self, start: float, end: float) -> MusicPlan:
        """Return the plan from `start` to before `end` (seconds); the chord sounding at `start`, or N, begins at 0.

        A section that is cut keeps its name and what holds in it, not its bars and its list of chords. Tempo, metre and
        key of the plan become those at a `start` other than 0. A part of a loop is no loop.
        """
        return edits.crop(self, start, end)

    slice = crop

    def concatenate(self, other: MusicPlan) -> MusicPlan:
        """Return this plan, which has a duration, followed by `other`.

        Where the two differ in what holds, or have sections, the whole gets sections. A chord or a melody note that
        ends one plan and begins the other alike goes on.
        """
        return edits.concatenate(self, other)

    def splice(self, start: float, end: float, middle: MusicPlan, name: str = "new") -> MusicPlan:
        """Return the plan with `middle` in place of what it has from `start` to `end` (seconds); what follows moves.

        Where the two differ in what holds, or have sections, the whole gets sections; that of a middle without any is
        called `name`. With `start` equal to `end` the middle is inserted there.
        """
        return splice.splice(self, start, end, middle, name)

    def prolong(self, duration: float) -> MusicPlan:
        """Return a complete plan that goes on to `duration` (seconds) in its last tempo, metre and chord."""
        return splice.prolong(self, duration)

    def given(self) -> dict[str, Any]:
        """Return the fields that ask for something, by name."""
        return {item.name: value for item in fields(self) if (value := getattr(self, item.name)) != item.default}

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as lists, mappings and plain numbers: the first six always, others where given."""
        values = {name: getattr(self, name) for name in CORE} | self.given()
        return {name: _plain(value) for name, value in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MusicPlan:
        """Return the plan of some fields; an unknown one is an error."""
        names = [item.name for item in fields(cls)]
        if not isinstance(values, Mapping) or not set(values) <= set(names):
            raise PlanError("plan", f"a mapping with fields among {names}", values)
        defaults = {"loop": False, "notes": ()}
        return cls(**{name: defaults.get(name) if value is None else value for name, value in values.items()})

    def to_json(self) -> str:
        """Return the plan as one line of JSON."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> MusicPlan:
        """Return the plan of a JSON object."""
        try:
            return cls.from_dict(json.loads(text))
        except json.JSONDecodeError:
            raise PlanError("plan", "a JSON object", text) from None

    def chord_intervals(self) -> list[tuple[float, float, Chord]]:
        """Return (start, end, chord), seconds; the last chord lasts to the duration (without one, no time)."""
        starts = [t for _, t in self.chords or ()]
        ends = [*starts[1:], self.duration or max(starts, default=0.0)]
        return [(start, end, Chord.parse(c)) for (c, start), end in zip(self.chords or (), ends, strict=False)]

    def beat_times(self) -> tuple[float, ...]:
        """Return the seconds of all beats."""
        return tuple(t for t, _ in self.beats or ())

    def downbeat_times(self) -> tuple[float, ...]:
        """Return the seconds of the first beats of the bars."""
        return tuple(t for t, position in self.beats or () if position == 1)


def _plain(value: Any) -> Any:
    if isinstance(value, Section):
        return value.to_dict()
    if isinstance(value, Note):
        return vars(value).copy()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _check_ascending(argument: str, times: Sequence[float]) -> None:
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise PlanError(argument, "ascending times", tuple(times))


def _sections(value: object, duration: float | None) -> tuple[Section, ...] | None:
    if not isinstance(value, list | tuple):
        raise PlanError("sections", "a sequence of sections", value)
    sections = tuple(item if isinstance(item, Section) else Section.from_dict(item) for item in value)
    starts = [section.start for section in sections if section.start is not None]
    _check_ascending("sections", starts)
    if sections and (sections[0].start or 0.0) > 0:
        raise PlanError("sections", "the first to start at 0 s", sections[0].start)
    if starts and duration is not None and starts[-1] >= duration:
        raise PlanError("sections", f"starts before the duration, {duration:g} s", starts[-1])
    return sections or None


def _notes(value: Iterable[Any]) -> tuple[Note, ...]:
    if not isinstance(value, list | tuple):
        raise PlanError("notes", "a sequence of notes", value)
    return tuple(item if isinstance(item, Note) else Note.from_dict(item) for item in value)
