"""What everybody plays as a MIDI file, a track for each player, and such a file read back."""

from __future__ import annotations

import os
from pathlib import Path

import mido

from augmentation.compose.programs import INSTRUMENTS
from munet.files import atomic_path
from munet.music import MusicPlan
from munet.music.events import Parts
from mustango_app.exchange.midi_write import RESOLUTION, Events, TickMap, conductor, note_messages, track_of
from mustango_app.exchange.score import DRUM_CHANNEL

CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)


def write_parts(plan: MusicPlan, notes: Parts, path: str | os.PathLike[str]) -> Path:
    """Write notes as a MIDI file: the plan's tempo, metre, key and sections, and a track for each instrument.

    Args:
        plan: complete.
        notes: what is played, seconds of the plan; what lies before its start is left out.
        path: a file ending in .mid or .midi; whole or not at all.
    """
    path, ticks = Path(path), TickMap(plan)
    tracks = [("plan", conductor(plan, ticks))]
    pitched = 0
    for name in dict.fromkeys(note.instrument for note in notes):
        channel = DRUM_CHANNEL if name == "drums" else CHANNELS[pitched % len(CHANNELS)]
        pitched += name != "drums"
        program = mido.Message("program_change", program=INSTRUMENTS.get(name, 0), channel=channel)
        tracks.append((name, [(0, program), *_events(notes, name, ticks, channel)]))
    end = ticks.tick(plan.duration or 0.0)
    file = mido.MidiFile(ticks_per_beat=RESOLUTION, charset="utf-8")
    file.tracks += [track_of(name, events, end) for name, events in tracks]
    with atomic_path(path) as partial:
        file.save(partial)
    return path


def _events(notes: Parts, name: str, ticks: TickMap, channel: int) -> Events:
    events: Events = []
    for note in notes:
        if note.instrument == name and note.end > 0:
            begin, end = (ticks.tick(max(0.0, second)) for second in (note.start, note.end))
            events += note_messages(note.pitch, note.velocity, begin, end, channel)
    return events
