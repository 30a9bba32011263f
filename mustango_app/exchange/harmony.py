"""Chords found in notes: exactly where the notes are a chord, and estimated where they are music.

Pitch classes run from 0 (C); roots are spelled in the key.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from munet.music import QUALITIES, Chord, Key
from munet.music.grid import without_repeats
from mustango_app.exchange.score import Score, ScoreNote

ESTIMATED = ("", "m", "7", "m7", "maj7", "dim", "sus4")  # what an estimate chooses among
# An estimate's points for a second of a beat's notes: a tone of the chord, another tone, the root in the bass.
INSIDE, OUTSIDE, BASS = 1.0, -1.3, 0.3
ROOT_BONUS, EXTENSION_COST = 0.2, 0.12  # the root must sound to be believed; a fourth tone must earn its place
CHANGE, CHANGE_IN_BAR = 0.25, 0.6  # points that a change of chord costs on a downbeat and elsewhere
REST = 4  # quarters of silence that end a chord
SHORTEST = 0.03  # beats; notes that overlap by less are played one after the other


def spell(pitch_class: int, key: Key) -> str:
    """Return the name of a pitch class in a key: of its scale, or with the accidentals of its signature."""
    scale = {chord.root_pc: chord.root for chord in key.diatonic_triads()}
    flats = key.signature < 0 or (key.signature == 0 and pitch_class in (3, 10))
    usual = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B") if flats else (
        "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")  # fmt: skip
    return scale.get(pitch_class, usual[pitch_class])


def name_chord(pitches: Sequence[int], key: Key) -> Chord | None:
    """Return the chord whose tones are exactly those of some MIDI pitches, the lowest as its bass; None for none.

    Where several are ("C6" and "Am7/C"), the one with the bass as its root.
    """
    if not pitches:
        return None
    bass = min(pitches) % 12
    for over_bass in (False, True):  # a foreign bass under the chord of the other tones comes last
        tones = {pitch % 12 for pitch in pitches if not (over_bass and pitch == min(pitches))}
        for root in (bass, *(pitch_class for pitch_class in sorted(tones) if pitch_class != bass)):
            for quality, steps in QUALITIES.items():
                if {(root + step) % 12 for step in steps} == tones:
                    return Chord(spell(root, key), quality, None if root == bass else spell(bass, key))
    return None


def block_chords(notes: Sequence[ScoreNote], score: Score, key: Key) -> tuple[tuple[str, float], ...] | None:
    """Read a track of block chords: (symbol, start second), N where nothing sounds for a bar.

    None if it is none: less than two thirds of its time are chords of three tones or more.
    """
    slack = SHORTEST * score.resolution
    edges = _merged(sorted({0} | {tick for note in notes for tick in (note.start, note.end)}), slack)
    found, named, total = [], 0.0, 0.0
    for start, end in pairwise(edges):
        pitches = [note.pitch for note in notes if note.start < end - slack and note.end > start + slack]
        if not pitches:
            if start == 0 or end - start >= REST * score.resolution:
                found.append(("N", score.second(start)))
            continue
        chord = name_chord(pitches, key) if len({pitch % 12 for pitch in pitches}) >= 3 else None
        seconds = score.second(end) - score.second(start)
        total += seconds
        if chord is not None:
            named += seconds
            found.append((str(chord), score.second(start)))
    return without_repeats(found) if total > 0 and named >= 2 / 3 * total else None


def _merged(ticks: Sequence[int], slack: float) -> list[int]:
    """Return ascending ticks without those that follow another within `slack`."""
    kept: list[int] = []
    for tick in ticks:
        if not kept or tick - kept[-1] > slack:
            kept.append(tick)
    return kept


def estimate_chords(
    notes: Sequence[tuple[int, float, float]], beats: Sequence[tuple[float, int]], duration: float, key: Key | None
) -> tuple[tuple[str, float], ...]:
    """Estimate one chord a beat from notes, by dynamic programming over the chords of `ESTIMATED`.

    Args:
        notes: (MIDI pitch, start, end) in seconds, drums left out.
        beats: (second, position in the bar).
        duration: seconds.
        key: that spells the chords; None: C major.

    Returns:
        (symbol, start second), the first at 0; N alone where nothing sounds.
    """
    edges = [0.0, *(second for second, _ in beats if second > 0), duration]
    downbeats = {second for second, position in beats if position == 1}
    states = [(root, quality) for root in range(12) for quality in ESTIMATED]
    points = np.array([_points(notes, start, end, states) for start, end in pairwise(edges)])
    costs = [CHANGE if start in downbeats else CHANGE_IN_BAR for start in edges[:-1]]
    path = _best_path(points, costs)
    spelling = key or Key("C", "major")
    silent = np.abs(points).max(axis=1, initial=0.0) == 0
    symbols = [
        "N" if quiet else str(Chord(spell(states[state][0], spelling), states[state][1]))
        for state, quiet in zip(path, silent, strict=True)
    ]
    for place in range(1, len(symbols)):  # a chord goes on through a silent beat
        if symbols[place] == "N":
            symbols[place] = symbols[place - 1]
    return without_repeats(list(zip(symbols, edges[:-1], strict=True)))


def _points(
    notes: Sequence[tuple[int, float, float]], start: float, end: float, states: Sequence[tuple[int, str]]
) -> list[float]:
    """Return the points of each state for the notes between two seconds, as shares of what sounds there."""
    weights, low = np.zeros(12), None
    for pitch, begins, ends in notes:
        shared = min(end, ends) - max(start, begins)
        if shared > 0:
            weights[pitch % 12] += shared
            low = pitch if low is None else min(low, pitch)
    if low is None:
        return [0.0] * len(states)
    weights /= weights.sum()
    found = []
    for root, quality in states:
        tones = [(root + step) % 12 for step in QUALITIES[quality]]
        inside = float(weights[tones].sum())
        value = INSIDE * inside + OUTSIDE * (1 - inside) + BASS * (low % 12 == root)
        value += ROOT_BONUS * (weights[root] > 0) - EXTENSION_COST * (len(tones) - 3)
        missing = sum(weights[tone] == 0 for tone in tones)
        found.append(value - 0.1 * missing)
    return found


def _best_path(points: np.ndarray, costs: Sequence[float]) -> list[int]:
    """Return the state of each row of `points` `(rows, states)` whose sum is largest, a change costing `costs[row]`."""
    best, came = points[0], []
    for row, cost in zip(points[1:], costs[1:], strict=True):
        source = int(best.argmax())
        stays = best >= best[source] - cost
        came.append(np.where(stays, np.arange(len(best)), source))
        best = np.where(stays, best, best[source] - cost) + row
    path = [int(best.argmax())]
    for origins in reversed(came):
        path.append(int(origins[path[-1]]))
    return path[::-1]
