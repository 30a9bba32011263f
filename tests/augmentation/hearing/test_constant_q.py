"""librosa's constant-Q transforms with filters that are kept: librosa's own numbers, made once."""

from __future__ import annotations

import functools
import importlib
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from augmentation.hearing.constant_q import MAKES_FILTERS, fine_tuning, keep_filters, load_constant_q

if find_spec("librosa") is None:
    pytest.skip("librosa is optional", allow_module_level=True)
RATE = 22050


def chord(cents: float) -> np.ndarray:
    """Three seconds of C minor with overtones, `(samples,)` float32."""
    times = np.arange(3 * RATE) / RATE
    pitches = 440 * 2 ** ((np.array([-21, -9, -6, -2, 3]) + cents / 100) / 12)
    tones = [np.sin(2 * np.pi * pitch * harmonic * times) / harmonic for pitch in pitches for harmonic in (1, 2, 3)]
    return (0.1 * np.sum(tones, axis=0)).astype(np.float32)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What librosa's own maker of filters is asked for, while transforms keep what it makes."""
    load_constant_q()
    module = importlib.import_module("librosa.core.constantq")
    own, asked = own_maker(module), []

    @functools.wraps(own)
    def asked_for(*arguments: Any, **more: Any) -> Any:
        asked.append(arguments)
        return own(*arguments, **more)

    monkeypatch.setattr(module, MAKES_FILTERS, keep_filters(asked_for))
    return asked


def own_maker(module: Any) -> Any:
    """librosa's own maker of filters, below what wraps it."""
    maker = getattr(module, MAKES_FILTERS)
    while "sparsify" not in str(maker.__code__.co_names):
        maker = maker.__wrapped__
    return maker


@pytest.mark.parametrize("cents", [0, 23])
def test_the_transforms_are_librosas_own(calls: list[Any], monkeypatch: pytest.MonkeyPatch, cents: float) -> None:
    librosa, sound = load_constant_q(), chord(cents)

    def transformed() -> list[np.ndarray]:
        low = librosa.note_to_hz("F#0")
        return [
            librosa.hybrid_cqt(sound, sr=RATE, bins_per_octave=36, fmin=low, n_bins=288, tuning=None, hop_length=512),
            librosa.feature.chroma_cqt(y=sound, sr=RATE, hop_length=1024),
            librosa.vqt(sound, sr=RATE, gamma=20, n_bins=48),
        ]

    ours, again = transformed(), transformed()
    module = importlib.import_module("librosa.core.constantq")
    monkeypatch.setattr(module, MAKES_FILTERS, own_maker(module))
    for found, repeated, expected in zip(ours, again, transformed(), strict=True):
        assert np.array_equal(found, repeated)  # nobody has changed what is kept
        assert np.abs(found - expected).max() < 1e-6 * np.abs(expected).max()


def test_filters_are_made_once_for_all_octaves_and_recordings(calls: list[Any]) -> None:
    librosa = load_constant_q()
    librosa.cqt(chord(0), sr=RATE, n_bins=72, tuning=0.0)
    assert len(calls) == 1
    librosa.cqt(chord(30), sr=RATE, n_bins=72, tuning=0.0)
    assert len(calls) == 1
    librosa.cqt(chord(30), sr=RATE, n_bins=72, tuning=0.3)
    assert len(calls) == 2


def test_the_tuning_is_librosas() -> None:
    sound = chord(12)
    expected = load_constant_q().estimate_tuning(y=sound, sr=RATE, bins_per_octave=36)
    assert fine_tuning(sound, RATE) == expected == pytest.approx(0.36, abs=0.05)  # thirds of a semitone
