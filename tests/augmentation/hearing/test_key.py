"""The key of chords, and the vote."""

from __future__ import annotations

import numpy as np
import pytest

from augmentation.hearing.backends import explain
from augmentation.hearing.key import (
    estimate_key,
    key_from_chords,
)

SILENT = np.zeros(0, np.float32)


def test_key_of_chords() -> None:
    cadence = [("D:min", 0.0, 1.0), ("G:min", 1.0, 2.0), ("A:7", 2.0, 3.0), ("D:min", 3.0, 5.0)]
    assert key_from_chords(SILENT, cadence) == "D minor"
    assert key_from_chords(SILENT, [("N", 0.0, 9.0)]) is None and key_from_chords(SILENT, []) is None
    unknown = [("C:(b2,4)", 0.0, 9.0), *cadence]  # a recogniser may know more chords than the plan
    assert key_from_chords(SILENT, unknown) == "D minor"
    assert key_from_chords(SILENT, [("Gb:min", 0.0, 2.0), ("B:maj", 2.0, 4.0)]) == "F# minor"


def test_vote() -> None:
    def says(key: str | None):
        return lambda samples, chords: key

    won = estimate_key(SILENT, (), {"a": says("C major"), "b": says("A minor"), "c": says("A minor")})
    assert (won.key, won.confidence) == ("A minor", pytest.approx(2 / 3))
    tie = estimate_key(SILENT, (), {"a": says("C major"), "b": says("A minor"), "c": says(None)})
    assert (tie.key, tie.confidence, dict(tie.votes)) == ("C major", 0.5, {"a": "C major", "b": "A minor"})


def test_vote_without_voters() -> None:
    error = ImportError("gone", name="madmom")

    def absent(samples: np.ndarray, chords: object) -> str:
        raise error

    nobody = estimate_key(SILENT, (), {"a": absent})
    assert (nobody.key, nobody.confidence) == (None, None)
    assert nobody.missing == (f"key by a: {explain(error)}",)
