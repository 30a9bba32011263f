"""What everybody plays as a MIDI file, a track for each player, and any MIDI file read so."""

from __future__ import annotations

import os
from pathlib import Path

import mido

from augmentation.compose.programs import INSTRUMENTS, nearest_instrument
from munet.errors import RequestError
from munet.music import MusicPlan
from munet.music.checks import DURATION_RANGE
from munet.music.events import NoteEvent, Parts
from mustango_app.exchange.midi_read import plan_of_score, sounding
from mustango_app.exchange.midi_write import Events, TickMap, conductor, note_messages, save_tracks
from mustango_app.exchange.score import DRUM_CHANNEL, read_score

CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)


def write_parts(plan: MusicPlan, notes: Parts, path: str | os.PathLike[str]) -> Path:
    """Write notes as a MIDI file: the plan's tempo, metre, key and sections, and a track for each instrument.

    Args:
        plan: complete.
        notes: what is played, seconds of the plan; what lies before its start is left out.
        path: a file ending in .mid or .midi; whole or not at all.
    """
    ticks = TickMap(plan)
    tracks = [("plan", conductor(plan, ticks))]
    pitched = 0
    for name in dict.fromkeys(note.instrument for note in notes):
        channel = DRUM_CHANNEL if name == "drums" else CHANNELS[pitched % len(CHANNELS)]
        pitched += name != "drums"
        program = mido.Message("program_change", program=INSTRUMENTS.get(name, 0), channel=channel)
        tracks.append((name, [(0, program), *_events(notes, name, ticks, channel)]))
    return save_tracks(tracks, plan, ticks.tick(plan.duration or 0.0), Path(path))


def _events(notes: Parts, name: str, ticks: TickMap, channel: int) -> Events:
    events: Events = []
    for note in notes:
        if note.instrument == name and note.end > 0:
            begin, end = (ticks.tick(max(0.0, second)) for second in (note.start, note.end))
            events += note_messages(note.pitch, note.velocity, begin, end, channel)
    return events


def read_parts(path: str | os.PathLike[str]) -> tuple[MusicPlan, Parts]:
    """Read a MIDI file as a plan and what everybody plays, in order of time.

    A click is left out, and so are sound effects, which no instrument of ours has. What lies beyond ten minutes is left
    out.

    Raises:
        RequestError: the file cannot be read, or nobody plays in it.
    """
    score = read_score(path)
    notes = []
    for note in (note for track in sounding(score) for note in track.notes):
        name, start = nearest_instrument(note.program), score.second(note.start)
        if name is not None and start < DURATION_RANGE[1]:
            notes.append(NoteEvent(name, note.pitch, start, score.second(note.end), note.velocity))
    if not notes:
        raise RequestError(f"parts: expected a MIDI file with notes of instruments, got {str(path)!r}")
    return plan_of_score(path, score), tuple(sorted(notes, key=lambda note: (note.start, note.instrument, note.pitch)))
