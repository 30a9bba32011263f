"""Plays notes with the presets of soundfonts (.sf2 or .sf3) through TinySoundFont.

Notes start at exactly the sample asked for. Every part is played by a fresh copy of a soundfont's player, so that the
same notes give the same samples in any order and process. Whoever works in many processes loads the soundfonts first
(`load`) and forks: the samples are then in memory once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

# The binding below the package's `Synth`: that one plays through an audio device and cannot be cloned, which is what
# makes every part independent of the one before. The version is pinned where it is installed (`bootstrap.py`).
from tinysoundfont._tinysoundfont import OutputMode, SoundFont

from augmentation.compose.piece import Note

DRUM_BANK = 128
_VOICES = 256
_TEST_RATE = 22050
_TEST_WINDOW = 0.2  # seconds: the level of a preset is that of the loudest such window of its test notes
_TEST_SECONDS = 0.8
_TEST_DRUMS = (36, 38)  # kick and snare
_TEST_HIT = 0.12
_CURVE = 1.5  # amplitude = (velocity / 127) ** _CURVE


@dataclass(frozen=True)
class Voice:
    """A preset of a soundfont that plays a track, alone or with others.

    Attributes:
        source: path of the soundfont.
        bank, program: of the preset; bank 128 holds the drum kits.
        detune: semitones.
        pan: where it stands beside the track's own place, -1 to 1.
        gain: its share of the track.
    """

    source: str
    bank: int
    program: int
    detune: float = 0.0
    pan: float = 0.0
    gain: float = 1.0


@lru_cache(maxsize=16)
def load(source: str) -> SoundFont:
    """Load a soundfont, or return the one that is loaded.

    Raises:
        RuntimeError: the file is no soundfont.
    """
    return SoundFont(source)


@lru_cache(maxsize=16)
def presets(source: str) -> frozenset[tuple[int, int]]:
    """Return (bank, program) of all presets of a soundfont, among those banks that hold sounds of General MIDI."""
    font = load(source)
    return frozenset((b, p) for b in (0, 8, 20, DRUM_BANK) for p in range(128) if font.get_preset_index(b, p) >= 0)


def _player(voice: Voice, sample_rate: int) -> SoundFont:
    player = SoundFont(load(voice.source))
    player.set_output(OutputMode.StereoInterleaved, sample_rate, 0.0)
    player.set_max_voices(_VOICES)
    player.channel_set_bank(0, voice.bank)
    player.channel_set_preset_number(0, voice.program, voice.bank == DRUM_BANK)
    if voice.detune:
        player.channel_set_tuning(0, voice.detune)
    return player


def _loudest(audio: np.ndarray, window: int) -> float:
    power = np.square(audio[: len(audio) // window * window]).reshape(-1, window * audio.shape[1]).mean(1)
    return float(np.sqrt(power.max()))


@lru_cache(maxsize=4096)
def level(source: str, bank: int, program: int, pitch: int) -> float:
    """Return the RMS of a preset at full velocity: of test notes around `pitch`, or of a kick and a snare.

    0 if it is silent there.
    """
    drums = bank == DRUM_BANK
    seconds, window = (_TEST_HIT, _TEST_HIT) if drums else (_TEST_SECONDS, _TEST_WINDOW)
    levels = []
    for key in _TEST_DRUMS if drums else (pitch - 5, pitch, pitch + 4):
        player = _player(Voice(source, bank, program), _TEST_RATE)
        player.channel_note_on(0, key, 0.8)
        audio = np.zeros((round(seconds * _TEST_RATE), 2), np.float32)
        player.render(audio)
        levels.append(_loudest(audio, round(window * _TEST_RATE)))
    audible = [found for found in levels if found > 1e-5]
    return float(np.mean(audible)) / 0.8 if audible else 0.0


def level_of(voice: Voice, notes: Sequence[Note]) -> float:
    """Return the RMS of a voice's preset in the octave where most of some notes lie."""
    middle = float(np.median([note.pitch for note in notes]))
    return level(voice.source, voice.bank, voice.program, 12 * round(middle / 12))


def _timetable(notes: Sequence[Note], sample_rate: int) -> list[tuple[int, int, int, float]]:
    """All note ends (kind 0) and starts (kind 1), ordered: (sample, kind, pitch, velocity)."""
    table: list[tuple[int, int, int, float]] = []
    for note in notes:
        start = round(note.start * sample_rate)
        end = max(start + 1, round((note.start + note.duration) * sample_rate))
        table.append((start, 1, note.pitch, (note.velocity / 127) ** _CURVE))
        table.append((end, 0, note.pitch, 0.0))
    table.sort()
    return table


def play(notes: Sequence[Note], voice: Voice, samples: int, sample_rate: int) -> np.ndarray:
    """Play notes with a voice.

    Args:
        notes: the notes of one track.
        voice: what plays them; its pan and gain are left to the mix.
        samples: length.
        sample_rate: Hz.

    Returns:
        float32 `(2, samples)`, or `(1, samples)` if both channels would be the same.

    Raises:
        RuntimeError: the soundfont lacks the preset.
    """
    player = _player(voice, sample_rate)
    audio = np.zeros((samples, 2), np.float32)
    now = 0
    for sample, kind, pitch, velocity in _timetable(notes, sample_rate):
        if sample > now:
            if now >= samples:
                break
            player.render(audio[now : min(sample, samples)])
            now = sample
        if kind:
            player.channel_note_on(0, pitch, velocity)
        else:
            player.channel_note_off(0, pitch)
    if now < samples:
        player.render(audio[now:])
    planes = np.ascontiguousarray(audio.T)
    return planes[:1] if np.array_equal(planes[0], planes[1]) else planes
