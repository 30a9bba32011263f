"""Symbolic music: chords, keys, beat grids and the `MusicPlan`.

Times are seconds, tempo is beats per minute (BPM), intervals are semitones, pitch classes run from 0 (C) to 11. Notes
are spelled on the line of fifths (F = -1, C = 0, G = 1, ...; a sharp is seven steps), so that transposing keeps the
spelling of intervals. Harte labels: Harte et al., "Symbolic representation of musical chords" (ISMIR 2005).
All objects are immutable: methods return new ones. Whatever is not understood raises `PlanError`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby, pairwise
from numbers import Real
from statistics import median
from types import MappingProxyType
from typing import Any

PITCH_NAMES_SHARP = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
PITCH_NAMES_FLAT = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
BPM_RANGE, METER_RANGE, DURATION_RANGE = (30.0, 300.0), (1, 12), (0.5, 600.0)
DEFAULT_BPM, DEFAULT_METER, DEFAULT_KEY, DEFAULT_DURATION = 120.0, 4, "C major", 10.0
# The bins of Mustango (Melechovsky et al., 2024); an upper bound belongs to the slower word.
_WORDS = ("Grave", "Largo", "Adagio", "Andante", "Moderato", "Allegro", "Vivace", "Presto", "Prestissimo")
_WORD_BOUNDS = (BPM_RANGE[0], 40.0, 60.0, 70.0, 90.0, 110.0, 140.0, 160.0, 210.0, BPM_RANGE[1])
TEMPO_WORDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    dict(zip(_WORDS, pairwise(_WORD_BOUNDS), strict=True))
)

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
_DEGREE_FIFTHS = (0, 2, 4, -1, 1, 3, 5)  # degrees 1 to 7 of the major scale, in fifths above the tonic
_MINOR_FIFTHS = (0, 2, -3, -1, 1, -4, -2)  # and of the natural minor scale
_LETTERS = "FCGDAEB"  # by fifths, from F = -1
_UNICODE = str.maketrans("♯♭\u2212\u2013", "#b--")
_NOTE = re.compile(r"[A-G][#b]?")
_CHORD = re.compile(r"([A-G][#b]?)([^/]*)(?:/([A-G][#b]?))?")
_DEGREE = r"[#b]*[1-9]\d?"
_HARTE = re.compile(
    rf"([A-G](?:#*|b*))(?::(?=[a-z\d(])([a-z\d]*)(?:\((\*?{_DEGREE}(?:,\*?{_DEGREE})*)\))?)?(?:/({_DEGREE}))?"
)
_KEY = re.compile(r"([A-Ga-g])(#|b|[ -]?(?i:sharp|flat))?[ :-]*((?i:major|maj|minor|min)|[Mm])?")


class PlanError(ValueError):
    """A musical request that cannot be met: `argument`, what was `expected`, and the `value` that came."""

    def __init__(self, argument: str, expected: str, value: object) -> None:
        super().__init__(argument, expected, value)  # all three, so that the error survives pickling
        self.argument, self.expected, self.value = argument, expected, value

    def __str__(self) -> str:
        return f"{self.argument}: expected {self.expected}, got {self.value!r}"


def _number(argument: str, value: object, limits: tuple[float, float]) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not limits[0] <= value <= limits[1]:
        raise PlanError(argument, f"a number from {limits[0]:g} to {limits[1]:g}", value)
    return float(value)


def _integer(argument: str, value: object, limits: tuple[int, int]) -> int:
    if isinstance(value, bool) or not isinstance(value, Real) or value not in range(limits[0], limits[1] + 1):
        raise PlanError(argument, f"an integer from {limits[0]} to {limits[1]}", value)
    return int(value)


def _note(argument: str, name: object) -> None:
    if not isinstance(name, str) or not _NOTE.fullmatch(name):
        raise PlanError(argument, "a note name such as C, F# or Bb", name)


def _fifths(name: str) -> int:
    return _LETTERS.index(name[0]) - 1 + 7 * (name.count("#") - name.count("b"))


def _name(fifths: int) -> str:
    """Spell a place on the line of fifths; beyond one accidental (Fb to B#) take the enharmonic equal."""
    while not -8 <= fifths <= 12:
        fifths += 12 if fifths < -8 else -12
    accidentals, letter = divmod(fifths + 1, 7)
    return _LETTERS[letter] + "#" * accidentals + "b" * -accidentals


def _shift_in_family(name: str, semitones: int, minor: bool) -> int:
    """Return the steps on the line of fifths that move `name` by `semitones` and keep its flats or sharps."""
    # A name without accidental goes to the usual ones: Db Ab Eb Bb F# in major, C# G# Eb Bb F# in minor.
    lowest = -6 if "b" in name else -1 if "#" in name else -3 if minor else -5
    return lowest + (_fifths(name) + 7 * semitones - lowest) % 12 - _fifths(name)


def _degree_fifths(degree: str) -> int:
    return _DEGREE_FIFTHS[(int(degree.lstrip("#b*")) - 1) % 7] + 7 * (degree.count("#") - degree.count("b"))


@dataclass(frozen=True)
class Chord:
    """A chord: spelled `root` ("F#"; "N" for no chord), `quality` (a key of `QUALITIES`) and spelled slash `bass`."""

    root: str
    quality: str = ""
    bass: str | None = None

    def __post_init__(self) -> None:
        if (self.root, self.quality, self.bass) == ("N", "", None):
            return
        _note("chords", self.root)
        if self.quality not in QUALITIES:
            raise PlanError("chords", f"a quality among {list(QUALITIES)}", self.quality)
        if self.bass is not None:
            _note("chords", self.bass)
            if self.bass_pc == self.root_pc:
                raise PlanError("chords", "a slash bass other than the root", self.bass)

    @classmethod
    def none(cls) -> Chord:
        """Return the absence of a chord, N."""
        return cls("N")

    @classmethod
    def parse(cls, text: str) -> Chord:
        """Read what people write ("Am7", "F♯dim", "Bb/F", "C-7", "Cø", "C6/9", "N.C.") or a Harte label ("A:min7")."""
        symbol = text.strip().translate(_UNICODE) if isinstance(text, str) else ""
        if symbol in ("N", "NC", "N.C.", "N.C"):
            return cls.none()
        if ":" in symbol:
            return cls.from_harte(symbol)
        match = _CHORD.fullmatch(symbol.replace("6/9", "69"))
        root, quality, bass = match.groups() if match else ("", "?", None)
        for pattern, replacement in _REWRITES:
            quality = re.sub(pattern, replacement, quality)
        quality = _ALIASES.get(quality, quality)
        if quality not in QUALITIES:
            raise PlanError("chords", "a chord symbol such as Am7, F#dim, Bb/F or N", text)
        return cls(root, quality, None if bass is None or (_fifths(bass) - _fifths(root)) % 12 == 0 else bass)

    @classmethod
    def from_harte(cls, label: str) -> Chord:
        """Read a Harte label whose tones make a chord of `QUALITIES`; "X" (a chord without a name) is read as N."""
        if label in ("N", "X"):
            return cls.none()
        match = _HARTE.fullmatch(label) if isinstance(label, str) else None
        root, shorthand, degrees, bass = match.groups(default="") if match else ("", "?", "", "")
        tones = {tone % 12 for tone in _HARTE_TONES.get(shorthand or ("1" if degrees else "maj"), ())}
        for degree in degrees.split(",") if degrees else ():
            tone = {7 * _degree_fifths(degree) % 12}
            tones = tones - tone if degree.startswith("*") else tones | tone
        quality = _QUALITY_OF_TONES.get(frozenset(tones))
        if quality is None:
            raise PlanError("chords", "a Harte label such as A:min7, Bb:maj/5 or N", label)
        above = _degree_fifths(bass or "1")
        return cls(_name(_fifths(root)), quality, _name(_fifths(root) + above) if above % 12 else None)

    @property
    def is_none(self) -> bool:
        """Whether this is the absence of a chord."""
        return self.root == "N"

    @property
    def root_pc(self) -> int:
        """Pitch class of the root; -1 for N."""
        return -1 if self.is_none else 7 * _fifths(self.root) % 12

    @property
    def bass_pc(self) -> int:
        """Pitch class of the lowest note; -1 for N."""
        return self.root_pc if self.bass is None else 7 * _fifths(self.bass) % 12

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
        fifths = _fifths(self.bass) - _fifths(self.root)
        degree = 4 * fifths % 7
        accidentals = (fifths - _DEGREE_FIFTHS[degree]) // 7
        return f"{label}/{'#' * accidentals}{'b' * -accidentals}{degree + 1}"

    def transpose(self, semitones: int) -> Chord:
        """Return the chord moved by `semitones`; flats stay flats, sharps stay sharps."""
        if self.is_none or semitones % 12 == 0:
            return self
        return self._shift(_shift_in_family(self.root, semitones, minor=3 in QUALITIES[self.quality]))

    def _shift(self, fifths: int) -> Chord:
        if self.is_none:
            return self
        bass = None if self.bass is None else _name(_fifths(self.bass) + fifths)
        return Chord(_name(_fifths(self.root) + fifths), self.quality, bass)

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


@dataclass(frozen=True)
class Key:
    """A key: spelled `tonic` and `mode`, "major" or "minor" (natural)."""

    tonic: str
    mode: str

    def __post_init__(self) -> None:
        _note("key", self.tonic)
        if self.mode not in ("major", "minor"):
            raise PlanError("key", "the mode major or minor", self.mode)

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read "C minor", "Cm", "c min", "C:min", "EM", "E maj", "F# major", "B-flat minor" or "G" (major)."""
        match = _KEY.fullmatch(text.strip().translate(_UNICODE)) if isinstance(text, str) else None
        # A lone small letter may be a minor key, a habit of typing or a word.
        if match is None or (match[3] is None and match[1].islower()):
            raise PlanError("key", 'a key such as "C minor", "Cm" or "F# major"', text)
        accidental = (match[2] or "").lower().strip(" -").replace("sharp", "#").replace("flat", "b")
        minor = match[3] == "m" or (match[3] or "").lower().startswith("min")
        return cls(match[1].upper() + accidental, "minor" if minor else "major")

    @property
    def tonic_pc(self) -> int:
        """Pitch class of the tonic."""
        return 7 * _fifths(self.tonic) % 12

    def __str__(self) -> str:
        return f"{self.tonic} {self.mode}"

    def scale(self) -> tuple[int, ...]:
        """Return the seven pitch classes from the tonic upwards."""
        return tuple(chord.root_pc for chord in self.diatonic_triads())

    def diatonic_triads(self) -> tuple[Chord, ...]:
        """Return the triads on the seven degrees of the scale, spelled in the key."""
        minor = self.mode == "minor"
        qualities = ("m", "dim", "", "m", "m", "", "") if minor else ("", "m", "m", "", "", "m", "dim")
        steps = zip(_MINOR_FIFTHS if minor else _DEGREE_FIFTHS, qualities, strict=True)
        return tuple(Chord(_name(_fifths(self.tonic) + fifths), quality) for fifths, quality in steps)

    def transpose(self, semitones: int) -> Key:
        """Return the key moved by `semitones`, in its flats or sharps while the signature has at most seven."""
        if semitones % 12 == 0:
            return self
        minor = self.mode == "minor"
        fifths = _fifths(self.tonic) + _shift_in_family(self.tonic, semitones, minor)
        signature = fifths - 3 * minor
        return Key(_name(fifths - 12 * (signature > 7) + 12 * (signature < -7)), self.mode)

    def relative(self) -> Key:
        """Return the key of the other mode with the same scale."""
        if self.mode == "minor":
            return Key(_name(_fifths(self.tonic) - 3), "major")
        return Key(_name(_fifths(self.tonic) + 3), "minor")


def tempo_word(bpm: float) -> str:
    """Return the Italian word for a tempo in BPM."""
    bpm = _number("bpm", bpm, BPM_RANGE)
    return next(word for word, (_, high) in TEMPO_WORDS.items() if bpm <= high)


def beat_grid(
    bpm: float, meter: int, duration: float, first_beat: float = 0.0, first_position: int = 1
) -> tuple[tuple[float, int], ...]:
    """Return the even beats from `first_beat` to before `duration` (seconds): (second, position in the bar)."""
    bpm, meter = _number("bpm", bpm, BPM_RANGE), _integer("meter", meter, METER_RANGE)
    duration = _number("duration", duration, DURATION_RANGE)
    first_beat = _number("first_beat", first_beat, (0.0, DURATION_RANGE[1]))
    offset = _integer("first_position", first_position, (1, meter)) - 1
    count = math.ceil((duration - first_beat) * bpm / 60 - 1e-6)
    return tuple((round(first_beat + i * 60 / bpm, 9), (offset + i) % meter + 1) for i in range(count))


def spread_chords(
    symbols: Sequence[str], beats: Sequence[tuple[float, int]], meter: int, duration: float
) -> tuple[tuple[str, float], ...]:
    """Place chords on the beats: one a bar, cycled, the first at 0 whenever the first beat comes.

    If there are more chords than bars, each bar takes the smallest number that lets all of them in, and PlanError is
    raised if the beats cannot. A chord equal to the one before it is not listed again.
    """
    chords = [str(Chord.parse(symbol)) for symbol in symbols]
    beats = [beat for beat in beats if beat[0] < duration]
    starts = [i for i, beat in enumerate(beats) if beat[1] == 1] or list(range(0, len(beats), meter))
    bars = [[second for second, _ in beats[i:j]] for i, j in pairwise([*starts, len(beats)])] or [[0.0]]
    for per_bar in range(1, meter + 1):
        slots = [bar[k * meter // per_bar] for bar in bars for k in range(per_bar) if k * meter // per_bar < len(bar)]
        if len(slots) >= len(chords) > 0:
            break
    else:
        raise PlanError("chords", f"from 1 to {len(slots)} chords for {len(beats)} beats", tuple(symbols))
    cycled = [(chords[i % len(chords)], second) for i, second in enumerate([0.0, *slots[1:]])]
    return tuple(next(run) for _, run in groupby(cycled, key=lambda pair: pair[0]))


def parse_chord_line(text: str) -> tuple[tuple[str, float | None], ...]:
    """Read "G D/F# Em C", "G, D | Em - C", "Am-F-C-G" (without times) or "G@0 Em@2.5" (seconds); no mixture."""
    result: list[tuple[str, float | None]] = []
    for token in re.split(r"[\s,;|→]+", text.translate(_UNICODE) if isinstance(text, str) else ""):
        symbol, at, second = token.partition("@")
        if token in ("", "-"):
            continue
        if at and not re.fullmatch(r"\d+(\.\d*)?|\.\d+", second):
            raise PlanError("chords", "seconds after @, as in Em@2.5", token)
        try:
            symbols = [str(Chord.parse(symbol))]
        except PlanError:
            if at or "-" not in symbol:
                raise
            symbols = [str(Chord.parse(part)) for part in symbol.split("-")]
        result += [(name, float(second) if at else None) for name in symbols]
    if not result or len({second is None for _, second in result}) > 1:
        raise PlanError("chords", "a line of chord symbols, all with @seconds or all without", text)
    return tuple(result)


def estimate_key(chords_with_durations: Iterable[tuple[str | Chord, float]]) -> Key:
    """Return the key whose scale holds most of the chords' tones, weighted by their durations (seconds).

    The tonic triad counts more, most of all as first or last chord; the dominant of a minor key may be major.
    PlanError if no chord but N sounds.
    """
    pairs = [(c if isinstance(c, Chord) else Chord.parse(c), seconds) for c, seconds in chords_with_durations]
    pairs = [(chord, seconds) for chord, seconds in pairs if not chord.is_none and seconds > 0]
    if not pairs:
        raise PlanError("chords", "a chord other than N that lasts", pairs)
    total = sum(seconds for _, seconds in pairs)

    def score(key: Key) -> float:
        leading, tonic = (key.tonic_pc + 11) % 12, key.diatonic_triads()[0]
        home = [(c.root_pc, c.reduce(("", "m")).quality) == (tonic.root_pc, tonic.quality) for c, _ in pairs]
        points = 0.15 * home[0] + 0.1 * home[-1]
        for (chord, seconds), is_tonic in zip(pairs, home, strict=True):
            dominant = chord.root_pc in (leading, (key.tonic_pc + 7) % 12)
            scale, tones = {*key.scale(), leading} if dominant else {*key.scale()}, chord.pitch_classes()
            points += (sum(tone in scale for tone in tones) / len(tones) + 0.2 * is_tonic) * seconds / total
        return round(points, 9)  # equal scores stay equal: the tonic that is heard first wins, then major

    spelled: dict[int, str] = {}
    for chord, _ in pairs:
        spelled.setdefault(chord.root_pc, chord.root)
    names = [*spelled.values(), *(n for pc, n in enumerate(PITCH_NAMES_FLAT) if pc not in spelled)]
    return max((Key(name, mode) for name in names for mode in ("major", "minor")), key=score)


@dataclass(frozen=True)
class MusicPlan:
    """The typed request about the music; None is "not asked for". Checked and put in canonical form when made.

    Args:
        bpm: tempo in beats per minute, 30 to 300.
        meter: beats per bar, 1 to 12.
        key: what `Key.parse` reads, held as "C minor".
        chords: (symbol, start second), ascending, symbols held in canonical form; an empty sequence is held as None.
        beats: (second, position in the bar, 1 = downbeat), ascending; an empty sequence is held as None.
        duration: seconds, 0.5 to 600; no chord or beat comes later.
    """

    bpm: float | None = None
    meter: int | None = None
    key: str | None = None
    chords: tuple[tuple[str, float], ...] | None = None
    beats: tuple[tuple[float, int], ...] | None = None
    duration: float | None = None

    def __post_init__(self) -> None:
        held: dict[str, Any] = {
            "bpm": None if self.bpm is None else _number("bpm", self.bpm, BPM_RANGE),
            "meter": None if self.meter is None else _integer("meter", self.meter, METER_RANGE),
            "key": None
            if self.key is None
            else str(Key.parse(str(self.key) if isinstance(self.key, Key) else self.key)),
            "duration": None if self.duration is None else _number("duration", self.duration, DURATION_RANGE),
        }
        span, places = (0.0, held["duration"] or DURATION_RANGE[1]), (1, held["meter"] or METER_RANGE[1])
        chords = [(str(Chord.parse(symbol)), _number("chords", t, span)) for symbol, t in _pairs("chords", self.chords)]
        beats = [(_number("beats", t, span), _integer("beats", at, places)) for t, at in _pairs("beats", self.beats)]
        for name, times in (("chords", [t for _, t in chords]), ("beats", [t for t, _ in beats])):
            if any(later <= earlier for earlier, later in pairwise(times)):
                raise PlanError(name, "ascending times", tuple(times))
        for name, value in (held | {"chords": tuple(chords) or None, "beats": tuple(beats) or None}).items():
            object.__setattr__(self, name, value)

    @property
    def is_complete(self) -> bool:
        """Whether every field is given."""
        return None not in vars(self).values()

    def complete(self, chord_symbols: Sequence[str] | None = None) -> MusicPlan:
        """Fill what is not given, consistently; what is given stays as it is.

        Tempo and metre come from the beats, beats from tempo and metre (first downbeat at 0), chords from
        `chord_symbols` (for a plan without chords) or the key (I V vi IV; i VI III VII), the key from the chords.
        """
        if chord_symbols is not None and self.chords is not None:
            raise PlanError("chord_symbols", "None, as the plan has chords", tuple(chord_symbols))
        meter = self.meter or max((position for _, position in self.beats or ()), default=DEFAULT_METER)
        bpm = self.bpm or self._inferred_bpm(meter)
        last = max([t for t, _ in self.beats or ()] + [t for _, t in self.chords or ()], default=0.0)
        duration = self.duration or max(DEFAULT_DURATION, last + 60 / bpm)
        beats, chords = self.beats or beat_grid(bpm, meter, duration), self.chords
        if chords is None and chord_symbols is None:
            triads = Key.parse(self.key or DEFAULT_KEY).diatonic_triads()
            bars = max(1, sum(position == 1 for _, position in beats))
            chord_symbols = [str(triads[i]) for i in ((0, 5, 2, 6) if triads[0].quality else (0, 4, 5, 3))[:bars]]
        if chords is None:
            chords = spread_chords(chord_symbols or (), beats, meter, duration)
        plan = MusicPlan(bpm, meter, self.key, chords, beats, duration)
        spans = [(chord, end - start) for start, end, chord in plan.chord_intervals()]
        sounds = any(seconds > 0 and not chord.is_none for chord, seconds in spans)
        return plan.with_(key=self.key or (str(estimate_key(spans)) if sounds else DEFAULT_KEY))

    def _inferred_bpm(self, meter: int) -> float:
        gaps = [later - earlier for earlier, later in pairwise(self.beat_times() or [t for _, t in self.chords or ()])]
        if not gaps or self.beats:
            return 60 / median(gaps) if gaps else DEFAULT_BPM
        # The shortest chord is a bar, halved or doubled to a usual tempo, so that even chords sit on beats.
        bpm = 60 * meter / min(gaps)
        return bpm * 2.0 ** math.ceil(math.log2(70 / bpm))

    def with_(self, **changes: Any) -> MusicPlan:
        """Return a copy with some fields changed."""
        return MusicPlan.from_dict({**vars(self), **changes})

    def transpose(self, semitones: int) -> MusicPlan:
        """Return the plan with key and chords moved by `semitones`; the new key, if given, spells the chords."""
        chords = [(Chord.parse(symbol), t) for symbol, t in self.chords or ()]
        if self.key is None:
            return self.with_(chords=[(str(chord.transpose(semitones)), t) for chord, t in chords])
        old = Key.parse(self.key)
        new = old.transpose(semitones)
        shift = _fifths(new.tonic) - _fifths(old.tonic)
        return self.with_(key=str(new), chords=[(str(chord._shift(shift)), t) for chord, t in chords])

    def stretch(self, factor: float) -> MusicPlan:
        """Return the plan played `factor` times as fast: times divided by it, the tempo multiplied."""
        factor = _number("factor", factor, (0.01, 100.0))
        return self.with_(
            bpm=self.bpm and self.bpm * factor,
            chords=[(symbol, t / factor) for symbol, t in self.chords or ()],
            beats=[(t / factor, position) for t, position in self.beats or ()],
            duration=self.duration and self.duration / factor,
        )

    def crop(self, start: float, end: float) -> MusicPlan:
        """Return the plan from `start` to before `end` (seconds); the chord sounding at `start`, or N, begins at 0."""
        start = _number("start", start, (0.0, DURATION_RANGE[1]))
        end = _number("end", end, (start, self.duration or DURATION_RANGE[1]))
        chords = [(symbol, max(0.0, round(t - start, 9))) for symbol, t in self.chords or () if t < end]
        begun = [symbol for symbol, t in chords if t == 0] or (["N"] if self.chords else [])
        beats = [(round(t - start, 9), position) for t, position in self.beats or () if t < end]
        return self.with_(
            chords=[(symbol, 0.0) for symbol in begun[-1:]] + [(symbol, t) for symbol, t in chords if t > 0],
            beats=[(abs(t), position) for t, position in beats if t >= 0],
            duration=round(end - start, 9),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as lists and plain numbers, None where not given."""
        return {name: list(map(list, v)) if isinstance(v, tuple) else v for name, v in vars(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MusicPlan:
        """Return the plan of some fields; an unknown one is an error."""
        names = [field.name for field in fields(cls)]
        if not isinstance(values, Mapping) or not set(values) <= set(names):
            raise PlanError("plan", f"a mapping with fields among {names}", values)
        return cls(**values)

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


def _pairs(argument: str, value: object) -> list[Sequence[Any]]:
    pairs = [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        form = "(symbol, start second)" if argument == "chords" else "(second, position in the bar)"
        raise PlanError(argument, f"a sequence of {form} pairs", value)
    return pairs
