"""What a MIDI file holds, as typed values: tempo map, signatures, texts and the notes of each track.

Positions are ticks; `Score.second` turns them into seconds.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import mido
from mido.midifiles.meta import KeySignatureError

from munet.errors import RequestError

DEFAULT_TEMPO = 500_000  # microseconds a quarter, where a file states none
DEFAULT_METER = (0, 4, 4, 24)
LARGEST_FILE = 20_000_000  # bytes
DRUM_CHANNEL = 9
TEXTS = ("text", "lyrics", "marker", "cue_marker")


@dataclass(frozen=True)
class ScoreNote:
    """A note: MIDI pitch 0 to 127, start and end in ticks, General MIDI program (from 0; -1 for drums), velocity."""

    pitch: int
    start: int
    end: int
    program: int
    velocity: int = field(default=96, compare=False)

    @property
    def is_drum(self) -> bool:
        """Whether it is played by the kit."""
        return self.program < 0


@dataclass(frozen=True)
class ScoreText:
    """A text event of one of the kinds of `TEXTS`."""

    tick: int
    kind: str
    text: str


@dataclass(frozen=True)
class ScoreTrack:
    """A track: its name ("" without one), notes by start and pitch, and texts."""

    name: str
    notes: tuple[ScoreNote, ...]
    texts: tuple[ScoreText, ...]


@dataclass(frozen=True)
class Score:
    """A MIDI file.

    Args:
        resolution: ticks a quarter.
        tempi: (tick, microseconds a quarter), the first at 0.
        meters: (tick, upper number, lower number, MIDI clocks a click; 24 are a quarter), the first at 0.
        keys: (tick, name as mido has it: "Bb", "F#m").
        tracks: in the order of the file; channels of a track that mixes several are told apart by their programs.
        end: tick of the last event.
    """

    resolution: int
    tempi: tuple[tuple[int, int], ...]
    meters: tuple[tuple[int, int, int, int], ...]
    keys: tuple[tuple[int, str], ...]
    tracks: tuple[ScoreTrack, ...]
    end: int
    _ticks: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ticks", tuple(tick for tick, _ in self.tempi))

    @cached_property
    def _tempo_seconds(self) -> tuple[float, ...]:
        """Second of each tempo event."""
        seconds = [0.0]
        for (tick, tempo), (later, _) in zip(self.tempi, self.tempi[1:], strict=False):
            seconds.append(seconds[-1] + (later - tick) * tempo / 1e6 / self.resolution)
        return tuple(seconds)

    def second(self, tick: float) -> float:
        """Return the second of a tick, to the microsecond."""
        place = bisect_right(self._ticks, tick) - 1
        begun, tempo = self.tempi[place]
        return round(self._tempo_seconds[place] + (tick - begun) * tempo / 1e6 / self.resolution, 6)

    def tempo_at(self, tick: float) -> int:
        """Return the microseconds a quarter that hold from a tick on."""
        return self.tempi[bisect_right(self._ticks, tick) - 1][1]

    @property
    def notes(self) -> tuple[ScoreNote, ...]:
        """All notes, by start."""
        return tuple(sorted((n for track in self.tracks for n in track.notes), key=lambda n: (n.start, n.pitch)))


def read_score(path: str | os.PathLike[str]) -> Score:
    """Read a standard MIDI file of type 0 or 1.

    Raises:
        RequestError: there is no such file, or it is no MIDI file that can be read.
    """
    path = Path(path)
    if not path.is_file():
        raise RequestError(f"file: expected an existing MIDI file, got {str(path)!r}")
    if path.stat().st_size > LARGEST_FILE:
        raise RequestError(f"file: expected a MIDI file of at most {LARGEST_FILE / 1e6:g} MB, got {str(path)!r}")
    file = _parsed(path)
    if file.type == 2 or not 0 < file.ticks_per_beat < 2**15:
        raise RequestError(f"file: expected a MIDI file of type 0 or 1 counted in quarters, got {str(path)!r}")
    return _score(file)


def _parsed(path: Path) -> mido.MidiFile:
    reason = ""
    for charset in ("utf-8", "latin-1"):
        try:
            return mido.MidiFile(path, charset=charset, clip=True)
        except UnicodeDecodeError:
            continue
        except (OSError, EOFError, ValueError, IndexError, KeySignatureError) as error:  # mido has no error of its own
            reason = str(error) or type(error).__name__
            break
    raise RequestError(f"file: expected a MIDI file, got {str(path)!r} ({reason or 'text in an unknown encoding'})")


def _score(file: mido.MidiFile) -> Score:
    tempi, meters, keys = {0: DEFAULT_TEMPO}, {0: DEFAULT_METER}, {}
    tracks, end = [], 0
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "set_tempo" and message.tempo > 0:
                tempi[tick] = message.tempo
            elif message.type == "time_signature" and message.numerator > 0:
                meters[tick] = (tick, message.numerator, message.denominator, message.clocks_per_click)
            elif message.type == "key_signature":
                keys[tick] = message.key
        end = max(end, tick)
        tracks.append(_track(track))
    return Score(
        file.ticks_per_beat,
        tuple(sorted(tempi.items())),
        tuple(meter for _, meter in sorted(meters.items())),
        tuple(sorted(keys.items())),
        tuple(tracks),
        end,
    )


def _track(messages: Iterable[mido.Message]) -> ScoreTrack:
    tick, name = 0, ""
    programs: dict[int, int] = {}
    # (channel, pitch) -> (start, program, velocity), the oldest first
    open_notes: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    notes, texts = [], []
    for message in messages:
        tick += message.time
        if message.type == "track_name":
            name = name or message.name.strip()
        elif message.type in TEXTS:
            texts.append(ScoreText(tick, message.type, message.text.strip()))
        elif message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type == "note_on" and message.velocity > 0:
            program = -1 if message.channel == DRUM_CHANNEL else programs.get(message.channel, 0)
            open_notes.setdefault((message.channel, message.note), []).append((tick, program, message.velocity))
        elif message.type in ("note_on", "note_off") and open_notes.get((message.channel, message.note)):
            start, *played = open_notes[message.channel, message.note].pop(0)
            notes.append(ScoreNote(message.note, start, tick, *played))
    for (_, pitch), begun in open_notes.items():  # never ended: they last to the end of the track
        notes += [ScoreNote(pitch, start, tick, *played) for start, *played in begun]
    sounding = [note for note in notes if note.end > note.start]
    return ScoreTrack(name, tuple(sorted(sounding, key=lambda n: (n.start, n.pitch))), tuple(texts))
