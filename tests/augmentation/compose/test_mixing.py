from __future__ import annotations

import numpy as np
import pytest

from augmentation.compose.mixing import (
    PRODUCTIONS,
    ROOMS,
    STRIPS,
    Production,
    blend,
    process,
    production_of,
    strip_of,
)
from augmentation.compose.piece import Track
from augmentation.compose.styles import STYLES

RATE = 22050


def _noise(channels: int, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal((channels, RATE)).astype(np.float32)


def test_every_style_has_rooms_that_exist_and_every_production_a_style() -> None:
    assert all(set(production_of(style).rooms) <= set(ROOMS) for style in STYLES)
    assert all(any(word in style for style in STYLES) for word in PRODUCTIONS)
    assert production_of("classical piano") is PRODUCTIONS["classical"]
    assert production_of("a style of tomorrow") == Production()


def test_strips_go_by_family() -> None:
    assert strip_of(Track("drums", 0, True, ())) is STRIPS["drums"]
    assert strip_of(Track("cello", 42, False, ())) is STRIPS[40]
    assert strip_of(Track("distorted guitar", 30, False, ())) is STRIPS[30]
    assert strip_of(Track("telephone", 124, False, ())).send == 1.0


@pytest.mark.parametrize("channels", [1, 2])
def test_strips_keep_shape_and_time_and_are_the_same_again(channels: int) -> None:
    for seed in range(6):
        for strip in STRIPS.values():
            first, again = (process(_noise(channels), strip, np.random.default_rng(seed), RATE) for _ in range(2))
            assert first.shape == (channels, RATE) and first.dtype == np.float32
            assert np.isfinite(first).all() and np.array_equal(first, again)


def test_a_blend_moves_the_spectrum_towards_recordings() -> None:
    """White noise has far too much treble: the more likeness, the less of it."""
    shares = []
    for likeness in (0.0, 0.5, 1.0):
        production = Production(wet=(-60, -60), glue=1.0, tape=0.0, likeness=(likeness, likeness))
        out = blend(_noise(2), _noise(1)[0], production, np.random.default_rng(0), RATE)
        power = np.square(np.abs(np.fft.rfft(out))).sum(0)
        shares.append(power[5000:].sum() / power.sum())
    assert shares[0] > 1.3 * shares[1] > 1.5 * shares[2]


def test_a_room_adds_a_wide_tail_and_delays_nothing() -> None:
    click = np.zeros((2, RATE), np.float32)
    click[:, 2000] = 1
    production = Production(rooms=("hall",), wet=(-6, -6), glue=1.0, tape=0.0, likeness=(0, 0))
    out = blend(click, click[0], production, np.random.default_rng(1), RATE)
    assert np.argmax(np.abs(out[0])) == 2000 and np.abs(out[:, :1990]).max() < 1e-3
    tail = out[:, 4000:12000]
    assert np.square(tail).sum() > 0.01 and abs(np.corrcoef(tail)[0, 1]) < 0.3


def test_worn_tape_has_no_top() -> None:
    production = Production(wet=(-60, -60), glue=1.0, tape=0.0, likeness=(0, 0), top=2000)
    out = blend(_noise(2), _noise(1)[0], production, np.random.default_rng(0), RATE)
    power = np.square(np.abs(np.fft.rfft(out))).sum(0)
    assert power[8000:].mean() < 1e-3 * power[500:1500].mean()
