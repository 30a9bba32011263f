"""The drum kit: short names of its sounds, and the fills that end a section.

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
