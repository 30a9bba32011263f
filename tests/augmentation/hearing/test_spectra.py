"""Fourier transforms of many frames against madmom's own."""

from __future__ import annotations

import importlib
from importlib.util import find_spec

import numpy as np
import pytest

from augmentation.hearing.madmom.compat import load_madmom, signal
from augmentation.hearing.madmom.spectra import FRAMES_AT_ONCE, at_once

pytestmark = pytest.mark.skipif(find_spec("madmom") is None, reason="madmom is optional: it needs a C compiler")


@pytest.mark.parametrize("size", [1024, 4096])
def test_the_spectra_are_madmom_s_own(size: int) -> None:
    load_madmom()
    own = importlib.import_module("madmom.audio.stft").stft.__wrapped__
    framed = importlib.import_module("madmom.audio.signal").FramedSignal
    frames = framed(signal(np.random.default_rng(0).standard_normal(90000)), frame_size=size, hop_size=441)
    assert len(frames) > FRAMES_AT_ONCE
    window = np.hanning(size)
    for options in ({}, {"include_nyquist": True}, {"circular_shift": True}, {"fft_size": 2 * size}):
        theirs, ours = own(frames, window, **options), at_once(own)(frames, window, **options)
        assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs), options
