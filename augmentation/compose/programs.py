"""General MIDI programs of the instruments that `munet.music.instruments` names, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# Instrument -> General MIDI program, numbered from 0. The drums have none: they are a kit.
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


def nearest_instrument(program: int) -> str | None:
    """Return the instrument of a program, or of the nearest one of its family; "drums" for -1, None for effects."""
    if program < 0:
        return "drums"
    family = {other: name for name, other in reversed(INSTRUMENTS.items()) if other // 8 == program // 8}
    return family[min(family, key=lambda other: (abs(other - program), other))] if family else None
