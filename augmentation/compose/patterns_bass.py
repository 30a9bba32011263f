"""Bass patterns, one table per style, ordered from sparse to busy.

One cell per beat, evenly divided. `R` chord root (or slash bass), `5` its fifth, `8` octave, `3` third, `6` sixth or
seventh above, `w` walking note, `a` short step into the next root, `-` held, `.` silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

BASS_PATTERNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "rock": ("R- -- R- --", "R- R- R- R-", "RR RR RR RR", "R- -R R- RR", "RR R8 RR 5R"),
        "pop ballad": ("R- -- -- --", "R- -- R- --", "R- -R R- 5-", "R- -5 8- 5-"),
        "pop": ("R- -- R- --", "R- -R R- -5", "RR RR RR RR", "R..R ..R. R... 5.8."),
        "jazz swing": ("R- -- w- --", "R- w- w- w-", "R- w- w- w-", "R- w- w- ww"),
        "bossa nova": ("R- -- 5- --", "R- -R 5- -5", "R- -5 5- -R"),
        "blues shuffle": ("R- -- R- 5-", "R- 3- 5- 6-", "RR 33 55 66", "R- 5- 6- 5-", "RR R5 6R 5R"),
        "slow blues": ("R-- --- 5-- ---", "R-- R-R 5-- 5-R", "R-- 3-- 5-- 6--"),
        "waltz": ("R- -- --", "R- .. ..", "R- .. 5."),
        "classical piano": ("R- -- -- --", "R- -- 5- --", "R- -- R- --"),
        "orchestral": ("R- -- -- --", "R- -- R- --", "R- R- R- R-", "RR RR RR RR"),
        "ambient": ("R- -- -- --", "R- -- -- 5-", "R- -- R- --"),
        "house": (".R .R .R .R", "R- .R .R .R", "R..R ..R. .R.. R.8.", ".R .8 .R .5"),
        "techno": (".R .R .R .R", ".RRR .RRR .RRR .RRR", "R.RR R.RR R.RR R.R8", "RRRR RRRR RRRR RRRR"),
        "hip hop": ("R--- ---- --R- ----", "R--- ---R --R- ----", "R--. ..R. .R.. 5.R."),
        "folk guitar": ("R- -- -- --", "R- -- 5- --", "R- .. 5- .."),
        "reggae": ("R- -- .R R-", "R. .R 5- .R", "R- R. .3 5-", "R- .R .R 3-"),
        "funk": ("R... ..R. R... ..8.", "R.R. ...R R.8. R.5.", "R..8 ..R. RR.8 ..5.", "RR.8 .R.8 R.R. 5.6."),
        "metal": ("R- R- R- R-", "RR RR RR RR", "R.RR R.RR R.RR R.RR", "RRRR RRRR RRRR RRRR"),
        "synthwave": ("RR RR RR RR", "R8 R8 R8 R8", "R.RR R.RR R.RR R.R8", "R.R8 R.R8 R.R8 R.R8"),
        "country": ("R- -- 5- --", "R- .. 5- ..", "R- .. 5- .a", "R- R- 5- 5-"),
        "salsa": ("R--. 5--8 R--. 5--8", "R--5 --8- R--5 --8-", "R--5 ..R- R--5 ..8-"),
        "lo-fi": ("R- -- -- --", "R--- ---- --R- ----", "R--- ..5. --8- ----"),
        "celtic jig": ("R-- ---", "R-- 5--", "R-. 5-."),
        "march": ("R. 5.", "R- 5-", "R. 5a"),
        "disco": ("R- -8 R- -8", "R8 R8 R8 R8", "R.8. R.8. R.8. R.58", "R..8 .R8. R..8 .R8."),
        "drum and bass": ("R- -- -- --", "R- -- -R --", "R- -R -- 5-"),
        "soul": ("R- -- R- --", "R- -R 5- 8-", "R..R ..R. 5-.. 8-5."),
        "tango": ("R- -- 5- --", "R- R- R- R-", "R- -R R- 5-"),
    }
)  # fmt: skip
