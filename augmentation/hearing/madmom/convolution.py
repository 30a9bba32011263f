"""madmom's convolutional networks with each layer as one matrix product: the same answers in a fraction of the time.

madmom convolves every pair of an input channel and a feature map by itself, tens of thousands of calls on tiny images.
Here the windows of all channels are laid out as rows and multiplied with all kernels at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from augmentation.hearing.madmom.compat import UnlikeMadmom

TOLERANCE = 1e-4  # of the largest output, between madmom's layer and this one: far above rounding


class Convolution:
    """Takes the place of one of madmom's `ConvolutionalLayer`: stride 1, only windows that lie inside the data."""

    def __init__(self, layer: Any) -> None:
        """Read the weights, `(channels, features, frames, bins)`, bias and activation function of madmom's layer."""
        self._kernels = np.ascontiguousarray(layer.weights[:, :, ::-1, ::-1])  # a convolution reads them backwards
        self._bias, self._activation = layer.bias, layer.activation_fn

    def activate(self, data: np.ndarray, **_: object) -> np.ndarray:
        """Output `(frames - k + 1, bins - l + 1, features)` for `(frames, bins[, channels])` and kernels k by l.

        Raises:
            ValueError: the data are smaller than the kernels, as those of a clip of a second become by pooling.
        """
        data = data if data.ndim == 3 else data[..., None]
        windows = np.lib.stride_tricks.sliding_window_view(data, self._kernels.shape[2:], axis=(0, 1))
        return self._activation(np.tensordot(windows, self._kernels, axes=((2, 3, 4), (0, 2, 3))) + self._bias)


def replace_convolutions(networks: Callable[[], Iterable[Any]]) -> None:
    """Replace the convolutional layers of madmom's `NeuralNetwork` objects, in place.

    Where they are not found, or the first layer of one answers differently from its replacement (another version of
    madmom), they are left as they are, slow and right, and the reason is logged.

    Args:
        networks: finds them inside a processor.
    """
    try:
        for network in networks():
            _replace(network)
    except (AttributeError, LookupError, TypeError, ValueError, UnlikeMadmom) as reason:
        logging.getLogger(__name__).warning(
            "madmom runs at its own, slower pace: expected the networks of version 0.16.1, got %s", reason
        )


def _replace(network: Any) -> None:
    from madmom.ml.nn.layers import ConvolutionalLayer

    found = [layer for layer in network.layers if isinstance(layer, ConvolutionalLayer)]
    layer = found[0]
    channels, _, frames, bins = layer.weights.shape
    probe = np.random.default_rng(0).standard_normal((frames + 4, bins + 6, channels)).astype(np.float32)
    expected, got = layer.activate(probe), Convolution(layer).activate(probe)
    if expected.shape != got.shape or not np.abs(expected - got).max() <= TOLERANCE * np.abs(expected).max():
        raise UnlikeMadmom("convolutional layers that answer differently")
    network.layers = [Convolution(layer) if layer in found else layer for layer in network.layers]
