"""What styles, moods and plain tempo words suggest about the music that a text leaves open.

Frozen tables and a lookup. Tempo ranges in BPM are those that dance-music and metronome tables commonly print; the
progressions are stock ones of each style as degrees (see `degrees`). A more special word goes before a general one
("jazz waltz" before "jazz").
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAJOR_PROGRESSIONS = ("I V vi IV", "I vi IV V", "I IV vi V", "vi IV I V")
MINOR_PROGRESSIONS = ("i VI III VII", "i iv VI V", "i VII VI VII", "i iv VII III")
MAJOR_TONICS = ("C", "G", "D", "A", "F", "Bb", "E", "Eb")
MINOR_TONICS = ("A", "E", "D", "B", "G", "C", "F#", "F")
DEFAULT_TEMPO = (92.0, 124.0)


@dataclass(frozen=True)
class Prior:
    """What one word suggests: `kind` ("style", "mood", "pace"), the `pattern` that finds it, and values or None.

    Args:
        tempo: lowest and highest BPM.
        meter: beats per bar.
        mode: "major" or "minor".
        major: progressions in major, as degrees.
        minor: progressions in minor, as degrees.
    """

    kind: str
    pattern: str
    tempo: tuple[float, float] | None = None
    meter: int | None = None
    mode: str | None = None
    major: tuple[str, ...] = ()
    minor: tuple[str, ...] = ()


_BLUES = ("I7 IV7 I7 V7", "I7 I7 IV7 IV7 I7 V7")
_MINOR_BLUES = ("i7 iv7 i7 V7",)
_JAZZ = ("ii7 V7 Imaj7 vi7", "Imaj7 vi7 ii7 V7", "iii7 vi7 ii7 V7")
_MINOR_JAZZ = ("iiø7 V7 i7 i7", "i7 iv7 iiø7 V7")
_SOUL = ("Imaj7 iii7 vi7 IVmaj7", "ii7 V7 Imaj7 IVmaj7")
_MINOR_SOUL = ("i7 iv7 VImaj7 v7", "VImaj7 v7 i7 VII7")
_FOLK = ("I IV V I", "I V IV V", "I IV I V")
_MINOR_FOLK = ("i VII i VII", "i iv VII i")
_ROCK = ("I bVII IV I", "I IV V IV", "I V IV I")
_MINOR_ROCK = ("i VI VII i", "i VII VI VII")
_CLASSICAL = ("I IV V7 I", "I V vi iii IV I IV V", "I ii V7 I")
_MINOR_CLASSICAL = ("i iv V7 i", "i VI iv V7")
_DRONE = ("Imaj7 IVmaj7", "I IV", "I bVII")
_MINOR_DRONE = ("i7 VImaj7", "i VII", "i iv")


def _style(pattern: str, low: float, high: float, meter: int | None = None, mode: str | None = None,
           major: tuple[str, ...] = (), minor: tuple[str, ...] = ()) -> Prior:  # fmt: skip
    return Prior("style", pattern, (low, high), meter, mode, major, minor)


STYLES: tuple[Prior, ...] = (
    _style("viennese waltz", 160, 180, 3, "major", _CLASSICAL, _MINOR_CLASSICAL),
    _style("jazz waltz", 120, 170, 3, None, _JAZZ, _MINOR_JAZZ),
    _style("waltz(?:es)?|valse", 88, 150, 3, "major", _CLASSICAL, _MINOR_CLASSICAL),
    _style("minuet|l[äa]ndler|mazurka", 100, 130, 3, "major", _CLASSICAL, _MINOR_CLASSICAL),
    _style("drum (?:and|&|'?n'?) bass|dnb|d&b|jungle", 165, 178, 4, "minor", _SOUL, _MINOR_ROCK),
    _style("lo-?fi(?= (?:hip|beat|chill|study|jazz|piano))|chill-?hop", 70, 90, 4, None, _JAZZ, _MINOR_SOUL),
    _style("trip[- ]hop", 78, 98, 4, "minor", _SOUL, _MINOR_SOUL),
    _style("trap", 130, 150, 4, "minor", (), _MINOR_ROCK),
    _style("drill", 138, 145, 4, "minor", (), _MINOR_ROCK),
    _style("dubstep", 138, 142, 4, "minor", (), _MINOR_ROCK),
    _style("hip[- ]?hop|boom[- ]bap|rap", 84, 100, 4, "minor", _SOUL, _MINOR_SOUL),
    _style("deep house|house", 118, 128, 4, "minor", _SOUL, ("i7 VImaj7 iv7 v7", "i VI III VII")),
    _style("techno", 126, 138, 4, "minor", (), _MINOR_DRONE),
    _style("trance", 132, 142, 4, "minor", (), ("i VI III VII", "VI VII i i")),
    _style("synth-?wave|retro-?wave|vapor-?wave", 84, 118, 4, "minor", (), ("i VI III VII", "VI VII i v")),
    _style("edm|electro|eurodance|dance(?:[- ](?:pop|music|floor))?|synth[- ]?pop|club", 118, 130, 4),
    _style("disco", 112, 126, 4, None, ("I vi ii V", "ii7 V7 Imaj7 vi7"), ("i7 iv7 VII7 IIImaj7",)),
    _style("dancehall|reggaeton", 88, 100, 4, "minor", (), ("i VI III VII", "i VII VI VII")),
    _style("reggae|dub|ska|rocksteady", 70, 90, 4, None, ("I IV I IV", "I V ii IV"), ("i iv i v",)),
    _style("bossa(?: nova)?", 120, 140, 4, "major", ("Imaj7 ii7 V7 Imaj7", *_JAZZ), _MINOR_JAZZ),
    _style("samba", 96, 110, 2, "major", _JAZZ, _MINOR_JAZZ),
    _style("tango", 112, 132, 4, "minor", (), _MINOR_CLASSICAL),
    _style("salsa|mambo|merengue|cumbia|latin", 92, 110, 4, None, ("I IV V IV", "ii7 V7 Imaj7 Imaj7"), ("i iv V7 iv",)),
    _style("flamenco", 100, 130, 3, "minor", (), ("i VII VI V",)),
    _style("bebop", 180, 230, 4, None, _JAZZ, _MINOR_JAZZ),
    _style("swing|big band", 130, 180, 4, "major", _JAZZ, _MINOR_JAZZ),
    _style("gypsy jazz|manouche|ragtime", 150, 200, 4, None, ("I VI7 II7 V7",), _MINOR_JAZZ),
    _style("jazz\\w*", 96, 150, 4, None, _JAZZ, _MINOR_JAZZ),
    _style("blues\\w*", 70, 120, 4, "major", _BLUES, _MINOR_BLUES),
    _style("neo[- ]?soul|r&b|rnb|soul", 70, 100, 4, None, _SOUL, _MINOR_SOUL),
    _style("funk\\w*", 98, 116, 4, "minor", ("I7 IV7", "I9 I9 IV9 IV9"), ("i7 IV7", "i7 i7 iv7 v7")),
    _style("gospel", 72, 110, 4, "major", ("I IV I V", "I I7 IV iv"), _MINOR_SOUL),
    _style("bluegrass|hoedown", 120, 150, 4, "major", _FOLK, _MINOR_FOLK),
    _style("country|western|americana", 92, 124, 4, "major", _FOLK, _MINOR_FOLK),
    _style("jig", 108, 126, 6, "major", _FOLK, _MINOR_FOLK),
    _style("polka", 110, 125, 2, "major", _FOLK, _MINOR_FOLK),
    _style("march(?:ing)?|anthem", 108, 124, 4, "major", _CLASSICAL, _MINOR_CLASSICAL),
    _style("celtic|irish|scottish|sea shanty|shanty", 96, 126, 4, "major", _FOLK, _MINOR_FOLK),
    _style("folk\\w*|singer[- ]songwriter|ukulele", 86, 120, 4, "major", _FOLK, _MINOR_FOLK),
    _style("(?:thrash|death|black|speed) metal", 170, 220, 4, "minor", (), _MINOR_ROCK),
    _style("metal\\w*|djent", 110, 160, 4, "minor", (), _MINOR_ROCK),
    _style("punk", 160, 190, 4, "major", _ROCK, _MINOR_ROCK),
    _style("grunge|hard rock|heavy rock|post-?rock", 92, 132, 4, "minor", _ROCK, _MINOR_ROCK),
    _style("rock(?:abilly)?|indie|surf|garage", 104, 140, 4, "major", _ROCK, _MINOR_ROCK),
    _style("lullab(?:y|ies)|music box", 60, 84, 3, "major", _FOLK, _MINOR_FOLK),
    _style("ballad", 60, 80, 4, None, MAJOR_PROGRESSIONS, MINOR_PROGRESSIONS),
    _style("ambient|drone|meditat\\w+|new age|soundscape|yoga|spa", 54, 76, 4, None, _DRONE, _MINOR_DRONE),
    _style("chip-?tune|8-?bit|video ?game|arcade", 120, 150, 4, "major", MAJOR_PROGRESSIONS, MINOR_PROGRESSIONS),
    _style("trailer|epic", 80, 120, 4, "minor", (), ("i VI III VII", "i VI iv VII")),
    _style("cinematic|film|soundtrack|movie|score", 72, 110, 4, "minor", MAJOR_PROGRESSIONS, MINOR_PROGRESSIONS),
    _style("baroque|fugue|harpsichord", 76, 108, 4, None, _CLASSICAL, _MINOR_CLASSICAL),
    _style("classical|orchestra\\w*|symphon\\w+|string quartet|sonata|chamber|nocturne", 66, 112, 4, None, _CLASSICAL,
           _MINOR_CLASSICAL),
    _style("christmas|carol|children'?s|kids|nursery", 96, 124, 4, "major", _FOLK, _MINOR_FOLK),
    _style("k-?pop|j-?pop|pop\\w*|acoustic guitar", 96, 124, 4, "major", MAJOR_PROGRESSIONS, MINOR_PROGRESSIONS),
)  # fmt: skip

MOODS: tuple[Prior, ...] = (
    Prior("mood", "in a minor key|minor key|minor blues|minor[- ]mode", None, None, "minor"),
    Prior("mood", "in a major key|major key|major[- ]mode", None, None, "major"),
    Prior("mood", "sad\\w*|melanchol\\w+|sorrow\\w*|mourn\\w+|tragic|lonely|gloomy|heart-?br\\w+|grie\\w+|bleak",
          (60, 88), None, "minor"),
    Prior("mood", "dark\\w*|ominous|sinister|menacing|eerie|spooky|scary|creepy|haunting|horror|evil|foreboding|"
          "suspense\\w*|tense|mysterious|brooding|moody", None, None, "minor"),
    Prior("mood", "aggressive|angry|furious|intense|frantic|chaotic|fierce", (125, 170), None, "minor"),
    Prior("mood", "happy|joy\\w*|cheer\\w+|uplifting|sunny|playful|bright|jolly|fun|carefree|optimistic|feel-?good|"
          "jovial|merry|celebrat\\w+", (108, 138), None, "major"),
    Prior("mood", "triumph\\w*|heroic|victor\\w+|majestic|proud", (96, 124), None, "major"),
    Prior("mood", "energetic|exciting|lively|driving|hype|powerful|animated|high[- ]energy", (118, 150)),
    Prior("mood", "romantic|tender|sentimental|love song|warm|gentle|nostalgi\\w+|dreamy|heartfelt",
          (66, 96), None, "major"),
    Prior("mood", "calm\\w*|peaceful\\w*|relax\\w+|serene|sooth\\w+|tranquil\\w*|chill\\w*|sleepy|quiet|mellow|"
          "laid-?back|soft", (60, 88), None, "major"),
)  # fmt: skip

PACES: tuple[Prior, ...] = (
    Prior("pace", "very slow|extremely slow|slowest", (44, 58)),
    Prior("pace", "very fast|extremely fast|super fast|breakneck", (165, 200)),
    Prior("pace", "mid-?tempo|mid tempo|medium[- ](?:fast|slow)?\\s?(?:tempo|paced?)|"
          "moderate(?:ly)?[- ]?(?:tempo|paced?)?|medium speed", (92, 112)),
    Prior("pace", "up-?tempo|up tempo|upbeat|brisk\\w*|quick\\w*", (118, 144)),
    Prior("pace", "fast\\w*|rapid\\w*|speedy|racing", (132, 168)),
    Prior("pace", "slow\\w*|unhurried|leisurely|down-?tempo", (58, 82)),
)  # fmt: skip


@dataclass(frozen=True)
class Match:
    """A prior and the word of the text that called it."""

    prior: Prior
    word: str

    @property
    def source(self) -> str:
        """Return where the values came from, for a person: "style: waltz"."""
        return f"{self.prior.kind}: {self.word.lower()}"


def find(text: str, table: tuple[Prior, ...]) -> Match | None:
    """Return the first prior of `table`, in its order, that `text` calls by a whole word; None if it calls none.

    A word right after "no", "not", "without" or "non" does not call.
    """
    for prior in table:
        pattern = rf"(?<![\w'])(?<!\bno )(?<!\bnot )(?<!\bnon[- ])(?<!\bwithout )(?:{prior.pattern})(?![\w])"
        if match := re.search(pattern, text, re.IGNORECASE):
            return Match(prior, match[0])
    return None
