"""Label arithmetic against the recorded cases of the reference's label functions: every case equal, or named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from augmentation.dataset.labels import crop_row, stretch_row, transpose_row
from augmentation.dataset.records import plan_of
from augmentation.hearing.beats import tempo
from munet.music import Chord, Key
from tests.golden import parity_json

CROP = 10.0  # seconds, the reference's default
# Deliberate differences by function and number of the case; all others are equal.
RESPELLED = "a natural goes to the usual name (Db, Eb, Ab, Bb in major), the reference to a sharp: enharmonically equal"
ONE_CHANGE = "the reference returns None unless there is exactly one change; here one call is one change"
UNPARSED = "the reference reports a malformed value by an IndexError, TypeError or a bare ValueError"
AT_THE_END = "what begins exactly where the clip is cut is not in it; the reference keeps it if it is the last one"
CRASH = "the reference crashes on what is no error"
NO_TEMPO = "0 is no tempo; an unknown tempo is None"
SILENT = "no chord sounds where the change begins; the reference puts its last chord there"
SPLIT = "the chord that sounds where the change begins is split; the reference forgets the last chord"
DIFFERENT = {
    "chord_shift": {2: RESPELLED, 8: RESPELLED} | {23: UNPARSED, 24: UNPARSED, 25: UNPARSED},
    "key_change_fc": {0: RESPELLED, 3: RESPELLED, 8: ONE_CHANGE, 11: CRASH, 12: CRASH, 15: ONE_CHANGE},
    "beat_change_fc": {6: AT_THE_END, 12: AT_THE_END, 13: CRASH, 14: AT_THE_END},
    "chord_speed_change_fc": {13: AT_THE_END, 14: CRASH},
    "chord_pitch_change_fc": {0: RESPELLED, 5: CRASH, 6: SILENT, 7: SPLIT, 8: RESPELLED},
    "bpm_change_fc": {7: ONE_CHANGE, 8: ONE_CHANGE, 9: NO_TEMPO},
}
CASES = {
    "chord_shift": 27,
    "key_change_fc": 16,
    "beat_change_fc": 18,
    "chord_speed_change_fc": 16,
    "chord_pitch_change_fc": 9,
    "bpm_change_fc": 15,
    "get_bpm": 14,
    "speed_change_triplets": 4,
}


def every_case(name: str) -> pytest.MarkDecorator:
    """All numbers of a function's cases (the file itself is opened by the test, which is skipped without it)."""
    return pytest.mark.parametrize("number", range(CASES[name]))


def golden(name: str, number: int) -> dict[str, Any]:
    return parity_json("augment.json")[name][number]


def test_no_case_is_left_out() -> None:
    recorded = parity_json("augment.json")
    assert {name: len(recorded[name]) for name in CASES} == CASES


def chord_row(pairs: list[Any]) -> dict[str, Any]:
    return {"chords": [symbol for symbol, _ in pairs], "chords_time": [time for _, time in pairs]}


def chord_pairs(row: dict[str, Any]) -> list[tuple[str, float]]:
    return list(zip(row["chords"], row["chords_time"], strict=True))


def stretched_from(row: dict[str, Any], factor: float, start: float) -> dict[str, Any]:
    """Stretch what comes after `start` only: as the reference's changes that begin within the clip."""
    late = stretch_row({"bpm": None, **row}, factor)

    def times(old: list[float], new: list[float]) -> list[float]:
        return [a if a <= start else b + start - start / factor for a, b in zip(old, new, strict=True)]

    if "beats" in row:
        return row | {"beats": [times(row["beats"][0], late["beats"][0]), row["beats"][1]]}
    return row | {"chords_time": times(row["chords_time"], late["chords_time"])}


def same_pitches(ours: str, theirs: str) -> bool:
    first, second = Chord.parse(ours), Chord.parse(theirs)
    same_bass = first.bass_pc == second.bass_pc
    return first.pitch_classes() == second.pitch_classes() and first.quality == second.quality and same_bass


def respelled(name: str, number: int) -> bool:
    return DIFFERENT[name].get(number) == RESPELLED


