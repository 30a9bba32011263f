"""Intervals, chance pairings and tables, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mustango_app.evaluation.bootstrap import derangement, interval, markdown, summarise, table


def test_equal_values_have_no_spread() -> None:
    assert interval([0.5, 0.5, 0.5]) == (0.5, 0.5, 0.5)
    assert interval([0.25]) == (0.25, 0.25, 0.25)


def test_interval_of_a_fair_coin() -> None:
    mean, low, high = interval([0.0, 1.0] * 50)
    assert mean == 0.5
    assert (low, high) == (pytest.approx(0.40, abs=0.02), pytest.approx(0.60, abs=0.02))  # 0.5 -+ 1.96 * 0.05


def test_copies_of_a_source_add_no_certainty() -> None:
    values = [0.0, 1.0] * 100
    copies = [value for value in values for _ in range(11)]
    groups = [f"source {i}" for i in range(200) for _ in range(11)]
    assert interval(copies, groups) == pytest.approx(interval(values))
    naive, clustered = interval(copies), interval(copies, groups)
    # The spread shrinks with the root of the number of independent values: sqrt(11) = 3.3.
    assert (clustered[2] - clustered[1]) / (naive[2] - naive[1]) == pytest.approx(11**0.5, rel=0.1)


def test_a_large_source_weighs_as_its_clips() -> None:
    mean, low, high = interval([1.0, 1.0, 1.0, 0.0], ["a", "a", "a", "b"])
    assert mean == 0.75
    assert (low, high) == (0.0, 1.0)  # a draw of a alone or b alone has 1 chance in 4 each


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30))
def test_the_interval_holds_the_mean_and_stays_among_the_values(values: list[float]) -> None:
    mean, low, high = interval(values)
    slack = 1e-9
    assert min(values) - slack <= low <= mean + 0.2 and mean - 0.2 <= high <= max(values) + slack
    assert low <= high
    assert interval(values) == (mean, low, high)


def test_interval_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="values: expected at least one, got none"):
        interval([])
    with pytest.raises(ValueError, match=r"groups: expected one a value \(2\), got 1"):
        interval([0.0, 1.0], ["a"])


def test_summary_counts_what_was_measured() -> None:
    scores = [{"beat_f": 1.0, "key": None}, {"beat_f": None, "key": None}, {"beat_f": 0.0}]
    summary = summarise(scores, ("beat_f", "key"), ["a", "b", "c"])
    assert summary["beat_f"] == {"mean": 0.5, "low": 0.0, "high": 1.0, "count": 2}
    assert summary["key"] is None
    assert summarise([], ("key",)) == {"key": None}


@given(st.lists(st.sampled_from("abcdef"), max_size=40), st.integers(0, 5))
def test_nobody_is_paired_with_their_own_source(groups: list[str], seed: int) -> None:
    partners = derangement(groups, seed)
    largest = max((groups.count(name) for name in groups), default=0)
    if not groups or 2 * largest > len(groups):
        assert partners is None
        return
    assert sorted(partners) == list(range(len(groups)))
    assert all(groups[i] != groups[partner] for i, partner in enumerate(partners))
    assert partners == derangement(groups, seed)


def test_the_seed_decides_the_pairing() -> None:
    groups = [str(i) for i in range(50)]
    drawn = np.array([derangement(groups, seed) for seed in range(20)])
    assert len(np.unique(drawn, axis=0)) == 20
    assert all((row != np.arange(50)).all() for row in drawn)


def test_table_by_hand() -> None:
    generated = {
        "key": {"mean": 0.5, "low": 0.25, "high": 0.75, "count": 4},
        "rolloff": {"mean": 4021.4, "low": 3000.0, "high": 5000.0, "count": 4},
        "fd": {"mean": 12.345, "count": 4},
    }
    assert table({"generated": generated, "chance": {"key": None}}, ("key", "rolloff", "fd"), "sound").splitlines() == [
        "| sound   |         generated | chance |",
        "| ------- | ----------------: | -----: |",
        "| key     | 0.50 [0.25, 0.75] |      - |",
        "| rolloff | 4021 [3000, 5000] |      - |",
        "| fd      |             12.35 |      - |",
    ]


def test_a_table_may_be_empty() -> None:
    assert markdown([["a", "b"]]) == "| a   |   b |\n| --- | --: |"
