"""The benchmark of notes that are followed, by sounds worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.parts_followed import BANDS, HOP, followed, spectrogram


def test_the_same_changes_are_followed_whatever_the_balance() -> None:
    rng = np.random.default_rng(0)
    one = rng.standard_normal((BANDS, 40))
    assert followed(one, one + np.arange(BANDS)[:, None]) == pytest.approx(1.0)
    assert followed(one, -one) == pytest.approx(-1.0)
    assert abs(followed(one, rng.standard_normal((BANDS, 50)))) < 0.1
    assert followed(one, np.zeros((BANDS, 40))) == 0.0


def test_a_tone_stands_in_its_band() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)[None].repeat(2, axis=0).astype(np.float32)
    found = spectrogram(tone)
    assert found.shape == (BANDS, 44100 // HOP + 1)
    assert found.mean(axis=1).argmax() < BANDS // 4
