"""Keys: tonic and mode, their scales and triads, and the key that chords suggest.

A key keeps its mode ("D dorian"); where a model or a measure knows major and minor only, `Key.as_major_or_minor` maps
it down by its third.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from munet.music.checks import PlanError
from munet.music.chords import Chord
from munet.music.spelling import (
    DEGREE_FIFTHS,
    UNICODE,
    check_note,
    fifths_of,
    name_of,
    pitch_class,
    shift_in_family,
)

# The degree of the major scale on which each mode begins, from 0.
MODES: Mapping[str, int] = MappingProxyType(
    {"major": 0, "minor": 5, "ionian": 0, "dorian": 1, "phrygian": 2, "lydian": 3, "mixolydian": 4, "aeolian": 5}
    | {"locrian": 6}
)
# Tonics by pitch class as they are usually spelled: the fewest accidentals in the signature.
MAJOR_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
_TRIADS = ("", "m", "m", "", "", "m", "dim")  # on the degrees of the major scale
# Four degrees, from 0, that show the mode: I V vi IV; i VI III VII; dorian i IV i VII; phrygian i II i vii; ...
_PROGRESSIONS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    dict.fromkeys(("major", "ionian"), (0, 4, 5, 3))
    | dict.fromkeys(("minor", "aeolian"), (0, 5, 2, 6))
    | {"dorian": (0, 3, 0, 6), "phrygian": (0, 1, 0, 6), "lydian": (0, 1, 0, 4), "mixolydian": (0, 6, 3, 0)}
    | {"locrian": (0, 4, 1, 0)}
)
_AT_AN_END = 0.05  # how much more a tonic counts as the first or the last chord
_MOST_ACCIDENTALS = 7  # of a signature
_MODE_WORDS = "|".join(mode for mode in MODES if mode not in ("major", "minor"))
_KEY = re.compile(
    r"([A-Ga-g])(#|b|[ -]?(?i:sharp|flat))?"
    rf"[ :-]*((?i:(?:natural|harmonic|melodic)[ -]minor|major|maj|minor|min|{_MODE_WORDS})|[Mm])?"
)
_KEY_FORM = 'a key such as "C minor", "Cm", "F# major" or "D dorian"'


@dataclass(frozen=True)
class Key:
    """A key: spelled `tonic` and `mode`, one of `MODES` ("minor" is the natural one)."""

    tonic: str
    mode: str

    def __post_init__(self) -> None:
        check_note("key", self.tonic)
        if self.mode not in MODES:
            raise PlanError("key", f"a mode among {', '.join(MODES)}", self.mode)

    @classmethod
    def parse(cls, text: str, lone_minor: bool = False) -> Key:
        """Read "C minor", "Cm", "c min", "C:min", "EM", "F# major", "B-flat minor", "D dorian" or "G" (major).

        Natural, harmonic and melodic minor are "minor".

        Args:
            text: what a person wrote.
            lone_minor: read a small letter that stands alone ("a", "c#") as a minor key; else it is refused, as it may
                be a habit of typing or a word.
        """
        match = _KEY.fullmatch(text.strip().translate(UNICODE)) if isinstance(text, str) else None
        if match is None or (match[3] is None and match[1].islower() and not lone_minor):
            raise PlanError("key", _KEY_FORM, text)
        accidental = (match[2] or "").lower().strip(" -").replace("sharp", "#").replace("flat", "b")
        word = match[3] or ("m" if match[1].islower() else "M")
        mode = {"m": "minor", "M": "major"}.get(word, word.lower())
        mode = "minor" if "min" in mode else "major" if mode == "maj" else mode
        return cls(match[1].upper() + accidental, mode)

    @classmethod
    def usual(cls, tonic_pc: int, mode: str) -> Key:
        """Return the key on a pitch class, spelled with the fewest accidentals (F# minor, Eb minor, Db major)."""
        if mode in ("major", "minor"):
            return cls((MAJOR_NAMES if mode == "major" else MINOR_NAMES)[tonic_pc % 12], mode)
        # A mode takes the spelling of the major scale that it is part of.
        above = DEGREE_FIFTHS[MODES[mode]]
        return cls(name_of(fifths_of(MAJOR_NAMES[(tonic_pc - 7 * above) % 12]) + above), mode)

    @property
    def tonic_pc(self) -> int:
        """Pitch class of the tonic."""
        return pitch_class(self.tonic)

    @property
    def signature(self) -> int:
        """Sharps of the signature; flats count as negative ones."""
        return fifths_of(self.tonic) - DEGREE_FIFTHS[MODES[self.mode]]

    @property
    def is_minor(self) -> bool:
        """Whether the third of the scale is minor."""
        return _TRIADS[MODES[self.mode]] in ("m", "dim")

    def __str__(self) -> str:
        return f"{self.tonic} {self.mode}"

    def as_major_or_minor(self) -> Key:
        """Return the major or minor key on the same tonic: dorian, phrygian, locrian, aeolian are minor."""
        return Key(self.tonic, "minor" if self.is_minor else "major")

    def scale(self) -> tuple[int, ...]:
        """Return the seven pitch classes from the tonic upwards."""
        return _scale(self)

    def diatonic_triads(self) -> tuple[Chord, ...]:
        """Return the triads on the seven degrees of the scale, spelled in the key."""
        return _triads(self)

    def progression(self) -> tuple[Chord, ...]:
        """Return four triads that show the key and its mode: I V vi IV in major, i VI III VII in minor."""
        triads = self.diatonic_triads()
        return tuple(triads[i] for i in _PROGRESSIONS[self.mode])

    def transpose(self, semitones: int) -> Key:
        """Return the key moved by `semitones`, in its flats or sharps while the signature has at most seven."""
        if semitones % 12 == 0:
            return self
        above = DEGREE_FIFTHS[MODES[self.mode]]
        fifths = fifths_of(self.tonic) + shift_in_family(self.tonic, semitones, above - (6 if self.is_minor else 5))
        signature = fifths - above
        fifths += 12 * (signature < -_MOST_ACCIDENTALS) - 12 * (signature > _MOST_ACCIDENTALS)
        return Key(name_of(fifths), self.mode)

    def relative(self) -> Key:
        """Return the key of the other kind with the same scale: major of a minor one, minor of a major one."""
        return self.in_mode("major" if self.is_minor else "minor")

    def in_mode(self, mode: str) -> Key:
        """Return the key of a mode with the same scale: of A minor E phrygian."""
        return Key(name_of(self.signature + DEGREE_FIFTHS[MODES[mode]]), mode)


@lru_cache(maxsize=512)
def _triads(key: Key) -> tuple[Chord, ...]:
    degrees = [(MODES[key.mode] + step) % 7 for step in range(7)]
    return tuple(Chord(name_of(key.signature + DEGREE_FIFTHS[i]), _TRIADS[i]) for i in degrees)


@lru_cache(maxsize=512)
def _scale(key: Key) -> tuple[int, ...]:
    return tuple(chord.root_pc for chord in _triads(key))


def estimate_key(chords_with_durations: Iterable[tuple[str | Chord, float]]) -> Key:
    """Return the key, major or minor, whose scale holds most of the chords' tones, weighted by durations (seconds).

    The tonic triad counts more, most of all as first or last chord, and as the end of a cadence ii V I, which may run
    on from the last chord to the first; the dominant of a minor key may be major. The tonic is spelled as in the chords
    where its signature has at most seven accidentals, else as usual.

    Raises:
        PlanError: no chord but N sounds.
    """
    pairs = [(c if isinstance(c, Chord) else Chord.parse(c), seconds) for c, seconds in chords_with_durations]
    pairs = [(chord, seconds) for chord, seconds in pairs if not chord.is_none and seconds > 0]
    if not pairs:
        raise PlanError("chords", "a chord other than N that lasts", pairs)
    total = sum(seconds for _, seconds in pairs)
    rows = [
        (chord.root_pc, chord.reduce(("", "m")).quality, chord.pitch_classes(), seconds / total)
        for chord, seconds in pairs
    ]

    def score(key: Key) -> float:
        leading, tonic = (key.tonic_pc + 11) % 12, key.diatonic_triads()[0]
        home = [(root, quality) == (key.tonic_pc, tonic.quality) for root, quality, _, _ in rows]
        points, scale = (
            0.15 * home[0] + 0.1 * home[-1] + 0.2 * _cadences([row[:2] for row in rows], key),
            set(key.scale()),
        )
        for (root, _, tones, share), is_tonic in zip(rows, home, strict=True):
            own = scale | {leading} if root in (leading, (key.tonic_pc + 7) % 12) else scale
            points += (sum(tone in own for tone in tones) / len(tones) + 0.2 * is_tonic) * share
        return round(points, 9)  # equal scores stay equal: the tonic that is heard first wins, then major

    return max(_candidates([chord for chord, _ in pairs]), key=score)


def key_in_mode(chords_with_durations: Iterable[tuple[str | Chord, float]], mode: str) -> Key:
    """Return the key of a mode whose scale holds most of the chords' tones: of Am G F E in phrygian E phrygian.

    Its tonic is the root of one of them, rather the first's or the last's. Major and minor keys are those of
    `estimate_key`, or the relative ones.

    Raises:
        PlanError: no chord but N sounds.
    """
    pairs = [(c if isinstance(c, Chord) else Chord.parse(c), seconds) for c, seconds in chords_with_durations]
    key = estimate_key(pairs)
    if mode in ("major", "minor"):
        return key.in_mode(mode)
    pairs = [(chord, seconds) for chord, seconds in pairs if not chord.is_none and seconds > 0]

    def score(key: Key) -> float:
        scale = set(key.scale())
        tones = ((chord.pitch_classes(), seconds) for chord, seconds in pairs)
        held = sum(seconds * sum(tone in scale for tone in own) / len(own) for own, seconds in tones)
        ends = sum(_AT_AN_END * (chord.root_pc == key.tonic_pc) for chord, _ in (pairs[0], pairs[-1]))
        return round(held / sum(seconds for _, seconds in pairs) + ends, 9)

    return max((Key(chord.root, mode) for chord, _ in pairs), key=score)


def _cadences(triads: Sequence[tuple[int, str]], key: Key) -> bool:
    """Whether ii V I (ii V i) of a key is among (root, quality) of triads, the last of which lead on to the first."""
    tonic = key.diatonic_triads()[0].quality
    cadence = [((key.tonic_pc + 2) % 12, "m"), ((key.tonic_pc + 7) % 12, ""), (key.tonic_pc, tonic)]
    found = ([triads[at - 2], triads[at - 1], triads[at]] for at in range(len(triads)))
    return len(triads) >= 3 and cadence in found


def _candidates(chords: Iterable[Chord]) -> Iterable[Key]:
    """Yield the 24 keys, those on the chords' roots first and spelled like them."""
    spelled: dict[int, str] = {}
    for chord in chords:
        spelled.setdefault(chord.root_pc, chord.root)
    for pc in (*spelled, *(pc for pc in range(12) if pc not in spelled)):
        for mode in ("major", "minor"):
            own = Key(spelled.get(pc, MAJOR_NAMES[pc]), mode)
            fits = pc in spelled and abs(own.signature) <= _MOST_ACCIDENTALS
            yield own if fits else Key.usual(pc, mode)
