"""The style table: what makes a piece rock, bossa nova or a waltz, apart from the patterns themselves.

Conventions: tempi in BPM of the beat that a listener taps, metres in beats per bar. A jig (6/8) has two beats a bar,
each split in three, and a slow blues (12/8) four; a plan that asks for metre 6 gets six plain beats. Palettes list
alternatives from mellow to bright, so that a mood can lean to either side. Probabilities are for one piece.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

# Human names of General MIDI programs (numbered from 0).
INSTRUMENTS: Mapping[str, int] = MappingProxyType(
    {
        "piano": 0, "bright piano": 1, "honky-tonk piano": 3, "Rhodes piano": 4, "electric piano": 5, "harpsichord": 6,
        "clavinet": 7, "celesta": 8, "music box": 10, "vibraphone": 11, "marimba": 12, "xylophone": 13,
        "tubular bells": 14, "drawbar organ": 16, "rock organ": 18, "church organ": 19, "accordion": 21,
        "harmonica": 22, "nylon guitar": 24, "acoustic guitar": 25, "jazz guitar": 26, "electric guitar": 27,
        "muted guitar": 28, "overdriven guitar": 29, "distorted guitar": 30, "upright bass": 32, "electric bass": 33,
        "picked bass": 34, "fretless bass": 35, "slap bass": 36, "synth bass": 38, "deep synth bass": 39, "violin": 40,
        "viola": 41, "cello": 42, "pizzicato strings": 45, "harp": 46, "strings": 48, "slow strings": 49,
        "synth strings": 50, "choir": 52, "trumpet": 56, "trombone": 57, "tuba": 58, "muted trumpet": 59,
        "French horn": 60, "brass section": 61, "synth brass": 62, "soprano saxophone": 64, "alto saxophone": 65,
        "tenor saxophone": 66, "oboe": 68, "clarinet": 71, "piccolo": 72, "flute": 73, "recorder": 74,
        "pan flute": 75, "square lead": 80, "saw lead": 81, "warm pad": 89, "synth pad": 90, "bright synth": 88,
        "bowed pad": 92, "synth plucks": 87, "banjo": 105, "fiddle": 110, "tin whistle": 72, "steel drums": 114,
        "kalimba": 108, "sitar": 104, "bagpipes": 109,
    }
)  # fmt: skip

ENERGIES = ("calm", "moderate", "energetic")


@dataclass(frozen=True)
class Mood:
    """A word for the feeling of a piece and what it changes in the playing.

    Attributes:
        minor: weight that multiplies the odds of a minor key.
        register: shift of the melody and the voicings, in semitones.
        loudness: factor on all velocities.
        brightness: 0 (mellow end of each palette) to 1 (bright end).
        energies: the energies it goes with.
    """

    minor: float
    register: int
    loudness: float
    brightness: float
    energies: tuple[str, ...] = ENERGIES


MOODS: Mapping[str, Mood] = MappingProxyType(
    {
        "happy": Mood(0.15, 2, 1.0, 0.7, ("moderate", "energetic")),
        "uplifting": Mood(0.3, 2, 1.05, 0.8, ("moderate", "energetic")),
        "playful": Mood(0.4, 4, 0.95, 0.8, ("moderate", "energetic")),
        "sad": Mood(5.0, -2, 0.85, 0.2, ("calm", "moderate")),
        "melancholic": Mood(4.0, -1, 0.85, 0.3, ("calm", "moderate")),
        "dark": Mood(8.0, -5, 1.0, 0.1),
        "mysterious": Mood(5.0, -3, 0.85, 0.3, ("calm", "moderate")),
        "dreamy": Mood(1.0, 3, 0.8, 0.4, ("calm", "moderate")),
        "relaxing": Mood(0.6, 0, 0.8, 0.2, ("calm",)),
        "peaceful": Mood(0.4, 0, 0.75, 0.3, ("calm",)),
        "romantic": Mood(0.8, 0, 0.85, 0.4, ("calm", "moderate")),
        "nostalgic": Mood(1.2, 0, 0.85, 0.4, ("calm", "moderate")),
        "groovy": Mood(1.0, 0, 1.0, 0.5, ("moderate", "energetic")),
        "cool": Mood(1.2, -2, 0.9, 0.4, ("moderate",)),
        "hopeful": Mood(0.2, 2, 0.95, 0.6, ("calm", "moderate")),
        "epic": Mood(2.0, 0, 1.1, 0.7, ("energetic",)),
        "tense": Mood(6.0, -2, 1.05, 0.6, ("moderate", "energetic")),
        "aggressive": Mood(6.0, -3, 1.15, 0.9, ("energetic",)),
        "powerful": Mood(1.5, -1, 1.15, 0.7, ("energetic",)),
        "festive": Mood(0.3, 3, 1.05, 0.8, ("energetic",)),
        "solemn": Mood(1.5, -3, 0.95, 0.3, ("calm", "moderate")),
    }
)


@dataclass(frozen=True)
class Style:
    """Everything about a style that is not a pattern.

    Attributes:
        bpm: lowest, usual and highest tempo.
        meters: (beats per bar, weight).
        minor: probability of a minor key before the mood weighs in.
        progressions: name of the table of progressions in `augmentation.compose.progressions`.
        sevenths: probability that a triad becomes its diatonic seventh chord.
        swing: where the second eighth (or sixteenth, see `swing_unit`) of a pair falls, 0.5 is straight.
        swing_unit: length of the pair that swings, in beats.
        palette: role -> instrument names, mellow to bright. Roles: bass, comp, second, pad, melody.
        odds: role (and drums) -> probability in a full band.
        solos: instruments that can play a whole piece alone.
        solo: probability of such a solo piece.
        patterns: key of the pattern tables.
    """

    name: str
    bpm: tuple[float, float, float]
    meters: tuple[tuple[int, float], ...]
    minor: float
    progressions: str
    sevenths: float
    palette: Mapping[str, tuple[str, ...]]
    odds: Mapping[str, float]
    moods: tuple[str, ...]
    solos: tuple[str, ...] = ()
    solo: float = 0.0
    swing: float = 0.5
    swing_unit: float = 1.0
    kit: int = 0
    patterns: str = field(default="")

    @property
    def key(self) -> str:
        """Key of the pattern tables (the style's name unless it borrows another's)."""
        return self.patterns or self.name


FOUR = ((4, 1.0),)
MOSTLY_FOUR = ((4, 0.85), (3, 0.15))
BAND = MappingProxyType({"drums": 0.92, "bass": 0.97, "second": 0.5, "pad": 0.35, "melody": 0.65})
CHAMBER = MappingProxyType({"drums": 0.08, "bass": 0.85, "second": 0.6, "pad": 0.6, "melody": 0.8})
CLUB = MappingProxyType({"drums": 0.98, "bass": 0.97, "second": 0.5, "pad": 0.6, "melody": 0.5})
ACOUSTIC = MappingProxyType({"drums": 0.35, "bass": 0.75, "second": 0.4, "pad": 0.3, "melody": 0.7})


def _palette(bass: str, comp: str, second: str, pad: str, melody: str) -> Mapping[str, tuple[str, ...]]:
    rows = {"bass": bass, "comp": comp, "second": second, "pad": pad, "melody": melody}
    return MappingProxyType({role: tuple(name.strip() for name in names.split(",")) for role, names in rows.items()})


_STYLES = (
    Style("rock", (84, 122, 172), FOUR, 0.4, "pop", 0.08,
          _palette("electric bass, picked bass", "electric guitar, overdriven guitar",
          "rock organ, piano, distorted guitar",
                   "strings, rock organ", "overdriven guitar, saw lead, distorted guitar"),
          BAND, ("powerful", "groovy", "tense", "uplifting", "nostalgic", "aggressive", "happy")),
    Style("pop ballad", (56, 74, 98), ((4, 0.85), (3, 0.15)), 0.35, "pop", 0.2,
          _palette("fretless bass, electric bass", "piano, electric piano", "acoustic guitar, harp",
          "strings, warm pad",
                   "flute, oboe, violin, soprano saxophone"),
          MappingProxyType({**BAND, "drums": 0.7, "pad": 0.7}), ("romantic", "sad", "hopeful", "nostalgic", "dreamy"),
          ("piano",), 0.12),
    Style("pop", (88, 112, 134), FOUR, 0.35, "pop", 0.12,
          _palette("electric bass, synth bass", "electric piano, piano, bright piano", "acoustic guitar, synth plucks",
                   "strings, synth strings", "marimba, flute, square lead, saw lead"),
          BAND, ("happy", "uplifting", "romantic", "hopeful", "nostalgic", "playful")),
    Style("jazz swing", (96, 148, 236), MOSTLY_FOUR, 0.35, "jazz", 0.95,
          _palette("upright bass", "jazz guitar, piano", "vibraphone, drawbar organ", "strings",
                   "tenor saxophone, alto saxophone, muted trumpet, trumpet, clarinet"),
          MappingProxyType({**BAND, "second": 0.15, "pad": 0.04, "melody": 0.75}),
          ("groovy", "cool", "happy", "romantic", "nostalgic", "playful"), ("piano", "jazz guitar"), 0.08, swing=0.64),
    Style("bossa nova", (104, 132, 164), FOUR, 0.4, "jazz", 0.95,
          _palette("upright bass, fretless bass", "nylon guitar", "piano, Rhodes piano, vibraphone", "strings",
                   "flute, tenor saxophone, clarinet, harmonica"),
          MappingProxyType({**BAND, "drums": 0.8, "second": 0.3, "pad": 0.15}),
          ("relaxing", "romantic", "happy", "dreamy", "cool"), ("nylon guitar",), 0.1),
    Style("blues shuffle", (72, 108, 144), FOUR, 0.2, "blues", 0.9,
          _palette("upright bass, electric bass", "piano, electric guitar, overdriven guitar",
          "drawbar organ, honky-tonk piano",
                   "drawbar organ", "harmonica, electric guitar, tenor saxophone"),
          MappingProxyType({**BAND, "pad": 0.1, "melody": 0.7}), ("groovy", "cool", "melancholic", "nostalgic",
          "happy"),
          ("piano", "electric guitar"), 0.1, swing=0.66),
    Style("slow blues", (54, 66, 80), FOUR, 0.3, "blues", 0.9,
          _palette("electric bass", "piano, drawbar organ, electric guitar", "drawbar organ, electric guitar",
          "drawbar organ",
                   "electric guitar, tenor saxophone, harmonica"),
          MappingProxyType({**BAND, "pad": 0.3, "melody": 0.8}), ("melancholic", "sad", "cool", "romantic")),
    Style("waltz", (84, 132, 186), ((3, 1.0),), 0.35, "classical", 0.15,
          _palette("upright bass, cello, tuba", "harp, strings, piano, accordion", "pizzicato strings, clarinet",
          "slow strings, strings",
                   "violin, clarinet, flute, accordion"),
          CHAMBER, ("romantic", "happy", "nostalgic", "playful", "melancholic"), ("piano", "accordion"), 0.25),
    Style("classical piano", (60, 104, 152), ((4, 0.45), (3, 0.35), (2, 0.2)), 0.45, "classical", 0.12,
          _palette("piano", "piano", "piano", "slow strings", "piano, violin"),
          MappingProxyType({"drums": 0.0, "bass": 1.0, "second": 0.0, "pad": 0.06, "melody": 0.92}),
          ("romantic", "peaceful", "melancholic", "playful", "tense", "solemn", "hopeful"), ("piano", "harpsichord"),
          0.75),
    Style("orchestral", (66, 100, 152), ((4, 0.65), (3, 0.25), (2, 0.1)), 0.55, "cinematic", 0.06,
          _palette("cello, tuba", "strings, brass section", "pizzicato strings, French horn, harp",
          "slow strings, choir",
                   "French horn, oboe, flute, violin, trumpet"),
          MappingProxyType({"drums": 0.6, "bass": 0.97, "second": 0.75, "pad": 0.75, "melody": 0.8}),
          ("epic", "solemn", "hopeful", "tense", "mysterious", "romantic"), kit=48),
    Style("ambient", (52, 74, 100), ((4, 0.8), (3, 0.2)), 0.5, "modal", 0.4,
          _palette("fretless bass, deep synth bass", "harp, Rhodes piano, synth plucks",
          "music box, celesta, vibraphone",
                   "warm pad, bowed pad, slow strings, synth pad", "flute, pan flute, celesta, square lead"),
          MappingProxyType({"drums": 0.2, "bass": 0.8, "second": 0.45, "pad": 1.0, "melody": 0.45}),
          ("dreamy", "peaceful", "relaxing", "mysterious", "dark", "hopeful")),
    Style("house", (116, 124, 132), FOUR, 0.65, "club", 0.45,
          _palette("deep synth bass, synth bass", "Rhodes piano, piano, bright piano", "synth plucks, drawbar organ",
          "synth strings, warm pad",
                   "marimba, square lead, saw lead"),
          CLUB, ("groovy", "uplifting", "happy", "cool", "festive"), kit=24),
    Style("techno", (124, 132, 146), FOUR, 0.85, "club", 0.15,
          _palette("deep synth bass, synth bass", "synth plucks, square lead, saw lead", "synth plucks, synth brass",
          "synth pad, synth strings",
                   "square lead, saw lead"),
          MappingProxyType({**CLUB, "melody": 0.25}), ("dark", "tense", "aggressive", "mysterious", "powerful"),
          kit=25),
    Style("hip hop", (72, 90, 104), FOUR, 0.75, "soul", 0.6,
          _palette("deep synth bass, electric bass", "Rhodes piano, piano, electric piano",
          "pizzicato strings, brass section, electric guitar",
                   "strings, synth strings, choir", "flute, vibraphone, trumpet, square lead"),
          BAND, ("groovy", "cool", "dark", "nostalgic", "melancholic"), swing=0.58, swing_unit=0.5, kit=25),
    Style("folk guitar", (76, 104, 138), ((4, 0.65), (3, 0.35)), 0.35, "folk", 0.06,
          _palette("upright bass", "nylon guitar, acoustic guitar", "accordion, banjo, piano", "slow strings",
                   "flute, harmonica, violin, recorder"),
          ACOUSTIC, ("peaceful", "nostalgic", "hopeful", "happy", "melancholic"), ("acoustic guitar", "nylon guitar"),
          0.3),
    Style("reggae", (66, 80, 96), FOUR, 0.45, "folk", 0.2,
          _palette("electric bass", "electric guitar, piano, muted guitar", "drawbar organ, rock organ",
          "drawbar organ",
                   "tenor saxophone, trombone, trumpet, steel drums"),
          MappingProxyType({**BAND, "second": 0.85, "pad": 0.2}), ("relaxing", "happy", "groovy", "cool"), swing=0.56),
    Style("funk", (92, 106, 124), FOUR, 0.6, "funk", 0.8,
          _palette("electric bass, slap bass", "muted guitar, electric guitar, clavinet",
          "clavinet, Rhodes piano, brass section",
                   "strings, drawbar organ", "alto saxophone, trumpet, synth brass"),
          MappingProxyType({**BAND, "second": 0.8, "pad": 0.2}), ("groovy", "happy", "cool", "festive", "powerful")),
    Style("metal", (96, 138, 190), FOUR, 0.95, "rockminor", 0.0,
          _palette("picked bass", "distorted guitar", "distorted guitar, overdriven guitar",
          "strings, choir, synth strings", "distorted guitar, saw lead"),
          MappingProxyType({"drums": 1.0, "bass": 1.0, "second": 0.95, "pad": 0.3, "melody": 0.45}),
          ("aggressive", "dark", "powerful", "epic", "tense")),
    Style("synthwave", (82, 102, 122), FOUR, 0.75, "rockminor", 0.15,
          _palette("synth bass, deep synth bass", "synth plucks, synth brass, saw lead",
          "synth plucks, electric piano", "synth strings, synth pad",
                   "square lead, saw lead, synth brass"),
          MappingProxyType({**CLUB, "pad": 0.85, "melody": 0.6}), ("nostalgic", "dreamy", "dark", "uplifting", "cool"),
          kit=24),
    Style("country", (84, 112, 158), ((4, 0.85), (3, 0.15)), 0.08, "folk", 0.08,
          _palette("upright bass, electric bass", "acoustic guitar", "piano, electric guitar, banjo", "strings",
                   "fiddle, harmonica, electric guitar"),
          MappingProxyType({**BAND, "drums": 0.8, "pad": 0.15}), ("happy", "nostalgic", "playful", "hopeful"),
          ("acoustic guitar", "banjo"), 0.08),
    Style("salsa", (80, 94, 106), FOUR, 0.6, "latin", 0.5,
          _palette("upright bass, electric bass", "piano, bright piano", "brass section, vibraphone", "strings",
                   "trumpet, flute, trombone, brass section"),
          MappingProxyType({**BAND, "drums": 0.97, "second": 0.6, "pad": 0.15}), ("festive", "happy", "groovy",
          "uplifting")),
    Style("lo-fi", (68, 78, 90), FOUR, 0.55, "jazz", 0.95,
          _palette("upright bass, fretless bass, electric bass", "Rhodes piano, jazz guitar, piano",
          "vibraphone, kalimba, nylon guitar",
                   "warm pad, slow strings", "flute, muted trumpet, tenor saxophone, music box"),
          MappingProxyType({**BAND, "pad": 0.5, "melody": 0.5}), ("relaxing", "nostalgic", "dreamy", "cool",
          "melancholic"),
          swing=0.6, swing_unit=0.5, kit=25),
    Style("celtic jig", (96, 116, 138), ((2, 1.0),), 0.35, "folk", 0.02,
          _palette("upright bass, cello", "harp, nylon guitar, acoustic guitar", "accordion, harp",
          "slow strings, accordion",
                   "recorder, flute, fiddle, tin whistle"),
          MappingProxyType({"drums": 0.6, "bass": 0.7, "second": 0.5, "pad": 0.3, "melody": 0.95}),
          ("happy", "playful", "festive", "nostalgic"), ("harp", "accordion"), 0.06),
    Style("march", (96, 116, 134), ((2, 0.8), (4, 0.2)), 0.15, "classical", 0.1,
          _palette("tuba, trombone", "French horn, brass section", "clarinet, trombone", "brass section, French horn",
          "clarinet, flute, trumpet, piccolo"),
          MappingProxyType({"drums": 0.97, "bass": 1.0, "second": 0.5, "pad": 0.15, "melody": 0.85}),
          ("solemn", "festive", "powerful", "happy", "epic")),
    Style("disco", (108, 118, 128), FOUR, 0.6, "funk", 0.55,
          _palette("electric bass, slap bass, synth bass", "electric guitar, muted guitar, clavinet",
          "Rhodes piano, brass section, piano", "strings, synth strings",
                   "strings, trumpet, saw lead"),
          MappingProxyType({**CLUB, "second": 0.8, "pad": 0.7}), ("happy", "festive", "groovy", "uplifting")),
    Style("drum and bass", (164, 172, 178), FOUR, 0.8, "club", 0.45,
          _palette("deep synth bass, synth bass", "Rhodes piano, electric piano, synth plucks",
          "synth plucks, vibraphone", "warm pad, synth strings, synth pad",
                   "flute, square lead, saw lead"),
          MappingProxyType({**CLUB, "pad": 0.9}), ("dark", "tense", "powerful", "dreamy", "cool"), kit=24),
    Style("soul", (66, 88, 112), ((4, 0.85), (3, 0.15)), 0.4, "soul", 0.75,
          _palette("electric bass, fretless bass", "Rhodes piano, drawbar organ, piano",
          "electric guitar, brass section", "strings, drawbar organ, choir",
                   "tenor saxophone, trumpet, alto saxophone"),
          BAND, ("romantic", "groovy", "hopeful", "nostalgic", "cool"), ("piano",), 0.06),
    Style("tango", (108, 122, 134), FOUR, 0.9, "classical", 0.3,
          _palette("upright bass, cello", "accordion, piano", "piano, violin, pizzicato strings",
          "slow strings, strings",
                   "violin, accordion, clarinet"),
          MappingProxyType({**CHAMBER, "drums": 0.12, "bass": 0.97}), ("romantic", "tense", "melancholic", "dark",
          "nostalgic")),
)  # fmt: skip

STYLES: Mapping[str, Style] = MappingProxyType({style.name: style for style in _STYLES})
