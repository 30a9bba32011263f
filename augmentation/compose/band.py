"""Who plays: instruments and their roles, drawn in the style or given by name, and who of them plays when.

Roles: drums, bass, comp (the chords), second (more chords), pad (held chords), melody, counter (long tones between the
others) and double (the melody a third below). Several players may share an instrument: a solo piano has three.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from augmentation.compose.moods import Mood
from augmentation.compose.styles import Style
from munet.music.instruments import CLASSES, INSTRUMENT_NAMES

Rng = np.random.Generator


def _of(*kinds: str, more: str = "", without: str = "") -> tuple[str, ...]:
    """Instruments of some classes, and some more by name, in the order of `INSTRUMENT_NAMES`."""
    names = {name for kind in kinds for name in CLASSES[kind]} | set(more.split(", "))
    return tuple(name for name in INSTRUMENT_NAMES if name in names - set(without.split(", ")))


KEYS = _of("piano", "electric piano", "organ", more="accordion, harpsichord")
PLUCKED = _of("acoustic guitar", "electric guitar", "distorted guitar", "plucked strings", more="kalimba")
# What each role may be played on.
ABLE = MappingProxyType(
    {
        "drums": ("drums",),
        "bass": _of("bass", "synth bass", more="tuba"),
        "comp": _of("piano", "electric piano", "organ", "acoustic guitar", "electric guitar", "distorted guitar",
                    "plucked strings", "mallets", "strings", "synth plucks",
                    more="accordion, brass section, bright synth", without="tubular bells"),
        "second": _of("piano", "electric piano", "organ", "acoustic guitar", "electric guitar", "plucked strings",
                      "mallets", "strings", "synth plucks", more="accordion, brass section, synth brass, bright synth"),
        "pad": _of("organ", "strings", "choir", "synth pad", more="brass section, synth brass, French horn, accordion"),
        "melody": _of("solo strings", "brass", "saxophone", "woodwinds", "mallets", "synth lead", "reeds", "piano",
                      more="electric guitar, jazz guitar, overdriven guitar, distorted guitar, nylon guitar, sitar, "
                           "banjo, Rhodes piano, synth plucks, harp, choir, pizzicato strings",
                      without="tuba, brass section"),
    }
)  # fmt: skip
_ALONE = tuple(dict.fromkeys((*KEYS, *PLUCKED, "vibraphone", "marimba", "strings")))
_HELD = frozenset(ABLE["pad"])
_CENTRES = MappingProxyType(
    dict.fromkeys(("celesta", "music box", "xylophone", "piccolo", "flute", "recorder", "tin whistle"), 79)
    | dict.fromkeys(("violin", "fiddle", "kalimba", "pan flute", "vibraphone", "marimba"), 75)
    | dict.fromkeys(("viola", "alto saxophone", "clarinet", "electric guitar", "jazz guitar", "nylon guitar"), 67)
    | dict.fromkeys(("tenor saxophone", "French horn", "sitar", "distorted guitar", "overdriven guitar"), 62)
    | {"cello": 56, "trombone": 56, "tuba": 44, "bagpipes": 74}
)
# (role, volume, places in the stereo field)
_MIX = MappingProxyType(
    {
        "drums": (0.9, (0.0,)), "bass": (0.85, (0.0,)), "comp": (0.8, (0.0, -0.3, 0.3)), "second": (0.55, (0.5, -0.5)),
        "pad": (0.42, (0.2, -0.2)), "melody": (0.8, (0.0, 0.15, -0.15)), "counter": (0.6, (0.35, -0.35)),
        "double": (0.6, (0.25, -0.25)),
    }
)  # fmt: skip
_GUEST = 0.16  # chance that a role is played on an instrument from outside the style
# Instruments that few styles know come as guests more often.
_RARE = frozenset(_of(more="viola, sitar, bagpipes, soprano saxophone, recorder, piccolo, tin whistle, tubular bells, "
                  "xylophone, church organ, bright synth, bowed pad, steel drums, harmonica, music box, harpsichord, "
                  "choir, clavinet, oboe, alto saxophone, muted trumpet, accordion, honky-tonk piano"))  # fmt: skip


def _guests(role: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Instruments of a role and their cumulative odds."""
    weights = np.array([3.0 if name in _RARE else 1.0 for name in ABLE[role]])
    return ABLE[role], tuple((np.cumsum(weights) / weights.sum()).tolist())


