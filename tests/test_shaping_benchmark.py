"""What the shaping benchmark computes, against hand-made sound; and that its runs go on where they stopped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from augmentation.hearing.listen import Heard
from benchmarks import shaping
from benchmarks.shaping_measures import (
    JUMPS,
    beat_chroma,
    chroma_distance,
    jump_at,
    loop_jumps,
    phase_step,
    seams_found,
    stretch_scores,
)
from benchmarks.shaping_pieces import change, clip_of, song
from munet.music import MusicPlan

RATE = 44100
PLAN = MusicPlan(bpm=120, meter=4, key="C major", duration=8.0).complete(["C", "Am"])


def tone(hertz: float, seconds: float, loudness: float = 0.3) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    return (loudness * np.sin(2 * np.pi * hertz * times))[None].repeat(2, axis=0).astype(np.float32)


def heard(late: float = 0.0, late_from: float = 99.0, chords: tuple[tuple[str, float, float], ...] = ()) -> Heard:
    beats = tuple((t + late * (t >= late_from), position) for t, position in PLAN.beats)
    return Heard(duration=8.0, beats=beats, chords=chords)


def test_a_stretch_counts_its_own_beats_and_chords() -> None:
    chords = (("C:maj", 0.0, 4.0), ("F:maj", 4.0, 8.0))  # asked: C Am C Am, two seconds each
    first = stretch_scores(PLAN, heard(chords=chords), 0.0, 4.0)
    assert first == {"beat_f": 1.0, "chord_root": pytest.approx(0.5), "chord_majmin": pytest.approx(0.5)}
    late = stretch_scores(PLAN, heard(0.1, 4.0, chords), 4.0, 8.0)
    assert late["beat_f"] == 0.0 and late["chord_root"] == 0.0


def test_jumps_are_where_the_sound_changes() -> None:
    sound = np.concatenate([tone(220, 1.0), tone(1760, 1.0, 0.03)], axis=1)
    still, jump = jump_at(sound, RATE, 0.5), jump_at(sound, RATE, 1.0)
    assert set(jump) == set(JUMPS)
    assert jump["level"] == pytest.approx(20.0, abs=0.5) and still["level"] < 0.5
    for name in ("spectrum", "spectrum_long", "centroid"):
        assert jump[name] > 5 * still[name]
    click = tone(220, 1.0)
    click[:, RATE // 2 :] += 0.5
    assert jump_at(click, RATE, 0.5)["step"] > 5 * jump_at(tone(220, 1.0), RATE, 0.5)["step"]


def test_the_first_jump_of_a_loop_is_its_seam() -> None:
    whole = tone(220, 2.0)  # 440 periods: no seam
    assert max(jump["spectrum"] for jump in loop_jumps(whole, RATE, [0.0, 0.5, 1.0, 1.5])) < 0.1
    cut = np.concatenate([tone(220, 1.0), tone(440, 1.0)], axis=1)
    jumps = [jump["spectrum"] for jump in loop_jumps(cut, RATE, [0.0, 0.5, 1.0, 1.5])]
    assert min(jumps[0], jumps[2]) > 10 * max(jumps[1], jumps[3])


def test_the_phase_of_beats_across_a_seam() -> None:
    assert phase_step(PLAN, heard(0.03, 4.0), 4.0) == pytest.approx(0.03)
    assert phase_step(PLAN, heard(), 4.0) == 0.0
    assert phase_step(PLAN, Heard(duration=8.0, beats=()), 4.0) is None


def test_seams_that_differ_are_found_and_others_are_not() -> None:
    rng = np.random.default_rng(0)

    def places(mean: float) -> list[dict[str, float]]:
        return [{name: float(rng.normal(mean)) for name in JUMPS} for _ in range(60)]

    assert seams_found(places(2.0), places(0.0)) > 0.95
    assert 0.3 < seams_found(places(0.0), places(0.0)) < 0.7
    assert seams_found(places(0.0)[:3], places(0.0)[:3]) is None


def test_chroma_tells_chords_apart_beat_by_beat() -> None:
    beats = [0.0, 0.5, 1.0, 1.5, 2.0]
    rising = np.concatenate([tone(440, 1.0), tone(660, 1.0)], axis=1)
    falling = np.concatenate([tone(660, 1.0), tone(440, 1.0)], axis=1)
    first, second = (beat_chroma(sound, RATE, beats) for sound in (rising, falling))
    assert first.shape == (4, 12) and np.allclose(np.linalg.norm(first, axis=1), 1)
    assert chroma_distance(first, first[:2]) == pytest.approx(0.0, abs=1e-6)
    assert chroma_distance(first, second) > 0.3


@pytest.mark.parametrize("number", range(10))
def test_songs_have_four_sections_that_differ(number: int) -> None:
    plan = song(number)
    verse, chorus, bridge, again = plan.sections
    assert [section.name for section in plan.sections] == ["verse", "chorus", "bridge", "chorus"]
    assert plan.duration == pytest.approx(120, abs=8)
    assert (chorus.chords, chorus.instruments) == (again.chords, again.instruments)
    assert len({verse.chords, chorus.chords, bridge.chords}) == 3
    assert clip_of(plan, number).duration == 10 and clip_of(plan, number).sections is None


def test_changes_are_those_of_the_aims() -> None:
    ramp = change("ramp", 0).laid()[1]
    assert ramp.ramp == (90, 130) and sum(position == 1 for _, position in ramp.beats()) == 16
    assert [part.meter for part in change("meter", 1).parts()] == [4, 3]
    plan = change("key", 1)
    symbols = [[symbol for symbol, t in plan.chords if part.start <= t < part.end] for part in plan.parts()]
    assert plan.transpose(2).chords[0][0] == symbols[1][0], "the same degrees, a tone higher"


def test_a_run_goes_on_where_it_stopped_and_counts_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def part(_model: object, number: int) -> dict[str, float]:
        made.append(number)
        if number == 1:
            raise ValueError("no such piece")
        return {"asked": 20.0, "wall": 1.0, "peak_mib": 10.0, "processor": 1.0, "duration": 20.0, "finite": True}

    monkeypatch.setattr(shaping, "PARTS", {"minutes": part})
    for _ in range(2):
        for number in range(2):
            shaping.measure(("minutes", number, tmp_path))
    assert made == [0, 1, 1], "a failure is tried again"
    found = shaping.report(tmp_path, {"minutes": 2})["parts"]["minutes"]
    assert found["pieces"] == 1 and found["failed"] == ["1: ValueError: no such piece"]
    assert found["rows"][0] == ["20 s: made", "1 s, peak 10 MiB", "600 s within 8 GB"]
    path = tmp_path / "minutes-000.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": "older"}), encoding="utf-8")
    shaping.measure(("minutes", 0, tmp_path))
    assert made == [0, 1, 1, 0], "what other code made is measured anew"
