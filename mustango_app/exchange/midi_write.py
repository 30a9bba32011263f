"""A plan written as a MIDI file: tempo map, metre, key, sections as markers, chords, melody and click.

The plan itself stands in the file too, as JSON in a text event with a digest of the rest, so that reading the file back
gives the same plan unless somebody has changed the music.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import MappingProxyType

import mido
import numpy as np

from munet.files import atomic_path, digest
from munet.music import Chord, Key, MusicPlan
from munet.music.layout import Laid
from munet.music.sheets import QUARTERS
from mustango_app.exchange.score import DRUM_CHANNEL

RESOLUTION = 960  # ticks a quarter
STEPS_OF_RAMP = 8  # tempo events a beat while the tempo changes
DRIFT = 0.0005  # seconds by which rounded tempi may add up before the next one makes up for it
PLAN_TEXT = "mustango plan "  # what the text event with the plan begins with
CLICKS = MappingProxyType({True: 76, False: 77})  # high and low wood block, on downbeats and other beats
CLICK_LENGTH = 0.05  # seconds
CHORD_VELOCITY, MELODY_VELOCITY, CLICK_VELOCITY = 70, 96, 100
CHORD_OCTAVE, BASS_OCTAVE = 60, 48  # lowest pitch of the block chords' tones and of their bass
CLOCKS_A_QUARTER = 24
FLATS = 7  # of the first of these
MAJOR_SIGNATURES = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
MINOR_SIGNATURES = ("Abm", "Ebm", "Bbm", "Fm", "Cm", "Gm", "Dm", "Am", "Em", "Bm", "F#m", "C#m", "G#m", "D#m", "A#m")
_SIGNATURES = MappingProxyType(
    {None: (1, 4), "quarter": (1, 4), "dotted quarter": (3, 8), "half": (1, 2), "eighth": (1, 8)}
)  # a beat as a fraction of the whole note

Events = list[tuple[int, mido.Message | mido.MetaMessage]]  # (tick, message without its time)


class TickMap:
    """Seconds of a plan against ticks of its MIDI file: beats fall on whole beats of ticks.

    Args:
        plan: complete.
    """

    def __init__(self, plan: MusicPlan) -> None:
        self.beat = round(RESOLUTION * QUARTERS[plan.beat_unit])  # ticks
        beats = plan.beats or ()
        length = 60 / (plan.bpm or 120) if len(beats) < 2 else beats[1][0] - beats[0][0]
        self.first = round(beats[0][0] / length * self.beat)
        times = plan.beat_times()
        after = times[-1] + (length if len(times) < 2 else times[-1] - times[-2])  # where the next beat would be
        anchors = {0.0: 0.0} | {float(self.first + i * self.beat): t for i, t in enumerate((*times, after))}
        for laid in plan.laid():
            if laid.ramp[0] != laid.ramp[1]:
                anchors |= self._within(laid, plan.beat_times())
        self.ticks, self.seconds = (np.array(column) for column in zip(*sorted(anchors.items()), strict=True))

    def _within(self, laid: Laid, beats: Sequence[float]) -> dict[float, float]:
        """Return more anchors between the beats of a ramp, on the curve of its tempo (see `grid.ramp_grid`)."""
        inside = [i for i, second in enumerate(beats) if laid.start - DRIFT <= second < laid.end - DRIFT]
        first, slope = laid.ramp[0], (laid.ramp[1] - laid.ramp[0]) / (laid.end - laid.start)
        anchors = {}
        for place, i in enumerate(inside[:-1]):
            for step in range(1, STEPS_OF_RAMP):
                k = place + step / STEPS_OF_RAMP
                second = laid.start + 120 * k / (first + max(0.0, first**2 + 120 * slope * k) ** 0.5)
                if beats[i] < second < beats[i + 1]:
                    anchors[self.first + (i + step / STEPS_OF_RAMP) * self.beat] = second
        return anchors

    def tick(self, second: float) -> int:
        """Return the tick of a second; past the last beat at its tempo."""
        if len(self.ticks) > 1 and second > self.seconds[-1]:
            slope = (self.ticks[-1] - self.ticks[-2]) / (self.seconds[-1] - self.seconds[-2])
            return round(self.ticks[-1] + (second - self.seconds[-1]) * slope)
        return round(float(np.interp(second, self.seconds, self.ticks)))

    def tempi(self) -> list[tuple[int, int]]:
        """Return (tick, microseconds a quarter) where the tempo changes, rounding made up for before it is heard."""
        found: list[tuple[int, int]] = []
        late = 0.0  # seconds by which the file is behind the plan
        for tick, ticks, seconds in zip(self.ticks, np.diff(self.ticks), np.diff(self.seconds), strict=False):
            quarters = ticks / RESOLUTION
            exact = seconds * 1e6 / quarters
            tempo = found[-1][1] if found and abs(found[-1][1] - exact) <= 1 else round(exact)
            if abs(late + tempo * quarters / 1e6 - seconds) > DRIFT:
                tempo = round(exact - late * 1e6 / quarters)
            late += tempo * quarters / 1e6 - seconds
            if not found or tempo != found[-1][1]:
                found.append((round(tick), tempo))
        return found


def write_midi(plan: MusicPlan, path: str | os.PathLike[str]) -> Path:
    """Write a plan as a MIDI file of four tracks: the plan and its tempo, chords, melody and click.

    Args:
        plan: in parts or whole; completed as `MusicPlan.complete` does for what is played, written as it is.
        path: a file ending in .mid or .midi; whole or not at all.

    Raises:
        PlanError: what is given contradicts itself.
    """
    path, whole = Path(path), plan if plan.is_complete else plan.complete()
    ticks = TickMap(whole)
    end = ticks.tick(whole.duration or 0.0)
    tracks = [
        ("plan", conductor(whole, ticks)),
        ("Chords", _chords(whole, ticks)),
        ("Melody", _melody(whole, ticks)),
        ("Click", _click(whole, ticks)),
    ]
    return save_tracks(tracks, plan, end, path)


def save_tracks(tracks: Sequence[tuple[str, Events]], plan: MusicPlan, end: int, path: Path) -> Path:
    """Write a file of named tracks, with the plan as text in the first of them; whole or not at all.

    Args:
        tracks: name and events of each.
        plan: as it is to be read back.
        end: tick at which all end.
        path: of the file.
    """
    text = f"{PLAN_TEXT}{fingerprint(row for _, events in tracks for row in events)} {plan.to_json()}"
    tracks[0][1].append((0, mido.MetaMessage("text", text=text)))
    file = mido.MidiFile(ticks_per_beat=RESOLUTION, charset="utf-8")
    file.tracks += [_track(name, events, end) for name, events in tracks]
    with atomic_path(path) as partial:
        file.save(partial)
    return path


def fingerprint(events: Iterable[tuple[int, mido.Message | mido.MetaMessage]]) -> str:
    """Return a digest of what is to be heard and read in (tick, message) pairs, whatever their order and tracks."""
    heard = {"note_on", "note_off", "set_tempo", "time_signature", "key_signature", "marker", "text", "lyrics"}
    lines = []
    for tick, message in events:
        values = {name: value for name, value in message.dict().items() if name not in ("time", "channel")}
        if message.type in heard and not str(values.get("text", "")).startswith(PLAN_TEXT):
            lines.append(json.dumps([tick, values], sort_keys=True))
    return digest(*sorted(lines))[:16]


def _track(name: str, events: Events, end: int) -> mido.MidiTrack:
    """Return a track of events by tick: note ends first, and what is equal in the order given."""
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    now = 0
    for tick, message in sorted(events, key=lambda event: (event[0], event[1].type != "note_off")):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - now)))
    return track


def conductor(plan: MusicPlan, ticks: TickMap) -> Events:
    """Return the events of a plan's tempo, metre, key and sections."""
    events: Events = [(tick, mido.MetaMessage("set_tempo", tempo=tempo)) for tick, tempo in ticks.tempi()]
    events += _meters(plan, ticks)
    key = None
    for part in plan.parts():
        tick, name = ticks.tick(part.start), signature(part.key)
        if name != key:
            events.append((tick, mido.MetaMessage("key_signature", key=name)))
            key = name
        if part.name:
            events.append((tick, mido.MetaMessage("marker", text=part.name)))
    return events