@every_case("chord_shift")
def test_golden_chord_shift(number: int) -> None:
    case = golden("chord_shift", number)
    symbol, semitones = case["args"]
    row = chord_row([(symbol, 0.0)])
    if DIFFERENT["chord_shift"].get(number) == UNPARSED:
        assert "error" in case
        with pytest.raises(ValueError, match="chords: expected"):
            transpose_row(row, semitones)
        return
    [shifted] = transpose_row(row, semitones)["chords"]
    assert same_pitches(shifted, case["output"])
    assert (shifted != case["output"]) == respelled("chord_shift", number)


@every_case("key_change_fc")
def test_golden_key_change(number: int) -> None:
    case = golden("key_change_fc", number)
    value, changes = case["args"]
    reason = DIFFERENT["key_change_fc"].get(number)
    if reason == ONE_CHANGE:
        assert case["output"] is None and len(changes) != 1
        return
    changed = transpose_row({"key": value}, changes[0][0])["key"]
    if reason == CRASH:
        assert "error" in case
        assert changed == {11: ["C major", None], 12: ["Db major", None]}[number]
        return
    assert len(changed) == len(case["output"])
    for ours, theirs in zip(changed, case["output"], strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            first, second = Key.parse(ours), Key.parse(theirs)
            assert (first.tonic_pc, first.mode) == (second.tonic_pc, second.mode)
    assert (changed != case["output"]) == (reason == RESPELLED)


@every_case("beat_change_fc")
def test_golden_beat_change(number: int) -> None:
    case = golden("beat_change_fc", number)
    beats, changes = case["args"]
    row = {"beats": beats}
    for factor, start, _ in changes:
        row = stretched_from(row, factor, start) if start else stretch_row(row, factor)
    limit = case.get("kwargs", {}).get("crop", CROP)
    times, positions = crop_row(row, limit)["beats"]
    if number == 13:
        assert "error" in case and (times, positions) == ([], [])
        return
    expected = [pair for pair in zip(*case["output"], strict=True) if pair[0] < limit]
    assert len(expected) + (DIFFERENT["beat_change_fc"].get(number) == AT_THE_END) == len(case["output"][0])
    assert times == pytest.approx([time for time, _ in expected]) and positions == [place for _, place in expected]


@every_case("chord_speed_change_fc")
def test_golden_chord_speed_change(number: int) -> None:
    case = golden("chord_speed_change_fc", number)
    pairs, changes = case["args"]
    row = chord_row(pairs)
    for factor, start, _ in changes:
        row = stretched_from(row, factor, start) if start else stretch_row(row, factor)
    limit = case.get("kwargs", {}).get("crop", CROP)
    ours = chord_pairs(crop_row(row, limit))
    if number == 14:
        assert "error" in case and ours == [("C", pytest.approx(1 / 3))]
        return
    expected = [pair for pair in case["output"] if pair[1] < limit]
    assert len(expected) + (DIFFERENT["chord_speed_change_fc"].get(number) == AT_THE_END) == len(case["output"])
    assert [symbol for symbol, _ in ours] == [symbol for symbol, _ in expected]
    assert [time for _, time in ours] == pytest.approx([time for _, time in expected])


@every_case("chord_pitch_change_fc")
def test_golden_chord_pitch_change(number: int) -> None:
    case = golden("chord_pitch_change_fc", number)
    pairs, changes = case["args"]
    row, semitones = chord_row(pairs), changes[0][0]  # the reference takes the first change too, and no other
    start = float(np.ravel(changes[0][1])[0])
    if start:  # as the reference's changes within a clip: what sounds then is split
        plan = plan_of(row).with_(duration=10.0)
        head, tail = plan.with_(chords=[c for c in plan.chords if c[1] < start]), plan.crop(start, 10.0)
        ours = [*(head.chords or ()), *((symbol, time + start) for symbol, time in tail.transpose(semitones).chords)]
    else:
        ours = chord_pairs(transpose_row(row, semitones))
    if number == 5:
        assert "error" in case and [symbol for symbol, _ in ours] == ["C", "Am", "Bm", "G", "A7"]
        return
    if DIFFERENT["chord_pitch_change_fc"].get(number) == SILENT:
        assert case["output"][0] == ["A7", 0.1] and ours[0] == ("N", 0.1)
        assert [symbol for symbol, _ in ours[1:]] == [symbol for symbol, _ in case["output"][1:]]
        return
    if DIFFERENT["chord_pitch_change_fc"].get(number) == SPLIT:
        assert ours[:-1] == [tuple(pair) for pair in case["output"]] and ours[-1] == ("A7", 9.0)
        return
    assert [time for _, time in ours] == pytest.approx([time for _, time in case["output"]])
    equal = [(symbol, other) for (symbol, _), (other, _) in zip(ours, case["output"], strict=True)]
    assert all(same_pitches(symbol, other) for symbol, other in equal)
    assert any(symbol != other for symbol, other in equal) == respelled("chord_pitch_change_fc", number)


@every_case("bpm_change_fc")
def test_golden_bpm_change(number: int) -> None:
    """The reference rounds to whole BPM, half to even; a row keeps the tempo as it is."""
    case = golden("bpm_change_fc", number)
    bpm, changes = case["args"]
    reason = DIFFERENT["bpm_change_fc"].get(number)
    if reason == ONE_CHANGE:
        assert case["output"] is None and len(changes) != 1
    elif reason == NO_TEMPO:
        with pytest.raises(ValueError, match="bpm: expected"):
            stretch_row({"bpm": bpm}, changes[0][0])
    else:
        changed = stretch_row({"bpm": bpm}, changes[0][0])["bpm"]
        assert changed == (None if bpm is None else pytest.approx(bpm * changes[0][0]))
        assert (None if changed is None else round(changed)) == case["output"]


# The extractor fits a line through the beats, the reference averages filtered momentary tempi: what the line gives.
TEMPO_DIFFERS = {
    4: (None, "three beats are too few for a line"),
    6: (152.7, "one beat too many: the gaps shrink on average"),
    7: (102.9, "uneven beats"),
    8: (75.0, "a long last gap"),
    9: (73.2, "a short first gap: the filter of the reference spreads it"),
    10: (171.4, "a repeated time gives the reference an infinite tempo"),
    11: (52.3, "a long last gap"),
    12: (150.0, "times that go back"),
    13: (147.7, "a tempo that rises"),
}


@every_case("get_bpm")
def test_golden_tempo_of_beats(number: int) -> None:
    case = golden("get_bpm", number)
    ours, theirs = tempo(np.array(case["args"][0][0])), case["output"]
    if number in TEMPO_DIFFERS:
        expected = TEMPO_DIFFERS[number][0]
        assert ours == (None if expected is None else pytest.approx(expected, abs=0.05))
        assert ours is None or theirs == "inf" or abs(ours - theirs) > 1
    else:
        assert ours == theirs if theirs is None else abs(ours - theirs) <= 0.5


def test_golden_changes_do_not_compound() -> None:
    """The reference's versions of one row inherit the chord times of the versions before; here each starts afresh."""
    runs = parity_json("augment.json")["augment_loop_chord_times_compound"]["runs"]
    source = runs[0]
    row = chord_row(source["chords"]) | {"beats": source["beats"], "bpm": source["bpm"], "key": source["key"]}
    for run, factor in zip(runs[1:5], (1.2, 1.1, 0.8, 1.15), strict=True):
        changed = stretch_row(row, factor)
        assert changed["beats"][0] == pytest.approx(run["beats"][0]) and round(changed["bpm"]) == run["bpm"]
        assert changed["chords_time"] == pytest.approx([time / factor for _, time in source["chords"]])
    for run, semitones in zip(runs[5:11], (-3, -2, -1, 1, 2, 3), strict=True):
        changed = transpose_row(row, semitones)
        assert changed["chords_time"] == [time for _, time in source["chords"]]
        pairs = zip(changed["chords"], [symbol for symbol, _ in run["chords"]], strict=True)
        assert all(same_pitches(ours, theirs) for ours, theirs in pairs)
        for ours, theirs in zip(changed["key"], run["key"], strict=True):
            assert Key.parse(ours).scale() == Key.parse(theirs).scale()


@every_case("speed_change_triplets")
def test_golden_duration(number: int) -> None:
    """A change of the whole clip moves its end; a clip in several tempi has no version here."""
    case = golden("speed_change_triplets", number)
    [changes] = case["args"]
    if len(changes) == 1 and changes[0][1] == 0:
        factor, _, end = changes[0]
        assert stretch_row({"duration": end}, factor)["duration"] == pytest.approx(case["new_triplets"][0][2])
    else:
        assert number in (2, 3)
