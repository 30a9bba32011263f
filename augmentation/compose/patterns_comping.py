"""Comping patterns: how an instrument plays the chord, one table per style, ordered from sparse to busy.

One cell per beat, evenly divided. `X`/`x`/`o` the whole chord (accent, plain, soft), `D`/`U` strum down and up,
`p` short
power chord with octave, `u` the chord without its lowest note, `b` low root, `f` low fifth, `0`-`6` one note of the
voicing counted from below (an arpeggio goes on into the next octave), `-` held, `.` silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COMPING_PATTERNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "rock": ("X- -- x- --", "X- x- x- x-", "Xx xx Xx xx", "X- -x -x x-", "D- DU .U DU", "X.xx x.x. X.xx x.x."),
        "pop ballad": ("x- -- x- --", "x- x- x- x-", "01 23 21 23", "02 12 32 12", "x-01 2321 x-01 2321"),
        "pop": ("x- -- x- --", "X- x- x- x-", "X- -x -- x-", "X..x ..x. X..x ..x.", "Xx xx Xx xx"),
        "jazz swing": ("x- -- .x --", "X- .x .. x.", ".x .. x- --", "x. x. x. x.", "X- -x .. .x"),
        "bossa nova": ("b- u- f- u-", "X. .x .. x.", "bu .u fu .u", "X. xx .x .x"),
        "blues shuffle": ("x- -- x- --", "x- x- x- x-", "xx xx xx xx", "X. .x X. .x", ".x .x .x .x"),
        "slow blues": ("x-- --- x-- ---", "xxx xxx xxx xxx", "x-- ..x x-- ..x", "012 321 012 321"),
        "waltz": (".. x- x-", ".. x. x.", "x- x- x-", "01 23 21"),
        "classical piano": ("0212 0212 0212 0212", "02 12 02 12", "01 23 01 23", "x- x- x- x-", "012 321 012 321",
        "0123 4321 0123 4321"),
        "orchestral": ("x- -- x- --", "x- x- x- x-", "xx xx xx xx", "x.xx x.x. x.xx x.x.", "xxx xxx xxx xxx"),
        "ambient": ("0- 1- 2- 1-", "01 23 21 23", "02 13 24 13", "x- 2- 3- 2-", "0123 4321 0123 4321"),
        "house": ("X- .x .. x.", ".x .x .x .x", "X..x ..x. .x.. x...", "X.x. .x.x ..x. x.x."),
        "techno": ("X... ..x. ..x. ....", "x.x. x.x. x.x. x.x.", "0.2. 1.3. 0.2. 1.3.", "0123 0123 0123 0123",
        "X..x ..x. X..x ..x."),
        "hip hop": ("X- -- -- --", "X--- ---- --x- ----", "X--- ..x. .x-- ----", "0- 2- 1- 3-", "Xx xx Xx xx"),
        "folk guitar": ("b- u- f- u-", "D- D- D- D-", "02 13 f2 13", "D- DU .U DU", "b2 12 f2 12", "D. DU D. DU"),
        "reggae": (".X .X .X .X", ".. X. .. X.", ".X .X .X .X", "..X. ..Xx ..X. ..Xx"),
        "funk": ("X... ...x X... ....", "X..x ..x. X... x...", "Xx.x x.x. Xx.x x.x.", "X.xx X.x. X.xx X..x"),
        "metal": ("p- -- -- --", "pp pp pp pp", "p.pp p.pp p.pp p.pp", "pppp pppp pppp pppp", "p- .p -- p-"),
        "synthwave": ("X- -- X- --", "01 23 01 23", "0121 0121 0121 0121", "0123 4321 0123 4321", "X- -x -- x-"),
        "country": ("b- u- f- u-", "bU DU fU DU", "b. D. f. D.", "D- DU D- DU", "b2u2 f2u2 b2u2 f2u2"),
        "salsa": ("X.x. .x.x X.x. .x.x", "X.xx .xx. X.xx .xx.", "Xx.x .x.x Xx.x .x.x", "x.2x .x.x x.2x .x.x"),
        "lo-fi": ("X- -- -- --", "X- -- .x --", "X--- ---- --x- ----", "X--- ..x- ---- x---"),
        "celtic jig": ("x-- x--", "D-- D-U", "D-U D-U", "012 321", "DUD UDU"),
        "march": (".x .x", "x. x.", "xx xx", ".x xx"),
        "disco": ("X- x- x- x-", ".x .x .x .x", "X.xx x.xx X.xx x.xx", "xxxx xxxx xxxx xxxx"),
        "drum and bass": ("X- -- -- --", "X- -- -x --", "X- .x .. x.", "01 23 21 23"),
        "soul": ("X- -- x- --", "X- x- x- x-", "X- -x -- x-", "X..x ..x- ---- x.x."),
        "tango": ("X. x. x. x.", "X- -x x. x.", "X. .x x. xx", "x- x. x- x."),
    }
)  # fmt: skip

# The second chord instrument, where it plays something other than another variant of the first.
SECOND_PATTERNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "rock": ("X- -- -- --", "X- -- X- --", "x- x- x- x-", "xx xx xx xx"),
        "pop ballad": ("01 23 21 23", "D- -- D- DU", "02 13 24 13"),
        "pop": ("D- DU .U DU", "01 23 21 23", "0.2. 1.3. 0.2. 1.3."),
        "jazz swing": ("X- -- -- --", "x- -- x- --"),
        "bossa nova": ("X- -- -- --", "x- .x -- x-"),
        "blues shuffle": ("X- -- -- --", ".x .x .x .x"),
        "slow blues": ("x-- --- --- ---", "xxx xxx xxx xxx"),
        "waltz": ("x- -- --", ".. x. x.", "0- 1- 2-"),
        "orchestral": ("xx xx xx xx", "01 23 21 23", "x- -- x- --", "0123 4321 0123 4321"),
        "ambient": ("0. 2. 1. 3.", "42 31 42 31", ".2 .3 .4 .3"),
        "house": ("0..2 ..1. 0..2 ..3.", "X- -- -- --", ".x .x .x .x"),
        "techno": ("0.2. 1.3. 0.2. 1.3.", "..X. ..X. ..X. ..X."),
        "hip hop": ("X... .... ..x. ....", "0- 2- 1- 2-", "X... .... X... .x.."),
        "folk guitar": ("x- -- x- --", "01 23 21 23"),
        "reggae": ("X- -- X- --", "oxox oxox oxox oxox", "X- -- -- --"),
        "funk": ("X- -- -- --", "X... .... ..X. ....", "x... x... x... x.x."),
        "metal": ("X- -- -- --", "X- -- X- --", "X- X- X- X-"),
        "synthwave": ("0123 0123 0123 0123", "01 23 21 23", "X- -- X- --"),
        "country": ("x- -- x- --", ".x .x .x .x", "0123 2101 0123 2101"),
        "salsa": ("X... ...x X... ...x", "X--- --x. X--- x.x.", "x--- ---- x--- ----"),
        "lo-fi": ("0- -2 -- 3-", "01 23 21 23", "X- -- -- --"),
        "celtic jig": ("x-- x--", "x-- ---", "012 321"),
        "march": ("x. x.", "x- --"),
        "disco": ("X- -- -- --", "X. x. .x .x", "X... ..x. ..x. ...."),
        "drum and bass": ("0.2. 1.3. 2.4. 1.3.", "X- -- -- --"),
        "soul": (".. x. .. x.", "X- -- .x --", "..x. x... ..x. x..."),
        "tango": ("X- -- x- --", "X. x. x. x.", "02 12 02 12"),
    }
)  # fmt: skip
