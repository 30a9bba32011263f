"""Any key x any tempo x any chord list x metre, in any frame of wording, punctuation and case, is read back exactly."""

from __future__ import annotations

import random

import pytest

from augmentation.reading.fields import read_bpm, read_chords, read_key, read_meter
from munet.music import Chord, Key
from tests.mustango_app.planning.frames import HELD_OUT, WRITTEN

TONICS = ("C", "C#", "Db", "D", "D#", "Eb", "E", "F", "F#", "Gb", "G", "G#", "Ab", "A", "A#", "Bb", "B")
MODES = ("major", "minor", "major", "minor", "major", "minor", "dorian", "mixolydian", "lydian", "phrygian")
QUALITIES = ("", "", "", "m", "m", "7", "maj7", "m7", "sus4", "dim", "aug", "m7b5", "6", "add9", "9", "sus2", "dim7")
METERS = tuple((n, 4) for n in range(2, 8)) + tuple((n, 8) for n in (3, 5, 6, 7, 9, 11, 12, 13, 15))
STYLES = ("rock", "jazz", "lofi hip hop", "techno", "folk", "bossa nova", "ambient", "synthwave", "funk", "pop")
JOINTS = (" ", ", ", " - ", " | ", " → ", " \u2013 ", "-", ",")


def draw(rng: random.Random, frames: tuple[str, ...]) -> tuple[str, float, Key, tuple[str, ...], int]:
    """Draw a text and what it states: (text, BPM, key, chords, beats a bar)."""
    bpm = float(rng.randint(40, 240)) if rng.random() < 0.8 else rng.randint(80, 480) / 2 + 0.5 * rng.randint(0, 1)
    key = Key(rng.choice(TONICS), rng.choice(MODES))
    chords = _chords(rng)
    meter = rng.choice(METERS)
    frame = rng.choice(frames)
    if "{meter4}" in frame:
        meter = (rng.randint(2, 7), 4)
    symbols = [_written(rng, chord) for chord in chords]
    joint = rng.choice(JOINTS)
    if any("-" in symbol for symbol in symbols):
        joint = ", "
    text = _cased(rng, frame).format(
        style=rng.choice(STYLES), bpm=f"{bpm:g}" if rng.random() < 0.7 else str(bpm), key=_key(rng, key),
        chords=joint.join(symbols), bars=" | ".join(symbols), meter=f"{meter[0]}/{meter[1]}",
        meter4=f"{meter[0]}/{meter[1]}",
    )  # fmt: skip
    return text, bpm, key, chords, meter[0]


def _chords(rng: random.Random) -> tuple[str, ...]:
    chords = [Chord(rng.choice(TONICS), rng.choice(QUALITIES)) for _ in range(rng.randint(2, 8))]
    if rng.random() < 0.2:
        chords[0] = Chord.parse(str(chords[0]) + "/" + ("G" if chords[0].root_pc != 7 else "D"))
    return tuple(map(str, chords))


def _written(rng: random.Random, symbol: str) -> str:
    if rng.random() < 0.15:
        symbol = symbol.replace("#", "♯").replace("b", "♭") if "7b5" not in symbol else symbol
    return symbol


def _key(rng: random.Random, key: Key) -> str:
    """Write a key in one of the ways that people write it."""
    tonic, mode = key.tonic, key.mode
    forms = [f"{tonic} {mode}", f"{tonic} {mode.capitalize()}", f"{tonic.replace('#', '♯').replace('b', '♭')} {mode}"]
    if len(tonic) == 2:
        forms += [
            f"{tonic[0]} {'sharp' if tonic[1] == '#' else 'flat'} {mode}",
            f"{tonic[0]}-{'sharp' if tonic[1] == '#' else 'flat'} {mode}",
        ]
    if mode in ("major", "minor"):
        forms += [
            f"{tonic} {mode[:3]}",
            f"{tonic}{mode[:3]}",
            f"{tonic} {mode.upper()}",
            f"{tonic}-{mode}",
            f"{tonic}{mode}",
        ]
        forms += [f"{tonic.lower()} {mode}"] if tonic != "A" else []
    if mode == "minor":
        forms += [f"{tonic}m", f"{tonic} harmonic minor", f"{tonic} natural minor"]
    return rng.choice(forms)


def _cased(rng: random.Random, frame: str) -> str:
    """Change the case of a frame's own words; slots stay."""
    way = rng.choice((str, str, str.lower, str.upper, str.title))
    parts = frame.replace("{", "\0{").replace("}", "}\0").split("\0")
    return "".join(part if part.startswith("{") else way(part) for part in parts)


def misread(text: str, bpm: float, key: Key, chords: tuple[str, ...], meter: int) -> list[str]:
    """Return what of a text is not read back."""
    read = (read_bpm(text), read_key(text), read_chords(text), read_meter(text))
    names = ("bpm", "key", "chords", "meter")
    return [
        f"{name} {true} read {got}"
        for name, true, got in zip(names, (bpm, key, chords, meter), read, strict=True)
        if true != got
    ]


@pytest.mark.parametrize("frames", [WRITTEN, HELD_OUT], ids=["written", "held_out"])
def test_whatever_is_written_is_read_back(frames: tuple[str, ...]) -> None:
    assert len(frames) >= 40
    rng = random.Random(10)
    wrong = [
        (text, fault) for text, *truth in (draw(rng, frames) for _ in range(750)) if (fault := misread(text, *truth))
    ]
    assert not wrong, f"{len(wrong)} of 750: {wrong[:5]}"


@pytest.mark.slow
@pytest.mark.parametrize("frames", [WRITTEN, HELD_OUT], ids=["written", "held_out"])
def test_ten_thousand_draws_are_read_back(frames: tuple[str, ...]) -> None:
    rng = random.Random(2026)
    wrong = [
        (text, fault) for text, *truth in (draw(rng, frames) for _ in range(5000)) if (fault := misread(text, *truth))
    ]
    assert not wrong, f"{len(wrong)} of 5000: {wrong[:5]}"
