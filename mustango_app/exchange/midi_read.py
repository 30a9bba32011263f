"""A MIDI file read as a plan: tempo map, metre, key, sections, chords, melody and instruments.

A file that `midi_write` wrote carries its plan; that is believed as long as the rest of the file is as it was written.
Chords of other files come from text events, from a track of block chords, or are estimated from all notes.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import mido
import numpy as np

from augmentation.compose.programs import nearest_instrument
from munet.errors import RequestError
from munet.music import Chord, Key, MusicPlan, Note, PlanError, Section
from munet.music.checks import BPM_RANGE, DURATION_RANGE
from munet.music.grid import without_repeats
from mustango_app.exchange import midi_time
from mustango_app.exchange.harmony import block_chords, estimate_chords
from mustango_app.exchange.midi_write import PLAN_TEXT, fingerprint
from mustango_app.exchange.score import Score, ScoreNote, ScoreText, ScoreTrack, read_score

Melody = tuple[tuple[int, float, float], ...]
LEADS = re.compile(r"melod|lead|vocal|voice|voc\b|solo|tune|theme|sopran|singer|top line", re.I)
CHORDS = re.compile(r"chord|harmon|akkord|comp\b", re.I)
BASSES = re.compile(r"bass", re.I)
CLICKS = re.compile(r"click|metronom", re.I)
SAME = 0.002  # seconds


def read_midi(path: str | os.PathLike[str]) -> MusicPlan:
    """Read a MIDI file as a plan, complete if any note sounds.

    `notes` of the plan say what was estimated or left out. What lies beyond ten minutes is left out.

    Raises:
        RequestError: the file cannot be read, or holds nothing that a plan can be made of.
    """
    return plan_of_score(path, read_score(path))


def plan_of_score(path: str | os.PathLike[str], score: Score) -> MusicPlan:
    """Return the plan of a file that is read already, see `read_midi`."""
    return _own_plan(path, score) or _plan_of(score)


def read_melody(path: str | os.PathLike[str]) -> MusicPlan:
    """Read a tune: as `read_midi`, and a melody must be in it.

    Raises:
        RequestError: as `read_midi`, or there is no melody.
    """
    plan = read_midi(path)
    if plan.melody is None:
        raise RequestError(f"melody: expected a MIDI file with notes other than drums and chords, got {str(path)!r}")
    return plan


def _own_plan(path: str | os.PathLike[str], score: Score) -> MusicPlan | None:
    """Return the plan that the file carries; None without one, or if the music was changed since."""
    texts = [item.text for track in score.tracks for item in track.texts if item.text.startswith(PLAN_TEXT)]
    if not texts:
        return None
    written, _, plan = texts[0].removeprefix(PLAN_TEXT).partition(" ")
    try:
        file, events = mido.MidiFile(Path(path), charset="utf-8", clip=True), []
        for track in file.tracks:
            ticks = accumulate(message.time for message in track)
            events += zip(ticks, track, strict=True)
        return MusicPlan.from_json(plan) if fingerprint(events) == written else None
    except (PlanError, UnicodeDecodeError):
        return None  # of another version, or saved by another program: the events say the most of it


def _plan_of(score: Score) -> MusicPlan:
    notes: list[Note] = []
    unit, quarters = midi_time.beat_unit(score)
    end = midi_time.end(score)
    duration = min(score.second(end), DURATION_RANGE[1])
    if duration < DURATION_RANGE[0]:
        raise RequestError(f"file: expected music of at least {DURATION_RANGE[0]:g} s, got {duration:g} s")
    if duration < score.second(end):
        notes.append(Note(f"{score.second(end):g} s", "duration", f"only the first {duration:g} s are taken", False))
    beats = tuple(beat for beat in midi_time.beats(score, quarters, end) if beat[0] < duration - SAME)
    stated = _key(score)
    key = stated or _estimated_key(score)
    chords, how = _chords(score, beats, duration, key)
    if how:
        notes.append(Note("chords", "chords", how, True))
    if key is not None and stated is None:
        notes.append(Note("key", "key", f"{key}, estimated from the notes: the file states none", True))
    melody = _within(_melody(score), duration)
    sections = _sections(score, quarters, beats, duration, key)
    return MusicPlan(
        bpm=midi_time.bpm(score, quarters, end, first=sections is not None),
        meter=midi_time.meter_of(score.meters[0], quarters),
        key=None if key is None else str(key),
        chords=chords,
        beats=beats,
        duration=duration,
        beat_unit=unit,
        instruments=_instruments(score),
        melody=melody,
        sections=sections,
        notes=tuple(notes),
    )


# ---------------------------------------------------------------- key, sections, instruments


def _key(score: Score) -> Key | None:
    """Return the first key signature; None without, and for a C major that the notes do not bear out."""
    if not score.keys:
        return None
    name = score.keys[0][1]
    key = Key(name.removesuffix("m"), "minor" if name.endswith("m") else "major")
    if (key.tonic, key.mode) != ("C", "major"):
        return key
    lengths: Counter[bool] = Counter()  # writers that know no key put C major
    for note in score.notes:
        if not note.is_drum:
            lengths[note.pitch % 12 in key.scale()] += note.end - note.start
    return key if lengths[True] >= 0.9 * sum(lengths.values()) else None


def _estimated_key(score: Score) -> Key | None:
    """Return the key whose profile fits the lengths of the pitch classes; None where they are all alike."""
    from augmentation.hearing.key import match_profile  # it loads slowly

    weights = np.zeros(12)
    for note in score.notes:
        if not note.is_drum:
            weights[note.pitch % 12] += note.end - note.start
    return match_profile(weights, "temperley") if np.ptp(weights) > 0 else None


def _sections(
    score: Score, quarters: float, beats: Sequence[tuple[float, int]], duration: float, key: Key | None
) -> tuple[Section, ...] | None:
    """Return sections at the markers that are no chords, and where metre or key change."""
    names = {
        item.tick: item.text
        for track in score.tracks
        for item in track.texts
        if item.kind == "marker" and item.text and _symbol(item.text) is None
    }
    changes = {tick for tick, *_ in score.meters[1:] if tick != midi_time.upbeat(score, quarters)}
    changes |= {tick for tick, _ in score.keys[1:]}
    ticks = sorted({tick for tick in {*names, *changes} if 0 < score.second(tick) < duration - SAME} | {0})
    if len(ticks) == 1 and 0 not in names:
        return None
    found = []
    for number, (tick, later) in enumerate(zip(ticks, [*ticks[1:], midi_time.end(score)], strict=True)):
        start, end = score.second(tick), min(score.second(later), duration)
        meter = [item for item in score.meters if item[0] <= tick + 1][-1]
        own = [name for at, name in score.keys if at <= tick]
        ramp = tuple(round(6e7 / score.tempo_at(at) / quarters, 2) for at in (tick, max(tick, later - 1)))
        bars = sum(start - SAME <= second < end - SAME and position == 1 for second, position in beats)
        found.append(
            Section(
                name=names.get(tick) or ("start" if number == 0 else f"part {number + 1}"),
                bars=bars or None,
                start=start,
                bpm=_tempo(ramp),
                meter=midi_time.meter_of(meter, quarters),
                key=None if key is None or not own or len(score.keys) < 2 else _name_of_signature(own[-1]),
            )
        )
    return tuple(found)


def _tempo(ramp: tuple[float, ...]) -> float | tuple[float, float] | None:
    first, last = (min(BPM_RANGE[1], max(BPM_RANGE[0], bpm)) for bpm in ramp)
    return first if abs(last / first - 1) < midi_time.STEADY else (first, last)


def _name_of_signature(name: str) -> str:
    return f"{name.removesuffix('m')} {'minor' if name.endswith('m') else 'major'}"


def _instruments(score: Score) -> tuple[str, ...] | None:
    """Return who plays, by program; the nearest program of the same family where ours has no name for it."""
    names = dict.fromkeys(nearest_instrument(note.program) for track in sounding(score) for note in track.notes)
    return tuple(name for name in names if name is not None) or None


def sounding(score: Score) -> list[ScoreTrack]:
    """Return the tracks that are music: all but a click."""
    return [track for track in score.tracks if not CLICKS.search(track.name)]


# ---------------------------------------------------------------- chords and melody


def _symbol(text: str) -> str | None:
    try:
        return str(Chord.parse(text))
    except PlanError:
        return None


def _chords(
    score: Score, beats: Sequence[tuple[float, int]], duration: float, key: Key | None
) -> tuple[tuple[tuple[str, float], ...] | None, str]:
    """Return the chords, and how they were found if they are not stated."""
    stated = _stated_chords(score)
    if stated:
        return _within_time(stated, duration), ""
    spelling = key or Key("C", "major")
    for track in (track for track in score.tracks if CHORDS.search(track.name)):
        notes = [note for note in track.notes if not note.is_drum]
        named = block_chords(notes, score, spelling) if notes else None
        if named:
            return _within_time(named, duration), f"read from the track {track.name!r}"
    notes = [(n.pitch, score.second(n.start), score.second(n.end)) for n in score.notes if not n.is_drum]
    if not notes:
        return None, ""
    return estimate_chords(notes, beats, duration, key), "estimated from the notes: the file states none"


def _stated_chords(score: Score) -> list[tuple[str, float]]:
    """Return the chords among the text events of the track and kind that holds most of them."""
    best: list[tuple[str, float]] = []
    for track in score.tracks:
        for kind in dict.fromkeys(item.kind for item in track.texts):
            items = [item for item in track.texts if item.kind == kind and not item.text.startswith(PLAN_TEXT)]
            found = [(symbol, score.second(item.tick)) for item, symbol in _symbols(items)]
            # Syllables such as "A" are chords by accident: most of the texts must be.
            if len(found) > len(best) and 3 * len(found) >= 2 * len(items):
                best = found
    return best


def _symbols(items: Sequence[ScoreText]) -> list[tuple[ScoreText, str]]:
    return [(item, symbol) for item in items if (symbol := _symbol(item.text)) is not None]


def _within_time(chords: Sequence[tuple[str, float]], duration: float) -> tuple[tuple[str, float], ...]:
    """Return chords from 0 to the duration, N before the first, one at a time."""
    latest = {second: symbol for symbol, second in chords if second < duration}
    first = min(latest, default=0.0)
    whole = {0.0: "N"} | latest if first > 0 else latest
    return without_repeats([(symbol, second) for second, symbol in sorted(whole.items())])


def _melody(score: Score) -> Melody:
    """Return the top line of the track that is most likely the tune, one note at a time."""
    tracks = [track for track in score.tracks if any(not note.is_drum for note in track.notes)]
    named = [track for track in tracks if LEADS.search(track.name)]
    free = [track for track in tracks if not CHORDS.search(track.name) and not BASSES.search(track.name)]
    chosen = named[:1] or sorted(free, key=_tunefulness)[-1:]
    notes = [note for track in chosen for note in track.notes if not note.is_drum]
    return tuple((n.pitch, score.second(n.start), score.second(n.end)) for n in skyline(notes))


def _tunefulness(track: ScoreTrack) -> float:
    """Return the mean pitch, an octave less for each voice that sounds beside the first."""
    notes = [note for note in track.notes if not note.is_drum]
    covered = max(note.end for note in notes) - min(note.start for note in notes)
    voices = sum(note.end - note.start for note in notes) / covered
    return sum(note.pitch for note in notes) / len(notes) - 12 * max(0.0, voices - 1)


def skyline(notes: Sequence[ScoreNote]) -> list[ScoreNote]:
    """Return the upper voice: of notes that start together the highest, and none below a higher one that sounds."""
    kept: list[ScoreNote] = []
    for note in sorted(notes, key=lambda note: (note.start, -note.pitch)):
        last = kept[-1] if kept else None
        if last is None or note.start >= last.end or (note.start > last.start and note.pitch > last.pitch):
            kept.append(note)
    return kept


def _within(melody: Melody, duration: float) -> Melody | None:
    return tuple(note for note in melody if note[1] < duration - SAME) or None
