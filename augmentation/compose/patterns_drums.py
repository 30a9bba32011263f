"""Drum patterns, one table per style, each ordered from sparse to busy.

A pattern is one bar: rows `drum: cells` separated by `/`; a cell is one beat, its characters divide the beat evenly
(`x.x` is a triplet). `X` accent, `x` stroke, `o` ghost stroke, `.` nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# Short names of General MIDI percussion keys and their loudness relative to the snare.
DRUMS: Mapping[str, tuple[int, float]] = MappingProxyType(
    {
        "kick": (36, 1.0), "kick2": (35, 0.9), "rim": (37, 0.8), "snare": (38, 0.95), "clap": (39, 0.85),
        "snare2": (40, 0.95),
        "hat": (42, 0.5), "pedal": (44, 0.5), "open": (46, 0.45), "tom1": (50, 0.8), "tom2": (47, 0.8), "tom3": (43,
        0.85),
        "crash": (49, 0.6), "ride": (51, 0.5), "bell": (53, 0.5), "tamb": (54, 0.45), "cow": (56, 0.5), "bongo1": (60,
        0.6),
        "bongo2": (61, 0.6), "conga1": (62, 0.6), "conga2": (63, 0.7), "conga3": (64, 0.7), "timb": (65, 0.6),
        "shaker": (70, 0.45), "clave": (75, 0.6), "block": (76, 0.55), "low block": (77, 0.55), "tri": (81, 0.4),
    }
)  # fmt: skip

DRUM_PATTERNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "rock": (
            "kick: X. .. x. .. / snare: .. x. .. x. / hat: x. x. x. x.",
            "kick: X. .. xx .. / snare: .. X. .. X. / hat: xx xx xx xx",
            "kick: X. .x x. .. / snare: .. X. .. X. / hat: Xx xx Xx xx",
            "kick: X. .x .x .. / snare: .. X. .. X. / ride: Xx xx Xx xx",
            "kick: X.x. ..x. x.x. .... / snare: .. X. .. X. / open: X. X. X. X.",
            "kick: X. xx x. xx / snare: .. X. .. X. / crash: X. X. X. X.",
        ),
        "pop ballad": (
            "kick: X. .. x. .. / rim: .. x. .. x. / hat: x. x. x. x.",
            "kick: X. .. x. .. / rim: .. x. .. x. / hat: xo xo xo xo",
            "kick: X. .x x. .. / snare: .. x. .. x. / hat: xo xo xo xo",
            "kick: X. .x .x .. / snare: .. X. .. X. / ride: xx xx xx xx",
        ),
        "pop": (
            "kick: X. .. x. .. / clap: .. x. .. x. / shaker: xo xo xo xo",
            "kick: X. x. x. x. / snare: .. X. .. X. / hat: .x .x .x .x",
            "kick: X. .x x. .. / snare: .. X. .. X. / hat: xx xx xx xx / tamb: .. x. .. x.",
            "kick: X..x ..x. x... ..x. / clap: .. X. .. X. / hat: x.xo x.xo x.xo x.xo",
        ),
        "jazz swing": (
            "ride: x. xx x. xx / pedal: .. x. .. x.",
            "ride: x. xx x. xx / pedal: .. x. .. x. / kick: o. o. o. o.",
            "ride: X. xx x. xx / pedal: .. x. .. x. / kick: x. .. .o .. / rim: .. .. .. x.",
            "ride: X. Xx x. Xx / pedal: .. x. .. x. / kick: x. o. o. o. / snare: .. .o .. .o",
            "hat: x. .. x. .. / open: .. x. .. x. / kick: x. o. x. o.",
        ),
        "bossa nova": (
            "kick: x. .x x. .x / rim: X. .x .. X. / shaker: xo xo xo xo",
            "kick: X. .x x. .x / rim: X. .x .. x. / hat: xx xx xx xx",
            "kick: X. .x x. .x / rim: .. X. x. .x / hat: xx xx xx xx / tri: x. .. x. ..",
        ),
        "blues shuffle": (
            "kick: X. .. x. .. / snare: .. x. .. x. / hat: xx xx xx xx",
            "kick: X. x. x. x. / snare: .. X. .. X. / ride: Xx Xx Xx Xx",
            "kick: X. .x x. .x / snare: .o Xo .o Xo / hat: Xx Xx Xx Xx",
        ),
        "slow blues": (
            "kick: X.. ... x.. ... / rim: ... X.. ... X.. / hat: x.o x.o x.o x.o",
            "kick: X.. ... x.. ..x / snare: ... X.. ... X.. / hat: Xoo Xoo Xoo Xoo",
            "kick: X.. ..x x.. ... / snare: ... X.. ... X.o / ride: Xoo Xoo Xoo Xoo",
        ),
        "waltz": (
            "kick: x. .. .. / tri: .. x. x.",
            "kick: X. .. .. / pedal: .. x. x. / snare: .. o. o.",
            "kick: X. .. .. / snare: .. x. x. / ride: x. xx x.",
        ),
        "classical piano": ("tri: x. .. .. ..",),
        "orchestral": (
            "kick: X. .. .. .. / tri: .. .. x. ..",
            "kick: X. .. x. .. / tom3: .. .. .. xx / crash: o. .. .. ..",
            "kick: X. x. X. x. / snare: x. xx x. xxxx / tom3: X. .. X. ..",
            "tom3: X.xx x.x. X.x. x.xx / kick: X. .. X. .. / tom2: .. x. .. x.",
            "kick: X. .. X. .x / snare: .. X. .. X. / crash: x. .. .. .. / tom3: X. xx X. xx",
        ),
        "ambient": (
            "kick: x. .. .. .. / shaker: o. o. o. o.",
            "kick: x. .. x. .. / rim: .. .. x. .. / shaker: xo xo xo xo",
            "kick: x. .. .x .. / tri: .. x. .. x. / hat: o. x. o. x.",
        ),
        "house": (
            "kick: X. X. X. X. / hat: .x .x .x .x",
            "kick: X. X. X. X. / open: .x .x .x .x / clap: .. X. .. X.",
            "kick: X. X. X. X. / open: .x .x .x .x / clap: .. X. .. X. / hat: xo.o xo.o xo.o xo.o",
            ("kick: X. X. X. X. / open: .x .x .x .x / snare: .. X. .. X. / conga3: ..x. .x.. ..x. x..x "
            "/ shaker: xxxx xxxx xxxx xxxx"),
        ),
        "techno": (
            "kick: X. X. X. X. / open: .x .x .x .x",
            "kick: X. X. X. X. / hat: ..x. ..x. ..x. ..x. / clap: .. X. .. X.",
            "kick: X. X. X. X. / hat: oxXx oxXx oxXx oxXx / clap: .. X. .. X. / rim: ...x ..x. ...x ....",
            "kick: X. X. X. X. / ride: .x .x .x .x / tom3: ...x ..x. ...x .x.. / clap: .. X. .. X.",
        ),
        "hip hop": (
            "kick: X... .... ..x. .... / snare: .. X. .. X. / hat: x. x. x. x.",
            "kick: X... ...x ..x. .... / snare: .. X. .. X. / hat: x.x. x.x. x.x. x.x.",
            "kick: X..x .... ..xx .... / snare: .. X. .. X. / hat: x.xo x.xx x.xo x.x.",
            "kick: X... ..x. .xx. .... / clap: .. X. .. X. / hat: xxxx x.xx xxxx xxxx / open: .. .. .. .x",
        ),
        "folk guitar": (
            "kick: x. .. x. .. / shaker: xo xo xo xo",
            "kick: x. .. x. .. / tamb: .. x. .. x. / shaker: xo xo xo xo",
            "kick: X. x. X. x. / snare: oo xo oo xo",
        ),
        "reggae": (
            "kick: .. .. X. .. / rim: .. .. X. .. / hat: xx xx xx xx",
            "kick: x. .. X. .. / rim: .. .. X. .. / hat: xo xx xo xx",
            "kick: X. x. X. x. / snare: .. .. X. .. / hat: xo Xo xo Xo / open: .. .. .. .x",
            "kick: X. .. X. .. / rim: .. x. .. x. / hat: .x .x .x .x",
        ),
        "funk": (
            "kick: X... ..x. x... .... / snare: .. X. .. X. / hat: X.o. X.o. X.o. X.o.",
            "kick: X.x. ...x x... .x.. / snare: .... X..o .o.. X... / hat: Xoxo Xoxo Xoxo Xoxo",
            "kick: X..x ..x. x... .... / snare: .... X..o .o.o X..o / hat: XxXx XxXx XxXx XxXx / open: .. .. .. .x",
            "kick: X.x. .... x..x .... / snare: ...o X.o. .o.. X.o. / hat: X.oo X.oo X.oo X.oo / tamb: .. x. .. x.",
        ),
        "metal": (
            "kick: X. xx X. xx / snare: .. X. .. X. / crash: X. X. X. X.",
            "kick: Xxxx xxxx Xxxx xxxx / snare: .. X. .. X. / hat: X. X. X. X.",
            "kick: X.xx x.xx X.xx x.xx / snare: .. X. .. X. / ride: Xx Xx Xx Xx",
            "kick: XX .X XX .X / snare: .. X. .. X. / open: X. X. X. X.",
            "kick: X. .. .. .x / snare: .. .. X. .. / crash: X. X. X. X.",
        ),
        "synthwave": (
            "kick: X. .. X. .. / snare: .. X. .. X. / hat: xx xx xx xx",
            "kick: X. X. X. X. / snare: .. X. .. X. / hat: x.x. x.x. x.x. x.x.",
            "kick: X. .x X. .. / snare: .. X. .. X. / hat: xxxx xxxx xxxx xxxx / tom2: .. .. .. .x",
        ),
        "country": (
            "kick: X. .. x. .. / snare: .o xo .o xo",
            "kick: X. .. x. .. / snare: oo xo oo xo / hat: xx xx xx xx",
            "kick: X. x. X. x. / snare: .x .x .x .x / hat: x. x. x. x.",
            "kick: X. .x x. .. / snare: .. X. .. X. / hat: xx xx xx xx",
        ),
        "salsa": (
            "clave: X..x ..x. ..X. x... / conga3: o... ..xx o... ..xx / cow: X.x. X.x. X.x. X.x. / kick: x. x. x. x.",
            "clave: ..X. x... X..x ..x. / conga3: ..x. ..XX ..x. ..XX / cow: X.xx X.xx X.xx X.xx / kick: x. x. x. x.",
            ("clave: X..x ..x. ..X. x... / conga1: xoXo xo.. xoXo xo.. / conga3: .... ..XX .... ..XX "
            "/ bell: X.xx X.xx X.xx X.xx / kick: x.x. x.x. x.x. x.x."),
        ),
        "lo-fi": (
            "kick: x... .... ..x. .... / rim: .. x. .. x. / hat: x. x. x. x.",
            "kick: x... ...x ..x. .... / snare: .. x. .. x. / hat: x.x. x.xo x.x. x.xo",
            "kick: x..x .... .xx. .... / snare: .. x. .. x. / hat: x.xo x.xo x.xo x.xx",
        ),
        "celtic jig": (
            "kick: x.. x.. / shaker: xox xox",
            "tom3: X.. x.. / tom2: ..x .xx / tamb: x.. x..",
            "tom3: X.x x.x / tom2: .x. .xo / kick: x.. x..",
        ),
        "march": (
            "kick: X. .. / snare: .. x.",
            "kick: X. x. / snare: .x x.xx / crash: .. o.",
            "kick: X. x. / snare: x.xx x.x. / crash: X. ..",
        ),
        "disco": (
            "kick: X. X. X. X. / snare: .. X. .. X. / hat: .x .x .x .x",
            "kick: X. X. X. X. / snare: .. X. .. X. / open: .x .x .x .x / hat: x. x. x. x.",
            ("kick: X. X. X. X. / snare: .. X. .. X. / open: ..x. ..x. ..x. ..x. / hat: xx.x xx.x xx.x xx.x "
            "/ tamb: .. x. .. x."),
        ),
        "drum and bass": (
            "kick: X. .. .x .. / snare: .. X. .. X. / hat: x. x. x. x.",
            "kick: X. .. .x .. / snare: .. X. .. X. / hat: xx xx xx xx",
            "kick: X. .. .x .. / snare: .... X..o .o.. X... / ride: xx xx xx xx",
            "kick: X.x. .... ..x. .... / snare: .... X..o .o.. X..o / hat: xxxx xxxx xxxx xxxx",
        ),
        "soul": (
            "kick: X. .. x. .. / rim: .. x. .. x. / hat: xo xo xo xo",
            "kick: X. .x x. .. / snare: .. x. .. x. / hat: xx xx xx xx",
            "kick: X..x ..x. x... .... / snare: .. X. .. X. / hat: x.xo x.xo x.xo x.xo / tamb: .. x. .. x.",
        ),
        "tango": ("snare: o. .o x. oo / kick: x. .. x. ..", "kick: X. .. X. .. / snare: x. x. x. xx"),
    }
)  # fmt: skip

FILLS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # The last beats of a bar; the beats before keep the groove.
        "straight": (
            "snare: xx xx / kick: x. x.",
            "snare: xxxx .... / tom1: .... xx.. / tom3: .... ..xx / kick: x. x.",
            "snare: .xxx / kick: x.",
            "tom1: xx .. / tom2: .. x. / tom3: .. .x / kick: x. x.",
            "snare: x.xx x.xX / kick: x. x.",
        ),
        "triplet": ("snare: xxx xxx / kick: x.. x..", "tom1: xxx ... / tom3: ... xxx / kick: x.. x..",
        "snare: x.x xxx / kick: x.. x.."),
        "soft": ("rim: .. xx / kick: x. x.", "hat: xx xx / kick: x. x."),
    }
)  # fmt: skip

# Styles whose fills are soft, in triplets, or absent.
FILL_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "ambient": "", "classical piano": "", "waltz": "", "tango": "", "celtic jig": "triplet",
        "slow blues": "triplet",
        "bossa nova": "soft", "lo-fi": "soft", "jazz swing": "triplet", "blues shuffle": "triplet",
    }
)  # fmt: skip
