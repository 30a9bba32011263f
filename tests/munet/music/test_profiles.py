"""Tone profiles of keys."""

from __future__ import annotations

import pytest

from munet.music import Chord, Key
from munet.music.profiles import PROFILES, chord_tone_weights, match_profile


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("tonic", range(12))
def test_every_profile_recognises_itself(profile: str, mode: str, tonic: int) -> None:
    row = PROFILES[profile][mode == "minor"]
    weights = [3 * row[(tone - tonic) % 12] + 1 for tone in range(12)]
    assert match_profile(weights, profile) == Key.usual(tonic, mode)


@pytest.mark.parametrize("weights", [[1.0] * 12, list(range(11)), [float("nan")] * 12])
def test_weights_must_tell_something(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights: expected 12 finite numbers"):
        match_profile(weights, "temperley")


def test_chord_tones_are_weighted_by_time_and_the_root_counts_twice() -> None:
    weights = chord_tone_weights([(Chord("C"), 2.0), (Chord.none(), 1.0), (Chord.parse("Am7/C"), 1.0)])
    expected = [0.0] * 12
    expected[0], expected[4], expected[7] = 4 + 1, 2 + 1, 2 + 1
    expected[9] = 2
    assert weights == expected
