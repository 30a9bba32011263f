"""What `benchmarks.shaping` asks for: plans of long pieces, of changes, loops and regions, each from a number."""

from __future__ import annotations

import numpy as np

from augmentation.compose.styles import STYLES
from munet.music import Key, MusicPlan, Section
from munet.music.instruments import CLASS_OF
from mustango_app.planning.planner import plan_from_text

NAMES = ("pop", "rock", "funk", "house", "country", "soul", "disco", "reggae", "synthwave", "orchestral")
SONG_SECONDS, CLIP_SECONDS = 120.0, 10.0
KEYS = ("C major", "A minor", "G major", "E minor", "D major", "F major", "B minor", "Bb major")
DEGREES = ("I V vi IV", "I vi IV V", "vi IV I V", "I IV V IV")
MINOR_DEGREES = ("i VI III VII", "i iv VI V", "i VII VI VII", "i iv VII III")
BEATLESS = ("drums",)


def style_of(number: int) -> str:
    """Return the style of a piece; styles take turns."""
    return NAMES[number % len(NAMES)]


def tempo_of(number: int, style: str) -> float:
    """Return a whole tempo between the slowest and fastest of a style, by number."""
    low, _, high = STYLES[style].tempo
    return float(np.random.default_rng([11, number]).integers(int(max(60, low)), int(min(160, high)) + 1))


def base_plan(number: int, seconds: float) -> MusicPlan:
    """Return a plain plan without sections: style, tempo, key, band and chords."""
    style = style_of(number)
    bpm = tempo_of(number, style)
    key = KEYS[number % len(KEYS)]
    return plan_from_text("", style=style, bpm=bpm, key=key, seconds=seconds, seed=number, sections=[])


def song(number: int) -> MusicPlan:
    """Return a plan of two minutes: verse, chorus, bridge, chorus, each with players, energy and chords of its own."""
    base = base_plan(number, SONG_SECONDS)
    band = base.instruments or ()
    tonal = [name for name in band if CLASS_OF.get(name, name) not in ("drums", "bass", "synth bass")]
    fewer = tuple(name for name in band if name != tonal[-1]) if len(tonal) > 1 else band
    quiet = tuple(name for name in band if CLASS_OF.get(name, name) not in BEATLESS) or band
    bars = round(SONG_SECONDS * (base.bpm or 120) / 60 / (base.meter or 4) / 4)
    chorus = Section("chorus", bars, instruments=band, energy="energetic")
    sections = [
        Section("verse", bars, instruments=fewer, energy="moderate"),
        chorus,
        Section("bridge", bars, instruments=quiet, energy="calm"),
        chorus,
    ]
    return plan_from_text(
        "", style=base.style, bpm=base.bpm, meter=base.meter, key=base.key, instruments=list(band), sections=sections,
        seed=number,
    )  # fmt: skip


def clip_of(piece: MusicPlan, number: int) -> MusicPlan:
    """Return a plan of ten seconds of the same style, tempo, key and full band, beside which a song is measured."""
    return plan_from_text(
        "", style=piece.style, bpm=piece.bpm, meter=piece.meter, key=piece.key, seconds=CLIP_SECONDS,
        energy="energetic", instruments=list(piece.sections[1].instruments), seed=number,
    )  # fmt: skip


def change(kind: str, number: int) -> MusicPlan:
    """Return a plan in which something changes: "ramp", "step", "meter", "key" or "players"."""
    style = style_of(number)
    bpm = tempo_of(number, style)
    key = KEYS[number % len(KEYS)]
    degrees = (MINOR_DEGREES if "minor" in key else DEGREES)[number // 2 % 4]
    sections = {
        "ramp": [Section("before", 2, bpm=90), Section("ramp", 16, bpm=(90, 130)), Section("after", 2, bpm=130)],
        "step": [Section("slow", 6, bpm=90), Section("fast", 8, bpm=124)],
        "meter": [Section("four", 8, meter=4), Section("three", 8, meter=3)],
        "key": [Section("home", 8), Section("higher", 8, key=_up(key))],
        "players": [
            Section("quiet", 6, instruments=("piano", "strings"), energy="calm"),
            Section("loud", 6, instruments=("drums", "electric bass", "piano", "strings", "electric guitar"),
                    energy="energetic"),
            Section("quiet again", 6, instruments=("piano", "strings"), energy="calm"),
        ],
    }[kind]  # fmt: skip
    tempo = {"ramp": 90.0, "step": 90.0}.get(kind, bpm)
    text = f"{degrees} in {key}"
    return plan_from_text(text, style=style, bpm=tempo, sections=sections, seed=number)


def _up(key: str) -> str:
    return str(Key.parse(key).transpose(2))
