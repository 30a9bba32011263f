"""Chords: how they are spelled, read, transposed and reduced.

Intervals are semitones, pitch classes run from 0 (C) to 11. Harte labels: Harte et al., "Symbolic representation of
musical chords" (ISMIR 2005). Whatever is not understood raises `PlanError`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from munet.music.checks import PlanError
from munet.music.spelling import (
    DEGREE_FIFTHS,
    UNICODE,
    check_note,
    degree_fifths,
    fifths_of,
    name_of,
    pitch_class,
    shift_in_family,
)

if TYPE_CHECKING:
    from munet.music.keys import Key

# suffix:semitones above the root:Harte quality:nearest simpler suffix. A 13th chord is voiced without its 11th.
_QUALITY_ROWS = """
:0,4,7:maj:  m:0,3,7:min:  7:0,4,7,10:7:  maj7:0,4,7,11:maj7:  m7:0,3,7,10:min7:m  m7b5:0,3,6,10:hdim7:dim
6:0,4,7,9:maj6:  m6:0,3,7,9:min6:m  dim:0,3,6:dim:m  dim7:0,3,6,9:dim7:dim  aug:0,4,8:aug:  mMaj7:0,3,7,11:minmaj7:m
sus2:0,2,7:sus2:  sus4:0,5,7:sus4:  7sus4:0,5,7,10:sus4(b7):7  9sus4:0,5,7,10,14:sus4(b7,9):7sus4  5:0,7:5:
add9:0,4,7,14:maj(9):  madd9:0,3,7,14:min(9):m  69:0,4,7,9,14:maj6(9):6  m69:0,3,7,9,14:min6(9):m6
9:0,4,7,10,14:9:7  maj9:0,4,7,11,14:maj9:maj7  m9:0,3,7,10,14:min9:m7  11:0,4,7,10,14,17:11:9
m11:0,3,7,10,14,17:min11:m9  13:0,4,7,10,14,21:7(9,13):9  maj13:0,4,7,11,14,21:maj7(9,13):maj9
m13:0,3,7,10,14,21:min7(9,13):m9  7b5:0,4,6,10:7(*5,b5):7  7#5:0,4,8,10:7(*5,#5):7  7b9:0,4,7,10,13:7(b9):7
7#9:0,4,7,10,15:7(#9):7  7#11:0,4,7,10,18:7(#11):7  maj7#11:0,4,7,11,18:maj7(#11):maj7
"""
_ROWS = tuple(row.split(":") for row in _QUALITY_ROWS.split())
QUALITIES: Mapping[str, tuple[int, ...]] = MappingProxyType({r[0]: tuple(map(int, r[1].split(","))) for r in _ROWS})
MUSTANGO_QUALITIES = ("", "maj7", "m", "m6", "m7", "m7b5", "6", "7", "aug", "dim")
_HARTE_QUALITY = MappingProxyType({row[0]: row[2] for row in _ROWS})
_SIMPLER = MappingProxyType({row[0]: row[3] for row in _ROWS})
_HARTE_TONES = MappingProxyType(
    {row[2]: QUALITIES[row[0]] for row in _ROWS}
    | {
        "13": QUALITIES["13"],
        "maj13": QUALITIES["maj13"],
        "min13": QUALITIES["m13"],
        "aug7": QUALITIES["7#5"],
        "1": (0,),
    }
)
_QUALITY_OF_TONES = MappingProxyType({frozenset(i % 12 for i in tones): name for name, tones in QUALITIES.items()})

# What people write after the root, rewritten in this order; the rest is looked up in `_ALIASES`.
_REWRITES = (
    (r" |\(([^()]*)\)", r"\1"),
    (r"(?i:half-?dim(?:inished)?7?|hdim7?)|[øØ]7?", "m7b5"),
    (r"^(?i:dom(?:inant)?)(?=\d)", ""),
    (r"(?i:dim(?:inished)?)|[°º]|^o(?=7?$)", "dim"),
    (r"(?i:min(?:or)?)|mi(?=\d|$|M)|^-", "m"),
    (r"(?i:maj(?:or)?)|M|ma(?=\d|$)|[△Δ∆^](?=\d)", "maj"),
    (r"[△Δ∆^]", "maj7"),
    (r"(?i:aug(?:mented)?)|^\+|\+$", "aug"),
    (r"(?i:sus)(?!\d)", "sus4"),
    (r"(?<=\d)-(?=\d)", "b"),
    (r"(?<=\d)\+(?=\d)", "#"),
)
_ALIASES: Mapping[str, str] = MappingProxyType(
    {"maj": "", "maj6": "6", "7maj": "maj7", "mmaj7": "mMaj7", "aug7": "7#5", "7aug": "7#5", "#5": "aug", "mb5": "dim"}
    | {"add2": "add9", "madd2": "madd9", "6add9": "69", "m6add9": "m69", "maj69": "69", "no3": "5"}
)
CHORD_FORM = "a chord symbol such as Am7, F#dim, Bb/F or N"
_CHORD = re.compile(r"([A-G][#b]?)([^/]*)(?:/([A-G][#b]?))?")
_DEGREE = r"[#b]*[1-9]\d?"
_HARTE = re.compile(
    rf"([A-G](?:#*|b*))(?::(?=[a-z\d(])([a-z\d]*)(?:\((\*?{_DEGREE}(?:,\*?{_DEGREE})*)\))?)?(?:/({_DEGREE}))?"
)


def plain_quality(text: str) -> str:
    """Return what people write after the root in the words of `QUALITIES`, as far as it has them."""
    for pattern, replacement in _REWRITES:
        text = re.sub(pattern, replacement, text)
    return _ALIASES.get(text, text)


@dataclass(frozen=True)
class Chord:
    """A chord: spelled `root` ("F#"; "N" for no chord), `quality` (a key of `QUALITIES`) and spelled slash `bass`."""

    root: str
    quality: str = ""
    bass: str | None = None

    def __post_init__(self) -> None:
        if (self.root, self.quality, self.bass) == ("N", "", None):
            return
        check_note("chords", self.root)
        if self.quality not in QUALITIES:
            raise PlanError("chords", f"a quality among {list(QUALITIES)}", self.quality)
        if self.bass is not None:
            check_note("chords", self.bass)
            if self.bass_pc == self.root_pc:
                raise PlanError("chords", "a slash bass other than the root", self.bass)

    @classmethod
    def none(cls) -> Chord:
        """Return the absence of a chord, N."""
        return cls("N")

    @classmethod
    def parse(cls, text: str) -> Chord:
        """Read what people write ("Am7", "F♯dim", "Bb/F", "C-7", "Cø", "C6/9", "N.C.") or a Harte label ("A:min7")."""
        if not isinstance(text, str):
            raise PlanError("chords", CHORD_FORM, text)
        return _parse(text)

    @classmethod
    def from_harte(cls, label: str) -> Chord:
        """Read a Harte label whose tones make a chord of `QUALITIES`; "X" (a chord without a name) is read as N."""
        if label in ("N", "X"):
            return cls.none()
        match = _HARTE.fullmatch(label) if isinstance(label, str) else None
        root, shorthand, degrees, bass = match.groups(default="") if match else ("", "?", "", "")
        tones = {tone % 12 for tone in _HARTE_TONES.get(shorthand or ("1" if degrees else "maj"), ())}
        for degree in degrees.split(",") if degrees else ():
            tone = {7 * degree_fifths(degree) % 12}
            tones = tones - tone if degree.startswith("*") else tones | tone
        quality = _QUALITY_OF_TONES.get(frozenset(tones))
        if quality is None:
            raise PlanError("chords", "a Harte label such as A:min7, Bb:maj/5 or N", label)
        above = degree_fifths(bass or "1")
        return cls(name_of(fifths_of(root)), quality, name_of(fifths_of(root) + above) if above % 12 else None)

    @property
    def is_none(self) -> bool:
        """Whether this is the absence of a chord."""
        return self.root == "N"

    @property
    def root_pc(self) -> int:
        """Pitch class of the root; -1 for N."""
        return -1 if self.is_none else pitch_class(self.root)

    @property
    def bass_pc(self) -> int:
        """Pitch class of the lowest note; -1 for N."""
        return self.root_pc if self.bass is None else pitch_class(self.bass)

    def pitch_classes(self) -> tuple[int, ...]:
        """Return the distinct pitch classes from the root upwards, a foreign slash bass last; none for N."""
        tones = () if self.is_none else (*QUALITIES[self.quality], self.bass_pc - self.root_pc)
        return tuple(dict.fromkeys((self.root_pc + tone) % 12 for tone in tones))

    def __str__(self) -> str:
        return self.root + self.quality + (f"/{self.bass}" if self.bass else "")

    def harte(self) -> str:
        """Return the Harte label, a slash bass as its degree above the root: "Bb/F" is "Bb:maj/5"."""
        label = "N" if self.is_none else f"{self.root}:{_HARTE_QUALITY[self.quality]}"
        if self.bass is None:
            return label
        fifths = fifths_of(self.bass) - fifths_of(self.root)
        degree = 4 * fifths % 7
        accidentals = (fifths - DEGREE_FIFTHS[degree]) // 7
        return f"{label}/{'#' * accidentals}{'b' * -accidentals}{degree + 1}"

    def transpose(self, semitones: int) -> Chord:
        """Return the chord moved by `semitones`; flats stay flats, sharps stay sharps."""
        if self.is_none or semitones % 12 == 0:
            return self
        return self._shift(shift_in_family(self.root, semitones, -3 if 3 in QUALITIES[self.quality] else -5))

    def _shift(self, fifths: int) -> Chord:
        if self.is_none:
            return self
        bass = None if self.bass is None else name_of(fifths_of(self.bass) + fifths)
        return Chord(name_of(fifths_of(self.root) + fifths), self.quality, bass)

    def shift(self, old: Key, new: Key) -> Chord:
        """Return the chord that stands to the key `new` as this one to `old`, spelled alike."""
        return self._shift(fifths_of(new.tonic) - fifths_of(old.tonic))

    def reduce(self, known: Collection[str] = MUSTANGO_QUALITIES) -> Chord:
        """Return the chord with the nearest quality in `known`, simplified step by step; root and bass stay.

        With Mustango's ten: sus2 sus4 5 add9 -> major; madd9 mMaj7 -> m; 69 -> 6; m69 -> m6; maj9 maj13 maj7#11 ->
        maj7; m9 m11 m13 -> m7; dim7 -> dim; 7sus4 9sus4 9 11 13 7b5 7#5 7b9 7#9 7#11 -> 7.
        """
        quality = self.quality
        while quality not in known:
            if quality == "":
                raise PlanError("known", 'qualities with "" (major) among them', tuple(known))
            quality = _SIMPLER[quality]
        return replace(self, quality=quality)


@lru_cache(maxsize=8192)
def _parse(text: str) -> Chord:
    symbol = text.strip().translate(UNICODE)
    if symbol in ("N", "NC", "N.C.", "N.C"):
        return Chord.none()
    if ":" in symbol:
        return Chord.from_harte(symbol)
    match = _CHORD.fullmatch(symbol.replace("6/9", "69"))
    root, quality, bass = match.groups() if match else ("", "?", None)
    quality = plain_quality(quality)
    if quality not in QUALITIES:
        raise PlanError("chords", CHORD_FORM, text)
    return Chord(root, quality, None if bass is None or (fifths_of(bass) - fifths_of(root)) % 12 == 0 else bass)
