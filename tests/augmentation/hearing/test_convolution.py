"""madmom's convolutional networks: replaced layers answer as madmom's own."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest

from augmentation.compose.composer import compose
from augmentation.compose.renderer import render
from augmentation.hearing.key import key_from_madmom
from augmentation.hearing.madmom.compat import load_madmom, signal
from augmentation.hearing.madmom.convolution import Convolution, replace_convolutions

if find_spec("madmom") is None:
    pytest.skip("madmom is optional: it needs a C compiler", allow_module_level=True)
load_madmom()
chords, keys, layers = map(import_module, ("madmom.features.chords", "madmom.features.key", "madmom.ml.nn.layers"))


@pytest.fixture(scope="module")
def recordings() -> dict[str, np.ndarray]:
    """Mono float32 at 44.1 kHz."""
    music = render(compose(7, duration=4.0), 44100).mean(axis=0)
    noise = 0.2 * np.random.default_rng(0).standard_normal(2 * 44100)
    return {"music": music.astype(np.float32), "noise": noise.astype(np.float32)}


def test_a_layer_by_hand() -> None:
    """Two channels of 2 x 3 values, one kernel of 1 x 2 each: a convolution turns the kernels round."""
    weights = np.array([[[[1.0, 10.0]]], [[[0.5, 0.0]]]], dtype=np.float32)  # (channels, features, frames, bins)
    bias = np.array([100.0], dtype=np.float32)
    layer = layers.ConvolutionalLayer(weights, bias, stride=1, pad="valid", activation_fn=layers.linear)
    data = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    first, second = data[..., 0], data[..., 1]
    by_hand = 100 + first[:, 1:] + 10 * first[:, :-1] + 0.5 * second[:, 1:]
    assert np.allclose(Convolution(layer).activate(data)[..., 0], by_hand)
    assert np.allclose(layer.activate(data)[..., 0], by_hand)


@pytest.mark.parametrize("name", ["music", "noise"])
def test_chord_features_are_madmoms_own(recordings: dict[str, np.ndarray], name: str) -> None:
    own, replaced = chords.CNNChordFeatureProcessor(), chords.CNNChordFeatureProcessor()
    replace_convolutions(lambda: [replaced.processors[5]])
    assert any(isinstance(layer, Convolution) for layer in replaced.processors[5].layers)
    expected, got = own(signal(recordings[name])), replaced(signal(recordings[name]))
    assert np.abs(expected - got).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("name", ["music", "noise"])
def test_keys_are_madmoms_own(recordings: dict[str, np.ndarray], name: str) -> None:
    expected = keys.key_prediction_to_label(keys.CNNKeyRecognitionProcessor()(signal(recordings[name])))
    assert key_from_madmom(recordings[name]) == expected


def test_layers_that_answer_differently_stay(caplog: pytest.LogCaptureFixture) -> None:
    processor = chords.CNNChordFeatureProcessor()
    network = processor.processors[5]
    first = next(layer for layer in network.layers if isinstance(layer, layers.ConvolutionalLayer))
    first.activate = lambda data, **_: np.zeros_like(data)
    replace_convolutions(lambda: [network])
    assert "got convolutional layers that answer differently" in caplog.text
    assert first in network.layers


def test_networks_that_are_elsewhere_are_named(caplog: pytest.LogCaptureFixture) -> None:
    replace_convolutions(lambda: [[][5]])
    assert "expected the networks of version 0.16.1, got list index out of range" in caplog.text
    replace_convolutions(lambda: [object()])
    assert "has no attribute 'layers'" in caplog.text


@pytest.mark.parametrize("seconds", [1.0, 1.4])
def test_a_clip_too_short_for_the_network_has_no_vote(recordings: dict[str, np.ndarray], seconds: float) -> None:
    assert key_from_madmom(recordings["music"][: round(seconds * 44100)]) is None
