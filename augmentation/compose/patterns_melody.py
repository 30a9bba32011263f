"""Melody rhythms, one table per style (two bars each, bars divided by `|`), ordered from sparse to busy.

One cell per beat, evenly divided. `x` a note, `o` a light passing note, `-` held, `.` silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_STRAIGHT = (
    "x- -- x- --|x- -- -- ..",
    "x- -x x- x-|x- -- x- ..",
    "xx x- xo x-|x- xo x- ..",
    "x.x. xox. x.xo x-..|x.xo x-x. x--- ....",
)
_SWING = ("x- -- .x --|x- -- .. ..", "x- xo x- .x|-- xo x- ..", ".x xo xo x-|xo x- .. ..", "xo xo xo xo|x- xo x- ..")
_FLOW = ("x- -- x- --|x- -- -- --", "x- -- x- x-|x- x- x- --", "x- xo x- x-|xo x- x- --", "xo xo x- xo|xo xo x- --")

MELODY_PATTERNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "straight": _STRAIGHT,
        "jazz swing": _SWING,
        "bossa nova": ("x- -- .x --|-- x- -- ..", "x- -x -x -x|-- x- -- ..", ".x -x x- xo|x- -- .. .."),
        "blues shuffle": ("x- .. .x x-|-- .. .. ..", "xo x- .. xo|x- -- .. ..", "xo xo x- .x|-o x- .. .."),
        "slow blues": ("x-- --o x-- ---|x-- --- ... ...", "xox --- ..x --o|x-- xox --- ...",
        "xox x-o xox x--|x-o x-- --- ..."),
        "waltz": ("x- -- x-|x- -- --", "x- x- x-|x- -- x-", "x- xo x-|x- x- --", "xo xo xo|x- -- --"),
        "classical piano": _FLOW,
        "orchestral": ("x- -- -- --|x- -- x- --", "x- -- x- -o|x- -- -- --", "x- -o x- x-|x- -- x- --"),
        "ambient": ("x- -- -- --|-- -- x- --", "x- -- -- x-|-- -- -- --"),
        "house": ("X... ..x. ..x. ....|X... ..x. x... ....", "x.x. .x.. x.x. ....|x.x. .x.x ..x. ....",
        "xx .x .x x.|xx .x x. .."),
        "techno": ("x... ..x. ..x. ....|x... ..x. ..x. ....", "x..x ..x. x..x ..x.|x..x ..x. x... ...."),
        "hip hop": ("x- -- .. ..|x--- ..x- ---- ....", "x.x. x-.. .... ....|x.xo x-.. .... ....",
        "x..x ..x- ---- ....|x..x ..x- ---- ...."),
        "reggae": ("x- -x x- ..|x- -- .. ..", "xx x- .x x-|xx x- .. .."),
        "funk": ("X..x .x.. .... ....|X..x .xx. .... ....", "x.xx .x.. x.x. ....|x.xx .x.x -... ....",
        "Xx.x .xx. ..x. x...|Xx.x .... .... ...."),
        "metal": ("x- -- x- --|x- -- x- x-", "xx xo xx xo|xx xo x- --", "xoxo xoxo xoxo x---|xoxo xoxo x--- ----"),
        "salsa": ("x-.x -x.x -x.x --..|x-.x x-.. .x.x --..",
                  "xx.x .xx- .x.x x-..|xx.x .xx- .... ....", "X.x. .xx. .xx- ....|X.x. .xx. x--- ...."),
        "lo-fi": ("x- -- .. ..|x--- ..x- ---- ....", ".xx- ---- .... ....|.xox ---- .... ....",
        "x.xo x-.. ..x- ----|.... ..x- ---- ...."),
        "celtic jig": ("x-x x-x|x-x x--", "xox xox|xox x-x", "xox xox|x-x xox", "xxx xox|xox x--"),
        "march": ("x- x-|x- --", "x.ox x-|x.ox x-", "xx xo|x- x-"),
        "drum and bass": ("x- -- -- --|-- -- x- --", "x- -x -- x-|-- -- -- ..", "x- -x -x --|x- -x -- .."),
        "tango": ("x- -- xo x-|x- -- -- ..", "x. xo x- .o|x- xo x- ..", "xoxo x-.. x.x. x-..|xoxo x-.. x--- ----"),
    }
)  # fmt: skip
