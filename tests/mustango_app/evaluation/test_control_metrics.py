"""The paper's metrics: by hand, and every number that the published script prints or counts on the golden rows."""

from __future__ import annotations

import re
from typing import Any

import pytest

from augmentation.hearing.listen import Heard
from munet.music import Chord, Key, MusicPlan
from mustango_app.evaluation.control_metrics import (
    CONTROL_METRICS,
    PUBLISHED_METRICS,
    Controls,
    chord_recall,
    chord_symbols,
    chord_type_recall,
    control_adherence,
    control_scores,
    exact_chord_match,
    heard_chord_symbols,
    heard_controls,
    key_match,
    key_or_relative_match,
    matched_in_any_order,
    matched_in_order,
    meter_match,
    perfect_chord_match,
    plan_controls,
    published_key_or_relative_match,
    published_summary,
    read_key,
    tempo_bin,
    tempo_match,
)
from tests.golden import parity_json

Pair = tuple[Controls, Controls]


def pair_of(row: dict[str, Any]) -> Pair:
    """One golden row: (asked, heard)."""

    def side(ending: str) -> Controls:
        root, mode = row[f"key2{ending}"][:2]
        return Controls(
            bpm=row[f"bpm{ending}"],
            key=None if root is None else (root, mode),
            chords=tuple(row[f"chords{ending}"]),
            positions=tuple(row[f"beats{ending}"][1]),
        )

    return side(""), side("_ext")


def printed_numbers(lines: list[str]) -> dict[str, float]:
    """Numbers of printed lines, such as "Tempo bin percentage (TB):  12.5", by their short names, in order."""
    return {name: float(number) for name, number in re.findall(r"\((\w+)\):\s+([\d.]+)", " ".join(lines))}


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return parity_json("control_metrics.json")


@pytest.fixture(scope="module")
def pairs(golden: dict[str, Any]) -> list[Pair]:
    return [pair_of(row) for row in golden["rows"]]


def test_summary_of_all_rows_is_what_the_script_prints(golden: dict[str, Any], pairs: list[Pair]) -> None:
    summary, printed = published_summary(pairs), printed_numbers(golden["with_dead_blocks_disarmed"]["printed"])
    assert list(printed) == list(PUBLISHED_METRICS) == list(summary)
    assert summary == pytest.approx(printed, rel=1e-12)


def test_the_unmodified_script_prints_the_first_of_them_and_stops(golden: dict[str, Any], pairs: list[Pair]) -> None:
    printed = printed_numbers(golden["unmodified"]["printed"])
    first = dict(list(published_summary(pairs).items())[: len(printed)])
    assert list(printed) == ["TB", "TBT", "CK", "CKD", "PCM", "ECM", "CMAO"]
    assert first == pytest.approx(printed, rel=1e-12)


@pytest.mark.parametrize("number", range(8))
def test_each_row_alone(golden: dict[str, Any], pairs: list[Pair], number: int) -> None:
    summary, printed = published_summary([pairs[number]]), printed_numbers(golden["per_row"][number])
    assert {name: summary[name] for name in printed} == pytest.approx(printed, rel=1e-12)
    # Row 3 asks for no chords: the script divides by zero where the chord metrics are None here, and its beats agree.
    missing = {"PCM": None, "ECM": None, "CMAO": None, "CMAOMM": None, "BC": 100.0} if number == 3 else {}
    assert {name: value for name, value in summary.items() if name not in printed} == missing
    assert (golden["per_row_errors"][number] is not None) == (number == 3)


def test_counters_of_tempo_key_and_metre(golden: dict[str, Any], pairs: list[Pair]) -> None:
    counters = golden["with_dead_blocks_disarmed"]["variables"]
    scores = [control_scores(asked, heard) for asked, heard in pairs]
    # Row 4 asks for no tempo: it does not count here; the script takes it for 1000 BPM and counts a miss.
    for name, counter in (("TB", "tempo_bin"), ("TBT", "tempo_bin_oneoff")):
        assert [score[name] for score in scores] == [*counters[counter][:4], None, *counters[counter][5:]]
        assert counters[counter][4] == 0
    for name, counter in (("CK", "key_counter"), ("CKD_published", "key_counter_dup"), ("BM", "beat_counter")):
        assert [score[name] for score in scores] == counters[counter]
    keys = [(read_key(asked.key), read_key(heard.key)) for asked, heard in pairs]
    assert [int(a.tonic_pc == b.tonic_pc) for a, b in keys] == counters["key_root_counter"]
    assert [int(a.mode == b.mode) for a, b in keys] == counters["key_type_counter"]