def _meters(plan: MusicPlan, ticks: TickMap) -> Events:
    """Return a time signature at 0, one on the first downbeat if that is later, and one wherever the metre changes."""
    parts = plan.parts()

    def meter_at(second: float) -> int:
        part = max((part for part in parts if part.start <= second + DRIFT), key=lambda part: part.start)
        return part.meter or plan.meter or 4

    found = [(0, meter_at(0.0))]
    for number, second in enumerate(plan.downbeat_times()):
        tick, meter = ticks.tick(second), meter_at(second)
        if meter != found[-1][1] or (number == 0 and tick > 0):
            found.append((tick, meter))
    upper, lower = _SIGNATURES[plan.beat_unit]
    clocks = round(CLOCKS_A_QUARTER * QUARTERS[plan.beat_unit])
    return [
        (tick, mido.MetaMessage("time_signature", numerator=m * upper, denominator=lower, clocks_per_click=clocks))
        for tick, m in found
    ]


def signature(key: str | None) -> str:
    """Return the key signature of a key, as mido names it; of a mode, that of its major key."""
    found = Key.parse(key or "C major")
    number = found.signature
    if abs(number) > FLATS:  # beyond seven accidentals: the enharmonic equal
        number -= 12 if number > 0 else -12
    return (MINOR_SIGNATURES if found.mode == "minor" else MAJOR_SIGNATURES)[number + FLATS]


