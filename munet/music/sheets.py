"""Lead sheets: ChordPro files, and plain text with chords over the words, as plans.

Nothing in a sheet says how long its words last, so each chord takes a bar unless the sheet has bar lines or a grid.
Tempi are quarters per minute, as ChordPro has them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from munet.music.checks import PlanError, check_integer
from munet.music.grid import without_repeats
from munet.music.keys import Key
from munet.music.notation import ChordLine, read_chord_line
from munet.music.notes import Note
from munet.music.plan import MusicPlan
from munet.music.sections import Section
from munet.music.sheet_lines import NAMELESS, SheetLines, collect
from munet.music.symbols import is_german

# Of a beat, by its unit.
QUARTERS = MappingProxyType({None: 1.0, "quarter": 1.0, "dotted quarter": 1.5, "half": 2.0, "eighth": 0.5})


@dataclass(frozen=True)
class LeadSheet:
    """A lead sheet as it was read; None is "not stated". Chords sound: a capo is worked in.

    Args:
        title: of the song.
        key: such as "G major".
        bpm: beats per minute, a beat being `beat_unit`.
        meter: beats per bar.
        beat_unit: see `MusicPlan`.
        sections: in order, with their lengths in bars; one without name for a sheet without headings.
        lines: the chords of each section.
        notes: what was read in an approximate way, or left out.
    """

    title: str | None
    key: str | None
    bpm: float | None
    meter: int | None
    beat_unit: str | None
    sections: tuple[Section, ...]
    lines: tuple[ChordLine, ...]
    notes: tuple[Note, ...] = ()

    @property
    def line(self) -> ChordLine:
        """All chords as one line."""
        return _joined(self.lines)

    def to_plan(self) -> MusicPlan:
        """Return the plan with sections, beats and chords; the tempo is the usual one if none is stated.

        Raises:
            PlanError: the whole is too long, or a bar has more chords than can be placed.
        """
        plan = MusicPlan(bpm=self.bpm, meter=self.meter, key=self.key, beat_unit=self.beat_unit, sections=self.sections)
        chords: list[tuple[str, float]] = []
        for laid, line in zip(plan.laid(), self.lines, strict=True):
            beats = [(second - laid.start, position) for second, position in laid.beats()]
            placed = line.place(beats, laid.meter, laid.end - laid.start)
            chords += [(symbol, round(laid.start + second, 9)) for symbol, second in placed]
        whole = plan.with_(chords=without_repeats(chords), notes=self.notes).complete()
        lone = len(self.sections) == 1 and self.sections[0].name == NAMELESS
        return whole.with_(sections=None) if lone else whole


def read_lead_sheet(text: str) -> LeadSheet:
    """Read ChordPro, or plain text with chords over words.

    ChordPro: the directives title, key, tempo, time, capo, sections with their short forms, grids, `{chorus}` for one
    more chorus; chords in brackets among the words. Plain: "Key: G", "Tempo: 90", "Time: 3/4", "Capo: 2" lines,
    headings such as "[Verse 1]" or "Chorus:", lines of chords. A section with words and no chords has those of the
    section before it of the same name, number aside.

    Raises:
        PlanError: no chords, or the name of what is not understood.
    """
    if not isinstance(text, str):
        raise PlanError("chords", "the text of a lead sheet", text)
    sheet = collect(text)
    written = [line for part in sheet.sections for line in part.chords]
    german = any(is_german(token) for line in written for token in re.split(r"\W+", line))
    key, capo = _key(sheet.fields), _capo(sheet.fields)
    parts: list[tuple[SheetLines, ChordLine]] = []
    for part in sheet.sections:
        lines = [read_chord_line(line, _key(part.fields) or key, german) for line in part.chords]
        if lines:
            parts.append((part, _joined(lines).transpose(capo)))
        else:
            sheet.notes.append(Note(part.name, "sections", "left out, as it has no chords", False))
    if not parts:
        raise PlanError("chords", "a lead sheet with chords", text.strip()[:60])
    meter, unit = _time(sheet.fields)
    if capo:
        sheet.notes.append(Note(f"capo {capo}", "chords", f"sounds {capo} semitones higher than written", True))
    return LeadSheet(
        title=sheet.fields.get("title"),
        key=str(key.transpose(capo)) if key else None,
        bpm=_tempo(sheet.fields["tempo"], unit) if "tempo" in sheet.fields else None,
        meter=meter,
        beat_unit=unit,
        sections=tuple(_section(part, line, unit, capo) for part, line in parts),
        lines=tuple(replace(line, notes=()) for _, line in parts),
        notes=(*sheet.notes, *dict.fromkeys(note for _, line in parts for note in line.notes)),
    )


def _joined(lines: Sequence[ChordLine]) -> ChordLine:
    """Join lines; beside lines with bars a chord without takes a bar."""
    symbols = tuple(symbol for line in lines for symbol in line.symbols)
    notes = tuple(dict.fromkeys(note for line in lines for note in line.notes))
    if all(line.bars is None for line in lines):
        return ChordLine(symbols, tuple((symbol,) for symbol in symbols), None, notes)
    bars = [line.bars or tuple((symbol,) for symbol in line.symbols) for line in lines]
    return ChordLine(symbols, tuple(bar for some in bars for bar in some), None, notes)


def _section(part: SheetLines, line: ChordLine, unit: str | None, capo: int) -> Section:
    own = part.fields
    key, tempo = _key(own), None
    if "tempo" in own:
        tempo = (_tempo(own["tempo"], unit), _tempo(own.get("tempo_to", own["tempo"]), unit))
    return Section(
        part.name,
        bars=len(line.bars or line.symbols),
        bpm=tempo,
        meter=_time({"beat_unit": unit or "quarter"} | own)[0],
        key=str(key.transpose(capo)) if key else None,
    )


def _key(fields: dict[str, str]) -> Key | None:
    return Key.parse(fields["key"], lone_minor=True) if fields.get("key") else None


def _capo(fields: dict[str, str]) -> int:
    text = fields.get("capo", "0").strip()
    return check_integer("capo", int(text) if text.isdecimal() else text, (0, 11))


def _time(fields: dict[str, str]) -> tuple[int | None, str | None]:
    """Return beats per bar and their unit: "6/8" has six eighths unless the beat is said to be a dotted quarter."""
    if "time" not in fields:
        return None, fields.get("beat_unit")
    match = re.fullmatch(r"(\d{1,2})\s*/\s*(2|4|8)", fields["time"].strip())
    if match is None:
        raise PlanError("meter", "a time such as 3/4 or 6/8", fields["time"])
    beats, note = int(match[1]), int(match[2])
    if fields.get("beat_unit") == "dotted quarter":
        return beats // 3, "dotted quarter"
    return beats, {2: "half", 4: None, 8: "eighth"}[note]


def _tempo(text: str, unit: str | None) -> float:
    """Return beats per minute of quarters per minute."""
    match = re.search(r"\d+(?:\.\d+)?", text)
    if match is None:
        raise PlanError("bpm", "a tempo such as 120", text)
    return float(match[0]) / QUARTERS[unit]
