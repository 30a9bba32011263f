"""The lines of a lead sheet sorted into fields, sections and chords, none of them read yet (see `sheets`)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType

from munet.music.checks import PlanError
from munet.music.notation import read_chord_line
from munet.music.notes import Note
from munet.music.symbols import read_chord

NAMELESS = "song"  # the section of a sheet without headings
_DIRECTIVE = re.compile(r"\{\s*([a-z_]+)(?:-[^:}]*)?\s*(?:[: ]\s*(.*?))?\s*\}", re.I)
_SHORT = MappingProxyType({"t": "title", "st": "subtitle", "c": "comment", "ci": "comment", "cb": "comment"} | {
    short: f"{edge}_of_{name}"
    for edge, first in (("start", "so"), ("end", "eo"))
    for name, short in (("chorus", f"{first}c"), ("verse", f"{first}v"), ("bridge", f"{first}b"), ("tab", f"{first}t"),
                        ("grid", f"{first}g"))
})  # fmt: skip
_FIELDS = ("title", "key", "tempo", "time", "capo", "beat_unit", "tempo_to")
_PLAIN_FIELD = re.compile(r"(title|key|tempo|bpm|time(?: signature)?|meter|metre|capo)\s*[:=]\s*(.+)", re.I)
_PLAIN_NAMES = MappingProxyType({"bpm": "tempo", "time signature": "time", "meter": "time", "metre": "time"})
_SECTION_WORDS = (
    "intro", "verse", "pre-?chorus", "chorus", "refrain", "hook", "bridge", "solo", "interlude", "instrumental",
    "break", "breakdown", "build-?up", "drop", "outro", "ending", "coda", "tag", "turnaround", "vamp", "strophe",
    "refrão", "coro", "couplet", "part [a-h]", "theme",
)  # fmt: skip
_HEADING = re.compile(
    rf"(?:\[\s*([^\]|]+?)\s*\]|((?:{'|'.join(_SECTION_WORDS)})(?:\s+\w{{1,3}})?)\s*:?)\s*(?:\(?[x\u00d7]\s*(\d)\)?)?:?",
    re.I,
)
_NUMBERED = re.compile(r"\s*\(?\b(?:\d+|[ivx]+|[a-d])\)?\s*$", re.I)


@dataclass
class SheetLines:
    """Chord lines of a section, the fields that hold in it beside those of the head, and how often it is played."""

    name: str
    fields: dict[str, str]
    chords: list[str] = field(default_factory=list)
    times: int = 1


@dataclass
class Sheet:
    """A sheet while it is read: fields of its head, those that have changed since, sections and notes."""

    fields: dict[str, str] = field(default_factory=dict)
    changed: dict[str, str] = field(default_factory=dict)
    sections: list[SheetLines] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    closed: bool = True  # whether what comes belongs to no section yet

    def open(self, name: str) -> SheetLines:
        """Begin a section; it has what was stated last, as in a score."""
        if self.sections and "tempo_to" in self.sections[-1].fields and "tempo_to" in self.changed:
            self.changed["tempo"] = self.changed.pop("tempo_to")
        self.sections.append(SheetLines(" ".join(name.split()).lower(), dict(self.changed)))
        self.closed = False
        return self.sections[-1]

    def add(self, chords: str) -> None:
        """Add a line of chords; what was stated since the section began begins another one of its name."""
        part = self.open(NAMELESS) if self.closed else self.sections[-1]
        if part.chords and part.fields != self.changed:
            part = self.open(part.name)
        part.chords.append(chords)

    def state(self, name: str, value: str) -> None:
        """Hold a field: of the head, or from here on."""
        if name in ("title", "capo") or not self.sections:
            self.fields.setdefault(name, value)
            return
        self.changed[name] = value
        if not self.closed and not self.sections[-1].chords:
            self.sections[-1].fields = dict(self.changed)


def collect(text: str) -> Sheet:
    """Sort the lines of a lead sheet.

    Raises:
        PlanError: the name of a chord that is not understood.
    """
    sheet = Sheet()
    if re.search(r"^\s*\{.*\}", text, re.M):
        _collect_chordpro(text, sheet)
    else:
        _collect_plain(text, sheet)
    _share_chords(sheet)
    return sheet


def _collect_chordpro(text: str, sheet: Sheet) -> None:
    mode = ""
    for line in text.splitlines():
        line = line.strip()
        match = _DIRECTIVE.fullmatch(line)
        if match:
            name, value = match[1].lower(), match[2] or ""
            name = _SHORT.get(name, name).removeprefix("x_")
            if name.startswith("start_of_"):
                mode = name.removeprefix("start_of_")
                if mode != "tab" and (mode != "grid" or value):
                    sheet.open(_label(value) or mode)
            elif name.startswith("end_of_"):
                mode, sheet.closed = "", True
            elif name == "chorus":
                sheet.open(_label(value) or "chorus")
                sheet.closed = True  # it is only referred to
            elif name in _FIELDS:
                sheet.state(name, value)
        elif line and not line.startswith("#") and mode != "tab":
            chords = _grid(line) if mode == "grid" or line.startswith("|") else _inline_chords(line)
            if chords:
                sheet.add(chords)


def _label(value: str) -> str:
    """Return the label of a section directive: "Verse 1", or the value of label="Verse 1"."""
    match = re.search(r"label\s*=\s*[\"']([^\"']+)", value)
    return match[1] if match else "" if "=" in value else value


def _grid(line: str) -> str:
    """Return the bars of a grid line, without the words beside them."""
    first, last = line.find("|"), line.rfind("|")
    repeat = re.match(r"\s*\(?[x\u00d7]\s*\d+\)?\s*$", line[last + 1 :], re.I)
    return "" if first < 0 else line[first : last + 1] + (repeat[0] if repeat else "")


def _inline_chords(line: str) -> str:
    """Return the chords in brackets, without annotations ("[*softly]")."""
    return " ".join(chord.strip() for chord in re.findall(r"\[([^\]*][^\]]*)\]", line))


def _collect_plain(text: str, sheet: Sheet) -> None:
    for line in (line.strip() for line in text.splitlines()):
        if not line:
            continue
        stated = _PLAIN_FIELD.fullmatch(line)
        heading = _HEADING.fullmatch(line)
        if stated:
            name = stated[1].lower()
            sheet.state(_PLAIN_NAMES.get(name, name), stated[2])
        elif _is_chord_line(line):
            sheet.add(line)
        elif heading and not _are_chords(heading[1]):
            sheet.open(heading[1] or heading[2]).times = int(heading[3] or 1)
        elif re.search(r"\[[A-H][^\]\s]*\]", line):
            sheet.add(_inline_chords(line))
        elif not sheet.sections and "title" not in sheet.fields:
            sheet.fields["title"] = line


def _are_chords(text: str | None) -> bool:
    return text is not None and text[0] in "ABCDEFGHN|" and _understood(text)


def _understood(text: str) -> bool:
    try:
        read_chord_line(text)
    except PlanError:
        return False
    return True


def _is_chord_line(line: str) -> bool:
    """Whether a line is chords, not words; one that is mostly chords and not quite is an error.

    Raises:
        PlanError: naming what is not understood.
    """
    tokens = [token.strip("()[],") for token in re.split(r"[\s|,]+|-(?=[A-H])", line)]
    tokens = [token for token in tokens if token and not re.fullmatch(r"[%:./x-]+|[x\u00d7]\d|\dx", token)]
    if not tokens or any(token[0].islower() for token in tokens if not re.match(r"[b#]?[ivIV]+", token)):
        return False
    if _understood(line):
        # "I" is a word, and "1 2 3 4" counts in.
        degrees = [token for token in tokens if token[0] not in "ABCDEFGHN"]
        plain = all(token.isdecimal() for token in tokens)
        return not degrees or "|" in line or (len(tokens) > 2 and not plain)
    known = sum(_is_chord(token) for token in tokens)
    if known >= 2 and 2 * known > len(tokens):
        read_chord_line(line)  # raises, and names the symbol
    return False


def _is_chord(token: str) -> bool:
    try:
        read_chord(token)
    except PlanError:
        return False
    return True


def _share_chords(sheet: Sheet) -> None:
    """Give sections without chords those of the section before of the same name, number aside."""
    known: dict[str, list[str]] = {}
    for part in sheet.sections:
        kind = _NUMBERED.sub("", part.name)
        if part.chords:
            known[kind] = part.chords
        elif kind in known:
            part.chords = list(known[kind])
    sheet.sections = [part for part in sheet.sections for _ in range(part.times)]