def note_messages(pitch: int, velocity: int, start: int, end: int, channel: int) -> Events:
    """Return the events of a note; start and end in ticks."""
    last = max(start + 1, end)
    return [
        (start, mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)),
        (last, mido.Message("note_off", note=pitch, velocity=0, channel=channel)),
    ]


def _chords(plan: MusicPlan, ticks: TickMap) -> Events:
    events: Events = [(0, mido.Message("program_change", program=0, channel=0))]
    for start, end, chord in plan.chord_intervals():
        events.append((ticks.tick(start), mido.MetaMessage("text", text="N.C." if chord.is_none else str(chord))))
        for pitch in voicing(chord):
            events += note_messages(pitch, CHORD_VELOCITY, ticks.tick(start), ticks.tick(end), 0)
    return events


def voicing(chord: Chord) -> tuple[int, ...]:
    """Return the MIDI pitches of a block chord: the bass, and above it the tones from the octave of middle C."""
    if chord.is_none:
        return ()
    tones = [CHORD_OCTAVE + tone % 12 for tone in chord.pitch_classes()]
    return tuple(sorted({BASS_OCTAVE + chord.bass_pc, *tones}))


def _melody(plan: MusicPlan, ticks: TickMap) -> Events:
    events: Events = [(0, mido.Message("program_change", program=73, channel=1))] if plan.melody else []
    for pitch, start, end in plan.melody or ():
        events += note_messages(pitch, MELODY_VELOCITY, ticks.tick(start), ticks.tick(end), 1)
    return events


def _click(plan: MusicPlan, ticks: TickMap) -> Events:
    return [
        event
        for second, position in plan.beats or ()
        for event in note_messages(
            CLICKS[position == 1], CLICK_VELOCITY, ticks.tick(second), ticks.tick(second + CLICK_LENGTH), DRUM_CHANNEL
        )
    ]
