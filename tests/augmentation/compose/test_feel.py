"""Human hands: near the grid, accents, and phrases."""

from __future__ import annotations

import numpy as np

from augmentation.compose.arranger import Bar, Span, Touch
from augmentation.compose.composer import compose
from augmentation.compose.feel import MOST, loudness_curve, play
from augmentation.compose.form import Frame, Timeline, slowed
from augmentation.compose.melody import Tune, draw_tune, play_melody, play_third_below
from augmentation.compose.sections import Passage
from augmentation.compose.styles import STYLES
from munet.music import Chord, Key, MusicPlan

GRID = Timeline(np.arange(0.0, 20.0, 0.5), tuple(i % 4 + 1 for i in range(40)))  # 120 BPM from second 0


def test_a_machine_is_on_the_grid_and_a_person_beside_it() -> None:
    notes = [(i / 2, 0.25, 60, 0.7) for i in range(64)]
    curve = np.ones(40)
    machine = play(np.random.default_rng(0), notes, GRID, curve, 20.0, 0.0, False)
    assert [note.start for note in machine] == [i / 4 for i in range(64)]
    person = play(np.random.default_rng(0), notes, GRID, curve, 20.0, 1.0, False)
    late = np.array([b.start - a.start for a, b in zip(machine, person, strict=True)])
    assert 0.0015 < late[1:].std() < 0.0045 and np.abs(late).max() <= MOST
    assert len({note.velocity for note in person}) > 8


def test_strokes_of_a_chord_stay_together() -> None:
    notes = [(i, 0.5, pitch, 0.7) for i in range(20) for pitch in (60, 64, 67)]
    played = play(np.random.default_rng(0), notes, GRID, np.ones(40), 20.0, 1.0, False)
    for i in range(1, 20):
        starts = [note.start for note in played if abs(note.start - i / 2) < 0.02]
        assert len(starts) == 3 and max(starts) - min(starts) < 0.006


def test_downbeats_are_loudest_and_offbeats_softest() -> None:
    notes = [(i / 2, 0.25, 60, 0.7) for i in range(8)]
    levels = [note.velocity for note in play(np.random.default_rng(0), notes, GRID, np.ones(40), 20.0, 0.0, False)]
    assert levels == [82, 74, 78, 74, 78, 74, 78, 74]  # 112 x 0.7 x (1.05, 0.94, 1)


def test_swell_is_a_crescendo() -> None:
    passages = (
        Passage("intro", 0.0, 16.0, "calm", frozenset(), swell=(0.5, 1.0)),
        Passage("verse", 16.0, 40.0, "calm", frozenset()),
    )
    curve = loudness_curve(GRID, passages)
    assert curve[0] / curve[16] < 0.55 and np.all(np.diff(curve[0:16:4]) > 0)


def test_what_sounds_over_the_cut_begins_at_zero() -> None:
    early = Timeline(np.arange(-1.0, 19.0, 0.5), tuple(i % 4 + 1 for i in range(40)))
    held = play(np.random.default_rng(0), [(0.0, 4.0, 60, 0.7)], early, np.ones(40), 5.0, 0.0, False)
    assert [(note.start, note.duration) for note in held] == [(0.0, 1.0)]
    assert not play(np.random.default_rng(0), [(0.0, 4.0, 36, 0.7)], early, np.ones(40), 5.0, 0.0, True)


def test_labels_are_exact_to_ten_milliseconds() -> None:
    plan = MusicPlan(bpm=120.0, meter=4, duration=10.0)
    for style in ("house", "rock", "soul"):
        kicks = []
        for seed in range(12):
            piece = compose(seed, style=style, plan=plan)
            sixteenths = np.array(piece.plan.beat_times())
            for track in piece.tracks:
                kicks += [abs(n.start - sixteenths).min() for n in track.notes if track.is_drum and n.pitch == 36]
        near = np.array([distance for distance in kicks if distance < 0.05])
        assert len(near) > 20 and near.max() <= 0.01
        assert (near.mean() < 0.0008) == (STYLES[style].human < 0.2)


def melody_of(tune: Tune, chords: list[str]) -> list[tuple[float, float, int, float]]:
    spans = [Span(4.0 * i, 4.0 * i + 4, Chord.parse(symbol), ()) for i, symbol in enumerate(chords)]
    bars = [Bar(4 * i, 4, i) for i in range(len(chords))]
    return play_melody(np.random.default_rng(0), tune, bars, spans, Key.parse("C major"), Touch(1.0))


def test_a_phrase_is_a_question_and_its_answer() -> None:
    """Over the same chords the third phrase repeats the first; answers end on root or third, and breathe."""
    for seed in range(20):
        tune = draw_tune(np.random.default_rng(seed), ("x- x- x- x-|x- x- x- x-",))
        notes = melody_of(tune, ["C", "F", "G", "C"] * 4)
        phrases = [[(s - 16 * i, p) for s, _, p, _ in notes if 16 * i <= s < 16 * i + 16] for i in range(4)]
        assert phrases[0] == phrases[2] and phrases[1] == phrases[3]
        assert phrases[0][-1][1] % 12 in (0, 4)
        assert tune.breathes == (max(start for start, _ in phrases[0]) < 14)


def test_strong_notes_are_chord_tones() -> None:
    tune = draw_tune(np.random.default_rng(1), ("xo xo xo xo|xo xo xo xo",))
    scale = set(Key.parse("C major").scale())
    for start, _, pitch, _ in melody_of(tune, ["C", "Am", "F", "G7"]):
        chord = Chord.parse(["C", "Am", "F", "G7"][int(start // 4)])
        assert pitch % 12 in (scale if start % 1 else set(chord.pitch_classes()))


def test_the_second_voice_keeps_below() -> None:
    tune = draw_tune(np.random.default_rng(2), ("x- x- x- x-|x- x- x- x-",))
    spans = [Span(4.0 * i, 4.0 * i + 4, Chord.parse(symbol), ()) for i, symbol in enumerate("CFGC")]
    notes = melody_of(tune, list("CFGC"))
    lower = play_third_below(notes, spans, Key.parse("C major"))
    assert len(lower) == len(notes)
    assert all(3 <= high[2] - low[2] <= 12 for high, low in zip(notes, lower, strict=True))


def test_a_ritardando_keeps_its_labels() -> None:
    """Six gaps from 0.5 s to 0.65 s, the beats before as they were, those after in the last tempo."""
    beats = tuple((0.5 * i, position) for i, position in enumerate(GRID.positions))
    frame = Frame(120.0, 4, Key.parse("C major"), beats, 20.0, GRID)
    slow = slowed(frame, 32)
    gaps = np.diff(slow.timeline.seconds)
    assert np.allclose(gaps[:26], 0.5) and np.allclose(gaps[26:32], [0.525, 0.55, 0.575, 0.6, 0.625, 0.65])
    assert np.allclose(gaps[32:], 0.65) and slow.beats[-1][0] < 20.0
    assert [position for _, position in slow.beats] == list(GRID.positions[: len(slow.beats)])
    assert slowed(frame, 38) is frame  # no time left
    songs = [compose(seed, duration=40.0) for seed in range(20)]
    assert any(np.ptp(np.diff(song.plan.beat_times())) > 0.05 for song in songs)
