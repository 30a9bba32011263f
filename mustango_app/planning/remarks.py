"""Notes: what each statement of a text became, and what could not be used and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from augmentation.reading.readers.changes import Change
from augmentation.reading.readers.ends import ALONE
from augmentation.reading.readers.harmonic_rhythm import HarmonicRhythm
from augmentation.reading.tokens import Kind
from munet.music import MusicPlan, Note, Section, tempo_word, theme_of
from mustango_app.planning.asked import Asked
from mustango_app.planning.choices import has_bars
from mustango_app.planning.note_rows import Rows, negation_before, row, section_at, stated
from mustango_app.planning.source import Source
from mustango_app.planning.translate import ENGLISH, UNKNOWN, Translation
from mustango_app.planning.words_noted import notes_on_words

_NO_ROOM = "there is no time for it, or the sections say otherwise"
_FIELDS = MappingProxyType(
    {"key": "key", "tempo": "bpm", "meter": "meter", "length": "duration", "chords": "chords"}
)  # what a text calls a field


def make_notes(asked: Asked, plan: MusicPlan, sources: Mapping[str, Source]) -> tuple[Note, ...]:
    """Return the notes on a finished plan, in the order of the text."""
    notes = [
        *_rhythm(asked, plan),
        *_harmony(asked, plan),
        *_length(asked, plan),
        *_loop(asked, plan),
        *_players(asked, plan),
    ]
    notes += [*notes_on_words(asked, plan, sources), *_changes(asked, plan), *_within(asked, plan)]
    notes += [*_told(asked, plan), *_unused(asked)]
    seen: set[str] = set()
    ordered = []
    for _, note in sorted(notes, key=lambda pair: pair[0]):
        if note.statement and (key := f"{note.statement}|{note.field}") not in seen:
            seen.add(key)
            ordered.append(note)
    return tuple(ordered)


def _rhythm(asked: Asked, plan: MusicPlan) -> Rows:
    reading, unit = asked.reading, plan.beat_unit
    for one in reading.tempos:
        outcome = f"{plan.bpm:g} BPM" + (f", {unit} notes counted" if unit else "")
        if one.value.low is not None and one is reading.tempo:
            outcome = f"the middle of {one.value.low:g} to {one.value.high:g}: {outcome}"
        ramps = [section.bpm for section in plan.sections or () if isinstance(section.bpm, tuple)]
        if ramps and (one.value.to or one is not reading.tempo):
            yield row(asked, one.first, one.last, "sections", f"from {ramps[0][0]:g} to {ramps[-1][1]:g} BPM", True)
        elif one.rank == 3 and one is not reading.tempo:
            low_high = f"{reading.said(reading.tempo)!r} counts" if reading.tempo else ""
            yield row(asked, one.first, one.last, "bpm", f"{low_high}: {outcome}, {tempo_word(plan.bpm or 120)}", False)
        elif one is not reading.tempo and (own := section_at(asked, plan, one.first)) and own.bpm == one.value.bpm:
            yield row(asked, one.first, one.last, "sections", f"{own.name}: {own.bpm:g} BPM", "bpm" not in asked.given)
        elif one is reading.tempo or one.value.bpm != (reading.tempo.value.bpm if reading.tempo else None):
            yield stated(asked, one, reading.tempo, outcome, "bpm")
    meter = f"{plan.meter} beats a bar"
    for one in reading.meters:
        if one.first in (*reading.arrangement.denied, *(change.first for change in reading.changes)):
            continue
        own = section_at(asked, plan, one.first)
        if one is not reading.meter and own is not None and own.meter == one.value[0]:
            outcome = f"{own.name}: {own.meter} beats a bar"
            yield row(asked, one.first, one.last, "sections", outcome, "meter" not in asked.given)
        elif one is reading.meter or one.value[0] != (reading.meter.value[0] if reading.meter else 0):
            yield stated(asked, one, reading.meter, meter, "meter")


def _harmony(asked: Asked, plan: MusicPlan) -> Rows:
    reading = asked.reading
    later = {section.key for section in plan.sections or ()}
    for one in reading.keys:
        if reading.chords and reading.chords.first <= one.first < reading.chords.last:
            continue
        if str(one.value) == plan.key and "key" not in asked.given:
            yield row(asked, one.first, one.last, "key", str(plan.key), True)
        elif str(one.value) in later and str(one.value) != plan.key:
            yield row(asked, one.first, one.last, "sections", f"a section in {one.value}", True)
        elif one is reading.key or one.value != (reading.key.value if reading.key else None):
            yield stated(asked, one, reading.key, str(plan.key), "key")
    for one in reading.modes:
        own = section_at(asked, plan, one.first)
        in_mode = (plan.key or "").endswith(one.value)
        if not in_mode and own is not None and (own.key or "").endswith(one.value):
            yield row(asked, one.first, one.last, "sections", f"{own.name}: {own.key}", "key" not in asked.given)
        elif not in_mode and any((key or "").endswith(one.value) for key in later):
            yield row(asked, one.first, one.last, "sections", f"a section in {one.value}", True)
        else:
            yield row(asked, one.first, one.last, "key", str(plan.key), in_mode)
    chords = reading.chords
    if chords is not None:
        line = " ".join(symbol for symbol, _ in (plan.chords or ())[:8])
        yield stated(asked, chords, chords, line, "chords")
    if (last := reading.last_chord) is not None:
        used = "chords" not in asked.given
        outcome = f"the last chord: {(plan.chords or (('', 0.0),))[-1][0]}" if used else "the argument wins"
        yield row(asked, last.first, last.last, "chords", outcome, used)
    if (rhythm := reading.harmonic_rhythm) is not None:
        used = not asked.plan.chords and not has_bars(asked)
        outcome = _each_chord(rhythm.value) if used else "the chords have bars or times of their own"
        yield row(asked, rhythm.first, rhythm.last, "chords", outcome, used)


def _each_chord(rhythm: HarmonicRhythm) -> str:
    if rhythm.chords > 1:
        return f"{rhythm.chords} chords a bar"
    return f"each chord lasts {rhythm.count} {rhythm.unit}{'s' if rhythm.count > 1 else ''}"


def _length(asked: Asked, plan: MusicPlan) -> Rows:
    reading = asked.reading
    for one in reading.lengths:
        unit, number = one.value
        if (one is not reading.length and unit == "bars" and plan.sections) or section_at(asked, plan, one.first):
            continue
        outcome = f"{plan.duration:g} s"
        bar = 60 * (plan.meter or 4) / (plan.bpm or 120)
        wanted = number if unit == "seconds" else number * bar
        if one is reading.length and "duration" not in asked.given and wanted - 0.01 > (plan.duration or 0.0):
            yield row(asked, one.first, one.last, "duration", f"cut to the longest that can be made: {outcome}", False)
        else:
            yield stated(asked, one, reading.length, outcome, "duration")


def _loop(asked: Asked, plan: MusicPlan) -> Rows:
    one = asked.reading.loop
    if one is None:
        return
    if "loop" in asked.given:
        outcome = "the argument wins"
    else:
        outcome = f"runs on after {plan.duration:g} s" if plan.loop else "its last section does not end with a bar"
    yield row(asked, one.first, one.last, "loop", outcome, "loop" not in asked.given and plan.loop)


def _players(asked: Asked, plan: MusicPlan) -> Rows:
    found, tokens = asked.reading.arrangement, asked.reading.tokens
    for player in found.players:
        names = [name for name in player.names if _plays(name, plan)]
        if "instruments" in asked.given:
            yield row(asked, player.first, player.last, "instruments", "the argument wins", False)
        elif names and player.near:
            outcome = f"not among the instruments: {', '.join(names)} plays"
            yield row(asked, player.first, player.last, "instruments", outcome, True)
        elif names:
            yield row(asked, player.first, player.last, "instruments", ", ".join(names), True)
        else:
            yield row(
                asked,
                player.first,
                player.last,
                "instruments",
                "plays not: the text says who plays alone, or takes it away",
                False,
            )
    for player in found.removed:
        first = negation_before(tokens, player.first)
        silent = not any(_plays(name, plan) for name in player.names)
        name = player.names[0] if Kind.DRUMLESS in tokens[player.first] else tokens.word(player.first)
        outcome, own = f"no {name}", section_at(asked, plan, player.first)
        if not silent and own is not None and set(player.names).isdisjoint(own.instruments or plan.instruments or ()):
            silent, outcome = True, f"{own.name}: no {name}"
        yield row(
            asked, first, player.last, "instruments", outcome if silent else "asked for elsewhere in the text", silent
        )
    for index in found.tuneless:
        used = "instruments" not in asked.given and "melody" not in asked.given
        outcome = "nobody plays a melody" if used else "the argument wins"
        yield row(asked, negation_before(tokens, index), index + 1, "instruments", outcome, used)


def _plays(name: str, plan: MusicPlan) -> bool:
    return any(
        name in (names or ()) for names in (plan.instruments, *(section.instruments for section in plan.sections or ()))
    )


def _changes(asked: Asked, plan: MusicPlan) -> Rows:
    found = asked.reading.arrangement
    ramped = any(isinstance(section.bpm, tuple) for section in plan.sections or ())
    for change in asked.reading.changes:
        names = ", ".join(section.name for section in plan.sections or ())
        if change.kind in ("faster", "slower"):
            used, outcome = ramped, "the tempo changes evenly" if ramped else "the tempo is fixed"
        elif change.kind == "tempo step":
            used = any(section.bpm for section in plan.sections or ())
            why = "the tempo is fixed" if "bpm" in asked.given else _NO_ROOM
            outcome = "the tempo goes by steps" if used else why
        elif change.kind in ("louder", "softer"):
            energies = list(dict.fromkeys(section.energy for section in plan.sections or () if section.energy))
            used = len(energies) > 1 and "energy" not in asked.given
            path = f"energy: {', '.join(energies)}"
            outcome = path if used else "the energy is fixed, or there is no time for it"
        elif change.kind == "modulate":
            used = any(section.key and section.key != plan.key for section in plan.sections or ())
            outcome = "a section in another key" if used else "the key is fixed, or there is no time for it"
        elif change.kind == ALONE:
            here = {name for player in found.players_at(change.player) for name in player.names}
            bands = [section.instruments for section in plan.sections or () if section.instruments]
            used = "instruments" not in asked.given and any(not here.isdisjoint(band) for band in bands)
            used = used and len(set(bands)) > 1
            outcome = f"sections: {names}" if used else "the same play throughout"
        elif change.kind == "meter":
            metres = [section.meter for section in plan.sections or () if section.meter not in (None, plan.meter)]
            used = bool(metres)
            outcome = f"then {metres[0]} beats a bar" if used else "the metre is fixed, or there is no time for it"
        elif change.kind == "layers":
            used = len({section.instruments for section in plan.sections or ()}) > 2
            outcome = f"sections: {names}" if used else _NO_ROOM
        elif change.kind == "mood":
            used = len({(section.key, section.energy) for section in plan.sections or ()}) > 1
            outcome = f"sections: {names}" if used else "key and energy are fixed, or there is no time for it"
        elif change.kind in ("section", "enter", "leave"):
            begins = any(section.name == change.section for section in plan.sections or ())
            moves = "instruments" not in asked.given and _comes_or_goes(asked, plan, change)
            used = begins if change.kind == "section" else moves
            outcome = f"sections: {names}" if used else _NO_ROOM
        elif slower := next((one for one in plan.sections or () if one.bpm in (plan.bpm / 2, plan.bpm * 2)), None):
            used, outcome = True, f"{slower.name} is counted at {slower.bpm:g} BPM"
        else:
            used, outcome = False, "the tempo stays as it is; the words alone reach the model"
        told = "a loop ends as it begins" if asked.plan.loop and not used else outcome
        yield row(asked, change.first, change.last, "sections", told, used)


def _within(asked: Asked, plan: MusicPlan) -> Rows:
    """Note who plays, or is silent, in the sections that are named for it."""
    for one in asked.reading.within:
        names = {name for index in one.players for each in asked.reading.arrangement.players_at(index)
                 for name in each.names}  # fmt: skip
        parts = [(theme_of(part.name) in one.sections, part.instruments or plan.instruments or ())
                 for part in plan.sections or ()]  # fmt: skip
        heard = [not names.isdisjoint(band) for here, band in parts if here]
        used = "instruments" not in asked.given and bool(heard) and all(plays != one.silent for plays in heard)
        where = ", ".join(one.sections)
        outcome = f"silent in: {where}" if one.silent else f"plays in: {where}"
        told = outcome if used else _NO_ROOM
        yield row(asked, one.first, one.last, "sections", told, used)


def _comes_or_goes(asked: Asked, plan: MusicPlan, change: Change) -> bool:
    """Whether who enters or leaves is silent in a section, and plays in another."""
    found = asked.reading.arrangement
    moved = found.players_at(change.player)
    names = {name for player in moved for name in player.names}
    if any(player.together for player in moved):  # of an orchestra that joins a flute, the others
        names -= {name for player in found.players if player not in moved for name in player.names}
    bands = [set(section.instruments or plan.instruments or ()) for section in plan.sections or ()]
    return len({band.isdisjoint(names) for band in bands}) == 2


def _told(asked: Asked, plan: MusicPlan) -> Rows:
    """Note the sections that prose tells one after the other."""
    told = [tagged for tagged in asked.reading.tagged if tagged.told]
    if told:
        tokens = asked.reading.tokens
        first, last = min(one.start for one in told), max(one.end for one in told)
        at = [at for at, token in enumerate(tokens) if first <= token.start < last]
        used = bool(plan.sections) and "sections" not in asked.given
        outcome = in_words(plan.sections or ()) if used else "the sections are fixed"
        yield row(asked, at[0], at[-1] + 1, "sections", outcome, used)


def _unused(asked: Asked) -> Rows:
    found, tokens = asked.reading.arrangement, asked.reading.tokens
    for index, denied in found.voices:
        last = index + 1
        if tokens.word(last) in ("in", "by") and tokens[last + 1].text[:1].isupper():
            last += 2
        if denied:
            yield row(asked, negation_before(tokens, index), index + 1, None, "nobody sings", True)
        else:
            yield row(asked, index, last, None, "there is no voice: it is left out", False)
    for index, denied in found.effects:
        if not denied:
            yield row(
                asked, index, index + 1, None, f"{tokens[index][Kind.EFFECT]}: the words alone reach the model", False
            )
    for index, token in enumerate(tokens):
        if Kind.DECADE in token and not any(one.first <= index < one.last for one in asked.reading.lengths):
            yield row(asked, index, index + 1, None, "a decade is no field: the words alone reach the model", False)
    yield from _unread_fields(asked)
    for first, last in found.names:
        yield row(asked, first, last, None, "a name is no style: the words alone reach the model", False)


def _unread_fields(asked: Asked) -> Rows:
    """Note the fields that a text names with a value that is not read: "key: random"."""
    reading, tokens = asked.reading, asked.reading.tokens
    known = [*reading.tempos, *reading.meters, *reading.keys, *reading.lengths, *reading.modes]
    known += [reading.chords] if reading.chords else []
    words = {word.index for word in (*reading.arrangement.paces, *reading.arrangement.moods)}  # "tempo: fast"
    for index, token in enumerate(tokens):
        field = _FIELDS.get(token.get(Kind.NAME, ""))
        after = index + 2
        if field is None or tokens.word(index + 1) not in (":", "=") or Kind.PUNCT in tokens[after]:
            continue
        end = next(at for at in range(after, len(tokens) + 1) if tokens.ends(at))
        if words.isdisjoint(range(after, end)) and not any(one.first < end and one.last > index for one in known):
            yield row(asked, index, end, field, "not understood", False)


def in_words(sections: Sequence[Section]) -> str:
    """Return names and bars of sections in a line for people."""
    return ", ".join(f"{section.name} ({section.bars} bars)" if section.bars else section.name for section in sections)


def language_notes(said: Translation) -> tuple[Note, ...]:
    """Return notes on a text that is not English: how it is read, and what in it is not."""
    if said.language == ENGLISH:
        return ()
    if said.language == UNKNOWN:
        return tuple(Note(span, None, "in a language that is not read", False) for span in said.unread)
    read_as = Note(said.name, None, f"read as: {said.english}", True)
    return (read_as, *(Note(span, None, f"{said.name} that is not understood", False) for span in said.unread))


def cut_note(statement: str, outcome: str) -> Note:
    """Return a note on sections of which the end was cut."""
    return Note(statement, "sections", outcome, False)