_GUESTS = MappingProxyType({role: _guests(role) for role in ABLE if role != "drums"})


@dataclass(frozen=True)
class Player:
    """One part: the instrument, its role, its place in the mix, and the name by which a plan asks for it."""

    instrument: str
    role: str
    volume: float
    pan: float
    asked: str

    @property
    def centre(self) -> int:
        """MIDI pitch around which it plays a melody."""
        return _CENTRES.get(self.instrument, 72)


def _player(rng: Rng, instrument: str, role: str, asked: str | None = None) -> Player:
    volume, pans = _MIX[role]
    volume *= 0.85 if role == "comp" and instrument == "distorted guitar" else 1.0
    return Player(instrument, role, volume, pans[int(rng.random() * len(pans))], asked or instrument)


def pick(rng: Rng, options: Sequence[str], lean: float | None = None) -> str:
    """One of the options; `lean` 0 prefers the first ones, 1 the last ones."""
    place = rng.random() if lean is None else 0.55 * rng.random() + 0.45 * lean
    return options[min(len(options) - 1, int(place * len(options)))]


def draw_band(rng: Rng, style: Style, mood: Mood) -> tuple[Player, ...]:
    """The players of a piece: alone, two, three, a band without drums or bass, or a full one as the style has it."""
    draw = rng.random()
    if draw < 0.014:
        return (_player(rng, "drums", "drums"),)
    if draw < 0.075 or rng.random() < style.solo:
        return _alone(rng, style)
    roles = {"comp"} | {role for role, odds in style.odds.items() if rng.random() < odds}
    if draw < 0.13:
        roles = {"comp", "melody"}
    elif draw < 0.16:
        roles = {"melody", ("bass", "pad")[int(rng.random() * 2)]}
    elif draw < 0.22:
        roles = (roles & {"comp", "bass", "drums"}) | {"bass"} | set(style.always)
    elif draw < 0.31:
        roles -= {"drums"}
    elif draw < 0.36:
        roles -= {"bass"}
    else:
        roles |= set(style.always)
    used: set[str] = set()
    players = []
    for role in ("drums", "bass", "comp", "second", "pad", "melody"):
        if role in roles:
            name = "drums" if role == "drums" else _instrument(rng, style, mood, role, used)
            players.append(_player(rng, name, role))
    if "melody" in roles and len(roles) > 2 and rng.random() < 0.12:
        players.append(_player(rng, _instrument(rng, style, mood, "melody", used), "double"))
    return tuple(players)


def _instrument(rng: Rng, style: Style, mood: Mood, role: str, used: set[str]) -> str:
    if rng.random() < _GUEST:
        names, odds = _GUESTS[role]
        name = names[int(np.searchsorted(odds, rng.random()))]
    else:
        palette = style.palette[role]
        name = pick(rng, [name for name in palette if name not in used] or palette, mood.brightness)
    used.add(name)
    return name


def _alone(rng: Rng, style: Style) -> tuple[Player, ...]:
    """One instrument: chords, bass and usually the melody on keys or strings to pluck, else a line."""
    draw = rng.random()
    if style.solos and draw < 0.7:
        return _with_chords(rng, pick(rng, style.solos), rng.random() < 0.8)
    if draw < 0.85:
        return _with_chords(rng, pick(rng, _ALONE), rng.random() < 0.6)
    return (_player(rng, pick(rng, ABLE["melody"]), "melody"),)