def test_counters_of_chords(golden: dict[str, Any], pairs: list[Pair]) -> None:
    counters = golden["with_dead_blocks_disarmed"]["variables"]

    def roots(controls: Controls) -> list[str]:
        return [Chord.parse(symbol).root for symbol in controls.chords]  # as they are spelled

    for counter, count, view in (
        ("chord_exact_match_counter", matched_in_order, lambda controls: controls.chords),
        ("chords_exact_counter", matched_in_any_order, lambda controls: controls.chords),
        ("chord_root_exact_match_counter", matched_in_order, roots),
        ("chords_root_counter", matched_in_any_order, roots),
    ):
        found = [[count(view(asked), view(heard)), len(asked.chords)] for asked, heard in pairs]
        assert found == counters[counter], counter
    for (asked, heard), (matched, number) in zip(pairs, counters["chords_exact_counter_dups3"], strict=True):
        if number:
            assert chord_type_recall(asked.chords, heard.chords) == matched / number
    assert [len(asked.chords) for asked, _ in pairs] == counters["chord_gt_numbers"]


# What this module returns where the published script stops with an error: differences from a summary of hundreds.
STOPS = {
    "bpm_ext None": {"TB": 0.0, "TBT": 0.0},
    "key None": {"CK": 0.0, "CKD": 0.0},
    "unknown key type keeps stale value": {"CK": 0.0, "CKD": 0.0},
    "no beats extracted": {"BC": 0.0},
    "no beats in ground truth": {"BC": None},
    "no chords in ground truth only row": dict.fromkeys(("PCM", "ECM", "CMAO", "CMAOMM")),
    "empty both chords": dict.fromkeys(("PCM", "ECM", "CMAO", "CMAOMM")),
    "m7 with inversion": {},
    "m with inversion": {"PCM": 0.0, "ECM": 0.0, "CMAO": 0.0},
    "maj7 with inversion": {"PCM": 0.0, "ECM": 0.0, "CMAO": 0.0},
    "aug with inversion": {"PCM": 0.0, "ECM": 0.0, "CMAO": 0.0, "CMAOMM": 0.0},
    "6 with inversion": {"PCM": 0.0, "ECM": 0.0, "CMAO": 0.0},
    "unknown type sus4": {"PCM": 0.0, "ECM": 0.0, "CMAO": 0.0},
}


def test_variants_of_the_first_row(golden: dict[str, Any]) -> None:
    stopped = set()
    for name, variant in golden["variants_of_row_0"].items():
        summary = published_summary([pair_of(golden["rows"][0] | variant["changes"])])
        printed = printed_numbers(variant["printed"])
        assert {metric: summary[metric] for metric in printed} == pytest.approx(printed, rel=1e-12), name
        if variant["error"] is not None:
            stopped.add(name)
            assert summary == dict.fromkeys(PUBLISHED_METRICS, 100.0) | STOPS[name], name
    assert stopped == set(STOPS)


@pytest.mark.parametrize(
    ("bpm", "number"),
    [
        *((39, 0), (40, 0), (40.001, 1), (60, 1), (61, 2), (70, 2), (90, 3), (110, 4)),
        *((140, 5), (160, 6), (210, 7)),
        (211, 8),
    ],
)
def test_an_upper_bound_belongs_to_the_slower_word(bpm: float, number: int) -> None:
    assert tempo_bin(bpm) == number


