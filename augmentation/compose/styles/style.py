"""What a style is: the fields of a style file.

Patterns are bars of cells, one cell a beat, evenly divided ("x.x" is a triplet). Lists of patterns go from sparse to
busy, so that the energy of a piece chooses the part of the list; palettes go from mellow to bright, so that its mood
can lean to either side. Tempi are in BPM of the beat that a listener taps: a jig (6/8) has two beats a bar, each split
in three, and a slow blues (12/8) four.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# What a style has no melody rhythms of its own for is sung in these.
STRAIGHT_MELODY = (
    "x- -- x- --|x- -- -- ..",
    "x- -x x- x-|x- -- x- ..",
    "xx x- xo x-|x- xo x- ..",
    "x.x. xox. x.xo x-..|x.xo x-x. x--- ....",
)


@dataclass(frozen=True)
class Form:
    """How a piece of some length goes on.

    Attributes:
        rounds: the sections that come round again.
        closing: which of them comes back once more after the last round.
        middle: what comes before that, if anything.
    """

    rounds: tuple[str, str]
    closing: str
    middle: str | None = None


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "song": Form(("verse", "chorus"), "chorus", "bridge"),
        "dance": Form(("build-up", "drop"), "drop", "breakdown"),
        "solos": Form(("theme", "solo"), "theme"),
        "episodes": Form(("theme", "episode"), "theme"),
    }
)


@dataclass(frozen=True)
class Patterns:
    """What each player plays: bars of cells, from sparse to busy.

    Attributes:
        drums: one bar, rows "drum: cells" separated by "/" (names in `augmentation.compose.drums`); `X` accent, `x`
            stroke, `o` ghost stroke, `.` nothing.
        bass: `R` chord root (or slash bass), `5` its fifth, `8` octave, `3` third, `6` sixth or seventh above, `w`
            walking note, `a` short step into the next root, `-` held, `.` silence.
        comp: the chords: `X`/`x`/`o` the whole chord (accent, plain, soft), `D`/`U` strum down and up, `p` power chord
            with octave, `u` the chord without its lowest note, `b` low root, `f` low fifth, `0`-`6` one note of the
            voicing counted from below (an arpeggio goes on into the next octave), `-` held, `.` silence.
        second: the same for a second chord instrument.
        melody: two bars divided by "|": `x` a note, `o` a light passing note, `-` held, `.` silence.
    """

    drums: tuple[str, ...]
    bass: tuple[str, ...]
    comp: tuple[str, ...]
    second: tuple[str, ...] = ()
    melody: tuple[str, ...] = STRAIGHT_MELODY


@dataclass(frozen=True)
class StyleWords:
    """What people call music of a style.

    Attributes:
        tags: adjectives or genre names to put before "track", and to use as tags.
        nouns: whole noun phrases.
        uses: occasions it suits.
        metre: regular expression of the words that promise the style's first metre ("waltz"), or "".
    """

    tags: tuple[str, ...]
    nouns: tuple[str, ...]
    uses: tuple[str, ...]
    metre: str = ""


@dataclass(frozen=True)
class Asked:
    """Words of a prompt that ask for a style, and what they suggest: BPM range, beats per bar, mode; `lends` if they
    name a form that other styles take too ("a punk anthem", "a jazz ballad")."""

    words: tuple[str, ...]
    tempo: tuple[float, float] | None = None
    meter: int | None = None
    mode: str | None = None
    lends: bool = False


@dataclass(frozen=True)
class Style:
    """A style of music, as its file in this folder tells it.

    Attributes:
        name: the name of the file, with spaces.
        tempo: lowest, usual and highest BPM.
        meters: (beats per bar, weight).
        minor: probability of a minor key before the mood weighs in.
        sevenths: probability that a triad becomes its diatonic seventh chord.
        progressions: mode -> cycles of chords as degrees ("ii7 V7 Imaj7").
        odds: role (drums, bass, second, pad, melody) -> probability in a full band; somebody always plays chords.
        palette: role (bass, comp, second, pad, melody) -> instrument names, mellow to bright.
        moods: those that suit it.
        patterns: what the players play.
        words: what people call it.
        asked: how prompts ask for it, more special words first.
        solos: instruments that can play a whole piece alone.
        solo: probability of such a solo piece.
        always: roles that play in the smallest band too.
        swing: where the second eighth (or sixteenth, see `swing_unit`) of a pair falls, 0.5 is straight.
        swing_unit: length of the pair that swings, in beats.
        kit: General MIDI drum kit.
        fills: a key of `augmentation.compose.drums.FILLS`, or "none".
        hand_drums: percussion rather than a kit.
        form: how pieces of some length go on, a key of `FORMS`.
        human: how far players stray from the grid, 0 for a machine to 1 for a person.
    """

    name: str
    tempo: tuple[float, float, float]
    meters: tuple[tuple[int, float], ...]
    minor: float
    sevenths: float
    progressions: Mapping[str, tuple[str, ...]]
    odds: Mapping[str, float]
    palette: Mapping[str, tuple[str, ...]]
    moods: tuple[str, ...]
    patterns: Patterns
    words: StyleWords
    asked: tuple[Asked, ...] = ()
    solos: tuple[str, ...] = ()
    solo: float = 0.0
    always: tuple[str, ...] = ()
    swing: float = 0.5
    swing_unit: float = 1.0
    kit: int = 0
    fills: str = "straight"
    hand_drums: bool = False
    human: float = 1.0
    form: str = "song"