def _with_chords(rng: Rng, name: str, sings: bool, asked: str | None = None) -> tuple[Player, ...]:
    roles = ["comp"] + ["bass"] * (name in KEYS) + ["melody"] * sings
    return tuple(_player(rng, name, role, asked) for role in roles)


def assign(rng: Rng, names: Sequence[str], style: Style, mood: Mood) -> tuple[Player, ...]:
    """Players for exactly the instruments (or classes of instruments) that are named, every one with a role."""
    left: list[tuple[str, str]] = []
    for name in names:
        others = {other for other, _ in left} | (set(names) - {name})
        left.append((_of_class(rng, name, style, mood, others), name))
    taken: list[tuple[str, str, str]] = []

    def take(role: str, able: Sequence[str], most: int = 1) -> None:
        for pair in [pair for pair in left if pair[0] in able][:most]:
            left.remove(pair)
            taken.append((role, *pair))

    take("drums", ABLE["drums"])
    take("bass", ABLE["bass"], most=4)
    if len(left) == 1 and left[0][0] in _ALONE:
        name, asked = left[0]
        bass = any(role == "bass" for role, *_ in taken)
        solo = _with_chords(rng, name, rng.random() < 0.6, asked)
        players = [_player(rng, other, role, of) for role, other, of in taken]
        return (*players, *(player for player in solo if not (bass and player.role == "bass")))
    take("comp", [name for name in ABLE["comp"] if name not in _HELD] if len(left) > 1 else ABLE["comp"])
    take("melody", [name for name in ABLE["melody"] if name not in ABLE["comp"]])
    if not any(role == "comp" for role, *_ in taken):
        take("comp", ABLE["comp"])
    if not any(role == "melody" for role, *_ in taken) and (len(left) > 1 or rng.random() < 0.6):
        take("melody", ABLE["melody"])
    if not any(role in ("comp", "bass") for role, *_ in taken) and len(left) > 1:
        take("bass", ("cello", "trombone"))
    take("pad", ABLE["pad"], most=2)
    take("second", ABLE["second"], most=2)
    for pair in left:
        taken.append(("double" if rng.random() < 0.3 else "counter", *pair))
    return tuple(_player(rng, name, role, asked) for role, name, asked in taken)


def _of_class(rng: Rng, name: str, style: Style, mood: Mood, others: Set[str]) -> str:
    """The instrument itself, or one of the class that nobody else plays: the style's own if it has one."""
    if name in INSTRUMENT_NAMES:
        return name
    free = [other for other in CLASSES[name] if other not in others] or CLASSES[name]
    own = [other for palette in style.palette.values() for other in palette if other in free]
    return pick(rng, own or free, mood.brightness)


def draw_cast(rng: Rng, band: Sequence[Player], name: str) -> frozenset[int]:
    """Who of the band plays in a section of some name: all in a chorus, fewer in a verse, a few in an intro."""
    everyone = frozenset(range(len(band)))

    def of(*roles: str) -> frozenset[int]:
        return frozenset(i for i in everyone if band[i].role in roles)

    if name in ("chorus", "solo"):
        return everyone
    if name == "verse":
        gone = [role for role, odds in (("second", 0.5), ("pad", 0.4), ("double", 0.8), ("counter", 0.3))
                if rng.random() < odds]  # fmt: skip
        return everyone - of(*gone) or everyone
    if name == "bridge":
        gone = [role for role, odds in (("drums", 0.5), ("bass", 0.3), ("melody", 0.4), ("double", 0.9))
                if rng.random() < odds]  # fmt: skip
        return everyone - of(*gone) or everyone
    few = [of("comp"), of("comp", "bass"), of("pad"), of("pad", "comp"), of("comp", "drums"), of("melody", "comp")]
    few += [of("drums", "bass"), of("drums"), of("drums", "bass")] if name == "break" else [of("drums", "bass")]
    few = [cast for cast in few if cast and cast != everyone]
    return few[int(rng.random() * len(few))] if few else everyone