def test_tempo_match_by_hand() -> None:
    # 100 is Moderato, 111 Allegro, 141 Vivace.
    assert [tempo_match(100, heard) for heard in (91, 110, 111, 141, None)] == [1, 1, 0, 0, 0]
    assert [tempo_match(100, heard, tolerance=1) for heard in (91, 90, 111, 141, None)] == [1, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("asked", "heard", "exact", "relative", "published"),
    [
        ("A minor", "A minor", 1, 1, 1),
        ("Db major", "C# major", 1, 1, 1),
        ("A minor", "A major", 0, 0, 0),
        *(("A minor", "C major", 0, 1, 0), ("A minor", "F# major", 0, 0, 1)),
        *(("C major", "A minor", 0, 1, 0), ("C major", "D# minor", 0, 0, 1)),
        ("C major", "A major", 0, 0, 0),
        ("C major", None, 0, 0, 0),
    ],
)
def test_key_metrics(asked: str, heard: str | None, exact: int, relative: int, published: int) -> None:
    keys = Key.parse(asked), heard and Key.parse(heard)
    assert key_match(*keys) == exact
    assert key_or_relative_match(*keys) == relative
    assert published_key_or_relative_match(*keys) == published


def test_reading_a_key() -> None:
    assert read_key(("Bb", "minor")) == read_key(("Bb", "m")) == Key("Bb", "minor")
    assert read_key(("F#", "M")) == Key("F#", "major")
    assert read_key(("C", "dorian")) is None
    assert read_key(None) is None
    with pytest.raises(ValueError, match="key: expected a key"):
        read_key(("H", "major"))


@pytest.mark.parametrize(
    ("asked", "heard", "perfect", "exact", "recall", "types"),
    [
        ("C Am F G", "C Am F G", 1, 1, 1, 1),
        ("C F", "G C Em F", 1, 1, 1, 1),  # others between do not matter
        ("C Am F G", "Am F G", 0, 0, 3 / 4, 3 / 4),  # the first is missed
        ("C Am F G", "C F G", 0, 1 / 4, 3 / 4, 3 / 4),
        ("C G", "G C", 0, 1 / 2, 1, 1),
        ("C C G", "C G G", 0, 1 / 3, 2 / 3, 2 / 3),
        ("Db C/E", "C# C", 0, 0, 0, 1),  # strings against chords
        ("Am7 Cmaj7", "Am C7", 0, 0, 0, 1),
        ("Cdim D", "Caug Dm", 0, 0, 0, 1 / 2),
        ("Csus4 Edim7", "C Edim", 0, 0, 0, 1),  # richer chords have the type of the nearest known one
        ("C N G", "C G N", 0, 2 / 3, 1, 1),
        ("C", "", 0, 0, 0, 0),
    ],
)
def test_chord_metrics_by_hand(asked: str, heard: str, perfect: int, exact: float, recall: float, types: float) -> None:
    symbols = asked.split(), heard.split()
    assert perfect_chord_match(*symbols) == perfect
    assert exact_chord_match(*symbols) == exact
    assert chord_recall(*symbols) == recall
    assert chord_type_recall(*symbols) == types


def test_meter_match_looks_at_the_highest_position() -> None:
    assert meter_match((3, 4, 1, 2), (1, 4)) == 1
    assert meter_match((1, 2, 3), (1, 2, 3, 4)) == 0
    assert meter_match((1, 2), ()) == 0


def test_what_was_not_asked_does_not_count() -> None:
    everything = Controls(bpm=100, key=("C", "major"), chords=("C",), positions=(1, 2))
    assert control_scores(everything, everything) == dict.fromkeys(CONTROL_METRICS, 1.0)
    assert control_scores(Controls(), everything) == dict.fromkeys(CONTROL_METRICS)
    assert control_scores(everything, Controls()) == dict.fromkeys(CONTROL_METRICS, 0.0)
    # The mean is over the clips that count; TB counts all, a tempo that was not asked being 1000 BPM.
    summary = published_summary([(everything, everything), (everything, Controls()), (Controls(), everything)])
    assert summary == dict.fromkeys(PUBLISHED_METRICS, 50.0) | dict.fromkeys(("TB", "TBT"), pytest.approx(100 / 3))
    assert published_summary([]) == dict.fromkeys(PUBLISHED_METRICS)


