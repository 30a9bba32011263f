"""From a piece to sound: every track played by presets of soundfonts, mixed in a room, mastered, in true stereo.

`render` is a pure function of the piece, the rate and the soundfonts: the same piece gives the same samples in any
order and process. All choices (soundfont, strip, room, loudness) are drawn from the piece's seed. Only numpy, scipy and
TinySoundFont are needed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from augmentation.compose.casting import cast, generator, plain
from augmentation.compose.effects import add_in_place, places, root_mean_square
from augmentation.compose.mastering import CEILING, master
from augmentation.compose.mixing import blend, process, production_of, strip_of
from augmentation.compose.piece import Piece, Track
from augmentation.compose.player import Voice, level_of, play
from munet.errors import RequestError
from munet.files import digest

SOUNDFONT_VARIABLE = "MUSTANGO_SOUNDFONT"
SUFFIXES = (".sf2", ".sf3")
EDITION = 2  # raised when the same piece starts to sound otherwise
LOUDNESS = (-17.0, -11.0)  # LUFS
_TARGET = 0.05  # RMS of a track at full volume and velocity
_DRUM_WEIGHT = 1.6  # drums are short: their RMS over the test window says less than their peaks
_FADERS = 1.5  # dB, standard deviation of a track's volume about the composer's
_EARS = 0.0003  # seconds between the ears at most
_CASTING, _WHOLE, _STRIPS = 1, 2, 3  # purposes of generators; from 3 on: strip by strip
Sources = str | Path | Sequence[str | Path] | None


def soundfonts(sources: Sources = None) -> tuple[Path, ...]:
    """Return the soundfonts to render with, in a fixed order.

    Args:
        sources: .sf2 or .sf3 files, or folders of them (`python -m augmentation sources` fills one); if None, what
            `MUSTANGO_SOUNDFONT` names (a file or a folder), else TimGM6mb.sf2 from the pretty_midi package.

    Raises:
        FileNotFoundError: there is none.
    """
    asked = SOUNDFONT_VARIABLE if sources is None else "sources"
    if sources is None:
        named = os.environ.get(SOUNDFONT_VARIABLE)
        package = None if named else find_spec("pretty_midi")
        packaged = Path(package.origin or "").parent / "TimGM6mb.sf2" if package else Path("TimGM6mb.sf2")
        sources = named or packaged
    given = [sources] if isinstance(sources, str | Path) else sources
    found: list[Path] = []
    for path in map(Path, given):
        inside = sorted(p for p in path.iterdir() if p.suffix in SUFFIXES) if path.is_dir() else [path]
        found += [p for p in inside if p.is_file()]
        if not inside or not inside[0].is_file():
            raise FileNotFoundError(f"{asked}: expected a soundfont (.sf2 or .sf3), found none at {path}")
    return tuple(found)


def identity(sources: Sources = None) -> str:
    """Return a digest of all that decides how a piece sounds: this edition of the renderer, and the soundfonts."""
    return digest(str(EDITION).encode(), *(path.read_bytes() for path in soundfonts(sources)))


def default_soundfont() -> Path:
    """Return the first soundfont that is used when none is named; raises FileNotFoundError as `soundfonts` does."""
    return soundfonts()[0]


def _fonts(sources: Sources) -> tuple[str, ...]:
    return tuple(str(path) for path in soundfonts(sources))


def _checked_rate(sample_rate: int) -> int:
    if not 4000 <= sample_rate <= 192000:
        raise RequestError(f"sample_rate: expected Hz from 4000 to 192000, got {sample_rate!r}")
    return int(sample_rate)


def _gain(track: Track, voice: Voice) -> float:
    """Factor that brings a voice's preset to the track's volume; soundfonts differ in how loud their programs are."""
    level = level_of(voice, track.notes)
    return track.volume * voice.gain * _TARGET * (_DRUM_WEIGHT if track.is_drum else 1.0) / level if level else 0.0


@dataclass
class _Desk:
    """Where the tracks of a piece come together."""

    piece: Piece
    fonts: tuple[str, ...]
    sample_rate: int

    def __post_init__(self) -> None:
        self.samples = round(self.piece.plan.duration * self.sample_rate)
        casting = generator(self.piece, _CASTING)
        self.voices = tuple(cast(casting, track, self.fonts) for track in self.piece.tracks)

    def add(self, index: int, mix: np.ndarray, send: np.ndarray) -> None:
        """Play track `index` into a mix `(2, samples)` and into what the room hears `(samples,)`."""
        track, rng = self.piece.tracks[index], generator(self.piece, _STRIPS + index)
        strip = strip_of(track)
        fader = 10 ** (np.clip(rng.normal(0, _FADERS), -3, 3) / 20)
        spread, width = rng.uniform(0.6, 1.4), rng.uniform(*strip.width)
        for voice in self.voices[index]:
            audio = play(track.notes, voice, self.samples, self.sample_rate)
            before = root_mean_square(audio) * _gain(track, voice)
            if before == 0.0:
                continue
            audio = process(audio, strip, rng, self.sample_rate)
            pan = float(np.clip(spread * track.pan + voice.pan, -1, 1))
            gains = places(len(audio), pan, width) * np.float32(fader * before / root_mean_square(audio))
            add_in_place(mix, audio, gains, round(abs(pan) * _EARS * self.sample_rate))
            send += (np.float32(strip.send / 2) * gains.sum(0)) @ audio


def render_tracks(piece: Piece, sample_rate: int = 44100, sources: Sources = None) -> tuple[np.ndarray, ...]:
    """Render each track as it stands in the mix, before room and master.

    Args:
        piece: the piece.
        sample_rate: Hz.
        sources: as `soundfonts` takes them.

    Returns:
        float32 `(2, samples)` for each of `piece.tracks`.

    Raises:
        RequestError: `sample_rate` outside 4000 to 192000, or no soundfont has a program of the piece.
        FileNotFoundError: there is no soundfont.
        RuntimeError: a file is no soundfont.
    """
    desk = _Desk(piece, _fonts(sources), _checked_rate(sample_rate))
    tracks = []
    for index in range(len(piece.tracks)):
        tracks.append(np.zeros((2, desk.samples), np.float32))
        desk.add(index, tracks[-1], np.zeros(desk.samples, np.float32))
    return tuple(tracks)


def render(piece: Piece, sample_rate: int = 44100, sources: Sources = None, dry: bool = False) -> np.ndarray:
    """Render a piece in stereo.

    Args:
        piece: the piece.
        sample_rate: Hz.
        sources: as `soundfonts` takes them.
        dry: no treatment, room or master: the tracks in their places, each by the first soundfont that has it, at a
            peak of 0.89.

    Returns:
        float32 `(2, round(duration * sample_rate))`, at most 0.89; -17 to -11 LUFS unless dry (all zeros for a piece
        without notes).

    Raises:
        RequestError: `sample_rate` outside 4000 to 192000, or no soundfont has a program of the piece.
        FileNotFoundError: there is no soundfont.
        RuntimeError: a file is no soundfont.
    """
    desk = _Desk(piece, _fonts(sources), _checked_rate(sample_rate))
    mix, send = np.zeros((2, desk.samples), np.float32), np.zeros(desk.samples, np.float32)
    for index in range(len(piece.tracks)):
        if dry:
            _add_dry(desk, index, mix)
        else:
            desk.add(index, mix, send)
    peak = float(np.abs(mix).max(initial=0.0))
    if dry or not peak:
        return mix * np.float32(CEILING / peak) if peak else mix
    rng = generator(piece, _WHOLE)
    target = rng.uniform(*LOUDNESS)
    return master(blend(mix, send, production_of(piece.style), rng, desk.sample_rate), desk.sample_rate, target)


def _add_dry(desk: _Desk, index: int, mix: np.ndarray) -> None:
    """Play a track into a mix as it comes from the first soundfont that has it."""
    track = desk.piece.tracks[index]
    voice = plain(track, desk.fonts)
    audio = play(track.notes, voice, desk.samples, desk.sample_rate)
    add_in_place(mix, audio, places(len(audio), track.pan) * np.float32(_gain(track, voice)))
