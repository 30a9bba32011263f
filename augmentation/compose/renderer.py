"""Renders pieces with a General MIDI soundfont (.sf2 or .sf3) through TinySoundFont.

Notes start at exactly the sample asked for. Soundfonts differ in how loud their programs are, so each is brought to a
common level, measured once per process with a few test notes, before the tracks' volumes and pans make the mix. Every
render starts from a fresh copy of the player: the same piece gives the same samples in any order and process.
"""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

# The binding below the package's `Synth`: that one plays through an audio device and cannot be cloned, which is what
# makes every render independent of the one before. The version is pinned where it is installed (`bootstrap.py`).
from tinysoundfont._tinysoundfont import OutputMode, SoundFont

from augmentation.compose.composer import Piece, Track

SOUNDFONT_VARIABLE = "MUSTANGO_SOUNDFONT"
PEAK = 0.89
_VOICES = 256
_TEST_RATE = 22050
_TEST_PITCHES = (40, 52, 64, 76)
_CURVE = 1.5  # amplitude = (velocity / 127) ** _CURVE
_TARGET = 0.05  # RMS of a test note at full volume
_DRUM_WEIGHT = 1.6  # drums are short: their RMS over the test window says less than their peaks


def default_soundfont() -> Path:
    """The soundfont named by `MUSTANGO_SOUNDFONT`, else TimGM6mb.sf2 from the pretty_midi package.

    Raises:
        FileNotFoundError: the variable names no file, or pretty_midi is not installed.
    """
    named = os.environ.get(SOUNDFONT_VARIABLE)
    if named:
        path = Path(named)
    else:
        package = find_spec("pretty_midi")
        path = Path(package.origin or "").parent / "TimGM6mb.sf2" if package else Path("TimGM6mb.sf2")
    if not path.is_file():
        raise FileNotFoundError(f"{SOUNDFONT_VARIABLE}: expected a soundfont (.sf2 or .sf3), found none at {path}")
    return path


@lru_cache(maxsize=4)
def _loaded(soundfont: str) -> SoundFont:
    return SoundFont(soundfont)


def _player(soundfont: str, sample_rate: int) -> SoundFont:
    player = SoundFont(_loaded(soundfont))
    player.set_output(OutputMode.StereoInterleaved, sample_rate, 0.0)
    player.set_max_voices(_VOICES)
    return player


def _select(player: SoundFont, channel: int, program: int, is_drum: bool) -> None:
    player.channel_set_bank(channel, 128 if is_drum else 0)
    player.channel_set_preset_number(channel, program, is_drum)


@lru_cache(maxsize=512)
def _level(soundfont: str, program: int, is_drum: bool) -> float:
    """RMS of a program's test notes: 0.4 s each, or the first 0.12 s of a kick and a snare; 0 if it is silent."""
    width = round((0.12 if is_drum else 0.4) * _TEST_RATE)
    levels = []
    for pitch in (36, 38) if is_drum else _TEST_PITCHES:
        player = _player(soundfont, _TEST_RATE)
        _select(player, 0, program, is_drum)
        player.channel_note_on(0, pitch, 0.8)
        audio = np.zeros((width, 2), np.float32)
        player.render(audio)
        levels.append(float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))))
    audible = [level for level in levels if level > 1e-5]
    return float(np.mean(audible)) / 0.8 if audible else 0.0


def _gain(track: Track, soundfont: str) -> float:
    level = _level(soundfont, track.program, track.is_drum)
    return track.volume * _TARGET * (_DRUM_WEIGHT if track.is_drum else 1.0) / level if level else 0.0


def _timetable(piece: Piece, sample_rate: int) -> list[tuple[int, int, int, int, float]]:
    """All note ends (kind 0) and starts (kind 1), ordered: (sample, kind, channel, pitch, velocity)."""
    table: list[tuple[int, int, int, int, float]] = []
    for channel, track in enumerate(piece.tracks):
        for note in track.notes:
            start = round(note.start * sample_rate)
            end = max(start + 1, round((note.start + note.duration) * sample_rate))
            table.append((start, 1, channel, note.pitch, (note.velocity / 127) ** _CURVE))
            table.append((end, 0, channel, note.pitch, 0.0))
    table.sort()
    return table


def render(piece: Piece, sample_rate: int = 44100, soundfont: str | Path | None = None) -> np.ndarray:
    """Renders a piece in stereo.

    Args:
        piece: the piece.
        sample_rate: Hz.
        soundfont: .sf2 or .sf3 file, `default_soundfont()` if None.

    Returns:
        float32 `(2, round(duration * sample_rate))`, peak 0.89 (all zeros for a piece without notes).

    Raises:
        ValueError: `sample_rate` outside 4000 to 192000.
        RuntimeError: the file is no soundfont, or lacks a program of the piece.
    """
    if not 4000 <= sample_rate <= 192000:
        raise ValueError(f"sample_rate: expected Hz from 4000 to 192000, got {sample_rate!r}")
    path = str(soundfont or default_soundfont())
    player = _player(path, int(sample_rate))
    for channel, track in enumerate(piece.tracks):
        _select(player, channel, track.program, track.is_drum)
        player.channel_set_volume(channel, _gain(track, path))
        player.channel_set_pan(channel, 0.5 + track.pan / 2)
    samples = round(piece.plan.duration * sample_rate)
    mix = np.zeros((samples, 2), np.float32)
    now = 0
    for sample, kind, channel, pitch, velocity in _timetable(piece, int(sample_rate)):
        if sample > now:
            if now >= samples:
                break
            player.render(mix[now : min(sample, samples)])
            now = sample
        if kind:
            player.channel_note_on(channel, pitch, velocity)
        else:
            player.channel_note_off(channel, pitch)
    if now < samples:
        player.render(mix[now:])
    return _mastered(mix, int(sample_rate))


def _mastered(mix: np.ndarray, sample_rate: int) -> np.ndarray:
    """Rounds off peaks beyond twice the RMS, fades the last 5 ms and normalises the peak."""
    rms = float(np.sqrt(np.mean(np.square(mix))))
    if rms == 0.0:
        return np.zeros(mix.shape[::-1], np.float32)
    mix *= np.float32(0.25 / rms)
    loud = np.nonzero(np.abs(mix) > 0.5)
    peaks = mix[loud]
    mix[loud] = np.sign(peaks) * (0.5 + 0.5 * np.tanh((np.abs(peaks) - 0.5) * 2))
    fade = min(len(mix), round(0.005 * sample_rate))
    mix[len(mix) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    mix *= np.float32(PEAK / float(np.abs(mix).max()))
    return np.ascontiguousarray(mix.T)