def heard_with(*labels: str, **changes: Any) -> Heard:
    chords = tuple((label, float(i), i + 1.0) for i, label in enumerate(labels))
    fields: dict[str, Any] = {"duration": 10.0, "bpm": 119.0, "meter": 3, "beats": ((0.0, 1), (0.5, 2), (1.0, 3))}
    fields |= {"beat_confidence": 0.9, "key": "Eb major", "key_confidence": 1.0, "chords": chords}
    return Heard(**(fields | changes))


@pytest.mark.parametrize(
    ("labels", "symbols"),
    [
        ("N C:maj N A:min N", "C N Am"),  # silence around the music is dropped, silence in it is not
        ("C:maj C:sus4 C:maj G:7", "C G7"),  # equal once reduced: one chord
        ("Bb:min7 Eb:maj/3 D#:dim7 F:9 B:hdim7 G:minmaj7", "A#m7 D#/G D#dim F7 Bm7b5 Gm"),
        ("N", ""),
        ("X C:aug N", "Caug"),
        ("", ""),
    ],
)
def test_heard_labels_become_symbols(labels: str, symbols: str) -> None:
    assert heard_chord_symbols(heard_with(*labels.split())) == tuple(symbols.split())


def test_labels_that_are_no_chord_are_refused() -> None:
    with pytest.raises(ValueError, match="chords: expected a Harte label"):
        heard_chord_symbols(heard_with("H:maj"))


def test_both_sides_are_spelled_alike() -> None:
    plan = MusicPlan(chords=(("Ebmaj9", 0.0), ("Bb/D", 2.0), ("Cm", 4.0), ("Cm11", 6.0)))
    heard = heard_with("D#:maj7", "A#:maj/3", "C:min", "C:min7")
    assert plan_controls(plan).chords == heard_chord_symbols(heard) == ("D#maj7", "A#/D", "Cm", "Cm7")
    assert chord_symbols([]) == ()


def test_controls_of_a_plan_and_of_a_recording() -> None:
    plan = MusicPlan(bpm=120, key="C minor", beats=((0.0, 2), (0.5, 3), (1.0, 1)))
    assert plan_controls(plan) == Controls(bpm=120.0, key=("C", "minor"), positions=(1, 2, 3))
    assert plan_controls(MusicPlan(meter=2)) == Controls(positions=(1, 2))
    assert plan_controls(MusicPlan()) == Controls()
    heard = heard_with("C:maj")
    assert heard_controls(heard) == Controls(119.0, ("Eb", "major"), ("C",), (1, 2, 3))
    assert heard_controls(Heard(duration=8.0)) == Controls()


def test_a_recording_against_its_plan() -> None:
    plan = MusicPlan(bpm=105, meter=3, key="C minor", chords=(("Eb", 0.0), ("Fm7", 2.0), ("G", 4.0)))
    scores = control_adherence(plan, heard_with("D#:maj", "F:min", "G:maj"))
    assert scores == {
        **{"TB": 0.0, "TBT": 1.0},  # Moderato, heard Allegro
        **{"CK": 0.0, "CKD": 1.0, "CKD_published": 0.0},
        **{"PCM": 0.0, "ECM": pytest.approx(1 / 3), "CMO": pytest.approx(2 / 3), "CMOT": 1.0, "BM": 1.0},
    }


def test_what_cannot_be_measured_does_not_count() -> None:
    plan = MusicPlan(bpm=120, meter=3, key="Eb major", chords=(("C", 0.0),))
    assert control_adherence(plan, Heard(duration=8.0)) == dict.fromkeys(CONTROL_METRICS)
    beats_only = heard_with("C:maj", meter=None, beats=((0.0, 0), (0.5, 0)), counted=False)
    assert control_adherence(plan, beats_only) == dict.fromkeys(CONTROL_METRICS, 1.0) | {"BM": None}
    # An extractor that ran and found nothing is another matter.
    silent = Heard(duration=8.0, beats=(), beat_confidence=0.0, chords=(), key_confidence=0.0)
    assert control_adherence(plan, silent) == dict.fromkeys(CONTROL_METRICS, 0.0)
