"""Instruments by name, and the classes of sound that the model tells apart.

A plan names instruments ("Rhodes piano", "drums"); the model's aligned condition and the judge know their classes
("electric piano"). Groups are words for several instruments ("brass"). Names are those of General MIDI in plain words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

# Class of sound -> the instruments in it. The order is that of the model's rows: add at the end only.
CLASSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "drums": ("drums",),
        "bass": ("upright bass", "electric bass", "picked bass", "fretless bass", "slap bass"),
        "synth bass": ("synth bass", "deep synth bass"),
        "piano": ("piano", "bright piano", "honky-tonk piano"),
        "electric piano": ("electric piano", "Rhodes piano", "clavinet"),
        "organ": ("drawbar organ", "rock organ", "church organ"),
        "reeds": ("accordion", "harmonica", "bagpipes"),
        "acoustic guitar": ("acoustic guitar", "nylon guitar"),
        "electric guitar": ("electric guitar", "jazz guitar", "muted guitar"),
        "distorted guitar": ("distorted guitar", "overdriven guitar"),
        "plucked strings": ("harp", "harpsichord", "banjo", "sitar", "pizzicato strings"),
        "solo strings": ("violin", "viola", "cello", "fiddle"),
        "strings": ("strings", "slow strings", "synth strings"),
        "choir": ("choir",),
        "brass": (
            "brass section", "trumpet", "muted trumpet", "trombone", "tuba", "French horn", "synth brass",
        ),
        "saxophone": ("alto saxophone", "soprano saxophone", "tenor saxophone"),
        "woodwinds": ("flute", "oboe", "clarinet", "piccolo", "recorder", "pan flute", "tin whistle"),
        "mallets": (
            "vibraphone", "marimba", "xylophone", "celesta", "music box", "tubular bells", "kalimba", "steel drums",
        ),
        "synth lead": ("saw lead", "square lead", "bright synth"),
        "synth pad": ("synth pad", "warm pad", "bowed pad"),
        "synth plucks": ("synth plucks",),
    }
)  # fmt: skip
CLASS_NAMES = tuple(CLASSES)
CLASS_OF: Mapping[str, str] = MappingProxyType({name: kind for kind, names in CLASSES.items() for name in names})
INSTRUMENT_NAMES = tuple(CLASS_OF)


def classes_of(instruments: Iterable[str]) -> tuple[str, ...]:
    """Return the classes of some instruments, each once, in the order of `CLASS_NAMES`.

    Args:
        instruments: names of `INSTRUMENT_NAMES`, or of classes.
    """
    found = {CLASS_OF.get(name, name) for name in instruments}
    return tuple(kind for kind in CLASS_NAMES if kind in found)


def recall_and_intrusion(
    asked: Iterable[str], playing: Iterable[str], known: Iterable[str] = CLASS_NAMES
) -> tuple[float | None, float | None]:
    """Return the share of the classes asked for that play, and the share of the others that play all the same; None
    where there are none of them.

    Args:
        asked: names of instruments or of classes; playing: classes.
        known: classes that can be heard.
    """
    wanted, found = set(classes_of(asked)), set(playing)
    others = set(known) - wanted
    return (
        len(found & wanted) / len(wanted) if wanted else None,
        len(found & others) / len(others) if others else None,
    )
